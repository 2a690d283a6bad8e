//! VLAN settings of a port: untagged, access or trunk (IEEE 802.1Q), mutually exclusive.
//!
//! Untagged is the default and means VLAN 0: the port carries untagged frames only and tagged ones are refused, as in the
//! Hyper-V model. An access port belongs to one VLAN and its station never sees a tag. A trunk carries the allowed VLANs
//! tagged and the native VLAN untagged; the native VLAN is always carried, whether or not the allowed list names it.
//! VLAN identifiers run from 1 to 4094; 0 is the priority tag and 4095 is reserved (802.1Q clause 9.6).

use super::{InvalidValue, words};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A VLAN identifier, 1 to 4094.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Vid(u16);

impl Vid {
    /// Smallest identifier of a VLAN.
    pub const MIN: u16 = 1;
    /// Largest identifier of a VLAN.
    pub const MAX: u16 = 4094;

    /// Checks and takes an identifier.
    ///
    /// # Errors
    /// When it is 0, 4095 or larger.
    pub fn new(vid: u32) -> Result<Self, InvalidValue> {
        match u16::try_from(vid) {
            Ok(inner) if (Self::MIN..=Self::MAX).contains(&inner) => Ok(Self(inner)),
            _ => Err(InvalidValue::new("vlan", vid, "is not a VLAN identifier", "give 1 to 4094")),
        }
    }

    /// The identifier.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Vid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of VLAN identifiers, written as `1-100,200`. One bit for each of the 4096 values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VlanSet(Box<[u64; 64]>);

impl VlanSet {
    /// The empty set.
    #[must_use]
    pub fn empty() -> Self {
        Self(Box::new([0; 64]))
    }

    /// Whether no VLAN is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds a VLAN.
    pub fn insert(&mut self, vid: Vid) {
        if let Some(word) = self.0.get_mut(usize::from(vid.0 / 64)) {
            *word |= 1 << (vid.0 % 64);
        }
    }

    /// Whether the set has this VLAN.
    #[must_use]
    pub fn contains(&self, vid: Vid) -> bool {
        self.has(vid.0)
    }

    fn has(&self, vid: u16) -> bool {
        self.0.get(usize::from(vid / 64)).is_some_and(|word| word >> (vid % 64) & 1 == 1)
    }

    /// The VLANs in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Vid> + '_ {
        (Vid::MIN..=Vid::MAX).filter(|vid| self.has(*vid)).map(Vid)
    }
}

impl FromStr for VlanSet {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let bad = |reason: &str| {
            InvalidValue::new(
                "allowed",
                text.escape_debug(),
                reason,
                "write VLANs and ranges from 1 to 4094: 1-100,200",
            )
        };
        let vid = |part: &str| -> Result<Vid, InvalidValue> {
            let number = part.trim().parse().map_err(|_| bad("is not a list of VLANs"))?;
            Vid::new(number).map_err(|_| bad("names a VLAN out of range"))
        };
        let mut set = Self::empty();
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (vid(first)?, vid(last)?),
                None => (vid(part)?, vid(part)?),
            };
            if first > last {
                return Err(bad("has a range that runs backwards"));
            }
            (first.0..=last.0).for_each(|inner| set.insert(Vid(inner)));
        }
        Ok(set)
    }
}

impl fmt::Display for VlanSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(Vid, Vid)> = Vec::new();
        for vid in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if last.0 + 1 == vid.0 => *last = vid,
                _ => ranges.push((vid, vid)),
            }
        }
        let parts: Vec<String> = ranges
            .iter()
            .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
            .collect();
        f.pad(&parts.join(","))
    }
}

impl fmt::Debug for VlanSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VlanSet({self})")
    }
}

impl Serialize for VlanSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

words!(
    /// The three mutually exclusive ways a port treats VLAN tags.
    VlanMode, "vlan-mode" {
        /// VLAN 0: untagged frames only, tagged ones are refused. The default.
        Untagged = "untagged",
        /// One VLAN, its tag hidden from the station.
        Access = "access",
        /// Several VLANs tagged, one of them (the native VLAN) untagged.
        Trunk = "trunk",
    }
);

