//! Extensions come and go a hundred times under traffic: no frame is lost, doubled or overtaken in its flow.

use super::lab::{Lab, alone, leave_out, library, with_mac};
use super::specimens::{CONTEXTS, COUNTED, CREATED, INSTANCES};
use super::traffic::{Traffic, mac};
use std::sync::atomic::Ordering;

const ROUNDS: u32 = 100;
const PPS: u64 = 500_000;
/// 7 ms of them under way: the worker may have to wait for a core that it shares.
const WINDOW: u64 = 3_500;
/// Traffic between two changes.
const BETWEEN: u64 = 2_500;

/// Two ports on worker 0 of two; worker 1 has no port and sleeps.
fn one_worker_asleep() -> (Lab, Traffic) {
    let lab = Lab::new(2);
    let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
    let b = lab.add_on_worker(0, "b", &with_mac(mac(2, 1)));
    let (at_a, at_b) = ((0, mac(1, 1)), (1, mac(2, 1)));
    let traffic = Traffic::new(vec![a, b]).flow(at_a, at_b, 64).flow(at_b, at_a, 64).flow(at_a, at_b, 256);
    (lab, traffic.flow(at_b, at_a, 60).flow(at_a, at_b, 60))
}

/// Two ports on different workers: every frame is handed over.
fn across_workers() -> (Lab, Traffic) {
    let lab = Lab::new(2);
    let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
    let b = lab.add_on_worker(1, "b", &with_mac(mac(2, 1)));
    let (at_a, at_b) = ((0, mac(1, 1)), (1, mac(2, 1)));
    let traffic = Traffic::new(vec![a, b]).flow(at_a, at_b, 64).flow(at_b, at_a, 64);
    (lab, traffic.flow(at_a, at_b, 256).flow(at_b, at_a, 256))
}

/// Package, identifier and configuration of an extension.
type Specimen<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn swap(what: &str, (lab, traffic): (Lab, Traffic), extensions: &[Specimen<'_>]) {
    let running = traffic.window(WINDOW).start(PPS);
    running.pass(BETWEEN);
    for _ in 0..ROUNDS {
        for (path, _, config) in extensions {
            assert!(lab.enable(path, config).running);
        }
        running.pass(BETWEEN);
        for (_, id, _) in extensions {
            assert!(!lab.disable(id).enabled);
        }
        running.pass(BETWEEN);
    }
    let (verdict, _ends) = running.finish();
    verdict.assert_perfect(what);
    if verdict.rate < PPS * 9 / 10 {
        // Nothing was lost at the rate that there was: no failure, but not the proof that was wanted.
        leave_out(what, &format!("{} frames a second instead of {PPS}: the machine was busy", verdict.rate));
    }
    lab.settled();
    assert_eq!(lab.drops(), [], "nothing is dropped");
}

#[test]
fn a_filter_from_its_so_comes_and_goes_at_500_kpps_while_one_worker_sleeps() {
    let _alone = alone();
    let passthrough = library("heddle-passthrough");
    let passthrough = (passthrough.to_str().unwrap(), "org.heddle.passthrough", &[][..]);
    swap("passthrough, one worker asleep", one_worker_asleep(), &[passthrough]);
}

#[test]
fn a_filter_from_its_so_comes_and_goes_at_500_kpps_between_two_workers() {
    let _alone = alone();
    let passthrough = library("heddle-passthrough");
    let passthrough = (passthrough.to_str().unwrap(), "org.heddle.passthrough", &[][..]);
    swap("passthrough, two workers", across_workers(), &[passthrough]);
}

#[test]
fn three_kinds_of_extension_come_and_go_together() {
    let _alone = alone();
    let observe = library("heddle-test-observe");
    let inject = library("heddle-test-inject");
    let nth = library("heddle-test-drop-every-nth");
    let none: &[(&str, &str)] = &[];
    let extensions = [
        (observe.to_str().unwrap(), "org.heddle.test.observe", none),
        (inject.to_str().unwrap(), "org.heddle.test.inject", &[("n", "0")][..]),
        (nth.to_str().unwrap(), "org.heddle.test.drop-every-nth", &[("n", "1000000000"), ("leg", "both")][..]),
    ];
    swap("three extensions, two workers", across_workers(), &extensions);
}

#[test]
fn every_instance_and_every_worker_context_ends() {
    let _alone = alone();
    let before = CREATED.load(Ordering::SeqCst);
    swap("counted, one worker asleep", one_worker_asleep(), &[(COUNTED, COUNTED, &[])]);
    assert_eq!(CREATED.load(Ordering::SeqCst) - before, u64::from(ROUNDS));
    assert_eq!((INSTANCES.load(Ordering::SeqCst), CONTEXTS.load(Ordering::SeqCst)), (0, 0));

    let lab = Lab::new(3);
    lab.enable(COUNTED, &[]);
    assert_eq!((INSTANCES.load(Ordering::SeqCst), CONTEXTS.load(Ordering::SeqCst)), (1, 3));
    drop(lab);
    let left = (INSTANCES.load(Ordering::SeqCst), CONTEXTS.load(Ordering::SeqCst));
    assert_eq!(left, (0, 0), "the switch ends what it started");
}
