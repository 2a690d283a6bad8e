//! The offload facts of one frame as the host keeps them, and their exchange with `struct virtio_net_hdr`.
//!
//! TAP (IFF_VNET_HDR with TUNSETVNETLE), AF_PACKET (PACKET_VNET_HDR) and vhost-user put a virtio-net header before each frame
//! (VIRTIO 1.2, 5.1.6): a partial checksum, and for a segmentation-offload frame the kind and the payload bytes per
//! segment. The header comes from a guest, so it is hostile: the frame is parsed here, `hdr_len` is ignored, and a
//! segmentation-offload frame is accepted only if `SegmentPlan` can segment it. A checksum field must not lie in the
//! headers that policies have looked at, or completing it later would rewrite them behind their back.
//!
//! Offsets count from the first byte of the frame (the destination MAC). The descriptor holds the outermost 802.1Q tag, so a
//! port that takes a tag out of the data, or puts one in, calls `shift`.
//!
//! Limits: UDP fragmentation offload and tunnel kinds are refused. Cost: nothing is parsed when the header is empty.

pub(crate) mod headers;

pub use crate::checksum::PartialChecksum;
pub use headers::HeaderError;

use crate::segment::{SegmentError, SegmentPlan};
use headers::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ICMPV6, TCP, TCP_MIN_LEN, UDP, UDP_LEN};
use thiserror::Error;

/// Length of `struct virtio_net_hdr`.
pub const VIRTIO_LEN: usize = 10;
/// Length of `struct virtio_net_hdr_mrg_rxbuf` (and of the header of every modern virtio-net device).
pub const VIRTIO_MRG_LEN: usize = 12;

const FLAG_NEEDS_CSUM: u8 = 1;
const FLAG_DATA_VALID: u8 = 2;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_UDP_FRAGMENT: u8 = 3;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// How a segmentation-offload frame is to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GsoKind {
    /// An ordinary frame.
    #[default]
    None,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP datagrams of one size, over IPv4 or IPv6.
    UdpL4,
}

/// The offload facts of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offload {
    /// A checksum the sender left unfinished.
    pub csum: Option<PartialChecksum>,
    /// Whether and how the frame stands for several wire frames.
    pub gso: GsoKind,
    /// The TCP frame may carry CWR (RFC 3168).
    pub ecn: bool,
    /// Payload bytes per wire frame; 0 for an ordinary frame.
    pub gso_size: u16,
    /// The sender's side has verified the checksum; never set together with `csum`.
    pub data_valid: bool,
}

// One of these lives in the host's record of every buffer.
const _: () = assert!(size_of::<Offload>() <= 12);

