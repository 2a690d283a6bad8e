//! `/metrics` of the real daemon, read by a parser that is not ours.

use super::process::{Daemon, alive, real, real_command, signal, wait_for};
use prometheus_parse::{Scrape, Value};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// An address nobody has at this moment.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn with_metrics() -> (Daemon, SocketAddr) {
    let address = free();
    let daemon = real(&["--metrics", &address.to_string()]);
    wait_for_metrics(address);
    (daemon, address)
}

/// Status line, head and body of one exchange.
fn exchange(address: SocketAddr, request: &str) -> (String, String, String) {
    try_exchange(address, request).unwrap()
}

fn try_exchange(address: SocketAddr, request: &str) -> io::Result<(String, String, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let (status, head) = head.split_once("\r\n").unwrap_or((head, ""));
    Ok((status.to_owned(), head.to_lowercase(), body.to_owned()))
}

/// Waits until metrics are served: a process that dies may still take a connection, and then reset it.
fn wait_for_metrics(address: SocketAddr) {
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let served = || try_exchange(address, request).is_ok_and(|(status, ..)| status.ends_with("200 OK"));
    wait_for("the metrics", served);
}

fn get(address: SocketAddr) -> String {
    let (status, head, body) = exchange(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(status, "HTTP/1.1 200 OK", "{body}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    body
}

fn parsed(text: &str) -> Scrape {
    Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

/// The value of the one series with this name and these labels.
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value))
    };
    let found: Vec<_> = scrape.samples.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
    match found[0].value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        ref other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_figure_is_the_one_stats_shows() {
    let (daemon, address) = with_metrics();
    daemon.ok("switch create lab");
    daemon.ok("port add lab out --backend memory --device source:1000:64:4");
    daemon.ok("port add lab in --backend memory");
    wait_for("traffic", || daemon.json("switch show lab")["law"]["rx"].as_u64() > Some(1000));
    daemon.ok("port remove lab out");
    let rest = || daemon.json("stats lab")[0].clone();
    wait_for("rest", || rest()["switch"] == rest()["switch"]);
    let (stats, text) = (rest(), get(address));
    assert!(text.ends_with("# EOF\n"), "{text}");
    let scrape = parsed(&text);
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    for kind in ["rx", "originated", "replicated", "tx", "dropped", "consumed"] {
        let name = format!("heddle_switch_{kind}_frames_total");
        assert_eq!(value(&scrape, &name, &[("switch", "lab")]), number(&stats["switch"]["law"][kind]), "{name}");
    }
    assert_eq!(value(&scrape, "heddle_switch_balance_frames", &[("switch", "lab")]), 0.0);
    for port in stats["ports"].as_array().unwrap() {
        let labels = [("switch", "lab"), ("port", port["name"].as_str().unwrap())];
        for (counter, expected) in port["counters"].as_object().unwrap() {
            let name = format!("heddle_port_{counter}_total");
            assert_eq!(value(&scrape, &name, &labels), number(expected), "{name} {labels:?}");
        }
    }
    for drop in stats["drops"].as_array().unwrap() {
        let labels = [("switch", "lab"), ("reason", drop["reason"].as_str().unwrap())];
        assert_eq!(value(&scrape, "heddle_drops_total", &labels), number(&drop["count"]), "{labels:?}");
    }
    assert_eq!(value(&scrape, "heddle_build", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
}

#[test]
fn names_of_operators_are_escaped_in_labels() {
    let (daemon, address) = with_metrics();
    daemon.ok("switch create lab.0_a-b");
    assert_eq!(value(&parsed(&get(address)), "heddle_switch_ports", &[("switch", "lab.0_a-b")]), 0.0);
}

#[test]
fn only_the_metrics_can_be_had_and_only_read() {
    let (_daemon, address) = with_metrics();
    let (status, _, body) = exchange(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 404 Not Found", "nothing is here; the metrics are at /metrics\n")
    );
    let (status, head, _) = exchange(address, "DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(head.contains("allow: get, head"), "{head}");
    let endless = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let mut stream = TcpStream::connect(address).unwrap();
    // The daemon may close before it has read all of it.
    let _ = stream.write_all(endless.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    get(address);
}

#[test]
fn scrapers_that_say_nothing_keep_the_place_only_for_a_while() {
    let (_daemon, address) = with_metrics();
    let limit = heddle_host::metrics::CONNECTIONS_MAX;
    let start = Instant::now();
    let _silent: Vec<TcpStream> = (0..2 * limit).map(|_| TcpStream::connect(address).unwrap()).collect();
    get(address);
    assert!(start.elapsed() >= heddle_host::metrics::DEADLINE, "the places were taken: {:?}", start.elapsed());
}

#[test]
fn address_others_can_reach_and_address_that_is_taken_are_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, code, words) in [
        ("0.0.0.0:9478", 2, "only loopback addresses serve them; give 127.0.0.1:9478 or [::1]:9478"),
        (taken.as_str(), 4, "give an address that is free"),
        ("localhost", 2, "invalid value 'localhost' for '--metrics"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let output = real_command(&directory, &["--metrics", address]).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was started");
    }
}

#[test]
fn metrics_are_back_after_a_crash_and_the_switch_runs_without_them() {
    let (daemon, address) = with_metrics();
    let first = daemon.answering_pid();
    signal(first, "STOP");
    signal(first, "KILL");
    wait_for("the killed process to be gone", || !alive(first));
    wait_for_metrics(address);
    assert_eq!(value(&parsed(&get(address)), "heddle_restarts_total", &[]), 1.0);
    // Somebody takes the address in the moment between two switch processes.
    signal(daemon.answering_pid(), "KILL");
    let mut thief = None;
    wait_for("the address", || {
        thief = TcpListener::bind(address).ok();
        thief.is_some() || daemon.answering_pid() > 0
    });
    if thief.is_some() {
        daemon.wait_for_log("serving without metrics until it is free");
        daemon.ok("switch create lab");
        drop(thief);
        wait_for_metrics(address);
    }
}
