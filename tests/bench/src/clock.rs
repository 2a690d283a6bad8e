//! The cycle counter, what it counts, and the core to stay on.
//!
//! Cycles are those of the time stamp counter (TSC), which runs at one speed whatever the core does. The core itself
//! speeds up and slows down and may be shared with other machines: [`core_cycle`] tells how many TSC cycles one core
//! cycle took just now. Compare figures of one run only. On other architectures a cycle is a nanosecond.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The counter, now.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn ticks() -> u64 {
    #[expect(unsafe_code, reason = "the instruction is only reachable through an unsafe intrinsic")]
    // SAFETY: `rdtsc` exists on every x86-64 processor and changes no state.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
}

/// Nanoseconds in place of cycles.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn ticks() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Counts per second, from 50 ms of both clocks.
pub(crate) fn ticks_per_second() -> f64 {
    let (wall, count) = (Instant::now(), ticks());
    while wall.elapsed() < Duration::from_millis(50) {
        std::hint::spin_loop();
    }
    let counted = ticks() - count;
    exact(counted) / wall.elapsed().as_secs_f64()
}

/// TSC cycles per core cycle: the fastest of some chains of instructions that take four core cycles each.
pub(crate) fn core_cycle() -> f64 {
    const LINKS: u32 = 20_000;
    let factor = black_box(0x9E37_79B9_7F4A_7C15_u64);
    let chain = |_| {
        let started = ticks();
        // Exclusive or takes one cycle and multiplication three on every x86-64 core of the last ten years; mixing
        // them keeps the compiler from folding the chain.
        black_box((0..LINKS).fold(black_box(1_u64), |value, _| (value ^ factor).wrapping_mul(factor)));
        exact(ticks() - started) / f64::from(LINKS) / 4.0
    };
    (0..50).map(chain).fold(f64::INFINITY, f64::min)
}

/// Keeps this process on the last core it may use; its number.
pub(crate) fn pin() -> Option<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).ok()?;
    let core = (0..CpuSet::count()).rev().find(|core| allowed.is_set(*core).unwrap_or(false))?;
    let mut only = CpuSet::new();
    only.set(core).ok()?;
    sched_setaffinity(Pid::from_raw(0), &only).ok()?;
    Some(core)
}

/// A count as a float; counts of a benchmark are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn exact(count: u64) -> f64 {
    count as f64
}
