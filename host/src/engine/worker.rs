//! A worker thread: polls its queues, runs the core, sleeps when there is nothing to do.
//!
//! The loop: requests of the control side, messages of other workers, ready queues, messages to other workers. A busy
//! worker never sleeps and reads the clock once per round. After [`SPINS`] rounds without work it waits in `epoll` for
//! its descriptors, its bell, or the next tick; queues without a descriptor are looked at every millisecond then.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::worker::Worker;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::time::{ClockId, clock_gettime};

use super::alarms::Alarms;
use super::carry::Carry;
use super::command::{Command, FdbRow, Report};
use super::devices::DeviceTable;
use super::flush::Flushes;
use super::link::{Incoming, Outgoing};
use super::wake::Wake;
use crate::contain::watchdog::note_waits;
use crate::ports::{RxQueue, RxStatus};

/// Frames taken from a queue in one call.
const BUDGET: usize = 64;
/// Rounds without work before the worker sleeps.
const SPINS: u32 = 64;
/// Ticks of the core.
const TICK: Duration = Duration::from_millis(10);
/// How often moves of stations between ports are judged: their limit is one of moves a second.
const LOOK: Duration = Duration::from_secs(1);
/// How often a queue whose device is down is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Longest sleep with queues that have no descriptor.
const POLL_SLEEP: Duration = Duration::from_millis(1);
/// Epoll tag of the bell.
const BELL: u64 = u64::MAX;

struct Queue {
    port: PortId,
    rx: Box<dyn RxQueue>,
    /// In the epoll set; otherwise it is looked at every round.
    watched: bool,
    /// Worth a receive call: said ready by epoll, had more last time, or is not watched.
    ready: bool,
    retry_at: Option<Instant>,
}

/// Everything a worker thread owns.
pub(crate) struct WorkerThread {
    worker: Worker,
    commands: Receiver<Command>,
    wake: Wake,
    outgoing: Vec<Option<Outgoing>>,
    incoming: Vec<Option<Incoming>>,
    queues: Vec<Queue>,
    devices: DeviceTable,
    flushes: Flushes,
    carry: Carry,
    epoll: Epoll,
    epoch: Instant,
    next_tick: Instant,
    alarms: Alarms,
    next_look: Instant,
    frames: Vec<RxFrame>,
    events: Vec<EpollEvent>,
}

/// What connects a worker to the others and to the control side.
pub(crate) struct Wiring {
    /// Requests.
    pub(crate) commands: Receiver<Command>,
    /// Its bell.
    pub(crate) wake: Wake,
    /// Ways to the others, by worker number.
    pub(crate) outgoing: Vec<Option<Outgoing>>,
    /// Ways from the others.
    pub(crate) incoming: Vec<Option<Incoming>>,
    /// Where loops are reported.
    pub(crate) alarms: Alarms,
}

