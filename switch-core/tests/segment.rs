//! Segmentation against outside judges: etherparse (lengths and checksums), the Linux kernel's own segments (recorded),
//! captures when present, and hostile virtio-net headers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "test generators cut random numbers to size")]

#[path = "segment/captures.rs"]
mod captures;
#[path = "../../tests/switch/src/captures.rs"]
#[allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "shared; captures are files"
)]
mod files;
#[path = "segment/lying_headers.rs"]
mod lying_headers;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use heddle_switch_core::checksum::{PartialChecksum, pseudo_header_v4, pseudo_header_v6, verify_l4};
use heddle_switch_core::offload::{GsoKind, Offload, OffloadError};
use heddle_switch_core::segment::{MAX_SEGMENTS, SegmentError, SegmentPlan, WriteError, wire_bytes, wire_segments};
use proptest::prelude::*;

const SEQUENCE: u32 = 0xffff_f000; // wraps within a 64 KiB frame
const IDENTIFICATION: u16 = 0xfff0; // wraps after 16 wire frames
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// What a generated segmentation-offload frame looks like.
#[derive(Clone, Debug)]
struct Shape {
    tags: usize,
    v6: bool,
    /// IPv4 options in 4-byte units, or IPv6 destination options headers.
    network_extra: usize,
    tcp: bool,
    /// TCP options in 4-byte units.
    tcp_options: usize,
    flags: u8,
    payload: Vec<u8>,
    gso_size: u16,
    padding: usize,
}

struct Built {
    frame: Vec<u8>,
    l3: u16,
    l4: u16,
    header_len: usize,
    offload: Offload,
}

impl Shape {
    fn plain(tcp: bool, v6: bool, payload: usize, gso_size: u16) -> Shape {
        let payload = (0..payload).map(|i| (i * 7) as u8).collect();
        Shape { tags: 0, v6, network_extra: 0, tcp, tcp_options: 0, flags: 0x10, payload, gso_size, padding: 0 }
    }

    fn build(&self) -> Built {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for tag in 0..self.tags {
            frame.extend([0x81, 0, 0, tag as u8 + 5]);
        }
        frame.extend(if self.v6 { [0x86, 0xdd] } else { [8, 0] });
        let l3 = frame.len();
        let l4_len = self.payload.len() + if self.tcp { 20 + 4 * self.tcp_options } else { 8 };
        let protocol = if self.tcp { 6 } else { 17 };
        let pseudo = if self.v6 {
            self.push_v6(&mut frame, protocol, l4_len)
        } else {
            self.push_v4(&mut frame, protocol, l4_len)
        };
        let l4 = frame.len();
        frame.extend([0x12, 0x34, 0x56, 0x78]);
        let seed = heddle_switch_core::checksum::fold(pseudo).to_be_bytes();
        if self.tcp {
            frame.extend(SEQUENCE.to_be_bytes());
            frame.extend([0, 0, 0, 9, ((5 + self.tcp_options) << 4) as u8, self.flags, 1, 0, seed[0], seed[1], 0, 0]);
            frame.extend(std::iter::repeat_n(1, 4 * self.tcp_options));
        } else {
            frame.extend((l4_len as u16).to_be_bytes());
            frame.extend(seed);
        }
        let header_len = frame.len();
        frame.extend(&self.payload);
        frame.extend(std::iter::repeat_n(0, self.padding));
        let gso = match (self.tcp, self.v6) {
            (true, false) => GsoKind::Tcp4,
            (true, true) => GsoKind::Tcp6,
            (false, _) => GsoKind::UdpL4,
        };
        let csum = Some(PartialChecksum { start: l4 as u16, offset: if self.tcp { 16 } else { 6 } });
        let offload = Offload { csum, gso, ecn: false, gso_size: self.gso_size, data_valid: false };
        Built { frame, l3: l3 as u16, l4: l4 as u16, header_len, offload }
    }

