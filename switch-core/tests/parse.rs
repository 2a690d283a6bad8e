//! The hot-path parser against etherparse: generated, truncated, mutated and random frames, and captures when present.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "test generators cut random numbers to size")]
#![allow(clippy::disallowed_methods, reason = "captures are read from files")]

#[path = "../../tests/switch/src/captures.rs"]
#[allow(
    unreachable_pub,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "shared with tests/switch; the captures are files"
)]
mod captures;

use etherparse::{
    ArpPacketSlice, Ethernet2Slice, Ipv4HeaderSlice, Ipv6ExtensionSlice, LaxIpv4Slice, LaxIpv6Slice, SingleVlanSlice,
    err::ipv6_exts::HeaderSliceError,
};
use heddle_switch_core::parse::{FactFlags, Facts, MAX_EXTENSION_HEADERS, ether_type, ip_protocol, outer_tag, parse};
use proptest::prelude::*;
use std::collections::HashSet;

const ADDRESS_A: [u8; 4] = [10, 0, 0, 1];
const ADDRESS_B: [u8; 4] = [10, 0, 0, 2];

fn oracle(frame: &[u8]) -> Facts {
    let Ok(ethernet) = Ethernet2Slice::from_slice_without_fcs(frame) else {
        return Facts { flags: FactFlags::TRUNCATED, ..Facts::default() };
    };
    let mut facts = Facts { ethertype: ethernet.ether_type().0, ..Facts::default() };
    let (mut inner, mut rest, mut tags) = (ethernet.ether_type().0, ethernet.payload_slice(), 0);
    while inner == ether_type::CUSTOMER_TAG || inner == ether_type::SERVICE_TAG {
        facts.flags |= FactFlags::INNER_TAGS;
        let Ok(tag) = SingleVlanSlice::from_slice(rest) else {
            facts.flags |= FactFlags::TRUNCATED;
            return facts;
        };
        tags += 1;
        if tags > 2 {
            facts.flags |= FactFlags::TOO_DEEP;
            return facts;
        }
        (inner, rest) = (tag.ether_type().0, tag.payload_slice());
    }
    let l3 = frame.len() - rest.len();
    match inner {
        ether_type::IPV4 => oracle_ipv4(l3, rest, &mut facts),
        ether_type::IPV6 => oracle_ipv6(l3, rest, &mut facts),
        ether_type::ARP => match ArpPacketSlice::from_slice(rest) {
            // The hardware and protocol lengths may make it shorter or longer than ARP for Ethernet and IPv4.
            Ok(_) | Err(_) if rest.len() >= 28 => facts.l3 = l3 as u16,
            _ => facts.flags |= FactFlags::TRUNCATED,
        },
        _ => {}
    }
    facts
}

fn oracle_ipv4(l3: usize, rest: &[u8], facts: &mut Facts) {
    if rest.len() < 20 {
        facts.flags |= FactFlags::TRUNCATED;
        return;
    }
    // Padded, so that cut-off options leave the fixed part readable.
    let mut padded = rest.to_vec();
    padded.resize(rest.len().max(60), 0);
    let Ok(header) = Ipv4HeaderSlice::from_slice(&padded) else {
        facts.flags |= FactFlags::MALFORMED;
        return;
    };
    facts.l3 = l3 as u16;
    facts.ip_protocol = header.protocol().0;
    if !header.options().is_empty() {
        facts.flags |= FactFlags::IP_OPTIONS;
    }
    if header.is_fragmenting_payload() {
        facts.flags |= FactFlags::FRAGMENT;
    }
    let claimed = usize::from(header.total_len());
    if claimed > rest.len() {
        facts.flags |= FactFlags::TRUNCATED;
    }
    if claimed != 0 && claimed < header.slice().len() {
        facts.flags |= FactFlags::MALFORMED;
        return;
    }
    let Ok((whole, _)) = LaxIpv4Slice::from_slice(rest) else {
        facts.flags |= FactFlags::TRUNCATED;
        return;
    };
    assert_eq!(whole.payload().incomplete, claimed > rest.len());
    // etherparse takes an authentication header for part of IPv4; here it is the protocol behind it.
    let authentication = whole.extensions().auth.map_or(0, |auth| auth.slice().len());
    if header.fragments_offset().value() == 0 {
        place_l4(l3 + header.slice().len(), whole.payload().payload.len() + authentication, facts);
    }
}

