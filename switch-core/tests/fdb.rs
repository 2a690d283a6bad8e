//! The filtering database against a `HashMap`, at its limits, under a flood, and over virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "test generators cut random numbers to size")]

use heddle_switch_core::fdb::{
    DEFAULT_AGEING_S, Fdb, FdbKey, FdbLimits, Flush, Learn, MAX_AGEING_S, MIN_AGEING_S, PORT_SLOTS, StaticError,
    StaticInsert,
};
use proptest::prelude::*;
use std::collections::HashMap;

const SEED: u64 = 0x0123_4567_89AB_CDEF;

fn key(vid: u16, station: u32) -> FdbKey {
    let [a, b, c, d] = station.to_be_bytes();
    FdbKey::new(vid, &[0x02, 0x10, a, b, c, d])
}

fn table(max_entries: u32, max_per_port: u32) -> Fdb {
    Fdb::new(FdbLimits { max_entries, max_per_port }, SEED)
}

fn learn(fdb: &mut Fdb, key: FdbKey, slot: u16, now_s: u32) -> Learn {
    fdb.learn(fdb.place(key), key, slot, now_s)
}

fn lookup(fdb: &Fdb, key: FdbKey, now_s: u32) -> Option<u16> {
    let place = fdb.place(key);
    fdb.prefetch(place);
    fdb.lookup(place, key, now_s)
}

#[derive(Clone, Copy, Debug)]
struct Known {
    slot: u16,
    is_static: bool,
    stamp: u64,
}

/// What 802.1Q says, without a thought for speed. Its clock does not wrap.
struct Oracle {
    entries: HashMap<FdbKey, Known>,
    ageing_s: u64,
    max_per_port: usize,
}

impl Oracle {
    fn fresh(&self, key: FdbKey, now: u64) -> Option<Known> {
        self.entries.get(&key).copied().filter(|known| known.is_static || now - known.stamp < self.ageing_s)
    }

    fn learnt_on(&self, slot: u16) -> usize {
        self.entries.values().filter(|known| !known.is_static && known.slot == slot).count()
    }

    fn learn(&mut self, key: FdbKey, slot: u16, now: u64) -> Learn {
        if slot >= PORT_SLOTS {
            return Learn::UnknownPort;
        }
        let held = self.entries.get(&key).copied();
        let outcome = match self.fresh(key, now) {
            Some(Known { is_static: true, slot: at, .. }) => {
                return if at == slot { Learn::Static } else { Learn::StaticElsewhere { at } };
            }
            Some(known) if known.slot == slot && known.stamp == now => Learn::Unchanged,
            Some(known) if known.slot == slot => Learn::Refreshed,
            Some(known) => Learn::Moved { from: known.slot },
            None => Learn::New,
        };
        if held.is_none() && (key.mac()[0] & 1 == 1 || key.mac() == [0; 6]) {
            return Learn::NotAStation;
        }
        let comes_to_port = held.is_none_or(|known| known.slot != slot);
        if comes_to_port && self.learnt_on(slot) >= self.max_per_port {
            return Learn::PortFull;
        }
        self.entries.insert(key, Known { slot, is_static: false, stamp: now });
        outcome
    }

    fn retain(&mut self, keep: impl Fn(&FdbKey, &Known) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|key, known| keep(key, known));
        before - self.entries.len()
    }

    fn insert_static(&mut self, key: FdbKey, slot: u16, now: u64) -> StaticInsert {
        match self.entries.insert(key, Known { slot, is_static: true, stamp: now }) {
            None => StaticInsert::New,
            Some(Known { is_static: true, slot: from, .. }) => StaticInsert::ReplacedStatic { from },
            Some(Known { slot: from, .. }) => StaticInsert::ReplacedLearnt { from },
        }
    }

    fn remove(&mut self, key: FdbKey, is_static: bool) -> Option<u16> {
        let known = self.entries.get(&key).copied().filter(|known| known.is_static == is_static)?;
        self.entries.remove(&key);
        Some(known.slot)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Learn(u16, u32, u16),
    Lookup(u16, u32),
    Advance(u16),
    SweepAll,
    SweepSome(u8),
    InsertStatic(u16, u32, u16),
    RemoveStatic(u16, u32),
    Remove(u16, u32),
    FlushPort(u16),
    ForgetPort(u16),
    FlushVid(u16),
    FlushAll,
    SetAgeing(u32),
}

