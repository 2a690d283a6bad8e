//! tshark: flow samples of both encodings, and counters up to the first record it does not know.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{run, work};

const FLOW: [&str; 10] = [
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
    let (capture, walked) = work("tshark-flows.pcap", "polling=0 agent=192.0.2.1 header=256", 0, false);
    let Some(packets) = tshark(&capture) else { return };
    assert_eq!(packets.len(), walked.len());
    for (packet, datagram) in packets.iter().zip(&walked) {
        assert_eq!(values(packet, "sflow_245.sequence_number"), [u64::from(datagram.sequence)]);
        assert_eq!(values(packet, "sflow_245.sysuptime"), [u64::from(datagram.uptime_ms)]);
        let expected: BTreeSet<_> = datagram
            .flows()
            .map(|flow| {
                let header = u32::try_from(flow.frame.header.len()).unwrap();
                let [vlan_in, _, _, priority_out] = flow.frame.switch;
                let (source, input) = (flow.source.1, flow.input.1);
                let row = [flow.sequence, source, flow.rate, flow.pool, flow.drops, input, flow.frame.length, header];
                row.into_iter().chain([vlan_in, priority_out]).map(u64::from).collect::<Vec<_>>()
            })
            .collect();
        let columns = FLOW.map(|field| values(packet, field));
        let read: BTreeSet<_> =
            (0..columns[0].len()).map(|row| columns.iter().map(|column| column[row]).collect::<Vec<_>>()).collect();
        assert_eq!(read, expected);
    }
}

#[test]
fn tshark_reads_counters_up_to_the_port_name() {
    let settings = "polling=3 agent=192.0.2.1 host=off machines=off";
    let (capture, walked) = work("tshark-counters.pcap", settings, 0, false);
    let Some(packets) = tshark(&capture) else { return };
    let mut judged = 0;
    for (packet, datagram) in packets.iter().zip(&walked) {
        let Some(counters) = datagram.counters().next() else { continue };
        judged += 1;
        let (generic, _) = counters.port().unwrap();
        let fields =
            ["ifindex", "iftype", "ifspeed", "ifinoct", "ifinpkt", "ifinmcast", "ifindisc", "ifoutoct", "ifoutpkt"];
        let read = fields.map(|field| values(packet, &format!("sflow_245.{field}"))[0]);
        assert_eq!(read, [0, 1, 2, 5, 6, 7, 9, 12, 13].map(|field: usize| generic[field]));
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
