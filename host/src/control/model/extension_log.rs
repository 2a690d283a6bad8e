//! What an extension wrote to the log: the newest lines, as a bounded ring keeps them per switch and extension.

use super::{SwitchName, words};
use serde::Serialize;

words!(
    /// How bad a line of a log is.
    LogSeverity, "severity" {
        /// Something is broken.
        Error = "error",
        /// Something is off.
        Warn = "warn",
        /// A milestone.
        Info = "info",
        /// For developers.
        Debug = "debug",
    }
);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogLine {
    /// When it was written.
    pub unix_nanoseconds: u64,
    /// How bad it is.
    pub severity: LogSeverity,
    /// The extension's words, at most 1,024 bytes.
    pub text: String,
}

/// The lines of one extension on one switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtensionLog {
    /// The switch.
    pub switch: SwitchName,
    /// The extension.
    pub id: String,
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Lines that are not kept any more, or could not be kept.
    pub dropped: u64,
    /// Lines that are kept at most.
    pub capacity: u32,
}
