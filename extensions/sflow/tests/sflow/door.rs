//! The extension through its exported tables, on a host of the test's own.

use heddle_extension_api::abi::control::{
    EVENT_PORT_CREATE, EVENT_PORT_DELETE, EVENT_PORT_UPDATED, EVENT_SWITCH_DELETE,
};
use heddle_extension_api::abi::drops::Dropped as AbiDropped;
use heddle_extension_api::abi::sampling::Sample as AbiSample;
use heddle_sflow::datagram::DATAGRAM_MAX;
use heddle_sflow::worker::QUEUE_SAMPLES;

use crate::host::{dropped, port, sample, FakeHost, Running};
use crate::walker::{walk, Counters, Datagram, Flow, Record};

const SECOND: u64 = 1_000_000_000;

fn host_with_ports(numbers: impl IntoIterator<Item = u32>) -> FakeHost {
    let host = FakeHost::default();
    let ports = numbers.into_iter().map(|number| (number, port(number, &format!("vm{number}"))));
    host.ports.borrow_mut().extend(ports);
    host
}

fn start<'a>(host: &'a FakeHost, config: &str) -> Running<'a> {
    let running = Running::create(host, config).unwrap();
    let numbers: Vec<u32> = host.ports.borrow().keys().copied().collect();
    numbers.iter().for_each(|number| running.event(EVENT_PORT_CREATE, *number));
    running
}

fn walked(host: &FakeHost) -> Vec<Datagram> {
    host.datagrams().iter().map(|datagram| walk(datagram)).collect()
}

fn flows(datagrams: &[Datagram]) -> Vec<&Flow> {
    datagrams.iter().flat_map(Datagram::flows).collect()
}

#[test]
fn a_sample_reaches_every_collector_with_its_fate() {
    let host = host_with_ports([1, 2, 3]);
    let config = "collector=192.0.2.9:7000,[2001:db8::9]\nsampling=64\nheader=16\nagent=192.0.2.1\npolling=0\n";
    let running = start(&host, config);
    let worker = running.worker(0);
    let first = u64::from(worker.next_skip_of(1)) + 1;
    let frame: Vec<u8> = (0..60).collect();
    let forwarded =
        AbiSample { source_vlan: 0x200A, destination_vlan: 0x0014, pool: 5_000 + first, ..sample(1, &frame, &[2]) };
    worker.sampled(&forwarded);
    worker.sampled(&AbiSample { pool: 5_000 + first + 64, ..sample(1, &frame[..14], &[2, 3]) });
    for drop_reason in [1, 7, 12, 14, 23, 64, 500, 20] {
        worker.sampled(&AbiSample { drop_reason, ..sample(2, &frame, &[]) });
    }
    worker.sampled(&sample(0, &frame, &[2]));
    running.tick(5 * SECOND);
    assert!(host.sent.borrow().is_empty(), "sent without waiting for company");
    running.tick(5 * SECOND + 500_000_000);
    let sent: Vec<_> = host.sent.borrow_mut().drain(..).collect();
    assert_eq!(sent.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["192.0.2.9:7000", "[2001:db8::9]:6343"]);
    assert_eq!(sent[0].1, sent[1].1);
    let datagrams = [walk(&sent[0].1)];
    let flows = flows(&datagrams);
    assert_eq!((flows[0].source, flows[0].rate, flows[0].output), ((0, 1), 64, (0, 2)));
    assert_eq!(
        (u64::from(flows[0].pool), u64::from(flows[1].pool)),
        (first, first + 64),
        "not what was before it began"
    );
    assert_eq!((flows[0].frame.length, &flows[0].frame.header[..]), (64, &frame[..16]));
    assert_eq!(flows[0].frame.switch, [10, 1, 20, 0]);
    assert_eq!((flows[1].output, flows[1].frame.header.len()), ((2, 2), 14));
    assert!(flows[2..].iter().all(|flow| flow.output.0 == 1));
    let reasons: Vec<_> = flows[2..].iter().map(|flow| flow.output.1).collect();
    assert_eq!(reasons, [267, 301, 262, 259, 258, 258, 258, 256]);
    assert_eq!((host.counter("flow_samples"), host.counter("datagrams")), (10, 1));
    assert_eq!((host.counter("collector1_sent"), host.counter("collector2_sent")), (1, 1));
    assert_eq!(host.counter("samples_dropped"), 0);
    running.end_worker(worker);
}

