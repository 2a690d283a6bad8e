//! Policies on ports and on the switch: the optional interface `heddle.policy/1`.
//!
//! An extension lists features with typed fields; operators put properties on ports and on the switch, which the host
//! checks before it calls, and read their status. Name it in the export: `interfaces: [policy]`, or `[status]`. What is offered when,
//! and who is told of a veto, stands in [`crate::abi::policy`]. An unsafe island: it reads a struct that an older host may
//! have made shorter.
#![allow(unsafe_code)]

use core::fmt::{Display, Write};

use crate::abi::policy as abi;
use crate::abi::status::Bytes;
use crate::config::{Config, ConfigError};
use crate::host::Control;
use crate::rights::{MayVeto, Role};
use crate::settings::{bytes, ConfigKey};
use crate::status::{Outcome, Veto};
use crate::types::PortId;

/// A feature: a policy with typed fields, as operators see it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Feature(abi::Feature);

impl Feature {
    /// A feature of version 1.0 for ports, with its id (a reverse URI), a sentence and its fields.
    pub const fn new(id: &'static str, text: &'static str, keys: &'static [ConfigKey]) -> Feature {
        Feature(abi::Feature {
            id: bytes(id),
            text: bytes(text),
            // A key is transparent over the row of the ABI.
            keys: keys.as_ptr().cast(),
            status_keys: core::ptr::null(),
            key_count: count(keys),
            status_key_count: 0,
            flags: abi::FEATURE_PORT,
            version: 0x1_0000,
        })
    }

    /// Goes on the switch instead of on ports.
    pub const fn on_switch(mut self) -> Feature {
        self.0.flags = (self.0.flags & !abi::FEATURE_PORT) | abi::FEATURE_SWITCH;
        self
    }

    /// Goes on ports and on the switch.
    pub const fn on_both(mut self) -> Feature {
        self.0.flags |= abi::FEATURE_PORT | abi::FEATURE_SWITCH;
        self
    }

    /// Several instances, each with a name, may be on one port or switch.
    pub const fn several(mut self) -> Feature {
        self.0.flags |= abi::FEATURE_SEVERAL;
        self
    }

    /// [`Status::status`] answers for it, with these fields.
    pub const fn with_status(mut self, keys: &'static [ConfigKey]) -> Feature {
        self.0.flags |= abi::FEATURE_STATUS;
        self.0.status_keys = keys.as_ptr().cast();
        self.0.status_key_count = count(keys);
        self
    }

    /// The version of its fields.
    pub const fn version(mut self, major: u16, minor: u16) -> Feature {
        self.0.version = (major as u32) << 16 | minor as u32;
        self
    }
}

const fn count(keys: &[ConfigKey]) -> u32 {
    // More than fit in 32 bits would not fit in memory.
    keys.len() as u32
}

/// The standard policies a forwarding extension enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standard(pub(crate) u32);

impl Standard {
    /// None: the operator is refused security and profile, and the switch keeps VLANs apart.
    pub const NONE: Standard = Standard(0);
    /// `heddle.vlan`.
    pub const VLAN: Standard = Standard(abi::STANDARD_VLAN);
    /// `heddle.security`.
    pub const SECURITY: Standard = Standard(abi::STANDARD_SECURITY);
    /// `heddle.profile`.
    pub const PROFILE: Standard = Standard(abi::STANDARD_PROFILE);

    /// Both.
    pub const fn and(self, other: Standard) -> Standard {
        Standard(self.0 | other.0)
    }
}

/// What becomes of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropertyAction {
    /// It is new.
    Add,
    /// It has new values.
    Update,
    /// It is taken away. Cannot be refused.
    Delete,
    /// An action this version of the crate has no name for.
    Other(u32),
}

/// A property on its way to the extension.
#[derive(Clone, Copy, Debug)]
pub struct Property<'a>(&'a abi::Property);

impl<'a> Property<'a> {
    /// # Safety
    /// `property` is what the host passed to a function that has not returned.
    pub(crate) unsafe fn from_host(property: &'a abi::Property) -> Self {
        Property(property)
    }

    fn text(&self, bytes: Bytes) -> &'a str {
        let length = usize::try_from(bytes.length).unwrap_or(0);
        if bytes.data.is_null() || length == 0 {
            return "";
        }
        // SAFETY: the host lends `length` bytes until the call returns.
        core::str::from_utf8(unsafe { core::slice::from_raw_parts(bytes.data, length) }).unwrap_or("")
    }

    /// What becomes of it.
    pub fn action(&self) -> PropertyAction {
        match self.0.action {
            abi::PROPERTY_ADD => PropertyAction::Add,
            abi::PROPERTY_UPDATE => PropertyAction::Update,
            abi::PROPERTY_DELETE => PropertyAction::Delete,
            other => PropertyAction::Other(other),
        }
    }

    /// The port; `None` for the switch.
    pub fn port(&self) -> Option<PortId> {
        PortId::new(self.0.port)
    }

    /// Whether it is on a validation port.
    pub fn is_validation(&self) -> bool {
        self.0.flags & abi::PROPERTY_VALIDATION != 0
    }

    /// Id of the feature.
    pub fn feature(&self) -> &'a str {
        self.text(self.0.feature)
    }

    /// Name of the instance; `default` unless the feature allows several.
    pub fn instance(&self) -> &'a str {
        self.text(self.0.instance)
    }

    /// All values, defaults included; empty when it is deleted.
    pub fn values(&self) -> Result<Config<'a>, ConfigError> {
        Config::new(self.text(self.0.values))
    }
}

/// The status of a feature, line by line.
#[derive(Debug, Default)]
pub struct StatusText(String);

impl StatusText {
    /// Adds a field; the value is written on one line.
    pub fn put(&mut self, key: &str, value: impl Display) {
        let from = self.0.len();
        // Writing into a text does not fail.
        let _ = write!(self.0, "{}={}", key, value);
        let line = self.0[from..].replace('\n', " ");
        self.0.truncate(from);
        self.0.push_str(&line);
        self.0.push('\n');
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// An extension with features. All methods are `[control]`. Alone, for a capture extension say, with
/// `interfaces: [status]`: its features cannot be put on anything, and only tell their status.
pub trait Status<R: Role> {
    /// Its features, at most 64.
    const FEATURES: &'static [Feature];

    /// Writes the runtime data of a feature on a port (`None` = the switch); false when there is none.
    fn status(&mut self, host: &Control<'_, R>, feature: &str, port: Option<PortId>, text: &mut StatusText) -> bool {
        let _ = (host, feature, port, text);
        false
    }
}

/// An extension with policies. All methods are `[control]`.
pub trait Policy<R: MayVeto>: Status<R> {
    /// The standard policies it enforces; of a forwarding extension.
    const STANDARD: Standard = Standard::NONE;

    /// A property is added, updated or deleted. Workers run meanwhile: hand them what changed through something shared.
    fn property(&mut self, host: &Control<'_, R>, property: &Property<'_>) -> Result<(), Veto>;

    /// How a property ended that this extension had accepted.
    fn property_done(&mut self, host: &Control<'_, R>, property: &Property<'_>, outcome: Outcome) {
        let _ = (host, property, outcome);
    }
}
