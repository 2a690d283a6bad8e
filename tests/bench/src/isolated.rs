//! What a process of its own costs: a pass-through filter there, at most so many bursts under way.
//!
//! Two figures a packet: cycles the switch's thread spends (copying out, taking back, waiting not counted), and cycles from end
//! to end while bursts are under way. Compare with `forward.64.m1024.x1`, the same file in the switch process.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use heddle_host::control::model::Patience;
use heddle_host::loader::isolation::launch;
use heddle_host::loader::library::Judged;
use heddle_host::loader::{InstanceShared, Services};
use heddle_switch_core::stage::{OnFailure, Position, Role, StageEntry, StageId};

use crate::bridge::{Bridge, Plan};
use crate::clock::{exact, ticks};
use crate::passing::{Stack, beside};
use crate::report::Figure;

/// Packets in a run.
const PACKETS: usize = 200_000;
/// Packets under way, at most.
const WINDOW: u64 = 512;

/// A switch with the filter in a process of its own.
pub(crate) struct Isolated {
    bridge: Bridge,
    host: Vec<f64>,
    whole: Vec<f64>,
}

impl Isolated {
    /// Starts the process; before this one is tied to a core, which the child would inherit.
    pub(crate) fn new(plan: &Plan) -> Result<Isolated> {
        let judged =
            Judged::read(&beside("libheddle_passthrough.so")?).context("cannot read the pass-through filter")?;
        let facts = judged.facts();
        let (identity, services) = ((facts.id.clone(), facts.role), Services::start()?);
        let shared = InstanceShared::new(identity, 1, services, Arc::default(), Arc::default(), Arc::default());
        let guest = launch(&judged, 1)?.create(shared, "", Patience::default())?;
        let (ingress, egress, tick) = guest.functions();
        let entry = StageEntry {
            id: StageId(1),
            role: Role::Filter,
            position: Position::of(Role::Filter, 1),
            ingress,
            egress,
            tick,
            sampling: None,
            hold_quota: 0,
            hold_max_ns: 0,
            on_failure: OnFailure::Open,
            codes: Default::default(),
        };
        let contexts: Vec<(StageId, Box<dyn heddle_switch_core::stage::Stage>)> =
            vec![(StageId(1), Box::new(guest.worker(0)?))];
        let bridge = Bridge::with(plan, Stack { entries: vec![entry], contexts, busy: None })?;
        Ok(Isolated { bridge, host: Vec::new(), whole: Vec::new() })
    }

    /// One run.
    pub(crate) fn run(&mut self, mut now_ns: impl FnMut() -> u64) -> Result<()> {
        let (mut fed, mut host) = (0, 0);
        let before = self.bridge.totals()?;
        let started = ticks();
        while fed < PACKETS {
            self.bridge.set_time(now_ns());
            if self.bridge.held() < WINDOW {
                let start = ticks();
                fed += self.bridge.forward(1)?;
                host += ticks() - start;
            }
            host += self.bridge.collect();
        }
        while self.bridge.held() > 0 {
            self.bridge.set_time(now_ns());
            host += self.bridge.collect();
        }
        let whole = ticks() - started;
        let after = self.bridge.totals()?;
        ensure!(
            after.tx - before.tx + after.dropped - before.dropped == fed as u64,
            "frames were lost: {before:?} .. {after:?} of {fed}"
        );
        self.host.push(exact(host) / exact(fed as u64));
        self.whole.push(exact(whole) / exact(fed as u64));
        Ok(())
    }

    /// The figures.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        vec![
            Figure::of("isolation.64.host", "cycles", &self.host),
            Figure::of("isolation.64.whole", "cycles", &self.whole),
        ]
    }
}
