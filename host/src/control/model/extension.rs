//! Extensions: how an operator names one, what one is configured with, what one looks like.
//!
//! Enabled and running are separate, as in the extensible-switch model: an enabled extension that failed to attach is
//! enabled, not running, and has a `last_error`.

use super::{
    FailPolicy, InvalidValue, Isolation, Patience, ProcessView, QuarantineView, SwitchName, UpgradeView, words,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Longest extension identifier in bytes (the ABI's fixed field).
pub(super) const MAX_EXTENSION_ID: usize = 64;
/// Most configuration keys in one request.
pub(super) const MAX_CONFIG_KEYS: usize = 1024;
/// Longest configuration value in bytes.
pub(super) const MAX_CONFIG_VALUE: usize = 64 * 1024;

words!(
    /// What an extension may do.
    ExtensionRole, "role" {
        /// Observe and originate; never drop or modify.
        Capture = "capture",
        /// Drop, modify, hold, inject.
        Filter = "filter",
        /// Decide destinations; at most one on a switch.
        Forwarding = "forwarding",
        /// No part in the data path.
        Service = "service",
        /// It does not run, and its file cannot be read.
        Unknown = "unknown",
    }
);

/// The identifier an extension carries in its metadata, for example `org.heddle.sflow`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ExtensionId(String);

impl ExtensionId {
    /// Checks and takes an identifier.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, or has a character outside `A-Z a-z 0-9 . _ -`.
    pub fn new(id: &str) -> Result<Self, InvalidValue> {
        let fix = "give the identifier `heddle extension list` shows, or a path with a '/' or ending in .so";
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || id.len() > MAX_EXTENSION_ID || !id.chars().all(allowed) {
            return Err(InvalidValue::new("extension", id.escape_debug(), "is not an extension identifier", fix));
        }
        Ok(Self(id.to_owned()))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExtensionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What to enable: an installed extension by identifier, or a library by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionRef {
    /// A built-in extension, or one found in an extension directory.
    Id(ExtensionId),
    /// A shared library. Absolute: the daemon's working directory is not the operator's.
    Path(PathBuf),
}

impl ExtensionRef {
    /// Anything with a `/` or ending in `.so` is a path, all else an identifier.
    ///
    /// # Errors
    /// When a path is not absolute, or an identifier is malformed.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        if !text.contains('/') && !text.ends_with(".so") {
            return ExtensionId::new(text).map(Self::Id);
        }
        if text.contains('\0') || !Path::new(text).is_absolute() {
            let fix = "give the path from the root, beginning with '/'";
            return Err(InvalidValue::new("extension", text.escape_debug(), "is not an absolute path", fix));
        }
        Ok(Self::Path(PathBuf::from(text)))
    }
}

impl fmt::Display for ExtensionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// Most extensions in one order.
pub(super) const MAX_ORDERED: usize = 256;

/// An order of extensions, nearest to the ports first: what a switch is to have of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionOrder(Vec<ExtensionId>);

impl ExtensionOrder {
    /// Checks the number and that each is named once.
    ///
    /// # Errors
    /// When there is none, there are more than 256, or one is named twice.
    pub fn new(ids: Vec<ExtensionId>) -> Result<Self, InvalidValue> {
        if ids.is_empty() || ids.len() > MAX_ORDERED {
            let fix = format!("name 1 to {MAX_ORDERED} extensions");
            return Err(InvalidValue::new("order", ids.len(), "is no number of extensions to put in order", fix));
        }
        let mut seen = std::collections::BTreeSet::new();
        match ids.iter().find(|id| !seen.insert(id.as_str())) {
            Some(twice) => Err(InvalidValue::new("order", twice, "is named twice", "name each extension once")),
            None => Ok(Self(ids)),
        }
    }

    /// The extensions in ingress order.
    pub fn iter(&self) -> impl Iterator<Item = &ExtensionId> {
        self.0.iter()
    }
}

/// Configuration handed to an extension when it is enabled: keys and values, both text, plus at most one whole file; and
/// where it runs, which is not handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtensionConfig {
    keys: BTreeMap<String, String>,
    file: Option<Vec<u8>>,
    isolation: Isolation,
    patience: Patience,
    fail_closed: bool,
    pinned: Option<String>,
}

impl ExtensionConfig {
    /// Checks keys (1 to 64 characters of `A-Z a-z 0-9 . _ -`), values (at most 64 KiB, no zero byte) and counts.
    ///
    /// # Errors
    /// When a key is malformed or given twice, a value too long, or there are too many.
    pub fn new(pairs: Vec<(String, String)>, file: Option<Vec<u8>>) -> Result<Self, InvalidValue> {
        if pairs.len() > MAX_CONFIG_KEYS {
            let fix = format!("give at most {MAX_CONFIG_KEYS} or use --config-file");
            return Err(InvalidValue::new("config", pairs.len(), "is too many keys", fix));
        }
        if let Some(file) = file.as_ref().filter(|file| file.len() > MAX_CONFIG_VALUE) {
            return Err(InvalidValue::new(
                "config-file",
                format!("{} bytes", file.len()),
                "is too long",
                "give at most 64 KiB",
            ));
        }
        let mut keys = BTreeMap::new();
        for (key, value) in pairs {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if key.is_empty() || key.len() > 64 || !key.chars().all(allowed) {
                let fix = "write --config key=value, the key of 1 to 64 characters of A-Z a-z 0-9 . _ -";
                return Err(InvalidValue::new("config", key.escape_debug(), "is not a key", fix));
            }
            if value.len() > MAX_CONFIG_VALUE || value.contains('\0') {
                let fix = "give at most 64 KiB without zero bytes";
                return Err(InvalidValue::new("config", key, "has a value that cannot be handed on", fix));
            }
            if keys.insert(key.clone(), value).is_some() {
                return Err(InvalidValue::new("config", key, "is given twice", "give each key once"));
            }
        }
        let (isolation, patience) = (Isolation::default(), Patience::default());
        Ok(Self { keys, file, isolation, patience, fail_closed: false, pinned: None })
    }

    /// The same, for an extension that runs there.
    #[must_use]
    pub fn isolated(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }

    /// The same, for a file that must have this SHA-256 in hexadecimal; `None` for any.
    #[must_use]
    pub fn pinned_to(self, sha256: Option<String>) -> Self {
        Self { pinned: sha256, ..self }
    }

    /// The SHA-256 its file must have.
    #[must_use]
    pub fn pin(&self) -> Option<&str> {
        self.pinned.as_deref()
    }

    /// Where the extension runs.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// The same with what the switch waits for its process.
    ///
    /// # Errors
    /// When it has no process of its own.
    pub fn with_patience(self, patience: Patience) -> Result<Self, InvalidValue> {
        if self.isolation != Isolation::Process && patience != Patience::default() {
            let fix = "give --isolation process too";
            return Err(InvalidValue::new("late-after", patience.late(), "is for a process of its own", fix));
        }
        Ok(Self { patience, ..self })
    }

    /// How long the switch waits for its process.
    #[must_use]
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// The same with what becomes of frames while the extension fails or does not run: they pass, or they are dropped.
    ///
    /// # Errors
    /// When it is `extension`, which is what ports say to have this.
    pub fn with_fail_policy(mut self, policy: FailPolicy) -> Result<Self, InvalidValue> {
        self.fail_closed = match policy {
            FailPolicy::Open => false,
            FailPolicy::Closed => true,
            FailPolicy::Extension => {
                let fix = "give open or closed";
                return Err(InvalidValue::new("fail-policy", policy, "says nothing of an extension itself", fix));
            }
        };
        Ok(self)
    }

    /// What becomes of frames while the extension fails or does not run, where their port says nothing.
    #[must_use]
    pub const fn fail_policy(&self) -> FailPolicy {
        if self.fail_closed { FailPolicy::Closed } else { FailPolicy::Open }
    }

    /// The value of one key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    /// All keys with their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The content of the configuration file, when one was given. Format: the extension's own.
    #[must_use]
    pub fn file(&self) -> Option<&[u8]> {
        self.file.as_deref()
    }
}

/// A counter an extension registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtensionCounter {
    /// The extension's name for it.
    pub name: String,
    /// Unit: `packets`, `bytes`, `datagrams` …
    pub unit: String,
    /// Its value, summed over workers.
    pub value: u64,
}

