//! Every kind of harm, done in a process of its own in the middle of numbered traffic through it: nobody loses a frame, the
//! traffic goes on, and operators are told why.

use std::time::Duration;

use heddle_host::control::model::{ExtensionId, FailPolicy, PortChange};
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

use super::hostile::{HOSTILE, TRIGGER, hostile};
use super::lab::{Lab, alone, wait_for, with_mac};
use super::traffic::{Traffic, Verdict, mac, numbered};

/// Longest pause of a stream that is said to be none, on a machine that does other things as well. What is measured is printed.
const PAUSE: Duration = Duration::from_millis(1_000);

/// Frames under way at most, and frames a second.
const USUAL: (u64, u64) = (600, 10_000);

/// Four ports with two streams through the extension, which is set off by a fifth; what came of the streams, after the reason
/// was seen.
fn traffic_while(lab: &Lab, change: &PortChange, (window, pps): (u64, u64), seen: impl Fn(&Lab) -> bool) -> Verdict {
    let port = |nth: u8| PortChange { mac: with_mac(mac(nth, 1)).mac, ..change.clone() };
    let mut ends = vec![lab.add("a", &port(1))];
    ends.extend([("b", 2), ("c", 3), ("d", 4)].map(|(name, nth)| lab.add(name, &with_mac(mac(nth, 1)))));
    let mut trigger = lab.add("trigger", &with_mac(mac(5, 1)));
    let _target = lab.add("target", &with_mac(TRIGGER));
    let running = Traffic::new(ends)
        .window(window)
        .some_are_lost(Duration::from_secs(2))
        .flow((0, mac(1, 1)), (1, mac(2, 1)), 60)
        .flow((2, mac(3, 1)), (3, mac(4, 1)), 600)
        .start(pps);
    running.pass(2_000);
    trigger.send(&numbered(mac(5, 1), TRIGGER, 9, 0, 60), None, &Offload::default()).unwrap();
    wait_for("what is to be seen", || seen(lab));
    running.pass(4_000);
    running.finish().0
}

fn log_has(lab: &Lab, words: &str) -> bool {
    let log = lab.engine.extension_log(&lab.switch, &ExtensionId::new(HOSTILE).unwrap(), None).unwrap();
    log.lines.iter().any(|line| line.text.contains(words))
}

#[test]
fn no_harm_in_a_process_costs_a_stream_a_frame() {
    let _alone = alone();
    for (sin, reason) in [
        ("abort", "ended by signal 6 (SIGABRT)"),
        ("segv", "ended by signal 11 (SIGSEGV)"),
        ("stack", "stack overflow|ended by signal 11 (SIGSEGV)"),
        ("loop", "ingress took longer than 1000 ms"),
        ("memory", "ended by signal 11 (SIGSEGV)|ingress took longer than 1000 ms"),
        ("socket", "its end of the socket is closed|ended by signal|exited with code"),
    ] {
        let lab = Lab::new(2);
        lab.isolate_strictly(&hostile(&lab), &[("sin", sin)]);
        let first = lab.extension(HOSTILE).process.unwrap().pid;
        let verdict = traffic_while(&lab, &PortChange::default(), USUAL, |lab| {
            let view = lab.extension(HOSTILE);
            // It was started again, and is named as the one that failed.
            view.last_error.is_some() && view.process.is_some_and(|process| process.pid != first)
        });
        let error = lab.extension(HOSTILE).last_error.unwrap();
        println!("isolation: {sin}: longest pause of a stream {:.1} ms; {error}", verdict.gap.as_secs_f64() * 1e3);
        assert!(reason.split('|').any(|reason| error.contains(reason)), "{sin}: {error}");
        verdict.assert_perfect(sin);
        assert!(verdict.gap < PAUSE, "{sin}: {:?}", verdict.gap);
        lab.settled();
        assert_eq!(lab.drops(), [], "{sin}");
    }
}

#[test]
fn what_a_process_may_not_have_it_is_refused_and_nobody_notices() {
    let _alone = alone();
    for (sin, words) in [("threads", "few were started"), ("descriptors", "few were opened"), ("forks", "")] {
        let lab = Lab::new(2);
        lab.isolate_strictly(&hostile(&lab), &[("sin", sin)]);
        let pid = lab.extension(HOSTILE).process.unwrap().pid;
        // Of root's children there is no count to be limited.
        let verdict = traffic_while(&lab, &PortChange::default(), USUAL, |lab| words.is_empty() || log_has(lab, words));
        println!("isolation: {sin}: longest pause of a stream {:.1} ms", verdict.gap.as_secs_f64() * 1e3);
        verdict.assert_perfect(sin);
        assert!(verdict.gap < PAUSE, "{sin}: {:?}", verdict.gap);
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        assert_eq!(children, "", "{sin}: no process of its own");
        lab.settled();
        assert_eq!(lab.drops(), [], "{sin}");
    }
}

#[test]
fn a_port_that_fails_closed_loses_its_own_frames_and_others_none() {
    let _alone = alone();
    let lab = Lab::new(2);
    lab.isolate_strictly(&hostile(&lab), &[("sin", "loop")]);
    let closed = PortChange { fail_policy: Some(FailPolicy::Closed), ..PortChange::default() };
    let verdict = traffic_while(&lab, &closed, (8_000, 2_000), |lab| lab.extension(HOSTILE).last_error.is_some());
    let gone = format!("{HOSTILE}/process-gone");
    let drops = lab.drops();
    println!("isolation: closed: {} of {} frames are dropped, {drops:?}", verdict.lost, verdict.sent);
    let named: u64 = drops.iter().map(|(_, count)| count).sum();
    assert!(drops.iter().any(|(name, count)| *name == gone && *count > 0), "{drops:?}");
    assert_eq!((verdict.lost, verdict.behind, verdict.astray), (named, 0, 0), "{verdict:?}");
    // None of them came by another port.
    let view = lab.engine.drops(&lab.switch).unwrap();
    let ports: Vec<&str> = view.iter().flat_map(|one| &one.ports).map(|one| one.port.as_str()).collect();
    assert!(ports.iter().all(|port| *port == "a"), "{ports:?}");
    lab.settled();
}
