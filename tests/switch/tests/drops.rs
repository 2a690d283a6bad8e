//! Extensions are told of dropped frames: which, why, and how many they were not told of.

use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::dropped::PLACES;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::Role;
use heddle_switch_tests::bench::{from_1_to_2, pair};
use heddle_switch_tests::frames::{Action, Frame, Mark, station};
use heddle_switch_tests::sim::{Manners, Sim, StageSpec};
use heddle_switch_tests::stages::{Custom, Drops, Samples, Scripted};

/// A capture that wants so many drops between two periodic calls, from now on.
fn listener(sim: &mut Sim, wanted: u32) -> Drops {
    let drops = Drops::default();
    let to = Drops::clone(&drops);
    sim.enable(StageSpec::new(Role::Capture, 0, move |_, _| Custom::new(|_| {}).told_of_drops(wanted, &to)));
    sim.tick(0);
    drops
}

fn reserved() -> Frame {
    Frame::udp(station(1), [1, 0x80, 0xC2, 0, 0, 0])
}

fn send_reserved(sim: &mut Sim, count: usize) {
    (0..count).for_each(|_| assert!(sim.send(1, reserved()) > 0));
    sim.receive(0, count);
}

#[test]
fn a_dropped_frame_is_told_with_its_ports_its_reason_and_its_first_bytes() {
    let cases: [(Frame, DropReason, bool); 4] = [
        (from_1_to_2().tagged(10), DropReason::VlanTagNotAllowed, false),
        (reserved(), DropReason::ReservedMulticast, false),
        (from_1_to_2().action(Action::DropIngress(5)), DropReason::ExtensionDrop, false),
        (from_1_to_2().action(Action::DropEgress(5, 2)), DropReason::ExtensionDrop, true),
    ];
    for (frame, reason, has_destination) in cases {
        let mut sim = pair();
        let drops = listener(&mut sim, 10);
        sim.enable(StageSpec::new(Role::Filter, 0, |_, log| Scripted::new(5, log)));
        let tag = frame.tag.unwrap_or(0);
        let number = sim.send(1, frame);
        sim.receive(0, 1);
        let told = drops.lock().unwrap();
        assert_eq!(told.len(), 1, "{reason:?}");
        let (dropped, withheld) = &told[0];
        assert_eq!((dropped.code, *withheld), (reason.code(), 0));
        assert_eq!(dropped.source, sim.control.id(1));
        let expected = if has_destination { sim.control.id(2) } else { PortId::NONE };
        assert_eq!(dropped.destination, expected, "{reason:?}");
        assert_eq!(Mark::find(&dropped.header[..dropped.header_length]).unwrap().number, number);
        assert_eq!(dropped.tci, tag);
        assert_eq!(dropped.header[12..14] == [0x81, 0], tag != 0, "the tag is where it was");
        assert!(dropped.frame_length as usize >= dropped.header_length);
    }
}

#[test]
fn no_more_are_told_than_wanted_and_the_others_are_counted() {
    let mut sim = pair();
    let drops = listener(&mut sim, 3);
    send_reserved(&mut sim, 10);
    assert_eq!(drops.lock().unwrap().len(), 3);
    sim.tick(0);
    send_reserved(&mut sim, 2);
    let withheld: Vec<u64> = drops.lock().unwrap().iter().map(|(_, withheld)| *withheld).collect();
    assert_eq!(withheld, [0, 0, 0, 7, 0]);
    assert_eq!(sim.counters().dropped(DropReason::ReservedMulticast), 12, "told plus withheld is what was dropped");
}

#[test]
fn two_extensions_are_told_each_at_its_own_rate() {
    let mut sim = pair();
    let (few, many) = (listener(&mut sim, 1), listener(&mut sim, 100));
    send_reserved(&mut sim, 5);
    sim.tick(0);
    send_reserved(&mut sim, 1);
    let withheld = |drops: &Drops| drops.lock().unwrap().iter().map(|(_, withheld)| *withheld).collect::<Vec<_>>();
    assert_eq!(withheld(&few), [0, 4]);
    assert_eq!(withheld(&many), [0; 6]);
}

#[test]
fn a_burst_with_more_drops_than_places_tells_the_first_and_counts_the_rest() {
    let mut sim = pair();
    let drops = listener(&mut sim, u32::MAX);
    let more = 9;
    (0..PLACES + more).for_each(|_| assert!(sim.send(1, reserved()) > 0));
    sim.receive(0, PLACES + more);
    assert_eq!(drops.lock().unwrap().len(), PLACES);
    sim.run(1, reserved());
    assert_eq!(drops.lock().unwrap().last().map(|(_, withheld)| *withheld), Some(more as u64));
}

#[test]
fn what_a_device_refused_is_told_without_its_bytes() {
    let mut sim = pair();
    let drops = listener(&mut sim, 10);
    sim.devices.manners.insert(2, Manners::Full);
    sim.run(1, from_1_to_2());
    let told = drops.lock().unwrap();
    let (dropped, _) = &told[0];
    assert_eq!((dropped.code, dropped.destination.slot()), (DropReason::TxQueueFull.code(), 2));
    assert_eq!((dropped.frame_length, dropped.header_length), (0, 0));
}

#[test]
fn nobody_is_told_of_what_was_dropped_before_it_came() {
    let mut sim = pair();
    send_reserved(&mut sim, 5);
    let drops = listener(&mut sim, 10);
    sim.run(1, reserved());
    assert_eq!(drops.lock().unwrap().iter().map(|(_, withheld)| *withheld).collect::<Vec<_>>(), [0]);
}

#[test]
fn each_port_has_a_skip_count_of_its_own() {
    let mut sim = pair();
    let samples = Samples::default();
    let to = Samples::clone(&samples);
    let spec =
        StageSpec::new(Role::Capture, 0, move |_, _| Custom::new(|_| {}).sampling_by_port(&[(1, 1), (2, 4)], &to));
    sim.enable(StageSpec { sampling: Some(128), ..spec });
    for _ in 0..20 {
        sim.run(1, from_1_to_2());
        sim.run(2, Frame::udp(station(2), station(1)));
    }
    let of = |slot: usize| samples.lock().unwrap().iter().filter(|sample| sample.source.slot() == slot).count();
    assert_eq!((of(1), of(2)), (10, 4));
    // A port that is new in its slot is asked for anew.
    let old = sim.control.id(1);
    sim.control.remove_port(1);
    sim.publish_now();
    sim.control.port(1, heddle_switch_tests::oracle::Port::default());
    sim.publish_now();
    assert_ne!(sim.control.id(1), old);
    sim.run(1, from_1_to_2());
    assert_eq!(of(1), 10);
    sim.run(1, from_1_to_2());
    assert_eq!(of(1), 11);
}
