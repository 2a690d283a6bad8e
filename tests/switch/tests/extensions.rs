//! What extensions may do, and what comes of those that lie, fail or forget.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use heddle_extension_api::abi::packet::{Packet, VERDICT_DROP, VERDICT_PASS, VERDICT_TO_GROUP, VERDICT_TO_PORT};
use heddle_switch_core::call::{Call, Refusal};
use heddle_switch_core::drop_codes::DropCodes;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::held::HELD_MAX;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{CallEnd, Leg, OnFailure, Role, StageId};
use heddle_switch_core::violation::Rule;
use heddle_switch_tests::bench::{from_1_to_2, pair, switch, with};
use heddle_switch_tests::frames::{Body, Frame, Left, Mark, station};
use heddle_switch_tests::memory::write_frame;
use heddle_switch_tests::oracle::Port;
use heddle_switch_tests::sim::{Setup, Sim, StageSpec};
use heddle_switch_tests::stages::Custom;

/// A filter that changes the descriptor of a frame from 1 to 2 on ingress, without leave to.
fn lied_to(change: impl Fn(&mut Packet) + Send + Copy + 'static) -> (Sim, StageId, Frame) {
    let mut sim = pair();
    let id = sim.each(Role::Filter, 0, Leg::Ingress, move |call, index| change(&mut call.packets_mut()[index]));
    let frame = from_1_to_2();
    sim.run(1, frame.clone());
    sim.check_rest();
    (sim, id, frame)
}

fn arrives_whole(sim: &Sim, frame: &Frame) {
    sim.expect_drops(&[]);
    let mut frame = frame.clone();
    frame.mark.number = 1;
    assert_eq!(sim.devices.of(2).len(), 1);
    assert_eq!(sim.devices.of(2)[0].bytes, frame.bytes());
}

#[test]
fn descriptor_fields_of_the_host_are_put_back() {
    let changes: [fn(&mut Packet); 15] = [
        |packet| packet.buffer += 33,
        |packet| packet.source_port = 77,
        |packet| packet.length -= 20,
        |packet| packet.length += 20,
        |packet| packet.start += 14,
        |packet| (packet.start, packet.length) = (0, 2_000),
        |packet| packet.l3 += 1,
        |packet| packet.l4 = 60_000,
        |packet| packet.ethertype = 0,
        |packet| packet.vlan_tci = 7,
        |packet| packet.flow_hash ^= 1,
        |packet| packet.flags = u32::MAX,
        |packet| packet.traffic_class = 7,
        |packet| packet.source_nic = 1,
        |packet| packet.destination_nic = 1,
    ];
    for change in changes {
        let (sim, id, frame) = lied_to(change);
        arrives_whole(&sim, &frame);
        assert_eq!(sim.stage(id).violations, 1);
    }
}

#[test]
fn destination_set_by_a_filter_on_ingress_is_ignored() {
    let (sim, _, frame) = lied_to(|packet| packet.destination = 1);
    arrives_whole(&sim, &frame);
}

#[test]
fn delivery_redirected_on_egress_goes_where_it_was_going() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    let other = sim.control.id(3).raw();
    let id = sim.each(Role::Filter, 0, Leg::Egress, move |call, index| {
        call.packets_mut()[index].destination = other;
    });
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None)]);
    assert_eq!(sim.stage(id).violations, 1);
}

#[test]
fn tag_changed_on_egress_does_not_reach_the_device() {
    let mut sim = switch(&[Port::access(10), Port::trunk(1, &[10, 20])]);
    sim.control.fix(10, station(2), 2);
    sim.publish_now();
    sim.each(Role::Filter, 0, Leg::Egress, |call, index| call.packets_mut()[index].vlan_tci = 20);
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, Some(10))]);
}

#[test]
fn private_frame_may_shrink_and_grow_within_its_buffer() {
    let mut sim = pair();
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        call.make_writable(index).unwrap();
        let packet = &mut call.packets_mut()[index];
        packet.start -= 4;
        packet.length += 4;
        let packet = *packet;
        write_frame(call.arena(), &packet, |bytes| {
            bytes.copy_within(4..16, 0);
            bytes[12..16].copy_from_slice(&[0x88, 0xa8, 0, 7]);
        });
        call.reparse(index).unwrap();
    });
    let id = sim.each(Role::Filter, 1, Leg::Ingress, |_, _| {});
    let frame = from_1_to_2();
    let number = sim.run(1, frame.clone());
    sim.expect_receivers(number, &[(2, None)]);
    assert_eq!(sim.devices.of(2)[0].bytes.len(), frame.length() + 4);
    assert_eq!(sim.devices.of(2)[0].bytes[12..18], [0x88, 0xa8, 0, 7, 8, 0]);
    assert_eq!(sim.stage(id).violations, 0);
    sim.check_rest();
}

