//! Placeholder head, replaced as the crate grows.

pub mod control;
