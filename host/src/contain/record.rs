//! The crash record: what is known of the end of a switch process, written by the process itself as its last act.
//!
//! Text, a line a fact, so that it can be made without memory by a signal handler, read by the next switch process, and
//! sent to a vendor as it is. Records are appended to one file in the run directory until the next switch process has
//! taken them into the stored state. A record whose end is missing is of a process that was killed while writing it; what
//! is there counts.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

/// First line of a record.
const HEAD: &str = "heddle-crash 1";
/// Last line.
const END: &str = "end";
/// What is in the place of a function when a thread of the extension's own ended the process.
pub(super) const OWN_THREAD: &str = "thread";
/// Return addresses noted.
pub(super) const FRAMES_MAX: usize = 32;
/// A file of records is not read beyond this.
const FILE_MAX: usize = 1 << 20;

/// Where records are written.
pub fn file(run_dir: &Path) -> PathBuf {
    run_dir.join("crash.record")
}

/// Removes a file without records: nothing is left behind.
pub fn tidy(file: &Path) {
    if std::fs::metadata(file).is_ok_and(|facts| facts.len() == 0) {
        // One that stays does no harm.
        let _ = std::fs::remove_file(file);
    }
}

/// How a call ended the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashCause {
    /// By a signal of its own doing.
    Signal,
    /// By not coming back within this many milliseconds.
    Limit(u64),
    /// By leaving through `exit`.
    Exit,
    /// By leaving with this exit code, without a record of its own.
    Left(i32),
    /// Nobody knows how, but this many times in a row.
    Repeated(u32),
}

/// Facts of a crash, lent by whoever dies.
pub(super) struct Facts<'a> {
    pub(super) pid: u32,
    pub(super) seconds: u64,
    pub(super) cause: CrashCause,
    pub(super) signal: &'a str,
    pub(super) address: Option<usize>,
    pub(super) extension: &'a str,
    pub(super) switch: &'a str,
    pub(super) sha256: &'a str,
    pub(super) function: &'a str,
    pub(super) worker: Option<u32>,
    pub(super) thread: i32,
}

impl Facts<'_> {
    /// All but the stack and the end. Allocates nothing.
    pub(super) fn write(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(out, "{HEAD}\npid {}\ntime {}", self.pid, self.seconds)?;
        match self.cause {
            CrashCause::Signal => writeln!(out, "cause signal")?,
            CrashCause::Limit(ms) => writeln!(out, "cause limit {ms}")?,
            CrashCause::Exit => writeln!(out, "cause exit")?,
            CrashCause::Left(code) => writeln!(out, "cause left {code}")?,
            CrashCause::Repeated(times) => writeln!(out, "cause repeated {times}")?,
        }
        writeln!(out, "signal {}\nthread {}", self.signal, self.thread)?;
        if let Some(address) = self.address {
            writeln!(out, "address {address:#x}")?;
        }
        for (name, value) in [
            ("extension", self.extension),
            ("switch", self.switch),
            ("sha256", self.sha256),
            ("function", self.function),
        ] {
            if !value.is_empty() {
                writeln!(out, "{name} {value}")?;
            }
        }
        match self.worker {
            Some(worker) => writeln!(out, "worker {worker}"),
            None => Ok(()),
        }
    }
}

