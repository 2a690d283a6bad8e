//! Scenarios: what is measured, each a bridge of its own with its figure.
//!
//! A run alternates slices of a fraction of a millisecond with and without the switch and takes the median of each, so
//! that an interruption spoils a slice and not a run, and a change of the core's speed hits both alike. What happens in
//! fewer than half of the slices is not in the figure. The difference per packet is the cost of switching.

use anyhow::{Result, ensure};
use heddle_switch_core::vlan::{VlanMode, VlanSet};

use crate::allocations;
use crate::bridge::{Bridge, Plan};
use crate::clock::{exact, ticks};
use crate::passing::Extensions;
use crate::report::median;
use crate::traffic::{Shape, Towards};

/// Packets in a slice.
const SLICE: usize = 4_096;
/// Slices of each kind in a run.
const SLICES: usize = 11;
/// Frames per receive call unless a scenario says otherwise: the daemon's budget of one port's turn.
pub(crate) const BURST: usize = 64;

/// A scenario with the figures of its runs so far.
pub(crate) struct Scenario {
    /// Name of its figure.
    pub(crate) name: String,
    /// Cost of switching in cycles per packet, by run.
    pub(crate) switching: Vec<f64>,
    /// Cost of the source alone, likewise.
    pub(crate) source: Vec<f64>,
    /// Allocations while forwarding, all runs.
    pub(crate) allocations: u64,
    /// Packets forwarded in measured slices, all runs.
    pub(crate) packets: u64,
    bridge: Bridge,
    delivers: bool,
    sampling: Option<u32>,
}

impl Scenario {
    /// A scenario whose addresses are all learnt.
    fn new(name: String, plan: &Plan, extensions: &Extensions) -> Result<Scenario> {
        let mut bridge = Bridge::new(plan, extensions)?;
        let round = bridge.round();
        bridge.forward(2 * round)?;
        let delivers = plan.connected && plan.shape.towards != Towards::Nowhere;
        ensure!(
            bridge.learnt() == round || plan.shape.towards == Towards::Nowhere,
            "{name}: {} of {round} addresses learnt",
            bridge.learnt()
        );
        let sampling = plan.sampling;
        Ok(Scenario {
            name,
            switching: Vec::new(),
            source: Vec::new(),
            allocations: 0,
            packets: 0,
            bridge,
            delivers,
            sampling,
        })
    }

    /// What a run sampled must be what it was to sample, give or take four standard deviations.
    fn check_samples(&self, samples: u64) -> Result<()> {
        let Some(rate) = self.sampling else { return Ok(()) };
        let expected = exact((SLICES * SLICE) as u64) / f64::from(rate);
        ensure!(
            (exact(samples) - expected).abs() <= 4.0 * expected.sqrt(),
            "{}: {samples} samples, {expected:.0} expected",
            self.name
        );
        Ok(())
    }

    /// One run. The table is brought back into the cache first: other scenarios have run meanwhile.
    pub(crate) fn run(&mut self, now_ns: u64) -> Result<()> {
        self.bridge.set_time(now_ns);
        self.bridge.forward(SLICE.max(self.bridge.round()))?;
        let before = self.bridge.totals()?;
        self.bridge.control();
        let sampled = self.bridge.samples();
        let (mut source, mut whole) = (Vec::with_capacity(SLICES), Vec::with_capacity(SLICES));
        for _ in 0..SLICES {
            self.bridge.control();
            let started = ticks();
            let packets = self.bridge.source_only(SLICE)?;
            let middle = ticks();
            source.push(per_packet(middle - started, packets));
            let allocated = allocations::count();
            let started = ticks();
            let packets = self.bridge.forward(SLICE)?;
            let ended = ticks();
            whole.push(per_packet(ended - started, packets));
            self.allocations += allocations::count() - allocated;
            self.packets += packets as u64;
        }
        let after = self.bridge.totals()?;
        ensure!(
            (after.dropped == before.dropped) == self.delivers && (after.tx > before.tx) == self.delivers,
            "{}: frames did not go where they belong: {before:?} .. {after:?}",
            self.name
        );
        self.bridge.control();
        self.check_samples(self.bridge.samples() - sampled)?;
        let (source, whole) = (median(&mut source), median(&mut whole));
        self.source.push(source);
        self.switching.push(whole - source);
        Ok(())
    }
}

