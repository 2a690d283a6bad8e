//! tcpdump: the structure of every datagram, and what it prints of the samples it knows.

use crate::walker::Sample;

use super::{run, work};

#[test]
fn tcpdump_reads_the_structure_of_every_datagram() {
    let (capture, walked) = work("tcpdump.pcap", "polling=20 agent=2001:db8::1", 0, true);
    let Some(text) = run("tcpdump", &["-vvnr"], &capture) else { return };
    assert!(!text.contains("[|"), "tcpdump found something cut short");
    let mut expected = Vec::new();
    for sample in walked.iter().flat_map(|datagram| &datagram.samples) {
        match sample {
            Sample::Flow(flow) => {
                expected.push(format!("flow {} {}", flow.sequence, flow.source.1));
                expected.push(format!("protocol {}", flow.frame.length));
                expected.push(format!("src {} {}", flow.frame.switch[0], flow.frame.switch[2]));
            }
            Sample::Counters(counters) => {
                expected.push(format!("counter {} {}", counters.sequence, counters.source.1));
                if let Some((generic, _)) = counters.port() {
                    expected.push(format!("In {} {}", generic[5], generic[7]));
                }
            }
            Sample::Discard(_) => {}
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
