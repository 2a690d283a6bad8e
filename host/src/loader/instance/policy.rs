//! The features an extension publishes (`heddle.policy/1`), and the calls with properties and for status.
//!
//! Part of the unsafe island of [`super`]. Rows are copied once, when the library is loaded; an extension whose rows break
//! a limit is treated as one that publishes nothing, and the log says why.

use heddle_extension_api::abi::config::CONFIG_KEYS_MAX;
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::policy::{
    FEATURE_PORT, FEATURE_SEVERAL, FEATURE_STATUS, FEATURE_SWITCH, Feature as AbiFeature, POLICY_FEATURES_MAX,
    POLICY_ID, POLICY_STATUS_MAX, PROPERTY_ADD, PROPERTY_DELETE, PROPERTY_UPDATE, PROPERTY_VALIDATION, PolicyV1,
    Property as AbiProperty, STANDARD_PROFILE, STANDARD_SECURITY, STANDARD_VLAN,
};
use heddle_extension_api::abi::status::{Bytes, E_AGAIN, E_FULL, E_GONE, E_VETO, ErrorText, OK};

use super::{Instance, Objection, POLICY_FIRST, bytes, interface, setting};
use crate::loader::{Setting, Settings, host_table};

/// A feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its identifier.
    pub id: String,
    /// What it does.
    pub text: String,
    /// Its fields.
    pub keys: Settings,
    /// The fields of its status.
    pub status: Vec<Setting>,
    /// Whether it may be put on a port.
    pub on_port: bool,
    /// Whether it may be put on the switch.
    pub on_switch: bool,
    /// Whether several instances may be on one port or switch.
    pub several: bool,
    /// Whether it has a status.
    pub has_status: bool,
    /// Version of its fields, major and minor.
    pub version: (u16, u16),
}

/// What an extension publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// In the order in which it lists them.
    pub all: Vec<Feature>,
    /// `STANDARD_*` policies it enforces.
    pub standard: u32,
    /// Whether properties can be put; when not, its features only tell their status.
    pub takes: bool,
}

/// The bit of a standard policy.
fn standard_bit(feature: &str) -> Option<u32> {
    match feature {
        "heddle.vlan" => Some(STANDARD_VLAN),
        "heddle.security" => Some(STANDARD_SECURITY),
        "heddle.profile" => Some(STANDARD_PROFILE),
        _ => None,
    }
}

/// Whether a feature is one of the switch's own.
pub fn is_standard(feature: &str) -> bool {
    standard_bit(feature).is_some()
}

impl Features {
    /// Whether the extension takes properties of a feature: its own, or a standard one it enforces.
    pub fn take(&self, feature: &str) -> bool {
        self.takes
            && match standard_bit(feature) {
                Some(bit) => self.standard & bit != 0,
                None => self.all.iter().any(|known| known.id == feature),
            }
    }
}

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is new.
    Add,
    /// It has new values.
    Update,
    /// It is taken away.
    Delete,
}

/// A property as it is offered.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// What becomes of it.
    pub act: Act,
    /// The port, 0 for the switch.
    pub port: u32,
    /// Whether it is on a validation port.
    pub validation: bool,
    /// The feature.
    pub feature: &'a str,
    /// The instance.
    pub instance: &'a str,
    /// `key=value` lines.
    pub values: &'a str,
}

fn table(entry: &ExtensionV1) -> Option<PolicyV1> {
    let empty = PolicyV1 {
        struct_size: 0,
        feature_count: 0,
        features: std::ptr::null(),
        standard: 0,
        reserved: 0,
        property: None,
        property_done: None,
        status: None,
    };
    // SAFETY: the id names this struct, which is plain data that starts with its size; all zero after it is valid.
    unsafe { interface(entry, POLICY_ID, empty, POLICY_FIRST) }
}

/// The features an extension publishes, copied; `None` when it publishes none, or rows that break a limit.
pub(in crate::loader) fn features(entry: &ExtensionV1, id: &str) -> Option<Features> {
    let table = table(entry)?;
    // SAFETY: the table promises that many rows, which are static.
    let rows = unsafe { rows(table.features, table.feature_count, POLICY_FEATURES_MAX) };
    let all: Option<Vec<Feature>> = rows.and_then(|rows| rows.iter().map(feature).collect());
    let Some(all) = all else {
        tracing::warn!(extension = id, "its policy features break a limit and are not shown; report it to its vendor");
        return None;
    };
    Some(Features { all, standard: table.standard, takes: table.property.is_some() })
}

