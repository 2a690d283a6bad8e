//! A worker: everything one core needs to forward without asking anybody.
//!
//! It owns its replica of the filtering database, its buffer pool, its counters, its held frames and its context of each
//! extension; it shares the arena and an immutable snapshot. The host calls it with frames, messages and the time; it
//! calls back only to hand frames to devices ([`Devices`]). It never reads a clock, blocks or takes a lock.

use std::sync::Arc;

use heddle_extension_api::abi::packet::OffloadFacts;

use crate::arena::Arena;
use crate::burst::{BURST, Burst};
use crate::counters::{Counters, OwnCost, StageCounters};
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::dropped::{DropShare, Dropped, Drops};
use crate::edge::Scratch;
use crate::fdb::{Fdb, FdbLimits};
use crate::flaps::{FlapTable, Flaps};
use crate::frame::{RxFrame, TxFrame, TxReport};
use crate::held::Held;
use crate::message::{HandOver, Learnt, Link, Outbox};
use crate::pick::Skips;
use crate::pool::Pool;
use crate::port_id::{PORTS_MAX, PortId};
use crate::resume::Waiting;
use crate::sample::Samples;
use crate::snapshot::Snapshot;
use crate::stage::{ResumePoint, Stage, StageId};
use crate::vlan_count::VlanTable;

/// Frames collected for one port before they are handed to its device.
pub const TX_BATCH: usize = 256;
/// Re-entering frames run in one go: all that can wait, twice over. The rest waits for the next call, so that two
/// extensions that inject for each other cannot keep the worker from its ports.
const RESUME_RUN: usize = 2 * crate::resume::RESUME_MAX;
/// One burst in this many is timed.
const MEASURE_EVERY: u32 = 16;

/// Hands frames to devices.
pub trait Devices {
    /// Sends or refuses all of `frames` (empty afterwards) on the port in `slot`, which this worker owns.
    fn transmit(&mut self, slot: usize, pool: &mut Pool, frames: &mut Vec<TxFrame>) -> TxReport;

    /// Whether somebody looks at dropped frames; asked with each periodic call.
    fn wants_drops(&self) -> bool {
        false
    }

    /// A dropped frame; `withheld` were not told since the last one.
    fn dropped(&mut self, dropped: &Dropped, withheld: u64) {
        let _ = (dropped, withheld);
    }
}

/// What a worker is made of.
pub struct WorkerConfig {
    /// Number of this worker.
    pub id: u16,
    /// Number of workers of the switch.
    pub workers: u16,
    /// Its pool.
    pub pool: Pool,
    /// Limits of its filtering database.
    pub fdb: FdbLimits,
    /// Seed of that database's hash; a secret of the host, so that nobody can aim at one bucket.
    pub seed: u64,
    /// Cycle counter for cost accounting; `None` = not measured.
    pub ticks: Option<fn() -> u64>,
}

/// A worker without its extensions: what a call into an extension may reach.
pub struct Core {
    pub(crate) id: u16,
    pub(crate) arena: Arc<Arena>,
    pub(crate) pool: Pool,
    pub(crate) fdb: Fdb,
    pub(crate) counters: Counters,
    pub(crate) flaps: FlapTable,
    pub(crate) held: Held,
    pub(crate) resume: Waiting,
    pub(crate) samples: Samples,
    pub(crate) drops: Drops,
    pub(crate) vlans: VlanTable,
    pub(crate) tx: Box<[Vec<TxFrame>]>,
    pub(crate) dirty: Vec<u16>,
    pub(crate) outboxes: Vec<Outbox>,
    pub(crate) offload_facts: Vec<OffloadFacts>,
    pub(crate) expanded: Option<Burst>,
    pub(crate) overtaken: Option<Burst>,
    pub(crate) ticks: Option<fn() -> u64>,
    pub(crate) measuring: u32,
    pub(crate) own_cost: OwnCost,
    pub(crate) now_ns: u64,
    pub(crate) now_s: u32,
}

/// An extension's context with what the worker keeps about it.
pub(crate) struct Running {
    pub(crate) id: StageId,
    pub(crate) stage: Box<dyn Stage>,
    pub(crate) counters: StageCounters,
    pub(crate) skips: Skips,
    pub(crate) drops: DropShare,
    /// It is shown copies: what it writes reaches no burst.
    pub(crate) sees_copies: bool,
    /// Whether frames are lent to it, and come back later.
    pub(crate) remote: bool,
}

/// The worker.
pub struct Worker {
    pub(crate) core: Core,
    pub(crate) running: Vec<Running>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) burst: Option<Burst>,
    scratch: Box<Scratch>,
}

/// A change for one worker: the new snapshot, and the contexts of extensions it does not run yet.
pub struct Update {
    /// The snapshot to forward by from now on.
    pub snapshot: Arc<Snapshot>,
    /// New contexts.
    pub started: Vec<(StageId, Box<dyn Stage>)>,
}

