//! Frames that wait for a child: for room, for an exchange of versions, or to go on without it. Always in the order they came.
//!
//! While any wait, newer ones wait behind them. They are lent, as those are whose copies are under way, so whatever becomes
//! of the child they go on. For room wait at most [`WAITING_MAX`] frames of a worker; for an exchange as many as the control
//! side lets, which stops it in time.

use std::collections::VecDeque;

use heddle_switch_core::burst::BURST;
use heddle_switch_core::call::Call;
use heddle_switch_core::stage::{CallEnd, Leg, Role};

use super::super::layout::{JOB_EGRESS, JOB_INGRESS};
use super::IsolatedStage;

/// Frames that wait for room, at most; what is more is dropped.
const WAITING_MAX: usize = 2_048;
/// Jobs under way while older frames wait to be sent.
const FED_MAX: usize = 4;

/// What a context leaves to the one that takes its place.
pub(super) struct HandedOver {
    /// Frames lent to it, oldest first.
    waiting: VecDeque<(u64, Leg)>,
    /// What its child holds.
    holds: Box<[Option<u64>]>,
}

impl IsolatedStage {
    /// A batch that waits behind older ones.
    pub(super) fn keep_waiting(&mut self, call: &mut Call<'_>) -> CallEnd {
        self.keep_from(call, 0);
        CallEnd::Returned
    }

    /// Packets from `first` on wait; what is more than may wait is dropped.
    pub(super) fn keep_from(&mut self, call: &mut Call<'_>, first: usize) {
        // For an exchange of versions the control side says how many may wait.
        let most = if self.guest.parking().is_wanted() { usize::MAX } else { WAITING_MAX };
        for index in first..call.len() {
            let handle = if self.stranded.len() < most { call.lend(index) } else { None };
            match handle {
                Some(handle) => self.stranded.push_back((handle, call.leg())),
                None => self.refuse(call, index),
            }
        }
    }

    /// Frames that go on without the child, as many as fit in a batch.
    pub(super) fn give_back(&mut self, call: &mut Call<'_>) -> Option<CallEnd> {
        if call.entry().role == Role::Capture {
            while let Some(job) = self.ring.oldest_with_frames() {
                job.frames.clear();
            }
        }
        if let Some(job) = self.ring.oldest_with_frames() {
            for frame in job.frames.drain(..) {
                call.recall(frame.handle);
            }
        } else {
            // A batch is of one leg.
            let (_, leg) = *self.stranded.front()?;
            while call.len() < BURST
                && let Some((handle, _)) = self.stranded.pop_front_if(|(_, of)| *of == leg)
            {
                call.recall(handle);
            }
        }
        call.recalled();
        Some(CallEnd::Gone(self.guest.codes().gone))
    }

    /// Sends frames on that waited, as many as fit in a batch and find room; a few batches at a time, so that none of them is
    /// late for being one of many.
    pub(super) fn feed(&mut self, call: &mut Call<'_>) -> Option<CallEnd> {
        let (_, leg) = *self.stranded.front().filter(|_| self.ring.under_way() < FED_MAX)?;
        let mut room = 0;
        while call.len() < BURST
            && let Some((handle, _)) = self.stranded.front().copied().filter(|(_, of)| *of == leg)
        {
            // One that ended meanwhile, with its port, takes none.
            let bytes = call.lent_room(handle).unwrap_or(0);
            if !self.ring.fits(room + bytes) {
                break;
            }
            room += bytes;
            self.stranded.pop_front();
            call.recall(handle);
        }
        if call.is_empty() {
            return None;
        }
        call.recalled();
        let sent = self.send(call, if leg == Leg::Ingress { JOB_INGRESS } else { JOB_EGRESS });
        // Not reached: there is room for them. They are counted, and none overtakes another.
        (sent..call.len()).for_each(|index| self.refuse(call, index));
        Some(CallEnd::Returned)
    }

    /// What was lent and is not back, for the context that takes this one's place.
    pub(super) fn give_up(&mut self) -> HandedOver {
        let mut waiting = VecDeque::new();
        while let Some((number, job)) = self.ring.take() {
            let leg = if job.kind == JOB_EGRESS { Leg::Egress } else { Leg::Ingress };
            // Captures were only shown copies.
            waiting.extend(job.frames.iter().filter(|frame| frame.handle != 0).map(|frame| (frame.handle, leg)));
            self.ring.recycle(number, job);
        }
        waiting.append(&mut self.stranded);
        self.late = false;
        HandedOver { waiting, holds: self.replay.give_holds() }
    }

    /// Takes up what another context was lent.
    pub(super) fn take_up(&mut self, handed: HandedOver, keeps_held: bool) {
        self.stranded = handed.waiting;
        if keeps_held {
            self.replay.take_holds(handed.holds);
        }
    }
}
