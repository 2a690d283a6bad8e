//! Ports and the NICs plugged into them: states, and which change is allowed in which state.
//!
//! A port exists before its NIC connects and outlives it. Between *created* and *connected* a NIC's traffic is forwarded
//! but it is no destination (model 2.4).

use super::event::{EventKind, EventSink, Veto};
use super::{Switch, SwitchKind};
use crate::frame::Capabilities;
use crate::port_id::{PORTS_MAX, PortId};
use crate::stage::OnFailure;
use crate::vlan::VlanMode;

/// What is plugged into a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// The uplink.
    External,
    /// The host's own NIC.
    Internal,
    /// A machine's paravirtual NIC.
    Synthetic,
    /// A machine's emulated NIC.
    Emulated,
}

/// State of the NIC on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicState {
    /// There is none.
    None,
    /// Created: its traffic is forwarded, it is no destination yet.
    Created,
    /// Connected.
    Connected,
    /// Disconnected: no new traffic.
    Disconnected,
}

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Id.
    pub id: PortId,
    /// Name, unique on the switch.
    pub name: String,
    /// Kind.
    pub kind: PortKind,
    /// NIC state.
    pub nic: NicState,
    /// Whether the port is being deleted.
    pub teardown: bool,
    /// Whether it is there for a moment only, so that its configuration can be judged.
    pub validation: bool,
    /// Administrative state.
    pub admin_up: bool,
    /// Link of the device.
    pub link_up: bool,
    /// Assigned address.
    pub mac: Option<[u8; 6]>,
    /// VLAN rules.
    pub vlan: VlanMode,
    /// Largest layer 3 packet, in bytes.
    pub mtu: u32,
    /// Link speed in Mbit/s; 0 = unknown.
    pub speed_mbps: u32,
    /// Worker that owns its egress.
    pub owner: u16,
    /// What the device does on transmit.
    pub capabilities: Capabilities,
    /// What becomes of its frames when an extension fails; `None` = what the extension declares.
    pub on_failure: Option<OnFailure>,
}

/// A port to be created.
#[derive(Clone, Debug)]
pub struct PortSpec {
    /// Name, unique on the switch.
    pub name: String,
    /// Kind.
    pub kind: PortKind,
    /// Administrative state.
    pub admin_up: bool,
    /// Assigned address.
    pub mac: Option<[u8; 6]>,
    /// VLAN rules.
    pub vlan: VlanMode,
    /// Largest layer 3 packet, in bytes.
    pub mtu: u32,
    /// Link speed in Mbit/s; 0 = unknown.
    pub speed_mbps: u32,
    /// Worker that owns its egress.
    pub owner: u16,
    /// What the device does on transmit.
    pub capabilities: Capabilities,
    /// What becomes of its frames when an extension fails; `None` = what the extension declares.
    pub on_failure: Option<OnFailure>,
}

/// Changes to a port; `None` leaves a setting as it is.
#[derive(Clone, Debug, Default)]
pub struct PortChange {
    /// Administrative state.
    pub admin_up: Option<bool>,
    /// Link of the device.
    pub link_up: Option<bool>,
    /// Assigned address; `Some(None)` takes it away.
    pub mac: Option<Option<[u8; 6]>>,
    /// VLAN rules.
    pub vlan: Option<VlanMode>,
    /// Largest layer 3 packet, in bytes.
    pub mtu: Option<u32>,
    /// What becomes of its frames when an extension fails.
    pub on_failure: Option<Option<OnFailure>>,
}

