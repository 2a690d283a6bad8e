//! From the control side's tables to the snapshot workers forward by.

use std::sync::Arc;

use super::Switch;
use super::port::{NicState, Port, PortKind};
use crate::port_id::PortId;
use crate::snapshot::{PortEntry, Snapshot, StaticEntry};
use crate::vlan::VlanMode;

pub(super) fn snapshot(switch: &Switch, groups: Vec<Option<Arc<[PortId]>>>) -> Snapshot {
    let ports = switch.ports.iter().map(|port| port.as_ref().map(entry)).collect();
    let mut snapshot = Snapshot::new(switch.version, ports, switch.stack.clone());
    snapshot.groups = groups;
    snapshot.ageing_s = switch.ageing_s;
    snapshot.static_entries = switch.ports().flat_map(static_entries).collect();
    snapshot
}

fn entry(port: &Port) -> PortEntry {
    let usable = port.admin_up && !port.teardown;
    // A port with an assigned address needs no learning and gets no unknown unicast; the uplink and trunks lead to
    // other switches and always learn (model section 4).
    let leads_elsewhere = port.kind == PortKind::External || matches!(port.vlan, VlanMode::Trunk { .. });
    let assigned = port.mac.is_some() && !leads_elsewhere;
    PortEntry {
        id: port.id,
        receives: usable && matches!(port.nic, NicState::Created | NicState::Connected),
        transmits: usable && port.nic == NicState::Connected,
        learns: !assigned,
        floods_unknown: !assigned,
        vlan: port.vlan.clone(),
        mtu: port.mtu,
        owner: port.owner,
        capabilities: port.capabilities,
        nics: u8::from(port.kind == PortKind::External),
        native: false,
        on_failure: port.on_failure,
    }
}

/// A port's assigned address in each VLAN where its untagged frames are.
fn static_entries(port: &Port) -> Option<StaticEntry> {
    if port.nic != NicState::Connected {
        return None;
    }
    let vid = match &port.vlan {
        VlanMode::Untagged => 0,
        VlanMode::Access(vid) => *vid,
        VlanMode::Trunk { native, .. } => *native,
    };
    port.mac.map(|mac| StaticEntry { vid, mac, port: port.id })
}
