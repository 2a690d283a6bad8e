//! What extensions can ask about ports and VLANs, refreshed by the control side before each round of control calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use heddle_extension_api::abi::control::PortInfo;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::vlan_count::VlanCounters;

use super::{References, lock};

/// What extensions can ask about ports: refreshed by the control side before each round of control calls.
#[derive(Default)]
pub struct PortDirectory {
    ports: Mutex<BTreeMap<PortId, PortInfo>>,
    vlans: Mutex<BTreeMap<u16, VlanCounters>>,
    /// References to them.
    pub references: References,
}

impl PortDirectory {
    /// Adds or replaces a port.
    pub fn put(&self, id: PortId, info: PortInfo) {
        lock(&self.ports).insert(id, info);
    }

    /// Removes a port.
    pub fn remove(&self, id: PortId) {
        lock(&self.ports).remove(&id);
    }

    pub(crate) fn ids(&self) -> Vec<PortId> {
        lock(&self.ports).keys().copied().collect()
    }

    /// Replaces the counters by VLAN.
    pub fn put_vlans(&self, vlans: BTreeMap<u16, VlanCounters>) {
        *lock(&self.vlans) = vlans;
    }

    pub(crate) fn vlan(&self, vid: u16) -> Option<VlanCounters> {
        lock(&self.vlans).get(&vid).copied()
    }

    pub(crate) fn get(&self, id: PortId) -> Option<PortInfo> {
        lock(&self.ports).get(&id).copied()
    }
}
