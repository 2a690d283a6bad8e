//! The simulated switch: workers, rings between them, devices and a control side, under one seeded schedule.
//!
//! One thread and a clock that is a number. A step is what one of the host's threads could do next: a worker receives a
//! burst, ticks, sends or takes in messages, or takes up a snapshot. A worker that is not chosen sleeps; like the
//! host's workers it takes up pending snapshots before it touches a frame. A flow enters on one worker for good.

mod control;
mod devices;
mod ring;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use heddle_switch_core::arena::{Arena, ArenaSize, Class, HEADROOM, HeapRegion};
use heddle_switch_core::counters::{Counters, StageCounters};
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::fdb::FdbLimits;
use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::offload::Offload;
use heddle_switch_core::pool::{Homes, Pool};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Leg, StageId};
use heddle_switch_core::vlan_count::VlanCounters;
use heddle_switch_core::worker::{Update, Worker, WorkerConfig};

use crate::cases::Rng;
use crate::frames::Frame;

pub use control::{Control, Make, StageSpec};
pub use devices::{Devices, Manners, Sent};
use ring::Ring;

/// Something that happened to a numbered frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A stage saw it; on egress for the port in this slot.
    Seen { number: u32, tag: u8, leg: Leg, port: u16 },
    /// A device got it.
    Delivered { number: u32, port: u16 },
}

/// What happened, in order.
pub type Log = Arc<Mutex<Vec<Event>>>;

/// Size of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub workers: u16,
    /// Buffers of each class per worker.
    pub buffers: [u32; 3],
    pub fdb: FdbLimits,
    /// Places in each ring between two workers.
    pub ring: usize,
    pub seed: u64,
}

impl Setup {
    pub fn of(workers: u16, seed: u64) -> Setup {
        let fdb = FdbLimits { max_entries: 1_024, max_per_port: 512 };
        Setup { workers, buffers: [1_500, 64, 24], fdb, ring: 4_096, seed }
    }
}

/// A frame as a device hands it over.
#[derive(Clone, Debug)]
pub struct Raw {
    pub bytes: Vec<u8>,
    pub tag_beside: Option<u16>,
    pub offload: Offload,
}

struct Seat {
    worker: Worker,
    updates: VecDeque<Update>,
    rx: VecDeque<(PortId, Raw)>,
}

/// The simulation.
pub struct Sim {
    pub rng: Rng,
    pub now_ns: u64,
    pub control: Control,
    pub devices: Devices,
    pub log: Log,
    /// Counters of extensions that left a worker.
    pub gone: Vec<(StageId, StageCounters)>,
    /// Frames sent so far, by number.
    pub sent: BTreeMap<u32, (u16, Frame)>,
    seats: Vec<Seat>,
    /// `rings[from][to]`.
    rings: Vec<Vec<Ring>>,
    setup: Setup,
    next_number: u32,
    /// Receive buffers that could not be had; such frames never entered the switch.
    pub rx_missed: u64,
    lie: Option<Offload>,
}

impl Sim {
    pub fn new(setup: Setup) -> Sim {
        let workers = setup.workers;
        let size = ArenaSize { buffers: setup.buffers.map(|each| each * u32::from(workers)) };
        let (arena, handles) = Arena::carve(Box::new(HeapRegion::new(size.bytes())), size).unwrap();
        let arena = Arc::new(arena);
        let (homes, shares) = Homes::cut(handles, workers);
        let seats = (0..workers).zip(shares).map(|(id, share)| {
            let pool = Pool::new(Arc::clone(&arena), homes.clone(), id, share);
            let config = WorkerConfig { id, workers, pool, fdb: setup.fdb, seed: setup.seed, ticks: None };
            Seat { worker: Worker::new(config), updates: VecDeque::new(), rx: VecDeque::new() }
        });
        let log = Log::default();
        let seats: Vec<Seat> = seats.collect();
        let rings = (0..workers).map(|_| (0..workers).map(|_| Ring::new(setup.ring)).collect()).collect();
        Sim {
            rng: Rng::new(setup.seed),
            now_ns: 1_000_000_000,
            control: Control::new(workers),
            devices: Devices::new(arena, Arc::clone(&log)),
            log,
            gone: Vec::new(),
            sent: BTreeMap::new(),
            seats,
            rings,
            setup,
            next_number: 1,
            rx_missed: 0,
            lie: None,
        }
    }

    pub fn now_s(&self) -> u64 {
        self.now_ns / 1_000_000_000
    }

    pub fn workers(&self) -> usize {
        self.seats.len()
    }

    pub fn worker(&mut self, worker: usize) -> &mut Worker {
        &mut self.seats[worker].worker
    }

