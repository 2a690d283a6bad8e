//! What one worker tells another.
//!
//! Three kinds of message, each on a bounded single-producer ring of the host: frames for a port the other worker owns,
//! learnt addresses, and buffers on their way home. A full ring never blocks: a frame is dropped as `handover-full`, a
//! learnt address is counted as lost (the other worker floods or learns itself), a buffer waits in the outbox.

use crate::arena::Buf;
use crate::fdb::FdbKey;
use crate::frame::TxFrame;
use crate::port_id::PortId;

/// A frame for a port that another worker owns.
#[derive(Debug)]
pub struct HandOver {
    /// The port.
    pub port: PortId,
    /// The frame.
    pub frame: TxFrame,
}

/// An address learnt or seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learnt {
    /// VLAN and address.
    pub key: FdbKey,
    /// Port behind which it is.
    pub port: PortId,
    /// When, in seconds.
    pub now_s: u32,
}

/// The way to another worker.
pub trait Link {
    /// Sends a frame, or gives it back when the ring is full.
    fn frame(&mut self, message: HandOver) -> Result<(), HandOver>;
    /// Sends a learnt address; false when the ring is full.
    fn learnt(&mut self, message: Learnt) -> bool;
    /// Sends a buffer home, or gives it back when the ring is full.
    fn buffer(&mut self, buf: Buf) -> Result<(), Buf>;
}

/// Frames and addresses collected for one other worker during a burst.
#[derive(Default)]
pub struct Outbox {
    /// Frames.
    pub frames: Vec<HandOver>,
    /// Addresses.
    pub learnt: Vec<Learnt>,
}

/// Frames collected for one other worker at most, as many as the longest ring between two workers of a host; more are
/// dropped as `handover-full`. One burst can multiply: by flooding, by mirrors, by cutting segments.
pub const FRAMES_MAX: usize = 8_192;

/// Addresses collected for one other worker at most; more are counted as lost.
pub const LEARNT_MAX: usize = 4_096;
