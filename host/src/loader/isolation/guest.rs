//! An instance that runs in a child process, from the host's side.
//!
//! [`launch`] starts the child and has it load a file that was judged here; [`Launched::create`] makes the instance. Control
//! calls go over the socket, each with a deadline; a child that misses one, or says what makes no sense, is given up: it is
//! killed, and the reason is kept. Workers deal with it through [`IsolatedStage`] and never wait.

mod policy;
mod state;

use std::io::Read;
use std::os::fd::AsFd;
use std::process::ChildStderr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use heddle_extension_api::abi::status::{E_AGAIN, E_FULL, E_PANIC, OK};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::answers::Answers;
use super::layout::{self, COUNTERS, DONE, POSTED, Section};
use super::parking::Parking;
use super::shared::{self, Mapping};
use super::stage::IsolatedStage;
use super::talk::{Loaded, Talk, TalkError, ToChild, ToHost};
use super::warden::{self, Process};
use crate::control::model::Patience;
use crate::loader::library::Judged;
use crate::loader::state::StateFacts;
use crate::loader::{CreateFailure, InstanceShared, Library, Objection};

/// Longest wait for a child to load its file, create its instance or make a worker's context.
const START: Duration = Duration::from_secs(10);
/// Longest wait for an event, a configuration or a periodic call.
const CALL: Duration = Duration::from_secs(2);
/// Longest wait for the end of an instance.
const END: Duration = Duration::from_secs(1);
/// Longest wait for the end of a process that has closed its socket.
const CLOSED: Duration = Duration::from_millis(100);
/// Workers of a switch whose bells fit in one message.
const WORKERS_MAX: usize = 64;
/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// Bytes kept of the last line on its standard error.
const LAST_WORDS: usize = 300;

/// A child that has loaded its file.
pub struct Launched {
    child: Child,
    library: Arc<Library>,
    state: Option<StateFacts>,
}

/// What every user of a child shares.
struct Child {
    talk: Mutex<Talk>,
    process: Arc<Process>,
    memory: Arc<Mapping>,
    bells: Vec<Arc<EventFd>>,
    errors: Mutex<ChildStderr>,
    loaded: Loaded,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.end();
    }
}

/// Starts a child for a switch with this many workers and has it load a file.
pub fn launch(judged: &Judged, workers: usize) -> Result<Launched, CreateFailure> {
    let failed = |what: &'static str| move |reason: std::io::Error| CreateFailure::Process(format!("{what}: {reason}"));
    let workers = workers.min(WORKERS_MAX);
    let length = layout::length(workers);
    let memory = shared::file(length).map_err(failed("making shared memory"))?;
    let mapping = Mapping::of(memory.as_fd(), length).map_err(failed("mapping shared memory"))?;
    let file = shared::sealed_copy(judged.bytes()).map_err(failed("copying the file"))?;
    let bell = || Ok(Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?));
    let bells: Vec<Arc<EventFd>> =
        (0..workers).map(|_| bell()).collect::<std::io::Result<_>>().map_err(failed("making bells"))?;
    let (talk, socket) = Talk::pair().map_err(failed("making a socket pair"))?;
    let (process, errors) = warden::start(socket, bells.clone()).map_err(failed("starting its process"))?;
    // From here on the process ends with this value.
    let mut child = Child {
        talk: Mutex::new(talk),
        process,
        memory: Arc::new(mapping),
        bells,
        errors: Mutex::new(errors),
        loaded: Loaded::default(),
    };
    let mut fds = vec![file.as_fd(), memory.as_fd()];
    fds.extend(child.bells.iter().map(|bell| bell.as_fd()));
    let loaded = child.load(length, &fds);
    child.loaded = loaded.map_err(|error| child.lost(&error))?;
    let published = &child.loaded.published;
    let library = Arc::new(judged.elsewhere(published.settings(), published.features()));
    let state = published.state();
    Ok(Launched { child, library, state })
}

