//! What the switch process receives from its supervisor: sockets and devices through standard input, facts as environment.

use super::Inheritance;
use crate::contain::CrashRecord;
use crate::control::model::CrashView;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::os::unix::net::UnixListener;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const SUPERVISOR: &str = "HEDDLED_SUPERVISOR_PID";
const RESTARTS: &str = "HEDDLED_RESTARTS";
const START: &str = "HEDDLED_START";
const LAST_EXIT: &str = "HEDDLED_LAST_EXIT";
const CRASHES: &str = "HEDDLED_CRASHES";
const LAST_CRASH: &str = "HEDDLED_LAST_CRASH";

/// The facts a switch process inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The supervisor's process.
    pub supervisor_pid: u32,
    /// Different for each start of heddled, the same for all its switch processes.
    pub start: String,
    /// Switch processes before this one.
    pub restarts: u32,
    /// How the one before this ended.
    pub last_exit: Option<String>,
    /// Switch processes that left a crash record.
    pub crashes: u32,
    /// The last of those records.
    pub last_crash: Option<CrashView>,
    /// Extensions and switches named by records; known to the supervisor only.
    blamed: BTreeSet<(String, String)>,
}

impl Inherited {
    /// For the first switch process of this supervisor.
    pub(super) fn first() -> Self {
        Self {
            supervisor_pid: std::process::id(),
            start: new_start(),
            restarts: 0,
            last_exit: None,
            crashes: 0,
            last_crash: None,
            blamed: BTreeSet::new(),
        }
    }

    /// Takes note of the record that process `pid` left in `file`, or of the supervisor's own `verdict`, which is added
    /// there. True when it names an extension that was not named before: that one is kept out from now on, so the death
    /// is none of a row.
    pub(super) fn note_crash(&mut self, file: &Path, pid: u32, verdict: Option<CrashRecord>) -> bool {
        let left = CrashRecord::read_all(file).into_iter().rev().find(|record| record.pid == pid);
        let added = |record: CrashRecord| match record.append(file) {
            Ok(()) => Some(record),
            Err(error) => {
                tracing::error!(file = %file.display(), %error, "who ended the switch process is not on record");
                None
            }
        };
        let Some(record) = left.or_else(|| verdict.and_then(added)) else { return false };
        self.crashes += 1;
        self.last_crash = Some(CrashView::from(&record));
        let Some(extension) = record.extension.clone() else { return false };
        tracing::error!(
            extension,
            switch = record.switch,
            what = record.what(),
            "an extension ended the switch process"
        );
        self.blamed.insert((extension, record.switch))
    }

    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![(SUPERVISOR, self.supervisor_pid.to_string()), (RESTARTS, self.restarts.to_string())];
        variables.push((START, self.start.clone()));
        variables.push((CRASHES, self.crashes.to_string()));
        // Plain data: this cannot fail.
        let crash = self.last_crash.as_ref().and_then(|crash| serde_json::to_string(crash).ok());
        variables.extend(crash.map(|crash| (LAST_CRASH, crash)));
        variables.extend(self.last_exit.clone().map(|ended| (LAST_EXIT, ended)));
        variables
    }

    /// The facts, when this process is the child of a supervisor; `None` in every other process, also when the variables
    /// leaked into a shell.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse().ok();
        let supervisor_pid = number(SUPERVISOR)?;
        let inherited = Self {
            supervisor_pid,
            start: std::env::var(START).unwrap_or_default(),
            restarts: number(RESTARTS).unwrap_or(0),
            last_exit: std::env::var(LAST_EXIT).ok(),
            crashes: number(CRASHES).unwrap_or(0),
            last_crash: std::env::var(LAST_CRASH).ok().and_then(|text| serde_json::from_str(&text).ok()),
            blamed: BTreeSet::new(),
        };
        (parent_id() == supervisor_pid && !io::stdin().is_terminal()).then_some(inherited)
    }

    /// Ties this process's life to the supervisor's and takes what it has kept.
    ///
    /// # Errors
    /// When the supervisor is already gone, or standard input is not its socket.
    pub fn enter(&self) -> io::Result<(Inheritance, UnixListener)> {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The supervisor may have died before the line above.
        if parent_id() != self.supervisor_pid {
            return Err(io::Error::other("the supervisor is gone"));
        }
        prctl::set_name(c"heddled-switch")?;
        Inheritance::receive()
    }
}

/// A name for a start of heddled that no other start had.
pub fn new_start() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), since.as_nanos())
}
