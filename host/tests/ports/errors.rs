//! What an operator reads when a port cannot be opened: the thing, the reason and the fix.

use crate::rig::{Link, Namespace, ip, privileged, unique};
use heddle_host::ports::{self, OpenSpec, RxStatus};
use std::process::Command;

pub(crate) fn error_of(spec: &OpenSpec) -> String {
    ports::open(spec).err().expect("must not open").to_string()
}

#[test]
fn backends_are_listed_sorted_and_an_unknown_one_is_answered_with_the_list() {
    let names: Vec<_> = ports::backends().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted() && names.contains(&"memory") && names.contains(&"tap"), "{names:?}");
    let error = error_of(&OpenSpec::new("lab/p", "warp", ""));
    assert_eq!(error, format!("backend `warp` does not exist; use one of {}", names.join(", ")));
}

#[test]
fn impossible_queue_counts_are_refused() {
    for queues in [0, 65] {
        let error = error_of(&OpenSpec { queues, ..OpenSpec::new("lab/p", "memory", "") });
        assert_eq!(error, format!("port `lab/p`: {queues} queues are not possible; use 1 to 64"));
    }
}

#[test]
fn wrong_device_strings_name_what_is_allowed() {
    for (backend, device, fix) in [
        ("memory", "hole", "use sink"),
        ("memory", "loop:", "loop:NAME"),
        ("memory", "source:1:9999:1", "SIZE must be"),
        ("tap", "a/b", "1 to 15 bytes"),
        ("tap", "a-name-that-is-too-long", "1 to 15 bytes"),
    ] {
        let error = error_of(&OpenSpec::new("lab/p", backend, device));
        assert!(error.contains(device) && error.contains(backend) && error.contains(fix), "{error}");
    }
}

#[test]
fn unknown_and_unfit_network_devices_are_named() {
    if !privileged("errors::unknown_and_unfit_network_devices_are_named") {
        return;
    }
    let error = error_of(&OpenSpec::new("lab/p", "packet", "nosuch0"));
    let expected =
        "network device `nosuch0` does not exist in this network namespace; `ip link show` lists those that do";
    assert_eq!(error, expected);
    for (device, reason) in [("lo", "not an Ethernet interface"), ("", "needs a network device")] {
        let error = error_of(&OpenSpec::new("lab/p", "packet", device));
        assert!(error.contains(&format!("`{device}`")) && error.contains(reason), "{error}");
    }
    let veth = Link(unique("v"));
    ip(&format!("link add {} type veth peer name {}", veth.0, unique("v")));
    let error = error_of(&OpenSpec { mtu: Some(70_000), ..OpenSpec::new("lab/p", "packet", &*veth.0) });
    assert!(error.contains(&format!("`{}` refuses an MTU of 70000 bytes", veth.0)), "{error}");
}

/// Runs this test again in a process of its own, by `wrapper` and with its output shown; `true` in that process.
fn in_own_process(test: &str, wrapper: &[&str]) -> bool {
    const ROLE: &str = "HEDDLE_TEST_IN_OWN_PROCESS";
    if std::env::var_os(ROLE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let words = wrapper.iter().copied().chain([program.to_str().unwrap(), test, "--exact", "--nocapture"]);
    let words: Vec<_> = words.collect();
    let output = Command::new(words[0]).args(&words[1..]).env(ROLE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

#[test]
fn without_capabilities_the_missing_one_is_named() {
    let test = "errors::without_capabilities_the_missing_one_is_named";
    if !privileged(test) && std::env::var_os("HEDDLE_TEST_IN_OWN_PROCESS").is_none() {
        return;
    }
    if !in_own_process(test, &["setpriv", "--bounding-set=-all", "--inh-caps=-all"]) {
        return;
    }
    let device = first_ethernet_device();
    let error = error_of(&OpenSpec::new("lab/p", "packet", &*device));
    let step = "opening a packet socket is not permitted; run heddled as root or give it CAP_NET_RAW";
    assert_eq!(error, format!("device `{device}`: {step}"));
    let error = error_of(&OpenSpec::new("lab/p", "tap", "htap7"));
    let step = "attaching to a TAP interface is not permitted; run heddled as root or give it CAP_NET_ADMIN";
    assert_eq!(error, format!("device `htap7`: {step}"));
    assert!(ports::open(&OpenSpec::new("lab/p", "memory", "sink")).is_ok(), "memory ports need no right");
}

/// An interface of type Ethernet that this machine has anyway.
fn first_ethernet_device() -> String {
    let ethernet = |name: &String| {
        std::fs::read_to_string(format!("/sys/class/net/{name}/type")).is_ok_and(|text| text.trim() == "1")
    };
    let names = std::fs::read_dir("/sys/class/net").unwrap().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.into_string().ok()).find(ethernet).expect("no Ethernet interface")
}

#[test]
fn opening_and_closing_leaks_no_descriptor() {
    let test = "errors::opening_and_closing_leaks_no_descriptor";
    if !privileged(test) || !in_own_process(test, &["env"]) {
        return;
    }
    let space = Namespace::new();
    let near = Link(unique("v"));
    ip(&format!("link add {} type veth peer name far netns {}", near.0, space.name));
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let cycle = || {
        let mut pool = crate::rig::pool();
        for (backend, device, queues) in [
            ("packet", near.0.as_str(), 1),
            ("packet", near.0.as_str(), 3),
            ("tap", "", 1),
            ("tap", "", 3),
            ("memory", "", 2),
        ] {
            let spec = OpenSpec { queues, ..OpenSpec::new("lab/p", backend, device) };
            let mut port = ports::open(&spec).unwrap();
            assert_ne!(port.rx[0].receive(&mut pool, &mut Vec::new(), 8), RxStatus::Down);
        }
        for device in ["nosuch0", "lo"] {
            error_of(&OpenSpec::new("lab/p", "packet", device));
            error_of(&OpenSpec { queues: 0, ..OpenSpec::new("lab/p", "tap", device) });
        }
    };
    cycle();
    let before = count();
    (0..10).for_each(|_| cycle());
    assert_eq!(count(), before);
}
