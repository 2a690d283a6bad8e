//! An extension that does harm is taken out and takes nothing with it; one that goes on doing it stays out.

use super::lab::{Lab, library, wait_for, with_mac};
use super::specimens::PANICS;
use super::traffic::{mac, numbered};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::{
    AgeingTime, ExtensionConfig, ExtensionId, ExtensionRef, QuarantineCause, SwitchSpec, SwitchType, WorkerCount,
};
use heddle_host::control::plane::ControlPlane;
use heddle_host::engine::Engine;
use heddle_switch_core::offload::Offload;
use std::process::Command;

fn id(text: &str) -> ExtensionId {
    ExtensionId::new(text).unwrap()
}

/// A switch with the extension enabled, until it is quarantined for its panics, and after the operator cleared it.
fn panicked(at: &str) {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac([0xee, 0, 0, 0, 0, 2]));
    assert!(lab.enable(PANICS, &[("at", at)]).running);
    let frame = numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 2], 1, 0, 60);
    let mut send = || a.send(&frame, None, &Offload::default()).unwrap();
    if at != "tick" {
        send();
    }
    wait_for("the extension to be taken out", || !lab.extension(PANICS).running);
    let view = lab.extension(PANICS);
    assert!(view.enabled, "the operator wants it still");
    let error = view.last_error.unwrap();
    assert!(error.contains("panicked and was taken out; it is started again"), "{error}");
    wait_for("it to be started again", || lab.extension(PANICS).running || lab.extension(PANICS).quarantine.is_some());
    wait_for("the quarantine", || {
        let view = lab.extension(PANICS);
        if view.running && at != "tick" {
            send();
        }
        view.quarantine.is_some()
    });
    let view = lab.extension(PANICS);
    let quarantine = view.quarantine.unwrap();
    assert_eq!(
        (quarantine.cause, quarantine.reason.as_str()),
        (QuarantineCause::Panics, "it panicked 3 times within 60 s")
    );
    assert!(quarantine.since_unix_seconds > 1_700_000_000 && view.enabled && !view.running);
    assert!(view.last_error.unwrap().contains("is quarantined: it panicked 3 times within 60 s; "));
    let stages = lab.engine.stages(&lab.switch).unwrap();
    assert!(stages.iter().all(|cost| cost.stage != PANICS), "it has no stage any more: {stages:?}");

    while b.receive().is_some() {}
    send();
    wait_for("the switch to go on", || b.receive().is_some_and(|arrived| arrived.bytes == frame));
    lab.settled();
    // Longer than it stayed out before.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(!lab.extension(PANICS).running, "it is not started by itself");
    let refused = lab.try_enable(PANICS, &[("at", "nowhere")]).unwrap_err();
    assert!(matches!(refused, ControlError::ExtensionQuarantined { .. }), "{refused}");

    assert_eq!(lab.engine.clear_quarantine(&lab.switch, &id(PANICS)).unwrap(), quarantine);
    assert_eq!(lab.engine.quarantines(Some(&lab.switch)).unwrap(), []);
    if at != "tick" {
        assert!(lab.extension(PANICS).running, "it is enabled still, so it is started");
    }
    lab.disable(PANICS);
    assert!(lab.enable(PANICS, &[("at", "nowhere")]).running, "it can be enabled anew");
    send();
    wait_for("the frame", || b.receive().is_some());
    assert_eq!((lab.extension(PANICS).last_error, lab.extension(PANICS).quarantine), (None, None));
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

#[test]
fn a_restart_of_the_daemon_lets_nobody_out() {
    let lab = Lab::new(1);
    lab.enable(PANICS, &[("at", "tick")]);
    wait_for("the quarantine", || lab.extension(PANICS).quarantine.is_some());
    let before = lab.engine.quarantines(None).unwrap();
    lab.engine.shut_down();

    let engine = Engine::new(lab.directory.path(), Vec::new()).unwrap();
    let (workers, ageing) = (WorkerCount::new(1).unwrap(), AgeingTime::new(300).unwrap());
    engine.create_switch(SwitchSpec::new(lab.switch.clone(), SwitchType::Private, workers, ageing)).unwrap();
    engine.restore_quarantines(before.clone());
    assert_eq!(engine.quarantines(Some(&lab.switch)).unwrap(), before);
    let enable = || {
        let config = ExtensionConfig::new(vec![("at".to_owned(), "nowhere".to_owned())], None).unwrap();
        engine.enable_extension(&lab.switch, &ExtensionRef::new(PANICS).unwrap(), config)
    };
    let refused = enable().unwrap_err();
    assert!(matches!(refused, ControlError::ExtensionQuarantined { .. }), "{refused}");
    engine.clear_quarantine(&lab.switch, &id(PANICS)).unwrap();
    assert!(enable().unwrap().running);
    let twice = engine.clear_quarantine(&lab.switch, &id(PANICS)).unwrap_err();
    assert!(matches!(twice, ControlError::NotQuarantined { .. }), "{twice}");
    engine.shut_down();
}

#[test]
fn too_many_violations_lead_to_quarantine() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = lab.directory.path().join("unruly.so");
    let built = Command::new("gcc")
        .args(["-std=c11", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-I"])
        .arg(folder.join("../extension-api/include"))
        .arg("-o")
        .args([&file, &folder.join("tests/engine/unruly.c")])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let name = lab.enable(file.to_str().unwrap(), &[]).id;
    lab.enable(library("heddle-passthrough").to_str().unwrap(), &[]);
    let (mut sent, mut arrived) = (0, 0);
    wait_for("the quarantine", || {
        a.send(&numbered(mac(1, 1), mac(2, 1), 0, sent, 60), None, &Offload::default()).unwrap();
        sent += 1;
        while b.receive().is_some() {
            arrived += 1;
        }
        lab.extension(&name).quarantine.is_some()
    });
    assert!(sent > 1_000, "not before the number that is stated: {sent}");
    let quarantine = lab.extension(&name).quarantine.unwrap();
    assert_eq!(quarantine.cause, QuarantineCause::Violations);
    assert_eq!(quarantine.reason, "more than 1000 violations of its role's rules");
    assert!(lab.extension("org.heddle.passthrough").running, "the others go on");
    wait_for("every frame", || {
        while b.receive().is_some() {
            arrived += 1;
        }
        arrived == sent
    });
    lab.settled();
}
