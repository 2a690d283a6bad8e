//! Queues that outlive this process: the descriptors of a port's device, kept by somebody else while the process is
//! restarted.
//!
//! A TAP interface lives as long as a descriptor of it is open, in whatever network namespace it is by then, and the kernel
//! queues frames meanwhile. Whoever [installs](install) a keeper gets a copy of each TAP port's descriptors; after a restart
//! the port of the same name takes them up again. Without a keeper (tests, a single process) nothing is kept.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// Who made a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// Its port: the device goes with it.
    Heddle,
    /// Somebody else: the device stays when its port goes.
    Other,
}

/// Keeps descriptors for the process that comes after this one.
pub trait Keeper: Send + Sync {
    /// What the process before this one left under `port`; once.
    fn take(&self, port: &str) -> Option<Vec<OwnedFd>>;

    /// Keeps copies of `queues` under `port`, instead of what was kept there.
    fn keep(&self, port: &str, queues: &[BorrowedFd<'_>], maker: Maker);

    /// Lets go of what is kept under `port`.
    fn forget(&self, port: &str);
}

static KEEPER: OnceLock<&'static dyn Keeper> = OnceLock::new();

/// Sets the keeper of this process; the first one stays.
pub fn install(keeper: &'static dyn Keeper) {
    let _ = KEEPER.set(keeper);
}

pub(super) fn take(port: &str) -> Option<Vec<OwnedFd>> {
    KEEPER.get()?.take(port)
}

pub(super) fn keep(port: &str, queues: &[BorrowedFd<'_>], maker: Maker) {
    if let Some(keeper) = KEEPER.get() {
        keeper.keep(port, queues, maker);
    }
}

pub(super) fn forget(port: &str) {
    if let Some(keeper) = KEEPER.get() {
        keeper.forget(port);
    }
}
