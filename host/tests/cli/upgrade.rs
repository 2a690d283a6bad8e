//! `heddle extension upgrade` and `rollback`: as text, as JSON, refused; and what a real heddled comes back with.

use super::process::{Daemon, Outcome, alive, real, signal, wait_for};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const TRACK: &str = "org.heddle.test.track";

fn refused(daemon: &Daemon, line: &str, code: i32, words: &str) -> Outcome {
    let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, code, "{line}: {outcome:?}");
    assert!(outcome.stderr.contains(words) && outcome.stderr.contains("; "), "{line}: {outcome:?}");
    outcome
}

#[test]
fn an_upgrade_and_the_way_back_as_text_and_as_json() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("extension enable lab com.example.tally");
    let text = daemon.ok("extension upgrade com.example.tally ./tally-2.so");
    let expected = "\
extension com.example.tally 2.0.0 (filter) on switch lab: running
1.2.3 to 2.0.0, 4800000 bytes of state, workers stopped for 180, 95 us, on probation for 60 s
";
    assert_eq!(text, expected);
    let shown = daemon.ok("extension show lab com.example.tally");
    assert!(shown.contains("1.2.3 to 2.0.0, 4800000 bytes of state"), "{shown}");
    let back = daemon.ok("extension rollback --switch lab com.example.tally");
    let expected = "\
extension com.example.tally 1.2.3 (filter) on switch lab: running
back to 1.2.3 from 2.0.0: an operator asked for it
";
    assert_eq!(back, expected);
    let json = daemon.json("extension upgrade --switch lab com.example.tally ./tally-2.so --probation 0");
    let here = daemon.directory.path().canonicalize().unwrap();
    assert_eq!((&json["version"], &json["path"]), (&json!("2.0.0"), &json!(here.join("tally-2.so"))));
    let upgrade = json!({ "stage": "upgraded", "from_version": "1.2.3", "to_version": "2.0.0", "reason": null,
        "state_bytes": 4_800_000, "longest_slice_microseconds": 41, "pause_microseconds": [180, 95],
        "probation_seconds_left": null, "can_roll_back": true });
    assert_eq!(json["upgrade"], upgrade);
    assert_eq!(daemon.json("extension rollback com.example.tally")["upgrade"]["stage"], "rolled-back");
}

#[test]
fn refusals_name_the_thing_the_reason_and_the_fix() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("extension enable lab com.example.tally");
    refused(
        &daemon,
        "extension upgrade com.example.tally ./refuses.so",
        5,
        "its state has version 2, and 1 is the newest",
    );
    refused(
        &daemon,
        "extension upgrade com.example.tally ./tally-2.so --probation 3601",
        5,
        "'3601' is too long; give 0 to",
    );
    refused(&daemon, "extension upgrade com.example.tallyy ./tally-2.so", 3, "nearest is 'com.example.tally'");
    daemon.ok("extension enable lab org.heddle.sflow");
    refused(&daemon, "extension rollback org.heddle.sflow", 5, "has no former version here; upgrade it");
    assert_eq!(daemon.heddle(&["extension", "upgrade", "com.example.tally"]).code, 2);
}

/// Version 1 of the tracker, or an example of its package.
fn version(example: Option<&str>) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).unwrap().to_path_buf();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", profile, "-p", "heddle-test-track", "--lib", "--examples"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    match example {
        None => folder.join("libheddle_test_track.so"),
        Some(name) => folder.join("examples").join(format!("lib{name}.so")),
    }
}

fn upgrade(daemon: &Daemon, file: &Path, probation: u32) -> Value {
    daemon.json(&format!("extension upgrade --switch lab {TRACK} {} --probation {probation}", file.display()))
}

fn running_version(daemon: &Daemon) -> Value {
    let view = daemon.json(&format!("extension show lab {TRACK}"));
    if view["running"] == true { view["version"].clone() } else { Value::Null }
}

#[test]
fn a_kill_within_the_probation_brings_the_former_version_back_and_one_after_it_the_new() {
    let daemon = real(&[]);
    daemon.ok("switch create lab");
    daemon.ok(&format!("extension enable lab {}", version(None).display()));
    let two = version(Some("track_2"));
    assert_eq!(upgrade(&daemon, &two, 3_600)["version"], "2.0.0");
    let kill = || {
        let process = daemon.answering_pid();
        signal(process, "KILL");
        wait_for("the killed process to be gone", || !alive(process));
    };
    kill();
    wait_for("the former version", || running_version(&daemon) == "1.0.0");
    assert_eq!(upgrade(&daemon, &two, 0)["version"], "2.0.0");
    kill();
    wait_for("the new version", || running_version(&daemon) == "2.0.0");
    // What went back by request is what is desired.
    let again = daemon.directory.path().join("again.so");
    let mut bytes = std::fs::read(&two).unwrap();
    bytes.push(0);
    std::fs::write(&again, bytes).unwrap();
    upgrade(&daemon, &again, 3_600);
    let back = daemon.json(&format!("extension rollback --switch lab {TRACK}"));
    assert_eq!(back["path"], json!(two));
    kill();
    wait_for("the version before", || running_version(&daemon) == "2.0.0");
    assert_eq!(daemon.json(&format!("extension show lab {TRACK}"))["path"], json!(two));
    refused(&daemon, &format!("extension rollback --switch lab {TRACK}"), 5, "has no former version here");
}

#[test]
fn a_restart_that_was_asked_for_keeps_a_version_on_probation() {
    let mut daemon = real(&[]);
    daemon.ok("switch create lab");
    daemon.ok(&format!("extension enable lab {}", version(None).display()));
    upgrade(&daemon, &version(Some("track_2")), 3_600);
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    let state = daemon.directory.path().join("state");
    let directory = tempfile::tempdir().unwrap();
    let options = ["--state-dir", state.to_str().unwrap()];
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddled"));
    command.arg("--socket").arg(directory.path().join("heddled.sock"));
    command.args(options).args(["--extension-dir", "/nonexistent"]);
    let daemon_again = Daemon::start_command(directory, command);
    wait_for("the new version", || running_version(&daemon_again) == "2.0.0");
}
