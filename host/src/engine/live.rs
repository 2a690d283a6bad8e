//! A switch that runs: its tables, its worker threads, its open ports and its extension instances.
//!
//! A change is: tell the extensions, change the tables, publish a snapshot to every worker and wait until each has taken
//! it up (a sleeping one is woken). Whoever waits for a worker does so at most [`ANSWER`]; a worker that does not answer
//! hangs in an extension, and the error says so.

mod contained;
mod extensions;
mod loops;
mod nic_state;
mod order;
mod plugged;
mod policy;
mod ports;
mod quarantine;
mod removal;
mod settings;
mod source;
mod stand_in;
mod upgrade;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use heddle_switch_core::arena::{Arena, ArenaSize, Class};
use heddle_switch_core::counters::{Counters, StageCounters};
use heddle_switch_core::fdb::{FdbLimits, Flush};
use heddle_switch_core::pool::{Homes, Pool};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Stage, StageId};
use heddle_switch_core::switch::{Switch, SwitchKind};
use heddle_switch_core::worker::{Update, Worker, WorkerConfig};

use super::alarms::Alarms;
use super::command::{Command, Report, Retired};
use super::quarantine::Quarantines;
use super::wake::Wake;
use super::worker::{Wiring, WorkerThread};
use super::{clock, link, lock};
use crate::arena::MappedRegion;
use crate::control::error::ControlError;
use crate::control::model::{BufferClassView, PolicySpec, PortName, SwitchName, SwitchSpec, SwitchType, WorkerView};
use crate::control::plane::ControlResult;
use crate::loader::{Groups, PortDirectory, Services, Window};
use crate::ports::device::{DeviceEvent, DeviceWatch};
pub(crate) use extensions::Enabled;
pub use nic_state::NicBlob;
use plugged::Plugged;
pub(crate) use source::Source;

/// Longest wait for a worker's answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Buffers per worker: small, medium, large.
const BUFFERS_PER_WORKER: [u32; 3] = [16_384, 1_024, 384];

/// The switch.
pub(crate) struct LiveSwitch {
    pub(super) spec: SwitchSpec,
    pub(super) state: Mutex<State>,
    pub(super) groups: Arc<Groups>,
    pub(super) directory: Arc<PortDirectory>,
    pub(super) services: Arc<Services>,
    pub(super) quarantines: Arc<Quarantines>,
    pub(super) epoch: Instant,
    pub(super) hugepages: bool,
    /// Through which capture extensions see packets, by worker.
    pub(super) windows: Vec<Arc<Window>>,
    /// Loops that workers saw.
    alarms: Alarms,
}

/// What the switch's lock guards.
pub(crate) struct State {
    pub(super) switch: Switch,
    pub(super) workers: Vec<WorkerHandle>,
    pub(super) ports: BTreeMap<PortId, Plugged>,
    /// In ingress order; services, which have no place in it, last.
    pub(super) enabled: Vec<Enabled>,
    /// Counters of workers at the last look, and of contexts that left them.
    pub(super) retired_stages: BTreeMap<StageId, StageCounters>,
    pub(super) next_home: u16,
    pub(super) stopped: bool,
    /// What operators put on the switch and its ports.
    pub(super) policies: Vec<PolicySpec>,
}

impl State {
    /// The port that uses a network device.
    pub(crate) fn port_on(&self, device: &str) -> Option<PortName> {
        let on = |plugged: &&Plugged| plugged.attachment.as_ref().is_some_and(|place| place.name() == device);
        self.ports.values().find(on).map(|plugged| plugged.spec.name().clone())
    }
}

/// A worker thread from outside.
pub(super) struct WorkerHandle {
    commands: Sender<Command>,
    wake: Wake,
    thread: Option<JoinHandle<()>>,
}

