//! Other people's programs, where they are installed: sflowtool, tshark and tcpdump over a capture of the datagrams.
//!
//! What each may judge: sflowtool every record; tshark 4.0 nothing behind a port name (0:1005), which it does not know
//! and after which it loses its place, so it is asked about what comes before the first one in a datagram; tcpdump
//! the structure of all, as it skips what it does not know by its length.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::walker::{walk, Datagram, Flow, Sample};
use crate::workload::random_datagrams;

/// A capture (libpcap format, Ethernet) with each datagram on its way to port 6343.
fn capture(name: &str, datagrams: &[Vec<u8>]) -> PathBuf {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4, 0x0002_0004, 0, 0, 65_535, 1] {
        file.extend(u32::to_be_bytes(word));
    }
    for (datagram, second) in datagrams.iter().zip(1_u32..) {
        let udp = u16::try_from(datagram.len() + 8).unwrap();
        let length = u32::from(udp) + 34;
        for word in [second, 0, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0]);
        file.extend([0x45, 0]);
        file.extend((udp + 20).to_be_bytes());
        file.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9]);
        for half in [40_000, 6_343, udp, 0] {
            file.extend(u16::to_be_bytes(half));
        }
        file.extend(datagram);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).unwrap();
    path
}

/// What the program prints; `None`, with a line that says so, when it is not installed.
fn run(program: &str, arguments: &[&str], capture: &Path) -> Option<String> {
    let mut command = Command::new(program);
    match command.args(arguments).arg(capture).env("TZ", "UTC").output() {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("SKIP: {program} is not installed");
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn flows_and_counters(name: &str, settings: &str) -> (PathBuf, Vec<Datagram>) {
    let datagrams = random_datagrams(77, settings);
    let walked = datagrams.iter().map(|datagram| walk(datagram)).collect();
    (capture(name, &datagrams), walked)
}

/// Lines `key value` of the output whose key is asked for.
fn lines_of<'a>(text: &'a str, keys: &[&str]) -> Vec<&'a str> {
    text.lines().map(str::trim).filter(|line| keys.contains(&line.split(' ').next().unwrap_or_default())).collect()
}

#[test]
fn sflowtool_reads_every_record() {
    let (capture, walked) = flows_and_counters("sflowtool.pcap", "polling=20 agent=192.0.2.1 sub_agent=4");
    let Some(text) = run("sflowtool", &["-r"], &capture) else { return };
    let mut expected = Vec::new();
    for datagram in &walked {
        expected.push(format!("packetSequenceNo {}", datagram.sequence));
        for sample in &datagram.samples {
            expected.extend(match sample {
                Sample::Flow(flow) => vec![
                    format!("sampleSequenceNo {}", flow.sequence),
                    format!("samplePool {}", flow.pool),
                    format!("sampledPacketSize {}", flow.frame_length),
                    format!("in_vlan {}", flow.switch[0]),
                    format!("out_priority {}", flow.switch[3]),
                ],
                Sample::Counters(counters) => vec![
                    format!("sampleSequenceNo {}", counters.sequence),
                    format!("ifInOctets {}", counters.generic[5]),
                    format!("ifOutDiscards {}", counters.generic[16]),
                    format!("ifName {}", String::from_utf8_lossy(&counters.name)).trim_end().to_owned(),
                ],
            });
        }
    }
    let keys = [
        "packetSequenceNo",
        "sampleSequenceNo",
        "samplePool",
        "sampledPacketSize",
        "in_vlan",
        "out_priority",
        "ifInOctets",
        "ifOutDiscards",
        "ifName",
    ];
    assert_eq!(lines_of(&text, &keys), expected);
}

#[test]
fn tcpdump_reads_the_structure_of_every_datagram() {
    let (capture, walked) = flows_and_counters("tcpdump.pcap", "polling=20 agent=2001:db8::1");
    let Some(text) = run("tcpdump", &["-vvnr"], &capture) else { return };
    assert!(!text.contains("[|"), "tcpdump found something cut short");
    let mut expected = Vec::new();
    for sample in walked.iter().flat_map(|datagram| &datagram.samples) {
        match sample {
            Sample::Flow(flow) => {
                expected.push(format!("flow {} {}", flow.sequence, flow.source));
                expected.push(format!("protocol {}", flow.frame_length));
                expected.push(format!("src {} {}", flow.switch[0], flow.switch[2]));
            }
            Sample::Counters(counters) => {
                expected.push(format!("counter {} {}", counters.sequence, counters.source));
                expected.push(format!("In {} {}", counters.generic[5], counters.generic[7]));
            }
        }
    }
    assert_eq!(text.lines().filter_map(tcpdump_line).collect::<Vec<_>>(), expected);
}