    fn push_v4(&self, frame: &mut Vec<u8>, protocol: u8, l4_len: usize) -> u32 {
        let header = 20 + 4 * self.network_extra;
        frame.extend([0x40 | (header / 4) as u8, 0]);
        frame.extend(((header + l4_len) as u16).to_be_bytes());
        frame.extend(IDENTIFICATION.to_be_bytes());
        frame.extend([0x40, 0, 64, protocol, 0xde, 0xad, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(std::iter::repeat_n(1, header - 20));
        pseudo_header_v4([10, 0, 0, 1], [10, 0, 0, 2], protocol, l4_len as u16)
    }

    fn push_v6(&self, frame: &mut Vec<u8>, protocol: u8, l4_len: usize) -> u32 {
        let (source, destination) = ([0x20; 16], [0x30; 16]);
        // The last extension header names the protocol; each is 8 bytes of PadN.
        let next = |left: usize| if left == 0 { protocol } else { 60 };
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(((8 * self.network_extra + l4_len) as u16).to_be_bytes());
        frame.extend([next(self.network_extra), 64]);
        frame.extend(source);
        frame.extend(destination);
        for left in (0..self.network_extra).rev() {
            frame.extend([next(left), 0, 1, 4, 0, 0, 0, 0]);
        }
        pseudo_header_v6(source, destination, protocol, l4_len as u32)
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let payload = prop_oneof![0usize..300, 1_000usize..20_000, 60_000usize..64_500];
    let gso_size = prop_oneof![8u16..200, 500u16..1_500, 8_000u16..9_000];
    (
        0usize..3,
        any::<bool>(),
        0usize..3,
        any::<bool>(),
        0usize..=10,
        any::<u8>(),
        payload,
        gso_size,
        0usize..3,
        any::<u8>(),
    )
        .prop_map(|(tags, v6, network_extra, tcp, tcp_options, flags, payload, gso_size, padding, salt)| {
            let payload: Vec<u8> = (0..payload).map(|i| (i as u8).wrapping_mul(31) ^ salt).collect();
            let gso_size = gso_size.max(payload.len().div_ceil(MAX_SEGMENTS as usize) as u16);
            Shape { tags, v6, network_extra, tcp, tcp_options, flags: flags & !SYN, payload, gso_size, padding }
        })
}

fn all_segments(plan: &SegmentPlan, frame: &[u8]) -> Vec<Vec<u8>> {
    let mut out = vec![0xaa; 70_000];
    let write = |index| plan.write(index, frame, &mut out).map(|length| out[..length].to_vec()).unwrap();
    (0..plan.count()).map(write).collect()
}

/// Parses one wire frame strictly with etherparse, checks every checksum, returns the payload.
fn judged(wire: &[u8]) -> Vec<u8> {
    let packet = SlicedPacket::from_ethernet(wire).expect("etherparse parses the wire frame");
    let (v4, v6) = match packet.net.as_ref().expect("an IP packet") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header().to_header();
            assert_eq!(header.calc_header_checksum(), header.header_checksum, "IPv4 header checksum");
            (Some((header.source, header.destination)), None)
        }
        NetSlice::Ipv6(ip) => (None, Some((ip.header().source(), ip.header().destination()))),
        NetSlice::Arp(_) => unreachable!("no ARP is generated"),
    };
    match packet.transport.expect("a transport header") {
        TransportSlice::Tcp(tcp) => {
            let wanted = match (v4, v6) {
                (Some((s, d)), _) => tcp.calc_checksum_ipv4(s, d),
                (_, Some((s, d))) => tcp.calc_checksum_ipv6(s, d),
                _ => unreachable!("one of them is set"),
            };
            assert_eq!(wanted.unwrap(), tcp.checksum(), "TCP checksum");
            tcp.payload().to_vec()
        }
        TransportSlice::Udp(udp) => {
            let header = udp.to_header();
            assert_eq!(usize::from(header.length), 8 + udp.payload().len(), "UDP length");
            let wanted = match (v4, v6) {
                (Some((s, d)), _) => header.calc_checksum_ipv4_raw(s, d, udp.payload()),
                (_, Some((s, d))) => header.calc_checksum_ipv6_raw(s, d, udp.payload()),
                _ => unreachable!("one of them is set"),
            };
            assert_eq!(wanted.unwrap(), header.checksum, "UDP checksum");
            udp.payload().to_vec()
        }
        _ => unreachable!("only TCP and UDP are generated"),
    }
}

/// Everything that must hold between a frame and its wire frames.
fn check(built: &Built, payload: &[u8]) {
    let Built { frame, l3, l4, header_len, offload } = built;
    let plan = SegmentPlan::new(frame, *l3, *l4, offload).unwrap();
    let size = usize::from(offload.gso_size);
    let wires = all_segments(&plan, frame);
    assert_eq!(wires.len(), payload.len().div_ceil(size).max(1), "count");
    assert_eq!(plan.count(), wire_segments(header_len + payload.len(), *header_len, size));
    assert_eq!(plan.header_len(), *header_len);
    let total: usize = wires.iter().map(Vec::len).sum();
    assert_eq!(plan.wire_bytes(), total as u64);
    assert_eq!(wire_bytes(header_len + payload.len(), *header_len, size), total as u64);
    let (l3, l4) = (usize::from(*l3), usize::from(*l4));
    let mut joined = Vec::new();
    for (index, wire) in wires.iter().enumerate() {
        assert_eq!(wire.len(), plan.segment_len(index as u32));
        assert!(wire.len() <= header_len + size);
        if frame[l3] >> 4 == 4 {
            let wanted = u16::from_be_bytes([frame[l3 + 4], frame[l3 + 5]]).wrapping_add(index as u16);
            assert_eq!(wire[l3 + 4..l3 + 6], wanted.to_be_bytes(), "identification");
        }
        if offload.gso != GsoKind::UdpL4 {
            let first = u32::from_be_bytes(frame[l4 + 4..l4 + 8].try_into().unwrap());
            let wanted = first.wrapping_add(joined.len() as u32);
            assert_eq!(wire[l4 + 4..l4 + 8], wanted.to_be_bytes(), "sequence numbers are contiguous");
            let mut flags = frame[l4 + 13];
            if index + 1 < wires.len() {
                flags &= !(FIN | PSH);
            }
            if index > 0 {
                flags &= !CWR;
            }
            assert_eq!(wire[l4 + 13], flags, "flags of wire frame {index} of {}", wires.len());
            assert_eq!(wire[l4 + 20..*header_len], frame[l4 + 20..*header_len], "TCP options stay");
        }
        joined.extend(judged(wire));
        assert_eq!(verify_l4(wire, built.l3, built.l4), Some(true));
    }
    assert_eq!(joined, payload, "payload");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn wire_frames_are_what_the_frame_stands_for(shape in shapes()) {
        check(&shape.build(), &shape.payload);
    }

    /// A frame, its header written by us and read back: nothing is lost on the way.
    #[test]
    fn virtio_header_round_trip(shape in shapes(), ecn in any::<bool>(), buffers in any::<u16>()) {
        let mut built = shape.build();
        built.offload.ecn = ecn && shape.tcp;
        let short = built.offload.to_virtio(built.header_len as u16);
        let long = built.offload.to_virtio_mrg(built.header_len as u16, buffers);
        prop_assert_eq!(&short[..], &long[..10]);
        prop_assert_eq!(&long[10..], &buffers.to_le_bytes()[..]);
        prop_assert_eq!(Offload::from_virtio(&short, &built.frame), Ok(built.offload));
        prop_assert_eq!(Offload::from_virtio(&long, &built.frame), Ok(built.offload));
    }
}

#[test]
fn exact_multiples_and_their_neighbours() {
    for payload in [0, 1, 99, 100, 101, 199, 200, 201, 1_000] {
        for (tcp, v6) in [(true, false), (true, true), (false, false), (false, true)] {
            let shape = Shape::plain(tcp, v6, payload, 100);
            check(&shape.build(), &shape.payload);
        }
    }
}

#[test]
fn limits_have_their_own_error() {
    let plan = |shape: &Shape| {
        let built = shape.build();
        SegmentPlan::new(&built.frame, built.l3, built.l4, &built.offload)
    };
    assert_eq!(plan(&Shape::plain(true, false, 100, 7)), Err(SegmentError::SizeTooSmall(7)));
    assert_eq!(plan(&Shape::plain(true, false, 100, 0)), Err(SegmentError::SizeTooSmall(0)));
    assert_eq!(plan(&Shape::plain(true, false, 8 * 1_024, 8)).map(|p| p.count()), Ok(1_024));
    assert_eq!(plan(&Shape::plain(true, false, 8 * 1_024 + 1, 8)), Err(SegmentError::TooManySegments(1_025)));
    let syn = Shape { flags: SYN, ..Shape::plain(true, false, 100, 50) };
    assert_eq!(plan(&syn), Err(SegmentError::Syn(2)));
    // The IP length field wraps to 0, which stands for "to the end of the frame".
    let whole = Shape::plain(true, false, 65_536 - 40, 1_448);
    assert_eq!(plan(&whole).map(|p| p.count()), Ok(46));
    let long_segment = Shape::plain(true, false, 65_536 - 40, 65_535);
    assert_eq!(plan(&long_segment), Err(SegmentError::SegmentTooLong(65_536)));
    let mut built = whole.build();
    built.frame.extend([0; 41]);
    let result = SegmentPlan::new(&built.frame, built.l3, built.l4, &built.offload);
    assert_eq!(result, Err(SegmentError::PayloadTooLong(65_537)));
}

#[test]
fn facts_that_do_not_fit_the_frame_are_refused() {
    let Built { frame, l3, l4, offload, .. } = Shape::plain(true, false, 100, 50).build();
    let plan = |frame: &[u8], offload: Offload| SegmentPlan::new(frame, l3, l4, &offload).unwrap_err();
    assert_eq!(plan(&frame, Offload { gso: GsoKind::None, ..offload }), SegmentError::NotGso);
    for gso in [GsoKind::Tcp6, GsoKind::UdpL4] {
        assert_eq!(plan(&frame, Offload { gso, ..offload }), SegmentError::KindMismatch { protocol: 6 });
    }
    assert_eq!(plan(&frame, Offload { csum: None, ..offload }), SegmentError::ChecksumNotPartial);
    let elsewhere = Some(PartialChecksum { start: l4 + 2, offset: 16 });
    assert_eq!(plan(&frame, Offload { csum: elsewhere, ..offload }), SegmentError::ChecksumNotPartial);
    let moved = SegmentPlan::new(&frame, l3, l4 + 4, &offload).unwrap_err();
    assert_eq!(moved, SegmentError::L4Elsewhere { given: l4 + 4, found: l4 });
    for (at, value) in [(6, 0x20), (7, 1)] {
        let mut fragment = frame.clone();
        fragment[usize::from(l3) + at] = value;
        assert_eq!(plan(&fragment, offload), SegmentError::Fragment);
    }
    for length in 0..frame.len() {
        assert!(SegmentPlan::new(&frame[..length], l3, l4, &offload).is_err(), "cut to {length}");
    }
}

#[test]
fn writing_refuses_what_is_not_there() {
    let Built { frame, l3, l4, header_len, offload } = Shape::plain(true, false, 100, 50).build();
    let plan = SegmentPlan::new(&frame, l3, l4, &offload).unwrap();
    let mut out = vec![0; 200];
    let length = header_len + 50;
    assert_eq!(plan.write(2, &frame, &mut out), Err(WriteError::NoSuchSegment { index: 2, count: 2 }));
    let small = WriteError::BufferTooSmall { need: length, have: length - 1 };
    assert_eq!(plan.write(0, &frame, &mut out[..length - 1]), Err(small));
    assert_eq!(plan.write(0, &frame, &mut out[..length]), Ok(length));
    let other = WriteError::OtherFrame { need: frame.len(), have: 20 };
    assert_eq!(plan.write(0, &frame[..20], &mut out), Err(other));
    assert_eq!((plan.segment_len(1), plan.segment_len(2)), (length, 0));
}

/// Under a routing header with segments left the final destination counts, which only the sender's seed knows.
#[test]
fn routing_header_keeps_the_senders_destination() {
    let shape = Shape { network_extra: 1, ..Shape::plain(true, true, 101, 50) };
    let Built { mut frame, l3, l4, offload, .. } = shape.build();
    let (at, field) = (usize::from(l3) + 40, usize::from(l4) + 16);
    frame[usize::from(l3) + 6] = 43;
    frame[at + 3] = 1; // segments left
    let last_hop = [0x44; 16];
    let seed = heddle_switch_core::checksum::fold(pseudo_header_v6([0x20; 16], last_hop, 6, 20 + 101));
    frame[field..field + 2].copy_from_slice(&seed.to_be_bytes());
    let plan = SegmentPlan::new(&frame, l3, l4, &offload).unwrap();
    for wire in all_segments(&plan, &frame) {
        let tcp = etherparse::TcpSlice::from_slice(&wire[usize::from(l4)..]).unwrap();
        assert_eq!(tcp.calc_checksum_ipv6([0x20; 16], last_hop).unwrap(), tcp.checksum());
        assert_eq!(verify_l4(&wire, l3, l4), None);
    }
}

#[test]
fn partial_checksum_stays_out_of_the_headers() {
    let Built { frame, l3, l4, .. } = Shape::plain(true, false, 100, 50).build();
    let read = |start: u16, offset: u16| {
        let csum = Some(PartialChecksum { start, offset });
        Offload::from_virtio(&Offload { csum, ..Offload::default() }.to_virtio(0), &frame).map(|o| o.csum)
    };
    let own = Some(PartialChecksum { start: l4, offset: 16 });
    assert_eq!(read(l4, 16), Ok(own));
    for (start, offset) in [(0, 6), (14, 12), (l3, 10), (l4 - 1, 17), (l4, 0), (l4, 20), (l4 + 1, 15), (l4 + 19, 1)] {
        let refused = OffloadError::ChecksumInHeaders { start: start.into(), field: (start + offset).into() };
        assert_eq!(read(start, offset), Err(refused), "start {start} offset {offset}");
    }
    // The inner packet of a tunnel.
    assert!(read(l4 + 20, 16).is_ok());
    let end = frame.len() as u16;
    assert!(read(l4 + 20, end - l4 - 22).is_ok());
    let outside = OffloadError::ChecksumOutsideFrame { field: usize::from(end) - 1, frame_len: end.into() };
    assert_eq!(read(l4 + 20, end - l4 - 21), Err(outside));
    assert!(read(0xffff, 0xffff).is_err());
}

#[test]
fn kinds_not_negotiated_are_refused() {
    let Built { frame, offload, .. } = Shape::plain(false, false, 100, 50).build();
    let mut header = offload.to_virtio(42);
    for (kind, wanted) in [(3, OffloadError::UdpFragmentation), (0x83, OffloadError::UdpFragmentation)] {
        header[1] = kind;
        assert_eq!(Offload::from_virtio(&header, &frame), Err(wanted));
    }
    for kind in [2, 6, 0x25, 0x7f] {
        header[1] = kind;
        assert_eq!(Offload::from_virtio(&header, &frame), Err(OffloadError::UnknownGso(kind)));
    }
    for length in [0, 9, 11, 13] {
        assert_eq!(Offload::from_virtio(&[0; 20][..length], &frame), Err(OffloadError::HeaderLength(length)));
    }
    let arp = [&[0xff; 12][..], &[8, 6], &[0; 100]].concat();
    assert!(Offload::from_virtio(&offload.to_virtio(42), &arp).is_err());
}

/// xorshift64*: the same hostile input on every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }
}