#[test]
fn the_skips_of_a_port_have_its_rate_as_their_mean_and_workers_differ() {
    let host = host_with_ports([1, 2, 3]);
    let running = start(&host, "collector=192.0.2.9\nsampling=100\nsampling.vm2=10\nsampling.vm3=0");
    let workers = [running.worker(0), running.worker(1)];
    for (port, rate) in [(1, 100.0), (2, 10.0), (9, 100.0)] {
        let skips = workers.map(|worker| (0..10_000).map(|_| worker.next_skip_of(port)).collect::<Vec<_>>());
        for skips in &skips {
            let mean = f64::from(skips.iter().sum::<u32>()) / 10_000.0 + 1.0;
            assert!((rate * 0.98..rate * 1.02).contains(&mean), "port {port}: {mean}");
        }
        assert_ne!(skips[0], skips[1]);
    }
    assert_eq!(workers[0].next_skip_of(3), u32::MAX);
    assert!(workers[0].next_skip() < 200, "a host that does not ask by port gets the general rate");
    // A new name is a new rate.
    host.ports.borrow_mut().insert(3, port(3, "vm2"));
    running.event(EVENT_PORT_UPDATED, 3);
    assert!((0..100).all(|_| workers[0].next_skip_of(3) < 19));
    workers.into_iter().for_each(|worker| running.end_worker(worker));

    let off = start(&host, "collector=192.0.2.9\nsampling=0");
    let worker = off.worker(0);
    assert_eq!((worker.next_skip(), worker.next_skip_of(1)), (u32::MAX, u32::MAX));
    off.end_worker(worker);
}

#[test]
fn drops_are_told_up_to_the_limit_and_the_others_counted() {
    let host = host_with_ports([1, 2]);
    let running = start(&host, "collector=192.0.2.9\npolling=0\ndrops=20\nheader=32");
    let worker = running.worker(0);
    let frame = [7; 60];
    assert_eq!(worker.wanted(), 0, "nothing before the first tick");
    running.tick(10 * SECOND);
    assert_eq!(worker.wanted(), 20);
    for number in 0..25_u64 {
        let reason = if number % 2 == 0 { 1 } else { 14 };
        worker.dropped(&AbiDropped { drop_reason: reason, vlan: 0x6007, withheld: number % 3, ..dropped(1, &frame) });
    }
    worker.dropped(&AbiDropped { destination_port: 2, ..dropped(1, &[]) });
    running.tick(11 * SECOND);
    worker.dropped(&AbiDropped { destination_port: 2, source_port: 0, drop_reason: 7, ..dropped(1, &frame) });
    running.tick(12 * SECOND);
    running.tick(13 * SECOND);
    let datagrams = walked(&host);
    let discards: Vec<_> = datagrams.iter().flat_map(Datagram::discards).collect();
    assert_eq!(discards.len(), 21);
    let first = discards[0].frame.as_ref().unwrap();
    assert_eq!((first.header.len(), first.length, first.switch), (32, 64, [7, 3, 0, 0]));
    assert_eq!((discards[0].reason, discards[1].reason), (267, 259));
    let last = discards.last().unwrap();
    assert_eq!((last.source, last.input, last.output, last.reason), ((0, 2), 0, 2, 301));
    // 24 withheld by the core, 6 for the limit.
    assert_eq!(last.drops, 30);
    assert_eq!((host.counter("discards"), host.counter("discards_withheld")), (21, 30));
    running.end_worker(worker);

    let off = start(&host, "collector=192.0.2.9");
    let worker = off.worker(0);
    off.tick(SECOND);
    assert_eq!(worker.wanted(), 0, "off unless asked for");
    off.end_worker(worker);
}

