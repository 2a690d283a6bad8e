//! Whatever comes in: settings never bring the agent down, and what it sends is always well-formed.
//!
//! Property tests; `PROPTEST_CASES=20000` in the environment makes them longer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use heddle_extension_api::Config as Lines;
use heddle_sflow::agent::{PortFacts, SflowAgent, TakenDrop, TakenHeader, TakenSample};
use heddle_sflow::config::{Config, KEYS, PORT_KEYS};
use heddle_sflow::datagram::{DiscardReason, ExtendedSwitch, IfIndex, Interface, InterfaceCounters, DATAGRAM_MAX};
use heddle_sflow::host_facts::HostFacts;
use proptest::prelude::*;

use crate::walker::walk;
use crate::workload::config;

fn parse(text: &str) -> Result<Config, String> {
    let lines = Lines::new(text).map_err(|error| error.to_string())?;
    Config::try_from(&lines).map_err(|error| error.to_string())
}

/// Keys that are right, nearly right, or anything; values likewise.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        4 => prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
        2 => (prop::sample::select(PORT_KEYS.to_vec()), "[a-z.0-9-]{0,9}").prop_map(|(key, port)| format!("{key}.{port}")),
        1 => "\\PC{0,12}",
    ];
    let value = prop_oneof![
        3 => (0_u64..5_000_000_000).prop_map(|number| number.to_string()),
        2 => any::<[u8; 4]>().prop_map(|bytes| IpAddr::from(bytes).to_string()),
        2 => (any::<u128>(), any::<u16>())
            .prop_map(|(bits, port)| SocketAddr::from((Ipv6Addr::from(bits), port)).to_string()),
        2 => prop::sample::select(vec!["on", "off"]).prop_map(str::to_owned),
        2 => prop::collection::vec(any::<[u8; 4]>(), 1..10)
            .prop_map(|all| all.iter().map(|one| IpAddr::from(*one).to_string()).collect::<Vec<_>>().join(",")),
        1 => "\\PC{0,40}",
    ];
    (key, value).prop_map(|(key, value)| format!("{key}={value}"))
}

fn facts() -> impl Strategy<Value = PortFacts> {
    ("\\PC{0,21}", any::<Option<[u8; 6]>>(), any::<bool>()).prop_map(|(name, mac, machine)| PortFacts {
        name,
        mac,
        machine,
    })
}

fn frame() -> impl Strategy<Value = TakenHeader> {
    (prop::collection::vec(any::<u8>(), 0..300), 0..70_000_u32)
        .prop_map(|(bytes, more)| TakenHeader::new(u32::try_from(bytes.len()).unwrap() + more, &bytes))
}

fn switch() -> impl Strategy<Value = ExtendedSwitch> {
    any::<[u16; 2]>().prop_map(|[one, other]| ExtendedSwitch::from_tci(one, other))
}