fn oracle_ipv6(l3: usize, rest: &[u8], facts: &mut Facts) {
    let (whole, stop) = match LaxIpv6Slice::from_slice(rest) {
        Ok(found) => found,
        Err(_) => {
            facts.flags |= if rest.len() < 40 { FactFlags::TRUNCATED } else { FactFlags::MALFORMED };
            return;
        }
    };
    facts.l3 = l3 as u16;
    if whole.payload().incomplete {
        facts.flags |= FactFlags::TRUNCATED;
    }
    facts.ip_protocol = whole.header().next_header().0;
    let (mut walked, mut bytes) = (0, 0);
    let mut extensions = whole.extensions().clone().into_iter();
    // etherparse 0.21 reads beyond the slice when asked for the header behind the last complete one, so count the bytes.
    while bytes < whole.extensions().slice().len() {
        let extension = extensions.next().unwrap();
        walked += 1;
        if walked > MAX_EXTENSION_HEADERS {
            facts.flags |= FactFlags::TOO_DEEP;
            return;
        }
        match &extension {
            Ipv6ExtensionSlice::Fragment(fragment) => {
                bytes += fragment.slice().len();
                facts.ip_protocol = fragment.next_header().0;
                if fragment.is_fragmenting_payload() {
                    facts.flags |= FactFlags::FRAGMENT;
                }
                if fragment.fragment_offset().value() != 0 {
                    return;
                }
                continue;
            }
            Ipv6ExtensionSlice::HopByHop(raw)
            | Ipv6ExtensionSlice::Routing(raw)
            | Ipv6ExtensionSlice::DestinationOptions(raw) => {
                bytes += raw.slice().len();
                facts.ip_protocol = raw.next_header().0;
            }
            Ipv6ExtensionSlice::Authentication(auth) => {
                bytes += auth.slice().len();
                facts.ip_protocol = auth.next_header().0;
            }
        }
        facts.flags |= FactFlags::IP_OPTIONS;
    }
    assert_eq!(facts.ip_protocol, whole.payload().ip_number.0);
    match stop {
        Some(_) if walked == MAX_EXTENSION_HEADERS => facts.flags |= FactFlags::TOO_DEEP,
        Some((HeaderSliceError::Len(_), _)) => facts.flags |= FactFlags::TRUNCATED,
        Some((HeaderSliceError::Content(_), _)) => facts.flags |= FactFlags::MALFORMED,
        None if facts.ip_protocol == ip_protocol::NO_NEXT_HEADER => {}
        None => place_l4(l3 + 40 + whole.extensions().slice().len(), whole.payload().payload.len(), facts),
    }
}

fn place_l4(l4: usize, bytes: usize, facts: &mut Facts) {
    if bytes >= 4 {
        facts.l4 = l4 as u16;
    } else {
        facts.flags |= FactFlags::TRUNCATED;
    }
}

#[track_caller]
fn check(frame: &[u8]) -> Facts {
    let facts = parse(frame);
    assert_eq!(Facts { flow_hash: 0, ..facts }, oracle(frame), "frame of {} bytes: {frame:02x?}", frame.len());
    facts
}

/// The frame as given and, when it is tagged, as the data path sees it with the outermost tag moved out.
fn check_stripped(frame: &[u8]) {
    check(frame);
    let tagged = frame.len() >= 18 && frame[12..14] == ether_type::CUSTOMER_TAG.to_be_bytes();
    let tci = tagged.then(|| u16::from_be_bytes([frame[14], frame[15]]));
    assert_eq!(outer_tag(frame), tci);
    if tagged {
        check(&[&frame[..12], &frame[16..]].concat());
    }
}

