//! The seeded hash that chooses a key's home bucket.
//!
//! Senders choose the MAC addresses, so where a key lives must not be computable without the seed; it need not be a
//! cryptographic hash, because a flood that does hit one spot only fills nine buckets (see the neighbours of a bucket).
//! Two multiplications: the first folds a 128-bit product with secret factors, the second spreads every bit of the fold over
//! the upper half, which is the result. Both pipeline over a batch.

/// Secret factors of one table.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    mask: u64,
    factor: u64,
    spread: u64,
}

impl Seed {
    /// Spreads 64 bits of seed over the factors (the SplitMix64 sequence of Steele, Lea and Flood).
    pub(super) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        // Odd factors lose no bit of the key.
        Self { mask: next(), factor: next() | 1, spread: next() | 1 }
    }

    #[inline(always)]
    pub(super) fn hash(self, key: u64) -> u32 {
        let (low, high) = (key ^ self.mask).carrying_mul(self.factor, 0);
        let [a, b, c, d, ..] = (low ^ high).wrapping_mul(self.spread).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}
