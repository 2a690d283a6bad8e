//! `heddled --config`, `--check-config` and `--config-schema`, with the real binary.

use super::process::{Daemon, Outcome, alive, real_command, signal, wait_for};
use std::process::Command;

const GOOD: &str = "[[switch]]\nname = \"lab\"\n\n[[switch.port]]\nname = \"web\"\nbackend = \"memory\"\nmtu = 9000\n";
const BAD: &str = "[[switch]]\nname = \"lab\"\ntyp = \"external\"\n";

fn heddled(arguments: &[&str]) -> Outcome {
    Command::new(env!("CARGO_BIN_EXE_heddled")).args(arguments).output().unwrap().into()
}

#[test]
fn a_file_is_judged_without_a_daemon() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, bad) = (file("good.toml", GOOD), file("bad.toml", BAD));
    let outcome = heddled(&["--check-config", &good]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, format!("{good}: 1 switch, 1 port, 0 extensions\n").as_str())
    );
    // Operators have the socket and the state directory in their environment.
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddled"));
    command.env("HEDDLE_SOCKET", "/run/heddle/other.sock").env("HEDDLE_STATE_DIR", "/var/lib/other");
    let outcome: Outcome = command.args(["--check-config", &good]).output().unwrap().into();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let outcome = heddled(&["--check-config", "/dev/zero"]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("/dev/zero: it has more than 4194304 bytes"), "{outcome:?}");
    let outcome = heddled(&["--check-config", &bad]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    let expected = format!("{bad}:3:1: unknown key 'typ' of 'switch', nearest is 'type'; the keys are ");
    assert!(outcome.stderr.starts_with(&expected) && outcome.stderr.lines().count() == 1, "{outcome:?}");
    let outcome = heddled(&["--check-config", "/nonexistent/heddled.toml"]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("cannot read the configuration /nonexistent/heddled.toml: "), "{outcome:?}");
    let outcome = heddled(&["--config-schema"]);
    let schema: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(schema["title"], "Configuration of heddled");
    // A daemon that is given it touches nothing.
    let state = directory.path().join("state");
    let socket = directory.path().join("heddled.sock");
    let words = ["--socket", socket.to_str().unwrap(), "--state-dir", state.to_str().unwrap(), "--config", &bad];
    let outcome = heddled(&words);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.stderr.starts_with(&expected), "{outcome:?}");
    assert!(!state.exists() && !socket.exists());
}

#[test]
fn a_daemon_starts_as_its_file_says_and_later_changes_outlive_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("heddled.toml");
    std::fs::write(&file, GOOD).unwrap();
    let command = real_command(&directory, &["--config", file.to_str().unwrap()]);
    let daemon = Daemon::start_command(directory, command);
    assert_eq!(daemon.json("port show lab web")["mtu"], 9000);
    let status = daemon.json("daemon status");
    assert_eq!(status["config_file"].as_str(), file.to_str());
    let state = daemon.directory.path().join("state");
    assert_eq!((status["state_dir"].as_str(), &status["metrics"]), (state.to_str(), &serde_json::Value::Null));
    let text = daemon.ok("daemon status");
    assert!(text.contains(file.to_str().unwrap()) && text.contains(state.to_str().unwrap()), "{text}");
    daemon.ok("port set lab web --mtu 1400");
    // What an editor left half-done does not keep a crash from being survived.
    std::fs::write(&file, BAD).unwrap();
    let first = daemon.answering_pid();
    signal(first, "KILL");
    wait_for("the killed process to be gone", || !alive(first));
    assert_eq!(daemon.json("port show lab web")["mtu"], 1400);
}

#[test]
fn directories_that_cannot_be_are_refused_at_once_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("file"), "").unwrap();
    let (socket, file, state, run) = (path("s.sock"), path("file"), path("state"), path("run"));
    let outcome = heddled(&["--socket", &socket, "--run-dir", &run, "--state-dir", &file]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(
        outcome.stderr.contains(&file) && outcome.stderr.contains("give a --state-dir that is a directory"),
        "{outcome:?}"
    );
    assert!(!outcome.stderr.contains("died"), "it is no crash: {outcome:?}");
    let outcome = heddled(&["--socket", &socket, "--run-dir", &file, "--state-dir", &state]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    let expected = format!("cannot use the run directory {file}: it is no directory");
    assert!(outcome.stderr.contains(&expected) && outcome.stderr.contains("give a --run-dir"), "{outcome:?}");
}
