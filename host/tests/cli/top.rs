//! `heddle top`: one reading for scripts, many for a pipe, a picture for a terminal.

use super::process::{Daemon, real, signal};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn busy() -> Daemon {
    let daemon = real(&[]);
    daemon.ok("switch create lab");
    daemon.ok("port add lab load --backend memory --device source:2000:100:4");
    daemon.ok("port add lab sink --backend memory --device sink");
    daemon
}

#[test]
fn one_reading_has_the_rates_of_the_traffic() {
    let daemon = busy();
    let rates = daemon.json("top lab --interval 1");
    let seconds = rates[0]["seconds"].as_f64().unwrap();
    assert!((0.9..10.0).contains(&seconds), "{rates}");
    let port = |name: &str| {
        let found = rates[0]["ports"].as_array().unwrap().iter().find(|port| port["port"] == name);
        found.cloned().unwrap_or_else(|| panic!("{name}: {rates}"))
    };
    // The source makes 2000 frames a second; a busy machine may make it late, never early for a whole second.
    let (pps, bps) = (port("load")["rx_pps"].as_f64().unwrap(), port("load")["rx_bps"].as_f64().unwrap());
    assert!((200.0..4000.0).contains(&pps), "{rates}");
    assert!((bps / pps / 8.0 - 100.0).abs() < 5.0, "frames of 100 bytes: {rates}");
    let sent = port("sink")["tx_pps"].as_f64().unwrap();
    assert!((sent / pps - 1.0).abs() < 0.2, "what comes in goes out: {rates}");
    let stages = rates[0]["stages"].as_array().unwrap();
    assert!(
        stages.iter().any(|stage| stage["cycles_per_packet"].as_f64().is_some_and(|cycles| cycles > 0.0)),
        "{rates}"
    );
}

#[test]
fn a_reading_is_text_too_and_several_follow_each_other_in_a_pipe() {
    let daemon = busy();
    let once = daemon.ok("top --once --interval 0.2");
    for part in ["switch lab, over ", "PORT  ", "RX PPS", "STAGE", "CYCLES/PACKET"] {
        assert!(once.contains(part), "{part} in {once}");
    }
    assert!(!once.contains('\u{1b}'), "no escape sequences in a pipe");
    let mut top = daemon.command(&["top", "--interval", "0.2"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(top.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(lines.filter(|line| line.starts_with("switch lab, over ")).take(3).count(), 3);
    signal(top.id().into(), "INT");
    assert!(top.wait().unwrap().success());
}

#[test]
fn a_terminal_is_given_back_as_it_was() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: a_terminal_is_given_back_as_it_was: script (util-linux) is not installed");
        return;
    }
    let daemon = busy();
    let mut script = Command::new("script");
    let heddle = env!("CARGO_BIN_EXE_heddle");
    script.args(["-qec", &format!("timeout -s INT 2 {heddle} top --interval 0.2; echo end $?"), "/dev/null"]);
    let output = script.env("HEDDLE_SOCKET", daemon.socket()).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (begin, end) = (text.find("\u{1b}[?1049h"), text.rfind("\u{1b}[?1049l"));
    assert!(begin.is_some() && end > begin && text.contains("\u{1b}[?25h"), "{text:?}");
    assert!(text.contains("switch lab, over ") && text.contains("\u{1b}[K"), "{text:?}");
}

#[test]
fn a_restart_of_the_switch_process_is_sat_out() {
    let daemon = busy();
    let mut top = daemon.command(&["top", "--interval", "0.2"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut reading = || lines.find(|line| line.starts_with("switch lab, over ")).is_some();
    assert!(reading() && reading());
    signal(daemon.answering_pid(), "KILL");
    // One may be on its way already; the ones behind it come from the process that was started since.
    assert!((0..3).all(|_| reading()), "readings go on");
    assert_eq!(daemon.json("daemon status")["restarts"], 1);
    signal(top.id().into(), "INT");
    assert!(top.wait().unwrap().success());
}

#[test]
fn an_interval_has_bounds() {
    let daemon = Daemon::single();
    for interval in ["0", "0.05", "61", "NaN", "x"] {
        let outcome = daemon.heddle(&["top", "--once", "--interval", interval]);
        assert_eq!(outcome.code, 2, "{interval}: {outcome:?}");
    }
    assert_eq!(daemon.ok("top --once --interval 0.1"), "no switches\n");
}
