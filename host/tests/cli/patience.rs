//! Nobody waits for ever: crowds on the control socket, sockets that stay silent, requests that take too long.

use super::process::{Daemon, Outcome, signal, wait_for};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

/// More than heddled seats.
const CROWD: usize = 300;

fn crowd(daemon: &Daemon) -> Vec<UnixStream> {
    (0..CROWD).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect()
}

fn asks(socket: &Path, line: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
    command.arg("--socket").arg(socket).args(line.split_whitespace()).output().unwrap().into()
}

#[test]
fn idle_connections_keep_nobody_out_and_running_requests_stay() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab once --backend memory");
    let capture = daemon
        .command(&["capture", "--port", "once", "-w", "c.pcapng"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the capture", || daemon.directory.path().join("c.pcapng").exists());
    let held = crowd(&daemon);
    wait_for("a seat for the operator", || {
        let outcome = daemon.heddle(&["switch", "list"]);
        let refusal = "heddle: the limit of 256 clients at once is reached; end some of them, or try again\n";
        assert!(outcome.code == 0 || (outcome.code, outcome.stderr.as_str()) == (8, refusal), "{outcome:?}");
        outcome.code == 0
    });
    // Each of these displaces one more of the crowd at most, and never the capture, which is older than all of them.
    (0..8).for_each(|_| drop(daemon.ok("daemon status")));
    drop(held);
    signal(capture.id().into(), "INT");
    let output = capture.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("0 missed (interrupted)\n"), "{text} {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_socket_nobody_serves_is_given_up_with_its_name_and_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("heddled.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let expected = format!(
        "heddle: heddled on {} did not accept the connection within 1 s: it is stopped, stuck or being restarted; see its log, restart it if it stays silent, or wait longer with --timeout\n",
        socket.display()
    );
    for line in ["switch list --timeout 1", "--timeout 1 capture --port p -w c.pcapng"] {
        let outcome = asks(&socket, line);
        assert_eq!((outcome.code, outcome.stderr), (7, expected.clone()), "{line}");
    }
}

#[test]
fn a_full_backlog_is_waited_for_and_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("heddled.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let listening = tokio::net::UnixSocket::new_stream().unwrap();
    listening.bind(&socket).unwrap();
    let _listener = listening.listen(0).unwrap();
    let _first = UnixStream::connect(&socket).unwrap();
    let outcome = asks(&socket, "switch list --timeout 1");
    assert_eq!(outcome.code, 7);
    assert!(outcome.stderr.contains("did not accept the connection within 1 s"), "{outcome:?}");
}

#[test]
fn a_request_that_takes_too_long_is_left_with_a_word() {
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["switch", "create", "wedge", "--timeout", "1"]);
    let expected = format!(
        "heddle: heddled on {} did not answer within 1 s and may still be working on the request; see its log, or wait longer with --timeout\n",
        daemon.socket().display()
    );
    assert_eq!((outcome.code, outcome.stderr), (7, expected));
}

#[test]
fn patience_has_bounds() {
    for seconds in ["0", "3601", "x"] {
        let outcome = asks(Path::new("/nonexistent"), &format!("--timeout {seconds} switch list"));
        assert_eq!(outcome.code, 2, "{outcome:?}");
    }
}

#[test]
fn a_busy_daemon_is_asked_again() {
    let daemon = Daemon::single();
    // Each of these keeps one of the places until the test says go.
    let mut stuck: Vec<_> = (0..32)
        .map(|_| {
            let mut command = daemon.command(&["switch", "create", "slow", "--timeout", "60"]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    let is_full = || {
        let outcome = daemon.heddle(&["switch", "list", "--timeout", "1", "--json"]);
        outcome.code == 8 && outcome.stderr.contains("\"occupied\"")
    };
    wait_for("every place to be taken", is_full);
    let patient = daemon.command(&["switch", "list", "--timeout", "60"]).stdout(Stdio::piped()).spawn().unwrap();
    // A second in which it is refused, too.
    wait_for("it to be refused", is_full);
    std::fs::write(daemon.directory.path().join("go"), "").unwrap();
    let output = patient.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "it was asked again until there was room");
    for child in &mut stuck {
        child.wait().unwrap();
    }
}
