//! An extension that panics is taken out, says so, and takes nothing with it.

use super::lab::{Lab, wait_for, with_mac};
use super::specimens::PANICS;
use super::traffic::{mac, numbered};
use heddle_host::control::error::ControlError;
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

/// A switch with the extension enabled, after the frame at which it panics.
fn panicked(at: &str) {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac([0xee, 0, 0, 0, 0, 2]));
    assert!(lab.enable(PANICS, &[("at", at)]).running);
    let frame = numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 2], 1, 0, 60);
    if at != "tick" {
        a.send(&frame, None, &Offload::default()).unwrap();
    }
    wait_for("the extension to be taken out", || !lab.extension(PANICS).running);
    let view = lab.extension(PANICS);
    assert!(view.enabled, "the operator wants it still");
    let error = view.last_error.unwrap();
    assert!(error.contains("panicked") && error.contains("taken out") && error.contains("; "), "{error}");
    let stages = lab.engine.stages(&lab.switch).unwrap();
    assert!(stages.iter().all(|cost| cost.stage != PANICS), "it has no stage any more: {stages:?}");

    while b.receive().is_some() {}
    a.send(&frame, None, &Offload::default()).unwrap();
    wait_for("the switch to go on", || b.receive().is_some_and(|arrived| arrived.bytes == frame));
    lab.settled();

    assert!(lab.enable(PANICS, &[("at", "nowhere")]).running, "it can be enabled anew");
    a.send(&frame, None, &Offload::default()).unwrap();
    wait_for("the frame", || b.receive().is_some());
    assert_eq!(lab.extension(PANICS).last_error, None);
    lab.disable(PANICS);
    lab.settled();
}

#[test]
fn in_ingress() {
    panicked("ingress");
}

#[test]
fn in_egress() {
    panicked("egress");
}

#[test]
fn in_its_periodic_call() {
    panicked("tick");
}

#[test]
fn in_create_or_worker_init_it_is_refused() {
    let lab = Lab::new(2);
    for (at, function) in [("create", "create"), ("worker", "worker_init")] {
        let refused = lab.try_enable(PANICS, &[("at", at)]).unwrap_err();
        assert!(matches!(refused, ControlError::ExtensionRejected { .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.contains(&format!("it panicked in {function}; report it to its vendor")), "{text}");
        assert_eq!(lab.engine.extensions(Some(&lab.switch)).unwrap(), []);
    }
    lab.settled();
}
