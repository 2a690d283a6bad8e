//! The extension stack of a switch: order, the one forwarding extension, and what a newcomer is told.
//!
//! Order between roles is fixed; within a role the newest extension is nearest to the protocol edge (model 3.3).

use super::Switch;
use super::event::{ControlEvent, EventKind, EventSink, Veto};
use super::port::{NicState, Port};
use crate::drop_codes::DropCodes;
use crate::stage::{OnFailure, Position, Role, StageEntry, StageId};

/// An extension to be enabled.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// Role.
    pub role: Role,
    /// Whether it has an ingress function.
    pub ingress: bool,
    /// Whether it has an egress function.
    pub egress: bool,
    /// Whether it has a periodic function on workers.
    pub tick: bool,
    /// Header bytes wanted of sampled frames; `None` when it does not sample.
    pub sampling: Option<u16>,
    /// Frames it may hold at a time on one worker.
    pub hold_quota: u32,
    /// Longest time it may hold a frame, in nanoseconds.
    pub hold_max_ns: u64,
    /// What happens to frames when it fails.
    pub on_failure: OnFailure,
    /// Drop codes it registers.
    pub codes: DropCodes,
}

impl StageSpec {
    fn at(&self, id: StageId, position: Position) -> StageEntry {
        StageEntry {
            id,
            role: self.role,
            position,
            ingress: self.ingress,
            egress: self.egress,
            tick: self.tick,
            sampling: self.sampling,
            hold_quota: self.hold_quota,
            hold_max_ns: self.hold_max_ns,
            on_failure: self.on_failure,
            codes: self.codes.clone(),
        }
    }
}

/// Why an extension cannot be enabled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnableError {
    /// There is a forwarding extension already.
    #[error("the switch has a forwarding extension already; disable it first")]
    SecondForwarding {
        /// The one in place.
        holder: StageId,
    },
    /// The newcomer refused a port that exists.
    #[error("it refused {what}: {veto}")]
    Refused {
        /// Port or NIC it refused, or the switch.
        what: String,
        /// Its words.
        veto: Veto,
    },
    /// All places of its role were used up in the life of the switch.
    #[error("65,535 extensions of this role were enabled in the life of the switch; create it anew")]
    OrderUsedUp,
}

impl Switch {
    /// Gives an extension its identity and tells it of everything there is; [`Switch::enable`] then puts it into the stack.
    pub fn introduce(&mut self, spec: &StageSpec, sink: &mut dyn EventSink) -> Result<StageEntry, EnableError> {
        if spec.role == Role::Forwarding
            && let Some(holder) = self.stack.iter().find(|stage| stage.role == Role::Forwarding)
        {
            return Err(EnableError::SecondForwarding { holder: holder.id });
        }
        let class = match spec.role {
            Role::Capture => 0,
            Role::Filter => 1,
            Role::Forwarding => 2,
        };
        let order = self.next_order[class].checked_sub(1).ok_or(EnableError::OrderUsedUp)?;
        let id = StageId(self.next_stage);
        self.next_stage += 1;
        self.next_order[class] = order;
        self.tell_all(id, sink)?;
        Ok(spec.at(id, Position::of(spec.role, order)))
    }

    /// Everything that exists, in the order in which it came to be: what an extension would have seen from the start.
    fn tell_all(&self, id: StageId, sink: &mut dyn EventSink) -> Result<(), EnableError> {
        let mut tell = |kind: EventKind, port: Option<&Port>| {
            sink.event(id, &ControlEvent { kind, port }).map_err(|veto| EnableError::Refused {
                what: port.map_or("the switch".to_owned(), |port| format!("port '{}'", port.name)),
                veto,
            })
        };
        tell(EventKind::SwitchCreate, None)?;
        for port in self.ports() {
            tell(EventKind::PortCreate, Some(port))?;
            if port.nic != NicState::None {
                tell(EventKind::NicCreate, Some(port))?;
            }
            if port.nic == NicState::Connected {
                tell(EventKind::NicConnect, Some(port))?;
            }
        }
        tell(EventKind::SwitchActivate, None)
    }

    /// Tells a newcomer that is to take the place of extension `id` of everything there is.
    pub fn acquaint(&self, id: StageId, sink: &mut dyn EventSink) -> Result<(), EnableError> {
        self.tell_all(id, sink)
    }

