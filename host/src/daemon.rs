//! heddled: from the command line to a serving daemon, and back out.
//!
//! Two processes by default. The supervisor owns the control socket and restarts the switch process; the switch process
//! holds the data plane and answers on that socket. `--foreground-single-process` does both in one, for debuggers.
//! The data plane comes in as a function, so this module knows no engine.
//!
//! Stop: SIGTERM, SIGINT or SIGHUP; requests get half a second, the plane one second, and heddled is gone within two.

mod args;
mod log;
mod scrape;
mod stderr;
mod stop;

pub use args::DaemonArgs;

use crate::config::{self, ConfigError};
use crate::contain;
use crate::control::error::{ControlError, ErrorClass};
use crate::control::log::LogLevels;
use crate::control::model::Isolation;
use crate::control::peer::AccessPolicy;
use crate::control::plane::{ControlPlane, ControlResult};
use crate::control::rpc::{ControlService, DaemonFacts};
use crate::control::server::{ServeError, serve};
use crate::control::socket::{ClaimError, ControlSocket, reader_group};
use crate::engine::judge_confined;
use crate::metrics::MetricsError;
use crate::own_directory;
use crate::ports::keep;
use crate::state::record::ExtensionRecord;
use crate::state::store::StoreError;
use crate::state::{Crashes, Durable, Wanted};
use crate::supervisor::{self, Inheritance, Inherited, SuperviseError};
use crate::systemd;
use clap::Parser;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// What the plane gets to release its devices before the process ends anyway.
const PLANE_STOP: Duration = Duration::from_secs(1);

/// What the data plane is told when it is built.
#[derive(Debug, Clone)]
pub struct PlaneSetup {
    /// Directory for run-time files; exists.
    pub run_dir: PathBuf,
    /// Directories searched for extensions, in order.
    pub extension_dirs: Vec<PathBuf>,
}

/// Builds the data plane inside the switch process.
pub type BuildPlane = fn(&PlaneSetup) -> ControlResult<Arc<dyn ControlPlane>>;

/// Why heddled did not start or did not stay.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The control socket could not be had.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The data plane could not be built.
    #[error("the data plane did not start: {0}")]
    Plane(#[from] ControlError),
    /// The configuration file is refused.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The stored state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The control socket broke while serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Metrics cannot be served where they were asked for.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The directory for run-time files cannot be had.
    #[error("cannot use the run directory {}: {source}; give a --run-dir that is a directory of yours", path.display())]
    RunDirectory {
        /// The directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Devices of a running heddled are not to be removed.
    #[error("heddled runs with the state directory {}, or it is not yours: nothing is removed; stop it first", state.display())]
    Running {
        /// The state directory.
        state: PathBuf,
    },
    /// The supervisor gave up.
    #[error(transparent)]
    Supervise(#[from] SuperviseError),
    /// The system refused something the daemon cannot do without.
    #[error("heddled cannot {step}: {source}")]
    System {
        /// The step, as an imperative.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl DaemonError {
    /// What it means to a program; the exit code of heddled follows the same table as that of `heddle`.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Claim(error) => error.class(),
            Self::Plane(error) => error.class(),
            Self::Metrics(MetricsError::NotLoopback { .. }) => ErrorClass::Usage,
            Self::Metrics(MetricsError::Bind { .. }) => ErrorClass::AlreadyExists,
            Self::Running { .. } => ErrorClass::AlreadyExists,
            Self::Config(_) => ErrorClass::Refused,
            Self::RunDirectory { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ErrorClass::Permission
            }
            Self::RunDirectory { .. } => ErrorClass::Refused,
            Self::Store(error) => error.class(),
            Self::Supervise(SuperviseError::Refused { code, .. }) => {
                ErrorClass::TABLE.into_iter().find(|row| row.exit == *code).map_or(ErrorClass::Other, |row| row.class)
            }
            Self::Serve(_) | Self::Supervise(_) | Self::System { .. } => ErrorClass::Other,
        }
    }

    fn system(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { step, source }
    }
}

/// Runs heddled with the command line of this process and says how to exit.
#[must_use]
pub fn main(build: BuildPlane) -> ExitCode {
    match run(&DaemonArgs::parse(), build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match &error {
                // Lines that editors understand, with no time before them; nobody is left to hear of a failure.
                DaemonError::Config(error) => drop(writeln!(io::stderr(), "{error}")),
                other => tracing::error!("{other}"),
            }
            ExitCode::from(error.class().row().exit)
        }
    }
}

