//! What a process has that an extension must leave alone: signal handlers, directory, masks, threads, descriptors, memory.

#![expect(unsafe_code, reason = "asks the C library about the process")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::case::Verdict;

/// The facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    handlers: Vec<usize>,
    directory: Option<std::path::PathBuf>,
    mask: u32,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    pub(crate) threads: usize,
    pub(crate) descriptors: BTreeSet<String>,
}

impl Facts {
    pub(crate) fn now() -> Facts {
        let handler = |signal: i32| {
            // SAFETY: only asks; the out pointer is to a local.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                libc::sigaction(signal, std::ptr::null(), &raw mut action);
                action.sa_sigaction
            }
        };
        // SAFETY: sets the mask for an instant and sets it back; the process has one thread that makes files.
        let mask = unsafe {
            let mask = libc::umask(0o077);
            libc::umask(mask);
            mask
        };
        Facts {
            handlers: (1..32).map(handler).collect(),
            directory: std::env::current_dir().ok(),
            mask,
            environment: std::env::vars_os().collect(),
            threads: threads(),
            descriptors: descriptors(),
        }
    }

    /// The same with the threads and descriptors of another time.
    pub(crate) fn with_resources_of(self, other: &Facts) -> Facts {
        Facts { threads: other.threads, descriptors: other.descriptors.clone(), ..self }
    }

    /// Says what has changed.
    pub(crate) fn compare(&self, after: &Facts) -> Verdict {
        if let Some(signal) = (0..31).find(|index| self.handlers[*index] != after.handlers[*index]) {
            return Err(format!("it changed what happens on signal {}", signal + 1));
        }
        if self.directory != after.directory || self.mask != after.mask || self.environment != after.environment {
            return Err("it changed the directory, the file mask or the environment of the process".to_owned());
        }
        if after.threads > self.threads {
            return Err(format!("there are {} threads more", after.threads - self.threads));
        }
        match after.descriptors.difference(&self.descriptors).next() {
            Some(descriptor) => Err(format!("descriptor {descriptor} is open")),
            None => Ok(String::new()),
        }
    }
}

/// The thread that writes the lines of extensions: the host starts it with the first of them.
const OF_THE_HOST: &str = "heddle-log";

/// Threads of the process.
fn threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 1 };
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().map(name).filter(|name| name.trim() != OF_THE_HOST).count()
}

/// Open descriptors with what they are; the one that lists them is not there any more when it is looked at.
fn descriptors() -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return BTreeSet::new() };
    let paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let name = |path: &std::path::PathBuf| {
        let to = std::fs::read_link(path).ok()?;
        Some(format!("{} ({})", path.file_name()?.to_string_lossy(), to.display()))
    };
    paths.iter().filter_map(name).collect()
}

/// Waits until there are no more threads than before: one that was joined may be seen for an instant.
pub(crate) fn threads_gone(before: usize) -> bool {
    let deadline = Instant::now() + Duration::from_secs(2);
    while threads() > before {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Children of this process.
pub(crate) fn has_children() -> bool {
    // SAFETY: asks whether there is a child, without waiting for one.
    let answer = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    answer >= 0
}

/// Bytes more than `before` in use on the heap for each of so many things, once no more than `limit`, or after two seconds:
/// the host has lines of the extension in hand until its own thread has written them.
pub(crate) fn heap_since(before: usize, things: usize, limit: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let each = heap().saturating_sub(before) / things;
        if each <= limit || Instant::now() > deadline {
            return each;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Bytes in use on the heap.
pub(crate) fn heap() -> usize {
    // SAFETY: reads statistics of the C library's allocator.
    unsafe { libc::mallinfo2() }.uordblks
}

/// Processor time this thread has had, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the out pointer is to a local.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
