//! Frames under way while the world around them changes: one scenario for each kind of change.

use std::sync::{Arc, Mutex};

use heddle_extension_api::abi::packet::VERDICT_TO_PORT;
use heddle_switch_core::call::Refusal;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Leg, Role, StageId};
use heddle_switch_tests::bench::{from_1_to_2, switch, with};
use heddle_switch_tests::frames::{BROADCAST, Frame, station};
use heddle_switch_tests::judge::Judge;
use heddle_switch_tests::oracle::{Port, Vlan};
use heddle_switch_tests::sim::{Setup, Sim, StageSpec};
use heddle_switch_tests::stages::{Custom, Scripted};

type Handles = Arc<Mutex<Vec<u64>>>;

/// Holds what comes on a leg; the test says when it goes on.
fn holder(sim: &mut Sim, role: Role, order: u16, leg: Leg) -> (StageId, Arc<Mutex<bool>>, Handles) {
    let (go, handles) = (Arc::new(Mutex::new(false)), Handles::default());
    let (gone, kept) = (Arc::clone(&go), Arc::clone(&handles));
    let spec = StageSpec::new(role, order, move |_, _| {
        let (go, handles, kept) = (Arc::clone(&gone), Arc::clone(&kept), Arc::clone(&kept));
        let process = move |call: &mut heddle_switch_core::call::Call<'_>| {
            for index in (0..call.len()).filter(|_| call.leg() == leg).collect::<Vec<_>>() {
                if role == Role::Forwarding {
                    let packet = &mut call.packets_mut()[index];
                    (packet.verdict, packet.destination) = (VERDICT_TO_PORT, PortId::new(2, 1).raw());
                }
                handles.lock().unwrap().push(call.hold(index).unwrap());
            }
        };
        Custom::new(process).ticking(move |call| {
            if *go.lock().unwrap() {
                for handle in kept.lock().unwrap().drain(..) {
                    assert!(matches!(call.release(handle), Ok(()) | Err(Refusal::Gone)));
                }
            }
        })
    });
    (sim.enable(spec), go, handles)
}

#[test]
fn deleting_a_port_drops_what_is_held_from_it_and_for_it_at_once() {
    for (leg, port) in [(Leg::Ingress, 1), (Leg::Egress, 1), (Leg::Egress, 2)] {
        let mut sim = switch(&[Port::default(), Port::default()]);
        holder(&mut sim, Role::Filter, 0, leg);
        sim.send(1, from_1_to_2());
        sim.receive(0, 1);
        assert_eq!(sim.counters().law.held, 1);
        sim.control.remove_port(port);
        sim.publish_now();
        sim.expect_drops(&[(DropReason::PortGone, 1)]);
        assert_eq!(sim.counters().law.held, 0);
        sim.check_rest();
    }
}

#[test]
fn successor_in_the_slot_gets_nothing_that_was_meant_for_the_deleted_port() {
    let mut sim = with(Setup::of(2, 7), &[Port::default(), Port::default()]);
    let flow = (0..2).find(|flow| sim.entry(1, *flow) == 1).unwrap();
    // Port 2 is worker 0's; the frame is in the ring to it while the port is replaced.
    sim.send(1, from_1_to_2().flow(flow));
    sim.receive(1, 1);
    sim.exchange(1, 0);
    sim.control.remove_port(2);
    sim.control.port(2, Port::default());
    sim.publish_now();
    sim.finish();
    assert!(sim.devices.of(2).is_empty());
    sim.expect_drops(&[(DropReason::PortGone, 1)]);
    sim.check_rest();
}

#[test]
fn held_frame_keeps_the_vlan_it_came_in_with() {
    let mut sim = switch(&[Port::trunk(1, &[10]), Port::access(10)]);
    let (_, go, _) = holder(&mut sim, Role::Forwarding, 0, Leg::Ingress);
    let number = sim.send(1, from_1_to_2().tagged(10));
    sim.receive(0, 1);
    // From now on the port takes no tagged frames.
    let now = Port { vlan: Vlan::Access(10), ..sim.control.ports[&1].clone() };
    sim.control.port(1, now);
    sim.publish_now();
    *go.lock().unwrap() = true;
    sim.finish();
    sim.expect_receivers(number, &[(2, None)]);
    sim.expect_drops(&[]);
}