/// 100,000 pairs of header and frame, from pure noise to one flipped byte: no panic, and whatever is accepted can be
/// completed or segmented.
#[test]
fn hostile_headers_never_panic() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let bases: Vec<Built> = (0..16usize)
        .map(|i| {
            Shape { tags: i / 8, network_extra: i / 4 % 2, ..Shape::plain(i % 2 == 0, i / 2 % 2 == 0, 90, 40) }.build()
        })
        .collect();
    let (mut completed, mut segmented) = (0, 0);
    let mut out = vec![0; 70_000];
    for _ in 0..100_000 {
        let base = &bases[noise.below(bases.len())];
        let mut frame = base.frame.clone();
        let mut header = base.offload.to_virtio_mrg(base.header_len as u16, 0).to_vec();
        if noise.below(2) == 0 {
            header[1] = 0;
        }
        match noise.below(6) {
            0 => frame = (0..noise.below(200)).map(|_| noise.next() as u8).collect(),
            1 => header.iter_mut().for_each(|b| *b = noise.next() as u8),
            2 => frame.truncate(noise.below(base.frame.len() + 1)),
            _ => {}
        }
        for _ in 0..noise.below(3) {
            let at = noise.below(header.len());
            header[at] = noise.next() as u8 & noise.next() as u8;
            if !frame.is_empty() {
                let at = noise.below(frame.len().min(80));
                frame[at] = noise.next() as u8;
            }
        }
        header.truncate([10, 12, 12, noise.below(13)][noise.below(4)]);
        let Ok(offload) = Offload::from_virtio(&header, &frame) else { continue };
        let l3 = network_header(&frame);
        if offload.is_gso() {
            segmented += 1;
            let l4 = offload.csum.unwrap().start;
            let plan = SegmentPlan::new(&frame, l3, l4, &offload).expect("what was accepted can be segmented");
            assert!(plan.count() <= MAX_SEGMENTS);
            for index in 0..plan.count() {
                plan.write(index, &frame, &mut out).expect("a plan can be written");
            }
        } else if let Some(partial) = offload.csum {
            completed += 1;
            let before = frame.clone();
            heddle_switch_core::checksum::complete(&mut frame, partial).expect("what was accepted can be completed");
            let network = usize::from(l3);
            assert_eq!(frame[..network], before[..network], "completion leaves the Ethernet header alone");
            if before[network - 2..network] == [8, 0] {
                assert_eq!(frame[network..network + 20], before[network..network + 20], "and the IPv4 header alone");
            }
        }
    }
    assert!(completed > 5_000 && segmented > 5_000, "the noise must reach the code: {completed} {segmented}");
}

