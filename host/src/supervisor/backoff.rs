//! When to restart and when to give up. Time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Deaths within [`WINDOW`] that are still answered with a restart.
pub(super) const MAX_CRASHES: usize = 5;
/// Deaths older than this are forgotten.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Pause after the first death; doubles with each further one in the window: 100, 200, 400, 800, 1600 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What to do after a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    RestartAfter(Duration),
    GiveUp { crashes: usize, within: Duration },
}

/// The deaths that still count.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    crashes: VecDeque<Instant>,
}

impl Backoff {
    /// Counts a death at `now`.
    pub(super) fn after_crash(&mut self, now: Instant) -> Next {
        self.crashes.retain(|then| now.duration_since(*then) < WINDOW);
        self.crashes.push_back(now);
        let crashes = self.crashes.len();
        if crashes > MAX_CRASHES {
            return Next::GiveUp { crashes, within: WINDOW };
        }
        let doublings = u32::try_from(crashes - 1).unwrap_or(0);
        Next::RestartAfter(FIRST_PAUSE * 2u32.pow(doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_the_sixth_death_in_a_minute_is_the_last() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        let pauses: Vec<Next> = (0..5).map(|i| backoff.after_crash(start + Duration::from_secs(i))).collect();
        let expected = [100, 200, 400, 800, 1600].map(|ms| Next::RestartAfter(Duration::from_millis(ms)));
        assert_eq!(pauses, expected);
        assert_eq!(backoff.after_crash(start + Duration::from_secs(5)), Next::GiveUp { crashes: 6, within: WINDOW });
    }

    #[test]
    fn old_deaths_are_forgotten() {
        let mut backoff = Backoff::default();
        let start = Instant::now();
        for i in 0..5 {
            backoff.after_crash(start + Duration::from_secs(i));
        }
        assert_eq!(
            backoff.after_crash(start + Duration::from_secs(100)),
            Next::RestartAfter(Duration::from_millis(100))
        );
    }
}