/// Why a port cannot be created or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The name is taken.
    #[error("a port named '{name}' exists; choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// All slots are in use.
    #[error("the switch has {limit} ports, which is the most there can be; remove one first")]
    TooMany {
        /// Ports there can be.
        limit: usize,
    },
    /// There is an external port already.
    #[error("the switch has the external port '{holder}' already; remove it first")]
    ExternalTaken {
        /// Its name.
        holder: String,
    },
    /// The kind of switch has no such ports.
    #[error("this kind of switch takes no such port")]
    KindRefused,
    /// The address is another port's.
    #[error("the MAC address is assigned to port '{holder}'; give another one")]
    MacTaken {
        /// The port that has it.
        holder: String,
    },
    /// An extension refused.
    #[error("an extension refused the port: {0}")]
    Vetoed(#[from] Veto),
    /// The port does not exist.
    #[error("there is no port {id}; it was deleted")]
    Gone {
        /// The id asked for.
        id: PortId,
    },
    /// The port's or NIC's state does not allow the change.
    #[error("port '{name}': its NIC is {state:?}, which does not allow to {action}")]
    WrongState {
        /// The port.
        name: String,
        /// The NIC's state.
        state: NicState,
        /// What was asked for.
        action: &'static str,
    },
}

impl Switch {
    /// Creates a port without a NIC.
    pub fn create_port(&mut self, spec: PortSpec, sink: &mut dyn EventSink) -> Result<PortId, PortError> {
        let port = self.new_port(spec)?;
        let (id, slot) = (port.id, port.id.slot());
        self.tell(EventKind::PortCreate, &port, sink)?;
        self.ports[slot] = Some(port);
        Ok(id)
    }

    /// Has the extensions judge a port that is not to be: a validation port, which lives for as long as `judge` takes and
    /// never has a NIC. Its id is not given again.
    pub fn validate_port<E: From<PortError>>(
        &mut self,
        spec: PortSpec,
        sink: &mut dyn EventSink,
        judge: impl FnOnce(&Port, &mut dyn EventSink) -> Result<(), E>,
    ) -> Result<(), E> {
        let port = Port { validation: true, ..self.new_port(spec)? };
        self.generations[port.id.slot()] += 1;
        self.tell(EventKind::PortCreate, &port, sink).map_err(PortError::from)?;
        let judged = judge(&port, sink);
        let port = Port { teardown: true, ..port };
        // Neither can be refused.
        let _ = self.tell(EventKind::PortTeardown, &port, sink);
        let _ = self.tell(EventKind::PortDelete, &port, sink);
        judged
    }

    /// A port of the next free id, checked.
    fn new_port(&mut self, spec: PortSpec) -> Result<Port, PortError> {
        self.check(&spec)?;
        // Slot 0 stays free: raw id 0 means no port.
        let slot = (1..PORTS_MAX)
            .find(|slot| self.ports.get(*slot).is_none_or(Option::is_none))
            .ok_or(PortError::TooMany { limit: PORTS_MAX - 1 })?;
        if self.ports.len() <= slot {
            self.ports.resize_with(slot + 1, || None);
            self.generations.resize(slot + 1, 0);
        }
        let id = PortId::new(u16::try_from(slot).unwrap_or(0), self.generations[slot]);
        Ok(Port {
            id,
            name: spec.name,
            kind: spec.kind,
            nic: NicState::None,
            teardown: false,
            validation: false,
            admin_up: spec.admin_up,
            link_up: true,
            mac: spec.mac,
            vlan: spec.vlan,
            mtu: spec.mtu,
            speed_mbps: spec.speed_mbps,
            owner: spec.owner,
            capabilities: spec.capabilities,
            on_failure: spec.on_failure,
        })
    }

    fn check(&self, spec: &PortSpec) -> Result<(), PortError> {
        if self.ports().any(|port| port.name == spec.name) {
            return Err(PortError::NameTaken { name: spec.name.clone() });
        }
        match (self.kind, spec.kind) {
            (SwitchKind::External, PortKind::External) => {
                if let Some(holder) = self.ports().find(|port| port.kind == PortKind::External) {
                    return Err(PortError::ExternalTaken { holder: holder.name.clone() });
                }
            }
            (SwitchKind::Internal | SwitchKind::Private, PortKind::External)
            | (SwitchKind::Private, PortKind::Internal) => return Err(PortError::KindRefused),
            _ => {}
        }
        self.check_mac(spec.mac, PortId::NONE)
    }

    fn check_mac(&self, mac: Option<[u8; 6]>, except: PortId) -> Result<(), PortError> {
        let holder = self.ports().find(|port| mac.is_some() && port.mac == mac && port.id != except);
        holder.map_or(Ok(()), |holder| Err(PortError::MacTaken { holder: holder.name.clone() }))
    }

