//! Stations that appear behind one port and then another: what a loop outside the switch looks like from inside.
//!
//! A frame that comes back by another port moves its sender in the filtering database, again and again. A station with an
//! assigned address does not move; for it, arrivals at two other ports in turn count. Moves are counted by pair of ports,
//! whichever way; the host takes the counts once in a while and judges their rate. A few moves are a machine that moved.
//!
//! Limits: [`PAIRS_MAX`] pairs between two readings; moves of further ones are counted without their ports.

use crate::fdb::FdbKey;

/// Most pairs of ports kept between two readings.
pub const PAIRS_MAX: usize = 16;

/// Moves between two ports, by slot, the lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaps {
    /// One port.
    pub low: u16,
    /// The other.
    pub high: u16,
    /// Moves from one to the other, both ways.
    pub moves: u32,
}

/// What one worker saw.
#[derive(Default)]
pub(crate) struct FlapTable {
    pairs: Vec<Flaps>,
    others: u32,
    /// The last arrival of a station with an assigned address at a port that is not its own.
    astray: Option<(FdbKey, u16)>,
}

impl FlapTable {
    /// A station was at `from` and is at `to` now.
    pub(crate) fn moved(&mut self, from: u16, to: u16) {
        let (low, high) = (from.min(to), from.max(to));
        if let Some(pair) = self.pairs.iter_mut().find(|pair| (pair.low, pair.high) == (low, high)) {
            pair.moves = pair.moves.saturating_add(1);
        } else if self.pairs.len() < PAIRS_MAX {
            self.pairs.push(Flaps { low, high, moves: 1 });
        } else {
            self.others = self.others.saturating_add(1);
        }
    }

    /// A station with an assigned address elsewhere arrived at `port`.
    pub(crate) fn astray(&mut self, key: FdbKey, port: u16) {
        if let Some((_, before)) = self.astray.filter(|(known, before)| *known == key && *before != port) {
            self.moved(before, port);
        }
        self.astray = Some((key, port));
    }

    /// What was seen since the last time, and the moves beyond the table.
    pub(crate) fn take(&mut self) -> (Vec<Flaps>, u32) {
        (std::mem::take(&mut self.pairs), std::mem::take(&mut self.others))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_count_by_pair_and_the_table_has_an_end() {
        let mut table = FlapTable::default();
        for _ in 0..5 {
            table.moved(3, 9);
            table.moved(9, 3);
        }
        for other in 0..30 {
            table.moved(100, 200 + other);
        }
        let (pairs, others) = table.take();
        assert_eq!(pairs.len(), PAIRS_MAX);
        assert_eq!(pairs.first(), Some(&Flaps { low: 3, high: 9, moves: 10 }));
        assert_eq!(others, 30 - 15);
        assert!(table.is_empty());
    }
}
