//! What a child puts itself under before it opens the extension's file, so that no code of a vendor ever runs outside of it.
//!
//! In order: it ends with its host; no inherited descriptors but its three; a user of its own; limits of memory, threads,
//! descriptors, files and core dumps; no capabilities, and none to be had again; the file system to be read only where the loader and the host's own
//! facts are (Landlock, where the kernel has it); and a list of the system calls that computing, threads and waiting need
//! (seccomp). Everything else is refused with `EPERM`: no sockets, no programs, no other processes. Where there is no
//! Landlock, opening files ends when the extension is loaded. What could be had is told to the host, and shown.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Address space of a child beyond what it shares with the host, in bytes.
pub(super) const MEMORY_MAX: u64 = 512 << 20;
/// Descriptors of a child.
pub(super) const DESCRIPTORS_MAX: u64 = 256;
/// Where files may be read: what the dynamic linker needs, and what the kernel says of itself.
const READABLE: &[&str] = &[
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/sys/devices/system/cpu",
    "/sys/devices/virtual/dmi/id",
];
/// Threads of a child.
pub(super) const THREADS_MAX: u64 = 128;
/// Who a child is when its host is root: this and its number, so that no two children are the same user. Nobody gives
/// out users from here to 2,147,352,575.
const USERS: u32 = 1_879_048_192;
/// Who it is where that user does not exist: in a user namespace.
const NOBODY: u32 = 65_534;

/// Makes the child end with its host; false when the host is gone already.
pub(super) fn follow(host: u32) -> bool {
    let set = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_ok();
    set && nix::unistd::getppid().as_raw().unsigned_abs() == host
}

/// Closes every descriptor but the standard three: nothing of the host's comes along.
pub(super) fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The one of the directory itself is closed already.
        let _ = nix::unistd::close(fd);
    }
}

/// Why a child could not be confined.
#[derive(Debug, thiserror::Error)]
#[error("{step} failed: {reason}; the extension is not loaded without it")]
pub(super) struct Unconfined {
    step: &'static str,
    reason: String,
}

fn failed<E: ToString>(step: &'static str) -> impl Fn(E) -> Unconfined {
    move |error| Unconfined { step, reason: error.to_string() }
}

/// Confines this process for good; gives what is in force. `shared` bytes of memory are the host's.
pub(super) fn enter(shared: u64) -> Result<Vec<String>, Unconfined> {
    let mut told = Vec::new();
    limits(shared)?;
    told.push(format!("memory {} MiB", MEMORY_MAX >> 20));
    told.push(format!("descriptors {DESCRIPTORS_MAX}"));
    // Only advice to the kernel: the extension goes before the switch does.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    if nix::unistd::geteuid().is_root() {
        match become_somebody_else() {
            Ok(user) => {
                told.push(format!("user {user}"));
                // Counted by user: of one that others are as well they could not have a limit of their own.
                if user != NOBODY {
                    limit(Resource::Nproc, THREADS_MAX)?;
                    told.push(format!("threads {THREADS_MAX}"));
                }
            }
            // A host that may not change users, such as the unit's: root without any right is left.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => told.push("user root".to_owned()),
            Err(error) => return Err(failed("becoming nobody")(error)),
        }
    }
    for set in [caps::CapSet::Ambient, caps::CapSet::Inheritable, caps::CapSet::Bounding] {
        // Without the right to give up the bounding set there is nothing in it to be had without new privileges.
        let _ = caps::clear(None, set);
    }
    caps::clear(None, caps::CapSet::Effective).map_err(failed("giving up capabilities"))?;
    caps::clear(None, caps::CapSet::Permitted).map_err(failed("giving up capabilities"))?;
    told.push("no capabilities".to_owned());
    rustix::thread::set_no_new_privs(true).map_err(failed("refusing new privileges"))?;
    told.push("no-new-privileges".to_owned());
    let landlock = landlock()?;
    told.push(landlock.as_ref().map_or_else(|| "landlock absent".to_owned(), |version| format!("landlock {version}")));
    seccomp(FilesAre::Read)?;
    told.push("seccomp".to_owned());
    if landlock.is_none() {
        told.push("no files".to_owned());
    }
    Ok(told)
}

/// Ends what only loading needs.
pub(super) fn loaded(sandbox: &[String]) -> Result<(), Unconfined> {
    if sandbox.iter().any(|word| word == "no files") { seccomp(FilesAre::Closed) } else { Ok(()) }
}

