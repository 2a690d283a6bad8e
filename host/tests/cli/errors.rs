//! Each way to be refused: the sentence and the exit code.

use super::process::{Daemon, Outcome};
use heddle_host::control::error::ControlError;
use std::process::Command;

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("switch create edge --type external");
    daemon.ok("port add lab web --backend tap --device web0 --mac 02:00:00:00:00:01");
    daemon.ok("port add edge wan --backend packet --device eth0 --kind external");
    daemon.ok("port add lab stuck --backend memory");
    daemon.ok("extension enable lab com.example.route");
    daemon
}

/// Command line, exit code, name, sentence.
const REFUSALS: &[(&str, i32, &str, &str)] = &[
    (
        "switch show lb",
        3,
        "no-such-switch",
        "switch 'lb' does not exist, nearest is 'lab'; `heddle switch list` shows the ones that do",
    ),
    (
        "port show lab wbe",
        3,
        "no-such-port",
        "port 'wbe' does not exist on switch 'lab', nearest is 'web'; `heddle port list lab` shows the ones that do",
    ),
    (
        "extension enable lab org.heddle.sflw",
        3,
        "no-such-extension",
        "extension 'org.heddle.sflw' is not installed, nearest is 'org.heddle.sflow'; `heddle extension list` shows the ones that are, or give the path of a .so",
    ),
    (
        "extension disable lab com.example.tally",
        3,
        "extension-not-enabled",
        "extension 'com.example.tally' is not enabled on switch 'lab', nearest is 'com.example.route'; `heddle extension list lab` shows the ones that are",
    ),
    (
        "capture --switch lab --port nix -w x.pcapng",
        3,
        "no-such-port",
        "port 'nix' does not exist on switch 'lab'; `heddle port list lab` shows the ones that do",
    ),
    (
        "extension install /overlay.so",
        4,
        "extension-installed",
        "extension 'com.example.overlay' is already installed: /usr/lib/heddle/extensions/com.example.overlay.so is version 1.2.3, not 2.0.0; uninstall it first",
    ),
    (
        "extension enable lab com.example.sick",
        9,
        "extension-quarantined",
        "extension 'com.example.sick' is quarantined on switch 'lab' since 2023-11-14T22:13:20Z: it panicked 3 times within 60 s; `heddle quarantine clear --switch lab com.example.sick` lets it run again",
    ),
    (
        "quarantine clear --switch lab com.example.sikc",
        3,
        "not-quarantined",
        "extension 'com.example.sikc' is not quarantined on switch 'lab', nearest is 'com.example.sick'; `heddle quarantine list lab` shows the ones that are",
    ),
    (
        "extension install /text.so",
        9,
        "extension-not-installed",
        "extension '/text.so' was not installed: not an ELF file; give a shared object (.so)",
    ),
    (
        "extension uninstall com.example.route",
        5,
        "extension-in-use",
        "extension 'com.example.route' is enabled on switch 'lab'; disable it there before it is uninstalled",
    ),
    (
        "switch create lab",
        4,
        "switch-exists",
        "switch 'lab' already exists; choose another name or delete it with `heddle switch delete lab`",
    ),
    (
        "port add lab web --backend memory",
        4,
        "port-exists",
        "port 'web' already exists on switch 'lab'; choose another name or change it with `heddle port set lab web`",
    ),
    (
        "extension enable lab com.example.route",
        4,
        "extension-enabled",
        "extension 'com.example.route' is already enabled on switch 'lab'; disable it first to enable it with another configuration",
    ),
    ("switch create a/b", 5, "invalid", "switch name 'a/b' contains '/'; use 1 to 64 characters of A-Z a-z 0-9 . _ -"),
    ("switch create s --workers 65", 5, "invalid", "workers '65' is out of range; give 1 to 64 workers"),
    ("switch create s --ageing 0", 5, "invalid", "ageing '0' is out of range; give 1 to 1000000 seconds"),
    ("port add lab p --backend memory --mtu 67", 5, "invalid", "mtu '67' is out of range; give 68 to 65535 bytes"),
    (
        "port add lab p --backend memory --vlan-mode access --vlan 4095",
        5,
        "invalid",
        "vlan '4095' is not a VLAN identifier; give 1 to 4094",
    ),
    (
        "port add lab p --backend memory --vlan-mode access",
        5,
        "invalid",
        "vlan-mode 'access' needs a VLAN; add --vlan ID with an ID from 1 to 4094",
    ),
    (
        "port add lab p --backend memory --vlan 5",
        5,
        "invalid",
        "vlan '5' does not apply in vlan-mode untagged; leave it out or give --vlan-mode access",
    ),
    (
        "port add lab p --backend memory --vlan-mode trunk --allowed 5-1",
        5,
        "invalid",
        "allowed '5-1' has a range that runs backwards; write VLANs and ranges from 1 to 4094: 1-100,200",
    ),
    (
        "port add lab p --backend memory --mac ff:ff:ff:ff:ff:ff",
        5,
        "invalid",
        "mac 'ff:ff:ff:ff:ff:ff' is a group address; give the address of one station, for example 02:00:00:00:00:01",
    ),
    ("port add lab p --backend packet", 5, "invalid", "backend 'packet' needs a network device; add --device IFNAME"),
    (
        "port add lab p --backend memory --device eth9",
        5,
        "invalid",
        "device 'eth9' is no far side of a memory port; use sink, source:PPS:SIZE:FLOWS[:FROM:TO], loop:NAME or nothing",
    ),
    (
        "port add lab p --backend tap --device a-name-too-long0",
        5,
        "invalid",
        "device 'a-name-too-long0' has 16 bytes, more than 15; give a network device as `ip link` shows it: at most 15 bytes, no '/', ':', '%' or white space",
    ),
    ("port set lab web", 5, "invalid", "port 'web' is to be set but no option is given; give what to change"),
    (
        "port set lab web --queues 2",
        5,
        "fixed-at-creation",
        "queues of port 'web' on switch 'lab' is fixed when the port is added; remove the port and add it again",
    ),
    (
        "port add lab p --backend memory --mac 02:00:00:00:00:01",
        5,
        "mac-taken",
        "MAC address 02:00:00:00:00:01 is already assigned to port 'web' of switch 'lab'; give another --mac",
    ),
    (
        "port add lab p --backend tap --device web0",
        5,
        "device-in-use",
        "device 'web0' is already in use by port 'web' of switch 'lab'; remove that port first or give another --device",
    ),
    (
        "port add edge p --backend memory --kind external",
        5,
        "external-port-taken",
        "switch 'edge' already has its external port 'wan'; remove that one first or use another --kind",
    ),
    (
        "port add lab p --backend memory --kind external",
        5,
        "kind-not-on-switch",
        "internal switch 'lab' takes no external port; use another --kind or create a switch of another --type",
    ),
    (
        "extension enable lab com.example.overlay",
        5,
        "second-forwarding",
        "switch 'lab' already has the forwarding extension 'com.example.route'; disable it before enabling 'com.example.overlay'",
    ),
    (
        "capture --switch lab --port web -w x.pcapng --snaplen 0",
        5,
        "invalid",
        "snaplen '0' is out of range; give 1 to 262144 bytes",
    ),
    (
        "port add lab p --backend packet --device secret0",
        6,
        "daemon-lacks-permission",
        "heddled lacks the permission to open /dev/net/tun: Operation not permitted; start it as root or use --backend memory",
    ),
    ("switch create busy", 8, "busy", "switch 'busy' is busy: it is being deleted; try again"),
    (
        "extension enable lab /tmp/text.so",
        9,
        "extension-rejected",
        "extension '/tmp/text.so' was not enabled: it is not an ELF file; give a shared library",
    ),
    (
        "port add lab vetoed --backend memory",
        9,
        "extension-veto",
        "extension 'com.example.tally' refused port 'vetoed': no room; disable it or change the request",
    ),
    (
        "port add lab crowded --backend memory",
        8,
        "extension-not-now",
        "extension 'com.example.tally' cannot take port 'crowded' now: all places are taken; try again later",
    ),
    (
        "port add lab p --backend packet --device nosuch0",
        10,
        "no-such-device",
        "device 'nosuch0' does not exist; `ip link` shows the ones that do",
    ),
    (
        "port add lab p --backend packet --device down0",
        10,
        "device-trouble",
        "device 'down0' has no carrier; plug the cable in",
    ),
    ("port remove lab stuck", 5, "refused", "port 'stuck' of switch 'lab' is held by the test; let go of it first"),
    (
        "fdb flush lab --vlan 4095",
        5,
        "invalid",
        "vlan '4095' is not a VLAN identifier; give 1 to 4094, or 0 for untagged ports",
    ),
    (
        "fdb flush lab --port wbe",
        3,
        "no-such-port",
        "port 'wbe' does not exist on switch 'lab', nearest is 'web'; `heddle port list lab` shows the ones that do",
    ),
    (
        "log level set debug --target engin",
        5,
        "invalid",
        "target 'engin' is no part of heddled, nearest is 'engine'; use one of: arena, control, daemon, engine, loader, ports, supervisor, h2, hyper, tonic, tower; or a module in it, as in loader::check",
    ),
];

