//! Control events: the life of ports and network adapters (NICs) as an extension sees it.
//!
//! Guaranteed order for one port: `PORT_CREATE`, `NIC_CREATE`, `NIC_CONNECT`, any number of `NIC_UPDATED` and
//! `PORT_UPDATED`, `NIC_DISCONNECT`, `NIC_DELETE`, `PORT_TEARDOWN`, `PORT_DELETE`. An extension enabled on a running
//! switch is first told of everything that exists, in the same order, between `SWITCH_CREATE` and `SWITCH_ACTIVATE`.
//! A filter or forwarding extension may veto `PORT_CREATE` and `NIC_CREATE` by returning an error; all other events
//! cannot fail. A veto with `E_VETO` is final; one with `E_FULL` or `E_AGAIN` says that the operator may try again. A lower
//! extension may veto after a higher one accepted: the higher one then gets the matching `*_DELETE`. How a request ended
//! is told to `completed` of everyone who accepted it, lowest first.
//!
//! A port or NIC that an extension has referenced (`port_reference`, `nic_reference`) is deleted when the reference is
//! given back, on `NIC_DISCONNECT` or `PORT_TEARDOWN` at the latest. The host waits five seconds in all; then the
//! reference is void, and counted as a violation.

use super::status::Bytes;
use crate::abi_struct;

/// The instance is bound to a switch that is not active yet.
pub const EVENT_SWITCH_CREATE: u32 = 1;
/// The switch is complete: ports and NICs may be queried.
pub const EVENT_SWITCH_ACTIVATE: u32 = 2;
/// The switch goes away, or the extension is being disabled.
pub const EVENT_SWITCH_DELETE: u32 = 3;
/// A port is created. May be vetoed.
pub const EVENT_PORT_CREATE: u32 = 10;
/// The port's friendly name or policy changed.
pub const EVENT_PORT_UPDATED: u32 = 11;
/// The port is about to be deleted; no new references.
pub const EVENT_PORT_TEARDOWN: u32 = 12;
/// The port is gone.
pub const EVENT_PORT_DELETE: u32 = 13;
/// A NIC is created on a port: its traffic must be forwarded from now on. May be vetoed.
pub const EVENT_NIC_CREATE: u32 = 20;
/// The NIC is connected: it may be a destination.
pub const EVENT_NIC_CONNECT: u32 = 21;
/// MAC, MTU, link or friendly name changed.
pub const EVENT_NIC_UPDATED: u32 = 22;
/// The NIC is disconnected: it must not be a destination any more.
pub const EVENT_NIC_DISCONNECT: u32 = 23;
/// The NIC is gone; all its traffic has completed.
pub const EVENT_NIC_DELETE: u32 = 24;

/// Port kind: the uplink.
pub const PORT_EXTERNAL: u8 = 1;
/// Port kind: the host's own NIC.
pub const PORT_INTERNAL: u8 = 2;
/// Port kind: a virtual machine's paravirtual NIC.
pub const PORT_SYNTHETIC: u8 = 3;
/// Port kind: a virtual machine's emulated NIC.
pub const PORT_EMULATED: u8 = 4;

/// Port flag: a validation port. It carries policy for a moment so that a configuration can be checked, never a NIC or a frame.
/// Judge what is asked, reserve nothing, and refuse nothing that is only unavailable now.
pub const PORT_VALIDATION: u32 = 1 << 0;

/// NIC state: none on the port.
pub const NIC_NONE: u8 = 0;
/// NIC state: created, not connected.
pub const NIC_CREATED: u8 = 1;
/// NIC state: connected.
pub const NIC_CONNECTED: u8 = 2;
/// NIC state: disconnected.
pub const NIC_DISCONNECTED: u8 = 3;

abi_struct! { growable,
/// A port and its NIC, for queries and events.
#[derive(Clone, Copy, Debug)]
pub struct PortInfo {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// Port id, never 0, never reused while anything refers to it.
    pub port: u32,
    /// `PORT_EXTERNAL` ….
    pub kind: u8,
    /// `NIC_NONE` ….
    pub nic_state: u8,
    /// 1 when the link is up.
    pub link_up: u8,
    /// 1 when the port is administratively up.
    pub admin_up: u8,
    /// Largest layer 3 packet, in bytes.
    pub mtu: u32,
    /// Assigned MAC; all zero when none.
    pub mac: [u8; 6],
    /// VLAN of untagged frames; 0 = none.
    pub vlan: u16,
    /// Link speed in Mbit/s; 0 = unknown.
    pub speed_mbps: u32,
    /// Wire segments received from the port.
    pub rx_packets: u64,
    /// Bytes of these.
    pub rx_bytes: u64,
    /// Wire segments sent to the port.
    pub tx_packets: u64,
    /// Bytes of these.
    pub tx_bytes: u64,
    /// Frames received from the port and dropped.
    pub rx_dropped: u64,
    /// Deliveries to the port dropped.
    pub tx_dropped: u64,
    /// Multicast frames received (without broadcast).
    pub rx_multicast: u64,
    /// Broadcast frames received.
    pub rx_broadcast: u64,
    /// Multicast frames sent (without broadcast).
    pub tx_multicast: u64,
    /// Broadcast frames sent.
    pub tx_broadcast: u64,
    /// Name of the port, UTF-8, zero-padded.
    pub name: [u8; 64],
    /// Since 1.4: `PORT_VALIDATION`.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}
}

abi_struct! { growable,
/// A control event. What it points to is valid until the call returns.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// `EVENT_*`.
    pub kind: u32,
    /// The port, or 0 for events of the switch.
    pub port: u32,
    /// NIC index, 0 = the NIC of the port.
    pub nic: u32,
    /// State of the port after the event; null for events of the switch.
    pub info: *const PortInfo,
    /// Name of the switch.
    pub switch_name: Bytes,
}
}
