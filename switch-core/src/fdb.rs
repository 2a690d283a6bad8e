//! The filtering database of one worker: (VID, MAC) to port (IEEE 802.1Q-2022 clause 8.8).
//!
//! Learning (8.7) writes dynamic entries, which age out (8.8.3); management writes static ones, which neither age nor move
//! and win over learnt ones. A port is a dense slot below [`PORT_SLOTS`]. Time is an argument, in whole seconds of any clock
//! that may wrap.
//!
//! MAC addresses come from attackers, so everything is bounded: the table never grows after [`Fdb::new`], it is at most a
//! quarter full, the hash is seeded, a key may live in its home bucket or one of eight neighbours and nowhere else, ports have a cap
//! of their own, and learning never evicts: it is refused with an outcome that says why. A refused station is flooded to.
//!
//! Cost: one cache line per look-up in nearly every case. The data path computes a [`Place`] per key while it parses a batch,
//! prefetches it, and looks up and learns afterwards; a frame from a known station writes at most once a second.

mod bucket;
mod hash;
mod maintenance;
mod statics;
mod types;

use crate::prefetch;
use bucket::{Bucket, Entry, MIN_BUCKETS, NEIGHBOURS, STATIC, WAYS, next_spill};
use hash::Seed;

pub use maintenance::Entries;
pub use types::{
    AgeingError, DEFAULT_AGEING_S, FdbEntry, FdbKey, FdbLimits, Flush, Learn, MAX_AGEING_S, MAX_ENTRIES, MIN_AGEING_S,
    PORT_SLOTS, Place, PortLimitError, StaticError, StaticInsert,
};

/// The filtering database of one worker.
pub struct Fdb {
    /// A power of two of them.
    buckets: Box<[Bucket]>,
    seed: Seed,
    /// Most entries, learnt and static together.
    max_entries: u32,
    /// Learnt entries of a port that was given no limit of its own.
    max_per_port: u32,
    /// Entries held, stale ones included until the sweep meets them.
    len: u32,
    ports: Box<[PortCount]>,
    window: StaleWindow,
    /// Bucket at which the ageing sweep goes on.
    sweep_at: usize,
}

/// What a port holds, and how much of it may be learnt.
#[derive(Clone, Copy)]
struct PortCount {
    learnt: u32,
    statics: u32,
    max_learnt: u32,
}

/// Decides staleness with one subtraction and one compare. Stamps up to 2^31 s ahead of now (a clock set back) are fresh.
#[derive(Clone, Copy)]
struct StaleWindow {
    ageing_s: u32,
}

impl StaleWindow {
    const HALF: u32 = 1 << 31;

    #[inline(always)]
    fn is_stale(self, stamp: u32, now_s: u32) -> bool {
        now_s.wrapping_sub(stamp).wrapping_sub(self.ageing_s) < Self::HALF - self.ageing_s
    }
}

/// Seconds from `stamp` to `now_s`, 0 when the clock was set back.
fn age_of(stamp: u32, now_s: u32) -> u32 {
    let age = now_s.wrapping_sub(stamp);
    if age < StaleWindow::HALF { age } else { 0 }
}

/// Where an entry lives.
#[derive(Clone, Copy)]
struct Spot {
    bucket: usize,
    way: usize,
}

impl Fdb {
    /// An empty table for `limits`, clamped to [`MAX_ENTRIES`]. `seed` should be unpredictable to whoever sends frames.
    pub fn new(limits: FdbLimits, seed: u64) -> Self {
        let max_entries = limits.max_entries.min(MAX_ENTRIES);
        // A bucket per entry: at a quarter full one entry in two hundred lives away from home, at half full one in twenty,
        // and each of those costs a mispredicted branch and a line that was not prefetched.
        let buckets = usize::try_from(max_entries).unwrap_or(0).next_power_of_two().max(MIN_BUCKETS);
        let port = PortCount { learnt: 0, statics: 0, max_learnt: limits.max_per_port };
        Self {
            buckets: vec![Bucket::VACANT; buckets].into_boxed_slice(),
            seed: Seed::new(seed),
            max_entries,
            max_per_port: limits.max_per_port,
            len: 0,
            ports: vec![port; usize::from(PORT_SLOTS)].into_boxed_slice(),
            window: StaleWindow { ageing_s: DEFAULT_AGEING_S },
            sweep_at: 0,
        }
    }

