//! Published configuration: the optional interface `heddle.config/1`.
//!
//! An extension that lists its keys has them shown to operators and checked before it is called, and is told of changes
//! while it runs. Name it in the export: `interfaces: [config]`.

use crate::abi::config as abi;
use crate::abi::status::Bytes;
use crate::config::Config;
use crate::host::Control;
use crate::rights::Role;
use crate::status::CreateError;

/// A configuration key, as operators see it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct ConfigKey(abi::ConfigKey);

pub(crate) const fn bytes(text: &'static str) -> Bytes {
    Bytes { data: text.as_ptr(), length: text.len() as u64 }
}

impl ConfigKey {
    const fn new(kind: u32, name: &'static str, default: &'static str, text: &'static str) -> ConfigKey {
        ConfigKey(abi::ConfigKey {
            name: bytes(name),
            unit: bytes(""),
            default_value: bytes(default),
            choices: bytes(""),
            text: bytes(text),
            minimum: 0,
            maximum: 0,
            kind,
            flags: 0,
        })
    }

    /// A whole number from `minimum` to `maximum`, with its unit (empty = none) and its default (empty = none).
    pub const fn integer(
        name: &'static str,
        unit: &'static str,
        default: &'static str,
        (minimum, maximum): (i64, i64),
        text: &'static str,
    ) -> ConfigKey {
        let mut key = ConfigKey::new(abi::CONFIG_INTEGER, name, default, text);
        key.0.unit = bytes(unit);
        key.0.minimum = minimum;
        key.0.maximum = maximum;
        key
    }

    /// `true` or `false`.
    pub const fn boolean(name: &'static str, default: &'static str, text: &'static str) -> ConfigKey {
        ConfigKey::new(abi::CONFIG_BOOLEAN, name, default, text)
    }

    /// Any text.
    pub const fn text(name: &'static str, default: &'static str, text: &'static str) -> ConfigKey {
        ConfigKey::new(abi::CONFIG_TEXT, name, default, text)
    }

    /// One of the words in `choices`, which are separated by `|`.
    pub const fn choice(
        name: &'static str,
        choices: &'static str,
        default: &'static str,
        text: &'static str,
    ) -> ConfigKey {
        let mut key = ConfigKey::new(abi::CONFIG_CHOICE, name, default, text);
        key.0.choices = bytes(choices);
        key
    }

    /// The value is read at `create` only.
    pub const fn fixed(mut self) -> ConfigKey {
        self.0.flags |= abi::CONFIG_FIXED;
        self
    }

    /// Every longer key that starts with this name is one of these.
    pub const fn prefix(mut self) -> ConfigKey {
        self.0.flags |= abi::CONFIG_PREFIX;
        self
    }
}

/// An extension that publishes its configuration. All methods are `[control]`.
pub trait Configurable<R: Role> {
    /// Its keys, at most 256.
    const KEYS: &'static [ConfigKey];

    /// A new configuration, whole as at `create`. An error leaves the old one in effect. Workers run meanwhile: hand
    /// them what changed through something shared.
    fn configure(&mut self, host: &Control<'_, R>, config: &Config<'_>) -> Result<(), CreateError>;
}
