//! What an extension keeps between calls on one worker of a child: places of held frames, and drafts.
//!
//! Handles are generation and place, as the switch's own; a stale one is refused. A draft's bytes are the host's to read
//! until it has taken the job back that injected it; only then is its place used again.

use std::collections::VecDeque;

use heddle_switch_core::arena::Class;

use super::super::layout::{DRAFTS, DRAFTS_ALL, HOLDS};

/// Marks the handle of a draft.
const DRAFT: u32 = 1 << 31;

/// The places.
pub(super) struct Keep {
    holds: Vec<u32>,
    held: Vec<bool>,
    free_holds: Vec<u32>,
    drafts: Vec<u32>,
    lengths: Vec<Option<u32>>,
    free_drafts: [Vec<u32>; 3],
    /// Drafts the host reads, with the job that names them.
    in_flight: VecDeque<(u32, u32)>,
}

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A place of a held frame.
    Held(u32),
    /// A draft of so many bytes.
    Draft(u32, u32),
}

impl Keep {
    pub(super) fn new() -> Keep {
        let number = |count: usize| u32::try_from(count).unwrap_or(0);
        let mut first = 0;
        let free_drafts = DRAFTS.map(|count| {
            let range = first..first + number(count);
            first += number(count);
            range.rev().collect()
        });
        Keep {
            holds: vec![1; HOLDS],
            held: vec![false; HOLDS],
            free_holds: (0..number(HOLDS)).rev().collect(),
            drafts: vec![1; DRAFTS_ALL],
            lengths: vec![None; DRAFTS_ALL],
            free_drafts,
            in_flight: VecDeque::new(),
        }
    }

    /// Whether a frame more can be held.
    pub(super) fn can_hold(&self) -> bool {
        !self.free_holds.is_empty()
    }

    /// Takes a place; its number and handle.
    pub(super) fn hold(&mut self) -> Option<(u32, u64)> {
        let place = self.free_holds.pop()?;
        *self.held.get_mut(place as usize)? = true;
        let generation = *self.holds.get(place as usize)?;
        Some((place, handle(generation, place)))
    }

    /// What a handle names.
    pub(super) fn find(&self, handle: u64) -> Option<Named> {
        let (generation, low) = ((handle >> 32) as u32, u32::try_from(handle & u64::from(u32::MAX)).ok()?);
        let place = low & !DRAFT;
        if low & DRAFT == 0 {
            let there =
                self.held.get(place as usize) == Some(&true) && self.holds.get(place as usize) == Some(&generation);
            return there.then_some(Named::Held(place));
        }
        let length = (*self.lengths.get(place as usize)?)?;
        (self.drafts.get(place as usize) == Some(&generation)).then_some(Named::Draft(place, length))
    }

    /// The handles of all held frames, each in 8 bytes.
    pub(super) fn held_handles(&self) -> Vec<u8> {
        let places = (0_u32..).zip(&self.held).zip(&self.holds).filter(|((_, held), _)| **held);
        places.flat_map(|((place, _), generation)| handle(*generation, place).to_le_bytes()).collect()
    }

    /// Takes up the handles of frames that another version held: they name the same frames here.
    pub(super) fn take_handles(&mut self, handles: &[u8]) {
        for eight in handles.chunks_exact(8).filter_map(|eight| eight.try_into().ok()) {
            let taken = u64::from_le_bytes(eight);
            let (generation, low) = ((taken >> 32) as u32, u32::try_from(taken & u64::from(u32::MAX)).unwrap_or(DRAFT));
            let place = low as usize;
            if let (Some(held), Some(known)) = (self.held.get_mut(place), self.holds.get_mut(place)) {
                (*held, *known) = (true, generation);
            }
        }
        let held = &self.held;
        self.free_holds.retain(|place| held.get(*place as usize) == Some(&false));
    }

    /// Gives a place of a held frame back.
    pub(super) fn let_go(&mut self, place: u32) {
        if let (Some(held), Some(generation)) = (self.held.get_mut(place as usize), self.holds.get_mut(place as usize))
        {
            *held = false;
            *generation = generation.wrapping_add(1).max(1);
            self.free_holds.push(place);
        }
    }