/// # Safety
/// `first` is null or names `count` rows that are static.
unsafe fn rows<T>(first: *const T, count: u32, most: u32) -> Option<&'static [T]> {
    match (count, first.is_null()) {
        (0, _) => Some(&[]),
        (_, true) => None,
        (count, _) if count > most => None,
        // SAFETY: not null, and the caller's promise.
        (count, false) => Some(unsafe { std::slice::from_raw_parts(first, count as usize) }),
    }
}

fn feature(row: &AbiFeature) -> Option<Feature> {
    let text = |bytes: Bytes, most: usize| {
        // SAFETY: texts of a row are static, of the length they state.
        let bytes = unsafe { host_table::borrowed(bytes, most) }?;
        let text = std::str::from_utf8(bytes).ok()?;
        (!text.chars().any(char::is_control)).then(|| text.to_owned())
    };
    let keys = |first, count| -> Option<Vec<Setting>> {
        // SAFETY: the feature promises that many rows, which are static and frozen.
        unsafe { rows(first, count, CONFIG_KEYS_MAX) }?.iter().map(setting).collect()
    };
    let [minor_low, minor_high, major_low, major_high] = row.version.to_le_bytes();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    Some(Feature {
        id: text(row.id, 64).filter(|id| !id.is_empty() && id.chars().all(allowed) && !id.starts_with("heddle."))?,
        text: text(row.text, 160)?,
        keys: Settings { keys: keys(row.keys, row.key_count)?, changeable: true },
        status: keys(row.status_keys, row.status_key_count)?,
        on_port: row.flags & FEATURE_PORT != 0,
        on_switch: row.flags & FEATURE_SWITCH != 0,
        several: row.flags & FEATURE_SEVERAL != 0,
        has_status: row.flags & FEATURE_STATUS != 0,
        version: (u16::from_le_bytes([major_low, major_high]), u16::from_le_bytes([minor_low, minor_high])),
    })
}

impl Offer<'_> {
    fn property(&self) -> AbiProperty {
        AbiProperty {
            struct_size: u32::try_from(size_of::<AbiProperty>()).unwrap_or(0),
            action: match self.act {
                Act::Add => PROPERTY_ADD,
                Act::Update => PROPERTY_UPDATE,
                Act::Delete => PROPERTY_DELETE,
            },
            port: self.port,
            flags: if self.validation { PROPERTY_VALIDATION } else { 0 },
            feature: bytes(self.feature),
            instance: bytes(self.instance),
            values: bytes(self.values),
        }
    }
}

impl Instance {
    /// Offers a property; its refusal in the extension's words.
    pub fn property(&self, offer: &Offer<'_>) -> Result<(), Objection> {
        let Some(function) = table(self.library.entry()).and_then(|table| table.property) else { return Ok(()) };
        let (property, mut error) = (offer.property(), ErrorText::default());
        // SAFETY: the instance is live, the property outlives the call, and control calls are under the switch's lock.
        match self.note(unsafe { function(self.instance.as_ptr(), &raw const property, &raw mut error) }) {
            OK => Ok(()),
            code => Err(Objection::of(&error, code)),
        }
    }

    /// How a property ended that it had accepted.
    pub fn property_done(&self, offer: &Offer<'_>, outcome: Result<(), &Objection>) {
        let Some(function) = table(self.library.entry()).and_then(|table| table.property_done) else { return };
        let property = offer.property();
        let status = match outcome {
            Ok(()) => OK,
            Err(objection) if objection.for_now => E_AGAIN,
            Err(_) => E_VETO,
        };
        // SAFETY: as in `property`.
        unsafe { function(self.instance.as_ptr(), &raw const property, status) };
    }

    /// Runtime data of a feature as `key=value` lines; `Ok(None)` when it knows nothing of the port.
    pub fn status(&self, feature: &str, port: u32) -> Result<Option<String>, String> {
        let Some(function) = table(self.library.entry()).and_then(|table| table.status) else { return Ok(None) };
        let mut text: Vec<u8> = vec![0; 4_096];
        for _ in 0..2 {
            let (room, mut length) = (u32::try_from(text.len()).unwrap_or(0), 0);
            // SAFETY: the instance is live; the room is as large as stated; the out pointer is to a local.
            let status = unsafe {
                function(self.instance.as_ptr(), bytes(feature), port, text.as_mut_ptr(), room, &raw mut length)
            };
            match self.note(status) {
                OK if length <= room => {
                    text.truncate(length as usize);
                    let text = String::from_utf8(text).map_err(|_| "its status is not UTF-8".to_owned())?;
                    return Ok(Some(text));
                }
                E_GONE => return Ok(None),
                E_FULL if length > room && length <= POLICY_STATUS_MAX => text.resize(length as usize, 0),
                code => return Err(format!("status {code}")),
            }
        }
        Err("its status grows while it is read".to_owned())
    }
}