impl Child {
    fn load(&self, length: usize, fds: &[std::os::fd::BorrowedFd<'_>]) -> Result<Loaded, TalkError> {
        let talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + START;
        talk.send(&ToChild::Load { length }, &[], fds, deadline)?;
        match talk.hear::<ToHost>(deadline)?.message {
            ToHost::Loaded(loaded) => Ok(loaded),
            ToHost::Done { text, .. } => Err(TalkError::Refused(one_line(&text))),
            other => Err(TalkError::Garbage(format!("{other:?} before it was loaded"))),
        }
    }

    /// Why a child that cannot be talked to is of no use.
    fn lost(&self, error: &TalkError) -> CreateFailure {
        if matches!(error, TalkError::Closed) {
            self.wait_for_its_end(END);
        }
        let why = self.process.why().unwrap_or_else(|| error.to_string());
        CreateFailure::Process(format!("{why}{}", self.last_words()))
    }

    /// Its end comes with the reason, a moment after that of its socket.
    fn wait_for_its_end(&self, longest: Duration) {
        let deadline = Instant::now() + longest;
        while self.process.why().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The last line it wrote to its standard error, when it has ended.
    fn last_words(&self) -> String {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        if rustix::io::ioctl_fionbio(errors.as_fd(), true).is_err() {
            return String::new();
        }
        let mut text = vec![0; 16 << 10];
        let length = errors.read(&mut text).unwrap_or(0);
        text.truncate(length);
        let text = String::from_utf8_lossy(&text);
        let Some(line) = text.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("note:"))
        else {
            return String::new();
        };
        let clean: String = line.chars().filter(|c| !c.is_control()).take(LAST_WORDS).collect();
        format!("; it last said: {clean}")
    }
}

impl Launched {
    /// The file's facts, with what the child found in it.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Makes the instance.
    pub fn create(
        self,
        shared: Arc<InstanceShared>,
        config: &str,
        patience: Patience,
    ) -> Result<Arc<Guest>, CreateFailure> {
        let Launched { child, library, state } = self;
        let code = |id: &str, text: &str| shared.register_drop_reason(id, text).unwrap_or(0);
        let gone =
            code("process-gone", "The process of the extension had ended or was late, and the fail policy drops.");
        let busy = code("process-busy", "The process of the extension had no room for the frame.");
        let guest = Guest {
            answers: Answers::new(Arc::clone(&shared)),
            library,
            state,
            shared,
            codes: Codes { gone, busy },
            late_ns: u64::from(patience.late().get()) * NS_PER_MS,
            kill_ns: u64::from(patience.kill().get()) * NS_PER_MS,
            parking: Parking::new(child.bells.len()),
            child,
            panicked: AtomicBool::new(false),
            settings_age: AtomicU32::new(0),
            missed: AtomicU32::new(0),
        };
        match guest.call(&ToChild::Create, config.as_bytes(), START) {
            Ok(Done { status: OK, .. }) => Ok(Arc::new(guest)),
            Ok(Done { status: E_PANIC, .. }) => Err(CreateFailure::Panicked("create")),
            Ok(Done { text, .. }) => Err(CreateFailure::Refused(text)),
            Err(error) => Err(guest.child.lost(&error)),
        }
    }
}

/// How a call in a child ended.
struct Done {
    status: i32,
    /// The extension's words.
    text: String,
    number: u64,
    bytes: Vec<u8>,
}

/// Drop codes under the extension's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes {
    /// Its process is gone or late.
    pub(super) gone: u16,
    /// No room.
    pub(super) busy: u16,
}

/// The instance.
pub struct Guest {
    child: Child,
    library: Arc<Library>,
    /// What its state is.
    state: Option<StateFacts>,
    shared: Arc<InstanceShared>,
    answers: Answers,
    codes: Codes,
    /// After which frames go on without it, and after which it is killed.
    late_ns: u64,
    kill_ns: u64,
    panicked: AtomicBool,
    parking: Parking,
    /// Grows with each new configuration: what was asked for before is not used.
    settings_age: AtomicU32,
    /// Frames a capture extension did not see, and samples and drops that were not told: there was no room.
    missed: AtomicU32,
}

