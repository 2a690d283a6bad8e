//! Every drop reason, each from the one mistake it stands for, and alone.

use heddle_extension_api::abi::packet::{VERDICT_DROP, VERDICT_TO_GROUP, VERDICT_TO_PORT};
use heddle_switch_core::checksum::PartialChecksum;
use heddle_switch_core::drop_reason::{DropReason, EXTENSION_FIRST};
use heddle_switch_core::offload::Offload;
use heddle_switch_core::resume::INJECTED_MAX;
use heddle_switch_core::stage::{CallEnd, Leg, Role};
use heddle_switch_tests::bench::{from_1_to_2, pair, switch, with};
use heddle_switch_tests::frames::{BROADCAST, Body, Frame, Left, station};
use heddle_switch_tests::oracle::Port;
use heddle_switch_tests::sim::{Manners, Setup, Sim, StageSpec};
use heddle_switch_tests::stages::Custom;

macro_rules! reasons {
    ($($name:ident => $reason:ident $body:expr;)+) => {
        $(#[test]
        fn $name() {
            let mut sim: Sim = $body;
            let counted = sim.dropped(DropReason::$reason);
            assert!(counted > 0, "{} is not counted; counted are {:?}", DropReason::$reason.name(), sim.drops());
            assert_eq!(sim.drops().len(), 1, "other reasons are counted too: {:?}", sim.drops());
            sim.check_rest();
        })+

        const PRODUCED: &[DropReason] = &[$(DropReason::$reason,)+];
    };
}

/// Not a reason of the data path itself: the host gives it when it ends a switch.
const OF_THE_HOST: &[DropReason] = &[DropReason::ShuttingDown];

#[test]
fn every_reason_has_a_scenario() {
    for reason in DropReason::ALL.iter().filter(|reason| !OF_THE_HOST.contains(reason)) {
        assert!(PRODUCED.contains(reason), "no scenario produces {}", reason.name());
    }
}

fn sends(mut sim: Sim, slot: u16, frame: Frame) -> Sim {
    sim.run(slot, frame);
    sim
}

