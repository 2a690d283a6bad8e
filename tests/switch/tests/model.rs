//! The switch's own choices, one scenario each: learning, ageing, flooding, limits, offloads, counters.

use heddle_switch_core::arena::Class;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::fdb::{FdbKey, FdbLimits};
use heddle_switch_core::flaps::Flaps;
use heddle_switch_core::message::{FRAMES_MAX, LEARNT_MAX};
use heddle_switch_core::stage::{Role, StageId};
use heddle_switch_tests::bench::{from_1_to_2, pair, switch, with};
use heddle_switch_tests::frames::{BROADCAST, Body, Frame, Left, station};
use heddle_switch_tests::judge::Judge;
use heddle_switch_tests::oracle::{Fate, Oracle, Port};
use heddle_switch_tests::sim::{Setup, Sim, StageSpec};
use heddle_switch_tests::stages::Scripted;

const NEW: [u8; 6] = [0x02, 9, 9, 9, 9, 9];

#[test]
fn port_with_an_assigned_address_gets_no_unknown_unicast() {
    let assigned = Port { learns: false, floods_unknown: false, ..Port::default() };
    let mut sim = switch(&[Port::default(), assigned, Port::default()]);
    let unknown = sim.run(1, Frame::udp(station(1), NEW));
    sim.expect_receivers(unknown, &[(3, None)]);
    let own = sim.run(1, from_1_to_2());
    sim.expect_receivers(own, &[(2, None)]);
    let broadcast = sim.run(1, Frame::udp(station(1), BROADCAST));
    sim.expect_receivers(broadcast, &[(2, None), (3, None)]);
}

#[test]
fn port_without_learning_teaches_nothing() {
    let mut sim = switch(&[Port::default(), Port { learns: false, ..Port::default() }, Port::default()]);
    sim.run(2, Frame::udp(NEW, station(1)));
    let number = sim.run(1, Frame::udp(station(1), NEW));
    sim.expect_receivers(number, &[(2, None), (3, None)]);
}

#[test]
fn station_is_known_after_its_first_frame_and_follows_its_moves() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    sim.run(2, Frame::udp(NEW, station(1)));
    let number = sim.run(1, Frame::udp(station(1), NEW));
    sim.expect_receivers(number, &[(2, None)]);
    sim.run(3, Frame::udp(NEW, station(1)));
    let number = sim.run(1, Frame::udp(station(1), NEW));
    sim.expect_receivers(number, &[(3, None)]);
    assert_eq!(sim.counters().fdb_moves, 1);
}

#[test]
fn assigned_address_stays_with_its_port_whoever_claims_it() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    sim.run(3, Frame::udp(station(2), station(1)));
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None)]);
}

#[test]
fn static_entry_lasts_until_it_is_removed() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    sim.now_ns += 1_000_000_000_000;
    let known = sim.run(1, from_1_to_2());
    sim.expect_receivers(known, &[(2, None)]);
    sim.control.statics.clear();
    sim.publish_now();
    let unknown = sim.run(1, from_1_to_2());
    sim.expect_receivers(unknown, &[(2, None), (3, None)]);
}

#[test]
fn addresses_are_known_per_vlan() {
    let trunk = Port::trunk(0, &[10, 20]);
    let mut sim = switch(&[trunk.clone(), trunk.clone(), trunk]);
    sim.run(2, Frame::udp(NEW, BROADCAST).tagged(10));
    let in_10 = sim.run(1, Frame::udp(station(1), NEW).tagged(10));
    let in_20 = sim.run(1, Frame::udp(station(1), NEW).tagged(20));
    sim.expect_receivers(in_10, &[(2, Some(10))]);
    sim.expect_receivers(in_20, &[(2, Some(20)), (3, Some(20))]);
}

#[test]
fn silent_station_is_forgotten_at_the_ageing_time() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    sim.control.ageing_s = 60;
    sim.publish_now();
    sim.run(2, Frame::udp(NEW, station(1)));
    sim.now_ns = 60_999_999_999;
    let number = sim.send(1, Frame::udp(station(1), NEW));
    sim.receive(0, 1);
    sim.expect_receivers(number, &[(2, None)]);
    sim.now_ns = 61_100_000_000;
    let number = sim.send(1, Frame::udp(station(1), NEW));
    sim.receive(0, 1);
    sim.expect_receivers(number, &[(2, None), (3, None)]);
}

#[test]
fn stations_of_a_deleted_port_are_unknown_to_its_successor() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    sim.run(2, Frame::udp(NEW, station(1)));
    sim.control.remove_port(2);
    sim.control.port(2, Port::default());
    sim.publish_now();
    let number = sim.run(1, Frame::udp(station(1), NEW));
    sim.expect_receivers(number, &[(2, None), (3, None)]);
    assert!(sim.worker(0).fdb().remove_static(FdbKey::new(0, &station(2))).is_none(), "static entries go too");
}

