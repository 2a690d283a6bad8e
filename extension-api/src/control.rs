//! Control events and the state of ports: [`Event`], [`PortInfo`].
//!
//! The guaranteed order of events, and which may be vetoed, stands in [`crate::abi::control`]. An unsafe island: it
//! copies structs that an older host may have made shorter.
#![allow(unsafe_code)]

use core::str;
use std::borrow::Cow;

use crate::abi::control as abi;
use crate::types::{MacAddress, NicIndex, PortId, Vid};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The instance is bound to a switch that is not active yet.
    SwitchCreate,
    /// The switch is complete: ports may be queried.
    SwitchActivate,
    /// The switch goes away, or the extension is being disabled.
    SwitchDelete,
    /// A port is created. May be vetoed.
    PortCreate,
    /// The port's name or policy changed.
    PortUpdated,
    /// The port is about to be deleted; no new references.
    PortTeardown,
    /// The port is gone.
    PortDelete,
    /// A NIC is created on a port: its traffic must be forwarded from now on. May be vetoed.
    NicCreate,
    /// The NIC is connected: it may be a destination.
    NicConnect,
    /// MAC, MTU, link or name changed.
    NicUpdated,
    /// The NIC is disconnected: it must not be a destination any more.
    NicDisconnect,
    /// The NIC is gone; all its traffic has completed.
    NicDelete,
    /// An event this version of the crate has no name for.
    Other(u32),
}

impl EventKind {
    fn from_code(code: u32) -> Self {
        match code {
            abi::EVENT_SWITCH_CREATE => EventKind::SwitchCreate,
            abi::EVENT_SWITCH_ACTIVATE => EventKind::SwitchActivate,
            abi::EVENT_SWITCH_DELETE => EventKind::SwitchDelete,
            abi::EVENT_PORT_CREATE => EventKind::PortCreate,
            abi::EVENT_PORT_UPDATED => EventKind::PortUpdated,
            abi::EVENT_PORT_TEARDOWN => EventKind::PortTeardown,
            abi::EVENT_PORT_DELETE => EventKind::PortDelete,
            abi::EVENT_NIC_CREATE => EventKind::NicCreate,
            abi::EVENT_NIC_CONNECT => EventKind::NicConnect,
            abi::EVENT_NIC_UPDATED => EventKind::NicUpdated,
            abi::EVENT_NIC_DISCONNECT => EventKind::NicDisconnect,
            abi::EVENT_NIC_DELETE => EventKind::NicDelete,
            other => EventKind::Other(other),
        }
    }
}

/// A control event.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    kind: EventKind,
    port: Option<PortId>,
    nic: NicIndex,
    info: Option<PortInfo>,
    switch_name: Cow<'a, str>,
}

impl<'a> Event<'a> {
    /// # Safety
    /// `event` is what the host passed to an event function that has not returned.
    pub(crate) unsafe fn from_host(event: &'a abi::Event) -> Self {
        let name = event.switch_name;
        let name = match (name.data.is_null(), usize::try_from(name.length)) {
            // SAFETY: the host lends `length` bytes until the call returns.
            (false, Ok(length)) => unsafe { core::slice::from_raw_parts(name.data, length) },
            _ => &[],
        };
        let info = match event.info.is_null() {
            true => None,
            // SAFETY: a non-null `info` is valid until the call returns.
            false => Some(unsafe { PortInfo::copy(event.info) }),
        };
        Event {
            kind: EventKind::from_code(event.kind),
            port: PortId::new(event.port),
            nic: NicIndex::new(event.nic).unwrap_or_default(),
            info,
            switch_name: String::from_utf8_lossy(name),
        }
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The port; `None` for events of the switch.
    pub fn port(&self) -> Option<PortId> {
        self.port
    }

    /// The NIC.
    pub fn nic(&self) -> NicIndex {
        self.nic
    }

    /// State of the port after the event; `None` for events of the switch.
    pub fn info(&self) -> Option<&PortInfo> {
        self.info.as_ref()
    }

    /// Name of the switch.
    pub fn switch_name(&self) -> &str {
        &self.switch_name
    }
}

/// Kind of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PortKind {
    /// The uplink.
    External,
    /// The host's own NIC.
    Internal,
    /// A virtual machine's paravirtual NIC.
    Synthetic,
    /// A virtual machine's emulated NIC.
    Emulated,
    /// A kind this version of the crate has no name for.
    Other(u8),
}

/// State of the NIC of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NicState {
    /// There is no NIC.
    None,
    /// Created, not connected.
    Created,
    /// Connected: may be a destination.
    Connected,
    /// Disconnected.
    Disconnected,
    /// A state this version of the crate has no name for.
    Other(u8),
}

/// State and counters of a port, copied at the time of the call.
#[derive(Clone, Copy, Debug)]
pub struct PortInfo(abi::PortInfo);

