//! The one parser of the hot path: frame bytes in, [`Facts`] out, once per frame.
//!
//! The frame starts at the destination MAC and its outermost 802.1Q tag has already been moved out (IEEE 802.1Q 9.6: the
//! tag's TCI travels beside the frame), so bytes 12..14 are the EtherType behind that tag. Up to [`MAX_INNER_TAGS`] further
//! tags are walked to find the network header; then IPv4 (RFC 791), IPv6 with up to [`MAX_EXTENSION_HEADERS`] extension
//! headers (RFC 8200) or ARP (RFC 826) follows.
//!
//! Nothing is trusted: no input panics, no byte outside the slice is read, every walk is bounded, and an offset is reported
//! only when the header bytes promised for it stand inside the frame *and* inside the length its IP header claims, so
//! Ethernet padding never looks like ports. A claimed length of zero means "to the end of the frame" (segmentation-offload
//! frames above 64 KiB carry it).
//!
//! Cost: an untagged IPv4 frame without options takes one length check, one compare of eight header bytes and no loop;
//! everything else takes the general walk behind it. Every EtherType and IP protocol number of the product is named here.

/// EtherTypes (IEEE RA registry), host byte order.
pub mod ether_type {
    /// Internet Protocol version 4.
    pub const IPV4: u16 = 0x0800;
    /// Address Resolution Protocol.
    pub const ARP: u16 = 0x0806;
    /// Transparent Ethernet bridging: an Ethernet frame follows (NVGRE, RFC 7637).
    pub const TRANSPARENT_ETHERNET: u16 = 0x6558;
    /// C-VLAN tag (IEEE 802.1Q).
    pub const CUSTOMER_TAG: u16 = 0x8100;
    /// Internet Protocol version 6.
    pub const IPV6: u16 = 0x86DD;
    /// Slow protocols: LACP, marker, OAM (IEEE 802.3 annex 57A).
    pub const SLOW_PROTOCOLS: u16 = 0x8809;
    /// S-VLAN tag (IEEE 802.1Q, formerly 802.1ad).
    pub const SERVICE_TAG: u16 = 0x88A8;
    /// Link Layer Discovery Protocol (IEEE 802.1AB).
    pub const LLDP: u16 = 0x88CC;
    /// Smallest EtherType; a lower value is the length of an 802.3 LLC frame (IEEE 802.3 3.2.6).
    pub const MIN: u16 = 0x0600;
}

/// IP protocol and IPv6 extension header numbers (IANA registry).
pub mod ip_protocol {
    /// IPv6 hop-by-hop options; only allowed first (RFC 8200 4.1).
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// Internet Group Management Protocol.
    pub const IGMP: u8 = 2;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// Generic Routing Encapsulation.
    pub const GRE: u8 = 47;
    /// Encapsulating Security Payload.
    pub const ESP: u8 = 50;
    /// Authentication Header (RFC 4302).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6: nothing follows.
    pub const NO_NEXT_HEADER: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;
}

/// Bytes of both MACs and the EtherType.
pub const ETHERNET_HEADER_LEN: usize = 14;
/// Bytes of one 802.1Q tag.
pub const TAG_LEN: usize = 4;
/// Tags walked behind the outermost one, which is not in the frame any more.
pub const MAX_INNER_TAGS: usize = 2;
/// IPv6 extension headers walked in one frame.
pub const MAX_EXTENSION_HEADERS: usize = 8;
/// Bytes promised at [`Facts::l4`]: two ports, or type, code and checksum, or an SPI.
pub const L4_PROMISED_LEN: usize = 4;

const IPV4_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;
/// ARP for Ethernet and IPv4.
const ARP_LEN: usize = 28;
/// Shortest frame of the common path: Ethernet, IPv4 without options, ports.
const PLAIN_LEN: usize = ETHERNET_HEADER_LEN + IPV4_HEADER_LEN + L4_PROMISED_LEN;

/// What the walk met on its way; a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FactFlags(u8);

