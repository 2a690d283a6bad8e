//! What the restart tests stand on: a heddled that is killed in every way, a model of what operators asked for, and random
//! changes from a seed.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(missing_docs, reason = "names of test equipment say what it does")]

pub mod cheat;
pub mod harmful;
pub mod host;
pub mod lab;
pub mod load;
pub mod model;
pub mod random;
