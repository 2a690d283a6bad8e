//! MAC addresses (IEEE 802 EUI-48), six bytes in transmission order.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A MAC address, `52:54:00:12:34:56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// The address of all stations.
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);

    /// From six bytes in transmission order.
    #[inline]
    pub const fn new(bytes: [u8; 6]) -> Self {
        MacAddress(bytes)
    }

    /// The destination address of a frame, when the frame is long enough to have one.
    #[inline]
    pub fn destination_of(frame: &[u8]) -> Option<Self> {
        frame.get(..6).and_then(|bytes| bytes.try_into().ok()).map(MacAddress)
    }

    /// The source address of a frame, when the frame is long enough to have one.
    #[inline]
    pub fn source_of(frame: &[u8]) -> Option<Self> {
        frame.get(6..12).and_then(|bytes| bytes.try_into().ok()).map(MacAddress)
    }

    /// The six bytes.
    #[inline]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether the group bit is set: broadcast or multicast.
    #[inline]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A text that is not a MAC address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMacAddress(String);

impl fmt::Display for InvalidMacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a MAC address; write six hexadecimal bytes, as in 52:54:00:12:34:56", self.0)
    }
}

impl Error for InvalidMacAddress {}

impl FromStr for MacAddress {
    type Err = InvalidMacAddress;

    fn from_str(text: &str) -> Result<Self, InvalidMacAddress> {
        let invalid = || InvalidMacAddress(text.to_owned());
        let mut bytes = [0u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(invalid)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| invalid())?;
        }
        match parts.next() {
            None => Ok(MacAddress(bytes)),
            Some(_) => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MacAddress;

    #[test]
    fn text_round_trip() {
        let mac: MacAddress = "52:54:00:12:34:aF".parse().unwrap();
        assert_eq!(mac.bytes(), [0x52, 0x54, 0, 0x12, 0x34, 0xaf]);
        assert_eq!(mac.to_string(), "52:54:00:12:34:af");
    }

    #[test]
    fn wrong_texts_are_named() {
        for text in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "5:254:00:12:34:56",
            "52-54-00-12-34-56",
            "+1:00:00:00:00:0g",
        ] {
            let error = text.parse::<MacAddress>().unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn group_bit() {
        assert!(MacAddress::BROADCAST.is_group());
        assert!(MacAddress::new([1, 0, 0x5e, 0, 0, 1]).is_group());
        assert!(!MacAddress::new([2, 0, 0, 0, 0, 1]).is_group());
    }
}
