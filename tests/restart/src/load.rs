//! A switch with a hundred ports under traffic, and what an interruption of it costs.
//!
//! Numbered frames at [`RATE`] go from one host to another, beside 98 idle ports and ten thousand addresses; the receiver
//! says something ten times a second, so that its address is learnt again after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use heddle_end_to_end::frames::{mac, number_of, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::wait_for;
use heddle_end_to_end::wire::Wire;

use crate::host::Host;

/// Frames a second.
pub const RATE: u32 = 1_000;
/// Ports of the switch.
pub const PORTS: usize = 100;
/// Addresses in its filtering database.
pub const ADDRESSES: u32 = 10_000;
/// A switch process that lived this long is restarted at once, however often.
pub const HEALTHY: Duration = Duration::from_millis(5_500);
/// Longest gap that is no failure; the aim is 250 ms, and the machine may be busy.
pub const TOO_LONG: Duration = Duration::from_secs(2);

/// The two ports that carry the traffic.
pub struct Pair {
    hosts: [Namespace; 2],
    devices: [String; 2],
    _links: Vec<Link>,
}

impl Pair {
    pub fn taps(host: &Host) -> Pair {
        let hosts = [Namespace::new("from"), Namespace::new("to")];
        let devices = [device("t"), device("t")];
        for (nth, name) in devices.iter().enumerate() {
            host.ok(&format!("port add lab end{nth} --backend tap --device {name}"));
            hosts[nth].adopt(name, &[]);
        }
        Pair { hosts, devices, _links: Vec::new() }
    }

    pub fn veths(host: &Host) -> Pair {
        let hosts = [Namespace::new("from"), Namespace::new("to")];
        let (links, devices): (Vec<Link>, Vec<String>) = (0..2).map(|_| Link::pair()).unzip();
        for (nth, name) in devices.iter().enumerate() {
            hosts[nth].adopt(name, &[]);
            ip(&format!("link set {} up", links[nth].0));
            host.ok(&format!("port add lab end{nth} --backend packet --device {}", links[nth].0));
        }
        Pair { hosts, devices: devices.try_into().unwrap(), _links: links }
    }

    pub fn wire(&self, nth: usize) -> Wire {
        Wire::open(&self.hosts[nth], &self.devices[nth], Duration::from_millis(100))
    }
}

/// A host with 98 idle ports and the two that matter.
pub fn furnish(pair: impl FnOnce(&Host) -> Pair) -> (Host, Pair, Vec<String>) {
    let mut host = Host::new();
    host.wait();
    host.ok("switch create lab");
    let pair = pair(&host);
    let idle: Vec<String> = (0..PORTS - 2).map(|_| device("i")).collect();
    for (nth, name) in idle.iter().enumerate() {
        host.ok(&format!("port add lab idle{nth} --backend tap --device {name}"));
    }
    let known = |host: &Host| host.json("fdb show lab").as_array().unwrap().len();
    // To a station that is known, or each of these frames would go out a hundred times.
    pair.wire(1).send(&numbered(mac(2, 1), mac(1, 1), None, 99, 0));
    wait_for("the receiver to be known", || known(&host) > 0);
    let wire = pair.wire(0);
    wait_for("the addresses to be learnt", || {
        for nth in 0..ADDRESSES {
            let [_, a, b, c] = nth.to_be_bytes();
            wire.send(&numbered([2, 0xad, 0, a, b, c], mac(2, 1), None, 99, 0));
            if nth % 32 == 0 {
                sleep(Duration::from_millis(1));
            }
        }
        known(&host) >= usize::try_from(ADDRESSES).unwrap()
    });
    (host, pair, idle)
}

/// Numbers that arrived and when.
pub type Arrivals = Vec<(u64, Instant)>;

/// Sends until told to stop; gives how many.
pub fn sender(wire: Wire, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    spawn(move || {
        let (start, mut number) = (Instant::now(), 0);
        while !stop.load(Ordering::Relaxed) {
            wire.send(&numbered(mac(1, 1), mac(2, 1), None, 1, number));
            number += 1;
            let due = start + Duration::from_secs(1) / RATE * u32::try_from(number).unwrap();
            sleep(due.saturating_duration_since(Instant::now()));
        }
        number
    })
}

/// Receives until told to stop, and answers now and then.
pub fn receiver(wire: Wire, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) -> std::thread::JoinHandle<Arrivals> {
    spawn(move || {
        let (mut place, mut arrivals, mut spoken) = ([0; 2048], Arrivals::new(), Instant::now());
        while !stop.load(Ordering::Relaxed) {
            if let Some((1, number)) = wire.receive(&mut place).and_then(|length| number_of(&place[..length])) {
                arrivals.push((number, Instant::now()));
                count.store(number, Ordering::Relaxed);
            }
            if spoken.elapsed() >= Duration::from_millis(100) {
                spoken = Instant::now();
                wire.send(&numbered(mac(2, 1), mac(1, 1), None, 2, 0));
            }
        }
        arrivals
    })
}

/// What one kill cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub lost: u64,
    pub gap: Duration,
}

/// What was missed between an interruption and a later moment.
pub fn cost(arrivals: &Arrivals, kill: Instant, until: Instant) -> Cost {
    let near = |at: Instant| at + Duration::from_millis(100) > kill && at < until;
    let around: Vec<_> = arrivals.windows(2).filter(|two| near(two[1].1)).collect();
    Cost {
        lost: around.iter().map(|two| two[1].0.saturating_sub(two[0].0 + 1)).sum(),
        gap: around.iter().map(|two| two[1].1 - two[0].1).max().unwrap_or(TOO_LONG * 2),
    }
}
