//! Binaries of every released minor, made when it was the newest, load in today's host and do what they did then.
//!
//! `tests/abi/frozen/<minor>` has one extension a role in C and one in Rust; its README says how each was made. They go through
//! the real loader and carry frames on a switch without daemon: verdicts, drop reasons, configuration, counters, and what the
//! optional interfaces of their minor are for. No case here ever changes, but for the refusals of a host that broke its promise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use heddle_abi::{frozen_minors, root, run};
use heddle_extension_api::abi::meta::ABI_MINOR;
use heddle_host::loader::state::Scope;
use heddle_host::loader::{Act, Library, Offer, load};
use heddle_host::offline::{InFrame, OfflineError, OfflineSetup, OfflineSwitch, Outcome, plain_port};
use heddle_switch_core::port_id::PortId;

const MS: u64 = 1_000_000;

/// The extensions of a minor, unpacked and with the check sums they were frozen with.
fn unpacked(minor: u16, test: &str) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("frozen-{test}-1.{minor}"));
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(out.join("run")).unwrap();
    let from = root().join(format!("tests/abi/frozen/1.{minor}"));
    let script = r#"cp "$1"/* "$2" && cd "$2" && gzip -d ./*.gz && sha256sum --quiet -c sha256"#;
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script, "sh"]).arg(from).arg(&out);
    run(&mut shell).unwrap_or_else(|failure| panic!("frozen files of 1.{minor} changed: {failure}"));
    out
}

/// A switch with one of a minor's extensions, enabled, and three ports.
struct Rig {
    switch: OfflineSwitch,
    ports: [PortId; 3],
    library: Arc<Library>,
    number: u32,
    minor: u16,
}

impl Rig {
    fn new(minor: u16, name: &str, config: &str) -> Rig {
        let folder = unpacked(minor, name);
        let file = folder.join(name).with_extension("so");
        let library = load(&file, &folder.join("run")).unwrap_or_else(|error| panic!("{name} of 1.{minor}: {error}"));
        let library = Arc::new(library);
        assert_eq!(library.facts().abi, (1, minor), "{name}");
        let mut switch = OfflineSwitch::new(OfflineSetup::default()).unwrap();
        let ports = ["a", "b", "c"].map(|port| switch.add_port(plain_port(port)).unwrap());
        let number = switch.enable(&library, config).unwrap_or_else(|error| panic!("{name} of 1.{minor}: {error}"));
        // What wants to know of drops says so with the first tick.
        switch.tick(2_000 * MS);
        Rig { switch, ports, library, number, minor }
    }

    /// Gives frames to the first port; the law holds.
    fn feed(&mut self, frames: &[InFrame]) -> Outcome {
        let now = self.switch.now_ns() + MS;
        let outcome = self.switch.feed(now, 0, self.ports[0], frames);
        assert_eq!(outcome.imbalance, 0, "1.{}", self.minor);
        outcome
    }

    fn tick(&mut self) -> Outcome {
        let outcome = self.switch.tick(self.switch.now_ns() + 100 * MS);
        assert_eq!(outcome.imbalance, 0, "1.{}", self.minor);
        outcome
    }

    /// Its own counters; nothing it did was wrong in the eyes of the host.
    fn counters(&self) -> BTreeMap<String, u64> {
        let stage = self.switch.stage_counters(self.number);
        assert_eq!((stage.failures, stage.violations), (0, 0), "1.{}", self.minor);
        let counters = self.switch.extension_counters(self.number);
        counters.into_iter().map(|(name, _, value)| (name, value)).collect()
    }

    /// A configuration it must refuse, in its own words.
    fn refuses(&mut self, config: &str, words: &str) {
        match self.switch.enable(&Arc::clone(&self.library), config) {
            Err(OfflineError::Create(failure)) => assert!(failure.to_string().contains(words), "{failure}"),
            other => panic!("`{config}`: {other:?}"),
        }
    }
}

fn frame(to: u8, number: u8) -> InFrame {
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, 0x77, 0x88, 0xb5, number];
    bytes.resize(60, 0);
    InFrame { bytes, ..InFrame::default() }
}

fn counts(rig: &Rig, expected: &[(&str, u64)]) {
    let counters = rig.counters();
    for (name, value) in expected {
        assert_eq!(counters.get(*name), Some(value), "{name} of 1.{}: {counters:?}", rig.minor);
    }
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    outcome.drops.iter().map(|drop| drop.reason.as_str()).collect()
}

