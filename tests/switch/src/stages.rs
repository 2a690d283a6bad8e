//! Test extensions.

mod scripted;

pub use scripted::Scripted;