    /// The home of `key`: compute it once, then prefetch, look up and learn with it.
    #[inline(always)]
    pub fn place(&self, key: FdbKey) -> Place {
        Place::new(self.seed.hash(key.bits()), self.buckets.len() - 1)
    }

    /// Asks for the cache line that a look-up at `place` reads first.
    #[inline(always)]
    pub fn prefetch(&self, place: Place) {
        prefetch::prefetch_at(&self.buckets, place.bucket());
    }

    /// The port slot that `key` is known on. Entries past the ageing time are unknown even before the sweep removes them.
    #[inline(always)]
    pub fn lookup(&self, place: Place, key: FdbKey, now_s: u32) -> Option<u16> {
        self.lookup_at_home(place, key, now_s).or_else(|| self.lookup_away(place, key, now_s))
    }

    /// The same for a key that lives in its home bucket, as nearly all do; `None` says nothing about the others.
    #[inline(always)]
    pub fn lookup_at_home(&self, place: Place, key: FdbKey, now_s: u32) -> Option<u16> {
        let home = self.buckets.get(place.bucket())?;
        self.port_if_fresh(home.port_and_stamp(home.way_of(key)?), now_s)
    }

    #[inline(never)]
    fn lookup_away(&self, place: Place, key: FdbKey, now_s: u32) -> Option<u16> {
        let spot = self.find_spilled(place.bucket(), key)?;
        self.port_if_fresh(self.buckets.get(spot.bucket)?.port_and_stamp(spot.way), now_s)
    }

    #[inline(always)]
    fn port_if_fresh(&self, (port, stamp): (u16, u32), now_s: u32) -> Option<u16> {
        // `|`: both sides are cheaper than a branch between them.
        ((port & STATIC != 0) | !self.window.is_stale(stamp, now_s)).then_some(port & !STATIC)
    }

    /// Notes that `key` sent a frame from port `slot` at `now_s`; writes only when the port or the second changed.
    #[inline]
    pub fn learn(&mut self, place: Place, key: FdbKey, slot: u16, now_s: u32) -> Learn {
        if self.has_learnt(place, key, slot, now_s) {
            return Learn::Unchanged;
        }
        self.learn_change(place, key, slot, now_s)
    }

    /// Whether learning this would change nothing, as far as the home bucket tells: so for nearly all frames.
    #[inline(always)]
    pub fn has_learnt(&self, place: Place, key: FdbKey, slot: u16, now_s: u32) -> bool {
        let Some(home) = self.buckets.get(place.bucket()) else { return false };
        let Some(way) = home.way_of(key) else { return false };
        let (port, stamp) = home.port_and_stamp(way);
        (port == slot) & (stamp == now_s)
    }

    /// Everything but a frame from a station already seen this second in its home bucket.
    #[inline(never)]
    fn learn_change(&mut self, place: Place, key: FdbKey, slot: u16, now_s: u32) -> Learn {
        if slot >= PORT_SLOTS {
            return Learn::UnknownPort;
        }
        let Some((spot, known)) = self.find(place.bucket(), key) else {
            return self.learn_new(place, Entry { key, port: slot, stamp: now_s });
        };
        if known.is_static() {
            return if known.slot() == slot { Learn::Static } else { Learn::StaticElsewhere { at: known.slot() } };
        }
        let stale = self.window.is_stale(known.stamp, now_s);
        if known.port == slot {
            if known.stamp == now_s {
                return Learn::Unchanged;
            }
            self.update(spot, slot, now_s);
            return if stale { Learn::New } else { Learn::Refreshed };
        }
        if !self.may_learn(slot) {
            return Learn::PortFull;
        }
        self.count(known, false);
        self.count(Entry { port: slot, ..known }, true);
        self.update(spot, slot, now_s);
        if stale { Learn::New } else { Learn::Moved { from: known.port } }
    }

