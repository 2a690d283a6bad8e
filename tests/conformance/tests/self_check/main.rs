//! The harness passes what behaves, and fails each misbehaving extension in its own case and in no other.
//!
//! By default a misbehaving extension meets the cases of its own level, of the level loads, and all that drive everyday
//! traffic; with `HEDDLE_CONFORMANCE_FULL=1` it meets every case of its role. `tests/conformance/build` builds what is judged.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod harness;
mod hostile;
mod isolation;
mod report;

use std::collections::BTreeSet;

use serde_json::Value;

use harness::{SEED, cases, for_each, harness, misbehaving, root, word};

#[test]
fn each_misbehaving_extension_fails_its_own_case_and_no_other() {
    let folder = misbehaving();
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
        let file = folder.join(format!("{name}.so"));
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
}

#[test]
fn the_book_maps_each_rule_of_the_verifier_to_a_case_that_names_it() {
    let page = std::fs::read_to_string(root().join("sdk-docs/src/conformance.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| A0"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let rules: Vec<String> = (1..=14).map(|rule| format!("A{rule:03X}")).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), rules);
    let cases = cases();
    for row in &rows {
        let case = cases.iter().find(|case| word(case, "name") == row[2].trim_matches('`'));
        let clause = case.map(|case| word(case, "clause")).unwrap_or_default();
        assert!(clause.contains(&format!("Driver Verifier {}", row[0])), "{row:?}: the case's clause is '{clause}'");
    }
    let named = cases.iter().filter(|case| word(case, "clause").contains("Driver Verifier")).count();
    assert_eq!(named, rules.len(), "a case names a rule that the book does not map to it");
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
fn a_broken_rule_shows_expected_and_actual_bytes_and_a_crash_its_signal() {
    let folder = misbehaving();
    let only = |name: &str| {
        let file = folder.join(format!("{name}.so"));
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
