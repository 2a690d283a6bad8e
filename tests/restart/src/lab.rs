//! A switch with two hosts on TAP ports, numbered traffic from one to the other, and harmful extensions to enable on it.
//!
//! 500 frames a second; the receiver knows each frame that is due, what it looks like, and the longest time without one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use heddle_end_to_end::frames::{mac, number_of, numbered};
use heddle_end_to_end::namespace::{Namespace, device};
use heddle_end_to_end::wait_for;
use heddle_end_to_end::wire::Wire;
use serde_json::Value;

use crate::harmful::{CRASH, build};
use crate::host::Host;

/// A switch with two hosts, and traffic from one to the other until it is dropped.
pub struct Lab {
    pub host: Host,
    hosts: [Namespace; 2],
    devices: [String; 2],
    pub file: PathBuf,
    stop: Arc<AtomicBool>,
    pub last: Arc<AtomicU64>,
    /// Frames that arrived changed, twice or behind later ones, and frames that did not arrive.
    pub wrong: Arc<AtomicU64>,
    pub lost: Arc<AtomicU64>,
    pub longest_us: Arc<AtomicU64>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Lab {
    /// With more options on the command line of heddled.
    pub fn new(options: &[&str]) -> Lab {
        let mut host = Host::with(options);
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
        let (wrong, lost) = (Arc::default(), Arc::default());
        let mut lab = Lab { host, hosts, devices, file, stop, last, wrong, lost, longest_us, threads: Vec::new() };
        lab.run_traffic();
        lab
    }

    pub fn wire(&self, nth: usize) -> Wire {
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
        let (wrong, lost) = (Arc::clone(&self.wrong), Arc::clone(&self.lost));
        self.threads.push(spawn(move || {
            let (mut place, mut before, mut due) = ([0; 2048], Instant::now(), None);
            while !stop.load(Ordering::Relaxed) {
                let Some(length) = wire.receive(&mut place) else { continue };
                if let Some((1, number)) = number_of(&place[..length]) {
                    let is_as_sent = place[..length] == numbered(mac(1, 1), mac(2, 1), None, 1, number)[..];
                    // The first ones may be sent before anybody listens.
                    let expected = due.unwrap_or(number);
                    wrong.fetch_add(u64::from(!is_as_sent || number < expected), Ordering::Relaxed);
                    lost.fetch_add(number.saturating_sub(expected), Ordering::Relaxed);
                    due = Some(expected.max(number + 1));
                    let gap = u64::try_from(before.elapsed().as_micros()).unwrap();
                    (before, _) = (Instant::now(), longest.fetch_max(gap, Ordering::Relaxed));
                    last.store(number, Ordering::Relaxed);
                }
            }
        }));
        self.wait_for_traffic("traffic to flow");
    }

    pub fn wait_for_traffic(&self, what: &str) {
        let before = self.last.load(Ordering::Relaxed);
        wait_for(what, || self.last.load(Ordering::Relaxed) > before + 20);
    }

    /// Enables the extension and has it misbehave; gives the record of its quarantine and the longest gap.
    pub fn misbehave(&self, what: &str, at: &str) -> (Value, Duration) {
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

    pub fn restarts(&self) -> u64 {
        let outcome = self.host.heddle("daemon status --json");
        serde_json::from_str::<Value>(&outcome.stdout).ok().and_then(|view| view["restarts"].as_u64()).unwrap_or(0)
    }

    pub fn end_traffic(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }

    pub fn forgive(&self) {
        let _ = self.host.heddle(&format!("extension disable lab {CRASH}"));
        self.host.ok(&format!("quarantine clear --switch lab {CRASH}"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end_traffic();
    }
}
