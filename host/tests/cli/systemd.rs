//! What a service manager hears, by its own protocol: a datagram socket named in the environment (sd_notify(3)).

use super::process::{Daemon, alive, real_command, signal, wait_for};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// The watchdog time given to heddled.
const WATCHDOG: Duration = Duration::from_millis(900);

/// A service manager that started heddled.
struct Manager {
    daemon: Daemon,
    socket: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Manager {
    fn start() -> Self {
        let own = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(own.path().join("notify")).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut command = real_command(&directory, &[]);
        command.env("NOTIFY_SOCKET", own.path().join("notify"));
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        // systemd sets the pid of the process it started; a pid that is nobody's must do no harm either.
        command.env("WATCHDOG_PID", "1");
        Self { daemon: Daemon::start_command(directory, command), socket, _directory: own }
    }

    /// The next message, or `None` when none came in this time.
    fn hear(&self, patience: Duration) -> Option<String> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    /// Waits for a message that contains `words`.
    fn wait_for(&self, words: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            match self.hear(Duration::from_secs(1)) {
                Some(message) if message.contains(words) => return message,
                _ => {}
            }
        }
        panic!("the service manager never heard {words:?}");
    }
}

#[test]
fn readiness_watchdog_and_end_are_told() {
    let mut manager = Manager::start();
    manager.wait_for("READY=1");
    manager.daemon.ok("switch create lab");
    manager.daemon.ok("port add lab web --backend memory");
    manager.wait_for("WATCHDOG=1\nSTATUS=1 switch, ports: 1, frames held: 0\n");
    manager.daemon.signal("TERM");
    manager.wait_for("STOPPING=1");
    assert_eq!(manager.daemon.wait().code(), Some(0));
}

#[test]
fn nothing_is_told_before_the_socket_answers() {
    let manager = Manager::start();
    let first = manager.hear(Duration::from_secs(60)).unwrap();
    assert!(first.starts_with("READY=1\n"), "{first}");
    assert!(manager.daemon.answering_pid() > 0);
}

#[test]
fn plane_that_does_not_answer_lets_the_watchdog_run_out() {
    let manager = Manager::start();
    let pid = manager.daemon.answering_pid();
    manager.wait_for("WATCHDOG=1");
    signal(pid, "STOP");
    while manager.hear(Duration::from_millis(10)).is_some() {}
    assert_eq!(manager.hear(WATCHDOG), None, "a stopped switch process must not be vouched for");
    signal(pid, "CONT");
    manager.wait_for("WATCHDOG=1");
}

#[test]
fn restart_of_the_switch_process_is_told_and_quiets_the_watchdog() {
    let manager = Manager::start();
    let pid = manager.daemon.answering_pid();
    signal(pid, "KILL");
    let message = manager.wait_for("killed by SIGKILL");
    assert!(message.contains("WATCHDOG=1\n"), "{message}");
    wait_for("the killed process to be gone", || !alive(pid));
    manager.wait_for("READY=1");
    manager.wait_for("WATCHDOG=1\nSTATUS=0 switches");
}