impl FactFlags {
    /// Part of a fragmented IP packet. [`Facts::l4`] is set on the first fragment only.
    pub const FRAGMENT: Self = Self(1);
    /// IPv4 options, or IPv6 extension headers other than the fragment header, stand before L4.
    pub const IP_OPTIONS: Self = Self(1 << 1);
    /// The frame ends before what its headers promise, or fewer than [`L4_PROMISED_LEN`] bytes follow the IP header.
    pub const TRUNCATED: Self = Self(1 << 2);
    /// At least one more tag stands in the frame, at bytes 12..14.
    pub const INNER_TAGS: Self = Self(1 << 3);
    /// More inner tags or extension headers than are walked: what lies behind them is unknown.
    pub const TOO_DEEP: Self = Self(1 << 4);
    /// A header contradicts itself (version, header length, header order): a host drops such a packet.
    pub const MALFORMED: Self = Self(1 << 5);

    /// True when every bit of `other` is set here.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when no bit is set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[inline]
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOrAssign for FactFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// What the core knows of a frame's headers. Offsets count from the destination MAC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Bytes 12..14 in host order: the EtherType behind the outermost tag (a tag's own EtherType when tags remain, a
    /// length below [`ether_type::MIN`] for LLC). 0 when the frame is shorter than an Ethernet header.
    pub ethertype: u16,
    /// Where the IPv4, IPv6 or ARP header starts, with its 20, 40 or 28 fixed bytes inside the frame; 0 otherwise.
    /// Its own EtherType always stands in the two bytes before it.
    pub l3: u16,
    /// Where the header of `ip_protocol` starts, with [`L4_PROMISED_LEN`] bytes of it inside the packet; 0 otherwise, and
    /// on every fragment but the first.
    pub l4: u16,
    /// Protocol behind the IP header and the extension headers that could be walked; 0 when `l3` is not IP. When the
    /// walk stopped early this is the number of the header it stopped at.
    pub ip_protocol: u8,
    /// What the walk met.
    pub flags: FactFlags,
    /// Equal for both directions of a flow and for all fragments of a packet. Over addresses, protocol and, on TCP, UDP
    /// and SCTP packets that are not fragments, ports; over both MACs and the EtherType when there is no IP.
    /// For spreading load, not for security: it is not seeded.
    pub flow_hash: u32,
}

impl Facts {
    /// Twelve bytes that the compiler returns in two registers. Returned as a struct they pass through memory, and the
    /// common path, though it never calls, pays some ten cycles for reading back in one piece what it wrote in five.
    fn into_registers(self) -> (u64, u32) {
        let ([a, b], [c, d], [e, f]) = (self.ethertype.to_ne_bytes(), self.l3.to_ne_bytes(), self.l4.to_ne_bytes());
        (u64::from_ne_bytes([a, b, c, d, e, f, self.ip_protocol, self.flags.0]), self.flow_hash)
    }

    #[inline(always)]
    fn from_registers((headers, flow_hash): (u64, u32)) -> Self {
        let [a, b, c, d, e, f, ip_protocol, flags] = headers.to_ne_bytes();
        let [ethertype, l3, l4] = [[a, b], [c, d], [e, f]].map(u16::from_ne_bytes);
        Self { ethertype, l3, l4, ip_protocol, flags: FactFlags(flags), flow_hash }
    }
}

/// The TCI of the outermost 802.1Q tag, when there is one and the EtherType behind it is in the frame too.
#[inline]
pub fn outer_tag(frame: &[u8]) -> Option<u16> {
    let head = frame.first_chunk::<{ ETHERNET_HEADER_LEN + TAG_LEN }>()?;
    (u16_at(head, 12) == ether_type::CUSTOMER_TAG).then(|| u16_at(head, 14))
}

/// Reads the headers of `frame`, which starts at the destination MAC and no longer holds its outermost tag.
#[inline]
pub fn parse(frame: &[u8]) -> Facts {
    match parse_plain_ipv4(frame) {
        Some(facts) => facts,
        None => Facts::from_registers(parse_any(frame)),
    }
}