impl Guest {
    /// A control call.
    fn call(&self, request: &ToChild, bytes: &[u8], patience: Duration) -> Result<Done, TalkError> {
        let deadline = Instant::now() + patience;
        let talk = self.child.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |error| match error {
            TalkError::Late(_) => TalkError::Late(patience),
            other => other,
        };
        talk.send(request, bytes, &[], deadline).map_err(late)?;
        loop {
            let heard = talk.hear::<ToHost>(deadline).map_err(late)?;
            match heard.message {
                ToHost::Done { status, text, number } => {
                    let (text, bytes) = (one_line(&text), heard.bytes);
                    return Ok(Done { status, text, number, bytes });
                }
                ToHost::Log(level) => self.answers.log(level, &heard.bytes),
                ToHost::Datagram(address) => self.answers.datagram(&address, &heard.bytes),
                ToHost::Ask(ask) => {
                    let (answer, bytes) = self.answers.answer(&ask);
                    talk.send(&answer, &bytes, &[], deadline).map_err(late)?;
                }
                ToHost::Loaded(_) => return Err(TalkError::Garbage("it loads twice".to_owned())),
            }
        }
    }

    /// As `call`, for a running instance: a child that fails is given up.
    fn ask(&self, what: &'static str, request: &ToChild, bytes: &[u8]) -> Result<Done, String> {
        if self.child.process.is_gone() {
            return Err("its process has ended".to_owned());
        }
        self.call(request, bytes, CALL).map_err(|error| {
            let why = format!("in {what}: {error}");
            if matches!(error, TalkError::Closed) {
                self.child.wait_for_its_end(CLOSED);
            }
            // One that has ended has a reason of its own.
            self.child.process.condemn(|| why.clone());
            why
        })
    }

    /// Makes the context for one worker.
    pub fn worker(self: &Arc<Guest>, worker: u16) -> Result<IsolatedStage, CreateFailure> {
        let stage = IsolatedStage::new(Arc::clone(self), worker);
        match self.call(&ToChild::Worker(worker), &[], START) {
            Ok(Done { status: OK, .. }) => Ok(stage),
            Ok(Done { status: E_PANIC, .. }) => Err(CreateFailure::Panicked("worker_init")),
            Ok(Done { text, .. }) => Err(CreateFailure::Refused(text)),
            Err(error) => Err(self.child.lost(&error)),
        }
    }

    pub(super) fn end_worker(&self, worker: u16) {
        // One that cannot end is killed soon.
        let _ = self.ask("worker_fini", &ToChild::WorkerEnd(worker), &[]);
    }

    /// Periodic control call: also takes in what the child tells outside of calls. False when it panicked.
    pub fn tick(&self, now_ns: u64) -> bool {
        let status = self.ask("tick", &ToChild::Tick(now_ns), &[]).map_or(OK, |done| done.status);
        self.count();
        self.note(status) != E_PANIC
    }

    /// A control event.
    pub(in crate::loader) fn event(
        &self,
        (kind, port): (u32, u32),
        info: &[u8],
        switch: &str,
    ) -> Result<(), Objection> {
        let event = ToChild::Event { kind, port, switch: switch.to_owned() };
        self.verdict("an event", &event, info)
    }

    /// How an event ended that it had accepted.
    pub(in crate::loader) fn completed(&self, (kind, port): (u32, u32), info: &[u8], switch: &str, status: i32) {
        let told = ToChild::Completed { kind, port, switch: switch.to_owned(), status };
        // One that cannot be told is gone.
        let _ = self.ask("the end of an event", &told, info);
    }

    /// A question that the extension may answer with a refusal.
    fn verdict(&self, what: &'static str, request: &ToChild, bytes: &[u8]) -> Result<(), Objection> {
        let done = self.ask(what, request, bytes).map_err(|reason| Objection { reason, for_now: false })?;
        match self.note(done.status) {
            OK => Ok(()),
            status => Err(Objection { reason: done.text, for_now: matches!(status, E_AGAIN | E_FULL) }),
        }
    }

