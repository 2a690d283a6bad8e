//! Loops that workers saw, on their way to upkeep: pairs of ports between which stations moved too often in a second.
//!
//! A lock that is taken once a second by a worker that has something to tell, and by upkeep. At most [`WAITING_MAX`] pairs
//! wait; what is told on top while nobody takes them says the same once more and is left out.

use std::sync::{Arc, Mutex};

use heddle_switch_core::flaps::Flaps;

use super::lock;

/// Moves a second between two ports that make a loop. A machine that moves, or fails over, does so once; two ports that are
/// one network move every station with every frame.
pub(crate) const LOOP_MOVES: u32 = 20;
/// Pairs that wait.
const WAITING_MAX: usize = 256;

/// The way from workers to upkeep.
#[derive(Clone, Default)]
pub(crate) struct Alarms(Arc<Mutex<Vec<Flaps>>>);

impl Alarms {
    /// A worker's pairs of the last second; only loops are passed on.
    pub(crate) fn report(&self, pairs: Vec<Flaps>) {
        let mut loops = pairs.into_iter().filter(|pair| pair.moves >= LOOP_MOVES).peekable();
        if loops.peek().is_some() {
            let mut waiting = lock(&self.0);
            let room = WAITING_MAX.saturating_sub(waiting.len());
            waiting.extend(loops.take(room));
        }
    }

    /// What waits.
    pub(crate) fn take(&self) -> Vec<Flaps> {
        std::mem::take(&mut *lock(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_moves_are_no_loop_and_the_list_has_an_end() {
        let alarms = Alarms::default();
        alarms.report(vec![Flaps { low: 1, high: 2, moves: LOOP_MOVES - 1 }]);
        assert_eq!(alarms.take(), []);
        for _ in 0..WAITING_MAX + 5 {
            alarms.report(vec![Flaps { low: 1, high: 2, moves: LOOP_MOVES }]);
        }
        assert_eq!(alarms.take().len(), WAITING_MAX);
        assert_eq!(alarms.take(), []);
    }
}
