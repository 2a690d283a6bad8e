//! Memory that ends where it says: each run of bytes is followed by a page that nobody may touch.
//!
//! A read or write one byte behind the end is a SIGSEGV at an address this module knows ([`explain`]), so the report says
//! what was overrun and by how much. Cost: one page of address space a slot, physical memory only for what is touched.

#![expect(unsafe_code, reason = "maps memory and lends parts of it")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a page.
pub(crate) const PAGE: usize = 4_096;

/// A row of slots of equal length, each before a page that cannot be touched.
pub(crate) struct Guarded {
    base: *mut u8,
    /// Bytes of a slot without its guard page.
    length: usize,
    slots: usize,
    /// Slots that may be touched; the others never were used.
    open: std::cell::RefCell<Vec<bool>>,
    /// Place in [`KNOWN`].
    known: Option<usize>,
}

// SAFETY: a mapping belongs to the process; access is governed by whoever owns the value.
unsafe impl Send for Guarded {}

/// What is mapped, for the fault handler: start, end, and what it holds. Fixed, because the handler may not take a lock.
static KNOWN: [[AtomicUsize; 3]; 512] = [const { [const { AtomicUsize::new(0) }; 3] }; 512];
static KNOWING: Mutex<()> = Mutex::new(());

/// What a row of slots holds.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    /// Frames.
    Frames = 1,
    /// Packet descriptors.
    Packets = 2,
    /// The batch, or another struct with a stated size.
    Struct = 3,
    /// Offload facts.
    Facts = 4,
    /// Room for a piece of state or a text.
    Piece = 5,
}

/// Address space taken in advance: begin, next and end.
static RESERVE: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

/// Addresses that nobody may touch.
fn nowhere(length: usize) -> usize {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping touches nothing that exists.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
    assert!(mapped != libc::MAP_FAILED, "no address space for guarded memory");
    mapped as usize
}

/// Takes address space for guarded memory to come: for a process that will limit how much there is for the extension, whose
/// own threads and allocator may take what is left.
pub(crate) fn reserve(length: usize) {
    let begin = nowhere(length);
    [begin, begin, begin + length]
        .iter()
        .zip(&RESERVE)
        .for_each(|(value, place)| place.store(*value, Ordering::Release));
}

fn from_reserve(length: usize) -> Option<usize> {
    let end = RESERVE[2].load(Ordering::Acquire);
    let take = |next: usize| (next + length <= end).then_some(next + length);
    RESERVE[1].fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()
}

fn is_of_reserve(address: usize) -> bool {
    (RESERVE[0].load(Ordering::Acquire)..RESERVE[2].load(Ordering::Acquire)).contains(&address)
}

impl Guarded {
    /// Maps `slots` slots of at least `length` bytes.
    pub(crate) fn new(holds: Holds, slots: usize, length: usize) -> Guarded {
        let length = length.next_multiple_of(PAGE);
        let whole = slots * (length + PAGE) + PAGE;
        let mapped = from_reserve(whole).unwrap_or_else(|| nowhere(whole));
        // The first page is a guard, too: reading before the first slot.
        let base = (mapped as *mut u8).wrapping_add(PAGE);
        let open = std::cell::RefCell::new(vec![false; slots]);
        let _alone = KNOWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = KNOWN.iter().position(|known| known[0].load(Ordering::Relaxed) == 0);
        if let Some(known) = known.and_then(|at| KNOWN.get(at)) {
            known[1].store(mapped + whole, Ordering::Relaxed);
            known[2].store(holds as usize, Ordering::Relaxed);
            known[0].store(mapped, Ordering::Release);
        }
        Guarded { base, length, slots, open, known }
    }

    /// Sets what may be done with a slot.
    pub(crate) fn protect(&self, slot: usize, protection: i32) {
        let start = self.start(slot);
        // SAFETY: the pages of a slot are this mapping's own.
        let done = unsafe { libc::mprotect(start.cast(), self.length, protection) };
        assert!(done == 0, "mprotect: {}", std::io::Error::last_os_error());
    }

    fn start(&self, slot: usize) -> *mut u8 {
        assert!(slot < self.slots, "slot {slot} of {}", self.slots);
        self.base.wrapping_add(slot * (self.length + PAGE))
    }

    /// First byte of all slots.
    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    /// Makes a slot usable.
    pub(crate) fn open(&self, slot: usize) {
        let was = self.open.borrow_mut().get_mut(slot).is_none_or(|open| std::mem::replace(open, true));
        if !was {
            self.protect(slot, libc::PROT_READ | libc::PROT_WRITE);
        }
    }

    /// Offset from the base of the end of a slot.
    pub(crate) fn end_offset(&self, slot: usize) -> usize {
        slot * (self.length + PAGE) + self.length
    }

    /// The last `length` bytes of a slot, as an address.
    pub(crate) fn tail(&self, slot: usize, length: usize) -> *mut u8 {
        self.open(slot);
        assert!(length <= self.length, "{length} bytes in a slot of {}", self.length);
        self.start(slot).wrapping_add(self.length - length)
    }

    /// Stores bytes at the very end of a slot.
    pub(crate) fn put(&self, slot: usize, bytes: &[u8]) -> *mut u8 {
        let place = self.tail(slot, bytes.len());
        // SAFETY: `tail` is inside the slot, which is writable unless its owner said otherwise; `bytes` is elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        place
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let whole = self.slots * (self.length + PAGE) + PAGE;
        let mapped = self.base.wrapping_sub(PAGE);
        if let Some(known) = self.known.and_then(|at| KNOWN.get(at)) {
            known[0].store(0, Ordering::Release);
        }
        // SAFETY: this mapping is ended once, by its owner; what was lent of it was valid for calls that are over. What came
        // from the reserve stays as addresses that nobody may touch.
        unsafe {
            if is_of_reserve(mapped as usize) {
                libc::madvise(mapped.cast(), whole, libc::MADV_DONTNEED);
                libc::mprotect(mapped.cast(), whole, libc::PROT_NONE);
            } else {
                libc::munmap(mapped.cast(), whole);
            }
        }
    }
}

/// What lies at an address that faulted, in words; for a signal handler.
pub(crate) fn explain(address: usize) -> &'static str {
    for known in &KNOWN {
        let start = known[0].load(Ordering::Acquire);
        if start != 0 && (start..known[1].load(Ordering::Relaxed)).contains(&address) {
            return match known[2].load(Ordering::Relaxed) {
                1 => "it touched memory behind the end of a frame",
                2 => "it touched memory behind the packets of its batch",
                3 => "it touched memory behind the stated size of a struct",
                4 => "it touched memory behind the offload facts of its batch",
                _ => "it touched memory outside the room it was lent",
            };
        }
    }
    if address < PAGE { "it used a null pointer" } else { "it touched memory that is not its own" }
}
