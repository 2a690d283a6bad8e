//! Upgrades: another version of an extension in the place of the one that runs.

use super::{InvalidValue, words};
use serde::Serialize;
use std::time::Duration;

/// How long a new version is on probation when nothing else is said.
pub const PROBATION_DEFAULT_SECONDS: u32 = 60;
/// Longest probation.
pub const PROBATION_MAX_SECONDS: u32 = 3_600;

words!(
    /// What became of an upgrade.
    UpgradeStage, "stage" {
        /// The new version runs.
        Upgraded = "upgraded",
        /// The former version runs again.
        RolledBack = "rolled-back",
    }
);

/// How long a new version has to prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation(Duration);

impl Probation {
    /// Takes seconds; 0 is none.
    ///
    /// # Errors
    /// When it is more than an hour.
    pub fn new(seconds: u32) -> Result<Self, InvalidValue> {
        if seconds > PROBATION_MAX_SECONDS {
            let fix = format!("give 0 to {PROBATION_MAX_SECONDS} seconds");
            return Err(InvalidValue::new("probation", seconds, "is too long", fix));
        }
        Ok(Self(Duration::from_secs(u64::from(seconds))))
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Probation {
    fn default() -> Self {
        Self(Duration::from_secs(u64::from(PROBATION_DEFAULT_SECONDS)))
    }
}

/// The last upgrade of an extension on its switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct UpgradeView {
    /// What became of it.
    pub stage: UpgradeStage,
    /// The version that ran before.
    pub from_version: String,
    /// The version of the new file.
    pub to_version: String,
    /// Why it was undone.
    pub reason: Option<String>,
    /// State that was carried over, in bytes.
    pub state_bytes: u64,
    /// The longest slice of saving between two bursts, in microseconds of a worker's processor.
    pub longest_slice_microseconds: u64,
    /// How long each worker stood still at its cut-over, in microseconds.
    pub pause_microseconds: Vec<u64>,
    /// Seconds of probation that are left; `None` when it is over.
    pub probation_seconds_left: Option<u64>,
    /// Whether the former version is kept and could go on.
    pub can_roll_back: bool,
}
