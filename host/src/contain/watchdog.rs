//! The watchdog: calls that do not come back end the process, calls that take too long are counted.
//!
//! A thread of its own looks at all slots every `LOOK`, and every `CLOSE_LOOK` while a call it has seen before goes on.
//! Calls are judged by the processor time of their thread, so that a busy machine makes none of them late: one on a worker
//! is ended at the limit, by a signal to its thread, which writes the crash record. Time without a processor counts only
//! as far as the thread did not want one (it sleeps, or waits for a lock): then [`STUCK_FACTOR`] times the limit. Time in
//! which the watchdog itself did not run (a stopped process, a machine that stood still) does not count.
//! Slow calls are found by the guard of the call itself, with the time-stamp counter.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::time::ClockId;

use super::site::Site;
use super::slot::{self, Slot};
use super::trap;
use crate::engine::ticks;

/// Processor time of a call on a worker, where frames wait for it: a hundred times its budget.
pub const CALL_LIMIT: Duration = Duration::from_millis(100);
/// A call on a worker that sleeps or waits may take this many times as long.
pub const STUCK_FACTOR: u32 = 10;
/// A call of the control side may take this many times as long, whatever it does: no frame waits for it.
pub const CONTROL_FACTOR: u32 = 100;
/// What a call on a worker may take without being counted as slow.
pub const CALL_BUDGET: Duration = Duration::from_millis(1);
/// How often the watchdog looks when nothing lasts.
const LOOK: Duration = Duration::from_millis(20);
/// How often it looks at a call that it has seen before.
const CLOSE_LOOK: Duration = Duration::from_millis(5);
/// What it takes to learn the clock's pace.
const LEARNING: Duration = Duration::from_millis(50);
/// What a thread that was told to die gets to write its record.
const RECORD_TIME: Duration = Duration::from_millis(500);

/// Limits of calls into extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Processor time of a call on a worker; zero = no limit.
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
    /// Processor time of its thread when it was first seen.
    ran: Duration,
    /// Waits of its thread for a processor then.
    waited: Duration,
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
        let (mut last, mut pause) = (Instant::now(), LOOK);
        loop {
            std::thread::sleep(pause);
            // When it was late itself, nobody else may have run either.
            let passed = last.elapsed().min(2 * pause);
            last = Instant::now();
            if trap::rearm() {
                tracing::error!("an extension changed on a worker what is done about fatal signals; that is undone");
            }
            if trap::is_dying() {
                // Its record has this long; then nobody waits for it any longer.
                std::thread::sleep(RECORD_TIME);
                trap::kill_process();
            }
            let slots = slot::slots().iter().zip(&mut seen);
            let lasting = slots
                .filter(|(slot, _)| slot.is_taken())
                .fold(false, |lasting, (slot, seen)| look(slot, seen, passed, limits.call) || lasting);
            pause = if lasting { CLOSE_LOOK } else { LOOK };
        }
    };
    std::thread::Builder::new().name("heddle-watchdog".to_owned()).spawn(watch).map(drop)
}

fn learn_clock(limits: Limits) {
    let (start, first) = (Instant::now(), ticks());
    std::thread::sleep(LEARNING);
    let us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
    let per_ms = (ticks().wrapping_sub(first)).saturating_mul(1_000) / us;
    TICKS_PER_MS.store(per_ms.max(1), Ordering::Relaxed);
    if !limits.budget.is_zero() {
        let budget = u64::try_from(limits.budget.as_micros()).unwrap_or(u64::MAX);
        BUDGET_US.store(budget, Ordering::Relaxed);
        BUDGET_TICKS.store(budget.saturating_mul(per_ms) / 1_000, Ordering::Release);
    }
}

/// Judges the call in a slot; true when it is one that was seen before, on a worker.
fn look(slot: &Slot, seen: &mut Seen, passed: Duration, limit: Duration) -> bool {
    if limit.is_zero() || slot.site.load(Ordering::Acquire).is_null() {
        seen.lasted = Duration::ZERO;
        return false;
    }
    let thread = slot.thread.load(Ordering::Relaxed);
    let call = slot.calls.load(Ordering::Relaxed);
    if call != seen.call || seen.lasted.is_zero() {
        // From its first sight on: what was before may have been another call's.
        *seen = Seen { call, lasted: passed, ran: ran(thread), waited: waited_of(thread) };
        return false;
    }
    seen.lasted += passed;
    let worker = slot.function().is_worker();
    let (busy, stuck) =
        if worker { (limit, limit * STUCK_FACTOR) } else { (limit * CONTROL_FACTOR, limit * CONTROL_FACTOR) };
    if seen.lasted < busy {
        return worker;
    }
    let excused = || waited_of(thread).saturating_sub(seen.waited);
    let ran_on = ran(thread).saturating_sub(seen.ran);
    let over = if ran_on >= busy { busy } else { stuck };
    let is_over = ran_on >= busy || (seen.lasted >= stuck && seen.lasted >= stuck + excused());
    // The reading may be of a later call: the thread that makes it has gone on.
    if is_over && slot.calls.load(Ordering::Relaxed) == call && !slot.site.load(Ordering::Acquire).is_null() {
        end(slot, over);
    }
    worker
}

/// Processor time that a thread of this process has had; zero when it is gone.
fn ran(thread: i32) -> Duration {
    /// A clock of one thread, of the time the scheduler gave it (`CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED`, clock_getcpuclockid(3)).
    const OF_THREAD: i32 = 4 | 2;
    ClockId::from_raw((!thread << 3) | OF_THREAD).now().map_or(Duration::ZERO, Duration::from)
}

/// Time the thread of a slot has waited for a processor.
fn waited_of(thread: i32) -> Duration {
    let path = format!("/proc/self/task/{thread}/schedstat");
    Duration::from_nanos(File::open(path).ok().and_then(|file| wait_in(&file)).unwrap_or(0))
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
