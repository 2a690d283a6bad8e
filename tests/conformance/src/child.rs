//! One process for each case: forked, watched, and ended when its time is up.
//!
//! The parent has one thread and loads nothing, so a child starts clean and a crash costs one case. A child says how its
//! case ended through a pipe; when a signal ends it, a handler says first what the extension was doing and what kind of
//! memory it touched. When its time is up it is asked the same, and then killed with everything it started.

#![expect(unsafe_code, reason = "fork, signals and pipes")]

use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crate::board;
use crate::case::{Case, Level, Verdict};
use crate::guard;
use crate::proxy;
use crate::rig::Subject;

/// How a case ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    pub(crate) ms: u64,
}

impl Ended {
    /// How one of several cases ended: all ended so, unless each has a line of its own.
    pub(crate) fn of(&self, name: &str) -> Ended {
        let Err(text) = &self.verdict else { return self.clone() };
        let Some(lines) = text.strip_prefix(EACH) else { return self.clone() };
        let own = lines.split(EACH).find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let verdict = own.map_or(Ok(String::new()), |text| Err(text.to_owned()));
        Ended { verdict, ms: self.ms }
    }
}

/// Begins the part of a text that is about one of several cases.
const EACH: char = '\u{1e}';
/// Longest text of an end, in bytes.
const TEXT_MAX: usize = 8_192;
/// Time a child has to say what it was doing when it is asked, before it is killed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The pipe of this process, for signal handlers.
static SAY: AtomicI32 = AtomicI32::new(-1);

/// A case under way.
pub(crate) struct Child {
    process: i32,
    pipe: std::fs::File,
    began: Instant,
    asked: Option<Instant>,
    said: Vec<u8>,
    limit: Duration,
}