/// IPv4 right behind the MACs, no options, no fragment, complete: most frames of a data centre.
#[inline(always)]
fn parse_plain_ipv4(frame: &[u8]) -> Option<Facts> {
    /// Version, header length, and the more-fragments bit with the fragment offset, out of the first eight bytes.
    const SHAPE_MASK: u64 = 0xFF00_0000_0000_3FFF;
    const SHAPE: u64 = 0x4500_0000_0000_0000;
    let head = frame.first_chunk::<PLAIN_LEN>()?;
    let claimed = usize::from(u16_at(head, 16));
    // One unsigned compare for both bounds: the ports are inside the packet, the packet is inside the frame.
    let complete = claimed.wrapping_sub(IPV4_HEADER_LEN + L4_PROMISED_LEN) <= frame.len() - PLAIN_LEN;
    if u16_at(head, 12) != ether_type::IPV4 || u64_at(head, 14) & SHAPE_MASK != SHAPE || !complete {
        return None;
    }
    let ip_protocol = head[23];
    // A mask, not a branch: TCP and UDP alternate unpredictably.
    let ports = u32_at(head, 34) & 0_u32.wrapping_sub(u32::from(has_ports(ip_protocol)));
    let (source, destination) = (u64::from(u32_at(head, 26)), u64::from(u32_at(head, 30)));
    Some(Facts {
        ethertype: ether_type::IPV4,
        l3: 14,
        l4: 34,
        ip_protocol,
        flags: FactFlags::default(),
        flow_hash: flow_hash(source, destination, ports, u64::from(ip_protocol)),
    })
}

/// Every frame that is not on the common path.
#[inline(never)]
fn parse_any(frame: &[u8]) -> (u64, u32) {
    let Some(head) = frame.first_chunk::<ETHERNET_HEADER_LEN>() else {
        return Facts { flags: FactFlags::TRUNCATED, ..Facts::default() }.into_registers();
    };
    let mut facts = Facts { ethertype: u16_at(head, 12), ..Facts::default() };
    let (mut l3, mut ethertype) = (ETHERNET_HEADER_LEN, facts.ethertype);
    let mut tags = 0;
    while is_tag(ethertype) {
        facts.flags |= FactFlags::INNER_TAGS;
        let behind = chunk_at::<TAG_LEN>(frame, l3);
        if tags == MAX_INNER_TAGS || behind.is_none() {
            facts.flags |= if behind.is_none() { FactFlags::TRUNCATED } else { FactFlags::TOO_DEEP };
            break;
        }
        ethertype = behind.map_or(0, |tag| u16_at(tag, 2));
        l3 += TAG_LEN;
        tags += 1;
    }
    let found = match ethertype {
        ether_type::IPV4 => parse_ipv4(frame, l3, &mut facts),
        ether_type::IPV6 => parse_ipv6(frame, l3, &mut facts),
        ether_type::ARP => {
            match chunk_at::<ARP_LEN>(frame, l3) {
                Some(_) => facts.l3 = offset(l3),
                None => facts.flags |= FactFlags::TRUNCATED,
            }
            None
        }
        _ => None,
    };
    facts.flow_hash = found.unwrap_or_else(|| {
        // An LLC length differs from frame to frame of one conversation, so it is no part of the flow.
        let class = if facts.ethertype < ether_type::MIN { 0 } else { u64::from(facts.ethertype) };
        flow_hash(u64_at(head, 0) >> 16, u64_at(head, 4) & 0xFFFF_FFFF_FFFF, 0, class)
    });
    facts.into_registers()
}

