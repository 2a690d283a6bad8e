//! Everything of the Heddle virtual switch that touches the system: devices, threads, the clock, vendor code, operators.
//!
//! [`engine`] composes the pure data plane of `heddle-switch-core` with port backends ([`ports`]), packet memory
//! ([`arena`]) and extensions ([`loader`]), and answers the operator's requests ([`control`], served by [`daemon`] under
//! [`supervisor`]). [`cli`] is the other end of that conversation.

pub mod arena;
pub mod cli;
pub mod config;
pub mod contain;
pub mod control;
pub mod daemon;
pub mod engine;
pub mod loader;
pub mod metrics;
pub mod offline;
mod own_directory;
mod pcapng;
pub mod ports;
mod regular_file;
pub mod state;
pub mod supervisor;
mod systemd;
pub mod trust;
