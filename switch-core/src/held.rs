//! Held frames and drafts: what extensions keep between calls on one worker.
//!
//! An entry is named by a 64-bit handle: generation in the upper half, worker and place in the lower. A handle that was
//! used up, never given, or given on another worker is refused; it can never name another frame. Bounded: one table per
//! worker, a quota per extension, a maximum age after which the frame is dropped as `hold-expired`.

use heddle_extension_api::abi::packet::Packet;

use crate::burst::Slot;
use crate::stage::{ResumePoint, StageEntry, StageId};

/// Frames that all extensions together may hold on one worker.
pub const HELD_MAX: usize = 16_384;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A frame taken out of a batch; it is in the law's `held`.
    Held,
    /// A frame being made; not yet in the law.
    Draft {
        /// A copy of another frame rather than a new one.
        clone: bool,
    },
    /// A frame that an extension in a process of its own works on a copy of; it is in the law's `held`.
    Lent,
}

impl Kept {
    /// Whether it is in the law.
    fn is_frame(self) -> bool {
        !matches!(self, Kept::Draft { .. })
    }
}

/// An entry.
#[derive(Debug)]
pub struct Entry {
    /// Descriptor.
    pub packet: Packet,
    /// Private half.
    pub slot: Slot,
    /// Where it goes on.
    pub resume: ResumePoint,
    /// Who keeps it.
    pub stage: StageId,
    /// Since when, in nanoseconds.
    pub since_ns: u64,
    /// What it is.
    pub kept: Kept,
    /// The extension made it writable in the call in which it held it.
    pub written: bool,
}

struct Place {
    generation: u32,
    /// How many were kept before it: frames of one burst have one time.
    nth: u64,
    entry: Option<Entry>,
}

/// The table.
#[derive(Default)]
pub struct Held {
    places: Vec<Place>,
    free: Vec<u32>,
    held: u64,
    kept: u64,
    by_stage: Vec<(StageId, usize)>,
    /// The worker, as it stands in handles.
    worker: u64,
    /// `kept` when the call that is running began.
    before: u64,
}

impl Held {
    /// A table with room made in advance.
    pub fn new(worker: u16) -> Held {
        let worker = u64::from(worker) << PLACE_BITS;
        Held { places: Vec::with_capacity(1_024), free: Vec::with_capacity(1_024), worker, ..Held::default() }
    }

    /// A call into an extension begins.
    pub(crate) fn begin(&mut self) {
        self.before = self.kept;
    }

    /// Takes out what an extension made writable and held since then.
    pub(crate) fn take_written(&mut self, stage: StageId) -> Vec<Entry> {
        let before = self.before;
        if self.kept == before {
            return Vec::new();
        }
        let is_new = |place: &Place| place.nth > before;
        let mut picked: Vec<usize> =
            (0..self.places.len()).filter(|at| self.places.get(*at).is_some_and(is_new)).collect();
        picked.retain(|at| {
            let entry = self.places.get(*at).and_then(|place| place.entry.as_ref());
            entry.is_some_and(|entry| entry.written && entry.stage == stage)
        });
        picked.into_iter().filter_map(|at| self.take_at(at)).collect()
    }

    /// Frames held or lent, drafts not counted.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Entries of one extension, frames it was lent not counted.
    pub fn count_of(&self, stage: StageId) -> usize {
        self.by_stage.iter().find(|(id, _)| *id == stage).map_or(0, |(_, count)| *count)
    }

    fn count(&mut self, stage: StageId, more: bool) {
        match self.by_stage.iter().position(|(id, _)| *id == stage) {
            Some(at) if more => self.by_stage[at].1 += 1,
            Some(at) if self.by_stage[at].1 > 1 => self.by_stage[at].1 -= 1,
            Some(at) => drop(self.by_stage.swap_remove(at)),
            None if more => self.by_stage.push((stage, 1)),
            None => {}
        }
    }

