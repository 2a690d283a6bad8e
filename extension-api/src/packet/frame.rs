//! Facts of one packet: what the core's parser found and where the frame came from. Reading them costs one load.
//!
//! Part of the unsafe island of [`super`]. Offsets and lengths come from the core and are trusted; [`Frame::layer3`]
//! and [`Frame::layer4`] still go through a checked slice, since a header may be cut short.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::slice;

use super::Call;
use crate::abi::packet as abi;
use crate::rights::{Rights, SeesDestination};
use crate::types::{NicIndex, PortId, VlanTag};

/// One frame on ingress, one delivery of a frame on egress.
///
/// `R` says what may be done with it, see [`crate::rights`].
#[derive(Debug)]
pub struct Frame<'b, 'a, R: Rights> {
    pub(super) packet: NonNull<abi::Packet>,
    pub(super) call: &'b Call<'a, R>,
}

/// `PACKET_*` flags of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameFlags(u32);

impl FrameFlags {
    /// An extension originated the frame.
    pub const ORIGINATED: FrameFlags = FrameFlags(abi::PACKET_ORIGINATED);
    /// The frame is a clone of another one.
    pub const CLONE: FrameFlags = FrameFlags(abi::PACKET_CLONE);
    /// The payload is shared with another descriptor.
    pub const SHARED: FrameFlags = FrameFlags(abi::PACKET_SHARED);
    /// An extra delivery made by port mirroring.
    pub const MIRROR: FrameFlags = FrameFlags(abi::PACKET_MIRROR);
    /// Network virtualization forwards the frame natively: the forwarding extension may only drop it.
    pub const NATIVE_FORWARDING: FrameFlags = FrameFlags(abi::PACKET_NATIVE_FORWARDING);
    /// An IP fragment.
    pub const FRAGMENT: FrameFlags = FrameFlags(abi::PACKET_FRAGMENT);
    /// IPv4 options or IPv6 extension headers are present.
    pub const IP_OPTIONS: FrameFlags = FrameFlags(abi::PACKET_IP_OPTIONS);
    /// The layer 4 checksum covers the pseudo-header only.
    pub const PARTIAL_CHECKSUM: FrameFlags = FrameFlags(abi::PACKET_PARTIAL_CHECKSUM);
    /// A segmentation-offload frame: it leaves as several wire segments.
    pub const SEGMENTATION: FrameFlags = FrameFlags(abi::PACKET_GSO);
    /// A header ends before its stated length.
    pub const TRUNCATED: FrameFlags = FrameFlags(abi::PACKET_TRUNCATED);
    /// Another VLAN tag follows in the data.
    pub const INNER_TAG: FrameFlags = FrameFlags(abi::PACKET_INNER_TAG);

