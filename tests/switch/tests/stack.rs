//! Stacks of extensions: the U-shape, frames parked at random stages, changes of the stack while frames are under way.

use std::collections::{BTreeMap, BTreeSet};

use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::stage::{Leg, Role, StageId};
use heddle_switch_tests::bench::with;
use heddle_switch_tests::cases::{Rng, run};
use heddle_switch_tests::frames::{Action, BROADCAST, Frame, Left, station};
use heddle_switch_tests::judge::{Judge, trace};
use heddle_switch_tests::oracle::{Fate, Oracle, Port};
use heddle_switch_tests::sim::{Event, Manners, Setup, Sim, StageSpec};
use heddle_switch_tests::stages::{Holder, Scripted};
use heddle_switch_tests::traffic::{PORTS, at_home, introduce, random_frame, random_ports};

/// A stack of recorders: tags in the order of ingress, and which of them are captures.
struct Stack {
    order: Vec<u8>,
    captures: u8,
}

/// For each port a delivery was meant for: who saw it on egress, and whether the device got it.
type Up = BTreeMap<u16, (Vec<u8>, bool)>;

impl Stack {
    fn random(rng: &mut Rng, sim: &mut Sim) -> Stack {
        let (captures, filters) = (rng.below(3) as u8, rng.below(4) as u8);
        let order: Vec<u8> = (1..=captures + filters).collect();
        for tag in &order {
            let (role, order) = if *tag <= captures { (Role::Capture, *tag) } else { (Role::Filter, *tag) };
            let tag = *tag;
            sim.control.enable(StageSpec::new(role, u16::from(order), move |_, log| Scripted::new(tag, log)));
        }
        sim.publish_now();
        Stack { order, captures }
    }

    fn is_filter(&self, tag: u8) -> bool {
        tag > self.captures && self.order.contains(&tag)
    }

    /// The fate of a frame that obeys its mark; what the frame asks of a capture is refused.
    fn fate(&self, oracle: &mut Oracle, from: u16, frame: &Frame, now_s: u64) -> Fate {
        let port = &oracle.ports[&from];
        let enters = port.receives && frame.length() >= 14;
        match frame.mark.action {
            Action::DropIngress(tag) if enters && self.is_filter(tag) => {
                Fate { deliveries: Vec::new(), drops: vec![DropReason::ExtensionDrop] }
            }
            Action::DropEgress(tag, port) if self.is_filter(tag) => {
                let mut fate = oracle.fate(from, frame, now_s);
                let before = fate.deliveries.len();
                fate.deliveries.retain(|(to, _)| *to != port);
                fate.drops.extend(vec![DropReason::ExtensionDrop; before - fate.deliveries.len()]);
                fate
            }
            _ => oracle.fate(from, frame, now_s),
        }
    }

    fn random_action(&self, rng: &mut Rng, frame: Frame) -> Frame {
        let tag = 1 + rng.below(self.order.len() + 1) as u8;
        let action = match rng.below(8) {
            0 => Action::DropIngress(tag),
            1 | 2 => Action::DropEgress(tag, 1 + rng.below(usize::from(PORTS)) as u16),
            3 if frame.left == Left::Nothing && self.is_filter(tag) && frame.payload > 16 => Action::Modify(tag),
            _ => Action::Pass,
        };
        frame.action(action)
    }

    /// Each delivered frame was seen twice by every extension, mirrored; each dropped one up to where it was dropped.
    fn check_u_shape(&self, sim: &Sim, fates: &BTreeMap<u32, Fate>) {
        let mirrored: Vec<u8> = self.order.iter().rev().copied().collect();
        let mut ways: BTreeMap<u32, (Vec<u8>, Up)> = BTreeMap::new();
        for event in sim.log.lock().unwrap().iter() {
            match *event {
                Event::Seen { number, tag, leg: Leg::Ingress, .. } => ways.entry(number).or_default().0.push(tag),
                Event::Seen { number, tag, leg: Leg::Egress, port } => {
                    let (down, up) = ways.entry(number).or_default();
                    assert_eq!(*down, self.order, "frame {number} on egress before the end of ingress");
                    let (seen, delivered) = up.entry(port).or_default();
                    assert!(!*delivered, "frame {number} seen by {tag} after its delivery");
                    seen.push(tag);
                }
                Event::Delivered { number, port } => {
                    let up = &mut ways.entry(number).or_default().1;
                    up.entry(port).or_default().1 = true;
                }
            }
        }
        for (number, fate) in fates {
            let (from, frame) = &sim.sent[number];
            let (down, up) = ways.remove(number).unwrap_or_default();
            let about = || format!("frame {number} from {from} {frame:?} {fate:?}: {:?}", trace(sim, *number));
            assert!(self.order.starts_with(&down), "{}", about());
            match frame.mark.action {
                Action::DropIngress(tag) if self.is_filter(tag) && fate.drops == [DropReason::ExtensionDrop] => {
                    assert_eq!(down.last(), Some(&tag), "{}", about());
                    assert!(up.is_empty(), "{}", about());
                }
                _ => {}
            }
            for (port, _) in &fate.deliveries {
                let (seen, delivered) = up.get(port).cloned().unwrap_or_default();
                assert_eq!((seen, delivered), (mirrored.clone(), true), "to {port}: {}", about());
            }
            for (port, (seen, delivered)) in &up {
                assert!(mirrored.starts_with(seen), "to {port}: {}", about());
                assert_eq!(*delivered, fate.deliveries.iter().any(|(to, _)| to == port), "to {port}: {}", about());
            }
        }
    }
}

