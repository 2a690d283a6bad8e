//! A worker of an offline switch: the core's worker with memory ports that keep what they are given.
//!
//! Devices accept everything. Rings between workers are queues without a limit of their own; what a worker collects for
//! another is bounded by the core.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use heddle_switch_core::arena::{Arena, Buf, HEADROOM};
use heddle_switch_core::call::Call;
use heddle_switch_core::counters::{Counters, StageCounters};
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::frame::{RxFrame, TxFrame, TxReport};
use heddle_switch_core::message::{HandOver, Learnt, Link};
use heddle_switch_core::offload::Offload;
use heddle_switch_core::pool::{Homes, Pool};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{CallEnd, Stage, StageId};
use heddle_switch_core::vlan_count::VlanCounters;
use heddle_switch_core::worker::{Devices, Update, Worker, WorkerConfig};

use super::{Delivery, OfflineSetup};

/// A frame for a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFrame {
    /// Its bytes, without FCS; a VLAN tag may be among them.
    pub bytes: Vec<u8>,
    /// Tag that the device took out of the bytes.
    pub tag: Option<u16>,
    /// Checksum and segmentation facts.
    pub offload: Offload,
}

impl From<&[u8]> for InFrame {
    fn from(bytes: &[u8]) -> InFrame {
        InFrame { bytes: bytes.to_owned(), ..InFrame::default() }
    }
}

/// A worker.
pub struct OfflineWorker {
    worker: Worker,
    devices: MemoryDevices,
    /// Counters of contexts that left.
    gone: BTreeMap<StageId, StageCounters>,
    missed: u64,
}

impl OfflineWorker {
    pub(super) fn new(
        id: u16,
        setup: &OfflineSetup,
        arena: &Arc<Arena>,
        homes: &Homes,
        share: [Vec<Buf>; 3],
    ) -> OfflineWorker {
        let worker = Worker::new(WorkerConfig {
            id,
            workers: setup.workers.max(1),
            pool: Pool::new(Arc::clone(arena), homes.clone(), id, share),
            fdb: setup.fdb,
            seed: setup.seed,
            ticks: setup.measured.then_some(crate::engine::ticks as fn() -> u64),
        });
        let devices = MemoryDevices { arena: Arc::clone(arena), worker: id, deliveries: Vec::new() };
        OfflineWorker { worker, devices, gone: BTreeMap::new(), missed: 0 }
    }

    /// Gives it frames of a port. Frames without a free buffer are [`OfflineWorker::missed`].
    pub fn feed(&mut self, now_ns: u64, port: PortId, frames: &[InFrame]) {
        let mut received = Vec::with_capacity(frames.len());
        for frame in frames {
            match receive(frame, &self.devices.arena, self.worker.pool()) {
                Some(frame) => received.push(frame),
                None => self.missed += 1,
            }
        }
        self.worker.receive(now_ns, port, &mut received, &mut self.devices);
    }

    /// Takes in what child processes have finished; whether there was anything.
    pub(super) fn collect(&mut self, now_ns: u64) -> bool {
        self.worker.collect(now_ns, &mut self.devices)
    }

    /// Its periodic work.
    pub fn tick(&mut self, now_ns: u64) {
        self.worker.tick(now_ns, &mut self.devices);
    }

    /// Frames that never entered the switch, because no buffer was free or they are longer than a buffer.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// What its ports were given since the last time.
    pub fn take_deliveries(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.devices.deliveries)
    }

    /// Its counters.
    pub fn counters(&self) -> Counters {
        self.worker.counters()
    }

    pub(super) fn vlan_counters(&self) -> Vec<(u16, VlanCounters)> {
        self.worker.vlan_counters().into_iter().collect()
    }

    /// Counters of an extension on this worker, whether it has left or not.
    pub fn stage_counters(&self, id: StageId) -> StageCounters {
        let mut sum = self.gone.get(&id).copied().unwrap_or_default();
        let running = self.worker.stage_counters().0;
        running.iter().filter(|(of, _)| *of == id).for_each(|(_, counters)| sum.add(counters));
        sum
    }

    pub(super) fn update(&mut self, update: Update) {
        for (id, stage, counters) in self.worker.update(update) {
            self.gone.entry(id).or_default().add(&counters);
            drop(stage);
        }
    }

    pub(super) fn has_work(&self) -> bool {
        self.worker.has_work()
    }

    pub(super) fn go_on(&mut self) {
        self.worker.go_on(&mut self.devices);
    }

    pub(super) fn send(&mut self, to: usize, ring: &mut Ring) {
        self.worker.exchange(u16::try_from(to).unwrap_or(u16::MAX), ring);
    }

    pub(super) fn take_in(&mut self, ring: &mut Ring) {
        ring.learnt.drain(..).for_each(|learnt| self.worker.accept_learnt(learnt));
        ring.buffers.drain(..).for_each(|buf| self.worker.pool().welcome(buf));
        ring.frames.drain(..).for_each(|message| self.worker.accept(message, &mut self.devices));
        self.go_on();
    }
}

fn receive(frame: &InFrame, arena: &Arena, pool: &mut Pool) -> Option<RxFrame> {
    let length = frame.bytes.len();
    let mut buf = pool.alloc_for(length)?;
    let start = usize::from(HEADROOM);
    if let Some(place) = arena.bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(start..start + length)) {
        place.copy_from_slice(&frame.bytes);
    }
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    Some(RxFrame { buf, length, start: HEADROOM, vlan_tci: frame.tag, offload: frame.offload })
}

/// Ports in memory: everything is accepted and kept.
struct MemoryDevices {
    arena: Arc<Arena>,
    worker: u16,
    deliveries: Vec<Delivery>,
}

impl Devices for MemoryDevices {
    fn transmit(&mut self, slot: usize, pool: &mut Pool, frames: &mut Vec<TxFrame>) -> TxReport {
        let mut report = TxReport::default();
        for frame in frames.drain(..) {
            report.count_sent(&frame);
            let bytes = self.arena.frame(&frame.buf, frame.start, frame.length).to_vec();
            let (worker, tag, offload) = (self.worker, frame.vlan_tci, frame.offload);
            self.deliveries.push(Delivery { slot, worker, bytes, tag, offload });
            pool.free(frame.buf);
        }
        report
    }
}

/// The way from one worker to another.
#[derive(Default)]
pub(super) struct Ring {
    frames: VecDeque<HandOver>,
    learnt: VecDeque<Learnt>,
    buffers: VecDeque<Buf>,
}

impl Ring {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.learnt.is_empty() && self.buffers.is_empty()
    }
}

impl Link for Ring {
    fn frame(&mut self, message: HandOver) -> Result<(), HandOver> {
        self.frames.push_back(message);
        Ok(())
    }

    fn learnt(&mut self, message: Learnt) -> bool {
        self.learnt.push_back(message);
        true
    }

    fn buffer(&mut self, buf: Buf) -> Result<(), Buf> {
        self.buffers.push_back(buf);
        Ok(())
    }
}

/// Told of every drop.
pub(super) struct Bystander(Arc<Mutex<Vec<Dropped>>>);

impl Bystander {
    pub(super) fn new(told: Arc<Mutex<Vec<Dropped>>>) -> Bystander {
        Bystander(told)
    }
}

impl Stage for Bystander {
    fn process(&mut self, _call: &mut Call<'_>) -> CallEnd {
        CallEnd::Returned
    }

    fn drops_wanted(&mut self) -> u32 {
        u32::MAX
    }

    fn dropped(&mut self, dropped: &Dropped, _withheld: u64) -> CallEnd {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(dropped.clone());
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}
