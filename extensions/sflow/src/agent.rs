//! The agent: turns sampled frames and port counters into samples of their data sources and hands them to the
//! receiver. Runs on the control thread only; calls neither host nor clock.
//!
//! A data source is a port; all its samples leave in one stream, because section 5 ties a source to one sub-agent.
//! That is why workers do not send: they queue what they saw ([`TakenSample`]) and this side numbers and packs it.
//!
//! `sample_pool` grows by what each worker's own count of the port grew. What a worker counted before its first sample
//! is taken as at most one sampling interval: it may have run long before the agent was enabled.

use std::collections::BTreeMap;

use heddle_extension_api::PortInfo;

use crate::config::Config;
use crate::datagram::{
    Agent, CountersSample, ExtendedSwitch, FlowSample, IfIndex, Interface, InterfaceCounters, SampledHeader,
};
use crate::poller::{Appointment, Poller};
use crate::receiver::{Receiver, ReceiverCounts, Send};
use crate::sampler::Random;

/// Room for the first bytes of a sampled frame.
pub const HEADER_ROOM: usize = 256;

/// A sampled frame as a worker saw it.
#[derive(Clone, Debug)]
pub struct TakenSample {
    /// Worker that saw it.
    pub worker: u32,
    /// Port it came from.
    pub port: u32,
    /// Its length in bytes, VLAN tag included, without FCS.
    pub frame_length: u32,
    /// Where it went, or why it did not.
    pub output: Interface,
    /// Its VLANs.
    pub switch: ExtendedSwitch,
    /// Frames the worker had received from the port by then.
    pub pool: u64,
    /// Samples the worker lost before this one.
    pub lost: u32,
    /// Bytes used of `header`.
    pub header_length: usize,
    /// Its first bytes.
    pub header: [u8; HEADER_ROOM],
}

/// What the host says of a port.
#[derive(Clone, Copy, Debug)]
pub struct PortReading<'a> {
    /// Its counters.
    pub counters: InterfaceCounters,
    /// Its name, UTF-8.
    pub name: &'a [u8],
}

