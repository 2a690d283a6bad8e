//! The data path on one screen: `run(burst, resume)`.
//!
//! ```text
//!            ingress                                              egress
//!  port -> intake -> captures -> filters -> policy -> forwarder   forwarder -> policy -> filters -> captures -> ports
//!                                                        |           ^
//!                                                        +-- edge ---+
//! ```
//!
//! A burst enters at any point of the U: fresh frames at the start, parked ones behind the position they were parked at.
//! Ingress sees a frame once; the miniport edge turns it into one descriptor per delivery; egress sees those. When all
//! frames of a burst have exactly one destination the burst is turned round in place.

use std::sync::Arc;

use crate::burst::Burst;
use crate::call::Call;
use crate::edge::Scratch;
use crate::snapshot::Snapshot;
use crate::stage::{CallEnd, Leg, Position, ResumePoint, Role};
use crate::worker::{Core, Devices, Running};

/// One pass of a worker over bursts: everything borrowed, nothing owned.
pub(crate) struct Pass<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) running: &'a mut Vec<Running>,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) snapshot: &'a Arc<Snapshot>,
    pub(crate) devices: &'a mut dyn Devices,
    pub(crate) measured: Option<fn() -> u64>,
    /// Whether an ingress leg is being measured, of which nested work is taken off.
    pub(crate) on_ingress: bool,
}

impl Pass<'_> {
    /// Runs a burst from a resume point to its end; the burst is empty afterwards.
    pub(crate) fn run(&mut self, burst: &mut Burst, from: ResumePoint) {
        match from.leg {
            Leg::Ingress => {
                let (started, packets) = (self.started(), burst.len() as u64);
                self.on_ingress = true;
                self.descend(burst, from.after, Position::POLICY);
                if from.after < Position::POLICY {
                    self.ingress_policy(burst);
                }
                self.descend(burst, from.after.max(Position::POLICY), Position::MINIPORT_EDGE);
                if !self.core.resume.is_empty() {
                    // An extension let deliveries go that the frames of this burst must not overtake.
                    self.egress_waiting();
                }
                self.edge(burst);
                self.on_ingress = false;
                if let Some(spent) = self.since(started) {
                    self.core.own_cost.ingress.count(packets, spent);
                }
            }
            Leg::Egress => self.egress(burst, from.after),
        }
    }

    /// Now, when this pass is measured.
    pub(crate) fn started(&self) -> Option<u64> {
        self.measured.map(|ticks| ticks())
    }

    /// Ticks since then.
    pub(crate) fn since(&self, started: Option<u64>) -> Option<u64> {
        Some(self.measured?().wrapping_sub(started?))
    }

    /// The egress leg of deliveries that have passed `after`.
    pub(crate) fn egress(&mut self, burst: &mut Burst, after: Position) {
        let (started, packets) = (self.started(), burst.len() as u64);
        self.ascend(burst, after, Position::POLICY);
        if after > Position::POLICY {
            self.egress_policy(burst);
        }
        self.ascend(burst, after.min(Position::POLICY), Position::PROTOCOL_EDGE);
        self.deliver(burst);
        if let Some(spent) = self.since(started) {
            self.core.own_cost.egress.count(packets, spent);
            if self.on_ingress {
                self.core.own_cost.ingress.not(spent);
            }
        }
    }

    /// Runs what was let go on the egress leg, in the middle of a burst: the rest of the burst must not overtake it.
    /// Ends, because each release goes on strictly behind where the frame was.
    pub(crate) fn egress_waiting(&mut self) {
        let Some(mut burst) = self.core.overtaken.take() else { return };
        while let Some(resume) = self.core.resume.next_point().filter(|resume| resume.leg == Leg::Egress) {
            self.core.take_waiting(self.snapshot, &mut burst, resume);
            self.egress(&mut burst, resume.after);
        }
        self.core.overtaken = Some(burst);
    }

    /// Calls the ingress functions of the extensions strictly between two positions, from the port inwards.
    fn descend(&mut self, burst: &mut Burst, after: Position, before: Position) {
        for index in 0..self.snapshot.stages.len() {
            let stage = &self.snapshot.stages[index];
            if burst.is_empty() || stage.position >= before {
                return;
            }
            if stage.ingress && stage.position > after {
                self.call(burst, index, Leg::Ingress);
            }
        }
    }

    /// Calls the egress functions of the extensions strictly between two positions, outwards to the ports.
    fn ascend(&mut self, burst: &mut Burst, after: Position, down_to: Position) {
        for index in (0..self.snapshot.stages.len()).rev() {
            let stage = &self.snapshot.stages[index];
            if burst.is_empty() || stage.position <= down_to {
                return;
            }
            if stage.egress && stage.position < after {
                self.call(burst, index, Leg::Egress);
            }
        }
    }

    fn call(&mut self, burst: &mut Burst, index: usize, leg: Leg) {
        let (Some(entry), Some(running)) = (self.snapshot.stages.get(index), self.running.get_mut(index)) else {
            return;
        };
        let packets = burst.len() as u64;
        if !running.sees_copies {
            burst.take_down();
        }
        let started = self.measured.map(|ticks| ticks());
        let end = {
            let mut call = Call::new(self.core, self.snapshot, burst, (entry, &mut running.counters), leg);
            running.stage.process(&mut call)
        };
        if let (Some(ticks), Some(started)) = (self.measured, started) {
            let spent = ticks().wrapping_sub(started);
            // The leg as a whole is timed too; what extensions take is not the switch's own cost.
            match leg {
                Leg::Ingress => self.core.own_cost.ingress.not(spent),
                Leg::Egress => self.core.own_cost.egress.not(spent),
            }
            let [ingress, egress] = &mut running.counters.cost;
            let cost = if leg == Leg::Ingress { ingress } else { egress };
            cost.count(packets, spent);
        }
        running.counters.packets += packets;
        if end != CallEnd::Returned {
            running.counters.failures += 1;
        }
        if running.sees_copies {
            if end == CallEnd::Returned {
                return;
            }
            burst.take_down();
        }
        self.core.settle(burst, entry, leg, end, self.snapshot, &mut running.counters);
    }

    /// The extensions' periodic calls.
    pub(crate) fn tick_extensions(&mut self, burst: &mut Burst) {
        for (entry, running) in self.snapshot.stages.iter().zip(self.running.iter_mut()).filter(|(entry, _)| entry.tick)
        {
            let mut call = Call::new(self.core, self.snapshot, burst, (entry, &mut running.counters), Leg::Ingress);
            if running.stage.tick(&mut call) == CallEnd::Failed {
                running.counters.failures += 1;
            }
        }
    }

    /// Whether a forwarding extension decides destinations.
    pub(crate) fn has_forwarder(&self) -> bool {
        self.snapshot.stages.iter().any(|stage| stage.role == Role::Forwarding && stage.ingress)
    }
}