#[test]
fn every_minor_before_this_one_is_frozen() {
    assert_eq!(frozen_minors().unwrap(), (0..ABI_MINOR).collect::<Vec<_>>(), "see tests/abi/frozen/README.md");
}

#[test]
fn captures_see_sample_and_originate() {
    for minor in frozen_minors().unwrap() {
        let mut rig = Rig::new(minor, "capture", "");
        rig.refuses("n=1", "it has no keys");
        // Four frames flooded to two ports; one that it originated, trusted, to all three.
        let outcome = rig.feed(&[frame(9, 1), frame(9, 2), frame(9, 3), frame(9, 4)]);
        assert_eq!((outcome.received, outcome.originated, outcome.deliveries.len()), (4, 1, 11), "1.{minor}");
        let own = outcome.deliveries.iter().filter(|one| one.bytes.get(14..16) == Some(b"fz".as_slice()));
        assert_eq!(own.count(), 3, "1.{minor}");
        // From a station to itself: dropped by the switch, and told since 1.1.
        assert_eq!(reasons(&rig.feed(&[frame(0x77, 5)])), ["same-port"], "1.{minor}");
        rig.tick();
        let told = u64::from(minor >= 1);
        counts(&rig, &[("entered", 5), ("bytes", 300), ("left", 14), ("drops-told", told)]);
        assert!(rig.counters()["sampled"] >= 2, "1.{minor}: {:?}", rig.counters());
    }
}

#[test]
fn filters_drop_hold_clone_change_and_exclude() {
    for minor in frozen_minors().unwrap() {
        let mut rig = Rig::new(minor, "filter", "n=4");
        rig.refuses("n=0", "n=NUMBER is its only key");
        let outcome = rig.feed(&[frame(9, 1), frame(9, 2), frame(9, 3), frame(9, 4)]);
        // The first is held, the second comes twice, the third is marked, the fourth dropped.
        assert_eq!(reasons(&outcome), ["org.heddle.frozen.filter/nth"], "1.{minor}");
        let seen: Vec<(u8, u8)> = outcome.to(rig.ports[1]).map(|one| (one.bytes[14], one.bytes[20])).collect();
        assert_eq!((outcome.held, seen), (1, vec![(2, 0), (3, b'F'), (2, 0)]), "1.{minor}");
        let outcome = rig.tick();
        let seen: Vec<u8> = outcome.to(rig.ports[1]).map(|one| one.bytes[14]).collect();
        assert_eq!((outcome.held, seen), (0, vec![1]), "1.{minor}");
        let mut excluded = frame(9, 5);
        excluded.bytes[20] = b'X';
        // It is held first, since it is the first of its burst.
        rig.feed(&[excluded]);
        let outcome = rig.tick();
        assert_eq!(reasons(&outcome), ["org.heddle.frozen.filter/excluded"; 2], "1.{minor}");
        counts(&rig, &[("dropped", 1), ("held", 2), ("released", 2), ("cloned", 1), ("marked", 1)]);
        reconfigures(&mut rig);
        if minor >= 4 {
            saves_and_takes_policies(&mut rig);
        }
    }
}

/// Since 1.3 its keys are known, and may change.
fn reconfigures(rig: &mut Rig) {
    if rig.minor < 3 {
        assert!(rig.library.settings().is_none());
        assert!(rig.switch.configure(rig.number, "n=1").is_err());
        return;
    }
    let keys = &rig.library.settings().unwrap().keys;
    let key = keys.first().unwrap();
    assert_eq!((keys.len(), key.name.as_str(), key.unit.as_str(), key.range), (1, "n", "frames", (1, 1_000_000)));
    assert_eq!(rig.switch.configure(rig.number, "n=x").unwrap_err(), "n=NUMBER is its only key, from 1 on");
    rig.switch.configure(rig.number, "n=1").unwrap();
    let outcome = rig.feed(&[frame(9, 6), frame(9, 7)]);
    assert_eq!((outcome.dropped, outcome.deliveries.len()), (2, 0), "1.{}", rig.minor);
}

