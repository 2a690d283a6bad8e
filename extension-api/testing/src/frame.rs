//! Frames for tests: bytes from a few words, and the facts a switch would have parsed from them.

use heddle_extension_api::abi::packet::{
    Packet, PACKET_FRAGMENT, PACKET_INNER_TAG, PACKET_IP_OPTIONS, PACKET_TRUNCATED, PACKET_VLAN,
};

/// A frame to show to an extension. Every method gives it back changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    source_mac: [u8; 6],
    destination_mac: [u8; 6],
    tag: Option<u16>,
    kind: Kind,
    payload: Vec<u8>,
    source_port: u32,
    destination_port: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Headers as given, then the payload.
    Raw,
    Ethernet(u16),
    Ip {
        protocol: u8,
        source: [u8; 4],
        destination: [u8; 4],
        ports: (u16, u16),
    },
}

const UDP: u8 = 17;
const TCP: u8 = 6;

impl Frame {
    fn new(kind: Kind) -> Frame {
        Frame {
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, 2],
            tag: None,
            kind,
            payload: Vec::new(),
            source_port: 1,
            destination_port: 2,
        }
    }

    /// A UDP datagram over IPv4 from 10.0.0.1:1000 to 10.0.0.2:2000, from port 1 to port 2.
    pub fn udp() -> Frame {
        Frame::new(Kind::Ip { protocol: UDP, source: [10, 0, 0, 1], destination: [10, 0, 0, 2], ports: (1000, 2000) })
    }

    /// A TCP segment over IPv4 with the same addresses.
    pub fn tcp() -> Frame {
        Frame::new(Kind::Ip { protocol: TCP, source: [10, 0, 0, 1], destination: [10, 0, 0, 2], ports: (1000, 2000) })
    }

    /// A frame of another EtherType.
    pub fn ethernet(ethertype: u16) -> Frame {
        Frame::new(Kind::Ethernet(ethertype))
    }

    /// All bytes as given, from the destination MAC on; shorter than 14 bytes is a runt.
    pub fn raw(bytes: &[u8]) -> Frame {
        Frame { payload: bytes.to_vec(), ..Frame::new(Kind::Raw) }
    }

    /// Source and destination MAC; a raw frame keeps its own.
    pub fn macs(mut self, source: [u8; 6], destination: [u8; 6]) -> Frame {
        self.source_mac = source;
        self.destination_mac = destination;
        self
    }

    /// IPv4 addresses, where there are any.
    pub fn addresses(mut self, from: [u8; 4], to: [u8; 4]) -> Frame {
        if let Kind::Ip { source, destination, .. } = &mut self.kind {
            *source = from;
            *destination = to;
        }
        self
    }

    /// UDP or TCP ports, where there are any.
    pub fn ports(mut self, source: u16, destination: u16) -> Frame {
        if let Kind::Ip { ports, .. } = &mut self.kind {
            *ports = (source, destination);
        }
        self
    }

    /// What follows the headers.
    pub fn payload(mut self, payload: &[u8]) -> Frame {
        self.payload = payload.to_vec();
        self
    }

    /// Zero bytes until the frame has this length.
    pub fn padded_to(mut self, length: usize) -> Frame {
        let now = self.bytes().len();
        self.payload.resize(self.payload.len() + length.saturating_sub(now), 0);
        self
    }

    /// A VLAN tag, which the switch keeps beside the bytes.
    pub fn vlan(mut self, vid: u16) -> Frame {
        self.tag = Some(vid & 0x0fff);
        self
    }

    /// The port it came from; 0 = an extension made it.
    pub fn from_port(mut self, port: u32) -> Frame {
        self.source_port = port;
        self
    }

    /// The port it goes to, which is seen on egress only.
    pub fn to_port(mut self, port: u32) -> Frame {
        self.destination_port = port;
        self
    }

    /// The bytes from the destination MAC on, without the tag.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.payload.len());
        if self.kind != Kind::Raw {
            bytes.extend(self.destination_mac);
            bytes.extend(self.source_mac);
        }
        match &self.kind {
            Kind::Raw => {}
            Kind::Ethernet(ethertype) => bytes.extend(ethertype.to_be_bytes()),
            Kind::Ip { protocol, source, destination, ports } => {
                let l4 = if *protocol == TCP { 20 } else { 8 };
                let length = (20 + l4 + self.payload.len()) as u16;
                let mut header = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, *protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                header[2..4].copy_from_slice(&length.to_be_bytes());
                header[12..16].copy_from_slice(source);
                header[16..20].copy_from_slice(destination);
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                bytes.extend(0x0800_u16.to_be_bytes());
                bytes.extend(header);
                bytes.extend(ports.0.to_be_bytes());
                bytes.extend(ports.1.to_be_bytes());
                if *protocol == TCP {
                    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
                } else {
                    bytes.extend(((8 + self.payload.len()) as u16).to_be_bytes());
                    bytes.extend([0, 0]);
                }
            }
        }
        bytes.extend(&self.payload);
        bytes
    }

    /// The descriptor a switch would show; `egress` adds the destination.
    pub(crate) fn descriptor(&self, bytes: &[u8], egress: bool) -> Packet {
        let mut packet = Packet { length: bytes.len() as u32, source_port: self.source_port, ..Packet::default() };
        if let Some(tci) = self.tag {
            packet.flags |= PACKET_VLAN;
            packet.vlan_tci = tci;
        }
        if egress {
            packet.destination = self.destination_port;
        }
        parse(bytes, &mut packet);
        packet
    }
}

fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

/// Fills the parsed facts of a descriptor: EtherType, layers, protocol, flags and a symmetric flow hash.
pub(crate) fn parse(bytes: &[u8], packet: &mut Packet) {
    packet.flags &= !(PACKET_TRUNCATED | PACKET_FRAGMENT | PACKET_IP_OPTIONS | PACKET_INNER_TAG);
    packet.ethertype = 0;
    packet.ip_protocol = 0;
    packet.l3 = 0;
    packet.l4 = 0;
    if facts(bytes, packet).is_none() {
        packet.flags |= PACKET_TRUNCATED;
    }
    packet.flow_hash = flow_hash(bytes, packet);
}

/// `None` when a header ends too early.
fn facts(bytes: &[u8], packet: &mut Packet) -> Option<()> {
    let mut at = 12;
    let mut ethertype = word(bytes, at)?;
    while ethertype == 0x8100 || ethertype == 0x88a8 {
        packet.flags |= PACKET_INNER_TAG;
        at += 4;
        ethertype = word(bytes, at)?;
    }
    packet.ethertype = ethertype;
    let l3 = at + 2;
    let (protocol, l4) = match ethertype {
        0x0800 => {
            let first = *bytes.get(l3)?;
            bytes.get(l3 + 19)?;
            let header = usize::from(first & 15) * 4;
            packet.l3 = l3 as u16;
            if header > 20 {
                packet.flags |= PACKET_IP_OPTIONS;
            }
            if word(bytes, l3 + 6)? & 0x3fff != 0 {
                packet.flags |= PACKET_FRAGMENT;
            }
            (*bytes.get(l3 + 9)?, l3 + header)
        }
        0x86dd => {
            bytes.get(l3 + 39)?;
            packet.l3 = l3 as u16;
            (*bytes.get(l3 + 6)?, l3 + 40)
        }
        _ => {
            packet.l3 = if bytes.len() > l3 { l3 as u16 } else { 0 };
            return Some(());
        }
    };
    packet.ip_protocol = protocol;
    let later_fragment = packet.flags & PACKET_FRAGMENT != 0 && word(bytes, l3 + 6)? & 0x1fff != 0;
    if (protocol == UDP || protocol == TCP) && !later_fragment {
        bytes.get(l4 + 3)?;
        packet.l4 = l4 as u16;
    }
    Some(())
}

/// The same in both directions. Not the number a switch computes, which is free to change.
fn flow_hash(bytes: &[u8], packet: &Packet) -> u32 {
    let fold = |range: &[u8]| {
        range.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    let l3 = usize::from(packet.l3);
    let ends = match packet.ethertype {
        0x0800 => (bytes.get(l3 + 12..l3 + 16), bytes.get(l3 + 16..l3 + 20)),
        0x86dd => (bytes.get(l3 + 8..l3 + 24), bytes.get(l3 + 24..l3 + 40)),
        _ => (bytes.get(6..12), bytes.get(0..6)),
    };
    let l4 = usize::from(packet.l4);
    let ports = if l4 == 0 { (None, None) } else { (word(bytes, l4), word(bytes, l4 + 2)) };
    let end = |address: Option<&[u8]>, port: Option<u16>| {
        fold(address.unwrap_or_default()).wrapping_add(u32::from(port.unwrap_or_default()).wrapping_mul(0x9e37_79b9))
    };
    end(ends.0, ports.0) ^ end(ends.1, ports.1) ^ u32::from(packet.ip_protocol)
}
