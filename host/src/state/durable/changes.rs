//! Requests that change something: carried out, stored, undone when they cannot be stored.

use super::ledger::{self, Kept, Part};
use super::turn::Turn;
use super::{Inner, lock};
use crate::control::error::ControlError;
use crate::control::model::{
    ExtensionConfig, ExtensionId, ExtensionRef, ExtensionView, PortChange, PortName, PortSpec, PortView, SwitchName,
    SwitchSpec, SwitchView,
};
use crate::control::plane::ControlResult;
use crate::state::record::{ExtensionRecord, SwitchRecord};
use crate::state::store::{Edit, StoreError};

impl Inner {
    /// Stores, or undoes what was carried out and says why.
    pub(super) fn keep(
        &self,
        store: &mut Turn<'_>,
        edits: &[Edit<'_>],
        undo: impl FnOnce() -> ControlResult<()>,
    ) -> ControlResult<()> {
        let Err(error) = store.commit(edits) else { return Ok(()) };
        tracing::error!(%error, "a change could not be stored and is undone");
        match undo() {
            Ok(()) => Err(not_stored(&error)),
            Err(failed) => {
                tracing::error!(%failed, "the change could not be undone either");
                Err(ControlError::Internal {
                    what: "undoing a change that could not be stored".to_owned(),
                    reason: format!("{failed} (not stored because: {error})"),
                })
            }
        }
    }

    /// Puts back what the plane then refused to let go.
    pub(super) fn put_back(&self, store: &mut Turn<'_>, edits: &[Edit<'_>]) {
        if let Err(error) = store.commit(edits) {
            tracing::error!(%error, "what the data plane refused to remove is missing in the stored state");
        }
    }

    pub(super) fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView> {
        let mut store = self.turn(spec.name());
        if lock(&self.ledger).switches.contains_key(spec.name()) {
            return Err(ControlError::SwitchExists { name: spec.name().clone() });
        }
        let record = SwitchRecord::of(&spec);
        let view = self.plane.create_switch(spec)?;
        self.keep(&mut store, &[Edit::PutSwitch(&record)], || self.plane.delete_switch(&record.name))?;
        let name = record.name.clone();
        let kept = Kept { record, absent: None, ports: Vec::new(), extensions: Vec::new() };
        lock(&self.ledger).switches.insert(name, kept);
        Ok(view)
    }

    pub(super) fn delete_switch(&self, switch: &SwitchName) -> ControlResult<()> {
        let mut store = self.turn(switch);
        let Some(kept) = lock(&self.ledger).switches.get(switch).cloned() else {
            return self.plane.delete_switch(switch);
        };
        store.commit(&[Edit::DropSwitch(switch)]).map_err(|error| not_stored(&error))?;
        if kept.absent.is_none()
            && let Err(error) = self.plane.delete_switch(switch)
        {
            let mut edits = vec![Edit::PutSwitch(&kept.record)];
            edits.extend(kept.ports.iter().map(|part| Edit::PutPort(switch, part.order, &part.record)));
            let extension = |part| {
                let Part { key, order, record, .. }: &Part<ExtensionRecord> = part;
                Edit::PutExtension(switch, *order, key, record)
            };
            edits.extend(kept.extensions.iter().map(extension));
            self.put_back(&mut store, &edits);
            return Err(error);
        }
        lock(&self.ledger).switches.remove(switch);
        Ok(())
    }