impl WorkerThread {
    /// A worker with its wiring. `epoch` is when the switch's clock was 0.
    pub(crate) fn new(worker: Worker, wiring: Wiring, epoch: Instant) -> std::io::Result<WorkerThread> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(wiring.wake.fd(), EpollEvent::new(EpollFlags::EPOLLIN, BELL))?;
        Ok(WorkerThread {
            worker,
            commands: wiring.commands,
            wake: wiring.wake,
            outgoing: wiring.outgoing,
            incoming: wiring.incoming,
            queues: Vec::new(),
            devices: DeviceTable::default(),
            flushes: Flushes::default(),
            carry: Carry::default(),
            epoll,
            epoch,
            next_tick: epoch + TICK,
            alarms: wiring.alarms,
            next_look: epoch + LOOK,
            frames: Vec::with_capacity(BUDGET * 2),
            events: vec![EpollEvent::empty(); 64],
        })
    }

    /// Runs until told to stop. A panic in here is a defect of the switch: the process ends, and the supervisor starts
    /// another one, rather than leaving ports that nobody polls.
    pub(crate) fn run(mut self) {
        let _ends_the_process = AbortOnPanic;
        let mut idle = 0u32;
        let mut next = None;
        loop {
            let mut worked = false;
            while let Some(command) = next.take().or_else(|| self.commands.try_recv().ok()) {
                worked = true;
                if matches!(command, Command::Stop) {
                    return;
                }
                self.carry_out(command);
            }
            let now = Instant::now();
            let now_ns = u64::try_from(now.duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX);
            worked |= self.worker.collect(now_ns, &mut self.devices);
            worked |= self.take_messages();
            worked |= self.receive(now, now_ns);
            worked |= self.flushes.go_on(self.worker.fdb());
            worked |= self.carry.go_on(&mut self.worker);
            if now >= self.next_tick {
                self.next_tick = now + TICK;
                self.worker.tick(now_ns, &mut self.devices);
                note_waits();
                self.devices.sweep_taps();
                if now >= self.next_look {
                    self.next_look = now + LOOK;
                    if let Some((pairs, _)) = self.worker.take_flaps() {
                        self.alarms.report(pairs);
                    }
                }
            } else if self.worker.has_work() {
                self.worker.go_on(&mut self.devices);
                worked = true;
            }
            self.pass_on();
            idle = if worked { 0 } else { idle + 1 };
            if idle >= SPINS {
                next = self.sleep();
                idle = SPINS - 1;
            } else {
                self.poll_ready(Duration::ZERO);
            }
        }
    }

    fn take_messages(&mut self) -> bool {
        let mut any = false;
        for incoming in self.incoming.iter_mut().flatten() {
            while let Ok(buf) = incoming.buffers.pop() {
                self.worker.pool().welcome(buf);
            }
            while let Ok(learnt) = incoming.learnt.pop() {
                any = true;
                self.worker.accept_learnt(learnt);
            }
            for _ in 0..BUDGET * 4 {
                let Ok(message) = incoming.frames.pop() else { break };
                any = true;
                self.worker.accept(message, &mut self.devices);
            }
        }
        if any {
            self.worker.go_on(&mut self.devices);
        }
        any
    }

    fn receive(&mut self, now: Instant, now_ns: u64) -> bool {
        let mut any = false;
        let mut returned = false;
        for queue in &mut self.queues {
            let retry = queue.retry_at.is_some_and(|at| now >= at);
            let waits = queue.retry_at.is_some();
            if !(retry || queue.ready && !waits) {
                continue;
            }
            let status = queue.rx.receive(self.worker.pool(), &mut self.frames, BUDGET);
            if !self.frames.is_empty() {
                any = true;
                self.devices.copy_received(queue.port, self.worker.pool().arena(), &self.frames);
                self.worker.receive(now_ns, queue.port, &mut self.frames, &mut self.devices);
            }
            returned |= queue.follow(status, now, &self.epoll);
        }
        if returned {
            self.rearm();
        }
        any
    }

    fn pass_on(&mut self) {
        for (peer, outgoing) in self.outgoing.iter_mut().enumerate() {
            if let Some(outgoing) = outgoing {
                self.worker.exchange(u16::try_from(peer).unwrap_or(u16::MAX), outgoing);
                outgoing.ring();
            }
        }
    }

    /// Marks queues that epoll says are ready.
    fn poll_ready(&mut self, wait: Duration) {
        if wait.is_zero() && !self.queues.iter().any(|queue| queue.watched) {
            return;
        }
        let timeout = EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::ZERO);
        let count = self.epoll.wait(&mut self.events, timeout).unwrap_or(0);
        for event in self.events.iter().take(count) {
            let index = usize::try_from(event.data()).unwrap_or(usize::MAX);
            if let Some(queue) = self.queues.get_mut(index) {
                queue.ready = true;
            }
        }
    }

    /// Waits for work; gives a request that came in at the last moment.
    fn sleep(&mut self) -> Option<Command> {
        self.wake.doze();
        // What was left before the doze rang nobody: look once more at everything, then wait.
        let command = self.commands.try_recv().ok();
        let quiet =
            self.incoming.iter().flatten().all(Incoming::is_empty) && !self.worker.has_work() && self.worker.doze();
        if command.is_none() && quiet {
            let until_tick = self.next_tick.saturating_duration_since(Instant::now());
            let polled = self.queues.iter().any(|queue| !queue.watched && queue.retry_at.is_none());
            let wait = if polled { until_tick.min(POLL_SLEEP) } else { until_tick };
            // Epoll counts in milliseconds; less than one would be spinning.
            self.poll_ready(wait.max(POLL_SLEEP));
        }
        self.wake.up();
        self.worker.up();
        command
    }

    fn carry_out(&mut self, command: Command) {
        // An answer nobody waits for any more is dropped.
        match command {
            Command::Update(update, answer) => drop(answer.send(self.worker.update(update))),
            Command::AttachRx(port, rx) => self.attach(port, rx),
            Command::AttachTx(port, tx) => self.devices.attach(port, tx),
            Command::Detach(port, answer) => {
                let gone = (self.detach(port), self.devices.detach(port));
                drop(answer.send(gone));
            }
            Command::Report(answer) => drop(answer.send(self.report())),
            Command::Fdb(answer) => drop(answer.send(self.fdb())),
            Command::FlushFdb(flush, answer) => self.flushes.begin(flush, answer),
            Command::Settle(answer) => {
                self.take_messages();
                self.pass_on();
                let _ = answer.send(());
            }
            Command::Resample(stage) => self.worker.resample(stage),
            Command::Watch(bell) => self.watch(&bell),
            Command::Capture(tap) => {
                self.devices.tap(tap);
                self.worker.ask_for_drops(&self.devices);
            }
            Command::SaveState(job) => self.carry.save(job),
            Command::EndSaving(id, answer) => {
                if let Some(stage) = self.worker.stage_mut(id) {
                    stage.end_saving();
                }
                let _ = answer.send(());
            }
            Command::CutOver(job) => self.carry.begin(*job),
            Command::Stop => {}
        }
    }

    /// Each ring of the bell wakes once, so nobody has to read it; it leaves the set with its last descriptor.
    fn watch(&self, bell: &EventFd) {
        // Without it the worker looks every tick.
        let _ = self.epoll.add(bell, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, BELL));
    }

    fn attach(&mut self, port: PortId, rx: Box<dyn RxQueue>) {
        self.queues.push(Queue { port, rx, watched: false, ready: true, retry_at: None });
        self.rearm();
    }

    fn detach(&mut self, port: PortId) -> Vec<Box<dyn RxQueue>> {
        for queue in self.queues.iter_mut().filter(|queue| queue.port == port) {
            queue.unwatch(&self.epoll);
        }
        let (gone, kept) = std::mem::take(&mut self.queues).into_iter().partition(|queue| queue.port == port);
        self.queues = kept;
        self.rearm();
        let gone: Vec<Queue> = gone;
        gone.into_iter().map(|queue| queue.rx).collect()
    }

    /// Epoll tags are positions, which change when a queue leaves.
    fn rearm(&mut self) {
        for (index, queue) in self.queues.iter_mut().enumerate() {
            queue.unwatch(&self.epoll);
            queue.watch(index, &self.epoll);
            queue.ready = true;
        }
    }

    fn report(&mut self) -> Report {
        let (stages, own) = self.worker.stage_counters();
        let losses = self.queues.iter_mut().map(|queue| (queue.port, queue.rx.losses())).collect();
        let (counters, vlans) = (self.worker.counters(), self.worker.vlan_counters());
        let pool = self.worker.pool();
        let free = heddle_switch_core::arena::Class::ALL.map(|class| pool.available(class));
        Report { counters, vlans, stages, own, losses, free, thread: this_thread() }
    }

    fn fdb(&mut self) -> Vec<FdbRow> {
        let now_s = u32::try_from(self.epoch.elapsed().as_secs()).unwrap_or(u32::MAX);
        let row = |entry: heddle_switch_core::fdb::FdbEntry| FdbRow {
            vid: entry.vid,
            mac: entry.mac,
            slot: entry.slot,
            is_static: entry.is_static,
            age_s: entry.age_s,
        };
        self.worker.fdb().iter(now_s).map(row).collect()
    }
}