fn per_packet(ticks: u64, packets: usize) -> f64 {
    exact(ticks) / exact(packets as u64)
}

/// A pair of learning ports without VLANs, and frames from each to the other.
pub(crate) fn plain(stored: usize, pairs: u32) -> Plan {
    let shape = Shape { stored, pairs, towards: Towards::Partner, tag: None };
    Plan { ports: 2, vlan: VlanMode::Untagged, connected: true, shape, extensions: 0, sampling: None, burst: BURST }
}

/// All scenarios whose name contains `only`.
pub(crate) fn all(only: &str, extensions: &Extensions) -> Result<Vec<Scenario>> {
    let named = plans().into_iter().filter(|(name, _)| name.contains(only));
    named.map(|(name, plan)| Scenario::new(name, &plan, extensions)).collect()
}

fn plans() -> Vec<(String, Plan)> {
    let mut list = Vec::new();
    // 64 bytes on the wire are stored as 60: the FCS is the device's.
    for (size, stored) in [(64, 60), (1500, 1500)] {
        for pairs in [1, 1_024, 65_536] {
            for extensions in [0, 1, 4] {
                let plan = Plan { extensions, ..plain(stored, pairs) };
                list.push((format!("forward.{size}.m{pairs}.x{extensions}"), plan));
            }
        }
    }
    for burst in [16, 32, 128, 256] {
        let plan = Plan { burst, ..plain(60, 1_024) };
        list.push((format!("forward.64.m1024.x0.burst{burst}"), plan));
    }
    let mut allowed = VlanSet::empty();
    (1..=100).for_each(|vid| allowed.insert(vid));
    let trunk = Plan { vlan: VlanMode::Trunk { native: 1, allowed }, ..plain(64, 1_024) };
    list.push(("vlan.trunk.64".into(), Plan { shape: Shape { tag: Some(10), ..trunk.shape }, ..trunk }));
    let towards = |towards| {
        let plan = plain(60, 1_024);
        Plan { shape: Shape { towards, ..plan.shape }, ..plan }
    };
    list.push(("flood.8ports.64".into(), Plan { ports: 8, burst: 32, ..towards(Towards::Everybody) }));
    // A pair for comparison: no extension, and the sFlow agent.
    list.push(("sflow.off.x0".into(), plain(60, 1_024)));
    list.push(("sflow.256.x1".into(), Plan { sampling: Some(256), ..plain(60, 1_024) }));
    list.push(("part.intake".into(), towards(Towards::Nowhere)));
    list.push(("part.edge".into(), Plan { connected: false, ..plain(60, 1_024) }));
    list
}

/// Learning: the time from an empty table to all of `pairs` known on both sides, without the source's share, in cycles.
pub(crate) struct Learning {
    bridge: Bridge,
    /// Cycles, by run.
    pub(crate) runs: Vec<f64>,
}

impl Learning {
    /// For 65,536 pairs.
    pub(crate) fn new(extensions: &Extensions) -> Result<Learning> {
        let mut bridge = Bridge::new(&plain(60, 65_536), extensions)?;
        // Once over all pages of the table: a daemon's table is in memory before the first frame.
        bridge.forward(bridge.round())?;
        Ok(Learning { bridge, runs: Vec::new() })
    }

    /// One run.
    pub(crate) fn run(&mut self, now_ns: u64) -> Result<()> {
        let round = self.bridge.round();
        self.bridge.set_time(now_ns);
        self.bridge.forget();
        let started = ticks();
        self.bridge.source_only(round)?;
        let source = ticks() - started;
        let started = ticks();
        self.bridge.forward(round)?;
        let whole = ticks() - started;
        ensure!(self.bridge.learnt() == round, "{} of {round} addresses learnt", self.bridge.learnt());
        self.runs.push(exact(whole.saturating_sub(source)));
        Ok(())
    }
}
