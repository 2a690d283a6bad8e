//! What happens to entries outside the frame path: ageing, flushing, limits and display.
//!
//! The ageing sweep (IEEE 802.1Q 8.8.3) takes a budget of buckets per call and goes on where it stopped, so a worker can
//! spread one pass over many loops; nothing depends on its speed but the room that stale entries take. So does
//! [`Fdb::flush_part`]. The other passes walk the table once, about a millisecond for 131,072 entries, and stop early when
//! the port in question holds nothing more.

use super::{
    AgeingError, Entry, Fdb, FdbEntry, FdbKey, Flush, MAX_AGEING_S, MIN_AGEING_S, PortLimitError, Spot, StaleWindow,
    WAYS, age_of,
};

impl Fdb {
    /// Seconds after which an entry that is not learnt again becomes unknown. Takes effect at once.
    pub fn set_ageing(&mut self, seconds: u32) -> Result<(), AgeingError> {
        if !(MIN_AGEING_S..=MAX_AGEING_S).contains(&seconds) {
            return Err(AgeingError { seconds });
        }
        self.window = StaleWindow { ageing_s: seconds };
        Ok(())
    }

    /// The ageing time in seconds.
    pub fn ageing(&self) -> u32 {
        self.window.ageing_s
    }

    /// Limits how many stations port `slot` may learn. What it learnt above a lower limit stays until it ages out.
    pub fn set_port_limit(&mut self, slot: u16, max_learnt: u32) -> Result<(), PortLimitError> {
        let port = self.ports.get_mut(usize::from(slot)).ok_or(PortLimitError { slot })?;
        port.max_learnt = max_learnt;
        Ok(())
    }

    /// Sweeps the next `budget_buckets` buckets, at most the whole table once; returns how many stale entries it removed.
    pub fn age(&mut self, now_s: u32, budget_buckets: usize) -> usize {
        let mut removed = 0;
        for _ in 0..budget_buckets.min(self.buckets.len()) {
            let window = self.window;
            removed +=
                self.clear_bucket(self.sweep_at, |entry| !entry.is_static() && window.is_stale(entry.stamp, now_s));
            self.sweep_at = (self.sweep_at + 1) % self.buckets.len();
        }
        removed
    }

    /// Buckets of the table: the budget of one whole sweep.
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Removes the learnt entry of `key`; returns the port slot it was learnt on.
    pub fn remove(&mut self, key: FdbKey) -> Option<u16> {
        let (spot, known) = self.find(self.place(key).bucket(), key)?;
        if known.is_static() { None } else { self.take(spot).map(Entry::slot) }
    }

    /// Removes what was learnt on port `slot`; returns how many entries.
    pub fn flush_port(&mut self, slot: u16) -> usize {
        let held = self.ports.get(usize::from(slot)).map_or(0, |port| port.learnt);
        self.clear(held, |entry| !entry.is_static() && entry.slot() == slot)
    }

    /// Removes everything that names port `slot`, static entries too, and resets its limit: for a port that is deleted,
    /// before its slot goes to another one. Returns how many entries.
    pub fn forget_port(&mut self, slot: u16) -> usize {
        let Some(port) = self.ports.get_mut(usize::from(slot)) else { return 0 };
        port.max_learnt = self.max_per_port;
        let held = port.learnt.saturating_add(port.statics);
        self.clear(held, |entry| entry.slot() == slot)
    }

    /// Removes what was learnt in VLAN `vid`; returns how many entries.
    pub fn flush_vid(&mut self, vid: u16) -> usize {
        self.clear(self.len, |entry| !entry.is_static() && entry.key.vid() == vid)
    }

    /// Removes all that was learnt; returns how many entries.
    pub fn flush_all(&mut self) -> usize {
        self.clear(self.len, |entry| !entry.is_static())
    }

    /// Removes what `flush` names from `budget_buckets` buckets beginning with `from`; returns how many entries. A caller
    /// that steps through [`Fdb::buckets`] with learning in between removes all that was learnt before it began.
    pub fn flush_part(&mut self, flush: Flush, from: usize, budget_buckets: usize) -> usize {
        let end = from.saturating_add(budget_buckets).min(self.buckets.len());
        let unwanted = |entry: Entry| {
            !entry.is_static()
                && flush.slot.is_none_or(|slot| entry.slot() == slot)
                && flush.vid.is_none_or(|vid| entry.key.vid() == vid)
        };
        (from..end).map(|bucket| self.clear_bucket(bucket, unwanted)).sum()
    }

    /// Entries held, static ones and those that the sweep has not met since they became stale included.
    pub fn len(&self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    /// True when no entry is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries held that name port `slot`, counted as in [`Fdb::len`].
    pub fn len_of_port(&self, slot: u16) -> usize {
        let held = self.ports.get(usize::from(slot)).map_or(0, |port| port.learnt.saturating_add(port.statics));
        usize::try_from(held).unwrap_or(usize::MAX)
    }

    /// The entries a look-up at `now_s` would find, in no particular order.
    pub fn iter(&self, now_s: u32) -> Entries<'_> {
        Entries { fdb: self, now_s, next: 0 }
    }

    /// Removes up to `expected` entries that `unwanted` names, walking the table until they are found.
    fn clear(&mut self, expected: u32, unwanted: impl Fn(Entry) -> bool) -> usize {
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        let mut removed = 0;
        for bucket in 0..self.buckets.len() {
            if removed >= expected {
                break;
            }
            removed += self.clear_bucket(bucket, &unwanted);
        }
        removed
    }

    fn clear_bucket(&mut self, bucket: usize, unwanted: impl Fn(Entry) -> bool) -> usize {
        let mut removed = 0;
        for way in 0..WAYS {
            let entry = self.buckets.get(bucket).and_then(|bucket| bucket.entry(way));
            if entry.is_some_and(&unwanted) && self.take(Spot { bucket, way }).is_some() {
                removed += 1;
            }
        }
        removed
    }
}

/// Entries for display; see [`Fdb::iter`].
pub struct Entries<'a> {
    fdb: &'a Fdb,
    now_s: u32,
    /// Ways passed so far, over all buckets.
    next: usize,
}

impl Iterator for Entries<'_> {
    type Item = FdbEntry;

    fn next(&mut self) -> Option<FdbEntry> {
        loop {
            let bucket = self.fdb.buckets.get(self.next / WAYS)?;
            let entry = bucket.entry(self.next % WAYS);
            self.next += 1;
            let Some(entry) = entry else { continue };
            if entry.is_static() || !self.fdb.window.is_stale(entry.stamp, self.now_s) {
                return Some(FdbEntry {
                    vid: entry.key.vid(),
                    mac: entry.key.mac(),
                    slot: entry.slot(),
                    is_static: entry.is_static(),
                    age_s: age_of(entry.stamp, self.now_s),
                });
            }
        }
    }
}
