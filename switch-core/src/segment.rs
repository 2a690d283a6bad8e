//! Software segmentation: cutting one segmentation-offload frame into the wire frames it stands for.
//!
//! A plan is made once per frame (all checks), then `write` produces any wire frame in one pass over its payload:
//! - IPv4: total length, identification + i, header checksum; IPv6: payload length.
//! - TCP: sequence number + i * gso_size; PSH and FIN only on the last, CWR only on the first (RFC 3168 6.1.2); options stay.
//! - UDP: length; every wire frame is a datagram of its own.
//! - the L4 checksum is computed in full, so the seed the sender left need not be right.
//!
//! The seed is used in one case: under an IPv6 routing header with segments left, where only the sender knows the
//! final destination the checksum covers (RFC 8200 8.1).
//!
//! Limits: whole packets only, at most 64 KiB of payload, at most 1,024 wire frames, at least 8 bytes each: a 1-byte MSS
//! would turn one descriptor into 65,536 wire frames. Tags and IPv6 extension headers are copied as they are.
//! Cost: about 135 TSC cycles per 1,514-byte wire frame in L1 (160 from L2), 115 per plan; no allocation.

mod plan;
mod write;

pub use write::WriteError;

use crate::offload::headers::HeaderError;
use thiserror::Error;

/// Most payload bytes a segmentation-offload frame may carry.
pub const MAX_PAYLOAD: usize = 65_536;
/// Most wire frames one frame may stand for.
pub const MAX_SEGMENTS: u32 = 1_024;
/// Fewest payload bytes per wire frame.
pub const MIN_GSO_SIZE: u16 = 8;

/// Why a frame cannot be segmented.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SegmentError {
    /// The offload facts name no segmentation kind.
    #[error("the frame is not a segmentation-offload frame; send it as it is")]
    NotGso,
    /// The payload per wire frame is below the limit.
    #[error("{0} payload bytes per wire frame; at least {MIN_GSO_SIZE} are needed, drop the frame")]
    SizeTooSmall(u16),
    /// The frame would become more wire frames than the limit.
    #[error("the frame stands for {0} wire frames, more than {MAX_SEGMENTS}; drop the frame")]
    TooManySegments(u32),
    /// The payload is above the limit.
    #[error("{0} payload bytes in one frame, more than {MAX_PAYLOAD}; drop the frame")]
    PayloadTooLong(usize),
    /// One wire frame would not fit the IP length field.
    #[error("a wire frame would hold an IP packet of {0} bytes, more than its length field can say; drop the frame")]
    SegmentTooLong(usize),
    /// The headers do not parse.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The L4 header is not where the caller says.
    #[error("the L4 header is at byte {found}, not at byte {given}; parse the frame again")]
    L4Elsewhere {
        /// Where the caller says it is.
        given: u16,
        /// Where the frame has it.
        found: u16,
    },
    /// The segmentation kind does not fit the IP version or the protocol of the frame.
    #[error("the segmentation kind does not fit IP protocol {protocol} of the frame; drop the frame")]
    KindMismatch {
        /// The frame's IP protocol.
        protocol: u8,
    },
    /// An IP fragment.
    #[error("an IP fragment cannot be segmented; drop the frame")]
    Fragment,
    /// No partial checksum, or one that is not the L4 checksum.
    #[error("a segmentation-offload frame must leave its L4 checksum partial; drop the frame")]
    ChecksumNotPartial,
    /// A TCP SYN that stands for several wire frames.
    #[error("a TCP SYN cannot stand for {0} wire frames; drop the frame")]
    Syn(u32),
}

/// L4 protocol of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum L4 {
    Tcp,
    Udp,
}

/// How one frame is cut; made by `new`, good for that frame only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentPlan {
    l3: usize,
    l4: usize,
    /// All headers up to the payload.
    header_len: usize,
    payload_len: usize,
    gso_size: usize,
    count: u32,
    ipv4: bool,
    protocol: L4,
    /// Sum of the IPv4 header without total length, identification and checksum; 0 for IPv6.
    ipv4_sum: u32,
    /// Sum of the pseudo-header and the L4 header without every word `write` sets, and without the length.
    l4_sum: u32,
}

impl SegmentPlan {
    /// How many wire frames there are, 1 to `MAX_SEGMENTS`.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Length of the headers every wire frame repeats.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// Length of the `index`-th wire frame without FCS; 0 when there is none.
    pub fn segment_len(&self, index: u32) -> usize {
        self.payload_range(index).map_or(0, |range| self.header_len + range.len())
    }

    /// Bytes of all wire frames together, without FCS.
    pub fn wire_bytes(&self) -> u64 {
        wire_bytes(self.header_len + self.payload_len, self.header_len, self.gso_size)
    }

    /// Where the payload of the `index`-th wire frame lies in the frame.
    fn payload_range(&self, index: u32) -> Option<std::ops::Range<usize>> {
        if index >= self.count {
            return None;
        }
        let from = usize::try_from(index).ok()? * self.gso_size;
        let to = self.payload_len.min(from + self.gso_size);
        Some(self.header_len + from..self.header_len + to)
    }
}

/// How many wire frames a frame of `frame_len` bytes stands for; 1 when `gso_size` is 0 or nothing is to be cut.
pub fn wire_segments(frame_len: usize, header_len: usize, gso_size: usize) -> u32 {
    let payload = frame_len.saturating_sub(header_len);
    if gso_size == 0 || payload <= gso_size {
        return 1;
    }
    u32::try_from(payload.div_ceil(gso_size)).unwrap_or(u32::MAX)
}

/// How many bytes without FCS the wire frames of a frame have together: the headers count once per wire frame.
pub fn wire_bytes(frame_len: usize, header_len: usize, gso_size: usize) -> u64 {
    let repeats = u64::from(wire_segments(frame_len, header_len, gso_size) - 1);
    // usize is at most 64 bits on every target Linux has.
    let bytes = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    bytes(frame_len).saturating_add(repeats.saturating_mul(bytes(header_len)))
}