#[test]
fn frame_released_after_a_move_does_not_meet_its_holder_again() {
    for leg in [Leg::Ingress, Leg::Egress] {
        let mut sim = switch(&[Port::default(), Port::default()]);
        let (id, go, handles) = holder(&mut sim, Role::Filter, 5, leg);
        let number = sim.send(1, from_1_to_2());
        sim.receive(0, 1);
        let to = if leg == Leg::Ingress { 9 } else { 1 };
        sim.control.entry(id).position = heddle_switch_core::stage::Position::of(Role::Filter, to);
        sim.publish_now();
        *go.lock().unwrap() = true;
        sim.finish();
        sim.expect_receivers(number, &[(2, None)]);
        assert!(handles.lock().unwrap().is_empty());
        assert_eq!(sim.stage(id).packets, 2, "once on each leg");
    }
}

#[test]
fn delivery_released_within_a_flood_is_not_overtaken_by_the_rest_of_it() {
    let mut sim = switch(&vec![Port::default(); 4]);
    // 256 frames to three ports each are three egress batches. The first delivery is held out of the first one and let
    // go in the second; its flow comes again in the third only.
    sim.custom(Role::Filter, 0, || {
        let (mut batches, mut held) = (0, None);
        Custom::new(move |call| {
            if call.leg() == Leg::Ingress {
                return;
            }
            batches += 1;
            match batches {
                1 => held = call.hold(0).ok(),
                2 => call.release(held.take().unwrap()).unwrap(),
                _ => {}
            }
        })
    });
    for n in 0..256 {
        sim.send(1, Frame::udp(station(1), BROADCAST).flow(if n == 0 || n > 200 { 1 } else { 2 }));
    }
    sim.receive(0, 256);
    sim.finish();
    assert_eq!(sim.devices.sent.len(), 768);
    Judge::order(&sim);
}

#[test]
fn extension_enabled_behind_a_held_frame_sees_it() {
    let mut sim = switch(&[Port::default(), Port::default()]);
    let (_, go, _) = holder(&mut sim, Role::Filter, 5, Leg::Ingress);
    let number = sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    let above = sim.enable(StageSpec::new(Role::Filter, 1, |_, log| Scripted::new(1, log)));
    let below = sim.enable(StageSpec::new(Role::Filter, 9, |_, log| Scripted::new(9, log)));
    *go.lock().unwrap() = true;
    sim.finish();
    sim.expect_receivers(number, &[(2, None)]);
    // The one above has missed ingress and sees egress; the one below sees both.
    assert_eq!((sim.stage(above).packets, sim.stage(below).packets), (1, 2));
}

#[test]
fn frame_on_its_way_to_a_port_that_went_down_is_port_down() {
    let mut sim = switch(&[Port::default(), Port::default()]);
    let (_, go, _) = holder(&mut sim, Role::Filter, 0, Leg::Ingress);
    sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    let down = Port { transmits: false, ..Port::default() };
    sim.control.port(2, down);
    sim.publish_now();
    *go.lock().unwrap() = true;
    sim.finish();
    sim.expect_drops(&[(DropReason::PortDown, 1)]);
    sim.check_rest();
}

#[test]
fn batch_of_frames_let_go_together_does_not_claim_a_single_source() {
    let mut sim = switch(&[Port::default(), Port::default(), Port::default()]);
    let (_, go, _) = holder(&mut sim, Role::Filter, 0, Leg::Ingress);
    let seen: Arc<Mutex<Vec<(usize, bool)>>> = Arc::default();
    let said = Arc::clone(&seen);
    sim.custom(Role::Filter, 1, move || {
        let said = Arc::clone(&said);
        Custom::new(move |call| {
            if call.leg() == Leg::Ingress {
                said.lock().unwrap().push((call.len(), call.is_single_source()));
            }
        })
    });
    let let_go = |sim: &mut Sim| {
        *go.lock().unwrap() = true;
        sim.finish();
        *go.lock().unwrap() = false;
        std::mem::take(&mut *seen.lock().unwrap())
    };
    sim.send(1, from_1_to_2());
    sim.send(1, from_1_to_2());
    sim.receive(0, 2);
    assert_eq!(let_go(&mut sim), [(2, true)]);
    sim.send(1, from_1_to_2());
    sim.send(2, Frame::udp(station(2), station(3)));
    sim.receive(0, 2);
    assert_eq!(let_go(&mut sim), [(2, false)]);
    sim.check_rest();
}
