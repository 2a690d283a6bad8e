//! SIGKILL at random points of random changes: what comes back is the state before the change in flight, or after it.
//!
//! Killed are the switch process alone, or it and its supervisor, while a request is carried out, and now and then again
//! while the state is being restored. HEDDLE_KILLS says how many (40 when it does not), HEDDLE_SEED which changes; a
//! failure names its seed. Times are not part of the seed: the machine decides what a kill meets.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::process::Stdio;
use std::time::{Duration, Instant};

use heddle_end_to_end::daemon::Outcome;
use heddle_end_to_end::namespace::ip;
use heddle_end_to_end::{as_root, wait_for};
use heddle_restart::host::Host;
use heddle_restart::model::{Change, Model};
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

/// One daemon, what it ought to have, and what happened to it.
struct Campaign {
    random: Random,
    host: Host,
    model: Model,
    tally: Tally,
    /// Kills of the switch process alone since the supervisor was started: it gives up on one that dies too often young.
    in_a_row: u32,
    prefix: String,
    /// Where it is, for messages.
    place: String,
}

impl Campaign {
    /// Kills one process or both, now and perhaps once more while the state is being restored.
    fn strike(&mut self) {
        std::thread::sleep(Duration::from_micros(self.random.below(WINDOW_US)));
        if self.in_a_row >= 3 || self.random.one_in(3) {
            self.kill_both();
            self.tally.of_both += 1;
        } else {
            self.host.kill_switch();
            self.in_a_row += 1;
        }
        if self.random.one_in(4) {
            std::thread::sleep(Duration::from_micros(self.random.below(WINDOW_US)));
            self.kill_both();
            self.tally.while_restoring += 1;
        }
        self.host.wait();
    }

    fn kill_both(&mut self) {
        self.host.kill_both();
        self.host.start();
        self.in_a_row = 0;
    }

    /// One change with a kill in the midst of it.
    fn round(&mut self, nth: u64) {
        for quiet in 0..self.random.below(3) {
            let change = self.model.change(&mut self.random, &format!("{}{nth}q{quiet}", self.prefix));
            self.host.ok(&change.line);
            self.model = change.after;
        }
        let change = self.model.change(&mut self.random, &format!("{}{nth}", self.prefix));
        let mut client = self.host.command(&change.line);
        let client = client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        self.strike();
        let outcome: Outcome = client.wait_with_output().unwrap().into();
        let mut topology = serde_json::Value::Null;
        wait_for("every port to be without trouble", || {
            topology = self.host.json("topology");
            !Model::in_trouble(&topology)
        });
        self.judge(change, &outcome, Model::of(&topology));
        wait_for("devices of no port to go", || taps(&self.prefix) == self.model.taps());
        assert_eq!(self.host.run_files(), ["heddled.sock", "heddled.sock.lock"], "{}", self.place);
    }

    fn judge(&mut self, change: Change, outcome: &Outcome, found: Model) {
        let place = &self.place;
        if outcome.code == 0 {
            assert_eq!(found, change.after, "{place}: '{}' was answered and is lost", change.line);
            self.tally.answered += 1;
        } else {
            // The daemon died, or had the answer but could not give it.
            assert_eq!(outcome.code, 7, "{place}: '{}' was refused: {outcome:?}", change.line);
            let (before, after) = (&self.model, &change.after);
            let whole = found == *before || found == *after;
            let line = &change.line;
            assert!(whole, "{place}: '{line}' is half done:\n{found:?}\nbefore {before:?}\nafter {after:?}");
        }
        if found == self.model {
            self.tally.old += 1;
        } else {
            self.tally.new += 1;
        }
        self.model = found;
    }
}

#[test]
fn a_kill_at_any_instant_leaves_the_state_before_the_change_or_after_it() {
    let Some(_turn) = as_root("a_kill_at_any_instant_leaves_the_state_before_the_change_or_after_it") else { return };
    let (kills, seed) = (setting("HEDDLE_KILLS", 40), setting("HEDDLE_SEED", 1));
    let start = Instant::now();
    let mut campaign = Campaign {
        random: Random::new(seed),
        host: Host::new(),
        model: Model::default(),
        tally: Tally::default(),
        in_a_row: 0,
        prefix: format!("hk{}x", std::process::id()),
        place: String::new(),
    };
    campaign.host.wait();
    for nth in 0..kills {
        campaign.place = format!("HEDDLE_SEED={seed}, kill {nth}");
        campaign.round(nth);
    }
    let Campaign { host, tally, prefix, .. } = campaign;
    drop(host);
    let left = taps(&prefix);
    for tap in &left {
        ip(&format!("link del {tap}"));
    }
    assert!(left.is_empty(), "a clean end leaves {left:?}");
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
