//! Rules of section 5 that only a sequence of samples shows.

use std::collections::BTreeMap;

use heddle_sflow::agent::{SflowAgent, TakenDrop, TakenHeader};
use heddle_sflow::datagram::{Encoding, InterfaceCounters, DATAGRAM_MAX};
use heddle_sflow::host_facts::HostFacts;

use crate::walker::{walk, Datagram, Flow, Record};
use crate::workload::{config, dropped, facts, random_datagrams, random_work, sample};

fn walked(datagrams: &[Vec<u8>]) -> Vec<Datagram> {
    datagrams.iter().map(|datagram| walk(datagram)).collect()
}

/// What the agent has sent when it is flushed.
fn flushed(agent: &mut SflowAgent) -> Vec<Datagram> {
    let mut sent = Vec::new();
    agent.flush(0, &mut |datagram| {
        sent.push(datagram.to_vec());
        true
    });
    walked(&sent)
}

#[test]
fn numbers_of_datagrams_and_of_each_source_have_no_gap_and_sizes_stay_below_the_mtu() {
    for (seed, base) in (0..20).zip([0, 0x0100_0000].into_iter().cycle()) {
        let datagrams = random_work(seed, "polling=5 header=256", base, true);
        assert!(datagrams.len() > 100);
        let (mut flows, mut counters, mut discards) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (bytes, sequence) in datagrams.iter().zip(1..) {
            assert!(bytes.len() <= DATAGRAM_MAX, "{}", bytes.len());
            let datagram = walk(bytes);
            assert_eq!(datagram.sequence, sequence);
            for flow in datagram.flows() {
                assert_eq!(flow.sequence, flows.insert(flow.source, flow.sequence).unwrap_or(0) + 1);
                assert_eq!(flow.expanded, base > 0);
            }
            for discard in datagram.discards() {
                assert_eq!(discard.sequence, discards.insert(discard.source, discard.sequence).unwrap_or(0) + 1);
            }
            for sample in datagram.counters() {
                counters.insert(sample.source, sample.sequence);
                assert_eq!(sample.expanded, base > 0);
            }
        }
        assert_eq!((flows.len(), discards.len()), (8, 8));
        // Eight ports, six machines, one host.
        assert_eq!(counters.len(), 15);
        assert!(counters.keys().all(|(class, index)| *class == 2 && *index == 1 || *index > base), "{counters:?}");
    }
}

