//! The stop signals, as a value that turns true once.

use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Starts to listen for SIGTERM, SIGINT and SIGHUP. Must be called inside a tokio runtime.
pub(super) fn on_signal() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hang_up.recv() => "SIGHUP",
        };
        tracing::info!(signal = name, "stopping");
        let _ = stop.send(true);
    });
    Ok(stopping)
}