/// Runs heddled to its end, in the process the environment says this is.
///
/// # Errors
/// When it cannot start, or the supervisor gives up on the switch process.
pub fn run(args: &DaemonArgs, build: BuildPlane) -> Result<(), DaemonError> {
    if args.config_schema {
        return say(&format!("{:#}\n", config::schema()));
    }
    if let Some(file) = &args.check_config {
        let state = config::read(file)?;
        config::judge_extensions(file, |extension, given| {
            judge_confined((extension, given), &args.extension_dirs, &state.policy)
        })?;
        let here = |one: &ExtensionRecord| !one.config.is_empty() && one.isolation != Isolation::Process;
        let later = if state.switches.iter().any(|switch| switch.extensions.iter().any(here)) {
            "; the keys of extensions are judged at start, since only their code knows them"
        } else {
            ""
        };
        return say(&format!("{}: {}{later}\n", file.display(), state.summary()));
    }
    let log = log::init(args.log_level);
    if args.release_devices {
        let state = args.state_dir();
        let Some(names) = supervisor::release_devices(&state) else { return Err(DaemonError::Running { state }) };
        return names.iter().try_for_each(|name| say(&format!("{name}\n")));
    }
    if let Some(inherited) = Inherited::from_environment() {
        let (kept, listener) = inherited.enter().map_err(DaemonError::system("enter the switch process"))?;
        // For the rest of the process: ports keep and take their queues wherever they are opened.
        let kept: &'static Inheritance = Box::leak(Box::new(kept));
        keep::install(kept);
        let facts = facts(args, Some(&inherited), log);
        let ended = switch_process(args, build, listener, facts, inherited.start, Some(kept));
        // An exit that was not declared is the doing of code that is not heddled's.
        kept.exits(ended.as_ref().map_or_else(|error| error.class().row().exit, |()| 0));
        return ended;
    }
    scrape::check(args.metrics)?;
    // A file that is refused is refused before anything is touched.
    args.config.as_deref().map(config::read).transpose()?;
    // Before anything is made there.
    let path = args.run_dir();
    own_directory::make(&path).map_err(|source| DaemonError::RunDirectory { path, source })?;
    let socket = ControlSocket::claim(&args.socket)?;
    tracing::info!(socket = %args.socket.display(), version = env!("CARGO_PKG_VERSION"), "heddled listens");
    if args.foreground_single_process {
        let listener = socket.listener().try_clone().map_err(DaemonError::system("share the control socket"))?;
        return switch_process(args, build, listener, facts(args, None, log), supervisor::new_start(), None);
    }
    let crashes = contain::record::file(&args.run_dir());
    let ended = supervisor::supervise(socket.listener(), &crashes, &args.state_dir()).map_err(DaemonError::from);
    contain::record::tidy(&crashes);
    ended
}

fn facts(args: &DaemonArgs, inherited: Option<&Inherited>, log: Arc<LogLevels>) -> DaemonFacts {
    DaemonFacts {
        supervisor_pid: inherited.map(|inherited| inherited.supervisor_pid),
        restarts: inherited.map_or(0, |inherited| inherited.restarts),
        crashes: inherited.map_or(0, |inherited| inherited.crashes),
        last_crash: inherited.and_then(|inherited| inherited.last_crash.clone()),
        last_exit: inherited.and_then(|inherited| inherited.last_exit.clone()),
        socket: args.socket.display().to_string(),
        state_dir: args.state_dir().display().to_string(),
        config_file: args.config.as_ref().map(|file| file.display().to_string()),
        metrics: args.metrics.map(|address| address.to_string()),
        started: (SystemTime::now(), Instant::now()),
        log,
    }
}

