//! The extension through its exported tables, on a host of the test's own.

use heddle_extension_api::abi::control::{EVENT_PORT_CREATE, EVENT_PORT_DELETE, EVENT_SWITCH_DELETE};
use heddle_sflow::datagram::DATAGRAM_MAX;
use heddle_sflow::worker::QUEUE_SAMPLES;

use crate::host::{port, sample, FakeHost, Running};
use crate::walker::{walk, Sample};

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

fn walked(host: &FakeHost) -> Vec<Sample> {
    host.datagrams().iter().flat_map(|datagram| walk(datagram).samples).collect()
}

#[test]
fn a_sample_reaches_the_collector_with_its_fate() {
    let host = host_with_ports([1, 2, 3]);
    let running = start(&host, "collector=192.0.2.9:7000\nsampling=64\nheader=16\nagent=192.0.2.1\npolling=0\n");
    let worker = running.worker(0);
    let frame: Vec<u8> = (0..60).collect();
    let forwarded = heddle_extension_api::abi::sampling::Sample {
        source_vlan: 0x200A,
        destination_vlan: 0x0014,
        pool: 60,
        ..sample(1, &frame, &[2])
    };
    worker.sampled(&forwarded);
    worker.sampled(&sample(1, &frame[..14], &[2, 3]));
    for drop_reason in [1, 7, 12, 14, 23, 64, 500, 20] {
        worker.sampled(&heddle_extension_api::abi::sampling::Sample { drop_reason, ..sample(2, &frame, &[]) });
    }
    worker.sampled(&sample(0, &frame, &[2]));
    running.tick(5 * SECOND);
    assert!(host.sent.borrow().is_empty(), "sent without waiting for company");
    running.tick(5 * SECOND + 500_000_000);
    assert!(host.sent.borrow().iter().all(|(address, _)| address == "192.0.2.9:7000"));
    let flows: Vec<_> = walked(&host)
        .into_iter()
        .map(|sample| match sample {
            Sample::Flow(flow) => flow,
            Sample::Counters(_) => panic!("counters without polling"),
        })
        .collect();
    assert_eq!((flows[0].source, flows[0].rate, flows[0].pool, flows[0].output), (1, 64, 60, 2));
    assert_eq!((flows[0].frame_length, &flows[0].header[..]), (64, &frame[..16]));
    assert_eq!(flows[0].switch, [10, 1, 20, 0]);
    assert_eq!((flows[1].output, flows[1].header.len()), (0x8000_0002, 14));
    let reasons: Vec<_> = flows[2..].iter().map(|flow| flow.output ^ 0x4000_0000).collect();
    assert_eq!(reasons, [267, 301, 262, 259, 258, 258, 258, 256]);
    assert_eq!((host.counter("flow_samples"), host.counter("datagrams")), (10, 1));
    assert_eq!(host.counter("samples_dropped"), 0);
    running.end_worker(worker);
}

#[test]
fn the_skips_of_a_worker_have_the_rate_as_their_mean_and_workers_differ() {
    let host = host_with_ports([]);
    let running = start(&host, "collector=192.0.2.9\nsampling=100");
    let workers = [running.worker(0), running.worker(1)];
    let skips = workers.map(|worker| (0..10_000).map(|_| worker.next_skip()).collect::<Vec<_>>());
    for skips in &skips {
        let mean = f64::from(skips.iter().sum::<u32>()) / 10_000.0 + 1.0;
        assert!((98.0..102.0).contains(&mean), "{mean}");
    }
    assert_ne!(skips[0], skips[1]);
    workers.into_iter().for_each(|worker| running.end_worker(worker));

    let off = start(&host, "collector=192.0.2.9\nsampling=0");
    let worker = off.worker(0);
    assert_eq!(worker.next_skip(), u32::MAX);
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
    let counts = |samples: &[Sample], port: u32| {
        samples.iter().filter(|sample| matches!(sample, Sample::Counters(it) if it.source == port)).count()
    };
    for port in 1..=40 {
        let both = counts(&first, port) + counts(&second, port);
        match port {
            7 | 8 => assert!(both <= 2, "port {port}: {both}"),
            _ => assert!((3..=4).contains(&both), "port {port}: {both}"),
        }
    }
    let Some(Sample::Counters(sample)) = first.iter().find(|sample| matches!(sample, Sample::Counters(_))) else {
        panic!("no counters")
    };
    let port = u64::from(sample.source);
    let unknown = u64::from(u32::MAX);
    let generic = [port, 6, 10_000_000_000, 1, 3, 6_400, 93, 3, 4, 1, unknown, unknown, 3_200, 39, 5, 6, 2, unknown, 0];
    assert_eq!(sample.generic, generic);
    assert_eq!(sample.name, format!("vm{port}").into_bytes());
    assert_eq!(host.counter("counter_samples"), u64::try_from(first.len() + second.len()).unwrap());
}

#[test]
fn a_full_queue_and_a_refusing_host_lose_samples_by_count_never_by_silence() {
    let host = host_with_ports([1]);
    let running = start(&host, "collector=192.0.2.9\npolling=0\nheader=256");
    let worker = running.worker(0);
    let frame = [0; 256];
    let total = QUEUE_SAMPLES + 50;
    (0..total).for_each(|_| worker.sampled(&sample(1, &frame, &[1])));
    host.room.set(3);
    running.tick(SECOND);
    worker.sampled(&sample(1, &frame, &[1]));
    host.room.set(usize::MAX);
    running.tick(2 * SECOND);
    let datagrams = host.datagrams();
    assert!(datagrams.iter().all(|datagram| datagram.len() <= DATAGRAM_MAX));
    assert_eq!(host.counter("flow_samples"), u64::try_from(QUEUE_SAMPLES + 1).unwrap());
    assert_eq!(host.counter("samples_dropped"), 50, "dropped for a full queue");
    assert_eq!(host.counter("datagrams"), u64::try_from(datagrams.len()).unwrap());
    let refused = host.counter("datagrams_dropped");
    assert!(refused > 100, "{refused}");
    let last = walk(datagrams.last().unwrap());
    assert_eq!(u64::from(last.sequence), host.counter("datagrams") + refused, "the collector sees the gap");
    let Some(Sample::Flow(flow)) = last.samples.last() else { panic!("no flow") };
    assert_eq!((flow.sequence, flow.drops), (u32::try_from(QUEUE_SAMPLES + 1).unwrap(), 50));
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
    let settings = "collector=10.0.0.1:6343 sampling=400 polling=30 header=128 agent=127.0.0.1 sub_agent=0";
    assert_eq!(*host.log.borrow(), [settings]);
    drop(running);
}
