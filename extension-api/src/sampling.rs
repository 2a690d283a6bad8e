//! Samples for capture extensions: the optional interface `heddle.sampling/1`.
//!
//! The core picks frames by skip count and reports a picked one once its fate is known; frames in between cost the
//! extension nothing. Name it in the export: `interfaces: [sampling]`. An unsafe island: it reads a sample's header.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::slice;

use crate::abi::sampling as abi;
use crate::capture::CaptureWorker;
use crate::types::{PortId, VlanTag};

/// Sampling by a worker of a capture extension. All methods are `[worker]`.
pub trait Sampling: CaptureWorker {
    /// Header bytes wanted of each sample, at most 256.
    const HEADER_BYTES: u32 = 128;
    /// Whether each port is counted by itself, by [`Sampling::next_skip_of`].
    const BY_PORT: bool = false;

    /// A sampled frame, after its fate was decided.
    fn sampled(&mut self, sample: &Sample<'_>);

    /// Number of frames to skip before the next sample; 0 = sample the next one, `u32::MAX` = never.
    fn next_skip(&mut self) -> u32;

    /// As [`Sampling::next_skip`] for the frames of `port`, which are counted by themselves; only with `BY_PORT`.
    fn next_skip_of(&mut self, port: PortId) -> u32 {
        let _ = port;
        self.next_skip()
    }
}

/// A sampled frame and its fate.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    raw: &'a abi::Sample,
}

impl<'a> Sample<'a> {
    /// # Safety
    /// `sample` is what the host passed to a sampled function that has not returned.
    pub(crate) unsafe fn new(sample: NonNull<abi::Sample>) -> Self {
        // SAFETY: the caller promises a sample that is valid for the call.
        Sample { raw: unsafe { sample.as_ref() } }
    }

    /// Port the frame came from; `None` when an extension originated it as trusted.
    pub fn source_port(&self) -> Option<PortId> {
        PortId::new(self.raw.source_port)
    }

    /// Length of the frame as received, in bytes, tag included, without FCS.
    pub fn frame_length(&self) -> u32 {
        self.raw.frame_length
    }

    /// First bytes of the frame as received, tag included.
    pub fn header(&self) -> &'a [u8] {
        if self.raw.header.is_null() {
            return &[];
        }
        // SAFETY: the host lends `header_length` bytes until the call returns, and `'a` ends with the call.
        unsafe { slice::from_raw_parts(self.raw.header, self.raw.header_length as usize) }
    }

    /// Number of deliveries decided; 0 = dropped.
    pub fn output_count(&self) -> u32 {
        self.raw.output_count
    }

    /// Ports of the first deliveries, at most 8.
    pub fn outputs(&self) -> impl Iterator<Item = PortId> + 'a {
        let raw = self.raw;
        raw.outputs.iter().take(raw.output_count as usize).filter_map(|port| PortId::new(*port))
    }

    /// Code of the drop reason, when there is no delivery.
    pub fn drop_reason(&self) -> Option<u16> {
        if self.raw.output_count == 0 {
            Some(self.raw.drop_reason)
        } else {
            None
        }
    }

    /// Tag on entry; `None` = untagged.
    pub fn source_tag(&self) -> Option<VlanTag> {
        tag(self.raw.source_vlan)
    }

    /// Tag of the first delivery; `None` = untagged.
    pub fn destination_tag(&self) -> Option<VlanTag> {
        tag(self.raw.destination_vlan)
    }

    /// Samples that could not be taken on this worker since the last one.
    pub fn lost(&self) -> u32 {
        self.raw.lost
    }

    /// Frames this worker has received from the source port so far: the sample pool.
    pub fn pool(&self) -> u64 {
        self.raw.pool
    }
}

fn tag(tci: u16) -> Option<VlanTag> {
    if tci == 0 {
        None
    } else {
        Some(VlanTag::from_tci(tci))
    }
}
