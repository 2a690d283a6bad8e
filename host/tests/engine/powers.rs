//! What extensions may and may not do on the real engine: violations by name, fail policy while one is out, holds at their
//! limits, and frames a forwarding extension sends to destinations of its own.

use super::governed::STEWARD;
use super::lab::{Lab, library, wait_for, with_mac};
use super::specimens::PANICS;
use super::traffic::{mac, numbered};
use heddle_host::control::model::{ExtensionConfig, ExtensionRef, FailPolicy, PortChange};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;
use std::process::Command;

/// The station behind `b` whose frames have the test extension panic.
const EE: [u8; 6] = [0xee, 0, 0, 0, 0, 2];

fn send_ee(end: &mut MemoryEnd, count: u32) {
    for number in 0..count {
        end.send(&numbered(mac(1, 1), EE, 0, number.into(), 60), None, &Offload::default()).unwrap();
    }
}

fn send(end: &mut MemoryEnd, count: u32) {
    for number in 0..count {
        end.send(&numbered(mac(1, 1), mac(2, 1), 0, number.into(), 60), None, &Offload::default()).unwrap();
    }
}

fn received(end: &mut MemoryEnd) -> usize {
    std::iter::from_fn(|| end.receive()).count()
}

fn dropped(lab: &Lab, reason: &str) -> u64 {
    lab.drops().into_iter().find(|(name, _)| name == reason).map_or(0, |(_, count)| count)
}

#[test]
fn a_filter_that_fails_closed_lets_nothing_pass_while_it_is_out() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(EE));
    let enable = || {
        let config = ExtensionConfig::new(vec![("at".to_owned(), "ingress".to_owned())], None).unwrap();
        let config = config.with_fail_policy(FailPolicy::Closed).unwrap();
        lab.engine.enable_extension(&lab.switch, &ExtensionRef::new(PANICS).unwrap(), config).unwrap()
    };
    assert_eq!(enable().fail_policy, FailPolicy::Closed);
    let mut sent = 0;
    wait_for("the quarantine", || {
        send_ee(&mut a, 1);
        sent += 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
        lab.extension(PANICS).quarantine.is_some()
    });
    // In between it was taken out and started again, and had nobody in its place for no moment.
    send_ee(&mut a, 20);
    wait_for("all of them to be dropped", || dropped(&lab, "extension-panic") == sent + 20);
    assert_eq!((received(&mut b), lab.drops().len()), (0, 1), "{:?}", lab.drops());
    lab.disable(PANICS);
    send_ee(&mut a, 10);
    wait_for("frames to pass once the operator gave it up", || lab.port("b").counters.tx_packets == 10);
    lab.settled();
}

#[test]
fn a_port_that_fails_closed_has_no_gap_behind_an_extension_that_fails_open() {
    let lab = Lab::new(1);
    let closed = PortChange { fail_policy: Some(FailPolicy::Closed), ..with_mac(mac(1, 1)) };
    let mut a = lab.add("a", &closed);
    let mut b = lab.add("b", &with_mac(EE));
    lab.enable(PANICS, &[("at", "ingress")]);
    send_ee(&mut a, 1);
    wait_for("it to be out", || !lab.extension(PANICS).running);
    send_ee(&mut a, 1);
    wait_for("both to be dropped", || dropped(&lab, "extension-panic") >= 2);
    assert_eq!(received(&mut b), 0);
    // Frames of ports that fail open go on.
    b.send(&numbered(EE, mac(1, 1), 0, 0, 60), None, &Offload::default()).unwrap();
    wait_for("the frame of the other port", || lab.port("b").counters.rx_packets == 1);
    lab.disable(PANICS);
    lab.settled();
}

