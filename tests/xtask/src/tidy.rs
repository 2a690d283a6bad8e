//! The house rules, one module per family. Each rule looks at text or tokens, never at types, so that it is quick and
//! its verdict can be read off the file.
//!
//! "Product" is everything below a `src/` folder of extension-api, switch-core, host and extensions, and their build
//! scripts, without what is compiled for tests only. Each rule has a unit test that sees it find a violation.

mod abi_names;
mod arrows;
mod book;
mod ethertype;
mod files;
mod functions;
mod islands;
mod manifest;
mod panics;
mod source;
mod tokens;
mod unsafety;

use std::fmt;
use std::path::{Path, PathBuf};

use islands::Islands;
use manifest::Manifest;
use source::Source;

/// Folders that hold Rust code; `target` and hidden folders below them are skipped.
const FOLDERS: [&str; 6] = ["extension-api", "switch-core", "host", "extensions", "sdk-docs", "tests"];

/// One broken rule, printed as `path:line: rule: what to do`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    rule: &'static str,
    advice: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.advice)
    }
}

pub(crate) struct Report {
    pub(crate) files: usize,
    pub(crate) violations: Vec<Violation>,
}

/// A file or folder that cannot be read; a rule that cannot look has not been kept.
#[derive(Debug)]
pub(crate) struct Unreadable {
    path: PathBuf,
    reason: std::io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.reason)
    }
}

/// Checks every rule on the checkout whose top is `top`.
pub(crate) fn check(top: &Path) -> Result<Report, Unreadable> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        collect(top, Path::new(folder), &mut paths)?;
    }
    paths.sort();
    let mut violations = Vec::new();
    let mut sources = Vec::new();
    let mut manifests = Vec::new();
    for path in paths.iter().filter(|path| !path.ends_with(".md")) {
        let text = read(&top.join(path))?;
        if !path.ends_with(".rs") {
            manifests.push(Manifest::parse(path, &text));
            continue;
        }
        match Source::parse(path, &text) {
            Ok(source) => sources.push(source),
            Err(violation) => violations.push(violation),
        }
    }
    source::mark_test_modules(&mut sources);
    let islands = Islands::parse(&std::fs::read_to_string(top.join(islands::PLAN)).unwrap_or_default());
    check_sources(&sources, &islands, &mut violations);
    arrows::check(&manifests, &mut violations);
    book::check(&paths, &std::fs::read_to_string(top.join(book::CONTENTS)).unwrap_or_default(), &mut violations);
    violations.sort();
    Ok(Report { files: paths.len(), violations })
}

fn check_sources(sources: &[Source], islands: &Islands, out: &mut Vec<Violation>) {
    for source in sources {
        files::check(source, out);
        abi_names::check(source, out);
        if source.is_product() {
            functions::check(source, out);
            ethertype::check(source, out);
            panics::check(source, out);
            unsafety::check(source, islands, out);
        }
    }
    islands.check(sources, out);
}

/// Paths below `top/folder` that a rule looks at, relative to `top` and with `/` between the parts.
fn collect(top: &Path, folder: &Path, found: &mut Vec<String>) -> Result<(), Unreadable> {
    let whole = top.join(folder);
    let unreadable = |reason| Unreadable { path: whole.clone(), reason };
    if !whole.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(&whole).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = folder.join(&name);
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            collect(top, &path, found)?;
        } else if kind.is_file() && (name.ends_with(".rs") || name.ends_with(".md") || name == "Cargo.toml") {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Unreadable> {
    std::fs::read_to_string(path).map_err(|reason| Unreadable { path: path.to_path_buf(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that `check` finds broken in a file with this path and text, without repetitions.
    pub(super) fn broken(path: &str, text: &str, islands: &str) -> Vec<&'static str> {
        let sources = [Source::parse(path, text).unwrap()];
        let mut violations = Vec::new();
        let plan = format!("## Unsafe islands\n{islands}\n");
        check_sources(&sources, &Islands::parse(&plan), &mut violations);
        let mut rules: Vec<_> = violations.iter().map(|violation| violation.rule).collect();
        rules.dedup();
        rules
    }

    #[test]
    fn a_tidy_file_breaks_no_rule() {
        assert_eq!(broken("switch-core/src/fdb.rs", "//! Filtering database.\nfn f() {}\n", ""), [""; 0]);
    }

    #[test]
    fn a_violation_prints_as_path_line_rule_and_advice() {
        let violation = Violation { path: "a/b.rs".into(), line: 7, rule: "file-head", advice: "say why".into() };
        assert_eq!(violation.to_string(), "a/b.rs:7: file-head: say why");
    }

    #[test]
    fn the_walk_finds_sources_and_manifests_and_skips_what_was_built() {
        let top = std::env::temp_dir().join(format!("heddle-tidy-{}", std::process::id()));
        for (path, text) in [
            ("host/Cargo.toml", "[package]\nname = \"heddle-host\"\n"),
            ("host/src/lib.rs", "fn no_head() {}\n"),
            ("host/target/built.rs", "fn also_no_head() {}\n"),
            ("ARCHITECTURE.md", "## Unsafe islands\nnone\n"),
        ] {
            let file = top.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let report = check(&top).unwrap();
        std::fs::remove_dir_all(&top).unwrap();
        assert_eq!(report.files, 2);
        let lines: Vec<String> = report.violations.iter().map(Violation::to_string).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("host/src/lib.rs:1: file-head: "), "{lines:?}");
    }
}