    /// Whether all flags of `other` are set.
    #[inline]
    pub const fn contains(self, other: FrameFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How a segmentation-offload frame is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffloadKind {
    /// It is not.
    None,
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP datagrams of equal length.
    Udp,
    /// A kind this version of the crate has no name for.
    Other(u8),
}

/// Offload facts of a frame, for extensions that ask for them with `Capabilities::OFFLOAD_FACTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload(abi::OffloadFacts);

impl Offload {
    /// How it is cut.
    pub const fn kind(&self) -> OffloadKind {
        match self.0.gso {
            abi::GSO_NONE => OffloadKind::None,
            abi::GSO_TCP4 => OffloadKind::Tcp4,
            abi::GSO_TCP6 => OffloadKind::Tcp6,
            abi::GSO_UDP => OffloadKind::Udp,
            other => OffloadKind::Other(other),
        }
    }

    /// Payload bytes of each wire segment; 0 when it is one segment.
    pub const fn segment_size(&self) -> u16 {
        self.0.segment_size
    }

    /// Number of wire segments the frame stands for.
    pub const fn segments(&self) -> u32 {
        self.0.segments
    }

    /// First byte a partial checksum covers, and where it is stored, both in bytes from the start of the frame.
    pub fn partial_checksum(&self) -> (u32, u32) {
        let start = u32::from(self.0.checksum_start);
        (start, start + u32::from(self.0.checksum_offset))
    }
}

impl<'b, 'a, R: Rights> Frame<'b, 'a, R> {
    #[inline]
    pub(super) fn new(packet: NonNull<abi::Packet>, call: &'b Call<'a, R>) -> Self {
        Frame { packet, call }
    }

    /// The descriptor. The reference must not live across a host function.
    #[inline]
    pub(super) fn descriptor(&self) -> &abi::Packet {
        // SAFETY: a valid descriptor of the running call, of which this is the only frame; `&self` keeps writers away.
        unsafe { self.packet.as_ref() }
    }

    /// Position in the batch.
    #[inline]
    pub fn index(&self) -> u32 {
        // SAFETY: both point into the descriptor array of the call, this one not before the first.
        let distance = unsafe { self.packet.as_ptr().offset_from(self.call.packets) };
        // Below `count`, which is a u32.
        distance as u32
    }

    /// Length in bytes, without FCS and without the tag of [`Frame::tag`].
    #[inline]
    pub fn length(&self) -> u32 {
        self.descriptor().length
    }

    /// The frame from its destination MAC on, without the tag of [`Frame::tag`].
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let packet = self.descriptor();
        let offset = packet.buffer as usize * 64 + packet.start as usize;
        // SAFETY: the host names `length` readable bytes at this offset of the arena, unchanged while `&self` lives:
        // only `make_writable`, which takes the frame, gives write access.
        unsafe { slice::from_raw_parts(self.call.base.add(offset), packet.length as usize) }
    }

    /// From the layer 3 header on; `None` when the parser found none.
    #[inline]
    pub fn layer3(&self) -> Option<&[u8]> {
        self.tail_at(self.descriptor().l3)
    }

    /// From the layer 4 header on; `None` when the parser found none.
    #[inline]
    pub fn layer4(&self) -> Option<&[u8]> {
        self.tail_at(self.descriptor().l4)
    }

    #[inline]
    fn tail_at(&self, offset: u16) -> Option<&[u8]> {
        if offset == 0 {
            return None;
        }
        self.bytes().get(usize::from(offset)..)
    }

    /// EtherType behind the outermost 802.1Q tag, or of the untagged frame.
    #[inline]
    pub fn ethertype(&self) -> u16 {
        self.descriptor().ethertype
    }

    /// IP protocol, or 0.
    #[inline]
    pub fn ip_protocol(&self) -> u8 {
        self.descriptor().ip_protocol
    }

    /// The outermost 802.1Q tag, which is not in the bytes.
    #[inline]
    pub fn tag(&self) -> Option<VlanTag> {
        let packet = self.descriptor();
        if packet.flags & abi::PACKET_VLAN == 0 {
            None
        } else {
            Some(VlanTag::from_tci(packet.vlan_tci))
        }
    }

    /// Port the frame came from; `None` when an extension originated it as trusted.
    #[inline]
    pub fn source_port(&self) -> Option<PortId> {
        PortId::new(self.descriptor().source_port)
    }

    /// NIC the frame came from.
    #[inline]
    pub fn source_nic(&self) -> NicIndex {
        NicIndex::from_host(self.descriptor().source_nic)
    }

    /// Symmetric flow hash: both directions of a flow have the same.
    #[inline]
    pub fn flow_hash(&self) -> u32 {
        self.descriptor().flow_hash
    }

    /// Traffic class, 0..=7.
    #[inline]
    pub fn traffic_class(&self) -> u8 {
        self.descriptor().traffic_class
    }

    /// Virtual subnet, 24 bits; 0 = none.
    #[inline]
    pub fn virtual_subnet(&self) -> u32 {
        self.descriptor().virtual_subnet
    }

    /// Mark set by an extension higher in the stack; 0 at first.
    #[inline]
    pub fn mark(&self) -> u32 {
        self.descriptor().mark
    }

    /// Flags.
    #[inline]
    pub fn flags(&self) -> FrameFlags {
        FrameFlags(self.descriptor().flags)
    }

    /// Offload facts; `None` unless the extension asked for them.
    #[inline]
    pub fn offload(&self) -> Option<Offload> {
        let facts = NonNull::new(self.call.offload as *mut abi::OffloadFacts)?;
        // SAFETY: a non-null side array has as many entries as the batch has packets, and only the host writes it.
        Some(Offload(unsafe { *facts.as_ptr().add(self.index() as usize) }))
    }
}

impl<R: SeesDestination> Frame<'_, '_, R> {
    /// The port of this delivery; `None` on ingress, where it is not known yet.
    #[inline]
    pub fn destination(&self) -> Option<PortId> {
        PortId::new(self.descriptor().destination)
    }

    /// The NIC of this delivery.
    #[inline]
    pub fn destination_nic(&self) -> NicIndex {
        NicIndex::from_host(self.descriptor().destination_nic)
    }
}
