//! Frames that extensions make: clones and originated ones, from ports and trusted.

use std::sync::{Arc, Mutex};

use heddle_switch_core::call::{HOPS_MAX, Refusal};
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Leg, Role, StageId};
use heddle_switch_core::violation::Rule;
use heddle_switch_tests::bench::{from_1_to_2, switch};
use heddle_switch_tests::frames::{BROADCAST, Frame, station};
use heddle_switch_tests::memory::write_frame;
use heddle_switch_tests::oracle::Port;
use heddle_switch_tests::sim::{Sim, StageSpec};
use heddle_switch_tests::stages::Custom;

#[test]
fn write_to_a_private_copy_is_seen_by_nobody_else() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    // A copy of each broadcast goes in below, the original is scribbled on.
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        let (handle, draft) = call.clone_packet(index).unwrap();
        write_frame(call.arena(), &draft, |bytes| bytes[60] ^= 1);
        call.inject(handle, PortId::from_raw(draft.source_port)).unwrap();
    });
    sim.each(Role::Filter, 1, Leg::Ingress, |call, index| {
        call.make_writable(index).unwrap();
        let packet = call.packets_mut()[index];
        write_frame(call.arena(), &packet, |bytes| bytes[61] ^= 1);
    });
    let number = sim.run(1, Frame::udp(station(1), BROADCAST));
    sim.expect_receivers(number, &[(2, None), (2, None), (3, None), (3, None)]);
    let mut frame = sim.sent[&number].1.bytes();
    frame[61] ^= 1;
    let [original, clone] = sim.devices.of(3)[..] else { panic!("two frames") };
    assert_eq!(original.bytes, frame);
    frame[60] ^= 1;
    assert_eq!(clone.bytes, frame);
    let law = sim.counters().law;
    assert_eq!((law.rx, law.replicated, law.originated, law.tx), (1, 3, 0, 4));
    sim.check_rest();
}

#[test]
fn clone_made_on_egress_goes_down_from_its_maker() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (name, order) in [("upper", 0), ("maker", 1), ("lower", 2)] {
        let seen = Arc::clone(&seen);
        sim.custom(Role::Filter, order, move || {
            let seen = Arc::clone(&seen);
            Custom::new(move |call| {
                for index in 0..call.len() {
                    let clone = call.packets_mut()[index].flags & 2 != 0;
                    seen.lock().unwrap().push((name, call.leg(), clone));
                    if name == "maker" && call.leg() == Leg::Egress && !clone {
                        let (handle, packet) = call.clone_packet(index).unwrap();
                        assert_eq!(packet.destination, 0, "destinations are not kept");
                        write_frame(call.arena(), &packet, |bytes| bytes[..6].copy_from_slice(&station(3)));
                        call.inject(handle, PortId::from_raw(packet.source_port)).unwrap();
                    }
                }
            })
        });
    }
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None), (3, None)]);
    let clones: Vec<_> = seen.lock().unwrap().iter().filter(|seen| seen.2).map(|seen| (seen.0, seen.1)).collect();
    let way = [("lower", Leg::Ingress), ("lower", Leg::Egress), ("maker", Leg::Egress), ("upper", Leg::Egress)];
    assert_eq!(clones, way);
    sim.check_rest();
}

/// A capture that makes one frame of these bytes at the first tick, from a port or trusted.
fn originates(sim: &mut Sim, role: Role, bytes: Vec<u8>, from: Option<u16>) {
    let source = from.map_or(PortId::NONE, |slot| sim.control.id(slot));
    let spec = StageSpec::new(role, 0, move |_, _| {
        let mut bytes = Some(bytes.clone());
        Custom::new(|_| {}).ticking(move |call| {
            let Some(bytes) = bytes.take() else { return };
            let (handle, packet) = call.originate(bytes.len()).unwrap();
            write_frame(call.arena(), &packet, |frame| frame.copy_from_slice(&bytes));
            call.inject(handle, source).unwrap();
        })
    });
    sim.enable(spec);
    sim.finish();
    sim.check_rest();
}

#[test]
fn frame_originated_from_a_port_obeys_its_policy() {
    let mut sim = switch(&[Port::access(10), Port::access(10), Port::access(20)]);
    originates(&mut sim, Role::Capture, Frame::udp(station(1), BROADCAST).bytes(), Some(1));
    assert_eq!((sim.devices.of(1).len(), sim.devices.of(2).len(), sim.devices.of(3).len()), (0, 1, 0));
    assert_eq!(sim.counters().law.originated, 1);
}

#[test]
fn trusted_frame_goes_to_the_ports_without_a_vlan() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::access(20)]);
    originates(&mut sim, Role::Capture, Frame::udp(station(9), BROADCAST).bytes(), None);
    assert_eq!((sim.devices.of(1).len(), sim.devices.of(2).len(), sim.devices.of(3).len()), (1, 1, 0));
}

