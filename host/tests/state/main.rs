//! The desired state: stored with each request, brought back after a restart, never half of a change.
//!
//! The plane is the one of the `cli` tests, which only keeps books and refuses some names; a wrapper makes it fail on
//! demand. Disks that are full or read-only are real ones, which takes root.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod adoption;
mod books;
mod config;
mod disk;
mod requests;
mod restore;
mod round_trip;
mod schema;

#[path = "../cli/plane.rs"]
mod plane;
#[path = "../cli/process.rs"]
#[expect(dead_code, reason = "this program starts no daemon")]
mod process;
