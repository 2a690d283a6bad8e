//! The debug mode: an extension in the switch's process whose calls see frames between pages that nobody may touch.
//!
//! A worker context in debug mode has a [`Cage`]. Before each call the batch, its side arrays, its packets and their frames
//! are copied into guarded memory ([`place`] says where what lies); the host table is one whose functions bring the copies
//! up to date (`host_table/guarded.rs`). A read or a store that leaves what the extension was lent faults and is noted with the stack of
//! whoever did it ([`faults`]), or spoils a pattern that is compared after the call. What the extension may change is
//! carried over into the switch's own memory and settled like any call, so neighbours never see a stray store.
//! Each [`Finding`] names rule, port, offset and stack, is counted as a violation, and goes to the extension's log.
//!
//! Cost: two copies and one system call a frame; decision 0022 has the figures. Not watched: samples, drops and pieces
//! of state, which are copies already.

mod cage;
mod carry;
mod faults;
mod finding;
mod judge;
mod memory;
mod place;

pub(crate) use cage::Cage;
pub(crate) use faults::absorb;
pub use finding::{FINDINGS_MAX, Finding, Findings};