#[test]
fn the_pool_of_a_port_is_the_sum_over_workers() {
    let mut agent = SflowAgent::new(&config("sampling=100"), 1);
    agent.port(4, facts("p"));
    // Worker, its own count of the port's frames, expected pool.
    let steps = [
        (0, 40, 40),
        (1, 100, 140),
        (0, 140, 240),
        (1, 400, 540),
        (0, 140, 540),
        (0, 7, 547), // the worker began anew
    ];
    for (worker, pool, _) in steps {
        let mut taken = sample(4);
        (taken.worker, taken.pool) = (worker, pool);
        agent.flow(&taken, 0, &mut |_| panic!("sent too early"));
    }
    let sent = flushed(&mut agent);
    let flows: Vec<_> = sent.iter().flat_map(Datagram::flows).collect();
    assert_eq!(flows.iter().map(|flow| flow.pool).collect::<Vec<_>>(), steps.map(|step| step.2));
    assert_eq!(flows.iter().map(|flow| flow.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(flows.iter().all(|flow| flow.rate == 100 && flow.input == (0, 4) && flow.source == (0, 4)));
}

#[test]
fn a_port_may_have_a_rate_and_a_header_length_of_its_own_also_after_it_was_renamed() {
    let mut agent = SflowAgent::new(&config("sampling=100 header=50 sampling.vm1=7 header.vm1=20"), 1);
    assert_eq!([agent.port(1, facts("vm1")), agent.port(2, facts("vm2"))], [7, 100]);
    for port in [1, 2] {
        agent.flow(&sample(port), 0, &mut |_| panic!("sent too early"));
    }
    assert_eq!([agent.port(1, facts("vm2")), agent.port(2, facts("vm1"))], [100, 7]);
    agent.discard(&dropped(1), 0, &mut |_| panic!("sent too early"));
    let sent = flushed(&mut agent);
    let read: Vec<_> =
        sent.iter().flat_map(Datagram::flows).map(|flow| (flow.source.1, flow.rate, flow.frame.header.len())).collect();
    assert_eq!(read, [(1, 7, 20), (2, 100, 50)]);
    let frame = sent[1].discards().next().unwrap().frame.as_ref().unwrap();
    assert_eq!((frame.header.len(), frame.length), (50, 64));
}

#[test]
fn new_settings_hold_at_once_and_numbers_go_on() {
    let mut agent = SflowAgent::new(&config("sampling=100 polling=86400 header=64"), 1);
    agent.port(4, facts("p"));
    agent.port(5, facts("q"));
    let step = |agent: &mut SflowAgent, now_s: u64| {
        let (now_ns, mut sent) = (now_s * 1_000_000_000, Vec::new());
        let mut send = |datagram: &[u8]| {
            sent.push(datagram.to_vec());
            true
        };
        agent.flow(&sample(4), now_ns, &mut send);
        agent.poll(now_ns, |_| Some(InterfaceCounters::default()), HostFacts::default, &mut send);
        agent.flush(now_ns, &mut send);
        walked(&sent)
    };
    let before = step(&mut agent, 1);
    assert_eq!(before.iter().flat_map(Datagram::counters).count(), 0, "a day has not passed");

    agent.reconfigure(&config("sampling=7 polling=1 header=20 sampling.q=3 host=off machines=off agent=192.0.2.77"));
    assert_eq!(agent.rates().collect::<Vec<_>>(), [(4, 7), (5, 3)]);
    let after: Vec<_> = [2, 3, 4].into_iter().flat_map(|now_s| step(&mut agent, now_s)).collect();
    let told = |flow: &Flow| (flow.sequence, flow.rate, flow.frame.header.len());
    let flows: Vec<_> = before.iter().chain(&after).flat_map(Datagram::flows).map(told).collect();
    assert_eq!(flows, [(1, 100, 60), (2, 7, 20), (3, 7, 20), (4, 7, 20)]);
    let counted: BTreeMap<_, _> =
        after.iter().flat_map(Datagram::counters).map(|one| (one.source, one.sequence)).collect();
    assert!(counted.keys().eq(&[(0, 4), (0, 5)]) && counted.values().all(|last| *last >= 2), "{counted:?}");
    assert_eq!(before[0].agent, after[0].agent, "its address is read when it is made, only");
}

#[test]
fn lost_samples_add_up_in_the_drops_of_their_source() {
    let mut agent = SflowAgent::new(&config("header=20"), 1);
    agent.port(4, facts("four"));
    agent.port(5, facts("five"));
    for (port, lost) in [(4, 2), (5, 0), (4, 3), (9, 1)] {
        let mut taken = sample(port);
        taken.lost = lost;
        agent.flow(&taken, 0, &mut |_| false);
    }
    let sent = flushed(&mut agent);
    let flows: Vec<_> = sent.iter().flat_map(Datagram::flows).collect();
    assert_eq!(flows.iter().map(|flow| (flow.source.1, flow.drops)).collect::<Vec<_>>(), [(4, 2), (5, 0), (4, 5)]);
    let frames = flows.iter().map(|flow| &flow.frame);
    assert!(frames.into_iter().all(|frame| frame.header.len() == 20 && frame.length == 64 && frame.stripped == 4));
    let (counts, _) = agent.counts();
    assert_eq!((counts.flow_samples, counts.samples_dropped), (3, 7), "port 9 does not exist");
}

#[test]
fn discards_belong_to_the_port_they_came_from_or_else_to_the_one_they_were_for() {
    let mut agent = SflowAgent::new(&config(""), 1);
    agent.port(4, facts("four"));
    agent.port(5, facts("five"));
    let gone = TakenHeader::new(0, &[]);
    let cases = [
        (Some(4), None, 3),
        (Some(4), Some(5), 0),
        (None, Some(5), 2),
        (Some(9), Some(5), 0), // port 9 is gone
        (Some(9), None, 1),    // and there is nothing else
        (Some(4), None, 0),
    ];
    for (input, output, withheld) in cases {
        let taken = TakenDrop { input, output, withheld, ..dropped(0) };
        agent.discard(&taken, 0, &mut |_| panic!("sent too early"));
    }
    agent.discard(&TakenDrop { frame: gone, ..dropped(5) }, 0, &mut |_| panic!("sent too early"));
    let sent = flushed(&mut agent);
    let discards: Vec<_> = sent.iter().flat_map(Datagram::discards).collect();
    let read: Vec<_> = discards.iter().map(|it| (it.source, it.sequence, it.input, it.output, it.drops)).collect();
    assert_eq!(
        read,
        [
            ((0, 4), 1, 4, 0, 3),
            ((0, 4), 2, 4, 5, 3),
            ((0, 5), 1, 0, 5, 5),
            ((0, 5), 2, 9, 5, 5),
            ((0, 4), 3, 4, 0, 7),
            ((0, 5), 3, 5, 0, 7),
        ]
    );
    assert!(discards.iter().all(|it| it.reason == 267));
    assert_eq!(discards.iter().filter(|it| it.frame.is_none()).count(), 1);
    let (counts, _) = agent.counts();
    assert_eq!((counts.discards, counts.discards_withheld), (6, 7));
}

#[test]
fn counters_numbers_begin_anew_with_the_counters_and_with_the_port() {
    let mut agent = SflowAgent::new(&config("polling=1 host=off machines=off"), 1);
    agent.port(4, facts("p"));
    let mut sent = Vec::new();
    for (second, packets) in (1..).zip([1, 5, 5, 9, 3, 4]) {
        if second == 6 {
            agent.remove_port(4);
            agent.port(4, facts("p"));
        }
        let reading = InterfaceCounters { in_packets: packets, ..InterfaceCounters::default() };
        for tick in 0..10 {
            let now_ns = second * 1_000_000_000 + tick * 100_000_000;
            agent.poll(now_ns, |_| Some(reading), HostFacts::default, &mut |datagram| {
                sent.push(datagram.to_vec());
                true
            });
        }
    }
    let mut sent = walked(&sent);
    sent.extend(flushed(&mut agent));
    let samples = sent.iter().flat_map(Datagram::counters);
    let seen: Vec<_> = samples.map(|sample| (sample.port().unwrap().0[6], sample.sequence)).collect();
    assert_eq!(seen, [(1, 1), (5, 2), (5, 3), (9, 4), (3, 1), (4, 1)]);
}

#[test]
fn a_machine_is_described_by_its_port_and_what_the_switch_sends_is_what_it_receives() {
    let mut agent = SflowAgent::new(&config("polling=1"), 1);
    agent.port(4, facts("vm-four"));
    let mut uplink = facts("up");
    uplink.machine = false;
    agent.port(1, uplink);
    let counters = InterfaceCounters {
        in_octets: 100,
        in_packets: 2,
        in_discards: 1,
        out_octets: 900,
        out_packets: 9,
        out_discards: 3,
        ..InterfaceCounters::default()
    };
    let host = HostFacts { hostname: "h".to_owned(), release: "6.1".to_owned(), ..HostFacts::default() };
    let mut sent = Vec::new();
    for tick in 1..=10 {
        agent.poll(tick * 100_000_000, |_| Some(counters), || host.clone(), &mut |datagram| {
            sent.push(datagram.to_vec());
            true
        });
    }
    let mut sent = walked(&sent);
    sent.extend(flushed(&mut agent));
    let of = |source| sent.iter().flat_map(Datagram::counters).find(|sample| sample.source == source).unwrap();
    let unknown = u64::from(u32::MAX);
    assert_eq!(
        of((3, 4)).records,
        [
            Record::Description {
                hostname: "vm-four".into(),
                uuid: [0; 16],
                machine: 0,
                os: 0,
                release: String::new()
            },
            Record::Adapters(vec![(4, [2, 0, 0, 0, 0, 1])]),
            Record::Parent(2, 1),
            Record::VirtualNic([900, 9, unknown, 3, 100, 2, unknown, 1]),
        ]
    );
    let records = &of((2, 1)).records;
    assert!(matches!(&records[0], Record::Description { hostname, os: 2, .. } if hostname == "h"));
    assert_eq!(records[1], Record::Adapters(vec![(1, [2, 0, 0, 0, 0, 1])]), "the uplink is the host's own");
    assert!(matches!(records[4], Record::Node([.., 1])), "one machine: {records:?}");
}

#[test]
fn a_port_beyond_24_bits_makes_all_samples_expanded_from_then_on() {
    let mut agent = SflowAgent::new(&config("polling=0"), 1);
    agent.port(4, facts("four"));
    agent.flow(&sample(4), 0, &mut |_| panic!("sent"));
    assert!(flushed(&mut agent)[0].flows().all(|flow| !flow.expanded));
    agent.port(0x0100_0004, facts("new"));
    assert_eq!(agent.encoding(), Encoding::Expanded);
    agent.flow(&sample(0x0100_0004), 0, &mut |_| panic!("sent"));
    agent.flow(&sample(4), 0, &mut |_| panic!("sent"));
    agent.remove_port(0x0100_0004);
    agent.flow(&sample(4), 0, &mut |_| panic!("sent"));
    let sent = flushed(&mut agent);
    let read: Vec<_> = sent[0].flows().map(|flow| (flow.expanded, flow.source, flow.sequence)).collect();
    assert_eq!(read, [(true, (0, 0x0100_0004), 1), (true, (0, 4), 2), (true, (0, 4), 3)]);
}

#[test]
fn a_port_the_host_no_longer_knows_is_passed_over() {
    let mut agent = SflowAgent::new(&config("polling=1 host=off"), 1);
    agent.port(4, facts("four"));
    for tick in 0..50 {
        agent.poll(tick * 100_000_000, |_| None, HostFacts::default, &mut |_| panic!("sent"));
    }
    assert_eq!(agent.counts().0.counters_samples, 0);
}

#[test]
fn without_settings_for_them_there_are_no_discards_hosts_or_machines() {
    let datagrams = random_datagrams(3, "polling=5 host=off machines=off");
    let sources: Vec<_> =
        walked(&datagrams).iter().flat_map(Datagram::counters).map(|sample| sample.source.0).collect();
    assert!(!sources.is_empty() && sources.iter().all(|class| *class == 0));
}
