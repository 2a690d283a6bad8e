//! The log: `tracing` to the journal when systemd reads our stderr, else to stderr, coloured on a terminal. Both processes of
//! heddled write to the same place. Nobody waits for a reader of stderr (`stderr`).
//!
//! The journal gets each field by itself (`SWITCH=lab`, `PORT=web`), so `journalctl` can select by them, and the level as the
//! message's priority. The levels can be changed while the daemon runs (`heddle log level`); an event below its level costs
//! one load.

use super::stderr::Patient;
use crate::control::log::LogLevels;
use crate::control::model::{LogLevel, LogLevelView};
use std::io::IsTerminal;
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry, reload};

/// Sets the log up once, and gives what changes its levels; later calls (tests) change nothing.
pub(super) fn init(level: LogLevel) -> Arc<LogLevels> {
    let (filter, handle) = reload::Layer::new(Targets::new().with_default(filter(level)));
    // A journal that cannot be reached leaves stderr, which the journal reads too.
    let journal = stderr_is_the_journal().then(|| tracing_journald::layer().ok()).flatten();
    let stderr = journal
        .is_none()
        .then(|| fmt::layer().with_writer(|| Patient).with_ansi(std::io::stderr().is_terminal()).with_target(false));
    let journal = journal.map(|journal| journal.with_field_prefix(None).with_syslog_identifier("heddled".to_owned()));
    let _ = registry().with(filter).with(stderr).with(journal).try_init();
    let apply = move |view: &LogLevelView| handle.reload(targets(view)).map_err(|error| error.to_string());
    Arc::new(LogLevels::new(level, Box::new(apply)))
}

fn targets(view: &LogLevelView) -> Targets {
    let own = view.targets.iter().map(|(target, level)| (target.path(), filter(*level)));
    Targets::new().with_default(filter(view.level)).with_targets(own)
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Whether stderr is the stream `JOURNAL_STREAM` names, as DEVICE:INODE (systemd.exec(5)): set for services, and inherited
/// by what they start, whose stderr may be another.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    nix::sys::stat::fstat(std::io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}
