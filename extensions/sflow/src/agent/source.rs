//! One port as a data source: its numbers, its settings, and what is known of it.

use std::collections::BTreeMap;

use crate::datagram::{IfIndex, InterfaceCounters};
use crate::poller::Appointment;

use super::{PortFacts, TakenSample};

/// A port.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) index: IfIndex,
    pub(super) facts: PortFacts,
    /// One frame in so many.
    pub(super) rate: u32,
    /// Bytes kept.
    pub(super) header: usize,
    pub(super) flow_sequence: u32,
    pub(super) pool: u32,
    pub(super) drops: u32,
    pub(super) discard_sequence: u32,
    pub(super) appointment: Appointment,
    /// Last pool heard from each worker.
    pools: BTreeMap<u32, u64>,
    pub(super) counted: Counted,
    pub(super) machine: Counted,
}

/// Numbers of the counters samples of one data source.
#[derive(Debug, Default)]
pub(super) struct Counted {
    sequence: u32,
    counters: InterfaceCounters,
}

impl Counted {
    /// The next number: section 5 has them begin anew when a counter does.
    pub(super) fn number(&mut self, counters: &InterfaceCounters) -> u32 {
        if counters.restarted_since(&self.counters) {
            self.sequence = 0;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.counters = *counters;
        self.sequence
    }
}

impl Source {
    pub(super) fn new(index: IfIndex, facts: PortFacts, rate: u32, header: usize) -> Self {
        Self {
            index,
            facts,
            rate,
            header,
            flow_sequence: 0,
            pool: 0,
            drops: 0,
            discard_sequence: 0,
            appointment: Appointment::default(),
            pools: BTreeMap::new(),
            counted: Counted::default(),
            machine: Counted::default(),
        }
    }

    /// Counts a sampled frame. The pool grows by what the worker's own count of the port grew; a worker that counts
    /// less than before began anew.
    pub(super) fn count(&mut self, taken: &TakenSample) {
        self.flow_sequence = self.flow_sequence.wrapping_add(1);
        self.drops = self.drops.wrapping_add(taken.lost);
        let before = self.pools.insert(taken.worker, taken.pool).unwrap_or(0);
        let grown = taken.pool.checked_sub(before).unwrap_or(taken.pool);
        self.pool = self.pool.wrapping_add(u32::try_from(grown % (1 << 32)).unwrap_or(0));
    }
}
