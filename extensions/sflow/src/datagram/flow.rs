//! Flow samples (0:1, expanded 0:3): one frame out of many, with its first bytes and its fate.
//!
//! Records, in this order: raw packet header (0:1), extended switch (0:1001). Section 5 makes both mandatory.

use super::{DataSource, Encoding, Interface, XdrWriter, FCS_BYTES};

const FLOW_SAMPLE: u32 = 1;
const FLOW_SAMPLE_EXPANDED: u32 = 3;
const RAW_PACKET_HEADER: u32 = 1;
const EXTENDED_SWITCH: u32 = 1001;
/// `header_protocol` ETHERNET-ISO88023.
const PROTOCOL_ETHERNET: u32 = 1;
/// First bytes of the sampled frame.
#[derive(Clone, Copy, Debug)]
pub struct SampledHeader<'a> {
    /// Length of the frame without FCS, in bytes, VLAN tag included.
    pub frame_length: u32,
    /// First bytes, VLAN tag included.
    pub bytes: &'a [u8],
}

impl SampledHeader<'_> {
    /// Writes the record.
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(RAW_PACKET_HEADER, |out| {
            out.u32(PROTOCOL_ETHERNET);
            // Section 5: the length counts the FCS, and what was added to the length but is not in the header counts
            // as stripped.
            out.u32(self.frame_length.saturating_add(FCS_BYTES));
            out.u32(FCS_BYTES);
            out.opaque(self.bytes);
        });
    }
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

    /// Writes the record.
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(EXTENDED_SWITCH, |out| {
            out.u32(u32::from(self.source_vlan));
            out.u32(u32::from(self.source_priority));
            out.u32(u32::from(self.destination_vlan));
            out.u32(u32::from(self.destination_priority));
        });
    }
}

/// One flow sample.
#[derive(Clone, Copy, Debug)]
pub struct FlowSample<'a> {
    /// Counts the flow samples of `source`, wrapping.
    pub sequence: u32,
    /// Data source: the interface the frame came in by.
    pub source: DataSource,
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
    pub fn encode(&self, encoding: Encoding, out: &mut XdrWriter<'_>) {
        let format = if encoding == Encoding::Compact { FLOW_SAMPLE } else { FLOW_SAMPLE_EXPANDED };
        out.tagged(format, |out| {
            out.u32(self.sequence);
            self.source.encode(encoding, out);
            out.u32(self.sampling_rate);
            out.u32(self.sample_pool);
            out.u32(self.drops);
            self.input.encode(encoding, out);
            self.output.encode(encoding, out);
            out.u32(2);
            self.header.encode(out);
            self.switch.encode(out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::ExtendedSwitch;

    #[test]
    fn a_tag_splits_into_vlan_and_priority() {
        let switch = ExtendedSwitch::from_tci(0xB00A, 0x6FFF);
        assert_eq!((switch.source_vlan, switch.source_priority), (10, 5));
        assert_eq!((switch.destination_vlan, switch.destination_priority), (4095, 3));
    }
}
