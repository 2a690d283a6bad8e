//! Configuration of an extension that is enabled: what it publishes of its keys, what is in effect, and changes.

use super::{ExtensionConfig, FailPolicy, InvalidValue, SwitchName, words};
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

/// A change of a configuration: keys to set, keys that go back to their defaults, and the fail policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    set: ExtensionConfig,
    unset: Vec<String>,
    fail_policy: Option<FailPolicy>,
}

impl ConfigChange {
    /// Checks keys and values like those of [`ExtensionConfig::new`].
    ///
    /// # Errors
    /// When nothing is to change, a key is malformed, given twice, or both set and unset.
    pub fn new(set: Vec<(String, String)>, unset: Vec<String>) -> Result<Self, InvalidValue> {
        Self::with_policy(set, unset, None)
    }

    /// As [`ConfigChange::new`], with what becomes of frames while the extension fails; then no key need be given.
    ///
    /// # Errors
    /// As [`ConfigChange::new`], or when the policy is `extension`.
    pub fn with_policy(
        set: Vec<(String, String)>,
        unset: Vec<String>,
        fail_policy: Option<FailPolicy>,
    ) -> Result<Self, InvalidValue> {
        if set.is_empty() && unset.is_empty() && fail_policy.is_none() {
            return Err(InvalidValue::new("config", "", "is to be changed but no key is given", "give KEY=VALUE"));
        }
        if let Some(policy) = fail_policy {
            ExtensionConfig::default().with_fail_policy(policy)?;
        }
        // A key to unset is one that could be set.
        let all = set.iter().cloned().chain(unset.iter().map(|key| (key.clone(), String::new())));
        ExtensionConfig::new(all.collect(), None)?;
        Ok(Self { set: ExtensionConfig::new(set, None)?, unset, fail_policy })
    }

    /// Whether keys change.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.set().next().is_some() || self.unset().next().is_some()
    }

    /// The new fail policy, if that changes.
    #[must_use]
    pub fn fail_policy(&self) -> Option<FailPolicy> {
        self.fail_policy
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
        let policy = self.fail_policy.unwrap_or(config.fail_policy());
        let changed = config_of(pairs)?.isolated(config.isolation()).with_patience(config.patience())?;
        changed.with_fail_policy(policy)
    }
}
