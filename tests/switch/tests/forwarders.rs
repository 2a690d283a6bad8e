//! What a forwarding extension may do beyond one verdict a frame: inject to destinations of its own, name a NIC, keep a
//! tag, and leave alone what is forwarded natively.

use heddle_extension_api::abi::packet::{
    PACKET_NATIVE_FORWARDING, PACKET_PRESERVE_PRIORITY, PACKET_PRESERVE_VLAN, VERDICT_DROP, VERDICT_PASS,
    VERDICT_TO_GROUP, VERDICT_TO_PORT,
};
use heddle_switch_core::call::{Destination, Refusal};
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::offload::Offload;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Leg, Role};
use heddle_switch_core::violation::Rule;
use heddle_switch_tests::bench::{from_1_to_2, switch};
use heddle_switch_tests::frames::{Frame, station};
use heddle_switch_tests::memory::write_frame;
use heddle_switch_tests::oracle::Port;
use heddle_switch_tests::sim::{Raw, Sim};
use heddle_switch_tests::stages::Custom;

fn four() -> Sim {
    switch(&[Port::default(), Port::default(), Port::default(), Port { nics: 1, ..Port::default() }])
}

fn to_port(port: PortId) -> Destination {
    Destination { verdict: VERDICT_TO_PORT, target: port.raw(), ..Destination::default() }
}

/// Sends every frame to port 2.
fn forwards_to_2(sim: &mut Sim) {
    let two = sim.control.id(2).raw();
    sim.each(Role::Forwarding, 0, Leg::Ingress, move |call, index| {
        let packet = &mut call.packets_mut()[index];
        (packet.verdict, packet.destination) = (VERDICT_TO_PORT, two);
    });
}

#[test]
fn a_forwarder_originates_and_clones_to_destinations_of_its_own() {
    let mut sim = four();
    let ids: Vec<PortId> = (1..=4).map(|slot| sim.control.id(slot)).collect();
    sim.control.groups = vec![Some(ids.clone())];
    let (two, three) = (ids[1], ids[2]);
    let id = sim.custom(Role::Forwarding, 0, move || {
        Custom::new(move |call| {
            if call.leg() == Leg::Egress {
                return;
            }
            for index in 0..call.len() {
                let source = PortId::from_raw(call.packets_mut()[index].source_port);
                // A changed clone to 3, a frame of its own to everybody as trusted, the frame itself to 2.
                let (clone, draft) = call.clone_packet(index).unwrap();
                write_frame(call.arena(), &draft, |bytes| bytes[..6].copy_from_slice(&station(3)));
                call.inject_to(clone, source, to_port(three)).unwrap();
                let (own, _) = call.originate(60).unwrap();
                let all = Destination { verdict: VERDICT_TO_GROUP, target: 0, ..Destination::default() };
                call.inject_to(own, PortId::NONE, all).unwrap();
                let packet = &mut call.packets_mut()[index];
                (packet.verdict, packet.destination) = (VERDICT_TO_PORT, two.raw());
            }
        })
    });
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None), (3, None)]);
    assert_eq!(&sim.devices.of(3)[0].bytes[..6], station(3));
    // Trusted, it came from nowhere, so it goes to port 1 as well.
    let originated = |sent: &&&heddle_switch_tests::sim::Sent| sent.number().is_none();
    let got: Vec<usize> = (1..=4).map(|slot| sim.devices.of(slot).iter().filter(originated).count()).collect();
    assert_eq!(got, [1; 4]);
    let law = sim.counters().law;
    assert_eq!((law.rx, law.originated, law.replicated, law.tx), (1, 1, 1 + 3, 6));
    assert_eq!(sim.stage(id).violations, 0);
    sim.expect_drops(&[]);
    sim.check_rest();
}

