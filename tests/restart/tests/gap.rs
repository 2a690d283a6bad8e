//! SIGKILL of the switch process under traffic: frames lost, and how long none arrived.
//!
//! 1,000 frames a second go from one host to another through a switch with 100 ports and 10,000 addresses; the receiver
//! says something ten times a second. HEDDLE_GAP_KILLS says how many kills (2 when it does not). The figures are printed
//! beside those of Open vSwitch 3.1 under the same load: 186 frames and 187 ms on SIGSEGV, no end on SIGKILL.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use heddle_end_to_end::as_root;
use heddle_end_to_end::frames::{mac, number_of, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::wait_for;
use heddle_end_to_end::wire::Wire;
use heddle_restart::host::Host;

/// Frames a second.
const RATE: u32 = 1_000;
/// Ports of the switch.
const PORTS: usize = 100;
/// Addresses in its filtering database.
const ADDRESSES: u32 = 10_000;
/// A switch process that lived this long is restarted at once, however often.
const HEALTHY: Duration = Duration::from_millis(5_500);
/// Longest gap that is no failure; the aim is 250 ms, and the machine may be busy.
const TOO_LONG: Duration = Duration::from_secs(2);

/// The two ports that carry the traffic.
struct Pair {
    hosts: [Namespace; 2],
    devices: [String; 2],
    _links: Vec<Link>,
}

impl Pair {
    fn taps(host: &Host) -> Pair {
        let hosts = [Namespace::new("from"), Namespace::new("to")];
        let devices = [device("t"), device("t")];
        for (nth, name) in devices.iter().enumerate() {
            host.ok(&format!("port add lab end{nth} --backend tap --device {name}"));
            hosts[nth].adopt(name, &[]);
        }
        Pair { hosts, devices, _links: Vec::new() }
    }

    fn veths(host: &Host) -> Pair {
        let hosts = [Namespace::new("from"), Namespace::new("to")];
        let (links, devices): (Vec<Link>, Vec<String>) = (0..2).map(|_| Link::pair()).unzip();
        for (nth, name) in devices.iter().enumerate() {
            hosts[nth].adopt(name, &[]);
            ip(&format!("link set {} up", links[nth].0));
            host.ok(&format!("port add lab end{nth} --backend packet --device {}", links[nth].0));
        }
        Pair { hosts, devices: devices.try_into().unwrap(), _links: links }
    }

    fn wire(&self, nth: usize) -> Wire {
        Wire::open(&self.hosts[nth], &self.devices[nth], Duration::from_millis(100))
    }
}

/// A host with 98 idle ports and the two that matter.
fn furnish(pair: impl FnOnce(&Host) -> Pair) -> (Host, Pair, Vec<String>) {
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
type Arrivals = Vec<(u64, Instant)>;

/// Sends until told to stop; gives how many.
fn sender(wire: Wire, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
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
fn receiver(wire: Wire, stop: Arc<AtomicBool>, count: Arc<AtomicU64>) -> std::thread::JoinHandle<Arrivals> {
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
struct Cost {
    lost: u64,
    gap: Duration,
}

fn cost(arrivals: &Arrivals, kill: Instant) -> Cost {
    let near = |at: Instant| at + Duration::from_millis(100) > kill && at < kill + Duration::from_secs(4);
    let around: Vec<_> = arrivals.windows(2).filter(|two| near(two[1].1)).collect();
    Cost {
        lost: around.iter().map(|two| two[1].0.saturating_sub(two[0].0 + 1)).sum(),
        gap: around.iter().map(|two| two[1].1 - two[0].1).max().unwrap_or(TOO_LONG * 2),
    }
}

fn kills_under_traffic(what: &str, pair: impl FnOnce(&Host) -> Pair) {
    let kills: usize = std::env::var("HEDDLE_GAP_KILLS").ok().map_or(2, |text| text.parse().expect("a number"));
    let (host, pair, idle) = furnish(pair);
    let (stop, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let received = receiver(pair.wire(1), Arc::clone(&stop), Arc::clone(&last));
    let sent = sender(pair.wire(0), Arc::clone(&stop));
    wait_for("the traffic to flow", || last.load(Ordering::Relaxed) > 500);
    let (mut at, mut flooded) = (Vec::new(), Vec::new());
    let idle_frames = || -> u64 {
        let path = format!("/sys/class/net/{}/statistics/rx_packets", idle[0]);
        std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
    };
    for _ in 0..kills {
        sleep(HEALTHY);
        let before = idle_frames();
        at.push(Instant::now());
        host.kill_switch();
        let killed = last.load(Ordering::Relaxed);
        wait_for("forwarding to go on", || last.load(Ordering::Relaxed) > killed + 500);
        flooded.push(idle_frames() - before);
    }
    sleep(Duration::from_secs(1));
    stop.store(true, Ordering::Relaxed);
    let (sent, arrivals) = (sent.join().unwrap(), received.join().unwrap());
    let costs: Vec<Cost> = at.iter().map(|kill| cost(&arrivals, *kill)).collect();
    let mut gaps: Vec<Duration> = costs.iter().map(|cost| cost.gap).collect();
    gaps.sort();
    flooded.sort();
    let lost: Vec<u64> = costs.iter().map(|cost| cost.lost).collect();
    println!(
        "{what}: {kills} kills at {RATE} frames/s, {PORTS} ports, {ADDRESSES} addresses: {} of {sent} frames lost ({} at worst a \
         kill), longest gap {} ms (median {} ms), {} frames flooded at worst until relearnt; Open vSwitch 3.1: 186 lost, 187 ms \
         on SIGSEGV, never back on SIGKILL",
        lost.iter().sum::<u64>(),
        lost.iter().max().unwrap(),
        gaps.last().unwrap().as_millis(),
        gaps[gaps.len() / 2].as_millis(),
        flooded.last().unwrap()
    );
    println!("{what}: gaps in ms {:?}, lost {lost:?}", gaps.iter().map(Duration::as_millis).collect::<Vec<_>>());
    assert!(*gaps.last().unwrap() < TOO_LONG, "{costs:?}");
    assert_eq!(host.json("daemon status")["restarts"], kills);
}

#[test]
fn tap_ports_forward_again_after_a_kill() {
    let Some(_turn) = as_root("tap_ports_forward_again_after_a_kill") else { return };
    kills_under_traffic("TAP ports", Pair::taps);
}

#[test]
fn packet_ports_forward_again_after_a_kill() {
    let Some(_turn) = as_root("packet_ports_forward_again_after_a_kill") else { return };
    kills_under_traffic("packet ports on veth", Pair::veths);
}
