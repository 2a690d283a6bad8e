//! An extension in C that ends the switch process or does not come back: named, kept out, and traffic goes on.
//!
//! Real daemon, two namespaces, TAP ports; 500 frames a second. What each costs is printed: frames lost and the longest
//! time without one. The aim is 250 ms behind the end of the process; the machine may be busy, so the test allows more.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use heddle_end_to_end::as_root;
use heddle_end_to_end::frames::{mac, number_of, numbered};
use heddle_end_to_end::namespace::{Namespace, device};
use heddle_end_to_end::wait_for;
use heddle_end_to_end::wire::Wire;
use heddle_restart::harmful::{CRASH, build};
use heddle_restart::host::Host;
use serde_json::Value;

/// The limit of a call that is given to heddled, in milliseconds.
const LIMIT: u64 = 500;
/// Longest time without a frame that is no failure, behind what the watchdog waits for.
const TOO_LONG: Duration = Duration::from_secs(5);

/// A switch with two hosts, and traffic from one to the other until it is dropped.
struct Lab {
    host: Host,
    hosts: [Namespace; 2],
    devices: [String; 2],
    file: PathBuf,
    stop: Arc<AtomicBool>,
    last: Arc<AtomicU64>,
    longest_us: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Lab {
    fn new() -> Lab {
        let mut host = Host::with(&["--call-limit", &LIMIT.to_string()]);
        host.wait();
        let file = build("c-crash", host.directory.path(), "c-crash", &[]);
        host.ok("switch create lab");
        let hosts = [Namespace::new("from"), Namespace::new("to")];
        let devices = [device("t"), device("t")];
        for (nth, name) in devices.iter().enumerate() {
            host.ok(&format!("port add lab end{nth} --backend tap --device {name}"));
            hosts[nth].adopt(name, &[]);
        }
        let (stop, last, longest_us) = (Arc::default(), Arc::default(), Arc::default());
        let mut lab = Lab { host, hosts, devices, file, stop, last, longest_us, threads: Vec::new() };
        lab.run_traffic();
        lab
    }

    fn wire(&self, nth: usize) -> Wire {
        Wire::open(&self.hosts[nth], &self.devices[nth], Duration::from_millis(50))
    }

    fn run_traffic(&mut self) {
        let (wire, stop) = (self.wire(0), Arc::clone(&self.stop));
        self.threads.push(spawn(move || {
            for number in 1.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                wire.send(&numbered(mac(1, 1), mac(2, 1), None, 1, number));
                sleep(Duration::from_millis(2));
            }
        }));
        let (wire, stop) = (self.wire(1), Arc::clone(&self.stop));
        let (last, longest) = (Arc::clone(&self.last), Arc::clone(&self.longest_us));
        self.threads.push(spawn(move || {
            let (mut place, mut before) = ([0; 2048], Instant::now());
            while !stop.load(Ordering::Relaxed) {
                if let Some((1, number)) = wire.receive(&mut place).and_then(|length| number_of(&place[..length])) {
                    let gap = u64::try_from(before.elapsed().as_micros()).unwrap();
                    (before, _) = (Instant::now(), longest.fetch_max(gap, Ordering::Relaxed));
                    last.store(number, Ordering::Relaxed);
                }
            }
        }));
        self.wait_for_traffic("traffic to flow");
    }

    fn wait_for_traffic(&self, what: &str) {
        let before = self.last.load(Ordering::Relaxed);
        wait_for(what, || self.last.load(Ordering::Relaxed) > before + 20);
    }

