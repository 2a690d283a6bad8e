//! `Packet`, `Batch` and the side arrays: what a data-path call is about.
//!
//! A `Packet` is one 64-byte cache line and frozen for the major version. It names memory by offset from
//! [`Batch::base`], so that the same descriptor is valid under every mapping of the packet arena (the host's own, the
//! read-only alias of capture extensions, a child process). All numbers are little-endian in memory and in host byte
//! order in meaning (an EtherType of IPv4 reads as `0x0800`).
//!
//! Who may change what: an extension writes `verdict`, `drop_reason`, `mark` and `user`; a forwarding extension on ingress
//! also `destination`, `destination_nic` and the flags [`PACKET_PRESERVE_VLAN`] and [`PACKET_PRESERVE_PRIORITY`]. Everything else is the host's: a change of another field up to `traffic_class` is undone or makes the frame a
//! drop, and counts as a violation; of the fields behind, which the switch itself does not rely on, nothing is promised.
//! Headers are changed through `make_writable` and `reparse` of the host table.

use crate::abi_struct;

/// The ABI's largest batch, in packets. The engine's own burst may be smaller.
pub const BATCH_MAX: u32 = 256;
/// Headroom guaranteed in front of every received frame, in bytes.
pub const HEADROOM_MIN: u32 = 128;

/// Verdict: go on to the next stage. The only verdict an extension sees on entry.
pub const VERDICT_PASS: u8 = 0;
/// Verdict: drop, for `drop_reason`. On egress this excludes one delivery.
pub const VERDICT_DROP: u8 = 1;
/// Verdict: taken by `hold`; written by the host's `hold` function only.
pub const VERDICT_HOLD: u8 = 2;
/// Verdict of a forwarding extension on ingress: deliver to the port in `destination`.
pub const VERDICT_TO_PORT: u8 = 3;
/// Verdict of a forwarding extension on ingress: deliver to each port of the group in `destination`
/// except the one the frame came from.
pub const VERDICT_TO_GROUP: u8 = 4;

/// Drop reason of an extension that gives none: counted as `unspecified` under the extension's name.
pub const DROP_REASON_UNSPECIFIED: u16 = 0;

/// Leg: from a port into the switch.
pub const LEG_INGRESS: u8 = 0;
/// Leg: from the switch to a port.
pub const LEG_EGRESS: u8 = 1;

/// Flag: an extension originated the frame.
pub const PACKET_ORIGINATED: u32 = 1 << 0;
/// Flag: the frame is a clone of another one.
pub const PACKET_CLONE: u32 = 1 << 1;
/// Flag: the payload is shared with another descriptor; `make_writable` gives a private copy.
pub const PACKET_SHARED: u32 = 1 << 2;
/// Flag: an extra delivery made by port mirroring.
pub const PACKET_MIRROR: u32 = 1 << 3;
/// Flag: network virtualization forwards this frame natively: the switch finds its destinations. The forwarding extension
/// may drop it, and single deliveries on egress, never add a destination.
pub const PACKET_NATIVE_FORWARDING: u32 = 1 << 4;
/// Flag: an IP fragment.
pub const PACKET_FRAGMENT: u32 = 1 << 5;
/// Flag: IPv4 options or IPv6 extension headers are present.
pub const PACKET_IP_OPTIONS: u32 = 1 << 6;
/// Flag: the delivery keeps the tag the frame came with, or its absence. VLAN membership is checked all the same.
pub const PACKET_PRESERVE_VLAN: u32 = 1 << 7;
/// Flag: a delivery that would lose its tag keeps the priority, in a tag of VLAN 0 (802.1Q 6.9.3).
pub const PACKET_PRESERVE_PRIORITY: u32 = 1 << 8;
/// Flag: the layer 4 checksum covers the pseudo-header only; the host completes it on the way out.
pub const PACKET_PARTIAL_CHECKSUM: u32 = 1 << 9;
/// Flag: a segmentation-offload frame; it leaves as several wire segments.
pub const PACKET_GSO: u32 = 1 << 10;
/// Flag: `vlan_tci` holds the frame's outermost 802.1Q tag, which is not in the data.
pub const PACKET_VLAN: u32 = 1 << 11;
/// Flag: a header ends before its stated length; `l3`/`l4` are as far as the parser came.
pub const PACKET_TRUNCATED: u32 = 1 << 12;
/// Flag: another VLAN tag follows in the data (802.1ad, or a second 802.1Q tag).
pub const PACKET_INNER_TAG: u32 = 1 << 13;