fn on_ingress(role: Role, act: impl Fn(&mut heddle_switch_core::call::Call<'_>, usize) + Send + Copy + 'static) -> Sim {
    let mut sim = pair();
    sim.custom(role, 0, move || {
        Custom::new(move |call| {
            if call.leg() == Leg::Ingress {
                (0..call.len()).for_each(|index| act(call, index));
            }
        })
    });
    sends(sim, 1, from_1_to_2())
}

fn holding(quota: u32, hold_max_ns: u64) -> (Sim, heddle_switch_core::stage::StageId) {
    let mut sim = pair();
    let spec = StageSpec::new(Role::Filter, 0, |_, _| {
        Custom::new(|call| (0..call.len()).for_each(|index| assert!(call.hold(index).is_ok())))
    });
    let id = sim.enable(StageSpec { quota, hold_max_ns, ..spec });
    sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    assert_eq!(sim.counters().law.held, 1);
    (sim, id)
}

fn refused_by_device(manners: Manners) -> Sim {
    let mut sim = pair();
    sim.devices.manners.insert(2, manners);
    sends(sim, 1, from_1_to_2())
}

reasons! {
    nobody_else_in_the_vlan_is_no_destination => NoDestination
        sends(switch(&[Port::access(10), Port::access(20)]), 1, Frame::udp(station(1), BROADCAST));
    destination_behind_the_source_is_same_port => SamePort
        sends(pair(), 1, Frame::udp(station(9), station(1)));
    link_local_group_is_reserved_multicast => ReservedMulticast
        sends(pair(), 1, Frame::udp(station(1), [1, 0x80, 0xc2, 0, 0, 0x0e]));
    group_source_is_source_multicast => SourceMulticast
        sends(pair(), 1, Frame::udp([1, 0, 0x5e, 0, 0, 1], station(2)));
    tag_on_an_access_port_is_not_allowed => VlanTagNotAllowed
        sends(switch(&[Port::access(10), Port::access(10)]), 1, from_1_to_2().tagged(10));
    foreign_vlan_on_a_trunk_is_not_allowed => VlanNotAllowedIngress
        sends(switch(&[Port::trunk(1, &[10]), Port::trunk(1, &[20])]), 1, from_1_to_2().tagged(20));
    known_station_behind_a_port_without_the_vlan_is_not_allowed_on_egress => VlanNotAllowedEgress {
        let mut sim = switch(&[Port::access(10), Port::access(20)]);
        sim.control.fix(10, station(2), 2);
        sim.publish_now();
        sends(sim, 1, from_1_to_2())
    };
    known_station_behind_a_port_that_is_down => PortDown
        sends(switch(&[Port::default(), Port { transmits: false, ..Port::default() }]), 1, from_1_to_2());
    frame_from_a_port_that_is_down => SourcePortDown
        sends(switch(&[Port { receives: false, ..Port::default() }, Port::default()]), 1, from_1_to_2());
    frame_from_a_deleted_port => PortGone {
        let mut sim = pair();
        sim.send(1, from_1_to_2());
        sim.control.remove_port(1);
        sim.publish_now();
        sim.finish();
        sim
    };
    thirteen_bytes_are_too_short => FrameTooShort
        sends(pair(), 1, from_1_to_2().of(Body::Runt(13), 0));
    one_byte_above_the_mtu_is_too_long => FrameTooLong
        sends(pair(), 1, from_1_to_2().of(Body::Other(0x9000), 1_501));
    no_buffer_for_a_private_copy_is_pool_empty => PoolEmpty {
        // The receive buffer is the only one; the flood shares it and each device wants its checksum written.
        let small = Setup { buffers: [1, 0, 0], ..Setup::of(1, 7) };
        let sim = with(small, &[Port::default(), Port::default(), Port::default()]);
        sends(sim, 1, Frame::udp(station(1), BROADCAST).left(Left::Checksum))
    };
    device_with_a_full_queue => TxQueueFull refused_by_device(Manners::Full);
    device_that_is_gone => DeviceGone refused_by_device(Manners::Gone);
    device_that_rejects_the_frame => DeviceRefused refused_by_device(Manners::Refuses);
    full_ring_to_the_owner_is_handover_full => HandoverFull {
        let mut sim = with(Setup { ring: 4, ..Setup::of(2, 7) }, &[Port::default(), Port::default(), Port::default()]);
        let flow = (0..2).find(|flow| sim.entry(1, *flow) == 1).unwrap();
        for _ in 0..9 {
            sim.send(1, from_1_to_2().flow(flow));
        }
        sim.receive(1, 9);
        sim.finish();
        assert_eq!(sim.dropped(DropReason::HandoverFull), 5);
        sim
    };
    endless_injection_ends_at_the_resume_queue => ResumeQueueFull {
        let spec = StageSpec::new(Role::Filter, 0, |_, _| Custom::new(|call| {
            if call.leg() == Leg::Ingress {
                for _ in 0..INJECTED_MAX + 10 {
                    let (handle, _) = call.originate(60).unwrap();
                    call.inject(handle, heddle_switch_core::port_id::PortId::NONE).unwrap();
                }
            }
        }));
        let big = Setup { buffers: [10_000, 8, 8], ..Setup::of(1, 7) };
        let mut sim = with(big, &[Port::default(), Port::default()]);
        sim.enable(spec);
        sim.send(1, from_1_to_2());
        sim.receive(0, 1);
        assert_eq!(sim.dropped(DropReason::ResumeQueueFull), 10);
        sim.devices.sent.clear();
        sim
    };
    injection_for_what_was_injected_is_an_injection_loop => InjectionLoop {
        let mut sim = pair();
        sim.each(Role::Filter, 0, Leg::Egress, |call, index| {
            let (handle, _) = call.clone_packet(index).unwrap();
            call.inject(handle, heddle_switch_core::port_id::PortId::NONE).unwrap();
        });
        sim.run(1, from_1_to_2());
        sim.devices.sent.clear();
        sim
    };
    frame_held_too_long_is_hold_expired => HoldExpired {
        let (mut sim, _) = holding(8, 1_000_000);
        sim.now_ns += 1_000_000;
        sim.tick(0);
        assert_eq!(sim.counters().law.held, 1, "held exactly as long as allowed");
        sim.now_ns += 1;
        sim.tick(0);
        sim
    };
    frame_held_by_a_disabled_extension => ExtensionDisabled {
        let (mut sim, id) = holding(8, u64::MAX);
        sim.control.disable(id);
        sim.publish_now();
        sim
    };
    frame_written_by_a_failed_call_is_lost => ExtensionPanic {
        let mut sim = pair();
        sim.custom(Role::Filter, 0, || Custom::ending(|call| {
            if call.leg() == Leg::Ingress {
                call.make_writable(0).unwrap();
                return CallEnd::Failed;
            }
            CallEnd::Returned
        }));
        sends(sim, 1, from_1_to_2())
    };
    forwarding_verdict_of_a_filter => ExtensionBadVerdict
        on_ingress(Role::Filter, |call, index| call.packets_mut()[index].verdict = VERDICT_TO_PORT);
    frame_left_outside_its_buffer => ExtensionBadBounds
        on_ingress(Role::Filter, |call, index| {
            call.make_writable(index).unwrap();
            call.packets_mut()[index].start = 2_100;
        });
    drop_without_a_registered_reason => ExtensionDrop
        on_ingress(Role::Filter, |call, index| call.packets_mut()[index].verdict = VERDICT_DROP);
    forwarder_without_an_opinion => NoForwardingDecision on_ingress(Role::Forwarding, |_, _| {});
    group_that_does_not_exist => GroupGone
        on_ingress(Role::Forwarding, |call, index| {
            let packet = &mut call.packets_mut()[index];
            (packet.verdict, packet.destination) = (VERDICT_TO_GROUP, 3);
        });
    port_that_was_never_there => ExtensionBadDestination
        on_ingress(Role::Forwarding, |call, index| {
            let packet = &mut call.packets_mut()[index];
            (packet.verdict, packet.destination) = (VERDICT_TO_PORT, 77);
        });
    offload_frame_changed_into_nonsense => SegmentationFailed
        on_ingress_gso();
    checksum_beyond_the_frame => ChecksumFailed {
        let mut sim = pair();
        sim.devices_lie_about(Offload { csum: Some(PartialChecksum { start: 90, offset: 16 }), ..Offload::default() });
        sends(sim, 1, from_1_to_2())
    };
    held_frame_that_is_discarded => ExtensionDiscard
        on_ingress(Role::Filter, |call, index| {
            let handle = call.hold(index).unwrap();
            call.discard(handle, 0).unwrap();
        });
}

/// A filter turns the TCP header of an offload frame into something that cannot be cut.
fn on_ingress_gso() -> Sim {
    let mut sim = pair();
    sim.custom(Role::Filter, 0, || {
        Custom::new(|call| {
            if call.leg() == Leg::Ingress {
                call.make_writable(0).unwrap();
                let packet = call.packets_mut()[0];
                heddle_switch_tests::memory::write_frame(call.arena(), &packet, |bytes| bytes[14] = 0x4f);
            }
        })
    });
    sends(sim, 1, from_1_to_2().of(Body::Tcp4, 300).left(Left::Segments(100)))
}

#[test]
fn registered_reasons_are_counted_under_their_own_code() {
    let sim = on_ingress(Role::Filter, |call, index| {
        let packet = &mut call.packets_mut()[index];
        (packet.verdict, packet.drop_reason) = (VERDICT_DROP, EXTENSION_FIRST + 5);
    });
    assert_eq!(sim.drops().into_iter().collect::<Vec<_>>(), [(EXTENSION_FIRST + 5, 1)]);
}
