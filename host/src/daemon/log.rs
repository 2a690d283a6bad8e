//! The log: `tracing` to stderr, coloured on a terminal. Both processes of heddled write to the same stderr.

use super::LogLevel;
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Sets the log up once; later calls (tests) change nothing.
pub(super) fn init(level: LogLevel) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let format = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let _ = format.try_init();
}
