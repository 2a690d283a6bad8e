//! Frames that cases send: well-formed ones of many kinds, and each kind of lie by itself.
//!
//! Every frame ends with a mark (flow and number), so that what arrives can be told apart. Port `n` has the address
//! 02:00:00:00:00:`n`.

use heddle_host::offline::InFrame;
use heddle_switch_core::checksum::{fold, internet_sum, pseudo_header_v4, pseudo_header_v6, verify_l4};
use heddle_switch_core::offload::{GsoKind, Offload, PartialChecksum};
use heddle_switch_core::parse::parse;

use crate::random::Random;

/// Bytes of the mark at the end of a frame.
const MARK: usize = 8;
const ETHERNET: usize = 14;

/// A kind of well-formed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Udp4,
    Tcp4,
    Icmp4,
    Udp6,
    Tcp6,
    Arp,
    Other,
}

const KINDS: [Kind; 7] = [Kind::Udp4, Kind::Tcp4, Kind::Icmp4, Kind::Udp6, Kind::Tcp6, Kind::Arp, Kind::Other];

/// The address of port `n`; 255 is broadcast, 254 a multicast group.
fn mac(n: u8) -> [u8; 6] {
    match n {
        255 => [0xff; 6],
        254 => [0x01, 0x00, 0x5e, 1, 2, 3],
        n => [2, 0, 0, 0, 0, n],
    }
}

fn ethernet(to: u8, from: u8, ethertype: u16) -> Vec<u8> {
    [&mac(to)[..], &mac(from)[..], &ethertype.to_be_bytes()].concat()
}

/// A frame of a kind with `length` bytes (at least 80), from port `from` to port `to`.
pub(crate) fn frame(kind: Kind, (to, from): (u8, u8), length: usize, flow: u16, number: u32) -> Vec<u8> {
    let (ethertype, l4) = match kind {
        Kind::Udp4 => (0x0800, 17),
        Kind::Tcp4 => (0x0800, 6),
        Kind::Icmp4 => (0x0800, 1),
        Kind::Udp6 => (0x86dd, 17),
        Kind::Tcp6 => (0x86dd, 6),
        Kind::Arp => (0x0806, 0),
        Kind::Other => (0x88b5, 0),
    };
    let mut out = ethernet(to, from, ethertype);
    let ip = length.max(90) - ETHERNET;
    match kind {
        Kind::Arp => {
            out.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, from, 10, 0, 0, from, 0, 0, 0, 0, 0, 0, 10, 0, 0, to])
        }
        Kind::Other => {}
        Kind::Udp4 | Kind::Tcp4 | Kind::Icmp4 => out.extend(ipv4(ip, l4, from, to)),
        Kind::Udp6 | Kind::Tcp6 => out.extend(ipv6(ip, l4, from, to)),
    }
    out.extend(l4_header(l4, ETHERNET + ip - out.len(), flow));
    out.resize(ETHERNET + ip - MARK, 0x20);
    out.extend([b'H', b'D']);
    out.extend(flow.to_be_bytes());
    out.extend(number.to_be_bytes());
    finish(&mut out);
    out
}

fn ipv4(length: usize, protocol: u8, from: u8, to: u8) -> Vec<u8> {
    let total = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    vec![0x45, 0, total[0], total[1], 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to]
}