#[test]
fn frame_cut_below_an_ethernet_header_is_out_of_bounds() {
    for length in [0, 13] {
        let mut sim = pair();
        let id = sim.each(Role::Filter, 0, Leg::Ingress, move |call, index| {
            call.make_writable(index).unwrap();
            call.packets_mut()[index].length = length;
        });
        sim.run(1, from_1_to_2());
        sim.expect_drops(&[(DropReason::ExtensionBadBounds, 1)]);
        assert_eq!(sim.stage(id).violations, 1);
    }
}

#[test]
fn capture_has_no_say() {
    for (leg, verdict) in
        [(Leg::Ingress, VERDICT_DROP), (Leg::Ingress, VERDICT_TO_PORT), (Leg::Egress, VERDICT_DROP), (Leg::Egress, 200)]
    {
        let mut sim = pair();
        let id = sim.each(Role::Capture, 0, leg, move |call, index| {
            call.packets_mut()[index].verdict = verdict;
            assert_eq!(call.make_writable(index), Err(Refusal::Forbidden));
            assert_eq!(call.hold(index), Err(Refusal::Forbidden));
            assert_eq!(call.reparse(index), Err(Refusal::Forbidden));
            assert!(matches!(call.clone_packet(index), Err(Refusal::Forbidden)));
        });
        let number = sim.run(1, from_1_to_2());
        sim.expect_receivers(number, &[(2, None)]);
        assert_eq!(sim.stage(id).violations, 5);
        for rule in [Rule::VerdictNotAllowed, Rule::HoldNotAllowed, Rule::CloneNotAllowed] {
            let port = sim.control.id(if leg == Leg::Ingress { 1 } else { 2 });
            assert_eq!(sim.stage(id).broken.of(rule), (1, port), "{}", rule.name());
        }
        assert_eq!(sim.stage(id).broken.of(Rule::ModifyNotAllowed).0, 2);
        sim.expect_drops(&[]);
    }
}

#[test]
fn nothing_is_modified_on_egress() {
    for role in [Role::Filter, Role::Forwarding] {
        let mut sim = pair();
        sim.each(role, 0, Leg::Egress, |call, index| {
            assert_eq!(call.make_writable(index), Err(Refusal::Forbidden));
            assert_eq!(call.reparse(index), Err(Refusal::Forbidden));
        });
        sim.control.entry(StageId(1)).ingress = false;
        sim.publish_now();
        let number = sim.run(1, from_1_to_2());
        sim.expect_receivers(number, &[(2, None)]);
    }
}

#[test]
fn verdicts_a_role_or_leg_does_not_have_are_drops() {
    let bad = [
        (Role::Filter, Leg::Ingress, VERDICT_TO_PORT),
        (Role::Filter, Leg::Ingress, VERDICT_TO_GROUP),
        (Role::Filter, Leg::Ingress, 2),
        (Role::Filter, Leg::Egress, VERDICT_TO_PORT),
        (Role::Filter, Leg::Egress, 99),
        (Role::Forwarding, Leg::Egress, VERDICT_TO_PORT),
    ];
    for (role, leg, verdict) in bad {
        let mut sim = pair();
        let id = sim.each(role, 0, leg, move |call, index| call.packets_mut()[index].verdict = verdict);
        sim.control.entry(id).ingress = leg == Leg::Ingress;
        sim.publish_now();
        sim.run(1, from_1_to_2());
        sim.expect_drops(&[(DropReason::ExtensionBadVerdict, 1)]);
        assert_eq!(sim.stage(id).violations, 1);
        sim.check_rest();
    }
}

#[test]
fn reason_left_behind_with_a_pass_harms_nobody() {
    for leg in [Leg::Ingress, Leg::Egress] {
        let mut sim = switch(&[Port::access(10), Port::access(10)]);
        let role = if leg == Leg::Ingress { Role::Filter } else { Role::Forwarding };
        let id = sim.each(role, 0, leg, |call, index| call.packets_mut()[index].drop_reason = 70);
        sim.control.entry(id).ingress = leg == Leg::Ingress;
        sim.publish_now();
        let good = sim.send(1, from_1_to_2());
        // The policy refuses these two in the same burst, one on each leg.
        sim.send(1, from_1_to_2().tagged(10));
        sim.send(1, from_1_to_2().of(Body::Udp4, 1_600));
        sim.finish();
        sim.expect_receivers(good, &[(2, None)]);
        sim.expect_drops(&[(DropReason::VlanTagNotAllowed, 1), (DropReason::FrameTooLong, 1)]);
    }
}

