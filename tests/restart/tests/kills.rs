//! SIGKILL at random points of random changes: what comes back is the state before the change in flight, or after it.
//!
//! Killed are the switch process alone, or it and its supervisor, while a request is carried out, and now and then again
//! while the state is being restored. HEDDLE_KILLS says how many (40 when it does not), HEDDLE_SEED which changes; a
//! failure names its seed. Times are not part of the seed: the machine decides what a kill meets.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use heddle_end_to_end::namespace::ip;
use heddle_end_to_end::{as_root, wait_for};
use heddle_restart::host::Host;
use heddle_restart::model::Model;
use heddle_restart::random::Random;

/// Longest time from a request to its kill, in microseconds.
const WINDOW_US: u64 = 40_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Devices of this test run.
fn taps(prefix: &str) -> std::collections::BTreeSet<String> {
    let listed = ip("-o link");
    let names = listed.lines().filter_map(|line| line.split(": ").nth(1));
    names.map(|name| name.split('@').next().unwrap().to_owned()).filter(|name| name.starts_with(prefix)).collect()
}

/// What happened, for the last line.
#[derive(Debug, Default)]
struct Tally {
    of_both: u64,
    while_restoring: u64,
    old: u64,
    new: u64,
    answered: u64,
}

#[test]
fn a_kill_at_any_instant_leaves_the_state_before_the_change_or_after_it() {
    let Some(_turn) = as_root("a_kill_at_any_instant_leaves_the_state_before_the_change_or_after_it") else { return };
    let (kills, seed) = (setting("HEDDLE_KILLS", 40), setting("HEDDLE_SEED", 1));
    let prefix = format!("hk{}x", std::process::id());
    let (mut random, mut host, mut model) = (Random::new(seed), Host::new(), Model::default());
    let (mut tally, start, mut in_a_row) = (Tally::default(), Instant::now(), 0);
    host.wait();
    for nth in 0..kills {
        let context = || format!("HEDDLE_SEED={seed}, kill {nth}");
        for quiet in 0..random.below(3) {
            let change = model.change(&mut random, &format!("{prefix}{nth}q{quiet}"));
            host.ok(&change.line);
            model = change.after;
        }
        let change = model.change(&mut random, &format!("{prefix}{nth}"));
        let mut client = host.command(&change.line);
        let client = client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(WINDOW_US)));
        // The supervisor gives up on a process that dies too often while it is young.
        if in_a_row >= 3 || random.one_in(3) {
            host.kill_both();
            host.start();
            tally.of_both += 1;
            in_a_row = 0;
        } else {
            host.kill_switch();
            in_a_row += 1;
        }
        if random.one_in(4) {
            std::thread::sleep(Duration::from_micros(random.below(WINDOW_US)));
            host.kill_both();
            host.start();
            tally.while_restoring += 1;
            in_a_row = 0;
        }
        host.wait();
        let outcome: heddle_end_to_end::daemon::Outcome = client.wait_with_output().unwrap().into();
        let mut topology = serde_json::Value::Null;
        wait_for("every port to be without trouble", || {
            topology = host.json("topology");
            !Model::in_trouble(&topology)
        });
        let found = Model::of(&topology);
        match outcome.code {
            0 => {
                assert_eq!(found, change.after, "{}: '{}' was answered and is lost", context(), change.line);
                tally.answered += 1;
            }
            // The daemon died, or had the answer but could not give it.
            7 => assert!(
                found == model || found == change.after,
                "{}: '{}' is half done:\n{found:?}\nbefore {model:?}\nafter {:?}",
                context(),
                change.line,
                change.after
            ),
            _ => panic!("{}: '{}' was refused: {outcome:?}", context(), change.line),
        }
        if found == model {
            tally.old += 1;
        } else {
            tally.new += 1;
        }
        model = found;
        wait_for("devices of no port to go", || taps(&prefix) == model.taps());
        assert_eq!(host.run_files(), ["heddled.sock", "heddled.sock.lock"], "{}", context());
    }
    drop(host);
    for tap in taps(&prefix) {
        ip(&format!("link del {tap}"));
    }
    println!(
        "{kills} kills from seed {seed} in {:.1} s: {} of both processes, {} once more while restoring; {} left the state \
         before, {} the state after ({} of them answered); half-done states 0, orphaned devices 0, stale sockets 0",
        start.elapsed().as_secs_f64(),
        tally.of_both,
        tally.while_restoring,
        tally.old,
        tally.new,
        tally.answered
    );
}
