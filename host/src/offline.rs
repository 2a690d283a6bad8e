//! A switch without daemon, devices, threads or root: one process, memory ports, and a clock that is a number.
//!
//! For trying an extension on a capture file, and for judging one: the same loader, the same core, the same host table as
//! in the daemon, but nothing happens unless the caller makes it happen. [`OfflineSwitch::feed`] gives frames to a port at a
//! virtual time and tells what became of them; feed one at a time for the fate of each. Ports are created and changed with
//! the core's own bookkeeping ([`OfflineSwitch::change`]), so extensions are told in the guaranteed order and may veto.
//!
//! Not here: periodic calls of the daemon's upkeep other than [`OfflineSwitch::tick`], restarts after panics, quarantine.
//! Datagrams are collected instead of sent. Memory is on the heap; its size is [`OfflineSetup::buffers`].

mod extension;
mod outcome;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use heddle_switch_core::arena::{Arena, ArenaSize, HeapRegion, RegionTooSmall};
use heddle_switch_core::counters::{Counters, Law, PortCounters};
use heddle_switch_core::drop_codes::DropCodes;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::fdb::FdbLimits;
use heddle_switch_core::pool::Homes;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{OnFailure, Role, Stage, StageId};
use heddle_switch_core::switch::{EnableError, EventSink, PortError, PortSpec, StageSpec, Switch, SwitchKind};
use heddle_switch_core::vlan_count::VlanCounters;
use heddle_switch_core::worker::Update;

use crate::loader::isolation::Guest;
use crate::loader::{CreateFailure, Groups, PortDirectory, Services, Unsent, port_info};
pub use extension::{OfflineExtension, OfflineSink};
pub use outcome::{Delivery, Drop, Outcome};
use worker::{Bystander, Ring};
pub use worker::{InFrame, OfflineWorker};

/// Longest wait for what a child process does in one step; one that takes longer is left to the next step.
const CHILD_PATIENCE: Duration = Duration::from_secs(60);
/// How often a child that is at work is looked at.
const CHILD_LOOK: Duration = Duration::from_micros(20);
/// Rounds of one step, at most.
const ROUNDS_MAX: usize = 64;

/// What an offline switch is made of.
#[derive(Clone, Debug)]
pub struct OfflineSetup {
    /// Name of the switch, as extensions are told it.
    pub name: String,
    /// Its kind.
    pub kind: SwitchKind,
    /// Workers, each with a context of every extension.
    pub workers: u16,
    /// Buffers of each worker: small, medium, large.
    pub buffers: [u32; 3],
    /// Limits of each worker's filtering database.
    pub fdb: FdbLimits,
    /// Seed of the filtering database's hash.
    pub seed: u64,
    /// Frames an extension may hold at a time on one worker.
    pub hold_quota: u32,
    /// Longest time an extension may hold a frame, in nanoseconds.
    pub hold_max_ns: u64,
    /// Whether one burst in sixteen is timed.
    pub measured: bool,
    /// Whether extensions run in debug mode.
    pub debug: bool,
}

impl Default for OfflineSetup {
    /// One worker; limits as in the daemon, with fewer buffers.
    fn default() -> OfflineSetup {
        OfflineSetup {
            name: "offline".to_owned(),
            kind: SwitchKind::External,
            workers: 1,
            buffers: [2_048, 128, 32],
            fdb: FdbLimits { max_entries: 8_192, max_per_port: 4_096 },
            seed: 1,
            hold_quota: 4_096,
            hold_max_ns: 5_000_000_000,
            measured: false,
            debug: false,
        }
    }
}