impl PortInfo {
    pub(crate) fn empty() -> Self {
        let mut info = core::mem::MaybeUninit::<abi::PortInfo>::zeroed();
        // The size of a struct with 224 bytes.
        let size = core::mem::size_of::<abi::PortInfo>() as u32;
        // SAFETY: integers and arrays of them: all zero is valid.
        PortInfo(unsafe {
            (*info.as_mut_ptr()).struct_size = size;
            info.assume_init()
        })
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut abi::PortInfo {
        &mut self.0
    }

    /// # Safety
    /// `info` points to a struct whose first field is its size, valid for reads of that many bytes.
    unsafe fn copy(info: *const abi::PortInfo) -> Self {
        let mut copy = Self::empty();
        // SAFETY: the caller promises a readable struct that starts with its size.
        let known = (unsafe { (*info).struct_size } as usize).min(core::mem::size_of::<abi::PortInfo>());
        // SAFETY: both sides are valid for `known` bytes, and every bit pattern is valid.
        unsafe { core::ptr::copy_nonoverlapping(info.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), known) };
        copy
    }

    /// The port; `None` only from a host that broke the contract.
    pub fn port(&self) -> Option<PortId> {
        PortId::new(self.0.port)
    }

    /// Whether it is a validation port: judge what is asked, reserve nothing, refuse nothing that is only unavailable now.
    pub fn is_validation(&self) -> bool {
        self.0.flags & abi::PORT_VALIDATION != 0
    }

    /// Kind.
    pub fn kind(&self) -> PortKind {
        match self.0.kind {
            abi::PORT_EXTERNAL => PortKind::External,
            abi::PORT_INTERNAL => PortKind::Internal,
            abi::PORT_SYNTHETIC => PortKind::Synthetic,
            abi::PORT_EMULATED => PortKind::Emulated,
            other => PortKind::Other(other),
        }
    }

    /// State of the NIC.
    pub fn nic_state(&self) -> NicState {
        match self.0.nic_state {
            abi::NIC_NONE => NicState::None,
            abi::NIC_CREATED => NicState::Created,
            abi::NIC_CONNECTED => NicState::Connected,
            abi::NIC_DISCONNECTED => NicState::Disconnected,
            other => NicState::Other(other),
        }
    }

    /// Whether the link is up.
    pub fn is_link_up(&self) -> bool {
        self.0.link_up != 0
    }

    /// Whether the port is administratively up.
    pub fn is_admin_up(&self) -> bool {
        self.0.admin_up != 0
    }

    /// Largest layer 3 packet, in bytes.
    pub fn mtu(&self) -> u32 {
        self.0.mtu
    }

    /// Assigned MAC address.
    pub fn mac(&self) -> Option<MacAddress> {
        if self.0.mac == [0; 6] {
            None
        } else {
            Some(MacAddress::new(self.0.mac))
        }
    }

    /// VLAN of untagged frames.
    pub fn vlan(&self) -> Option<Vid> {
        Vid::new(self.0.vlan).ok()
    }

    /// Link speed in Mbit/s; 0 = unknown.
    pub fn speed_mbps(&self) -> u32 {
        self.0.speed_mbps
    }

    /// Counters.
    pub fn counters(&self) -> PortCounters {
        PortCounters {
            rx_packets: self.0.rx_packets,
            rx_bytes: self.0.rx_bytes,
            tx_packets: self.0.tx_packets,
            tx_bytes: self.0.tx_bytes,
            rx_dropped: self.0.rx_dropped,
            tx_dropped: self.0.tx_dropped,
            rx_multicast: self.0.rx_multicast,
            rx_broadcast: self.0.rx_broadcast,
            tx_multicast: self.0.tx_multicast,
            tx_broadcast: self.0.tx_broadcast,
        }
    }

    /// Name of the port.
    pub fn name(&self) -> Cow<'_, str> {
        let end = self.0.name.iter().position(|byte| *byte == 0).unwrap_or(self.0.name.len());
        String::from_utf8_lossy(self.0.name.get(..end).unwrap_or_default())
    }
}

/// Counters of a port. `rx` is what the switch received from the port. Packets are wire segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortCounters {
    /// Wire segments received.
    pub rx_packets: u64,
    /// Bytes of these.
    pub rx_bytes: u64,
    /// Wire segments sent.
    pub tx_packets: u64,
    /// Bytes of these.
    pub tx_bytes: u64,
    /// Frames received and dropped.
    pub rx_dropped: u64,
    /// Deliveries dropped.
    pub tx_dropped: u64,
    /// Multicast frames received, without broadcast.
    pub rx_multicast: u64,
    /// Broadcast frames received.
    pub rx_broadcast: u64,
    /// Multicast frames sent, without broadcast.
    pub tx_multicast: u64,
    /// Broadcast frames sent.
    pub tx_broadcast: u64,
}
