//! The child process: `heddled --child`, started by the switch process for one extension on one switch.
//!
//! It confines itself before it opens the extension's file, judges the file as the switch did, and then does what it is
//! asked over its socket: control calls on this thread, one at a time; a thread per worker runs the data-path calls from its
//! ring. It ends with its host, with its socket, or when told to. It trusts the host and nothing else.

mod errand;
mod job;
mod keep;
mod table;
mod worker;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_extension_api::abi::status::{E_AGAIN, E_FAILED, E_GONE, E_INVALID, E_PANIC, E_VETO, OK};

use super::answers::port_from;
use super::published::Published;
use super::sandbox;
use super::shared::{self, Mapping};
use super::talk::{Heard, Loaded, Property, Talk, TalkError, ToChild, ToHost};
use crate::loader::library::Judged;
use crate::loader::{
    CreateFailure, Groups, Instance, InstanceShared, Library, LoadError, LogRing, Objection, PortDirectory, Services,
    library,
};
use table::Inside;
use worker::Thread;

/// Longest wait for room in the socket: the host reads while it waits for an answer.
const SEND: Duration = Duration::from_secs(60);
/// For ever, in a poll: a host that ends closes the socket.
const ASKED: Duration = Duration::from_secs(1 << 30);

/// Whether the command line says that this process is a child.
#[must_use]
pub fn is_one() -> bool {
    std::env::args_os().nth(1).is_some_and(|word| word == "--child")
}

/// Runs the child to its end.
#[must_use]
pub fn main() -> ExitCode {
    main_through(|library| library)
}

