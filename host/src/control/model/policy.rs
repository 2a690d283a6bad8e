//! Policies on ports and on a switch: features that extensions publish, properties that operators put, and status.
//!
//! A property is one instance of a feature on one port or on the switch. Standard features begin with `heddle.`; all others
//! belong to the extension that publishes them.

use super::{ExtensionConfig, InvalidValue, PortName, SettingView, SwitchName};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Properties on one switch and its ports, at most.
pub const POLICIES_MAX: usize = 4_096;
/// Name of the instance of a feature that allows one.
pub const ONLY_INSTANCE: &str = "default";

/// Which property: a feature, where it is, and which instance of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyKey {
    /// The feature's identifier.
    pub feature: String,
    /// The port; `None` for the switch.
    pub port: Option<PortName>,
    /// Name of the instance.
    pub instance: String,
}

impl PolicyKey {
    /// Checks the identifier and the name: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    ///
    /// # Errors
    /// When one of them is malformed.
    pub fn new(feature: &str, port: Option<PortName>, instance: Option<&str>) -> Result<Self, InvalidValue> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let word = |text: &str| !text.is_empty() && text.len() <= 64 && text.chars().all(allowed);
        if !word(feature) {
            let fix = "give one that `heddle policy features` shows";
            return Err(InvalidValue::new("feature", feature.escape_debug(), "is no identifier of a feature", fix));
        }
        let instance = instance.unwrap_or(ONLY_INSTANCE);
        if !word(instance) {
            let fix = "use 1 to 64 characters of A-Z a-z 0-9 . _ -";
            return Err(InvalidValue::new("instance", instance.escape_debug(), "is no name of an instance", fix));
        }
        Ok(Self { feature: feature.to_owned(), port, instance: instance.to_owned() })
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy '{}'", self.feature)?;
        if self.instance != ONLY_INSTANCE {
            write!(f, " instance '{}'", self.instance)?;
        }
        match &self.port {
            Some(port) => write!(f, " on port '{port}'"),
            None => f.write_str(" on the switch"),
        }
    }
}

/// A property as the operator wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySpec {
    /// Which.
    pub key: PolicyKey,
    /// The fields that are given.
    pub values: BTreeMap<String, String>,
}

/// What an operator does to a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyChange {
    /// Puts a new one.
    Add(PolicySpec),
    /// Gives fields of one that is there other values; those in the list go back to their defaults.
    Set(PolicySpec, Vec<String>),
    /// Takes one away.
    Remove(PolicyKey),
}

impl PolicySpec {
    /// Checks keys and values like those of a configuration.
    ///
    /// # Errors
    /// When a key is malformed or given twice, or a value too long.
    pub fn new(key: PolicyKey, values: Vec<(String, String)>) -> Result<Self, InvalidValue> {
        let values = ExtensionConfig::new(values, None)?;
        Ok(Self { key, values: values.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect() })
    }
}

impl PolicyChange {
    /// Which property.
    #[must_use]
    pub fn key(&self) -> &PolicyKey {
        match self {
            Self::Add(spec) | Self::Set(spec, _) => &spec.key,
            Self::Remove(key) => key,
        }
    }

    /// The values after the change.
    #[must_use]
    pub fn applied(&self, before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        match self {
            Self::Add(spec) => spec.values.clone(),
            Self::Set(spec, unset) => {
                let mut values = before.clone();
                values.retain(|key, _| !unset.contains(key));
                values.extend(spec.values.clone());
                values
            }
            Self::Remove(_) => BTreeMap::new(),
        }
    }
}

/// A feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FeatureView {
    /// Its identifier.
    pub id: String,
    /// The extensions that publish it, or that enforce it when it is standard.
    pub extensions: Vec<String>,
    /// Whether it is one of the switch's own, which the forwarding extension enforces.
    pub standard: bool,
    /// What it does.
    pub description: String,
    /// Version of its fields.
    pub version: String,
    /// Whether it goes on ports.
    pub on_port: bool,
    /// Whether it goes on the switch.
    pub on_switch: bool,
    /// Whether several instances may be on one port or switch.
    pub several: bool,
    /// Whether it can be put: some only tell their status.
    pub settable: bool,
    /// Its fields.
    pub fields: Vec<SettingView>,
    /// The fields of its status.
    pub status_fields: Vec<SettingView>,
}

/// A property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PolicyView {
    /// The switch.
    pub switch: SwitchName,
    /// The feature.
    pub feature: String,
    /// The port; none for the switch.
    pub port: Option<PortName>,
    /// Name of the instance.
    pub instance: String,
    /// The extensions that took it; none when nobody who publishes the feature runs.
    pub extensions: Vec<String>,
    /// Its fields with their values in effect.
    pub fields: Vec<SettingView>,
}

/// A field of a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StatusField {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Unit of the value; empty when it has none.
    pub unit: String,
    /// What it says, in the extension's words.
    pub description: String,
}

/// The status of a feature on a port, or on the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FeatureStatus {
    /// The switch.
    pub switch: SwitchName,
    /// The extension that tells it.
    pub extension: String,
    /// The feature.
    pub feature: String,
    /// The port; none for the switch.
    pub port: Option<PortName>,
    /// What it tells.
    pub fields: Vec<StatusField>,
}

/// What became of a check of a port: nobody had an objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PortCheck {
    /// The switch.
    pub switch: SwitchName,
    /// The port that was judged.
    pub port: PortName,
    /// The extensions that judged it.
    pub extensions: Vec<String>,
}
