//! What a child is told beside frames, as it lies in a job: the ABI's struct at the place of the packets, and the header
//! bytes behind it. The child puts the address of the bytes in before it calls the extension.

use heddle_extension_api::abi::drops::Dropped as AbiDropped;
use heddle_extension_api::abi::sampling::Sample as AbiSample;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::sample::Sample;

use super::layout::{JOB_DROP, JOB_EGRESS, JOB_INGRESS, JOB_SAMPLE, JOB_SKIPS, JOB_TICK};
use super::ring::Ring;

/// Where the header bytes lie, from the place of the first packet.
pub(super) const HEADER_AT: usize = 512;

/// A job, for operators.
pub(super) fn job_name(kind: u32) -> &'static str {
    match kind {
        JOB_INGRESS => "ingress",
        JOB_EGRESS => "egress",
        JOB_TICK => "worker_tick",
        JOB_SAMPLE => "sampled",
        JOB_DROP => "dropped",
        JOB_SKIPS => "next_skip",
        _ => "a call",
    }
}

/// A sample; `lost` were lost on the way to the child since the last one.
pub(super) fn sample(ring: &Ring, number: u32, sample: &Sample, lost: u32) {
    let at = ring.section().packet(number, 0);
    let header = sample.header.get(..sample.header_length).unwrap_or_default();
    let told = AbiSample {
        struct_size: u32::try_from(size_of::<AbiSample>()).unwrap_or(0),
        source_port: sample.source.raw(),
        frame_length: sample.frame_length,
        header_length: u32::try_from(header.len()).unwrap_or(0),
        header: std::ptr::null(),
        output_count: sample.output_count,
        drop_reason: sample.drop_code,
        source_vlan: sample.source_tci,
        destination_vlan: sample.destination_tci,
        reserved: 0,
        lost: sample.lost.saturating_add(lost),
        pool: sample.pool,
        outputs: sample.outputs.map(PortId::raw),
    };
    ring.memory().put(at, &told);
    ring.memory().write(at + HEADER_AT, header);
}

/// A dropped frame.
pub(super) fn dropped(ring: &Ring, number: u32, dropped: &Dropped, withheld: u64) {
    let at = ring.section().packet(number, 0);
    let header = dropped.header.get(..dropped.header_length).unwrap_or_default();
    let told = AbiDropped {
        struct_size: u32::try_from(size_of::<AbiDropped>()).unwrap_or(0),
        source_port: dropped.source.raw(),
        destination_port: dropped.destination.raw(),
        frame_length: dropped.frame_length,
        header: std::ptr::null(),
        header_length: u32::try_from(header.len()).unwrap_or(0),
        drop_reason: dropped.code,
        vlan: dropped.tci,
        withheld,
    };
    ring.memory().put(at, &told);
    ring.memory().write(at + HEADER_AT, header);
}
