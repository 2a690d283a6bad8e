//! Names an operator gives: switches, ports, network devices, MAC addresses.
//!
//! Limits: a switch or port name is 1 to 64 characters of `A-Z a-z 0-9 . _ -`, so it needs no quoting in a shell, a
//! path or a metric label. A device name follows the kernel's rule (`dev_valid_name`): 1 to 15 bytes, no `/`, `:`, white
//! space, not `.` or `..`; `%` is refused because the kernel would take it as a pattern for TAP devices.

use super::InvalidValue;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Longest switch or port name, in bytes.
pub(super) const MAX_NAME: usize = 64;
/// Longest network device name, in bytes: the kernel's `IFNAMSIZ` less the closing zero.
pub(super) const MAX_DEVICE_NAME: usize = 15;

fn check_name(field: &'static str, name: &str) -> Result<String, InvalidValue> {
    let fix = "use 1 to 64 characters of A-Z a-z 0-9 . _ -";
    if name.is_empty() {
        return Err(InvalidValue::new(field, name, "is empty", fix));
    }
    if name.len() > MAX_NAME {
        return Err(InvalidValue::new(
            field,
            name,
            format!("has {} characters, more than {MAX_NAME}", name.len()),
            fix,
        ));
    }
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        Some(bad) => Err(InvalidValue::new(field, name.escape_debug(), format!("contains {bad:?}"), fix)),
        None if name.starts_with('-') => {
            Err(InvalidValue::new(field, name, "starts with '-' and would read as an option", "start it with a letter"))
        }
        None => Ok(name.to_owned()),
    }
}

/// The edit distance between two names, for "did you mean". Names are at most [`MAX_NAME`] bytes, so this is cheap.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.to_lowercase().chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (pair, cb) in row.windows(2).zip(&b) {
            let [diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The existing name most like `wanted`, or `None` when nothing exists.
///
/// The smallest edit distance wins, unless it would write more than half of the name anew: that was not meant. A name that
/// has what was typed in it, or the other way round, is always like it.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // What no name can be is like none; measuring it would take long.
    if wanted.len() > MEASURED_MAX {
        return None;
    }
    let best = known.into_iter().min_by_key(|name| (distance(wanted, name), *name))?;
    let inside = !wanted.is_empty() && (best.contains(wanted) || wanted.contains(best));
    let half = wanted.chars().count().max(best.chars().count()).div_ceil(2);
    (inside || distance(wanted, best) <= half).then(|| best.to_owned())
}

/// Longest text that is compared with names, in bytes.
const MEASURED_MAX: usize = 256;

macro_rules! name_type {
    ($(#[$meta:meta])* $name:ident, $field:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When the name is empty, too long or has a character outside `A-Z a-z 0-9 . _ -`.
            pub fn new(name: &str) -> Result<Self, InvalidValue> {
                check_name($field, name).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;
            fn from_str(name: &str) -> Result<Self, InvalidValue> {
                Self::new(name)
            }
        }
    };
}

name_type!(
    /// The name of a switch, unique on this host.
    SwitchName,
    "switch name"
);
name_type!(
    /// The name of a port, unique within its switch.
    PortName,
    "port name"
);

/// The name of a Linux network device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DeviceName(String);

impl DeviceName {
    /// Checks and takes a device name.
    ///
    /// # Errors
    /// When the kernel would refuse the name.
    pub fn new(name: &str) -> Result<Self, InvalidValue> {
        let fix = "give a network device as `ip link` shows it: at most 15 bytes, no '/', ':', '%' or white space";
        if name.is_empty() || name == "." || name == ".." {
            return Err(InvalidValue::new("device", name, "is not a device name", fix));
        }
        if name.len() > MAX_DEVICE_NAME {
            let reason = format!("has {} bytes, more than {MAX_DEVICE_NAME}", name.len());
            return Err(InvalidValue::new("device", name, reason, fix));
        }
        let refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%');
        if let Some(bad) = name.chars().find(|c| refused(*c)) {
            return Err(InvalidValue::new("device", name.escape_debug(), format!("contains {bad:?}"), fix));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A 48-bit MAC address in network order. Any value: see [`MacAddress::assignable`] for what a port may own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// An address from its six octets in the order they are sent.
    #[must_use]
    pub const fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The six octets in the order they are sent.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// An address that one station may own: individual (IEEE 802 group bit clear) and not all zero.
    ///
    /// # Errors
    /// When `text` is no MAC address, is a group address or is all zero.
    pub fn assignable(text: &str) -> Result<Self, InvalidValue> {
        let mac: Self = text.parse()?;
        let fix = "give the address of one station, for example 02:00:00:00:00:01";
        let [first, ..] = mac.0;
        if first & 1 != 0 {
            return Err(InvalidValue::new("mac", text, "is a group address", fix));
        }
        if mac.0 == [0; 6] {
            return Err(InvalidValue::new("mac", text, "is all zero", fix));
        }
        Ok(mac)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        f.pad(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}"))
    }
}

impl FromStr for MacAddress {
    type Err = InvalidValue;

    /// Takes `02:00:00:00:00:01` and `02-00-00-00-00-01`, any case, two digits each.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let bad = || {
            let fix = "write six pairs of hexadecimal digits, for example 02:00:00:00:00:01";
            InvalidValue::new("mac", text.escape_debug(), "is not a MAC address", fix)
        };
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut octets = [0u8; 6];
        let mut pairs = text.split(separator);
        for octet in &mut octets {
            let pair = pairs.next().ok_or_else(bad)?;
            if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(bad());
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        if pairs.next().is_some() { Err(bad()) } else { Ok(Self(octets)) }
    }
}

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
