//! Optional interface `heddle.drops/1`: the extension is told of frames the switch dropped, as many as it can take.
//!
//! Told once the frame has ended, with its first bytes, the ports and the reason. A worker asks with each of its
//! periodic calls (10 ms) how many the extension wants until the next; the others are only counted, and their number
//! comes with the next one told. Frames that are not dropped cost nothing.

use core::ffi::c_void;

use crate::{abi_fn, abi_struct};

/// Id of the interface.
pub const DROPS_ID: &str = "heddle.drops/1";
/// Header bytes kept of a dropped frame, at most.
pub const DROP_HEADER_MAX: u32 = 128;

abi_struct! { growable,
/// A dropped frame, or a dropped delivery of one. Valid until the call returns.
#[derive(Clone, Copy, Debug)]
pub struct Dropped {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// Port the frame came from; 0 = not known, or originated by an extension.
    pub source_port: u32,
    /// Port it would have gone to; 0 = it was dropped before one was decided.
    pub destination_port: u32,
    /// Length of the frame, tag included, in bytes, without FCS; 0 = the frame was gone already.
    pub frame_length: u32,
    /// First bytes of the frame as it was when it was dropped, tag included.
    pub header: *const u8,
    /// Bytes at `header`; 0 = the frame was gone already.
    pub header_length: u32,
    /// Code of the reason.
    pub drop_reason: u16,
    /// VLAN tag control information (0 = untagged).
    pub vlan: u16,
    /// Dropped frames of this worker that were not told since the last one told.
    pub withheld: u64,
}
}

abi_fn! {
/// Called with each dropped frame that is told.
pub type DroppedFn = fn(context: *mut c_void, dropped: *const Dropped) -> i32;
row DROPPED_FN }
abi_fn! {
/// Number of dropped frames the extension wants to be told of until it is asked again; 0 = none.
pub type DropsWantedFn = fn(context: *mut c_void) -> u32;
row DROPS_WANTED_FN }

abi_struct! { growable,
/// The interface's table.
#[derive(Clone, Copy, Debug)]
pub struct DropsV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Required · worker · enabled · borrows the drop · as `ingress`.
    pub dropped: Option<DroppedFn>,
    /// Required · worker · enabled · borrows nothing · infallible.
    pub wanted: Option<DropsWantedFn>,
}
}
