//! Rules of section 5 that only a sequence of samples shows.

use std::collections::BTreeMap;

use heddle_sflow::agent::{PortReading, SflowAgent};
use heddle_sflow::datagram::{InterfaceCounters, DATAGRAM_MAX};

use crate::walker::{walk, Counters, Flow, Sample};
use crate::workload::{config, random_datagrams, sample};

fn flows(datagrams: &[Vec<u8>]) -> Vec<Flow> {
    let samples = datagrams.iter().flat_map(|datagram| walk(datagram).samples);
    samples.filter_map(|sample| if let Sample::Flow(flow) = sample { Some(flow) } else { None }).collect()
}

fn counters(datagrams: &[Vec<u8>]) -> Vec<Counters> {
    let samples = datagrams.iter().flat_map(|datagram| walk(datagram).samples);
    samples.filter_map(|sample| if let Sample::Counters(it) = sample { Some(it) } else { None }).collect()
}

#[test]
fn numbers_of_datagrams_and_of_each_source_have_no_gap_and_sizes_stay_below_the_mtu() {
    for seed in 0..20 {
        let datagrams = random_datagrams(seed, "polling=5 header=256");
        assert!(datagrams.len() > 100);
        let mut sources = BTreeMap::new();
        for (bytes, sequence) in datagrams.iter().zip(1..) {
            assert!(bytes.len() <= DATAGRAM_MAX, "{}", bytes.len());
            let datagram = walk(bytes);
            assert_eq!(datagram.sequence, sequence);
            for sample in datagram.samples {
                if let Sample::Flow(flow) = sample {
                    let before = sources.insert(flow.source, flow.sequence).unwrap_or(0);
                    assert_eq!(flow.sequence, before + 1);
                }
            }
        }
        assert_eq!(sources.len(), 8);
    }
}

#[test]
fn the_pool_of_a_port_is_the_sum_over_workers_and_history_before_the_first_sample_counts_little() {
    let mut agent = SflowAgent::new(&config("sampling=100"), 1);
    agent.add_port(4);
    let mut sent = Vec::new();
    // Worker, its own count of the port's frames, expected pool.
    let steps = [
        (0, 40, 40),
        (1, 1_000_000, 140),
        (0, 140, 240),
        (1, 1_000_300, 540),
        (0, 140, 540),
        (0, 7, 547), // the worker began anew
    ];
    for (worker, pool, _) in steps {
        let mut taken = sample(4);
        (taken.worker, taken.pool) = (worker, pool);
        agent.flow(&taken, 0, &mut |_| panic!("sent too early"));
    }
    agent.flush(0, &mut |datagram| {
        sent.push(datagram.to_vec());
        true
    });
    let flows = flows(&sent);
    assert_eq!(flows.iter().map(|flow| flow.pool).collect::<Vec<_>>(), steps.map(|step| step.2));
    assert_eq!(flows.iter().map(|flow| flow.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(flows.iter().all(|flow| flow.rate == 100 && flow.input == 4 && flow.source == 4));
}

#[test]
fn lost_samples_add_up_in_the_drops_of_their_source() {
    let mut agent = SflowAgent::new(&config("header=20"), 1);
    agent.add_port(4);
    agent.add_port(5);
    let mut sent = Vec::new();
    for (port, lost) in [(4, 2), (5, 0), (4, 3), (9, 1)] {
        let mut taken = sample(port);
        taken.lost = lost;
        agent.flow(&taken, 0, &mut |_| false);
    }
    agent.flush(0, &mut |datagram| {
        sent.push(datagram.to_vec());
        true
    });
    let flows = flows(&sent);
    assert_eq!(flows.iter().map(|flow| (flow.source, flow.drops)).collect::<Vec<_>>(), [(4, 2), (5, 0), (4, 5)]);
    assert!(flows.iter().all(|flow| flow.header.len() == 20 && flow.frame_length == 64 && flow.stripped == 4));
    let (counts, _) = agent.counts();
    assert_eq!((counts.flow_samples, counts.samples_dropped), (3, 7), "port 9 does not exist");
}

#[test]
fn counters_numbers_begin_anew_with_the_counters_and_with_the_port() {
    let mut agent = SflowAgent::new(&config("polling=1"), 1);
    agent.add_port(4);
    let mut sent = Vec::new();
    for (second, packets) in (1..).zip([1, 5, 5, 9, 3, 4]) {
        if second == 6 {
            agent.remove_port(4);
            agent.add_port(4);
        }
        let reading = InterfaceCounters { in_packets: packets, ..InterfaceCounters::default() };
        for tick in 0..10 {
            let read =
                |_: u32, found: &mut dyn FnMut(PortReading<'_>)| found(PortReading { counters: reading, name: b"p" });
            let now_ns = second * 1_000_000_000 + tick * 100_000_000;
            agent.poll(now_ns, read, &mut |datagram| {
                sent.push(datagram.to_vec());
                true
            });
        }
    }
    agent.flush(0, &mut |datagram| {
        sent.push(datagram.to_vec());
        true
    });
    let seen: Vec<_> = counters(&sent).iter().map(|sample| (sample.generic[6], sample.sequence)).collect();
    assert_eq!(seen, [(1, 1), (5, 2), (5, 3), (9, 4), (3, 1), (4, 1)]);
}

#[test]
fn a_port_beyond_24_bits_is_refused_not_cut_short() {
    let mut agent = SflowAgent::new(&config("polling=1"), 1);
    agent.add_port(0x0100_0004);
    agent.flow(&sample(0x0100_0004), 0, &mut |_| panic!("sent"));
    agent.poll(5_000_000_000, |_, _| panic!("read"), &mut |_| panic!("sent"));
    agent.flush(0, &mut |_| panic!("sent"));
    assert_eq!(agent.counts().0.samples_dropped, 1);
}

#[test]
fn a_port_the_host_no_longer_knows_is_passed_over() {
    let mut agent = SflowAgent::new(&config("polling=1"), 1);
    agent.add_port(4);
    for tick in 0..50 {
        agent.poll(tick * 100_000_000, |_, _| {}, &mut |_| panic!("sent"));
    }
    assert_eq!(agent.counts().0.counters_samples, 0);
}