/// Holds what comes on a leg after `before` changed the descriptor, and lets it go at the next tick.
fn holds(sim: &mut Sim, order: u16, on: Leg, before: impl Fn(&mut Call<'_>, usize) + Send + Copy + 'static) -> StageId {
    let spec = StageSpec::new(Role::Filter, order, move |_, _| {
        let handles = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&handles);
        let hold = move |call: &mut Call<'_>| {
            for index in (0..call.len()).filter(|_| call.leg() == on).collect::<Vec<_>>() {
                before(call, index);
                handles.lock().unwrap().push(call.hold(index).unwrap());
            }
        };
        Custom::new(hold).ticking(move |call| {
            for handle in kept.lock().unwrap().drain(..) {
                call.release(handle).unwrap();
                assert_eq!(call.release(handle), Err(Refusal::Gone));
            }
        })
    });
    sim.enable(spec)
}

#[test]
fn verdict_left_on_a_held_frame_decides_nothing() {
    for (leg, verdict) in [(Leg::Ingress, VERDICT_DROP), (Leg::Egress, VERDICT_DROP), (Leg::Ingress, VERDICT_TO_PORT)] {
        let mut sim = pair();
        let capture = sim.each(Role::Capture, 0, leg, |call, index| {
            assert_eq!(call.packets_mut()[index].verdict, VERDICT_PASS);
        });
        let filter = sim.each(Role::Filter, 1, leg, |call, index| {
            assert_eq!(call.packets_mut()[index].verdict, VERDICT_PASS);
        });
        let order = if leg == Leg::Ingress { 0 } else { 2 };
        holds(&mut sim, order, leg, move |call, index| call.packets_mut()[index].verdict = verdict);
        let number = sim.run(1, from_1_to_2());
        sim.expect_receivers(number, &[(2, None)]);
        assert_eq!(sim.stage(capture).violations + sim.stage(filter).violations, 0);
    }
}

#[test]
fn filter_cannot_decide_for_the_forwarder_by_holding() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    let other = sim.control.id(3).raw();
    holds(&mut sim, 0, Leg::Ingress, move |call, index| {
        let packet = &mut call.packets_mut()[index];
        (packet.verdict, packet.destination) = (VERDICT_TO_PORT, other);
    });
    sim.each(Role::Forwarding, 0, Leg::Ingress, |_, _| {});
    sim.run(1, from_1_to_2());
    sim.expect_drops(&[(DropReason::NoForwardingDecision, 1)]);
}

#[test]
fn frame_written_and_held_survives_the_failure_of_another_extension() {
    let mut sim = pair();
    holds(&mut sim, 0, Leg::Ingress, |call, index| call.make_writable(index).unwrap());
    sim.custom(Role::Filter, 1, || Custom::ending(|_| CallEnd::Failed));
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None)]);
}

#[test]
fn held_place_cannot_be_passed_off_as_a_packet() {
    let mut sim = pair();
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        let handle = call.hold(index).unwrap();
        // As if nothing had happened: an empty place with matching fields.
        call.packets_mut()[index] = Packet { buffer: u32::MAX, ..Packet::default() };
        assert_eq!(call.make_writable(index), Err(Refusal::Invalid));
        assert_eq!(call.hold(index), Err(Refusal::Invalid));
        call.discard(handle, 0).unwrap();
    });
    sim.run(1, from_1_to_2());
    sim.expect_drops(&[(DropReason::ExtensionDiscard, 1)]);
    sim.check_rest();
}