/// What the configuration file wants.
fn wanted(args: &DaemonArgs, start: String, restarts: u32) -> Result<Option<Wanted>, DaemonError> {
    let Some(file) = &args.config else { return Ok(None) };
    match config::read(file) {
        Ok(state) => Ok(Some(Wanted { file: file.clone(), state, start })),
        // An editor may be at it; it was the desired state when heddled started, and what is stored came of it.
        Err(error) if restarts > 0 => {
            tracing::warn!("the configuration file is left for the next start of heddled: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints an answer instead of being a daemon.
fn say(text: &str) -> Result<(), DaemonError> {
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(DaemonError::system("print")(error)),
        _ => Ok(()),
    }
}

/// Starts to contain extensions; gives the crashes that are on record.
fn contained(args: &DaemonArgs) -> io::Result<Crashes> {
    let file = contain::record::file(&args.run_dir());
    let crashes = Crashes::read(&file);
    // Appended to, not emptied: a crash before they are stored must not lose them.
    let record = std::fs::File::options().append(true).create(true).custom_flags(libc::O_NOFOLLOW).open(&file)?;
    contain::trap::arm(Some(record.into()))?;
    contain::watchdog::start(args.limits())?;
    Ok(crashes)
}

/// Builds the plane, serves until a signal, and takes the plane down.
fn switch_process(
    args: &DaemonArgs,
    build: BuildPlane,
    listener: UnixListener,
    facts: DaemonFacts,
    start: String,
    kept: Option<&Inheritance>,
) -> Result<(), DaemonError> {
    let crashes = contained(args).map_err(DaemonError::system("watch over extensions"))?;
    let setup = PlaneSetup { run_dir: args.run_dir(), extension_dirs: args.extension_dirs.clone() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("heddle-control")
        .enable_all()
        .build()
        .map_err(DaemonError::system("start its control threads"))?;
    // Before the plane is built: a signal that arrives meanwhile must not kill a process that holds devices.
    let stopping = {
        let _inside = runtime.enter();
        stop::on_signal().map_err(DaemonError::system("receive signals"))?
    };
    let wanted = wanted(args, start, facts.restarts)?;
    let plane = build(&setup)?;
    if let Some(wanted) = wanted.as_ref().filter(|_| facts.restarts == 0) {
        // The file's own policy says whose code may run to say what its keys are.
        plane.set_policy(wanted.state.policy.clone());
        config::judge_extensions(&wanted.file, |extension, given| plane.wrong_keys(extension, given))?;
    }
    let durable = Durable::open_with(plane, &args.state_dir(), wanted.as_ref(), &crashes)?;
    let plane: Arc<dyn ControlPlane> = Arc::new(durable);
    if let Some(kept) = kept {
        kept.release_unclaimed();
    }
    if let Some(address) = args.metrics {
        runtime.spawn(scrape::run(address, Arc::clone(&plane), facts.clone()));
    }
    runtime.spawn(systemd::keep_alive(Arc::clone(&plane)));
    systemd::ready();
    let served = runtime.block_on(serve_plane(Arc::clone(&plane), listener, facts, stopping));
    runtime.shutdown_timeout(Duration::from_millis(100));
    tracing::info!("the switch process ends");
    served
}

async fn serve_plane(
    plane: Arc<dyn ControlPlane>,
    listener: UnixListener,
    facts: DaemonFacts,
    stopping: watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let access = AccessPolicy { owner: nix::unistd::geteuid().as_raw(), readers: reader_group() };
    let service = ControlService::new(Arc::clone(&plane), facts, access, stopping.clone());
    let served = serve(listener, service, stopping).await;
    let down = tokio::task::spawn_blocking(move || plane.shut_down());
    match tokio::time::timeout(PLANE_STOP, down).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the data plane failed while stopping"),
        Err(_) => tracing::error!("the data plane did not stop within {PLANE_STOP:?}; ending without it"),
    }
    served.map_err(DaemonError::from)
}