#[derive(Clone, Debug)]
enum Claim {
    Exact,
    Zero,
    Any(u16),
}

impl Claim {
    fn of(&self, exact: usize) -> [u8; 2] {
        match self {
            Self::Exact => (exact as u16).to_be_bytes(),
            Self::Zero => [0, 0],
            Self::Any(claim) => claim.to_be_bytes(),
        }
    }
}

#[derive(Clone, Debug)]
enum Network {
    Ipv4 { option_words: u8, fragment: u16, protocol: u8, claim: Claim },
    Ipv6 { extensions: Vec<(u8, u8, u16)>, protocol: u8, claim: Claim },
    Other { ethertype: u16 },
}

#[derive(Clone, Debug)]
struct Shape {
    tags: Vec<u16>,
    network: Network,
    payload: Vec<u8>,
    /// Bytes after the end of the packet.
    padding: usize,
}

impl Shape {
    fn build(&self) -> Vec<u8> {
        let mut frame = vec![0x02, 0, 0, 0, 0, 0xB, 0x02, 0, 0, 0, 0, 0xA];
        for tag in &self.tags {
            frame.extend(tag.to_be_bytes());
            frame.extend([0x20, 0x05]);
        }
        match &self.network {
            Network::Ipv4 { option_words, fragment, protocol, claim } => {
                let header_len = 20 + usize::from(*option_words) * 4;
                frame.extend(ether_type::IPV4.to_be_bytes());
                frame.extend([0x40 | (header_len / 4) as u8, 0]);
                frame.extend(claim.of(header_len + self.payload.len()));
                frame.extend([0, 1]);
                frame.extend(fragment.to_be_bytes());
                frame.extend([64, *protocol, 0, 0]);
                frame.extend(ADDRESS_A);
                frame.extend(ADDRESS_B);
                frame.resize(frame.len() + header_len - 20, 1);
            }
            Network::Ipv6 { extensions, protocol, claim } => {
                let next = |i: usize| extensions.get(i).map_or(*protocol, |extension| extension.0);
                let mut walk = Vec::new();
                for (i, &(kind, units, field)) in extensions.iter().enumerate() {
                    let len = match kind {
                        ip_protocol::FRAGMENT => 8,
                        ip_protocol::AUTHENTICATION => (usize::from(units) + 2) * 4,
                        _ => (usize::from(units) + 1) * 8,
                    };
                    let end = walk.len() + len;
                    walk.extend([next(i + 1), units]);
                    walk.extend(field.to_be_bytes());
                    walk.resize(end, 0x11);
                }
                frame.extend(ether_type::IPV6.to_be_bytes());
                frame.extend([0x60, 0, 0, 0]);
                frame.extend(claim.of(walk.len() + self.payload.len()));
                frame.extend([next(0), 64]);
                frame.extend([[0xFD; 12].as_slice(), &ADDRESS_A, &[0xFD; 12], &ADDRESS_B].concat());
                frame.extend(walk);
            }
            Network::Other { ethertype } => frame.extend(ethertype.to_be_bytes()),
        }
        frame.extend(&self.payload);
        frame.resize(frame.len() + self.padding, 0);
        frame
    }
}

fn udp(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes(), [0, 12], [0, 0], [1, 2], [3, 4]].concat()
}

fn ipv4(protocol: u8) -> Network {
    Network::Ipv4 { option_words: 0, fragment: 0, protocol, claim: Claim::Exact }
}

fn ipv6(extensions: &[(u8, u8, u16)], protocol: u8) -> Network {
    Network::Ipv6 { extensions: extensions.to_vec(), protocol, claim: Claim::Exact }
}

