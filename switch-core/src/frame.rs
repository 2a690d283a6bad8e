//! What crosses between a port backend and the core: received frames and frames to send.
//!
//! Backends hand over frames as they came (tag in the data or recovered beside it) and take frames as they shall leave.
//! The outermost 802.1Q tag of a [`TxFrame`] is not in its data: a backend gathers it in (`writev`, a descriptor in
//! front) or writes it into a buffer it alone refers to. Both structs own their buffer.

use crate::arena::{Buf, HEADROOM};
use crate::offload::{GsoKind, Offload};
use crate::segment::{wire_bytes, wire_segments};

/// A frame from a port.
#[derive(Debug)]
pub struct RxFrame {
    /// The buffer.
    pub buf: Buf,
    /// Length in bytes from `start`.
    pub length: u32,
    /// First byte of the frame in the buffer, at least [`HEADROOM`].
    pub start: u16,
    /// Tag control information of an 802.1Q tag (TPID 0x8100) that the device took out of the data.
    pub vlan_tci: Option<u16>,
    /// Partial checksum and segmentation facts, already validated.
    pub offload: Offload,
}

impl RxFrame {
    /// A plain frame right behind the headroom.
    pub fn plain(buf: Buf, length: u32) -> RxFrame {
        RxFrame { buf, length, start: HEADROOM, vlan_tci: None, offload: Offload::default() }
    }
}

/// A frame to a port.
#[derive(Debug)]
pub struct TxFrame {
    /// The buffer; it may be shared with other deliveries, so it is read-only here.
    pub buf: Buf,
    /// Length in bytes from `start`, without the tag.
    pub length: u32,
    /// First byte of the frame in the buffer.
    pub start: u16,
    /// Tag to insert behind the source MAC.
    pub vlan_tci: Option<u16>,
    /// What the device still has to do; only what its [`Capabilities`] offer.
    pub offload: Offload,
    /// Layer 4 offset in bytes from the first byte, 0 = unknown; a GSO frame's headers end behind it.
    pub l4: u16,
    /// Length of all headers of a segmentation-offload frame in bytes; 0 for others.
    pub header_len: u16,
}

impl TxFrame {
    /// Wire frames this stands for, and their bytes (tag included, without FCS).
    #[inline]
    pub fn wire(&self) -> (u64, u64) {
        let tag: u64 = if self.vlan_tci.is_some() { 4 } else { 0 };
        if self.offload.gso == GsoKind::None || self.offload.gso_size == 0 {
            return (1, u64::from(self.length) + tag);
        }
        let (frame, headers, size) =
            (self.length as usize, usize::from(self.header_len), usize::from(self.offload.gso_size));
        let segments = u64::from(wire_segments(frame, headers, size));
        (segments, wire_bytes(frame, headers, size) + segments * tag)
    }
}

/// What a port's device does on transmit, so that the core need not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Completes partial checksums.
    pub checksum: bool,
    /// Segments TCP over IPv4 and IPv6.
    pub tcp_segmentation: bool,
    /// Segments UDP (UDP_SEGMENT).
    pub udp_segmentation: bool,
}

/// What became of the frames of one transmit call. Everything handed over is in exactly one of these numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxReport {
    /// Accepted by the device.
    pub sent: u32,
    /// Wire frames these stand for (segmentation-offload frames count their segments).
    pub sent_segments: u64,
    /// Bytes of these wire frames, tags included, without FCS.
    pub sent_bytes: u64,
    /// Refused: the device's queue is full.
    pub queue_full: u32,
    /// Refused: longer than the device takes.
    pub too_long: u32,
    /// Refused: the device is gone or down.
    pub device_gone: u32,
    /// Refused: the device rejects the frame itself (a runt, or offload facts it does not take).
    pub refused: u32,
}

impl TxReport {
    /// Counts a frame the device accepted.
    #[inline]
    pub fn count_sent(&mut self, frame: &TxFrame) {
        let (segments, bytes) = frame.wire();
        self.sent += 1;
        self.sent_segments += segments;
        self.sent_bytes += bytes;
    }
}
