//! Counters samples (0:2, expanded 0:4): what a port, the host or a virtual machine has counted.
//!
//! Records of a port, in this order: generic interface counters (0:1), Ethernet counters (0:2), port name (0:1005).
//! That of a VLAN (0:5) is alone. The name is last because tshark 4.0 does not know it and loses its place behind it. Those of hosts and machines are
//! in [`super::host`].
//!
//! A counter that is not available is all ones, and for the life of an agent always so (section 5): a virtual port
//! has no notion of Ethernet line errors, so the whole Ethernet record is. 32-bit counters carry the low half of the
//! switch's 64-bit ones and wrap, as collectors expect.

use super::host::{self, Adapter, Cpu, Description, Memory, Node};
use super::{DataSource, Encoding, IfIndex, XdrWriter};

const COUNTERS_SAMPLE: u32 = 2;
const COUNTERS_SAMPLE_EXPANDED: u32 = 4;
const GENERIC_INTERFACE: u32 = 1;
const ETHERNET_INTERFACE: u32 = 2;
const VLAN: u32 = 5;
const PORT_NAME: u32 = 1005;
/// IANAifType ethernetCsmacd.
const IF_TYPE_ETHERNET: u32 = 6;
/// `ifDirection`: full duplex.
const FULL_DUPLEX: u32 = 1;
pub(super) const UNKNOWN_COUNTER: u32 = u32::MAX;
/// Counters of dot3StatsEntry (RFC 3635) in the Ethernet record.
const ETHERNET_COUNTERS: usize = 13;
const ADMIN_UP: u32 = 1;
const OPER_UP: u32 = 2;

/// What a port has counted. Octets are without FCS, as the switch counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Bits per second; 0 = unknown.
    pub speed: u64,
    /// The port is administratively up.
    pub admin_up: bool,
    /// The link is up.
    pub oper_up: bool,
    /// Octets received from the port.
    pub in_octets: u64,
    /// Frames received, all kinds.
    pub in_packets: u64,
    /// Multicast frames of these.
    pub in_multicast: u64,
    /// Broadcast frames of these.
    pub in_broadcast: u64,
    /// Frames received and dropped.
    pub in_discards: u64,
    /// Octets sent to the port.
    pub out_octets: u64,
    /// Frames sent, all kinds.
    pub out_packets: u64,
    /// Multicast frames of these.
    pub out_multicast: u64,
    /// Broadcast frames of these.
    pub out_broadcast: u64,
    /// Deliveries dropped.
    pub out_discards: u64,
}

impl InterfaceCounters {
    /// True when a counter is lower than in `earlier`: the port's counters began anew.
    #[must_use]
    pub fn restarted_since(&self, earlier: &Self) -> bool {
        let counts = |c: &Self| {
            [
                c.in_octets,
                c.in_packets,
                c.in_multicast,
                c.in_broadcast,
                c.in_discards,
                c.out_octets,
                c.out_packets,
                c.out_multicast,
                c.out_broadcast,
                c.out_discards,
            ]
        };
        counts(self).iter().zip(counts(earlier)).any(|(now, before)| *now < before)
    }

    fn encode(&self, index: IfIndex, out: &mut XdrWriter<'_>) {
        let unicast =
            |all: u64, multicast: u64, broadcast: u64| low(all.wrapping_sub(multicast).wrapping_sub(broadcast));
        out.u32(index.get());
        out.u32(IF_TYPE_ETHERNET);
        out.u64(self.speed);
        out.u32(FULL_DUPLEX);
        out.u32(if self.admin_up { ADMIN_UP } else { 0 } | if self.oper_up { OPER_UP } else { 0 });
        out.u64(self.in_octets);
        out.u32(unicast(self.in_packets, self.in_multicast, self.in_broadcast));
        out.u32(low(self.in_multicast));
        out.u32(low(self.in_broadcast));
        out.u32(low(self.in_discards));
        out.u32(UNKNOWN_COUNTER); // ifInErrors
        out.u32(UNKNOWN_COUNTER); // ifInUnknownProtos
        out.u64(self.out_octets);
        out.u32(unicast(self.out_packets, self.out_multicast, self.out_broadcast));
        out.u32(low(self.out_multicast));
        out.u32(low(self.out_broadcast));
        out.u32(low(self.out_discards));
        out.u32(UNKNOWN_COUNTER); // ifOutErrors
        out.u32(0); // ifPromiscuousMode: unknown
    }
}

