//! Picking frames for samples: sFlow version 5, 3.1, counted in wire frames.
//!
//! Each sampling extension gives skip counts; the core counts them down over the wire frames received, the same unit the
//! sample pool counts, so that pool divided by samples is the rate for segmentation-offload traffic too. A frame that
//! stands for many wire frames may be hit several times: it is one sample with that many hits. A burst without a hit
//! costs one comparison and one subtraction per sampling extension. An extension may have the frames of each port
//! counted by themselves, so that each port has a rate of its own; a burst comes from one port, so that costs no more.

use heddle_extension_api::abi::packet::Packet;

use crate::burst::{Burst, Slot};
use crate::datapath::Pass;
use crate::egress::header_len;
use crate::offload::GsoKind;
use crate::port_id::{PORTS_MAX, PortId};
use crate::sample::Picked;
use crate::segment::wire_segments;
use crate::snapshot::Snapshot;
use crate::stage::{Stage, StageEntry};
use crate::worker::{Core, Running};

/// Skip count of an extension that does not want samples.
const NEVER: u32 = u32::MAX;
/// Skip count of an extension that cannot say yet: it is asked again with the next burst, and frames meanwhile pass.
pub const LATER: u32 = u32::MAX - 1;

/// Frames an extension skips before its next sample: in all, or by port.
pub(crate) enum Skips {
    All(u32),
    ByPort(Box<[(PortId, u32)]>),
}

impl Skips {
    /// Those of an extension that starts.
    pub(crate) fn start(stage: &mut dyn Stage) -> Skips {
        if stage.skips_by_port() {
            Skips::ByPort(vec![(PortId::NONE, NEVER); PORTS_MAX].into())
        } else {
            Skips::All(stage.next_skip())
        }
    }

    /// Has each count drawn anew.
    pub(crate) fn redraw(&mut self, stage: &mut dyn Stage) {
        match self {
            Skips::All(skip) => *skip = stage.next_skip(),
            Skips::ByPort(table) => table.fill((PortId::NONE, NEVER)),
        }
    }

    /// The count that frames of a port are taken off; a port that is new in its slot begins anew.
    #[inline]
    fn of<'a>(&'a mut self, stage: &mut dyn Stage, port: PortId) -> Option<&'a mut u32> {
        match self {
            Skips::All(skip) => {
                if *skip == LATER {
                    *skip = stage.next_skip();
                }
                Some(skip)
            }
            Skips::ByPort(table) => {
                let (known, skip) = table.get_mut(port.slot())?;
                if *known != port || *skip == LATER {
                    (*known, *skip) = (port, stage.next_skip_of(port));
                }
                Some(skip)
            }
        }
    }
}

impl Pass<'_> {
    /// Marks the frames of a burst that stands for `wire_frames` whose turn it is to be sampled.
    pub(crate) fn pick_samples(&mut self, source: PortId, burst: &mut Burst, wire_frames: u64, pool: u64) {
        let snapshot: &Snapshot = self.snapshot;
        for (entry, running) in snapshot.stages.iter().zip(self.running.iter_mut()) {
            if entry.sampling.is_none() {
                continue;
            }
            let Some(skip) = running.skips.of(&mut *running.stage, source).filter(|skip| **skip < LATER) else {
                continue;
            };
            match u32::try_from(wire_frames) {
                Ok(passed) if *skip >= passed => *skip -= passed,
                _ => self.core.pick_from(entry, running, source, burst, pool),
            }
        }
    }
}

impl Core {
    /// Walks a burst in which at least one wire frame is hit.
    #[cold]
    fn pick_from(&mut self, entry: &StageEntry, running: &mut Running, source: PortId, burst: &mut Burst, pool: u64) {
        let (packets, slots) = burst.halves();
        let by_port = matches!(running.skips, Skips::ByPort(_));
        let Some(skip) = running.skips.of(&mut *running.stage, source) else { return };
        for (packet, slot) in packets.iter().zip(slots) {
            let plain = slot.offload.gso == GsoKind::None;
            if plain && *skip > 0 {
                *skip -= u32::from(*skip < LATER);
                continue;
            }
            let frame = self.arena.frame(&slot.buf, packet.start, packet.length);
            let (mut left, longest) = wire(packet, slot, frame);
            let mut hits = 0;
            while *skip < left {
                left -= *skip + 1;
                hits += 1;
                *skip = if by_port { running.stage.next_skip_of(source) } else { running.stage.next_skip() };
            }
            if *skip < LATER {
                *skip -= left;
            }
            if hits == 0 {
                continue;
            }
            let picked = Picked {
                stage: entry.id,
                source,
                frame,
                wire_length: longest,
                tag: slot.tag(),
                wanted: usize::from(entry.sampling.unwrap_or(0)),
                pool,
                hits,
            };
            // A frame another extension took is lost to this one.
            let mark = if slot.sample == 0 { self.samples.start(&picked) } else { None };
            match mark {
                Some(mark) => slot.sample = mark,
                None => self.counters.samples_lost += u64::from(hits),
            }
        }
    }
}

/// Wire frames a packet stands for, and the length of the longest in bytes, without tag and FCS.
fn wire(packet: &Packet, slot: &Slot, frame: &[u8]) -> (u32, u32) {
    if slot.offload.gso == GsoKind::None {
        return (1, packet.length);
    }
    let headers = header_len(frame, packet.l4, slot.offload.gso);
    let size = usize::from(slot.offload.gso_size).max(1);
    let longest = u32::try_from(headers.saturating_add(size)).unwrap_or(u32::MAX);
    (wire_segments(frame.len(), headers, size), longest.min(packet.length))
}
