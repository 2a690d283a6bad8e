//! Handlers of fatal signals: a stray store goes on in a private copy, anything else is put on record. An unsafe island.
//!
//! Everything here runs in a signal handler, or arms one: no memory is allocated, no lock taken, no file opened. The
//! handler reads the note its own thread made (`slot`). When the fault is a store into the read-only view
//! of the call under way, the view absorbs it; a touch of guarded memory is noted and let through. Otherwise the process
//! ends: by whatever handler was there before, after a record is written that names the extension being called, or the one
//! whose code is on the stack. The other threads go on meanwhile; the first one to get here writes the record.
//!
//! Limits: a thread of an extension that overflows its stack has no other stack to handle it on, and leaves no record.

#![expect(unsafe_code, reason = "island: signal handlers")]

use std::fmt;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::modules::{self, Owner};
use super::record::{CrashCause, FRAMES_MAX, Facts, OWN_THREAD, write_stack};
use super::site::Site;
use super::slot::{self, Slot};
use crate::loader::guarded;

/// Signals that end a process by its own doing.
const FATAL: [(libc::c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];
/// Bytes of a thread's stack for handlers: a record, the unwinder and the widest register file fit several times.
const STACK: usize = 64 << 10;

/// What was done about each signal before.
static BEFORE: [OnceLock<libc::sigaction>; FATAL.len()] = [const { OnceLock::new() }; FATAL.len()];
/// Where records go; -1 = nowhere.
static RECORD: AtomicI32 = AtomicI32::new(-1);
/// The thread that is writing the record.
static DYING: AtomicI32 = AtomicI32::new(0);
static ARMED: AtomicBool = AtomicBool::new(false);

/// Whether stores through a window are caught.
pub fn is_armed() -> bool {
    ARMED.load(Ordering::Acquire)
}

/// Puts the handlers in place; records are appended to `file`, if there is one.
///
/// # Errors
/// When the kernel refuses.
pub fn arm(file: Option<OwnedFd>) -> io::Result<()> {
    if let Some(file) = file {
        // Open for the rest of the process.
        RECORD.store(file.into_raw_fd(), Ordering::Release);
    }
    if ARMED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // Signals from outside come to the first thread, whose own stack for handlers holds no unwinder.
    std::mem::forget(AltStack::install());
    modules::refresh();
    let mut warm = [std::ptr::null_mut(); 1];
    // SAFETY: room for one address; the first call loads the unwinder, which a handler must not.
    unsafe { libc::backtrace(warm.as_mut_ptr(), 1) };
    for ((signal, _), before) in FATAL.iter().zip(&BEFORE) {
        let _ = before.set(handle(*signal)?);
    }
    Ok(())
}

/// Puts the handler in place for one signal; gives what was there.
fn handle(signal: libc::c_int) -> io::Result<libc::sigaction> {
    // SAFETY: all zero is a valid `sigaction`; both are locals that outlive the calls.
    unsafe {
        let (mut new, mut old): (libc::sigaction, libc::sigaction) = (std::mem::zeroed(), std::mem::zeroed());
        new.sa_sigaction = on_signal as extern "C" fn(_, _, _) as usize;
        new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        if libc::sigaction(signal, &raw const new, &raw mut old) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(old)
    }
}

/// Puts handlers back that somebody has replaced; whether there was one. Libraries that report crashes do that.
pub(super) fn rearm() -> bool {
    // One that is dying has let go of its signal.
    if !is_armed() || is_dying() {
        return false;
    }
    let ours = on_signal as extern "C" fn(_, _, _) as usize;
    let is_lost = |signal: libc::c_int| {
        // SAFETY: all zero is a valid `sigaction`; a null action changes nothing.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut now) == 0 && now.sa_sigaction != ours
        }
    };
    let lost = FATAL.iter().filter(|(signal, _)| is_lost(*signal));
    lost.fold(false, |_, (signal, _)| {
        // It was put there before: the kernel knows no reason to refuse.
        let _ = handle(*signal);
        true
    })
}

/// A stack for the handlers of one thread, so that they run when its own is used up.
pub(super) struct AltStack {
    memory: Option<NonNull<u8>>,
}

impl AltStack {
    /// Gives this thread a stack for handlers. Without memory it keeps what it has.
    pub(super) fn install() -> AltStack {
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping; when it is there, it is given to this thread until the drop.
        unsafe {
            let memory = libc::mmap(std::ptr::null_mut(), STACK, rights, flags, -1, 0);
            if memory == libc::MAP_FAILED {
                return AltStack { memory: None };
            }
            let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: STACK };
            if libc::sigaltstack(&raw const stack, std::ptr::null_mut()) != 0 {
                libc::munmap(memory, STACK);
                return AltStack { memory: None };
            }
            AltStack { memory: NonNull::new(memory.cast()) }
        }
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        let Some(memory) = self.memory else { return };
        let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: STACK };
        // SAFETY: dropped by its own thread as that ends, outside of any handler; then nobody uses the memory.
        unsafe {
            libc::sigaltstack(&raw const none, std::ptr::null_mut());
            libc::munmap(memory.as_ptr().cast(), STACK);
        }
    }
}