    /// Whether the table is full.
    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.places.len() >= HELD_MAX
    }

    /// Keeps an entry and gives its handle; gives the entry back when the table is full.
    pub fn keep(&mut self, entry: Entry) -> Result<u64, Box<Entry>> {
        if self.is_full() {
            return Err(Box::new(entry));
        }
        if entry.kept.is_frame() {
            self.held += 1;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, nth: 0, entry: None });
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(place) = self.places.get_mut(index as usize) else { return Err(Box::new(entry)) };
        place.generation = place.generation.wrapping_add(1).max(1);
        self.kept += 1;
        place.nth = self.kept;
        let (stage, generation, lent) = (entry.stage, place.generation, entry.kept == Kept::Lent);
        place.entry = Some(entry);
        if !lent {
            self.count(stage, true);
        }
        Ok((u64::from(generation) << 32) | self.worker | u64::from(index))
    }

    /// Whether a handle names an entry, whoever's.
    pub fn has(&self, handle: u64) -> bool {
        let Some((index, generation)) = self.split(handle) else { return false };
        self.places.get(index).is_some_and(|place| place.generation == generation && place.entry.is_some())
    }

    /// The entry behind a handle of `stage`.
    pub fn get_mut(&mut self, handle: u64, stage: StageId) -> Option<&mut Entry> {
        let (index, generation) = self.split(handle)?;
        let place = self.places.get_mut(index).filter(|place| place.generation == generation)?;
        place.entry.as_mut().filter(|entry| entry.stage == stage)
    }

    /// Takes an entry of `stage` out; its handle is used up.
    pub fn take(&mut self, handle: u64, stage: StageId) -> Option<Entry> {
        self.get_mut(handle, stage)?;
        self.take_at(self.split(handle)?.0)
    }

    fn take_at(&mut self, index: usize) -> Option<Entry> {
        let entry = self.places.get_mut(index)?.entry.take()?;
        self.free.push(u32::try_from(index).unwrap_or(u32::MAX));
        if entry.kept.is_frame() {
            self.held -= 1;
        }
        if entry.kept != Kept::Lent {
            self.count(entry.stage, false);
        }
        Some(entry)
    }

    /// Takes out every entry for which `pick` says so, in order of age.
    pub fn take_where(&mut self, mut pick: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let mut picked: Vec<usize> =
            (0..self.places.len()).filter(|index| self.places[*index].entry.as_ref().is_some_and(&mut pick)).collect();
        picked.sort_by_key(|index| self.places[*index].nth);
        picked.into_iter().filter_map(|index| self.take_at(index)).collect()
    }

    /// Takes out what was kept longer than its extension may, or by an extension that is no longer there.
    pub fn expired(&mut self, now_ns: u64, stages: &[StageEntry]) -> Vec<Entry> {
        if self.places.len() == self.free.len() {
            return Vec::new();
        }
        self.take_where(|entry| {
            if entry.kept == Kept::Lent {
                return false;
            }
            let limit = stages.iter().find(|stage| stage.id == entry.stage).map_or(0, |stage| stage.hold_max_ns);
            now_ns.saturating_sub(entry.since_ns) > limit
        })
    }

    /// Place and generation of a handle of this worker.
    fn split(&self, handle: u64) -> Option<(usize, u32)> {
        let low = handle & u64::from(u32::MAX);
        let index = usize::try_from(low & PLACES).ok()?;
        let generation = u32::try_from(handle >> 32).ok()?;
        (low & !PLACES == self.worker).then_some((index, generation))
    }
}

/// Bits of a handle that name a place; the worker is above them.
const PLACE_BITS: u32 = 16;
const PLACES: u64 = (1 << PLACE_BITS) - 1;
const _: () = assert!(HELD_MAX <= 1 << PLACE_BITS);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Leg, Position};

    fn entry(written: bool) -> Entry {
        let resume = ResumePoint { leg: Leg::Ingress, after: Position::POLICY };
        let (packet, slot) = (Packet::default(), Slot::EMPTY);
        Entry { packet, slot, resume, stage: StageId(1), since_ns: 0, kept: Kept::Held, written }
    }

    #[test]
    fn handle_names_nothing_on_another_worker() {
        let mut tables: Vec<Held> = [0, 1, 7, u16::MAX].map(Held::new).into();
        let handles: Vec<u64> = tables.iter_mut().map(|held| held.keep(entry(false)).expect("room")).collect();
        for (at, held) in tables.iter_mut().enumerate() {
            for (of, handle) in handles.iter().enumerate() {
                assert_eq!(held.take(*handle, StageId(1)).is_some(), at == of, "{handle:x} on {at}");
            }
        }
    }

    #[test]
    fn what_was_written_and_held_in_a_call_is_found_again() {
        let mut held = Held::new(3);
        held.keep(entry(true)).expect("room");
        held.begin();
        assert!(held.take_written(StageId(1)).is_empty(), "of an earlier call");
        held.keep(entry(false)).expect("room");
        held.keep(entry(true)).expect("room");
        assert!(held.take_written(StageId(2)).is_empty(), "of another extension");
        assert_eq!((held.take_written(StageId(1)).len(), held.held()), (1, 2));
    }
}