impl Child {
    /// Starts cases one after the other in one process, until one fails.
    pub(crate) fn start_whole(
        cases: &[&'static Case],
        subject: &mut Subject,
        limit: Duration,
    ) -> std::io::Result<Child> {
        Child::begin(subject, limit, |subject| {
            cases.iter().try_for_each(|case| judge(&[case], subject).map(drop)).map(|()| String::new())
        })
    }

    /// Starts a case in a process of its own; of several, which drive the same, the first, and judges all.
    pub(crate) fn start(cases: &[&'static Case], subject: &mut Subject, limit: Duration) -> std::io::Result<Child> {
        Child::begin(subject, limit, |subject| judge(cases, subject))
    }

    fn begin(
        subject: &mut Subject,
        limit: Duration,
        work: impl FnOnce(&mut Subject) -> Verdict,
    ) -> std::io::Result<Child> {
        let (reader, writer) = pipe()?;
        // SAFETY: this process has one thread, so the child may do whatever its parent may.
        match unsafe { libc::fork() } {
            0 => {
                drop(reader);
                SAY.store(writer.as_raw_fd(), Ordering::Relaxed);
                prepare();
                tell(work(subject))
            }
            process if process > 0 => Ok(Child {
                process,
                pipe: std::fs::File::from(reader),
                began: Instant::now(),
                asked: None,
                said: Vec::new(),
                limit,
            }),
            _ => Err(std::io::Error::last_os_error()),
        }
    }

    /// Waits until one of these says something or ends, or for some milliseconds.
    pub(crate) fn wait_for_any<'a>(children: impl Iterator<Item = &'a Child>) {
        let watched = |child: &Child| libc::pollfd { fd: child.pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut pipes: Vec<libc::pollfd> = children.map(watched).collect();
        let count = libc::nfds_t::try_from(pipes.len()).unwrap_or(0);
        // SAFETY: the list is a local of that many elements.
        unsafe { libc::poll(pipes.as_mut_ptr(), count, 20) };
    }

    /// Looks after it; how it ended, once it has.
    pub(crate) fn look(&mut self) -> Option<Ended> {
        self.read();
        let mut status = 0;
        // SAFETY: asks about a child of this process; the out pointer is to a local.
        let ended = unsafe { libc::waitpid(self.process, &raw mut status, libc::WNOHANG) } == self.process;
        if !ended {
            self.hurry();
            return None;
        }
        // What it left behind goes with it.
        self.kill(libc::SIGKILL, true);
        self.read();
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Some(Ended { verdict: self.verdict(status), ms })
    }

    fn read(&mut self) {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = self.pipe.read(&mut bytes) {
            if self.said.len() < TEXT_MAX {
                self.said.extend_from_slice(&bytes[..count]);
            }
        }
    }

    fn hurry(&mut self) {
        match self.asked {
            None if self.began.elapsed() > self.limit => {
                self.kill(libc::SIGUSR1, false);
                self.asked = Some(Instant::now());
            }
            Some(asked) if asked.elapsed() > LAST_WORDS => self.kill(libc::SIGKILL, true),
            _ => {}
        }
    }

    fn kill(&self, signal: i32, group: bool) {
        let target = if group { -self.process } else { self.process };
        // SAFETY: a signal to a child of this process or to the group that it leads.
        unsafe { libc::kill(target, signal) };
    }

    fn verdict(&self, status: i32) -> Verdict {
        let said = String::from_utf8_lossy(&self.said).into_owned();
        let (kind, text) = said.split_at_checked(1).unwrap_or_default();
        if self.asked.is_some() {
            let place = if kind == "T" { text } else { "; it did not even answer a signal" };
            return Err(format!("it did not come to an end within {} s{place}", self.limit.as_secs()));
        }
        if libc::WIFSIGNALED(status) {
            let name = signal_name(libc::WTERMSIG(status));
            let place = if kind == "S" { text } else { "" };
            return Err(format!("{name}{place}"));
        }
        match kind {
            "P" => Ok(text.to_owned()),
            "F" => Err(text.to_owned()),
            _ => Err(format!("it ended the process with exit status {}{text}", libc::WEXITSTATUS(status))),
        }
    }
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the out pointer is to a local of two numbers; the descriptors are owned by nobody else.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        libc::fcntl(ends[0], libc::F_SETFL, libc::O_NONBLOCK);
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGABRT => "SIGABRT",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGKILL => "SIGKILL",
        libc::SIGTERM => "SIGTERM",
        libc::SIGPIPE => "SIGPIPE",
        _ => "a signal",
    };
    format!("{name} ({signal}) ended it")
}

/// Runs the first of these cases and judges all.
fn judge(cases: &[&'static Case], subject: &mut Subject) -> Verdict {
    let ran = drive(cases, subject);
    let found: Vec<_> = cases.iter().filter_map(|case| proxy::finding(case.name)).collect();
    // A rule that was broken on the way says more than what it led to.
    match (ran, found.as_slice(), ended()) {
        (_, [only], _) if cases.len() == 1 => Err(only.text.clone()),
        (_, _, Some(ended)) => Err(ended),
        (ran, [], None) => ran,
        (_, several, None) => Err(several.iter().map(|one| format!("{EACH}{}:{}", one.rule, one.text)).collect()),
    }
}

/// How the extension's own process ended, when it did.
fn ended() -> Option<String> {
    let board = board::board();
    let why = board.gone();
    match board.words() {
        Some(words) => {
            let place = words.trim_start_matches('S');
            let why = why.unwrap_or_else(|| "a signal ended its process".to_owned());
            let (why, said) = why.split_once(';').unwrap_or((&why, ""));
            Some(format!("{why}{place}{}{said}", if said.is_empty() { "" } else { ";" }))
        }
        None => why,
    }
}

/// Runs the first of these cases, on the library unless the case loads it itself.
fn drive(cases: &[&'static Case], subject: &mut Subject) -> Verdict {
    let Some(case) = cases.first() else { return Ok(String::new()) };
    let opens =
        case.level > Level::Loads || matches!(case.name, "makes-an-instance" | "context-made" | "leaves-in-order");
    subject.prepare(case.beside, opens)?;
    (case.run)(subject)
}

/// Says how it ended, and ends the process.
fn tell(verdict: Verdict) -> ! {
    let (kind, text) = match verdict {
        Ok(text) => (b'P', text),
        Err(text) => (b'F', text),
    };
    let mut said = vec![kind];
    said.extend(text.bytes().take(TEXT_MAX / 2));
    say(&said);
    // SAFETY: ends the process without running what an extension may have asked to run at its end.
    unsafe { libc::_exit(0) }
}

/// Writes to the pipe; for signal handlers, too.
fn say(bytes: &[u8]) {
    let pipe = SAY.load(Ordering::Relaxed);
    if pipe < 0 {
        board::board().say(bytes);
        return;
    }
    // SAFETY: plain bytes to this process's own pipe.
    unsafe { libc::write(pipe, bytes.as_ptr().cast(), bytes.len()) };
}

/// The process of an extension by itself, which the process of a case has started: joins the board, has handlers say there
/// what it was doing, and does as a switch's child does, with every call watched.
pub(crate) fn inside() -> ExitCode {
    if board::join().is_err() {
        return ExitCode::FAILURE;
    }
    handlers();
    guard::reserve(proxy::RESERVED);
    heddle_host::loader::isolation::child::main_through(|library| proxy::library(&library))
}

/// A group of its own, silence, an end with the parent's, and handlers on a stack of their own.
fn prepare() {
    // SAFETY: calls about this process only; the descriptors are its own standard ones.
    unsafe {
        libc::setpgid(0, 0);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        if nowhere >= 0 && std::env::var_os("HEDDLE_CONFORMANCE_VERBOSE").is_none() {
            libc::dup2(nowhere, 1);
            libc::dup2(nowhere, 2);
        }
        libc::close(nowhere);
        let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
    }
    handlers();
}

fn handlers() {
    let stack = Box::leak(vec![0_u8; 65_536].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: stack.len() };
    // SAFETY: the stack is leaked, so it is there for good; the actions are whole.
    unsafe {
        libc::sigaltstack(&raw const stack, std::ptr::null_mut());
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
            handle(signal, crashed);
        }
        handle(libc::SIGUSR1, too_long);
    }
}

/// Sets a handler.
///
/// # Safety
/// `handler` does only what a signal handler may.
unsafe fn handle(signal: i32, handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void)) {
    // SAFETY: a zeroed action with its fields set is whole.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

extern "C" fn crashed(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    let memory = matches!(signal, libc::SIGSEGV | libc::SIGBUS);
    say(b"S in ");
    say(proxy::phase().as_bytes());
    if memory {
        // SAFETY: the kernel passes the facts of the fault.
        let address = unsafe { (*info).si_addr() } as usize;
        say(b": ");
        say(guard::explain(address).as_bytes());
    }
    // Set back by SA_RESETHAND: the fault happens again, or the signal is sent again, and ends the process.
    // SAFETY: ends this process with the same signal.
    unsafe {
        libc::raise(signal);
    }
}

extern "C" fn too_long(_signal: i32, _info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    say(b"T; it was in ");
    say(proxy::phase().as_bytes());
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(0) }
}
