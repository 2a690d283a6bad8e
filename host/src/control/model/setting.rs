//! Configuration of an extension that is enabled: what it publishes of its keys, what is in effect, and changes.

use super::{ExtensionConfig, InvalidValue, SwitchName, words};
use serde::Serialize;
use std::collections::BTreeMap;

words!(
    /// What values a configuration key takes.
    SettingKind, "kind" {
        /// `true` or `false`.
        Boolean = "boolean",
        /// A whole number.
        Integer = "integer",
        /// Any text.
        Text = "text",
        /// One of some words.
        Choice = "choice",
    }
);

/// A key with the value in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SettingView {
    /// The key.
    pub key: String,
    /// What values it takes.
    pub kind: SettingKind,
    /// Unit of the value; empty when it has none.
    pub unit: String,
    /// Value when it is not given.
    pub default: Option<String>,
    /// Smallest and largest number, of an integer.
    pub range: Option<(i64, i64)>,
    /// The words, of a choice.
    pub choices: Vec<String>,
    /// What it does, in the extension's words.
    pub description: String,
    /// Whether it can be changed while the extension runs.
    pub changeable: bool,
    /// The value in effect: the one given, else the default.
    pub value: Option<String>,
    /// Whether an operator gave it.
    pub given: bool,
}

/// The configuration of an enabled extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtensionSettings {
    /// The switch.
    pub switch: SwitchName,
    /// The extension.
    pub id: String,
    /// Whether it publishes its keys; when not, only those that were given are listed, as text.
    pub published: bool,
    /// Its keys.
    pub settings: Vec<SettingView>,
}

/// A change of a configuration: keys to set, and keys that go back to their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    set: ExtensionConfig,
    unset: Vec<String>,
}

impl ConfigChange {
    /// Checks keys and values like those of [`ExtensionConfig::new`].
    ///
    /// # Errors
    /// When nothing is to change, a key is malformed, given twice, or both set and unset.
    pub fn new(set: Vec<(String, String)>, unset: Vec<String>) -> Result<Self, InvalidValue> {
        if set.is_empty() && unset.is_empty() {
            return Err(InvalidValue::new("config", "", "is to be changed but no key is given", "give KEY=VALUE"));
        }
        // A key to unset is one that could be set.
        let all = set.iter().cloned().chain(unset.iter().map(|key| (key.clone(), String::new())));
        ExtensionConfig::new(all.collect(), None)?;
        Ok(Self { set: ExtensionConfig::new(set, None)?, unset })
    }

    /// The keys to set, with their values.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter()
    }

    /// The keys that go back to their defaults.
    pub fn unset(&self) -> impl Iterator<Item = &str> {
        self.unset.iter().map(String::as_str)
    }

    /// A configuration with this change.
    ///
    /// # Errors
    /// When it would have too many keys.
    pub fn apply(&self, config: &ExtensionConfig) -> Result<ExtensionConfig, InvalidValue> {
        let mut keys: BTreeMap<&str, &str> = config.iter().collect();
        keys.retain(|key, _| !self.unset().any(|gone| gone == *key));
        keys.extend(self.set());
        let pairs = keys.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let config_of = |pairs| ExtensionConfig::new(pairs, config.file().map(<[u8]>::to_vec));
        config_of(pairs)?.isolated(config.isolation()).with_fail_policy(config.fail_policy())
    }
}
