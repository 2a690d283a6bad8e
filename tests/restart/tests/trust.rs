//! What heddled does not take on trust: a file that is not the one that was enabled, a directory others may write, text of
//! extensions, and that anybody reads its log.
//!
//! Real daemon, memory ports; no root is needed but where another owner is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{Permissions, set_permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heddle_end_to_end::daemon::built;
use heddle_end_to_end::wait_for;
use heddle_restart::cheat::{cheat, id};
use heddle_restart::host::Host;

/// A heddled with traffic through a switch.
fn lab() -> Host {
    let mut host = Host::new();
    host.wait();
    host.ok("switch create lab");
    host.ok("port add lab sink --backend memory --device sink");
    host.ok("port add lab from --backend memory --device source:1000:64:4:1:2");
    host
}

fn received(host: &Host) -> u64 {
    host.json("port show lab sink")["counters"]["tx_packets"].as_u64().unwrap()
}

fn restarts(host: &Host) -> u64 {
    let outcome = host.heddle("daemon status --json");
    serde_json::from_str::<serde_json::Value>(&outcome.stdout).ok().and_then(|it| it["restarts"].as_u64()).unwrap_or(0)
}

fn wait_for_traffic(host: &Host) {
    let before = received(host);
    wait_for("traffic", || received(host) > before + 20);
}

#[test]
fn a_file_that_was_replaced_is_not_run_until_it_is_enabled_again() {
    let host = lab();
    let directory = host.directory.path();
    let file = cheat(directory, "replaced", &[("ON_CREATE", "(void)\"first\";")]);
    let other = cheat(directory, "other", &[("NAME", "\"replaced\""), ("ON_CREATE", "puts(\"second\");")]);
    let line = format!("extension enable lab {}", file.display());
    host.ok(&line);
    let state = || {
        let outcome = host.heddle(&format!("extension show lab {} --json", id("replaced")));
        serde_json::from_str::<serde_json::Value>(&outcome.stdout).unwrap_or_default()
    };
    std::fs::rename(&other, &file).unwrap();
    host.kill_switch();
    wait_for("the refusal to be shown", || {
        let outcome = host.heddle(&format!("extension show lab {} --json", id("replaced")));
        outcome.stdout.contains("the file has changed since it was enabled (SHA-256 was ")
    });
    assert_eq!((&state()["enabled"], &state()["running"]), (&true.into(), &false.into()), "{}", state());
    wait_for_traffic(&host);
    host.ok(&line);
    assert_eq!(state()["running"], true, "{}", state());
    host.kill_switch();
    wait_for("the accepted file to run again", || restarts(&host) == 2 && state()["running"] == true);
}

#[test]
fn a_file_that_everybody_may_write_is_refused_with_the_fix() {
    let host = lab();
    let file = cheat(host.directory.path(), "open", &[]);
    set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let outcome = host.heddle(&format!("extension enable lab {}", file.display()));
    assert_ne!(outcome.code, 0);
    assert!(outcome.stderr.contains("open.so may be written by everybody"), "{outcome:?}");
    set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    host.ok(&format!("extension enable lab {}", file.display()));
}

#[test]
fn a_run_directory_that_others_may_write_is_refused_before_anything_is_made_there() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    set_permissions(&run, Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(built("heddled"));
    command.arg("--socket").arg(run.join("heddled.sock")).arg("--state-dir").arg(directory.path().join("state"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("others may write there (mode 0777)") && told.contains("chmod go-w"), "{told}");
    assert_eq!(std::fs::read_dir(&run).unwrap().count(), 0);
}

#[test]
fn text_of_an_extension_cannot_forge_lines_or_change_a_terminal_and_a_flood_is_written_at_a_pace() {
    let host = lab();
    let flood = "for (int i = 0; i < 50; i++) host->log(host->context, HEDDLE_LOG_ERROR, \
                 HEDDLE_TEXT(\"x\\n2026-01-01 ERROR forged \\x1b]0;title\\x07\"));";
    let file = cheat(host.directory.path(), "floods", &[("ON_IN", flood)]);
    host.ok(&format!("extension enable lab {}", file.display()));
    wait_for("lines to be left out", || host.log().contains("lines of the extension are left out here"));
    let log = host.log();
    assert!(log.contains("x\\n2026-01-01 ERROR forged \\u{1b}]0;title\\u{7}"), "{}", &log[..2000.min(log.len())]);
    assert!(!log.contains('\u{1b}') && !log.contains("\n2026-01-01 ERROR forged"));
    // Fifty thousand a second are offered.
    let (before, start) = (log.len(), Instant::now());
    let sent = received(&host);
    wait_for("two thousand frames more", || received(&host) > sent + 2_000);
    let bytes_a_second = (host.log().len() - before) as f64 / start.elapsed().as_secs_f64();
    assert!(bytes_a_second < 100_000.0, "{bytes_a_second}");
    let shown = host.ok(&format!("extension log {}", id("floods")));
    assert!(!shown.contains('\u{1b}') && shown.contains("forged"), "{shown}");
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("run/heddled.sock");
    let mut command = Command::new(built("heddled"));
    command.arg("--socket").arg(&socket).arg("--state-dir").arg(directory.path().join("state"));
    let mut daemon = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let heddle = |line: &str| {
        let mut command = Command::new(built("heddle"));
        command.args(line.split_whitespace()).env("HEDDLE_SOCKET", &socket).output().unwrap()
    };
    wait_for("heddled to answer", || heddle("switch list").status.success());
    let flood = "for (int i = 0; i < 50; i++) host->log(host->context, HEDDLE_LOG_ERROR, HEDDLE_TEXT(\"line line line line\"));";
    let file = cheat(directory.path(), "floods", &[("ON_IN", flood), ("ON_EVENT", flood)]);
    for line in [
        "switch create lab",
        "port add lab sink --backend memory --device sink",
        "port add lab from --backend memory --device source:1000:64:4:1:2",
        &format!("extension enable lab {}", file.display()),
    ] {
        assert!(heddle(line).status.success(), "{line}");
    }
    // Each request is a line in the log; a pipe has room for 64 KiB.
    let start = Instant::now();
    for _ in 0..600 {
        assert!(heddle("port set lab sink --mtu 1400").status.success());
    }
    println!("600 requests with nobody reading the log: {:?}", start.elapsed());
    let status = heddle("daemon status --json");
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["restarts"], 0, "{status}");
    let records = heddle("quarantine list lab --json");
    assert_eq!(String::from_utf8_lossy(&records.stdout).trim(), "[]");
    let mut pipe = daemon.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    // Somebody reads again: the next line tells what was lost.
    std::thread::sleep(Duration::from_millis(50));
    assert!(heddle("port set lab sink --mtu 1500").status.success());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(daemon.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    daemon.wait().unwrap();
    let text = reader.join().unwrap().unwrap();
    assert!(
        text.contains("lines of this log are lost: nobody was reading"),
        "{}",
        &text[text.len().saturating_sub(500)..]
    );
}
