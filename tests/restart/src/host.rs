//! A heddled in a directory of its own, which outlives every kill.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heddle_end_to_end::daemon::{Outcome, built};
use heddle_end_to_end::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub struct Host {
    pub directory: tempfile::TempDir,
    supervisor: Option<Child>,
    heddle: PathBuf,
    heddled: PathBuf,
    options: Vec<String>,
}

/// Whether a process exists and is not a zombie.
fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    pub fn new() -> Host {
        Host::with(&[])
    }

    /// With more options on the command line of heddled.
    pub fn with(options: &[&str]) -> Host {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let (heddle, heddled) = (built("heddle"), built("heddled"));
        let mut host = Host { directory: tempfile::tempdir().unwrap(), supervisor: None, heddle, heddled, options };
        host.start();
        host
    }

    /// From its next start on, heddled has what `file` says.
    pub fn configure(&mut self, file: &std::path::Path) {
        self.options.extend(["--config".to_owned(), file.display().to_string()]);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn start(&mut self) {
        let mut command = Command::new(&self.heddled);
        command.arg("--socket").arg(self.path("run/heddled.sock")).arg("--state-dir").arg(self.path("state"));
        command.args(&self.options);
        let log = std::fs::File::options().append(true).create(true).open(self.path("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.supervisor = Some(command.spawn().unwrap());
    }

    /// Waits until heddled listens.
    pub fn wait(&mut self) {
        let start = Instant::now();
        while UnixStream::connect(self.path("run/heddled.sock")).is_err() {
            let ended = self.supervisor.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "heddled ended with {ended:?}\n{}", self.log());
            assert!(start.elapsed() < Duration::from_secs(60), "heddled does not listen\n{}", self.log());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn supervisor_pid(&self) -> i32 {
        i32::try_from(self.supervisor.as_ref().expect("a supervisor").id()).unwrap()
    }

    /// The switch process, when there is one at this moment.
    pub fn switch_pid(&self) -> Option<i32> {
        let supervisor = self.supervisor_pid();
        let children = std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    pub fn kill_switch(&self) {
        if let Some(pid) = self.switch_pid() {
            // Dead already is as good.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            wait_for("the switch process to die", || !alive(pid));
        }
    }

    /// Kills both processes, and waits until nothing of them is left.
    pub fn kill_both(&mut self) {
        let switch = self.switch_pid();
        let mut supervisor = self.supervisor.take().expect("a supervisor");
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        if let Some(pid) = switch {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            wait_for("the switch process to die", || !alive(pid));
        }
        // Its threads may take a moment longer to let go of what it had open.
        let socket = self.path("run/heddled.sock");
        wait_for("the socket to be nobody's", || UnixStream::connect(&socket).is_err());
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.heddle);
        command.args(line.split_whitespace()).env("HEDDLE_SOCKET", self.path("run/heddled.sock"));
        command
    }

    pub fn heddle(&self, line: &str) -> Outcome {
        self.command(line).output().unwrap().into()
    }

    pub fn ok(&self, line: &str) -> String {
        let outcome = self.heddle(line);
        assert_eq!(outcome.code, 0, "heddle {line}: {outcome:?}\n{}", self.log());
        outcome.stdout
    }

    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }

    /// What lies in the directory of the socket, but for the directory of extensions.
    pub fn run_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("run")).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name != "extensions" && name != "crash.record");
        names.sort();
        names
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the end of heddled's log:\n{}",
                self.log().lines().rev().take(40).collect::<Vec<_>>().join("\n")
            );
        }
        if self.supervisor.is_some() {
            let pid = Pid::from_raw(self.supervisor_pid());
            let _ = kill(pid, Signal::SIGTERM);
            if let Some(mut supervisor) = self.supervisor.take() {
                let _ = supervisor.wait();
            }
        }
    }
}
