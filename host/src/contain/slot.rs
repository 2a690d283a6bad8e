//! Slots: what each thread is doing for an extension right now, where signal handlers and the watchdog can read it.
//!
//! A thread takes a slot of a fixed table when it first calls an extension and gives it back when it ends. Only the thread
//! itself writes its slot, so entering and leaving a call are plain stores. An unsafe island: the note of whom it calls is
//! a pointer to the [`Site`], which the guard of the call keeps alive.
//!
//! Limits: [`SLOTS`] threads; a call on a further one is not attributed, and its thread sees true memory.

#![expect(unsafe_code, reason = "island: reads the site that the guard of the running call borrows")]

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, compiler_fence};

use super::note;
use super::site::{Function, Site};
use super::trap::{self, AltStack};
use super::watchdog;
use crate::engine::ticks;
use crate::loader::Window;

/// Threads that call extensions at the same time.
pub(super) const SLOTS: usize = 1_024;
/// No worker: a thread of the control side.
pub(super) const NO_WORKER: u32 = u32::MAX;

/// What one thread is doing.
#[repr(align(128))]
pub(super) struct Slot {
    taken: AtomicBool,
    /// The kernel's number of the thread.
    pub(super) thread: AtomicI32,
    /// Whom it calls; null when nobody.
    pub(super) site: AtomicPtr<Site>,
    /// Counts calls, so that two looks can tell whether it is still the same one.
    pub(super) calls: AtomicU64,
    function: AtomicU8,
    worker: AtomicU32,
    /// The read-only view the call works through; null when it has none.
    pub(super) window: AtomicPtr<Window>,
    /// The same for the supervisor to read (`note`); null when nobody reads it.
    note: AtomicPtr<AtomicU64>,
    /// The limit in milliseconds that the call has broken; 0 = none.
    pub(super) overdue: AtomicU64,
}

static TABLE: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];

impl Slot {
    const fn new() -> Slot {
        Slot {
            taken: AtomicBool::new(false),
            thread: AtomicI32::new(0),
            site: AtomicPtr::new(std::ptr::null_mut()),
            calls: AtomicU64::new(0),
            function: AtomicU8::new(0),
            worker: AtomicU32::new(NO_WORKER),
            window: AtomicPtr::new(std::ptr::null_mut()),
            note: AtomicPtr::new(std::ptr::null_mut()),
            overdue: AtomicU64::new(0),
        }
    }

    /// Notes for the supervisor whom this thread calls; gives what was noted before.
    #[inline]
    fn note(&self, word: u64) -> u64 {
        // SAFETY: null, or this thread's word in the notes, whose mapping is never ended.
        let Some(note) = (unsafe { self.note.load(Ordering::Relaxed).as_ref() }) else { return 0 };
        let before = note.load(Ordering::Relaxed);
        note.store(word, Ordering::Relaxed);
        before
    }

    /// Whether a thread has it.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    /// The function that runs.
    pub(super) fn function(&self) -> Function {
        Function::from_repr(self.function.load(Ordering::Relaxed)).unwrap_or(Function::Load)
    }

    /// The worker it runs on, if it is one.
    pub(super) fn worker(&self) -> Option<u32> {
        Some(self.worker.load(Ordering::Relaxed)).filter(|worker| *worker != NO_WORKER)
    }
}

/// All slots, taken or not.
pub(super) fn slots() -> &'static [Slot] {
    &TABLE
}

thread_local! {
    /// Plain and without a destructor: read by signal handlers.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    static HOLD: Cell<Option<Hold>> = const { Cell::new(None) };
}

/// Gives the slot back when its thread ends.
struct Hold {
    slot: &'static Slot,
    _stack: AltStack,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.slot.site.load(Ordering::Acquire).is_null() {
            trap::left(self.slot);
        }
        MINE.set(None);
        self.slot.taken.store(false, Ordering::Release);
    }
}

/// This thread's slot, if it has one. Async-signal-safe.
pub(super) fn mine() -> Option<&'static Slot> {
    MINE.get()
}

#[cold]
fn take() -> Option<&'static Slot> {
    let free = |slot: &&Slot| slot.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok();
    let (number, slot) = TABLE.iter().enumerate().find(|(_, slot)| free(slot))?;
    slot.note.store(note::word_of(number).cast_mut(), Ordering::Relaxed);
    slot.thread.store(nix::unistd::gettid().as_raw(), Ordering::Relaxed);
    slot.site.store(std::ptr::null_mut(), Ordering::Relaxed);
    slot.overdue.store(0, Ordering::Relaxed);
    HOLD.set(Some(Hold { slot, _stack: AltStack::install() }));
    MINE.set(Some(slot));
    Some(slot)
}

