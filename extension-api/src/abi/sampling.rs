//! Optional interface `heddle.sampling/1`: the core picks frames, the extension only sees those.
//!
//! The core counts frames down per worker with the skip counts the extension gives; a sampled frame is reported once
//! its fate is known (all deliveries decided, or dropped). Frames in between cost the extension nothing. With
//! `next_skip_of` each port is counted down on its own, so that each can have a rate of its own.

use core::ffi::c_void;

use crate::{abi_fn, abi_struct};

/// Id of the interface.
pub const SAMPLING_ID: &str = "heddle.sampling/1";
/// Header bytes kept of a sampled frame, at most.
pub const SAMPLE_HEADER_MAX: u32 = 256;
/// Outputs listed in a sample, at most; `output_count` tells how many there were.
pub const SAMPLE_OUTPUTS_MAX: usize = 8;

abi_struct! { growable,
/// A sampled frame and its fate. Valid until the call returns.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// Port the frame came from.
    pub source_port: u32,
    /// Length of the frame as received, in bytes, tag included, without FCS.
    pub frame_length: u32,
    /// Bytes at `header`.
    pub header_length: u32,
    /// First bytes of the frame as received, tag included.
    pub header: *const u8,
    /// Deliveries decided.
    pub output_count: u32,
    /// Drop reason code when `output_count` is 0.
    pub drop_reason: u16,
    /// VLAN tag control information on entry (0 = untagged).
    pub source_vlan: u16,
    /// VLAN tag control information of the first delivery (0 = untagged).
    pub destination_vlan: u16,
    /// Zero.
    pub reserved: u16,
    /// Samples that could not be taken on this worker since the last one (all slots in use).
    pub lost: u32,
    /// Frames this worker has received from `source_port` so far: the sample pool.
    pub pool: u64,
    /// Ports of the first deliveries.
    pub outputs: [u32; 8],
}
}

abi_fn! {
/// Called with each sample.
pub type SampledFn = fn(context: *mut c_void, call: *mut c_void, sample: *const Sample) -> i32;
row SAMPLED_FN }
abi_fn! {
/// Number of frames to skip before the next sample; 0 = sample the next one. `u32::MAX` = never.
pub type NextSkipFn = fn(context: *mut c_void) -> u32;
row NEXT_SKIP_FN }
abi_fn! {
/// As `next_skip`, for the frames of one port.
pub type NextSkipOfFn = fn(context: *mut c_void, port: u32) -> u32;
row NEXT_SKIP_OF_FN }

abi_struct! { growable,
/// The interface's table.
#[derive(Clone, Copy, Debug)]
pub struct SamplingV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// Header bytes wanted, at most [`SAMPLE_HEADER_MAX`].
    pub header_bytes: u32,
    /// Required · worker · enabled · borrows the sample · as `ingress`.
    pub sampled: Option<SampledFn>,
    /// Required · worker · enabled · borrows nothing · infallible.
    pub next_skip: Option<NextSkipFn>,
    /// Since 1.1 · optional · worker · enabled · borrows nothing · infallible. When given, the core counts the frames
    /// of each port by themselves and asks this instead of `next_skip`.
    pub next_skip_of: Option<NextSkipOfFn>,
}
}