/// Why an offline switch cannot do what it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Packet memory cannot be cut into buffers.
    #[error("the packet memory does not hold its buffers: {0}")]
    Memory(#[from] RegionTooSmall),
    /// The extension could not be made.
    #[error("the extension cannot be enabled: {0}")]
    Create(#[from] CreateFailure),
    /// It was refused a place, or refused what it was told.
    #[error("the extension cannot be enabled: {0}")]
    Enable(#[from] EnableError),
}

/// The switch.
pub struct OfflineSwitch {
    setup: OfflineSetup,
    switch: Switch,
    workers: Vec<OfflineWorker>,
    /// `rings[from][to]`.
    rings: Vec<Vec<Ring>>,
    groups: Arc<Groups>,
    directory: Arc<PortDirectory>,
    services: Arc<Services>,
    unsent: Unsent,
    dropped: Arc<Mutex<Vec<Dropped>>>,
    enabled: Vec<OfflineExtension>,
    now_ns: u64,
}

impl OfflineSwitch {
    /// A switch without ports and extensions.
    pub fn new(setup: OfflineSetup) -> Result<OfflineSwitch, OfflineError> {
        let workers = setup.workers.max(1);
        let size = ArenaSize { buffers: setup.buffers.map(|each| each.saturating_mul(u32::from(workers))) };
        let (arena, handles) = Arena::carve(Box::new(HeapRegion::new(size.bytes())), size)?;
        let arena = Arc::new(arena);
        let (homes, shares) = Homes::cut(handles, workers);
        let seat = |(id, share)| OfflineWorker::new(id, &setup, &arena, &homes, share);
        let seats = (0..workers).zip(shares).map(seat).collect();
        let rings = (0..workers).map(|_| (0..workers).map(|_| Ring::default()).collect()).collect();
        let (services, unsent) = Services::unsent();
        let mut switch = OfflineSwitch {
            switch: Switch::new(setup.kind, 300),
            setup,
            workers: seats,
            rings,
            groups: Arc::default(),
            directory: Arc::default(),
            services,
            unsent,
            dropped: Arc::default(),
            enabled: Vec::new(),
            now_ns: 1_000_000_000,
        };
        switch.watch_drops()?;
        Ok(switch)
    }

    /// Puts a stage into the stack that is never called with frames and is told of every drop.
    fn watch_drops(&mut self) -> Result<(), OfflineError> {
        let spec = StageSpec {
            role: Role::Capture,
            ingress: false,
            egress: false,
            tick: false,
            sampling: None,
            hold_quota: 0,
            hold_max_ns: 0,
            on_failure: OnFailure::Open,
            codes: DropCodes::any(),
        };
        let entry = self.switch.introduce(&spec, &mut OfflineSink::nobody())?;
        let id = entry.id;
        self.switch.enable(entry);
        let bystander = |_: &OfflineWorker| Box::new(Bystander::new(Arc::clone(&self.dropped))) as Box<dyn Stage>;
        let started = self.workers.iter().map(|worker| vec![(id, bystander(worker))]).collect();
        self.publish(started);
        // It is asked what it wants with the first tick.
        self.workers.iter_mut().for_each(|worker| worker.tick(self.now_ns));
        Ok(())
    }

    /// Adds a port with a connected NIC; extensions are told, and may refuse it.
    pub fn add_port(&mut self, spec: PortSpec) -> Result<PortId, PortError> {
        let id = self.change(|switch, sink| switch.create_port(spec, sink))?;
        if let Err(refused) = self.change(|switch, sink| switch.create_nic(id, sink)) {
            self.change(|switch, sink| switch.delete_port(id, sink))?;
            return Err(refused);
        }
        self.change(|switch, sink| switch.connect_nic(id, sink))?;
        Ok(id)
    }

    /// Disconnects and deletes a port's NIC and the port.
    pub fn remove_port(&mut self, id: PortId) -> Result<(), PortError> {
        self.change(|switch, sink| switch.disconnect_nic(id, sink))?;
        self.change(|switch, sink| switch.delete_nic(id, sink))?;
        self.change(|switch, sink| switch.delete_port(id, sink)).map(|_| ())
    }

    /// Changes the tables, telling extensions of it, and has every worker take up the result.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Switch, &mut dyn EventSink) -> T) -> T {
        let mut sink = OfflineSink::of(&self.enabled, &self.directory, &self.setup.name);
        let result = change(&mut self.switch, &mut sink);
        self.refresh_directory();
        self.publish(Vec::new());
        result
    }

    /// The tables as they are.
    pub fn tables(&self) -> &Switch {
        &self.switch
    }

    /// Gives frames to a port on one worker and runs the switch until nothing goes on by itself.
    pub fn feed(&mut self, now_ns: u64, worker: u16, port: PortId, frames: &[InFrame]) -> Outcome {
        self.now_ns = now_ns;
        let before = self.law();
        if let Some(worker) = self.workers.get_mut(usize::from(worker)) {
            worker.feed(now_ns, port, frames);
        }
        self.settle();
        self.outcome(&before)
    }

    /// Periodic work: of every worker, then the extensions' periodic control calls. What these change in groups of ports
    /// takes effect at once.
    pub fn tick(&mut self, now_ns: u64) -> Outcome {
        self.now_ns = now_ns;
        let before = self.law();
        self.workers.iter_mut().for_each(|worker| worker.tick(now_ns));
        self.settle();
        self.refresh_directory();
        for one in self.enabled.iter().filter(|one| !one.instance().has_panicked()) {
            one.instance().tick(now_ns);
        }
        if self.groups.have_changed() {
            self.publish(Vec::new());
        }
        self.outcome(&before)
    }

    /// Time of the last feed or tick, in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The workers, for callers that drive them on threads of their own; [`OfflineSwitch::collect`] tells what came of it.
    pub fn workers(&mut self) -> &mut [OfflineWorker] {
        &mut self.workers
    }

    /// What happened on workers since the last outcome.
    pub fn collect(&mut self) -> Outcome {
        let before = self.law();
        self.settle();
        self.outcome(&before)
    }

    /// Counters of all workers.
    pub fn counters(&self) -> Counters {
        // A report covers the ports there are; the sum of the default covers all there could be and costs accordingly.
        let mut reports = self.workers.iter().map(OfflineWorker::counters);
        let mut sum = reports.next().unwrap_or_default();
        reports.for_each(|report| sum.add(&report));
        sum
    }

    /// Terms of the conservation law, of all workers.
    fn law(&self) -> Law {
        let mut sum = Law::default();
        self.workers.iter().for_each(|worker| sum.add(&worker.counters().law));
        sum
    }

    /// Datagrams that extensions sent since the last time: address and payload.
    pub fn datagrams(&mut self) -> Vec<(std::net::SocketAddr, Vec<u8>)> {
        self.unsent.take()
    }

    /// Name and text of a drop code, the switch's own or one that an extension registered.
    pub fn describe_drop(&self, code: u16) -> (String, String) {
        outcome::describe(&self.services.reasons, code)
    }

    /// Hands frames from worker to worker until nothing is under way, not in a child process either. Extensions that inject
    /// for each other without an end are left to the next step.
    fn settle(&mut self) {
        self.hand_on();
        let children: Vec<Arc<Guest>> =
            self.enabled.iter().filter_map(OfflineExtension::child).map(Arc::clone).collect();
        if children.is_empty() {
            return;
        }
        let deadline = Instant::now() + CHILD_PATIENCE;
        let mut rounds = 0;
        while rounds < ROUNDS_MAX && Instant::now() < deadline {
            // Asked before what is done is taken in: what came meanwhile has a round of its own.
            let quiet = children.iter().all(|child| child.has_answered(self.workers.len()));
            let now_ns = self.now_ns;
            let mut any = false;
            for worker in &mut self.workers {
                any |= worker.collect(now_ns);
            }
            if any {
                rounds += 1;
                self.hand_on();
            } else if !quiet {
                std::thread::sleep(CHILD_LOOK);
            } else if children.iter().all(|child| child.has_answered(self.workers.len())) {
                return;
            }
        }
    }

    /// The same in this process.
    fn hand_on(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let mut moved = false;
            for (from, (worker, rings)) in self.workers.iter_mut().zip(&mut self.rings).enumerate() {
                for (to, ring) in rings.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                    worker.send(to, ring);
                    moved |= !ring.is_empty();
                }
            }
            for rings in &mut self.rings {
                for (ring, worker) in rings.iter_mut().zip(&mut self.workers) {
                    worker.take_in(ring);
                }
            }
            if !moved && !self.workers.iter().any(OfflineWorker::has_work) {
                return;
            }
            self.workers.iter_mut().for_each(OfflineWorker::go_on);
        }
    }

    fn outcome(&mut self, before: &Law) -> Outcome {
        let deliveries = self.workers.iter_mut().flat_map(OfflineWorker::take_deliveries).collect();
        let dropped = std::mem::take(&mut *self.dropped.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let reasons = &self.services.reasons;
        let drops = dropped.iter().map(|dropped| Drop::of(dropped, reasons)).collect();
        Outcome::new(deliveries, drops, before, &self.law())
    }

    /// What extensions learn when they ask about ports.
    fn refresh_directory(&self) {
        let counters = self.counters();
        for port in self.switch.ports() {
            let of_port = counters.ports.get(port.id.slot()).copied().unwrap_or_default();
            self.directory.put(port.id, port_info(port, &of_port));
        }
        for gone in self.directory.ids().into_iter().filter(|id| self.switch.port(*id).is_none()) {
            self.directory.remove(gone);
        }
        let mut vlans: BTreeMap<u16, VlanCounters> = BTreeMap::new();
        for (vid, counters) in self.workers.iter().flat_map(OfflineWorker::vlan_counters) {
            vlans.entry(vid).or_default().add(&counters);
        }
        self.directory.put_vlans(vlans);
    }

    /// Has every worker take up the tables; contexts of extensions that are gone end here.
    fn publish(&mut self, started: Vec<Vec<(StageId, Box<dyn Stage>)>>) {
        let snapshot = Arc::new(self.switch.snapshot(self.groups.for_snapshot()));
        let mut started = started.into_iter();
        for worker in &mut self.workers {
            worker.update(Update { snapshot: Arc::clone(&snapshot), started: started.next().unwrap_or_default() });
        }
        self.settle();
    }
}

/// A port for tests and tools: synthetic, up, untagged, MTU 1500, no address, on worker 0.
pub fn plain_port(name: &str) -> PortSpec {
    PortSpec {
        name: name.to_owned(),
        kind: heddle_switch_core::switch::PortKind::Synthetic,
        admin_up: true,
        mac: None,
        vlan: heddle_switch_core::vlan::VlanMode::Untagged,
        mtu: 1_500,
        speed_mbps: 10_000,
        owner: 0,
        capabilities: heddle_switch_core::frame::Capabilities::default(),
        on_failure: None,
    }
}

/// Counters of a port that has none yet.
pub(crate) fn no_counters() -> PortCounters {
    PortCounters::default()
}
