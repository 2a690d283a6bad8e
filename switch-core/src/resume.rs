//! Frames that wait to go on behind the point they were parked at, in the order they must go on.
//!
//! Frames furthest along their way go first, and within one point in the order they were parked. A frame further along
//! was sent earlier than any other of its flow, so no frame overtakes one of its own flow, whichever extensions let their
//! frames go, in whatever order. Bounded: [`RESUME_MAX`] frames per worker.
//!
//! Cost: one queue per point in use, kept when it is empty; nothing is allocated once each has had its largest size.

use std::cmp::Ordering;
use std::collections::VecDeque;

use heddle_extension_api::abi::packet::Packet;

use crate::burst::Slot;
use crate::port_id::PortId;
use crate::stage::{Leg, Position, ResumePoint};

/// Frames waiting to re-enter the pipeline, per worker.
pub const RESUME_MAX: usize = 8_192;

/// A frame that waits to go on.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) packet: Packet,
    pub(crate) slot: Slot,
}

/// The frames of one worker.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Furthest along first.
    points: Vec<(ResumePoint, VecDeque<Parked>)>,
    len: usize,
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
        if self.len >= RESUME_MAX {
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
            queue.push_back(parked);
            self.len += 1;
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
        taken
    }

    /// Follows extensions to their new positions, so that no frame meets again the one it has passed.
    pub(crate) fn moved(&mut self, to: impl Fn(Position) -> Position) {
        let points = std::mem::take(&mut self.points);
        self.len = 0;
        for (mut point, queue) in points {
            point.after = to(point.after);
            for parked in queue {
                // There was room for all of them before.
                let _ = self.push(parked, point);
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
