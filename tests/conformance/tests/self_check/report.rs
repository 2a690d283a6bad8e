//! What a run says: its forms, that nothing is left out of them, and that a seed gives the same again.

use std::process::Command;

use serde_json::Value;

use crate::harness::{HARNESS, behaving, cases, harness, misbehaving, word};

fn drop_hold() -> String {
    behaving().join("c-drop-hold.so").to_str().unwrap().to_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A report without its times.
fn timeless(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("\"ms\": ")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_report_has_the_form_that_the_book_gives_and_leaves_nothing_out() {
    let file = drop_hold();
    let (passed, text) = harness(&["run", &file, "--level", "loads", "--format", "json", "--limit", "60"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let mut form = keys(&report);
    form.sort_unstable();
    let mut book = [
        "extension",
        "sha256",
        "abi",
        "level",
        "passed",
        "failed",
        "skipped",
        "cases",
        "isolation",
        "seed",
        "certified",
    ];
    book.sort_unstable();
    assert_eq!(form, book);
    let loads: Vec<Value> = cases().into_iter().filter(|case| word(case, "level") == "loads").collect();
    let rows = report["cases"].as_array().unwrap();
    assert_eq!(rows.len(), loads.len());
    for (row, case) in rows.iter().zip(&loads) {
        let mut form = keys(row);
        form.sort_unstable();
        assert_eq!(form, ["clause", "detail", "level", "ms", "name", "outcome"]);
        assert_eq!((word(row, "name"), word(row, "clause")), (word(case, "name"), word(case, "clause")));
        assert!(row["ms"].is_u64() && word(row, "outcome") == "passed");
    }
    assert_eq!(report["certified"], true);
    assert!(passed && report["passed"] == loads.len() && report["failed"] == 0 && report["skipped"] == 0, "{text}");
    assert_eq!((word(&report, "extension"), word(&report, "level")), ("org.heddle.test.c-drop-hold", "loads"));
    let sum = Command::new("sha256sum").arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&sum.stdout).starts_with(word(&report, "sha256")));
}

#[test]
fn a_run_repeats_with_its_seed_but_for_its_times() {
    let file = drop_hold();
    let run = |seed: &str| {
        let arguments = ["run", &*file, "--quick", "--format", "json", "--limit", "60", "--reproduce", seed];
        timeless(&harness(&arguments).1)
    };
    let (first, again, other) = (run("731004825"), run("731004825"), run("4"));
    assert_eq!(first, again);
    // What is random is what the host does: another seed is another run with the same verdict.
    assert_eq!(first.replace("731004825", "4"), other);
    // A failure is the same again, too, to the byte of what was expected and what came.
    let folder = misbehaving();
    let spoils = folder.join("capture-leaves-bytes.so");
    let fails = |seed: &str| {
        let arguments = ["run", spoils.to_str().unwrap(), "--only", "capture-leaves-bytes", "--format", "json"];
        timeless(&harness(&[&arguments[..], &["--limit", "60", "--reproduce", seed]].concat()).1)
    };
    assert_eq!(fails("12"), fails("12"));
    assert_ne!(fails("12").replace("12", ""), fails("13").replace("13", ""), "the seed changes nothing");
}

#[test]
fn a_report_for_people_and_one_for_continuous_integration() {
    let file = drop_hold();
    let run = |format: &str| harness(&["run", &file, "--level", "loads", "--format", format, "--limit", "60"]).1;
    assert!(run("text").contains("--reproduce "));
    let loads = cases().iter().filter(|case| word(case, "level") == "loads").count();
    let junit = run("junit");
    let lint = Command::new("python3").arg("-c").arg(JUNIT).arg(&junit).arg(loads.to_string()).output().unwrap();
    assert!(lint.status.success(), "{}\n{junit}", String::from_utf8_lossy(&lint.stderr));
}

/// The form of JUnit reports that continuous integration reads: names, attributes and order of elements, and sums that agree.
const JUNIT: &str = r#"
import re, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.argv[1])
assert root.tag == 'testsuites', root.tag
number = re.compile(r'\d+(\.\d+)?$')
def sums(node, keys):
    for key in keys: assert number.match(node.get(key, '')), (node.tag, key)
sums(root, ['tests', 'failures', 'skipped', 'time'])
[suite] = root
assert suite.tag == 'testsuite' and suite.get('name')
sums(suite, ['tests', 'failures', 'errors', 'skipped', 'time'])
assert [child.tag for child in suite][0] == 'properties'
names = {one.get('name') for one in suite.find('properties')}
assert names == {'sha256', 'abi', 'isolation', 'seed'}, names
cases = suite.findall('testcase')
assert len(cases) == len(suite) - 1 == int(suite.get('tests')) == int(root.get('tests')) == int(sys.argv[2])
for case in cases:
    assert set(case.attrib) == {'classname', 'name', 'time'} and number.match(case.get('time'))
    assert {child.tag for child in case} <= {'failure', 'error', 'skipped', 'system-out', 'system-err'}
assert int(suite.get('failures')) == len(suite.findall('testcase/failure'))
"#;

#[test]
fn the_exit_status_says_whether_there_is_a_verdict() {
    let status = |arguments: &[&str]| Command::new(HARNESS).args(arguments).output().unwrap();
    let file = drop_hold();
    assert_eq!(status(&["run", &file, "--level", "loads"]).status.code(), Some(0));
    assert_eq!(status(&["run", &file, "--only", "magic-number"]).status.code(), Some(3), "no verdict on a level");
    let text = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(
        status(&["run", text.path().to_str().unwrap()]).status.code(),
        Some(1),
        "an empty file does not conform"
    );
    for unreadable in ["/nowhere/at-all.so", "/tmp", "/dev/zero"] {
        let output = status(&["run", unreadable]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && words.contains(unreadable), "{words}");
    }
    assert_eq!(status(&["run", &file, "--only", "no-such-case"]).status.code(), Some(2));
    assert_eq!(status(&["run", &file, "--level", "no-such-level"]).status.code(), Some(2));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let lost = Command::new(HARNESS).args(["run", &file, "--only", "magic-number"]).stdout(full).status().unwrap();
    assert_eq!(lost.code(), Some(2), "a report that was lost is no verdict");
}

#[test]
fn a_run_of_some_cases_says_nothing_about_a_level() {
    let file = drop_hold();
    let loads = cases().iter().filter(|case| word(case, "level") == "loads").count();
    for (more, skipped) in [(&["--only", "magic-number"][..], loads - 1), (&["--quick"][..], 0)] {
        let arguments = [&["run", &*file, "--level", "loads", "--format", "json"], more].concat();
        let output = Command::new(HARNESS).args(arguments).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["level"], &report["certified"]), (&Value::Null, &Value::Bool(false)), "{more:?}");
        assert_eq!((&report["failed"], &report["skipped"]), (&0.into(), &skipped.into()), "{more:?}");
        assert_eq!(output.status.code(), Some(3), "{more:?}");
    }
    assert!(harness(&["run", &file, "--only", "magic-number"]).1.contains("no verdict on a level"));
}

#[test]
fn a_run_that_takes_too_long_in_all_is_cut_short_and_no_pass() {
    let file = drop_hold();
    let (passed, text) = harness(&["run", &file, "--whole", "1", "--parallel", "1", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let is_late = |case: &&Value| word(case, "detail").contains("longer than 1 s (--whole)");
    let late = report["cases"].as_array().unwrap().iter().filter(is_late).count();
    assert!(!passed && late > 10 && report["skipped"] == late && report["failed"] == 0, "{text}");
}
