//! Groups of ports that forwarding extensions of one switch made. At most 1,024; each belongs to its instance.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::snapshot::GROUPS_MAX;

use super::lock;

/// Groups of ports made by forwarding extensions of one switch.
#[derive(Default)]
pub struct Groups {
    table: Mutex<Vec<Option<Group>>>,
    changed: AtomicBool,
}

struct Group {
    owner: u32,
    ports: Arc<[PortId]>,
}

impl Groups {
    pub(crate) fn create(&self, owner: u32, ports: Vec<PortId>) -> Option<u32> {
        let mut table = lock(&self.table);
        let at = table.iter().position(Option::is_none).unwrap_or(table.len());
        if at >= GROUPS_MAX {
            return None;
        }
        let group = Some(Group { owner, ports: ports.into() });
        match table.get_mut(at) {
            Some(place) => *place = group,
            None => table.push(group),
        }
        self.changed.store(true, Ordering::Release);
        u32::try_from(at).ok()
    }

    pub(crate) fn update(&self, owner: u32, group: u32, ports: Vec<PortId>) -> bool {
        let mut table = lock(&self.table);
        let place = table.get_mut(group as usize).and_then(Option::as_mut).filter(|group| group.owner == owner);
        let Some(group) = place else { return false };
        group.ports = ports.into();
        self.changed.store(true, Ordering::Release);
        true
    }

    /// Ends all groups of an instance.
    pub fn remove_of(&self, owner: u32) {
        for place in lock(&self.table).iter_mut() {
            if place.as_ref().is_some_and(|group| group.owner == owner) {
                *place = None;
                self.changed.store(true, Ordering::Release);
            }
        }
    }

    /// The table for a snapshot.
    pub fn for_snapshot(&self) -> Vec<Option<Arc<[PortId]>>> {
        self.changed.store(false, Ordering::Release);
        lock(&self.table).iter().map(|place| place.as_ref().map(|group| Arc::clone(&group.ports))).collect()
    }

    /// Whether a group changed since the last snapshot.
    pub fn have_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }
}
