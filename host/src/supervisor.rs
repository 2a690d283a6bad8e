//! The supervisor: keeps one switch process alive and never lets it outlive itself.
//!
//! The supervisor starts its own executable again with the same arguments. The child gets the listening control socket and
//! the TAP interfaces of its predecessor through its standard input (`keeper`), the rest in its environment
//! ([`Inherited`]). Because the supervisor keeps the socket open,
//! clients that connect while a child is being restarted wait in the backlog instead of being refused.
//! A child that dies is restarted, the first time at once and then after growing pauses; children that keep dying early
//! end heddled (`backoff`). TAP interfaces outlive even the supervisor, unless it was asked to stop (`devices`). A death that
//! is an extension's doing, by its record or by what was under way (`verdict`), is not counted: the next child keeps that
//! extension out. An exit code is an answer only when the child has declared it. What operators asked for is in the store,
//! which no death touches; the child restores it.

mod backoff;
mod devices;
mod inherit;
mod keeper;
mod verdict;

pub use inherit::{Inherited, new_start};
pub use keeper::Inheritance;

use crate::control::error::ErrorClass;
use crate::systemd;
use backoff::{Backoff, Next};
use keeper::KeptQueues;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use verdict::{Death, Verdicts};

/// What the switch process gets to stop before it is killed. heddled promises to be gone within two seconds.
const STOP_TIME: Duration = Duration::from_millis(1900);
/// How often devices are looked at that hosts may have renamed or moved into another network namespace.
const FOLLOW: Duration = Duration::from_secs(1);

/// Why the supervisor ended other than by a stop signal.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    /// The switch process keeps dying.
    #[error("the switch process died {crashes} times within {} s, last: {last}; heddled gives up, see the log above", within.as_secs())]
    GaveUp {
        /// Deaths counted.
        crashes: usize,
        /// In this time.
        within: Duration,
        /// How the last one ended.
        last: String,
    },
    /// The switch process said itself that starting it again would not help.
    #[error("the switch process could not start ({ended}); the reason is in the log above")]
    Refused {
        /// How it ended.
        ended: String,
        /// Its exit code, which becomes that of heddled.
        code: u8,
    },
    /// The switch process did not stop when asked and was killed.
    #[error("the switch process did not stop within {} ms and was killed", within.as_millis())]
    Killed {
        /// The time it had.
        within: Duration,
    },
    /// The system refused.
    #[error("the supervisor cannot {step}: {source}")]
    System {
        /// The step, as an imperative.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

fn system(step: &'static str) -> impl FnOnce(io::Error) -> SuperviseError {
    move |source| SuperviseError::System { step, source }
}

/// Keeps a switch process on `listener` until a stop signal. Crash records are in the file `crashes`, `state` is the state
/// directory.
///
/// # Errors
/// When the switch process keeps dying, cannot be started, or had to be killed at the end.
pub fn supervise(listener: &UnixListener, crashes: &Path, state: &Path) -> Result<(), SuperviseError> {
    // One thread: the parent-death signal of the child follows the thread that started it.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("start its event loop"))?;
    let mut kept = KeptQueues::new(state);
    let ended = runtime.block_on(keep_alive(listener, crashes, &mut kept));
    // Whatever else ended it, the next start goes on with the same devices.
    if matches!(ended, Ok(()) | Err(SuperviseError::Killed { .. })) {
        kept.release();
    }
    ended
}

/// Removes the TAP interfaces that a heddled that was killed has left; their names. `None` when one is running.
#[must_use]
pub fn release_devices(state: &Path) -> Option<Vec<String>> {
    if !state.exists() {
        return Some(Vec::new());
    }
    let (devices, kept) = devices::Devices::open(state)?;
    let names = devices.names().map(str::to_owned).collect();
    devices.release(&kept);
    Some(names)
}

/// The stop signals, whichever comes first.
struct StopSignals {
    terminate: SignalStream,
    interrupt: SignalStream,
    hang_up: SignalStream,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn recv(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}

async fn keep_alive(listener: &UnixListener, crashes: &Path, kept: &mut KeptQueues) -> Result<(), SuperviseError> {
    let mut signals = StopSignals::listen().map_err(system("receive signals"))?;
    let mut backoff = Backoff::default();
    let mut inherited = Inherited::first();
    let mut verdicts = Verdicts::default();
    let mut looks = tokio::time::interval(FOLLOW);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let started = Instant::now();
        let input = kept.hand_over(listener).map_err(system("pass its sockets on"))?;
        let mut child = start(input, &inherited).map_err(system("start the switch process"))?;
        let pid = child.id().unwrap_or(0);
        tracing::debug!(pid, restarts = inherited.restarts, "the switch process is started");
        let status = loop {
            tokio::select! {
                status = child.wait() => break status.map_err(system("wait for the switch process"))?,
                name = signals.recv() => {
                    tracing::info!(signal = name, "stopping the switch process");
                    return stop(child).await;
                }
                _ = looks.tick() => kept.follow(),
            }
        };
        let ended = describe(status);
        let lived = started.elapsed();
        let (declared, calls) = kept.last_words();
        if let Some(code) = final_code(status).filter(|code| declared == Some(*code)) {
            return Err(SuperviseError::Refused { ended, code });
        }
        systemd::restarting(&ended);
        if lived >= backoff::HEALTHY {
            verdicts.forget();
        }
        let signal = status.signal().map(signal_name).unwrap_or_default();
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let death = Death { pid, status, signal: &signal, declared, calls: &calls, unix_seconds };
        let verdict = verdicts.judge(&death);
        let blamed = inherited.note_crash(crashes, pid, verdict);
        let lived = if blamed { backoff::HEALTHY } else { lived };
        let pause = match backoff.after_crash(Instant::now(), lived) {
            Next::RestartAfter(pause) => pause,
            Next::GiveUp { crashes: deaths, within } => {
                let without = verdicts.last_resort(&death, u32::try_from(deaths).unwrap_or(u32::MAX));
                if without.is_empty() {
                    return Err(SuperviseError::GaveUp { crashes: deaths, within, last: ended });
                }
                for record in &without {
                    let extension = record.extension.as_deref().unwrap_or("all that run in the switch process");
                    tracing::error!(extension, deaths, "before it gives up, heddled goes on without extensions");
                    inherited.note_crash(crashes, 0, Some(record.clone()));
                }
                backoff = Backoff::default();
                Duration::ZERO
            }
        };
        tracing::error!(ended, pause_ms = pause.as_millis(), "the switch process died; restarting it");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = signals.recv() => return Ok(()),
        }
        inherited.restarts += 1;
        inherited.last_exit = Some(ended);
    }
}

