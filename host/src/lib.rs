//! Placeholder head, replaced as the crate grows.

pub mod arena;
pub mod cli;
pub mod control;
pub mod loader;
pub mod ports;
pub mod daemon;
pub mod supervisor;
