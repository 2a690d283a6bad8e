//! A crash as text.

use super::{plain, utc};
use crate::control::model::CrashView;

/// On one line.
pub(in crate::cli) fn crash_line(crash: &CrashView) -> String {
    let whose = match (&crash.extension, &crash.switch) {
        (Some(extension), Some(switch)) => format!("extension {extension} on switch {switch}"),
        (Some(extension), None) => format!("extension {extension}"),
        (None, _) => "no extension".to_owned(),
    };
    let when = utc(crash.unix_seconds.saturating_mul(1_000_000_000));
    plain(&format!("{when}, {whose}: {}", crash.what))
}

/// With its stack.
pub(in crate::cli) fn crash(crash: &CrashView) -> String {
    let mut text = format!("crash {}\n", crash_line(crash));
    if let Some(sha256) = &crash.sha256 {
        text.push_str(&plain(&format!("crash file sha256 {sha256}")));
        text.push('\n');
    }
    text.push_str(&format!("crash process {}, thread {}\n", crash.pid, crash.thread));
    for (nth, frame) in crash.stack.iter().enumerate() {
        text.push_str(&plain(&format!("crash stack {nth}: {frame}")));
        text.push('\n');
    }
    text
}
