//! Where received frames land: a small buffer with an overflow that makes long frames contiguous without a second read.
//!
//! The length of a frame is not known before it is read. So the kernel scatters into two places: first a small buffer
//! (behind the headroom), then a spare large buffer, from the very offset at which the frame's tail belongs if its head
//! were in that buffer too. A short frame leaves the spare untouched. For a long one only the head, under 2 KiB, is
//! copied in front of the tail.
//!
//! For devices that give frames one by one and do not say their length before (TAP).

use heddle_switch_core::arena::{Arena, Buf, Class, HEADROOM};
use heddle_switch_core::pool::Pool;

/// Frame bytes the head holds.
const HEAD_LEN: usize = {
    use heddle_switch_core::arena::CLASS_LEN;
    CLASS_LEN[0] - HEADROOM as usize
};

/// The largest spare buffer there is; [`Buf::NONE`] when medium and large class are empty.
pub(super) fn spare(pool: &mut Pool) -> Buf {
    pool.alloc(Class::LARGE).or_else(|| pool.alloc(Class::MEDIUM)).unwrap_or(Buf::NONE)
}

/// The two places of one frame, in the order in which they fill.
#[inline]
pub(super) fn places<'a>(arena: &'a Arena, head: &'a mut Buf, spare: &'a mut Buf) -> (&'a mut [u8], &'a mut [u8]) {
    let headroom = usize::from(HEADROOM);
    let front = arena.bytes_mut(head).and_then(|bytes| bytes.get_mut(headroom..headroom + HEAD_LEN));
    let rest = arena.bytes_mut(spare).and_then(|bytes| bytes.get_mut(headroom + HEAD_LEN..));
    (front.unwrap_or_default(), rest.unwrap_or_default())
}

/// Longest frame that the two places hold together.
#[inline]
pub(super) fn capacity(arena: &Arena, spare: &Buf) -> usize {
    if spare.is_none() { HEAD_LEN } else { arena.buffer_len(spare) - usize::from(HEADROOM) }
}

/// Takes the buffer in which a frame of `length` bytes is contiguous, out of `head` or `spare`.
#[inline]
pub(super) fn settle(arena: &Arena, head: &mut Buf, spare: &mut Buf, length: usize) -> Buf {
    if length <= HEAD_LEN {
        return head.take();
    }
    let front = arena.frame(head, HEADROOM, u32::try_from(HEAD_LEN).unwrap_or(0));
    let start = usize::from(HEADROOM);
    if let Some(place) = arena.bytes_mut(spare).and_then(|bytes| bytes.get_mut(start..start + front.len())) {
        place.copy_from_slice(front);
    }
    spare.take()
}