/// What matters of a line of tcpdump: its first word and the numbers behind two of its labels.
fn tcpdump_line(line: &str) -> Option<String> {
    let line = line.trim();
    let after = |label: &str| {
        let rest = line.split_once(label)?.1.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()
    };
    Some(match line.split(' ').next()? {
        "flow" => format!("flow {} {}", after("seqnum")?, after("idx")?),
        "counter" => format!("counter {} {}", after("seqnum")?, after("idx")?),
        "protocol" => format!("protocol {}", after(", length")?),
        "src" => format!("src {} {}", after("src vlan")?, after("dst vlan")?),
        "In" => format!("In {} {}", after("octets")?, after("multicast pkts")?),
        _ => return None,
    })
}

const TSHARK_FLOW: [&str; 10] = [
    "sflow.flow_sample.sequence_number",
    "sflow.flow_sample.index",
    "sflow.flow_sample.sampling_rate",
    "sflow.flow_sample.sample_pool",
    "sflow.flow_sample.dropped_packets",
    "sflow.flow_sample.input_interface",
    "sflow_245.header.frame_length",
    "sflow_245.header.sampled_header_length",
    "sflow_245.vlan.in",
    "sflow_245.pri.out",
];

#[test]
fn tshark_reads_every_flow_sample() {
    let (capture, walked) = flows_and_counters("tshark-flows.pcap", "polling=0 agent=192.0.2.1 header=256");
    let Some(packets) = tshark(&capture) else { return };
    assert_eq!(packets.len(), walked.len());
    for (packet, datagram) in packets.iter().zip(&walked) {
        assert_eq!(values(packet, "sflow_245.sequence_number"), [u64::from(datagram.sequence)]);
        assert_eq!(values(packet, "sflow_245.sysuptime"), [u64::from(datagram.uptime_ms)]);
        let flows = datagram.samples.iter().map(|sample| match sample {
            Sample::Flow(flow) => flow,
            Sample::Counters(_) => panic!("counters without polling"),
        });
        let expected: BTreeSet<_> = flows
            .map(|flow| {
                let header = u32::try_from(flow.header.len()).unwrap();
                let [vlan_in, _, _, priority_out] = flow.switch;
                let Flow { sequence, source, rate, pool, drops, input, frame_length, .. } = *flow;
                [sequence, source, rate, pool, drops, input, frame_length, header, vlan_in, priority_out].map(u64::from)
            })
            .collect();
        let columns = TSHARK_FLOW.map(|field| values(packet, field));
        let read: BTreeSet<_> = (0..columns[0].len()).map(|row| columns.each_ref().map(|column| column[row])).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn tshark_reads_counters_up_to_the_port_name() {
    let (capture, walked) = flows_and_counters("tshark-counters.pcap", "polling=3 agent=192.0.2.1");
    let Some(packets) = tshark(&capture) else { return };
    let mut judged = 0;
    for (packet, datagram) in packets.iter().zip(&walked) {
        let first = datagram.samples.iter().find_map(|sample| match sample {
            Sample::Counters(counters) => Some(counters),
            Sample::Flow(_) => None,
        });
        let Some(counters) = first else { continue };
        judged += 1;
        let fields =
            ["ifindex", "iftype", "ifspeed", "ifinoct", "ifinpkt", "ifinmcast", "ifindisc", "ifoutoct", "ifoutpkt"];
        let read = fields.map(|field| values(packet, &format!("sflow_245.{field}"))[0]);
        assert_eq!(read, [0, 1, 2, 5, 6, 7, 9, 12, 13].map(|field: usize| counters.generic[field]));
        assert_eq!(values(packet, "sflow_245.dot3StatsSymbolErrors")[0], u64::from(u32::MAX));
    }
    assert!(judged > 100, "{judged}");
}

/// The packets as JSON, in which a field that occurs often is an array.
fn tshark(capture: &Path) -> Option<Vec<Value>> {
    let text = run("tshark", &["-T", "json", "--no-duplicate-keys", "-r"], capture)?;
    Some(serde_json::from_str(&text).unwrap())
}

/// All values of a field. Samples come in the order of their titles, the same for every field.
fn values(tree: &Value, field: &str) -> Vec<u64> {
    match tree {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| if key == field { numbers(value) } else { values(value, field) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| values(item, field)).collect(),
        _ => Vec::new(),
    }
}

fn numbers(value: &Value) -> Vec<u64> {
    match value {
        Value::String(text) => vec![text.parse().unwrap()],
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => panic!("{other}"),
    }
}