#[test]
fn counters_of_every_port_arrive_within_the_interval_until_the_port_is_gone() {
    let host = host_with_ports(1..=40);
    let running = start(&host, "collector=[2001:db8::9]\npolling=2\n");
    for tick in 0..=20 {
        running.tick(SECOND + tick * SECOND / 10);
    }
    let first = walked(&host);
    running.event(EVENT_PORT_DELETE, 7);
    host.ports.borrow_mut().remove(&8);
    for tick in 21..=60 {
        running.tick(SECOND + tick * SECOND / 10);
    }
    running.event(EVENT_SWITCH_DELETE, 0);
    let second = walked(&host);
    let all: Vec<&Counters> = first.iter().chain(&second).flat_map(Datagram::counters).collect();
    for source in (1..=40).flat_map(|port| [(0, port), (3, port)]).chain([(2, 1)]) {
        let count = all.iter().filter(|sample| sample.source == source).count();
        match source {
            (_, 7 | 8) => assert!(count <= 2, "{source:?}: {count}"),
            _ => assert!((3..=4).contains(&count), "{source:?}: {count}"),
        }
    }
    let sample = all.iter().find(|sample| sample.source.0 == 0).unwrap();
    let port = u64::from(sample.source.1);
    let unknown = u64::from(u32::MAX);
    let generic = [port, 6, 10_000_000_000, 1, 3, 6_400, 93, 3, 4, 1, unknown, unknown, 3_200, 39, 5, 6, 2, unknown, 0];
    assert_eq!(sample.port().unwrap(), (&generic, format!("vm{port}").as_bytes()));
    let machine = all.iter().find(|sample| sample.source == (3, sample.source.1) && sample.source.0 == 3).unwrap();
    assert_eq!(machine.records[3], Record::VirtualNic([3_200, 50, unknown, 2, 6_400, 100, unknown, 1]));
    assert_eq!(host.counter("counter_samples"), u64::try_from(all.len()).unwrap());
}

#[test]
fn vlans_are_counted_when_asked_for() {
    for (setting, expected) in [("on", 1..=3), ("off", 0..=0)] {
        let host = host_with_ports([]);
        let running = start(&host, &format!("collector=192.0.2.9\npolling=1\nhost=off\nvlans={setting}"));
        (0..=25).for_each(|tick| running.tick(SECOND + tick * SECOND / 10));
        running.event(EVENT_SWITCH_DELETE, 0);
        let datagrams = walked(&host);
        let samples: Vec<&Counters> = datagrams.iter().flat_map(Datagram::counters).collect();
        assert!(expected.contains(&samples.len()), "{setting}: {samples:?}");
        for (sample, number) in samples.iter().zip(1..) {
            assert_eq!((sample.source, sample.sequence), ((1, 7), number));
            assert_eq!(sample.records, [Record::Vlan([7, 6_400, 93, 3, 4, 5])]);
        }
    }
}

