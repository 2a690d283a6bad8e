//! Finding the transport header of a frame for the offload code, trusting nothing the frame says.
//!
//! Ethernet with up to four 802.1Q/802.1ad tags in the data, IPv4 (RFC 791) and IPv6 with extension headers
//! (RFC 8200 4). Every offset returned lies inside the frame.
//!
//! Limits: at most 8 IPv6 extension headers, as deep as any sender goes; ESP ends the walk as an opaque protocol.
//! Cost: a few loads for plain IPv4 and IPv6; only frames with offload facts pay it.

use crate::checksum::internet_sum;
use thiserror::Error;

use crate::parse::ether_type;
pub(crate) use crate::parse::ip_protocol::{ICMPV6, TCP, UDP};

pub(crate) const ETHERTYPE_IPV4: u16 = ether_type::IPV4;
pub(crate) const ETHERTYPE_IPV6: u16 = ether_type::IPV6;
const ETHERTYPE_CTAG: u16 = ether_type::CUSTOMER_TAG;
const ETHERTYPE_STAG: u16 = ether_type::SERVICE_TAG;

/// Two MAC addresses; the EtherType or the first tag follows.
const MAC_ADDRESSES_LEN: usize = 12;
const MAX_TAGS: usize = 4;
const MAX_EXTENSION_HEADERS: usize = 8;

pub(crate) const IPV4_MIN_LEN: usize = 20;
pub(crate) const IPV6_LEN: usize = 40;
pub(crate) const TCP_MIN_LEN: usize = 20;
pub(crate) const UDP_LEN: usize = 8;

/// Why the transport header of a frame could not be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HeaderError {
    /// The frame ends inside a header, or before the length its IP header claims.
    #[error("the headers need {need} bytes and the frame has {have}; drop the frame")]
    Truncated {
        /// Bytes the headers need.
        need: usize,
        /// Bytes the frame has.
        have: usize,
    },
    /// The frame carries neither IPv4 nor IPv6.
    #[error("EtherType {0:#06x} carries no IP packet; drop the frame")]
    NotIp(u16),
    /// The IP version nibble is neither 4 nor 6.
    #[error("IP version {0} is neither 4 nor 6; drop the frame")]
    Version(u8),
    /// A header claims a length below its minimum, or an IP length that does not hold its own headers.
    #[error("a header at byte {at} claims an impossible length of {claimed}; drop the frame")]
    Length {
        /// Where the header starts.
        at: usize,
        /// The length it claims, in bytes.
        claimed: usize,
    },
    /// The chain of IPv6 extension headers is longer than the limit.
    #[error("more than {MAX_EXTENSION_HEADERS} IPv6 extension headers; drop the frame")]
    TooManyExtensionHeaders,
}

/// IP version of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IpVersion {
    V4,
    V6,
}

/// Where the transport header of a frame lies and what it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Transport {
    pub(crate) version: IpVersion,
    /// IPv4 protocol, or the IPv6 next header after the extension headers.
    pub(crate) protocol: u8,
    pub(crate) l3: u16,
    pub(crate) l4: u16,
    /// One past the IP packet's last byte; Ethernet padding may follow.
    pub(crate) end: usize,
    pub(crate) fragment: bool,
    /// An IPv6 routing header still has segments left: the header's destination is not the pseudo-header's (RFC 8200 8.1).
    pub(crate) routed: bool,
}

impl Transport {
    /// Sum of source and destination address as they stand in the IP header.
    pub(crate) fn address_sum(&self, frame: &[u8]) -> Option<u32> {
        let l3 = usize::from(self.l3);
        let range = match self.version {
            IpVersion::V4 => l3 + 12..l3 + 20,
            IpVersion::V6 => l3 + 8..l3 + 40,
        };
        frame.get(range).map(internet_sum)
    }
}

pub(crate) fn be16(frame: &[u8], at: usize) -> Result<u16, HeaderError> {
    let bytes = frame.get(at..).and_then(|rest| rest.first_chunk::<2>());
    bytes.map(|b| u16::from_be_bytes(*b)).ok_or(HeaderError::Truncated { need: at + 2, have: frame.len() })
}

