//! A capture extension in C that tries all a capture may not: each attempt is caught and named, and harms nobody.

use std::path::{Path, PathBuf};
use std::process::Command;

use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

use super::lab::{Lab, wait_for, with_mac};
use super::traffic::{mac, numbered};

/// An extension of `tests/extensions/c/harmful`, built.
pub(crate) fn harmful(name: &str, directory: &Path) -> PathBuf {
    harmful_as(name, directory, name, &[])
}

/// The same as `OUT.so`, with more options for the compiler.
pub(crate) fn harmful_as(name: &str, directory: &Path, out: &str, more: &[&str]) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = directory.join(out).with_extension("so");
    let built = Command::new("gcc")
        .args(["-std=c11", "-O2", "-g1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"])
        .args(more)
        .arg("-I")
        .arg(root.join("extension-api/include"))
        .arg("-o")
        .arg(&file)
        .arg(root.join("tests/extensions/c/harmful").join(name).with_extension("c"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    file
}

const SPOIL: &str = "org.heddle.test.c-spoil";
/// What it does, the rule that breaks, and whether the request is refused.
const SINS: [(&str, &str, bool); 10] = [
    ("frame-byte", "frame-written", false),
    ("verdict", "verdict-not-allowed", false),
    ("drop", "verdict-not-allowed", false),
    ("length", "field-changed", false),
    ("destination", "field-changed", false),
    ("mark", "field-changed", false),
    ("hold", "hold-not-allowed", true),
    ("clone", "clone-not-allowed", true),
    ("make-writable", "modify-not-allowed", true),
    ("draft-base", "frame-written", false),
];
/// Frames for each; fewer than lead to quarantine, on both legs together.
const FRAMES: u64 = 400;

#[test]
fn each_capture_violation_from_c_is_caught_and_frame_descriptor_and_traffic_are_as_without_it() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    let file = harmful("c-spoil", lab.directory.path());
    for (what, rule, refused) in SINS {
        lab.enable(file.to_str().unwrap(), &[("do", what), ("leg", "both")]);
        let mut next = 0;
        for number in 0..FRAMES {
            a.send(&numbered(mac(1, 1), mac(2, 1), 0, number, 600), None, &Offload::default()).unwrap();
            if number % 16 == 15 || number == FRAMES - 1 {
                wait_for("the frames to arrive unchanged and in order", || {
                    while let Some(frame) = b.receive() {
                        let sent = numbered(mac(1, 1), mac(2, 1), 0, next, 600);
                        assert!(frame.bytes == sent, "{what}: frame {next} arrived changed or out of order");
                        next += 1;
                    }
                    next == number + 1
                });
            }
        }
        wait_for("all to be counted", || lab.extension(SPOIL).violations.iter().any(|one| one.count == 2 * FRAMES));
        let view = lab.extension(SPOIL);
        let counter = |name: &str| view.counters.iter().find(|one| one.name == name).map_or(0, |one| one.value);
        assert_eq!(counter("attempts"), 2 * FRAMES, "{what}: {view:?}");
        assert_eq!(counter("spoiled"), 0, "{what}: it sees the truth in each call");
        assert_eq!(counter("refused"), if refused { 2 * FRAMES } else { 0 }, "{what}");
        let told: Vec<_> = view.violations.iter().map(|one| (one.rule.as_str(), one.count)).collect();
        assert_eq!(told, [(rule, 2 * FRAMES)], "{what}: {view:?}");
        assert_eq!(view.violations[0].port.as_deref(), Some("b"), "{what}: the port of the last delivery");
        assert!(view.running && view.quarantine.is_none(), "{what}: {view:?}");
        wait_for("the last error to name it", || {
            lab.extension(SPOIL).last_error.is_some_and(|text| text.contains(&format!("{} violations", 2 * FRAMES)))
        });
        lab.disable(SPOIL);
    }
    lab.settled();
    assert!(lab.drops().iter().all(|(_, count)| *count == 0), "{:?}", lab.drops());
    assert_eq!(lab.engine.quarantines(None).unwrap(), []);
}
