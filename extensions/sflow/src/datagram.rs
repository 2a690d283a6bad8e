//! sFlow version 5 datagrams: the wire format of sflow.org/sflow_version_5.txt, section 5.
//!
//! A datagram is a header and a run of samples, each a tagged opaque of a flow sample (0:1, expanded 0:3), a counters
//! sample (0:2, expanded 0:4) or a discarded packet (0:5), with tagged opaque records inside. All is XDR (RFC 4506):
//! big-endian, every item a multiple of 4 bytes. Records every decoder knows come first in a sample, because tshark 4.0
//! loses its place after a record it does not know.
//!
//! Unknown values follow section 5: 0 for an integer, all ones for a counter.

mod counters;
mod discarded;
mod flow;
mod host;
mod source;
mod xdr;

pub use counters::{CounterRecord, CountersSample, InterfaceCounters, VlanCounts};
pub use discarded::DiscardedPacket;
pub use flow::{ExtendedSwitch, FlowSample, SampledHeader};
pub use host::{Adapter, Cpu, Description, Memory, Node};
pub use source::{DataSource, DiscardReason, Encoding, IfIndex, Interface};
pub use xdr::XdrWriter;

use std::net::IpAddr;

/// The only version written.
pub const VERSION: u32 = 5;
/// Largest UDP payload in bytes: one Ethernet MTU with room for tunnels (`sFlowRcvrMaximumDatagramSize` default).
pub const DATAGRAM_MAX: usize = 1400;
/// Bytes of the frame check sequence: on the wire, so in `frame_length`, but never in the sampled header.
pub const FCS_BYTES: u32 = 4;

/// Who sends: the fields of a datagram header that stay the same for the life of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Address that names the agent for ever, whatever its interfaces do.
    pub address: IpAddr,
    /// Tells streams of one agent apart; each data source belongs to exactly one.
    pub sub_agent: u32,
}

/// The fields of a datagram header that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramHeader {
    /// Counts datagrams of this sub-agent, wrapping; a gap tells the collector of a loss.
    pub sequence: u32,
    /// Milliseconds since the device booted, wrapping.
    pub uptime_ms: u32,
    /// Samples that follow.
    pub samples: u32,
}

impl Agent {
    /// Bytes of a datagram header of this agent: 28 with an IPv4 address, 40 with an IPv6 one.
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        match self.address {
            IpAddr::V4(_) => 28,
            IpAddr::V6(_) => 40,
        }
    }

    /// Writes the header of a datagram.
    pub fn encode_header(&self, header: &DatagramHeader, out: &mut XdrWriter<'_>) {
        out.u32(VERSION);
        match self.address {
            IpAddr::V4(address) => {
                out.u32(1);
                out.fixed(&address.octets());
            }
            IpAddr::V6(address) => {
                out.u32(2);
                out.fixed(&address.octets());
            }
        }
        out.u32(self.sub_agent);
        out.u32(header.sequence);
        out.u32(header.uptime_ms);
        out.u32(header.samples);
    }
}
