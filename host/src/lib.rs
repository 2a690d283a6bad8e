//! Placeholder head, replaced as the crate grows.

pub mod arena;
pub mod control;
pub mod ports;
