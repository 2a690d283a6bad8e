//! sflowtool, sFlow's own reference decoder: every field of every record.

use crate::walker::{Counters, Datagram, Discard, Flow, Frame, Record, Sample};

use super::{run, work};

const GENERIC: [&str; 19] = [
    "ifIndex",
    "networkType",
    "ifSpeed",
    "ifDirection",
    "ifStatus",
    "ifInOctets",
    "ifInUcastPkts",
    "ifInMulticastPkts",
    "ifInBroadcastPkts",
    "ifInDiscards",
    "ifInErrors",
    "ifInUnknownProtos",
    "ifOutOctets",
    "ifOutUcastPkts",
    "ifOutMulticastPkts",
    "ifOutBroadcastPkts",
    "ifOutDiscards",
    "ifOutErrors",
    "ifPromiscuousMode",
];
const CPU: [&str; 14] = [
    "cpu_proc_run",
    "cpu_proc_total",
    "cpu_num",
    "cpu_speed",
    "cpu_uptime",
    "cpu_user",
    "cpu_nice",
    "cpu_system",
    "cpu_idle",
    "cpu_wio",
    "cpuintr",
    "cpu_sintr",
    "cpuinterrupts",
    "cpu_contexts",
];
const MEMORY: [&str; 11] = [
    "mem_total",
    "mem_free",
    "mem_shared",
    "mem_buffers",
    "mem_cached",
    "swap_total",
    "swap_free",
    "page_in",
    "page_out",
    "swap_in",
    "swap_out",
];
const VLAN: [&str; 6] = ["in_vlan", "octets", "ucastPkts", "multicastPkts", "broadcastPkts", "discards"];
const NODE: [&str; 5] = ["vnode_mhz", "vnode_cpus", "vnode_memory", "vnode_memory_free", "vnode_num_domains"];
const NIC: [&str; 8] = [
    "vnio_bytes_in",
    "vnio_pkts_in",
    "vnio_errs_in",
    "vnio_drops_in",
    "vnio_bytes_out",
    "vnio_pkts_out",
    "vnio_errs_out",
    "vnio_drops_out",
];

#[test]
fn sflowtool_reads_every_field_of_every_record() {
    for (base, name) in [(0, "sflowtool.pcap"), (0x0300_0000, "sflowtool-expanded.pcap")] {
        let (capture, walked) = work(name, "polling=20 agent=192.0.2.1 sub_agent=4 vlans=on", base, true);
        let Some(text) = run("sflowtool", &["-r"], &capture) else { return };
        let expected: Vec<String> = walked.iter().flat_map(datagram).collect();
        let keys: std::collections::BTreeSet<&str> =
            expected.iter().filter_map(|line| line.split(' ').next()).collect();
        let read = text.lines().map(str::trim).filter(|line| keys.contains(line.split(' ').next().unwrap_or_default()));
        let read: Vec<&str> = read.collect();
        let differs = read.iter().zip(&expected).find(|(read, expected)| read != expected);
        assert!(read == expected, "{} lines read, {} expected, first {differs:?}", read.len(), expected.len());
        assert!(read.len() > 15_000, "{}", read.len());
    }
}

fn datagram(datagram: &Datagram) -> Vec<String> {
    let mut lines = vec![
        format!("agentSubId {}", datagram.sub_agent),
        format!("packetSequenceNo {}", datagram.sequence),
        format!("sysUpTime {}", datagram.uptime_ms),
        format!("samplesInPacket {}", datagram.samples.len()),
    ];
    for sample in &datagram.samples {
        match sample {
            Sample::Flow(it) => flow(it, &mut lines),
            Sample::Counters(it) => counters(it, &mut lines),
            Sample::Discard(it) => discard(it, &mut lines),
        }
    }
    lines
}

fn interface((format, value): (u32, u32)) -> String {
    match format {
        0 => value.to_string(),
        1 => format!("dropCode {value}"),
        _ => format!("multiple {value}"),
    }
}

