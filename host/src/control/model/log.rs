//! How much heddled logs: one level in general, others for parts of it by name.
//!
//! A target is a part of heddled (`engine`, `loader::check`) or a library it logs for (`h2`). A name that is neither is
//! refused, because a level for it would change nothing. At most [`MAX_TARGETS`] have a level of their own.

use super::{InvalidValue, nearest, words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

words!(
    /// How much is logged.
    LogLevel, "log-level" {
        /// What failed.
        Error = "error",
        /// And what looks wrong.
        Warn = "warn",
        /// And what was changed. The default.
        Info = "info",
        /// And why.
        Debug = "debug",
        /// And each step.
        Trace = "trace",
    }
);

/// Targets that may have a level of their own.
pub const MAX_TARGETS: usize = 32;
/// Longest target.
const MAX_LENGTH: usize = 128;
/// The crate whose parts are named without it.
const OWN_CRATE: &str = "heddle_host";
/// Parts of heddled that log.
pub const LOG_TARGETS: [&str; 7] = ["arena", "control", "daemon", "engine", "loader", "ports", "supervisor"];
/// Libraries that log through heddled.
const LIBRARIES: [&str; 4] = ["h2", "hyper", "tonic", "tower"];

/// A part of heddled that can have a log level of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct LogTarget(String);

impl LogTarget {
    /// Checks and takes a name such as `engine` or `loader::check`.
    ///
    /// # Errors
    /// When no part of heddled and no library it uses begins the name.
    pub fn new(name: &str) -> Result<Self, InvalidValue> {
        let known = || LOG_TARGETS.into_iter().chain(LIBRARIES);
        let first = name.split("::").next().unwrap_or(name);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        if name.len() <= MAX_LENGTH && name.chars().all(allowed) && known().any(|part| part == first) {
            return Ok(Self(name.to_owned()));
        }
        let mut shown: String = name.escape_debug().take(MAX_LENGTH).collect();
        if shown.len() < name.len() {
            shown.push('…');
        }
        let hint = nearest(first, known()).filter(|_| name.len() <= MAX_LENGTH);
        let reason = hint.map_or_else(String::new, |name| format!(", nearest is '{name}'"));
        let fix =
            format!("use one of: {}; or a module in it, as in loader::check", known().collect::<Vec<_>>().join(", "));
        Err(InvalidValue::new("target", shown, format!("is no part of heddled{reason}"), fix))
    }

    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path that events of this part carry.
    #[must_use]
    pub fn path(&self) -> String {
        let own = LOG_TARGETS.iter().any(|part| self.0.split("::").next() == Some(part));
        if own { format!("{OWN_CRATE}::{}", self.0) } else { self.0.clone() }
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for LogTarget {
    type Err = InvalidValue;

    fn from_str(name: &str) -> Result<Self, InvalidValue> {
        Self::new(name)
    }
}

/// How much is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LogLevelView {
    /// Of everything that has no level of its own.
    pub level: LogLevel,
    /// Of these parts.
    pub targets: BTreeMap<LogTarget, LogLevel>,
}
