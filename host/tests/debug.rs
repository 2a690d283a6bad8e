//! The debug mode: an extension in C that touches what it was not lent, by one byte, on a switch without daemon. What goes
//! by unnoticed without the mode is named with it, and a switch with it does what one without it does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use heddle_host::loader::{FINDINGS_MAX, Finding, Library, load};
use heddle_host::offline::{InFrame, OfflineSetup, OfflineSwitch, Outcome, plain_port};
use heddle_switch_core::violation::Rule;

const MS: u64 = 1_000_000;

/// Builds an extension in C and loads it.
fn extension(name: &str, folder: &Path) -> Arc<Library> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = root.join(format!("tests/extensions/c/{name}.c"));
    let file = folder.join(source.file_stem().unwrap()).with_extension("so");
    let built = Command::new("gcc")
        .args([
            "-std=c11",
            "-O1",
            "-g1",
            "-shared",
            "-fPIC",
            "-fvisibility=hidden",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
        ])
        .arg(root.join("extension-api/include"))
        .arg("-o")
        .args([&file, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run: PathBuf = folder.join("run");
    std::fs::create_dir_all(&run).unwrap();
    Arc::new(load(&file, &run).unwrap())
}

fn frame(to: u8, from: u8, number: u8, length: usize) -> InFrame {
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5, number];
    bytes.resize(length, number);
    InFrame { bytes, ..InFrame::default() }
}

/// What came of a few frames: what was delivered in all, what was found, and the violations that were counted.
struct Ran {
    delivered: Vec<Vec<u8>>,
    findings: Vec<Finding>,
    counted: u64,
    outcomes: Vec<Outcome>,
}

fn run(library: &Arc<Library>, config: &str, debug: bool) -> Ran {
    let mut switch = OfflineSwitch::new(OfflineSetup { debug, ..OfflineSetup::default() }).unwrap();
    let (a, b) = (switch.add_port(plain_port("left")).unwrap(), switch.add_port(plain_port("right")).unwrap());
    let number = switch.enable(library, config).unwrap();
    let mut outcomes = Vec::new();
    for round in 0..4 {
        let frames: Vec<InFrame> = (0..3).map(|at| frame(2, 1, round * 3 + at, 60 + 100 * usize::from(at))).collect();
        outcomes.push(switch.feed(u64::from(round + 1) * 10 * MS, 0, a, &frames));
    }
    let delivered = outcomes.iter().flat_map(|outcome| outcome.to(b)).map(|delivery| delivery.bytes.clone()).collect();
    let findings = switch.extension(number).unwrap().instance().here().unwrap().findings().map(|found| found.all());
    assert_eq!(findings.is_some(), debug);
    let counted = switch.stage_counters(number).violations;
    Ran { delivered, findings: findings.unwrap_or_default(), counted, outcomes }
}

/// What it does, the rule, and a part of what is said. The last: whether who did it is on the stack.
const SINS: [(&str, Rule, &str, bool); 18] = [
    ("read-behind", Rule::FrameOverrun, "read at byte 60 of frame 0, 1 behind its end (60 bytes)", true),
    ("read-before", Rule::FrameOverrun, "of frame 1, 129 before its start", true),
    ("write-behind", Rule::FrameOverrun, "stored at byte 60 of frame 0, 1 behind its end (60 bytes)", true),
    ("write-before", Rule::FrameOverrun, "of frame 1, 129 before its start", true),
    ("write-far", Rule::FrameOverrun, "behind its end (60 bytes)", true),
    ("write-frame", Rule::FrameWritten, "stored at byte 59 of frame 0 (60 bytes), which was not made writable", true),
    ("write-headroom", Rule::FrameOverrun, "stored at byte -1 of frame 0, 1 before its start", true),
    ("packets-behind", Rule::BatchOverrun, "of the packets of the batch", true),
    ("packets-before", Rule::BatchOverrun, "stored 1 bytes before the first packet", false),
    ("facts-behind", Rule::BatchOverrun, "of the offload facts", true),
    ("facts-write", Rule::BatchOverrun, "of the offload facts, which is the host's", true),
    ("batch-write", Rule::BatchOverrun, "of the batch, which is the host's", true),
    ("after-move", Rule::FrameGivenBack, "read in frame 0, where it lay before it was made writable", true),
    ("after-hold", Rule::FrameGivenBack, "read in frame 0, which it holds and may not touch", true),
    ("after-call", Rule::FrameGivenBack, "read in a frame of an earlier call", true),
    ("draft-behind", Rule::FrameOverrun, "stored at byte 60 of a draft, 1 behind its end", true),
    ("draft-before", Rule::FrameOverrun, "stored at byte -1 of a draft", false),
    ("draft-after", Rule::FrameGivenBack, "stored in a draft that was injected or discarded", true),
];

