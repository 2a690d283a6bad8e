//! Where things lie in guarded memory: rows of slots, each between pages that are never open.
//!
//! Three sets of slots are used in turn, so that what was shown in one call stays closed during the next two: a call on
//! each leg. A frame lies either
//! with its last byte before a closed page, or with the first byte of its buffer behind one; which, alternates with
//! packets and calls. In an open page every byte that is not the frame's, nor its headroom, holds [`PATTERN`].

use heddle_extension_api::abi::packet::{BATCH_MAX, Batch, OffloadFacts, Packet};
use heddle_switch_core::arena::{CLASS_LEN, Class};

use super::faults::PAGE;

/// What bytes hold that are nobody's.
pub(super) const PATTERN: u8 = 0xa5;
/// Packets of a batch, at most.
pub(super) const MAX: usize = BATCH_MAX as usize;
/// Drafts one worker context may have at a time in debug mode.
pub(super) const DRAFTS: usize = 256;
/// Length of a packet descriptor.
pub(super) const LINE: usize = size_of::<Packet>();
/// Units that `Packet::buffer` counts in.
const UNIT: usize = 64;
/// Longest buffer, and what moving a frame to the end of a page may add.
const ROOM: usize = (CLASS_LEN[2] + UNIT).next_multiple_of(PAGE);
/// A slot, the closed page behind it, and the one in front of the next.
const SLOT: usize = ROOM + 2 * PAGE;

/// Offsets within a set: the batch, the facts and the descriptors, with two closed pages between them, then frames.
const BATCH: usize = PAGE;
const FACTS: usize = BATCH + 3 * PAGE;
const PACKETS: usize = FACTS + 3 * PAGE;
const FRAMES: usize = PACKETS + MAX * LINE + 2 * PAGE;
/// Bytes of a set: each packet has a second slot, where its frame goes when it is made writable.
pub(super) const SET: usize = FRAMES + 2 * MAX * SLOT;
/// Sets of slots.
pub(super) const SETS: usize = 3;
const FIRST_DRAFT: usize = SETS * SET + PAGE;
/// Bytes in all.
pub(super) const LENGTH: usize = FIRST_DRAFT + DRAFTS * SLOT;

const _: () = assert!(size_of::<Batch>() <= PAGE && MAX * size_of::<OffloadFacts>() <= PAGE);

/// Where a frame lies. Offsets are from the base.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// First byte of its buffer: a multiple of 64.
    pub(super) buffer: usize,
    /// First byte of the frame.
    pub(super) frame: usize,
    /// Length of the frame.
    pub(super) length: usize,
    /// The pages that are open for it.
    pub(super) pages: (usize, usize),
}

impl Place {
    /// A place in the slot that begins at `slot` for a frame with some headroom: at the end of the slot, or at its beginning.
    pub(super) fn new(slot: usize, headroom: usize, length: usize, at_end: bool) -> Place {
        // As much room as the true buffer has for certain: what an extension puts in front has to fit there, too.
        let more = Class::for_frame(length).map_or(0, Class::len) >= headroom + length + UNIT;
        let (buffer, frame) = if at_end && more {
            let frame = slot + ROOM - length;
            ((frame - headroom) / UNIT * UNIT, frame)
        } else {
            (slot, slot + headroom)
        };
        let (first, last) = (buffer / PAGE * PAGE, (frame + length).next_multiple_of(PAGE));
        Place { buffer, frame, length, pages: (first, last - first) }
    }

    /// First byte behind the frame.
    pub(super) fn end(&self) -> usize {
        self.frame + self.length
    }

    /// Makes a descriptor say where the frame lies.
    pub(super) fn tell(&self, packet: &mut Packet) {
        packet.buffer = u32::try_from(self.buffer / UNIT).unwrap_or(u32::MAX);
        packet.start = u16::try_from(self.frame - self.buffer).unwrap_or(u16::MAX);
    }
}

/// Offsets of one of the sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set(pub(super) usize);

impl Set {
    /// Its first byte.
    pub(super) fn start(self) -> usize {
        self.0 * SET
    }

