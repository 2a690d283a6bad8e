//! A run: the cases of the extension's role up to a level, and what came of them.
//!
//! The level loads runs in order and stops at its first failure; what is behind it has nothing to run on and is counted as
//! skipped, so such a run is never a pass. All other cases run side by side. Each case has a seed of its own, made of the
//! run's seed and its name, so it repeats by itself.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_host::loader::{self, LoadError};
use sha2::{Digest, Sha256};

use crate::case::{self, Case, Level};
use crate::child::{Child, Ended};
use crate::rig::{Isolation, Subject};

/// What is asked for.
pub(crate) struct Request {
    pub(crate) path: PathBuf,
    pub(crate) level: Level,
    pub(crate) isolation: Isolation,
    pub(crate) config: String,
    pub(crate) seed: u64,
    pub(crate) limit: Duration,
    /// When no more cases are begun, and how long after the start that is.
    pub(crate) ends: Instant,
    pub(crate) whole: Duration,
    /// Cases to run alone; none: all.
    pub(crate) only: Vec<String>,
    pub(crate) parallel: usize,
    /// Cases that differ in what is looked for share a process.
    pub(crate) quick: bool,
}

/// What came of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
    }
}

/// A case with its end.
pub(crate) struct Row {
    pub(crate) case: &'static Case,
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
    pub(crate) ms: u64,
}

/// What came of a run.
pub(crate) struct Report {
    /// Its id, or the file's name when it has none.
    pub(crate) extension: String,
    pub(crate) role: &'static str,
    pub(crate) sha256: String,
    pub(crate) abi: String,
    pub(crate) level: Level,
    pub(crate) isolation: Isolation,
    pub(crate) seed: u64,
    pub(crate) rows: Vec<Row>,
    /// Cases of the level that were not asked for.
    pub(crate) left_out: usize,
    /// Cases shared processes.
    pub(crate) quick: bool,
}

impl Report {
    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    /// Whether it says something about a level: every case of it was to be run, each by itself.
    pub(crate) fn is_certified(&self) -> bool {
        self.left_out == 0 && !self.quick
    }

    /// Cases that were not run.
    pub(crate) fn not_run(&self) -> usize {
        self.count(Outcome::Skipped) + self.left_out
    }

    /// Whether every case that was asked for passed.
    pub(crate) fn is_pass(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.outcome == Outcome::Passed)
    }
}

/// What every case has: the file's bytes as they were read and hashed, and a folder for private copies.
struct Ground {
    file: Arc<Vec<u8>>,
    run_dir: PathBuf,
}

/// A folder for private copies, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// A new folder that nobody else can read: in `TMPDIR`, or where memory is when there is no room on disk.
    fn new() -> std::io::Result<Scratch> {
        let mut refused = None;
        for (place, attempt) in
            [std::env::temp_dir(), PathBuf::from("/dev/shm")].iter().flat_map(|p| (0..8).map(move |n| (p, n)))
        {
            let path = place.join(format!("heddle-conformance.{}.{attempt}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        Err(refused.unwrap_or_else(|| std::io::ErrorKind::NotFound.into()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // One that cannot be removed does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum RunError {
    /// The file cannot be read.
    File(LoadError),
    /// There is nowhere for private copies.
    Scratch(std::io::Error),
    /// A case cannot be started.
    Start(std::io::Error),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::File(error) => write!(f, "{error}"),
            RunError::Scratch(error) => {
                write!(f, "there is no place for private copies: {error}; set TMPDIR to a folder with room")
            }
            RunError::Start(error) => {
                write!(
                    f,
                    "the process of a case could not be started: {error}; check the limit of processes (ulimit -u)"
                )
            }
        }
    }
}

/// Runs the cases.
pub(crate) fn run(request: &Request) -> Result<Report, RunError> {
    let file = loader::read(&request.path).map_err(RunError::File)?;
    let sha256 = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    let facts = loader::judge(&file).ok();
    let name = request.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let scratch = Scratch::new().map_err(RunError::Scratch)?;
    let of_level = |case: &&'static Case| {
        case.level <= request.level && facts.as_ref().map_or(case.level == Level::Loads, |facts| case.is_of(facts.role))
    };
    let wanted = |case: &&'static Case| request.only.is_empty() || request.only.iter().any(|only| only == case.name);
    let all: Vec<&'static Case> = case::all().filter(of_level).collect();
    let cases: Vec<&'static Case> = all.iter().copied().filter(wanted).collect();
    let ground = Ground { file: Arc::new(file), run_dir: scratch.0.clone() };
    let rows = run_cases(request, &cases, &ground).map_err(RunError::Start)?;
    Ok(Report {
        extension: facts.as_ref().map_or(name, |facts| facts.id.clone()),
        role: facts.as_ref().map_or("unknown role", |facts| facts.role_name()),
        sha256,
        abi: facts.as_ref().map_or("unknown".to_owned(), |facts| format!("{}.{}", facts.abi.0, facts.abi.1)),
        level: request.level,
        isolation: request.isolation,
        seed: request.seed,
        rows,
        left_out: all.len() - cases.len(),
        quick: request.quick,
    })
}