#[test]
fn one_byte_too_far_goes_by_without_the_debug_mode_and_is_named_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let library = extension("harmful/c-overrun", folder.path());
    for (sin, rule, words, on_stack) in SINS {
        let config = format!("do={sin}\n");
        // The byte in front of the packets is the allocator's: without debug mode the switch dies of it, later.
        if sin != "packets-before" {
            assert_eq!(run(&library, &config, false).counted, 0, "{sin} without debug mode");
        }
        let ran = run(&library, &config, true);
        let said: Vec<String> = ran.findings.iter().map(Finding::line).collect();
        let found = ran.findings.iter().find(|found| found.rule == rule && found.text.contains(words));
        let found = found.unwrap_or_else(|| panic!("{sin}: {said:#?}"));
        assert!(ran.findings.iter().all(|found| found.rule == rule), "{sin}: nothing else is found: {said:#?}");
        assert!(ran.counted >= 1 && found.function == "ingress", "{sin}: {} counted", ran.counted);
        let stack = found.stack.first().is_some_and(|first| first.contains("c-overrun"));
        assert!(stack || !on_stack, "{sin}: {said:#?}");
        let about_a_frame = found.text.contains("of frame 0") || found.text.contains("in frame 0");
        assert!(found.port.as_deref() == Some("left") || !about_a_frame, "{sin}: {said:#?}");
        assert!(said.len() <= FINDINGS_MAX);
        assert!(ran.outcomes.iter().all(|outcome| outcome.imbalance == 0), "{sin}");
    }
}

#[test]
fn a_store_outside_its_frames_reaches_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let library = extension("harmful/c-overrun", folder.path());
    let decent = run(&library, "do=nothing\n", true);
    assert_eq!((decent.findings.len(), decent.counted, decent.delivered.len()), (0, 0, 12));
    for sin in
        ["write-frame", "write-headroom", "write-behind", "write-before", "write-far", "batch-write", "facts-write"]
    {
        let ran = run(&library, &format!("do={sin}\n"), true);
        assert!(ran.delivered == decent.delivered, "{sin}: what is delivered is as without it");
    }
    // On the way out nothing may be written at all.
    let ran = run(&library, "do=write-frame\nleg=egress\n", true);
    assert!(ran.delivered == decent.delivered && ran.findings.iter().all(|found| found.function == "egress"));
    assert_eq!(ran.findings.first().map(|found| found.rule), Some(Rule::FrameWritten));
}

#[test]
fn honest_extensions_do_in_debug_mode_what_they_do_without_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, config) in [("c-drop-hold", "n=3\nms=5\n"), ("c-inject", "n=2\noriginate=1\n"), ("c-forward", "")] {
        let library = extension(name, folder.path());
        let (plain, debug) = (run(&library, config, false), run(&library, config, true));
        let lines: Vec<String> = debug.findings.iter().map(Finding::line).collect();
        assert_eq!(lines, Vec::<String>::new(), "{name}");
        assert!(plain.delivered == debug.delivered, "{name}");
        assert_eq!(plain.outcomes, debug.outcomes, "{name}");
    }
}

/// Nanoseconds a frame, of the best of a few bursts of 32 frames.
fn cost(library: &Arc<Library>, debug: bool) -> u64 {
    let mut switch = OfflineSwitch::new(OfflineSetup { debug, ..OfflineSetup::default() }).unwrap();
    let a = switch.add_port(plain_port("left")).unwrap();
    switch.add_port(plain_port("right")).unwrap();
    switch.enable(library, "").unwrap();
    let frames: Vec<InFrame> = (0..32).map(|number| frame(2, 1, number, 1_500)).collect();
    let burst = |number: u64, switch: &mut OfflineSwitch| {
        let began = Instant::now();
        switch.feed(number * MS, 0, a, &frames);
        u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    };
    (1..200).map(|number| burst(number, &mut switch)).min().unwrap_or(0) / 32
}

#[test]
fn the_cost_of_the_debug_mode_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let library = extension("harmful/c-overrun", folder.path());
    let (plain, debug) = (cost(&library, false), cost(&library, true));
    println!("a frame of 1,500 bytes through a filter on both legs: {plain} ns, in debug mode {debug} ns");
    assert!(debug < 200_000, "{debug} ns a frame");
}
