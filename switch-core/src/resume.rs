//! Frames that wait to go on behind the point they were parked at, in the order they must go on.
//!
//! Frames furthest along their way go first, and within one point in the order they were parked. A frame further along
//! was sent earlier than any other of its flow, so no frame overtakes one of its own flow, whichever extensions let their
//! frames go, in whatever order. Bounded: [`RESUME_MAX`] frames per worker that extensions let go, and as many that they
//! injected, of each extension [`INJECTED_MAX`]: injections take no room from what was a frame before.
//!
//! Cost: one queue per point in use, kept when it is empty for as long as its extension is there; nothing is allocated once
//! each has had its largest size.

use std::cmp::Ordering;
use std::collections::VecDeque;

use heddle_extension_api::abi::packet::Packet;

use crate::burst::Slot;
use crate::port_id::PortId;
use crate::stage::{Leg, Position, ResumePoint};

/// Frames waiting to re-enter the pipeline, per worker.
pub const RESUME_MAX: usize = 8_192;
/// Injected frames of one extension among them.
pub const INJECTED_MAX: usize = RESUME_MAX / 2;

/// A frame that waits to go on.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) packet: Packet,
    pub(crate) slot: Slot,
    /// An extension made it.
    pub(crate) injected: bool,
}

/// The frames of one worker.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Furthest along first.
    points: Vec<(ResumePoint, VecDeque<Parked>)>,
    len: usize,
    /// Injected ones of these.
    injected: usize,
}

impl Waiting {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queues a frame; gives it back when there is no room.
    pub(crate) fn push(&mut self, parked: Parked, resume: ResumePoint) -> Result<(), Parked> {
        let injected = parked.injected;
        let of_its_kind = if injected { self.injected } else { self.len - self.injected };
        if of_its_kind >= RESUME_MAX {
            return Err(parked);
        }
        let at = match self.points.binary_search_by(|(point, _)| order(*point, resume)) {
            Ok(at) => at,
            Err(at) => {
                self.points.insert(at, (resume, VecDeque::new()));
                at
            }
        };
        if let Some((_, queue)) = self.points.get_mut(at) {
            // What waits behind an extension on ingress is its own.
            if injected && queue.len() >= INJECTED_MAX {
                return Err(parked);
            }
            queue.push_back(parked);
            self.len += 1;
            self.injected += usize::from(injected);
        }
        Ok(())
    }

    /// The point at which the next frames go on.
    pub(crate) fn next_point(&self) -> Option<ResumePoint> {
        if self.len == 0 {
            return None;
        }
        self.points.iter().find(|(_, queue)| !queue.is_empty()).map(|(point, _)| *point)
    }

    /// The next frame of a point.
    pub(crate) fn pop(&mut self, resume: ResumePoint) -> Option<Parked> {
        let at = self.points.binary_search_by(|(point, _)| order(*point, resume)).ok()?;
        let parked = self.points.get_mut(at)?.1.pop_front()?;
        self.len -= 1;
        self.injected -= usize::from(parked.injected);
        Some(parked)
    }

    /// Takes out the frames that come from or go to a port.
    pub(crate) fn take_port(&mut self, port: PortId) -> Vec<Parked> {
        let of_port = |parked: &Parked| parked.slot.source == port || parked.slot.destination == port;
        let mut taken = Vec::new();
        for (_, queue) in &mut self.points {
            if queue.iter().any(of_port) {
                let (gone, stay): (Vec<Parked>, Vec<Parked>) = queue.drain(..).partition(of_port);
                queue.extend(stay);
                taken.extend(gone);
            }
        }
        self.len -= taken.len();
        self.injected -= taken.iter().filter(|parked| parked.injected).count();
        taken
    }

    /// Follows extensions to their new positions, so that no frame meets again the one it has passed. `None` says that
    /// nobody is at a position any more: its queue is forgotten once it is empty, or each extension that comes and goes
    /// would leave one behind.
    pub(crate) fn moved(&mut self, to: impl Fn(Position) -> Option<Position>) {
        for (mut point, queue) in std::mem::take(&mut self.points) {
            let now = to(point.after);
            if now.is_none() && queue.is_empty() {
                continue;
            }
            point.after = now.unwrap_or(point.after);
            match self.points.binary_search_by(|(known, _)| order(*known, point)) {
                Ok(at) => self.points[at].1.extend(queue),
                Err(at) => self.points.insert(at, (point, queue)),
            }
        }
    }
}

/// Furthest along first: egress before ingress; egress runs towards smaller positions.
fn order(a: ResumePoint, b: ResumePoint) -> Ordering {
    match (a.leg, b.leg) {
        (Leg::Ingress, Leg::Ingress) => b.after.cmp(&a.after),
        (Leg::Egress, Leg::Egress) => a.after.cmp(&b.after),
        (Leg::Egress, Leg::Ingress) => Ordering::Less,
        (Leg::Ingress, Leg::Egress) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Role;

    fn position(nth: u16) -> Position {
        Position::of(Role::Filter, nth)
    }

    fn point(after: u16) -> ResumePoint {
        ResumePoint { leg: Leg::Ingress, after: position(after) }
    }

    fn parked() -> Parked {
        Parked { packet: Packet::default(), slot: Slot::EMPTY, injected: false }
    }

    #[test]
    fn injected_frames_take_no_room_from_others() {
        let mut waiting = Waiting::default();
        let injected = || Parked { injected: true, ..parked() };
        for nth in 1..=3 {
            let taken = (0..RESUME_MAX).take_while(|_| waiting.push(injected(), point(nth)).is_ok()).count();
            assert_eq!(taken, if nth < 3 { INJECTED_MAX } else { 0 }, "of extension {nth}");
        }
        let taken = (0..=RESUME_MAX).take_while(|_| waiting.push(parked(), point(3)).is_ok()).count();
        assert_eq!((taken, waiting.len()), (RESUME_MAX, 2 * RESUME_MAX));
        assert!(waiting.pop(point(1)).is_some() && waiting.push(parked(), point(1)).is_err());
        assert!(waiting.push(injected(), point(1)).is_ok());
    }

    #[test]
    fn extensions_that_come_and_go_leave_no_queue_behind() {
        let mut waiting = Waiting::default();
        for nth in 1..=1_000 {
            waiting.push(parked(), point(nth)).expect("there is room");
            assert!(waiting.pop(point(nth)).is_some());
            waiting.moved(|_| None);
        }
        assert!(waiting.points.is_empty(), "{} queues", waiting.points.len());
    }

    #[test]
    fn queue_of_an_extension_that_stays_keeps_its_room() {
        let mut waiting = Waiting::default();
        (0..100).for_each(|_| waiting.push(parked(), point(1)).expect("there is room"));
        while waiting.pop(point(1)).is_some() {}
        let room = waiting.points[0].1.capacity();
        waiting.moved(|_| Some(position(7)));
        assert_eq!((waiting.points[0].0, waiting.points[0].1.capacity()), (point(7), room));
    }

    #[test]
    fn frames_behind_an_extension_that_is_gone_stay_in_order() {
        let mut waiting = Waiting::default();
        waiting.push(parked(), point(3)).expect("there is room");
        waiting.push(parked(), point(5)).expect("there is room");
        waiting.moved(|at| (at == position(5)).then(|| position(4)));
        assert_eq!((waiting.next_point(), waiting.len()), (Some(point(4)), 2));
        assert!(waiting.pop(point(4)).is_some() && waiting.pop(point(3)).is_some());
    }
}