/// A capture in C that tries everything captures may not do.
#[test]
fn what_a_capture_may_not_do_is_refused_counted_and_named() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    let file = lab.directory.path().join("libgreedy.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/greedy.c");
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../extension-api/include");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", include, "-o"])
        .arg(&file)
        .arg(source)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    lab.enable(file.to_str().unwrap(), &[]);
    send(&mut a, 5);
    wait_for("all to arrive untouched", || lab.port("b").counters.tx_packets == 5);
    assert_eq!(received(&mut b), 5);
    let broken = || lab.extension("org.heddle.test.greedy").violations;
    let count = |rule: &str| broken().into_iter().find(|one| one.rule == rule).map_or(0, |one| one.count);
    for rule in ["verdict-not-allowed", "modify-not-allowed", "hold-not-allowed", "clone-not-allowed"] {
        wait_for(rule, || count(rule) == 5);
    }
    wait_for("the others", || count("inject-not-allowed") == 5 && count("group-not-allowed") == 1);
    let held = broken().into_iter().find(|one| one.rule == "hold-not-allowed").unwrap();
    assert_eq!(held.port.as_deref(), Some("a"));
    let words = lab.extension("org.heddle.test.greedy").last_error.unwrap();
    assert!(words.contains("hold-not-allowed 5, last on port a"), "{words}");
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn holds_end_at_their_quota_at_their_age_and_with_the_port_or_the_extension() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let _b = lab.add("b", &with_mac(mac(2, 1)));
    let path = library("heddle-test-hold-release");
    // Longer than the host lets anybody hold; more than it lets anybody hold at a time.
    lab.enable(path.to_str().unwrap(), &[("ms", "100000"), ("limit", "1000000")]);
    for sent in (0..5_000).step_by(50) {
        wait_for("room", || lab.port("a").counters.rx_packets >= sent);
        send(&mut a, 50);
    }
    wait_for("all to be taken in", || lab.port("a").counters.rx_packets == 5_000);
    let held = lab.engine.switch(&lab.switch).unwrap().law.held;
    assert!(held <= 4_096, "{held} held, more than the quota");
    lab.disable("org.heddle.test.hold-release");
    lab.settled();
    // What it could not hold it dropped for a reason of its own.
    let ends = lab.drops();
    assert_eq!(ends.iter().map(|(_, count)| count).sum::<u64>(), 5_000, "{ends:?}");
    assert!(dropped(&lab, "extension-disabled") + dropped(&lab, "hold-expired") >= 4_096, "{ends:?}");
    assert!(ends.iter().any(|(reason, _)| reason.starts_with("org.heddle.test.hold-release/")), "{ends:?}");

    lab.enable(path.to_str().unwrap(), &[("ms", "100000")]);
    let expired = dropped(&lab, "hold-expired");
    send(&mut a, 10);
    wait_for("the greatest age", || dropped(&lab, "hold-expired") == expired + 10);
    send(&mut a, 10);
    wait_for("them to be held", || lab.engine.switch(&lab.switch).unwrap().law.held == 10);
    lab.remove("a");
    assert_eq!(dropped(&lab, "port-gone"), 10, "{:?}", lab.drops());
    lab.settled();
}

#[test]
fn a_forwarding_extension_sends_frames_of_its_own_to_its_group() {
    let lab = Lab::new(1);
    lab.enable(STEWARD, &[]);
    let mut ends: Vec<MemoryEnd> = ["a", "b", "c"].iter().map(|name| lab.add(name, &PortChange::default())).collect();
    // Groups are published by the upkeep; EtherType 0x88b5 has the steward add a broadcast of its own.
    let mut frame = numbered(mac(1, 1), mac(2, 1), 0, 0, 60);
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    wait_for("the group", || {
        ends[0].send(&numbered(mac(1, 1), mac(2, 1), 0, 0, 60), None, &Offload::default()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        received(&mut ends[2]) > 0
    });
    lab.settled();
    for end in &mut ends {
        received(end);
    }
    let before = lab.engine.switch(&lab.switch).unwrap().law;
    (0..10).for_each(|_| ends[0].send(&frame, None, &Offload::default()).unwrap());
    wait_for("ten of its own", || lab.engine.switch(&lab.switch).unwrap().law.originated == before.originated + 10);
    lab.settled();
    let got: Vec<usize> = ends.iter_mut().map(received).collect();
    assert_eq!(got, [10, 20, 20], "its own are trusted and go to the first port too");
    assert_eq!(lab.extension(STEWARD).violations, []);
}