fn output() -> impl Strategy<Value = Interface> {
    prop_oneof![
        Just(Interface::Unknown),
        Just(Interface::Internal),
        any::<u32>().prop_map(Interface::Multiple),
        any::<u16>().prop_map(|reason| Interface::Discarded(DiscardReason(reason))),
        (1..u32::MAX).prop_map(|port| Interface::Index(IfIndex::new(port).unwrap())),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Port(u32, PortFacts),
    Gone(u32),
    Sample(TakenSample),
    Drop(TakenDrop),
    Poll(u32, InterfaceCounters),
}

fn step() -> impl Strategy<Value = Step> {
    // Few ports, so that samples find them; some of them beyond the compact encodings.
    let port = || prop_oneof![4 => 0..6_u32, 1 => Just(0x0100_0000), 1 => Just(u32::MAX)];
    let sample = (port(), output(), switch(), any::<u64>(), any::<u32>(), frame()).prop_map(
        |(port, output, switch, pool, lost, frame)| {
            Step::Sample(TakenSample { worker: port % 3, port, output, switch, pool, lost, frame })
        },
    );
    let drop =
        (prop::option::of(port()), prop::option::of(port()), any::<u16>(), switch(), 0..u64::from(u32::MAX), frame())
            .prop_map(|(input, output, reason, switch, withheld, frame)| {
                Step::Drop(TakenDrop { input, output, reason: DiscardReason(reason), switch, withheld, frame })
            });
    let counters = any::<[u64; 11]>().prop_map(|n| InterfaceCounters {
        speed: n[0],
        in_octets: n[1],
        in_packets: n[2],
        in_multicast: n[3],
        in_broadcast: n[4],
        in_discards: n[5],
        out_octets: n[6],
        out_packets: n[7],
        out_multicast: n[8],
        out_broadcast: n[9],
        out_discards: n[10],
        ..InterfaceCounters::default()
    });
    prop_oneof![
        2 => (port(), facts()).prop_map(|(port, facts)| Step::Port(port, facts)),
        1 => port().prop_map(Step::Gone),
        6 => sample,
        3 => drop,
        2 => (1..3_000_u32, counters).prop_map(|(ms, counters)| Step::Poll(ms, counters)),
    ]
}

/// Runs the steps; all datagrams, where those of one encoding end and those of the other begin.
fn datagrams(settings: &str, steps: &[Step]) -> Vec<Vec<u8>> {
    let mut agent = SflowAgent::new(&config(settings), 1);
    let (mut sent, mut now_ns) = (Vec::new(), 0_u64);
    for step in steps {
        let send = &mut |datagram: &[u8]| {
            sent.push(datagram.to_vec());
            true
        };
        match step {
            Step::Port(port, facts) => {
                let before = agent.encoding();
                agent.port(*port, facts.clone());
                if before != agent.encoding() {
                    // As the extension does: no datagram has both.
                    agent.flush(now_ns, send);
                }
            }
            Step::Gone(port) => agent.remove_port(*port),
            Step::Sample(taken) => agent.flow(taken, now_ns, send),
            Step::Drop(taken) => agent.discard(taken, now_ns, send),
            Step::Poll(ms, counters) => {
                now_ns += u64::from(*ms) * 1_000_000;
                agent.poll(now_ns, |port| (port != 3).then_some(*counters), HostFacts::default, send);
            }
        }
    }
    agent.flush(now_ns, &mut |datagram| {
        sent.push(datagram.to_vec());
        true
    });
    sent
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused_with_words(text in "\\PC{0,200}") {
        if let Err(error) = parse(&text.replace(' ', "\n")) {
            prop_assert!(!error.is_empty());
        }
    }

    #[test]
    fn settings_that_are_taken_are_shown_and_read_again_as_the_same(lines in prop::collection::vec(line(), 0..8)) {
        let text = format!("collector=192.0.2.1\n{}", lines.join("\n"));
        match parse(&text) {
            Ok(config) => {
                // Names of ports with blanks cannot be shown in one line; the host has none.
                prop_assume!(config.ports.keys().all(|port| !port.contains(char::is_whitespace)));
                prop_assert_eq!(parse(&config.to_string().replace(' ', "\n")).unwrap(), config);
            }
            Err(error) => {
                let named = KEYS.iter().chain(&PORT_KEYS).any(|key| error.contains(key)) || error.starts_with("line ");
                prop_assert!(named, "{}", error);
            }
        }
    }

    #[test]
    fn whatever_happens_datagrams_are_well_formed_short_and_numbered(
        steps in prop::collection::vec(step(), 0..50),
        header in 14..257_u32,
    ) {
        let sent = datagrams(&format!("polling=1 header={header}"), &steps);
        for (bytes, number) in sent.iter().zip(1..) {
            prop_assert!(bytes.len() <= DATAGRAM_MAX);
            let datagram = walk(bytes);
            prop_assert_eq!(datagram.sequence, number);
            prop_assert!(!datagram.samples.is_empty());
            for flow in datagram.flows() {
                prop_assert!(flow.frame.header.len() <= header as usize);
            }
        }
    }
}
