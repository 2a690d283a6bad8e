//! Strikes that are found around a call: it took longer than its budget, or left other handlers of fatal signals.
//!
//! Counted by the guard of the call, by any thread, without a lock; read by the upkeep thread and by views. Broken rules
//! of roles are counted by the core (`switch-core/src/violation.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

/// What was counted of one instance.
#[derive(Debug, Default)]
pub struct Strikes {
    slow: AtomicU64,
    longest_us: AtomicU64,
    handlers: AtomicU64,
}

impl Strikes {
    /// Counts a call that took `us` microseconds.
    pub(crate) fn slow(&self, us: u64) {
        self.longest_us.fetch_max(us, Ordering::Relaxed);
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls that took longer than their budget.
    pub fn slow_calls(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// The longest of them, in microseconds.
    pub fn longest_us(&self) -> u64 {
        self.longest_us.load(Ordering::Relaxed)
    }

    /// Counts a call after which fatal signals had other handlers.
    pub(crate) fn took_handlers(&self) {
        self.handlers.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls after which fatal signals had other handlers.
    pub fn handlers_taken(&self) -> u64 {
        self.handlers.load(Ordering::Relaxed)
    }
}