/// Fills in what an IPv4 header at `l3` says; returns the flow hash, or `None` when there is no usable header.
fn parse_ipv4(frame: &[u8], l3: usize, facts: &mut Facts) -> Option<u32> {
    const OFFSET_MASK: u16 = 0x1FFF;
    const MORE_FRAGMENTS: u16 = 0x2000;
    let Some(header) = chunk_at::<IPV4_HEADER_LEN>(frame, l3) else {
        facts.flags |= FactFlags::TRUNCATED;
        return None;
    };
    let header_len = usize::from(header[0] & 0x0F) * 4;
    if header[0] >> 4 != 4 || header_len < IPV4_HEADER_LEN {
        facts.flags |= FactFlags::MALFORMED;
        return None;
    }
    facts.l3 = offset(l3);
    facts.ip_protocol = header[9];
    if header_len > IPV4_HEADER_LEN {
        facts.flags |= FactFlags::IP_OPTIONS;
    }
    let fragment = u16_at(header, 6) & (OFFSET_MASK | MORE_FRAGMENTS);
    if fragment != 0 {
        facts.flags |= FactFlags::FRAGMENT;
    }
    let claimed = usize::from(u16_at(header, 2));
    let end = packet_end(frame, l3, claimed, facts);
    let l4 = l3 + header_len;
    if claimed != 0 && claimed < header_len {
        facts.flags |= FactFlags::MALFORMED;
    } else if l4 > frame.len() {
        facts.flags |= FactFlags::TRUNCATED;
    } else if fragment & OFFSET_MASK == 0 {
        place_l4(l4, end, facts);
    }
    let (source, destination) = (u64::from(u32_at(header, 12)), u64::from(u32_at(header, 16)));
    Some(flow_hash(source, destination, ports(frame, facts), u64::from(facts.ip_protocol)))
}

/// Fills in what an IPv6 header at `l3` says; returns the flow hash, or `None` when there is no usable header.
fn parse_ipv6(frame: &[u8], l3: usize, facts: &mut Facts) -> Option<u32> {
    let Some(header) = chunk_at::<IPV6_HEADER_LEN>(frame, l3) else {
        facts.flags |= FactFlags::TRUNCATED;
        return None;
    };
    if header[0] >> 4 != 6 {
        facts.flags |= FactFlags::MALFORMED;
        return None;
    }
    facts.l3 = offset(l3);
    let payload = usize::from(u16_at(header, 4));
    let claimed = if payload == 0 { 0 } else { IPV6_HEADER_LEN + payload };
    let end = packet_end(frame, l3, claimed, facts);
    let fragment_of = walk_extensions(frame, header[6], l3 + IPV6_HEADER_LEN, end, facts);
    // All fragments of a packet must hash alike, and only the first one shows what follows the fragmentable part's head.
    let class = u64::from(fragment_of.unwrap_or(facts.ip_protocol));
    let ports = ports(frame, facts);
    Some(flow_hash(fold_address(header, 8), fold_address(header, 24), ports, class))
}

/// Walks IPv6 extension headers from `at`, whose number is `next`, and sets protocol, L4 offset and flags. Returns the
/// next-header value of the fragment header when the packet is a fragment.
fn walk_extensions(frame: &[u8], mut next: u8, mut at: usize, end: usize, facts: &mut Facts) -> Option<u8> {
    const FRAGMENT_OFFSET: u16 = 0xFFF8;
    const MORE_FRAGMENTS: u16 = 1;
    let mut fragment_of = None;
    let packet = frame.get(..end).unwrap_or(frame);
    for walked in 0..=MAX_EXTENSION_HEADERS {
        facts.ip_protocol = next;
        if !is_extension(next) {
            if next != ip_protocol::NO_NEXT_HEADER {
                place_l4(at, end, facts);
            }
            return fragment_of;
        }
        if walked == MAX_EXTENSION_HEADERS {
            break;
        }
        if next == ip_protocol::HOP_BY_HOP && walked > 0 {
            facts.flags |= FactFlags::MALFORMED;
            return fragment_of;
        }
        let Some(head) = chunk_at::<8>(packet, at) else {
            facts.flags |= FactFlags::TRUNCATED;
            return fragment_of;
        };
        let length = match next {
            ip_protocol::FRAGMENT => 8,
            // The fixed part alone is one unit beyond the two that are not counted (RFC 4302 2.2).
            ip_protocol::AUTHENTICATION => (usize::from(head[1].max(1)) + 2) * 4,
            _ => (usize::from(head[1]) + 1) * 8,
        };
        if at + length > end {
            facts.flags |= FactFlags::TRUNCATED;
            return fragment_of;
        }
        if next == ip_protocol::AUTHENTICATION && head[1] == 0 {
            facts.flags |= FactFlags::MALFORMED;
            return fragment_of;
        }
        if next == ip_protocol::FRAGMENT {
            let field = u16_at(head, 2);
            // An atomic fragment (RFC 6946) is a whole packet.
            if field & (FRAGMENT_OFFSET | MORE_FRAGMENTS) != 0 {
                facts.flags |= FactFlags::FRAGMENT;
                fragment_of = fragment_of.or(Some(head[0]));
            }
            if field & FRAGMENT_OFFSET != 0 {
                facts.ip_protocol = head[0];
                return fragment_of;
            }
        } else {
            facts.flags |= FactFlags::IP_OPTIONS;
        }
        next = head[0];
        at += length;
    }
    facts.flags |= FactFlags::TOO_DEEP;
    fragment_of
}

