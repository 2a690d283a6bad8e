//! Frames are counted by VLAN while an extension asks for it, each once, on its way in.

use heddle_switch_core::stage::{Role, StageId};
use heddle_switch_tests::bench::switch;
use heddle_switch_tests::frames::{BROADCAST, Body, Frame, Left, station};
use heddle_switch_tests::oracle::{Port, Vlan};
use heddle_switch_tests::sim::{Sim, StageSpec};
use heddle_switch_tests::stages::Custom;

fn counting(sim: &mut Sim) -> StageId {
    sim.enable(StageSpec::new(Role::Capture, 0, |_, _| Custom::new(|_| {}).counting_vlans()))
}

/// A trunk of 10 and 20 on port 1, access ports of both, and a port of VLAN 10 again.
fn vlans() -> Sim {
    let access = |vid| Port { vlan: Vlan::Access(vid), ..Port::default() };
    switch(&[Port::trunk(0, &[10, 20]), access(10), access(20), access(10)])
}

#[test]
fn each_frame_counts_once_in_its_vlan_however_many_ports_get_it() {
    let mut sim = vlans();
    counting(&mut sim);
    let flooded = Frame::udp(station(2), BROADCAST);
    let bytes = flooded.bytes().len() as u64;
    sim.run(2, flooded);
    sim.run(1, Frame::udp(station(1), station(3)).tagged(20));
    sim.run(1, Frame::udp(station(1), [1, 0, 0x5e, 0, 0, 9]).tagged(10));
    let counters = sim.vlan_counters();
    assert_eq!(counters.keys().copied().collect::<Vec<_>>(), [10, 20]);
    let ten = &counters[&10];
    assert_eq!((ten.packets, ten.broadcast, ten.multicast, ten.discards), (2, 1, 1, 0));
    assert_eq!((counters[&20].packets, counters[&20].broadcast), (1, 0));
    // Without the tag, so that a frame counts the same wherever it came in.
    assert_eq!(counters[&20].bytes, bytes);
}

#[test]
fn segmentation_offload_frames_count_as_their_wire_frames() {
    let mut sim = vlans();
    counting(&mut sim);
    sim.run(2, Frame::udp(station(2), station(4)).of(Body::Tcp4, 1_000).left(Left::Segments(250)));
    let ten = sim.vlan_counters()[&10];
    assert_eq!((ten.packets, ten.bytes), (4, 1_000 + 4 * 54));
}

#[test]
fn drops_count_in_the_vlan_of_the_frame() {
    let mut sim = vlans();
    counting(&mut sim);
    // Nobody of VLAN 20 is behind the only other port of VLAN 10's station.
    sim.run(1, Frame::udp(station(1), [1, 0x80, 0xC2, 0, 0, 0]).tagged(20));
    sim.run(1, Frame::udp(station(1), station(2)).tagged(30));
    let counters = sim.vlan_counters();
    assert_eq!(counters[&20].discards, 1);
    assert_eq!((counters[&30].discards, counters[&30].packets), (1, 0), "not let in, so not in the VLAN");
}

#[test]
fn nothing_is_counted_unless_somebody_asks() {
    let mut sim = vlans();
    sim.run(2, Frame::udp(station(2), BROADCAST));
    assert!(sim.vlan_counters().is_empty());
    let id = counting(&mut sim);
    sim.run(2, Frame::udp(station(2), BROADCAST));
    assert_eq!(sim.vlan_counters()[&10].packets, 1);
    sim.control.disable(id);
    sim.publish_now();
    assert!(sim.vlan_counters().is_empty());
}
