//! The agent seen from outside: what it sends, byte by byte and in the eyes of other people's decoders.
//!
//! [`walker`] reads datagrams as strictly as section 5 allows; [`judges`] and [`programs`] compare it with independent
//! decoders: crates, and programs, which are left out (and say so) where they are not installed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]
#![allow(clippy::incompatible_msrv, reason = "only the extension itself is built by older compilers")]

mod accuracy;
mod allocation;
mod anything;
mod behaviour;
mod documentation;
mod door;
mod golden;
mod host;
mod judges;
mod programs;
mod walker;
mod workload;