/// Where the network header starts: behind the tags.
fn network_header(frame: &[u8]) -> u16 {
    let mut at = 12;
    while frame.get(at..at + 2).is_some_and(|kind| kind == [0x81, 0] || kind == [0x88, 0xa8]) {
        at += 4;
    }
    at as u16 + 2
}

#[test]
fn shift_follows_the_tag() {
    let untagged = Shape::plain(true, false, 100, 50).build();
    let tagged = Shape { tags: 1, ..Shape::plain(true, false, 100, 50) }.build();
    let mut offload = untagged.offload;
    offload.shift(4);
    assert_eq!(offload, tagged.offload);
    offload.shift(-4);
    assert_eq!(offload, untagged.offload);
    let mut none = Offload::default();
    none.shift(-4);
    assert_eq!(none, Offload::default());
}

/// The same frames through the kernel's software segmentation gave the same bytes.
#[test]
fn wire_frames_equal_the_kernels() {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
    };
    let kinds = [
        ("tcp4", GsoKind::Tcp4, 34, 16),
        ("tcp6", GsoKind::Tcp6, 54, 16),
        ("udp4", GsoKind::UdpL4, 34, 6),
        ("udp6", GsoKind::UdpL4, 54, 6),
    ];
    let mut lines = include_str!("data/kernel-gso.txt").lines().filter(|line| !line.starts_with('#'));
    for (name, gso, start, offset) in kinds {
        let frame = bytes(lines.next().and_then(|line| line.strip_prefix(name)).unwrap().trim());
        let csum = Some(PartialChecksum { start, offset });
        let offload = Offload { csum, gso, ecn: offset == 16, gso_size: 20, ..Offload::default() };
        assert_eq!(Offload::from_virtio(&offload.to_virtio(0), &frame), Ok(offload));
        let plan = SegmentPlan::new(&frame, 14, start, &offload).unwrap();
        let wires = all_segments(&plan, &frame);
        let kernels: Vec<Vec<u8>> = lines.by_ref().take(3).map(|line| bytes(line.trim())).collect();
        assert_eq!(wires, kernels, "{name}");
    }
    assert_eq!(lines.next(), None);
}