/// The handler.
extern "C" fn on_signal(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives both for a handler with SA_SIGINFO; errno is this thread's.
    let (address, code, errno) = unsafe { ((*info).si_addr() as usize, (*info).si_code, *libc::__errno_location()) };
    let mine = slot::mine();
    let store = matches!(signal, libc::SIGSEGV | libc::SIGBUS) && code > 0 && is_store(context);
    if store && mine.is_some_and(|slot| absorb(slot, address)) {
        // SAFETY: errno is this thread's; what was interrupted must find it unchanged.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    let fault = signal == libc::SIGSEGV && code > 0;
    if fault && guarded::absorb(address, store, interrupted(context)) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    let name = FATAL.iter().find(|(number, _)| *number == signal).map_or("", |(_, name)| name);
    // A signal that was sent is about no address.
    let about = (code > 0).then_some(address);
    let attributed = die(mine, name, (about, interrupted(context)), false);
    // SAFETY: plain system calls; a null action is never passed.
    unsafe {
        let index = FATAL.iter().position(|(number, _)| *number == signal).unwrap_or(0);
        let mut action: libc::sigaction = std::mem::zeroed();
        if let (false, Some(before)) = (attributed, BEFORE.get(index).and_then(OnceLock::get)) {
            action = *before;
        }
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        if code <= 0 {
            // Sent, not caused: returning would not bring it again. It is blocked until then.
            libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::gettid(), signal);
        }
    }
}

/// The thread of a slot ends while it is in a call: the extension left through `exit`, or ended a thread that is not its own.
pub(super) fn left(slot: &Slot) {
    die(Some(slot), "", (None, 0), true);
    // SAFETY: ends the process at once, with a status the supervisor takes for a crash.
    unsafe { libc::_exit(libc::EXIT_FAILURE) };
}

/// Whether the processor says that a store faulted.
#[cfg(target_arch = "x86_64")]
fn is_store(context: *mut libc::c_void) -> bool {
    /// Bit of the page fault error code.
    const WRITE: i64 = 2;
    // SAFETY: the kernel gives a `ucontext_t` to handlers with SA_SIGINFO.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    registers.get(libc::REG_ERR as usize).is_some_and(|error| error & WRITE != 0)
}

/// Elsewhere every fault on a page that is not writable yet is taken for a store.
#[cfg(not(target_arch = "x86_64"))]
fn is_store(_context: *mut libc::c_void) -> bool {
    true
}

/// Where the thread was interrupted; 0 when that cannot be told.
#[cfg(target_arch = "x86_64")]
fn interrupted(context: *mut libc::c_void) -> usize {
    // SAFETY: the kernel gives a `ucontext_t` to handlers with SA_SIGINFO.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    registers.get(libc::REG_RIP as usize).and_then(|at| usize::try_from(*at).ok()).unwrap_or(0)
}

/// Elsewhere the stack begins with the handler.
#[cfg(not(target_arch = "x86_64"))]
fn interrupted(_context: *mut libc::c_void) -> usize {
    0
}

fn absorb(slot: &Slot, address: usize) -> bool {
    if slot.site.load(Ordering::Acquire).is_null() {
        return false;
    }
    // SAFETY: null, or the window of the call under way on this thread, which borrows it.
    let window = unsafe { slot.window.load(Ordering::Acquire).as_ref() };
    window.is_some_and(|window| window.absorb(address))
}

