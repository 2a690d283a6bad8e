//! The agent seen from outside: what it sends, byte by byte and in the eyes of other people's decoders.
//!
//! [`walker`] reads datagrams as strictly as section 5 allows; [`judges`] compares it with independent decoders, of
//! which the programs are skipped (and say so) where they are not installed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod accuracy;
mod allocation;
mod behaviour;
mod door;
mod golden;
mod host;
mod judges;
mod programs;
mod walker;
mod workload;