    /// Puts another version into the place of an extension: same identity, same position; gives what was there.
    pub fn exchange(&mut self, id: StageId, spec: &StageSpec) -> Option<StageEntry> {
        let place = self.stack.iter_mut().find(|stage| stage.id == id)?;
        let now = StageEntry { role: place.role, ..spec.at(id, place.position) };
        Some(std::mem::replace(place, now))
    }

    /// Puts what [`Switch::exchange`] gave back into its place.
    pub fn put_back(&mut self, entry: StageEntry) {
        if let Some(place) = self.stack.iter_mut().find(|stage| stage.id == entry.id) {
            // It may have been moved since, and its policy changed.
            let (position, on_failure) = (place.position, place.on_failure);
            *place = StageEntry { position, on_failure, ..entry };
        }
    }

    /// Changes what happens to frames when an extension fails; with the next snapshot.
    pub fn set_on_failure(&mut self, id: StageId, on_failure: OnFailure) {
        self.stack.iter_mut().filter(|stage| stage.id == id).for_each(|stage| stage.on_failure = on_failure);
    }

    /// Puts an introduced extension into the stack.
    pub fn enable(&mut self, entry: StageEntry) {
        self.stack.push(entry);
        self.stack.sort_by_key(|stage| stage.position);
    }

    /// Puts a stand-in into the place of an extension that was taken out: its calls fail, so that fail policies decide.
    pub fn stand_in(&mut self, gone: &StageEntry) -> StageId {
        let id = StageId(self.next_stage);
        self.next_stage += 1;
        self.enable(StageEntry { id, tick: false, sampling: None, hold_quota: 0, ..gone.clone() });
        id
    }

    /// Puts extensions into a new ingress order: within each role, those named share out the places they have among
    /// themselves in the order given. Order between roles cannot change; identities that are not in the stack say nothing.
    pub fn reorder(&mut self, order: &[StageId]) {
        for role in [Role::Capture, Role::Filter, Role::Forwarding] {
            let is_named = |stage: &StageEntry| stage.role == role && order.contains(&stage.id);
            // In the order of the stack, which is that of the places.
            let places: Vec<Position> =
                self.stack.iter().filter(|stage| is_named(stage)).map(|stage| stage.position).collect();
            let mut places = places.into_iter();
            // One named twice has its first place.
            let first = |(at, id): &(usize, &StageId)| !order.iter().take(*at).any(|before| before == *id);
            for (_, id) in order.iter().enumerate().filter(first) {
                let found = self.stack.iter_mut().find(|stage| stage.id == *id && stage.role == role);
                if let Some(stage) = found
                    && let Some(place) = places.next()
                {
                    stage.position = place;
                }
            }
        }
        self.stack.sort_by_key(|stage| stage.position);
    }

    /// Takes an extension out of the stack.
    pub fn disable(&mut self, id: StageId) -> Option<StageEntry> {
        let at = self.stack.iter().position(|stage| stage.id == id)?;
        Some(self.stack.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::SwitchKind;

    fn entry(id: u32, role: Role, order: u16) -> StageEntry {
        StageEntry {
            id: StageId(id),
            role,
            position: Position::of(role, order),
            ingress: true,
            egress: true,
            tick: false,
            sampling: None,
            hold_quota: 0,
            hold_max_ns: 0,
            on_failure: OnFailure::Open,
            codes: Default::default(),
        }
    }

    #[test]
    fn a_new_order_moves_within_roles_only() {
        let mut switch = Switch::new(SwitchKind::Private, 300);
        for (id, role, order) in
            [(1, Role::Capture, 9), (2, Role::Capture, 5), (3, Role::Filter, 7), (4, Role::Filter, 2)]
        {
            switch.enable(entry(id, role, order));
        }
        let ids = |switch: &Switch| switch.stack().iter().map(|stage| stage.id.0).collect::<Vec<_>>();
        let places = |switch: &Switch| switch.stack().iter().map(|stage| stage.position).collect::<Vec<_>>();
        assert_eq!(ids(&switch), [2, 1, 4, 3]);
        let before = places(&switch);
        switch.reorder(&[StageId(3), StageId(1), StageId(4), StageId(77), StageId(2)]);
        assert_eq!((ids(&switch), places(&switch)), (vec![1, 2, 3, 4], before));
        // Twice the same identity takes one place.
        switch.reorder(&[StageId(4), StageId(4), StageId(3)]);
        let before = places(&switch);
        switch.reorder(&[StageId(3), StageId(4)]);
        assert_eq!((ids(&switch), places(&switch)), (vec![1, 2, 3, 4], before));
    }
}
