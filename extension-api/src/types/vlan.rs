//! VLAN identifiers and tags (IEEE 802.1Q-2022 clause 9.6).

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A VLAN identifier, 1..=4094.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vid(u16);

impl Vid {
    /// Lowest identifier.
    pub const MIN: Vid = Vid(1);
    /// Highest identifier; 4095 is reserved by the standard.
    pub const MAX: Vid = Vid(4094);

    /// Checks the number.
    pub const fn new(vid: u16) -> Result<Self, InvalidVid> {
        match vid {
            0 => Err(InvalidVid::Zero),
            1..=4094 => Ok(Vid(vid)),
            4095 => Err(InvalidVid::Reserved),
            _ => Err(InvalidVid::TooLarge(vid)),
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Vid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is not a VLAN identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidVid {
    /// 0 marks a priority tag, which belongs to no VLAN.
    Zero,
    /// 4095 is reserved.
    Reserved,
    /// The field has 12 bits.
    TooLarge(u16),
    /// The text is not a number.
    NotANumber,
}

impl fmt::Display for InvalidVid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidVid::Zero => f.write_str("VLAN 0 is a priority tag, not a VLAN; use 1 to 4094"),
            InvalidVid::Reserved => f.write_str("VLAN 4095 is reserved; use 1 to 4094"),
            InvalidVid::TooLarge(vid) => write!(f, "VLAN {vid} does not exist; use 1 to 4094"),
            InvalidVid::NotANumber => f.write_str("a VLAN is a number from 1 to 4094"),
        }
    }
}

impl Error for InvalidVid {}

impl FromStr for Vid {
    type Err = InvalidVid;

    fn from_str(text: &str) -> Result<Self, InvalidVid> {
        Vid::new(text.parse().map_err(|_| InvalidVid::NotANumber)?)
    }
}

/// The tag control information of an 802.1Q tag: priority, drop eligibility and VLAN identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VlanTag(u16);

impl VlanTag {
    /// From the 16 bits of the tag.
    #[inline]
    pub const fn from_tci(tci: u16) -> Self {
        VlanTag(tci)
    }

    /// The 16 bits of the tag.
    #[inline]
    pub const fn tci(self) -> u16 {
        self.0
    }

    /// The VLAN; `None` for a priority tag (identifier 0) and for the reserved 4095.
    #[inline]
    pub const fn vid(self) -> Option<Vid> {
        match self.0 & 0x0fff {
            0 | 0x0fff => None,
            vid => Some(Vid(vid)),
        }
    }

    /// Priority code point, 0..=7.
    #[inline]
    pub const fn priority(self) -> u8 {
        self.0.to_be_bytes()[0] >> 5
    }

    /// Drop eligible indicator.
    #[inline]
    pub const fn drop_eligible(self) -> bool {
        self.0 & 0x1000 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidVid, Vid, VlanTag};

    #[test]
    fn vid_borders() {
        assert_eq!(Vid::new(0), Err(InvalidVid::Zero));
        assert_eq!(Vid::new(1), Ok(Vid::MIN));
        assert_eq!(Vid::new(4094), Ok(Vid::MAX));
        assert_eq!(Vid::new(4095), Err(InvalidVid::Reserved));
        assert_eq!(Vid::new(4096), Err(InvalidVid::TooLarge(4096)));
        assert_eq!("x".parse::<Vid>(), Err(InvalidVid::NotANumber));
        assert_eq!("100".parse::<Vid>().map(Vid::get), Ok(100));
    }

    #[test]
    fn tag_fields() {
        let tag = VlanTag::from_tci(0xb064);
        assert_eq!((tag.priority(), tag.drop_eligible(), tag.vid().map(Vid::get)), (5, true, Some(100)));
        assert_eq!(VlanTag::from_tci(0xe000).vid(), None);
        assert_eq!(VlanTag::from_tci(0xe000).priority(), 7);
    }
}
