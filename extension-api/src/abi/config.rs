//! Optional interface `heddle.config/1`, since 1.3: an extension publishes its configuration keys, and takes a new configuration while
//! it runs.
//!
//! The host shows the keys to operators and refuses unknown keys and values of the wrong type before it calls the
//! extension. A new configuration is whole, as at `create`: what it does not name has its default. All or nothing: an
//! extension that refuses one goes on with the one it has.

use core::ffi::c_void;

use super::status::{Bytes, ErrorText};
use crate::{abi_fn, abi_struct};

/// Id of the interface.
pub const CONFIG_ID: &str = "heddle.config/1";
/// Keys of an extension, at most.
pub const CONFIG_KEYS_MAX: u32 = 256;
/// Kind of value: `true` or `false`.
pub const CONFIG_BOOLEAN: u32 = 1;
/// Kind of value: a whole number from `minimum` to `maximum`.
pub const CONFIG_INTEGER: u32 = 2;
/// Kind of value: any text.
pub const CONFIG_TEXT: u32 = 3;
/// Kind of value: one of the words in `choices`, which are separated by `|`.
pub const CONFIG_CHOICE: u32 = 4;
/// Flag: the value is read at `create` only and cannot change while the extension runs.
pub const CONFIG_FIXED: u32 = 1 << 0;
/// Flag: every key that starts with `name` and is longer is one of these, such as `rate.PORT` with the name `rate.`.
pub const CONFIG_PREFIX: u32 = 1 << 1;

abi_struct! { frozen,
/// A configuration key. All texts are UTF-8 and static. 104 bytes.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    /// The key; at most 64 bytes.
    pub name: Bytes,
    /// Unit of the value, such as `ms`; empty = none; at most 16 bytes.
    pub unit: Bytes,
    /// Value when it is not given; empty = none; at most 128 bytes.
    pub default_value: Bytes,
    /// The words of a choice, separated by `|`; else empty; at most 256 bytes.
    pub choices: Bytes,
    /// What it does, one sentence; at most 160 bytes.
    pub text: Bytes,
    /// Smallest integer.
    pub minimum: i64,
    /// Largest integer.
    pub maximum: i64,
    /// `CONFIG_BOOLEAN` and so on.
    pub kind: u32,
    /// `CONFIG_FIXED` and so on.
    pub flags: u32,
}
}

abi_fn! {
/// Takes a new configuration: UTF-8 lines `key=value`, borrowed.
pub type ConfigureFn = fn(instance: *mut c_void, config: Bytes, error: *mut ErrorText) -> i32;
row CONFIGURE_FN }

abi_struct! { growable,
/// The interface's table.
#[derive(Clone, Copy, Debug)]
pub struct ConfigV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// Number of rows at `keys`, at most [`CONFIG_KEYS_MAX`].
    pub key_count: u32,
    /// The keys; static.
    pub keys: *const ConfigKey,
    /// Optional · control · created · borrows the configuration · any failure leaves the old one in effect · null = the
    /// configuration cannot change while it runs.
    pub configure: Option<ConfigureFn>,
}
}
