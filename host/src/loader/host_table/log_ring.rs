//! The newest lines an extension wrote to the log: a ring of [`LINES_MAX`] lines of at most 1,024 bytes.
//!
//! The ring belongs to the extension's place on a switch, not to an instance, so that it outlives a panic. A worker never
//! waits for it: a line that meets somebody who writes or reads just then is counted as dropped, as is the oldest line
//! that makes room for a new one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::lock;
use crate::control::model::{LogLine, LogSeverity};

/// Lines kept.
pub const LINES_MAX: usize = 256;

/// The ring.
#[derive(Default)]
pub struct LogRing {
    lines: Mutex<VecDeque<LogLine>>,
    dropped: AtomicU64,
}

impl LogRing {
    /// Keeps a line.
    pub(crate) fn push(&self, severity: LogSeverity, text: &str) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_nanoseconds = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let mut lines = match self.lines.try_lock() {
            Ok(lines) => lines,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if lines.len() >= LINES_MAX {
            lines.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        lines.push_back(LogLine { unix_nanoseconds, severity, text: text.to_owned() });
    }

    /// The newest lines, oldest first, and how many were dropped.
    pub(crate) fn newest(&self, most: usize) -> (Vec<LogLine>, u64) {
        let lines = lock(&self.lines);
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
        (0..LINES_MAX + 10).for_each(|number| ring.push(LogSeverity::Info, &format!("line {number}")));
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
        ring.push(LogSeverity::Error, "meets a reader");
        drop(reading);
        assert_eq!(ring.newest(1), (Vec::new(), 1));
    }
}