#[test]
fn learnt_station_is_known_to_all_workers() {
    let mut sim = with(Setup::of(3, 1), &[Port::default(), Port::default(), Port::default()]);
    sim.run(2, Frame::udp(NEW, station(1)));
    for flow in 0..3 {
        let number = sim.run(1, Frame::udp(station(1), NEW).flow(flow));
        sim.expect_receivers(number, &[(2, None)]);
    }
}

#[test]
fn full_table_floods_and_says_so() {
    let fdb = FdbLimits { max_entries: 64, max_per_port: 8 };
    let mut sim = with(Setup { fdb, ..Setup::of(1, 1) }, &[Port::default(), Port::default(), Port::default()]);
    for n in 0..12 {
        sim.run(2, Frame::udp(station(100 + n), station(1)));
    }
    assert_eq!(sim.counters().fdb_full, 4);
    let known = sim.run(1, Frame::udp(station(1), station(100)));
    let refused = sim.run(1, Frame::udp(station(1), station(111)));
    sim.expect_receivers(known, &[(2, None)]);
    sim.expect_receivers(refused, &[(2, None), (3, None)]);
}

#[test]
fn addresses_beyond_the_outbox_and_the_ring_are_counted_as_lost() {
    // Nobody takes addresses to the other worker: the outbox fills, then the ring.
    let fdb = FdbLimits { max_entries: 16_384, max_per_port: 16_384 };
    let setup = Setup { fdb, ring: 100, buffers: [1_500, 8, 8], ..Setup::of(2, 1) };
    let mut sim = with(setup, &[Port { learns: true, ..Port::default() }, Port::default()]);
    let flow = (0..2).find(|flow| sim.entry(1, *flow) == 0).unwrap();
    for n in 0..LEARNT_MAX as u16 + 50 {
        sim.send(1, Frame::udp(station(1_000 + n), station(2)).flow(flow));
        if n % 500 == 0 {
            sim.receive(0, 1_000);
        }
    }
    sim.receive(0, 5_000);
    assert_eq!(sim.counters().fdb_sync_lost, 50);
    sim.exchange(0, 1);
    assert_eq!(sim.counters().fdb_sync_lost, 50 + LEARNT_MAX as u64 - 100);
    sim.finish();
    sim.check_rest();
}

#[test]
fn frames_beyond_the_outbox_are_dropped_as_handover_full() {
    // One call of the worker makes more frames for the other worker than the outbox takes; its ring would take them all.
    let setup = Setup { ring: 2 * FRAMES_MAX, buffers: [12_000, 8, 8], ..Setup::of(2, 7) };
    let mut sim = with(setup, &[Port::default(), Port::default(), Port::default()]);
    let flow = (0..2).find(|flow| sim.entry(1, *flow) == 1).unwrap();
    for _ in 0..FRAMES_MAX + 50 {
        sim.send(1, from_1_to_2().flow(flow));
    }
    sim.receive(1, FRAMES_MAX + 50);
    assert_eq!(sim.dropped(DropReason::HandoverFull), 50);
    assert_eq!(sim.counters().port_drops(sim.control.id(2), usize::from(DropReason::HandoverFull.code())), 50);
    sim.exchange(1, 0);
    sim.finish();
    assert_eq!(sim.devices.of(2).len(), FRAMES_MAX);
    assert_eq!(sim.dropped(DropReason::HandoverFull), 50);
    sim.check_rest();
}

#[test]
fn a_station_that_comes_back_by_other_ports_is_counted_by_pair() {
    let ports = [Port::default(), Port::default(), Port::default(), Port::default()];
    let mut sim = with(Setup::of(1, 1), &ports);
    // One that is learnt, and one with an assigned address at port 1, which does not move.
    for (n, first) in [(99, Some(Flaps { low: 1, high: 2, moves: 1 })), (1, None)] {
        sim.run(1, Frame::udp(station(n), BROADCAST));
        for _ in 0..10 {
            sim.run(2, Frame::udp(station(n), BROADCAST));
            sim.run(3, Frame::udp(station(n), BROADCAST));
        }
        let (mut pairs, others) = sim.worker(0).take_flaps().unwrap();
        pairs.sort_by_key(|pair| pair.moves);
        let expected: Vec<Flaps> = first.into_iter().chain([Flaps { low: 2, high: 3, moves: 19 }]).collect();
        assert_eq!((pairs, others), (expected, 0), "station {n}");
        assert!(sim.worker(0).take_flaps().is_none(), "taken once");
    }
    // Frames of different stations behind one port are no moves.
    for n in 10..20 {
        sim.run(4, Frame::udp(station(n), BROADCAST));
    }
    assert!(sim.worker(0).take_flaps().is_none());
}

