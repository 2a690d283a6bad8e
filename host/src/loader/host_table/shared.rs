//! The context behind one instance's host table.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use heddle_switch_core::call::Refusal;
use heddle_switch_core::drop_codes::DropCodes;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::{Broken, Rule};

use super::{Addresses, Groups, LogRing, PER_EXTENSION, PortDirectory, Services, lock};

/// What one instance shares with the host: the context behind its host table.
pub struct InstanceShared {
    /// Extension id.
    pub id: String,
    /// Number of the instance, unique in the process.
    pub instance: u32,
    /// `ROLE_*`.
    pub role: u8,
    /// Services of the daemon.
    pub services: Arc<Services>,
    /// Groups of its switch.
    pub groups: Arc<Groups>,
    /// Ports of its switch.
    pub ports: Arc<PortDirectory>,
    /// Whether it asked for counters by VLAN.
    pub counts_vlans: AtomicBool,
    /// Addresses it sends datagrams to.
    pub addresses: Addresses,
    /// What it writes to the log.
    pub log: Arc<LogRing>,
    /// Drop codes it registered.
    pub codes: DropCodes,
    broken: Mutex<Broken>,
    names: Mutex<Vec<(String, String)>>,
    values: [AtomicU64; PER_EXTENSION],
}

impl InstanceShared {
    /// The context of a new instance.
    pub fn new(
        (id, role): (String, u8),
        instance: u32,
        services: Arc<Services>,
        groups: Arc<Groups>,
        ports: Arc<PortDirectory>,
        log: Arc<LogRing>,
    ) -> Arc<InstanceShared> {
        let values = [const { AtomicU64::new(0) }; PER_EXTENSION];
        let (addresses, names) = (Addresses::default(), Mutex::default());
        let (counts_vlans, broken) = (AtomicBool::new(false), Mutex::default());
        Arc::new(InstanceShared {
            id,
            instance,
            role,
            services,
            groups,
            ports,
            counts_vlans,
            addresses,
            log,
            codes: DropCodes::registered(),
            broken,
            names,
            values,
        })
    }

    pub(crate) fn register_counter(&self, name: &str, unit: &str) -> Result<u32, Refusal> {
        let word = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if !word(name) || !word(unit) {
            return Err(Refusal::Invalid);
        }
        let mut names = lock(&self.names);
        let at = names.iter().position(|(known, _)| known == name);
        let at = match at {
            Some(at) => at,
            None if names.len() >= PER_EXTENSION => return Err(Refusal::Full),
            None => {
                names.push((name.to_owned(), unit.to_owned()));
                names.len() - 1
            }
        };
        u32::try_from(at).map_err(|_| Refusal::Full)
    }

    pub(crate) fn add(&self, counter: u32, delta: u64) -> bool {
        let value = self.values.get(counter as usize);
        value.map(|value| value.fetch_add(delta, Ordering::Relaxed)).is_some()
    }

    pub(crate) fn register_drop_reason(&self, id: &str, text: &str) -> Result<u16, Refusal> {
        let code = self.services.reasons.register(&self.id, id, text)?;
        self.codes.add(code);
        Ok(code)
    }

    /// Counts a violation found in a call of its control side.
    pub fn broke(&self, rule: Rule, port: PortId) {
        lock(&self.broken).count(rule, port);
    }

    /// The violations found in calls of its control side.
    pub fn broken(&self) -> Broken {
        *lock(&self.broken)
    }

    /// Own counters by number, with what another version has counted under the same names.
    pub(crate) fn counted_alike(&self, other: &InstanceShared) -> Vec<(usize, u64)> {
        let counters = other.counters();
        let names = lock(&self.names);
        let own = |name: &str| names.iter().position(|(known, _)| known == name);
        counters.iter().filter_map(|(name, _, value)| Some((own(name)?, *value))).collect()
    }

    /// Adds what another version of the extension has counted under the same names.
    pub(crate) fn count_on_from(&self, former: &InstanceShared) {
        for (name, _, value) in former.counters() {
            if let Some(own) = self.value_of(&name) {
                own.fetch_add(value, Ordering::Relaxed);
            }
        }
    }

    /// Counts from where another version has stopped that counted on from here.
    pub(crate) fn count_like(&self, newer: &InstanceShared) {
        for (name, _, value) in newer.counters() {
            if let Some(own) = self.value_of(&name) {
                own.store(value, Ordering::Relaxed);
            }
        }
    }

    fn value_of(&self, name: &str) -> Option<&AtomicU64> {
        let at = lock(&self.names).iter().position(|(known, _)| known == name)?;
        self.values.get(at)
    }

    /// Sets a counter that is kept elsewhere.
    pub(crate) fn set_counter(&self, counter: usize, value: u64) {
        if let Some(place) = self.values.get(counter) {
            place.store(value, Ordering::Relaxed);
        }
    }

    /// Name, unit and value of every registered counter.
    pub fn counters(&self) -> Vec<(String, String, u64)> {
        let names = lock(&self.names);
        let value = |at: usize| self.values.get(at).map_or(0, |value| value.load(Ordering::Relaxed));
        names.iter().enumerate().map(|(at, (name, unit))| (name.clone(), unit.clone(), value(at))).collect()
    }
}
