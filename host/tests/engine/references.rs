//! References to ports and NICs: deletion waits for those who give back, a bounded time for those who do not.

use std::time::{Duration, Instant};

use super::governed::{STEWARD, take_heard};
use super::lab::{Lab, wait_for};
use heddle_host::control::model::PortChange;

#[test]
fn deletion_waits_for_references_and_names_who_keeps_them() {
    let lab = Lab::new(1);
    lab.enable(STEWARD, &[]);
    for name in ["early", "polite", "slow", "leaky"] {
        let _end = lab.add(name, &PortChange::default());
    }
    let heard = take_heard(lab.switch.as_str());
    assert_eq!(heard, ["steward nic false"], "a NIC that is not connected cannot be referenced");
    let references = || lab.extension(STEWARD).references;
    assert_eq!(references(), 6);
    lab.remove("polite");
    assert_eq!(references(), 4, "given back when its NIC was disconnected");
    let start = Instant::now();
    lab.remove("slow");
    assert_eq!(references(), 2, "given back in its periodic call, for which the removal waited");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let start = Instant::now();
    lab.remove("leaky");
    assert!(start.elapsed() >= Duration::from_secs(5), "only {:?}", start.elapsed());
    assert_eq!(references(), 0, "void");
    lab.remove("early");
    let heard = take_heard(lab.switch.as_str());
    assert!(heard.contains(&"steward leaky gone, gives back: false".to_owned()), "{heard:?}");
    let broken = |rule: &str| {
        let view = lab.extension(STEWARD);
        view.violations.into_iter().find(|one| one.rule == rule).map_or(0, |one| one.count)
    };
    wait_for("the leak to be shown", || broken("reference-kept") == 2);
    assert_eq!(broken("reference-not-allowed"), 1);
    assert!(broken("reference-unknown") >= 4, "each was given back once more");
    let view = lab.extension(STEWARD);
    assert!(view.last_error.is_some_and(|words| words.contains("reference-kept 2")));
    lab.settled();
}

#[test]
fn an_extension_that_leaves_takes_its_references_along() {
    let lab = Lab::new(1);
    lab.enable(STEWARD, &[]);
    let _end = lab.add("leaky", &PortChange::default());
    lab.disable(STEWARD);
    let start = Instant::now();
    lab.remove("leaky");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    lab.settled();
}
