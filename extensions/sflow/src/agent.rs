//! The agent: turns sampled and dropped frames and counters into samples of their data sources and hands them to the
//! receiver. Runs on the control thread only; calls neither host nor clock.
//!
//! A data source is a port, the virtual machine behind it, or the host; all its samples leave in one stream, because
//! section 5 ties a source to one sub-agent. That is why workers do not send: they queue what they saw ([`Taken`]) and
//! this side numbers and packs it.
//!
//! Section 5 forbids mixing compact and expanded encodings: the agent writes compact ones until it meets a port whose
//! id needs more than 24 bits, and expanded ones from then on.

mod source;
mod taken;

pub use taken::{Taken, TakenDrop, TakenHeader, TakenSample, HEADER_ROOM};

use std::collections::BTreeMap;

use heddle_extension_api::{PortInfo, PortKind, VlanCounters};

use self::source::Source;
use crate::config::Config;
use crate::datagram::{
    Adapter, Agent, CounterRecord, CountersSample, DataSource, Description, DiscardedPacket, Encoding, FlowSample,
    IfIndex, Interface, InterfaceCounters, SampledHeader, VlanCounts,
};
use crate::host_facts::HostFacts;
use crate::poller::{Appointment, Poller};
use crate::receiver::{Company, Receiver, ReceiverCounts, Send};
use crate::sampler::Random;

/// Adapters in a sample of the host, at most.
pub const ADAPTERS_MAX: usize = 16;

/// VLANs a frame can be in: 0 and 4095 are none.
const VLANS: usize = 4094;

/// What the host says of a port, apart from its counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortFacts {
    /// Its name.
    pub name: String,
    /// Its assigned address.
    pub mac: Option<[u8; 6]>,
    /// Whether a virtual machine is behind it.
    pub machine: bool,
}

