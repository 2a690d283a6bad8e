//! The daemon as text: its processes, memory, workers, log levels.

use super::{counted, facts, or_dash, plain, yes_no};
use crate::control::model::{DaemonView, LogLevelView, WorkerView};
use std::time::Duration;

/// The daemon.
pub(in crate::cli) fn daemon(view: &DaemonView) -> String {
    let memory = view.memory;
    let mut text = facts(&[
        ("heddled", view.version.clone()),
        ("socket", view.socket.clone()),
        ("state", view.state_dir.clone()),
        ("configuration", or_dash(view.config_file.as_ref())),
        ("metrics", or_dash(view.metrics.as_ref())),
        ("pid", view.pid.to_string()),
        ("supervisor", view.supervisor_pid.map_or_else(|| "none (single process)".to_owned(), |pid| pid.to_string())),
        ("up for", duration(view.uptime_seconds)),
        ("restarts", view.restarts.to_string()),
        ("last exit", or_dash(view.last_exit.as_ref())),
        ("crashes", view.crashes.to_string()),
        ("last crash", view.last_crash.as_ref().map_or_else(|| "-".to_owned(), super::crash_line)),
        ("switches", view.switches.to_string()),
        ("ports", view.ports.to_string()),
        (
            "memory",
            format!("{} resident, {} at most", mebibytes(memory.resident_bytes), mebibytes(memory.peak_resident_bytes)),
        ),
        ("huge pages", yes_no(view.engine.huge_pages)),
    ]);
    for class in &view.engine.buffers {
        let line = format!("buffers of {} bytes: {} free of {}\n", class.bytes, class.free, class.total);
        text.push_str(&line);
    }
    for worker in &view.engine.workers {
        let used = Duration::from_nanos(worker.cpu_nanoseconds).as_secs_f64();
        let WorkerView { switch, worker, thread_id, .. } = worker;
        text.push_str(&format!("worker {worker} of switch {switch}: thread {thread_id}, {used:.1} s of a processor\n"));
    }
    for directory in &view.engine.extension_dirs {
        text.push_str(&format!("extensions from {}\n", plain(directory)));
    }
    if view.restarts > 0 {
        let restarts = counted(view.restarts, "restart", "restarts");
        text.push_str(&format!("{restarts}: switches, ports and extensions were brought back from the stored state\n"));
    }
    text
}

/// How much is logged.
pub(in crate::cli) fn log_levels(view: &LogLevelView) -> String {
    let mut text = format!("{}\n", view.level);
    for (target, level) in &view.targets {
        text.push_str(&format!("{target} {level}\n"));
    }
    text
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1024 * 1024))
}

/// Seconds as people say them.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{} {hours} h", counted(days, "day", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_reads_as_people_say_it() {
        let said: Vec<String> = [59, 61, 3_660, 90_000, 180_000].map(duration).into();
        assert_eq!(said, ["59 s", "1 min 1 s", "1 h 1 min", "1 day 1 h", "2 days 2 h"]);
    }
}
