//! Harm done in a process of its own costs the extension and nobody else: the switch forwards on, and says what happened.

use super::lab::{Lab, alone, wait_for, with_mac};
use super::traffic::{Traffic, mac, numbered};
use heddle_host::control::model::{ExtensionView, FailPolicy, PortChange, QuarantineCause};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const HOSTILE: &str = "org.heddle.test.hostile";
/// The address at which the extension does what its configuration says.
pub(super) const TRIGGER: [u8; 6] = [0xee, 0, 0, 0, 0, 2];

/// The hostile extension in C, built into the lab's directory.
pub(super) fn hostile(lab: &Lab) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = lab.directory.path().join("hostile.so");
    let built = Command::new("gcc")
        .args(["-std=c11", "-D_DEFAULT_SOURCE", "-O1", "-shared", "-fPIC", "-pthread", "-Wall", "-Wno-nonnull", "-I"])
        .arg(folder.join("../extension-api/include"))
        .arg("-o")
        .args([&file, &folder.join("tests/engine/hostile.c")])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    file.to_str().unwrap().to_owned()
}

/// Sends one frame and waits until it is out.
fn through(from: &mut MemoryEnd, to: &mut MemoryEnd, destination: [u8; 6], number: u64) -> Duration {
    let frame = numbered(mac(1, 1), destination, 1, number, 60);
    let start = Instant::now();
    from.send(&frame, None, &Offload::default()).unwrap();
    wait_for("a frame", || to.receive().is_some_and(|arrived| arrived.bytes == frame));
    start.elapsed()
}

/// A lab with two ports and the extension, which is set off once; how long the frame that did so took.
fn set_off(sin: &str) -> (Lab, MemoryEnd, MemoryEnd, Duration) {
    set_off_in(sin, Lab::isolate_strictly)
}

fn set_off_in(
    sin: &str,
    start: fn(&Lab, &str, &[(&str, &str)]) -> ExtensionView,
) -> (Lab, MemoryEnd, MemoryEnd, Duration) {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(TRIGGER));
    start(&lab, &hostile(&lab), &[("sin", sin)]);
    let other = [0x33, 0, 0, 0, 0, 1];
    for number in 0..100 {
        through(&mut a, &mut b, other, number);
    }
    let gap = through(&mut a, &mut b, TRIGGER, 100);
    for number in 101..200 {
        through(&mut a, &mut b, other, number);
    }
    (lab, a, b, gap)
}

#[test]
fn a_process_that_ends_or_hangs_costs_nobody_a_frame_and_the_reason_is_shown() {
    let _alone = alone();
    for (sin, reason) in [
        ("segv", "ended by signal 11 (SIGSEGV)"),
        ("abort", "ended by signal 6 (SIGABRT)"),
        ("exit", "exited with code 3"),
        // Half a gigabyte may take longer than a call may.
        ("memory", "ended by signal 11 (SIGSEGV)|ingress took longer than 1000 ms"),
        ("loop", "ingress took longer than 1000 ms"),
        ("sleep", "ingress took longer than 1000 ms"),
    ] {
        let (lab, _a, _b, gap) = set_off(sin);
        println!("isolation: {sin}: the switch forwards on after {:.1} ms", gap.as_secs_f64() * 1e3);
        assert!(gap < Duration::from_secs(2), "{sin}: {gap:?}");
        wait_for("the reason", || lab.extension(HOSTILE).last_error.is_some());
        let error = lab.extension(HOSTILE).last_error.unwrap();
        assert!(reason.split('|').any(|reason| error.contains(reason)), "{sin}: {error}");
        lab.settled();
        assert_eq!(lab.drops(), [], "{sin}");
    }
}

#[test]
fn a_process_that_ends_three_times_is_quarantined() {
    let (lab, mut a, mut b, _) = set_off("abort");
    wait_for("the quarantine", || {
        if lab.extension(HOSTILE).running {
            through(&mut a, &mut b, TRIGGER, 1);
        }
        lab.extension(HOSTILE).quarantine.is_some()
    });
    let quarantine = lab.extension(HOSTILE).quarantine.unwrap();
    assert_eq!(quarantine.cause, QuarantineCause::Panics);
    assert!(quarantine.reason.contains("ended by signal 6"), "{}", quarantine.reason);
    through(&mut a, &mut b, TRIGGER, 2);
    lab.settled();
}

#[test]
fn garbage_in_shared_memory_is_not_believed() {
    let (lab, mut a, mut b, _) = set_off("scribble");
    wait_for("the end of it", || lab.extension(HOSTILE).last_error.is_some());
    for number in 0..20 {
        through(&mut a, &mut b, [0x33, 0, 0, 0, 0, 1], number);
    }
    println!("isolation: scribble: {}", lab.extension(HOSTILE).last_error.unwrap());
    wait_for("the switch to be empty", || lab.engine.switch(&lab.switch).unwrap().law.held == 0);
    assert_eq!(lab.engine.switch(&lab.switch).unwrap().law.balance, 0);
}

