//! Checksums against etherparse: sums, completion of partial checksums, incremental update, judging.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "test generators cut random numbers to size")]

use etherparse::{PacketBuilder, PacketBuilderStep, ip_number};
use heddle_switch_core::checksum::{
    CompleteError, PartialChecksum, complete, fold, internet_sum, pseudo_header_v4, pseudo_header_v6, update16,
    verify_l4,
};
use proptest::prelude::*;

/// RFC 1071 section 1, word by word.
fn slow_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp,
    Udp,
    Icmpv6,
}

/// A frame with every checksum finished by etherparse, and where its checksum field is.
fn finished(
    kind: Kind,
    v6: Option<([u8; 16], [u8; 16])>,
    v4: ([u8; 4], [u8; 4]),
    payload: &[u8],
) -> (Vec<u8>, PartialChecksum, u32) {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let ip: PacketBuilderStep<_> = match v6 {
        Some((source, destination)) => ethernet.ipv6(source, destination, 64),
        None => ethernet.ipv4(v4.0, v4.1, 64),
    };
    let mut frame = Vec::new();
    let (protocol, offset) = match kind {
        Kind::Tcp => (ip_number::TCP, 16),
        Kind::Udp => (ip_number::UDP, 6),
        Kind::Icmpv6 => (ip_number::IPV6_ICMP, 2),
    };
    match kind {
        Kind::Tcp => ip.tcp(1, 2, 3, 4).write(&mut frame, payload).unwrap(),
        Kind::Udp => ip.udp(1, 2).write(&mut frame, payload).unwrap(),
        Kind::Icmpv6 => ip.icmpv6_echo_request(5, 6).write(&mut frame, payload).unwrap(),
    }
    let start = if v6.is_some() { 54 } else { 34 };
    let length = frame.len() - start;
    let pseudo = match v6 {
        Some((source, destination)) => pseudo_header_v6(source, destination, protocol.0, length as u32),
        None => pseudo_header_v4(v4.0, v4.1, protocol.0, length as u16),
    };
    (frame, PartialChecksum { start: start as u16, offset }, pseudo)
}

