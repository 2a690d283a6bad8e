//! What the daemon knows of itself, and what it tells together with the plane.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::control::log::LogLevels;
use crate::control::model::{CrashView, DaemonView, MemoryView};
use crate::control::plane::{ControlPlane, ControlResult};

/// What the daemon knows of itself without asking the plane.
#[derive(Debug, Clone)]
pub struct DaemonFacts {
    /// The supervisor; `None` in a single process.
    pub supervisor_pid: Option<u32>,
    /// Restarts before this process.
    pub restarts: u32,
    /// How the process before this one ended.
    pub last_exit: Option<String>,
    /// Switch processes that ended by themselves since heddled started.
    pub crashes: u32,
    /// The last of them.
    pub last_crash: Option<CrashView>,
    /// Path of the control socket.
    pub socket: String,
    /// Directory of the stored desired state.
    pub state_dir: String,
    /// The configuration file that was the desired state at start.
    pub config_file: Option<String>,
    /// Where metrics are served.
    pub metrics: Option<String>,
    /// When this process started.
    pub started: (SystemTime, Instant),
    /// How much it logs.
    pub log: Arc<LogLevels>,
}

impl DaemonFacts {
    /// The daemon as it is.
    ///
    /// # Errors
    /// When the plane does not answer.
    pub(crate) fn view(&self, plane: &dyn ControlPlane) -> ControlResult<DaemonView> {
        let switches = plane.switches()?;
        let (wall, steady) = self.started;
        Ok(DaemonView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            supervisor_pid: self.supervisor_pid,
            started_unix_seconds: wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            uptime_seconds: steady.elapsed().as_secs(),
            restarts: self.restarts,
            last_exit: self.last_exit.clone(),
            crashes: self.crashes,
            last_crash: self.last_crash.clone(),
            socket: self.socket.clone(),
            state_dir: self.state_dir.clone(),
            config_file: self.config_file.clone(),
            metrics: self.metrics.clone(),
            switches: u32::try_from(switches.len()).unwrap_or(u32::MAX),
            ports: switches.iter().map(|switch| switch.ports).sum(),
            memory: memory(),
            engine: plane.engine()?,
        })
    }
}

/// Memory of this process, from `/proc/self/status`; zeroes when the kernel does not say.
fn memory() -> MemoryView {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    MemoryView { resident_bytes: bytes("VmRSS:").unwrap_or(0), peak_resident_bytes: bytes("VmHWM:").unwrap_or(0) }
}