#[test]
fn every_refusal_has_its_sentence_and_exit_code() {
    let daemon = lab();
    for (line, code, _, sentence) in REFUSALS {
        let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (*code, format!("heddle: {sentence}\n").as_str()),
            "{line}"
        );
        assert_eq!(outcome.stdout, "", "{line}");
    }
    assert_eq!(daemon.json("port list").as_array().unwrap().len(), 3, "nothing changed");
}

/// Errors that the table above cannot provoke, and the test that does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("internal", "a_panic_in_the_plane_costs_one_request"),
    ("limit-reached", "limits_are_told"),
    ("occupied", "a_busy_daemon_is_asked_again"),
    ("not-stored", "a_full_disk_undoes_every_kind_of_change_and_room_makes_them_possible_again"),
    ("not-permitted", "members_of_the_group_read_and_do_not_change"),
];

#[test]
fn every_error_there_is_is_provoked_and_travels_by_its_name() {
    let daemon = lab();
    for (line, code, name, sentence) in REFUSALS {
        let arguments: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let outcome = daemon.heddle(&arguments);
        let error: serde_json::Value = serde_json::from_str(&outcome.stderr).expect(&outcome.stderr);
        let expected = serde_json::json!({ "name": name, "exit_code": code, "message": sentence });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(error["error"][key], *value, "{line}");
        }
    }
    let here: Vec<&str> = REFUSALS.iter().map(|(_, _, name, _)| *name).collect();
    let there: Vec<&str> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    let sources = [
        include_str!("errors.rs"),
        include_str!("patience.rs"),
        include_str!("permissions.rs"),
        include_str!("../state/disk.rs"),
    ]
    .concat();
    for (_, test) in ELSEWHERE {
        assert!(sources.contains(&format!("fn {test}()")), "{test} is gone");
    }
    for variant in <ControlError as strum::VariantNames>::VARIANTS {
        let places = usize::from(here.contains(variant)) + usize::from(there.contains(variant));
        assert_eq!(places, 1, "'{variant}' is to be provoked by a row of REFUSALS, or by a test named in ELSEWHERE");
    }
    assert!(here.iter().chain(&there).all(|name| <ControlError as strum::VariantNames>::VARIANTS.contains(name)));
}

