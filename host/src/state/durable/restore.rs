//! Bringing the desired state back: at start, and again and again for what is absent.
//!
//! Order: a switch, then its extensions in their order, then its ports. Extensions come before ports so that no frame
//! passes a switch without the filters its operator put there. What fails stays desired, with the reason. It
//! stops nothing else, except that ports which fail closed wait for their extensions (`held`).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ledger::{Kept, Part};
use super::turn::Turn;
use super::{Inner, RETRY, lock};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionId, PortSpec, SwitchName};
use crate::control::plane::ControlResult;
use crate::state::record::{ExtensionRecord, PortRecord};
use crate::state::store::Edit;

/// Pause between two attempts at an extension, which read and judge its file.
const EXTENSION_RETRY: Duration = Duration::from_secs(2);

impl Inner {
    /// Brings back what the plane can be made to have.
    pub(super) fn restore(&self) {
        let start = Instant::now();
        self.return_from_probation();
        let kept: Vec<Kept> = lock(&self.ledger).switches.values().cloned().collect();
        if kept.is_empty() {
            return;
        }
        for one in &kept {
            self.bring_switch(&mut self.turn(&one.record.name), one, true);
        }
        let ports: usize = kept.iter().map(|one| one.ports.len()).sum();
        let extensions: usize = kept.iter().map(|one| one.extensions.len()).sum();
        let ms = start.elapsed().as_millis();
        tracing::info!(switches = kept.len(), ports, extensions, ms, state = %self.path.display(), "the stored state is restored");
    }

    /// Tries what is absent until heddled ends.
    pub(super) fn keep_trying(&self) {
        let mut extensions_at = Instant::now() + EXTENSION_RETRY;
        let mut renames = 0;
        while !self.stopping.load(Ordering::Acquire) {
            std::thread::park_timeout(RETRY);
            if self.stopping.load(Ordering::Acquire) {
                continue;
            }
            self.follow_probations();
            self.keep_quarantines();
            // Asked before the names are: a device renamed meanwhile is looked at again.
            let now = self.plane.renames();
            if now != renames && self.follow_names() {
                renames = now;
            }
            if !lock(&self.ledger).lacks_something() {
                continue;
            }
            let with_extensions = Instant::now() >= extensions_at;
            if with_extensions {
                extensions_at = Instant::now() + EXTENSION_RETRY;
            }
            let names: Vec<SwitchName> = lock(&self.ledger).switches.keys().cloned().collect();
            for name in names {
                // One switch at a time, so that operators are not kept waiting by all of them.
                let mut store = self.turn(&name);
                let kept = lock(&self.ledger).switches.get(&name).cloned();
                if let Some(kept) = kept {
                    self.bring_switch(&mut store, &kept, with_extensions);
                }
            }
        }
    }

    /// A switch with whatever of it is absent.
    fn bring_switch(&self, store: &mut Turn<'_>, kept: &Kept, with_extensions: bool) {
        let name = &kept.record.name;
        if kept.absent.is_some() {
            let made = self.plane.create_switch(kept.record.spec());
            // Before extensions and ports: what is put is offered as they come.
            let loaded = made.and_then(|_| self.plane.load_policies(name, kept.record.policy_specs()));
            let outcome = loaded.err();
            let absent = note(&format!("switch '{name}'"), kept.absent.as_deref(), outcome);
            if let Some(kept) = lock(&self.ledger).switches.get_mut(name) {
                kept.absent.clone_from(&absent);
            }
            if absent.is_some() {
                self.note_parts(kept);
                return;
            }
        }
        for part in kept.extensions.iter().filter(|part| part.absent.is_some() && with_extensions) {
            self.bring_extension(store, name, part);
        }
        let absent: Vec<&Part<PortRecord>> = kept.ports.iter().filter(|part| part.absent.is_some()).collect();
        self.bring_ports(name, &absent);
    }

    /// Parts of an absent switch wait for it.
    fn note_parts(&self, kept: &Kept) {
        let name = &kept.record.name;
        let reason = Some(format!("waits for switch '{name}', which is not running"));
        if let Some(kept) = lock(&self.ledger).switches.get_mut(name) {
            kept.ports.iter_mut().for_each(|part| part.absent.clone_from(&reason));
            kept.extensions.iter_mut().for_each(|part| part.absent.clone_from(&reason));
        }
    }

