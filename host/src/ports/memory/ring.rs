//! Frames in a byte ring: a fixed record, then the bytes, one writer and one reader, no allocation.
//!
//! A ring of bytes rather than of slots, so that 64-byte and 64 KiB frames share the memory. The writer checks the room for
//! the whole frame before its first byte; the reader takes nothing until the whole frame is there. Several rings
//! ([`Spread`]) are one port with several receive queues: the two MAC addresses choose the ring, so a flow stays in order.
//!
//! Limit: a frame longer than the ring never fits and is refused like a full ring.

use heddle_switch_core::offload::VIRTIO_LEN;
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of a record in the ring.
const RECORD_LEN: usize = 8 + VIRTIO_LEN;

/// There is no room for the frame: it was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory port's ring is full; the frame was not sent")]
pub struct RingFull;

/// What goes with the bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) length: u32,
    pub(super) vlan_tci: Option<u16>,
    pub(super) header: [u8; VIRTIO_LEN],
}

impl Record {
    fn encode(&self) -> [u8; RECORD_LEN] {
        let [l0, l1, l2, l3] = self.length.to_le_bytes();
        let [t0, t1] = self.vlan_tci.unwrap_or(0).to_le_bytes();
        let [h0, h1, h2, h3, h4, h5, h6, h7, h8, h9] = self.header;
        [l0, l1, l2, l3, t0, t1, u8::from(self.vlan_tci.is_some()), 0, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9]
    }

    fn decode(bytes: [u8; RECORD_LEN]) -> Record {
        let [l0, l1, l2, l3, t0, t1, tagged, _, h0, h1, h2, h3, h4, h5, h6, h7, h8, h9] = bytes;
        Record {
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            vlan_tci: (tagged != 0).then_some(u16::from_le_bytes([t0, t1])),
            header: [h0, h1, h2, h3, h4, h5, h6, h7, h8, h9],
        }
    }
}

/// The writing end of one or several rings.
pub(super) struct Spread {
    rings: Vec<Producer<u8>>,
}

impl Spread {
    /// `count` rings of `bytes` each, and their readers.
    pub(super) fn new(count: u16, bytes: usize) -> (Spread, Vec<FrameReader>) {
        let (rings, readers) = (0..count.max(1))
            .map(|_| {
                let (producer, consumer) = RingBuffer::new(bytes);
                (producer, FrameReader { ring: consumer, next: None })
            })
            .unzip();
        (Spread { rings }, readers)
    }

    /// Puts a frame into its ring.
    #[inline]
    pub(super) fn write(&mut self, record: &Record, frame: &[u8]) -> Result<(), RingFull> {
        let count = self.rings.len();
        let nth = if count == 1 { 0 } else { flow_hash(frame) % count };
        let ring = self.rings.get_mut(nth).ok_or(RingFull)?;
        if ring.slots() < RECORD_LEN + frame.len() {
            return Err(RingFull);
        }
        ring.push_entire_slice(&record.encode()).map_err(|_| RingFull)?;
        ring.push_entire_slice(frame).map_err(|_| RingFull)
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.rings.iter().any(Producer::is_abandoned)
    }
}

/// FNV-1a over the MAC addresses.
fn flow_hash(frame: &[u8]) -> usize {
    let hash =
        frame.iter().take(12).fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash >> 8).unwrap_or_default()
}

/// The reading end of a ring.
pub(super) struct FrameReader {
    ring: Consumer<u8>,
    /// Record that was read ahead of its frame.
    next: Option<Record>,
}

impl FrameReader {
    /// A reader that never has anything.
    pub(super) fn closed() -> FrameReader {
        FrameReader { ring: RingBuffer::new(0).1, next: None }
    }

    /// Length of the next frame, once all of it is there.
    #[inline]
    pub(super) fn next_length(&mut self) -> Option<usize> {
        if self.next.is_none() {
            let mut bytes = [0; RECORD_LEN];
            self.ring.pop_entire_slice(&mut bytes).ok()?;
            self.next = Some(Record::decode(bytes));
        }
        let length = usize::try_from(self.next?.length).ok()?;
        (self.ring.cached_slots() >= length || self.ring.slots() >= length).then_some(length)
    }

    /// Moves the next frame to the start of `place`, which must be long enough for it.
    #[inline]
    pub(super) fn read(&mut self, place: &mut [u8]) -> Option<Record> {
        let length = self.next_length()?;
        self.ring.pop_entire_slice(place.get_mut(..length)?).ok()?;
        self.next.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_length_keep_their_order_across_the_end_of_the_ring() {
        let (mut writer, mut readers) = Spread::new(1, 1_000);
        let reader = &mut readers[0];
        let mut place = [0; 1_000];
        for nth in 0..500_u16 {
            let (length, fill) = (u32::from(nth) * 37 % 400, u8::try_from(nth % 251).unwrap());
            let bytes = vec![fill; length as usize];
            let record = Record { length, vlan_tci: (nth % 3 == 0).then_some(nth), header: [fill; 10] };
            writer.write(&record, &bytes).unwrap();
            assert_eq!(reader.next_length(), Some(length as usize));
            assert_eq!(reader.read(&mut place), Some(record));
            assert_eq!(place[..length as usize], bytes);
        }
        assert_eq!(reader.next_length(), None);
    }

    #[test]
    fn a_full_ring_refuses_whole_frames_and_loses_none_before() {
        // Room for three frames, and for a fourth but for a part of its record.
        let (mut writer, mut readers) = Spread::new(1, 3 * (RECORD_LEN + 60) + 70);
        let record = Record { length: 60, vlan_tci: None, header: [0; 10] };
        let written = (0..5).filter(|_| writer.write(&record, &[7; 60]).is_ok()).count();
        assert_eq!(written, 3);
        let mut place = [0; 60];
        let read = std::iter::from_fn(|| readers[0].read(&mut place)).count();
        assert_eq!(read, 3);
        writer.write(&record, &[8; 60]).unwrap();
        assert_eq!((readers[0].read(&mut place), place), (Some(record), [8; 60]), "what was refused left nothing");
        assert!(!writer.is_closed());
        drop(readers);
        assert!(writer.is_closed());
    }

    #[test]
    fn a_flow_stays_in_one_ring_and_flows_use_all() {
        let (mut writer, mut readers) = Spread::new(4, 1 << 16);
        let record = Record { length: 14, vlan_tci: None, header: [0; 10] };
        for nth in 0..64_u8 {
            let frame = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 1, nth, 8, 0];
            writer.write(&record, &frame).unwrap();
            writer.write(&record, &frame).unwrap();
        }
        for reader in &mut readers {
            let mut place = [0; 14];
            let sources: Vec<u8> = std::iter::from_fn(|| reader.read(&mut place).map(|_| place[11])).collect();
            assert!(sources.len() >= 8, "{} frames in one of four rings", sources.len());
            assert!(sources.chunks(2).all(|two| two[0] == two[1]));
        }
    }
}