#[test]
fn link_local_groups_are_never_forwarded_and_their_neighbours_are() {
    let mut sim = pair();
    for last in 0..=0xff {
        sim.run(1, Frame::udp(station(1), [0x01, 0x80, 0xc2, 0, 0, last]));
    }
    assert_eq!(sim.dropped(DropReason::ReservedMulticast), 16);
    assert_eq!(sim.devices.of(2).len(), 240);
}

#[test]
fn priority_of_a_tag_survives_and_its_vlan_is_the_switch_s() {
    let mut sim = switch(&[Port::access(10), Port::trunk(1, &[10])]);
    sim.control.fix(10, station(2), 2);
    sim.publish_now();
    let number = sim.run(1, from_1_to_2().tagged(0xb000));
    sim.expect_receivers(number, &[(2, Some(0xb00a))]);
}

#[test]
fn second_tag_is_payload() {
    let mut sim = switch(&[Port::trunk(1, &[10]), Port::access(10)]);
    sim.control.fix(10, station(2), 2);
    sim.publish_now();
    // The frame behind the tag begins with another one.
    let frame = Frame { tag: Some(10), ..from_1_to_2().of(Body::Other(0x8100), 60) };
    for tag_beside in [false, true] {
        let number = sim.run(1, Frame { tag_beside, ..frame.clone() });
        sim.expect_receivers(number, &[(2, None)]);
    }
    assert_eq!(sim.devices.of(2)[0].bytes[12..14], [0x81, 0]);
}

#[test]
fn mtu_counts_from_the_network_header_and_without_tags() {
    for (mtu, payload, fits) in
        [(1_500, 1_500, true), (1_500, 1_501, false), (9_000, 9_000, true), (9_000, 9_001, false)]
    {
        let mut sim = switch(&[Port::trunk(0, &[10]), Port { mtu, ..Port::trunk(0, &[10]) }]);
        sim.control.fix(10, station(2), 2);
        sim.publish_now();
        sim.run(1, from_1_to_2().of(Body::Other(0x9000), payload).tagged(10));
        assert_eq!(sim.devices.of(2).len(), usize::from(fits));
        assert_eq!(sim.dropped(DropReason::FrameTooLong), u64::from(!fits));
    }
}

#[test]
fn offload_frame_is_measured_by_its_segments() {
    for (size, fits) in [(1_460, true), (1_461, false)] {
        for port in [Port::default(), Port::default().offloading()] {
            let mut sim = switch(&[Port::default(), port]);
            sim.run(1, from_1_to_2().of(Body::Tcp4, 10_000).left(Left::Segments(size)));
            assert_eq!(!sim.devices.of(2).is_empty(), fits, "segments of {size}");
        }
    }
}

#[test]
fn flood_of_an_offload_frame_is_right_for_each_device() {
    let some = Port { checksum: true, tcp_segmentation: true, ..Port::default() };
    let other = Port { checksum: true, udp_segmentation: true, ..Port::default() };
    let ports = [Port::default(), Port::default(), Port::default().offloading(), some, other];
    for body in [Body::Tcp4, Body::Tcp6, Body::Udp4, Body::Udp6] {
        for left in [Left::Checksum, Left::Segments(300)] {
            let mut sim = switch(&ports);
            let mut judge = Judge::default();
            let number = sim.run(1, Frame::udp(station(1), BROADCAST).of(body, 1_000).left(left).tagged(0x2000));
            let deliveries = (2..=5).map(|port| (port, None)).collect();
            judge.expect(number, Fate { deliveries, drops: Vec::new() });
            judge.exact_for(&mut sim, &ports);
        }
    }
}

trait ExactFor {
    fn exact_for(&self, sim: &mut Sim, ports: &[Port]);
}

impl ExactFor for Judge {
    fn exact_for(&self, sim: &mut Sim, ports: &[Port]) {
        assert_eq!(sim.control.ports.len(), ports.len());
        self.exact(sim);
        sim.check_rest();
    }
}

#[test]
fn segments_without_a_buffer_are_dropped_alone() {
    let setup = Setup { buffers: [3, 8, 8], ..Setup::of(1, 1) };
    let mut sim = with(setup, &[Port::default(), Port::default()]);
    sim.run(1, from_1_to_2().of(Body::Tcp4, 3_000).left(Left::Segments(500)));
    // Three of the six find a buffer; the device gives none back before the whole frame is cut.
    assert_eq!(sim.devices.of(2).len() as u64 + sim.dropped(DropReason::PoolEmpty), 6);
    assert!(sim.dropped(DropReason::PoolEmpty) > 0);
    sim.check_rest();
}