/// Puts the end of this process on record; whether an extension is named. One thread only: others wait for the end.
fn die(slot: Option<&Slot>, signal: &str, (address, at): (Option<usize>, usize), exits: bool) -> bool {
    // SAFETY: gives a number.
    let thread = unsafe { libc::gettid() };
    if let Err(other) = DYING.compare_exchange(0, thread, Ordering::AcqRel, Ordering::Acquire) {
        if other == thread {
            // A fault while writing the record: what is written is written.
            return true;
        }
        loop {
            // SAFETY: waits for a signal; the process is about to end.
            unsafe { libc::pause() };
        }
    }
    let mut frames = [std::ptr::null_mut(); FRAMES_MAX];
    let overdue = slot.map_or(0, |slot| slot.overdue.load(Ordering::Acquire));
    let cause = match overdue {
        _ if exits => CrashCause::Exit,
        0 => CrashCause::Signal,
        ms => CrashCause::Limit(ms),
    };
    let called = slot
        .and_then(|slot| slot::with_site(slot, |site| write_facts(&Whom::called(slot, site), cause, signal, address)));
    // SAFETY: room for as many addresses as are asked for; the unwinder is loaded.
    let count = unsafe { libc::backtrace(frames.as_mut_ptr(), libc::c_int::try_from(FRAMES_MAX).unwrap_or(0)) };
    let mut addresses = [0; FRAMES_MAX];
    for (to, from) in addresses.iter_mut().zip(&frames) {
        *to = *from as usize;
    }
    let addresses = addresses.get(..usize::try_from(count).unwrap_or(0)).unwrap_or_default();
    // A thread that calls nobody is an extension's own when its code is on the stack.
    let owner = if called.is_some() { None } else { addresses.iter().find_map(|address| modules::owner(*address)) };
    if called.is_none() {
        write_facts(&owner.map(Whom::own_thread).unwrap_or_default(), cause, signal, address);
    }
    // The first frames are this handler's own.
    let first = addresses.iter().position(|address| *address == at).unwrap_or(0);
    let addresses = addresses.get(first..).unwrap_or_default();
    let mut out = Line::default();
    let _ = write_stack(&mut out, addresses, modules::find);
    out.flush();
    called.is_some() || owner.is_some()
}

/// Whom a record names.
#[derive(Default)]
struct Whom<'a> {
    extension: &'a str,
    switch: &'a str,
    sha256: &'a str,
    function: &'a str,
    worker: Option<u32>,
}

impl<'a> Whom<'a> {
    fn called(slot: &Slot, site: &'a Site) -> Whom<'a> {
        let (function, worker) = (slot.function().name(), slot.worker());
        Whom { extension: &site.extension, switch: &site.switch, sha256: &site.sha256, function, worker }
    }

    /// Which of its switches the thread works for, nobody knows.
    fn own_thread(owner: &'a Owner) -> Whom<'a> {
        Whom { extension: &owner.extension, sha256: &owner.sha256, function: OWN_THREAD, ..Whom::default() }
    }
}

fn write_facts(whom: &Whom<'_>, cause: CrashCause, signal: &str, address: Option<usize>) {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a local to write to; the rest gives numbers.
    let (pid, thread) = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        (libc::getpid(), libc::gettid())
    };
    let facts = Facts {
        pid: u32::try_from(pid).unwrap_or(0),
        seconds: u64::try_from(now.tv_sec).unwrap_or(0),
        cause,
        signal,
        address,
        extension: whom.extension,
        switch: whom.switch,
        sha256: whom.sha256,
        function: whom.function,
        worker: whom.worker,
        thread,
    };
    let mut out = Line::default();
    let _ = facts.write(&mut out);
    out.flush();
}

/// Text on its way into the record, a piece at a time.
struct Line {
    bytes: [u8; 512],
    used: usize,
}

impl Default for Line {
    fn default() -> Self {
        Line { bytes: [0; 512], used: 0 }
    }
}

impl Line {
    fn flush(&mut self) {
        let text = self.bytes.get(..self.used).unwrap_or_default();
        let file = RECORD.load(Ordering::Acquire);
        if file >= 0 {
            // SAFETY: readable bytes; the descriptor is open for the life of the process. What cannot be written is lost.
            unsafe { libc::write(file, text.as_ptr().cast(), text.len()) };
        }
        self.used = 0;
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.used == self.bytes.len() {
                self.flush();
            }
            if let Some(place) = self.bytes.get_mut(self.used) {
                *place = byte;
                self.used += 1;
            }
        }
        Ok(())
    }
}

/// Ends a call that does not come back: its thread gets the signal and writes the record. True when it could be sent.
pub(super) fn end_call(slot: &Slot, limit_ms: u64) -> bool {
    slot.overdue.store(limit_ms, Ordering::Release);
    let thread = slot.thread.load(Ordering::Relaxed);
    // SAFETY: a signal for a thread of this process.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGABRT) == 0 }
}

/// The same when the thread takes no signals: the record has no stack of it.
pub(super) fn end_in_its_place(slot: &Slot) {
    if !is_dying() {
        // The call has not moved since it was told to end, so its site is still there.
        die(Some(slot), "SIGABRT", (None, 0), false);
    }
    kill_process();
}

/// Ends this process whatever its threads do.
pub(super) fn kill_process() {
    // SAFETY: a signal for this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// Whether a thread is writing the record of this process.
pub(super) fn is_dying() -> bool {
    DYING.load(Ordering::Acquire) != 0
}
