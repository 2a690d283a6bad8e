//! Writing the wire frames of a segmentation plan.
//!
//! Headers and payload are copied once, then the fields that differ between wire frames are set (IPv4 RFC 791 3.1,
//! IPv6 RFC 8200 3, TCP RFC 9293 3.1, UDP RFC 768) and both checksums put together from the payload's sum, taken while
//! copying, the changed words, and the sum of the unchanging words in the plan.
//!
//! Cost: one pass over the payload; the headers are copied, never summed again.

use super::{L4, SegmentPlan};
use crate::checksum::{copy_sum, field_value};
use crate::offload::headers::be16;
use thiserror::Error;

/// TCP flags in the word at byte 12 of the header, behind the data offset.
const TCP_FIN: u16 = 0x01;
const TCP_PSH: u16 = 0x08;
const TCP_CWR: u16 = 0x80;

const IPV6_LEN_U16: u16 = 40;

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
        let payload_sum = copy_sum(payload, wire_payload).ok_or(small)?;
        self.rewrite(index, wire_headers, payload.len(), payload_sum).ok_or(other)?;
        Ok(length)
    }

    /// Sets what differs between wire frames; `None` cannot happen for the frame the plan was made for.
    ///
    /// The sums of the headers' unchanging words are in the plan: summing what was just written would wait for the stores.
    fn rewrite(&self, index: u32, headers: &mut [u8], payload_len: usize, payload_sum: u32) -> Option<()> {
        let l4_len = u16::try_from(self.header_len - self.l4 + payload_len).ok()?;
        let (network, l4) = headers.get_mut(self.l3..)?.split_at_mut_checked(self.l4 - self.l3)?;
        let network_len = u16::try_from(network.len()).ok()?;
        if self.ipv4 {
            let total = network_len.checked_add(l4_len)?;
            // The count is below 2^16; the field wraps.
            let identification = be16(network, 4).ok()?.wrapping_add(u16::try_from(index).ok()?);
            put16(network, 2, total)?;
            put16(network, 4, identification)?;
            let sum = self.ipv4_sum + u32::from(total) + u32::from(identification);
            put16(network, 10, field_value(sum, false))?;
        } else {
            put16(network, 4, network_len.checked_sub(IPV6_LEN_U16)?.checked_add(l4_len)?)?;
        }
        let sum = self.l4_sum + u32::from(l4_len) + payload_sum;
        match self.protocol {
            L4::Tcp => {
                let changed = self.rewrite_tcp(index, l4)?;
                put16(l4, 16, field_value(sum + changed, false))
            }
            L4::Udp => {
                put16(l4, 4, l4_len)?;
                put16(l4, 6, field_value(sum + u32::from(l4_len), true))
            }
        }
    }

    /// Sets sequence number and flags and returns the sum of the three words they lie in.
    fn rewrite_tcp(&self, index: u32, tcp: &mut [u8]) -> Option<u32> {
        let advance = index.wrapping_mul(u32::try_from(self.gso_size).ok()?);
        let bytes = tcp.get_mut(4..)?.first_chunk_mut::<4>()?;
        let sequence = u32::from_be_bytes(*bytes).wrapping_add(advance);
        *bytes = sequence.to_be_bytes();
        let mut flags = be16(tcp, 12).ok()?;
        if index + 1 < self.count {
            flags &= !(TCP_FIN | TCP_PSH);
        }
        if index > 0 {
            flags &= !TCP_CWR;
        }
        put16(tcp, 12, flags)?;
        Some((sequence >> 16) + (sequence & 0xffff) + u32::from(flags))
    }
}

fn put16(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    *bytes.get_mut(at..)?.first_chunk_mut::<2>()? = value.to_be_bytes();
    Some(())
}