/// Puts the seed a sender with checksum offload leaves, completes, and compares with etherparse.
fn check_completion(kind: Kind, v6: Option<([u8; 16], [u8; 16])>, v4: ([u8; 4], [u8; 4]), payload: &[u8]) {
    let (wanted, partial, pseudo) = finished(kind, v6, v4, payload);
    assert_eq!(verify_l4(&wanted, 14, partial.start), Some(true));
    let mut frame = wanted.clone();
    let field = partial.field();
    frame[field..field + 2].copy_from_slice(&fold(pseudo).to_be_bytes());
    complete(&mut frame, partial).unwrap();
    assert_eq!(frame, wanted);
    let last = frame.len() - 1;
    frame[last] ^= 1;
    assert_eq!(verify_l4(&frame, 14, partial.start), Some(false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn sum_is_the_word_by_word_sum(bytes in prop::collection::vec(any::<u8>(), 0..400), split in 0usize..400) {
        let sum = internet_sum(&bytes);
        prop_assert_eq!(fold(sum), slow_sum(&bytes));
        prop_assert!(sum <= 0xffff);
        let (front, back) = bytes.split_at(split.min(bytes.len()) & !1);
        prop_assert_eq!(fold(internet_sum(front) + internet_sum(back)), slow_sum(&bytes));
    }

    #[test]
    fn completion_equals_etherparse(
        kind in prop_oneof![Just(Kind::Tcp), Just(Kind::Udp), Just(Kind::Icmpv6)],
        six in any::<bool>(), long in any::<([u8; 16], [u8; 16])>(), short in any::<([u8; 4], [u8; 4])>(),
        payload in prop::collection::vec(any::<u8>(), 1..1_600),
    ) {
        let v6 = (six || matches!(kind, Kind::Icmpv6)).then_some(long);
        check_completion(kind, v6, short, &payload);
    }

    #[test]
    fn incremental_update_is_a_new_sum(mut bytes in prop::collection::vec(any::<u8>(), 4..64), at in 0usize..32, new in any::<u16>()) {
        // A covered word that is never 0 keeps the sum away from RFC 1624's two zeros.
        bytes[0] = 0x45;
        let at = (2 + at * 2).min((bytes.len() - 2) & !1);
        prop_assume!(at >= 2);
        let before = !fold(internet_sum(&bytes));
        let old = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        bytes[at..at + 2].copy_from_slice(&new.to_be_bytes());
        prop_assert_eq!(update16(before, old, new), !fold(internet_sum(&bytes)));
    }

    #[test]
    fn completion_of_anything_stays_in_the_frame(mut frame in prop::collection::vec(any::<u8>(), 0..100), start in any::<u16>(), offset in any::<u16>(), near in any::<bool>()) {
        let partial = if near { PartialChecksum { start: start % 110, offset: offset % 110 } } else { PartialChecksum { start, offset } };
        let fits = partial.field() + 2 <= frame.len();
        let before = frame.clone();
        let result = complete(&mut frame, partial);
        prop_assert_eq!(result.is_ok(), fits);
        for (at, (a, b)) in frame.iter().zip(&before).enumerate() {
            prop_assert!(a == b || (fits && at >= partial.field() && at < partial.field() + 2));
        }
    }
}

#[test]
fn sums_of_long_and_extreme_input() {
    for length in [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 1_499, 1_500, 9_001, 65_535, 70_000] {
        for value in [0u8, 1, 0x80, 0xff] {
            let bytes = vec![value; length];
            assert_eq!(fold(internet_sum(&bytes)), slow_sum(&bytes), "{length} bytes of {value:#x}");
        }
    }
    assert_eq!(fold(u32::MAX), 0xffff);
    assert_eq!(fold(0x0001_ffff), 1);
}

/// A payload word that makes the sum 0xFFFF: UDP must send 0xFFFF (RFC 768), TCP and ICMPv6 send 0.
#[test]
fn a_zero_checksum_is_sent_as_ffff_by_udp_only() {
    let addresses = ([10, 0, 0, 1], [10, 0, 0, 2]);
    for (kind, wanted) in [(Kind::Udp, 0xffffu16), (Kind::Tcp, 0)] {
        let (frame, partial, _) = finished(kind, None, addresses, &[0, 0]);
        let field = partial.field();
        let checksum = [frame[field], frame[field + 1]];
        let (frame, ..) = finished(kind, None, addresses, &checksum);
        assert_eq!(frame[field..field + 2], wanted.to_be_bytes());
        check_completion(kind, None, addresses, &checksum);
    }
}

#[test]
fn what_cannot_be_judged() {
    let addresses = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let (frame, partial, _) = finished(Kind::Udp, None, addresses, &[1, 2, 3]);
    assert_eq!(verify_l4(&frame, 14, partial.start + 4), None, "the L4 header is elsewhere");
    assert_eq!(verify_l4(&frame[..40], 14, partial.start), None, "cut short");
    let mut fragment = frame.clone();
    fragment[20] = 0x20;
    assert_eq!(verify_l4(&fragment, 14, partial.start), None, "a fragment");
    let mut none = frame.clone();
    none[40..42].fill(0);
    assert_eq!(verify_l4(&none, 14, partial.start), Some(true), "UDP over IPv4 without a checksum");
    let mut padded = frame;
    padded.extend([0xee; 9]);
    assert_eq!(verify_l4(&padded, 14, partial.start), Some(true), "padding is not covered");
    let (mut six, partial, _) = finished(Kind::Udp, Some(([1; 16], [2; 16])), addresses, &[1, 2, 3]);
    six[60..62].fill(0);
    assert_eq!(verify_l4(&six, 14, partial.start), Some(false), "UDP over IPv6 needs one");
}

#[test]
fn completion_names_the_field() {
    let mut frame = [0; 60];
    let partial = PartialChecksum { start: 34, offset: 25 };
    assert_eq!(complete(&mut frame, partial), Err(CompleteError::FieldOutsideFrame { field: 59, frame_len: 60 }));
    let text = complete(&mut frame, partial).unwrap_err().to_string();
    assert!(text.contains("59") && text.contains("60"), "{text}");
}