#[test]
fn a_full_queue_and_a_refusing_host_lose_samples_by_count_never_by_silence() {
    let host = host_with_ports([1]);
    let running = start(&host, "collector=192.0.2.9\npolling=0\nheader=256");
    let worker = running.worker(0);
    let frame = [0; 256];
    let long = AbiSample { frame_length: 1_000, ..sample(1, &frame, &[1]) };
    let total = QUEUE_SAMPLES + 50;
    (0..total).for_each(|_| worker.sampled(&long));
    host.room.set(3);
    running.tick(SECOND);
    worker.sampled(&long);
    host.room.set(usize::MAX);
    running.tick(2 * SECOND);
    let datagrams = host.datagrams();
    assert!(datagrams.iter().all(|datagram| datagram.len() <= DATAGRAM_MAX));
    assert_eq!(host.counter("flow_samples"), u64::try_from(QUEUE_SAMPLES + 1).unwrap());
    assert_eq!(host.counter("samples_dropped"), 50, "dropped for a full queue");
    assert_eq!(host.counter("datagrams"), u64::try_from(datagrams.len()).unwrap());
    let refused = host.counter("datagrams_dropped");
    assert!(refused > 100, "{refused}");
    assert_eq!(
        (host.counter("collector1_dropped"), host.counter("collector1_sent")),
        (refused, host.counter("datagrams"))
    );
    let last = walk(datagrams.last().unwrap());
    assert_eq!(u64::from(last.sequence), host.counter("datagrams") + refused, "the collector sees the gap");
    let flow = last.flows().last().unwrap();
    assert_eq!((flow.sequence, flow.drops), (u32::try_from(QUEUE_SAMPLES + 1).unwrap(), 50));
    running.end_worker(worker);
}

#[test]
fn a_collector_that_fails_is_counted_and_said_once_and_again_when_it_is_back() {
    let host = host_with_ports([]);
    host.counts.set(true);
    let running = start(&host, "collector=192.0.2.9\nhost=off");
    running.tick(SECOND);
    assert_eq!((host.counter("collector1_sent"), host.counter("collector1_failed")), (7, 0));
    for (second, failed) in (2..).zip([1, 2, 3]) {
        host.failed.set(failed);
        running.tick(second * SECOND);
        assert_eq!(host.counter("collector1_failed"), failed);
    }
    (5..50).for_each(|second| running.tick(second * SECOND));
    let log = host.log.borrow();
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log[1].starts_with("collector 1 (192.0.2.9:6343) does not take datagrams"), "{log:?}");
    assert_eq!(log[2], "collector 1 (192.0.2.9:6343) takes datagrams again");
}

#[test]
fn a_large_port_id_is_told_in_the_log_and_what_waits_leaves_first() {
    let host = host_with_ports([1]);
    let running = start(&host, "collector=192.0.2.9\npolling=0");
    let worker = running.worker(0);
    worker.sampled(&sample(1, &[0; 60], &[1]));
    running.tick(SECOND);
    host.ports.borrow_mut().insert(0x0100_0001, port(0x0100_0001, "late"));
    running.event(EVENT_PORT_CREATE, 0x0100_0001);
    assert!(host.log.borrow().last().unwrap().contains("expanded"));
    assert!(flows(&walked(&host)).iter().all(|flow| !flow.expanded));
    worker.sampled(&sample(1, &[0; 60], &[0x0100_0001]));
    running.event(EVENT_SWITCH_DELETE, 0);
    let datagrams = walked(&host);
    assert_eq!(flows(&datagrams)[0].output, (0, 0x0100_0001));
    assert!(flows(&datagrams).iter().all(|flow| flow.expanded && flow.sequence == 2));
    running.end_worker(worker);
}

#[test]
fn a_bad_configuration_refuses_the_enable_with_its_reason() {
    let host = host_with_ports([]);
    let refusal = |config| Running::create(&host, config).err().unwrap();
    assert_eq!(refusal(""), "`collector` is missing; add a line collector=VALUE");
    assert!(refusal("collector=10.0.0.1\nheader=9").starts_with("header=9: give a whole number from 14 to 256"));
    assert!(refusal("collector=10.0.0.1\nsampel=9").ends_with("did you mean `sampling`?"));
    let running = start(&host, "collector=10.0.0.1");
    let settings = "collector=10.0.0.1:6343 sampling=400 polling=30 header=128 drops=0 agent=127.0.0.1 sub_agent=0 \
                    host=on machines=on vlans=off";
    assert_eq!(*host.log.borrow(), [settings]);
    drop(running);
}
