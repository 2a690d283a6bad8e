//! The commands that look after extensions: install, uninstall, order, log, as text, as JSON and refused.

use super::process::{Daemon, alive, real, signal, wait_for};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("extension enable lab com.example.tally");
    daemon.ok("extension enable lab org.heddle.sflow");
    daemon
}

/// `heddle` with these words must end with this code and say this.
fn refused(daemon: &Daemon, line: &str, code: i32, words: &str) {
    let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, code, "{line}: {outcome:?}");
    assert!(outcome.stderr.contains(words) && outcome.stderr.contains("; "), "{line}: {outcome:?}");
}

#[test]
fn a_file_is_installed_and_uninstalled() {
    let daemon = lab();
    let here = daemon.directory.path().canonicalize().unwrap();
    let text = daemon.ok("extension install ./libmirror.so");
    assert_eq!(
        text,
        format!("installed extension com.example.libmirror 1.2.3 (filter) as {}/libmirror.so\n", here.display())
    );
    assert_eq!(daemon.json("extension install libmirror.so")["id"], "com.example.libmirror");
    refused(&daemon, "extension install ./overlay.so", 4, "is version 1.2.3, not 2.0.0; uninstall it first");
    refused(&daemon, "extension uninstall com.example.tally", 5, "is enabled on switch 'lab'; disable it there");
    refused(&daemon, "extension uninstall com.example.overlya", 3, "nearest is 'com.example.overlay'");
    assert!(
        daemon.ok("extension uninstall com.example.overlay").starts_with("uninstalled extension com.example.overlay")
    );
}

#[test]
fn an_order_names_extensions_once() {
    let daemon = lab();
    let ids = |stack: serde_json::Value| {
        stack.as_array().unwrap().iter().map(|view| (view["id"].clone(), view["order"].clone())).collect::<Vec<_>>()
    };
    let stack = daemon.json("extension order --switch lab org.heddle.sflow com.example.tally");
    assert_eq!(ids(stack), [(json!("org.heddle.sflow"), json!(0)), (json!("com.example.tally"), json!(1))]);
    let table = daemon.ok("extension order com.example.tally org.heddle.sflow");
    assert!(table.lines().nth(1).unwrap().starts_with("com.example.tally"), "{table}");
    refused(&daemon, "extension order --switch lab com.example.tally com.example.tally", 5, "is named twice");
    refused(&daemon, "extension order --switch lab com.example.tallyy", 3, "nearest is 'com.example.tally'");
    assert_eq!(daemon.heddle(&["extension", "order", "--switch", "lab"]).code, 2);
}

#[test]
fn the_log_of_an_extension_is_shown_with_what_was_dropped() {
    let daemon = lab();
    let expected = "\
2023-11-14T22:13:20.000Z info  ready
2023-11-14T22:13:21.500Z error lost\\u{1b}[2J
7 lines are not kept: the newest 256 stay
";
    assert_eq!(daemon.ok("extension log --switch lab com.example.tally"), expected);
    let last = daemon.json("extension log com.example.tally --lines 1");
    let line =
        json!({ "unix_nanoseconds": 1_700_000_001_500_000_000_u64, "severity": "error", "text": "lost\u{1b}[2J" });
    let whole = json!({ "switch": "lab", "id": "com.example.tally", "lines": [line], "dropped": 7, "capacity": 256 });
    assert_eq!(last, whole);
    refused(&daemon, "extension log --switch lab com.example.overlay", 3, "is not enabled on switch 'lab'");
}

#[test]
fn quarantine_is_listed_and_cleared() {
    let daemon = lab();
    let table = daemon.ok("quarantine list lab");
    let line = "com.example.sick  lab     2023-11-14T22:13:20.000Z  it panicked 3 times within 60 s";
    assert_eq!(table.lines().nth(1), Some(line), "{table}");
    let record = json!({ "switch": "lab", "id": "com.example.sick", "cause": "panics",
        "reason": "it panicked 3 times within 60 s", "since_unix_seconds": 1_700_000_000_u64, "crash": null });
    assert_eq!(daemon.json("quarantine list"), json!([record]));
    assert_eq!(daemon.json("quarantine clear --switch lab com.example.sick"), record);
    let text = daemon.ok("quarantine clear com.example.sick");
    assert_eq!(text, "extension com.example.sick may run on switch lab again: it panicked 3 times within 60 s\n");
    assert_eq!(daemon.json("extension show lab com.example.tally")["quarantine"], json!(null));
}

#[test]
fn configuration_is_shown_explained_and_changed() {
    let daemon = lab();
    let shown = daemon.ok("extension config show --switch lab com.example.tally");
    assert_eq!(shown, "KEY     VALUE  UNIT  FROM\nwindow  10     ms    default\n");
    let set = daemon.ok("extension config set com.example.tally window=20");
    assert_eq!(set, "KEY     VALUE  UNIT  FROM\nwindow  20     ms    operator\n");
    let schema = daemon.ok("extension config schema --switch lab com.example.tally");
    let line = "window  integer  ms    10       1 to 500  while it runs  how long it looks back";
    assert_eq!(schema.lines().nth(1), Some(line), "{schema}");
    let json = daemon.json("extension config set --switch lab com.example.tally --unset window");
    let window = json!({ "key": "window", "kind": "integer", "unit": "ms", "default": "10", "range": [1, 500], "choices": [],
        "description": "how long it looks back", "changeable": true, "value": "10", "given": false });
    assert_eq!(json, json!({ "switch": "lab", "id": "com.example.tally", "published": true, "settings": [window] }));
    refused(&daemon, "extension config set com.example.tally window=1 window=2", 5, "is given twice");
    daemon.ok("extension config set --switch lab com.example.tally --fail-policy closed");
    assert_eq!(daemon.json("extension show lab com.example.tally")["fail_policy"], "closed");
    refused(&daemon, "extension config set com.example.tally --fail-policy extension", 5, "give open or closed");
    assert_eq!(daemon.heddle(&["extension", "config", "set", "com.example.tally"]).code, 2);
}

/// A built extension of this workspace.
pub(crate) fn library(package: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).unwrap().to_path_buf();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", profile, "-p", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{package}: {}", String::from_utf8_lossy(&built.stderr));
    folder.join(format!("lib{}.so", package.replace('-', "_")))
}