/// The same with the extension called through whatever `wrap` makes of its library: for who watches or disturbs the calls
/// between it and its host.
#[must_use]
pub fn main_through(wrap: fn(Library) -> Library) -> ExitCode {
    let host = std::env::args().nth(2).and_then(|word| word.parse().ok()).unwrap_or(0);
    if !sandbox::follow(host) {
        return ExitCode::FAILURE;
    }
    sandbox::close_inherited();
    let Ok(socket) = rustix::io::dup(std::io::stdin()) else { return ExitCode::FAILURE };
    let talk = Talk::over(socket);
    match serve(talk, wrap) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(talk: Talk, wrap: fn(Library) -> Library) -> Result<(), TalkError> {
    let heard = talk.hear::<ToChild>(Instant::now() + ASKED)?;
    let loaded = load(heard, wrap);
    let deadline = Instant::now() + SEND;
    let (mut rooms, told) = match loaded {
        Ok((rooms, loaded)) => (rooms, loaded),
        Err(text) => return talk.send(&ToHost::Done { status: E_FAILED, text, number: 0 }, &[], &[], deadline),
    };
    talk.send(&ToHost::Loaded(told), &[], &[], deadline)?;
    let inside = Inside::new(talk, Arc::clone(&rooms.memory));
    loop {
        let heard = inside.talk().hear::<ToChild>(Instant::now() + ASKED)?;
        let last = matches!(heard.message, ToChild::Destroy);
        let Told { status, text, number, bytes } = rooms.carry_out(&inside, heard);
        inside.talk().send(&ToHost::Done { status, text, number }, &bytes, &[], Instant::now() + SEND)?;
        if last {
            return Ok(());
        }
    }
}

/// What the child has.
struct Rooms {
    library: Arc<Library>,
    memory: Arc<Mapping>,
    bells: Vec<Arc<OwnedFd>>,
    instance: Option<Arc<Instance>>,
    threads: BTreeMap<u16, Thread>,
    /// The descriptor the library was opened by.
    _file: OwnedFd,
}

fn load(heard: Heard<ToChild>, wrap: fn(Library) -> Library) -> Result<(Rooms, Loaded), String> {
    let ToChild::Load { length } = heard.message else { return Err("was not told to load".to_owned()) };
    let mut fds = heard.fds.into_iter();
    let (Some(file), Some(memory)) = (fds.next(), fds.next()) else { return Err("got no files".to_owned()) };
    let memory = Mapping::of(memory.as_fd(), length).map_err(|error| format!("shared memory: {error}"))?;
    let bells = fds.map(Arc::new).collect();
    let sandbox = sandbox::enter(length as u64).map_err(|error| error.to_string())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let library = library::load_in_place(&path).map_err(|error| error.to_string())?;
    let library = Arc::new(wrap(library));
    sandbox::loaded(&sandbox).map_err(|error| error.to_string())?;
    let loaded = describe(&library, sandbox);
    let (instance, threads) = (None, BTreeMap::new());
    Ok((Rooms { library, memory: Arc::new(memory), bells, instance, threads, _file: file }, loaded))
}

/// This process, confined as a child confines itself: for who judges an extension under what it has to live with there.
pub struct Confined {
    file: OwnedFd,
    sandbox: Vec<String>,
}

impl Confined {
    /// Confines this process for good; `judged` is the one file that it will open.
    ///
    /// # Errors
    /// In words, when the process could not be confined.
    pub fn enter(judged: &Judged) -> Result<Confined, String> {
        let file = shared::sealed_copy(judged.bytes()).map_err(|error| format!("copying the file: {error}"))?;
        let sandbox = sandbox::enter(0).map_err(|error| error.to_string())?;
        Ok(Confined { file, sandbox })
    }

    /// Opens the file.
    ///
    /// # Errors
    /// As for any file that is refused, or when opening files could not be ended afterwards.
    pub fn open(&self) -> Result<Library, LoadError> {
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        let library = library::load_in_place(&path)?;
        let unconfined = |error: sandbox::Unconfined| LoadError::Linker { reason: error.to_string() };
        sandbox::loaded(&self.sandbox).map_err(unconfined)?;
        Ok(library)
    }
}

fn describe(library: &Library, sandbox: Vec<String>) -> Loaded {
    let entry = library.entry();
    let (sampling, drops) = crate::loader::instance::interfaces(library);
    let state = crate::loader::state::table(library).map(|(_, facts)| facts);
    Loaded {
        ingress: entry.ingress.is_some(),
        egress: entry.egress.is_some(),
        worker_tick: entry.worker_tick.is_some(),
        sampling,
        skips_by_port: crate::loader::instance::skips_by_port(library),
        drops,
        published: Published::of(library.settings(), library.features(), state.as_ref()),
        sandbox,
    }
}

/// What is answered.
#[derive(Debug, Default)]
struct Told {
    status: i32,
    text: String,
    number: u64,
    bytes: Vec<u8>,
}

impl From<(i32, String)> for Told {
    fn from((status, text): (i32, String)) -> Told {
        Told { status, text, ..Told::default() }
    }
}

impl Rooms {
    /// Does what the host asks.
    fn carry_out(&mut self, inside: &Arc<Inside>, heard: Heard<ToChild>) -> Told {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match heard.message {
            ToChild::Create => self.create(inside, &text(&heard.bytes)).into(),
            ToChild::Worker(worker) => self.worker(worker).into(),
            ToChild::WorkerEnd(worker) => {
                drop(self.threads.remove(&worker));
                Told::default()
            }
            ToChild::Tick(now_ns) => self.tick(now_ns).into(),
            ToChild::Event { kind, port, switch } => {
                let info = port_from(&heard.bytes);
                self.judge(|instance| instance.event((kind, port), info.as_ref(), &switch)).into()
            }
            ToChild::Completed { kind, port, switch, status } => {
                let info = port_from(&heard.bytes);
                self.tell(|instance| instance.completed((kind, port), info.as_ref(), &switch, status)).into()
            }
            ToChild::Property(property) => self.property(&property, &text(&heard.bytes)).into(),
            ToChild::PropertyDone(property, status) => {
                self.property_done(&property, &text(&heard.bytes), status).into()
            }
            ToChild::Status { feature, port } => self.status(&feature, port),
            ToChild::Configure => self.ask(|instance| instance.configure(&text(&heard.bytes))).into(),
            ToChild::Destroy => {
                self.threads.clear();
                drop(self.instance.take());
                Told::default()
            }
            ToChild::Load { .. } | ToChild::Answer { .. } => refused("not now").into(),
            about_state => self.about_state(about_state, &heard.bytes),
        }
    }

    fn tick(&self, now_ns: u64) -> (i32, String) {
        self.instance.as_ref().map_or(refused("no instance"), |instance| {
            if instance.has_panicked() || instance.tick(now_ns) { (OK, String::new()) } else { panicked() }
        })
    }

    fn property(&self, property: &Property, values: &str) -> (i32, String) {
        match property.offer(values) {
            Some(offer) => self.judge(|instance| instance.property(&offer)),
            None => refused("no such action"),
        }
    }

    fn property_done(&self, property: &Property, values: &str, status: i32) -> (i32, String) {
        let Some(offer) = property.offer(values) else { return refused("no such action") };
        let outcome = match status {
            OK => None,
            status => Some(Objection { reason: String::new(), for_now: status == E_AGAIN }),
        };
        self.tell(|instance| instance.property_done(&offer, outcome.as_ref().map_or(Ok(()), Err)))
    }

    fn status(&self, feature: &str, port: u32) -> Told {
        let Some(instance) = &self.instance else { return refused("no instance").into() };
        let told = instance.status(feature, port);
        if instance.has_panicked() {
            return panicked().into();
        }
        match told {
            Ok(Some(text)) => Told { bytes: text.into_bytes(), ..Told::default() },
            Ok(None) => Told { status: E_GONE, ..Told::default() },
            Err(text) => (E_FAILED, text).into(),
        }
    }

    fn create(&mut self, inside: &Arc<Inside>, config: &str) -> (i32, String) {
        let facts = self.library.facts();
        let identity = (facts.id.clone(), facts.role);
        let (groups, ports, log) =
            (Arc::<Groups>::default(), Arc::<PortDirectory>::default(), Arc::<LogRing>::default());
        let shared = InstanceShared::new(identity, 0, Services::unsent().0, groups, ports, log);
        match Instance::create_with(Arc::clone(&self.library), shared, table::table(inside), config) {
            Ok(instance) => {
                self.instance = Some(instance);
                (OK, String::new())
            }
            Err(CreateFailure::Panicked(_)) => panicked(),
            Err(CreateFailure::Refused(text)) => (E_FAILED, text),
            Err(other) => (E_FAILED, other.to_string()),
        }
    }

    fn worker(&mut self, worker: u16) -> (i32, String) {
        let Some(instance) = &self.instance else { return refused("no instance") };
        let Some(bell) = self.bells.get(usize::from(worker)) else { return refused("too many workers") };
        let stage = match instance.worker(worker) {
            Ok(stage) => stage,
            Err(CreateFailure::Panicked(_)) => return panicked(),
            Err(CreateFailure::Refused(text)) => return (E_FAILED, text),
            Err(other) => return (E_FAILED, other.to_string()),
        };
        match Thread::start(instance, stage, &self.memory, bell, worker) {
            Ok(thread) => {
                self.threads.insert(worker, thread);
                (OK, String::new())
            }
            Err(error) => (E_FAILED, format!("its thread for worker {worker} could not be started: {error}")),
        }
    }

    /// A question that may be refused, for good or for now.
    fn judge(&self, question: impl FnOnce(&Instance) -> Result<(), Objection>) -> (i32, String) {
        let Some(instance) = &self.instance else { return refused("no instance") };
        let answer = question(instance);
        if instance.has_panicked() {
            return panicked();
        }
        match answer {
            Ok(()) => (OK, String::new()),
            Err(Objection { reason, for_now }) => (if for_now { E_AGAIN } else { E_VETO }, reason),
        }
    }

    fn ask(&self, question: impl FnOnce(&Instance) -> Result<(), String>) -> (i32, String) {
        self.judge(|instance| question(instance).map_err(|reason| Objection { reason, for_now: false }))
    }

    /// What cannot be refused.
    fn tell(&self, what: impl FnOnce(&Instance)) -> (i32, String) {
        self.judge(|instance| {
            what(instance);
            Ok(())
        })
    }
}

fn panicked() -> (i32, String) {
    (E_PANIC, "it panicked".to_owned())
}

fn refused(text: &str) -> (i32, String) {
    (E_INVALID, text.to_owned())
}
