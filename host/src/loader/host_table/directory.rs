//! What extensions can ask about ports, refreshed by the control side before each round of control calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use heddle_extension_api::abi::control::PortInfo;
use heddle_switch_core::port_id::PortId;

use super::lock;

/// What extensions can ask about ports: refreshed by the control side before each round of control calls.
#[derive(Default)]
pub struct PortDirectory(Mutex<BTreeMap<PortId, PortInfo>>);

impl PortDirectory {
    /// Adds or replaces a port.
    pub fn put(&self, id: PortId, info: PortInfo) {
        lock(&self.0).insert(id, info);
    }

    /// Removes a port.
    pub fn remove(&self, id: PortId) {
        lock(&self.0).remove(&id);
    }

    pub(crate) fn ids(&self) -> Vec<PortId> {
        lock(&self.0).keys().copied().collect()
    }

    pub(crate) fn get(&self, id: PortId) -> Option<PortInfo> {
        lock(&self.0).get(&id).copied()
    }
}