fn random_switch(rng: &mut Rng, sim: &mut Sim) -> Oracle {
    let mut oracle = Oracle::new();
    for (slot, port) in random_ports(rng) {
        sim.control.port(slot, port.clone());
        oracle.ports.insert(slot, port);
    }
    sim.publish_now();
    oracle
}

#[test]
fn every_extension_sees_a_frame_on_both_legs_in_mirrored_order() {
    run("every_extension_sees_a_frame_on_both_legs_in_mirrored_order", 40, |rng| {
        let workers = *rng.pick(&[1, 3]);
        let mut sim = Sim::new(Setup::of(workers, rng.number()));
        let mut oracle = random_switch(rng, &mut sim);
        let mut judge = Judge::default();
        introduce(&mut sim, &mut oracle, &mut judge);
        let stack = Stack::random(rng, &mut sim);
        let mut fates = BTreeMap::new();
        for _ in 0..rng.below(250) {
            let from = 1 + rng.below(usize::from(PORTS)) as u16;
            let frame = random_frame(rng, false);
            let frame = at_home(rng, from, frame);
            let frame = stack.random_action(rng, frame);
            let number = sim.send(from, frame.clone());
            let fate = stack.fate(&mut oracle, from, &frame, sim.now_s());
            judge.expect(number, fate.clone());
            if frame.length() >= 14 {
                fates.insert(number, fate);
            }
        }
        (0..200).for_each(|_| sim.step());
        sim.finish();
        judge.exact(&sim);
        Judge::order(&sim);
        stack.check_u_shape(&sim, &fates);
        sim.check_rest();
    });
}

fn enable_holders(rng: &mut Rng, sim: &mut Sim) -> Vec<StageId> {
    let mut ids = Vec::new();
    for order in 0..1 + rng.below(4) as u16 {
        let (seed, one_in, tag) = (rng.number(), 1 + rng.below(12), 100 + order as u8);
        let spec = StageSpec::new(Role::Filter, order, move |worker, log| {
            Holder::new(tag, log, seed + u64::from(worker), one_in)
        });
        ids.push(sim.control.enable(spec));
    }
    if rng.one_in(3) {
        // Egress only: on ingress it would have to decide.
        let seed = rng.number();
        let spec = StageSpec::new(Role::Forwarding, 0, move |_, log| Holder::new(120, log, seed, 9));
        ids.push(sim.control.enable(StageSpec { ingress: false, ..spec }));
    }
    sim.publish_now();
    ids
}

#[test]
fn frames_parked_at_random_stages_arrive_once_and_in_order() {
    run("frames_parked_at_random_stages_arrive_once_and_in_order", 60, |rng| {
        let workers = *rng.pick(&[1, 3]);
        let mut sim = Sim::new(Setup::of(workers, rng.number()));
        let mut oracle = random_switch(rng, &mut sim);
        let mut judge = Judge::default();
        introduce(&mut sim, &mut oracle, &mut judge);
        enable_holders(rng, &mut sim);
        for _ in 0..6 {
            for _ in 0..rng.below(60) {
                let from = 1 + rng.below(usize::from(PORTS)) as u16;
                let frame = random_frame(rng, false);
                let frame = at_home(rng, from, frame);
                let number = sim.send(from, frame.clone());
                judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
            }
            (0..60).for_each(|_| sim.step());
            // The law holds with frames held, too, once nothing is between workers.
            if workers == 1 {
                assert_eq!(sim.counters().law.balance(), 0);
            }
        }
        sim.finish();
        judge.exact(&sim);
        Judge::order(&sim);
        sim.check_rest();
    });
}

