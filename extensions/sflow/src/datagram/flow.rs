//! Flow samples (0:1): one frame out of many, with its first bytes and its fate.
//!
//! Records, in this order: raw packet header (0:1), extended switch (0:1001). Section 5 makes both mandatory.

use super::{IfIndex, XdrWriter, FCS_BYTES};

const FLOW_SAMPLE: u32 = 1;
const RAW_PACKET_HEADER: u32 = 1;
const EXTENDED_SWITCH: u32 = 1001;
/// `header_protocol` ETHERNET-ISO88023.
const PROTOCOL_ETHERNET: u32 = 1;
/// The low 30 bits of an interface word; the top two say how to read them.
const INTERFACE_VALUE: u32 = 0x3FFF_FFFF;
const FORMAT_DISCARDED: u32 = 1 << 30;
const FORMAT_MULTIPLE: u32 = 2 << 30;

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
    /// The compact encoding.
    #[must_use]
    pub fn word(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Index(index) => index.get(),
            Self::Internal => INTERFACE_VALUE,
            Self::Multiple(count) => FORMAT_MULTIPLE | count.min(INTERFACE_VALUE),
            Self::Discarded(reason) => FORMAT_DISCARDED | u32::from(reason.0),
        }
    }
}

/// First bytes of the sampled frame.
#[derive(Clone, Copy, Debug)]
pub struct SampledHeader<'a> {
    /// Length of the frame without FCS, in bytes, VLAN tag included.
    pub frame_length: u32,
    /// First bytes, VLAN tag included.
    pub bytes: &'a [u8],
}

/// VLAN and priority on the way in and out; 0 = untagged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedSwitch {
    /// VLAN id on entry.
    pub source_vlan: u16,
    /// 802.1p priority on entry.
    pub source_priority: u8,
    /// VLAN id on the way out.
    pub destination_vlan: u16,
    /// 802.1p priority on the way out.
    pub destination_priority: u8,
}

impl ExtendedSwitch {
    /// From 802.1Q tag control information words (priority 3 bits, DEI, VLAN 12 bits); 0 = untagged.
    #[must_use]
    pub fn from_tci(source: u16, destination: u16) -> Self {
        let [source_high, _] = source.to_be_bytes();
        let [destination_high, _] = destination.to_be_bytes();
        Self {
            source_vlan: source & 0x0FFF,
            source_priority: source_high >> 5,
            destination_vlan: destination & 0x0FFF,
            destination_priority: destination_high >> 5,
        }
    }
}

/// One flow sample.
#[derive(Clone, Copy, Debug)]
pub struct FlowSample<'a> {
    /// Counts the flow samples of `source`, wrapping.
    pub sequence: u32,
    /// Data source: the interface the frame came in by.
    pub source: IfIndex,
    /// Configured rate: 1 in so many.
    pub sampling_rate: u32,
    /// Frames of `source` that could have been sampled, wrapping.
    pub sample_pool: u32,
    /// Samples of `source` lost for lack of resources, wrapping.
    pub drops: u32,
    /// Where the frame came in.
    pub input: Interface,
    /// Where it went, or why it did not.
    pub output: Interface,
    /// Its first bytes.
    pub header: SampledHeader<'a>,
    /// Its VLANs.
    pub switch: ExtendedSwitch,
}

impl FlowSample<'_> {
    /// Writes the sample.
    pub fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(FLOW_SAMPLE, |out| {
            out.u32(self.sequence);
            out.u32(self.source.source_id());
            out.u32(self.sampling_rate);
            out.u32(self.sample_pool);
            out.u32(self.drops);
            out.u32(self.input.word());
            out.u32(self.output.word());
            out.u32(2);
            out.tagged(RAW_PACKET_HEADER, |out| {
                out.u32(PROTOCOL_ETHERNET);
                // Section 5: the length counts the FCS, and what was added to the length but is not in the header
                // counts as stripped.
                out.u32(self.header.frame_length.saturating_add(FCS_BYTES));
                out.u32(FCS_BYTES);
                out.opaque(self.header.bytes);
            });
            out.tagged(EXTENDED_SWITCH, |out| {
                out.u32(u32::from(self.switch.source_vlan));
                out.u32(u32::from(self.switch.source_priority));
                out.u32(u32::from(self.switch.destination_vlan));
                out.u32(u32::from(self.switch.destination_priority));
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{DiscardReason, ExtendedSwitch, IfIndex, Interface};

    #[test]
    fn interface_words_follow_section_5() {
        assert_eq!(Interface::Unknown.word(), 0);
        assert_eq!(IfIndex::new(2).map(|index| Interface::Index(index).word()), Some(2));
        assert_eq!(Interface::Internal.word(), 0x3FFF_FFFF);
        assert_eq!(Interface::Multiple(7).word(), 0x8000_0007);
        assert_eq!(Interface::Multiple(0).word(), 0x8000_0000);
        assert_eq!(Interface::Multiple(u32::MAX).word(), 0xBFFF_FFFF);
        assert_eq!(Interface::Discarded(DiscardReason::ACL).word(), 0x4000_0102);
    }

    #[test]
    fn an_index_fits_24_bits_and_is_not_zero() {
        assert_eq!(IfIndex::new(0), None);
        assert_eq!(IfIndex::new(0x0100_0000), None);
        assert_eq!(IfIndex::new(0x00FF_FFFF).map(IfIndex::get), Some(0x00FF_FFFF));
    }

    #[test]
    fn a_tag_splits_into_vlan_and_priority() {
        let switch = ExtendedSwitch::from_tci(0xB00A, 0x6FFF);
        assert_eq!((switch.source_vlan, switch.source_priority), (10, 5));
        assert_eq!((switch.destination_vlan, switch.destination_priority), (4095, 3));
    }
}
