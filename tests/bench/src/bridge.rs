//! A switch of one worker, its ports fed from memory and emptied into nothing.
//!
//! The same worker and the same calls as in the daemon; only the device is missing. What is sent is freed at once.

use anyhow::{Result, ensure};
use heddle_host::loader::Instance;
use heddle_switch_core::arena::{Arena, ArenaSize, HeapRegion};
use heddle_switch_core::fdb::FdbLimits;
use heddle_switch_core::frame::{Capabilities, RxFrame, TxFrame, TxReport};
use heddle_switch_core::pool::{Homes, Pool};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::snapshot::{PortEntry, Snapshot};
use heddle_switch_core::vlan::VlanMode;
use heddle_switch_core::worker::{Devices, Update, Worker, WorkerConfig};
use std::sync::Arc;

use crate::clock::ticks;
use crate::passing::{Extensions, Stack};
use crate::traffic::{Shape, Source};

/// Small buffers: twice what the deepest burst and flood hold at a time; the hot set is smaller, as the pool is LIFO.
const BUFFERS: u32 = 1_024;

/// What a scenario switches.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Ports; the first two send.
    pub(crate) ports: u16,
    /// VLAN rules of every port.
    pub(crate) vlan: VlanMode,
    /// Whether the ports are connected; frames to one that is not end at the egress policy.
    pub(crate) connected: bool,
    /// Frames.
    pub(crate) shape: Shape,
    /// Pass-through extensions.
    pub(crate) extensions: usize,
    /// One frame in so many is sampled by the sFlow agent, in place of pass-through extensions.
    pub(crate) sampling: Option<u32>,
    /// Frames per receive call.
    pub(crate) burst: usize,
}

/// The switch.
pub(crate) struct Bridge {
    worker: Worker,
    sources: [Source; 2],
    ports: [PortId; 2],
    burst: usize,
    frames: Vec<RxFrame>,
    now_ns: u64,
    busy: Option<Arc<Instance>>,
}

/// Frees what it is to send.
struct Sink;

impl Devices for Sink {
    fn transmit(&mut self, _slot: usize, pool: &mut Pool, frames: &mut Vec<TxFrame>) -> TxReport {
        let mut report = TxReport::default();
        for frame in frames.drain(..) {
            report.count_sent(&frame);
            pool.free(frame.buf);
        }
        report
    }
}

impl Bridge {
    /// A switch for `plan` that has learnt nothing yet.
    pub(crate) fn new(plan: &Plan, extensions: &Extensions) -> Result<Bridge> {
        let stack = match plan.sampling {
            Some(rate) => extensions.sflow(&format!("collector=127.0.0.1:9\nsampling={rate}\npolling=0"))?,
            None => extensions.stack(plan.extensions)?,
        };
        Bridge::with(plan, stack)
    }

    /// The same with these extensions.
    pub(crate) fn with(plan: &Plan, stack: Stack) -> Result<Bridge> {
        let size = ArenaSize { buffers: [BUFFERS, 1, 1] };
        let (arena, handles) = Arena::carve(Box::new(HeapRegion::new(size.bytes())), size)?;
        let (homes, mut shares) = Homes::cut(handles, 1);
        let share = shares.pop().unwrap_or_default();
        let pool = Pool::new(Arc::new(arena), homes, 0, share);
        let config =
            WorkerConfig { id: 0, workers: 1, pool, fdb: FdbLimits::default(), seed: 0x5eed, ticks: Some(ticks) };
        let mut worker = Worker::new(config);
        let mut entries = vec![None];
        entries.extend((1..=plan.ports).map(|slot| Some(learning_port(slot, plan))));
        let snapshot = Arc::new(Snapshot::new(1, entries, stack.entries));
        worker.update(Update { snapshot, started: stack.contexts });
        Ok(Bridge {
            worker,
            sources: [Source::new(plan.shape, 0), Source::new(plan.shape, 1)],
            ports: [PortId::new(1, 0), PortId::new(2, 0)],
            burst: plan.burst,
            frames: Vec::with_capacity(plan.burst),
            now_ns: 1_000_000_000,
            busy: stack.busy,
        })
    }

    /// What the control side does meanwhile, on another core.
    pub(crate) fn control(&self) {
        if let Some(instance) = &self.busy {
            instance.tick(self.now_ns);
        }
    }

    /// Samples that reached the control side, which counts them as dropped: nobody told it of the ports.
    pub(crate) fn samples(&self) -> u64 {
        let counters = self.busy.iter().flat_map(|instance| instance.shared().counters());
        counters.filter(|(name, ..)| name == "samples_dropped").map(|(.., value)| value).sum()
    }

    /// Frames that take both sides through all pairs once.
    pub(crate) fn round(&self) -> usize {
        self.sources.iter().map(Source::round).sum()
    }

    /// Lets time pass for ageing and for the stamps of learnt addresses.
    pub(crate) fn set_time(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// Switches at least `packets` frames, both directions in turn; the number switched.
    pub(crate) fn forward(&mut self, packets: usize) -> Result<usize> {
        self.feed(packets, |worker, now_ns, port, frames| worker.receive(now_ns, port, frames, &mut Sink))
    }

    /// Takes in what processes of extensions have finished; the cycles it took, none when there was nothing.
    pub(crate) fn collect(&mut self) -> u64 {
        let started = ticks();
        if self.worker.collect(self.now_ns, &mut Sink) { ticks() - started } else { 0 }
    }

    /// Frames in the hands of extensions.
    pub(crate) fn held(&self) -> u64 {
        self.worker.counters().law.held
    }

    /// The same with the frames given back at once: the source's own cost.
    pub(crate) fn source_only(&mut self, packets: usize) -> Result<usize> {
        self.feed(packets, |worker, _, _, frames| {
            for frame in frames.drain(..) {
                worker.pool().free(frame.buf);
            }
        })
    }

    #[inline(always)]
    fn feed(
        &mut self,
        packets: usize,
        mut take: impl FnMut(&mut Worker, u64, PortId, &mut Vec<RxFrame>),
    ) -> Result<usize> {
        let mut fed = 0;
        while fed < packets {
            for (source, port) in self.sources.iter_mut().zip(self.ports) {
                source.fill(self.worker.pool(), self.burst, &mut self.frames)?;
                take(&mut self.worker, self.now_ns, port, &mut self.frames);
                fed += self.burst;
            }
        }
        Ok(fed)
    }

    /// Forgets all learnt addresses.
    pub(crate) fn forget(&mut self) {
        self.worker.fdb().flush_all();
    }

    /// Addresses learnt.
    pub(crate) fn learnt(&mut self) -> usize {
        self.worker.fdb().len()
    }

    /// Frames sent and dropped so far; an error when the conservation law does not hold.
    pub(crate) fn totals(&self) -> Result<Totals> {
        let counters = self.worker.counters();
        ensure!(counters.law.balance() == 0, "the conservation law does not hold: {:?}", counters.law);
        Ok(Totals { tx: counters.law.tx, dropped: counters.law.dropped })
    }
}

/// Frames so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    /// Sent, each copy counted.
    pub(crate) tx: u64,
    /// Dropped.
    pub(crate) dropped: u64,
}

fn learning_port(slot: u16, plan: &Plan) -> PortEntry {
    PortEntry {
        id: PortId::new(slot, 0),
        receives: true,
        transmits: plan.connected,
        learns: true,
        floods_unknown: true,
        vlan: plan.vlan.clone(),
        mtu: 1_500,
        owner: 0,
        capabilities: Capabilities::default(),
        nics: 0,
        native: false,
        on_failure: None,
    }
}
