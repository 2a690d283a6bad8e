//! Touches of guarded memory, noted by the handler of the fault they cause. Async-signal-safe.
//!
//! Every [`Memory`](super::memory::Memory) has a row in a fixed table here. A fault inside one is noted with its address,
//! what it was and the stack of whoever did it; then the page is opened, so that the call goes on and the note is read
//! after it. An unsafe island: it asks the unwinder, and opens pages. Limits: [`MEMORIES_MAX`] memories, [`TOUCHES_MAX`]
//! notes of one between two calls; what is touched beyond is let through without a note.

#![expect(unsafe_code, reason = "island: opens pages from a signal handler")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of a page on the processors this is built for.
pub(super) const PAGE: usize = 4_096;
/// Guarded memories in a process: workers times extensions in debug mode.
pub(super) const MEMORIES_MAX: usize = 256;
/// Touches that are noted between two calls.
const TOUCHES_MAX: usize = 8;
/// Return addresses of a note, those of the handler included.
const STACK_MAX: usize = 24;

struct Note {
    address: AtomicUsize,
    store: AtomicBool,
    stack: [AtomicUsize; STACK_MAX],
}

/// One memory, as the handler knows it.
pub(super) struct Row {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    count: AtomicUsize,
    notes: [Note; TOUCHES_MAX],
}

static ROWS: [Row; MEMORIES_MAX] = [const { Row::new() }; MEMORIES_MAX];

/// Somebody touched memory that was closed.
#[derive(Debug)]
pub(super) struct Touch {
    /// Where.
    pub(super) address: usize,
    /// Whether it was a store.
    pub(super) store: bool,
    /// Addresses of code, innermost first.
    pub(super) stack: Vec<usize>,
}

impl Note {
    const fn new() -> Note {
        Note {
            address: AtomicUsize::new(0),
            store: AtomicBool::new(false),
            stack: [const { AtomicUsize::new(0) }; STACK_MAX],
        }
    }
}

impl Row {
    const fn new() -> Row {
        Row {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            notes: [const { Note::new() }; TOUCHES_MAX],
        }
    }

    /// A row for the memory from `start` on; `None` when all are taken.
    pub(super) fn take(start: usize, length: usize) -> Option<&'static Row> {
        let free = |row: &&Row| row.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let row = ROWS.iter().find(free)?;
        row.count.store(0, Ordering::Relaxed);
        row.end.store(start + length, Ordering::Relaxed);
        row.start.store(start, Ordering::Release);
        Some(row)
    }

    /// The memory is about to go.
    pub(super) fn give_back(&self) {
        self.start.store(0, Ordering::Relaxed);
        self.end.store(0, Ordering::Release);
        self.taken.store(false, Ordering::Release);
    }

    /// Whether there are notes.
    #[inline]
    pub(super) fn is_touched(&self) -> bool {
        self.count.load(Ordering::Acquire) != 0
    }

    /// Takes the notes out.
    pub(super) fn take_notes(&self) -> Vec<Touch> {
        let count = self.count.swap(0, Ordering::AcqRel).min(TOUCHES_MAX);
        let touch = |note: &Note| Touch {
            address: note.address.load(Ordering::Relaxed),
            store: note.store.load(Ordering::Relaxed),
            stack: note.stack.iter().map(|at| at.load(Ordering::Relaxed)).take_while(|at| *at != 0).collect(),
        };
        self.notes.iter().take(count).map(touch).collect()
    }
}

/// A fault at `address`, by the instruction at `at`: true when it was in guarded memory, is noted, and can go on.
pub(crate) fn absorb(address: usize, store: bool, at: usize) -> bool {
    let inside = |row: &&Row| {
        (row.start.load(Ordering::Acquire)..row.end.load(Ordering::Relaxed)).contains(&address) && address != at
    };
    let Some(row) = ROWS.iter().find(inside) else { return false };
    let page = address & !(PAGE - 1);
    // SAFETY: a whole page of a mapping that the row's owner ends only after giving the row back.
    let opened = unsafe { libc::mprotect(page as *mut libc::c_void, PAGE, libc::PROT_READ | libc::PROT_WRITE) };
    if opened != 0 {
        return false;
    }
    let Some(note) = row.notes.get(row.count.fetch_add(1, Ordering::AcqRel)) else { return true };
    note.address.store(address, Ordering::Relaxed);
    note.store.store(store, Ordering::Relaxed);
    let mut frames = [std::ptr::null_mut(); STACK_MAX];
    let most = libc::c_int::try_from(STACK_MAX).unwrap_or(0);
    // SAFETY: room for as many addresses as are asked for; the unwinder was loaded when the handler was put in place.
    let found = unsafe { libc::backtrace(frames.as_mut_ptr(), most) };
    let frames = frames.get(..usize::try_from(found).unwrap_or(0)).unwrap_or_default();
    // The first ones are the handler's own.
    let own = frames.iter().position(|frame| *frame as usize == at).unwrap_or(0);
    let mut theirs = frames.iter().skip(own).map(|frame| *frame as usize);
    note.stack.iter().for_each(|place| place.store(theirs.next().unwrap_or(0), Ordering::Relaxed));
    true
}
