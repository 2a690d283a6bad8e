//! References of extensions to ports and NICs, which delay their deletion.
//!
//! A port may be referenced from its creation until its teardown, a NIC while it is connected (model 2.4). The control
//! side waits a bounded time for what is not given back; then it is void: port ids are never used twice, so a reference
//! kept by mistake names nothing, never another port.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use heddle_switch_core::port_id::PortId;

use super::lock;

/// References of one instance at a time.
pub const REFERENCES_MAX: u64 = 65_536;

/// What is referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referent {
    /// The NIC with this index.
    Nic(u8),
    /// The port itself.
    Port,
}

impl Referent {
    fn is_nic(self) -> bool {
        matches!(self, Referent::Nic(_))
    }
}

/// Why a reference is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceRefused {
    /// The state of the port or NIC does not allow it.
    State,
    /// There is no such port.
    Gone,
    /// The instance has too many.
    Full,
}

/// References to the ports of one switch.
#[derive(Default)]
pub struct References {
    table: Mutex<Table>,
    given_back: Condvar,
}

#[derive(Default)]
struct Table {
    /// Whether port and NIC may be referenced.
    states: BTreeMap<PortId, [bool; 2]>,
    taken: BTreeMap<(PortId, Referent, u32), u64>,
}

impl References {
    /// Notes what may be referenced of a port from now on.
    pub fn allow(&self, port: PortId, itself: bool, nic: bool) {
        lock(&self.table).states.insert(port, [itself, nic]);
    }

    /// The port is gone.
    pub fn forget(&self, port: PortId) {
        lock(&self.table).states.remove(&port);
    }

    /// Takes a reference for an instance.
    pub fn take(&self, instance: u32, port: PortId, to: Referent) -> Result<(), ReferenceRefused> {
        let mut table = lock(&self.table);
        let Some([itself, nic]) = table.states.get(&port).copied() else { return Err(ReferenceRefused::Gone) };
        if !(if to.is_nic() { nic } else { itself }) {
            return Err(ReferenceRefused::State);
        }
        if table.of(instance) >= REFERENCES_MAX {
            return Err(ReferenceRefused::Full);
        }
        *table.taken.entry((port, to, instance)).or_default() += 1;
        Ok(())
    }

    /// Gives one back; false when the instance has none.
    pub fn give_back(&self, instance: u32, port: PortId, to: Referent) -> bool {
        let mut table = lock(&self.table);
        let key = (port, to, instance);
        match table.taken.get_mut(&key) {
            None => return false,
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                table.taken.remove(&key);
                self.given_back.notify_all();
            }
        }
        true
    }

    /// Waits until nobody refers to the port's NICs (or to the port), at most until `deadline`; whether that came true.
    pub fn wait(&self, port: PortId, nics: bool, deadline: Instant) -> bool {
        let mut table = lock(&self.table);
        while table.of_port(port, nics).next().is_some() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            table = self.given_back.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Makes references to the port's NICs (or to the port) void; gives them by instance.
    pub fn void(&self, port: PortId, nics: bool) -> Vec<(u32, u64)> {
        let mut table = lock(&self.table);
        let kept: Vec<((PortId, Referent, u32), u64)> = table.of_port(port, nics).collect();
        for (key, _) in &kept {
            table.taken.remove(key);
        }
        kept.into_iter().map(|((_, _, instance), count)| (instance, count)).collect()
    }

    /// Ends all references of an instance; how many there were.
    pub fn remove_of(&self, instance: u32) -> u64 {
        let mut table = lock(&self.table);
        let count = table.of(instance);
        table.taken.retain(|(_, _, owner), _| *owner != instance);
        self.given_back.notify_all();
        count
    }

    /// References an instance has.
    pub fn of(&self, instance: u32) -> u64 {
        lock(&self.table).of(instance)
    }
}

impl Table {
    fn of(&self, instance: u32) -> u64 {
        self.taken.iter().filter(|((_, _, owner), _)| *owner == instance).map(|(_, count)| count).sum()
    }

    fn of_port(&self, port: PortId, nics: bool) -> impl Iterator<Item = ((PortId, Referent, u32), u64)> + '_ {
        let range = (port, Referent::Nic(0), 0)..=(port, Referent::Port, u32::MAX);
        let found = self.taken.range(range).filter(move |((_, to, _), _)| to.is_nic() == nics);
        found.map(|(key, count)| (*key, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: PortId = PortId::NONE;

    #[test]
    fn states_and_counts_are_kept() {
        let references = References::default();
        assert_eq!(references.take(1, PORT, Referent::Port), Err(ReferenceRefused::Gone));
        references.allow(PORT, true, false);
        assert_eq!(references.take(1, PORT, Referent::Nic(0)), Err(ReferenceRefused::State));
        references.take(1, PORT, Referent::Port).unwrap();
        references.take(1, PORT, Referent::Port).unwrap();
        references.allow(PORT, false, true);
        assert_eq!(references.take(2, PORT, Referent::Port), Err(ReferenceRefused::State));
        references.take(2, PORT, Referent::Nic(1)).unwrap();
        assert!(!references.give_back(2, PORT, Referent::Port), "never taken");
        assert!(references.give_back(1, PORT, Referent::Port));
        assert!(!references.wait(PORT, false, Instant::now()), "one is left");
        assert!(references.give_back(1, PORT, Referent::Port) && references.wait(PORT, false, Instant::now()));
        assert_eq!((references.void(PORT, false), references.void(PORT, true)), (Vec::new(), vec![(2, 1)]));
        assert_eq!(references.of(2), 0);
    }

    #[test]
    fn an_instance_has_so_many_references_and_no_more() {
        let references = References::default();
        references.allow(PORT, true, true);
        (0..REFERENCES_MAX).for_each(|_| references.take(1, PORT, Referent::Port).unwrap());
        assert_eq!(references.take(1, PORT, Referent::Nic(0)), Err(ReferenceRefused::Full));
        references.take(2, PORT, Referent::Port).unwrap();
        assert_eq!((references.remove_of(1), references.of(1), references.of(2)), (REFERENCES_MAX, 0, 1));
    }
}
