//! Sampling: frames picked by skip count, reported once their fate is known.
//!
//! A picked frame's first bytes are copied at intake and its descriptor carries the number of a place in a small table.
//! Each drop or delivery of that descriptor (or of its copies) is noted there; when none is left under way the sample
//! is complete. Frames that were not picked cost one subtraction per burst and one compare per descriptor.
//!
//! Bounded: [`PLACES`] samples under way per worker; further ones are counted as lost and told with the next sample.

use std::collections::VecDeque;

use crate::port_id::PortId;
use crate::stage::StageId;

/// Samples under way per worker.
pub const PLACES: usize = 64;
/// Header bytes kept at most.
pub const HEADER_MAX: usize = 256;
/// Outputs listed at most.
pub const OUTPUTS_MAX: usize = 8;

/// A picked frame.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The extension that gets it.
    pub stage: StageId,
    /// Where the frame came from.
    pub source: PortId,
    /// Length of the wire frame, tag included, in bytes; of a segmentation-offload frame, of its longest segment.
    pub frame_length: u32,
    /// Wire frames of it that were hit, each a sample: more than one only of a segmentation-offload frame.
    pub hits: u32,
    /// Tag on entry.
    pub source_tci: u16,
    /// Tag of the first delivery.
    pub destination_tci: u16,
    /// First bytes as received.
    pub header: [u8; HEADER_MAX],
    /// Number of them.
    pub header_length: usize,
    /// Ports of the first deliveries.
    pub outputs: [PortId; OUTPUTS_MAX],
    /// Deliveries decided.
    pub output_count: u32,
    /// Drop code, when nothing was delivered.
    pub drop_code: u16,
    /// Frames received from `source` on this worker so far.
    pub pool: u64,
    /// Samples lost since the last one.
    pub lost: u32,
    pending: u32,
}

/// The table.
pub struct Samples {
    places: Vec<Option<Box<Sample>>>,
    free: Vec<u16>,
    done: VecDeque<u16>,
    lost: u32,
}

impl Default for Samples {
    fn default() -> Self {
        let count = u16::try_from(PLACES).unwrap_or(0);
        Samples {
            // All at once: the data path does not allocate.
            places: (0..PLACES).map(|_| Some(Sample::empty())).collect(),
            free: (0..count).collect(),
            done: VecDeque::with_capacity(PLACES),
            lost: 0,
        }
    }
}

/// What intake knows of a picked frame.
pub struct Picked<'a> {
    /// The extension that gets it.
    pub stage: StageId,
    /// Where it came from.
    pub source: PortId,
    /// The frame without its outermost tag.
    pub frame: &'a [u8],
    /// The tag.
    pub tag: Option<u16>,
    /// Header bytes wanted.
    pub wanted: usize,
    /// Sample pool.
    pub pool: u64,
    /// Length of the (longest) wire frame, in bytes, without tag and FCS.
    pub wire_length: u32,
    /// Wire frames of it that were hit.
    pub hits: u32,
}

impl Samples {
    /// Starts a sample; its mark for the descriptor, or `None` when all places are in use.
    pub fn start(&mut self, picked: &Picked<'_>) -> Option<u16> {
        let Some(index) = self.free.pop() else {
            self.lost = self.lost.saturating_add(picked.hits);
            return None;
        };
        let mut sample = self.places.get_mut(usize::from(index))?.take().unwrap_or_else(Sample::empty);
        sample.begin(picked, std::mem::take(&mut self.lost));
        if let Some(place) = self.places.get_mut(usize::from(index)) {
            *place = Some(sample);
        }
        Some(index + 1)
    }

    fn get(&mut self, mark: u16) -> Option<&mut Sample> {
        self.places.get_mut(usize::from(mark.checked_sub(1)?))?.as_deref_mut()
    }

    /// The descriptor was copied `extra` times.
    pub fn replicated(&mut self, mark: u16, extra: u32) {
        if let Some(sample) = self.get(mark) {
            sample.pending += extra;
        }
    }