    /// Enables the extension and has it misbehave; gives the record of its quarantine and the longest gap.
    fn misbehave(&self, what: &str, at: &str) -> (Value, Duration) {
        let restarts = self.restarts();
        self.wait_for_traffic("traffic before");
        self.longest_us.store(0, Ordering::Relaxed);
        let line = format!("extension enable lab {} --config do={what} --config at={at}", self.file.display());
        if matches!(at, "ingress" | "egress") {
            self.host.ok(&line);
            self.wire(0).send(&numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 1], None, 9, 0));
        } else {
            // Its end is the answer.
            let _ = self.host.heddle(&line);
        }
        wait_for(&format!("a new switch process after {what} in {at}"), || self.restarts() == restarts + 1);
        self.wait_for_traffic("traffic afterwards");
        let records = self.host.json("quarantine list lab");
        (records[0].clone(), Duration::from_micros(self.longest_us.load(Ordering::Relaxed)))
    }

    fn restarts(&self) -> u64 {
        let outcome = self.host.heddle("daemon status --json");
        serde_json::from_str::<Value>(&outcome.stdout).ok().and_then(|view| view["restarts"].as_u64()).unwrap_or(0)
    }

    fn end_traffic(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }

    fn forgive(&self) {
        let _ = self.host.heddle(&format!("extension disable lab {CRASH}"));
        self.host.ok(&format!("quarantine clear --switch lab {CRASH}"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end_traffic();
    }
}

/// What it does, where, what the record says of it, and the cause.
type Sin = (&'static str, &'static str, &'static str, &'static str);

/// All; `make test` runs the ones that differ most, and HEDDLE_ALL_CRASHES the rest too.
const SINS: [Sin; 11] = [
    ("segv", "ingress", "SIGSEGV at 0x8 in ingress on worker 0", "crash"),
    ("abort", "egress", "SIGABRT in egress on worker 0", "crash"),
    ("loop", "ingress", "a call that did not come back within 500 ms in ingress on worker 0", "hang"),
    ("stack", "ingress", "SIGSEGV at ", "crash"),
    ("ill", "ingress", "SIGILL in ingress on worker 0", "crash"),
    ("fpe", "ingress", "SIGFPE in ingress on worker 0", "crash"),
    ("bus", "ingress", "SIGBUS in ingress on worker 0", "crash"),
    ("exit", "ingress", "a call of exit() in ingress on worker 0", "crash"),
    ("segv", "tick", "SIGSEGV at 0x8 in tick", "crash"),
    ("abort", "create", "SIGABRT in create", "crash"),
    ("segv", "event", "SIGSEGV at 0x8 in event", "crash"),
];

#[test]
fn a_crash_or_an_endless_loop_is_named_kept_out_and_survived() {
    let Some(_turn) = as_root("a_crash_or_an_endless_loop_is_named_kept_out_and_survived") else { return };
    // A supervisor that sees the same extension crash again and again gives up.
    let all = std::env::var_os("HEDDLE_ALL_CRASHES").is_some();
    let some = |sin: &&Sin| all || matches!((sin.0, sin.1), ("segv" | "loop" | "stack" | "exit", _) | (_, "create"));
    let sins: Vec<Sin> = SINS.iter().filter(some).copied().collect();
    sins.chunks(4).for_each(|sins| each_is_survived(&Lab::new(), sins));
}

fn each_is_survived(lab: &Lab, sins: &[Sin]) {
    for (nth, (what, at, told, cause)) in (1..).zip(sins) {
        let (record, gap) = lab.misbehave(what, at);
        println!("{what} in {at}: longest time without a frame {} ms", gap.as_millis());
        assert_eq!((&record["id"], &record["cause"]), (&CRASH.into(), &(*cause).into()), "{what} in {at}: {record}");
        let crash = &record["crash"];
        assert!(crash["what"].as_str().unwrap().starts_with(*told), "{what} in {at}: {crash}");
        assert_eq!((&crash["extension"], &crash["switch"]), (&CRASH.into(), &"lab".into()));
        assert_eq!(crash["sha256"].as_str().map(str::len), Some(64), "{crash}");
        assert!(gap < TOO_LONG + Duration::from_millis(LIMIT), "{what} in {at}: {gap:?}");
        let stack: Vec<&str> = crash["stack"].as_array().unwrap().iter().map(|frame| frame.as_str().unwrap()).collect();
        assert!(stack.iter().any(|frame| frame.contains(&format!("{CRASH}."))), "{what} in {at}: {stack:?}");
        if *what == "segv" {
            assert!(stack[0].contains(&format!("{CRASH}.")), "it begins where it happened: {stack:?}");
        }
        let status = lab.host.json("daemon status");
        assert_eq!((&status["crashes"], &status["last_crash"]), (&nth.into(), crash));
        if *at == "ingress" {
            let view = lab.host.json(&format!("extension show lab {CRASH}"));
            assert_eq!((&view["enabled"], &view["running"]), (&true.into(), &false.into()), "{view}");
            assert_eq!(view["quarantine"], record);
            let text = lab.host.ok(&format!("extension show lab {CRASH}"));
            assert!(text.contains("crash stack 0: 0x") && text.contains(*told), "{text}");
        }
        lab.forgive();
    }
}

#[test]
fn a_crash_while_the_state_is_restored_keeps_that_extension_out_over_a_restart_of_heddled() {
    let test = "a_crash_while_the_state_is_restored_keeps_that_extension_out_over_a_restart_of_heddled";
    let Some(_turn) = as_root(test) else { return };
    let mut lab = Lab::new();
    let trigger = lab.host.directory.path().join("trigger");
    let line = format!(
        "extension enable lab {} --config do=segv --config at=create --config if={}",
        lab.file.display(),
        trigger.display()
    );
    lab.host.ok(&line);
    lab.host.ok("port set lab end0 --fail-policy closed");
    lab.wait_for_traffic("traffic with the extension running");
    std::fs::write(&trigger, b"").unwrap();
    // A device whose port is held back takes no frames.
    lab.end_traffic();
    lab.host.kill_switch();
    wait_for("the quarantine", || lab.host.json("quarantine list lab")[0]["crash"]["what"].is_string());
    let record = lab.host.json("quarantine list lab")[0].clone();
    assert_eq!(record["crash"]["what"], "SIGSEGV at 0x8 in create", "{record}");
    assert_eq!(lab.host.json("daemon status")["restarts"], 2, "no give-up: {}", lab.host.log());
    // A port that fails closed gets no traffic while it is out.
    wait_for("the port to be held back", || {
        let trouble = lab.host.json("port show lab end0")["trouble"].clone();
        trouble.as_str().is_some_and(|text| text.contains("fails closed here and does not run"))
    });
    std::fs::remove_file(&trigger).unwrap();
    lab.host.kill_both();
    lab.host.start();
    lab.host.wait();
    assert_eq!(lab.host.json("quarantine list lab")[0]["crash"], record["crash"], "it outlives heddled");
    lab.host.ok(&format!("quarantine clear --switch lab {CRASH}"));
    wait_for("it to run again", || {
        lab.host.json(&format!("extension show lab {CRASH}"))["running"] == Value::Bool(true)
    });
    assert_eq!(lab.host.json("quarantine list lab"), Value::Array(Vec::new()));
}
