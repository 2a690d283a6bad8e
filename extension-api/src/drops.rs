//! Dropped frames for capture extensions: the optional interface `heddle.drops/1`.
//!
//! The core keeps the first bytes of a dropped frame and tells of it when the burst is done; how many it may tell in a
//! period the extension decides. Name it in the export: `interfaces: [sampling, drops]`. An unsafe island: it reads a
//! dropped frame's header.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::slice;

use crate::abi::drops as abi;
use crate::capture::CaptureWorker;
use crate::types::{PortId, VlanTag};

/// Being told of dropped frames, by a worker of a capture extension. All methods are `[worker]`.
pub trait Drops: CaptureWorker {
    /// A frame, or one delivery of a frame, that was dropped.
    fn dropped(&mut self, dropped: &Dropped<'_>);

    /// Number of dropped frames wanted until this is asked again, about 10 ms later; 0 = none.
    fn wanted(&mut self) -> u32;
}

/// A dropped frame.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    raw: &'a abi::Dropped,
}

impl<'a> Dropped<'a> {
    /// # Safety
    /// `dropped` is what the host passed to a dropped function that has not returned.
    pub(crate) unsafe fn new(dropped: NonNull<abi::Dropped>) -> Self {
        // SAFETY: the caller promises a drop that is valid for the call.
        Dropped { raw: unsafe { dropped.as_ref() } }
    }

    /// Port the frame came from; `None` when that is not known, or an extension originated it.
    pub fn source_port(&self) -> Option<PortId> {
        PortId::new(self.raw.source_port)
    }

    /// Port it would have gone to; `None` when it was dropped before one was decided.
    pub fn destination_port(&self) -> Option<PortId> {
        PortId::new(self.raw.destination_port)
    }

    /// Length of the frame, in bytes, tag included, without FCS; 0 = the frame was gone already.
    pub fn frame_length(&self) -> u32 {
        self.raw.frame_length
    }

    /// First bytes of the frame as it was when it was dropped, tag included; empty = the frame was gone already.
    pub fn header(&self) -> &'a [u8] {
        if self.raw.header.is_null() {
            return &[];
        }
        // SAFETY: the host lends `header_length` bytes until the call returns, and `'a` ends with the call.
        unsafe { slice::from_raw_parts(self.raw.header, self.raw.header_length as usize) }
    }

    /// Code of the reason.
    pub fn reason(&self) -> u16 {
        self.raw.drop_reason
    }

    /// The frame's tag; `None` = untagged.
    pub fn tag(&self) -> Option<VlanTag> {
        match self.raw.vlan {
            0 => None,
            tci => Some(VlanTag::from_tci(tci)),
        }
    }

    /// Dropped frames of this worker that were not told since the last one told.
    pub fn withheld(&self) -> u64 {
        self.raw.withheld
    }
}