    /// One descriptor was delivered.
    pub fn delivered(&mut self, mark: u16, port: PortId, tag: Option<u16>) {
        if let Some(sample) = self.get(mark) {
            if let Some(output) = sample.outputs.get_mut(sample.output_count as usize) {
                *output = port;
            }
            if sample.output_count == 0 {
                sample.destination_tci = tag.unwrap_or(0);
            }
            sample.output_count += 1;
            self.ended(mark);
        }
    }

    /// One descriptor was dropped.
    pub fn dropped(&mut self, mark: u16, code: u16) {
        if let Some(sample) = self.get(mark) {
            sample.drop_code = code;
            self.ended(mark);
        }
    }

    fn ended(&mut self, mark: u16) {
        if let Some(sample) = self.get(mark) {
            sample.pending = sample.pending.saturating_sub(1);
            if sample.pending == 0 {
                self.done.push_back(mark - 1);
            }
        }
    }

    /// Next complete sample, in the order in which they became complete; the caller gives it back with [`Samples::recycle`].
    pub fn next_done(&mut self) -> Option<(u16, Box<Sample>)> {
        let index = self.done.pop_front()?;
        let sample = self.places.get_mut(usize::from(index))?.take()?;
        Some((index, sample))
    }

    /// Gives a reported sample's place back.
    pub fn recycle(&mut self, index: u16, sample: Box<Sample>) {
        if let Some(place) = self.places.get_mut(usize::from(index)) {
            *place = Some(sample);
            self.free.push(index);
        }
    }
}

/// Copies the first bytes of a frame, its outermost tag where it was; the number copied.
pub(crate) fn tagged_prefix(frame: &[u8], tag: Option<u16>, out: &mut [u8]) -> usize {
    /// Bytes of both MAC addresses: the tag comes behind them.
    const MACS: usize = 12;
    let Some(tci) = tag else { return copy_prefix(frame, out) };
    let (macs, rest) = frame.split_at(frame.len().min(MACS));
    let ([a, b], [c, d]) = (crate::parse::ether_type::CUSTOMER_TAG.to_be_bytes(), tci.to_be_bytes());
    let mut copied = 0;
    for part in [macs, &[a, b, c, d], rest] {
        copied += copy_prefix(part, &mut out[copied..]);
    }
    copied
}

/// In one piece: a byte at a time costs several cycles each.
fn copy_prefix(from: &[u8], to: &mut [u8]) -> usize {
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
    length
}

impl Sample {
    fn empty() -> Box<Sample> {
        Box::new(Sample {
            stage: StageId(0),
            source: PortId::NONE,
            frame_length: 0,
            hits: 0,
            source_tci: 0,
            destination_tci: 0,
            header: [0; HEADER_MAX],
            header_length: 0,
            outputs: [PortId::NONE; OUTPUTS_MAX],
            output_count: 0,
            drop_code: 0,
            pool: 0,
            lost: 0,
            pending: 0,
        })
    }

    fn begin(&mut self, picked: &Picked<'_>, lost: u32) {
        let tag_len: u32 = if picked.tag.is_some() { 4 } else { 0 };
        self.stage = picked.stage;
        self.source = picked.source;
        self.frame_length = picked.wire_length.saturating_add(tag_len);
        self.hits = picked.hits;
        self.source_tci = picked.tag.unwrap_or(0);
        self.destination_tci = 0;
        self.header_length = self.copy_header(picked);
        self.outputs = [PortId::NONE; OUTPUTS_MAX];
        self.output_count = 0;
        self.drop_code = 0;
        self.pool = picked.pool;
        self.lost = lost;
        self.pending = 1;
    }

    /// The first bytes as they came, with the tag where it was.
    fn copy_header(&mut self, picked: &Picked<'_>) -> usize {
        let wanted = picked.wanted.min(HEADER_MAX);
        tagged_prefix(picked.frame, picked.tag, &mut self.header[..wanted])
    }
}
