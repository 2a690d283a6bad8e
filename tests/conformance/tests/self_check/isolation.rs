//! The same file, in the switch's process and in one of its own: what behaves passes in both, what does not fails in both.
//!
//! Files are known by their SHA-256, which the test prints. In a process of its own an extension meets the host that copies
//! its frames, and the sandbox; all the rest is judged as it is in process, by the same cases.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{HARNESS, SEED, behaving, for_each, harness, misbehaving, word};

/// What ships and what behaves as what ships, in Rust.
const RUST: [&str; 8] = [
    "passthrough",
    "sflow",
    "test_drop_every_nth",
    "test_forward_table",
    "test_hold_release",
    "test_inject",
    "test_observe",
    "test_track",
];

/// The report of a run of one file, which must be a pass; or why it is none.
fn passes(file: &Path, isolation: &str) -> Result<Value, String> {
    // Long enough for a machine with much else to do.
    let mut arguments = vec!["run", file.to_str().unwrap(), "--isolation", isolation, "--format", "json"];
    arguments.extend(["--parallel", "1", "--limit", "60"]);
    if file.ends_with("libheddle_sflow.so") {
        arguments.extend(["--config", "collector=127.0.0.1:6343"]);
    } else {
        // What ships is judged as it is for a certificate; what is like it may be judged faster.
        arguments.push("--quick");
    }
    let (passed, text) = harness(&arguments);
    let report: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}: {text}", file.display()))?;
    let failed: Vec<String> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| word(case, "outcome") != "passed")
        .map(|case| format!("{}: {}", word(case, "name"), word(case, "detail")))
        .collect();
    let whole = passed && failed.is_empty() && report["skipped"] == 0 && word(&report, "isolation") == isolation;
    if whole { Ok(report) } else { Err(format!("{} ({isolation}): {}", file.display(), failed.join("; "))) }
}

#[test]
fn what_ships_and_what_behaves_conforms_in_process_and_out_of_process() {
    let folder = behaving();
    let built = Path::new(HARNESS).parent().unwrap();
    let mut files: Vec<PathBuf> = RUST.iter().map(|name| built.join(format!("libheddle_{name}.so"))).collect();
    files.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    for file in &files {
        assert!(file.exists(), "{} is not built: run tests/conformance/build", file.display());
    }
    let wrong = for_each(files, |file| {
        let both = passes(&file, "none").and_then(|here| Ok((here, passes(&file, "process")?)));
        let (here, apart) = match both {
            Ok(both) => both,
            Err(why) => return Some(why),
        };
        let same = ["sha256", "extension", "abi", "passed"].iter().all(|key| here[key] == apart[key]);
        if !same {
            return Some(format!("{}: not the same file, or not the same cases", file.display()));
        }
        // Past the capture of the test's output, so that a log of all tests has it.
        let said = format!(
            "{} passes {} cases in process and in a process of its own: sha256 {}\n",
            word(&here, "extension"),
            here["passed"],
            word(&here, "sha256")
        );
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        None
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One of each kind: found beside the extension, ended by a signal, refused, without an end, never made.
const KINDS: [&str; 14] = [
    "opens",
    "layout-agrees",
    "makes-an-instance",
    "leaves-in-order",
    "capture-leaves-bytes",
    "destination-connected",
    "draft-in-bounds",
    "does-not-panic",
    "short-frames",
    "facts-in-bounds",
    "tcp-options-lie",
    "refused-hold",
    "state-pieces-fit",
    "references-given-back",
];
/// What the sandbox of a process of its own makes impossible, so that nothing is broken there.
const PREVENTED: [&str; 1] = ["descriptors-closed"];

#[test]
fn what_misbehaves_fails_out_of_process_too() {
    let folder = misbehaving();
    let full = std::env::var_os("HEDDLE_CONFORMANCE_FULL").is_some();
    let all = crate::harness::cases();
    let names = all.iter().map(|case| word(case, "name")).filter(|name| full || KINDS.contains(name));
    let wrong = for_each(names.map(str::to_owned).collect(), |name| {
        let file = folder.join(format!("{name}.so"));
        let arguments = ["run", file.to_str()?, "--isolation", "process", "--reproduce", SEED, "--quick"];
        let (passed, text) = harness(&[&arguments[..], &["--limit", "15", "--only", &name]].concat());
        (passed != PREVENTED.contains(&&*name)).then_some(text)
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(KINDS.iter().all(|kind| all.iter().any(|case| word(case, "name") == *kind)));
}

#[test]
fn a_crash_out_of_process_is_told_with_signal_function_and_place() {
    let folder = misbehaving();
    let file = folder.join("short-frames.so");
    let only = ["--only", "short-frames", "--limit", "60"];
    let text = harness(&[&["run", file.to_str().unwrap(), "--isolation", "process"][..], &only].concat()).1;
    assert!(text.contains("(SIGSEGV) in ingress: it touched memory behind the end of a frame"), "{text}");
}
