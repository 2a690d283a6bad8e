//! A switch as the control side keeps it: ports and NICs with their states, the extension stack, and the order of events.
//!
//! Pure bookkeeping: nothing here touches a device or a worker. Each change first tells the extensions in guaranteed
//! order (a filter or forwarding extension may veto creations; those that had accepted are told of the deletion), then
//! changes the tables. The host turns the tables into a [`Snapshot`] and publishes it.
//!
//! Order for one port: create port, create NIC, connect NIC, updates, disconnect NIC, delete NIC, tear down port, delete
//! port. Calls out of order are refused with the state that forbids them.

mod event;
mod port;
mod publish;
mod stack;

pub use event::{ControlEvent, EventKind, EventSink, Veto};
pub use port::{NicState, Port, PortChange, PortError, PortKind, PortSpec};
pub use stack::{EnableError, StageSpec};

use std::sync::Arc;

use crate::port_id::PortId;
use crate::snapshot::Snapshot;
use crate::stage::{StageEntry, StageId};

/// Kind of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchKind {
    /// Has one external port.
    External,
    /// Host and machines, no external port.
    Internal,
    /// Machines only.
    Private,
}

/// The switch.
pub struct Switch {
    kind: SwitchKind,
    ageing_s: u32,
    ports: Vec<Option<Port>>,
    generations: Vec<u32>,
    stack: Vec<StageEntry>,
    next_stage: u32,
    next_order: [u16; 3],
    version: u64,
}

impl Switch {
    /// A switch without ports and extensions.
    pub fn new(kind: SwitchKind, ageing_s: u32) -> Switch {
        Switch {
            kind,
            ageing_s,
            ports: Vec::new(),
            generations: Vec::new(),
            stack: Vec::new(),
            next_stage: 1,
            next_order: [u16::MAX; 3],
            version: 0,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> SwitchKind {
        self.kind
    }

    /// Ageing time of learnt addresses, in seconds.
    pub fn ageing_s(&self) -> u32 {
        self.ageing_s
    }

    /// All ports, by slot.
    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter().flatten()
    }

    /// A port by id.
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(id.slot()).and_then(Option::as_ref).filter(|port| port.id == id)
    }

    /// The extensions in ingress order.
    pub fn stack(&self) -> &[StageEntry] {
        &self.stack
    }

    /// The entry of an enabled extension.
    pub fn stage(&self, id: StageId) -> Option<&StageEntry> {
        self.stack.iter().find(|stage| stage.id == id)
    }

    /// The view workers forward by, from the tables as they are now.
    pub fn snapshot(&mut self, groups: Vec<Option<Arc<[PortId]>>>) -> Snapshot {
        self.version += 1;
        publish::snapshot(self, groups)
    }
}