fn frame(tags: &[u16], network: Network, payload: &[u8]) -> Vec<u8> {
    Shape { tags: tags.to_vec(), network, payload: payload.to_vec(), padding: 0 }.build()
}

fn any_claim() -> impl Strategy<Value = Claim> {
    prop_oneof![6 => Just(Claim::Exact), 1 => Just(Claim::Zero), 2 => (0..120_u16).prop_map(Claim::Any),
        1 => any::<u16>().prop_map(Claim::Any)]
}

fn any_protocol() -> impl Strategy<Value = u8> {
    use ip_protocol::{AUTHENTICATION, ESP, GRE, ICMP, ICMPV6, IGMP, NO_NEXT_HEADER, SCTP, TCP, UDP};
    let known = [TCP, UDP, SCTP, ICMP, ICMPV6, IGMP, GRE, ESP, AUTHENTICATION, NO_NEXT_HEADER];
    prop_oneof![4 => proptest::sample::select(known.to_vec()), 1 => any::<u8>()]
}

fn any_extension() -> impl Strategy<Value = (u8, u8, u16)> {
    use ip_protocol::{AUTHENTICATION, DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING};
    let kind = proptest::sample::select(vec![HOP_BY_HOP, ROUTING, DESTINATION_OPTIONS, FRAGMENT, AUTHENTICATION]);
    let field = prop_oneof![2 => Just(0_u16), 1 => Just(1), 1 => Just(0x0008), 1 => any::<u16>()];
    (kind, 0..3_u8, field)
}

fn any_network() -> impl Strategy<Value = Network> {
    let options = prop_oneof![3 => Just(0_u8), 1 => 0..=10_u8];
    let fragment = prop_oneof![3 => Just(0_u16), 1 => Just(0x4000), 1 => Just(0x2000), 1 => any::<u16>()];
    let v4 = (options, fragment, any_protocol(), any_claim()).prop_map(|(option_words, fragment, protocol, claim)| {
        Network::Ipv4 { option_words, fragment, protocol, claim }
    });
    let walk = prop_oneof![3 => prop::collection::vec(any_extension(), 0..3), 1 => prop::collection::vec(any_extension(), 0..11),
        1 => (7..11_usize).prop_map(|count| vec![(ip_protocol::DESTINATION_OPTIONS, 0, 0); count])];
    let v6 = (walk, any_protocol(), any_claim()).prop_map(|(extensions, protocol, claim)| Network::Ipv6 {
        extensions,
        protocol,
        claim,
    });
    let other = prop_oneof![Just(ether_type::ARP), Just(ether_type::LLDP), Just(0x0026), Just(0x9100), any::<u16>()]
        .prop_map(|ethertype| Network::Other { ethertype });
    prop_oneof![4 => v4, 4 => v6, 1 => other]
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let tag = proptest::sample::select(vec![ether_type::CUSTOMER_TAG, ether_type::SERVICE_TAG]);
    let tags = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(tag, 1..5)];
    (tags, any_network(), prop::collection::vec(any::<u8>(), 0..48), 0..12_usize)
        .prop_map(|(tags, network, payload, padding)| Shape { tags, network, payload, padding })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_frames_cut_at_every_length(shape in any_shape()) {
        let frame = shape.build();
        for len in 0..=frame.len() {
            check_stripped(&frame[..len]);
        }
    }

    #[test]
    fn mutated_frames(shape in any_shape(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut frame = shape.build();
        for (at, value) in changes {
            let at = at.index(frame.len());
            frame[at] = value;
            check_stripped(&frame);
        }
    }

    #[test]
    fn random_bytes(mut frame in prop::collection::vec(any::<u8>(), 0..200), ethertype in prop::option::of(prop_oneof![
        Just(ether_type::IPV4), Just(ether_type::IPV6), Just(ether_type::ARP), Just(ether_type::CUSTOMER_TAG)])) {
        check_stripped(&frame);
        if let (Some(ethertype), Some(field)) = (ethertype, frame.get_mut(12..14)) {
            field.copy_from_slice(&ethertype.to_be_bytes());
            check_stripped(&frame);
        }
    }

    #[test]
    fn both_directions_hash_alike(shape in any_shape(), addresses in any::<([u8; 8], [u8; 8])>()) {
        let mut there = shape.build();
        let facts = parse(&there);
        let width = match there.get(usize::from(facts.l3)) {
            Some(version) if facts.ip_protocol != 0 || facts.l4 != 0 => if version >> 4 == 4 { 4 } else { 16 },
            _ => 0,
        };
        let first = usize::from(facts.l3) + if width == 4 { 12 } else { 8 };
        if width != 0 {
            let (a, b) = addresses;
            there[first..first + 4].copy_from_slice(&a[..4]);
            there[first + width..first + width + 4].copy_from_slice(&b[..4]);
        } else {
            there[..6].copy_from_slice(&addresses.0[..6]);
            there[6..12].copy_from_slice(&addresses.1[..6]);
        }
        let mut back = there.clone();
        swap(&mut back, 0, 6);
        if width != 0 {
            swap(&mut back, first, width);
            if facts.l4 != 0 {
                swap(&mut back, usize::from(facts.l4), 2);
            }
        }
        prop_assert_eq!(parse(&there).flow_hash, parse(&back).flow_hash);
    }
}

