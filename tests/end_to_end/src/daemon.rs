//! The two binaries as they were built: heddled with its supervisor, and `heddle` asking it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wait_for;

/// Time within which a switch is at rest when nothing is sent.
const REST: Duration = Duration::from_secs(10);

/// Where the binaries and extensions of this build are. Builds what is missing or old.
pub fn built(file: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).expect("target/PROFILE/deps/PROGRAM").to_path_buf();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    BUILT.call_once(|| {
        let packages = ["-p", "heddle-host", "-p", "heddle-passthrough", "-p", "heddle-sflow"];
        let arguments = ["build", "--quiet", "--profile", profile].into_iter().chain(packages);
        let output =
            Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    folder.join(file)
}

/// The pass-through extension.
pub fn passthrough() -> String {
    built("libheddle_passthrough.so").to_str().unwrap().to_owned()
}

/// What `heddle` came back with.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A running heddled with a directory of its own, stopped with everything of it when dropped.
pub struct Daemon {
    pub directory: tempfile::TempDir,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    pub fn start() -> Daemon {
        let directory = tempfile::tempdir().unwrap();
        let command = Daemon::command(&directory, &built("heddled"));
        Daemon::start_command(directory, command)
    }

    /// The command for a heddled in `directory`.
    pub fn command(directory: &tempfile::TempDir, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command.arg("--socket").arg(directory.path().join("heddled.sock"));
        command.arg("--run-dir").arg(directory.path().join("run")).args(["--log-level", "info"]);
        command.arg("--state-dir").arg(directory.path().join("state"));
        std::fs::create_dir_all(directory.path().join("run")).unwrap();
        command
    }

    pub fn start_command(directory: tempfile::TempDir, mut command: Command) -> Daemon {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("heddled starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (stderr, lines) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let mut daemon = Daemon { directory, child, log };
        let socket = daemon.directory.path().join("heddled.sock");
        wait_for("heddled to listen", || {
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "heddled ended with {ended:?}: {}", daemon.log());
            UnixStream::connect(&socket).is_ok()
        });
        daemon
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// Runs `heddle` with a line split at blanks.
    pub fn heddle(&self, line: &str) -> Outcome {
        let mut command = Command::new(built("heddle"));
        command.args(line.split_whitespace()).env("HEDDLE_SOCKET", self.directory.path().join("heddled.sock"));
        command.current_dir(self.directory.path()).output().unwrap().into()
    }

    /// The same; it must succeed.
    pub fn ok(&self, line: &str) -> String {
        let outcome = self.heddle(line);
        assert_eq!(outcome.code, 0, "heddle {line}: {outcome:?}\n{}", self.log());
        outcome.stdout
    }

    /// The same with `--json`, parsed.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }

    /// Runs a line that must be refused: the exit code, and every one of these words in its one line of error.
    pub fn refused(&self, line: &str, code: i32, words: &[&str]) {
        let outcome = self.heddle(line);
        assert_eq!(outcome.code, code, "heddle {line}: {outcome:?}\n{}", self.log());
        let text = outcome.stderr.trim_end();
        assert_eq!(text.lines().count(), 1, "one line: {text}");
        assert!(text.contains("; "), "the fix is named: {text}");
        for word in words {
            assert!(text.contains(word), "heddle {line}: {word:?} is missing from {text:?}");
        }
    }

    /// The conservation law of a switch at rest: what a host's own stack sends meanwhile may be half counted.
    pub fn balance(&self, switch: &str) -> i64 {
        let law = || self.json(&format!("switch show {switch}"))["law"].clone();
        wait_for("the switch to be at rest", || law()["held"] == 0);
        let deadline = Instant::now() + REST;
        loop {
            let balance = law()["balance"].as_i64().unwrap();
            if balance == 0 || Instant::now() > deadline {
                return balance;
            }
        }
    }

    /// Drops of a switch: reason and count.
    pub fn drops(&self, switch: &str) -> Vec<(String, u64)> {
        let stats = self.json(&format!("stats {switch} --drops"));
        let drops = stats[0]["drops"].as_array().expect("a list of drops");
        drops.iter().map(|row| (row["reason"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap())).collect()
    }

    /// Waits until a port's trouble contains `words`; `None`: until it has none.
    pub fn wait_for_trouble(&self, switch: &str, port: &str, words: Option<&str>) {
        let mut last = Value::Null;
        wait_for(&format!("port {port}'s trouble to be {words:?}, last {last}"), || {
            last = self.json(&format!("port show {switch} {port}"))["trouble"].clone();
            match words {
                Some(words) => last.as_str().is_some_and(|text| text.contains(words)),
                None => last.is_null(),
            }
        });
    }

    /// The pid of the process that answers.
    pub fn answering_pid(&self) -> u64 {
        self.json("daemon status")["pid"].as_u64().unwrap()
    }

    pub fn supervisor_pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM first so that the supervisor takes its child along.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
        for _ in 0..400 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("heddled had to be killed: {}", self.log());
        }
    }
}