fn run_cases(request: &Request, cases: &[&'static Case], ground: &Ground) -> std::io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let (first, rest): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.level == Level::Loads);
    let mut failed = None;
    if request.quick && passes_whole(request, &first, ground)? {
        rows.extend(first.iter().map(|case| row(case, Ended { verdict: Ok(String::new()), ms: 0 })));
    }
    for case in first.into_iter().skip(rows.len()) {
        if let Some(failed) = failed {
            rows.push(skipped(case, failed));
            continue;
        }
        if let Some(late) = too_late(request, case) {
            rows.push(late);
            continue;
        }
        let mut child = Child::start(&[case], &mut subject(request, case, ground), request.limit)?;
        let ended = loop {
            match child.look() {
                Some(ended) => break ended,
                None => Child::wait_for_any(std::iter::once(&child)),
            }
        };
        failed = ended.verdict.is_err().then_some(case.name);
        rows.push(row(case, ended));
    }
    match failed {
        Some(failed) => rows.extend(rest.into_iter().map(|case| skipped(case, failed))),
        None if request.quick => rows.extend(quickly(request, &rest, ground)?),
        None => {
            let each: Vec<Vec<&'static Case>> = rest.into_iter().map(|case| vec![case]).collect();
            rows.extend(side_by_side(request, &each, ground)?);
        }
    }
    Ok(rows)
}

/// Runs the cases of the level loads in one process; when one fails they are run again one by one.
fn passes_whole(request: &Request, cases: &[&'static Case], ground: &Ground) -> std::io::Result<bool> {
    let Some(first) = cases.first() else { return Ok(true) };
    let mut child = Child::start_whole(cases, &mut subject(request, first, ground), request.limit)?;
    loop {
        match child.look() {
            Some(ended) => return Ok(ended.verdict.is_ok()),
            None => Child::wait_for_any(std::iter::once(&child)),
        }
    }
}

/// Cases that drive the same traffic and differ in what is looked for share a process.
fn quickly(request: &Request, cases: &[&'static Case], ground: &Ground) -> std::io::Result<Vec<Row>> {
    let (same, other): (Vec<_>, Vec<_>) = cases.iter().copied().partition(|case| case.is_everyday());
    let mut groups = vec![same];
    groups.extend(other.into_iter().map(|case| vec![case]));
    groups.retain(|group| !group.is_empty());
    let mut rows = side_by_side(request, &groups, ground)?;
    rows.sort_by_key(|row| cases.iter().position(|case| case.name == row.case.name));
    Ok(rows)
}

/// What comes of a case when the whole run has taken its time.
fn too_late(request: &Request, case: &'static Case) -> Option<Row> {
    let detail = format!("the whole run has taken longer than {} s (--whole)", request.whole.as_secs());
    (Instant::now() >= request.ends).then_some(Row { case, outcome: Outcome::Skipped, detail, ms: 0 })
}

fn side_by_side(request: &Request, groups: &[Vec<&'static Case>], ground: &Ground) -> std::io::Result<Vec<Row>> {
    let mut rows: Vec<Vec<Row>> = groups.iter().map(|_| Vec::new()).collect();
    let mut waiting = groups.iter().zip(0..).filter_map(|(group, at)| Some((at, group, *group.first()?)));
    let mut running: Vec<(usize, &Vec<&'static Case>, Child)> = Vec::new();
    loop {
        while running.len() < request.parallel
            && let Some((at, group, first)) = waiting.next()
        {
            rows[at] = group.iter().filter_map(|case| too_late(request, case)).collect();
            if !rows[at].is_empty() {
                continue;
            }
            let child = Child::start(group, &mut subject(request, first, ground), request.limit)?;
            running.push((at, group, child));
        }
        if running.is_empty() {
            return Ok(rows.into_iter().flatten().collect());
        }
        running.retain_mut(|(at, group, child)| match child.look() {
            Some(ended) => {
                rows[*at] = group.iter().map(|case| row(case, ended.of(case.name))).collect();
                false
            }
            None => true,
        });
        Child::wait_for_any(running.iter().map(|(_, _, child)| child));
    }
}

fn row(case: &'static Case, ended: Ended) -> Row {
    let (outcome, detail) = match ended.verdict {
        Ok(detail) => (Outcome::Passed, detail),
        Err(detail) => (Outcome::Failed, detail),
    };
    Row { case, outcome, detail, ms: ended.ms }
}

fn skipped(case: &'static Case, failed: &str) -> Row {
    let detail = format!("not run: it needs `{failed}`, which failed");
    Row { case, outcome: Outcome::Skipped, detail, ms: 0 }
}

fn subject(request: &Request, case: &Case, ground: &Ground) -> Subject {
    let mixed = case
        .name
        .bytes()
        .fold(request.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5));
    Subject {
        path: request.path.clone(),
        file: Arc::clone(&ground.file),
        run_dir: ground.run_dir.clone(),
        config: request.config.clone(),
        seed: mixed,
        isolation: request.isolation,
        library: None,
        judged: None,
        confined: None,
    }
}