#[test]
fn empty_pool_at_receive_never_enters_the_switch() {
    let setup = Setup { buffers: [0, 0, 1], ..Setup::of(1, 1) };
    let mut sim = with(setup, &[Port::default(), Port::default()]);
    sim.send(1, from_1_to_2());
    sim.send(1, from_1_to_2());
    sim.receive(0, 2);
    assert_eq!((sim.rx_missed, sim.devices.of(2).len()), (1, 1), "a large buffer serves for a small frame");
    assert_eq!(sim.worker(0).pool().exhausted()[Class::SMALL.index()], 2);
    sim.check_rest();
}

#[test]
fn ports_count_wire_frames_and_bytes_with_tags() {
    let mut sim = switch(&[Port::trunk(1, &[10]), Port::trunk(1, &[10]), Port::access(10)]);
    sim.control.fix(10, station(2), 2);
    sim.publish_now();
    sim.run(1, from_1_to_2().of(Body::Tcp4, 1_000).left(Left::Segments(250)).tagged(10));
    sim.run(1, Frame::udp(station(1), BROADCAST).tagged(10));
    sim.run(1, Frame::udp(station(1), [1, 0, 0x5e, 1, 1, 1]).tagged(10));
    let counters = sim.counters();
    let (from, to, access) = (counters.ports[1], counters.ports[2], counters.ports[3]);
    let udp = 82;
    let segments = 4 * (54 + 250);
    assert_eq!((from.rx_packets, from.rx_bytes), (6, segments + 16 + 2 * (udp + 4)));
    assert_eq!((from.rx_broadcast, from.rx_multicast), (1, 1));
    assert_eq!((to.tx_packets, to.tx_bytes), (6, segments + 16 + 2 * (udp + 4)));
    assert_eq!((to.tx_broadcast, to.tx_multicast), (1, 1));
    assert_eq!((access.tx_packets, access.tx_bytes), (2, 2 * udp));
    // One descriptor became four wire frames, two became two deliveries each.
    let law = counters.law;
    assert_eq!((law.rx, law.replicated, law.tx), (3, 3 + 2, 8));
}

#[test]
fn broadcast_to_a_single_port_is_counted_as_one() {
    let mut sim = pair();
    sim.run(1, Frame::udp(station(1), BROADCAST));
    assert_eq!(sim.counters().ports[2].tx_broadcast, 1);
    // Also when the source itself could not get it.
    let mut sim = switch(&[Port { transmits: false, ..Port::default() }, Port::default()]);
    sim.run(1, Frame::udp(station(1), BROADCAST));
    assert_eq!(sim.counters().ports[2].tx_broadcast, 1);
}

#[test]
fn drops_are_counted_at_the_port_they_belong_to() {
    let mut sim = switch(&[Port::default(), Port { mtu: 576, ..Port::default() }]);
    sim.run(1, from_1_to_2().tagged(10));
    sim.run(1, from_1_to_2().of(Body::Udp4, 1_000));
    let counters = sim.counters();
    assert_eq!((counters.ports[1].rx_dropped, counters.ports[2].tx_dropped), (1, 1));
}

#[test]
fn upgrade_in_place_loses_nothing() {
    let mut sim = with(Setup::of(3, 5), &[Port::default(), Port::default()]);
    let mut oracle = Oracle::new();
    (1..=2).for_each(|slot| oracle.fix(0, station(slot), slot));
    oracle.ports = sim.control.ports.clone();
    let mut judge = Judge::default();
    let mut old: Option<StageId> = None;
    for round in 0..50 {
        let spec = StageSpec::new(Role::Filter, 0, |_, log| Scripted::new(1, log));
        // Old and new generation change places in one snapshot.
        if let Some(old) = old.replace(sim.control.enable(spec)) {
            sim.control.disable(old);
        }
        sim.publish();
        for _ in 0..10 {
            let frame = from_1_to_2().flow(round % 5);
            let number = sim.send(1, frame.clone());
            judge.expect(number, oracle.fate(1, &frame, sim.now_s()));
        }
        (0..8).for_each(|_| sim.step());
    }
    sim.finish();
    judge.exact(&sim);
    Judge::order(&sim);
    let seen: u64 = (1..=50).map(|id| sim.stage(StageId(id)).packets).sum();
    assert_eq!(seen, 2 * 500, "each frame is seen by exactly one generation on each leg");
}
