//! Waking a worker that sleeps: an eventfd in its epoll set, and a flag that says whether writing to it is needed.
//!
//! A worker announces its sleep, looks once more at everything that could have arrived, and only then waits; whoever
//! leaves something first stores it and then looks at the flag. With sequentially consistent order on both sides one of
//! the two sees the other, so nothing waits for a sleeper unseen.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// The bell of one worker.
#[derive(Clone)]
pub(crate) struct Wake(Arc<Inner>);

struct Inner {
    event: EventFd,
    asleep: AtomicBool,
}

impl Wake {
    /// A bell nobody sleeps on.
    pub(crate) fn new() -> std::io::Result<Wake> {
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Wake(Arc::new(Inner { event, asleep: AtomicBool::new(false) })))
    }

    /// Wakes the worker if it sleeps; a load otherwise.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.0.asleep.load(Ordering::SeqCst) {
            // A full counter means that it is being woken already.
            let _ = self.0.event.write(1);
        }
    }

    /// Says that the worker is about to sleep; it looks for work once more after this.
    pub(crate) fn doze(&self) {
        self.0.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Says that it is awake, and resets the bell.
    pub(crate) fn up(&self) {
        self.0.asleep.store(false, Ordering::SeqCst);
        let _ = self.0.event.read();
    }

    /// For the epoll set.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
    }
}