/// Why the virtio-net header of a frame was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum OffloadError {
    /// The header has neither of the two known lengths.
    #[error("virtio-net header of {0} bytes; it must have {VIRTIO_LEN} or {VIRTIO_MRG_LEN}")]
    HeaderLength(usize),
    /// The checksum field is not inside the frame.
    #[error("checksum field at byte {field} is outside the frame of {frame_len} bytes; the sender is wrong")]
    ChecksumOutsideFrame {
        /// First byte of the field.
        field: usize,
        /// Length of the frame.
        frame_len: usize,
    },
    /// Completing the checksum would rewrite headers, or another field than the protocol's checksum.
    #[error("checksum from byte {start} with its field at byte {field} would rewrite a header; the sender is wrong")]
    ChecksumInHeaders {
        /// First byte summed.
        start: usize,
        /// First byte of the field.
        field: usize,
    },
    /// A fragment cannot have a partial checksum: it does not hold what the checksum covers.
    #[error("an IP fragment has a partial checksum; the sender is wrong")]
    Fragment,
    /// UDP fragmentation offload.
    #[error("UDP fragmentation offload is not supported; turn it off in the sender")]
    UdpFragmentation,
    /// A segmentation kind that was not negotiated.
    #[error("segmentation kind {0:#04x} is unknown; the sender uses what was not negotiated")]
    UnknownGso(u8),
    /// The frame's headers do not parse.
    #[error("frame with offload facts: {0}")]
    Headers(#[from] HeaderError),
    /// The frame cannot be segmented as its header says.
    #[error("segmentation-offload frame: {0}")]
    Unsegmentable(#[from] SegmentError),
}

impl Offload {
    /// Whether nothing is left to do before the frame goes on a wire.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.csum.is_none() & (self.gso == GsoKind::None)
    }

    /// Reads and checks the virtio-net header that came with `frame` (tags in the data included).
    pub fn from_virtio(header: &[u8], frame: &[u8]) -> Result<Offload, OffloadError> {
        let error = OffloadError::HeaderLength(header.len());
        if header.len() != VIRTIO_LEN && header.len() != VIRTIO_MRG_LEN {
            return Err(error);
        }
        let &[flags, kind, _, _, size_low, size_high, start_low, start_high, offset_low, offset_high] =
            header.first_chunk::<VIRTIO_LEN>().ok_or(error)?;
        let mut offload = Offload { gso: gso_kind(kind)?, ..Offload::default() };
        if flags & FLAG_NEEDS_CSUM != 0 {
            let start = u16::from_le_bytes([start_low, start_high]);
            let offset = u16::from_le_bytes([offset_low, offset_high]);
            offload.csum = Some(PartialChecksum { start, offset });
        } else {
            offload.data_valid = flags & FLAG_DATA_VALID != 0;
        }
        if offload.gso != GsoKind::None {
            offload.gso_size = u16::from_le_bytes([size_low, size_high]);
            offload.ecn = kind & GSO_ECN != 0 && offload.gso != GsoKind::UdpL4;
            let (ethertype, l3) = headers::network(frame)?;
            if ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6 {
                return Err(HeaderError::NotIp(ethertype).into());
            }
            let l4 = headers::transport(frame, l3)?.l4;
            SegmentPlan::new(frame, l3, l4, &offload)?;
        } else if let Some(partial) = offload.csum {
            check_partial(frame, partial)?;
        }
        Ok(offload)
    }

    /// The virtio-net header that says the same; `hdr_len` is the length of all headers up to the payload, a hint.
    pub fn to_virtio(&self, hdr_len: u16) -> [u8; VIRTIO_LEN] {
        let mut flags = 0;
        let partial = self.csum.unwrap_or_default();
        if self.csum.is_some() {
            flags |= FLAG_NEEDS_CSUM;
        } else if self.data_valid {
            flags |= FLAG_DATA_VALID;
        }
        let kind = match self.gso {
            GsoKind::None => GSO_NONE,
            GsoKind::Tcp4 => GSO_TCPV4,
            GsoKind::Tcp6 => GSO_TCPV6,
            GsoKind::UdpL4 => GSO_UDP_L4,
        };
        let ecn = if self.ecn && kind != GSO_NONE { GSO_ECN } else { 0 };
        let [length_low, length_high] = hdr_len.to_le_bytes();
        let [size_low, size_high] = self.gso_size.to_le_bytes();
        let [start_low, start_high] = partial.start.to_le_bytes();
        let [offset_low, offset_high] = partial.offset.to_le_bytes();
        [
            flags,
            kind | ecn,
            length_low,
            length_high,
            size_low,
            size_high,
            start_low,
            start_high,
            offset_low,
            offset_high,
        ]
    }

    /// The 12-byte form; `num_buffers` is 1 towards a guest and 0 towards TAP and AF_PACKET.
    pub fn to_virtio_mrg(&self, hdr_len: u16, num_buffers: u16) -> [u8; VIRTIO_MRG_LEN] {
        let mut header = [0; VIRTIO_MRG_LEN];
        let bytes = self.to_virtio(hdr_len).into_iter().chain(num_buffers.to_le_bytes());
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = from;
        }
        header
    }

    /// Whether the frame stands for several wire frames.
    pub fn is_gso(&self) -> bool {
        self.gso != GsoKind::None
    }

    /// Follows a tag put into the data (+4) or taken out of it (-4); an impossible shift saturates.
    pub fn shift(&mut self, delta: i16) {
        if let Some(partial) = &mut self.csum {
            partial.start = partial.start.saturating_add_signed(delta);
        }
    }
}

fn gso_kind(kind: u8) -> Result<GsoKind, OffloadError> {
    match kind & !GSO_ECN {
        GSO_NONE => Ok(GsoKind::None),
        GSO_TCPV4 => Ok(GsoKind::Tcp4),
        GSO_TCPV6 => Ok(GsoKind::Tcp6),
        GSO_UDP_L4 => Ok(GsoKind::UdpL4),
        GSO_UDP_FRAGMENT => Err(OffloadError::UdpFragmentation),
        _ => Err(OffloadError::UnknownGso(kind)),
    }
}

/// The checksum field of a protocol we know, counted from its header.
pub(crate) fn checksum_offset(protocol: u8) -> Option<u16> {
    match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMPV6 => Some(2),
        _ => None,
    }
}

/// A partial checksum of an ordinary frame: of the L4 header, or of something inside the payload (a tunnel's inner packet).
fn check_partial(frame: &[u8], partial: PartialChecksum) -> Result<(), OffloadError> {
    let (start, field) = (usize::from(partial.start), partial.field());
    if field + 2 > frame.len() {
        return Err(OffloadError::ChecksumOutsideFrame { field, frame_len: frame.len() });
    }
    let refused = OffloadError::ChecksumInHeaders { start, field };
    let (ethertype, l3) = headers::network(frame)?;
    if ethertype != ETHERTYPE_IPV4 && ethertype != ETHERTYPE_IPV6 {
        return if partial.start < l3 { Err(refused) } else { Ok(()) };
    }
    let found = headers::transport(frame, l3)?;
    if found.fragment {
        return Err(OffloadError::Fragment);
    }
    let l4 = usize::from(found.l4);
    if start == l4 {
        return match checksum_offset(found.protocol) {
            Some(offset) if offset != partial.offset => Err(refused),
            _ => Ok(()),
        };
    }
    let payload = match found.protocol {
        TCP => l4 + usize::from(headers::byte(frame, l4 + 12)? >> 4).max(TCP_MIN_LEN / 4) * 4,
        UDP => l4 + UDP_LEN,
        _ => l4,
    };
    if start < payload { Err(refused) } else { Ok(()) }
}
