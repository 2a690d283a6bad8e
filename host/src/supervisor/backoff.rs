//! When to restart and when to give up. Time is an argument.
//!
//! A process that had run for [`HEALTHY`] is restarted at once, however often: a gap of milliseconds now and then is better
//! than a host without its switch. One that dies early is a loop in the making: pauses grow, and after [`MAX_CRASHES`] early
//! deaths within [`WINDOW`] heddled ends, for its service manager to decide. The stored state is left as it is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Early deaths within [`WINDOW`] that are still answered with a restart.
pub(super) const MAX_CRASHES: usize = 5;
/// Deaths older than this are forgotten.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// A process that lived this long did its work.
pub(super) const HEALTHY: Duration = Duration::from_secs(5);
/// Pause after the second early death; doubles with each further one in the window: 0, 100, 200, 400, 800 ms. The first
/// one is answered at once, since forwarding waits for it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What to do after a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    RestartAfter(Duration),
    GiveUp { crashes: usize, within: Duration },
}

/// The early deaths that still count.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    crashes: VecDeque<Instant>,
}

impl Backoff {
    /// Counts a death at `now` of a process that had lived for `lived`.
    pub(super) fn after_crash(&mut self, now: Instant, lived: Duration) -> Next {
        if lived >= HEALTHY {
            return Next::RestartAfter(Duration::ZERO);
        }
        self.crashes.retain(|then| now.duration_since(*then) < WINDOW);
        self.crashes.push_back(now);
        let crashes = self.crashes.len();
        if crashes > MAX_CRASHES {
            return Next::GiveUp { crashes, within: WINDOW };
        }
        let Some(doublings) = crashes.checked_sub(2) else { return Next::RestartAfter(Duration::ZERO) };
        Next::RestartAfter(FIRST_PAUSE * 2u32.pow(u32::try_from(doublings).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: Duration = Duration::from_millis(10);

    #[test]
    fn the_first_restart_is_at_once_pauses_double_and_the_sixth_early_death_in_a_minute_is_the_last() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let pauses: Vec<Next> = (0..5).map(|i| backoff.after_crash(start + Duration::from_secs(i), EARLY)).collect();
        let expected = [0, 100, 200, 400, 800].map(|ms| Next::RestartAfter(Duration::from_millis(ms)));
        assert_eq!(pauses, expected);
        let sixth = backoff.after_crash(start + Duration::from_secs(5), EARLY);
        assert_eq!(sixth, Next::GiveUp { crashes: 6, within: WINDOW });
    }

    #[test]
    fn old_deaths_are_forgotten() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        for i in 0..5 {
            backoff.after_crash(start + Duration::from_secs(i), EARLY);
        }
        let later = backoff.after_crash(start + Duration::from_secs(100), EARLY);
        assert_eq!(later, Next::RestartAfter(Duration::ZERO));
    }

    #[test]
    fn a_process_that_did_its_work_is_restarted_at_once_however_often() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        for i in 0..50 {
            let next = backoff.after_crash(start + HEALTHY * i, HEALTHY);
            assert_eq!(next, Next::RestartAfter(Duration::ZERO));
        }
    }
}
