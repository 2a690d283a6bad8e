//! sFlow v5 agent as a Heddle capture extension.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

pub mod agent;
pub mod config;
pub mod datagram;
pub mod poller;
pub mod receiver;
pub mod sampler;