fn ipv6(length: usize, protocol: u8, from: u8, to: u8) -> Vec<u8> {
    let payload = u16::try_from(length - 40).unwrap_or(u16::MAX).to_be_bytes();
    let mut out = vec![0x60, 0, 0, 0, payload[0], payload[1], protocol, 64];
    for host in [from, to] {
        out.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    out
}

fn l4_header(protocol: u8, length: usize, flow: u16) -> Vec<u8> {
    let port = (20_000 + flow).to_be_bytes();
    match protocol {
        17 => {
            let length = u16::try_from(length).unwrap_or(0).to_be_bytes();
            vec![port[0], port[1], 0x30, 0x39, length[0], length[1], 0, 0]
        }
        6 => vec![port[0], port[1], 0x30, 0x39, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0x20, 0, 0, 0, 0, 0],
        1 => vec![8, 0, 0, 0, port[0], port[1], 0, 1],
        _ => Vec::new(),
    }
}

/// Writes the checksums of a well-formed frame.
pub(crate) fn finish(frame: &mut [u8]) {
    let facts = parse(frame);
    let (l3, l4) = (usize::from(facts.l3), usize::from(facts.l4));
    if facts.ethertype == 0x0800 && l4 >= l3 + 20 {
        frame[l3 + 10..l3 + 12].fill(0);
        let sum = !fold(internet_sum(&frame[l3..l4]));
        frame[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
    }
    let field = match facts.ip_protocol {
        6 => l4 + 16,
        17 => l4 + 6,
        1 => l4 + 2,
        _ => return,
    };
    if l4 == 0 || field + 2 > frame.len() {
        return;
    }
    frame[field..field + 2].fill(0);
    let length = frame.len() - l4;
    let pseudo = match (facts.ethertype, facts.ip_protocol) {
        (_, 1) => 0,
        (0x0800, protocol) => {
            let address = |at: usize| [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]];
            pseudo_header_v4(address(l3 + 12), address(l3 + 16), protocol, u16::try_from(length).unwrap_or(0))
        }
        (_, protocol) => {
            let address = |at: usize| std::array::from_fn(|index| frame[at + index]);
            pseudo_header_v6(address(l3 + 8), address(l3 + 24), protocol, u32::try_from(length).unwrap_or(0))
        }
    };
    let sum = match !fold(pseudo + u32::from(fold(internet_sum(&frame[l4..])))) {
        0 => 0xffff,
        sum => sum,
    };
    frame[field..field + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Whether the checksums of a frame hold, as far as they can be judged.
pub(crate) fn checksums_hold(frame: &[u8]) -> bool {
    let facts = parse(frame);
    let (l3, l4) = (usize::from(facts.l3), usize::from(facts.l4));
    let header = match frame.get(l3..l4) {
        Some(header) if facts.ethertype == 0x0800 && header.len() >= 20 => fold(internet_sum(header)) == 0xffff,
        _ => true,
    };
    header && verify_l4(frame, facts.l3, facts.l4) != Some(false)
}

/// A random well-formed frame of 90 to 1,500 bytes.
pub(crate) fn ordinary(random: &mut Random, from: u8, ports: u8, flow: u16, number: u32) -> InFrame {
    let kind = KINDS[random.below(KINDS.len())];
    let to = match random.below(8) {
        0 => 255,
        1 => 254,
        _ => 1 + u8::try_from(random.below(usize::from(ports))).unwrap_or(0),
    };
    let length = 90 + random.below(1_400);
    InFrame { bytes: frame(kind, (to, from), length, flow, number), ..InFrame::default() }
}

/// Flow and number of a frame.
pub(crate) fn mark(frame: &[u8]) -> Option<(u16, u32)> {
    let mark = frame.get(frame.len().checked_sub(MARK)?..)?;
    let number = u32::from_be_bytes([mark[4], mark[5], mark[6], mark[7]]);
    (mark[..2] == *b"HD").then(|| (u16::from_be_bytes([mark[2], mark[3]]), number))
}

/// A frame that stands for several wire frames: TCP over IPv4 with 60,000 bytes.
pub(crate) fn segmentation(to: u8, from: u8) -> InFrame {
    let bytes = frame(Kind::Tcp4, (to, from), 60_000, 1, 1);
    let csum = Some(PartialChecksum { start: 34, offset: 16 });
    let offload = Offload { csum, gso: GsoKind::Tcp4, ecn: false, gso_size: 1_400, data_valid: false };
    InFrame { bytes, tag: None, offload }
}

/// A frame whose checksum the switch is to complete.
pub(crate) fn partial(to: u8, from: u8) -> InFrame {
    let bytes = frame(Kind::Udp4, (to, from), 400, 1, 1);
    let offload = Offload { csum: Some(PartialChecksum { start: 34, offset: 6 }), ..Offload::default() };
    InFrame { bytes, tag: None, offload }
}

/// Lines of a hex dump where two runs of bytes differ.
pub(crate) fn diff(expected: &[u8], actual: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let mut lines = Vec::new();
    let lengths = expected.len().max(actual.len());
    for at in (0..lengths).step_by(16) {
        let part = |bytes: &[u8]| bytes.get(at..(at + 16).min(bytes.len())).unwrap_or_default().to_vec();
        let (was, is) = (part(expected), part(actual));
        if was != is {
            lines.push(format!("{at:#06x} expected {}\n{at:#06x} actual   {}", hex(&was), hex(&is)));
        }
        if lines.len() == 8 {
            break;
        }
    }
    lines.join("\n")
}
