//! An extension in a process of its own, through the daemon and its command line: killed under traffic it costs nobody a
//! packet; it is kept over a restart of the switch process, and ends with it.

use heddle_end_to_end::daemon::{Daemon, passthrough};
use heddle_end_to_end::namespace::{Namespace, device};
use heddle_end_to_end::streams::ping;
use heddle_end_to_end::{as_root, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ID: &str = "org.heddle.passthrough";

fn pid_of(daemon: &Daemon) -> Option<i32> {
    let view = daemon.json(&format!("extension show lab {ID}"));
    let pid = view["process"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
    pid.filter(|_| view["running"] == true)
}

#[test]
fn a_process_of_an_extension_is_killed_and_kept_over_restarts() {
    let Some(_turn) = as_root("an extension in a process of its own") else { return };
    let daemon = Daemon::start();
    daemon.ok("switch create lab");
    let spaces = [("left", "10.77.0.1/24"), ("right", "10.77.0.2/24")].map(|(port, address)| {
        let (space, tap) = (Namespace::new(port), device("t"));
        daemon.ok(&format!("port add lab {port} --backend tap --device {tap}"));
        space.adopt(&tap, &[address]);
        space
    });
    daemon.ok(&format!("extension enable lab {} --isolation process", passthrough()));
    let text = daemon.ok(&format!("extension show lab {ID}"));
    assert!(text.contains("isolation") && text.contains("seccomp"), "{text}");
    ping(&spaces[0], "10.77.0.2", 5, 100);

    let first = pid_of(&daemon).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{first}/status")).unwrap();
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("CapEff:").ends_with("0000000000000000") && line("Seccomp:").ends_with('2'), "{status}");
    assert!(line("NoNewPrivs:").ends_with('1'), "{status}");

    // Forty packets, two seconds; the process is killed among them.
    let mut stream = spaces[0].command("ping", "-c 40 -i 0.05 -W 2 10.77.0.2");
    let stream = stream.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let sent = || daemon.json("port show lab right")["counters"]["tx_packets"].as_u64().unwrap();
    let before = sent();
    wait_for("some packets", || sent() > before + 8);
    kill(Pid::from_raw(first), Signal::SIGKILL).unwrap();
    let report = stream.wait_with_output().unwrap();
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    println!("isolation: {}", report.lines().rev().take(2).collect::<Vec<_>>().join(" "));
    assert!(report.contains(" 0% packet loss"), "{report}");
    wait_for("another process", || pid_of(&daemon).is_some_and(|pid| pid != first));
    let view = daemon.json(&format!("extension show lab {ID}"));
    assert!(view["last_error"].as_str().unwrap().contains("signal 9 (SIGKILL)"), "{view}");

    let second = pid_of(&daemon).unwrap();
    let switch = daemon.answering_pid();
    kill(Pid::from_raw(i32::try_from(switch).unwrap()), Signal::SIGKILL).unwrap();
    wait_for("the switch process to be another", || {
        daemon.heddle("daemon status").code == 0 && daemon.answering_pid() != switch
    });
    wait_for("the extension to be back in a process", || {
        daemon.heddle(&format!("extension show lab {ID}")).code == 0 && pid_of(&daemon).is_some()
    });
    wait_for("the orphan to end with its host", || kill(Pid::from_raw(second), None).is_err());
    assert_eq!(daemon.json(&format!("extension show lab {ID}"))["isolation"], "process");
    ping(&spaces[0], "10.77.0.2", 5, 100);
    let third = pid_of(&daemon).unwrap();
    daemon.ok(&format!("extension disable lab {ID}"));
    wait_for("the process to end", || kill(Pid::from_raw(third), None).is_err());
    ping(&spaces[0], "10.77.0.2", 5, 100);
    assert_eq!(daemon.balance("lab"), 0);
}
