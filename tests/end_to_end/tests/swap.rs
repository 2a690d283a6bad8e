//! An extension is enabled and disabled a hundred times at 50,000 frames a second: none is lost, doubled or overtaken.
//!
//! Raw sockets of the kernel send and receive numbered frames. Kernel queues are made long enough for a worker that waits
//! for a core, and the kernel's own counters prove that they did not overflow: a missing frame was lost by the switch.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::as_root;
use heddle_end_to_end::daemon::{Daemon, passthrough};
use heddle_end_to_end::frames::{Verdict, datagram, mac, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::wire::Wire;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 100;
/// Both ways together.
const PPS: u64 = 50_000;
const FLOWS: u8 = 4;

/// A host with one device and no stack of its own talking on it.
struct Host {
    space: Namespace,
    inside: String,
    _link: Option<Link>,
}

fn host(daemon: &Daemon, port: &str, backend: &str, queues: u32) -> Host {
    let space = Namespace::new(port);
    let (inside, link, outside) = if backend == "tap" {
        let tap = device("t");
        (tap.clone(), None, tap)
    } else {
        let (near, far) = Link::pair();
        let outside = near.0.clone();
        (far, Some(near), outside)
    };
    daemon.ok(&format!("port add lab {port} --backend {backend} --device {outside} --queues {queues}"));
    // Two seconds of the whole traffic: the machine may have other things to do.
    let long = if backend == "tap" { &outside } else { &inside };
    ip(&format!("link set {long} txqueuelen 100000"));
    space.adopt(&inside, &[]);
    Host { space, inside, _link: link }
}

/// Half of the flows are UDP, which several queues of a device share; the others are of no protocol it knows.
fn frame(station: u8, flow: u8, number: u64) -> Vec<u8> {
    let (from, to) = (mac(station, flow), mac(3 - station, flow));
    if flow.is_multiple_of(2) { datagram(from, to, flow, number) } else { numbered(from, to, None, flow, number) }
}

/// Sends flows of `station` at its half of the rate until told to stop; how many of each flow.
fn send(wire: &Wire, station: u8, stop: &AtomicBool) -> u64 {
    let (start, mut sent) = (Instant::now(), 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let due = u64::try_from(start.elapsed().as_nanos() * u128::from(PPS / 2) / 1_000_000_000).unwrap();
        // After a pause of the sender at most 64 frames come at once.
        for _ in 0..due.saturating_sub(sent).min(64) {
            let flow = u8::try_from(sent % u64::from(FLOWS)).unwrap();
            wire.send(&frame(station, flow, sent / u64::from(FLOWS)));
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    sent
}

/// Takes frames until none came for a while after the end.
fn receive(wire: &Wire, stop: &AtomicBool) -> Verdict {
    let (mut verdict, mut place) = (Verdict::default(), [0; 2_048]);
    loop {
        match wire.receive(&mut place) {
            Some(length) => verdict.take(&place[..length]),
            None if stop.load(Ordering::Relaxed) => return verdict,
            None => {}
        }
    }
}

fn counters(daemon: &Daemon, port: &str) -> Value {
    daemon.json(&format!("port show lab {port}"))["counters"].clone()
}

fn swap(name: &str, left: &str, right: &str, queues: u32) {
    let Some(_turn) = as_root(name) else { return };
    let daemon = Daemon::start();
    // Workers of a third: no port is on the last, so it sleeps.
    daemon.ok("switch create lab --workers 3");
    let hosts = [host(&daemon, "left", left, queues), host(&daemon, "right", right, queues)];
    let patience = Duration::from_millis(500);
    let wires = hosts.each_ref().map(|host| Arc::new(Wire::open(&host.space, &host.inside, patience)));
    // A flow finds its queue of a device with its first frames; everybody is known before counting starts.
    for _ in 0..3 {
        for (wire, station) in wires.iter().zip([1, 2]) {
            (0..FLOWS).for_each(|flow| wire.send(&frame(station, flow, 0)));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut place = [0; 2_048];
    wires.iter().for_each(|wire| while wire.receive(&mut place).is_some() {});
    // What the hosts' own stacks sent when their devices came up is not the test's.
    let lost = |host: &Host, port: &str| {
        let missed = counters(&daemon, port)["rx_missed"].as_u64();
        (missed.unwrap(), host.space.device_counter(&host.inside, "tx_dropped"))
    };
    let ports = ["left", "right"];
    let lost_before = [lost(&hosts[0], ports[0]), lost(&hosts[1], ports[1])];
    let drops_before = daemon.drops("lab");
    let (stop_sending, stop_receiving) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let receivers = wires.each_ref().map(|wire| {
        let (wire, stop) = (Arc::clone(wire), Arc::clone(&stop_receiving));
        std::thread::spawn(move || receive(&wire, &stop))
    });
    let start = Instant::now();
    let mut station = 0;
    let senders = wires.each_ref().map(|wire| {
        station += 1;
        let (wire, stop, station) = (Arc::clone(wire), Arc::clone(&stop_sending), station);
        std::thread::spawn(move || send(&wire, station, &stop))
    });
    let library = passthrough();
    let mut outcome = Ok(());
    for round in 0..ROUNDS {
        // Not `ok`: the traffic must be stopped before the test fails.
        for line in
            [format!("extension enable lab {library}"), "extension disable lab org.heddle.passthrough".to_owned()]
        {
            let done = daemon.heddle(&line);
            if done.code != 0 {
                outcome = Err(format!("round {round}: {line}: {done:?}"));
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    stop_sending.store(true, Ordering::Relaxed);
    let sent = senders.map(|thread| thread.join().unwrap());
    stop_receiving.store(true, Ordering::Relaxed);
    let arrived = receivers.map(|thread| thread.join().unwrap());
    outcome.unwrap();
    println!("{name}: {} and {} frames in {seconds:.1} s", sent[0], sent[1]);
    for ((host, port), before) in hosts.iter().zip(ports).zip(lost_before) {
        let what = "missed by the port, dropped by its device";
        assert_eq!(lost(host, port), before, "a kernel queue before port {port} overflowed: {what}");
    }
    assert_eq!(daemon.drops("lab"), drops_before, "{}", daemon.ok("stats lab"));
    for (sent, verdict) in [(sent[0], &arrived[1]), (sent[1], &arrived[0])] {
        assert_eq!((verdict.lost, verdict.behind, verdict.arrived), (0, 0, sent), "{verdict:?}");
        assert!(sent > 10_000, "{sent} frames are no traffic");
    }
    assert_eq!(daemon.balance("lab"), 0);
}

#[test]
fn a_hundred_swaps_between_taps() {
    swap("a_hundred_swaps_between_taps", "tap", "tap", 1);
}

#[test]
fn a_hundred_swaps_between_taps_of_two_queues() {
    swap("a_hundred_swaps_between_taps_of_two_queues", "tap", "tap", 2);
}

#[test]
fn a_hundred_swaps_between_tap_and_packet() {
    swap("a_hundred_swaps_between_tap_and_packet", "tap", "packet", 1);
}