impl From<&PortInfo> for InterfaceCounters {
    fn from(info: &PortInfo) -> Self {
        let port = info.counters();
        Self {
            speed: u64::from(info.speed_mbps()) * 1_000_000,
            admin_up: info.is_admin_up(),
            oper_up: info.is_link_up(),
            in_octets: port.rx_bytes,
            in_packets: port.rx_packets,
            in_multicast: port.rx_multicast,
            in_broadcast: port.rx_broadcast,
            in_discards: port.rx_dropped,
            out_octets: port.tx_bytes,
            out_packets: port.tx_packets,
            out_multicast: port.tx_multicast,
            out_broadcast: port.tx_broadcast,
            out_discards: port.tx_dropped,
        }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgentCounts {
    /// Flow samples put into datagrams.
    pub flow_samples: u64,
    /// Counters samples put into datagrams.
    pub counters_samples: u64,
    /// Samples lost: no slot in the core, queue full, port gone, or port number above 24 bits.
    pub samples_dropped: u64,
}

/// One port as a data source.
#[derive(Debug)]
struct Source {
    index: IfIndex,
    flow_sequence: u32,
    pool: u32,
    drops: u32,
    /// Last pool heard from each worker.
    pools: BTreeMap<u32, u64>,
    counters_sequence: u32,
    counters: InterfaceCounters,
    appointment: Appointment,
}

/// The agent.
#[derive(Debug)]
pub struct SflowAgent {
    rate: u32,
    header: usize,
    poller: Poller,
    phases: Random,
    receiver: Receiver,
    sources: BTreeMap<u32, Source>,
    counts: AgentCounts,
}

impl SflowAgent {
    /// An agent without ports. `seed` spreads the ports' polling times.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Self {
        Self {
            rate: config.sampling,
            header: usize::try_from(config.header).unwrap_or(HEADER_ROOM).min(HEADER_ROOM),
            poller: Poller::new(config.polling),
            phases: Random::new(seed),
            receiver: Receiver::new(Agent { address: config.agent, sub_agent: config.sub_agent }),
            sources: BTreeMap::new(),
            counts: AgentCounts::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> (AgentCounts, ReceiverCounts) {
        (self.counts, self.receiver.counts())
    }

    /// A port exists from now on; known ones are left as they are.
    pub fn add_port(&mut self, port: u32) {
        if let Some(index) = IfIndex::new(port) {
            self.sources.entry(port).or_insert_with(|| Source::new(index));
        }
    }

    /// A port is gone; its numbers begin anew should it come back.
    pub fn remove_port(&mut self, port: u32) {
        self.sources.remove(&port);
    }

    /// Reports a sampled frame.
    pub fn flow(&mut self, taken: &TakenSample, now_ns: u64, send: &mut Send<'_>) {
        self.counts.samples_dropped += u64::from(taken.lost);
        let Some(source) = self.sources.get_mut(&taken.port) else {
            self.counts.samples_dropped += 1;
            return;
        };
        source.count(taken, self.rate);
        let sample = FlowSample {
            sequence: source.flow_sequence,
            source: source.index,
            sampling_rate: self.rate,
            sample_pool: source.pool,
            drops: source.drops,
            input: Interface::Index(source.index),
            output: taken.output,
            header: SampledHeader {
                frame_length: taken.frame_length,
                bytes: taken.header.get(..taken.header_length.min(self.header)).unwrap_or(&[]),
            },
            switch: taken.switch,
        };
        if self.receiver.add(now_ns, |out| sample.encode(out), send) {
            self.counts.flow_samples += 1;
        } else {
            self.counts.samples_dropped += 1;
        }
    }

    /// Reports the counters of every port that is due, then sends what has waited long enough. `read` calls back
    /// with what the host says of a port, or not at all when the port is gone.
    pub fn poll(
        &mut self,
        now_ns: u64,
        mut read: impl FnMut(u32, &mut dyn FnMut(PortReading<'_>)),
        send: &mut Send<'_>,
    ) {
        for (&port, source) in &mut self.sources {
            let phases = &mut self.phases;
            if !self.poller.due(&mut source.appointment, now_ns, || phases.draw()) {
                continue;
            }
            read(port, &mut |reading| {
                source.number(reading.counters);
                let sample = CountersSample {
                    sequence: source.counters_sequence,
                    source: source.index,
                    counters: reading.counters,
                    name: reading.name,
                };
                if self.receiver.add(now_ns, |out| sample.encode(out), send) {
                    self.counts.counters_samples += 1;
                } else {
                    self.counts.samples_dropped += 1;
                }
            });
        }
        self.receiver.flush_due(now_ns, send);
    }

    /// Sends what is waiting, however short: the agent is about to go.
    pub fn flush(&mut self, now_ns: u64, send: &mut Send<'_>) {
        self.receiver.flush(now_ns, send);
    }
}

impl Source {
    fn new(index: IfIndex) -> Self {
        Self {
            index,
            flow_sequence: 0,
            pool: 0,
            drops: 0,
            pools: BTreeMap::new(),
            counters_sequence: 0,
            counters: InterfaceCounters::default(),
            appointment: Appointment::default(),
        }
    }

    /// Counts a sampled frame of this source.
    fn count(&mut self, taken: &TakenSample, rate: u32) {
        self.flow_sequence = self.flow_sequence.wrapping_add(1);
        self.drops = self.drops.wrapping_add(taken.lost);
        let grown = match self.pools.insert(taken.worker, taken.pool) {
            Some(before) if before <= taken.pool => taken.pool - before,
            _ => taken.pool.min(u64::from(rate)),
        };
        self.pool = self.pool.wrapping_add(u32::try_from(grown % (1 << 32)).unwrap_or(0));
    }

    /// Numbers a counters sample: section 5 has the numbers begin anew when a counter does.
    fn number(&mut self, counters: InterfaceCounters) {
        if counters.restarted_since(&self.counters) {
            self.counters_sequence = 0;
        }
        self.counters_sequence = self.counters_sequence.wrapping_add(1);
        self.counters = counters;
    }
}
