//! Held frames and drafts: what extensions keep between calls on one worker.
//!
//! An entry is named by a 64-bit handle: generation in the upper half, place in the lower. A handle that was used up,
//! or never given, is refused; it can never name another frame. Bounded: one table per worker, a quota per extension,
//! a maximum age after which the frame is dropped as `hold-expired`.

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
}

impl Held {
    /// A table with room made in advance.
    pub fn new() -> Held {
        Held { places: Vec::with_capacity(1_024), free: Vec::with_capacity(1_024), ..Held::default() }
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
        Ok((u64::from(generation) << 32) | u64::from(index))
    }

    /// The entry behind a handle of `stage`.
    pub fn get_mut(&mut self, handle: u64, stage: StageId) -> Option<&mut Entry> {
        let (index, generation) = split(handle);
        let place = self.places.get_mut(index).filter(|place| place.generation == generation)?;
        place.entry.as_mut().filter(|entry| entry.stage == stage)
    }

    /// Takes an entry of `stage` out; its handle is used up.
    pub fn take(&mut self, handle: u64, stage: StageId) -> Option<Entry> {
        self.get_mut(handle, stage)?;
        self.take_at(split(handle).0)
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
}

fn split(handle: u64) -> (usize, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the handle")]
    let (index, generation) = (handle as u32 as usize, (handle >> 32) as u32);
    (index, generation)
}