    fn learn_new(&mut self, place: Place, entry: Entry) -> Learn {
        if !entry.key.is_station() {
            return Learn::NotAStation;
        }
        if !self.may_learn(entry.port) {
            return Learn::PortFull;
        }
        if self.len >= self.max_entries {
            return Learn::TableFull;
        }
        if self.insert(place.bucket(), entry) { Learn::New } else { Learn::NeighbourhoodFull }
    }

    fn may_learn(&self, slot: u16) -> bool {
        self.ports.get(usize::from(slot)).is_some_and(|port| port.learnt < port.max_learnt)
    }

    /// Where `key` lives, and its entry, stale ones included.
    fn find(&self, home: usize, key: FdbKey) -> Option<(Spot, Entry)> {
        let spot = match self.buckets.get(home)?.way_of(key) {
            Some(way) => Spot { bucket: home, way },
            None => self.find_spilled(home, key)?,
        };
        Some((spot, self.buckets.get(spot.bucket)?.entry(spot.way)?))
    }

    /// Looks through the neighbours that hold entries of `home`.
    #[inline(never)]
    fn find_spilled(&self, home: usize, key: FdbKey) -> Option<Spot> {
        let mut spilled = self.buckets.get(home)?.spilled();
        while let Some(neighbour) = next_spill(&mut spilled) {
            let bucket = home ^ NEIGHBOURS.get(neighbour)?;
            if let Some(way) = self.buckets.get(bucket)?.way_of(key) {
                return Some(Spot { bucket, way });
            }
        }
        None
    }

    /// Puts a new entry into `home` or the nearest neighbour with room; false when all are full.
    fn insert(&mut self, home: usize, entry: Entry) -> bool {
        let detours = core::iter::once((0_u8, 0)).chain((1..).zip(NEIGHBOURS));
        for (detour, distance) in detours {
            let Some(bucket) = self.buckets.get_mut(home ^ distance) else { continue };
            if let Some(way) = bucket.vacant_way() {
                bucket.put(way, entry, detour);
                if let Some(home) = self.buckets.get_mut(home) {
                    home.count_spill(detour, true);
                }
                self.len += 1;
                self.count(entry, true);
                return true;
            }
        }
        false
    }

    /// Takes an entry out.
    fn take(&mut self, spot: Spot) -> Option<Entry> {
        let bucket = self.buckets.get_mut(spot.bucket)?;
        let entry = bucket.entry(spot.way)?;
        let detour = bucket.detour(spot.way);
        bucket.vacate(spot.way);
        if let Some(neighbour) = usize::from(detour).checked_sub(1)
            && let Some(distance) = NEIGHBOURS.get(neighbour)
            && let Some(home) = self.buckets.get_mut(spot.bucket ^ distance)
        {
            home.count_spill(detour, false);
        }
        self.len = self.len.saturating_sub(1);
        self.count(entry, false);
        Some(entry)
    }

    fn update(&mut self, spot: Spot, port: u16, stamp: u32) {
        if let Some(bucket) = self.buckets.get_mut(spot.bucket) {
            bucket.update(spot.way, port, stamp);
        }
    }

    /// Keeps the per-port counts: an entry of `entry.port` came or went.
    fn count(&mut self, entry: Entry, came: bool) {
        let Some(port) = self.ports.get_mut(usize::from(entry.slot())) else { return };
        let held = if entry.is_static() { &mut port.statics } else { &mut port.learnt };
        *held = if came { held.saturating_add(1) } else { held.saturating_sub(1) };
    }
}
