//! Static entries: written by management, not by frames (IEEE 802.1Q 8.8.1).
//!
//! They win over learnt entries: where there is no room for one, the learnt entry that was refreshed longest ago among the
//! nine buckets it could live in gives way. Only static entries can fill a place against another one.

use super::{Entry, Fdb, FdbKey, NEIGHBOURS, PORT_SLOTS, STATIC, Spot, StaticError, StaticInsert, WAYS, age_of};

impl Fdb {
    /// Binds `key` to port `slot` until it is removed.
    pub fn insert_static(&mut self, key: FdbKey, slot: u16, now_s: u32) -> Result<StaticInsert, StaticError> {
        if !key.is_station() {
            return Err(StaticError::NotAStation);
        }
        if slot >= PORT_SLOTS {
            return Err(StaticError::UnknownPort { slot });
        }
        let home = self.place(key).bucket();
        let entry = Entry { key, port: slot | STATIC, stamp: now_s };
        if let Some((spot, known)) = self.find(home, key) {
            self.count(known, false);
            self.count(entry, true);
            self.update(spot, entry.port, now_s);
            let from = known.slot();
            return Ok(if known.is_static() {
                StaticInsert::ReplacedStatic { from }
            } else {
                StaticInsert::ReplacedLearnt { from }
            });
        }
        if self.len < self.max_entries && self.insert(home, entry) {
            return Ok(StaticInsert::New);
        }
        let victim = self.oldest_learnt_near(home, now_s).and_then(|spot| self.take(spot));
        match victim {
            Some(gone) if self.insert(home, entry) => Ok(StaticInsert::Displaced { key: gone.key, from: gone.slot() }),
            _ => Err(StaticError::Full { len: self.len, max: self.max_entries }),
        }
    }

    /// Removes the static entry of `key`; returns the port slot it named.
    pub fn remove_static(&mut self, key: FdbKey) -> Option<u16> {
        let (spot, known) = self.find(self.place(key).bucket(), key)?;
        if known.is_static() { self.take(spot).map(Entry::slot) } else { None }
    }

    fn oldest_learnt_near(&self, home: usize, now_s: u32) -> Option<Spot> {
        let buckets = core::iter::once(home).chain(NEIGHBOURS.iter().map(|distance| home ^ distance));
        let spots = buckets.flat_map(|bucket| (0..WAYS).map(move |way| Spot { bucket, way }));
        spots
            .filter_map(|spot| Some((spot, self.buckets.get(spot.bucket)?.entry(spot.way)?)))
            .filter(|(_, entry)| !entry.is_static())
            .max_by_key(|(_, entry)| age_of(entry.stamp, now_s))
            .map(|(spot, _)| spot)
    }
}