/// A rule an extension broke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ViolationView {
    /// The rule: `frame-written`, `forbidden-call`, `slow-call` …
    pub rule: String,
    /// How often.
    pub count: u64,
    /// The port it happened on last; `None` when that says nothing.
    pub port: Option<String>,
}

/// An extension as it is: installed, or bound to a switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtensionView {
    /// The switch it is bound to; `None` for an installed extension seen on its own.
    pub switch: Option<SwitchName>,
    /// Identifier from its metadata.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// What it may do.
    pub role: ExtensionRole,
    /// The shared library; `None` for a built-in one.
    pub path: Option<String>,
    /// Whether the operator wants it.
    pub enabled: bool,
    /// Whether it takes part in the data path now.
    pub running: bool,
    /// The last thing that went wrong with it here.
    pub last_error: Option<String>,
    /// ABI it was built for, as `major.minor`.
    pub abi: String,
    /// Place in the ingress order of its switch, from 0; `None` when not enabled.
    pub order: Option<u32>,
    /// Configuration in effect, sorted by key.
    pub config: BTreeMap<String, String>,
    /// Its own counters.
    pub counters: Vec<ExtensionCounter>,
    /// Why it is kept from running here.
    pub quarantine: Option<QuarantineView>,
    /// Rules it broke since it was started.
    pub violations: Vec<ViolationView>,
    /// Its last upgrade here since it was enabled.
    pub upgrade: Option<UpgradeView>,
    /// Where it runs.
    pub isolation: Isolation,
    /// Its process, while it has one of its own.
    pub process: Option<ProcessView>,
    /// What becomes of frames while it fails or does not run, where their port says nothing.
    pub fail_policy: FailPolicy,
    /// References to ports and NICs it has.
    pub references: u64,
    /// The drop reasons it registered.
    pub drop_reasons: Vec<RegisteredReason>,
}

/// A drop reason an extension registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RegisteredReason {
    /// As in drops: the extension's identifier, a slash, its own name for it.
    pub reason: String,
    /// What it means, in the extension's words.
    pub description: String,
}