#[test]
fn handles_of_others_and_used_up_ones_name_nothing() {
    let stolen = Arc::new(AtomicU64::new(0));
    let mut sim = pair();
    let from = Arc::clone(&stolen);
    sim.custom(Role::Filter, 0, move || {
        let from = Arc::clone(&from);
        Custom::new(move |call| {
            if call.leg() == Leg::Ingress {
                from.store(call.hold(0).unwrap(), Ordering::Relaxed);
            }
        })
    });
    sim.custom(Role::Filter, 1, move || {
        let stolen = Arc::clone(&stolen);
        Custom::new(|_| {}).ticking(move |call| {
            let handle = stolen.load(Ordering::Relaxed);
            for handle in [handle, 0, u64::MAX, handle + 1, handle ^ (1 << 40)] {
                assert_eq!(call.release(handle), Err(Refusal::Gone));
                assert_eq!(call.discard(handle, 0), Err(Refusal::Gone));
                assert_eq!(call.inject(handle, PortId::NONE), Err(Refusal::Gone));
            }
        })
    });
    sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    sim.tick(0);
    assert_eq!(sim.counters().law.held, 1);
    sim.check_rest();
}

#[test]
fn used_up_handle_never_names_the_next_frame_in_its_place() {
    let mut sim = pair();
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        let first = call.hold(index).unwrap();
        call.discard(first, 0).unwrap();
        let (second, _) = call.originate(60).unwrap();
        assert_eq!(first as u32, second as u32, "the place is used again");
        assert_eq!(call.discard(first, 0), Err(Refusal::Gone));
        call.discard(second, 0).unwrap();
    });
    sim.run(1, from_1_to_2());
    sim.check_rest();
}

#[test]
fn held_frame_is_no_draft_and_a_draft_is_not_held() {
    let mut sim = pair();
    sim.each(Role::Filter, 0, Leg::Ingress, |call, index| {
        let (draft, _) = call.originate(60).unwrap();
        assert_eq!(call.release(draft), Err(Refusal::Gone));
        let held = call.hold(index).unwrap();
        assert_eq!(call.inject(held, PortId::NONE), Err(Refusal::Invalid));
        call.release(held).unwrap();
        call.discard(draft, 0).unwrap();
    });
    let number = sim.run(1, from_1_to_2());
    sim.expect_receivers(number, &[(2, None)]);
    sim.expect_drops(&[]);
    sim.check_rest();
}

#[test]
fn quota_bounds_what_an_extension_keeps() {
    let mut sim = pair();
    let spec = StageSpec::new(Role::Filter, 0, |_, _| {
        Custom::new(|call| {
            if call.leg() == Leg::Ingress {
                let outcomes: Vec<bool> = (0..call.len()).map(|index| call.hold(index).is_ok()).collect();
                assert_eq!(outcomes, [true, true, true, false, false]);
                assert!(matches!(call.originate(60), Err(Refusal::Full)));
                assert!(matches!(call.clone_packet(4), Err(Refusal::Full)));
            }
        })
    });
    let id = sim.enable(StageSpec { quota: 3, ..spec });
    (0..5).for_each(|_| assert!(sim.send(1, from_1_to_2()) > 0));
    sim.receive(0, 5);
    assert_eq!(sim.counters().law.held, 3);
    assert_eq!(sim.devices.of(2).len(), 2, "what finds no place goes on");
    sim.control.disable(id);
    sim.publish_now();
    sim.expect_drops(&[(DropReason::ExtensionDisabled, 3)]);
    sim.check_rest();
}