/// Exchanges two neighbouring fields of `width` bytes.
fn swap(bytes: &mut [u8], at: usize, width: usize) {
    let (first, second) = bytes[at..at + 2 * width].split_at_mut(width);
    first.swap_with_slice(second);
}

#[test]
fn plain_udp_over_ipv4() {
    let facts = check(&frame(&[], ipv4(ip_protocol::UDP), &udp(1000, 53)));
    let flags = FactFlags::default();
    let expected = Facts { ethertype: 0x0800, l3: 14, l4: 34, ip_protocol: 17, flags, flow_hash: facts.flow_hash };
    assert_eq!(facts, expected);
}

#[test]
fn ethernet_padding_is_no_l4() {
    let shape = Shape { tags: vec![], network: ipv4(ip_protocol::UDP), payload: vec![], padding: 26 };
    let facts = check(&shape.build());
    assert_eq!((facts.l3, facts.l4), (14, 0));
    assert!(facts.flags.contains(FactFlags::TRUNCATED));
}

#[test]
fn tags_and_options_do_not_change_the_flow() {
    let plain = parse(&frame(&[], ipv4(ip_protocol::TCP), &udp(1, 2))).flow_hash;
    let options = Network::Ipv4 { option_words: 3, fragment: 0x4000, protocol: ip_protocol::TCP, claim: Claim::Exact };
    let tags = [ether_type::SERVICE_TAG, ether_type::CUSTOMER_TAG];
    let facts = check(&frame(&tags, options, &udp(1, 2)));
    assert_eq!((facts.ethertype, facts.l3, facts.l4), (ether_type::SERVICE_TAG, 22, 54));
    assert!(facts.flags.contains(FactFlags::INNER_TAGS.union(FactFlags::IP_OPTIONS)));
    assert_eq!(facts.flow_hash, plain);
    assert_ne!(parse(&frame(&[], ipv4(ip_protocol::TCP), &udp(1, 3))).flow_hash, plain);
    assert_ne!(parse(&frame(&[], ipv4(ip_protocol::UDP), &udp(1, 2))).flow_hash, plain);
    let v6 = parse(&frame(&[], ipv6(&[], ip_protocol::TCP), &udp(1, 2))).flow_hash;
    let walked = [(ip_protocol::HOP_BY_HOP, 0, 0), (ip_protocol::ROUTING, 2, 0), (ip_protocol::AUTHENTICATION, 1, 0)];
    assert_eq!(check(&frame(&[], ipv6(&walked, ip_protocol::TCP), &udp(1, 2))).flow_hash, v6);
}

