//! Telling extensions and the host's captures of dropped frames: first bytes, ports and reason, as many as they want.
//!
//! A drop is noted where it happens, in a small table, and told when the burst is done, so that no extension is called
//! in the middle of one. At each periodic call of the worker an extension says how many it wants until the next; while
//! nobody wants any, a drop costs one addition. Frames that are not dropped cost nothing.
//!
//! Bounded: [`PLACES`] drops noted per burst. What is not told is counted, and each extension gets the number with the
//! next drop it is told of.

use crate::arena::Buf;
use crate::burst::Slot;
use crate::drop_reason::DropReason;
use crate::frame::TxFrame;
use crate::port_id::PortId;
use crate::sample::tagged_prefix;
use crate::worker::{Core, Devices, Running, Worker};

/// Drops noted until they are told, per worker.
pub const PLACES: usize = 64;
/// Header bytes kept at most.
pub const HEADER_MAX: usize = 128;

/// A dropped frame, or a dropped delivery of one.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Where it came from; [`PortId::NONE`] when not known.
    pub source: PortId,
    /// Where it would have gone; [`PortId::NONE`] when that was not decided.
    pub destination: PortId,
    /// Reason code.
    pub code: u16,
    /// Its tag; 0 = untagged.
    pub tci: u16,
    /// Its length in bytes, tag included; 0 = the frame was gone already.
    pub frame_length: u32,
    /// First bytes, tag included.
    pub header: [u8; HEADER_MAX],
    /// Number of them.
    pub header_length: usize,
    /// Drops of this worker up to and including this one.
    number: u64,
}

/// A dropped frame where it is dropped.
pub(crate) struct Dropping<'a> {
    pub(crate) code: u16,
    pub(crate) source: PortId,
    pub(crate) destination: PortId,
    pub(crate) tag: Option<u16>,
    pub(crate) frame: &'a [u8],
}

/// What a worker has noted.
#[derive(Default)]
pub(crate) struct Drops {
    /// Drops that may still be noted; 0 while nobody wants any.
    room: u32,
    number: u64,
    noted: Vec<Dropped>,
    /// What the host's own listeners have been told.
    devices: DropShare,
}

/// What an extension wants and has been told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DropShare {
    wanted: u32,
    /// Number of the last drop told.
    told: u64,
}

impl Drops {
    /// Counts a drop; true when it is to be noted, too.
    #[inline]
    pub(crate) fn count(&mut self) -> bool {
        self.number += 1;
        self.room > 0 && self.noted.len() < PLACES
    }

    /// Notes a drop that was counted.
    #[cold]
    pub(crate) fn note(&mut self, dropping: &Dropping<'_>) {
        self.room -= 1;
        let mut header = [0; HEADER_MAX];
        let tag = dropping.tag.filter(|_| !dropping.frame.is_empty());
        let header_length = tagged_prefix(dropping.frame, tag, &mut header);
        let tag_length = if tag.is_some() { 4 } else { 0 };
        self.noted.push(Dropped {
            source: dropping.source,
            destination: dropping.destination,
            code: dropping.code,
            tci: dropping.tag.unwrap_or(0),
            frame_length: u32::try_from(dropping.frame.len()).unwrap_or(u32::MAX).saturating_add(tag_length),
            header,
            header_length,
            number: self.number,
        });
    }
}

impl Core {
    /// Counts a dropped frame, and notes it for extensions that want to be told.
    pub(crate) fn count_drop(
        &mut self,
        reason: DropReason,
        (source, destination): (PortId, PortId),
        bytes: DroppedBytes<'_>,
    ) {
        let code = reason.code();
        self.counters.drop(code, source, destination);
        if self.drops.count() {
            let DroppedBytes { buf, start, length, tag } = bytes;
            let frame = self.arena.frame(buf, start, length);
            self.drops.note(&Dropping { code, source, destination, tag, frame });
        }
    }

    /// Notes the drop of a descriptor.
    #[cold]
    pub(crate) fn note_slot(&mut self, slot: &Slot, code: u16) {
        let (source, destination) = (slot.source, slot.destination);
        let frame = self.arena.frame(&slot.buf, slot.start, slot.length);
        self.drops.note(&Dropping { code, source, destination, tag: slot.tag(), frame });
    }
}

/// Where the bytes of a dropped frame are.
pub(crate) struct DroppedBytes<'a> {
    pub(crate) buf: &'a Buf,
    pub(crate) start: u16,
    pub(crate) length: u32,
    pub(crate) tag: Option<u16>,
}

impl<'a> From<&'a TxFrame> for DroppedBytes<'a> {
    fn from(frame: &'a TxFrame) -> Self {
        DroppedBytes { buf: &frame.buf, start: frame.start, length: frame.length, tag: frame.vlan_tci }
    }
}

impl DropShare {
    /// Goes on to a drop; how many were left out before it.
    fn told_up_to(&mut self, number: u64) -> u64 {
        let withheld = number.saturating_sub(self.told.saturating_add(1));
        self.told = number;
        withheld
    }
}

impl Running {
    /// What an extension that starts now is told from: later drops only.
    pub(crate) fn drops_from(core: &Core) -> DropShare {
        DropShare { wanted: 0, told: core.drops.number }
    }
}

impl Worker {
    /// Asks the host, and every extension, how many drops they want until the next time.
    pub fn ask_for_drops(&mut self, devices: &dyn Devices) {
        let mut room = if devices.wants_drops() { u32::MAX } else { 0 };
        if self.core.drops.devices.wanted == 0 {
            self.core.drops.devices.told = self.core.drops.number;
        }
        self.core.drops.devices.wanted = room;
        for running in &mut self.running {
            running.drops.wanted = running.stage.drops_wanted();
            room = room.max(running.drops.wanted);
        }
        self.core.drops.room = room;
        if room > 0 {
            // Once: the table is not given back.
            self.core.drops.noted.reserve_exact(PLACES.saturating_sub(self.core.drops.noted.len()));
        }
    }

    /// Tells of what was noted.
    pub(crate) fn tell_drops(&mut self, devices: &mut dyn Devices) {
        if self.core.drops.noted.is_empty() {
            return;
        }
        for running in self.running.iter_mut().filter(|running| running.drops.wanted > 0) {
            for dropped in &self.core.drops.noted {
                let Some(wanted) = running.drops.wanted.checked_sub(1) else { break };
                running.drops.wanted = wanted;
                let withheld = running.drops.told_up_to(dropped.number);
                running.stage.dropped(dropped, withheld);
            }
        }
        if self.core.drops.devices.wanted > 0 {
            let Drops { noted, devices: share, .. } = &mut self.core.drops;
            for dropped in noted.iter() {
                devices.dropped(dropped, share.told_up_to(dropped.number));
            }
        }
        self.core.drops.noted.clear();
    }
}
