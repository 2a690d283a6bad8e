//! What operators get wrong and what devices do by themselves, through the real daemon and its command line: each answer
//! names the thing, the reason and the fix, has its exit code, and leaves everything else as it was.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::daemon::{Daemon, Outcome, built, passthrough};
use heddle_end_to_end::frames::{mac, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::wire::Wire;
use heddle_end_to_end::{as_root, streams, wait_for};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// nobody
const NOBODY: u32 = 65_534;

/// Everything an operator can see, but what counts by itself.
fn picture(daemon: &Daemon) -> Value {
    let mut picture = daemon.json("topology");
    for switch in picture["switches"].as_array_mut().unwrap() {
        switch.as_object_mut().unwrap().remove("law");
        for port in switch["port_list"].as_array_mut().unwrap() {
            port.as_object_mut().unwrap().remove("counters");
        }
    }
    picture
}

/// A line that is refused, and what does not change by it.
fn refused(daemon: &Daemon, line: &str, code: i32, words: &[&str]) {
    let before = picture(daemon);
    daemon.refused(line, code, words);
    assert_eq!(picture(daemon), before, "heddle {line} was half applied");
}

#[test]
fn devices_that_are_not_there_or_not_free() {
    let Some(_turn) = as_root("devices_that_are_not_there_or_not_free") else { return };
    let daemon = Daemon::start();
    let ((near, far), (spare, _spare_far), tap) = (Link::pair(), Link::pair(), device("t"));
    daemon.ok("switch create lab");
    daemon.ok("switch create other");
    daemon.ok(&format!("port add lab web --backend packet --device {}", near.0));
    daemon.ok(&format!("port add lab tap --backend tap --device {tap}"));
    let close = format!("{}y", &near.0[..near.0.len() - 1]);
    let unknown = format!("device '{close}' does not exist, nearest is '");
    refused(
        &daemon,
        &format!("port add lab p --backend packet --device {close}"),
        10,
        &[&unknown, "; `ip link` shows the ones that do"],
    );
    let taken =
        ["port 'web' already exists on switch 'lab'; choose another name or change it with `heddle port set lab web`"];
    refused(&daemon, &format!("port add lab web --backend packet --device {}", spare.0), 4, &taken);
    let tap_taken = ["port 'web' already exists on switch 'lab'"];
    let unused = device("t");
    refused(&daemon, &format!("port add lab web --backend tap --device {unused}"), 4, &tap_taken);
    assert!(!ip("link").contains(&unused), "the TAP device of a refused port is not left behind");
    for switch in ["lab", "other"] {
        let in_use =
            format!("device '{}' is already in use by port 'web' of switch 'lab'; remove that port first", near.0);
        refused(&daemon, &format!("port add {switch} p --backend packet --device {}", near.0), 5, &[&in_use]);
    }
    // Another daemon knows nothing of the first one's ports: the kernel says that the TAP device is taken.
    let second = Daemon::start();
    second.ok("switch create lab");
    let busy = format!("device '{tap}' is in use by another process or port; ");
    refused(&second, &format!("port add lab tap --backend tap --device {tap}"), 10, &[&busy]);
    let no_tap = format!(
        "device '{far}' is not one for the tap backend: it exists and is not a TAP interface; choose another name"
    );
    refused(&second, &format!("port add lab tap --backend tap --device {far}"), 5, &[&no_tap]);
    let name = "sixteen-bytes-xx";
    refused(&second, &format!("port add lab tap --backend tap --device {name}"), 5, &[name, "16 bytes, more than 15"]);
    second.refused("port add lab p --backend packet", 5, &["needs a network device", "add --device IFNAME"]);
    let long = format!("device '{unused}' takes an MTU of 65521 bytes at most, not 65535; give --mtu 65521 or less");
    let line = format!("port add lab tap --backend tap --device {unused} --mtu 65535");
    refused(&second, &line, 10, &[&long]);
    assert!(!ip("link").contains(&unused), "the TAP device of a refused port is not left behind");
}

#[test]
fn a_device_that_goes_and_comes_back() {
    let Some(_turn) = as_root("a_device_that_goes_and_comes_back") else { return };
    let daemon = Daemon::start();
    let (near, far) = Link::pair();
    let (web, up) = (Namespace::new("web"), Namespace::new("up"));
    let tap = device("t");
    daemon.ok("switch create lab --workers 2");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    daemon.ok(&format!("port add lab up --backend packet --device {}", near.0));
    web.adopt(&tap, &["10.80.0.1/24"]);
    up.adopt(&far, &["10.80.0.2/24"]);
    streams::ping(&web, "10.80.0.2", 2, 100);
    daemon.wait_for_trouble("lab", "up", None);

    // The other end goes down: no carrier.
    up.ip(&format!("link set {far} down"));
    let no_carrier = format!("device '{}' has no carrier; check its other end", near.0);
    daemon.wait_for_trouble("lab", "up", Some(&no_carrier));
    up.ip(&format!("link set {far} up"));
    daemon.wait_for_trouble("lab", "up", None);
    streams::ping(&web, "10.80.0.2", 2, 100);

    // This end goes down.
    ip(&format!("link set {} down", near.0));
    daemon.wait_for_trouble("lab", "up", Some(&format!("device '{0}' is down; `ip link set {0} up`", near.0)));
    ip(&format!("link set {} up", near.0));
    daemon.wait_for_trouble("lab", "up", None);
    streams::ping(&web, "10.80.0.2", 2, 100);

    // It is renamed.
    let renamed = device("r");
    ip(&format!("link set {} down", near.0));
    ip(&format!("link set {} name {renamed}", near.0));
    ip(&format!("link set {renamed} up"));
    wait_for("the new name", || daemon.json("port show lab up")["device"] == renamed.as_str());
    daemon.wait_for_trouble("lab", "up", None);
    streams::ping(&web, "10.80.0.2", 2, 100);
    let in_use = format!("device '{renamed}' is already in use by port 'up' of switch 'lab'");
    refused(&daemon, &format!("port add lab more --backend packet --device {renamed}"), 5, &[&in_use]);
    ip(&format!("link set {renamed} down"));
    ip(&format!("link set {renamed} name {}", near.0));
    ip(&format!("link set {} up", near.0));
    wait_for("the old name", || daemon.json("port show lab up")["device"] == near.0.as_str());

    // It is deleted, and made anew.
    ip(&format!("link del {}", near.0));
    let gone = format!("device '{}' is gone from this network namespace; it is taken up again when it returns", near.0);
    daemon.wait_for_trouble("lab", "up", Some(&gone));
    web.output("ping", "-c 2 -i 0.1 -W 1 10.80.0.2");
    assert_eq!(daemon.json("port list lab").as_array().unwrap().len(), 2, "the port stays");
    ip(&format!("link add {} type veth peer name {far}", near.0));
    ip(&format!("link set {} addrgenmode none", near.0));
    up.adopt(&far, &["10.80.0.2/24"]);
    ip(&format!("link set {} up", near.0));
    daemon.wait_for_trouble("lab", "up", None);
    web.ip("neigh flush all");
    streams::ping(&web, "10.80.0.2", 2, 100);
    assert_eq!(daemon.balance("lab"), 0);
    let drops = daemon.drops("lab");
    assert!(
        drops
            .iter()
            .all(|(reason, _)| ["port-down", "device-gone", "no-destination", "source-port-down"]
                .contains(&reason.as_str())),
        "{drops:?}"
    );
}

#[test]
fn a_daemon_without_rights_says_what_it_lacks() {
    let Some(_turn) = as_root("a_daemon_without_rights_says_what_it_lacks") else { return };
    let (near, _far) = Link::pair();
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("heddled");
    std::fs::copy(built("heddled"), &program).unwrap();
    let mut command = Daemon::command(&directory, &program);
    for path in [directory.path().to_path_buf(), program.clone(), directory.path().join("run")] {
        std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    command.uid(NOBODY).gid(NOBODY);
    let daemon = Daemon::start_command(directory, command);
    daemon.ok("switch create lab");
    daemon.ok("port add lab first --backend memory");
    let fix = "; start it as root or use --backend memory";
    let tap = device("t");
    let lacks =
        format!("heddled lacks the permission to use device '{tap}': attaching to a TAP interface needs CAP_NET_ADMIN");
    refused(&daemon, &format!("port add lab web --backend tap --device {tap}"), 6, &[&lacks, fix]);
    let lacks = format!("heddled lacks the permission to use device '{}': ", near.0);
    refused(
        &daemon,
        &format!("port add lab up --backend packet --device {}", near.0),
        6,
        &[&lacks, "CAP_NET_RAW", fix],
    );
    let secret = daemon.directory.path().join("secret.so");
    std::fs::copy(passthrough(), &secret).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let line = format!("extension enable lab {}", secret.display());
    refused(
        &daemon,
        &line,
        9,
        &["secret.so cannot be read: Permission denied", "; check the path and its permissions"],
    );
}

/// A copy of the pass-through extension with other metadata; `at` counts from its magic.
fn altered(daemon: &Daemon, name: &str, at: usize, bytes: &[u8]) -> String {
    let mut file = std::fs::read(passthrough()).unwrap();
    // The record begins with its magic, its size and the ABI's major: 1.
    let magic = b"HEDDLE\0\x01";
    let is_record = |window: &[u8]| window.starts_with(magic) && window[12..14] == [1, 0] && window[8..12] != [0; 4];
    let place = file.windows(32).position(is_record).unwrap();
    file[place + at..place + at + bytes.len()].copy_from_slice(bytes);
    let path = daemon.directory.path().join(name);
    std::fs::write(&path, file).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_that_are_no_extension_for_this_host() {
    let _turn = heddle_end_to_end::alone();
    let daemon = Daemon::start();
    daemon.ok("switch create lab");
    daemon.ok("port add lab a --backend memory");
    let write = |name: &str, bytes: &[u8]| {
        let path = daemon.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let good = std::fs::read(passthrough()).unwrap();
    let mut arm = good.clone();
    arm[18] = 183;
    let libc = "/lib/x86_64-linux-gnu/libc.so.6".to_owned();
    let cases = [
        (write("text.so", b"#!/bin/sh\n"), "not an ELF file; give a shared object (.so)"),
        (write("empty.so", b""), "not an ELF file; give a shared object (.so)"),
        (write("arm.so", &arm), "built for aarch64, this host is x86-64; build it for x86-64"),
        (write("half.so", &good[..good.len() / 2]), "damaged ELF file: "),
        (libc, "symbol `heddle_extension_meta` is missing; it is not a Heddle extension"),
        (altered(&daemon, "major.so", 12, &[2, 0]), "built for ABI 2, this host has ABI 1; get a build for ABI 1"),
        (altered(&daemon, "minor.so", 16, &[99, 0]), "needs at least ABI 1.99, this host has 1."),
        ("/nonexistent/x.so".to_owned(), "/nonexistent/x.so cannot be read: No such file or directory"),
    ];
    for (path, words) in cases {
        if path.starts_with("/lib") && !std::path::Path::new(&path).exists() {
            continue;
        }
        let named = format!("extension '{path}' was not enabled: {words}");
        refused(&daemon, &format!("extension enable lab {path}"), 9, &[&named]);
    }
    refused(
        &daemon,
        "extension enable lab org.heddle.passthru",
        3,
        &["extension 'org.heddle.passthru' is not installed"],
    );
    daemon.ok(&format!("extension enable lab {}", passthrough()));
    refused(
        &daemon,
        &format!("extension enable lab {}", passthrough()),
        4,
        &["extension 'org.heddle.passthrough' is already enabled on switch 'lab'; disable it first"],
    );
    refused(&daemon, "extension disable lab org.heddle.sflow", 3, &["is not enabled on switch 'lab'"]);
    daemon.ok("extension disable lab org.heddle.passthrough");
}

#[test]
fn a_second_daemon_and_names_that_do_not_exist() {
    let _turn = heddle_end_to_end::alone();
    let daemon = Daemon::start();
    daemon.ok("switch create lab");
    let second: Outcome = Daemon::command(&daemon.directory, &built("heddled")).output().unwrap().into();
    assert_ne!(second.code, 0, "{second:?}");
    let socket = daemon.directory.path().join("heddled.sock");
    let words = format!("already serves {}; stop it or give another --socket", socket.display());
    assert!(second.stderr.contains("another heddled (") && second.stderr.contains(&words), "{second:?}");
    assert_eq!(daemon.json("switch list").as_array().unwrap().len(), 1, "the first goes on");

    refused(&daemon, "switch create lab", 4, &["switch 'lab' already exists; choose another name or delete it"]);
    refused(&daemon, "switch delete lba", 3, &["switch 'lba' does not exist, nearest is 'lab'; `heddle switch list`"]);
    refused(&daemon, "port remove lab web", 3, &["port 'web' does not exist on switch 'lab'; `heddle port list lab`"]);
    refused(
        &daemon,
        "port add lab p --backend memory --kind external",
        5,
        &["internal switch 'lab' takes no external port"],
    );
    refused(
        &daemon,
        "port add lab p --backend memory --vlan-mode access",
        5,
        &["vlan-mode 'access' needs a VLAN; add --vlan ID"],
    );
    refused(&daemon, "port add lab p --backend memory --mtu 9", 5, &["mtu '9'"]);
    let nobody =
        Command::new(built("heddle")).args(["--socket", "/nonexistent.sock", "switch", "list"]).output().unwrap();
    let nobody = Outcome::from(nobody);
    assert_eq!(nobody.code, 7, "{nobody:?}");
    assert!(nobody.stderr.contains("/nonexistent.sock"), "{nobody:?}");
}

#[test]
fn a_frame_that_is_too_long_is_dropped_by_its_name() {
    let Some(_turn) = as_root("a_frame_that_is_too_long_is_dropped_by_its_name") else { return };
    let daemon = Daemon::start();
    daemon.ok("switch create lab");
    let (long, short) = (Namespace::new("long"), Namespace::new("short"));
    let (big, small) = (device("t"), device("t"));
    daemon.ok(&format!("port add lab long --backend tap --device {big} --mtu 9000"));
    daemon.ok(&format!("port add lab short --backend tap --device {small} --mtu 1500"));
    long.adopt(&big, &[]);
    short.adopt(&small, &[]);
    let wire = Wire::open(&long, &big, Duration::from_millis(100));
    let of = |length: usize| {
        let mut frame = numbered(mac(1, 1), mac(2, 1), None, 1, 0);
        frame.resize(length, 0x5a);
        frame
    };
    wire.send(&of(1_514));
    wait_for("the longest frame that fits", || {
        daemon.json("port show lab short")["counters"]["tx_packets"].as_u64() > Some(0)
    });
    for length in [1_515, 9_014] {
        wire.send(&of(length));
    }
    // A host's own stack may have spoken to the other while that was not up.
    let too_long = || daemon.drops("lab").into_iter().find(|(reason, _)| reason == "frame-too-long");
    wait_for("two drops", || too_long().is_some_and(|(_, count)| count == 2));
    let text = daemon.ok("stats lab --drops");
    assert!(text.contains("frame-too-long") && text.contains("Longer than the MTU of the destination port"), "{text}");
    assert_eq!(daemon.balance("lab"), 0);
}