/// A call under way; leaves it when dropped.
#[must_use = "the call is under way while it lives"]
pub(crate) struct Entered<'a> {
    slot: Option<&'static Slot>,
    before: *mut Site,
    noted: u64,
    is_control: bool,
    started: u64,
    site: PhantomData<&'a Site>,
}

/// Notes that this thread calls an extension, in whose site what it does wrong is counted.
#[inline]
pub(crate) fn enter<'a>(site: &'a Site, function: Function, worker: Option<u16>) -> Entered<'a> {
    let Some(slot) = MINE.get().or_else(take) else {
        let before = std::ptr::null_mut();
        return Entered { slot: None, before, noted: 0, is_control: false, started: 0, site: PhantomData };
    };
    let before = slot.site.load(Ordering::Relaxed);
    slot.function.store(function as u8, Ordering::Relaxed);
    slot.worker.store(worker.map_or(NO_WORKER, u32::from), Ordering::Relaxed);
    // Only this thread writes its slot.
    slot.calls.store(slot.calls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    slot.site.store(std::ptr::from_ref(site).cast_mut(), Ordering::Release);
    let noted = slot.note(site.place().word(function, worker));
    let is_control = !function.is_worker();
    let started = if is_control { 0 } else { ticks() };
    compiler_fence(Ordering::SeqCst);
    Entered { slot: Some(slot), before, noted, is_control, started, site: PhantomData }
}

impl Entered<'_> {
    /// The call works through a window; true when stores into it will be caught.
    #[inline]
    pub(crate) fn through(&self, window: &Window) -> bool {
        let Some(slot) = self.slot else { return false };
        slot.window.store(std::ptr::from_ref(window).cast_mut(), Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        true
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(slot) = self.slot else { return };
        compiler_fence(Ordering::SeqCst);
        slot.window.store(std::ptr::null_mut(), Ordering::Relaxed);
        let spent = if self.started == 0 { 0 } else { ticks().wrapping_sub(self.started) };
        if spent > watchdog::budget_ticks() {
            with_site(slot, |site| watchdog::judge_slow(site, spent));
        }
        if self.is_control && trap::rearm() {
            with_site(slot, |site| {
                site.strikes.took_handlers();
                let (extension, function) = (site.extension.as_str(), slot.function().name());
                tracing::error!(extension, function, "it changed what is done about fatal signals; that is undone");
            });
        }
        slot.note(self.noted);
        slot.site.store(self.before, Ordering::Release);
    }
}

/// The site a slot's thread is calling. Only for that thread itself, its signal handlers included.
pub(super) fn with_site<T>(slot: &Slot, work: impl FnOnce(&Site) -> T) -> Option<T> {
    let site = slot.site.load(Ordering::Acquire);
    // SAFETY: null, or set by `enter`, whose guard borrows the site until it has reset the pointer; as this runs on the
    // slot's own thread, the guard cannot be dropped meanwhile.
    unsafe { site.as_ref() }.map(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_noted_while_it_runs_and_nested_ones_give_way_again() {
        let (outer, inner) = (Site::new("org.example.outer", None), Site::new("org.example.inner", None));
        let name = || with_site(mine().unwrap(), |site| site.extension.clone());
        {
            let _outer = enter(&outer, Function::Event, None);
            {
                let _inner = enter(&inner, Function::Ingress, Some(3));
                assert_eq!(name().as_deref(), Some("org.example.inner"));
                assert_eq!((mine().unwrap().function(), mine().unwrap().worker()), (Function::Ingress, Some(3)));
            }
            assert_eq!(name().as_deref(), Some("org.example.outer"));
        }
        assert_eq!(name(), None);
    }

    #[test]
    fn a_thread_that_ends_gives_its_slot_back() {
        let taken = || slots().iter().filter(|slot| slot.taken.load(Ordering::Acquire)).count();
        for _ in 0..2 * SLOTS {
            let thread = std::thread::spawn(|| drop(enter(&Site::new("org.example.a", None), Function::Tick, None)));
            thread.join().unwrap();
        }
        assert!(taken() < SLOTS / 2, "{}", taken());
    }
}
