//! A cable from a switch to itself: the loop is seen, named at both ports, and cut where the operator asked for it.

use super::lab::{Lab, alone, wait_for};
use super::traffic::mac;
use heddle_host::control::model::{
    AdminState, BackendKind, BackendSpec, LoopAction, PortChange, PortName, PortSpec, PortView,
};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

/// Port `name` at one end of this lab's cable.
fn plug(lab: &Lab, name: &str, on_loop: Option<LoopAction>) -> PortView {
    let device = format!("loop:{}", lab.switch);
    let backend = BackendSpec::new(BackendKind::Memory, Some(&device)).unwrap();
    let change = PortChange { on_loop, ..PortChange::default() };
    let spec = PortSpec::new(PortName::new(name).unwrap(), backend, &change).unwrap();
    lab.engine.add_port(&lab.switch, spec).unwrap()
}

/// One broadcast of a station at the port: enough to go round for ever.
fn broadcast(end: &mut MemoryEnd) {
    let mut frame = [&[0xff; 6][..], &mac(1, 1), &[0x88, 0xb5]].concat();
    frame.resize(60, 0);
    end.send(&frame, None, &Offload::default()).unwrap();
}

fn has_notice(view: &PortView, with: &str) -> bool {
    let words = format!("a loop: the same stations come in by this port and by port '{with}' (");
    view.notices.iter().any(|notice| notice.contains(&words) && notice.contains("--on-loop block`"))
}

#[test]
fn a_loop_is_named_at_both_ports_and_carries_on_by_default() {
    let _alone = alone();
    for workers in [1, 2] {
        let lab = Lab::new(workers);
        let mut guest = lab.add("guest", &PortChange::default());
        assert_eq!(plug(&lab, "left", None).on_loop, LoopAction::Warn);
        plug(&lab, "right", None);
        broadcast(&mut guest);
        wait_for("the loop to be named", || {
            has_notice(&lab.port("left"), "right") && has_notice(&lab.port("right"), "left")
        });
        let left = lab.port("left");
        assert_eq!((left.trouble, left.admin), (None, AdminState::Up), "a warning is all");
        assert!(lab.port("guest").notices.is_empty(), "the guest's port is no part of it");
        let before = lab.port("left").counters.rx_packets;
        wait_for("frames to go on going round", || lab.port("left").counters.rx_packets > before);
        lab.remove("right");
        lab.settled();
    }
}

#[test]
fn a_port_that_is_to_be_blocked_is_and_the_operator_can_open_it() {
    let _alone = alone();
    let lab = Lab::new(2);
    let mut guest = lab.add("guest", &PortChange::default());
    plug(&lab, "left", None);
    plug(&lab, "right", Some(LoopAction::Block));
    broadcast(&mut guest);
    let blocked =
        |port: &str| lab.port(port).trouble.is_some_and(|trouble| trouble.starts_with("blocked for 30 s because"));
    wait_for("the port to be blocked", || blocked("right"));
    let right = lab.port("right");
    assert!(right.trouble.unwrap().contains("a loop with port 'left' (seen "));
    assert_eq!(right.admin, AdminState::Up, "the operator's setting is what it was");
    assert!(!blocked("left"), "one is enough");
    // Nothing goes round any more, and what was on its way has a reason.
    wait_for("rest", || {
        let before = lab.port("left").counters.rx_packets;
        std::thread::sleep(std::time::Duration::from_millis(20));
        lab.port("left").counters.rx_packets == before
    });
    lab.settled();
    assert!(
        lab.drops().iter().any(|(reason, _)| reason == "port-down" || reason == "source-port-down"),
        "{:?}",
        lab.drops()
    );

    // The operator's word opens it; the next loop is found again.
    let up = PortChange { admin: Some(AdminState::Up), ..PortChange::default() };
    lab.engine.set_port(&lab.switch, &PortName::new("right").unwrap(), up).unwrap();
    assert!(!blocked("right"));
    broadcast(&mut guest);
    wait_for("the port to be blocked again", || blocked("right"));
}
