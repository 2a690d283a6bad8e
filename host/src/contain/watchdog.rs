//! The watchdog: calls that do not come back end the process, calls that take too long are counted.
//!
//! A thread of its own looks at all slots every `LOOK`: the same call seen again and again for longer than its limit
//! is ended by a signal to its thread, which writes the crash record. Time in which the watchdog itself did not run
//! (a stopped process, a machine that stood still) does not count, nor does time the call's thread waited for a processor.
//! Slow calls are found by the guard of the call itself, with the time-stamp counter.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::site::Site;
use super::slot::{self, Slot};
use super::trap;
use crate::engine::ticks;

/// Longest call on a worker, where frames wait for it.
pub const CALL_LIMIT: Duration = Duration::from_secs(1);
/// A call of the control side may take this many times as long.
pub const CONTROL_FACTOR: u32 = 10;
/// What a call on a worker may take without being counted as slow.
pub const CALL_BUDGET: Duration = Duration::from_millis(1);
/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(50);
/// What a thread that was told to die gets to write its record.
const RECORD_TIME: Duration = Duration::from_millis(500);

/// Limits of calls into extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest call on a worker; zero = none.
    pub call: Duration,
    /// What it may take without being counted; zero = not counted.
    pub budget: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { call: CALL_LIMIT, budget: CALL_BUDGET }
    }
}

static BUDGET_TICKS: AtomicU64 = AtomicU64::new(u64::MAX);
static BUDGET_US: AtomicU64 = AtomicU64::new(u64::MAX);
/// Ticks of the time-stamp counter in a thousand microseconds.
static TICKS_PER_MS: AtomicU64 = AtomicU64::new(u64::MAX);

/// Ticks a call may take without being counted.
#[inline]
pub(super) fn budget_ticks() -> u64 {
    BUDGET_TICKS.load(Ordering::Relaxed)
}

thread_local! {
    static WAITS: RefCell<Option<File>> = const { RefCell::new(None) };
    static WAITED: Cell<u64> = const { Cell::new(0) };
}

/// Nanoseconds this thread has waited for a processor, ever (`/proc/thread-self/schedstat`, second number); 0 where the
/// kernel does not count it.
fn waited_ns() -> u64 {
    WAITS.with_borrow_mut(|file| {
        if file.is_none() {
            *file = File::open("/proc/thread-self/schedstat").ok();
        }
        file.as_ref().and_then(wait_in).unwrap_or(0)
    })
}

fn wait_in(file: &File) -> Option<u64> {
    let mut text = [0; 64];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Notes how long this thread has waited for a processor so far. For workers, now and then.
pub(crate) fn note_waits() {
    if slot::mine().is_some() {
        WAITED.set(waited_ns());
    }
}

/// A call took more ticks than its budget: it is counted, unless the thread waited for a processor meanwhile.
#[cold]
pub(super) fn judge_slow(site: &Site, spent: u64) {
    let us = spent.saturating_mul(1_000) / TICKS_PER_MS.load(Ordering::Relaxed).max(1);
    let waited = waited_ns();
    // An upper bound: some of the waiting may have been before the call.
    let excused = waited.saturating_sub(WAITED.replace(waited)) / 1_000;
    let us = us.saturating_sub(excused);
    if us > BUDGET_US.load(Ordering::Relaxed) {
        site.strikes.slow(us);
    }
}

/// What is known of the call in one slot.
#[derive(Default)]
struct Seen {
    call: u64,
    /// How long it has been seen.
    lasted: Duration,
    /// Waits of its thread when it was first seen, in nanoseconds.
    waited: u64,
}

/// Starts the watchdog.
///
/// # Errors
/// When there is no thread to be had.
pub fn start(limits: Limits) -> std::io::Result<()> {
    let watch = move || {
        learn_clock(limits);
        let mut seen: Vec<Seen> = Vec::new();
        seen.resize_with(slot::SLOTS, Seen::default);
        let mut last = Instant::now();
        loop {
            std::thread::sleep(LOOK);
            // When it was late itself, nobody else may have run either.
            let passed = last.elapsed().min(2 * LOOK);
            last = Instant::now();
            if trap::rearm() {
                tracing::error!("an extension changed on a worker what is done about fatal signals; that is undone");
            }
            if trap::is_dying() {
                // Its record has this long; then nobody waits for it any longer.
                std::thread::sleep(RECORD_TIME);
                trap::kill_process();
            }
            for (slot, seen) in slot::slots().iter().zip(&mut seen) {
                look(slot, seen, passed, limits.call);
            }
        }
    };
    std::thread::Builder::new().name("heddle-watchdog".to_owned()).spawn(watch).map(drop)
}

fn learn_clock(limits: Limits) {
    let (start, first) = (Instant::now(), ticks());
    std::thread::sleep(LOOK);
    let us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let per_ms = (ticks().wrapping_sub(first)).saturating_mul(1_000) / us;
    TICKS_PER_MS.store(per_ms.max(1), Ordering::Relaxed);
    if !limits.budget.is_zero() {
        let budget = u64::try_from(limits.budget.as_micros()).unwrap_or(u64::MAX);
        BUDGET_US.store(budget, Ordering::Relaxed);
        BUDGET_TICKS.store(budget.saturating_mul(per_ms) / 1_000, Ordering::Release);
    }
}

fn look(slot: &Slot, seen: &mut Seen, passed: Duration, limit: Duration) {
    if slot.site.load(Ordering::Acquire).is_null() {
        seen.lasted = Duration::ZERO;
        return;
    }
    let call = slot.calls.load(Ordering::Relaxed);
    if call != seen.call {
        *seen = Seen { call, lasted: Duration::ZERO, waited: waited_of(slot) };
        return;
    }
    seen.lasted += passed;
    let limit = if slot.function().is_worker() { limit } else { limit * CONTROL_FACTOR };
    if limit.is_zero() || seen.lasted < limit {
        return;
    }
    let waited = Duration::from_nanos(waited_of(slot).saturating_sub(seen.waited));
    if seen.lasted < limit + waited {
        return;
    }
    end(slot, limit);
}

/// Nanoseconds the thread of a slot has waited for a processor.
fn waited_of(slot: &Slot) -> u64 {
    let path = format!("/proc/self/task/{}/schedstat", slot.thread.load(Ordering::Relaxed));
    File::open(path).ok().and_then(|file| wait_in(&file)).unwrap_or(0)
}

fn end(slot: &Slot, limit: Duration) {
    let ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    tracing::error!(
        function = slot.function().name(),
        ms,
        "a call into an extension does not come back; the switch process ends"
    );
    trap::end_call(slot, ms);
    std::thread::sleep(RECORD_TIME);
    trap::end_in_its_place(slot);
}
