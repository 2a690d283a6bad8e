//! Making a segmentation plan: every check that a hostile frame or header could fail.
//!
//! What passes here can be written without further checks of the frame's contents. The rules are those of
//! VIRTIO 1.2 5.1.6.2 for the sender, applied to the frame instead of to what the sender says about it.
//!
//! Cost: header parsing and the sums of what every wire frame repeats; nothing is read of the payload.

use super::{L4, MAX_PAYLOAD, MAX_SEGMENTS, MIN_GSO_SIZE, SegmentError, SegmentPlan, wire_segments};
use crate::checksum::{fold, internet_sum};
use crate::offload::headers::{
    HeaderError, IPV6_LEN, IpVersion, TCP, TCP_MIN_LEN, Transport, UDP, UDP_LEN, be16, byte, transport,
};
use crate::offload::{GsoKind, Offload, PartialChecksum, checksum_offset};

/// The SYN bit in byte 13 of the TCP header (RFC 9293 3.1).
const TCP_SYN: u8 = 0x02;

impl SegmentPlan {
    /// Checks that `frame`, whose IP header is at `l3` and whose L4 header is at `l4`, can be segmented as `offload` says.
    pub fn new(frame: &[u8], l3: u16, l4: u16, offload: &Offload) -> Result<SegmentPlan, SegmentError> {
        if offload.gso == GsoKind::None {
            return Err(SegmentError::NotGso);
        }
        if offload.gso_size < MIN_GSO_SIZE {
            return Err(SegmentError::SizeTooSmall(offload.gso_size));
        }
        let found = transport(frame, l3)?;
        if found.l4 != l4 {
            return Err(SegmentError::L4Elsewhere { given: l4, found: found.l4 });
        }
        if found.fragment {
            return Err(SegmentError::Fragment);
        }
        let protocol = l4_protocol(&found, offload.gso)?;
        let offset = checksum_offset(found.protocol).ok_or(SegmentError::KindMismatch { protocol: found.protocol })?;
        if offload.csum != Some(PartialChecksum { start: l4, offset }) {
            return Err(SegmentError::ChecksumNotPartial);
        }
        let header_len = header_end(frame, &found, protocol)?;
        let payload_len = found.end - header_len;
        if payload_len > MAX_PAYLOAD {
            return Err(SegmentError::PayloadTooLong(payload_len));
        }
        let plan = SegmentPlan {
            l3: usize::from(l3),
            l4: usize::from(l4),
            header_len,
            payload_len,
            gso_size: usize::from(offload.gso_size),
            count: wire_segments(found.end, header_len, usize::from(offload.gso_size)),
            ipv4: found.version == IpVersion::V4,
            protocol,
            ipv4_sum: ipv4_sum(frame, &found)?,
            l4_sum: pseudo_sum(frame, &found, offset)? + l4_sum(frame, &found, protocol, header_len)?,
        };
        plan.check_counts(frame)?;
        Ok(plan)
    }

    fn check_counts(&self, frame: &[u8]) -> Result<(), SegmentError> {
        if self.count > MAX_SEGMENTS {
            return Err(SegmentError::TooManySegments(self.count));
        }
        let ip_len = self.segment_len(0) - self.l3 - if self.ipv4 { 0 } else { IPV6_LEN };
        if ip_len > usize::from(u16::MAX) {
            return Err(SegmentError::SegmentTooLong(ip_len));
        }
        if self.protocol == L4::Tcp && self.count > 1 && byte(frame, self.l4 + 13)? & TCP_SYN != 0 {
            return Err(SegmentError::Syn(self.count));
        }
        Ok(())
    }
}

fn l4_protocol(found: &Transport, gso: GsoKind) -> Result<L4, SegmentError> {
    match (gso, found.version, found.protocol) {
        (GsoKind::Tcp4, IpVersion::V4, TCP) | (GsoKind::Tcp6, IpVersion::V6, TCP) => Ok(L4::Tcp),
        (GsoKind::UdpL4, _, UDP) => Ok(L4::Udp),
        (_, _, protocol) => Err(SegmentError::KindMismatch { protocol }),
    }
}

/// One past the L4 header, which must lie in the IP packet.
fn header_end(frame: &[u8], found: &Transport, protocol: L4) -> Result<usize, HeaderError> {
    let l4 = usize::from(found.l4);
    let length = match protocol {
        L4::Udp => UDP_LEN,
        L4::Tcp => usize::from(byte(frame, l4 + 12)? >> 4) * 4,
    };
    if protocol == L4::Tcp && length < TCP_MIN_LEN {
        return Err(HeaderError::Length { at: l4, claimed: length });
    }
    if l4 + length > found.end {
        return Err(HeaderError::Truncated { need: l4 + length, have: found.end });
    }
    Ok(l4 + length)
}

/// Pseudo-header sum without the length, so that each wire frame adds its own.
fn pseudo_sum(frame: &[u8], found: &Transport, offset: u16) -> Result<u32, HeaderError> {
    let l4 = usize::from(found.l4);
    if found.routed {
        let seed = be16(frame, l4 + usize::from(offset))?;
        let length = fold(u32::try_from(found.end - l4).unwrap_or(u32::MAX));
        return Ok(u32::from(seed) + u32::from(!length));
    }
    let addresses = found.address_sum(frame).ok_or(HeaderError::Truncated { need: l4, have: frame.len() })?;
    Ok(addresses + u32::from(found.protocol))
}

/// Sum of the IPv4 header's words that every wire frame repeats.
fn ipv4_sum(frame: &[u8], found: &Transport) -> Result<u32, HeaderError> {
    let (l3, l4) = (usize::from(found.l3), usize::from(found.l4));
    match found.version {
        IpVersion::V4 => sum_without(frame, l3, l4, &[2, 4, 10]),
        IpVersion::V6 => Ok(0),
    }
}

/// Sum of the L4 header's words that every wire frame repeats: for TCP without sequence number, flags and checksum, for
/// UDP without length and checksum.
fn l4_sum(frame: &[u8], found: &Transport, protocol: L4, end: usize) -> Result<u32, HeaderError> {
    let changing: &[usize] = match protocol {
        L4::Tcp => &[4, 6, 12, 16],
        L4::Udp => &[4, 6],
    };
    sum_without(frame, usize::from(found.l4), end, changing)
}

/// Sum of `frame[from..to]` without the words at the offsets `changing`.
fn sum_without(frame: &[u8], from: usize, to: usize, changing: &[usize]) -> Result<u32, HeaderError> {
    let header = frame.get(from..to).ok_or(HeaderError::Truncated { need: to, have: frame.len() })?;
    let mut sum = internet_sum(header);
    for at in changing {
        sum += u32::from(!be16(header, *at)?);
    }
    Ok(sum)
}
