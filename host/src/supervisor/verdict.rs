//! Whose doing a death was that left no record: what the switch process declared, and whom it was calling (`note`).
//!
//! A process that ends for a reason of its own says so before (`keeper`). One that exits without, or dies of a signal that it
//! causes itself, was ended by the code that ran: when one extension was being called, by that one; when several were, by
//! the one that was being called at more deaths than the others. A signal from outside blames nobody by itself. Before
//! heddled gives up it starts without those that were being called at several deaths, and then without any extension in
//! the switch process: a switch without extensions is better than none, and ports that fail closed stay closed.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::contain::note::Called;
use crate::contain::{CrashCause, CrashRecord};

/// Exit code of a Rust process whose main thread panicked: heddled's own doing.
const PANICKED: i32 = 101;
/// Deaths at which an extension was being called that make it a suspect.
const SUSPECT: u32 = 3;
/// Signals that processes cause themselves.
const OWN: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGTRAP, libc::SIGSYS];

/// What is remembered of the deaths in a row.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Who was being called at how many deaths.
    seen: BTreeMap<(String, String), (u32, Called)>,
    /// How far the attempts to go on without extensions went.
    without: Without,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Without {
    #[default]
    Nobody,
    Suspects,
    All,
}

/// A death.
#[derive(Debug)]
pub(super) struct Death<'a> {
    pub(super) pid: u32,
    pub(super) status: ExitStatus,
    pub(super) signal: &'a str,
    /// The exit code the process has said it would end with.
    pub(super) declared: Option<u8>,
    pub(super) calls: &'a [Called],
    pub(super) unix_seconds: u64,
}

impl Death<'_> {
    fn is_own_doing(&self) -> bool {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => self.declared.is_none() && code != PANICKED,
            (None, signal) => signal.is_some_and(|signal| OWN.contains(&signal)),
        }
    }

    fn record(&self, cause: CrashCause, called: Option<&Called>) -> CrashRecord {
        CrashRecord {
            pid: self.pid,
            unix_seconds: self.unix_seconds,
            cause,
            signal: self.signal.to_owned(),
            address: None,
            thread: 0,
            extension: called.map(|called| called.extension.clone()),
            switch: called.map(|called| called.switch.clone()).unwrap_or_default(),
            sha256: called.map(|called| called.sha256.clone()).unwrap_or_default(),
            function: called.map(|called| called.function.to_owned()).unwrap_or_default(),
            worker: called.and_then(|called| called.worker),
            stack: Vec::new(),
        }
    }
}

impl Verdicts {
    /// A process did its work before it died: what was before is no row any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes note of a death; gives the record of the extension that is to blame, when one is.
    pub(super) fn judge(&mut self, death: &Death<'_>) -> Option<CrashRecord> {
        let mut now: BTreeMap<(String, String), &Called> = BTreeMap::new();
        for called in death.calls {
            now.insert((called.extension.clone(), called.switch.clone()), called);
        }
        for (key, called) in &now {
            let known = self.seen.entry(key.clone()).or_insert_with(|| (0, (*called).clone()));
            known.0 = known.0.saturating_add(1);
        }
        if !death.is_own_doing() {
            return None;
        }
        let strikes = |key: &(String, String)| self.seen.get(key).map_or(0, |(strikes, _)| *strikes);
        let most = now.keys().map(strikes).max()?;
        let mut first = now.iter().filter(|(key, _)| strikes(key) == most);
        let (key, called) = first.next()?;
        if first.next().is_some() {
            return None;
        }
        let key = key.clone();
        let cause = death.status.code().map_or(CrashCause::Signal, CrashCause::Left);
        let record = death.record(cause, Some(called));
        self.seen.remove(&key);
        Some(record)
    }

    /// What to start without instead of giving up after `deaths` deaths; nothing when that has been tried.
    pub(super) fn last_resort(&mut self, death: &Death<'_>, deaths: u32) -> Vec<CrashRecord> {
        let cause = CrashCause::Repeated(deaths);
        if self.without == Without::Nobody {
            self.without = Without::Suspects;
            let suspects = self.seen.values().filter(|(strikes, _)| *strikes >= SUSPECT);
            let records: Vec<CrashRecord> = suspects.map(|(_, called)| death.record(cause, Some(called))).collect();
            if !records.is_empty() {
                return records;
            }
        }
        if self.without == Without::All {
            return Vec::new();
        }
        self.without = Without::All;
        vec![death.record(cause, None)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(extension: &str) -> Called {
        let (switch, sha256) = ("lab".to_owned(), String::new());
        Called { extension: extension.to_owned(), switch, sha256, function: "ingress", worker: Some(0) }
    }

    fn death(status: i32, declared: Option<u8>, calls: &[Called]) -> Death<'_> {
        let status = ExitStatus::from_raw(status);
        Death { pid: 7, status, signal: "", declared, calls, unix_seconds: 0 }
    }

    fn blamed(record: Option<CrashRecord>) -> Option<String> {
        record.and_then(|record| record.extension)
    }

    #[test]
    fn an_exit_that_was_not_declared_is_the_doing_of_the_one_that_was_being_called() {
        let mut verdicts = Verdicts::default();
        let calls = [called("a"), called("a")];
        assert_eq!(blamed(verdicts.judge(&death(5 << 8, None, &calls))), Some("a".to_owned()));
        assert_eq!(blamed(verdicts.judge(&death(libc::SIGSEGV, None, &calls))), Some("a".to_owned()));
        assert_eq!(verdicts.judge(&death(5 << 8, Some(5), &calls)), None, "heddled said so itself");
        assert_eq!(verdicts.judge(&death(PANICKED << 8, None, &calls)), None, "a panic of heddled");
        assert_eq!(verdicts.judge(&death(libc::SIGKILL, None, &calls)), None, "killed from outside");
        assert_eq!(verdicts.judge(&death(5 << 8, None, &[])), None, "nobody was being called");
    }

    #[test]
    fn of_several_the_one_that_was_there_more_often_is_blamed() {
        let mut verdicts = Verdicts::default();
        assert_eq!(verdicts.judge(&death(0, None, &[called("a"), called("b")])), None);
        assert_eq!(blamed(verdicts.judge(&death(0, None, &[called("c"), called("b")]))), Some("b".to_owned()));
    }

    #[test]
    fn before_giving_up_suspects_are_left_out_and_then_all() {
        let mut verdicts = Verdicts::default();
        let calls = [called("a"), called("b")];
        for _ in 0..SUSPECT {
            assert_eq!(verdicts.judge(&death(libc::SIGKILL, None, &calls[..1])), None);
        }
        let last = death(libc::SIGKILL, None, &calls);
        assert_eq!(verdicts.judge(&last), None);
        let out = |records: Vec<CrashRecord>| records.into_iter().map(|one| one.extension).collect::<Vec<_>>();
        assert_eq!(out(verdicts.last_resort(&last, 6)), [Some("a".to_owned())]);
        assert_eq!(out(verdicts.last_resort(&last, 6)), [None]);
        assert_eq!(out(verdicts.last_resort(&last, 6)), Vec::<Option<String>>::new());
        verdicts.forget();
        assert_eq!(out(verdicts.last_resort(&last, 6)), [None], "without suspects all at once");
    }
}