    fn port_mut(&mut self, id: PortId) -> Result<&mut Port, PortError> {
        self.ports
            .get_mut(id.slot())
            .and_then(Option::as_mut)
            .filter(|port| port.id == id)
            .ok_or(PortError::Gone { id })
    }

    /// Creates the NIC on a port.
    pub fn create_nic(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<(), PortError> {
        let port = self.expect_nic(id, &[NicState::None], "create a NIC")?;
        let as_told = Port { nic: NicState::Created, ..port.clone() };
        self.tell(EventKind::NicCreate, &as_told, sink)?;
        self.port_mut(id)?.nic = NicState::Created;
        Ok(())
    }

    /// Connects the NIC: it may be a destination from now on.
    pub fn connect_nic(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<(), PortError> {
        self.expect_nic(id, &[NicState::Created], "connect the NIC")?;
        self.port_mut(id)?.nic = NicState::Connected;
        self.announce(EventKind::NicConnect, id, sink);
        Ok(())
    }

    /// Disconnects the NIC: no new traffic from or to it.
    pub fn disconnect_nic(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<(), PortError> {
        self.expect_nic(id, &[NicState::Connected], "disconnect the NIC")?;
        self.port_mut(id)?.nic = NicState::Disconnected;
        self.announce(EventKind::NicDisconnect, id, sink);
        Ok(())
    }

    /// Deletes the NIC, after all its traffic has completed.
    pub fn delete_nic(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<(), PortError> {
        self.expect_nic(id, &[NicState::Created, NicState::Disconnected], "delete the NIC")?;
        self.port_mut(id)?.nic = NicState::None;
        self.announce(EventKind::NicDelete, id, sink);
        Ok(())
    }

    /// Begins to delete a port: no new references to it.
    pub fn tear_down(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<(), PortError> {
        self.expect_nic(id, &[NicState::None], "delete the port")?;
        if !std::mem::replace(&mut self.port_mut(id)?.teardown, true) {
            self.announce(EventKind::PortTeardown, id, sink);
        }
        Ok(())
    }

    /// Tears a port down and deletes it; its id is never given again.
    pub fn delete_port(&mut self, id: PortId, sink: &mut dyn EventSink) -> Result<Port, PortError> {
        self.tear_down(id, sink)?;
        self.announce(EventKind::PortDelete, id, sink);
        let port = self.ports[id.slot()].take().ok_or(PortError::Gone { id })?;
        self.generations[id.slot()] += 1;
        Ok(port)
    }

    /// Changes settings of a port.
    pub fn change_port(&mut self, id: PortId, change: PortChange, sink: &mut dyn EventSink) -> Result<(), PortError> {
        if let Some(mac) = change.mac {
            self.check_mac(mac, id)?;
        }
        let nic_changed = change.mac.is_some() || change.mtu.is_some() || change.link_up.is_some();
        let port_changed = change.vlan.is_some() || change.admin_up.is_some();
        let port = self.port_mut(id)?;
        let has_nic = port.nic != NicState::None;
        port.admin_up = change.admin_up.unwrap_or(port.admin_up);
        port.link_up = change.link_up.unwrap_or(port.link_up);
        port.mac = change.mac.unwrap_or(port.mac);
        port.mtu = change.mtu.unwrap_or(port.mtu);
        port.on_failure = change.on_failure.unwrap_or(port.on_failure);
        if let Some(vlan) = change.vlan {
            port.vlan = vlan;
        }
        if nic_changed && has_nic {
            self.announce(EventKind::NicUpdated, id, sink);
        }
        if port_changed {
            self.announce(EventKind::PortUpdated, id, sink);
        }
        Ok(())
    }

    fn expect_nic(&self, id: PortId, states: &[NicState], action: &'static str) -> Result<&Port, PortError> {
        let port = self.port(id).ok_or(PortError::Gone { id })?;
        if states.contains(&port.nic) {
            return Ok(port);
        }
        Err(PortError::WrongState { name: port.name.clone(), state: port.nic, action })
    }
}