/// Since 1.4 it saves what it knows, and takes policies.
fn saves_and_takes_policies(rig: &mut Rig) {
    let instance = rig.switch.extension(rig.number).unwrap().instance().clone();
    let blobs = instance.save(Scope::Instance).unwrap();
    let saved: Vec<_> = blobs.iter().map(|blob| (blob.schema.as_str(), blob.bytes.clone())).collect();
    assert_eq!(saved, [("org.heddle.frozen.filter", 1_i64.to_le_bytes().to_vec())]);
    rig.switch.configure(rig.number, "n=5").unwrap();
    instance.restore(Scope::Instance, &blobs).unwrap();
    assert_eq!(rig.feed(&[frame(9, 8)]).dropped, 1, "n is 1 again");

    let features = rig.library.features().unwrap();
    assert!(features.take("org.heddle.frozen.limit") && !features.take("heddle.vlan"));
    let offer = |values| Offer {
        act: Act::Add,
        port: 1,
        validation: false,
        feature: "org.heddle.frozen.limit",
        instance: "one",
        values,
    };
    instance.property(&offer("n=3\n")).unwrap();
    assert_eq!(instance.property(&offer("n=7\n")).unwrap_err().reason, "no sevens");
    counts(rig, &[("policies", 1)]);
}

#[test]
fn forwarders_decide_and_make_groups() {
    for minor in frozen_minors().unwrap() {
        let mut rig = Rig::new(minor, "forwarding", "");
        let [a, b, c] = rig.ports;
        let outcome = rig.feed(&[frame(2, 1), frame(3, 2), frame(1, 3), frame(99, 4)]);
        let seen = |port| outcome.to(port).map(|one| one.bytes[14]).collect::<Vec<u8>>();
        assert_eq!((seen(a), seen(b), seen(c)), (vec![], vec![1, 4], vec![2, 4]), "1.{minor}");
        assert_eq!(reasons(&outcome), ["org.heddle.frozen.forwarding/same-port"], "1.{minor}");
        // Since 1.4 it sends a clone to the first port.
        let outcome = rig.feed(&[frame(200, 5)]);
        assert_eq!(outcome.to(a).count(), usize::from(minor >= 4), "1.{minor}");
        // Ports that come and go: references are given back, the group follows, creations are completed.
        rig.switch.remove_port(c).unwrap();
        let d = rig.switch.add_port(plain_port("d")).unwrap();
        let outcome = rig.feed(&[frame(3, 6), frame(99, 7)]);
        let seen = |port| outcome.to(port).map(|one| one.bytes[14]).collect::<Vec<u8>>();
        assert_eq!((seen(b), seen(d)), (vec![7], vec![6, 7]), "1.{minor}");
        let (completed, sent) = if minor >= 4 { (2, 1) } else { (0, 0) };
        counts(&rig, &[("known", 3), ("flooded", 3), ("completed", completed), ("sent", sent)]);
    }
}

#[test]
fn services_tick_ask_and_send() {
    for minor in frozen_minors().unwrap() {
        let mut rig = Rig::new(minor, "service", "n=10\n");
        rig.refuses("n=zero", "n=NUMBER is its only key");
        rig.tick();
        let sent = rig.switch.datagrams();
        let expected = ("127.0.0.1:9".parse().unwrap(), b"frozen".to_vec());
        assert_eq!(sent, vec![expected; 2], "1.{minor}");
        counts(&rig, &[("ticks", 2), ("ports", 6), ("asked", if minor >= 1 { 2 } else { 0 }), ("packets", 0)]);
        let log = rig.switch.extension(rig.number).unwrap().log();
        assert_eq!(log.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["made"], "1.{minor}");
    }
}

#[test]
fn extensions_in_rust_1_63_drop_and_count() {
    for minor in frozen_minors().unwrap() {
        let mut rig = Rig::new(minor, "rust-filter", "n=2\nleg=both\n");
        rig.refuses("n=0", "n=0: nothing is the 0th frame");
        rig.refuses("m=1", "m");
        let outcome = rig.feed(&[frame(9, 1), frame(9, 2), frame(9, 3), frame(9, 4)]);
        // Two of four on the way in; of the two others' four deliveries again every second one.
        assert_eq!(reasons(&outcome), ["org.heddle.test.drop-every-nth/every-nth"; 4], "1.{minor}");
        assert_eq!(outcome.deliveries.len(), 2, "1.{minor}");
        counts(&rig, &[("dropped", 4)]);
        let changed = rig.switch.configure(rig.number, "n=1\nleg=both\n");
        assert_eq!(changed.is_ok(), minor >= 3, "1.{minor}: {changed:?}");
        let dropped = rig.feed(&[frame(9, 5), frame(9, 6)]).dropped;
        // All on the way in, or one there and one of the other's two deliveries.
        assert_eq!(dropped, 2, "1.{minor}");
        rig.switch.disable(rig.number);
        assert_eq!(rig.feed(&[frame(9, 7)]).deliveries.len(), 2, "1.{minor}");
    }
}
