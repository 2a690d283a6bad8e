//! The command line of heddled.

use crate::contain::watchdog::Limits;
use crate::control::model::LogLevel;
use crate::control::socket::DEFAULT_SOCKET;
use clap::Parser;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The Heddle virtual switch daemon.
///
/// Runs as two processes: a supervisor that owns the control socket, and the switch process, which it restarts when it
/// dies. Switches, ports and extensions are kept in the state directory and are back after a restart. Logs go to stderr.
/// SIGTERM, SIGINT and SIGHUP stop both within two seconds. Without root it runs with memory ports only and needs a
/// --socket in a directory of yours.
#[derive(Debug, Clone, Parser)]
#[command(name = "heddled", version, after_help = AFTER_HELP)]
pub struct DaemonArgs {
    /// The control socket; mode 0660 root:heddle when the group heddle exists, else 0600
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET, env = "HEDDLE_SOCKET")]
    pub socket: PathBuf,

    /// Directory for run-time files [default: the directory of the socket]
    #[arg(long = "run-dir", value_name = "DIR")]
    run_dir: Option<PathBuf>,

    /// Directory where switches, ports and extensions are kept over restarts
    /// [default: /var/lib/heddle; without root $XDG_STATE_HOME/heddle or ~/.local/state/heddle]
    #[arg(long = "state-dir", value_name = "DIR", env = "HEDDLE_STATE_DIR")]
    state_dir: Option<PathBuf>,

    /// Configuration file (TOML) that is the desired state at start: what is stored and not in it is removed
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Judge a configuration file, touch nothing, and exit
    #[arg(long = "check-config", value_name = "FILE", conflicts_with = "config")]
    pub check_config: Option<PathBuf>,

    /// Print the JSON Schema of configuration files and exit
    #[arg(long = "config-schema", conflicts_with_all = ["config", "check_config"])]
    pub config_schema: bool,

    /// Remove the TAP interfaces that a heddled of this state directory has left because it was killed, print their names,
    /// and exit; the next start would go on with them
    #[arg(long = "release-devices", conflicts_with_all = ["config", "check_config", "config_schema"])]
    pub release_devices: bool,

    /// Directory to search for extensions; may be given several times
    #[arg(long = "extension-dir", value_name = "DIR", default_value = "/usr/lib/heddle/extensions")]
    pub extension_dirs: Vec<PathBuf>,

    /// Milliseconds of processor time after which a call into an extension on a worker ends the switch process, with that
    /// extension quarantined; one that sleeps may take ten times as long, calls of the control side a hundred times; 0 =
    /// no limit
    #[arg(long = "call-limit", value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=600_000))]
    pub call_limit: u32,

    /// Microseconds after which a call into an extension on a worker counts as slow; 0 = not counted
    #[arg(long = "call-budget", value_name = "US", default_value_t = 1_000)]
    pub call_budget: u32,

    /// How much to log: error, warn, info, debug or trace
    #[arg(long = "log-level", value_name = "LEVEL", default_value = "info")]
    pub log_level: LogLevel,

    /// Serve Prometheus metrics at http://ADDR:PORT/metrics; loopback addresses only
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,

    /// Run the data plane in this process, without a supervisor: for debuggers
    #[arg(long = "foreground-single-process")]
    pub foreground_single_process: bool,
}

/// Where root's heddled keeps its state.
const DEFAULT_STATE_DIR: &str = "/var/lib/heddle";

const AFTER_HELP: &str = "\
Examples:
  heddled
  heddled --socket /tmp/heddle/heddled.sock --log-level debug
  heddled --check-config /etc/heddle/heddled.toml
  heddled --config /etc/heddle/heddled.toml
  heddled --metrics 127.0.0.1:9478

Exit codes: 0 stopped on request, 2 wrong command line, 4 the socket, the stored state or the metrics address is
taken, 5 the configuration file or the stored state is refused, 6 permission denied, 1 any other failure (among them: the switch process keeps crashing).";

impl DaemonArgs {
    /// Directory where the desired state is kept.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        if let Some(directory) = &self.state_dir {
            return directory.clone();
        }
        if nix::unistd::geteuid().is_root() {
            return PathBuf::from(DEFAULT_STATE_DIR);
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || variable("HOME").map(|home| home.join(".local/state"));
        // XDG Base Directory Specification; without a home there is only the run directory.
        variable("XDG_STATE_HOME")
            .or_else(home)
            .map_or_else(|| self.run_dir().join("state"), |base| base.join("heddle"))
    }

    /// Limits of calls into extensions.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            call: Duration::from_millis(self.call_limit.into()),
            budget: Duration::from_micros(self.call_budget.into()),
        }
    }

    /// Directory for run-time files.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        let beside = || self.socket.parent().filter(|parent| !parent.as_os_str().is_empty());
        self.run_dir.as_deref().or_else(beside).unwrap_or(Path::new(".")).to_owned()
    }
}