abi_struct! { frozen,
/// One frame on ingress, one delivery of a frame on egress. 64 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    /// Start of the buffer, in units of 64 bytes from [`Batch::base`].
    pub buffer: u32,
    /// First byte of the frame (destination MAC), in bytes from the start of the buffer: the headroom.
    pub start: u16,
    /// Offset of the layer 3 header from the first byte of the frame; 0 = unknown.
    pub l3: u16,
    /// Length of the frame in bytes, without FCS and without the tag in `vlan_tci`.
    pub length: u32,
    /// Offset of the layer 4 header from the first byte of the frame; 0 = none or unknown.
    pub l4: u16,
    /// EtherType behind the outermost 802.1Q tag, or of the untagged frame.
    pub ethertype: u16,
    /// Port the frame came from; 0 = originated by an extension and trusted.
    pub source_port: u32,
    /// Egress: the port of this delivery. Ingress: 0, or what a forwarding extension decides.
    pub destination: u32,
    /// Symmetric flow hash: both directions of a flow have the same value.
    pub flow_hash: u32,
    /// Tag control information (PCP, DEI, VID) when [`PACKET_VLAN`] is set.
    pub vlan_tci: u16,
    /// NIC index the frame came from: 0 = the NIC of the port, 1..32 = member of the external team.
    pub source_nic: u8,
    /// NIC index of this delivery, likewise.
    pub destination_nic: u8,
    /// `PACKET_*` flags.
    pub flags: u32,
    /// `VERDICT_*`.
    pub verdict: u8,
    /// Traffic class, 0..7.
    pub traffic_class: u8,
    /// Why it is dropped, when the verdict is [`VERDICT_DROP`]; a code from `drop_reason_register`.
    pub drop_reason: u16,
    /// Virtual subnet (24 bits); 0 = none.
    pub virtual_subnet: u32,
    /// Mark that extensions lower in the stack see; 0 at first.
    pub mark: u32,
    /// Free for the extension within one call; what it holds at entry is undefined.
    pub user: u64,
    /// IP protocol, or 0.
    pub ip_protocol: u8,
    /// Zero.
    pub reserved: [u8; 7],
}
}

abi_struct! { frozen,
/// Offload facts of one packet: side array, filled for extensions with `CAPABILITY_OFFLOAD_FACTS`. 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffloadFacts {
    /// First byte the partial checksum covers, from the first byte of the frame.
    pub checksum_start: u16,
    /// Where the checksum is stored, from `checksum_start`.
    pub checksum_offset: u16,
    /// Payload bytes of each wire segment; 0 = not a segmentation-offload frame.
    pub segment_size: u16,
    /// `GSO_*`.
    pub gso: u8,
    /// Zero.
    pub reserved: u8,
    /// Number of wire segments the frame stands for, at least 1.
    pub segments: u32,
    /// Zero.
    pub reserved2: u32,
}
}

/// Not a segmentation-offload frame.
pub const GSO_NONE: u8 = 0;
/// TCP over IPv4.
pub const GSO_TCP4: u8 = 1;
/// TCP over IPv6.
pub const GSO_TCP6: u8 = 2;
/// UDP datagrams of equal length (UDP_SEGMENT).
pub const GSO_UDP: u8 = 3;

/// Batch flag: every packet came from the same source port.
pub const BATCH_SINGLE_SOURCE: u8 = 1 << 0;

abi_struct! { growable,
/// The argument of a data-path call: at most [`BATCH_MAX`] packets. Valid until the call returns.
#[derive(Debug)]
pub struct Batch {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// Number of packets.
    pub count: u32,
    /// The packets.
    pub packets: *mut Packet,
    /// Base of the packet arena.
    pub base: *mut u8,
    /// The call: first argument of the host's `[worker]` functions.
    pub call: *mut core::ffi::c_void,
    /// Time, nanoseconds of the monotonic clock, read once by the host.
    pub now_ns: u64,
    /// Worker that makes the call.
    pub worker: u32,
    /// [`LEG_INGRESS`] or [`LEG_EGRESS`].
    pub leg: u8,
    /// `BATCH_*` flags.
    pub flags: u8,
    /// Zero.
    pub reserved: u16,
    /// Side array of `count` offload facts; null unless the extension asked for it.
    pub offload: *const OffloadFacts,
    /// Base of drafts, always writable: `base` may be a read-only alias, and is for capture extensions.
    pub draft_base: *mut u8,
}
}
