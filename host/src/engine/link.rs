//! The way from one worker to another: three bounded single-producer rings and the receiver's bell.

use heddle_switch_core::arena::Buf;
use heddle_switch_core::message::{HandOver, Learnt, Link};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::wake::Wake;

/// Frames under way from one worker to another, at most: 160 ms of 50,000 frames a second. The receiving worker may have
/// to wait that long for a core that it shares.
const FRAMES_MAX: usize = 8_192;
/// The same with many workers, at least.
const FRAMES_MIN: usize = 1_024;
/// Frames under way to one worker from all others, while the bounds above allow it.
const FRAMES_OF_WORKER: usize = 65_536;
/// Learnt addresses under way.
const LEARNT: usize = 8_192;
/// Buffers on their way home.
const BUFFERS: usize = 8_192;

/// The sending end.
pub(crate) struct Outgoing {
    frames: Producer<HandOver>,
    learnt: Producer<Learnt>,
    buffers: Producer<Buf>,
    wake: Wake,
    sent: bool,
}

/// The receiving end.
pub(crate) struct Incoming {
    /// Frames for ports of this worker.
    pub(crate) frames: Consumer<HandOver>,
    /// Addresses the other worker learnt.
    pub(crate) learnt: Consumer<Learnt>,
    /// Buffers that come home.
    pub(crate) buffers: Consumer<Buf>,
}

/// A way to the worker behind `wake`, one of `workers`.
pub(crate) fn link(wake: Wake, workers: usize) -> (Outgoing, Incoming) {
    let share = FRAMES_OF_WORKER / workers.max(1);
    let (frames_in, frames) = RingBuffer::new(share.clamp(FRAMES_MIN, FRAMES_MAX));
    let (learnt_in, learnt) = RingBuffer::new(LEARNT);
    let (buffers_in, buffers) = RingBuffer::new(BUFFERS);
    let outgoing = Outgoing { frames: frames_in, learnt: learnt_in, buffers: buffers_in, wake, sent: false };
    (outgoing, Incoming { frames, learnt, buffers })
}

impl Outgoing {
    /// Wakes the other worker if something was sent since the last time.
    pub(crate) fn ring(&mut self) {
        if std::mem::take(&mut self.sent) {
            self.wake.ring();
        }
    }
}

impl Link for Outgoing {
    fn frame(&mut self, message: HandOver) -> Result<(), HandOver> {
        let pushed = self.frames.push(message).map_err(|PushError::Full(message)| message);
        self.sent |= pushed.is_ok();
        pushed
    }

    fn learnt(&mut self, message: Learnt) -> bool {
        let pushed = self.learnt.push(message).is_ok();
        self.sent |= pushed;
        pushed
    }

    fn buffer(&mut self, buf: Buf) -> Result<(), Buf> {
        // No bell for buffers alone: a worker that sleeps does not need them yet.
        self.buffers.push(buf).map_err(|PushError::Full(buf)| buf)
    }
}

impl Incoming {
    /// Whether something waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.learnt.is_empty()
    }
}
