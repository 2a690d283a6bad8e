//! Collectors that keep flows: sfcapd with nfdump, and sfacctd. Each flow sample must come out as it went in.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::walker::{Datagram, Flow};
use crate::workload::random_work;

use super::{left_out, run, work};

const SETTINGS: &str = "polling=7 agent=192.0.2.1 sub_agent=4 header=128 sampling=400 sampling.up-=50";

/// Input, output, rate, length, VLAN in, VLAN out, source port of the frame inside.
type Row = [u64; 7];

/// The word of a compact sample, which is how collectors keep an interface that is not one port.
fn word((format, value): (u32, u32)) -> u64 {
    u64::from(format << 30 | value)
}

/// Headers of so many bytes have a whole UDP header: of shorter ones a collector may keep the flow or not.
const WHOLE: usize = 42;

/// A flow sample whose header has at least so many bytes.
fn row(flow: &Flow, least: usize) -> Option<Row> {
    let port = flow.frame.header.get(34..36).filter(|_| flow.frame.header.len() >= least)?;
    let port = u64::from(u16::from_be_bytes([port[0], port[1]]));
    let [vlan_in, _, vlan_out, _] = flow.frame.switch.map(u64::from);
    Some([word(flow.input), word(flow.output), flow.rate.into(), flow.frame.length.into(), vlan_in, vlan_out, port])
}

fn counted(rows: impl Iterator<Item = Row>) -> BTreeMap<Row, usize> {
    let mut counts = BTreeMap::new();
    rows.for_each(|row| *counts.entry(row).or_insert(0) += 1);
    counts
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("{field} in {value}"))
}

#[test]
fn sfacctd_keeps_every_flow_sample() {
    let (capture, walked) = work("sfacctd.pcap", SETTINGS, 0, true);
    let config = capture.with_extension("conf");
    let settings = [
        "daemonize: false".to_owned(),
        format!("pcap_savefile: {}", capture.display()),
        "plugins: print".to_owned(),
        "aggregate: vlan,src_host,dst_host,in_iface,out_iface,sampling_rate,src_port,dst_port".to_owned(),
        "print_output: json".to_owned(),
        "print_refresh_time: 2".to_owned(),
    ];
    std::fs::write(&config, settings.join("\n")).unwrap();
    let Some(text) = sfacctd(&config) else { return };
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let read = counted(lines.filter(|line| line["ip_proto"] != "0" && number(line, "port_src") > 0).map(|line| {
        let vlan = number(&line, "vlan");
        let bytes = number(&line, "bytes");
        let fields = ["iface_in", "iface_out", "sampling_rate"].map(|field| number(&line, field));
        [fields[0], fields[1], fields[2], bytes, vlan, 0, number(&line, "port_src")]
    }));
    let kept = |flow: &Flow, least| {
        // Of the VLANs it keeps the one of the way in, or else the other.
        let [input, output, rate, length, vlan_in, vlan_out, port] = row(flow, least)?;
        Some([input, output, rate, length, if vlan_in == 0 { vlan_out } else { vlan_in }, 0, port])
    };
    same(&read, &walked, kept);
}

/// Every flow sample with a whole header must have been kept, and nothing kept that was not sent.
fn same(read: &BTreeMap<Row, usize>, sent: &[Datagram], kept: impl Fn(&Flow, usize) -> Option<Row>) {
    let all = |least| counted(sent.iter().flat_map(Datagram::flows).filter_map(|flow| kept(flow, least)));
    let (must, may) = (all(WHOLE), all(0));
    let missing: Vec<_> = must.iter().filter(|(row, count)| read.get(*row) < Some(*count)).take(3).collect();
    let odd: Vec<_> = read.iter().filter(|(row, count)| may.get(*row) < Some(*count)).take(3).collect();
    assert!(missing.is_empty() && odd.is_empty(), "missing {missing:?}, not sent {odd:?}");
    assert!(must.len() > 500, "{}", must.len());
}

/// What it prints; it goes on waiting after the end of the capture, so it is ended when it has printed everything.
fn sfacctd(config: &Path) -> Option<String> {
    let output = config.with_extension("json");
    let file = std::fs::File::create(&output).unwrap();
    let errors = file.try_clone().unwrap();
    let child = Command::new("sfacctd").arg("-f").arg(config).stdout(file).stderr(errors).spawn();
    let Ok(child) = child else {
        left_out("sfacctd");
        return None;
    };
    let _ended = Ended(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text = std::fs::read_to_string(&output).unwrap();
        let flows = text.lines().filter(|line| line.starts_with('{')).count();
        // All flows come in one purge, whose last line is complete when the purge is said to have ended.
        if (flows > 0 && text.matches("Purging cache - END").count() >= 2) || Instant::now() > deadline {
            return Some(text);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ends a program it started.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn sfcapd_keeps_every_flow_sample_of_both_encodings() {
    for (base, drops) in [(0, true), (0x0300_0000, false)] {
        let datagrams = random_work(78, SETTINGS, base, drops);
        let walked: Vec<Datagram> = datagrams.iter().map(|datagram| crate::walker::walk(datagram)).collect();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sfcapd-{base}"));
        let Some(files) = sfcapd(&folder, &datagrams) else { return };
        let Some(text) = run("nfdump", &["-o", "json", "-r"], &files) else { return };
        let kept: Vec<Value> = serde_json::from_str(&text).unwrap();
        let read =
            counted(kept.iter().filter(|flow| flow["src_port"].as_u64().is_some_and(|port| port > 0)).map(|flow| {
                let rate = number(flow, "in_packets");
                let fields = ["input_snmp", "output_snmp", "src_vlan", "dst_vlan", "src_port"];
                let [input, output, vlan_in, vlan_out, port] = fields.map(|field| number(flow, field));
                [input, output, rate, number(flow, "in_bytes") / rate, vlan_in, vlan_out, port]
            }));
        let kept = |flow: &Flow, least| {
            let mut row = row(flow, least)?;
            // It keeps how many ports, or why dropped, as the number alone.
            row[1] &= 0x3FFF_FFFF;
            Some(row)
        };
        same(&read, &walked, kept);
    }
}

/// Sends the datagrams to an sfcapd of its own; the file with the flows.
fn sfcapd(folder: &Path, datagrams: &[Vec<u8>]) -> Option<PathBuf> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).unwrap();
    // A port that was free a moment ago; sfcapd cannot be asked to choose one.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new("sfcapd");
    command.args(["-b", "127.0.0.1", "-t", "3600", "-p", &port, "-w"]).arg(folder);
    let Ok(child) = command.stdout(Stdio::null()).stderr(log).spawn() else {
        left_out("sfcapd");
        return None;
    };
    let ended = Ended(child);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !std::fs::read_to_string(folder.join("log")).unwrap().contains("Startup sfcapd") {
        assert!(Instant::now() < deadline, "sfcapd does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(format!("127.0.0.1:{port}")).unwrap();
    for datagram in datagrams {
        socket.send(datagram).unwrap();
        // Its socket holds a few hundred datagrams, and nothing tells when it has read them.
        std::thread::sleep(Duration::from_micros(200));
    }
    std::thread::sleep(Duration::from_millis(300));
    drop(ended);
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("nfcapd.2")))
}
