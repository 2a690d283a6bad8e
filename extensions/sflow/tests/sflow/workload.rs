//! Seeded random ports and frames for the agent, and what it sent.

use heddle_sflow::agent::{PortFacts, SflowAgent, TakenDrop, TakenHeader, TakenSample};
use heddle_sflow::config::Config;
use heddle_sflow::datagram::{
    Cpu, DiscardReason, ExtendedSwitch, IfIndex, Interface, InterfaceCounters, Memory, VlanCounts,
};
use heddle_sflow::discard::discard_reason;
use heddle_sflow::host_facts::HostFacts;
use heddle_sflow::sampler::Random;

/// Settings from words `key=value`.
pub(crate) fn config(text: &str) -> Config {
    let text = format!("collector=192.0.2.9\n{}", text.replace(' ', "\n"));
    Config::try_from(&heddle_extension_api::Config::new(&text).unwrap()).unwrap()
}

/// A sample of 1 in so many frames, with everything at its plainest.
pub(crate) fn sample(port: u32) -> TakenSample {
    TakenSample {
        worker: 0,
        port,
        output: Interface::Unknown,
        switch: ExtendedSwitch::default(),
        pool: 0,
        lost: 0,
        frame: TakenHeader::new(60, &[0x5A; 60]),
    }
}

/// A dropped frame of 60 bytes on its way from `input`.
pub(crate) fn dropped(input: u32) -> TakenDrop {
    TakenDrop {
        input: Some(input),
        output: None,
        reason: DiscardReason::PORT_LIST_EMPTY,
        switch: ExtendedSwitch::default(),
        withheld: 0,
        frame: TakenHeader::new(60, &[0x5A; 60]),
    }
}

/// What is known of a port with a virtual machine.
pub(crate) fn facts(name: &str) -> PortFacts {
    PortFacts { name: name.to_owned(), mac: Some([2, 0, 0, 0, 0, 1]), machine: true }
}

fn below(random: &mut Random, limit: u64) -> u32 {
    u32::try_from(random.draw() % limit).unwrap()
}

/// First bytes of a frame: IPv4 in Ethernet, so that decoders that look inside find something they know.
fn random_frame(random: &mut Random) -> TakenHeader {
    let mut header = [0; 256];
    header[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    header[14..34].copy_from_slice(&[0x45, 0, 0, 100, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    header[34..].fill_with(|| random.draw().to_be_bytes()[0]);
    let length = 14 + below(random, 9_000);
    let kept = (14 + below(random, 243)).min(length) as usize;
    TakenHeader::new(length, &header[..kept])
}

fn random_switch(random: &mut Random) -> ExtendedSwitch {
    let [one, other] = [0; 2].map(|_: u8| u16::try_from(below(random, 65_536)).unwrap());
    ExtendedSwitch::from_tci(one, other)
}

fn random_reason(random: &mut Random) -> DiscardReason {
    discard_reason(u16::try_from(below(random, 70)).unwrap())
}

fn random_sample(random: &mut Random, base: u32) -> TakenSample {
    let output = match below(random, 4) {
        0 => Interface::Index(IfIndex::new(base + 1 + below(random, 8)).unwrap()),
        1 => Interface::Multiple(below(random, 300)),
        2 => Interface::Discarded(random_reason(random)),
        _ => Interface::Internal,
    };
    TakenSample {
        worker: below(random, 3),
        port: base + 1 + below(random, 8),
        output,
        switch: random_switch(random),
        pool: random.draw() % 1_000_000,
        lost: below(random, 3),
        frame: random_frame(random),
    }
}

fn random_drop(random: &mut Random, base: u32) -> TakenDrop {
    let frame = if below(random, 4) == 0 { TakenHeader::new(0, &[]) } else { random_frame(random) };
    let [input, output] = [0; 2].map(|_: u8| below(random, 9)).map(|port| (port > 0).then_some(base + port));
    TakenDrop {
        input: input.or(Some(base + 1)).filter(|_| output.is_none() || below(random, 2) == 0),
        output,
        reason: random_reason(random),
        switch: random_switch(random),
        withheld: u64::from(below(random, 5)),
        frame,
    }
}

fn random_host(random: &mut Random) -> HostFacts {
    let mut uuid = [0; 16];
    uuid.fill_with(|| random.draw().to_be_bytes()[0]);
    HostFacts {
        hostname: "host-1.example".chars().take(below(random, 15) as usize).collect(),
        uuid,
        release: "6.1.0-heddle".to_owned(),
        cpu: Cpu {
            load: [0.25, 1.5, 2.0],
            processes: [below(random, 9), below(random, 900)],
            processors: below(random, 64),
            mhz: below(random, 5_000),
            uptime_s: below(random, 1_000_000),
            times_ms: [0; 7].map(|_: u8| random.draw() >> 20),
            counts: [0; 2].map(|_: u8| random.draw() >> 20),
        },
        memory: Memory { bytes: [0; 7].map(|_: u8| random.draw() >> 20) },
    }
}

fn random_counters(random: &mut Random) -> InterfaceCounters {
    InterfaceCounters {
        speed: random.draw(),
        admin_up: below(random, 2) == 0,
        oper_up: below(random, 2) == 0,
        in_octets: random.draw(),
        in_packets: random.draw(),
        in_multicast: random.draw() >> 40,
        in_broadcast: random.draw() >> 40,
        in_discards: random.draw() >> 40,
        out_octets: random.draw(),
        out_packets: random.draw(),
        out_multicast: random.draw() >> 40,
        out_broadcast: random.draw() >> 40,
        out_discards: random.draw() >> 40,
    }
}

fn random_vlan(random: &mut Random) -> VlanCounts {
    VlanCounts {
        octets: random.draw(),
        packets: random.draw() >> 20,
        multicast: random.draw() >> 40,
        broadcast: random.draw() >> 40,
        discards: random.draw() >> 40,
    }
}

/// All datagrams an agent sends in 100 s of random work on 8 ports.
pub(crate) fn random_datagrams(seed: u64, settings: &str) -> Vec<Vec<u8>> {
    random_work(seed, settings, 0, true)
}

/// The same with ports of ids above `base`, with or without dropped frames.
pub(crate) fn random_work(seed: u64, settings: &str, base: u32, drops: bool) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let mut agent = SflowAgent::new(&config(settings), seed);
    for port in 1..=8 {
        let length = below(&mut random, 31) as usize;
        let name: String = "up-ä".chars().cycle().take(length).collect();
        let mac = (below(&mut random, 4) > 0).then_some([2, 0, 0, 0, 1, u8::try_from(port).unwrap()]);
        agent.port(base + port, PortFacts { name, mac, machine: port > 2 });
    }
    let mut sent = Vec::new();
    let mut counts = Random::new(seed + 1);
    let mut hosts = Random::new(seed + 2);
    for tick in 1..1_000_u64 {
        let now_ns = tick * 100_000_000;
        let send = &mut |datagram: &[u8]| {
            sent.push(datagram.to_vec());
            true
        };
        for _ in 0..below(&mut random, 20) / 8 {
            agent.flow(&random_sample(&mut random, base), now_ns, send);
            if drops && below(&mut random, 3) == 0 {
                agent.discard(&random_drop(&mut random, base), now_ns, send);
            }
        }
        agent.poll_vlans(now_ns, |vid| (vid % 500 == 1).then(|| random_vlan(&mut counts)), send);
        agent.poll(now_ns, |_| Some(random_counters(&mut counts)), || random_host(&mut hosts), send);
    }
    sent
}
