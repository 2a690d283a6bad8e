//! TCP through two ports joined back to back: two kernels must agree on every byte, with checksums partial and segments together
//! all the way.

use crate::rig::{Namespace, PATIENCE, forwarded, free, ip, pool, privileged, unique};
use heddle_host::ports::{self, OpenPort, OpenSpec, RxStatus};
use heddle_switch_core::frame::TxReport;
use heddle_switch_core::pool::Pool;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BYTES: usize = 8 << 20;

/// A port whose interface has `address` in a namespace of its own.
fn host(backend: &str, address: &str) -> (Namespace, OpenPort) {
    let (space, near) = (Namespace::new(), unique("b"));
    if backend == "packet" {
        let far = unique("c");
        ip(&format!("link add {near} type veth peer name {far}"));
        ip(&format!("link set {near} addrgenmode none"));
        space.adopt(&far, address);
        return (space, ports::open(&OpenSpec::new("lab/b", "packet", near)).unwrap());
    }
    let port = ports::open(&OpenSpec::new("lab/b", backend, near)).unwrap();
    space.adopt(&port.device, address);
    (space, port)
}

/// Moves frames both ways until told to stop, and gives the longest frame.
fn join(left: &mut OpenPort, right: &mut OpenPort, pool: &mut Pool, stop: &AtomicBool) -> (u32, TxReport) {
    let (mut longest, mut report) = (0, TxReport::default());
    let (mut received, mut sending) = (Vec::new(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let mut idle = true;
        for turn in [true, false] {
            let (from, to) = if turn { (&mut *left, &mut *right) } else { (&mut *right, &mut *left) };
            idle &= from.rx[0].receive(pool, &mut received, 64) == RxStatus::Empty && received.is_empty();
            longest = received.iter().map(|frame| frame.length).fold(longest, u32::max);
            for frame in received.drain(..) {
                sending.push(forwarded(frame, pool));
            }
            to.tx.transmit(pool, &mut sending, &mut report);
        }
        if idle {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    (longest, report)
}

fn pattern() -> Vec<u8> {
    (0..BYTES).map(|n| (n ^ (n >> 8) ^ (n >> 17)) as u8).collect()
}

/// A connection that does not get on fails rather than waits.
fn hurry(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

/// The client sends the pattern and gets it back.
fn echo(server: &Namespace, client: &Namespace) {
    let listener = server.run(|| TcpListener::bind("10.7.0.1:5000").unwrap());
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        hurry(&stream);
        let mut bytes = vec![0; BYTES];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
        stream
    });
    let received = client.run(|| {
        let mut stream = TcpStream::connect_timeout(&"10.7.0.1:5000".parse().unwrap(), PATIENCE).unwrap();
        hurry(&stream);
        stream.write_all(&pattern()).unwrap();
        let mut bytes = vec![0; BYTES];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    });
    drop(answer.join().unwrap());
    assert!(received == pattern(), "the bytes that came back differ");
}

/// TCP segments a kernel refused for their checksum.
fn bad_checksums(space: &Namespace) -> u64 {
    let text = space.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap());
    let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.split(' ').position(|name| name == "InCsumErrors").unwrap();
    values.split(' ').nth(at).unwrap().parse().unwrap()
}

fn tcp_passes(left: &str, right: &str) {
    if !privileged(&format!("bulk: TCP from {left} to {right}")) {
        return;
    }
    let (server, mut server_port) = host(left, "10.7.0.1/24");
    let (client, mut client_port) = host(right, "10.7.0.2/24");
    let stop = AtomicBool::new(false);
    let (longest, report) = std::thread::scope(|scope| {
        let joining = scope.spawn(|| {
            let mut pool = pool();
            let before = free(&pool);
            let result = join(&mut server_port, &mut client_port, &mut pool, &stop);
            assert_eq!(free(&pool), before);
            result
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| echo(&server, &client)));
        stop.store(true, Ordering::Relaxed);
        let joined = joining.join().unwrap();
        outcome.unwrap();
        joined
    });
    assert!(longest > 30_000, "no segmentation-offload frame came; the longest had {longest} bytes");
    assert_eq!((report.refused, report.too_long, report.device_gone), (0, 0, 0));
    assert_eq!((bad_checksums(&server), bad_checksums(&client)), (0, 0));
}

#[test]
fn tcp_passes_from_packet_to_packet() {
    tcp_passes("packet", "packet");
}

#[test]
fn tcp_passes_from_tap_to_tap() {
    tcp_passes("tap", "tap");
}

#[test]
fn tcp_passes_from_tap_to_packet() {
    tcp_passes("tap", "packet");
}