#[test]
fn tag_in_an_originated_frame_is_a_tag() {
    // From an access port it is refused like any tagged frame.
    let mut sim = switch(&[Port::access(10), Port::access(10), Port::access(20)]);
    let tagged = Frame::udp(station(1), BROADCAST).tagged(20).received().0;
    originates(&mut sim, Role::Filter, tagged.clone(), Some(1));
    sim.expect_drops(&[(DropReason::VlanTagNotAllowed, 1)]);
    // From a trunk it is in its VLAN, and its tag is not in the data any more.
    let mut sim = switch(&[Port::trunk(10, &[20]), Port::access(10), Port::access(20)]);
    originates(&mut sim, Role::Filter, tagged.clone(), Some(1));
    assert_eq!((sim.devices.of(2).len(), sim.devices.of(3).len()), (0, 1));
    assert_eq!(sim.devices.of(3)[0].bytes, Frame::udp(station(1), BROADCAST).bytes());
    // A trusted one may enter any VLAN.
    let mut sim = switch(&[Port::access(10), Port::access(20), Port::access(20)]);
    originates(&mut sim, Role::Filter, tagged, None);
    assert_eq!((sim.devices.of(1).len(), sim.devices.of(2).len(), sim.devices.of(3).len()), (0, 1, 1));
}

#[test]
fn trusted_clone_stays_in_the_vlan_of_its_original() {
    let mut sim = switch(&[Port::access(10), Port::access(10), Port::default()]);
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        let (handle, _) = call.clone_packet(index).unwrap();
        call.inject(handle, PortId::NONE).unwrap();
    });
    let number = sim.run(1, Frame::udp(station(1), BROADCAST));
    // The clone has no source port, so it comes back to port 1 too.
    sim.expect_receivers(number, &[(1, None), (2, None), (2, None)]);
}

#[test]
fn injection_names_a_connected_port() {
    let mut sim = switch(&[Port::default(), Port { transmits: false, ..Port::default() }]);
    let (disconnected, never) = (sim.control.id(2), PortId::new(9, 1));
    sim.custom(Role::Filter, 0, move || {
        Custom::new(|_| {}).ticking(move |call| {
            let (handle, _) = call.originate(60).unwrap();
            assert_eq!(call.inject(handle, never), Err(Refusal::Invalid));
            assert_eq!(call.inject(handle, disconnected), Err(Refusal::Gone));
            call.discard(handle, 0).unwrap();
        })
    });
    sim.tick(0);
    sim.check_rest();
}

/// Makes a frame for each delivery it sees, by `make`, and sends it down from a trusted source.
fn looping(sim: &mut Sim, make: fn(&mut heddle_switch_core::call::Call<'_>, usize) -> Result<u64, Refusal>) -> StageId {
    sim.enable(StageSpec::new(Role::Filter, 0, move |_, _| {
        Custom::new(move |call| {
            for index in 0..if call.leg() == Leg::Egress { call.len() } else { 0 } {
                if let Ok(handle) = make(call, index) {
                    call.inject(handle, PortId::NONE).unwrap();
                }
            }
        })
    }))
}

#[test]
fn injections_that_feed_on_themselves_end_and_are_named() {
    let clone = |call: &mut heddle_switch_core::call::Call<'_>, index| call.clone_packet(index).map(|made| made.0);
    let originate = |call: &mut heddle_switch_core::call::Call<'_>, _| {
        let (handle, packet) = call.originate(60)?;
        write_frame(call.arena(), &packet, |bytes| {
            bytes.copy_from_slice(&Frame::udp(station(1), station(2)).bytes()[..60])
        });
        Ok(handle)
    };
    for make in [clone, originate] {
        let mut sim = switch(&[Port::default(), Port::default()]);
        let id = looping(&mut sim, make);
        let number = sim.run(1, from_1_to_2());
        assert!(sim.sent.contains_key(&number));
        // The one that came, and one for each injection that was allowed.
        assert_eq!(sim.devices.of(2).len(), 1 + usize::from(HOPS_MAX));
        sim.expect_drops(&[(DropReason::InjectionLoop, 1)]);
        let counters = sim.stage(id);
        assert_eq!((counters.broken.of(Rule::InjectionLoop).0, counters.dropped), (1, 1));
        assert_eq!(sim.counters().law.balance(), 0);
    }
}

#[test]
fn many_injections_for_each_frame_end_too() {
    let mut sim = switch(&[Port::default(), Port::default()]);
    let id = sim.enable(StageSpec::new(Role::Filter, 0, |_, _| {
        Custom::new(|call| {
            for index in 0..if call.leg() == Leg::Egress { call.len() } else { 0 } {
                for _ in 0..8 {
                    let Ok((handle, _)) = call.clone_packet(index) else { break };
                    call.inject(handle, PortId::NONE).unwrap();
                }
            }
        })
    }));
    sim.run(1, from_1_to_2());
    let counters = sim.stage(id);
    assert!(counters.broken.of(Rule::InjectionLoop).0 > 0 && counters.dropped > 0, "{counters:?}");
    assert!(counters.packets < 200_000, "{}", counters.packets);
    assert_eq!((sim.counters().law.balance(), sim.counters().law.held), (0, 0));
}
