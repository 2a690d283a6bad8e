//! A report as text, as JSON and as JUnit XML; the list of cases as text, as JSON and for the book.

use std::fmt::Write;

use serde_json::json;

use crate::case::{self, Level};
use crate::rig::Isolation;
use crate::run::{Outcome, Report};

/// For people.
pub(crate) fn text(report: &Report) -> String {
    let mut out = String::new();
    let mut level = None;
    let (name, role) = (&report.extension, report.role);
    let place = if report.isolation == Isolation::Process { ", in a process of its own" } else { "" };
    let _ = writeln!(out, "{name} ({role}), ABI {}, sha256 {}{place}", report.abi, report.sha256);
    for row in report.rows.iter().filter(|row| row.outcome != Outcome::Skipped) {
        if level != Some(row.case.level) {
            level = Some(row.case.level);
            let _ = writeln!(out, "level {}", row.case.level.name());
        }
        let word = match row.outcome {
            Outcome::Passed => "PASS",
            Outcome::Failed | Outcome::Skipped => "FAIL",
        };
        let _ = write!(out, "  {word} {}", row.case.name);
        if !row.detail.is_empty() {
            let _ = write!(out, ": {}", row.detail.replace('\n', "\n       "));
        }
        out.push('\n');
        if row.outcome == Outcome::Failed {
            let _ = writeln!(out, "       {} [{}]", row.case.text, row.case.clause);
        }
    }
    if let Some(row) = report.rows.iter().find(|row| row.outcome == Outcome::Skipped) {
        let _ = writeln!(out, "the other {} cases: {}", report.count(Outcome::Skipped), row.detail);
    }
    let [passed, failed] = [Outcome::Passed, Outcome::Failed].map(|outcome| report.count(outcome));
    let (skipped, level) = (report.not_run(), report.level.name());
    let verdict = match (report.is_pass(), report.is_certified()) {
        (true, true) => format!("{name} conforms to level {level}"),
        (false, true) => format!("{name} does not conform to level {level}"),
        (_, false) => format!("no verdict on a level, run it without --only and --quick for one on {level}"),
    };
    let _ = writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped: {verdict}");
    let _ = writeln!(out, "the same again: --reproduce {}", report.seed);
    out
}

/// For programs.
pub(crate) fn json(report: &Report) -> String {
    let row = |row: &crate::run::Row| {
        json!({
            "name": row.case.name,
            "level": row.case.level.name(),
            "outcome": row.outcome.word(),
            "clause": row.case.clause,
            "detail": row.detail,
            "ms": row.ms,
        })
    };
    let value = json!({
        "extension": report.extension,
        "sha256": report.sha256,
        "abi": report.abi,
        "level": report.is_certified().then(|| report.level.name()),
        "certified": report.is_certified(),
        "passed": report.count(Outcome::Passed),
        "failed": report.count(Outcome::Failed),
        "skipped": report.not_run(),
        "isolation": report.isolation.name(),
        "seed": report.seed,
        "cases": report.rows.iter().map(row).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

/// For continuous integration.
pub(crate) fn junit(report: &Report) -> String {
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let (tests, failures, skipped) = (report.rows.len(), report.count(Outcome::Failed), report.count(Outcome::Skipped));
    let time = seconds(report.rows.iter().map(|row| row.ms).sum());
    let name = xml(&report.extension);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"heddle-conformance\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{time}\">"
    );
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{time}\">"
    );
    let _ = writeln!(out, "    <properties>");
    let (isolation, seed) = (report.isolation.name(), report.seed.to_string());
    for (key, value) in [("sha256", &*report.sha256), ("abi", &report.abi), ("isolation", isolation), ("seed", &seed)] {
        let _ = writeln!(out, "      <property name=\"{key}\" value=\"{}\"/>", xml(value));
    }
    let _ = writeln!(out, "    </properties>");
    for row in &report.rows {
        let (level, case, time) = (row.case.level.name(), row.case.name, seconds(row.ms));
        let _ = write!(out, "    <testcase classname=\"{name}.{level}\" name=\"{case}\" time=\"{time}\"");
        let (first, detail) = (xml(row.detail.lines().next().unwrap_or_default()), xml(&row.detail));
        let _ = match row.outcome {
            Outcome::Passed => writeln!(out, "/>"),
            Outcome::Failed => {
                writeln!(out, "><failure message=\"{first}\">{detail}\n{}</failure></testcase>", xml(row.case.clause))
            }
            Outcome::Skipped => writeln!(out, "><skipped message=\"{first}\"/></testcase>"),
        };
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// Text for XML 1.0: marked-up characters escaped, what it cannot hold replaced.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(sign),
            sign if sign.is_control() || matches!(sign, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            sign => out.push(sign),
        }
    }
    out
}

/// All cases, for people.
pub(crate) fn list() -> String {
    let mut out = String::new();
    for level in Level::ALL {
        let _ = writeln!(out, "level {}", level.name());
        for case in case::all().filter(|case| case.level == level) {
            let _ = writeln!(
                out,
                "  {} ({})\n      {}\n      from: {}\n      failed by: {}",
                case.name,
                case.role_names(),
                case.text,
                case.clause,
                case.misbehaving()
            );
        }
    }
    let _ = writeln!(out, "{} cases", case::all().count());
    out
}

/// All cases, for programs.
pub(crate) fn list_json() -> String {
    let row = |case: &case::Case| {
        json!({
            "name": case.name,
            "level": case.level.name(),
            "roles": case.role_names(),
            "text": case.text,
            "clause": case.clause,
            "misbehaving": case.misbehaving(),
            "everyday": case.is_everyday(),
        })
    };
    format!("{:#}\n", json!(case::all().map(row).collect::<Vec<_>>()))
}

/// All cases, as tables for the book.
pub(crate) fn list_markdown() -> String {
    let mut out = String::new();
    for level in Level::ALL {
        let _ = writeln!(
            out,
            "\n### Level `{}`\n\n| Case | Roles | Rule | From |\n| --- | --- | --- | --- |",
            level.name()
        );
        for case in case::all().filter(|case| case.level == level) {
            let _ = writeln!(out, "| `{}` | {} | {} | {} |", case.name, case.role_names(), case.text, case.clause);
        }
    }
    out
}