    pub(super) fn add_port(&self, switch: &SwitchName, spec: PortSpec) -> ControlResult<PortView> {
        let mut store = self.turn(switch);
        let order = {
            let ledger = lock(&self.ledger);
            if ledger.port(switch, spec.name().as_str()).is_some() {
                return Err(ControlError::PortExists { switch: switch.clone(), port: spec.name().clone() });
            }
            self.refuse_absent(&ledger, switch)?;
            ledger.hold(switch, spec.name(), spec.settings().fail_policy()).map_or(Ok(()), Err)?;
            ledger.port_order(switch, spec.name().as_str())
        };
        let view = self.plane.add_port(switch, spec.clone())?;
        let record = spec.on_device(view.device.as_deref()).record();
        self.keep(&mut store, &[Edit::PutPort(switch, order, &record)], || {
            self.plane.remove_port(switch, &record.name)
        })?;
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            let key = record.name.to_string();
            ledger::put(&mut kept.ports, Part { key, order, record, absent: None });
        }
        Ok(view)
    }

    pub(super) fn set_port(&self, switch: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView> {
        let mut store = self.turn(switch);
        let Some(part) = lock(&self.ledger).port(switch, port.as_str()).cloned() else {
            return self.plane.set_port(switch, port, change);
        };
        let before = PortSpec::from_record(&part.record)?;
        let after = before.changed(&change)?;
        let record = after.record();
        if part.absent.is_some() {
            store.commit(&[Edit::PutPort(switch, part.order, &record)]).map_err(|error| not_stored(&error))?;
            let part = Part { record, ..part };
            self.remember_port(switch, part.clone());
            self.bring_ports(switch, &[&part]);
            return self.port_as_it_is(switch, port);
        }
        let view = self.plane.set_port(switch, port, change)?;
        self.keep(&mut store, &[Edit::PutPort(switch, part.order, &record)], || {
            self.plane.set_port(switch, port, before.settings_as_change()).map(drop)
        })?;
        self.withhold(switch, Part { record, ..part }, view)
    }

    pub(super) fn remove_port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<()> {
        let mut store = self.turn(switch);
        let Some(part) = lock(&self.ledger).port(switch, port.as_str()).cloned() else {
            return self.plane.remove_port(switch, port);
        };
        let before = lock(&self.ledger).switches.get(switch).map(|kept| kept.record.clone());
        let before = before.ok_or_else(|| ControlError::NoSuchSwitch { name: switch.to_string(), nearest: None })?;
        // Its policies go with it.
        let after = super::policies::without_port(&before, port);
        let edits = [Edit::DropPort(switch, port.as_str()), Edit::PutSwitch(&after)];
        store.commit(&edits).map_err(|error| not_stored(&error))?;
        if part.absent.is_none()
            && let Err(error) = self.plane.remove_port(switch, port)
        {
            self.put_back(&mut store, &[Edit::PutPort(switch, part.order, &part.record), Edit::PutSwitch(&before)]);
            return Err(error);
        }
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            kept.record = after;
            kept.ports.retain(|known| known.key != part.key);
        }
        Ok(())
    }

    pub(super) fn enable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView> {
        let mut store = self.turn(switch);
        self.refuse_absent(&lock(&self.ledger), switch)?;
        let view = self.plane.enable_extension(switch, extension, config.clone())?;
        let id = ExtensionId::new(&view.id)?;
        let role = Some(view.role);
        let sha256 = self.plane.fingerprint(switch, &id);
        let record = ExtensionRecord { role, sha256, ..ExtensionRecord::of(extension, id.clone(), &config) };
        // One that was absent under the path it is enabled by now has its identifier from here on.
        let former: Vec<String> = {
            let ledger = lock(&self.ledger);
            let parts = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            let same = |part: &&Part<ExtensionRecord>| part.key != view.id && part.record.extension == record.extension;
            parts.iter().filter(same).map(|part| part.key.clone()).collect()
        };
        let order = lock(&self.ledger).extension_order(switch, &view.id);
        let mut edits: Vec<Edit<'_>> = former.iter().map(|key| Edit::DropExtension(switch, key)).collect();
        edits.push(Edit::PutExtension(switch, order, &view.id, &record));
        self.keep(&mut store, &edits, || self.plane.disable_extension(switch, &id).map(drop))?;
        drop(edits);
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            kept.extensions.retain(|part| !former.contains(&part.key));
            ledger::put(&mut kept.extensions, Part { key: view.id.clone(), order, record, absent: None });
        }
        self.bring_held(switch);
        Ok(view)
    }

    pub(super) fn disable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
    ) -> ControlResult<ExtensionView> {
        let mut store = self.turn(switch);
        let found = {
            let ledger = lock(&self.ledger);
            let parts = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            let named = |part: &&Part<ExtensionRecord>| {
                part.key == extension.as_str() || part.record.shown_id() == extension.as_str()
            };
            parts.iter().find(named).cloned()
        };
        let Some(part) = found else { return self.plane.disable_extension(switch, extension) };
        let absent = lock(&self.ledger).absent_extension(switch, &part.key);
        store.commit(&[Edit::DropExtension(switch, &part.key)]).map_err(|error| not_stored(&error))?;
        let answer = match absent {
            Some(view) => Ok(ExtensionView { enabled: false, last_error: None, ..view }),
            None => self.plane.disable_extension(switch, extension),
        };
        if answer.is_err() {
            self.put_back(&mut store, &[Edit::PutExtension(switch, part.order, &part.key, &part.record)]);
            return answer;
        }
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            kept.extensions.retain(|known| known.key != part.key);
        }
        self.bring_held(switch);
        answer
    }

    /// A switch that is absent takes no new parts: whether they fit would be a guess.
    fn refuse_absent(&self, ledger: &super::Ledger, switch: &SwitchName) -> ControlResult<()> {
        match ledger.switches.get(switch).and_then(|kept| kept.absent.clone()) {
            None => Ok(()),
            Some(reason) => Err(ControlError::Refused {
                thing: format!("switch '{switch}'"),
                reason: format!("is not running: {reason}"),
                fix: "remove the cause, or delete the switch".to_owned(),
            }),
        }
    }

    pub(super) fn remember_port(&self, switch: &SwitchName, part: Part<crate::state::record::PortRecord>) {
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            ledger::put(&mut kept.ports, part);
        }
    }

    pub(super) fn port_as_it_is(&self, switch: &SwitchName, port: &PortName) -> ControlResult<PortView> {
        let found = self.plane.port(switch, port);
        found.or_else(|error| lock(&self.ledger).absent_port(switch, port.as_str()).ok_or(error))
    }
}

/// What a client is told when a change could not be stored.
pub(super) fn not_stored(error: &StoreError) -> ControlError {
    ControlError::NotStored { reason: error.to_string(), class: error.class() }
}