    /// Takes a draft for a frame of `length` bytes; its number and handle.
    pub(super) fn draft(&mut self, length: usize) -> Option<(u32, u64)> {
        let fit = Class::for_frame(length)?;
        let place = self.free_drafts.iter_mut().skip(fit.index()).find_map(Vec::pop)?;
        *self.lengths.get_mut(place as usize)? = u32::try_from(length).ok();
        let generation = *self.drafts.get(place as usize)?;
        Some((place, u64::from(generation) << 32 | u64::from(place | DRAFT)))
    }

    /// Ends a draft; one that the host reads is used again when it has taken job `until` back.
    pub(super) fn end_draft(&mut self, place: u32, until: u32) {
        if let (Some(length), Some(generation)) =
            (self.lengths.get_mut(place as usize), self.drafts.get_mut(place as usize))
        {
            *length = None;
            *generation = generation.wrapping_add(1).max(1);
            self.in_flight.push_back((until, place));
        }
    }

    /// The host has taken all jobs before `taken` back.
    pub(super) fn taken(&mut self, taken: u32) {
        while let Some((_, place)) =
            self.in_flight.pop_front_if(|(job, _)| taken.wrapping_sub(*job).wrapping_sub(1) < 1 << 31)
        {
            let (small, medium) = (DRAFTS[0], DRAFTS[0] + DRAFTS[1]);
            let class = usize::from(place as usize >= small) + usize::from(place as usize >= medium);
            if let Some(free) = self.free_drafts.get_mut(class) {
                free.push(place);
            }
        }
    }
}

/// A handle as the extension has it.
fn handle(generation: u32, place: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_taken_over_and_name_the_same_places() {
        let mut old = Keep::new();
        let handles: Vec<(u32, u64)> = (0..10).filter_map(|_| old.hold()).collect();
        old.let_go(handles[3].0);
        let mut new = Keep::new();
        new.take_handles(&old.held_handles());
        for (nth, (place, handle)) in handles.iter().enumerate() {
            assert_eq!(new.find(*handle), (nth != 3).then_some(Named::Held(*place)), "{nth}");
        }
        let more: Vec<u32> = (0..HOLDS).filter_map(|_| new.hold()).map(|(place, _)| place).collect();
        assert_eq!(more.len(), HOLDS - 9, "what is taken over is not given out");
        assert!(handles.iter().enumerate().all(|(nth, (place, _))| nth == 3 || !more.contains(place)));
        new.take_handles(&[0xff; 24]);
    }

    #[test]
    fn handles_are_used_up_and_never_name_another() {
        let mut keep = Keep::new();
        let Some((place, first)) = keep.hold() else { return assert!(keep.can_hold()) };
        assert_eq!(keep.find(first), Some(Named::Held(place)));
        keep.let_go(place);
        let again = keep.hold().map(|(_, handle)| handle);
        assert!(keep.find(first).is_none() && again != Some(first));
        assert_eq!((0..HOLDS).filter(|_| keep.hold().is_some()).count(), HOLDS - 1);
        assert!(!keep.can_hold());
    }

    #[test]
    fn a_drafts_place_is_used_again_when_the_host_is_done_with_it() {
        let mut keep = Keep::new();
        let large: Vec<(u32, u64)> = (0..20).filter_map(|_| keep.draft(60_000)).collect();
        assert_eq!(large.len(), DRAFTS[2]);
        assert!(keep.draft(usize::MAX).is_none());
        let (place, handle) = large[0];
        assert_eq!(keep.find(handle), Some(Named::Draft(place, 60_000)));
        keep.end_draft(place, u32::MAX);
        assert!(keep.find(handle).is_none());
        keep.taken(u32::MAX);
        assert!(keep.draft(60_000).is_none(), "job MAX is not taken back yet");
        keep.taken(0);
        assert_eq!(keep.draft(60_000).map(|(place, _)| place), Some(place));
        assert_eq!((0..1_000).filter(|_| keep.draft(60).is_some()).count(), DRAFTS[0] + DRAFTS[1]);
    }
}
