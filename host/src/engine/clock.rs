//! The cycle counter that stages are timed with: the time-stamp counter where there is one.

/// Ticks of the processor's time-stamp counter.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "island: reading the time-stamp counter")]
pub(crate) fn ticks() -> u64 {
    // SAFETY: RDTSC is part of the x86-64 baseline and reads a register.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Nanoseconds, where there is no time-stamp counter to read.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ticks() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
