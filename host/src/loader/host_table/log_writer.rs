//! Lines of extensions on their way into heddled's log: a bounded queue and a thread that may wait.
//!
//! Whoever reads the log of heddled may stop reading; a worker that wrote there itself would wait in the middle of a call
//! and its extension be taken for one that does not come back. So lines are queued, and only the thread of this file waits.
//! Limits: [`QUEUE_MAX`] lines for all extensions; what finds the queue full is counted and told with the next line.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};

use super::LogRing;
use crate::control::model::LogSeverity;

/// Lines under way.
const QUEUE_MAX: usize = 1_024;

struct Line {
    ring: Arc<LogRing>,
    severity: LogSeverity,
    extension: String,
    text: String,
    left_out: u64,
}

/// The queue; `None` when there is no thread to be had.
static QUEUE: OnceLock<Option<SyncSender<Line>>> = OnceLock::new();

fn start() -> Option<SyncSender<Line>> {
    let (queue, lines) = sync_channel(QUEUE_MAX);
    let work = move || write_all(&lines);
    match std::thread::Builder::new().name("heddle-log".to_owned()).spawn(work) {
        Ok(_) => Some(queue),
        Err(error) => {
            tracing::error!(%error, "lines of extensions are not written to this log; `heddle extension log` has them");
            None
        }
    }
}

/// Has a line written soon. Never waits.
pub(super) fn write(ring: &Arc<LogRing>, severity: LogSeverity, extension: &str, text: String, left_out: u64) {
    let line = Line { ring: Arc::clone(ring), severity, extension: extension.to_owned(), text, left_out };
    let queue = QUEUE.get_or_init(start).as_ref();
    if queue.is_none_or(|queue| queue.try_send(line).is_err()) {
        ring.not_written(left_out + 1);
    }
}

fn write_all(lines: &Receiver<Line>) {
    for Line { ring, severity, extension, text, left_out } in lines {
        let left_out = left_out + ring.take_unwritten();
        if left_out > 0 {
            tracing::warn!(
                extension,
                left_out,
                "lines of the extension are left out here; `heddle extension log` has the newest"
            );
        }
        match severity {
            LogSeverity::Error => tracing::error!(extension, "{text}"),
            LogSeverity::Warn => tracing::warn!(extension, "{text}"),
            LogSeverity::Info => tracing::info!(extension, "{text}"),
            LogSeverity::Debug => tracing::debug!(extension, "{text}"),
        }
    }
}
