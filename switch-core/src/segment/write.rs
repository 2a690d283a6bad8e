//! Writing the wire frames of a segmentation plan.
//!
//! Headers and payload are copied once, then the fields that differ between wire frames are set (IPv4 RFC 791 3.1,
//! IPv6 RFC 8200 3, TCP RFC 9293 3.1, UDP RFC 768) and both checksums computed over what was written.
//!
//! Cost: one copy and one checksum pass over the wire frame while it is in L1.

use super::{L4, SegmentPlan};
use crate::checksum::{field_value, internet_sum};
use crate::offload::headers::{IPV6_LEN, be16};
use thiserror::Error;

/// TCP flags in byte 13 of the header.
const TCP_FIN: u8 = 0x01;
const TCP_PSH: u8 = 0x08;
const TCP_CWR: u8 = 0x80;

/// Why a wire frame was not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum WriteError {
    /// The plan has fewer wire frames.
    #[error("wire frame {index} of {count} does not exist; ask for one below the count")]
    NoSuchSegment {
        /// The one asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
    /// The buffer is too small.
    #[error("the buffer has {have} bytes and the wire frame {need}; give it `segment_len` bytes")]
    BufferTooSmall {
        /// Length of the wire frame.
        need: usize,
        /// Length of the buffer.
        have: usize,
    },
    /// The frame is shorter than the one the plan was made for.
    #[error("the frame of {have} bytes is not the one of {need} bytes the plan was made for")]
    OtherFrame {
        /// Length the plan needs.
        need: usize,
        /// Length of the frame given.
        have: usize,
    },
}

impl SegmentPlan {
    /// Writes the whole `index`-th wire frame of `frame` to the front of `out` and returns its length.
    pub fn write(&self, index: u32, frame: &[u8], out: &mut [u8]) -> Result<usize, WriteError> {
        let range = self.payload_range(index).ok_or(WriteError::NoSuchSegment { index, count: self.count })?;
        let other = WriteError::OtherFrame { need: self.header_len + self.payload_len, have: frame.len() };
        let headers = frame.get(..self.header_len).ok_or(other)?;
        let payload = frame.get(range).ok_or(other)?;
        let length = headers.len() + payload.len();
        let small = WriteError::BufferTooSmall { need: length, have: out.len() };
        let wire = out.get_mut(..length).ok_or(small)?;
        let (wire_headers, wire_payload) = wire.split_at_mut_checked(headers.len()).ok_or(small)?;
        wire_headers.copy_from_slice(headers);
        wire_payload.copy_from_slice(payload);
        self.rewrite(index, wire).ok_or(other)?;
        Ok(length)
    }

    /// Sets what differs between wire frames; `None` cannot happen for the frame the plan was made for.
    fn rewrite(&self, index: u32, wire: &mut [u8]) -> Option<()> {
        let ip_len = wire.len().checked_sub(self.l3)?;
        if self.ipv4 {
            let header = wire.get_mut(self.l3..self.l4)?;
            put16(header, 2, u16::try_from(ip_len).ok()?)?;
            let identification = be16(header, 4).ok()?;
            // The count is below 2^16; the field wraps.
            put16(header, 4, identification.wrapping_add(u16::try_from(index).ok()?))?;
            put16(header, 10, 0)?;
            let sum = internet_sum(header);
            put16(header, 10, field_value(sum, false))?;
        } else {
            put16(wire, self.l3 + 4, u16::try_from(ip_len.checked_sub(IPV6_LEN)?).ok()?)?;
        }
        let l4 = wire.get_mut(self.l4..)?;
        let l4_len = u16::try_from(l4.len()).ok()?;
        let field = match self.protocol {
            L4::Tcp => {
                self.rewrite_tcp(index, l4)?;
                16
            }
            L4::Udp => {
                put16(l4, 4, l4_len)?;
                6
            }
        };
        put16(l4, field, 0)?;
        let sum = self.pseudo + u32::from(l4_len) + internet_sum(l4);
        put16(l4, field, field_value(sum, self.protocol == L4::Udp))
    }

    fn rewrite_tcp(&self, index: u32, tcp: &mut [u8]) -> Option<()> {
        let advance = index.wrapping_mul(u32::try_from(self.gso_size).ok()?);
        let sequence = tcp.get_mut(4..)?.first_chunk_mut::<4>()?;
        *sequence = u32::from_be_bytes(*sequence).wrapping_add(advance).to_be_bytes();
        let flags = tcp.get_mut(13)?;
        if index + 1 < self.count {
            *flags &= !(TCP_FIN | TCP_PSH);
        }
        if index > 0 {
            *flags &= !TCP_CWR;
        }
        Some(())
    }
}

fn put16(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut::<2>()? = value.to_be_bytes();
    Some(())
}