impl Worker {
    /// A worker with an empty switch.
    pub fn new(config: WorkerConfig) -> Worker {
        let arena = Arc::clone(config.pool.arena());
        let core = Core {
            id: config.id,
            arena,
            pool: config.pool,
            fdb: Fdb::new(config.fdb, config.seed),
            counters: Counters::default(),
            flaps: FlapTable::default(),
            held: Held::new(config.id),
            resume: Waiting::default(),
            samples: Samples::default(),
            drops: Drops::default(),
            vlans: VlanTable::default(),
            tx: (0..PORTS_MAX).map(|_| Vec::new()).collect(),
            dirty: Vec::with_capacity(PORTS_MAX),
            outboxes: (0..config.workers).map(|_| Outbox::default()).collect(),
            offload_facts: Vec::with_capacity(BURST),
            expanded: Some(Burst::default()),
            overtaken: Some(Burst::default()),
            ticks: config.ticks,
            measuring: 0,
            own_cost: OwnCost::default(),
            now_ns: 0,
            now_s: 0,
        };
        let snapshot = Arc::new(Snapshot::new(0, Vec::new(), Vec::new()));
        Worker { core, running: Vec::new(), snapshot, burst: Some(Burst::default()), scratch: Box::default() }
    }

    /// Takes up a new snapshot between two bursts; gives back the contexts of extensions that are gone, with their
    /// counters. What they held is dropped as `extension-disabled`.
    pub fn update(&mut self, update: Update) -> Vec<(StageId, Box<dyn Stage>, StageCounters)> {
        let stays = |id: StageId| update.snapshot.stages.iter().any(|stage| stage.id == id);
        for (id, mut stage) in update.started {
            let (skips, drops) = (Skips::start(&mut *stage), Running::drops_from(&self.core));
            let (counters, sees_copies, remote) = (StageCounters::default(), stage.sees_copies(), stage.is_remote());
            self.running.push(Running { id, stage, counters, skips, drops, sees_copies, remote });
        }
        let (mut kept, gone): (Vec<Running>, Vec<Running>) =
            std::mem::take(&mut self.running).into_iter().partition(|running| stays(running.id));
        let order = |id: StageId| update.snapshot.stages.iter().position(|stage| stage.id == id);
        kept.sort_by_key(|running| order(running.id));
        self.running = kept;
        self.count_vlans_for();
        for running in &gone {
            self.core.return_lent(running.id, &self.snapshot);
            self.core.drain_held(running.id, DropReason::ExtensionDisabled);
        }
        self.core.adopt(&self.snapshot, &update.snapshot);
        let (old, new) = (&self.snapshot.stages, &update.snapshot.stages);
        self.core.resume.moved(|position| {
            let stage = old.iter().find(|stage| stage.position == position)?;
            new.iter().find(|now| now.id == stage.id).map(|now| now.position)
        });
        self.snapshot = update.snapshot;
        gone.into_iter().map(|running| (running.id, running.stage, running.counters)).collect()
    }

    /// Asks a sampling extension anew how many frames to skip: its configuration has changed, and the count under way may
    /// be one of a rate that no longer holds, or stand for no sampling at all.
    pub fn resample(&mut self, id: StageId) {
        if let Some(running) = self.running.iter_mut().find(|running| running.id == id) {
            running.skips.redraw(&mut *running.stage);
        }
    }

    /// Takes in frames of one port and runs them, and whatever they set free, to the end.
    pub fn receive(&mut self, now_ns: u64, source: PortId, frames: &mut Vec<RxFrame>, devices: &mut dyn Devices) {
        self.set_time(now_ns);
        let Some(mut burst) = self.burst.take() else { return };
        for frames in frames.chunks_mut(BURST) {
            // What waits is older than what comes.
            self.run_waiting(&mut burst, devices);
            let mut pass = self.pass(devices);
            pass.intake(source, frames, &mut burst);
            pass.run(&mut burst, ResumePoint::START);
        }
        frames.clear();
        self.burst = Some(burst);
        self.go_on(devices);
    }

    /// Periodic work: frames held too long, ageing, the extensions' own periodic calls.
    pub fn tick(&mut self, now_ns: u64, devices: &mut dyn Devices) {
        self.set_time(now_ns);
        for entry in self.core.held.expired(now_ns, &self.snapshot.stages) {
            self.core.end_entry(entry, DropReason::HoldExpired.code());
        }
        self.core.fdb.age(self.core.now_s, AGE_BUCKETS);
        self.ask_for_drops(devices);
        if let Some(mut burst) = self.burst.take() {
            self.pass(devices).tick_extensions(&mut burst);
            self.burst = Some(burst);
        }
        self.go_on(devices);
    }

    /// Runs frames that were released or injected, transmits, and reports samples.
    pub fn go_on(&mut self, devices: &mut dyn Devices) {
        if let Some(mut burst) = self.burst.take() {
            self.run_waiting(&mut burst, devices);
            self.burst = Some(burst);
        }
        self.core.flush(devices);
        self.report_samples();
        self.tell_drops(devices);
        self.core.measuring = self.core.measuring.wrapping_add(1);
    }

