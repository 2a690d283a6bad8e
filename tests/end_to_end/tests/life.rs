//! The switch process dies; devices and ports do not stay behind half alive.

use heddle_end_to_end::daemon::Daemon;
use heddle_end_to_end::namespace::{Link, Namespace, device};
use heddle_end_to_end::{as_root, streams, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

/// A switch with a TAP and a packet port, and their hosts.
fn plug(daemon: &Daemon, tap: &str, near: &str, far: Option<&str>, hosts: &[Namespace; 2]) {
    daemon.ok("switch create lab --workers 2");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    daemon.ok(&format!("port add lab up --backend packet --device {near}"));
    hosts[0].adopt(tap, &["10.79.0.1/24"]);
    if let Some(far) = far {
        hosts[1].adopt(far, &["10.79.0.2/24"]);
    }
    streams::ping(&hosts[0], "10.79.0.2", 2, 1_500);
}

#[test]
fn a_killed_switch_process_is_started_again_and_gives_its_devices_back() {
    let Some(_turn) = as_root("a_killed_switch_process_is_started_again_and_gives_its_devices_back") else { return };
    let daemon = Daemon::start();
    let hosts = [Namespace::new("web"), Namespace::new("up")];
    let (tap, (near, far)) = (device("t"), Link::pair());
    plug(&daemon, &tap, &near.0, Some(&far), &hosts);
    let mut chatter = hosts[0].command("ping", "-q -i 0.002 10.79.0.2");
    let chatter = heddle_end_to_end::namespace::Running(chatter.stdout(std::process::Stdio::null()).spawn().unwrap());

    let first = daemon.answering_pid();
    assert_ne!(first, u64::from(daemon.supervisor_pid()));
    kill(Pid::from_raw(i32::try_from(first).unwrap()), Signal::SIGKILL).unwrap();
    wait_for("the killed process to be gone", || !std::path::Path::new(&format!("/proc/{first}")).exists());
    let status = daemon.json("daemon status");
    assert_ne!(status["pid"].as_u64(), Some(first));
    assert_eq!((&status["restarts"], &status["last_exit"]), (&json!(1), &json!("killed by SIGKILL")));
    // The ports are back, and the TAP device is where it was: with its host, up, with its address.
    assert_eq!(daemon.json("port list lab").as_array().unwrap().len(), 2);
    assert!(hosts[0].ip("link").contains(&tap));
    streams::ping(&hosts[0], "10.79.0.2", 2, 1_500);
    drop(chatter);
    assert_eq!(daemon.balance("lab"), 0);
}

#[test]
fn a_switch_that_is_deleted_gives_its_devices_back() {
    let Some(_turn) = as_root("a_switch_that_is_deleted_gives_its_devices_back") else { return };
    let daemon = Daemon::start();
    let hosts = [Namespace::new("web"), Namespace::new("up")];
    let (tap, (near, far)) = (device("t"), Link::pair());
    plug(&daemon, &tap, &near.0, Some(&far), &hosts);
    for _ in 0..3 {
        daemon.ok("switch delete lab");
        wait_for("the TAP device to go", || !hosts[0].ip("link").contains(&tap));
        plug(&daemon, &tap, &near.0, None, &hosts);
    }
    let file_count = || std::fs::read_dir(format!("/proc/{}/fd", daemon.answering_pid())).unwrap().count();
    let before = file_count();
    for _ in 0..5 {
        daemon.ok("switch delete lab");
        wait_for("the TAP device to go", || !hosts[0].ip("link").contains(&tap));
        plug(&daemon, &tap, &near.0, None, &hosts);
    }
    assert!(file_count() <= before + 2, "descriptors: {before} before, {} after", file_count());
}
