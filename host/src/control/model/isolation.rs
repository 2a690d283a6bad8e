//! Where an extension runs: in the switch process, there in debug mode, or in a child process of its own.

use super::{InvalidValue, KillAfter, LateAfter, words};
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

/// How long the switch waits for an extension in a process of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    late: LateAfter,
    kill: KillAfter,
}

impl Patience {
    /// Both limits; what is not given is as usual.
    ///
    /// # Errors
    /// When it would be killed before it is late.
    pub fn new(late: Option<LateAfter>, kill: Option<KillAfter>) -> Result<Self, InvalidValue> {
        let (late, kill) = (late.unwrap_or_default(), kill.unwrap_or_default());
        if kill.get() <= late.get() {
            let fix = format!("give more than the {late} ms after which it is late");
            return Err(InvalidValue::new("kill-after", kill, "is not longer than late-after", fix));
        }
        Ok(Self { late, kill })
    }

    /// After which its frames go on without it.
    #[must_use]
    pub const fn late(self) -> LateAfter {
        self.late
    }

    /// After which it is killed.
    #[must_use]
    pub const fn kill(self) -> KillAfter {
        self.kill
    }
}

/// The process of an extension that has one of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ProcessView {
    /// Its number.
    pub pid: u32,
    /// What confines it, in words.
    pub sandbox: Vec<String>,
    /// Frames, samples and drops it was not shown because it was behind; frames of a capture extension went on.
    pub missed: u64,
    /// Milliseconds after which frames go on without it.
    pub late_after_ms: u32,
    /// Milliseconds after which it is killed.
    pub kill_after_ms: u32,
}