/// End of the IP packet in the frame: what its header claims, or the frame's end when it claims more (then it is
/// truncated) or nothing.
fn packet_end(frame: &[u8], l3: usize, claimed: usize, facts: &mut Facts) -> usize {
    if claimed > frame.len() - l3 {
        facts.flags |= FactFlags::TRUNCATED;
    }
    if claimed == 0 { frame.len() } else { frame.len().min(l3 + claimed) }
}

fn place_l4(l4: usize, end: usize, facts: &mut Facts) {
    if l4 + L4_PROMISED_LEN <= end {
        facts.l4 = offset(l4);
    } else {
        facts.flags |= FactFlags::TRUNCATED;
    }
}

/// Source port in the upper, destination port in the lower half; 0 when the packet has none or is a fragment.
fn ports(frame: &[u8], facts: &Facts) -> u32 {
    if facts.l4 == 0 || facts.flags.contains(FactFlags::FRAGMENT) || !has_ports(facts.ip_protocol) {
        return 0;
    }
    chunk_at::<L4_PROMISED_LEN>(frame, usize::from(facts.l4)).map_or(0, |bytes| u32_at(bytes, 0))
}

const FOLD_A: u64 = 0x9E37_79B9_7F4A_7C15;
const FOLD_B: u64 = 0xD6E8_FEB8_6659_FD93;
const FOLD_C: u64 = 0xA076_1D64_78BD_642F;

/// Mixes two ends and a class; exchanging the ends together with the halves of `ports` changes nothing.
#[inline(always)]
fn flow_hash(source: u64, destination: u64, ports: u32, class: u64) -> u32 {
    let from = source ^ (u64::from(ports >> 16) << 48);
    let to = destination ^ (u64::from(ports & 0xFFFF) << 48);
    // Both ends are mixed with the same constant, so the product is the same in both directions.
    let ends = fold(from ^ FOLD_A, to ^ FOLD_A);
    upper_half(fold(ends ^ class, FOLD_B))
}

/// One IPv6 address as 64 well-mixed bits.
#[inline(always)]
fn fold_address(header: &[u8; IPV6_HEADER_LEN], at: usize) -> u64 {
    fold(u64_at(header, at) ^ FOLD_B, u64_at(header, at + 8) ^ FOLD_C)
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, 0);
    low ^ high
}

#[inline(always)]
fn upper_half(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[inline(always)]
fn has_ports(protocol: u8) -> bool {
    // `|`, not `||`: three compares without a branch to mispredict.
    (protocol == ip_protocol::TCP) | (protocol == ip_protocol::UDP) | (protocol == ip_protocol::SCTP)
}

fn is_tag(ethertype: u16) -> bool {
    ethertype == ether_type::CUSTOMER_TAG || ethertype == ether_type::SERVICE_TAG
}

fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        ip_protocol::HOP_BY_HOP
            | ip_protocol::ROUTING
            | ip_protocol::FRAGMENT
            | ip_protocol::AUTHENTICATION
            | ip_protocol::DESTINATION_OPTIONS
    )
}

/// A header offset; the bounds on tags and extension headers keep every one below 17,000.
fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(0)
}

#[inline(always)]
fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

// With an array and a constant offset the compiler proves these in bounds and emits one load and a byte swap.

#[inline(always)]
fn u16_at<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    chunk_at(bytes, at).map_or(0, |two| u16::from_be_bytes(*two))
}

#[inline(always)]
fn u32_at<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    chunk_at(bytes, at).map_or(0, |four| u32::from_be_bytes(*four))
}

#[inline(always)]
fn u64_at<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    chunk_at(bytes, at).map_or(0, |eight| u64::from_be_bytes(*eight))
}
