//! The newest lines an extension wrote to the log: a ring of [`LINES_MAX`] lines of at most 1,024 bytes.
//!
//! The ring belongs to the extension's place on a switch, not to an instance, so that it outlives a panic. A worker never
//! waits for it: a line that meets somebody who writes or reads just then is counted as dropped, as is the oldest line
//! that makes room for a new one. Of what is kept, [`BURST`] lines at once and [`LINES_A_SECOND`] are written to heddled's
//! log too; the next one that is written says how many were left out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::lock;
use crate::control::model::{LogLine, LogSeverity};

/// Lines kept.
pub const LINES_MAX: usize = 256;

/// Lines of one extension that are written to heddled's log in a second.
pub(super) const LINES_A_SECOND: u32 = 20;
/// Lines that may come at once.
pub(super) const BURST: u32 = 200;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is dropped.
    Dropped,
    /// It is in the ring and nowhere else.
    Only,
    /// It is in the ring and to be written to heddled's log.
    AndWritten {
        /// Lines before it that were not written.
        left_out: u64,
    },
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    pace: Pace,
}

/// A bucket of lines that may be written.
#[derive(Default)]
struct Pace {
    /// When the bucket was looked at last; `None` while it is full.
    since: Option<Instant>,
    left: u32,
    left_out: u64,
}

impl Pace {
    fn admit(&mut self, now: Instant) -> Kept {
        let Some(since) = self.since else {
            (self.since, self.left) = (Some(now), BURST - 1);
            return Kept::AndWritten { left_out: 0 };
        };
        let pause = Duration::from_secs(1) / LINES_A_SECOND;
        let more = u32::try_from(now.saturating_duration_since(since).as_nanos() / pause.as_nanos()).unwrap_or(BURST);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.since = Some(now);
        }
        if self.left == 0 {
            self.left_out += 1;
            return Kept::Only;
        }
        self.left -= 1;
        Kept::AndWritten { left_out: std::mem::take(&mut self.left_out) }
    }
}

/// The ring.
#[derive(Default)]
pub struct LogRing {
    lines: Mutex<Lines>,
    dropped: AtomicU64,
    /// Lines that were to be written and were not, since nobody took them.
    unwritten: AtomicU64,
}

impl LogRing {
    /// Keeps a line.
    pub(crate) fn push(&self, severity: LogSeverity, text: &str) -> Kept {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_nanoseconds = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let mut lines = match self.lines.try_lock() {
            Ok(lines) => lines,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return Kept::Dropped;
            }
        };
        if lines.kept.len() >= LINES_MAX {
            lines.kept.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        lines.kept.push_back(LogLine { unix_nanoseconds, severity, text: text.to_owned() });
        lines.pace.admit(Instant::now())
    }

    /// A line that was to be written was not.
    pub(super) fn not_written(&self, lines: u64) {
        self.unwritten.fetch_add(lines, Ordering::Relaxed);
    }

    /// How many were not, until now.
    pub(super) fn take_unwritten(&self) -> u64 {
        self.unwritten.swap(0, Ordering::Relaxed)
    }

    /// The newest lines, oldest first, and how many were dropped.
    pub(crate) fn newest(&self, most: usize) -> (Vec<LogLine>, u64) {
        let lines = &lock(&self.lines).kept;
        let skipped = lines.len().saturating_sub(most);
        (lines.iter().skip(skipped).cloned().collect(), self.dropped.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_stay_and_the_others_are_counted() {
        let ring = LogRing::default();
        for number in 0..LINES_MAX + 10 {
            assert_ne!(ring.push(LogSeverity::Info, &format!("line {number}")), Kept::Dropped);
        }
        let (lines, dropped) = ring.newest(usize::MAX);
        assert_eq!((lines.len(), dropped), (LINES_MAX, 10));
        assert_eq!(lines.first().map(|line| line.text.as_str()), Some("line 10"));
        let (lines, _) = ring.newest(2);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["line 264", "line 265"]);
    }

    #[test]
    fn a_writer_never_waits_for_a_reader() {
        let ring = LogRing::default();
        let reading = lock(&ring.lines);
        assert_eq!(ring.push(LogSeverity::Error, "meets a reader"), Kept::Dropped);
        drop(reading);
        assert_eq!(ring.newest(1), (Vec::new(), 1));
    }

    #[test]
    fn a_flood_is_written_at_a_pace_and_says_what_is_left_out() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let written = (0..10 * BURST).filter(|_| pace.admit(start) != Kept::Only).count();
        assert_eq!(written, BURST as usize);
        let later = start + Duration::from_secs(1);
        assert_eq!(pace.admit(later), Kept::AndWritten { left_out: u64::from(9 * BURST) });
        let more = (0..BURST).filter(|_| pace.admit(later) != Kept::Only).count();
        assert_eq!(more, LINES_A_SECOND as usize - 1);
        assert_eq!(pace.admit(later + Duration::from_secs(3600)), Kept::AndWritten { left_out: 181 });
    }
}
