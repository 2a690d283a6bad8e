//! Flushes of a worker's filtering database, a slice between two bursts.
//!
//! A table of 131,072 buckets takes a millisecond or two to walk, in which the worker would receive nothing; a slice of
//! [`SLICE`] buckets takes some microseconds, less than a burst. Flushes wait in line; the control side asks for one at a
//! time per switch, so the line is short.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;

use heddle_switch_core::fdb::{Fdb, Flush};

/// Buckets walked between two bursts.
const SLICE: usize = 512;

/// The flushes a worker has not finished.
#[derive(Default)]
pub(super) struct Flushes {
    waiting: VecDeque<Running>,
}

struct Running {
    flush: Flush,
    next_bucket: usize,
    removed: u64,
    answer: Sender<u64>,
}

impl Flushes {
    /// Puts a flush in line.
    pub(super) fn begin(&mut self, flush: Flush, answer: Sender<u64>) {
        self.waiting.push_back(Running { flush, next_bucket: 0, removed: 0, answer });
    }

    /// Walks the next slice of the first flush in line; whether there was one.
    pub(super) fn go_on(&mut self, fdb: &mut Fdb) -> bool {
        let Some(first) = self.waiting.front_mut() else { return false };
        let removed = fdb.flush_part(first.flush, first.next_bucket, SLICE);
        first.removed += u64::try_from(removed).unwrap_or(u64::MAX);
        first.next_bucket += SLICE;
        if first.next_bucket >= fdb.buckets()
            && let Some(done) = self.waiting.pop_front()
        {
            // An answer nobody waits for any more is dropped.
            let _ = done.answer.send(done.removed);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heddle_switch_core::fdb::{FdbKey, FdbLimits};
    use std::sync::mpsc::channel;

    #[test]
    fn a_flush_is_done_in_slices_and_answered_at_its_end() {
        let mut fdb = Fdb::new(FdbLimits::default(), 7);
        for number in 0..20_000u32 {
            let [_, a, b, c] = number.to_be_bytes();
            let key = FdbKey::new(1, &[2, 0, 0, a, b, c]);
            fdb.learn(fdb.place(key), key, 3, 0);
        }
        let held = fdb.len();
        let (mut flushes, (answer, answered)) = (Flushes::default(), channel());
        flushes.begin(Flush::default(), answer);
        let mut slices = 0;
        while flushes.go_on(&mut fdb) {
            slices += 1;
            // A slice removes its share and no more: that is what keeps the worker from stalling.
            assert!(fdb.len() + slices * SLICE * 4 >= held, "{} after {slices} slices", fdb.len());
        }
        assert!(slices >= 128, "a slice is less than a hundredth of the default table: {slices}");
        assert_eq!((fdb.len(), answered.try_recv().ok()), (0, u64::try_from(held).ok()));
    }
}
