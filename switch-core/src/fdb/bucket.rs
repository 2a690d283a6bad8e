//! One bucket of the filtering database: four entries in one 64-byte cache line.
//!
//! A key is found with four compares and no data-dependent branch. An entry that found its home bucket full lives in a
//! neighbour of it: bucket `home ^ NEIGHBOURS[n]`. Those distances are powers of two, so no group of buckets is closed under
//! them and an over-full spot drains in eight directions. The home bucket counts, per neighbour, how many of its entries live
//! there: a look-up that misses at home reads a neighbour only when it can hold the key, and a miss usually costs one line.

use core::hint;

use super::FdbKey;

/// Entries of one bucket.
pub(super) const WAYS: usize = 4;

/// Distances (exclusive or) from a home bucket to the buckets that may take its overflow, nearest first: the first
/// shares the 128-byte pair that the processor's adjacent-line prefetch brings in anyway.
pub(super) const NEIGHBOURS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Fewest buckets of a table: every neighbour of every bucket exists.
pub(super) const MIN_BUCKETS: usize = 256;

/// Marks a static entry in `ports`; slots stay below it.
pub(super) const STATIC: u16 = 1 << 15;

/// No key has this value: [`FdbKey`] always sets its top bit.
const EMPTY: u64 = 0;

/// Bits of one neighbour's counter in `spilled`; it counts to [`WAYS`].
const COUNTER_BITS: usize = 4;

/// Four entries, field by field, so that the keys stand in the first 32 bytes.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    keys: [u64; WAYS],
    /// Second of the last learning.
    stamps: [u32; WAYS],
    /// Port slot, with [`STATIC`] for entries that neither age nor move.
    ports: [u16; WAYS],
    /// How the entry came here: 0 when this is its home, else 1 + its index in [`NEIGHBOURS`].
    detours: [u8; WAYS],
    /// Per neighbour, how many entries of this home live there, [`COUNTER_BITS`] each.
    spilled: u32,
}

const _: () = assert!(size_of::<Bucket>() == 64 && NEIGHBOURS.len() * COUNTER_BITS == 32);

/// One entry, copied out of its bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) key: FdbKey,
    /// Port slot with the [`STATIC`] bit.
    pub(super) port: u16,
    pub(super) stamp: u32,
}

impl Entry {
    pub(super) fn slot(self) -> u16 {
        self.port & !STATIC
    }

    pub(super) fn is_static(self) -> bool {
        self.port & STATIC != 0
    }
}

impl Bucket {
    pub(super) const VACANT: Self =
        Self { keys: [EMPTY; WAYS], stamps: [0; WAYS], ports: [0; WAYS], detours: [0; WAYS], spilled: 0 };

    /// Which way holds `key`. Which one it is comes out of three compares without a branch, as a branch per way would be
    /// mispredicted; only whether it is there at all is a branch.
    #[inline(always)]
    pub(super) fn way_of(&self, key: FdbKey) -> Option<usize> {
        let bits = key.bits();
        let [_, b, c, d] = self.keys;
        let mut way = hint::select_unpredictable(b == bits, 1, 0);
        way = hint::select_unpredictable(c == bits, 2, way);
        way = hint::select_unpredictable(d == bits, 3, way);
        (self.keys[way % WAYS] == bits).then_some(way % WAYS)
    }

    /// A way without an entry.
    pub(super) fn vacant_way(&self) -> Option<usize> {
        self.keys.iter().position(|&stored| stored == EMPTY)
    }

    /// Port (with [`STATIC`]) and stamp of a way.
    #[inline(always)]
    pub(super) fn port_and_stamp(&self, way: usize) -> (u16, u32) {
        (self.ports[way % WAYS], self.stamps[way % WAYS])
    }

    /// The entry of a way, `None` when vacant.
    pub(super) fn entry(&self, way: usize) -> Option<Entry> {
        let key = FdbKey::from_bits(self.keys[way % WAYS])?;
        let (port, stamp) = self.port_and_stamp(way);
        Some(Entry { key, port, stamp })
    }

    /// How the entry of a way came here; see the field.
    pub(super) fn detour(&self, way: usize) -> u8 {
        self.detours[way % WAYS]
    }

    pub(super) fn put(&mut self, way: usize, entry: Entry, detour: u8) {
        let way = way % WAYS;
        self.keys[way] = entry.key.bits();
        self.detours[way] = detour;
        self.update(way, entry.port, entry.stamp);
    }

    pub(super) fn update(&mut self, way: usize, port: u16, stamp: u32) {
        self.ports[way % WAYS] = port;
        self.stamps[way % WAYS] = stamp;
    }

    pub(super) fn vacate(&mut self, way: usize) {
        self.keys[way % WAYS] = EMPTY;
    }

    /// Bit set of counters; 0 when every entry of this home lives at home.
    #[inline(always)]
    pub(super) fn spilled(&self) -> u32 {
        self.spilled
    }

    /// Counts an entry of this home that went to (`+1`) or left (`-1`) the neighbour of `detour`.
    pub(super) fn count_spill(&mut self, detour: u8, came: bool) {
        let Some(neighbour) = usize::from(detour).checked_sub(1) else { return };
        let one = 1_u32 << (neighbour % NEIGHBOURS.len() * COUNTER_BITS);
        self.spilled = if came { self.spilled.wrapping_add(one) } else { self.spilled.wrapping_sub(one) };
    }
}

/// Takes the next neighbour index out of a copy of [`Bucket::spilled`].
pub(super) fn next_spill(spilled: &mut u32) -> Option<usize> {
    if *spilled == 0 {
        return None;
    }
    let neighbour = spilled.trailing_zeros() as usize / COUNTER_BITS;
    *spilled &= !(0xF << (neighbour * COUNTER_BITS));
    Some(neighbour)
}
