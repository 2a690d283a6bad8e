//! Requests about extensions that are there: their order and their configuration.
//!
//! Extensions are kept in the order in which they are enabled, and the plane puts the newest of a role first: the stored
//! order within a role is the ingress order backwards.

use super::ledger::Part;
use super::{Inner, lock};
use crate::control::model::{
    ConfigChange, ExtensionConfig, ExtensionId, ExtensionOrder, ExtensionSettings, ExtensionView, InvalidValue,
    SwitchName,
};
use crate::control::plane::ControlResult;
use crate::state::record::ExtensionRecord;
use crate::state::store::Edit;

impl Inner {
    pub(super) fn order_extensions(
        &self,
        switch: &SwitchName,
        order: &ExtensionOrder,
    ) -> ControlResult<Vec<ExtensionView>> {
        let mut store = self.turn(switch);
        let stack = self.plane.extensions(Some(switch))?;
        let is_named = |view: &&ExtensionView| order.iter().any(|id| id.as_str() == view.id);
        let before = stack.iter().filter(is_named).map(|view| ExtensionId::new(&view.id)).collect::<Result<_, _>>()?;
        let views = self.plane.order_extensions(switch, order)?;
        let parts: Vec<Part<ExtensionRecord>> = {
            let ledger = lock(&self.ledger);
            let kept = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            order.iter().filter_map(|id| kept.iter().find(|part| part.key == id.as_str()).cloned()).collect()
        };
        let mut places: Vec<u32> = parts.iter().map(|part| part.order).collect();
        places.sort_unstable();
        // Parts are in ingress order; the last of them is enabled first.
        let moved: Vec<Part<ExtensionRecord>> =
            parts.into_iter().rev().zip(places).map(|(part, order)| Part { order, ..part }).collect();
        let edits: Vec<Edit<'_>> =
            moved.iter().map(|part| Edit::PutExtension(switch, part.order, &part.key, &part.record)).collect();
        self.keep(&mut store, &edits, || self.plane.order_extensions(switch, &ExtensionOrder::new(before)?).map(drop))?;
        drop(edits);
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            for part in moved {
                super::ledger::put(&mut kept.extensions, part);
            }
            kept.extensions.sort_by_key(|part| part.order);
        }
        Ok(views)
    }

    pub(super) fn configure_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings> {
        let mut store = self.turn(switch);
        let part = {
            let ledger = lock(&self.ledger);
            let kept = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            kept.iter().find(|part| part.key == extension.as_str()).cloned()
        };
        let Some(part) = part else { return self.plane.configure_extension(switch, extension, change) };
        let before = part.record.configuration()?;
        let after = change.apply(&before)?;
        let changed = ExtensionRecord::of(&part.record.reference()?, extension.clone(), &after);
        let ExtensionRecord { former, on_probation, role, sha256, former_sha256, .. } = part.record.clone();
        let record = ExtensionRecord { former, on_probation, role, sha256, former_sha256, ..changed };
        let settings = self.plane.configure_extension(switch, extension, change)?;
        let back = back(&before, change);
        self.keep(&mut store, &[Edit::PutExtension(switch, part.order, &part.key, &record)], || {
            self.plane.configure_extension(switch, extension, &back?).map(drop)
        })?;
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            super::ledger::put(&mut kept.extensions, Part { record, ..part });
        }
        Ok(settings)
    }
}

/// The change that undoes a change.
fn back(before: &ExtensionConfig, change: &ConfigChange) -> Result<ConfigChange, InvalidValue> {
    let keys: Vec<&str> = change.set().map(|(key, _)| key).chain(change.unset()).collect();
    let set = keys.iter().filter_map(|key| Some(((*key).to_owned(), before.get(key)?.to_owned()))).collect();
    let unset = keys.iter().filter(|key| before.get(key).is_none()).map(|key| (*key).to_owned()).collect();
    ConfigChange::with_policy(set, unset, change.fail_policy().map(|_| before.fail_policy()))
}
