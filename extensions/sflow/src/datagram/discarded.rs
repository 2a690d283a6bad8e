//! Discarded packets (0:5): one frame the switch dropped, whether it was sampled or not.
//!
//! "sFlow Dropped Packet Notification Structures" (sflow.org, 2020). There is only one encoding, with an expanded data
//! source. Records: raw packet header (0:1) and extended switch (0:1001), or none when the frame was gone already.

use super::{DataSource, DiscardReason, Encoding, ExtendedSwitch, IfIndex, SampledHeader, XdrWriter};

const DISCARDED_PACKET: u32 = 5;

/// One discarded packet.
#[derive(Clone, Copy, Debug)]
pub struct DiscardedPacket<'a> {
    /// Counts the discarded packets told of `source`, wrapping.
    pub sequence: u32,
    /// Data source: the interface it came in by, or else the one it would have left by.
    pub source: DataSource,
    /// Discarded packets not told, for the limit or for lack of room, of the whole agent, wrapping.
    pub drops: u32,
    /// Where it came in, when known.
    pub input: Option<IfIndex>,
    /// Where it would have left, when that was decided.
    pub output: Option<IfIndex>,
    /// Why it was dropped.
    pub reason: DiscardReason,
    /// Its first bytes and its VLAN, unless it was gone already.
    pub frame: Option<(SampledHeader<'a>, ExtendedSwitch)>,
}

impl DiscardedPacket<'_> {
    /// Writes the sample.
    pub fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(DISCARDED_PACKET, |out| {
            out.u32(self.sequence);
            self.source.encode(Encoding::Expanded, out);
            out.u32(self.drops);
            out.u32(self.input.map_or(0, IfIndex::get));
            out.u32(self.output.map_or(0, IfIndex::get));
            out.u32(u32::from(self.reason.0));
            match &self.frame {
                Some((header, switch)) => {
                    out.u32(2);
                    header.encode(out);
                    switch.encode(out);
                }
                None => out.u32(0),
            }
        });
    }
}
