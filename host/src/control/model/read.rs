//! Parameter types read back by serde, each through its one checked constructor, and described for JSON Schema.
//!
//! This is what lets the stored state and the configuration file be made of validated types: a value that does not pass
//! is refused where it stands, with the same sentence an operator gets on the command line.

use super::{
    AdminState, AgeingTime, BackendKind, DeviceName, ExtensionId, ExtensionRole, FailPolicy, Isolation, KillAfter,
    LateAfter, LoopAction, MacAddress, Mtu, PortKind, PortName, QueueCount, SwitchName, SwitchType, Vid, VlanMode,
    VlanSet, WorkerCount,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use std::borrow::Cow;

/// Longest switch or port name, as a pattern of JSON Schema (ECMA 262).
const NAME: &str = "^[A-Za-z0-9._][A-Za-z0-9._-]{0,63}$";

/// Text that one constructor takes; the schema is the pattern of what it takes.
macro_rules! from_text {
    ($($type:ident, $read:expr, $pattern:expr;)+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let read: fn(&str) -> Result<$type, super::InvalidValue> = $read;
                read(&Cow::<str>::deserialize(from)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )+};
}

from_text! {
    SwitchName, SwitchName::new, NAME;
    PortName, PortName::new, NAME;
    DeviceName, DeviceName::new, r"^[^\s/:%]{1,15}$";
    ExtensionId, ExtensionId::new, "^[A-Za-z0-9._-]{1,64}$";
    MacAddress, MacAddress::assignable, "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$";
    VlanSet, str::parse, "^ *[0-9]+( *- *[0-9]+)?( *, *[0-9]+( *- *[0-9]+)?)* *$";
}

/// One of a list of words.
macro_rules! from_word {
    ($($type:ident),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

from_word!(ExtensionRole, SwitchType, PortKind, BackendKind, AdminState, FailPolicy, Isolation, LoopAction, VlanMode);

/// A number with a range.
macro_rules! from_number {
    ($($type:ident),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::new(u64::deserialize(from)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX, "default": Self::default().get()
                })
            }
        }
    )+};
}

from_number!(Mtu, QueueCount, WorkerCount, AgeingTime, LateAfter, KillAfter);

impl<'de> Deserialize<'de> for Vid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // A number that does not fit is out of range as well, and the largest one says so.
        let number = u32::try_from(u64::deserialize(from)?).unwrap_or(u32::MAX);
        Self::new(number).map_err(D::Error::custom)
    }
}

impl JsonSchema for Vid {
    fn schema_name() -> Cow<'static, str> {
        "Vid".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX })
    }
}