#[test]
fn an_error_is_json_when_the_answer_would_be() {
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["switch", "show", "lab", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!((&error["error"]["class"], &error["error"]["exit_code"]), (&"not-found".into(), &3.into()));
    assert_eq!(error["error"]["message"], "switch 'lab' does not exist; `heddle switch list` shows the ones that do");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""));
}

#[test]
fn limits_are_told() {
    let daemon = Daemon::single();
    (1..=4).for_each(|number| drop(daemon.ok(&format!("switch create s{number}"))));
    let outcome = daemon.heddle(&["switch", "create", "s5"]);
    assert_eq!(outcome.stderr, "heddle: the limit of 4 switches is reached; delete one first\n");
    let outcome = daemon.heddle(&["switch", "create", "s5", "--json"]);
    assert!(outcome.stderr.contains("\"name\":\"limit-reached\""), "{outcome:?}");
    assert_eq!(outcome.code, 8);
}

#[test]
fn a_panic_in_the_plane_costs_one_request() {
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["switch", "create", "panic"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.starts_with("heddle: the request failed: "), "{outcome:?}");
    let outcome = daemon.heddle(&["switch", "create", "panic", "--json"]);
    assert!(outcome.stderr.contains("\"name\":\"internal\""), "{outcome:?}");
    daemon.ok("switch create lab");
}

fn without_daemon(socket: &str, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
    command.env_remove("HEDDLE_SOCKET").args(arguments).args(["--socket", socket]).output().unwrap().into()
}

#[test]
fn an_absent_daemon_is_told_from_a_dead_one() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("heddled.sock");
    let socket = socket.to_str().unwrap();
    let absent = without_daemon(socket, &["switch", "list"]);
    let expected = format!(
        "heddle: heddled cannot be reached on {socket}: the socket does not exist; start heddled or give another --socket\n"
    );
    assert_eq!((absent.code, absent.stderr), (7, expected));
    drop(std::os::unix::net::UnixListener::bind(socket).unwrap());
    let dead = without_daemon(socket, &["topology"]);
    assert_eq!(dead.code, 7);
    assert!(dead.stderr.contains("nothing listens there any more"), "{dead:?}");
}

#[test]
fn what_answers_without_being_heddled_is_unreachable() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        listener.accept().map(|(stream, _)| std::io::Write::write_all(&mut &stream, b"220 hello\r\n"))
    });
    let outcome = without_daemon(socket.to_str().unwrap(), &["switch", "list"]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for line in [
        "",
        "swich list",
        "port add lab p",
        "port add lab p --backend tun",
        "switch create s --workers x",
        "capture --switch s --port p",
        "extension enable s e --config novalue",
        "port set lab p --mtu 5000000000",
    ] {
        let outcome = without_daemon("/nonexistent", &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, 2, "{line}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{line}");
        let arguments: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let outcome = without_daemon("/nonexistent", &arguments);
        let error: serde_json::Value = serde_json::from_str(&outcome.stderr).expect(&outcome.stderr);
        assert_eq!((&error["error"]["class"], &error["error"]["exit_code"]), (&"usage".into(), &2.into()), "{line}");
        assert!(error["error"]["message"].as_str().unwrap().contains("; `heddle --help` "), "{error}");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{line}");
    }
    let typo = without_daemon("/nonexistent", &["swich", "list"]);
    assert!(typo.stderr.contains("'switch'"), "the nearest command is named: {typo:?}");
}

#[test]
fn an_unreadable_configuration_file_is_named() {
    let daemon = lab();
    let outcome = daemon.heddle(&["extension", "enable", "lab", "com.example.tally", "--config-file", "nix.conf"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.stderr,
        "heddle: cannot read nix.conf: No such file or directory (os error 2); give another path\n"
    );
}