#[test]
fn a_forwarders_frame_without_destinations_is_refused_and_so_is_a_filters_with_them() {
    let mut sim = four();
    let (two, gone) = (sim.control.id(2), sim.control.id(3));
    sim.control.remove_port(3);
    let never = PortId::new(2, 9);
    let forwarder = sim.custom(Role::Forwarding, 0, move || {
        Custom::new(|_| {}).ticking(move |call| {
            let (handle, _) = call.originate(60).unwrap();
            assert_eq!(call.inject(handle, two), Err(Refusal::Forbidden));
            assert_eq!(call.inject_to(handle, never, to_port(two)), Err(Refusal::Invalid));
            assert_eq!(call.inject_to(handle, gone, to_port(two)), Err(Refusal::Gone));
            assert_eq!(call.inject_to(handle, two, to_port(never)), Err(Refusal::Invalid));
            assert_eq!(call.inject_to(handle, two, to_port(gone)), Err(Refusal::Gone));
            assert_eq!(call.inject_to(handle, two, to_port(PortId::NONE)), Err(Refusal::Invalid));
            let group = Destination { verdict: VERDICT_TO_GROUP, target: 5, ..Destination::default() };
            assert_eq!(call.inject_to(handle, two, group), Err(Refusal::Gone));
            let drop = Destination { verdict: VERDICT_DROP, ..to_port(two) };
            assert_eq!(call.inject_to(handle, two, drop), Err(Refusal::Invalid));
            let nic = Destination { nic: 1, ..to_port(two) };
            assert_eq!(call.inject_to(handle, two, nic), Err(Refusal::Invalid));
            call.discard(handle, 0).unwrap();
            assert_eq!(call.inject_to(handle, two, to_port(two)), Err(Refusal::Gone));
        })
    });
    let filter = sim.custom(Role::Filter, 0, move || {
        Custom::new(|_| {}).ticking(move |call| {
            let (handle, _) = call.originate(60).unwrap();
            assert_eq!(call.inject_to(handle, two, to_port(two)), Err(Refusal::Forbidden));
            call.discard(handle, 0).unwrap();
        })
    });
    sim.tick(0);
    let count = |sim: &Sim, id, rule| sim.stage(id).broken.of(rule).0;
    assert_eq!(count(&sim, forwarder, Rule::InjectNotAllowed), 1);
    assert_eq!(sim.stage(forwarder).broken.of(Rule::SourceInvalid), (1, never));
    assert_eq!(count(&sim, forwarder, Rule::DestinationInvalid), 4);
    assert_eq!((sim.stage(filter).violations, count(&sim, filter, Rule::InjectNotAllowed)), (1, 1));
    sim.check_rest();
}

#[test]
fn a_nic_index_is_that_of_the_port_or_of_its_uplink() {
    for (slot, nic, fits) in [(2, 0, true), (2, 1, false), (4, 0, true), (4, 1, true), (4, 2, false), (4, 33, false)] {
        let mut sim = four();
        let port = sim.control.id(slot).raw();
        let id = sim.each(Role::Forwarding, 0, Leg::Ingress, move |call, index| {
            let packet = &mut call.packets_mut()[index];
            (packet.verdict, packet.destination, packet.destination_nic) = (VERDICT_TO_PORT, port, nic);
        });
        // Extensions on egress see which.
        sim.each(Role::Capture, 0, Leg::Egress, move |call, index| {
            assert_eq!(call.packets_mut()[index].destination_nic, nic);
        });
        let number = sim.run(1, from_1_to_2());
        if fits {
            sim.expect_receivers(number, &[(slot, None)]);
        } else {
            sim.expect_drops(&[(DropReason::ExtensionBadDestination, 1)]);
            assert_eq!(sim.stage(id).broken.of(Rule::DestinationInvalid), (1, sim.control.id(1)));
        }
        assert_eq!(sim.stage(id).violations, u64::from(!fits), "NIC {nic} of port {slot}");
        sim.check_rest();
    }
}

/// The tag with which a frame leaves to `to` when the forwarder sets these flags.
fn leaves(to: Port, tag: Option<u16>, flags: u32) -> (Option<u16>, bool) {
    let mut sim = switch(&[Port::trunk(10, &[10, 20]), to]);
    let two = sim.control.id(2).raw();
    let id = sim.each(Role::Forwarding, 0, Leg::Ingress, move |call, index| {
        let packet = &mut call.packets_mut()[index];
        (packet.verdict, packet.destination) = (VERDICT_TO_PORT, two);
        packet.flags |= flags;
    });
    let frame = from_1_to_2();
    sim.run(1, if let Some(tci) = tag { frame.tagged(tci) } else { frame });
    assert_eq!(sim.stage(id).violations, 0);
    sim.check_rest();
    (sim.devices.of(2).first().and_then(|sent| sent.tag), sim.devices.of(2).len() == 1)
}

#[test]
fn a_forwarder_has_deliveries_keep_their_tag_or_its_priority() {
    let prioritised = (5 << 13) | 20;
    assert_eq!(leaves(Port::access(20), Some(prioritised), 0), (None, true));
    assert_eq!(leaves(Port::access(20), Some(prioritised), PACKET_PRESERVE_VLAN), (Some(prioritised), true));
    assert_eq!(leaves(Port::access(20), Some(prioritised), PACKET_PRESERVE_PRIORITY), (Some(5 << 13), true));
    // Nothing to keep: it came without a tag, and a trunk would give it one.
    assert_eq!(leaves(Port::trunk(20, &[10, 20]), None, 0), (Some(10), true));
    assert_eq!(leaves(Port::trunk(20, &[10, 20]), None, PACKET_PRESERVE_VLAN), (None, true));
    assert_eq!(leaves(Port::access(10), None, PACKET_PRESERVE_PRIORITY), (None, true));
    // Membership is checked all the same.
    assert_eq!(leaves(Port::access(10), Some(prioritised), PACKET_PRESERVE_VLAN), (None, false));
}

