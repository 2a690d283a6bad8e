//! The words the control plane speaks: validated parameters going in, views coming out.
//!
//! Parameters (`SwitchName`, `Mtu`, `VlanSettings`, `PortSpec` …) have private fields and one checked constructor,
//! so whatever implements [`ControlPlane`](super::plane::ControlPlane) never sees a value it would have to doubt.
//! Views (`SwitchView`, `PortView` …) are records of what was observed; they carry no rule, hence public fields.
//! The `serde` form of the views is what `heddle --json` prints: snake_case keys, enums as lower-case words, counters as
//! integers, absent values as `null`. Adding a key is compatible; renaming or removing one is not.

mod capture;
mod crash;
mod extension;
mod extension_log;
mod isolation;
mod log;
mod name;
mod number;
mod policy;
mod port;
mod quarantine;
mod read;
mod setting;
mod stats;
mod switch;
mod upgrade;
mod vlan;

pub use capture::{CaptureDirection, CaptureSpec, CapturedFrame, SnapLength};
pub use crash::CrashView;
pub use extension::{
    ExtensionConfig, ExtensionCounter, ExtensionId, ExtensionOrder, ExtensionRef, ExtensionRole, ExtensionView,
    RegisteredReason, ViolationView,
};
pub use extension_log::{ExtensionLog, LogLine, LogSeverity};
pub use isolation::{Isolation, Patience, ProcessView};
pub use log::{LOG_TARGETS, LogLevel, LogLevelView, LogTarget, MAX_TARGETS};
pub use name::{DeviceName, MacAddress, PortName, SwitchName, nearest};
pub use number::{AgeingTime, KillAfter, LateAfter, Mtu, QueueCount, WorkerCount};
pub use policy::{
    FeatureStatus, FeatureView, ONLY_INSTANCE, POLICIES_MAX, PolicyChange, PolicyKey, PolicySpec, PolicyView,
    PortCheck, StatusField,
};
pub use port::{
    AdminState, BackendKind, BackendSpec, FailPolicy, LoopAction, MemoryMode, NicState, PortChange, PortCounters,
    PortKind, PortSettings, PortSpec, PortState, PortView,
};

pub use quarantine::{QuarantineCause, QuarantineView};
pub use setting::{ConfigChange, ExtensionSettings, SettingKind, SettingView};
pub use stats::{
    BufferClassView, DaemonView, DropCount, EngineView, ExtensionLoad, FdbEntryKind, FdbEntryView, FdbFlush, Leg,
    MemoryView, PortDropCount, StageCost, StatsView, TopologySwitch, TopologyView, WorkerView,
};
pub use switch::{LawView, SwitchSpec, SwitchType, SwitchView};
pub use upgrade::{PROBATION_DEFAULT_SECONDS, PROBATION_MAX_SECONDS, Probation, UpgradeStage, UpgradeView};
pub use vlan::{Vid, VlanChange, VlanMode, VlanSet, VlanSettings};

/// Why a value given by an operator cannot be used. Every constructor of a parameter type fails with this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} '{value}' {reason}; {fix}")]
pub struct InvalidValue {
    /// The operator's word for the setting, as in the option without dashes: `mtu`, `vlan`, `switch name`.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What is wrong with it, as the rest of the sentence.
    pub reason: String,
    /// What to give instead, as an imperative.
    pub fix: String,
}

impl InvalidValue {
    pub(crate) fn new(
        field: &'static str,
        value: impl ToString,
        reason: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { field, value: clipped(&value.to_string()), reason: reason.into(), fix: fix.into() }
    }
}

/// Longest text of an operator's that a message repeats, in characters.
const REPEATED_MAX: usize = 200;

/// A text as messages repeat it: its beginning, when it is long.
#[must_use]
pub fn clipped(text: &str) -> String {
    match text.char_indices().nth(REPEATED_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Declares an enum of lower-case words: `as_str`, `ALL`, `Display`, `FromStr` and `Serialize` from one list.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $field:literal { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order help and tables show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it on the command line, in tables and in JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let words: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": words })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::control::model::InvalidValue;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    $crate::control::model::InvalidValue::new(
                        $field, word, "is not known", format!("use one of: {}", known.join(", ")))
                })
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests;
