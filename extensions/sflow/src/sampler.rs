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
    random: Random,
}

impl Sampler {
    /// A sampler with a stream of its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    /// Frames to skip before the next sample of 1 in `rate`, 0 ..= 2N - 2; `None` = never sample, for a rate of 0.
    pub fn next_skip(&mut self, rate: u32) -> Option<u32> {
        let range = range(rate)?;
        u32::try_from(self.below(range)).ok()
    }

    /// As [`Sampler::next_skip`], for the first sample: as if sampling had always been going on. Were the first
    /// distance drawn like the others, a port with fewer frames than the rate would be told half as often as it should.
    pub fn first_skip(&mut self, rate: u32) -> Option<u32> {
        // The smaller of two different numbers below range + 1 is r with a chance in proportion to range - r, which is
        // that of r frames being left of a distance that one looks at in its course.
        let range = range(rate)?;
        let (one, other) = (self.below(range + 1), self.below(range));
        let other = if other >= one { other + 1 } else { other };
        u32::try_from(one.min(other)).ok()
    }

    fn below(&mut self, range: u64) -> u64 {
        // High half of a 32 x 32 bit product: uniform over the range, off by less than range / 2^32.
        ((self.random.draw() >> 32) * range) >> 32
    }
}

/// Number of skip counts of a rate: 2N - 1.
fn range(rate: u32) -> Option<u64> {
    (u64::from(rate.min(RATE_MAX)) * 2).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{Sampler, RATE_MAX};

    #[test]
    fn every_skip_of_the_range_occurs_equally_often_and_no_other() {
        let mut sampler = Sampler::new(1);
        let mut seen = [0_u32; 9];
        for _ in 0..90_000 {
            let skip = sampler.next_skip(5).unwrap();
            seen[usize::try_from(skip).unwrap()] += 1;
        }
        assert!(seen.iter().all(|&count| (9_500..10_500).contains(&count)), "{seen:?}");
    }

    #[test]
    fn the_first_skip_is_as_if_sampling_had_always_been_going_on() {
        let mut sampler = Sampler::new(1);
        let mut seen = [0_u32; 9];
        for _ in 0..90_000 {
            let skip = sampler.first_skip(5).unwrap();
            seen[usize::try_from(skip).unwrap()] += 1;
        }
        // 9 of 45 parts for 0, 8 for 1, and so on: 2,000 a part.
        for (count, part) in seen.iter().zip((1..=9).rev()) {
            assert!((part * 1_850..part * 2_150).contains(count), "{seen:?}");
        }
    }

    #[test]
    fn extremes_of_the_rate() {
        let mut sampler = Sampler::new(1);
        assert_eq!((sampler.next_skip(0), sampler.first_skip(0)), (None, None));
        assert!((0..100).all(|_| sampler.next_skip(1) == Some(0) && sampler.first_skip(1) == Some(0)));
        assert!((0..100).all(|_| sampler.next_skip(u32::MAX).unwrap() <= 2 * RATE_MAX - 2));
        assert!((0..100).all(|_| sampler.first_skip(u32::MAX).unwrap() <= 2 * RATE_MAX - 2));
    }

    #[test]
    fn neighbouring_seeds_are_unlike() {
        let streams: Vec<Vec<_>> = (0..4)
            .map(|seed| {
                let mut sampler = Sampler::new(seed);
                (0..50).map(|_| sampler.next_skip(1_000)).collect()
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
