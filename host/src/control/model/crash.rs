//! Crashes: how a switch process ended in an extension, as operators see it and the store keeps it.

use serde::{Deserialize, Serialize};

use crate::contain::CrashRecord;

/// The end of a switch process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashView {
    /// When, in seconds since 1970 UTC.
    pub unix_seconds: u64,
    /// What happened: `SIGSEGV at 0x8 in ingress on worker 0`.
    pub what: String,
    /// The extension that was being called; `None` when none was.
    pub extension: Option<String>,
    /// The switch it was called for; `None` when for none in particular.
    pub switch: Option<String>,
    /// SHA-256 of its file; `None` when it is built in or there was none.
    pub sha256: Option<String>,
    /// The switch process that ended.
    pub pid: u32,
    /// The kernel's number of the thread.
    pub thread: u32,
    /// Return addresses, innermost first: address, module and offset within it.
    pub stack: Vec<String>,
}

impl From<&CrashRecord> for CrashView {
    fn from(record: &CrashRecord) -> Self {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            unix_seconds: record.unix_seconds,
            what: record.what(),
            extension: record.extension.clone(),
            switch: given(&record.switch),
            sha256: given(&record.sha256),
            pid: record.pid,
            thread: u32::try_from(record.thread).unwrap_or(0),
            stack: record.stack.clone(),
        }
    }
}
