//! The commands about policies: features, list, add, set, remove, the status of an extension, checking a port.

use super::process::Daemon;
use serde_json::json;

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    daemon.ok("extension enable lab com.example.tally");
    daemon
}

fn lines(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()).collect()
}

#[test]
fn features_show_types_units_and_defaults() {
    let daemon = lab();
    let text = daemon.ok("policy features --switch lab");
    let rows = lines(&text);
    assert_eq!(rows[0], ["FEATURE", "FROM", "ON", "FIELD", "TYPE", "UNIT", "DEFAULT", "VALUES", "MEANING"]);
    assert_eq!(rows[1], ["com.example.tally.limit", "com.example.tally", "port", "limits the frames of a port"]);
    assert_eq!(rows[2], ["rate", "integer", "frames/s", "10", "1 to 1000", "frames a second that pass"]);
    assert_eq!(daemon.json("policy features --switch lab com.example.tally.limit")[0]["fields"][0]["unit"], "frames/s");
    let absent = daemon.heddle(&["policy", "features", "--switch", "lab", "com.example.tally.limti"]);
    assert_eq!(absent.code, 3, "{absent:?}");
    assert!(absent.stderr.contains("has no feature 'com.example.tally.limti'; "), "{absent:?}");
}

#[test]
fn a_policy_is_put_changed_shown_and_taken_away() {
    let daemon = lab();
    let text = daemon.ok("policy add --switch lab --port web com.example.tally.limit rate=7");
    assert!(text.starts_with("added policy com.example.tally.limit on port web of switch lab\n"), "{text}");
    assert_eq!(
        lines(&text)[2],
        ["com.example.tally.limit", "web", "default", "rate", "7", "frames/s", "operator", "yes"]
    );
    let unset = daemon.json("policy set --switch lab --port web com.example.tally.limit --unset rate");
    assert_eq!((&unset["fields"][0]["value"], &unset["fields"][0]["given"]), (&json!("10"), &json!(false)));
    assert_eq!(daemon.json("policy list --switch lab --port web")[0]["feature"], "com.example.tally.limit");
    assert_eq!(daemon.json("policy list --switch lab --port mail"), json!([]));
    let text = daemon.ok("policy remove --switch lab --port web com.example.tally.limit");
    assert_eq!(text, "removed policy com.example.tally.limit on port web of switch lab\n");
    for (line, code, words) in [
        ("policy add --switch lab --port web com.example.limit", 5, "nearest is 'com.example.tally.limit'; "),
        ("policy add --switch lab --port wbe com.example.tally.limit", 3, "nearest is 'web'"),
        ("policy add --switch lab --port web com.example.tally.limit rate", 2, "KEY=VALUE"),
        ("policy set --switch lab --port web com.example.tally.limit", 2, "KEY=VALUE"),
        ("policy add --switch lab --port web com/example", 5, "is no identifier of a feature; "),
    ] {
        let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        assert!(outcome.stderr.contains(words), "{line}: {outcome:?}");
    }
}

#[test]
fn an_extension_tells_its_status() {
    let daemon = lab();
    let text = daemon.ok("extension status --switch lab com.example.tally --port web");
    assert_eq!(
        lines(&text)[1],
        ["com.example.tally.limit", "web", "passed", "12\\u{1b}[2J", "frames", "frames within the limit"]
    );
    assert_eq!(daemon.json("extension status com.example.tally")[0]["port"], json!(null));
}

#[test]
fn a_port_is_checked_with_its_policies() {
    let daemon = lab();
    let text = daemon.ok("port check lab next --vlan-mode access --vlan 20 --policy com.example.tally.limit:rate=5");
    assert_eq!(text, "port next would be accepted on switch lab; judged by com.example.tally\n");
    let refused = daemon.heddle(&["port", "check", "lab", "next", "--policy", "com.example.other"]);
    assert_eq!(refused.code, 5, "{refused:?}");
    let crowded = daemon.heddle(&["port", "add", "lab", "crowded", "--backend", "memory"]);
    assert!(crowded.stderr.contains("all places are taken; try again later"), "{crowded:?}");
}
