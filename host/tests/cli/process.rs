//! Starting and stopping heddled and heddle.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Environment variable with the arguments of heddled, one a line.
pub(crate) const ARGUMENTS: &str = "HEDDLE_TEST_DAEMON_ARGUMENTS";
/// Environment variable that makes the plane refuse to start.
pub(crate) const BROKEN_PLANE: &str = "HEDDLE_TEST_BROKEN_PLANE";

/// Environment variable that makes the plane hang when it is shut down.
pub(crate) const STUCK_PLANE: &str = "HEDDLE_TEST_STUCK_PLANE";

const PATIENCE: Duration = Duration::from_secs(60);

/// A command that runs this program as heddled.
pub(crate) fn heddled(socket: &Path, options: &[&str]) -> Command {
    let state = socket.with_file_name("state");
    let mut arguments = vec!["--socket", socket.to_str().unwrap(), "--log-level", "debug"];
    arguments.extend(["--state-dir", state.to_str().unwrap()]);
    arguments.extend(options);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "daemon_process", "--nocapture", "--test-threads=1"]).env(ARGUMENTS, arguments.join("\n"));
    command
}

/// The real heddled, with the real data plane and without installed extensions.
pub(crate) fn real(options: &[&str]) -> Daemon {
    let directory = tempfile::tempdir().unwrap();
    let command = real_command(&directory, options);
    Daemon::start_command(directory, command)
}

/// The command that [`real`] runs.
pub(crate) fn real_command(directory: &tempfile::TempDir, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddled"));
    command.arg("--socket").arg(directory.path().join("heddled.sock"));
    command.arg("--state-dir").arg(directory.path().join("state"));
    command.args(options).args(["--extension-dir", "/nonexistent"]);
    command
}

/// What `heddle` came back with.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running heddled with a directory of its own.
pub(crate) struct Daemon {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) child: Child,
    log: Receiver<String>,
}

impl Daemon {
    /// One process, no supervisor.
    pub(crate) fn single() -> Self {
        Self::start(&["--foreground-single-process"])
    }

    /// Supervisor and switch process.
    pub(crate) fn supervised() -> Self {
        Self::start(&[])
    }

    fn start(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let command = heddled(&directory.path().join("heddled.sock"), options);
        Self::start_command(directory, command)
    }

    /// Starts `command`, which must be a heddled on the socket in `directory`, and waits until it listens.
    pub(crate) fn start_command(directory: tempfile::TempDir, mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("heddled starts");
        let (lines, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let daemon = Self { directory, child, log };
        wait_for("heddled to listen", || UnixStream::connect(daemon.socket()).is_ok());
        daemon
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("heddled.sock")
    }

    /// A `heddle` command on this daemon, run in its directory.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
        command.args(arguments).env("HEDDLE_SOCKET", self.socket()).current_dir(self.directory.path());
        command
    }

    /// Runs `heddle` with these arguments.
    pub(crate) fn heddle<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Outcome {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs `heddle` with a line split at blanks; it must succeed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let outcome = self.heddle(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, 0, "heddle {line}: {outcome:?}");
        outcome.stdout
    }

    /// The same with `--json`, parsed.
    pub(crate) fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }

    /// The pid of the process that answers.
    pub(crate) fn answering_pid(&self) -> u64 {
        self.json("daemon status")["pid"].as_u64().unwrap()
    }

    /// Waits for a log line that contains `words`.
    pub(crate) fn wait_for_log(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(words) => return line,
                Ok(_) => {}
                Err(_) => panic!("heddled never logged {words:?}"),
            }
        }
    }

    /// Sends a signal to the process that was started.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id().into(), name);
    }

    /// Waits for the end of the process that was started.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_for("heddled to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM first so that the supervisor takes its child along; a dead child makes both calls harmless.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal("TERM");
            let deadline = Instant::now() + Duration::from_secs(4);
            while Instant::now() < deadline && self.child.try_wait().is_ok_and(|status| status.is_none()) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `kill -NAME PID`.
pub(crate) fn signal(pid: u64, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// Whether a process exists and is not a zombie.
pub(crate) fn alive(pid: u64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

/// Polls until `done`, or fails naming what it waited for.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether this test may become other users. Says so when it may not.
pub(crate) fn root_or_skip(test: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: {test}: needs root to become another user");
    }
    root
}