#[test]
fn long_receive_keeps_its_order_around_released_frames() {
    run("long_receive_keeps_its_order_around_released_frames", 10, |rng| {
        let mut sim = with(Setup::of(1, rng.number()), &[Port::default(), Port::default(), Port::default()]);
        let seed = rng.number();
        sim.enable(StageSpec::new(Role::Filter, 0, move |_, log| Holder::new(100, log, seed, 150)));
        // More than four bursts of one port in one call, some of them flooded.
        for n in 0..1_200 {
            let to = if n % 3 == 0 { BROADCAST } else { station(2) };
            sim.send(1, Frame::udp(station(1), to).flow(n % 5));
        }
        sim.receive(0, 1_200);
        sim.finish();
        assert_eq!(sim.devices.sent.len(), 1_600);
        Judge::order(&sim);
        sim.check_rest();
    });
}

/// Ports that differ in tagging only; station `n` is fixed behind port `n`.
fn plain_switch(sim: &mut Sim) -> Oracle {
    let mut oracle = Oracle::new();
    for slot in 1..=PORTS {
        let port = if slot % 2 == 0 { Port::access(10) } else { Port::trunk(10, &[20]) };
        sim.control.port(slot, port.clone());
        sim.control.fix(10, station(slot), slot);
        oracle.ports.insert(slot, port);
        oracle.fix(10, station(slot), slot);
    }
    sim.publish_now();
    oracle
}

fn unicast(rng: &mut Rng) -> (u16, Frame) {
    let from = 1 + rng.below(usize::from(PORTS)) as u16;
    let to = 1 + (usize::from(from) + rng.below(usize::from(PORTS) - 1)) as u16 % PORTS;
    (from, Frame::udp(station(from), station(to)).flow(rng.below(6) as u16))
}

#[test]
fn extensions_come_and_go_with_frames_held_and_nothing_uncounted_is_lost() {
    run("extensions_come_and_go_with_frames_held_and_nothing_uncounted_is_lost", 40, |rng| {
        let sim = change_under_way(rng, false);
        Judge::order(&sim);
    });
}

/// Frames held at two extensions that change places may change places too; none is lost or doubled.
#[test]
fn extensions_change_places_with_frames_held_and_nothing_uncounted_is_lost() {
    run("extensions_change_places_with_frames_held_and_nothing_uncounted_is_lost", 40, |rng| {
        change_under_way(rng, true);
    });
}

fn change_under_way(rng: &mut Rng, reorder: bool) -> Sim {
    let workers = *rng.pick(&[1, 3]);
    let mut sim = Sim::new(Setup::of(workers, rng.number()));
    let mut oracle = plain_switch(&mut sim);
    let mut judge = Judge::default();
    let mut enabled: Vec<StageId> = enable_holders(rng, &mut sim);
    let sleeper = rng.one_in(2).then_some(workers as usize - 1);
    for _ in 0..12 {
        for _ in 0..rng.below(30) {
            let (from, frame) = unicast(rng);
            let number = sim.send(from, frame.clone());
            judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
        }
        change_stack(rng, &mut sim, &mut enabled, reorder);
        for _ in 0..40 {
            sim.step_but(sleeper);
        }
    }
    sim.finish();
    let missing = judge.nothing_wrong(&sim);
    let drops = sim.drops();
    let disabled = sim.dropped(DropReason::ExtensionDisabled);
    assert_eq!(missing, disabled, "frames lost without a reason: {drops:?}");
    assert_eq!(drops.values().sum::<u64>(), disabled, "{drops:?}");
    sim.check_rest();
    sim
}

fn change_stack(rng: &mut Rng, sim: &mut Sim, enabled: &mut Vec<StageId>, reorder: bool) {
    match rng.below(4) {
        0 if !enabled.is_empty() => {
            let id = enabled.swap_remove(rng.below(enabled.len()));
            sim.control.disable(id);
        }
        1 => {
            // Every filter has a position of its own: collisions are too rare to meet.
            let (seed, tag) = (rng.number(), 150);
            let order = 16 + rng.below(0xf000) as u16;
            let spec = StageSpec::new(Role::Filter, order, move |_, log| Holder::new(tag, log, seed, 5));
            enabled.push(sim.control.enable(spec));
        }
        2 if reorder => {
            let filters: Vec<usize> =
                (0..sim.control.stages.len()).filter(|index| sim.control.stages[*index].role == Role::Filter).collect();
            if filters.len() > 1 {
                let (a, b) = (*rng.pick(&filters), *rng.pick(&filters));
                let stages = &mut sim.control.stages;
                let (at_a, at_b) = (stages[a].position, stages[b].position);
                (stages[a].position, stages[b].position) = (at_b, at_a);
            }
        }
        _ => return,
    }
    sim.publish();
}

