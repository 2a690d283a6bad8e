//! Ports, NICs, and the names the host gives to groups, drop reasons and counters.
//!
//! Groups, drop reasons and counters can only be made by asking the host; they belong to the instance that asked. The
//! host refuses foreign ones.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

/// A port of the switch. Never 0; `Option<PortId>` is as small as the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(NonZeroU32);

impl PortId {
    /// Checks the number: `None` for 0, which is no port.
    #[inline]
    pub const fn new(port: u32) -> Option<Self> {
        match NonZeroU32::new(port) {
            Some(port) => Some(PortId(port)),
            None => None,
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a port id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPortId(String);

impl fmt::Display for InvalidPortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a port id; a port id is a number from 1 to 4294967295", self.0)
    }
}

impl Error for InvalidPortId {}

impl FromStr for PortId {
    type Err = InvalidPortId;

    fn from_str(text: &str) -> Result<Self, InvalidPortId> {
        text.parse().ok().and_then(PortId::new).ok_or_else(|| InvalidPortId(text.to_owned()))
    }
}

/// Which NIC of a port: 0 = the NIC of the port, 1..=32 = a member of the external team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NicIndex(u8);

impl NicIndex {
    /// Highest index of a team member.
    pub const MAX: NicIndex = NicIndex(32);

    /// Checks the number.
    pub const fn new(index: u32) -> Result<Self, InvalidNicIndex> {
        if index <= 32 {
            // At most 32, hence in the lowest byte.
            Ok(NicIndex(index.to_le_bytes()[0]))
        } else {
            Err(InvalidNicIndex(index))
        }
    }

    /// What the host wrote.
    #[inline]
    pub(crate) const fn from_host(index: u8) -> Self {
        NicIndex(index)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A number that is not a NIC index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNicIndex(u32);

impl fmt::Display for InvalidNicIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NIC index {} does not exist; use 0 for the NIC of a port, 1 to 32 for a member of a team", self.0)
    }
}

impl Error for InvalidNicIndex {}

/// A worker: one thread of the data path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub(crate) u32);

impl WorkerId {
    /// The number, counted from 0.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A group of ports, made by a forwarding extension through the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupId(pub(crate) u32);

/// A drop reason, registered with the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DropReason(pub(crate) u16);

impl DropReason {
    /// The code that stands for it in descriptors and samples.
    #[inline]
    pub const fn code(self) -> u16 {
        self.0
    }
}

/// A counter, registered with the host and shown to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter(pub(crate) u32);

/// Where datagrams go: an address and a UDP port, written once so that sending formats nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatagramAddress(String);

impl DatagramAddress {
    /// The text, `ADDR:PORT` or `[ADDR]:PORT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SocketAddr> for DatagramAddress {
    fn from(address: SocketAddr) -> Self {
        DatagramAddress(address.to_string())
    }
}

/// A text that is not an address and a UDP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDatagramAddress(String);

impl fmt::Display for InvalidDatagramAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not an address and a UDP port; write 192.0.2.1:6343 or [2001:db8::1]:6343", self.0)
    }
}

impl Error for InvalidDatagramAddress {}

impl FromStr for DatagramAddress {
    type Err = InvalidDatagramAddress;

    fn from_str(text: &str) -> Result<Self, InvalidDatagramAddress> {
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(address.into()),
            _ => Err(InvalidDatagramAddress(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DatagramAddress, NicIndex, PortId};

    #[test]
    fn port_zero_is_no_port() {
        assert_eq!(PortId::new(0), None);
        assert_eq!(std::mem::size_of::<Option<PortId>>(), 4);
        assert!("0".parse::<PortId>().unwrap_err().to_string().contains("`0`"));
    }

    #[test]
    fn nic_index_ends_at_32() {
        assert_eq!(NicIndex::new(32), Ok(NicIndex::MAX));
        assert!(NicIndex::new(33).unwrap_err().to_string().contains("33"));
        assert!(NicIndex::new(256).is_err());
    }

    #[test]
    fn datagram_addresses() {
        for good in ["192.0.2.1:6343", "[2001:db8::1]:6343"] {
            assert_eq!(good.parse::<DatagramAddress>().unwrap().as_str(), good);
        }
        for bad in ["192.0.2.1", "192.0.2.1:0", "collector:6343", ""] {
            assert!(bad.parse::<DatagramAddress>().is_err(), "{bad}");
        }
    }
}
