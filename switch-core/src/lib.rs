//! Placeholder head, replaced as the crate grows.

pub mod checksum;
pub mod offload;
pub mod segment;

pub mod arena;
pub mod frame;
pub mod pool;

pub mod fdb;
pub mod parse;
pub mod prefetch;
