//! Packet flow sampling: how many frames to skip before the next sample (sFlow v5 section 3.1 and appendix B).
//!
//! The distance between two samples is uniform over 1 ..= 2N - 1: its mean is N, every distance in the range can
//! occur, and no pattern of the traffic can hide from it. There is one sampler per worker, each with a seed of its
//! own, so that neither workers nor agents sample in step. Cost: a few nanoseconds per sample, nothing per frame.

/// Largest rate: keeps 2N - 1 in 32 bits with room to spare.
pub const RATE_MAX: u32 = 1_000_000_000;

/// Random numbers by xorshift64* (Vigna 2016): independent of the traffic, not unpredictable.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for every seed, however close the seeds are.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // One splitmix64 step keeps neighbouring seeds apart; xorshift must not start at 0.
        let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((state ^ (state >> 31)).max(1))
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

/// Draws skip counts.
#[derive(Clone, Debug)]
pub struct Sampler {
    rate: u32,
    random: Random,
}

impl Sampler {
    /// A sampler of 1 in `rate` frames, at most [`RATE_MAX`]; 0 = never.
    #[must_use]
    pub fn new(rate: u32, seed: u64) -> Self {
        Self { rate: rate.min(RATE_MAX), random: Random::new(seed) }
    }

    /// Frames to skip before the next sample, 0 ..= 2N - 2; `None` = never sample.
    pub fn next_skip(&mut self) -> Option<u32> {
        let range = (u64::from(self.rate) * 2).checked_sub(1)?;
        // High half of a 32 x 32 bit product: uniform over the range, off by less than range / 2^32.
        u32::try_from(((self.random.draw() >> 32) * range) >> 32).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Sampler, RATE_MAX};

    #[test]
    fn every_skip_of_the_range_occurs_equally_often_and_no_other() {
        let mut sampler = Sampler::new(5, 1);
        let mut seen = [0_u32; 9];
        for _ in 0..90_000 {
            let skip = sampler.next_skip().unwrap();
            seen[usize::try_from(skip).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (9_500..10_500).contains(&count)), "{seen:?}");
    }

    #[test]
    fn extremes_of_the_rate() {
        assert_eq!(Sampler::new(0, 1).next_skip(), None);
        let mut all = Sampler::new(1, 1);
        assert!((0..100).all(|_| all.next_skip() == Some(0)));
        let mut few = Sampler::new(u32::MAX, 1);
        assert!((0..100).all(|_| few.next_skip().unwrap() <= 2 * RATE_MAX - 2));
    }

    #[test]
    fn neighbouring_seeds_are_unlike() {
        let streams: Vec<Vec<_>> = (0..4)
            .map(|seed| {
                let mut sampler = Sampler::new(1_000, seed);
                (0..50).map(|_| sampler.next_skip()).collect()
            })
            .collect();
        for (index, stream) in streams.iter().enumerate() {
            for other in &streams[index + 1..] {
                let equal = stream.iter().zip(other).filter(|(a, b)| a == b).count();
                assert!(equal < 5, "{equal} of 50 equal");
            }
        }
    }
}
