//! Offload facts as extensions that ask for them see them: a side array beside the packets.
//!
//! Made from the private half of a descriptor for each call; the segments of a frame are those that will be on the wire.

use heddle_extension_api::abi::packet::{GSO_NONE, GSO_TCP4, GSO_TCP6, GSO_UDP, OffloadFacts, Packet};

use crate::burst::Slot;
use crate::offload::GsoKind;

pub(super) fn facts_of(packet: &Packet, slot: &Slot, frame: &[u8]) -> OffloadFacts {
    let offload = &slot.offload;
    let (gso, segments) = match offload.gso {
        GsoKind::None => (GSO_NONE, 1),
        kind => {
            let headers = crate::egress::header_len(frame, packet.l4, kind);
            let size = usize::from(offload.gso_size).max(1);
            let code = match kind {
                GsoKind::Tcp4 => GSO_TCP4,
                GsoKind::Tcp6 => GSO_TCP6,
                _ => GSO_UDP,
            };
            (code, crate::segment::wire_segments(frame.len(), headers, size))
        }
    };
    OffloadFacts {
        checksum_start: offload.csum.map_or(0, |csum| csum.start),
        checksum_offset: offload.csum.map_or(0, |csum| csum.offset),
        segment_size: offload.gso_size,
        gso,
        segments,
        ..OffloadFacts::default()
    }
}
