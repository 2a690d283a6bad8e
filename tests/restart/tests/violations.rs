//! A capture extension in C that does what a capture may not, on a switch with traffic: caught, counted, named, kept out.
//!
//! Real daemon, TAP ports, 500 frames a second, both legs. Each frame arrives as it was sent, none is lost, and the
//! longest time without one is printed; the aim is that nothing pauses.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use heddle_end_to_end::{as_root, wait_for};
use heddle_restart::harmful::{SPOIL, build};
use heddle_restart::lab::Lab;
use serde_json::Value;

/// What it does, and the rule that breaks.
const SINS: [(&str, &str); 9] = [
    ("frame-byte", "frame-written"),
    ("verdict", "verdict-not-allowed"),
    ("drop", "verdict-not-allowed"),
    ("length", "field-changed"),
    ("destination", "field-changed"),
    ("mark", "field-changed"),
    ("hold", "hold-not-allowed"),
    ("clone", "clone-not-allowed"),
    ("make-writable", "modify-not-allowed"),
];
/// Violations of each, at least; 1,000 are too many.
const ENOUGH: u64 = 200;
/// Longest time without a frame on a machine that may be busy.
const PAUSE_MAX: Duration = Duration::from_secs(2);

fn show(lab: &Lab) -> Value {
    lab.host.json(&format!("extension show lab {SPOIL}"))
}

fn counter(view: &Value, name: &str) -> u64 {
    let counters = view["counters"].as_array().unwrap();
    counters.iter().find(|one| one["name"] == name).and_then(|one| one["value"].as_u64()).unwrap_or(0)
}

#[test]
fn each_capture_violation_is_caught_under_traffic_and_a_thousand_are_too_many() {
    let Some(_turn) = as_root("each_capture_violation_is_caught_under_traffic_and_a_thousand_are_too_many") else {
        return;
    };
    let lab = Lab::new(&[]);
    let file = build("c-spoil", lab.host.directory.path(), "c-spoil", &[]);
    for (what, rule) in SINS {
        lab.wait_for_traffic("traffic before");
        lab.longest_us.store(0, Relaxed);
        lab.host.ok(&format!("extension enable lab {} --config do={what} --config leg=both", file.display()));
        let enough = |one: &Value| one["rule"] == rule && one["count"].as_u64().is_some_and(|count| count >= ENOUGH);
        wait_for("violations", || show(&lab)["violations"].as_array().is_some_and(|rules| rules.iter().any(enough)));
        let view = show(&lab);
        lab.wait_for_traffic("traffic after");
        let pause = Duration::from_micros(lab.longest_us.load(Relaxed));
        let broken = &view["violations"][0];
        println!("{what}: {} times {rule}, longest time without a frame {} ms", broken["count"], pause.as_millis());
        // On a busy machine some call takes longer than a millisecond.
        let others = view["violations"].as_array().unwrap().iter().skip(1).any(|one| one["rule"] != "slow-call");
        assert!(broken["rule"] == rule && !others, "{what}: {view}");
        assert!(broken["port"].as_str().is_some_and(|port| port.starts_with("end")), "{what}: {broken}");
        assert_eq!((counter(&view, "spoiled"), &view["quarantine"]), (0, &Value::Null), "{what}: it sees the truth");
        assert!(pause < PAUSE_MAX, "{what}: {pause:?}");
        lab.host.ok(&format!("extension disable lab {SPOIL}"));
    }
    lab.host.ok(&format!("extension enable lab {} --config do=frame-byte --config leg=both", file.display()));
    wait_for("the quarantine", || !show(&lab)["quarantine"].is_null());
    let reason = "more than 1000 violations of its role's rules";
    let view = show(&lab);
    assert_eq!((&view["quarantine"]["cause"], &view["quarantine"]["reason"]), (&"violations".into(), &reason.into()));
    assert!(lab.host.ok(&format!("extension show lab {SPOIL}")).contains(reason));
    lab.wait_for_traffic("traffic without it");
    assert_eq!((lab.wrong.load(Relaxed), lab.lost.load(Relaxed), lab.restarts()), (0, 0, 0), "{}", lab.host.log());
}
