//! Counters of one worker, and the conservation law.
//!
//! Every frame and every extra copy is counted in, and counted out under exactly one heading:
//! `rx + originated + replicated = tx + dropped + consumed + held`. The law counts descriptors (a segmentation-offload
//! frame is one until the switch cuts it); port counters count wire segments and wire bytes. Only the owning worker
//! writes; readers get a copy between two bursts, so the law is exact in every copy taken while no frame is on its way
//! between workers.

use crate::drop_reason::{CODES, DropReason, EXTENSION_FIRST};
use crate::port_id::{PORTS_MAX, PortId};
use crate::violation::{Broken, Rule};

#[expect(clippy::cast_possible_truncation, reason = "there are 512 codes")]
const LAST: u16 = CODES as u16 - 1;

/// The terms of the conservation law.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Law {
    /// Frames received from ports.
    pub rx: u64,
    /// Frames originated by extensions.
    pub originated: u64,
    /// Extra copies: floods, groups, clones, segments.
    pub replicated: u64,
    /// Frames accepted by devices.
    pub tx: u64,
    /// Frames dropped, all reasons.
    pub dropped: u64,
    /// Frames ended on purpose.
    pub consumed: u64,
    /// Frames in the switch's hands: held by extensions or waiting to go on.
    pub held: u64,
}

impl Law {
    /// Left side minus right side; 0 when the law holds.
    pub fn balance(&self) -> i128 {
        let left = i128::from(self.rx) + i128::from(self.originated) + i128::from(self.replicated);
        let right = i128::from(self.tx) + i128::from(self.dropped) + i128::from(self.consumed) + i128::from(self.held);
        left - right
    }

    /// Sum of two workers.
    pub fn add(&mut self, other: &Law) {
        self.rx += other.rx;
        self.originated += other.originated;
        self.replicated += other.replicated;
        self.tx += other.tx;
        self.dropped += other.dropped;
        self.consumed += other.consumed;
        self.held += other.held;
    }
}

/// Counters of one port on one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Wire segments received.
    pub rx_packets: u64,
    /// Bytes of these.
    pub rx_bytes: u64,
    /// Multicast frames received, without broadcast.
    pub rx_multicast: u64,
    /// Broadcast frames received.
    pub rx_broadcast: u64,
    /// Wire segments sent.
    pub tx_packets: u64,
    /// Bytes of these.
    pub tx_bytes: u64,
    /// Multicast deliveries, without broadcast.
    pub tx_multicast: u64,
    /// Broadcast deliveries.
    pub tx_broadcast: u64,
    /// Frames from the port that were dropped before they had a destination.
    pub rx_dropped: u64,
    /// Deliveries to the port that were dropped.
    pub tx_dropped: u64,
}

impl PortCounters {
    /// Sum of two workers.
    pub fn add(&mut self, other: &PortCounters) {
        self.rx_packets += other.rx_packets;
        self.rx_bytes += other.rx_bytes;
        self.rx_multicast += other.rx_multicast;
        self.rx_broadcast += other.rx_broadcast;
        self.tx_packets += other.tx_packets;
        self.tx_bytes += other.tx_bytes;
        self.tx_multicast += other.tx_multicast;
        self.tx_broadcast += other.tx_broadcast;
        self.rx_dropped += other.rx_dropped;
        self.tx_dropped += other.tx_dropped;
    }
}

/// Counters of one extension on one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCounters {
    /// Packets it was shown, both legs.
    pub packets: u64,
    /// Packets it dropped.
    pub dropped: u64,
    /// Calls that failed (panic or failure status).
    pub failures: u64,
    /// Rule violations found after its calls.
    pub violations: u64,
    /// These by rule.
    pub broken: Broken,
    /// Cost of its calls, ingress and egress.
    pub cost: [Cost; 2],
}

/// Measured cost of a part of the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Packets in measured bursts.
    pub packets: u64,
    /// Clock ticks spent on them.
    pub ticks: u64,
}

impl Cost {
    /// Counts a measured burst.
    pub(crate) fn count(&mut self, packets: u64, ticks: u64) {
        self.packets += packets;
        self.ticks = self.ticks.wrapping_add(ticks);
    }

    /// Takes off what was spent for another part meanwhile; the whole is added later, so the difference may wrap for now.
    pub(crate) fn not(&mut self, ticks: u64) {
        self.ticks = self.ticks.wrapping_sub(ticks);
    }

    /// Sum of two workers.
    pub fn add(&mut self, other: &Cost) {
        self.count(other.packets, other.ticks);
    }
}

/// Measured cost of the switch's own parts on one worker, extensions not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnCost {
    /// Taking frames in: tag, parse, count, sample.
    pub intake: Cost,
    /// The rest of the ingress leg: policy, learning, destinations.
    pub ingress: Cost,
    /// The egress leg: policy, delivery, what devices cannot do themselves.
    pub egress: Cost,
}

impl OwnCost {
    /// Sum of two workers.
    pub fn add(&mut self, other: &OwnCost) {
        self.intake.add(&other.intake);
        self.ingress.add(&other.ingress);
        self.egress.add(&other.egress);
    }
}

impl StageCounters {
    /// Counts a violation that was about a port.
    pub(crate) fn broke(&mut self, rule: Rule, port: PortId) {
        self.violations += 1;
        self.broken.count(rule, port);
    }

    /// Sum of two workers.
    pub fn add(&mut self, other: &StageCounters) {
        self.packets += other.packets;
        self.dropped += other.dropped;
        self.failures += other.failures;
        self.violations += other.violations;
        self.broken.add(&other.broken);
        self.cost.iter_mut().zip(&other.cost).for_each(|(mine, theirs)| mine.add(theirs));
    }
}