    /// Hands over a new configuration.
    pub fn configure(&self, config: &str) -> Result<(), String> {
        let done = self.ask("configure", &ToChild::Configure, config.as_bytes())?;
        if self.note(done.status) != OK {
            return Err(done.text);
        }
        self.settings_age.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn note(&self, status: i32) -> i32 {
        if status == E_PANIC {
            self.set_panicked();
        }
        status
    }

    pub(super) fn set_panicked(&self) {
        if !self.panicked.swap(true, Ordering::AcqRel) {
            warden::tell();
        }
    }

    /// Brings the counters up to date.
    pub fn count(&self) {
        for index in 0..COUNTERS {
            self.shared.set_counter(index, self.child.memory.counter(index).load(Ordering::Relaxed));
        }
    }

    /// Adds what another version of the extension has counted under the same names.
    pub(in crate::loader) fn count_on_from(&self, former: &InstanceShared) {
        for (index, value) in self.shared.counted_alike(former) {
            self.child.memory.counter(index).fetch_add(value, Ordering::Relaxed);
        }
        self.count();
    }

    /// Counts from where another version has stopped that counted on from here.
    pub(in crate::loader) fn count_like(&self, newer: &InstanceShared) {
        for (index, value) in self.shared.counted_alike(newer) {
            self.child.memory.counter(index).store(value, Ordering::Relaxed);
        }
        self.count();
    }

    /// Stops the traffic with it, or lets it go on; frames wait meanwhile.
    pub(crate) fn park(&self, park: bool) {
        self.parking.want(park);
    }

    /// Whether nothing of any worker is under way, after [`Guest::park`].
    pub(crate) fn is_quiet(&self) -> bool {
        self.parking.is_quiet()
    }

    /// Frames that wait on the worker where most do.
    pub(crate) fn waiting(&self) -> usize {
        self.parking.waiting()
    }

    pub(super) fn parking(&self) -> &Parking {
        &self.parking
    }

    /// Whether it panicked or its process is gone: no more calls are made.
    pub fn has_failed(&self) -> bool {
        self.panicked.load(Ordering::Acquire) || self.child.process.is_gone()
    }

    /// Why its process is gone, in words.
    pub fn failure(&self) -> Option<String> {
        let why = self.child.process.why()?;
        Some(format!("{why}{}", self.child.last_words()))
    }

    /// Number of its process.
    pub fn pid(&self) -> u32 {
        self.child.process.pid
    }

    /// What its process is under.
    pub fn sandbox(&self) -> &[String] {
        &self.child.loaded.sandbox
    }

    /// What it shares with the host.
    pub fn shared(&self) -> &Arc<InstanceShared> {
        &self.shared
    }

    /// Its library.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Header bytes it wants of samples.
    pub fn sampling_header(&self) -> Option<u16> {
        self.child.loaded.sampling
    }

    /// Whether it has a function for ingress, egress and the periodic call; drops are asked for in the latter.
    pub fn functions(&self) -> (bool, bool, bool) {
        let loaded = &self.child.loaded;
        (loaded.ingress, loaded.egress, loaded.worker_tick || loaded.drops)
    }

    /// Whether every job of these workers was answered, or none ever will be.
    pub fn has_answered(&self, workers: usize) -> bool {
        let word = |worker, which| self.child.memory.word(Section::of(worker).word(which)).load(Ordering::SeqCst);
        self.has_failed() || (0..workers).all(|worker| word(worker, POSTED) == word(worker, DONE))
    }

    /// The bell of a worker, which the child rings.
    pub fn bell(&self, worker: usize) -> Option<&Arc<EventFd>> {
        self.child.bells.get(worker)
    }

    /// Frames, samples and drops that found no room and were not shown.
    pub fn missed(&self) -> u32 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn miss(&self, count: usize) {
        self.missed.fetch_add(u32::try_from(count).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    pub(super) fn loaded(&self) -> &Loaded {
        &self.child.loaded
    }

    pub(super) fn memory(&self) -> &Arc<Mapping> {
        &self.child.memory
    }

    pub(super) fn process(&self) -> &Process {
        &self.child.process
    }

    /// After how many nanoseconds it is late, and is killed.
    pub(super) fn patience(&self) -> (u64, u64) {
        (self.late_ns, self.kill_ns)
    }

    pub(super) fn codes(&self) -> Codes {
        self.codes
    }

    pub(super) fn settings_age(&self) -> u32 {
        self.settings_age.load(Ordering::Acquire)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if !self.child.process.is_gone() {
            // Its end follows whether it answers or not.
            let _ = self.call(&ToChild::Destroy, &[], END);
        }
    }
}

/// The extension's words on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
