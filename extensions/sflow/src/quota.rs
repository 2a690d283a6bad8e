//! How many dropped frames may be told: a token bucket that the control side fills and workers take from.
//!
//! It holds at most what one second may tell, so a quiet time does not become a flood later. Workers never wait for it:
//! they take a token or count the frame as withheld.

use std::sync::atomic::{AtomicU32, Ordering};

const SECOND_NS: u64 = 1_000_000_000;

/// The bucket.
#[derive(Debug, Default)]
pub struct Quota {
    tokens: AtomicU32,
}

impl Quota {
    /// Tokens there are now.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.tokens.load(Ordering::Relaxed)
    }

    /// Takes a token; false when there is none.
    pub fn take(&self) -> bool {
        let less = |tokens: u32| tokens.checked_sub(1);
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Takes away all tokens above so many.
    pub fn cap(&self, most: u32) {
        self.tokens.fetch_min(most, Ordering::Relaxed);
    }

    fn add(&self, more: u32, most: u32) {
        let fuller = |tokens: u32| Some(tokens.saturating_add(more).min(most));
        // The closure always has an answer.
        let _ = self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fuller);
    }
}

/// Fills the bucket as time passes.
#[derive(Debug)]
pub struct Refill {
    per_second: u32,
    /// Time for which no token has been given yet; `None` until the first call.
    since_ns: Option<u64>,
}

impl Refill {
    /// So many tokens a second.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { per_second, since_ns: None }
    }

    /// Adds what is due at `now_ns`. The first call fills the bucket.
    pub fn run(&mut self, now_ns: u64, quota: &Quota) {
        let rate = u64::from(self.per_second);
        if rate == 0 {
            return;
        }
        let since_ns = self.since_ns.unwrap_or_else(|| now_ns.saturating_sub(SECOND_NS));
        let passed_ns = now_ns.saturating_sub(since_ns);
        let (due, next_ns) = if passed_ns >= SECOND_NS {
            (rate, now_ns)
        } else {
            let due = passed_ns * rate / SECOND_NS;
            (due, since_ns + due * SECOND_NS / rate)
        };
        quota.add(u32::try_from(due).unwrap_or(u32::MAX), self.per_second);
        self.since_ns = Some(next_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::{Quota, Refill, SECOND_NS};

    fn taken(quota: &Quota) -> u32 {
        (0..100_000).take_while(|_| quota.take()).count().try_into().unwrap()
    }

    #[test]
    fn no_more_than_the_rate_is_told_in_the_long_run_and_one_second_at_once() {
        for rate in [1, 7, 50, 10_000] {
            let (quota, mut refill) = (Quota::default(), Refill::new(rate));
            let mut all = 0;
            for tick in 0..=600 {
                refill.run(5 * SECOND_NS + tick * SECOND_NS / 10, &quota);
                all += taken(&quota);
            }
            assert!((rate * 60..=rate * 61).contains(&all), "{rate}: {all}");
            refill.run(1_000 * SECOND_NS, &quota);
            assert_eq!(taken(&quota), rate, "after a pause");
        }
    }

    #[test]
    fn a_rate_of_0_tells_nothing() {
        let (quota, mut refill) = (Quota::default(), Refill::new(0));
        refill.run(9 * SECOND_NS, &quota);
        assert_eq!((quota.available(), quota.take()), (0, false));
    }

    #[test]
    fn a_smaller_rate_holds_at_once() {
        let (quota, mut refill) = (Quota::default(), Refill::new(100));
        refill.run(9 * SECOND_NS, &quota);
        quota.cap(3);
        assert_eq!(taken(&quota), 3);
    }
}
