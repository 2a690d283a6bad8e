//! Every drop an operator can cause from outside has its name, its port and its place in the law.

use super::lab::{Lab, library, wait_for, with_mac};
use super::traffic::{mac, numbered};
use heddle_host::control::model::{AdminState, Mtu, PortChange, PortName};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

fn send(end: &mut MemoryEnd, frame: &[u8]) {
    end.send(frame, None, &Offload::default()).unwrap();
}

/// Waits until `reason` was counted `count` times, and charged to `port` when one is named.
fn dropped(lab: &Lab, reason: &str, count: u64, port: Option<&str>) {
    wait_for(&format!("{count} drops as {reason}"), || {
        let found = lab.engine.drops(&lab.switch).unwrap().into_iter().find(|drop| drop.reason == reason);
        found.is_some_and(|drop| {
            assert!(drop.description.ends_with('.') && drop.description.len() > 20, "{}", drop.description);
            assert!(drop.count <= count, "{reason}: {} drops, expected {count}", drop.count);
            let charged: Vec<&str> = drop.ports.iter().map(|port| port.port.as_str()).collect();
            drop.count == count && port.is_none_or(|port| charged.contains(&port))
        })
    });
}

#[test]
fn drops_from_outside_have_names_and_ports() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let small = PortChange { mtu: Some(Mtu::new(600).unwrap()), ..with_mac(mac(2, 1)) };
    let _b = lab.add("b", &small);
    let to_b = |length| numbered(mac(1, 1), mac(2, 1), 0, 0, length);

    send(&mut a, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    dropped(&lab, "frame-too-short", 1, Some("a"));
    send(&mut a, &numbered([0x03, 0, 0, 0, 0, 1], mac(2, 1), 0, 0, 60));
    dropped(&lab, "source-multicast", 1, Some("a"));
    send(&mut a, &numbered(mac(1, 1), [0x01, 0x80, 0xc2, 0, 0, 0x0e], 0, 0, 60));
    dropped(&lab, "reserved-multicast", 1, Some("a"));
    send(&mut a, &numbered(mac(1, 1), mac(1, 1), 0, 0, 60));
    dropped(&lab, "same-port", 1, None);
    send(&mut a, &to_b(615));
    dropped(&lab, "frame-too-long", 1, Some("b"));
    // With both ports assigned an address there is nobody an unknown unicast could be for.
    send(&mut a, &numbered(mac(1, 1), mac(9, 9), 0, 0, 60));
    dropped(&lab, "no-destination", 1, Some("a"));

    let b = PortName::new("b").unwrap();
    let down = PortChange { admin: Some(AdminState::Down), ..PortChange::default() };
    lab.engine.set_port(&lab.switch, &b, down).unwrap();
    send(&mut a, &to_b(60));
    dropped(&lab, "port-down", 1, Some("b"));
    let up = PortChange { admin: Some(AdminState::Up), ..PortChange::default() };
    lab.engine.set_port(&lab.switch, &b, up).unwrap();
    send(&mut a, &to_b(60));
    wait_for("the port to be up", || lab.port("b").counters.tx_packets == 1);
    lab.settled();
}

#[test]
fn a_far_side_that_does_not_take_frames_fills_the_queue_and_one_that_left_is_gone() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let b = lab.add("b", &with_mac(mac(2, 1)));
    let frame = numbered(mac(1, 1), mac(2, 1), 0, 0, 9_000);
    let mtu = PortChange { mtu: Some(Mtu::new(9_000).unwrap()), ..PortChange::default() };
    for port in ["a", "b"] {
        lab.engine.set_port(&lab.switch, &PortName::new(port).unwrap(), mtu.clone()).unwrap();
    }
    for sent in 0..130 {
        // Half a ring at a time: the test must not overflow what it tests.
        wait_for("room", || lab.port("a").counters.rx_packets + 50 > sent);
        send(&mut a, &frame);
    }
    wait_for("all frames", || lab.port("a").counters.rx_packets == 130);
    let drops = lab.drops();
    assert!(drops.len() == 1 && drops[0].0 == "tx-queue-full", "{drops:?}");
    assert_eq!(lab.port("b").counters.tx_packets + drops[0].1, 130);
    drop(b);
    send(&mut a, &frame);
    dropped(&lab, "device-gone", 1, Some("b"));
    lab.settled();
}

#[test]
fn an_extensions_own_reason_is_shown_by_its_name() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let _b = lab.add("b", &with_mac(mac(2, 1)));
    lab.enable(library("heddle-test-drop-every-nth").to_str().unwrap(), &[("n", "4")]);
    (0..100).for_each(|number| send(&mut a, &numbered(mac(1, 1), mac(2, 1), 0, number, 60)));
    wait_for("every fourth to be dropped", || lab.port("a").counters.rx_packets == 100);
    let drops = lab.engine.drops(&lab.switch).unwrap();
    assert_eq!(drops.len(), 1, "{drops:?}");
    let drop = &drops[0];
    assert!(drop.reason.ends_with("every-nth") && drop.count == 25, "{drop:?}");
    assert!(drop.description.contains("a test extension drops every nth frame"), "{drop:?}");
    lab.settled();
    let counters = lab.extension("org.heddle.test.drop-every-nth").counters;
    assert!(counters.iter().any(|counter| counter.name == "dropped" && counter.value == 25), "{counters:?}");
}