#[test]
fn stack_changes_without_held_frames_lose_nothing_at_all() {
    run("stack_changes_without_held_frames_lose_nothing_at_all", 10, |rng| {
        let mut sim = Sim::new(Setup::of(3, rng.number()));
        let mut oracle = plain_switch(&mut sim);
        let mut judge = Judge::default();
        let mut enabled: Option<StageId> = None;
        for round in 0..100 {
            for _ in 0..4 {
                let (from, frame) = unicast(rng);
                let number = sim.send(from, frame.clone());
                judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
            }
            match enabled.take() {
                Some(id) => sim.control.disable(id),
                None => {
                    let spec = StageSpec::new(Role::Filter, 3, |_, log| Scripted::new(1, log));
                    enabled = Some(sim.control.enable(spec));
                }
            }
            sim.publish();
            // The last worker sleeps through most changes.
            let asleep = (round % 25 != 24).then_some(2);
            for _ in 0..6 {
                sim.step_but(asleep);
            }
        }
        sim.finish();
        judge.exact(&sim);
        Judge::order(&sim);
        sim.check_rest();
        assert!(sim.drops().is_empty());
    });
}

#[test]
fn ports_come_and_go_with_frames_under_way() {
    run("ports_come_and_go_with_frames_under_way", 60, |rng| {
        let workers = *rng.pick(&[1, 3]);
        let mut sim = Sim::new(Setup::of(workers, rng.number()));
        let oracle = plain_switch(&mut sim);
        enable_holders(rng, &mut sim);
        let mut sent = 0;
        for _ in 0..10 {
            for _ in 0..rng.below(40) {
                let (from, frame) = unicast(rng);
                // A deleted port's queue may still hold frames: they name an id that is gone.
                let id = sim.control.id(from);
                sim.send_from(id, frame);
                sent += 1;
            }
            let slot = 1 + rng.below(usize::from(PORTS)) as u16;
            if sim.control.ports.contains_key(&slot) {
                sim.control.remove_port(slot);
            } else {
                sim.control.port(slot, oracle.ports[&slot].clone());
                sim.control.fix(10, station(slot), slot);
            }
            sim.publish();
            (0..60).for_each(|_| sim.step());
        }
        sim.finish();
        let counters = sim.counters();
        assert_eq!(counters.law.rx, sent);
        assert_eq!(counters.law.held, 0);
        // A station behind a deleted port is unknown, so its frames are flooded; none may arrive elsewhere twice.
        let mut receivers = BTreeSet::new();
        for delivery in &sim.devices.sent {
            let number = delivery.number().unwrap();
            assert!(receivers.insert((number, delivery.port)), "frame {number} doubled at {}", delivery.port);
            assert_ne!(sim.sent[&number].0, delivery.port, "frame {number} came back");
        }
        Judge::order(&sim);
        sim.check_rest();
        let known = [DropReason::PortGone, DropReason::NoDestination].map(DropReason::code);
        assert!(sim.drops().keys().all(|code| known.contains(code)), "{:?}", sim.drops());
    });
}

#[test]
fn devices_that_are_sometimes_full_lose_exactly_what_is_counted() {
    run("devices_that_are_sometimes_full_lose_exactly_what_is_counted", 20, |rng| {
        let mut sim = Sim::new(Setup::of(3, rng.number()));
        let mut oracle = plain_switch(&mut sim);
        for slot in 1..=PORTS {
            sim.devices.manners.insert(slot, Manners::SometimesFull(Rng::new(rng.number()), 4));
        }
        let mut judge = Judge::default();
        for _ in 0..300 {
            let (from, frame) = unicast(rng);
            let number = sim.send(from, frame.clone());
            judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
        }
        (0..200).for_each(|_| sim.step());
        sim.finish();
        let missing = judge.nothing_wrong(&sim);
        assert_eq!(missing, sim.dropped(DropReason::TxQueueFull));
        assert_eq!(missing, sim.devices.refused.len() as u64);
        Judge::order(&sim);
        sim.check_rest();
    });
}