#[test]
fn held_table_is_bounded_over_all_extensions() {
    let setup = Setup { buffers: [HELD_MAX as u32 + 100, 8, 8], ..Setup::of(1, 7) };
    let mut sim = with(setup, &[Port::default(), Port::default()]);
    let made = Arc::new(AtomicU64::new(0));
    for order in 0..3 {
        let made = Arc::clone(&made);
        let spec = StageSpec::new(Role::Filter, order, move |_, _| {
            let made = Arc::clone(&made);
            Custom::new(|call| assert_eq!(call.hold(0), Err(Refusal::Full))).ticking(move |call| {
                while call.originate(14).is_ok() {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        sim.control.enable(StageSpec { quota: 10_000, ..spec });
    }
    sim.publish_now();
    sim.tick(0);
    assert_eq!(made.load(Ordering::Relaxed), HELD_MAX as u64);
    let number = sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    sim.expect_receivers(number, &[(2, None)]);
    (1..=3).for_each(|id| sim.control.disable(StageId(id)));
    sim.publish_now();
    sim.expect_drops(&[]);
    sim.check_rest();
}

#[test]
fn failed_call_follows_the_fail_policy() {
    for (policy, delivered) in [(OnFailure::Open, 1), (OnFailure::Closed, 0)] {
        let mut sim = pair();
        let spec = StageSpec::new(Role::Filter, 0, |_, _| {
            Custom::ending(|call| {
                if call.leg() == Leg::Egress {
                    return CallEnd::Returned;
                }
                // Verdicts of a failed call are void.
                call.packets_mut().iter_mut().for_each(|packet| packet.verdict = VERDICT_DROP);
                CallEnd::Failed
            })
        });
        let id = sim.enable(StageSpec { on_failure: policy, ..spec });
        sim.run(1, from_1_to_2());
        assert_eq!(sim.devices.of(2).len(), delivered);
        assert_eq!(sim.dropped(DropReason::ExtensionPanic), 1 - delivered as u64);
        assert_eq!(sim.stage(id).failures, 1);
        sim.check_rest();
    }
}

#[test]
fn a_port_s_own_fail_policy_goes_before_the_extension_s() {
    // The extension fails on one leg; the policy of the port on that leg decides, whatever the other port's is.
    for leg in [Leg::Ingress, Leg::Egress] {
        for (extension, port, delivered) in [
            (OnFailure::Open, Some(OnFailure::Closed), 0),
            (OnFailure::Closed, Some(OnFailure::Open), 1),
            (OnFailure::Closed, None, 0),
            (OnFailure::Open, None, 1),
        ] {
            let opposite =
                port.map(|policy| if policy == OnFailure::Open { OnFailure::Closed } else { OnFailure::Open });
            let (from, to) = if leg == Leg::Ingress { (port, opposite) } else { (opposite, port) };
            let of = |on_failure| Port { on_failure, ..Port::default() };
            let mut sim = switch(&[of(from), of(to)]);
            let spec = StageSpec::new(Role::Filter, 0, move |_, _| {
                Custom::ending(move |call| if call.leg() == leg { CallEnd::Failed } else { CallEnd::Returned })
            });
            sim.enable(StageSpec { on_failure: extension, ..spec });
            sim.run(1, from_1_to_2());
            assert_eq!(sim.devices.of(2).len(), delivered, "{leg:?} {extension:?} {port:?}");
            assert_eq!(sim.dropped(DropReason::ExtensionPanic), 1 - delivered as u64);
            sim.check_rest();
        }
    }
}

#[test]
fn failed_call_costs_only_the_frames_it_had_written() {
    let mut sim = pair();
    sim.custom(Role::Filter, 0, || {
        Custom::ending(|call| {
            if call.leg() == Leg::Egress || call.len() < 4 {
                return CallEnd::Returned;
            }
            call.make_writable(1).unwrap();
            let held = call.hold(2).unwrap();
            call.release(held).unwrap();
            CallEnd::Failed
        })
    });
    let numbers: Vec<u32> = (0..4).map(|_| sim.send(1, from_1_to_2())).collect();
    sim.finish();
    let got: Vec<usize> = numbers.iter().map(|number| sim.devices.receivers(*number).len()).collect();
    assert_eq!(got, [1, 0, 1, 1]);
    sim.expect_drops(&[(DropReason::ExtensionPanic, 1)]);
    sim.check_rest();
}

/// A forwarder that sends by the frame's flow number: to that port, or to group `flow - 100`.
fn by_flow(call: &mut Call<'_>, index: usize) {
    let Some(mark) = Mark::find(call.frame(index)) else { return };
    let packet = &mut call.packets_mut()[index];
    match mark.flow {
        0 => {}
        flow @ 1..100 => (packet.verdict, packet.destination) = (VERDICT_TO_PORT, (1 << 12) + u32::from(flow)),
        flow => (packet.verdict, packet.destination) = (VERDICT_TO_GROUP, u32::from(flow) - 100),
    }
}

#[test]
fn forwarder_decides_and_policy_still_holds() {
    let ports = [
        Port::access(10),
        Port::access(10),
        Port::access(20),
        Port::access(10),
        Port { transmits: false, ..Port::access(10) },
    ];
    let mut sim = switch(&ports);
    let ids: Vec<PortId> = (1..=5).map(|slot| sim.control.id(slot)).collect();
    sim.control.groups = vec![Some(ids.clone()), None, Some(Vec::new()), Some(vec![ids[0]])];
    sim.each(Role::Forwarding, 0, Leg::Ingress, by_flow);
    let one = sim.run(1, from_1_to_2().flow(4));
    sim.expect_receivers(one, &[(4, None)]);
    let group = sim.run(1, from_1_to_2().flow(100));
    sim.expect_receivers(group, &[(2, None), (4, None)]);
    sim.expect_drops(&[(DropReason::VlanNotAllowedEgress, 1), (DropReason::PortDown, 1)]);
    for flow in [0, 1, 77, 101, 102, 103] {
        let number = sim.run(1, from_1_to_2().flow(flow));
        sim.expect_receivers(number, &[]);
    }
    sim.expect_drops(&[
        (DropReason::NoForwardingDecision, 1),
        (DropReason::SamePort, 1),
        // A port that was never there.
        (DropReason::ExtensionBadDestination, 1),
        (DropReason::GroupGone, 1),
        (DropReason::NoDestination, 2),
        (DropReason::VlanNotAllowedEgress, 1),
        (DropReason::PortDown, 1),
    ]);
    sim.check_rest();
}

#[test]
fn burst_keeps_its_order_when_some_frames_have_several_destinations() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    let ids: Vec<PortId> = (1..=3).map(|slot| sim.control.id(slot)).collect();
    sim.control.groups = vec![Some(ids)];
    sim.each(Role::Forwarding, 0, Leg::Ingress, by_flow);
    let numbers: Vec<u32> =
        (0..250).map(|n| sim.send(1, from_1_to_2().flow(if n % 3 == 0 { 100 } else { 2 }))).collect();
    sim.finish();
    let at_2: Vec<u32> = sim.devices.of(2).iter().filter_map(|sent| sent.number()).collect();
    assert_eq!(at_2, numbers);
    sim.check_rest();
}

#[test]
fn offload_facts_are_told() {
    let mut sim = pair();
    sim.each(Role::Filter, 0, Leg::Ingress, |call, _| {
        let facts = call.offload_facts()[0];
        assert_eq!((facts.checksum_start, facts.checksum_offset), (34, 16));
        assert_eq!((facts.segment_size, facts.segments), (100, 3));
    });
    let number = sim.run(1, from_1_to_2().of(Body::Tcp4, 300).left(Left::Segments(100)));
    assert_eq!(sim.devices.receivers(number).len(), 3);
}

#[test]
fn frame_written_and_held_in_a_call_that_fails_is_lost_to_it() {
    let mut sim = pair();
    let id = sim.custom(Role::Filter, 0, || {
        Custom::ending(|call| {
            if call.leg() == Leg::Egress || call.len() < 4 {
                return CallEnd::Returned;
            }
            call.make_writable(0).unwrap();
            call.hold(0).unwrap();
            call.hold(1).unwrap();
            CallEnd::Failed
        })
    });
    for _ in 0..4 {
        sim.send(1, from_1_to_2());
    }
    sim.receive(0, 4);
    assert_eq!(sim.dropped(DropReason::ExtensionPanic), 1);
    assert_eq!((sim.counters().law.held, sim.devices.of(2).len()), (1, 2));
    sim.control.disable(id);
    sim.publish_now();
    assert_eq!(sim.dropped(DropReason::ExtensionDisabled), 1);
    sim.devices.sent.clear();
    assert_eq!(sim.counters().law.balance(), 0);
}

#[test]
fn drop_reasons_of_others_are_not_charged() {
    let mut sim = pair();
    let codes = DropCodes::registered();
    codes.add(70);
    let spec = StageSpec::new(Role::Filter, 0, |_, _| {
        Custom::new(|call| {
            for (index, code) in [70, 71, 500, 23].into_iter().enumerate().take(call.len()) {
                let packet = &mut call.packets_mut()[index];
                (packet.verdict, packet.drop_reason) = (VERDICT_DROP, code);
            }
        })
    });
    let id = sim.enable(StageSpec { codes, ..spec });
    for _ in 0..4 {
        sim.send(1, from_1_to_2());
    }
    sim.receive(0, 4);
    let drops = &sim.counters().drops;
    assert_eq!((drops[70], drops[71], drops[500]), (1, 0, 0));
    assert_eq!(sim.dropped(DropReason::ExtensionDrop), 3);
    let (count, port) = sim.stage(id).broken.of(Rule::DropReasonInvalid);
    assert_eq!(
        (count, port),
        (2, sim.control.id(1)),
        "a code of the switch's own names no reason, and is none of others"
    );
    assert_eq!(sim.counters().port_drops(sim.control.id(1), 70), 1, "the port is told");
    assert_eq!(sim.counters().port_drops(sim.control.id(1), 71), 0);
    sim.devices.sent.clear();
    assert_eq!(sim.counters().law.balance(), 0);
}
