//! Frames by VLAN, counted where a frame gets its VLAN: each once, on its way in (RMON's smonVlanIdStats, RFC 2613).
//!
//! Only while an extension asks for it, as it costs a few cycles a frame and a table of 160 KiB a worker. A frame whose
//! VLAN was never told, because it was dropped before, is not in it; VLAN 0 is that of ports without VLANs.

use crate::burst::{Burst, Slot};
use crate::egress::header_len;
use crate::offload::GsoKind;
use crate::segment::{wire_bytes, wire_segments};
use crate::vlan::VID_MASK;
use crate::worker::{Core, Worker};

/// VLANs there can be.
const VLANS: usize = 4_096;

/// What one VLAN counted. Packets are wire segments; bytes are without tag and FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VlanCounters {
    /// All frames.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Multicast frames of these, without broadcast.
    pub multicast: u64,
    /// Broadcast frames of these.
    pub broadcast: u64,
    /// Frames and deliveries dropped.
    pub discards: u64,
}

impl VlanCounters {
    /// Adds another worker's.
    pub fn add(&mut self, other: &VlanCounters) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.multicast += other.multicast;
        self.broadcast += other.broadcast;
        self.discards += other.discards;
    }
}

/// The table, while somebody asks for it.
#[derive(Default)]
pub(crate) struct VlanTable(Option<Box<[VlanCounters]>>);

impl VlanTable {
    /// Whether frames are counted.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    fn of(&mut self, vid: u16) -> Option<&mut VlanCounters> {
        self.0.as_mut()?.get_mut(usize::from(vid & VID_MASK))
    }

    /// Counts a drop.
    #[cold]
    pub(crate) fn dropped(&mut self, vid: u16) {
        if let Some(counters) = self.of(vid) {
            counters.discards += 1;
        }
    }
}

impl Core {
    /// Counts frames that have their VLAN now.
    #[inline(never)]
    pub(crate) fn count_vlans(&mut self, burst: &mut Burst) {
        let (packets, slots) = burst.halves();
        for (packet, slot) in packets.iter().zip(slots).filter(|(_, slot)| !slot.has(Slot::TRUSTED)) {
            let frame = self.arena.frame(&slot.buf, slot.start, slot.length);
            let Some(counters) = self.vlans.of(slot.vid) else { return };
            let (segments, bytes) = if slot.offload.gso == GsoKind::None {
                (1, u64::from(slot.length))
            } else {
                let headers = header_len(frame, packet.l4, slot.offload.gso);
                let size = usize::from(slot.offload.gso_size).max(1);
                (u64::from(wire_segments(frame.len(), headers, size)), wire_bytes(frame.len(), headers, size))
            };
            counters.packets += segments;
            counters.bytes += bytes;
            if frame.starts_with(&[0xff; 6]) {
                counters.broadcast += segments;
            } else if frame.first().is_some_and(|first| first & 1 != 0) {
                counters.multicast += segments;
            }
        }
    }
}

impl Worker {
    /// Begins or ends counting, as the extensions that run want it.
    pub(crate) fn count_vlans_for(&mut self) {
        let wanted = self.running.iter().any(|running| running.stage.counts_vlans());
        if wanted != self.core.vlans.is_on() {
            self.core.vlans.0 = wanted.then(|| vec![VlanCounters::default(); VLANS].into());
        }
    }

    /// Counters of the VLANs that have any.
    pub fn vlan_counters(&self) -> Vec<(u16, VlanCounters)> {
        let all = (0..).zip(self.core.vlans.0.iter().flat_map(|table| table.iter()));
        all.filter(|(_, counters)| **counters != VlanCounters::default())
            .map(|(vid, counters)| (vid, *counters))
            .collect()
    }
}