fn start(input: OwnedFd, inherited: &Inherited) -> io::Result<Child> {
    // The inode of this very executable, even when the file was replaced by an upgrade meanwhile.
    Command::new("/proc/self/exe")
        .arg0("heddled-switch")
        .args(std::env::args_os().skip(1))
        .envs(inherited.environment())
        // The watchdog of the service is answered by the switch process, whatever process it was set for.
        .env_remove("WATCHDOG_PID")
        .stdin(input)
        .kill_on_drop(true)
        .spawn()
}

async fn stop(mut child: Child) -> Result<(), SuperviseError> {
    systemd::stopping();
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        // ESRCH cannot happen before `wait` has collected the child; any other answer ends in the kill below.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    match tokio::time::timeout(STOP_TIME, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => {
            tracing::warn!(ended = describe(status), "the switch process did not stop cleanly");
            Ok(())
        }
        Ok(Err(error)) => Err(system("wait for the switch process")(error)),
        Err(_) => {
            child.kill().await.map_err(system("kill the switch process"))?;
            Err(SuperviseError::Killed { within: STOP_TIME })
        }
    }
}

/// The exit code of a process that ended by itself with a reason that a restart does not remove; `None` for crashes.
fn final_code(status: ExitStatus) -> Option<u8> {
    let code = status.code().and_then(|code| u8::try_from(code).ok())?;
    let class = ErrorClass::TABLE.into_iter().find(|row| row.exit == code)?.class;
    (class != ErrorClass::Other).then_some(code)
}

fn signal_name(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |name| name.to_string())
}

/// "killed by SIGSEGV (core dumped)", "exited with code 3".
fn describe(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => {
            let name = signal_name(number);
            format!("killed by {name}{}", if status.core_dumped() { " (core dumped)" } else { "" })
        }
        (None, Some(code)) => format!("exited with code {code}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_told_in_words() {
        assert_eq!(describe(ExitStatus::from_raw(libc::SIGKILL)), "killed by SIGKILL");
        assert_eq!(describe(ExitStatus::from_raw(libc::SIGSEGV | 0x80)), "killed by SIGSEGV (core dumped)");
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "exited with code 3");
    }
}