impl WorkerHandle {
    pub(super) fn send(&self, command: Command) -> ControlResult<()> {
        self.commands.send(command).map_err(|_| worker_gone())?;
        self.wake.ring();
        Ok(())
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> ControlResult<Receiver<T>> {
        let (sender, receiver) = channel();
        self.send(command(sender))?;
        Ok(receiver)
    }
}

fn worker_gone() -> ControlError {
    ControlError::Internal { what: "asking a worker".to_owned(), reason: "its thread has ended".to_owned() }
}

fn answer<T>(receiver: &Receiver<T>) -> ControlResult<T> {
    receiver.recv_timeout(ANSWER).map_err(|_| ControlError::Busy {
        thing: "a worker".to_owned(),
        reason: "it has not answered for 5 s; an extension may be looping".to_owned(),
    })
}

impl LiveSwitch {
    /// Starts the workers of a new switch.
    pub(crate) fn start(
        spec: SwitchSpec,
        services: Arc<Services>,
        quarantines: Arc<Quarantines>,
    ) -> ControlResult<Arc<LiveSwitch>> {
        let internal = |what: &'static str, reason: String| ControlError::Internal { what: what.to_owned(), reason };
        let count = spec.workers().get();
        let size = ArenaSize { buffers: BUFFERS_PER_WORKER.map(|each| each * u32::from(count)) };
        let region =
            MappedRegion::new(size.bytes()).map_err(|error| internal("mapping packet memory", error.to_string()))?;
        let hugepages = region.hugepages();
        let windows = (0..count).map(|_| Window::new(&region).map(Arc::new)).collect::<std::io::Result<_>>();
        let windows = windows.map_err(|error| internal("mapping packet memory for reading", error.to_string()))?;
        if let Some(why) = region.why_no_hugepages() {
            tracing::info!(switch = %spec.name(), "packet memory is on small pages: {why}");
        }
        let (arena, handles) = Arena::carve(Box::new(region), size)
            .map_err(|error| internal("cutting packet memory into buffers", error.to_string()))?;
        let (homes, shares) = Homes::cut(handles, count);
        let epoch = Instant::now();
        let alarms = Alarms::default();
        let workers = spawn_workers(&Arc::new(arena), &homes, shares, epoch, &alarms)
            .map_err(|error| internal("starting worker threads", error.to_string()))?;
        let kind = match spec.switch_type() {
            SwitchType::External => SwitchKind::External,
            SwitchType::Internal => SwitchKind::Internal,
            SwitchType::Private => SwitchKind::Private,
        };
        let state = State {
            switch: Switch::new(kind, spec.ageing().get()),
            workers,
            ports: BTreeMap::new(),
            enabled: Vec::new(),
            retired_stages: BTreeMap::new(),
            next_home: 0,
            stopped: false,
            policies: Vec::new(),
        };
        let switch = Arc::new(LiveSwitch {
            spec,
            state: Mutex::new(state),
            groups: Arc::default(),
            directory: Arc::default(),
            services,
            quarantines,
            epoch,
            hugepages,
            windows,
            alarms,
        });
        switch.publish(&mut lock(&switch.state), Vec::new())?;
        Ok(switch)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &SwitchName {
        self.spec.name()
    }

    /// Takes the lock under which control work is done.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Adds this switch's buffers to a list by class.
    pub(crate) fn add_buffers(&self, state: &State, classes: &mut Vec<BufferClassView>) -> ControlResult<()> {
        let reports = self.reports(state)?;
        for class in Class::ALL {
            let total = u64::from(BUFFERS_PER_WORKER[class.index()]) * state.workers.len() as u64;
            let free: u64 = reports.iter().map(|report| report.free[class.index()] as u64).sum();
            let bytes = u32::try_from(class.len()).unwrap_or(u32::MAX);
            match classes.iter_mut().find(|view| view.bytes == bytes) {
                Some(view) => {
                    view.total += total;
                    view.free += free;
                }
                None => classes.push(BufferClassView { bytes, total, free }),
            }
        }
        Ok(())
    }

    /// Nanoseconds on the switch's clock.
    pub(super) fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Publishes the tables to every worker, with new contexts by worker; contexts that left are ended here.
    pub(super) fn publish(&self, state: &mut State, started: Vec<Vec<(StageId, Box<dyn Stage>)>>) -> ControlResult<()> {
        // What was counted of stages that are gone is fetched by whoever took them out, or it is nobody's.
        let enabled = &state.enabled;
        state.retired_stages.retain(|id, _| enabled.iter().any(|one| one.stage == Some(*id)));
        let snapshot = Arc::new(state.switch.snapshot(self.groups.for_snapshot()));
        let mut started = started.into_iter();
        let mut answers = Vec::new();
        for worker in &state.workers {
            let update = Update { snapshot: Arc::clone(&snapshot), started: started.next().unwrap_or_default() };
            answers.push(worker.ask(|sender| Command::Update(update, sender))?);
        }
        for receiver in &answers {
            let retired: Vec<Retired> = answer(receiver)?;
            for (id, stage, counters) in retired {
                state.retired_stages.entry(id).or_default().add(&counters);
                drop(stage);
            }
        }
        Ok(())
    }

    /// Lets everything that is between workers arrive.
    pub(super) fn settle(&self, state: &State) -> ControlResult<()> {
        // Two rounds: the first passes on what waits in outboxes, the second takes it in everywhere.
        for _ in 0..2 {
            let answers: Vec<_> =
                state.workers.iter().map(|worker| worker.ask(Command::Settle)).collect::<ControlResult<_>>()?;
            answers.iter().try_for_each(answer)?;
        }
        Ok(())
    }

    /// What all workers counted.
    pub(super) fn reports(&self, state: &State) -> ControlResult<Vec<Report>> {
        let answers: Vec<_> =
            state.workers.iter().map(|worker| worker.ask(Command::Report)).collect::<ControlResult<_>>()?;
        answers.iter().map(answer).collect()
    }

    /// The sum of all workers' counters.
    pub(super) fn counters(reports: &[Report]) -> Counters {
        let mut sum = Counters::default();
        reports.iter().for_each(|report| sum.add(&report.counters));
        sum
    }

    /// What all workers learnt.
    pub(super) fn fdb_rows(&self, state: &State) -> ControlResult<Vec<super::command::FdbRow>> {
        let answers: Vec<_> =
            state.workers.iter().map(|worker| worker.ask(Command::Fdb)).collect::<ControlResult<_>>()?;
        let mut rows = Vec::new();
        for receiver in &answers {
            rows.append(&mut answer(receiver)?);
        }
        Ok(rows)
    }

    /// Has every worker forget what it learnt; gives what the one removed that knew most.
    pub(super) fn flush_fdb(&self, state: &State, flush: Flush) -> ControlResult<u64> {
        let ask = |worker: &WorkerHandle| worker.ask(|sender| Command::FlushFdb(flush, sender));
        let answers: Vec<_> = state.workers.iter().map(ask).collect::<ControlResult<_>>()?;
        let mut most = 0;
        for receiver in &answers {
            most = answer(receiver)?.max(most);
        }
        Ok(most)
    }

    /// The worker threads, and what each used of a processor.
    pub(crate) fn worker_views(&self, state: &State) -> ControlResult<Vec<WorkerView>> {
        let view = |(worker, report): (u16, &Report)| WorkerView {
            switch: self.spec.name().clone(),
            worker,
            thread_id: report.thread.0,
            cpu_nanoseconds: report.thread.1,
        };
        Ok((0..).zip(&self.reports(state)?).map(view).collect())
    }

    /// Periodic control work; whether a port has lost its device where no news of it come from.
    pub(crate) fn maintain(&self) -> bool {
        let mut state = lock(&self.state);
        if state.stopped {
            return false;
        }
        if let Err(error) = self.maintain_extensions(&mut state) {
            tracing::warn!(switch = %self.spec.name(), %error, "periodic control work failed");
        }
        let mut lost = false;
        for plugged in state.ports.values_mut() {
            lost |= plugged.look_after();
        }
        self.guard_loops(&mut state);
        lost
    }

    /// Takes note of what happened to devices.
    pub(crate) fn follow(&self, devices: &DeviceWatch, events: &[DeviceEvent]) {
        let mut state = lock(&self.state);
        if !state.stopped {
            self.follow_devices(&mut state, devices, events);
        }
    }

    /// Takes extensions and ports off and ends the threads.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.state);
        if std::mem::replace(&mut state.stopped, true) {
            return;
        }
        if let Err(error) = self.disable_all(&mut state) {
            tracing::warn!(switch = %self.spec.name(), %error, "extensions did not leave in order");
        }
        for worker in &mut state.workers {
            // A worker whose thread has ended needs no stop.
            let _ = worker.send(Command::Stop);
        }
        for worker in &mut state.workers {
            if let Some(thread) = worker.thread.take() {
                let _ = thread.join();
            }
        }
        state.ports.clear();
    }
}

fn spawn_workers(
    arena: &Arc<Arena>,
    homes: &Homes,
    shares: Vec<[Vec<heddle_switch_core::arena::Buf>; 3]>,
    epoch: Instant,
    alarms: &Alarms,
) -> std::io::Result<Vec<WorkerHandle>> {
    let count = shares.len();
    let wakes = (0..count).map(|_| Wake::new()).collect::<std::io::Result<Vec<_>>>()?;
    let mut outgoing: Vec<Vec<Option<link::Outgoing>>> = (0..count).map(|_| Vec::new()).collect();
    let mut incoming: Vec<Vec<Option<link::Incoming>>> = (0..count).map(|_| Vec::new()).collect();
    for (from, out) in outgoing.iter_mut().enumerate() {
        for (to, into) in incoming.iter_mut().enumerate() {
            let (sender, receiver) = link::link(wakes[to].clone(), count);
            out.push((from != to).then_some(sender));
            into.push((from != to).then_some(receiver));
        }
    }
    let mut handles = Vec::new();
    for (((share, wake), outgoing), incoming) in shares.into_iter().zip(wakes).zip(outgoing).zip(incoming) {
        let id = u16::try_from(handles.len()).unwrap_or(u16::MAX);
        let (commands, receiver) = channel();
        let wiring = Wiring { commands: receiver, wake: wake.clone(), outgoing, incoming, alarms: alarms.clone() };
        let worker = Worker::new(WorkerConfig {
            id,
            workers: u16::try_from(count).unwrap_or(u16::MAX),
            pool: Pool::new(Arc::clone(arena), homes.clone(), id, share),
            fdb: FdbLimits::default(),
            seed: seed(),
            ticks: Some(clock::ticks),
        });
        let thread = WorkerThread::new(worker, wiring, epoch)?;
        let thread = std::thread::Builder::new().name(format!("heddle-w{id}")).spawn(move || thread.run())?;
        handles.push(WorkerHandle { commands, wake, thread: Some(thread) });
    }
    Ok(handles)
}

/// A seed nobody outside can guess: the standard library's keys of this process.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