fn any_step() -> impl Strategy<Value = Step> {
    let vid = || prop_oneof![Just(0_u16), Just(1), Just(2), Just(4094)];
    let station = || 0..48_u32;
    let slot = || prop_oneof![20 => 0..4_u16, 1 => Just(PORT_SLOTS - 1), 1 => Just(PORT_SLOTS)];
    prop_oneof![
        40 => (vid(), station(), slot()).prop_map(|(vid, station, slot)| Step::Learn(vid, station, slot)),
        20 => (vid(), station()).prop_map(|(vid, station)| Step::Lookup(vid, station)),
        10 => (0..60_u16).prop_map(Step::Advance),
        1 => Just(Step::Advance(299)),
        1 => Just(Step::SweepAll),
        2 => any::<u8>().prop_map(Step::SweepSome),
        3 => (vid(), station(), 0..4_u16).prop_map(|(vid, station, slot)| Step::InsertStatic(vid, station, slot)),
        2 => (vid(), station()).prop_map(|(vid, station)| Step::RemoveStatic(vid, station)),
        2 => (vid(), station()).prop_map(|(vid, station)| Step::Remove(vid, station)),
        1 => slot().prop_map(Step::FlushPort),
        1 => (0..4_u16).prop_map(Step::ForgetPort),
        1 => vid().prop_map(Step::FlushVid),
        1 => Just(Step::FlushAll),
        1 => (MIN_AGEING_S..400).prop_map(Step::SetAgeing),
    ]
}

/// Both tables, driven by the same steps; the real one's clock wraps.
struct Pair {
    fdb: Fdb,
    oracle: Oracle,
    now: u64,
    clock_offset: u32,
    /// Used in place of the steps' own keys when not empty.
    crowd: Vec<FdbKey>,
}

impl Pair {
    fn new(max_per_port: u32, clock_offset: u32, crowded: bool) -> Self {
        // 192 keys, so that the table's own limit is never met: where it is met depends on the seed.
        let fdb = table(192, max_per_port);
        let ageing_s = u64::from(DEFAULT_AGEING_S);
        let oracle = Oracle { entries: HashMap::new(), ageing_s, max_per_port: max_per_port as usize };
        // All 36 keys of the crowd fit around either home, so none is ever refused, and most live away from home.
        let crowd = |station| colliding_keys(&fdb, key(1, station), 18);
        let crowd = if crowded { [crowd(0), crowd(1)].concat() } else { Vec::new() };
        Self { fdb, oracle, now: 0, clock_offset, crowd }
    }

    fn key(&self, vid: u16, station: u32) -> FdbKey {
        if self.crowd.is_empty() {
            return station_or_group(vid, station);
        }
        self.crowd[(usize::from(vid) * 7 + station as usize) % self.crowd.len()]
    }

    fn clock(&self) -> u32 {
        self.clock_offset.wrapping_add(self.now as u32)
    }

