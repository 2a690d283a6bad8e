//! Another version of an extension in the place of the one that runs: under traffic, with its state, and back.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use heddle_host::control::error::ControlError;
use heddle_host::control::model::{ExtensionId, ExtensionView, PortName, Probation, UpgradeStage};
use heddle_host::control::plane::ControlPlane;
use heddle_host::engine::NicBlob;

use super::crowd::Crowd;
use super::lab::{Lab, alone, leave_out, library, wait_for, with_mac};
use super::traffic::{mac, numbered};

pub(super) const TRACK: &str = "org.heddle.test.track";

/// A number from the environment: the long form of a test is asked for there.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A version of the tracker, in a file of the lab's own: `track` is version 1, others are examples of its package.
fn version(lab: &Lab, name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let built = library("heddle-test-track");
    let file = match name {
        "track" => built,
        example => {
            let profile = if built.parent().unwrap().ends_with("debug") { "dev" } else { "release" };
            let output = std::process::Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--profile", profile, "-p", "heddle-test-track", "--examples"])
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            built.with_file_name("examples").join(format!("lib{}.so", example.replace('-', "_")))
        }
    };
    let copy = lab.directory.path().join(format!("{name}.so"));
    std::fs::copy(file, &copy).unwrap();
    copy
}

/// The same version in another file: what follows the end of an ELF file is nobody's.
fn twin(of: &Path, name: &str) -> PathBuf {
    let mut bytes = std::fs::read(of).unwrap();
    bytes.extend_from_slice(name.as_bytes());
    let file = of.with_file_name(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

/// How the old version is enabled: in this process, or in one of its own.
pub(super) type Start = fn(&Lab, &str, &[(&str, &str)]) -> ExtensionView;

impl Lab {
    fn upgrade(&self, file: &Path, probation: u32) -> Result<ExtensionView, ControlError> {
        let id = ExtensionId::new(TRACK)?;
        self.engine.upgrade_extension(&self.switch, &id, file, Probation::new(probation)?)
    }

    fn roll_back(&self) -> Result<ExtensionView, ControlError> {
        self.engine.rollback_extension(&self.switch, &ExtensionId::new(TRACK)?)
    }

    fn counter(&self, name: &str) -> u64 {
        self.extension(TRACK).counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.value)
    }

    fn two_ports(workers: u64) -> (Lab, [heddle_host::ports::memory::MemoryEnd; 2]) {
        let lab = Lab::new(workers);
        let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
        let b = lab.add_on_worker(u16::try_from(workers - 1).unwrap(), "b", &with_mac(mac(2, 1)));
        (lab, [a, b])
    }
}

/// The words of a refusal.
fn refusal(outcome: Result<ExtensionView, ControlError>) -> String {
    outcome.map(|view| view.version).unwrap_err().to_string()
}

#[test]
fn upgrades_under_traffic_lose_no_frame_and_forget_no_connection() {
    upgrades_under_traffic((Lab::enable, false));
}

pub(super) fn upgrades_under_traffic((start, isolated): (Start, bool)) {
    let _alone = alone();
    let (upgrades, connections) = (number("HEDDLE_UPGRADES", 6), number("HEDDLE_CONNECTIONS", 20_000));
    // Copies take the processor of the process beside: what is unhindered there is not asked of two cores.
    let pps = number("HEDDLE_UPGRADE_PPS", if isolated { 50_000 } else { 1_000_000 });
    let (lab, ends) = Lab::two_ports(2);
    let one = version(&lab, "track");
    let two = version(&lab, "track-2");
    let twins = [two.clone(), twin(&two, "track-2-again.so")];
    start(&lab, one.to_str().unwrap(), &[("numbers", "on")]);
    let running = Crowd::new(ends, usize::try_from(connections).unwrap()).start(pps);
    running.pass(connections * 2);
    wait_for("every connection to be tracked", || lab.counter("created") == connections * 2);
    let (mut pauses, mut slices, mut bytes) = (Vec::new(), 0, 0);
    for nth in 0..upgrades {
        let file = &twins[usize::try_from(nth % 2).unwrap()];
        let view = lab.upgrade(file, 0).unwrap();
        let told = view.upgrade.unwrap();
        assert_eq!((told.stage, told.to_version.as_str()), (UpgradeStage::Upgraded, "2.0.0"));
        assert_eq!(told.pause_microseconds.len(), 2, "both workers cut over");
        assert!(told.state_bytes >= connections * 2 * 21, "{told:?}");
        slices = told.longest_slice_microseconds.max(slices);
        bytes = told.state_bytes.max(bytes);
        pauses.extend(told.pause_microseconds);
        running.pass(connections / 10);
    }
    running.pass(connections * 2);
    let (outcome, _ends) = running.finish();
    pauses.sort_unstable();
    println!(
        "{upgrades} upgrades, {connections} connections a worker, {} frames at {} a second; workers stopped for {} us \
         (median), {} us (longest); longest slice {slices} us; {bytes} bytes of state",
        outcome.arrived,
        outcome.rate,
        pauses[pauses.len() / 2],
        pauses[pauses.len() - 1]
    );
    assert_eq!((outcome.lost, outcome.behind), (0, 0), "{outcome:?}");
    assert_eq!(outcome.arrived, outcome.sent, "{outcome:?}");
    assert_eq!(lab.counter("created"), connections * 2, "no connection was forgotten");
    assert_eq!((lab.counter("refused"), lab.counter("stale")), (0, 0), "what was counted of each connection is right");
    let copies = std::fs::read_dir(lab.directory.path().join("extensions")).unwrap().count();
    assert_eq!(copies, if isolated { 0 } else { 3 }, "a file is mapped once, however often it is upgraded to");
    if outcome.rate < pps * 9 / 10 {
        leave_out("upgrades under traffic", &format!("{} frames a second instead of {pps}", outcome.rate));
    }
    lab.settled();
    assert_eq!(lab.drops(), [], "nothing is dropped");
}

#[test]
fn what_is_refused_leaves_the_old_version_untouched() {
    refusals(Lab::enable);
}

pub(super) fn refusals(start: Start) {
    let (lab, mut ends) = Lab::two_ports(2);
    let one = version(&lab, "track");
    start(&lab, one.to_str().unwrap(), &[]);
    let mut sent = 0;
    let mut still_there = |lab: &Lab, created: u64| {
        let frame = numbered(mac(1, 1), mac(2, 1), 1, sent, 60);
        ends[0].send(&frame, None, &Default::default()).unwrap();
        sent += 1;
        wait_for("a frame", || ends[1].receive().is_some());
        assert_eq!((lab.counter("created"), lab.extension(TRACK).version.as_str()), (created, "1.0.0"));
        assert!(lab.extension(TRACK).running);
    };
    still_there(&lab, 1);
    let passthrough = library("heddle-passthrough");
    let observe = library("heddle-test-observe");
    for (file, words) in [
        (passthrough, "the file is 'org.heddle.passthrough'"),
        (observe, "the file is 'org.heddle.test.observe'"),
        (one.clone(), "where the one that runs was enabled from"),
        (twin(&one, "nothing.so"), "1.0.0"),
        (version(&lab, "track-drops-old"), "its state has version 1, and 3 is the oldest that is read"),
        (version(&lab, "track-refuses"), "this version refuses whatever it is given"),
        (version(&lab, "track-stateless"), "it has state and the new version takes up none"),
        (lab.directory.path().join("missing.so"), "missing.so"),
    ] {
        if words == "1.0.0" {
            // Another file of the same version is none that is refused.
            assert_eq!(lab.upgrade(&file, 0).unwrap().version, words);
            continue;
        }
        let said = refusal(lab.upgrade(&file, 60));
        assert!(said.contains(words), "{}: {said}", file.display());
        still_there(&lab, 1);
    }
    // Newer state is not read by an older version.
    lab.upgrade(&version(&lab, "track-2"), 0).unwrap();
    let said = refusal(lab.upgrade(&twin(&one, "old.so"), 0));
    assert!(said.contains("its state has version 2, and 1 is the newest that is read"), "{said}");
    assert_eq!(lab.extension(TRACK).version, "2.0.0");
    lab.disable(TRACK);
    assert!(refusal(lab.upgrade(&one, 0)).contains("is not enabled"));
    assert!(refusal(lab.roll_back()).contains("is not enabled"));
}

#[test]
fn a_worker_that_never_gets_there_keeps_the_old_version_and_so_do_the_others() {
    let _alone = alone();
    let (lab, ends) = Lab::two_ports(2);
    lab.enable(version(&lab, "track-endless").to_str().unwrap(), &[("numbers", "on")]);
    let running = Crowd::new(ends, 2_000).start(50_000);
    wait_for("every connection to be tracked", || lab.counter("created") == 4_000);
    let said = refusal(lab.upgrade(&version(&lab, "track-2"), 60));
    assert!(said.contains("its state changes faster than it can be carried over"), "{said}");
    assert!(said.contains("The version that runs goes on"), "{said}");
    running.pass(8_000);
    let (outcome, _ends) = running.finish();
    assert_eq!((outcome.lost, outcome.behind, outcome.arrived), (0, 0, outcome.sent), "{outcome:?}");
    assert_eq!((lab.extension(TRACK).version.as_str(), lab.counter("created")), ("1.1.0", 4_000));
    assert_eq!(lab.counter("stale"), 0, "neither worker has forgotten a frame");
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn the_way_back_has_the_state_at_the_cut_over() {
    the_way_back(Lab::enable);
}

pub(super) fn the_way_back(start: Start) {
    let (lab, mut ends) = Lab::two_ports(2);
    start(&lab, version(&lab, "track").to_str().unwrap(), &[]);
    let mut pass = |flow: u32| {
        let frame = numbered(mac(1, 1), mac(2, 1), flow, 0, 60);
        ends[0].send(&frame, None, &Default::default()).unwrap();
        wait_for("a frame", || ends[1].receive().is_some());
    };
    pass(1);
    assert!(refusal(lab.roll_back()).contains("has no former version"));
    let view = lab.upgrade(&version(&lab, "track-2"), 300).unwrap();
    let told = view.upgrade.unwrap();
    assert!(told.can_roll_back && told.probation_seconds_left.is_some_and(|left| left > 250), "{told:?}");
    pass(1);
    assert_eq!(lab.counter("created"), 1, "the new version knows it");
    pass(2);
    assert_eq!(lab.counter("created"), 2);
    let view = lab.roll_back().unwrap();
    let told = view.upgrade.unwrap();
    assert_eq!((view.version.as_str(), told.stage), ("1.0.0", UpgradeStage::RolledBack));
    assert_eq!(told.reason.as_deref(), Some("an operator asked for it"));
    pass(1);
    assert_eq!(lab.counter("created"), 2, "counters go on, and the first connection is known");
    pass(2);
    assert_eq!(lab.counter("created"), 3, "what came after the cut-over is forgotten");
    assert!(refusal(lab.roll_back()).contains("has no former version"));
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn a_version_that_panics_on_probation_gives_way_to_the_former_one() {
    a_panic_on_probation(Lab::enable);
}

pub(super) fn a_panic_on_probation(start: Start) {
    let (lab, mut ends) = Lab::two_ports(1);
    start(&lab, version(&lab, "track").to_str().unwrap(), &[]);
    lab.upgrade(&version(&lab, "track-panics"), 300).unwrap();
    let mut arrived = 0;
    for number in 0..1_200 {
        ends[0].send(&numbered(mac(1, 1), mac(2, 1), 1, number, 60), None, &Default::default()).unwrap();
        wait_for("a frame", || ends[1].receive().is_some());
        arrived += 1;
    }
    wait_for("the former version", || lab.extension(TRACK).version == "1.0.0");
    let view = lab.extension(TRACK);
    let told = view.upgrade.unwrap();
    assert_eq!((view.running, told.stage, arrived), (true, UpgradeStage::RolledBack, 1_200));
    assert_eq!(told.reason.as_deref(), Some("it panicked within its probation"));
    assert!(view.last_error.unwrap().contains("version 2.2.0 was taken out and 1.0.0 goes on"));
    assert!(lab.engine.quarantines(None).unwrap().is_empty());
    let before = lab.counter("created");
    ends[0].send(&numbered(mac(1, 1), mac(2, 1), 77, 0, 60), None, &Default::default()).unwrap();
    wait_for("a frame", || ends[1].receive().is_some());
    assert_eq!(lab.counter("created"), before + 1, "the former version works");
    lab.settled();
}

/// A frame to UDP port 9, which is held, or 10, which lets the held ones go.
fn to_port(port: u8, number: u64) -> Vec<u8> {
    let mut frame = numbered(mac(1, 1), mac(2, 1), 0, number, 60);
    frame[36..38].copy_from_slice(&[0, port]);
    frame
}

#[test]
fn held_frames_are_adopted_by_name_or_go_on() {
    held_frames(Lab::enable);
}

pub(super) fn held_frames(start: Start) {
    let (lab, mut ends) = Lab::two_ports(1);
    start(&lab, version(&lab, "track").to_str().unwrap(), &[]);
    let hold = |ends: &mut [heddle_host::ports::memory::MemoryEnd; 2], numbers: std::ops::Range<u64>| {
        for number in numbers {
            ends[0].send(&to_port(9, number), None, &Default::default()).unwrap();
        }
        wait_for("three held frames", || lab.engine.switch(&lab.switch).unwrap().law.held == 3);
        assert!(ends[1].receive().is_none());
    };
    let order = |ends: &mut [heddle_host::ports::memory::MemoryEnd; 2], expected: &[u64]| {
        let mut numbers = Vec::new();
        wait_for("held frames", || {
            let next = ends[1].receive().and_then(|frame| heddle_host::ports::memory::source::number_of(&frame.bytes));
            numbers.extend(next.map(|(_, number)| number));
            numbers.len() == expected.len()
        });
        assert_eq!(numbers, expected);
    };
    hold(&mut ends, 0..3);
    lab.upgrade(&version(&lab, "track-2"), 0).unwrap();
    assert_eq!(lab.engine.switch(&lab.switch).unwrap().law.held, 3, "the new version holds them");
    ends[0].send(&to_port(10, 3), None, &Default::default()).unwrap();
    let mut numbers = Vec::new();
    wait_for("held frames", || {
        let next = ends[1].receive().and_then(|frame| heddle_host::ports::memory::source::number_of(&frame.bytes));
        numbers.extend(next.map(|(_, number)| number));
        numbers.len() == 4
    });
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
    hold(&mut ends, 4..7);
    // This one names none: they go on, in order.
    lab.upgrade(&version(&lab, "track-lets-go"), 0).unwrap();
    order(&mut ends, &[4, 5, 6]);
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn state_of_a_nic_moves_to_another_port_and_fails_whole() {
    nics(Lab::enable);
}

pub(super) fn nics(start: Start) {
    let (here, _ends) = Lab::two_ports(1);
    let (there, _others) = Lab::two_ports(1);
    for lab in [&here, &there] {
        start(lab, version(lab, "track").to_str().unwrap(), &[]);
    }
    let (a, b) = (PortName::new("a").unwrap(), PortName::new("b").unwrap());
    let saved = here.engine.save_nic(&here.switch, &a).unwrap();
    assert_eq!(saved.iter().map(|blob| blob.extension.as_str()).collect::<Vec<_>>(), [TRACK]);
    // What nobody owns here is left out, and is no failure.
    let mut foreign = saved[0].clone();
    foreign.extension = "org.example.elsewhere".to_owned();
    let both = [foreign, saved[0].clone()];
    assert_eq!(there.engine.restore_nic(&there.switch, &b, &both).unwrap(), ["org.example.elsewhere"]);
    let id = |lab: &Lab, name: &str| lab.port(name).id;
    let log = there.engine.extension_log(&there.switch, &ExtensionId::new(TRACK).unwrap(), None).unwrap();
    let words = format!("port {} was port {}", id(&there, "b"), id(&here, "a"));
    assert!(log.lines.iter().any(|line| line.text.contains(&words)), "{words}: {log:?}");
    let refused = |change: &dyn Fn(&mut NicBlob), words: &str| {
        let mut blobs = [saved[0].clone()];
        change(&mut blobs[0]);
        let said = there.engine.restore_nic(&there.switch, &b, &blobs).unwrap_err().to_string();
        assert!(said.contains(words) && said.contains("restoring the state of port 'b'"), "{words}: {said}");
    };
    refused(&|blob| blob.blob.bytes[0] ^= 1, "check sum");
    refused(&|blob| blob.blob.version = 9, "its state has version 9, and 1 is the newest that is read");
    refused(&|blob| blob.blob.schema = "org.example.other".to_owned(), "are not versions of one extension");
    refused(&|blob| blob.blob.bytes = vec![0; 2 << 20], "the limit is 1048576");
    let absent = here.engine.save_nic(&here.switch, &PortName::new("nowhere").unwrap());
    assert!(matches!(absent, Err(ControlError::NoSuchPort { .. })), "{absent:?}");
}
