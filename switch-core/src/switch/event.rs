//! Control events and the veto.

use super::Switch;
use super::port::Port;
use crate::port_id::PortId;
use crate::stage::{Role, StageId};

/// What happened; the names are those of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The extension is bound to the switch.
    SwitchCreate,
    /// The switch is complete: ports may be queried.
    SwitchActivate,
    /// The extension is being unbound, or the switch deleted.
    SwitchDelete,
    /// A port is created.
    PortCreate,
    /// A port's name or policy changed.
    PortUpdated,
    /// A port is about to be deleted.
    PortTeardown,
    /// A port is gone.
    PortDelete,
    /// A NIC is created on a port.
    NicCreate,
    /// The NIC is connected.
    NicConnect,
    /// The NIC's MAC, MTU or link changed.
    NicUpdated,
    /// The NIC is disconnected.
    NicDisconnect,
    /// The NIC is gone.
    NicDelete,
}

impl EventKind {
    /// Whether an extension may refuse it.
    pub fn may_be_vetoed(self) -> bool {
        matches!(self, EventKind::PortCreate | EventKind::NicCreate)
    }

    /// What those that accepted are told when a lower one vetoes.
    fn undone_by(self) -> Option<EventKind> {
        match self {
            EventKind::PortCreate => Some(EventKind::PortDelete),
            EventKind::NicCreate => Some(EventKind::NicDelete),
            _ => None,
        }
    }
}

/// An event on its way to an extension.
#[derive(Clone, Copy, Debug)]
pub struct ControlEvent<'a> {
    /// What happened.
    pub kind: EventKind,
    /// The port as it is after the event; `None` for events of the switch.
    pub port: Option<&'a Port>,
}

/// An extension's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Veto {
    /// Who refused.
    pub stage: StageId,
    /// Its own words.
    pub reason: String,
    /// Whether it may be asked again: it lacks something that may be there later.
    pub for_now: bool,
}

/// Takes events to extensions.
pub trait EventSink {
    /// Tells one extension; an error is a veto where the model allows one and is ignored elsewhere.
    fn event(&mut self, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto>;

    /// Tells one extension how a request ended that it had accepted.
    fn completed(&mut self, stage: StageId, event: &ControlEvent<'_>, outcome: Result<(), &Veto>) {
        let _ = (stage, event, outcome);
    }
}

impl Switch {
    /// Tells every extension, from the protocol edge inwards.
    pub(super) fn tell(&self, kind: EventKind, port: &Port, sink: &mut dyn EventSink) -> Result<(), Veto> {
        let event = ControlEvent { kind, port: Some(port) };
        for (told, stage) in self.stack.iter().enumerate() {
            let answer = sink.event(stage.id, &event);
            // On a validation port, what is only unavailable now is no objection.
            let counts = kind.may_be_vetoed() && stage.role != Role::Capture;
            let (Err(veto), true) = (answer, counts) else { continue };
            if port.validation && veto.for_now {
                continue;
            }
            if let Some(undo) = kind.undone_by() {
                let undo = ControlEvent { kind: undo, port: Some(port) };
                for accepted in &self.stack[..told] {
                    // Undoing cannot be refused.
                    let _ = sink.event(accepted.id, &undo);
                }
            }
            // The lowest hears of it first, as completions travel.
            for accepted in self.stack[..told].iter().rev() {
                sink.completed(accepted.id, &event, Err(&veto));
            }
            return Err(veto);
        }
        if kind.may_be_vetoed() {
            for accepted in self.stack.iter().rev() {
                sink.completed(accepted.id, &event, Ok(()));
            }
        }
        Ok(())
    }

    /// Tells every extension of a port event that cannot be refused.
    pub(super) fn announce(&self, kind: EventKind, id: PortId, sink: &mut dyn EventSink) {
        if let Some(port) = self.port(id) {
            // `tell` only fails for events that may be vetoed.
            let _ = self.tell(kind, port, sink);
        }
    }
}
