//! Two processes that live and die together, one daemon for each socket, and an orderly end.

use super::process::{BROKEN_PLANE, Daemon, Outcome, STUCK_PLANE, alive, heddled, signal, wait_for};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn a_killed_switch_process_is_restarted_and_clients_come_back() {
    let daemon = Daemon::supervised();
    let first = daemon.answering_pid();
    assert_ne!(first, u64::from(daemon.child.id()), "the supervisor does not answer itself");
    daemon.ok("switch create lab");
    signal(first, "KILL");
    // No waiting: the socket stays open, the client waits in its backlog until the next process takes it.
    wait_for("the killed process to be gone", || !alive(first));
    let status = daemon.json("daemon status");
    assert_ne!(status["pid"], first);
    assert_eq!(status["supervisor_pid"], daemon.child.id());
    assert_eq!((&status["restarts"], &status["last_exit"]), (&1.into(), &"killed by SIGKILL".into()));
    assert_eq!(status["switches"], 1, "what was made before the kill is there again");
    let line = daemon.wait_for_log("the switch process died");
    assert!(line.contains("killed by SIGKILL") && line.contains("pause_ms="), "{line}");
    let text = daemon.ok("daemon status");
    assert!(
        text.contains("1 restart: switches, ports and extensions were brought back from the stored state\n"),
        "{text}"
    );
}

#[test]
fn the_switch_process_never_outlives_its_supervisor() {
    let mut daemon = Daemon::supervised();
    let switch = daemon.answering_pid();
    daemon.signal("KILL");
    daemon.wait();
    wait_for("the switch process to follow", || !alive(switch));
}

#[test]
fn a_switch_process_that_keeps_dying_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let output = heddled(&directory.path().join("heddled.sock"), &[]).env(BROKEN_PLANE, "1").output().unwrap();
    let outcome = Outcome::from(output);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let expected = "heddled: the switch process died 6 times within 60 s, last: exited with code 1; heddled gives up, see the log above";
    assert!(outcome.stderr.contains(expected), "{outcome:?}");
    assert!(start.elapsed() >= Duration::from_millis(1500), "pauses grow: {:?}", start.elapsed());
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "state" || name == "crash.record"), "left behind: {left:?}");
}

fn stops_on(name: &str) {
    let mut daemon = Daemon::supervised();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    let switch = daemon.answering_pid();
    let capture = daemon
        .command(&["capture", "--switch", "lab", "--port", "web", "-w", "c.pcapng"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the capture", || daemon.directory.path().join("c.pcapng").exists());
    let start = Instant::now();
    daemon.signal(name);
    let status = daemon.wait();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(!alive(switch));
    let output = capture.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("(shutdown)\n"));
    assert!(!daemon.socket().exists(), "the socket is removed");
}

#[test]
fn sigterm_stops_both_within_two_seconds_with_a_capture_running() {
    stops_on("TERM");
}

#[test]
fn sigint_stops_both_within_two_seconds_with_a_capture_running() {
    stops_on("INT");
}

#[test]
fn a_wedged_plane_does_not_keep_the_daemon() {
    let mut daemon = Daemon::supervised();
    let mut stuck = daemon.command(&["switch", "create", "wedge"]).stderr(Stdio::piped()).spawn().unwrap();
    daemon.answering_pid();
    let start = Instant::now();
    daemon.signal("TERM");
    daemon.wait();
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    assert_eq!(stuck.wait().unwrap().code(), Some(7), "its client learns that the daemon is gone");
}

#[test]
fn a_plane_that_does_not_shut_down_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = heddled(&directory.path().join("heddled.sock"), &["--foreground-single-process"]);
    command.env(STUCK_PLANE, "1");
    let mut daemon = Daemon::start_command(directory, command);
    daemon.ok("switch list");
    let start = Instant::now();
    daemon.signal("TERM");
    daemon.wait();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!daemon.socket().exists());
}

#[test]
fn a_second_daemon_names_the_first() {
    let daemon = Daemon::supervised();
    let outcome = Outcome::from(heddled(&daemon.socket(), &[]).output().unwrap());
    let expected = format!(
        "heddled: another heddled (pid {}) already serves {}; stop it or give another --socket",
        daemon.child.id(),
        daemon.socket().display()
    );
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(outcome.stderr.contains(&expected), "{outcome:?}");
    daemon.ok("switch list");
}

#[test]
fn the_socket_of_a_killed_daemon_is_taken_over() {
    let mut daemon = Daemon::single();
    daemon.signal("KILL");
    daemon.wait();
    assert!(daemon.socket().exists(), "kill -9 leaves the socket behind");
    assert_eq!(daemon.heddle(&["switch", "list"]).code, 7);
    let directory = std::mem::replace(&mut daemon.directory, tempfile::tempdir().unwrap());
    let command = heddled(&directory.path().join("heddled.sock"), &["--foreground-single-process"]);
    let second = Daemon::start_command(directory, command);
    second.ok("switch create lab");
}

#[test]
fn a_socket_nobody_can_have_is_refused_with_a_fix() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("x".repeat(120));
    let outcome = Outcome::from(heddled(&long, &[]).output().unwrap());
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("give a --socket of at most 90 bytes"), "{outcome:?}");
    let file = directory.path().join("file");
    std::fs::write(&file, "precious").unwrap();
    let outcome = Outcome::from(heddled(&file, &[]).output().unwrap());
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("exists and is not a socket; remove it or give another --socket"), "{outcome:?}");
}
