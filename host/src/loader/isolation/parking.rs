//! The stop of all workers' traffic with one child, for an exchange of versions.
//!
//! The control side wishes it; each worker's stage then sends nothing more, keeps new frames in the order they came, and
//! says so when everything it had sent is back. Bounded by the control side, which gives up after a moment or when too many
//! frames wait ([`super::super::Guest::park`]).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The wish, and where each worker is.
pub(super) struct Parking {
    wanted: AtomicBool,
    workers: Box<[Parked]>,
}

#[derive(Default)]
struct Parked {
    quiet: AtomicBool,
    waiting: AtomicUsize,
}

impl Parking {
    pub(super) fn new(workers: usize) -> Parking {
        Parking { wanted: AtomicBool::new(false), workers: (0..workers).map(|_| Parked::default()).collect() }
    }

    /// Whether it is wanted.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Begins or ends it.
    pub(super) fn want(&self, wanted: bool) {
        for worker in &self.workers {
            worker.quiet.store(false, Ordering::Release);
        }
        self.wanted.store(wanted, Ordering::Release);
    }

    /// A worker says where it is.
    pub(super) fn say(&self, worker: u16, quiet: bool, waiting: usize) {
        if let Some(place) = self.workers.get(usize::from(worker)) {
            place.waiting.store(waiting, Ordering::Relaxed);
            place.quiet.store(quiet, Ordering::Release);
        }
    }

    /// Whether nothing of any worker is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.quiet.load(Ordering::Acquire))
    }

    /// Frames that wait on the worker where most do.
    pub(super) fn waiting(&self) -> usize {
        self.workers.iter().map(|worker| worker.waiting.load(Ordering::Relaxed)).max().unwrap_or(0)
    }
}