    /// The batch, as its end is at the end of a page.
    pub(super) fn batch(self) -> usize {
        self.start() + BATCH + PAGE - size_of::<Batch>()
    }

    /// Facts of `count` packets, likewise.
    pub(super) fn facts(self, count: usize) -> usize {
        self.start() + FACTS + PAGE - count * size_of::<OffloadFacts>()
    }

    /// `count` packets, likewise.
    pub(super) fn packets(self, count: usize) -> usize {
        self.start() + PACKETS + (MAX - count) * LINE
    }

    /// The slot of a packet's frame; `moved`: the one it goes to when it is made writable.
    pub(super) fn slot(self, index: usize, moved: bool) -> usize {
        self.start() + FRAMES + (index + if moved { MAX } else { 0 }) * SLOT
    }
}

/// The slot of a draft.
pub(super) fn draft(number: usize) -> usize {
    FIRST_DRAFT + number % DRAFTS * SLOT
}

/// What lies at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The batch of a set.
    Batch(usize),
    /// Its facts.
    Facts(usize),
    /// Its packets.
    Packets(usize),
    /// The slot of a packet's frame; the second one of it if the last is true.
    Frame(usize, usize, bool),
    /// The slot of a draft.
    Draft(usize),
}

/// What an offset belongs to. Of two closed pages each belongs to what lies next to it.
pub(super) fn what(offset: usize) -> What {
    let offset = offset + PAGE;
    if offset >= FIRST_DRAFT {
        return What::Draft(((offset - FIRST_DRAFT) / SLOT).min(DRAFTS - 1));
    }
    let (set, within) = (offset / SET, offset % SET);
    if offset >= SETS * SET {
        return What::Frame(SETS - 1, MAX - 1, true);
    }
    match within {
        // Each begins a page before its first byte, which the shift above takes care of.
        _ if within < FACTS => What::Batch(set),
        _ if within < PACKETS => What::Facts(set),
        _ if within < FRAMES => What::Packets(set),
        _ => {
            let slot = (within - FRAMES) / SLOT;
            What::Frame(set, slot % MAX, slot >= MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lie_before_or_behind_a_closed_page_and_say_where() {
        for length in [14, 60, 1_500, 1_984, 9_000, 65_550] {
            for (at_end, index) in [(true, 0), (false, 255)] {
                let slot = Set(1).slot(index, true);
                let place = Place::new(slot, 128, length, at_end);
                assert!(place.frame - place.buffer >= 128 && place.buffer.is_multiple_of(UNIT), "{place:?}");
                assert!(place.end() <= slot + ROOM && place.buffer >= slot, "{place:?}");
                if at_end && length != 1_984 {
                    assert!(place.end() == slot + ROOM && place.frame - place.buffer < 128 + UNIT, "{place:?}");
                } else {
                    assert_eq!((place.buffer, place.frame), (slot, slot + 128));
                }
                let mut packet = Packet::default();
                place.tell(&mut packet);
                assert_eq!(packet.buffer as usize * UNIT + usize::from(packet.start), place.frame);
            }
        }
    }

    #[test]
    fn an_offset_is_of_what_it_touches_at_either_end() {
        for set in 0..SETS {
            let it = Set(set);
            assert_eq!(what(it.batch() + size_of::<Batch>()), What::Batch(set));
            assert_eq!(what(it.packets(3) + 3 * LINE), What::Packets(set));
            assert_eq!(what(it.facts(3)), What::Facts(set));
            for (index, moved) in [(0, false), (7, false), (255, false), (0, true), (255, true)] {
                let slot = it.slot(index, moved);
                for offset in [slot - 1, slot, slot + ROOM - 1, slot + ROOM] {
                    assert_eq!(what(offset), What::Frame(set, index, moved), "{offset}");
                }
            }
        }
        for number in [0, 255] {
            assert_eq!(
                (what(draft(number) - 1), what(draft(number) + ROOM)),
                (What::Draft(number), What::Draft(number))
            );
        }
        assert!(draft(255) + SLOT <= LENGTH);
    }
}
