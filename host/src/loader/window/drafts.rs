//! Frames that captures make: memory of their own, copied into the arena when they are injected. An unsafe island.
//!
//! Drafts of filters and forwarding extensions lie in the arena. A capture that was given the arena's base for that would
//! hold a pointer to every true frame; so its `draft_base` is a mapping of this worker's, as long as the arena and a part
//! behind that for drafts. Only the part is writable, and only where a draft was lent: a store anywhere else faults and
//! is absorbed and named like one into a frame.
//!
//! Limits: [`PLACES`] drafts that all captures of a worker keep at a time, beside their quota; more are refused as full.
//! Cost: one system call and the copying of its bytes for each draft of a capture.

#![expect(unsafe_code, reason = "island: memory that an extension writes")]

use std::cell::Cell;
use std::ffi::c_void;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use heddle_extension_api::abi::packet::Packet;
use heddle_switch_core::arena::{CLASS_LEN, UNIT};
use heddle_switch_core::call::{Call, Refusal};

use super::{View, Window, page_size};
use crate::arena::map;

/// Drafts at a time.
pub(super) const PLACES: usize = 256;
/// Bytes of a place: the largest buffer, in whole pages.
const PLACE: usize = CLASS_LEN[2].next_multiple_of(page_size());

thread_local! {
    /// The window and the call under way on this thread.
    static SHOWING: Cell<(*const Window, *mut c_void)> = const { Cell::new((std::ptr::null(), std::ptr::null_mut())) };
}

/// The memory of drafts.
pub(super) struct Drafts {
    view: View,
    /// Where places begin.
    first: usize,
    /// The handle of the draft in each place; 0 = none. Only the worker that owns the window looks.
    handles: [AtomicU64; PLACES],
}

impl Drafts {
    /// Memory beside an arena of `arena` bytes.
    pub(super) fn new(arena: usize) -> io::Result<Drafts> {
        let first = arena.next_multiple_of(page_size());
        let len = first + PLACES * PLACE;
        let handles = [const { AtomicU64::new(0) }; PLACES];
        Ok(Drafts { view: View { base: map::map_zeroes(len)?, len }, first, handles })
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    /// Whether something was written where the frame of a packet would be if drafts counted from the same base.
    pub(super) fn is_stray(&self, packet: &Packet) -> bool {
        let start = packet.buffer as usize * UNIT + usize::from(packet.start);
        let length = packet.length as usize;
        if start + length > self.first {
            return false;
        }
        // SAFETY: inside the view in front of the places, which is readable all over; the call has ended.
        let bytes = unsafe { std::slice::from_raw_parts(self.view.base.as_ptr().add(start), length) };
        bytes.iter().any(|byte| *byte != 0)
    }

    /// Closes the page at `address`, which took a store that was meant for no draft.
    pub(super) fn close(&self, address: usize) -> io::Result<()> {
        let offset = address - self.view.base.as_ptr() as usize;
        if offset >= self.first {
            // It may hold a draft by now, and is nobody's frame.
            return Ok(());
        }
        // SAFETY: a page of the view in front of the places, to which nothing refers: the call has ended.
        unsafe { map::zeroes_again(self.view.base.add(offset), page_size()) }
    }

    /// The same for all pages in front of the places.
    pub(super) fn close_all(&self) -> io::Result<()> {
        // SAFETY: as in `close`.
        unsafe { map::zeroes_again(self.view.base, self.first) }
    }

    fn offset(&self, place: usize) -> usize {
        self.first + place * PLACE
    }

    /// A place nobody has, or whose draft has ended.
    fn free(&self, call: &Call<'_>) -> Option<usize> {
        let is_free = |handle: &AtomicU64| handle.load(Ordering::Relaxed) == 0;
        self.handles.iter().position(is_free).or_else(|| {
            let ended = |handle: &AtomicU64| !call.is_kept(handle.load(Ordering::Relaxed));
            self.handles.iter().position(ended)
        })
    }
}

/// The call under way through a window, until it is dropped.
pub(crate) struct Showing {
    before: (*const Window, *mut c_void),
}

impl Drop for Showing {
    fn drop(&mut self) {
        SHOWING.set(self.before);
    }
}

impl Window {
    /// A call through this window begins on this thread; the window outlives what is given back.
    pub(crate) fn in_call(&self, call: *mut c_void) -> Showing {
        Showing { before: SHOWING.replace((std::ptr::from_ref(self), call)) }
    }

    /// The window of the call under way on this thread, when `call` is that call and has one.
    pub(crate) fn of_call<'a>(call: *mut c_void) -> Option<&'a Window> {
        let (window, running) = SHOWING.get();
        if call.is_null() || running != call {
            return None;
        }
        // SAFETY: set by `in_call` for as long as the extension's function runs on this thread, which borrows the window.
        unsafe { window.as_ref() }
    }

    /// Lends a place for a draft; gives the draft as the capture finds it there.
    pub(crate) fn lend(&self, call: &mut Call<'_>, (handle, packet): (u64, Packet)) -> Result<(u64, Packet), Refusal> {
        let drafts = &self.drafts;
        let Some(place) = drafts.free(call) else {
            let _ = call.discard(handle, 0);
            return Err(Refusal::Full);
        };
        let (offset, length) = (drafts.offset(place), usize::from(packet.start) + packet.length as usize);
        let pages = length.next_multiple_of(page_size()).min(PLACE);
        // SAFETY: whole pages of this place, of which nobody has a draft; zeroes as the arena's own draft has.
        let opened = unsafe {
            let start = drafts.view.base.add(offset);
            map::allow_writing(start, pages).map(|()| start.write_bytes(0, pages))
        };
        if opened.is_err() {
            let _ = call.discard(handle, 0);
            return Err(Refusal::Full);
        }
        if let Some(known) = drafts.handles.get(place) {
            known.store(handle, Ordering::Relaxed);
        }
        Ok((handle, Packet { buffer: u32::try_from(offset / UNIT).map_err(|_| Refusal::Full)?, ..packet }))
    }

    /// Brings what a capture made of a draft into the arena. The place is free when the draft is gone.
    pub(crate) fn take_back(&self, call: &mut Call<'_>, handle: u64) {
        let drafts = &self.drafts;
        let is_it = |known: &AtomicU64| known.load(Ordering::Relaxed) == handle;
        let Some(place) = drafts.handles.iter().position(is_it).filter(|_| handle != 0) else { return };
        let start = drafts.offset(place) + usize::from(heddle_switch_core::arena::HEADROOM);
        let room = CLASS_LEN[2] - usize::from(heddle_switch_core::arena::HEADROOM);
        // SAFETY: inside the place, which is readable all over; the extension is in this very call on this thread.
        let bytes = unsafe { std::slice::from_raw_parts(drafts.view.base.as_ptr().add(start), room) };
        call.fill_draft(handle, bytes);
    }
}