/// The VLAN settings of a port, consistent by construction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum VlanSettings {
    /// VLAN 0: untagged frames only.
    #[default]
    Untagged,
    /// A member of one VLAN.
    Access {
        /// The VLAN.
        vlan: Vid,
    },
    /// A member of several VLANs.
    Trunk {
        /// VLANs carried tagged.
        allowed: VlanSet,
        /// The VLAN carried untagged; `None` is VLAN 0.
        native: Option<Vid>,
    },
}

impl VlanSettings {
    /// Which of the three it is.
    #[must_use]
    pub const fn mode(&self) -> VlanMode {
        match self {
            Self::Untagged => VlanMode::Untagged,
            Self::Access { .. } => VlanMode::Access,
            Self::Trunk { .. } => VlanMode::Trunk,
        }
    }
}

impl fmt::Display for VlanSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untagged => f.pad("untagged"),
            Self::Access { vlan } => f.pad(&format!("access {vlan}")),
            Self::Trunk { allowed, native: None } => f.pad(&format!("trunk {allowed}")),
            Self::Trunk { allowed, native: Some(native) } => f.pad(&format!("trunk {allowed} native {native}")),
        }
    }
}

/// The VLAN options given in one request. What is absent keeps its present value where the mode still has a place for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VlanChange {
    mode: Option<VlanMode>,
    vlan: Option<Vid>,
    allowed: Option<VlanSet>,
    /// `Some(None)` is `--native 0`: no native VLAN.
    native: Option<Option<Vid>>,
}

impl VlanChange {
    /// Takes the options as given; whether they fit together shows when they meet the port's present settings.
    #[must_use]
    pub const fn new(
        mode: Option<VlanMode>,
        vlan: Option<Vid>,
        allowed: Option<VlanSet>,
        native: Option<Option<Vid>>,
    ) -> Self {
        Self { mode, vlan, allowed, native }
    }

    /// Whether no option was given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.mode.is_none() && self.vlan.is_none() && self.allowed.is_none() && self.native.is_none()
    }

    /// The settings a port has after this change.
    ///
    /// # Errors
    /// When an option belongs to another mode, or the mode lacks the option it needs.
    pub fn apply_to(&self, now: &VlanSettings) -> Result<VlanSettings, InvalidValue> {
        let mode = self.mode.unwrap_or_else(|| now.mode());
        let stray = |field: &'static str, value: String, home: &str| {
            let reason = format!("does not apply in vlan-mode {mode}");
            Err(InvalidValue::new(field, value, reason, format!("leave it out or give --vlan-mode {home}")))
        };
        match (mode, self.vlan, &self.allowed, self.native) {
            (VlanMode::Untagged | VlanMode::Trunk, Some(vlan), _, _) => stray("vlan", vlan.to_string(), "access"),
            (VlanMode::Untagged | VlanMode::Access, _, Some(allowed), _) => {
                stray("allowed", allowed.to_string(), "trunk")
            }
            (VlanMode::Untagged | VlanMode::Access, _, _, Some(native)) => {
                stray("native", native.map_or(0, Vid::get).to_string(), "trunk")
            }
            (VlanMode::Untagged, None, None, None) => Ok(VlanSettings::Untagged),
            (VlanMode::Access, vlan, None, None) => {
                let kept = if let VlanSettings::Access { vlan } = now { Some(*vlan) } else { None };
                let missing =
                    || InvalidValue::new("vlan-mode", mode, "needs a VLAN", "add --vlan ID with an ID from 1 to 4094");
                Ok(VlanSettings::Access { vlan: vlan.or(kept).ok_or_else(missing)? })
            }
            (VlanMode::Trunk, None, allowed, native) => {
                let (kept_allowed, kept_native) = match now {
                    VlanSettings::Trunk { allowed, native } => (Some(allowed), *native),
                    _ => (None, None),
                };
                let missing = || {
                    InvalidValue::new(
                        "vlan-mode",
                        mode,
                        "needs the VLANs it carries",
                        "add --allowed, for example 1-100",
                    )
                };
                let allowed = allowed.as_ref().or(kept_allowed).ok_or_else(missing)?.clone();
                Ok(VlanSettings::Trunk { allowed, native: native.unwrap_or(kept_native) })
            }
        }
    }
}
