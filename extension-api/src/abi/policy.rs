//! Optional interface `heddle.policy/1`, since 1.4: policies that operators put on ports and on the switch, and what an extension tells
//! of them at run time.
//!
//! An extension publishes **features**: custom policies with typed fields, defaults and units. The host checks fields
//! before it calls. A **property** is one instance of a feature on one port or on the switch; it is offered to every
//! extension that publishes the feature, captures excepted, from the protocol edge inwards, and any of them may veto an
//! add or an update. Who accepted is told how it ended, lowest first, and when a lower one vetoed is told of the
//! opposite as well (add: delete; update: update with the former values). A delete cannot be refused.
//!
//! **Standard** policies are features of the host: `heddle.vlan`, `heddle.security` and `heddle.profile`. They are
//! offered to the forwarding extension alone, and only when its `standard` names them; one that is not named is refused
//! to the operator in its name. VLAN membership is enforced by the switch in any case.

use core::ffi::c_void;

use super::config::ConfigKey;
use super::status::{Bytes, ErrorText};
use crate::{abi_fn, abi_struct};

/// Id of the interface.
pub const POLICY_ID: &str = "heddle.policy/1";
/// Features of an extension, at most.
pub const POLICY_FEATURES_MAX: u32 = 64;
/// Longest status text, in bytes.
pub const POLICY_STATUS_MAX: u32 = 65_536;
/// Feature flag: may be put on a port.
pub const FEATURE_PORT: u32 = 1 << 0;
/// Feature flag: may be put on the switch.
pub const FEATURE_SWITCH: u32 = 1 << 1;
/// Feature flag: several instances may be on one port or switch.
pub const FEATURE_SEVERAL: u32 = 1 << 2;
/// Feature flag: `status` answers for it.
pub const FEATURE_STATUS: u32 = 1 << 3;
/// Standard policy: `heddle.vlan`.
pub const STANDARD_VLAN: u32 = 1 << 0;
/// Standard policy: `heddle.security`.
pub const STANDARD_SECURITY: u32 = 1 << 1;
/// Standard policy: `heddle.profile`.
pub const STANDARD_PROFILE: u32 = 1 << 2;
/// Action: the property is new.
pub const PROPERTY_ADD: u32 = 1;
/// Action: the property has new values.
pub const PROPERTY_UPDATE: u32 = 2;
/// Action: the property is taken away. Cannot be refused.
pub const PROPERTY_DELETE: u32 = 3;
/// Property flag: it is on a validation port. Judge it, reserve nothing, and refuse nothing that is only unavailable now.
pub const PROPERTY_VALIDATION: u32 = 1 << 0;

abi_struct! { frozen,
/// A feature. All texts and rows are static. 64 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Reverse URI that never changes, such as `org.example.firewall.rule`; at most 64 bytes.
    pub id: Bytes,
    /// What it does, one sentence; at most 160 bytes.
    pub text: Bytes,
    /// Its fields.
    pub keys: *const ConfigKey,
    /// The fields of its status.
    pub status_keys: *const ConfigKey,
    /// Number of fields, at most `CONFIG_KEYS_MAX`.
    pub key_count: u32,
    /// Number of status fields, likewise.
    pub status_key_count: u32,
    /// `FEATURE_*`.
    pub flags: u32,
    /// Version of the fields, major in the upper 16 bits.
    pub version: u32,
}
}

abi_struct! { growable,
/// A property on its way to an extension. What it points to is valid until the call returns.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// `PROPERTY_ADD` and so on.
    pub action: u32,
    /// The port; 0 = the switch.
    pub port: u32,
    /// `PROPERTY_VALIDATION`.
    pub flags: u32,
    /// Id of the feature.
    pub feature: Bytes,
    /// Name of the instance.
    pub instance: Bytes,
    /// All values, defaults included: UTF-8 lines `key=value`. Empty when it is deleted.
    pub values: Bytes,
}
}

abi_fn! {
/// Judges and takes a property.
pub type PropertyFn = fn(instance: *mut c_void, property: *const Property, error: *mut ErrorText) -> i32;
row PROPERTY_FN }
abi_fn! {
/// How a property that was accepted ended: `OK`, or the status of the lower extension that vetoed it.
pub type PropertyDoneFn = fn(instance: *mut c_void, property: *const Property, status: i32);
row PROPERTY_DONE_FN }
abi_fn! {
/// Runtime data of a feature on a port (0 = the switch) as UTF-8 lines `key=value`; `out_length` gets their length
/// even when the room is too small.
pub type StatusFn = fn(instance: *mut c_void, feature: Bytes, port: u32, text: *mut u8, room: u32, out_length: *mut u32) -> i32;
row STATUS_FN }

abi_struct! { growable,
/// The interface's table.
#[derive(Clone, Copy, Debug)]
pub struct PolicyV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// Number of rows at `features`, at most [`POLICY_FEATURES_MAX`].
    pub feature_count: u32,
    /// The features; static.
    pub features: *const Feature,
    /// `STANDARD_*` policies a forwarding extension enforces; 0 for other roles.
    pub standard: u32,
    /// Zero.
    pub reserved: u32,
    /// Optional · control · created · borrows the property · null = its features only tell their status · `E_VETO` refuses for good, `E_FULL` and `E_AGAIN` for now.
    pub property: Option<PropertyFn>,
    /// Optional · control · created · borrows the property · infallible.
    pub property_done: Option<PropertyDoneFn>,
    /// Optional · control · enabled · the caller's room · at most [`POLICY_STATUS_MAX`] bytes · `E_FULL` when the room is too
    /// small, `E_GONE` when it knows nothing of the port.
    pub status: Option<StatusFn>,
}
}