    /// Publishes what the control side has, to be taken up by each worker in its own time.
    pub fn publish(&mut self) {
        for (seat, update) in self.seats.iter_mut().zip(self.control.updates(&self.log)) {
            seat.updates.push_back(update);
        }
    }

    /// Publishes, and has all workers take it up at once.
    pub fn publish_now(&mut self) {
        self.publish();
        (0..self.workers()).for_each(|worker| self.take_up(worker));
    }

    /// A worker takes up the snapshots that wait for it.
    pub fn take_up(&mut self, worker: usize) {
        let seat = &mut self.seats[worker];
        while let Some(update) = seat.updates.pop_front() {
            let gone = seat.worker.update(update);
            self.gone.extend(gone.into_iter().map(|(id, _, counters)| (id, counters)));
        }
    }

    /// The worker on which a flow from a port enters.
    pub fn entry(&self, slot: u16, flow: u16) -> usize {
        (usize::from(slot) * 7 + usize::from(flow)) % self.workers()
    }

    /// Numbers a frame and puts it into the receive queue of a port; gives its number.
    pub fn send(&mut self, slot: u16, frame: Frame) -> u32 {
        let id = self.control.id(slot);
        self.send_from(id, frame)
    }

    /// As [`Sim::send`], from a port that may be gone.
    pub fn send_from(&mut self, id: PortId, mut frame: Frame) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        frame.mark.number = number;
        let slot = id.slot() as u16;
        let worker = self.entry(slot, frame.mark.flow);
        let (bytes, tag_beside) = frame.received();
        let offload = self.lie.unwrap_or(frame.offload());
        self.seats[worker].rx.push_back((id, Raw { bytes, tag_beside, offload }));
        self.sent.insert(number, (slot, frame));
        number
    }

    /// Puts any bytes into the receive queue of a port on one worker.
    pub fn send_raw(&mut self, slot: u16, worker: usize, raw: Raw) {
        let id = self.control.id(slot);
        self.seats[worker].rx.push_back((id, raw));
    }

    /// A worker receives up to `most` frames that wait on one port.
    pub fn receive(&mut self, worker: usize, most: usize) {
        self.take_up(worker);
        let seat = &mut self.seats[worker];
        let Some((port, _)) = seat.rx.front() else { return };
        let port = *port;
        let mut frames = Vec::new();
        while frames.len() < most && seat.rx.front().is_some_and(|(next, _)| *next == port) {
            let Some((_, raw)) = seat.rx.pop_front() else { break };
            match rx_frame(&raw, self.devices.arena(), seat.worker.pool()) {
                Some(frame) => frames.push(frame),
                None => self.rx_missed += 1,
            }
        }
        self.devices.current = worker as u16;
        seat.worker.receive(self.now_ns, port, &mut frames, &mut self.devices);
        assert!(frames.is_empty(), "receive left frames behind");
    }

    pub fn tick(&mut self, worker: usize) {
        self.take_up(worker);
        self.devices.current = worker as u16;
        self.seats[worker].worker.tick(self.now_ns, &mut self.devices);
    }

    pub fn go_on(&mut self, worker: usize) {
        self.take_up(worker);
        self.devices.current = worker as u16;
        self.seats[worker].worker.go_on(&mut self.devices);
    }

    /// A worker puts what it has for another one into the ring.
    pub fn exchange(&mut self, from: usize, to: usize) {
        if from != to {
            self.seats[from].worker.exchange(to as u16, &mut self.rings[from][to]);
        }
    }

    /// A worker takes up to `most` messages of each kind out of the ring from another one.
    pub fn hear(&mut self, worker: usize, from: usize, most: usize) {
        if worker == from {
            return;
        }
        self.take_up(worker);
        self.devices.current = worker as u16;
        let ring = &mut self.rings[from][worker];
        let worker = &mut self.seats[worker].worker;
        for _ in 0..most {
            let Some(frame) = ring.frames.pop_front() else { break };
            worker.accept(frame, &mut self.devices);
        }
        for _ in 0..most {
            let Some(learnt) = ring.learnt.pop_front() else { break };
            worker.accept_learnt(learnt);
        }
        for _ in 0..most {
            let Some(buf) = ring.buffers.pop_front() else { break };
            worker.pool().welcome(buf);
        }
        worker.go_on(&mut self.devices);
    }

    /// One thing that could happen next.
    pub fn step(&mut self) {
        self.step_but(None);
    }

    /// As [`Sim::step`], while one worker sleeps.
    pub fn step_but(&mut self, asleep: Option<usize>) {
        let worker = self.rng.below(self.workers());
        if asleep == Some(worker) {
            return;
        }
        let other = self.rng.below(self.workers());
        match self.rng.below(16) {
            0..7 => {
                let most = if self.rng.one_in(8) { 600 } else { 1 + self.rng.below(48) };
                self.receive(worker, most);
            }
            7..9 => {
                self.now_ns += self.rng.below(20_000_000) as u64;
                self.tick(worker);
            }
            9 => self.go_on(worker),
            10 => self.take_up(worker),
            11..13 => self.exchange(worker, other),
            _ => {
                let most = 1 + self.rng.below(64);
                self.hear(worker, other, most);
            }
        }
    }

    /// Lets everything that is under way come to its end: no more than what is held for good stays.
    pub fn finish(&mut self) {
        for round in 0..400 {
            self.sweep();
            if self.is_idle() && (round > 100 || self.counters().law.held == 0) {
                return;
            }
        }
        panic!("the switch does not come to rest: {:?}", self.counters().law);
    }

    /// Every worker does everything it can, once.
    pub fn sweep(&mut self) {
        self.now_ns += 1_000_000;
        for worker in 0..self.workers() {
            while !self.seats[worker].rx.is_empty() {
                self.receive(worker, 256);
            }
            self.tick(worker);
            for other in 0..self.workers() {
                self.hear(worker, other, usize::MAX);
                self.exchange(worker, other);
            }
        }
    }

    /// From now on devices hand over these offload facts, whatever the frame.
    pub fn devices_lie_about(&mut self, offload: Offload) {
        self.lie = Some(offload);
    }

    /// Frames that no worker has received yet.
    pub fn waiting(&self) -> usize {
        self.seats.iter().map(|seat| seat.rx.len()).sum()
    }

    fn is_idle(&mut self) -> bool {
        let rings = self.rings.iter().flatten().all(Ring::is_empty);
        let workers = self.workers() as u16;
        let seats = self.seats.iter_mut().all(|seat| {
            let homeward = (0..workers).any(|to| seat.worker.pool().outbox(to).is_some_and(|bufs| !bufs.is_empty()));
            seat.rx.is_empty() && seat.updates.is_empty() && !seat.worker.has_work() && !homeward
        });
        rings && seats
    }

    /// Counters of all workers together.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.seats.iter().for_each(|seat| sum.add(&seat.worker.counters()));
        sum
    }

    /// Counters by VLAN, while an extension asks for them.
    pub fn vlan_counters(&self) -> BTreeMap<u16, VlanCounters> {
        let mut sum: BTreeMap<u16, VlanCounters> = BTreeMap::new();
        for (vid, counters) in self.seats.iter().flat_map(|seat| seat.worker.vlan_counters()) {
            sum.entry(vid).or_default().add(&counters);
        }
        sum
    }

    /// Counters of one extension on all workers, those it has left included.
    pub fn stage(&self, id: StageId) -> StageCounters {
        let running = self.seats.iter().flat_map(|seat| seat.worker.stage_counters().0);
        let mut sum = StageCounters::default();
        for (_, counters) in running.chain(self.gone.iter().copied()).filter(|(of, _)| *of == id) {
            sum.packets += counters.packets;
            sum.dropped += counters.dropped;
            sum.failures += counters.failures;
            sum.violations += counters.violations;
            sum.broken.add(&counters.broken);
        }
        sum
    }

    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.counters().dropped(reason)
    }

    /// Counted drops, by code, without zeroes.
    pub fn drops(&self) -> BTreeMap<u16, u64> {
        let drops = self.counters().drops;
        (0..).zip(drops.iter().copied()).filter(|(_, count)| *count > 0).collect()
    }

    /// With nothing under way: the law is exact, and what is not held is at home in its pool.
    pub fn check_rest(&mut self) {
        let counters = self.counters();
        assert_eq!(counters.law.balance(), 0, "conservation law: {:?} {:?}", counters.law, self.drops());
        assert_eq!(counters.drops.iter().sum::<u64>(), counters.law.dropped, "drops by reason do not add up");
        if counters.law.held > 0 {
            return;
        }
        for seat in &mut self.seats {
            for (class, count) in Class::ALL.into_iter().zip(self.setup.buffers) {
                let free = seat.worker.pool().available(class);
                assert_eq!(free, count as usize, "buffers of class {} at home", class.index());
            }
        }
    }
}

fn rx_frame(raw: &Raw, arena: &Arena, pool: &mut Pool) -> Option<RxFrame> {
    let length = raw.bytes.len();
    let mut buf = pool.alloc_for(length)?;
    let start = usize::from(HEADROOM);
    arena.bytes_mut(&mut buf)?[start..start + length].copy_from_slice(&raw.bytes);
    let (vlan_tci, offload) = (raw.tag_beside, raw.offload);
    Some(RxFrame { buf, length: length as u32, start: HEADROOM, vlan_tci, offload })
}