/// The real daemon with an extension directory of its own, which does not exist yet.
fn with_directory() -> (Daemon, tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let installed = directory.path().join("installed");
    let daemon = real(&["--extension-dir", installed.to_str().unwrap()]);
    (daemon, directory, installed)
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn the_real_daemon_installs_what_the_loader_accepts_and_nothing_else() {
    let (daemon, _directory, installed) = with_directory();
    let passthrough = library("heddle-passthrough");
    let shown = passthrough.to_str().unwrap();
    let place = installed.join("org.heddle.passthrough.so");

    std::fs::write(daemon.directory.path().join("text.so"), "not an ELF").unwrap();
    refused(&daemon, "extension install ./text.so", 9, "text.so' was not installed: not an ELF file");
    refused(&daemon, "extension install ./absent.so", 9, "absent.so cannot be read: No such file");
    assert_eq!(files(&installed), [""; 0], "nothing is left of what was refused");

    let text = daemon.ok(&format!("extension install {shown}"));
    assert_eq!(text, format!("installed extension org.heddle.passthrough 0.1.0 (filter) as {}\n", place.display()));
    assert_eq!(std::fs::read(&place).unwrap(), std::fs::read(&passthrough).unwrap());
    assert_eq!(files(&installed), ["org.heddle.passthrough.so"], "nothing beside it");
    refused(&daemon, &format!("extension install {shown}"), 4, "is the same file; enable it by its identifier");
    // Another build of it: one more byte at its end, which no check minds.
    let mut other = std::fs::read(&passthrough).unwrap();
    other.push(0);
    std::fs::write(daemon.directory.path().join("other.so"), other).unwrap();
    refused(&daemon, "extension install ./other.so", 4, "is another build of version 0.1.0; uninstall it first");

    daemon.ok("switch create lab");
    daemon.ok("switch create edge");
    daemon.ok("extension enable lab org.heddle.passthrough");
    daemon.ok("extension enable edge org.heddle.passthrough");
    refused(
        &daemon,
        "extension uninstall org.heddle.passthrough",
        5,
        "is enabled on switches 'edge', 'lab'; disable it",
    );
    assert!(place.exists());
    daemon.ok("extension disable lab org.heddle.passthrough");
    daemon.ok("extension disable edge org.heddle.passthrough");
    let text = daemon.ok("extension uninstall org.heddle.passthrough");
    assert_eq!(text, format!("uninstalled extension org.heddle.passthrough 0.1.0 (filter) from {}\n", place.display()));
    assert_eq!(files(&installed), [""; 0]);
    refused(&daemon, "extension enable lab org.heddle.passthrough", 3, "is not installed");
}

#[test]
fn an_order_and_a_changed_configuration_are_back_after_a_kill() {
    let daemon = real(&[]);
    daemon.ok("switch create lab");
    for package in ["heddle-passthrough", "heddle-test-drop-every-nth", "heddle-test-observe"] {
        daemon.ok(&format!("extension enable lab {}", library(package).display()));
    }
    let ids = || {
        let stack = daemon.json("extension list lab");
        stack.as_array().unwrap().iter().map(|view| view["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let newest_first = ["org.heddle.test.observe", "org.heddle.test.drop-every-nth", "org.heddle.passthrough"];
    assert_eq!(ids(), newest_first);
    daemon.ok("extension order --switch lab org.heddle.passthrough org.heddle.test.drop-every-nth");
    let wanted = ["org.heddle.test.observe", "org.heddle.passthrough", "org.heddle.test.drop-every-nth"];
    assert_eq!(ids(), wanted);
    let first = daemon.answering_pid();
    signal(first, "KILL");
    wait_for("the killed process to be gone", || !alive(first));
    assert_eq!(ids(), wanted);

    let id = "org.heddle.test.drop-every-nth";
    let shown = || daemon.json(&format!("extension config show --switch lab {id}"))["settings"][0]["value"].clone();
    refused(
        &daemon,
        &format!("extension config set --switch lab {id} m=7"),
        5,
        "no key of this extension, nearest is 'n'",
    );
    daemon.ok(&format!("extension config set --switch lab {id} n=7 --fail-policy closed"));
    daemon.ok(&format!("extension config set --switch lab {} --fail-policy closed", wanted[1]));
    let policies = || wanted.map(|id| daemon.json(&format!("extension show lab {id}"))["fail_policy"].clone());
    let second = daemon.answering_pid();
    signal(second, "KILL");
    wait_for("the killed process to be gone", || !alive(second));
    assert_eq!((shown(), ids()), (json!("7"), wanted.map(str::to_owned).to_vec()));
    assert_eq!(policies(), ["open", "closed", "closed"]);
}

#[test]
fn an_extension_is_enabled_in_a_process_of_its_own() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("extension enable lab com.example.tally --isolation process");
    let text = daemon.ok("extension show lab com.example.tally");
    let words = "process 4711: landlock fully, seccomp; late after 25 ms, killed after 1000 ms; missed 2";
    assert!(text.contains(words), "{text}");
    let view = daemon.json("extension show lab com.example.tally");
    assert_eq!((&view["isolation"], &view["process"]["pid"]), (&json!("process"), &json!(4_711)));
    daemon.ok("extension enable lab org.heddle.sflow");
    let view = daemon.json("extension show lab org.heddle.sflow");
    assert_eq!((&view["isolation"], &view["process"]), (&json!("none"), &json!(null)));
    let enable = |words: &str| {
        daemon.heddle(&format!("extension enable lab com.example.overlay {words}").split(' ').collect::<Vec<_>>())
    };
    for (words, said) in [
        ("--isolation process --late-after 4", "late-after '4' is out of range; give 5 to 1000 ms"),
        ("--isolation process --kill-after 99", "kill-after '99' is out of range; give 100 to 60000 ms"),
        ("--isolation process --late-after 500 --kill-after 500", "give more than the 500 ms after which it is late"),
        ("--late-after 50", "is for a process of its own; give --isolation process too"),
    ] {
        let wrong = enable(words);
        assert!(wrong.code == 5 && wrong.stderr.contains(said), "{words}: {wrong:?}");
    }
    let patient = enable("--isolation process --late-after 40 --kill-after 5000");
    assert_eq!(patient.code, 0, "{patient:?}");
    let text = daemon.ok("extension show lab com.example.overlay");
    assert!(text.contains("late after 40 ms, killed after 5000 ms"), "{text}");
    let wrong = daemon.heddle(&["extension", "enable", "lab", "com.example.overlay", "--isolation", "thread"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("process"), "{wrong:?}");
}

#[test]
fn a_switch_before_the_identifier_is_told_where_it_belongs() {
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["extension", "config", "set", "lab", "com.example.tally", "n=2"]);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    let fix = "`heddle extension config set --switch lab com.example.tally KEY=VALUE`";
    assert!(outcome.stderr.contains(fix), "{outcome:?}");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["extension", "enable", "lab", "a.b", "--config-file", "/dev/zero"]);
    assert!(outcome.stderr.contains("/dev/zero: it has more than 65536 bytes"), "{outcome:?}");
    let name = "x".repeat(100_000);
    let outcome = daemon.heddle(&["switch", "create", &name]);
    assert_eq!(outcome.code, 5);
    assert!(outcome.stderr.len() < 400, "{} bytes", outcome.stderr.len());
}
