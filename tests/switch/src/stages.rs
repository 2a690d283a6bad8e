//! Test extensions.

mod custom;
mod holder;
mod scripted;

pub use custom::{Custom, Drops, Samples};
pub use holder::Holder;
pub use scripted::Scripted;
