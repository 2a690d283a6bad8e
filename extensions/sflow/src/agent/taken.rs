//! What workers hand to the control thread: sampled and dropped frames, copied.

use crate::datagram::{DiscardReason, ExtendedSwitch, Interface};

/// Room for the first bytes of a frame.
pub const HEADER_ROOM: usize = 256;

/// One item of the queue.
#[derive(Clone, Debug)]
pub enum Taken {
    /// A sampled frame.
    Sample(TakenSample),
    /// A dropped frame.
    Drop(TakenDrop),
}

/// First bytes of a frame and its length.
#[derive(Clone, Debug)]
pub struct TakenHeader {
    /// Length in bytes, VLAN tag included, without FCS.
    pub length: u32,
    used: usize,
    bytes: [u8; HEADER_ROOM],
}

impl TakenHeader {
    /// Copies the first bytes.
    #[must_use]
    pub fn new(length: u32, header: &[u8]) -> Self {
        let mut bytes = [0; HEADER_ROOM];
        let used = bytes.len().min(header.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..used), header.get(..used)) {
            to.copy_from_slice(from);
        }
        Self { length, used, bytes }
    }

    /// The first bytes, at most so many.
    #[must_use]
    pub fn first(&self, most: usize) -> &[u8] {
        self.bytes.get(..self.used.min(most)).unwrap_or(&[])
    }
}

/// A sampled frame as a worker saw it.
#[derive(Clone, Debug)]
pub struct TakenSample {
    /// Worker that saw it.
    pub worker: u32,
    /// Port it came from.
    pub port: u32,
    /// Where it went, or why it did not.
    pub output: Interface,
    /// Its VLANs.
    pub switch: ExtendedSwitch,
    /// Frames the worker had received from the port by then, since sampling began.
    pub pool: u64,
    /// Samples the worker lost before this one.
    pub lost: u32,
    /// Its first bytes.
    pub frame: TakenHeader,
}

/// A dropped frame as a worker saw it.
#[derive(Clone, Debug)]
pub struct TakenDrop {
    /// Port it came from, when known.
    pub input: Option<u32>,
    /// Port it would have gone to, when decided.
    pub output: Option<u32>,
    /// Why.
    pub reason: DiscardReason,
    /// Its VLAN on the way in.
    pub switch: ExtendedSwitch,
    /// Dropped frames the worker did not hand on before this one.
    pub withheld: u64,
    /// Its first bytes; none when it was gone already.
    pub frame: TakenHeader,
}
