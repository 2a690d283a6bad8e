//! Data sources and interfaces: who counted, and where a frame came in and went.
//!
//! Both come in two encodings: compact (24 bits of index, 30 of an interface) and expanded (32 bits each). Section 5
//! forbids mixing them in one agent, so the agent decides once, see [`Encoding`].

use super::XdrWriter;

/// The low 30 bits of an interface word; the top two say how to read them.
const INTERFACE_VALUE: u32 = 0x3FFF_FFFF;
const FORMAT_DISCARDED: u32 = 1;
const FORMAT_MULTIPLE: u32 = 2;

/// Which encodings an agent writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// For indexes below 2^24: formats 0:1 and 0:2.
    #[default]
    Compact,
    /// For all indexes: formats 0:3 and 0:4.
    Expanded,
}

/// An interface index: any number but 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(u32);

impl IfIndex {
    /// Largest index that the compact encodings can hold: 24 bits.
    pub const COMPACT_MAX: u32 = 0x00FF_FFFF;

    /// `None` when `index` is 0.
    #[must_use]
    pub fn new(index: u32) -> Option<Self> {
        if index == 0 {
            None
        } else {
            Some(Self(index))
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Whether the compact encodings can hold it.
    #[must_use]
    pub fn is_compact(self) -> bool {
        self.0 <= Self::COMPACT_MAX
    }
}

/// Who counts or samples: a class of section 5 and an index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSource {
    class: u32,
    index: u32,
}

impl DataSource {
    /// The host: class 2 (entPhysicalEntry), of which a host has one.
    pub const HOST: Self = Self { class: 2, index: 1 };

    /// A port: class 0 (ifIndex).
    #[must_use]
    pub fn port(index: IfIndex) -> Self {
        Self { class: 0, index: index.get() }
    }

    /// A VLAN: class 1 (smonVlanDataSource).
    #[must_use]
    pub fn vlan(vid: u16) -> Self {
        Self { class: 1, index: u32::from(vid) }
    }

    /// The virtual machine behind a port: class 3 (entLogicalEntry), known by the port's index.
    #[must_use]
    pub fn machine(index: IfIndex) -> Self {
        Self { class: 3, index: index.get() }
    }

    /// Class and index.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        (self.class, self.index)
    }

    pub(super) fn encode(self, encoding: Encoding, out: &mut XdrWriter<'_>) {
        match encoding {
            Encoding::Compact => out.u32(self.class << 24 | (self.index & IfIndex::COMPACT_MAX)),
            Encoding::Expanded => {
                out.u32(self.class);
                out.u32(self.index);
            }
        }
    }
}

/// Why a frame was discarded: section 5 (0-262, the low ones being ICMP codes) and
/// "sFlow Dropped Packet Notification Structures" (263 and above).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscardReason(pub u16);

impl DiscardReason {
    /// No better code.
    pub const UNKNOWN: Self = Self(256);
    /// Refused by an access list or another policy.
    pub const ACL: Self = Self(258);
    /// A queue or the buffers are full.
    pub const NO_BUFFER: Self = Self(259);
    /// Longer than the egress MTU.
    pub const TOO_BIG: Self = Self(262);
    /// The source address is a group address.
    pub const SOURCE_MAC_MULTICAST: Self = Self(263);
    /// A tag the port does not take.
    pub const VLAN_TAG_MISMATCH: Self = Self(264);
    /// The port is not in the frame's VLAN.
    pub const INGRESS_VLAN_FILTER: Self = Self(265);
    /// Nowhere to go.
    pub const PORT_LIST_EMPTY: Self = Self(267);
    /// The only way out is the way in.
    pub const PORT_LOOPBACK: Self = Self(268);
    /// The destination address is reserved for the link.
    pub const DESTINATION_MAC_RESERVED: Self = Self(294);
    /// The destination port is not in the frame's VLAN.
    pub const EGRESS_VLAN_FILTER: Self = Self(301);
    /// Shorter than a frame can be.
    pub const TOO_SMALL: Self = Self(324);
    /// A checksum that cannot be completed.
    pub const CHECKSUM: Self = Self(329);
    /// The device is not ready.
    pub const DEVICE_NOT_READY: Self = Self(331);
    /// Segmentation failed.
    pub const SEGMENTATION: Self = Self(334);
}

/// The `input` or `output` of a flow sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Not known.
    Unknown,
    /// One interface.
    Index(IfIndex),
    /// The frame began or ended inside the switch.
    Internal,
    /// Sent to so many interfaces; 0 = more than one, number unknown.
    Multiple(u32),
    /// Dropped.
    Discarded(DiscardReason),
}

impl Interface {
    /// Format and value.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        match self {
            Self::Unknown => (0, 0),
            Self::Index(index) => (0, index.get()),
            Self::Internal => (0, INTERFACE_VALUE),
            Self::Multiple(count) => (FORMAT_MULTIPLE, count.min(INTERFACE_VALUE)),
            Self::Discarded(reason) => (FORMAT_DISCARDED, u32::from(reason.0)),
        }
    }

    pub(super) fn encode(self, encoding: Encoding, out: &mut XdrWriter<'_>) {
        let (format, value) = self.parts();
        match encoding {
            Encoding::Compact => out.u32(format << 30 | (value & INTERFACE_VALUE)),
            Encoding::Expanded => {
                out.u32(format);
                out.u32(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataSource, DiscardReason, Encoding, IfIndex, Interface};
    use crate::datagram::XdrWriter;

    fn words(write: impl Fn(&mut XdrWriter<'_>)) -> Vec<u32> {
        let mut buffer = [0; 16];
        let mut out = XdrWriter::new(&mut buffer);
        write(&mut out);
        let used = out.finish().unwrap();
        buffer[..used].chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect()
    }

    #[test]
    fn interface_words_follow_section_5() {
        let index = Interface::Index(IfIndex::new(2).unwrap());
        for (interface, compact, expanded) in [
            (Interface::Unknown, 0, [0, 0]),
            (index, 2, [0, 2]),
            (Interface::Internal, 0x3FFF_FFFF, [0, 0x3FFF_FFFF]),
            (Interface::Multiple(7), 0x8000_0007, [2, 7]),
            (Interface::Multiple(0), 0x8000_0000, [2, 0]),
            (Interface::Multiple(u32::MAX), 0xBFFF_FFFF, [2, 0x3FFF_FFFF]),
            (Interface::Discarded(DiscardReason::ACL), 0x4000_0102, [1, 258]),
        ] {
            assert_eq!(words(|out| interface.encode(Encoding::Compact, out)), [compact]);
            assert_eq!(words(|out| interface.encode(Encoding::Expanded, out)), expanded);
        }
        let large = Interface::Index(IfIndex::new(u32::MAX - 1).unwrap());
        assert_eq!(words(|out| large.encode(Encoding::Expanded, out)), [0, u32::MAX - 1]);
    }

    #[test]
    fn data_sources_have_a_class_in_the_top_8_bits_or_a_word_of_its_own() {
        let index = IfIndex::new(0x0100_0005).unwrap();
        assert!(!index.is_compact() && IfIndex::new(0x00FF_FFFF).unwrap().is_compact());
        assert_eq!(IfIndex::new(0), None);
        assert_eq!(words(|out| DataSource::HOST.encode(Encoding::Compact, out)), [0x0200_0001]);
        assert_eq!(words(|out| DataSource::machine(index).encode(Encoding::Expanded, out)), [3, 0x0100_0005]);
        assert_eq!(words(|out| DataSource::port(index).encode(Encoding::Expanded, out)), [0, 0x0100_0005]);
    }
}