    fn step(&mut self, step: &Step) {
        let (now, clock, ageing) = (self.now, self.clock(), self.oracle.ageing_s);
        match *step {
            Step::Learn(vid, station, slot) => {
                let key = self.key(vid, station);
                assert_eq!(learn(&mut self.fdb, key, slot, clock), self.oracle.learn(key, slot, now));
            }
            Step::Lookup(vid, station) => {
                let key = self.key(vid, station);
                assert_eq!(lookup(&self.fdb, key, clock), self.oracle.fresh(key, now).map(|known| known.slot));
            }
            Step::Advance(seconds) => self.now += u64::from(seconds),
            Step::SweepAll => {
                let removed = self.fdb.age(clock, self.fdb.buckets());
                assert_eq!(removed, self.oracle.retain(|_, k| k.is_static || now - k.stamp < ageing));
            }
            Step::SweepSome(budget) => {
                // Which entries a partial sweep meets is the table's affair; it must only remove stale ones.
                let held = self.fdb.len();
                let removed = self.fdb.age(clock, usize::from(budget));
                assert_eq!(self.fdb.len(), held - removed);
                self.fdb.age(clock, self.fdb.buckets());
                self.oracle.retain(|_, k| k.is_static || now - k.stamp < ageing);
            }
            Step::InsertStatic(vid, station, slot) => {
                let key = self.key(vid, station);
                if key.is_station() {
                    assert_eq!(self.fdb.insert_static(key, slot, clock), Ok(self.oracle.insert_static(key, slot, now)));
                }
            }
            Step::RemoveStatic(vid, station) => {
                let key = self.key(vid, station);
                assert_eq!(self.fdb.remove_static(key), self.oracle.remove(key, true));
            }
            Step::Remove(vid, station) => {
                let key = self.key(vid, station);
                assert_eq!(self.fdb.remove(key), self.oracle.remove(key, false));
            }
            Step::FlushPort(slot) => {
                assert_eq!(self.fdb.flush_port(slot), self.oracle.retain(|_, k| k.is_static || k.slot != slot));
            }
            Step::ForgetPort(slot) => {
                assert_eq!(self.fdb.forget_port(slot), self.oracle.retain(|_, k| k.slot != slot));
            }
            Step::FlushVid(vid) => {
                assert_eq!(self.fdb.flush_vid(vid), self.oracle.retain(|key, k| k.is_static || key.vid() != vid));
            }
            Step::FlushAll => assert_eq!(self.fdb.flush_all(), self.oracle.retain(|_, k| k.is_static)),
            Step::SetAgeing(seconds) => {
                self.fdb.set_ageing(seconds).unwrap();
                self.oracle.ageing_s = u64::from(seconds);
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.fdb.len(), self.oracle.entries.len());
        assert_eq!(self.fdb.is_empty(), self.oracle.entries.is_empty());
        for slot in 0..4 {
            let held = self.oracle.entries.values().filter(|known| known.slot == slot).count();
            assert_eq!(self.fdb.len_of_port(slot), held, "entries of port {slot}");
        }
        let mut shown: Vec<_> = self.fdb.iter(self.clock()).collect();
        shown.sort_by_key(|entry| (entry.vid, entry.mac));
        let fresh = |key: &&FdbKey| self.oracle.fresh(**key, self.now).is_some();
        let mut expected: Vec<FdbKey> = self.oracle.entries.keys().filter(fresh).copied().collect();
        expected.sort_by_key(|key| (key.vid(), key.mac()));
        assert_eq!(shown.len(), expected.len());
        for (entry, key) in shown.iter().zip(expected) {
            let known = self.oracle.entries[&key];
            assert_eq!((entry.vid, entry.mac), (key.vid(), key.mac()));
            assert_eq!((entry.slot, entry.is_static), (known.slot, known.is_static));
            assert_eq!(u64::from(entry.age_s), self.now - known.stamp);
        }
    }
}

/// Station 0 is the zero address, station 1 the broadcast address.
fn station_or_group(vid: u16, station: u32) -> FdbKey {
    match station {
        0 => FdbKey::new(vid, &[0; 6]),
        1 => FdbKey::new(vid, &[0xFF; 6]),
        _ => key(vid, station),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_map(
        steps in prop::collection::vec(any_step(), 1..300),
        max_per_port in prop_oneof![Just(1000_u32), 0..20_u32],
        clock_offset in prop_oneof![Just(0_u32), Just(u32::MAX - 200), any::<u32>()],
        crowded in any::<bool>(),
    ) {
        let mut pair = Pair::new(max_per_port, clock_offset, crowded);
        for step in &steps {
            pair.step(step);
            pair.compare();
        }
    }
}

#[test]
fn default_limits_hold_65536_pairs_without_a_refusal() {
    for seed in 0..3 {
        let mut fdb = Fdb::new(FdbLimits::default(), seed);
        for station in 0..131_072 {
            assert_eq!(learn(&mut fdb, key(1, station), (station % 2) as u16, 0), Learn::New, "station {station}");
        }
        for station in 0..131_072 {
            assert_eq!(lookup(&fdb, key(1, station), 1), Some((station % 2) as u16));
        }
        assert_eq!((fdb.len(), fdb.len_of_port(0), fdb.len_of_port(1)), (131_072, 65_536, 65_536));
    }
}

#[test]
fn scattered_addresses_and_vlans_fit_as_well() {
    for seed in 0..2_u64 {
        let mut fdb = Fdb::new(FdbLimits { max_entries: 131_072, max_per_port: 131_072 }, seed);
        let mut state = seed;
        for n in 0..131_072_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [a, b, c, d, e, ..] = state.to_be_bytes();
            let vlans_of_one_station = FdbKey::new((n % 4095) as u16, &[2, 0, 0, 0, 0, (n / 4095) as u8]);
            let key = if n < 65_536 { vlans_of_one_station } else { FdbKey::new(7, &[6, a, b, c, d, e]) };
            assert_eq!(learn(&mut fdb, key, 0, 0), Learn::New, "seed {seed}, entry {n}");
        }
    }
}

#[test]
fn a_full_table_refuses_and_evicts_nothing() {
    let mut fdb = table(1000, 1000);
    for station in 0..100 {
        assert_eq!(fdb.insert_static(key(5, station), 9, 0), Ok(StaticInsert::New));
    }
    for station in 0..900 {
        assert_eq!(learn(&mut fdb, key(1, station), 3, 0), Learn::New);
    }
    for station in 900..50_000 {
        assert_eq!(learn(&mut fdb, key(1, station), 4, 1), Learn::TableFull);
    }
    assert_eq!((fdb.len(), fdb.len_of_port(3), fdb.len_of_port(4), fdb.len_of_port(9)), (1000, 900, 0, 100));
    assert!((0..900).all(|station| lookup(&fdb, key(1, station), 1) == Some(3)));
    assert!((0..100).all(|station| lookup(&fdb, key(5, station), 1) == Some(9)));
    // What is known still refreshes and moves.
    assert_eq!(learn(&mut fdb, key(1, 0), 3, 1), Learn::Refreshed);
    assert_eq!(learn(&mut fdb, key(1, 1), 4, 1), Learn::Moved { from: 3 });
    // Room comes back by ageing and by flushing.
    assert_eq!(fdb.age(300, fdb.buckets()), 898);
    assert_eq!(learn(&mut fdb, key(1, 40_000), 4, 300), Learn::New);
    assert_eq!((fdb.flush_all(), fdb.len()), (3, 100));
}

#[test]
fn a_full_port_leaves_other_ports_alone() {
    let mut fdb = table(1000, 10);
    for station in 0..50 {
        let expected = if station < 10 { Learn::New } else { Learn::PortFull };
        assert_eq!(learn(&mut fdb, key(1, station), 3, 0), expected);
    }
    assert_eq!(learn(&mut fdb, key(1, 100), 4, 0), Learn::New);
    assert_eq!(learn(&mut fdb, key(1, 100), 3, 0), Learn::PortFull);
    assert_eq!(lookup(&fdb, key(1, 100), 0), Some(4), "a refused move leaves the station where it was");
    assert_eq!(learn(&mut fdb, key(1, 0), 4, 0), Learn::Moved { from: 3 });
    assert_eq!(learn(&mut fdb, key(1, 100), 3, 0), Learn::Moved { from: 4 });
    fdb.set_port_limit(3, 11).unwrap();
    assert_eq!(learn(&mut fdb, key(1, 40), 3, 0), Learn::New);
    assert_eq!(learn(&mut fdb, key(1, 41), 3, 0), Learn::PortFull);
    assert_eq!(fdb.insert_static(key(1, 41), 3, 0), Ok(StaticInsert::New), "static entries do not count");
    assert_eq!(fdb.forget_port(3), 12);
    assert_eq!((0..50).filter(|&n| learn(&mut fdb, key(2, n), 3, 0) == Learn::New).count(), 10, "the limit is reset");
    assert_eq!(fdb.set_port_limit(PORT_SLOTS, 1).unwrap_err().slot, PORT_SLOTS);
}

/// Keys with the home bucket of `like`, as an attacker who knew the seed would choose them.
fn colliding_keys(fdb: &Fdb, like: FdbKey, count: usize) -> Vec<FdbKey> {
    let target = fdb.place(like);
    (0..)
        .map(|station| key((station % 3) as u16, station))
        .filter(|&key| fdb.place(key) == target)
        .take(count)
        .collect()
}

#[test]
fn a_collision_flood_is_refused_after_nine_buckets() {
    let mut fdb = table(512, 512);
    let keys = colliding_keys(&fdb, key(1, 0), 200);
    for (n, &key) in keys.iter().enumerate() {
        let expected = if n < 36 { Learn::New } else { Learn::NeighbourhoodFull };
        assert_eq!(learn(&mut fdb, key, 2, 0), expected, "colliding station {n}");
    }
    for (n, &key) in keys.iter().enumerate() {
        assert_eq!(lookup(&fdb, key, 0), (n < 36).then_some(2));
    }
    // Management still gets its entry in: the learnt one refreshed longest ago gives way, never a static one.
    for &key in &keys[1..36] {
        assert_eq!(learn(&mut fdb, key, 2, 5), Learn::Refreshed);
    }
    let displaced = StaticInsert::Displaced { key: keys[0], from: 2 };
    assert_eq!(fdb.insert_static(keys[100], 7, 5), Ok(displaced));
    for &key in &keys[101..136] {
        assert!(matches!(fdb.insert_static(key, 7, 5), Ok(StaticInsert::Displaced { .. })));
    }
    assert_eq!(fdb.insert_static(keys[136], 7, 5), Err(StaticError::Full { len: 36, max: 512 }));
    assert!(keys[100..136].iter().all(|&key| lookup(&fdb, key, 5) == Some(7)));
    // Nobody else is harmed, and the place is free again once the flood is gone.
    assert_eq!(fdb.forget_port(7), 36);
    for &key in &keys[..36] {
        assert_eq!(learn(&mut fdb, key, 2, 6), Learn::New);
    }
    assert_eq!(fdb.flush_port(2), 36);
    assert!(keys.iter().all(|&key| lookup(&fdb, key, 6).is_none()));
}

#[test]
fn entries_away_from_home_are_found_after_their_neighbours_left() {
    let mut fdb = table(512, 512);
    let keys = colliding_keys(&fdb, key(1, 0), 36);
    for &key in &keys {
        assert_eq!(learn(&mut fdb, key, 1, 0), Learn::New);
    }
    // Leave only the last of each bucket, out of order, and come back.
    for (n, &key) in keys.iter().enumerate().rev().filter(|(n, _)| n % 4 != 3) {
        assert_eq!(fdb.remove(key), Some(1), "entry {n}");
    }
    for (n, &key) in keys.iter().enumerate() {
        assert_eq!(lookup(&fdb, key, 0), (n % 4 == 3).then_some(1));
        let expected = if n % 4 == 3 { Learn::Unchanged } else { Learn::New };
        assert_eq!(learn(&mut fdb, key, 1, 0), expected);
    }
    assert_eq!(fdb.len(), 36);
}

#[test]
fn the_seed_decides_where_keys_collide() {
    let (one, other) = (Fdb::new(FdbLimits::default(), 1), Fdb::new(FdbLimits::default(), 2));
    let target = one.place(key(1, 0));
    let keys = (0..).map(|station| key(1, station)).filter(|&key| one.place(key) == target).take(32);
    let mut elsewhere: Vec<_> = keys.map(|key| format!("{:?}", other.place(key))).collect();
    elsewhere.sort();
    elsewhere.dedup();
    assert!(elsewhere.len() >= 30, "{} places", elsewhere.len());
}

#[test]
fn stale_entries_are_unknown_before_the_sweep() {
    for start in [0, 77, u32::MAX - 299, u32::MAX] {
        let mut fdb = table(1000, 1000);
        let at = |seconds: u32| start.wrapping_add(seconds);
        assert_eq!(learn(&mut fdb, key(1, 2), 3, at(0)), Learn::New);
        fdb.insert_static(key(1, 3), 4, at(0)).unwrap();
        assert_eq!(lookup(&fdb, key(1, 2), at(299)), Some(3));
        assert_eq!(lookup(&fdb, key(1, 2), at(300)), None);
        assert_eq!(lookup(&fdb, key(1, 3), at(u32::MAX / 2 + 10)), Some(4));
        assert_eq!((fdb.len(), fdb.iter(at(300)).count()), (2, 1));
        // A clock set back by a little makes nothing stale.
        assert_eq!(lookup(&fdb, key(1, 2), start.wrapping_sub(5)), Some(3));
        assert_eq!(fdb.iter(start.wrapping_sub(5)).map(|entry| entry.age_s).max(), Some(0));
        assert_eq!(learn(&mut fdb, key(1, 2), 5, at(300)), Learn::New, "not a move: it was unknown");
        assert_eq!((fdb.len_of_port(3), fdb.len_of_port(5)), (0, 1));
    }
}

#[test]
fn an_incremental_sweep_meets_every_bucket() {
    let mut fdb = table(4096, 4096);
    for station in 0..3000 {
        assert_eq!(learn(&mut fdb, key(1, station), 1, 0), Learn::New);
    }
    for station in 0..50 {
        learn(&mut fdb, key(1, station), 1, 200);
    }
    let calls = fdb.buckets().div_ceil(7);
    let removed: usize = (0..calls).map(|_| fdb.age(310, 7)).sum();
    assert_eq!((removed, fdb.len()), (2950, 50));
    assert_eq!(fdb.age(310, usize::MAX), 0);
    assert_eq!(fdb.age(500, usize::MAX), 50);
    assert!(fdb.is_empty());
}

#[test]
fn ageing_time_has_a_range() {
    let mut fdb = table(1000, 1000);
    assert_eq!(fdb.ageing(), 300);
    for refused in [0, MIN_AGEING_S - 1, MAX_AGEING_S + 1, u32::MAX] {
        assert_eq!(fdb.set_ageing(refused).unwrap_err().seconds, refused);
    }
    learn(&mut fdb, key(1, 1), 1, 0);
    fdb.set_ageing(MAX_AGEING_S).unwrap();
    assert_eq!(lookup(&fdb, key(1, 1), MAX_AGEING_S - 1), Some(1));
    assert_eq!(lookup(&fdb, key(1, 1), MAX_AGEING_S), None);
    fdb.set_ageing(MIN_AGEING_S).unwrap();
    assert_eq!(lookup(&fdb, key(1, 1), MIN_AGEING_S), None);
}

#[test]
fn only_stations_are_learnt_or_bound() {
    let mut fdb = table(1000, 1000);
    for mac in [[0; 6], [0xFF; 6], [0x01, 0x80, 0xC2, 0, 0, 0], [0x33, 0x33, 0, 0, 0, 1]] {
        let key = FdbKey::new(0, &mac);
        assert_eq!(learn(&mut fdb, key, 1, 0), Learn::NotAStation);
        assert_eq!(fdb.insert_static(key, 1, 0), Err(StaticError::NotAStation));
        assert_eq!(lookup(&fdb, key, 0), None);
    }
    assert_eq!(fdb.insert_static(key(1, 1), PORT_SLOTS, 0), Err(StaticError::UnknownPort { slot: PORT_SLOTS }));
    assert!(fdb.is_empty());
}

#[test]
fn vlans_are_apart() {
    let mut fdb = table(1000, 1000);
    for vid in 0..=4094 {
        let fits = if vid < 1000 { Learn::New } else { Learn::TableFull };
        assert_eq!(learn(&mut fdb, key(vid, 9), vid % 100, 0), fits);
    }
    assert_eq!(lookup(&fdb, key(501, 9), 0), Some(1));
    assert_eq!(fdb.flush_vid(501), 1);
    assert_eq!((lookup(&fdb, key(501, 9), 0), lookup(&fdb, key(500, 9), 0)), (None, Some(0)));
    let key = FdbKey::new(4094, &[2, 3, 4, 5, 6, 7]);
    assert_eq!((key.vid(), key.mac()), (4094, [2, 3, 4, 5, 6, 7]));
}

#[test]
fn a_flush_in_parts_removes_what_was_there_and_nothing_else() {
    let mut fdb = table(1000, 1000);
    for station in 0..400 {
        learn(&mut fdb, key(if station % 2 == 0 { 1 } else { 2 }, station), if station < 200 { 3 } else { 4 }, 0);
    }
    assert_eq!(fdb.insert_static(key(1, 900), 3, 0), Ok(StaticInsert::New));
    let parts = |fdb: &mut Fdb, flush| {
        let step = 64;
        (0..fdb.buckets()).step_by(step).map(|from| fdb.flush_part(flush, from, step)).sum::<usize>()
    };
    assert_eq!(parts(&mut fdb, Flush { slot: Some(3), vid: Some(2) }), 100);
    assert_eq!(parts(&mut fdb, Flush { slot: Some(3), vid: Some(2) }), 0);
    assert_eq!(parts(&mut fdb, Flush { slot: None, vid: Some(2) }), 100);
    assert_eq!(parts(&mut fdb, Flush { slot: Some(4), vid: None }), 100);
    assert_eq!((parts(&mut fdb, Flush::default()), fdb.len()), (100, 1), "the static entry stays");
    assert_eq!(fdb.flush_part(Flush::default(), usize::MAX, usize::MAX), 0, "past the end there is nothing");
}

#[test]
fn a_place_of_another_table_finds_nothing() {
    let (large, mut small) = (Fdb::new(FdbLimits::default(), 1), table(10, 10));
    let key = (0..).map(|n| key(1, n)).find(|&key| large.place(key) != small.place(key)).unwrap();
    learn(&mut small, key, 1, 0);
    assert_eq!(small.lookup(large.place(key), key, 0), None);
    small.prefetch(large.place(key));
}
