//! Seeded random ports and frames for the agent, and what it sent.

use heddle_sflow::agent::{PortReading, SflowAgent, TakenSample, HEADER_ROOM};
use heddle_sflow::config::Config;
use heddle_sflow::datagram::{DiscardReason, ExtendedSwitch, IfIndex, Interface, InterfaceCounters};
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
        frame_length: 60,
        output: Interface::Unknown,
        switch: ExtendedSwitch::default(),
        pool: 0,
        lost: 0,
        header_length: 60,
        header: [0x5A; HEADER_ROOM],
    }
}

fn below(random: &mut Random, limit: u64) -> u32 {
    u32::try_from(random.draw() % limit).unwrap()
}

fn random_sample(random: &mut Random) -> TakenSample {
    let mut header = [0; HEADER_ROOM];
    // IPv4 in Ethernet, so that decoders that look inside find something they know.
    header[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    header[14..34].copy_from_slice(&[0x45, 0, 0, 100, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    header[34..].fill_with(|| random.draw().to_be_bytes()[0]);
    let output = match below(random, 4) {
        0 => Interface::Index(IfIndex::new(1 + below(random, 8)).unwrap()),
        1 => Interface::Multiple(below(random, 300)),
        2 => Interface::Discarded(DiscardReason(u16::try_from(256 + below(random, 60)).unwrap())),
        _ => Interface::Internal,
    };
    TakenSample {
        worker: below(random, 3),
        port: 1 + below(random, 8),
        frame_length: 14 + below(random, 9_000),
        output,
        switch: ExtendedSwitch::from_tci(
            u16::try_from(below(random, 65_536)).unwrap(),
            u16::try_from(below(random, 65_536)).unwrap(),
        ),
        pool: random.draw() % 1_000_000,
        lost: below(random, 3),
        header_length: 14 + below(random, 243) as usize,
        header,
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

/// All datagrams an agent sends in 100 s of random work on 8 ports.
pub(crate) fn random_datagrams(seed: u64, settings: &str) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    let mut agent = SflowAgent::new(&config(settings), seed);
    (1..=8).for_each(|port| agent.add_port(port));
    let mut sent = Vec::new();
    let mut names = Random::new(seed + 1);
    for tick in 1..1_000_u64 {
        let now_ns = tick * 100_000_000;
        let send = &mut |datagram: &[u8]| {
            sent.push(datagram.to_vec());
            true
        };
        for _ in 0..below(&mut random, 20) / 8 {
            agent.flow(&random_sample(&mut random), now_ns, send);
        }
        let read = |_: u32, found: &mut dyn FnMut(PortReading<'_>)| {
            let length = below(&mut names, 31) as usize;
            let name: String = "up-ä".chars().cycle().take(length).collect();
            found(PortReading { counters: random_counters(&mut names), name: name.as_bytes() });
        };
        agent.poll(now_ns, read, send);
    }
    sent
}
