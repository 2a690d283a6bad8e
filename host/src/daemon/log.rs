//! The log: `tracing` to the journal when systemd reads our stderr, else to stderr, coloured on a terminal. Both processes of
//! heddled write to the same place.
//!
//! The journal gets each field by itself (`SWITCH=lab`, `PORT=web`), so `journalctl` can select by them, and the level as the
//! message's priority.

use super::LogLevel;
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sets the log up once; later calls (tests) change nothing.
pub(super) fn init(level: LogLevel) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // A journal that cannot be reached leaves stderr, which the journal reads too.
    let journal = stderr_is_the_journal().then(|| tracing_journald::layer().ok()).flatten();
    let stderr = journal.is_none().then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
    });
    let journal = journal.map(|journal| journal.with_field_prefix(None).with_syslog_identifier("heddled".to_owned()));
    let _ =
        tracing_subscriber::registry().with(stderr.with_filter(filter)).with(journal.with_filter(filter)).try_init();
}

/// Whether stderr is the stream `JOURNAL_STREAM` names, as DEVICE:INODE (systemd.exec(5)): set for services, and inherited
/// by what they start, whose stderr may be another.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    nix::sys::stat::fstat(std::io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}
