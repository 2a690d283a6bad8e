//! The harness passes what behaves, and fails each misbehaving extension in its own case and in no other.
//!
//! By default a misbehaving extension meets the cases of its own level, of the level loads, and all that drive everyday
//! traffic; with `HEDDLE_CONFORMANCE_FULL=1` it meets every case of its role. `tests/conformance/build` builds what is judged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::Value;

const HARNESS: &str = env!("CARGO_BIN_EXE_heddle-conformance");
/// Lets a run be repeated; any other number would do.
const SEED: &str = "5";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn harness(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(HARNESS).args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn cases() -> Vec<Value> {
    let list: Value = serde_json::from_str(&harness(&["list", "--format", "json"]).1).unwrap();
    list.as_array().unwrap().clone()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn build(script: &str, arguments: &[&str], out: &Path) {
    let output = Command::new(root().join(script)).arg(out).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Does a thing for each, on as many threads as there are processors; gives what was wrong.
fn for_each<T: Send>(all: Vec<T>, thing: impl Fn(T) -> Option<String> + Sync) -> Vec<String> {
    let (queue, wrong) = (Mutex::new(all), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(next) = queue.lock().unwrap().pop() else { return };
                    wrong.lock().unwrap().extend(thing(next));
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn what_ships_and_what_behaves_conforms() {
    let folder = tempfile::tempdir().unwrap();
    build("tests/extensions/build.sh", &["--c-only"], folder.path());
    let built = Path::new(HARNESS).parent().unwrap();
    let rust = [
        "passthrough",
        "sflow",
        "test_drop_every_nth",
        "test_forward_table",
        "test_hold_release",
        "test_inject",
        "test_observe",
    ];
    let mut files: Vec<PathBuf> = rust.iter().map(|name| built.join(format!("libheddle_{name}.so"))).collect();
    files.extend(std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()));
    for file in &files {
        assert!(file.exists(), "{} is not built: run tests/conformance/build", file.display());
    }
    let wrong = for_each(files, |file| {
        let mut arguments = vec!["run", file.to_str().unwrap(), "--parallel", "1", "--limit", "60"];
        if file.ends_with("libheddle_sflow.so") {
            arguments.extend(["--config", "collector=127.0.0.1:6343"]);
        }
        let (passed, text) = harness(&arguments);
        (!passed).then(|| text.lines().filter(|line| !line.contains("PASS")).collect::<Vec<_>>().join("\n"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_misbehaving_extension_fails_its_own_case_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    build("tests/misbehaving/build.sh", &[], folder.path());
    let cases = cases();
    let full = std::env::var_os("HEDDLE_CONFORMANCE_FULL").is_some();
    let names: Vec<String> = cases.iter().map(|case| word(case, "name").to_owned()).collect();
    let wrong = for_each(names, |name| {
        let own = cases.iter().find(|case| word(case, "name") == name)?;
        let wanted = |case: &&Value| {
            full || word(case, "level") == word(own, "level")
                || word(case, "level") == "loads"
                || case["everyday"] == true
        };
        let only = cases.iter().filter(wanted).map(|case| word(case, "name")).collect::<Vec<_>>().join(",");
        let file = folder.path().join(format!("{name}.so"));
        // Long enough for a machine with much else to do; a case that hangs takes as long.
        let arguments = ["run", file.to_str()?, "--reproduce", SEED, "--quick", "--parallel", "1", "--limit", "15"];
        let (passed, text) = harness(&[&arguments[..], &["--format", "json", "--only", &only]].concat());
        let report: Value = serde_json::from_str(&text).unwrap();
        let failed: Vec<(&str, &str)> = report["cases"]
            .as_array()?
            .iter()
            .filter(|case| word(case, "outcome") == "failed")
            .map(|case| (word(case, "name"), word(case, "detail")))
            .collect();
        let good = !passed && failed.len() == 1 && failed[0].0 == name;
        (!good).then(|| format!("{name} fails {failed:?}"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_has_a_misbehaving_extension_of_one_of_its_roles() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut files: BTreeSet<String> = std::fs::read_dir(root().join("tests/misbehaving"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".c").map(str::to_owned))
        .collect();
    for case in &cases {
        let name = word(case, "name");
        assert!(files.remove(name), "tests/misbehaving/{name}.c is missing");
        let source = std::fs::read_to_string(root().join(word(case, "misbehaving"))).unwrap();
        let role = source.lines().find_map(|line| line.strip_prefix("#define ROLE HEDDLE_ROLE_")).unwrap_or("");
        let roles = word(case, "roles");
        assert!(role.is_empty() || roles == "all" || roles.contains(&role.to_lowercase()), "{name}: {role}, {roles}");
        assert!(word(case, "text").ends_with('.') && !word(case, "clause").is_empty(), "{name}");
        assert!(name.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-'), "{name}");
    }
    assert!(files.is_empty(), "without a case: {files:?}");
    let clauses: String = cases.iter().map(|case| word(case, "clause")).collect();
    for rule in 1..=14 {
        assert!(clauses.contains(&format!("A{rule:03X}")), "no case for the verifier's rule A{rule:03X}");
    }
}

#[test]
fn the_book_lists_the_cases_that_there_are() {
    let page = std::fs::read_to_string(root().join("sdk-docs/src/conformance.md")).unwrap();
    let (_, list) = page.split_once("<!-- cases -->\n").unwrap();
    let now = harness(&["list", "--format", "markdown"]).1;
    assert!(
        list == now,
        "sdk-docs/src/conformance.md: replace what follows `<!-- cases -->` by `heddle-conformance list --format markdown`"
    );
}

#[test]
fn a_run_repeats_with_its_seed_and_reports_in_three_forms() {
    let folder = tempfile::tempdir().unwrap();
    build("tests/extensions/build.sh", &["--c-only"], folder.path());
    let file = folder.path().join("c-drop-hold.so");
    let run = |format: &str, more: &[&str]| {
        harness(
            &[&["run", file.to_str().unwrap(), "--level", "loads", "--format", format, "--limit", "60"], more].concat(),
        )
    };
    let (passed, text) = run("json", &[]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let loads = cases().iter().filter(|case| word(case, "level") == "loads").count();
    assert!(passed && report["passed"] == loads && report["failed"] == 0 && report["skipped"] == 0, "{text}");
    assert_eq!((word(&report, "extension"), word(&report, "level")), ("org.heddle.test.c-drop-hold", "loads"));
    assert_eq!(word(&report, "sha256").len(), 64);
    let seed = report["seed"].to_string();
    assert!(run("text", &["--reproduce", &seed]).1.contains(&format!("--reproduce {seed}")));
    let junit = run("junit", &[]).1;
    assert!(junit.starts_with("<?xml") && junit.matches("<testcase ").count() == loads, "{junit}");
    let lint = Command::new("python3")
        .args(["-c", "import sys, xml.dom.minidom as x; x.parseString(sys.argv[1])", &junit])
        .status();
    assert!(lint.unwrap().success(), "{junit}");
    assert!(!harness(&["run", "/nowhere/at-all.so"]).0);
    assert_eq!(Command::new(HARNESS).args(["run", "/nowhere/at-all.so"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_broken_rule_shows_expected_and_actual_bytes_and_a_crash_its_signal() {
    let folder = tempfile::tempdir().unwrap();
    build("tests/misbehaving/build.sh", &[], folder.path());
    let only = |name: &str| {
        let file = folder.path().join(format!("{name}.so"));
        harness(&["run", file.to_str().unwrap(), "--only", name, "--limit", "60"]).1
    };
    let text = only("capture-leaves-bytes");
    assert!(text.contains("expected") && text.contains("actual"), "{text}");
    let text = only("short-frames");
    assert!(
        text.contains("SIGSEGV") && text.contains("ingress") && text.contains("behind the end of a frame"),
        "{text}"
    );
}
