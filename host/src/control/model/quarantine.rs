//! Quarantine: an extension that does harm on a switch is taken out there and stays out until an operator clears it.

use super::{CrashView, SwitchName, words};
use serde::{Deserialize, Serialize};

words!(
    /// What an extension is quarantined for.
    QuarantineCause, "cause" {
        /// It panicked too often within a time.
        Panics = "panics",
        /// It broke the rules of its role too often.
        Violations = "violations",
        /// It ended the switch process.
        Crash = "crash",
        /// A call did not come back.
        Hang = "hang",
        /// Too many calls took longer than their budget.
        Slow = "slow",
    }
);

impl<'de> Deserialize<'de> for QuarantineCause {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An extension in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct QuarantineView {
    /// Where.
    pub switch: SwitchName,
    /// Who.
    pub id: String,
    /// For what.
    pub cause: QuarantineCause,
    /// In words, with numbers.
    pub reason: String,
    /// Since when, in seconds since 1970.
    pub since_unix_seconds: u64,
    /// How it ended a switch process, when it did.
    #[serde(default)]
    pub crash: Option<CrashView>,
}
