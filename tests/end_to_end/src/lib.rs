//! What the end-to-end tests stand on: the built daemon and its command line, hosts in network namespaces, raw frames.
//!
//! Names of namespaces and devices carry the process id; everything a test makes goes when the test ends, also when it
//! fails. Namespaces of test runs that were killed are removed by the next run.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(missing_docs, reason = "names of test equipment say what it does")]

pub mod daemon;
pub mod frames;
pub mod namespace;
pub mod streams;
pub mod wire;

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for something that takes milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `done`, or fails naming what it waited for.
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One test at a time: they measure traffic, and there are few cores.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turn of a test that makes namespaces and devices; without the right it says what is left out.
pub fn as_root(test: &str) -> Option<MutexGuard<'static, ()>> {
    if nix::unistd::geteuid().is_root() && std::path::Path::new("/dev/net/tun").exists() {
        let turn = alone();
        namespace::sweep();
        return Some(turn);
    }
    leave_out(test, "needs root and /dev/net/tun to make network namespaces and devices");
    None
}

/// Notes a test that could not run, for the summary of `make test`.
pub fn leave_out(test: &str, why: &str) {
    println!("skipped: {test}: {why}");
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(ledger).unwrap();
        writeln!(file, "end-to-end {test}: {why}").unwrap();
    }
}
