//! The debug mode from the command line: on a capture file without any right, and on a live switch with traffic.

use super::process::{Daemon, Outcome, real, signal, wait_for};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A filter in C that touches what its configuration says.
fn overrun() -> &'static [u8] {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let file = folder.path().join("overrun.so");
        let mut compiler = Command::new("gcc");
        compiler.args(["-std=c11", "-O1", "-g1", "-shared", "-fPIC", "-I"]).arg(root.join("extension-api/include"));
        let source = root.join("tests/extensions/c/harmful/c-overrun.c");
        assert!(compiler.arg("-o").arg(&file).arg(source).status().unwrap().success());
        std::fs::read(file).unwrap()
    })
}

fn placed(folder: &Path) -> PathBuf {
    let file = folder.join("overrun.so");
    std::fs::write(&file, overrun()).unwrap();
    file
}

/// A try of it, with no daemon anywhere.
fn attempt(folder: &Path, options: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
    command.args(["extension", "try", "./overrun.so", "--pcap", "in.pcap", "--json"]).args(options.split_whitespace());
    command.current_dir(folder).env("HEDDLE_SOCKET", "/nonexistent/socket");
    command.output().unwrap().into()
}

#[test]
fn a_try_in_debug_mode_names_rule_port_offset_and_stack_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    super::vendor::furnish(folder.path());
    placed(folder.path());
    let outcome = attempt(folder.path(), "--config do=read-behind");
    assert_eq!(outcome.code, 0, "it goes by without the mode: {outcome:?}");
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(answer["findings"].is_null() && answer["violations"] == 0, "{answer:#}");

    let outcome = attempt(folder.path(), "--debug --config do=read-behind");
    assert_eq!(outcome.code, 9, "{outcome:?}");
    assert!(outcome.stderr.contains("org.heddle.test.c-overrun touched what it was not lent"), "{outcome:?}");
    let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    super::schema::check("extension try", &answer);
    let found = &answer["findings"][0];
    assert_eq!(
        (&found["rule"], &found["port"], &found["offset"], &found["function"]),
        (&"frame-overrun".into(), &"port1".into(), &60.into(), &"ingress".into()),
        "{found:#}"
    );
    let first = found["stack"][0].as_str().unwrap();
    let (module, offset) = first.rsplit_once('+').unwrap();
    assert!(module.contains("c-overrun"), "{first}");
    let mut addr2line = Command::new("addr2line");
    addr2line.args(["-f", "-e", "overrun.so", offset]).current_dir(folder.path());
    let line = addr2line.output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&line).starts_with("commit\n"), "{}", String::from_utf8_lossy(&line));

    let decent = attempt(folder.path(), "--debug");
    assert_eq!(decent.code, 0, "{decent:?}");
    let answer: serde_json::Value = serde_json::from_str(&decent.stdout).unwrap();
    assert_eq!(answer["findings"], serde_json::json!([]));
}

fn shown(daemon: &Daemon) -> serde_json::Value {
    daemon.json("extension show lab org.heddle.test.c-overrun")
}

#[test]
fn on_a_live_switch_a_finding_is_counted_logged_and_harms_nobody() {
    let daemon = real(&[]);
    let file = placed(daemon.directory.path());
    daemon.ok("switch create lab");
    daemon.ok("port add lab left --backend memory --device source:2000:200:4:1:2");
    daemon.ok("port add lab right --backend memory --device sink");
    daemon
        .ok(&format!("extension enable lab {} --debug --config do=write-behind --fail-policy closed", file.display()));
    let both = ["extension", "enable", "lab", "./overrun.so", "--debug", "--isolation", "process"];
    let refused = daemon.heddle(&both);
    assert!(refused.code == 2 && refused.stderr.contains("cannot be used with"), "{refused:?}");
    wait_for("the violation to be shown", || {
        let view = shown(&daemon);
        view["violations"][0]["rule"] == "frame-overrun" && view["violations"][0]["port"] == "left"
    });
    let view = shown(&daemon);
    assert_eq!(view["isolation"], "debug");
    assert!(view["last_error"].as_str().is_some_and(|error| error.contains("frame-overrun")), "{view:#}");
    let log = daemon.ok("extension log --switch lab org.heddle.test.c-overrun");
    let words =
        "frame-overrun: stored at byte 196 of frame 0, 1 behind its end (196 bytes) from port left, in ingress; at ";
    assert!(log.contains(words) && log.contains("c-overrun"), "{log}");
    // Thousands of them later it is kept out, the process is the same, and all frames before that were delivered whole.
    let pid = daemon.answering_pid();
    wait_for("quarantine", || !shown(&daemon)["quarantine"].is_null());
    assert_eq!(daemon.answering_pid(), pid);
    daemon.ok("quarantine clear --switch lab org.heddle.test.c-overrun");
    daemon.ok("extension disable lab org.heddle.test.c-overrun");

    // A decent one goes on in debug mode after the process was killed.
    daemon.ok(&format!("extension enable lab {} --isolation debug", file.display()));
    signal(daemon.answering_pid(), "KILL");
    wait_for("the next process to have it back", || {
        let outcome = daemon.heddle(&["extension", "show", "lab", "org.heddle.test.c-overrun", "--json"]);
        let view = serde_json::from_str::<serde_json::Value>(&outcome.stdout);
        view.is_ok_and(|view| view["running"] == true && view["isolation"] == "debug")
    });
    let received = || daemon.json("port show lab right")["counters"]["tx_packets"].as_u64().unwrap_or(0);
    let before = received();
    wait_for("traffic through it", || received() > before + 1_000);
    assert_eq!(shown(&daemon)["violations"], serde_json::json!([]));
}