/// Drops on account of one port, by code.
#[derive(Clone, Debug)]
pub struct PortDrops {
    own: [u64; EXTENSION_FIRST as usize],
    /// Codes of extensions that were used, in the order of their first use: a few.
    others: Vec<(u16, u64)>,
}

impl Default for PortDrops {
    fn default() -> PortDrops {
        PortDrops { own: [0; EXTENSION_FIRST as usize], others: Vec::new() }
    }
}

impl PortDrops {
    fn count(&mut self, code: u16, times: u64) {
        if let Some(count) = self.own.get_mut(usize::from(code)) {
            *count += times;
        } else if let Some((_, count)) = self.others.iter_mut().find(|(known, _)| *known == code) {
            *count += times;
        } else {
            self.others.push((code, times));
        }
    }

    fn of(&self, code: usize) -> u64 {
        let other = || self.others.iter().find(|(known, _)| usize::from(*known) == code).map(|(_, count)| *count);
        self.own.get(code).copied().or_else(other).unwrap_or(0)
    }

    fn add(&mut self, other: &PortDrops) {
        self.own.iter_mut().zip(other.own).for_each(|(mine, theirs)| *mine += theirs);
        other.others.iter().for_each(|(code, times)| self.count(*code, *times));
    }
}

/// All counters of one worker.
#[derive(Clone, Debug)]
pub struct Counters {
    /// The law.
    pub law: Law,
    /// By port slot.
    pub ports: Box<[PortCounters]>,
    /// By drop code.
    pub drops: Box<[u64]>,
    /// By port slot, for ports that dropped anything.
    pub drops_of_port: Vec<Option<Box<PortDrops>>>,
    /// Learnt addresses that could not be told to another worker (its ring was full); it will flood or learn itself.
    pub fdb_sync_lost: u64,
    /// Addresses not learnt because the table, its neighbourhood or the port's share was full.
    pub fdb_full: u64,
    /// Addresses that moved from one port to another.
    pub fdb_moves: u64,
    /// Samples that found no free place, or their frame taken by another extension's.
    pub samples_lost: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            law: Law::default(),
            ports: vec![PortCounters::default(); PORTS_MAX].into_boxed_slice(),
            drops: vec![0; CODES].into_boxed_slice(),
            drops_of_port: vec![None; PORTS_MAX],
            fdb_sync_lost: 0,
            fdb_full: 0,
            fdb_moves: 0,
            samples_lost: 0,
        }
    }
}

impl Counters {
    /// Counters of a port; the last slot's for an id that names none.
    #[inline]
    pub fn port(&mut self, id: PortId) -> &mut PortCounters {
        let slot = id.slot().min(self.ports.len() - 1);
        &mut self.ports[slot]
    }

    /// Counts one dropped descriptor. `destination` is [`PortId::NONE`] when none was decided.
    pub fn drop(&mut self, code: u16, source: PortId, destination: PortId) {
        let code = code.min(LAST);
        self.drops[usize::from(code)] += 1;
        self.law.dropped += 1;
        let charged = if destination.is_none() { source } else { destination };
        if charged.is_none() {
            return;
        }
        let port = self.port(charged);
        if destination.is_none() {
            port.rx_dropped += 1;
        } else {
            port.tx_dropped += 1;
        }
        if let Some(place) = self.drops_of_port.get_mut(charged.slot()) {
            place.get_or_insert_default().count(code, 1);
        }
    }

    /// Number dropped on account of a port under a code.
    pub fn port_drops(&self, id: PortId, code: usize) -> u64 {
        let codes = self.drops_of_port.get(id.slot()).and_then(Option::as_ref);
        codes.map_or(0, |codes| codes.of(code))
    }

    /// A copy that covers the first `slots` ports only: what a report needs, without copying thousands of unused ones.
    pub fn report(&self, slots: usize) -> Counters {
        let slots = slots.min(self.ports.len());
        Counters {
            law: self.law,
            ports: self.ports[..slots].into(),
            drops: self.drops.clone(),
            drops_of_port: self.drops_of_port[..slots].to_vec(),
            fdb_sync_lost: self.fdb_sync_lost,
            fdb_full: self.fdb_full,
            fdb_moves: self.fdb_moves,
            samples_lost: self.samples_lost,
        }
    }

    /// Starts a port's counters anew, when its slot gets a new port.
    pub fn reset_port(&mut self, id: PortId) {
        *self.port(id) = PortCounters::default();
        if let Some(place) = self.drops_of_port.get_mut(id.slot()) {
            *place = None;
        }
    }

    /// Number dropped for one of the switch's own reasons.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops[usize::from(reason.code())]
    }

    /// Adds another worker's.
    pub fn add(&mut self, other: &Counters) {
        self.law.add(&other.law);
        self.ports.iter_mut().zip(&other.ports).for_each(|(mine, theirs)| mine.add(theirs));
        self.drops.iter_mut().zip(&other.drops).for_each(|(mine, theirs)| *mine += theirs);
        for (mine, theirs) in self.drops_of_port.iter_mut().zip(&other.drops_of_port) {
            let Some(theirs) = theirs else { continue };
            mine.get_or_insert_default().add(theirs);
        }
        self.fdb_sync_lost += other.fdb_sync_lost;
        self.fdb_full += other.fdb_full;
        self.fdb_moves += other.fdb_moves;
        self.samples_lost += other.samples_lost;
    }
}
