//! Where an extension runs: in the switch process, there in debug mode, or in a child process of its own.

use super::words;
use serde::Serialize;

words!(
    /// Where an extension runs.
    #[derive(Default)]
    Isolation, "isolation" {
        /// In the switch process.
        #[default]
        None = "none",
        /// In a child process of its own, which has nothing of the switch's but copies of frames.
        Process = "process",
        /// In the switch process, each frame and batch between pages that nobody may touch: the debug mode.
        Debug = "debug",
    }
);

/// The process of an extension that has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ProcessView {
    /// Its number.
    pub pid: u32,
    /// What confines it, in words.
    pub sandbox: Vec<String>,
    /// Frames, samples and drops it was not shown because it was behind; frames of a capture extension went on.
    pub missed: u64,
}