/// This thread's number and the processor time it has had, in nanoseconds.
fn this_thread() -> (u32, u64) {
    let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default();
    let thread = u32::try_from(nix::unistd::gettid().as_raw()).unwrap_or(0);
    (thread, u64::try_from(used.as_nanos()).unwrap_or(u64::MAX))
}

/// Ends the process when it is dropped by a panic.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a worker thread panicked; the switch process ends");
            std::process::abort();
        }
    }
}

impl Queue {
    /// Draws the conclusions of a receive call; whether the device came back and must be watched anew.
    fn follow(&mut self, status: RxStatus, now: Instant, epoll: &Epoll) -> bool {
        match status {
            RxStatus::More => self.ready = true,
            RxStatus::Empty => self.ready = !self.watched,
            RxStatus::Down => {
                self.unwatch(epoll);
                self.ready = false;
                self.retry_at = Some(now + RETRY);
                return false;
            }
        }
        self.retry_at.take().is_some()
    }

    fn watch(&mut self, index: usize, epoll: &Epoll) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        self.watched = self.retry_at.is_none() && self.rx.poll_fd().is_some_and(|fd| epoll.add(fd, event).is_ok());
    }

    fn unwatch(&mut self, epoll: &Epoll) {
        if let (true, Some(fd)) = (self.watched, self.rx.poll_fd()) {
            // A descriptor that was closed meanwhile has left the set by itself.
            let _ = epoll.delete(fd);
        }
        self.watched = false;
    }
}
