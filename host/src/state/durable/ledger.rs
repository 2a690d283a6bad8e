//! The ledger: what is desired, in memory, and what of it the plane does not have.
//!
//! It holds what the store holds and changes only after it. Each part knows why it is absent, or `None` when the plane has
//! it.

use std::collections::BTreeMap;

use crate::control::model::SwitchName;
use crate::state::record::{ExtensionRecord, PortRecord, SwitchRecord};
use crate::state::store::StoredSwitch;

/// A desired port or extension.
#[derive(Debug, Clone)]
pub(super) struct Part<T> {
    /// The name it is kept under.
    pub(super) key: String,
    /// Its place in the order of its switch.
    pub(super) order: u32,
    /// What is desired.
    pub(super) record: T,
    /// Why the plane does not have it.
    pub(super) absent: Option<String>,
}

/// A desired switch.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The switch alone.
    pub(super) record: SwitchRecord,
    /// Why the plane does not have it.
    pub(super) absent: Option<String>,
    /// Its ports, in order.
    pub(super) ports: Vec<Part<PortRecord>>,
    /// Its extensions, in order.
    pub(super) extensions: Vec<Part<ExtensionRecord>>,
}

/// Everything desired.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) switches: BTreeMap<SwitchName, Kept>,
}

/// The part kept under a name.
pub(super) fn find<'a, T>(parts: &'a [Part<T>], key: &str) -> Option<&'a Part<T>> {
    parts.iter().find(|part| part.key == key)
}

/// The next place in the order.
pub(super) fn next_order<T>(parts: &[Part<T>]) -> u32 {
    parts.iter().map(|part| part.order.saturating_add(1)).max().unwrap_or(0)
}

/// Keeps a part, in the place of the one of its name or at the end.
pub(super) fn put<T>(parts: &mut Vec<Part<T>>, part: Part<T>) {
    match parts.iter_mut().find(|known| known.key == part.key) {
        Some(known) => *known = part,
        None => parts.push(part),
    }
}

impl Ledger {
    /// The ledger of what is stored; nothing of it is there yet.
    pub(super) fn new(stored: Vec<StoredSwitch>) -> Self {
        let absent = || Some("it is being restored".to_owned());
        let keep = |one: StoredSwitch| {
            let port = |(order, record): (u32, PortRecord)| Part {
                key: record.name.to_string(),
                order,
                record,
                absent: absent(),
            };
            let extension = |((order, record), key): ((u32, ExtensionRecord), String)| Part {
                key,
                order,
                record,
                absent: absent(),
            };
            let kept = Kept {
                absent: absent(),
                ports: one.ports.into_iter().map(port).collect(),
                extensions: one.extensions.into_iter().map(extension).collect(),
                record: one.switch,
            };
            (kept.record.name.clone(), kept)
        };
        Self { switches: stored.into_iter().map(keep).collect() }
    }

    /// A desired port.
    pub(super) fn port(&self, switch: &SwitchName, key: &str) -> Option<&Part<PortRecord>> {
        find(&self.switches.get(switch)?.ports, key)
    }

    /// The place a new or known port has.
    pub(super) fn port_order(&self, switch: &SwitchName, key: &str) -> u32 {
        let Some(kept) = self.switches.get(switch) else { return 0 };
        find(&kept.ports, key).map_or_else(|| next_order(&kept.ports), |part| part.order)
    }

    /// The place a new or known extension has.
    pub(super) fn extension_order(&self, switch: &SwitchName, key: &str) -> u32 {
        let Some(kept) = self.switches.get(switch) else { return 0 };
        find(&kept.extensions, key).map_or_else(|| next_order(&kept.extensions), |part| part.order)
    }

    /// Whether anything is absent.
    pub(super) fn lacks_something(&self) -> bool {
        self.switches.values().any(|kept| {
            kept.absent.is_some()
                || kept.ports.iter().any(|part| part.absent.is_some())
                || kept.extensions.iter().any(|part| part.absent.is_some())
        })
    }
}