/// Gives up root's name, with the groups. The kernel forgets what a process follows when that changes.
fn become_somebody_else() -> std::io::Result<u32> {
    let group = nix::unistd::Gid::from_raw(NOBODY);
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(group, group, group)?;
    let be = |number: u32| {
        let user = nix::unistd::Uid::from_raw(number);
        nix::unistd::setresuid(user, user, user).map(|()| number)
    };
    let own = USERS + (std::process::id() & 0x0fff_ffff);
    let user = be(own).or_else(|error| if error == nix::errno::Errno::EINVAL { be(NOBODY) } else { Err(error) })?;
    // The dynamic linker opens the file by its number under /proc/self.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(user)
}

fn limits(shared: u64) -> Result<(), Unconfined> {
    let used = address_space();
    limit(Resource::As, MEMORY_MAX + shared + used)?;
    limit(Resource::Nofile, DESCRIPTORS_MAX)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Core, 0)
}

fn limit(resource: Resource, most: u64) -> Result<(), Unconfined> {
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(resource, limit).map_err(failed("limiting what it may use"))
}

/// Address space this program has taken by itself, in bytes.
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()));
    pages.unwrap_or(0) * 4_096
}

/// Read-only access to a few places; the version of Landlock in force, `None` when the kernel has none.
fn landlock() -> Result<Option<String>, Unconfined> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetStatus, Scope,
    };
    const NEWEST: ABI = ABI::V6;
    let words = "restricting the file system";
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(failed(words))?;
    for place in READABLE {
        let Ok(path) = PathFd::new(place) else { continue };
        let all = AccessFs::from_read(NEWEST);
        let access = if Path::new(place).is_dir() { all } else { all & AccessFs::from_file(NEWEST) };
        rules = rules.add_rule(PathBeneath::new(path, access)).map_err(failed(words))?;
    }
    let status = rules.restrict_self().map_err(failed(words))?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => None,
        RulesetStatus::PartiallyEnforced => Some("partly".to_owned()),
        RulesetStatus::FullyEnforced => Some("fully".to_owned()),
    })
}

/// Whether files may still be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FilesAre {
    Read,
    Closed,
}

/// What computing, memory, threads, time and waiting need.
const ALLOWED: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_ppoll,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_pipe2,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_getcpu,
    libc::SYS_restart_syscall,
    libc::SYS_membarrier,
    libc::SYS_seccomp,
];

/// Older forms of some of them.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] =
    &[libc::SYS_readlink, libc::SYS_access, libc::SYS_time, libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_stat];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

fn seccomp(files: FilesAre) -> Result<(), Unconfined> {
    let words = "filtering system calls";
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    if files == FilesAre::Read {
        rules.insert(libc::SYS_openat, Vec::new());
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, Vec::new());
    }
    // Threads, not processes.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]);
    // `abort` signals the own process; nobody else's number is accepted.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, own)?]);
    rules.insert(libc::SYS_kill, vec![rule(0, SeccompCmpOp::Eq, own)?]);
    // Names of threads, and what is in force already; its other uses could undo what is above, or read what others hide.
    let name = u64::from(libc::PR_SET_NAME.unsigned_abs());
    let no_more = u64::from(libc::PR_SET_NO_NEW_PRIVS.unsigned_abs());
    let prctl = vec![rule(0, SeccompCmpOp::Eq, name)?, rule(0, SeccompCmpOp::Eq, no_more)?];
    rules.insert(libc::SYS_prctl, prctl);
    // The limits are read, not set.
    rules.insert(libc::SYS_prlimit64, vec![rule(2, SeccompCmpOp::Eq, 0)?]);
    install(rules, errno(libc::EPERM), SeccompAction::Allow).map_err(failed(words))?;
    // Its flags lie in memory, where a filter cannot look: the C library then takes the older call.
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install(no_clone3, SeccompAction::Allow, errno(libc::ENOSYS)).map_err(failed(words))
}

fn rule(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompRule, Unconfined> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Qword, operation, value);
    condition.and_then(|condition| SeccompRule::new(vec![condition])).map_err(failed("filtering system calls"))
}

fn install(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    when_listed: SeccompAction,
) -> Result<(), Box<dyn std::error::Error>> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let program: BpfProgram = SeccompFilter::new(rules, otherwise, when_listed, arch)?.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