/// The last part of a record.
pub(super) fn write_stack(
    out: &mut impl Write,
    addresses: &[usize],
    find: impl Fn(usize) -> Option<(&'static str, usize)>,
) -> fmt::Result {
    for address in addresses.iter().take(FRAMES_MAX) {
        match find(*address) {
            Some((module, offset)) => writeln!(out, "frame {address:#x} {module}+{offset:#x}")?,
            None => writeln!(out, "frame {address:#x}")?,
        }
    }
    writeln!(out, "{END}")
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashRecord {
    /// The process that died.
    pub pid: u32,
    /// When, in seconds since 1970.
    pub unix_seconds: u64,
    /// How.
    pub cause: CrashCause,
    /// The signal's name; empty for none.
    pub signal: String,
    /// The address it is about, when it is about one.
    pub address: Option<u64>,
    /// The kernel's number of the thread.
    pub thread: i32,
    /// The extension that was called; `None` when none was.
    pub extension: Option<String>,
    /// The switch it was called for; empty when for none in particular.
    pub switch: String,
    /// SHA-256 of its file; empty when built in.
    pub sha256: String,
    /// The function that was called.
    pub function: String,
    /// The worker it ran on.
    pub worker: Option<u32>,
    /// Return addresses, innermost first, with module and offset.
    pub stack: Vec<String>,
}

impl CrashRecord {
    /// The records in a text, in order.
    pub fn parse_all(text: &str) -> Vec<CrashRecord> {
        let mut records: Vec<CrashRecord> = Vec::new();
        for line in text.lines() {
            if line == HEAD {
                records.push(CrashRecord::empty());
            } else if let Some(record) = records.last_mut() {
                record.take(line);
            }
        }
        records
    }

    /// The records in a file; none when there is no file.
    pub fn read_all(file: &Path) -> Vec<CrashRecord> {
        let bytes = std::fs::read(file).unwrap_or_default();
        let bytes = bytes.get(..bytes.len().min(FILE_MAX)).unwrap_or_default();
        CrashRecord::parse_all(&String::from_utf8_lossy(bytes))
    }

    /// Appends it to a file, for the next switch process to read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, file: &Path) -> std::io::Result<()> {
        let mut text = String::new();
        let facts = Facts {
            pid: self.pid,
            seconds: self.unix_seconds,
            cause: self.cause,
            signal: &self.signal,
            address: None,
            extension: self.extension.as_deref().unwrap_or_default(),
            switch: &self.switch,
            sha256: &self.sha256,
            function: &self.function,
            worker: self.worker,
            thread: self.thread,
        };
        let written = facts.write(&mut text).and_then(|()| write_stack(&mut text, &[], |_| None));
        written.map_err(std::io::Error::other)?;
        let mut file = std::fs::File::options().append(true).create(true).open(file)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    }

    fn empty() -> CrashRecord {
        CrashRecord {
            pid: 0,
            unix_seconds: 0,
            cause: CrashCause::Signal,
            signal: String::new(),
            address: None,
            thread: 0,
            extension: None,
            switch: String::new(),
            sha256: String::new(),
            function: String::new(),
            worker: None,
            stack: Vec::new(),
        }
    }

    /// Takes a line in; what it does not know it leaves.
    fn take(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(' ') else { return };
        let number = || value.parse::<u64>().unwrap_or(0);
        match key {
            "pid" => self.pid = u32::try_from(number()).unwrap_or(0),
            "time" => self.unix_seconds = number(),
            "cause" => {
                self.cause = match value.split_once(' ') {
                    Some(("limit", ms)) => CrashCause::Limit(ms.parse().unwrap_or(0)),
                    Some(("left", code)) => CrashCause::Left(code.parse().unwrap_or(0)),
                    Some(("repeated", times)) => CrashCause::Repeated(times.parse().unwrap_or(0)),
                    _ if value == "exit" => CrashCause::Exit,
                    _ => CrashCause::Signal,
                }
            }
            "signal" => value.clone_into(&mut self.signal),
            "address" => {
                self.address = u64::from_str_radix(value.trim_start_matches("0x"), 16).ok();
            }
            "thread" => self.thread = value.parse().unwrap_or(0),
            "extension" => self.extension = Some(value.to_owned()),
            "switch" => value.clone_into(&mut self.switch),
            "sha256" => value.clone_into(&mut self.sha256),
            "function" => value.clone_into(&mut self.function),
            "worker" => self.worker = value.parse().ok(),
            "frame" if self.stack.len() < FRAMES_MAX => self.stack.push(value.to_owned()),
            _ => {}
        }
    }

    /// What happened, for people: "SIGSEGV at 0x8 in ingress on worker 0".
    #[must_use]
    pub fn what(&self) -> String {
        let what = match self.cause {
            CrashCause::Limit(ms) => format!("a call that did not come back within {ms} ms"),
            CrashCause::Exit => "a call of exit()".to_owned(),
            CrashCause::Left(code) => format!("exited with code {code}"),
            CrashCause::Repeated(times) => format!("the switch process died {times} times in a row, at last"),
            CrashCause::Signal => match self.address {
                Some(address) if matches!(self.signal.as_str(), "SIGSEGV" | "SIGBUS") => {
                    format!("{} at {address:#x}", self.signal)
                }
                _ => self.signal.clone(),
            },
        };
        let function = match self.function.as_str() {
            "" => String::new(),
            OWN_THREAD => " in a thread of its own".to_owned(),
            function => format!(" in {function}"),
        };
        let worker = self.worker.map_or_else(String::new, |worker| format!(" on worker {worker}"));
        format!("{what}{function}{worker}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            pid: 7,
            seconds: 1_800_000_000,
            cause: CrashCause::Limit(1_000),
            signal: "SIGABRT",
            address: Some(0x1000),
            extension: "org.example.a",
            switch: "lab",
            sha256: "ab12",
            function: "ingress",
            worker: Some(1),
            thread: 42,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut text = String::new();
        facts().write(&mut text).unwrap();
        write_stack(&mut text, &[0x2010, 0x9000], |at| (at < 0x9000).then_some(("liba.so", at - 0x2000))).unwrap();
        let none =
            Facts { extension: "", switch: "", function: "", worker: None, cause: CrashCause::Signal, ..facts() };
        none.write(&mut text).unwrap();
        let [one, two] = CrashRecord::parse_all(&text).try_into().unwrap();
        assert_eq!((one.pid, one.unix_seconds, one.cause), (7, 1_800_000_000, CrashCause::Limit(1_000)));
        assert_eq!(
            (one.extension.as_deref(), one.switch.as_str(), one.worker),
            (Some("org.example.a"), "lab", Some(1))
        );
        assert_eq!(one.stack, ["0x2010 liba.so+0x10", "0x9000"]);
        assert_eq!(one.what(), "a call that did not come back within 1000 ms in ingress on worker 1");
        for cause in [CrashCause::Exit, CrashCause::Left(5), CrashCause::Repeated(6)] {
            let mut text = String::new();
            Facts { cause, ..facts() }.write(&mut text).unwrap();
            assert_eq!(CrashRecord::parse_all(&text).first().map(|record| record.cause), Some(cause));
        }
        assert_eq!((two.extension.clone(), two.what().as_str(), two.stack.len()), (None, "SIGABRT", 0));
    }

    #[test]
    fn anything_else_is_no_record() {
        assert_eq!(CrashRecord::parse_all(""), []);
        assert_eq!(CrashRecord::parse_all("extension org.example.a\nend\n"), []);
        let half = CrashRecord::parse_all("heddle-crash 1\npid 9\naddress zz\nframe");
        assert_eq!((half.len(), half.first().map(|record| record.pid)), (1, Some(9)));
        assert_eq!(CrashRecord::read_all(Path::new("/nonexistent/crash.record")), []);
    }
}
