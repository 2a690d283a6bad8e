//! Seeded cases: the random numbers of a test come from one seed, which a failure prints.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A small random number generator (splitmix64); equal seeds give equal runs.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Runs `case` with `count` seeds (or as the environment says) and names the seed of the one that fails.
pub fn run(name: &str, count: u64, mut case: impl FnMut(&mut Rng)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("HEDDLE_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("HEDDLE_CASES").unwrap_or(count)).collect(),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&mut Rng::new(seed)))) {
            eprintln!("{name}: failed with HEDDLE_SEED={seed}");
            resume_unwind(panic);
        }
    }
}