    /// Ports that are absent, together: frames that waited in one device find the other ports there.
    pub(super) fn bring_ports(&self, switch: &SwitchName, parts: &[&Part<PortRecord>]) {
        if parts.is_empty() {
            return;
        }
        let spec = |part: &&Part<PortRecord>| {
            let PortRecord { name, fail_policy, .. } = &part.record;
            let hold = lock(&self.ledger).hold(switch, name, *fail_policy);
            hold.map_or_else(|| Ok(PortSpec::from_record(&part.record)?), Err)
        };
        let specs: Vec<ControlResult<PortSpec>> = parts.iter().map(spec).collect();
        let whole = specs.iter().flatten().cloned().collect();
        let mut answers = self.plane.add_ports(switch, whole).into_iter();
        for (part, spec) in parts.iter().zip(specs) {
            let outcome = match spec {
                Ok(_) => answers.next().and_then(Result::err),
                Err(error) => Some(error),
            };
            let absent = note(&format!("port '{}' of switch '{switch}'", part.key), part.absent.as_deref(), outcome);
            if let Some(kept) = lock(&self.ledger).switches.get_mut(switch)
                && let Some(known) = kept.ports.iter_mut().find(|known| known.key == part.key)
            {
                known.absent = absent;
            }
        }
    }

    /// Tries an extension at once that may run again.
    pub(super) fn bring_back(&self, switch: &SwitchName, id: &ExtensionId) {
        let mut store = self.turn(switch);
        let absent = {
            let ledger = lock(&self.ledger);
            let parts = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            let is_it =
                |part: &&Part<ExtensionRecord>| part.key == id.as_str() || part.record.shown_id() == id.as_str();
            parts.iter().filter(|part| part.absent.is_some()).find(is_it).cloned()
        };
        if let Some(part) = absent {
            self.bring_extension(&mut store, switch, &part);
        }
    }

    /// An extension that is absent.
    fn bring_extension(&self, store: &mut Turn<'_>, switch: &SwitchName, part: &Part<ExtensionRecord>) {
        let attempt = || {
            let (reference, config) = (part.record.reference()?, part.record.configuration()?);
            self.plane.enable_extension(switch, &reference, config)
        };
        let (known, outcome) = match attempt() {
            Ok(view) => (ExtensionId::new(&view.id).ok().map(|id| (id, view.role)), None),
            Err(error) => {
                let reference = part.record.reference().ok();
                (reference.and_then(|reference| self.plane.identify(&reference)), Some(error))
            }
        };
        let runs = outcome.is_none();
        let is_now = known.as_ref().filter(|_| runs).and_then(|(id, _)| self.plane.fingerprint(switch, id));
        let what = format!("extension '{}' of switch '{switch}'", part.record.shown_id());
        let absent = note(&what, part.absent.as_deref(), outcome);
        let mut now = Part { absent, ..part.clone() };
        if let Some((id, role)) = known {
            // Its library has said who it is: it is kept under that name from the time it runs.
            if runs {
                now.key = id.to_string();
            }
            (now.record.id, now.record.role) = (Some(id), Some(role));
        }
        if let Some(is_now) = is_now {
            tell_change(&what, now.record.sha256.as_deref(), &is_now);
            now.record.sha256 = Some(is_now);
        }
        if now.key != part.key || now.record != part.record {
            let edits =
                [Edit::DropExtension(switch, &part.key), Edit::PutExtension(switch, now.order, &now.key, &now.record)];
            if let Err(error) = store.commit(&edits) {
                // It stays as it was; the next start asks again.
                tracing::warn!(%error, "what a restored extension is, is not stored");
                (now.key, now.record) = (part.key.clone(), part.record.clone());
            }
        }
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch)
            && let Some(known) = kept.extensions.iter_mut().find(|known| known.key == part.key)
        {
            *known = now;
        }
    }
}

/// An installed extension follows what is installed; that it is another file is said.
fn tell_change(what: &str, was: Option<&str>, is: &str) {
    if let Some(was) = was.filter(|was| *was != is) {
        tracing::warn!(was, is, "{what} is restored from another file than it was enabled from");
    }
}

/// Logs what is new about a part and gives the reason to show.
fn note(what: &str, before: Option<&str>, outcome: Option<ControlError>) -> Option<String> {
    let reason = outcome?.to_string();
    if before != Some(reason.as_str()) {
        tracing::warn!("{what} is not restored and is tried again: {reason}");
    }
    Some(reason)
}