pub(crate) fn byte(frame: &[u8], at: usize) -> Result<u8, HeaderError> {
    frame.get(at).copied().ok_or(HeaderError::Truncated { need: at + 1, have: frame.len() })
}

fn offset16(at: usize) -> Result<u16, HeaderError> {
    u16::try_from(at).map_err(|_| HeaderError::Length { at, claimed: at })
}

/// The EtherType behind all tags and the first byte after it.
pub(crate) fn network(frame: &[u8]) -> Result<(u16, u16), HeaderError> {
    let mut at = MAC_ADDRESSES_LEN;
    let mut ethertype = be16(frame, at)?;
    for _ in 0..MAX_TAGS {
        if ethertype != ETHERTYPE_CTAG && ethertype != ETHERTYPE_STAG {
            break;
        }
        at += 4;
        ethertype = be16(frame, at)?;
    }
    Ok((ethertype, offset16(at + 2)?))
}

/// The transport header of the IP packet at `l3`.
pub(crate) fn transport(frame: &[u8], l3: u16) -> Result<Transport, HeaderError> {
    match byte(frame, usize::from(l3))? >> 4 {
        4 => transport_v4(frame, l3),
        6 => transport_v6(frame, l3),
        version => Err(HeaderError::Version(version)),
    }
}

fn transport_v4(frame: &[u8], l3: u16) -> Result<Transport, HeaderError> {
    let start = usize::from(l3);
    let header_len = usize::from(byte(frame, start)? & 0x0f) * 4;
    if header_len < IPV4_MIN_LEN {
        return Err(HeaderError::Length { at: start, claimed: header_len });
    }
    let l4 = start + header_len;
    let total = usize::from(be16(frame, start + 2)?);
    let end = packet_end(frame, start, total, header_len)?;
    // More fragments, or a fragment offset.
    let fragment = be16(frame, start + 6)? & 0x3fff != 0;
    let protocol = byte(frame, start + 9)?;
    Ok(Transport { version: IpVersion::V4, protocol, l3, l4: offset16(l4)?, end, fragment, routed: false })
}

/// One past the packet's last byte. A length of 0 means "to the end of the frame": some senders leave it to the
/// segmenting side (and Linux ignores the field in segmentation-offload frames).
fn packet_end(frame: &[u8], l3: usize, total: usize, header_len: usize) -> Result<usize, HeaderError> {
    let end = if total == 0 { frame.len() } else { l3 + total };
    if end > frame.len() || l3 + header_len > frame.len() {
        return Err(HeaderError::Truncated { need: end.max(l3 + header_len), have: frame.len() });
    }
    if end < l3 + header_len {
        return Err(HeaderError::Length { at: l3, claimed: total });
    }
    Ok(end)
}

fn transport_v6(frame: &[u8], l3: u16) -> Result<Transport, HeaderError> {
    let start = usize::from(l3);
    let payload = usize::from(be16(frame, start + 4)?);
    let total = if payload == 0 { 0 } else { IPV6_LEN + payload };
    let end = packet_end(frame, start, total, IPV6_LEN)?;
    let mut found = Transport {
        version: IpVersion::V6,
        protocol: byte(frame, start + 6)?,
        l3,
        l4: offset16(start + IPV6_LEN)?,
        end,
        fragment: false,
        routed: false,
    };
    for _ in 0..=MAX_EXTENSION_HEADERS {
        let at = usize::from(found.l4);
        // RFC 8200 4.1 and the IANA list of extension headers; lengths in 8-byte units but for AH (RFC 4302, 4-byte units).
        let length = match found.protocol {
            0 | 60 | 135 | 139 | 140 => 8 + 8 * usize::from(byte(frame, at + 1)?),
            43 => {
                found.routed |= byte(frame, at + 3)? != 0;
                8 + 8 * usize::from(byte(frame, at + 1)?)
            }
            44 => {
                found.fragment = true;
                8
            }
            51 => 8 + 4 * usize::from(byte(frame, at + 1)?),
            _ => return Ok(found),
        };
        found.protocol = byte(frame, at)?;
        if at + length > end {
            return Err(HeaderError::Truncated { need: at + length, have: end });
        }
        found.l4 = offset16(at + length)?;
    }
    Err(HeaderError::TooManyExtensionHeaders)
}
