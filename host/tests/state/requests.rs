//! One request, one step: what was answered is kept, what was refused leaves no trace.

use super::books::{create, enable, id, memory, picture, port, start, switch, trunk};
use heddle_host::control::error::{ControlError, ErrorClass};
use heddle_host::control::model::{Mtu, PortChange, VlanChange, VlanMode};
use heddle_host::control::plane::ControlPlane;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

#[test]
fn what_was_asked_for_is_there_after_a_restart_with_every_setting_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (_, plane) = start(directory.path());
    create(&plane, "lab").unwrap();
    create(&plane, "edge").unwrap();
    // Not in the order of their names.
    plane.add_port(&switch("lab"), memory("zulu")).unwrap();
    plane.add_port(&switch("lab"), trunk("alpha")).unwrap();
    plane.add_port(&switch("lab"), memory("gone")).unwrap();
    enable(&plane, "lab", "com.example.tally").unwrap();
    enable(&plane, "lab", "com.example.route").unwrap();
    enable(&plane, "edge", "com.example.tally").unwrap();
    plane.remove_port(&switch("lab"), &port("gone")).unwrap();
    plane.disable_extension(&switch("edge"), &id("com.example.tally")).unwrap();
    let change = PortChange {
        mtu: Some(Mtu::new(2000).unwrap()),
        vlan: VlanChange::new(Some(VlanMode::Access), heddle_host::control::model::Vid::new(12).ok(), None, None),
        ..PortChange::default()
    };
    plane.set_port(&switch("lab"), &port("zulu"), change).unwrap();
    let before = picture(&plane);
    drop(plane);
    let (books, plane) = start(directory.path());
    assert_eq!(picture(&plane), before);
    assert_eq!(
        books.requests(),
        [
            "create edge",
            "create lab",
            "enable lab/com.example.tally",
            "enable lab/com.example.route",
            "add lab/zulu",
            "add lab/alpha"
        ],
        "extensions come before the ports whose frames they filter"
    );
    let view = plane.extension(&switch("lab"), &id("com.example.tally")).unwrap();
    assert_eq!(view.config["rate"], "256");
}

#[test]
fn a_refused_request_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let (_, plane) = start(directory.path());
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    let before = picture(&plane);
    assert!(matches!(create(&plane, "lab"), Err(ControlError::SwitchExists { .. })));
    assert!(matches!(plane.add_port(&switch("lab"), memory("web")), Err(ControlError::PortExists { .. })));
    assert!(matches!(plane.add_port(&switch("nix"), memory("web")), Err(ControlError::NoSuchSwitch { .. })));
    assert!(matches!(plane.remove_port(&switch("lab"), &port("nix")), Err(ControlError::NoSuchPort { .. })));
    assert!(matches!(plane.delete_switch(&switch("nix")), Err(ControlError::NoSuchSwitch { .. })));
    assert!(enable(&plane, "lab", "com.example.nothing").is_err());
    let change =
        PortChange { vlan: VlanChange::new(Some(VlanMode::Access), None, None, None), ..PortChange::default() };
    assert!(plane.set_port(&switch("lab"), &port("web"), change).is_err());
    assert_eq!(picture(&plane), before);
    drop(plane);
    assert_eq!(picture(&start(directory.path()).1), before);
}

#[test]
fn what_the_plane_does_not_let_go_of_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let (books, plane) = start(directory.path());
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    enable(&plane, "lab", "com.example.tally").unwrap();
    let before = picture(&plane);
    books.stuck.store(true, Ordering::Relaxed);
    let busy = |error: ControlError| assert_eq!(error.class(), ErrorClass::Limit, "{error}");
    busy(plane.remove_port(&switch("lab"), &port("web")).unwrap_err());
    busy(plane.disable_extension(&switch("lab"), &id("com.example.tally")).unwrap_err());
    busy(plane.delete_switch(&switch("lab")).unwrap_err());
    assert_eq!(picture(&plane), before);
    drop(plane);
    assert_eq!(picture(&start(directory.path()).1), before, "on the disk as well");
}

#[test]
fn a_change_that_waits_keeps_its_own_switch_waiting_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let (books, plane) = start(directory.path());
    for name in ["lab", "other"] {
        create(&plane, name).unwrap();
        plane.add_port(&switch(name), memory("web")).unwrap();
    }
    let (open, gate) = channel();
    *books.gate.lock().unwrap() = Some(gate);
    let (done, answers) = channel();
    std::thread::scope(|scope| {
        let removed = scope.spawn(|| plane.remove_port(&switch("lab"), &port("web")));
        let deadline = Instant::now() + Duration::from_secs(30);
        while books.gate.lock().unwrap().is_some() {
            assert!(Instant::now() < deadline, "the removal has not begun");
            std::thread::sleep(Duration::from_millis(1));
        }
        for name in ["other", "lab"] {
            let (plane, done) = (&plane, done.clone());
            scope.spawn(move || {
                plane.add_port(&switch(name), memory("db")).unwrap();
                done.send(name).unwrap();
            });
        }
        let first = answers.recv_timeout(Duration::from_secs(30));
        let second = answers.recv_timeout(Duration::from_millis(200));
        // Before any judgement, or the scope waits for ever.
        open.send(()).unwrap();
        assert_eq!((first, second), (Ok("other"), Err(RecvTimeoutError::Timeout)));
        assert_eq!(answers.recv_timeout(Duration::from_secs(30)), Ok("lab"));
        removed.join().unwrap().unwrap();
    });
    let names =
        |name: &str| plane.ports(&switch(name)).unwrap().into_iter().map(|view| view.name.to_string()).collect();
    let (lab, other): (Vec<String>, Vec<String>) = (names("lab"), names("other"));
    assert_eq!((lab.join(" "), other.len()), ("db".to_owned(), 2));
    let before = picture(&plane);
    drop(plane);
    assert_eq!(picture(&start(directory.path()).1), before);
}
