//! A conformance report: what `heddle-conformance run X.so --format json` printed about one file.
//!
//! Read for what a policy asks: whose it is (SHA-256), which level it went to, and that nothing failed or was left out:
//! a report of some cases only, or one whose cases are not those it counts, says nothing about a level.

use super::{REPORT_FILE_MAX, read_small};
use serde::Deserialize;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The levels of the harness, each with all before it.
const LEVELS: [&str; 7] = ["loads", "role", "state", "control", "offload", "robustness", "performance"];

/// A level of the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(usize);

impl Level {
    /// The level of this name.
    ///
    /// # Errors
    /// When there is none, a sentence with those that are.
    pub fn new(name: &str) -> Result<Self, String> {
        LEVELS.iter().position(|level| *level == name).map(Level).ok_or_else(|| {
            format!("'{}' is no conformance level; the levels are {}", name.escape_debug(), LEVELS.join(", "))
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LEVELS.get(self.0).copied().unwrap_or_default())
    }
}

/// Why a report does not do.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is none.
    #[error("it has no conformance report {path}; make one with `heddle-conformance run FILE.so --format json`", path = path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("its conformance report {path} cannot be read: {source}; check its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is no report.
    #[error("{path} is no conformance report: {reason}; make it anew with `heddle-conformance run FILE.so --format json`", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is about other bytes.
    #[error(
        "its conformance report is of another file, {extension} with SHA-256 {reported}, not {found}; run heddle-conformance on this one"
    )]
    OtherFile {
        /// What the report is about.
        extension: String,
        /// SHA-256 in the report.
        reported: String,
        /// Of the file.
        found: String,
    },
    /// Not everything passed.
    #[error(
        "its conformance report says that {failed} cases failed and {skipped} were left out; the vendor has to mend the extension"
    )]
    NotPassed {
        /// Cases that failed.
        failed: u64,
        /// Cases that were not run.
        skipped: u64,
    },
    /// It is of a run that gives no verdict.
    #[error(
        "its conformance report is of a run of some cases only, or of a quick one; run `heddle-conformance run FILE.so --format json` without --only and --quick"
    )]
    Uncertified,
    /// It does not go far enough.
    #[error(
        "its conformance report is of level {found}, wanted is {wanted}; run `heddle-conformance run FILE.so --level {wanted} --format json`"
    )]
    TooLow {
        /// Of the report.
        found: Level,
        /// Of the policy.
        wanted: Level,
    },
}

/// What a policy asks of a report. Other keys of it are left alone.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// Identifier of the extension.
    pub extension: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// How far it went; nowhere when it was not a whole run.
    pub level: Option<String>,
    /// Whether it was a whole run.
    #[serde(default)]
    pub certified: bool,
    /// Cases that passed.
    pub passed: u64,
    /// Cases that failed.
    pub failed: u64,
    /// Cases that were not run.
    pub skipped: u64,
    /// The cases.
    #[serde(default)]
    pub cases: Vec<ReportedCase>,
}

/// A case of a report.
#[derive(Debug, Clone, Deserialize)]
pub struct ReportedCase {
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: String,
    /// `passed`, `failed` or `skipped`.
    pub outcome: String,
}

impl Report {
    /// Reads the report at `path`.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let bytes = read_small(path, REPORT_FILE_MAX).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ReportError::Missing { path: path.to_owned() },
            _ => ReportError::Unreadable { path: path.to_owned(), source },
        })?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ReportError::Damaged { path: path.to_owned(), reason: error.to_string() })
    }

    /// Whether everything passed, up to `wanted` if a level is, on the file with this SHA-256.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self, path: &Path, sha256: &str, wanted: Option<Level>) -> Result<(), ReportError> {
        if self.sha256 != sha256 {
            let clean = |text: &str| text.chars().take(64).flat_map(char::escape_debug).collect();
            return Err(ReportError::OtherFile {
                extension: clean(&self.extension),
                reported: clean(&self.sha256),
                found: sha256.to_owned(),
            });
        }
        if self.failed > 0 || self.skipped > 0 || self.passed == 0 {
            return Err(ReportError::NotPassed { failed: self.failed, skipped: self.skipped });
        }
        let (Some(level), true) = (&self.level, self.certified) else { return Err(ReportError::Uncertified) };
        let damaged = |reason| ReportError::Damaged { path: path.to_owned(), reason };
        let found = Level::new(level).map_err(damaged)?;
        self.count(found).map_err(damaged)?;
        match wanted {
            Some(wanted) if found < wanted => Err(ReportError::TooLow { found, wanted }),
            _ => Ok(()),
        }
    }

    /// Whether the cases are as many as it says, all passed, and go through every level up to `found`.
    fn count(&self, found: Level) -> Result<(), String> {
        let names: std::collections::BTreeSet<&str> = self.cases.iter().map(|case| case.name.as_str()).collect();
        if u64::try_from(names.len()) != Ok(self.passed) || names.len() != self.cases.len() {
            return Err(format!("it counts {} cases and lists {}", self.passed, self.cases.len()));
        }
        if let Some(case) = self.cases.iter().find(|case| case.outcome != "passed") {
            let (name, outcome) = (case.name.escape_debug(), case.outcome.escape_debug());
            return Err(format!("its case {name} is '{outcome}', and it counts no such case"));
        }
        let missing = LEVELS.iter().take(found.0 + 1).find(|level| self.cases.iter().all(|case| case.level != **level));
        missing.map_or(Ok(()), |level| Err(format!("it lists no case of level {level}, and is of level {found}")))
    }
}
