//! The thread that starts children and learns of their ends.
//!
//! One thread for the whole process, and for its whole life: the kernel ends a child with the thread that started it
//! (`PR_SET_PDEATHSIG`), so that must not be one that comes and goes. It sleeps in `poll` on the children's pidfds; when one
//! ends it notes why, marks the child as gone and rings the bells of the workers that may wait for it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child as Started, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The program that children run, with `--child` as its first argument.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that children run; the first call counts. By default it is this process's own: heddled.
pub fn use_program(program: impl Into<PathBuf>) {
    // A second call changes nothing, as it says.
    let _ = PROGRAM.set(program.into());
}

/// How many children have failed, for [`wait_for_failure`].
static FAILED: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

/// Tells everybody who waits that a child has failed.
pub(super) fn tell() {
    *FAILED.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    FAILED.1.notify_all();
}

/// Waits until a child has failed since the count in `seen`, or time is up.
pub fn wait_for_failure(seen: &mut u64, longest: Duration) {
    let count = FAILED.0.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |count: &mut u64| *count == *seen;
    let waited = FAILED.1.wait_timeout_while(count, longest, same).unwrap_or_else(PoisonError::into_inner);
    *seen = *waited.0;
}

/// A child, as everybody who deals with it sees it.
pub(super) struct Process {
    /// Its number.
    pub(super) pid: u32,
    handle: OwnedFd,
    gone: AtomicBool,
    /// Whether it is meant to end.
    ending: AtomicBool,
    why: Mutex<Option<String>>,
    bells: Vec<Arc<EventFd>>,
}

impl Process {
    /// Whether it has ended, or was given up.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Why it ended or was given up.
    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives it up: it is killed, and nobody waits for it any more.
    pub(super) fn condemn(&self, why: impl FnOnce() -> String) {
        if !self.gone.swap(true, Ordering::AcqRel) {
            self.note(why);
            self.ring();
            tell();
        }
        self.kill();
    }

    /// Ends it on purpose.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.gone.store(true, Ordering::Release);
        self.kill();
    }

    fn kill(&self) {
        // One that has ended already needs no signal.
        let _ = pidfd_send_signal(&self.handle, Signal::KILL);
    }

    fn note(&self, why: impl FnOnce() -> String) {
        let mut place = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = Some(why());
        }
    }

    fn ring(&self) {
        for bell in &self.bells {
            // A full bell is ringing.
            let _ = bell.write(1);
        }
    }

    fn has_ended(&self, status: Option<ExitStatus>) {
        if !self.ending.load(Ordering::Acquire) {
            self.note(|| status.map_or_else(|| "its process ended".to_owned(), words));
        }
        if !self.gone.swap(true, Ordering::AcqRel) {
            tell();
        }
        self.ring();
    }
}

/// How a process ended, for operators.
fn words(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let name = nix::sys::signal::Signal::try_from(signal).map_or("unknown", nix::sys::signal::Signal::as_str);
            format!("its process was ended by signal {signal} ({name})")
        }
        (None, Some(code)) => format!("its process exited with code {code}"),
        (None, None) => "its process ended".to_owned(),
    }
}

/// A request to start a child.
struct Order {
    socket: OwnedFd,
    bells: Vec<Arc<EventFd>>,
    answer: Sender<io::Result<(Arc<Process>, std::process::ChildStderr)>>,
}

struct Warden {
    orders: Sender<Order>,
    bell: Arc<EventFd>,
}

/// Starts a child that has `socket` as its standard input; what it writes to standard error comes back.
pub(super) fn start(
    socket: OwnedFd,
    bells: Vec<Arc<EventFd>>,
) -> io::Result<(Arc<Process>, std::process::ChildStderr)> {
    static WARDEN: OnceLock<Option<Warden>> = OnceLock::new();
    let Some(warden) = WARDEN.get_or_init(|| hire().ok()) else {
        return Err(io::Error::other("the thread that starts child processes could not be started"));
    };
    let (answer, started) = channel();
    let gone = |_| io::Error::other("the thread that starts child processes has ended");
    warden.orders.send(Order { socket, bells, answer }).map_err(gone)?;
    let _ = warden.bell.write(1);
    started.recv().map_err(|_| io::Error::other("the thread that starts child processes has ended"))?
}

fn hire() -> io::Result<Warden> {
    let bell = Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?);
    let (orders, received) = channel();
    let own = Arc::clone(&bell);
    std::thread::Builder::new().name("heddle-children".to_owned()).spawn(move || watch(&received, &own))?;
    Ok(Warden { orders, bell })
}

fn watch(orders: &Receiver<Order>, bell: &EventFd) {
    let mut children: Vec<(Started, Arc<Process>)> = Vec::new();
    loop {
        let mut fds = vec![PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)];
        fds.extend(children.iter().map(|(_, process)| PollFd::new(&process.handle, PollFlags::IN)));
        // Interrupted or not: what is ready is looked at.
        let _ = poll(&mut fds, None);
        let ended: Vec<bool> = fds.iter().skip(1).map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut ended = ended.into_iter();
        children.retain_mut(|(started, process)| {
            if ended.next() != Some(true) {
                return true;
            }
            process.has_ended(started.wait().ok());
            false
        });
        let _ = bell.read();
        while let Ok(order) = orders.try_recv() {
            let started = spawn(order.socket, order.bells);
            let answer = started.map(|(child, process, errors)| {
                children.push((child, Arc::clone(&process)));
                (process, errors)
            });
            // Whoever asked and went away has lost the socket, which ends the child.
            let _ = order.answer.send(answer);
        }
    }
}

type Spawned = (Started, Arc<Process>, std::process::ChildStderr);

fn spawn(socket: OwnedFd, bells: Vec<Arc<EventFd>>) -> io::Result<Spawned> {
    let program = PROGRAM.get().cloned().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
    let mut child = Command::new(program)
        .arg("--child")
        .arg(std::process::id().to_string())
        .env_clear()
        // The allocator takes 64 MiB of addresses for each thread otherwise, which a switch of many workers counts by.
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(socket)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let raw = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let handle = match pidfd_open(raw, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(errno) => {
            // Without a handle nobody would learn of its end.
            let _ = child.kill().and_then(|()| child.wait());
            return Err(errno.into());
        }
    };
    let process = Process {
        pid: child.id(),
        handle,
        gone: AtomicBool::new(false),
        ending: AtomicBool::new(false),
        why: Mutex::default(),
        bells,
    };
    Ok((child, Arc::new(process), errors))
}