    pub(crate) fn run_waiting(&mut self, burst: &mut Burst, devices: &mut dyn Devices) {
        let mut run = 0;
        while run < RESUME_RUN
            && let Some(resume) = self.core.resume.next_point()
        {
            run += self.core.take_waiting(&self.snapshot, burst, resume);
            self.pass(devices).run(burst, resume);
        }
    }

    /// Whether frames wait to go on.
    pub fn has_work(&self) -> bool {
        !self.core.resume.is_empty()
    }

    /// Sends what was collected for worker `peer` on its way.
    pub fn exchange(&mut self, peer: u16, link: &mut dyn Link) {
        let Some(outbox) = self.core.outboxes.get_mut(usize::from(peer)) else { return };
        let mut refused = Vec::new();
        for message in outbox.frames.drain(..) {
            if let Err(message) = link.frame(message) {
                refused.push(message);
            }
        }
        for message in outbox.learnt.drain(..) {
            if !link.learnt(message) {
                self.core.counters.fdb_sync_lost += 1;
            }
        }
        for HandOver { port, frame } in refused {
            self.core.count_drop(DropReason::HandoverFull, (PortId::NONE, port), (&frame).into());
            self.core.pool.free(frame.buf);
        }
        let Some(homeward) = self.core.pool.outbox(peer) else { return };
        while let Some(buf) = homeward.pop() {
            if let Err(buf) = link.buffer(buf) {
                homeward.push(buf);
                break;
            }
        }
    }

    /// A frame from another worker for a port of this one.
    pub fn accept(&mut self, message: HandOver, devices: &mut dyn Devices) {
        match self.snapshot.port(message.port) {
            Some(port) if port.owner == self.core.id => self.core.enqueue(message.port, message.frame, devices),
            _ => {
                let HandOver { port, frame } = message;
                self.core.count_drop(DropReason::PortGone, (PortId::NONE, port), (&frame).into());
                self.core.pool.free(frame.buf);
            }
        }
    }

    /// An address another worker learnt.
    pub fn accept_learnt(&mut self, message: Learnt) {
        if self.snapshot.port(message.port).is_some() {
            let place = self.core.fdb.place(message.key);
            let slot = u16::try_from(message.port.slot()).unwrap_or(u16::MAX);
            self.core.fdb.learn(place, message.key, slot, message.now_s);
        }
    }

    /// Its pool, for receive calls and buffers that come home.
    pub fn pool(&mut self) -> &mut Pool {
        &mut self.core.pool
    }

    /// Its filtering database.
    pub fn fdb(&mut self) -> &mut Fdb {
        &mut self.core.fdb
    }

    /// Moves of stations between ports since the last time, by pair of ports; `None` when there were none.
    pub fn take_flaps(&mut self) -> Option<(Vec<Flaps>, u32)> {
        (!self.core.flaps.is_empty()).then(|| self.core.flaps.take())
    }

    /// The snapshot it forwards by.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// A copy of its counters, with what is held right now.
    pub fn counters(&self) -> Counters {
        let mut counters = self.core.counters.report(self.snapshot.ports.len().max(1));
        counters.law.held = self.core.held.held() + self.core.resume.len() as u64;
        counters
    }

    /// Counters of its extensions, and of the switch's own work.
    pub fn stage_counters(&self) -> (Vec<(StageId, StageCounters)>, OwnCost) {
        (self.running.iter().map(|running| (running.id, running.counters)).collect(), self.core.own_cost)
    }

    pub(crate) fn set_time(&mut self, now_ns: u64) {
        self.core.now_ns = now_ns;
        #[expect(clippy::cast_possible_truncation, reason = "seconds wrap after 136 years; the database is wrap-safe")]
        let now_s = (now_ns / 1_000_000_000) as u32;
        self.core.now_s = now_s;
    }

    pub(crate) fn pass<'a>(&'a mut self, devices: &'a mut dyn Devices) -> Pass<'a> {
        let measured = self.core.ticks.filter(|_| self.core.measuring.is_multiple_of(MEASURE_EVERY));
        Pass {
            core: &mut self.core,
            running: &mut self.running,
            scratch: &mut self.scratch,
            snapshot: &self.snapshot,
            devices,
            measured,
            on_ingress: false,
        }
    }

    fn report_samples(&mut self) {
        while let Some((index, mut sample)) = self.core.samples.next_done() {
            if let Some(running) = self.running.iter_mut().find(|running| running.id == sample.stage) {
                for _ in 0..sample.hits {
                    running.stage.sampled(&sample);
                    // What was lost before is told once.
                    sample.lost = 0;
                }
            }
            self.core.samples.recycle(index, sample);
        }
    }
}

/// Buckets of the filtering database looked at per tick: the whole default table in about ten seconds of 10 ms ticks.
const AGE_BUCKETS: usize = 64;