#[test]
fn bogus_verdicts_and_lengths_are_judged_as_those_of_any_extension() {
    for (sin, reason) in [("verdict", "extension-bad-verdict"), ("length", "extension-bad-bounds")] {
        let lab = Lab::new(1);
        let mut a = lab.add("a", &with_mac(mac(1, 1)));
        let mut b = lab.add("b", &with_mac(TRIGGER));
        lab.isolate_strictly(&hostile(&lab), &[("sin", sin)]);
        let frame = numbered(mac(1, 1), TRIGGER, 1, 0, 60);
        (0..10).for_each(|_| a.send(&frame, None, &Offload::default()).unwrap());
        wait_for("the drops", || lab.drops() == [(reason.to_owned(), 10)]);
        through(&mut a, &mut b, [0x33, 0, 0, 0, 0, 1], 1);
        lab.settled();
        assert_eq!(lab.engine.loads(&lab.switch).unwrap()[0].violations, 10, "{sin}");
        assert!(lab.extension(HOSTILE).running);
    }
    let (lab, _a, _b, _) = set_off("source");
    assert_eq!(lab.engine.loads(&lab.switch).unwrap()[0].violations, 1);
    let (lab, _a, _b, _) = set_off("handle");
    assert!(lab.extension(HOSTILE).running);
    assert_eq!(lab.engine.loads(&lab.switch).unwrap()[0].violations, 0);
}

#[test]
fn nothing_outside_of_the_process_can_be_had() {
    for (sin, lines) in [("escape", 8), ("descriptors", 2)] {
        let (lab, _a, _b, _) = set_off_in(sin, Lab::isolate);
        let id = heddle_host::control::model::ExtensionId::new(HOSTILE).unwrap();
        let log = || lab.engine.extension_log(&lab.switch, &id, None).unwrap().lines;
        wait_for("the log", || log().len() >= lines);
        for line in log() {
            println!("isolation: {sin}: {}", line.text);
            assert!(!line.text.contains("allowed") && line.text != "many were opened", "{}", line.text);
        }
        assert!(lab.extension(HOSTILE).running, "it goes on");
        lab.settled();
    }
}

#[test]
fn a_create_that_ends_the_process_is_a_refusal() {
    let lab = Lab::new(1);
    let refused = lab.try_isolate(&hostile(&lab), &[("sin", "create")]).unwrap_err().to_string();
    assert!(refused.contains("ended by signal 6 (SIGABRT)"), "{refused}");
    let refused = lab.try_isolate(&hostile(&lab), &[]).unwrap_err().to_string();
    assert!(refused.contains("sin=NAME is needed"), "{refused}");
    assert_eq!(lab.engine.extensions(Some(&lab.switch)).unwrap(), []);
}

#[test]
fn killing_the_process_under_traffic_loses_no_frame_and_it_is_started_again() {
    let _alone = alone();
    let lab = Lab::new(2);
    let ends = vec![lab.add("a", &with_mac(mac(1, 1))), lab.add("b", &with_mac(mac(2, 1)))];
    let view = lab.isolate(&hostile(&lab), &[("sin", "none")]);
    let first = view.process.unwrap().pid;
    let running = Traffic::new(ends)
        .window(400)
        .flow((0, mac(1, 1)), (1, mac(2, 1)), 60)
        .flow((1, mac(2, 1)), (0, mac(1, 1)), 1_500)
        .start(20_000);
    running.pass(10_000);
    let raw = i32::try_from(first).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(raw), nix::sys::signal::Signal::SIGKILL).unwrap();
    running.pass(10_000);
    wait_for("another process", || {
        lab.extension(HOSTILE).process.is_some_and(|process| process.pid != first) && lab.extension(HOSTILE).running
    });
    running.pass(10_000);
    let (verdict, _) = running.finish();
    verdict.assert_perfect("kill -9 of an extension's process");
    lab.settled();
    assert_eq!(lab.drops(), []);
    let error = lab.extension(HOSTILE).last_error.unwrap();
    assert!(error.contains("signal 9 (SIGKILL)"), "{error}");
}

#[test]
fn a_port_that_fails_closed_drops_under_the_extensions_name() {
    let lab = Lab::new(1);
    let closed = PortChange { fail_policy: Some(FailPolicy::Closed), ..with_mac(mac(1, 1)) };
    let mut a = lab.add("a", &closed);
    let _b = lab.add("b", &with_mac(TRIGGER));
    lab.isolate_strictly(&hostile(&lab), &[("sin", "sleep")]);
    let frame = numbered(mac(1, 1), TRIGGER, 1, 0, 60);
    (0..10).for_each(|_| a.send(&frame, None, &Offload::default()).unwrap());
    wait_for("the drops", || lab.drops() == [(format!("{HOSTILE}/process-gone"), 10)]);
    lab.settled();
}