#[test]
fn all_fragments_of_a_packet_share_a_hash() {
    let v4 = |fragment| Network::Ipv4 { option_words: 0, fragment, protocol: ip_protocol::UDP, claim: Claim::Exact };
    let first = check(&frame(&[], v4(0x2000), &udp(7, 8)));
    let later = check(&frame(&[], v4(0x0003), &[0xAA; 16]));
    assert_eq!((first.l4, later.l4), (34, 0));
    assert!(first.flags.contains(FactFlags::FRAGMENT) && later.flags.contains(FactFlags::FRAGMENT));
    assert_eq!(first.flow_hash, later.flow_hash);
    // The first fragment shows what follows the destination options, the later one does not.
    let options = (ip_protocol::DESTINATION_OPTIONS, 0, 0);
    let first = check(&frame(&[], ipv6(&[(ip_protocol::FRAGMENT, 0, 1), options], ip_protocol::UDP), &udp(7, 8)));
    let later = [(ip_protocol::FRAGMENT, 0, 0x0019)];
    let later = check(&frame(&[], ipv6(&later, ip_protocol::DESTINATION_OPTIONS), &[0xAA; 16]));
    assert_eq!((first.ip_protocol, first.l4), (ip_protocol::UDP, 70));
    assert_eq!((later.ip_protocol, later.l4), (ip_protocol::DESTINATION_OPTIONS, 0));
    assert_eq!(first.flow_hash, later.flow_hash);
    // An atomic fragment is a whole packet: its ports count.
    let atomic = check(&frame(&[], ipv6(&[(ip_protocol::FRAGMENT, 0, 0)], ip_protocol::UDP), &udp(7, 8)));
    assert!(!atomic.flags.contains(FactFlags::FRAGMENT));
    assert_eq!(atomic.flow_hash, parse(&frame(&[], ipv6(&[], ip_protocol::UDP), &udp(7, 8))).flow_hash);
}

#[test]
fn walks_are_bounded() {
    let eight = [(ip_protocol::DESTINATION_OPTIONS, 0, 0); MAX_EXTENSION_HEADERS];
    assert_eq!(check(&frame(&[], ipv6(&eight, ip_protocol::TCP), &udp(1, 2))).l4, 14 + 40 + 64);
    let nine = [(ip_protocol::DESTINATION_OPTIONS, 0, 0); MAX_EXTENSION_HEADERS + 1];
    let facts = check(&frame(&[], ipv6(&nine, ip_protocol::TCP), &udp(1, 2)));
    assert_eq!((facts.l3, facts.l4), (14, 0));
    assert!(facts.flags.contains(FactFlags::TOO_DEEP));
    let facts = check(&frame(&[ether_type::CUSTOMER_TAG; 3], ipv4(ip_protocol::TCP), &udp(1, 2)));
    assert_eq!(facts.l3, 0);
    assert!(facts.flags.contains(FactFlags::TOO_DEEP.union(FactFlags::INNER_TAGS)));
}

#[test]
fn an_authentication_header_without_its_fixed_part_is_malformed() {
    let facts = check(&frame(&[], ipv6(&[(ip_protocol::AUTHENTICATION, 0, 0)], ip_protocol::TCP), &udp(1, 2)));
    assert_eq!((facts.ip_protocol, facts.l4), (ip_protocol::AUTHENTICATION, 0));
    assert!(facts.flags.contains(FactFlags::MALFORMED));
}