fn flow(flow: &Flow, lines: &mut Vec<String>) {
    lines.extend([
        format!("sampleType_tag 0:{}", if flow.expanded { 3 } else { 1 }),
        format!("sampleSequenceNo {}", flow.sequence),
        format!("sourceId {}:{}", flow.source.0, flow.source.1),
        format!("meanSkipCount {}", flow.rate),
        format!("samplePool {}", flow.pool),
        format!("dropEvents {}", flow.drops),
        format!("inputPort {}", interface(flow.input)),
        format!("outputPort {}", interface(flow.output)),
    ]);
    frame(&flow.frame, "", lines);
}

fn frame(frame: &Frame, prefix: &str, lines: &mut Vec<String>) {
    let hex: Vec<String> = frame.header.iter().map(|byte| format!("{byte:02X}")).collect();
    let [source_vlan, source_priority, vlan, priority] = frame.switch;
    let record = [
        format!("sampledPacketSize {}", frame.length),
        format!("strippedBytes {}", frame.stripped),
        format!("headerLen {}", frame.header.len()),
        format!("headerBytes {}", hex.join("-")),
        format!("in_vlan {source_vlan}"),
        format!("in_priority {source_priority}"),
        format!("out_vlan {vlan}"),
        format!("out_priority {priority}"),
    ];
    lines.extend(record.map(|line| format!("{prefix}{line}")));
}

fn discard(discard: &Discard, lines: &mut Vec<String>) {
    lines.extend([
        "sampleType_tag 0:5".to_owned(),
        format!("sampleSequenceNo {}", discard.sequence),
        format!("sourceId {}:{}", discard.source.0, discard.source.1),
        format!("dropEvents {}", discard.drops),
        format!("inputPort {}", discard.input),
        format!("outputPort {}", discard.output),
        format!("discardCode {}", discard.reason),
    ]);
    if let Some(it) = &discard.frame {
        frame(it, "discarded_", lines);
    }
}

fn counters(sample: &Counters, lines: &mut Vec<String>) {
    lines.extend([
        format!("sampleType_tag 0:{}", if sample.expanded { 4 } else { 2 }),
        format!("sampleSequenceNo {}", sample.sequence),
        format!("sourceId {}:{}", sample.source.0, sample.source.1),
    ]);
    sample.records.iter().for_each(|it| record(it, lines));
}

fn named<T: std::fmt::Display>(names: &[&str], values: &[T], lines: &mut Vec<String>) {
    lines.extend(names.iter().zip(values).map(|(name, value)| format!("{name} {value}")));
}

fn record(record: &Record, lines: &mut Vec<String>) {
    match record {
        Record::Generic(values) => named(&GENERIC, values, lines),
        Record::Ethernet([alignment, .., symbol]) => {
            lines.push(format!("dot3StatsAlignmentErrors {alignment}"));
            lines.push(format!("dot3StatsSymbolErrors {symbol}"));
        }
        Record::Vlan(values) => named(&VLAN, values, lines),
        Record::PortName(name) => {
            // An empty name is not printed.
            lines.push(format!("ifName {}", String::from_utf8_lossy(name)).trim_end().to_owned());
        }
        Record::Description { hostname, uuid, machine, os, release } => {
            let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            let texts =
                [("hostname", hostname.clone()), ("UUID", parts.join("-")), ("machine_type", machine.to_string())];
            let more = [("os_name", os.to_string()), ("os_release", release.clone())];
            let texts = texts.into_iter().chain(more).filter(|(_, text)| !text.is_empty());
            lines.extend(texts.map(|(name, text)| format!("{name} {text}")));
        }
        Record::Adapters(adapters) => {
            for (number, (index, mac)) in adapters.iter().enumerate() {
                let mac: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                lines.push(format!("adaptor_{number}_ifIndex {index}"));
                lines.push(format!("adaptor_{number}_MAC_0 {mac}"));
            }
        }
        Record::Parent(class, index) => named(&["parent_dsClass", "parent_dsIndex"], &[class, index], lines),
        Record::Cpu(values) => {
            let loads = [0, 1, 2].map(|at| format!("{:.3}", f32::from_bits(values[at])));
            named(&["cpu_load_one", "cpu_load_five", "cpu_load_fifteen"], &loads, lines);
            named(&CPU, &values[3..], lines);
        }
        Record::Memory(values) => named(&MEMORY, values, lines),
        Record::Node(values) => named(&NODE, values, lines),
        Record::VirtualNic(values) => named(&NIC, values, lines),
    }
}