/// Low half of a 64-bit counter.
pub(super) fn low(counter: u64) -> u32 {
    let [_, _, _, _, a, b, c, d] = counter.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// What a VLAN has counted. Octets are without FCS, as the switch counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VlanCounts {
    /// Octets.
    pub octets: u64,
    /// Frames, all kinds.
    pub packets: u64,
    /// Multicast frames of these.
    pub multicast: u64,
    /// Broadcast frames of these.
    pub broadcast: u64,
    /// Frames dropped.
    pub discards: u64,
}

impl VlanCounts {
    fn encode(&self, vid: u16, out: &mut XdrWriter<'_>) {
        out.u32(u32::from(vid));
        out.u64(self.octets);
        out.u32(low(self.packets.wrapping_sub(self.multicast).wrapping_sub(self.broadcast)));
        out.u32(low(self.multicast));
        out.u32(low(self.broadcast));
        out.u32(low(self.discards));
    }
}

/// One record of a counters sample.
#[derive(Clone, Copy, Debug)]
pub enum CounterRecord<'a> {
    /// Generic interface counters (0:1) of a port.
    Interface(IfIndex, &'a InterfaceCounters),
    /// Ethernet counters (0:2), which a virtual port does not have: all unknown.
    Ethernet,
    /// Counters of a VLAN (0:5).
    Vlan(u16, &'a VlanCounts),
    /// Port name (0:1005), UTF-8.
    PortName(&'a [u8]),
    /// Host description (0:2000).
    Description(&'a Description<'a>),
    /// Host adapters (0:2001).
    Adapters(&'a [Adapter]),
    /// Host parent (0:2002): where a machine runs.
    Parent(DataSource),
    /// Host CPU (0:2003).
    Cpu(&'a Cpu),
    /// Host memory (0:2004).
    Memory(&'a Memory),
    /// Virtual node (0:2100): the host as a home of machines.
    Node(&'a Node),
    /// Virtual NIC (0:2104) of the machine behind a port, as the machine sees it.
    VirtualNic(&'a InterfaceCounters),
}

impl CounterRecord<'_> {
    fn encode(&self, out: &mut XdrWriter<'_>) {
        match self {
            CounterRecord::Interface(index, counters) => {
                out.tagged(GENERIC_INTERFACE, |out| counters.encode(*index, out));
            }
            CounterRecord::Ethernet => {
                out.tagged(ETHERNET_INTERFACE, |out| (0..ETHERNET_COUNTERS).for_each(|_| out.u32(UNKNOWN_COUNTER)));
            }
            CounterRecord::Vlan(vid, counts) => out.tagged(VLAN, |out| counts.encode(*vid, out)),
            CounterRecord::PortName(name) => out.tagged(PORT_NAME, |out| out.opaque(name)),
            CounterRecord::Description(description) => description.encode(out),
            CounterRecord::Adapters(adapters) => host::encode_adapters(adapters, out),
            CounterRecord::Parent(parent) => host::encode_parent(*parent, out),
            CounterRecord::Cpu(cpu) => cpu.encode(out),
            CounterRecord::Memory(memory) => memory.encode(out),
            CounterRecord::Node(node) => node.encode(out),
            CounterRecord::VirtualNic(counters) => host::encode_virtual_nic(counters, out),
        }
    }
}

/// One counters sample of one data source.
#[derive(Clone, Copy, Debug)]
pub struct CountersSample<'a> {
    /// Counts the counters samples of `source`, wrapping; starts anew when the counters do.
    pub sequence: u32,
    /// Who counted.
    pub source: DataSource,
    /// What.
    pub records: &'a [CounterRecord<'a>],
}

impl CountersSample<'_> {
    /// Writes the sample.
    pub fn encode(&self, encoding: Encoding, out: &mut XdrWriter<'_>) {
        let format = if encoding == Encoding::Compact { COUNTERS_SAMPLE } else { COUNTERS_SAMPLE_EXPANDED };
        out.tagged(format, |out| {
            out.u32(self.sequence);
            self.source.encode(encoding, out);
            out.u32(u32::try_from(self.records.len()).unwrap_or(0));
            self.records.iter().for_each(|record| record.encode(out));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{low, InterfaceCounters};

    #[test]
    fn a_32_bit_counter_is_the_low_half() {
        assert_eq!(low(0x0000_0001_8000_0002), 0x8000_0002);
    }

    #[test]
    fn one_counter_going_back_is_a_restart() {
        let before = InterfaceCounters { in_packets: 5, out_broadcast: 2, ..InterfaceCounters::default() };
        let after = InterfaceCounters { in_packets: 9, out_broadcast: 1, ..before };
        assert!(after.restarted_since(&before));
        assert!(!before.restarted_since(&before));
        assert!(!InterfaceCounters { speed: 0, ..before }.restarted_since(&InterfaceCounters { speed: 1, ..before }));
    }
}