#[test]
fn frames_of_seventy_thousand_bytes() {
    let mut offload =
        Shape { tags: vec![], network: ipv4(ip_protocol::TCP), payload: vec![7; 70_000 - 34], padding: 0 };
    offload.network = Network::Ipv4 { option_words: 0, fragment: 0, protocol: ip_protocol::TCP, claim: Claim::Zero };
    assert_eq!(check(&offload.build()).l4, 34);
    let longest = [(ip_protocol::ROUTING, 255, 0); MAX_EXTENSION_HEADERS];
    let jumbo = Network::Ipv6 { extensions: longest.to_vec(), protocol: ip_protocol::UDP, claim: Claim::Zero };
    let tags = vec![ether_type::SERVICE_TAG; 2];
    let frame = Shape { tags, network: jumbo, payload: vec![7; 50_000], padding: 0 }.build();
    assert_eq!(check(&frame).l4, 22 + 40 + 8 * 2048);
}

#[test]
fn conversations_without_ip_hash_by_stations() {
    let short = frame(&[], Network::Other { ethertype: 0x0026 }, &[0x42; 38]);
    let long = frame(&[], Network::Other { ethertype: 0x0027 }, &[0x42; 39]);
    assert_eq!(check(&short).flow_hash, check(&long).flow_hash, "an LLC length is no part of the flow");
    let lldp = frame(&[], Network::Other { ethertype: ether_type::LLDP }, &[0; 46]);
    assert_ne!(check(&lldp).flow_hash, parse(&short).flow_hash);
}

#[test]
fn flows_spread_evenly() {
    let mut hashes = HashSet::new();
    let mut low = [0_u32; 256];
    let mut high = [0_u32; 256];
    for flow in 0..65_536_u32 {
        let mut frame = frame(&[], ipv4(ip_protocol::TCP), &udp(1024 + (flow % 256) as u16, 443));
        frame[28] = (flow >> 8) as u8;
        let hash = parse(&frame).flow_hash;
        hashes.insert(hash);
        low[(hash & 0xFF) as usize] += 1;
        high[(hash >> 24) as usize] += 1;
    }
    // 256 expected per bin with a deviation of 16: six deviations.
    assert!(low.iter().chain(&high).all(|bin| (160..=352).contains(bin)), "low {low:?} high {high:?}");
    assert!(hashes.len() > 65_500, "{} distinct hashes", hashes.len());
}

#[test]
fn no_tag_without_room_for_the_ethertype() {
    let tagged = frame(&[ether_type::CUSTOMER_TAG], ipv4(ip_protocol::TCP), &[]);
    assert_eq!(outer_tag(&tagged), Some(0x2005));
    assert_eq!(outer_tag(&tagged[..18]), Some(0x2005));
    assert_eq!(outer_tag(&tagged[..17]), None);
    assert_eq!(outer_tag(&frame(&[ether_type::SERVICE_TAG], ipv4(ip_protocol::TCP), &[])), None);
}

/// Frames of a classic pcap file with Ethernet link type, either byte order, micro- or nanoseconds.
fn pcap_frames(file: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize, little: bool| -> Option<usize> {
        let bytes: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize)
    };
    let little = match file.get(..4) {
        Some([0xD4, 0xC3, 0xB2, 0xA1] | [0x4D, 0x3C, 0xB2, 0xA1]) => true,
        Some([0xA1, 0xB2, 0xC3, 0xD4] | [0xA1, 0xB2, 0x3C, 0x4D]) => false,
        _ => return Vec::new(),
    };
    let mut frames = Vec::new();
    let mut at = 24;
    while let Some(captured) = word(at + 8, little) {
        let Some(frame) = file.get(at + 16..at + 16 + captured) else { break };
        frames.push(frame);
        at += 16 + captured;
    }
    if word(20, little) == Some(1) { frames } else { Vec::new() }
}

#[test]
fn frames_of_captures() {
    let Some(paths) = captures::captures("switch-core frames_of_captures") else { return };
    let mut frames = 0;
    for path in paths {
        for frame in pcap_frames(&std::fs::read(&path).unwrap()) {
            check_stripped(frame);
            frames += 1;
        }
    }
    assert!(frames > 1000, "{frames} frames read");
}