#[test]
fn only_a_forwarder_on_ingress_keeps_tags() {
    for (role, leg) in [(Role::Filter, Leg::Ingress), (Role::Filter, Leg::Egress), (Role::Forwarding, Leg::Egress)] {
        let mut sim = switch(&[Port::trunk(10, &[10, 20]), Port::access(20)]);
        if role == Role::Filter {
            forwards_to_2(&mut sim);
        }
        let two = sim.control.id(2).raw();
        let id = sim.custom(role, 1, move || {
            Custom::new(move |call| {
                for index in 0..call.len() {
                    let on = call.leg();
                    let packet = &mut call.packets_mut()[index];
                    if on == leg {
                        packet.flags |= PACKET_PRESERVE_VLAN;
                    }
                    if role == Role::Forwarding && on == Leg::Ingress {
                        (packet.verdict, packet.destination) = (VERDICT_TO_PORT, two);
                    }
                }
            })
        });
        let number = sim.run(1, from_1_to_2().tagged(20));
        sim.expect_receivers(number, &[(2, None)]);
        assert_eq!(sim.stage(id).broken.of(Rule::FieldChanged).0, 1, "{role:?} on {leg:?}");
        sim.check_rest();
    }
}

#[test]
fn a_held_decision_goes_on_as_it_was_made() {
    let mut sim = switch(&[Port::trunk(10, &[10, 20]), Port::access(20)]);
    let two = sim.control.id(2).raw();
    sim.custom(Role::Forwarding, 0, move || {
        let mut held = Vec::new();
        Custom::new(move |call| {
            if call.leg() == Leg::Ingress {
                let packet = &mut call.packets_mut()[0];
                (packet.verdict, packet.destination) = (VERDICT_TO_PORT, two);
                packet.flags |= PACKET_PRESERVE_VLAN;
                held.push(call.hold(0).unwrap());
                held.drain(..).for_each(|handle| call.release(handle).unwrap());
            }
        })
    });
    let number = sim.run(1, from_1_to_2().tagged(20));
    sim.expect_receivers(number, &[(2, Some(20))]);
    sim.check_rest();
}

/// A frame that carries an Ethernet frame in GRE with a key, from station 1 to station 2.
fn nvgre(flags: u8) -> Raw {
    let mut bytes = [&station(2)[..], &station(1)[..], &[8, 0]].concat();
    bytes.extend([0x45, 0, 0, 48, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend([flags, 0, 0x65, 0x58, 0, 16, 1, 0]);
    bytes.resize(62, 0);
    Raw { bytes, tag_beside: None, offload: Offload::default() }
}

#[test]
fn what_is_forwarded_natively_goes_where_the_switch_says() {
    for (what, verdict, violations, arrives) in [
        ("no opinion", VERDICT_PASS, 0, true),
        ("a destination of its own", VERDICT_TO_PORT, 1, true),
        ("a group of its own", VERDICT_TO_GROUP, 1, true),
        ("a drop", VERDICT_DROP, 0, false),
    ] {
        let native = Port { nics: 1, native: true, ..Port::default() };
        let mut sim = switch(&[native, Port::default(), Port::default()]);
        let three = sim.control.id(3).raw();
        let id = sim.each(Role::Forwarding, 0, Leg::Ingress, move |call, index| {
            let packet = &mut call.packets_mut()[index];
            assert_ne!(packet.flags & PACKET_NATIVE_FORWARDING, 0);
            (packet.verdict, packet.destination) = (verdict, three);
        });
        sim.send_raw(1, 0, nvgre(0x20));
        sim.finish();
        assert_eq!((sim.devices.of(2).len() == 1, sim.devices.of(3).len()), (arrives, 0), "{what}");
        assert_eq!(sim.stage(id).broken.of(Rule::NativeForwarding).0, violations, "{what}");
        sim.check_rest();
    }
}

#[test]
fn a_forwarder_excludes_native_deliveries_on_egress() {
    let native = Port { nics: 1, native: true, ..Port::default() };
    let mut sim = switch(&[native, Port::default()]);
    let id = sim.each(Role::Forwarding, 0, Leg::Egress, |call, index| {
        call.packets_mut()[index].verdict = VERDICT_DROP;
    });
    sim.send_raw(1, 0, nvgre(0x20));
    sim.finish();
    sim.expect_drops(&[(DropReason::ExtensionDrop, 1)]);
    assert_eq!(sim.stage(id).violations, 0);
    sim.check_rest();
}

#[test]
fn other_tunnels_and_other_ports_are_the_forwarders() {
    let native = Port { nics: 1, native: true, ..Port::default() };
    let mut sim = switch(&[native, Port::default(), Port::default()]);
    let three = sim.control.id(3).raw();
    sim.each(Role::Forwarding, 0, Leg::Ingress, move |call, index| {
        let packet = &mut call.packets_mut()[index];
        assert_eq!(packet.flags & PACKET_NATIVE_FORWARDING, 0);
        (packet.verdict, packet.destination) = (VERDICT_TO_PORT, three);
    });
    sim.send_raw(1, 0, nvgre(0x30));
    sim.send_raw(2, 0, nvgre(0x20));
    sim.run(1, Frame::udp(station(1), station(2)));
    assert_eq!((sim.devices.of(2).len(), sim.devices.of(3).len()), (0, 3));
    sim.check_rest();
}
