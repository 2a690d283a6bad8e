//! What extensions are told of ports and events, in the ABI's words.

use heddle_extension_api::abi::control as abi;
use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::status::{E_AGAIN, E_VETO, OK};
use heddle_switch_core::counters::PortCounters;
use heddle_switch_core::switch::{ControlEvent, EventKind, NicState, Port, PortKind, Veto};
use heddle_switch_core::vlan::VlanMode;

use super::{Instance, Objection};

impl Instance {
    /// Tells the extension of an event; its refusal comes back in its own words.
    pub fn tell(&self, event: &ControlEvent<'_>, switch: &str) -> Result<(), Objection> {
        let info = event.port.map(|port| port_info(port, &PortCounters::default()));
        self.event(subject(event), info.as_ref(), switch)
    }

    /// Tells the extension how an event ended that it had accepted.
    pub fn tell_completed(&self, event: &ControlEvent<'_>, switch: &str, outcome: Result<(), &Veto>) {
        let info = event.port.map(|port| port_info(port, &PortCounters::default()));
        self.completed(subject(event), info.as_ref(), switch, outcome_code(outcome));
    }
}

/// How an event ended.
pub(super) fn outcome_code(outcome: Result<(), &Veto>) -> i32 {
    match outcome {
        Ok(()) => OK,
        Err(veto) if veto.for_now => E_AGAIN,
        Err(_) => E_VETO,
    }
}

pub(super) fn subject(event: &ControlEvent<'_>) -> (u32, u32) {
    (code(event.kind), event.port.map_or(0, |port| port.id.raw()))
}

/// A port as extensions see it.
pub fn port_info(port: &Port, counters: &PortCounters) -> PortInfo {
    let mut name = [0u8; 64];
    name.iter_mut().zip(port.name.as_bytes()).for_each(|(to, from)| *to = *from);
    PortInfo {
        struct_size: u32::try_from(size_of::<PortInfo>()).unwrap_or(0),
        port: port.id.raw(),
        kind: match port.kind {
            PortKind::External => abi::PORT_EXTERNAL,
            PortKind::Internal => abi::PORT_INTERNAL,
            PortKind::Synthetic => abi::PORT_SYNTHETIC,
            PortKind::Emulated => abi::PORT_EMULATED,
        },
        nic_state: match port.nic {
            NicState::None => abi::NIC_NONE,
            NicState::Created => abi::NIC_CREATED,
            NicState::Connected => abi::NIC_CONNECTED,
            NicState::Disconnected => abi::NIC_DISCONNECTED,
        },
        link_up: u8::from(port.link_up),
        admin_up: u8::from(port.admin_up),
        mtu: port.mtu,
        mac: port.mac.unwrap_or_default(),
        vlan: match &port.vlan {
            VlanMode::Untagged => 0,
            VlanMode::Access(vid) => *vid,
            VlanMode::Trunk { native, .. } => *native,
        },
        speed_mbps: port.speed_mbps,
        rx_packets: counters.rx_packets,
        rx_bytes: counters.rx_bytes,
        tx_packets: counters.tx_packets,
        tx_bytes: counters.tx_bytes,
        rx_dropped: counters.rx_dropped,
        tx_dropped: counters.tx_dropped,
        rx_multicast: counters.rx_multicast,
        rx_broadcast: counters.rx_broadcast,
        tx_multicast: counters.tx_multicast,
        tx_broadcast: counters.tx_broadcast,
        name,
        flags: if port.validation { abi::PORT_VALIDATION } else { 0 },
        reserved: 0,
    }
}

fn code(kind: EventKind) -> u32 {
    match kind {
        EventKind::SwitchCreate => abi::EVENT_SWITCH_CREATE,
        EventKind::SwitchActivate => abi::EVENT_SWITCH_ACTIVATE,
        EventKind::SwitchDelete => abi::EVENT_SWITCH_DELETE,
        EventKind::PortCreate => abi::EVENT_PORT_CREATE,
        EventKind::PortUpdated => abi::EVENT_PORT_UPDATED,
        EventKind::PortTeardown => abi::EVENT_PORT_TEARDOWN,
        EventKind::PortDelete => abi::EVENT_PORT_DELETE,
        EventKind::NicCreate => abi::EVENT_NIC_CREATE,
        EventKind::NicConnect => abi::EVENT_NIC_CONNECT,
        EventKind::NicUpdated => abi::EVENT_NIC_UPDATED,
        EventKind::NicDisconnect => abi::EVENT_NIC_DISCONNECT,
        EventKind::NicDelete => abi::EVENT_NIC_DELETE,
    }
}