impl From<&PortInfo> for PortFacts {
    fn from(info: &PortInfo) -> Self {
        Self {
            name: info.name().into_owned(),
            mac: info.mac().map(|mac| mac.bytes()),
            machine: matches!(info.kind(), PortKind::Synthetic | PortKind::Emulated),
        }
    }
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

impl From<VlanCounters> for VlanCounts {
    fn from(vlan: VlanCounters) -> Self {
        Self {
            octets: vlan.bytes,
            packets: vlan.packets,
            multicast: vlan.multicast,
            broadcast: vlan.broadcast,
            discards: vlan.discards,
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
    /// Discarded packets put into datagrams.
    pub discards: u64,
    /// Samples lost: no slot in the core, queue full, or port gone.
    pub samples_dropped: u64,
    /// Dropped frames that were not told, for the limit or for lack of room.
    pub discards_withheld: u64,
}

/// Numbers of the samples of a VLAN.
#[derive(Clone, Copy, Debug, Default)]
struct Vlan {
    appointment: Appointment,
    sequence: u32,
    packets: u64,
}

/// The agent.
#[derive(Debug)]
pub struct SflowAgent {
    config: Config,
    encoding: Encoding,
    poller: Poller,
    phases: Random,
    receiver: Receiver,
    sources: BTreeMap<u32, Source>,
    host: Appointment,
    host_sequence: u32,
    /// VLANs 1 to 4094, when they are counted.
    vlans: Vec<Vlan>,
    counts: AgentCounts,
}

impl SflowAgent {
    /// An agent without ports. `seed` spreads the polling times.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Self {
        Self {
            encoding: Encoding::default(),
            poller: Poller::new(config.polling),
            phases: Random::new(seed),
            receiver: Receiver::new(Agent { address: config.agent, sub_agent: config.sub_agent }),
            sources: BTreeMap::new(),
            host: Appointment::default(),
            host_sequence: 0,
            vlans: if config.vlans { vec![Vlan::default(); VLANS] } else { Vec::new() },
            counts: AgentCounts::default(),
            config: config.clone(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> (AgentCounts, ReceiverCounts) {
        (self.counts, self.receiver.counts())
    }

    /// Which encodings it writes.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Goes by new settings from now on; numbers go on. What is read only when an agent is made stays as it was.
    pub fn reconfigure(&mut self, config: &Config) {
        if config.polling != self.config.polling {
            // An appointment may be a day away by the old interval.
            self.poller = Poller::new(config.polling);
            self.host = Appointment::default();
            self.sources.values_mut().for_each(|source| source.appointment = Appointment::default());
            self.vlans.iter_mut().for_each(|vlan| vlan.appointment = Appointment::default());
        }
        let Config { collectors, agent, sub_agent, vlans, .. } = self.config.clone();
        self.config = Config { collectors, agent, sub_agent, vlans, ..config.clone() };
        for source in self.sources.values_mut() {
            source.rate = self.config.sampling_of(&source.facts.name);
            source.header = header_of(&self.config, &source.facts);
        }
    }

    /// The ports it knows, with their sampling rates.
    pub fn rates(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.sources.iter().map(|(port, source)| (*port, source.rate))
    }

    /// A port exists from now on, or what is known of it has changed; its sampling rate.
    pub fn port(&mut self, port: u32, facts: PortFacts) -> u32 {
        let rate = self.config.sampling_of(&facts.name);
        let header = header_of(&self.config, &facts);
        if let Some(index) = IfIndex::new(port) {
            if !index.is_compact() {
                self.encoding = Encoding::Expanded;
            }
            match self.sources.get_mut(&port) {
                Some(source) => {
                    source.facts = facts;
                    source.rate = rate;
                    source.header = header;
                }
                None => drop(self.sources.insert(port, Source::new(index, facts, rate, header))),
            }
        }
        rate
    }

    /// A port is gone; its numbers begin anew should it come back.
    pub fn remove_port(&mut self, port: u32) {
        self.sources.remove(&port);
    }

    /// Reports what a worker took.
    pub fn take(&mut self, taken: &Taken, now_ns: u64, send: &mut Send<'_>) {
        match taken {
            Taken::Sample(taken) => self.flow(taken, now_ns, send),
            Taken::Drop(taken) => self.discard(taken, now_ns, send),
        }
    }

    /// Reports a sampled frame.
    pub fn flow(&mut self, taken: &TakenSample, now_ns: u64, send: &mut Send<'_>) {
        self.counts.samples_dropped += u64::from(taken.lost);
        let source = match self.sources.get_mut(&taken.port) {
            Some(source) => source,
            None => {
                self.counts.samples_dropped += 1;
                return;
            }
        };
        source.count(taken);
        let sample = FlowSample {
            sequence: source.flow_sequence,
            source: DataSource::port(source.index),
            sampling_rate: source.rate,
            sample_pool: source.pool,
            drops: source.drops,
            input: Interface::Index(source.index),
            output: taken.output,
            header: SampledHeader { frame_length: taken.frame.length, bytes: taken.frame.first(source.header) },
            switch: taken.switch,
        };
        let encoding = self.encoding;
        if self.receiver.add(now_ns, Company::Common, |out| sample.encode(encoding, out), send) {
            self.counts.flow_samples += 1;
        } else {
            self.counts.samples_dropped += 1;
        }
    }

    /// Reports a dropped frame.
    pub fn discard(&mut self, taken: &TakenDrop, now_ns: u64, send: &mut Send<'_>) {
        self.counts.discards_withheld += taken.withheld;
        let known = [taken.input, taken.output].iter().flatten().find(|port| self.sources.contains_key(port)).copied();
        let source = match known.and_then(|port| self.sources.get_mut(&port)) {
            Some(source) => source,
            None => {
                // Both ports are gone: there is no data source to tell it of.
                self.counts.discards_withheld += 1;
                return;
            }
        };
        source.discard_sequence = source.discard_sequence.wrapping_add(1);
        let header = SampledHeader { frame_length: taken.frame.length, bytes: taken.frame.first(source.header) };
        let sample = DiscardedPacket {
            sequence: source.discard_sequence,
            source: DataSource::port(source.index),
            drops: u32::try_from(self.counts.discards_withheld % (1 << 32)).unwrap_or(0),
            input: taken.input.and_then(IfIndex::new),
            output: taken.output.and_then(IfIndex::new),
            reason: taken.reason,
            frame: if header.bytes.is_empty() { None } else { Some((header, taken.switch)) },
        };
        if self.receiver.add(now_ns, Company::Discards, |out| sample.encode(out), send) {
            self.counts.discards += 1;
        } else {
            self.counts.discards_withheld += 1;
        }
    }

    /// Reports what VLANs have counted that are due; `read` gives what one has counted, or nothing when no frame of it
    /// came. A VLAN that has counted less than before began anew.
    pub fn poll_vlans(&mut self, now_ns: u64, mut read: impl FnMut(u16) -> Option<VlanCounts>, send: &mut Send<'_>) {
        let Self { vlans, phases, receiver, counts, encoding, poller, .. } = self;
        for (vid, vlan) in (1..).zip(vlans.iter_mut()) {
            if !poller.due(&mut vlan.appointment, now_ns, || phases.draw()) {
                continue;
            }
            if let Some(counted) = read(vid) {
                vlan.sequence = if counted.packets < vlan.packets { 1 } else { vlan.sequence.wrapping_add(1) };
                vlan.packets = counted.packets;
                let records = [CounterRecord::Vlan(vid, &counted)];
                let sample =
                    CountersSample { sequence: vlan.sequence, source: DataSource::vlan(vid), records: &records };
                if receiver.add(now_ns, Company::Common, |out| sample.encode(*encoding, out), send) {
                    counts.counters_samples += 1;
                } else {
                    counts.samples_dropped += 1;
                }
            }
        }
    }

    /// Reports the counters of all that is due, then sends what has waited long enough. `read` gives what a port has
    /// counted, or nothing when the host does not know it any more; `facts` what the host is and does.
    pub fn poll(
        &mut self,
        now_ns: u64,
        mut read: impl FnMut(u32) -> Option<InterfaceCounters>,
        facts: impl FnOnce() -> HostFacts,
        send: &mut Send<'_>,
    ) {
        let (poller, phases) = (self.poller, &mut self.phases);
        if self.config.host && poller.due(&mut self.host, now_ns, || phases.draw()) {
            self.report_host(now_ns, &facts(), send);
        }
        let Self { sources, phases, receiver, counts, encoding, config, .. } = self;
        for (&port, source) in sources {
            if !poller.due(&mut source.appointment, now_ns, || phases.draw()) {
                continue;
            }
            if let Some(counters) = read(port) {
                let mut add = |sample: &CountersSample<'_>| {
                    if receiver.add(now_ns, Company::Common, |out| sample.encode(*encoding, out), send) {
                        counts.counters_samples += 1;
                    } else {
                        counts.samples_dropped += 1;
                    }
                };
                report_port(source, &counters, &mut add);
                if config.machines && source.facts.machine {
                    report_machine(source, &counters, &mut add);
                }
            }
        }
        self.receiver.flush_due(now_ns, send);
    }

    fn report_host(&mut self, now_ns: u64, facts: &HostFacts, send: &mut Send<'_>) {
        self.host_sequence = self.host_sequence.wrapping_add(1);
        let machines = self.sources.values().filter(|source| source.facts.machine).count();
        let adapters: Vec<Adapter> =
            self.sources.values().filter(|one| !one.facts.machine).filter_map(adapter).collect();
        let node = facts.node(u32::try_from(machines).unwrap_or(u32::MAX));
        let description = facts.description();
        let records = [
            CounterRecord::Description(&description),
            CounterRecord::Adapters(adapters.get(..ADAPTERS_MAX).unwrap_or(&adapters)),
            CounterRecord::Cpu(&facts.cpu),
            CounterRecord::Memory(&facts.memory),
            CounterRecord::Node(&node),
        ];
        let sample = CountersSample { sequence: self.host_sequence, source: DataSource::HOST, records: &records };
        let encoding = self.encoding;
        if self.receiver.add(now_ns, Company::Common, |out| sample.encode(encoding, out), send) {
            self.counts.counters_samples += 1;
        } else {
            self.counts.samples_dropped += 1;
        }
    }

    /// Sends what is waiting, however short: the agent is about to go.
    pub fn flush(&mut self, now_ns: u64, send: &mut Send<'_>) {
        self.receiver.flush(now_ns, send);
    }
}

fn header_of(config: &Config, facts: &PortFacts) -> usize {
    usize::try_from(config.header_of(&facts.name)).unwrap_or(HEADER_ROOM)
}

fn adapter(source: &Source) -> Option<Adapter> {
    source.facts.mac.map(|mac| Adapter { index: source.index, mac })
}

fn report_port(source: &mut Source, counters: &InterfaceCounters, add: &mut dyn FnMut(&CountersSample<'_>)) {
    let sequence = source.counted.number(counters);
    let records = [
        CounterRecord::Interface(source.index, counters),
        CounterRecord::Ethernet,
        CounterRecord::PortName(source.facts.name.as_bytes()),
    ];
    add(&CountersSample { sequence, source: DataSource::port(source.index), records: &records });
}

/// The switch knows a virtual machine by the name of its port only.
fn report_machine(source: &mut Source, counters: &InterfaceCounters, add: &mut dyn FnMut(&CountersSample<'_>)) {
    let Source { index, facts, machine, .. } = source;
    let sequence = machine.number(counters);
    let description = Description { hostname: &facts.name, uuid: [0; 16], machine: 0, linux: false, release: "" };
    let adapter = facts.mac.map(|mac| Adapter { index: *index, mac });
    let adapters: &[Adapter] = adapter.as_ref().map_or(&[], std::slice::from_ref);
    let records = [
        CounterRecord::Description(&description),
        CounterRecord::Adapters(adapters),
        CounterRecord::Parent(DataSource::HOST),
        CounterRecord::VirtualNic(counters),
    ];
    add(&CountersSample { sequence, source: DataSource::machine(*index), records: &records });
}
