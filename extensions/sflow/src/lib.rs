//! sFlow v5 agent as a Heddle capture extension.
//!
//! The core picks frames by the skip counts of [`sampler`], a rate for each port ([`rates`]), and reports each with its
//! fate, and tells of dropped frames within a [`quota`]; a [`worker`] queues both for the control thread, where the
//! [`agent`] numbers them, adds the counters that are due ([`poller`]) of ports, machines and the host
//! ([`host_facts`]), and packs all ([`receiver`]) into [`datagram`]s, which the host sends to every one of the
//! [`collectors`]. Nothing is spent on frames that are neither sampled nor dropped.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

pub mod agent;
pub mod collectors;
pub mod config;
pub mod datagram;
pub mod discard;
pub mod host_facts;
pub mod poller;
pub mod quota;
pub mod rates;
pub mod receiver;
pub mod sampler;
pub mod tally;
pub mod worker;

use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Arc;

use heddle_extension_api::rights::Capture;
use heddle_extension_api::{
    export_extension, CaptureExtension, Config, ConfigKey, Configurable, Control, CreateError, Event, EventKind, Level,
    PortId, Vid, WorkerId,
};

use crate::agent::{SflowAgent, Taken};
use crate::collectors::Collectors;
use crate::datagram::{Encoding, InterfaceCounters, VlanCounts};
use crate::host_facts::HostFacts;
use crate::quota::{Quota, Refill};
use crate::rates::Rates;
use crate::tally::Tally;
use crate::worker::{random_seed, SflowWorker, Shared, QUEUE_SAMPLES};

/// The agent of one switch.
#[derive(Debug)]
pub struct Sflow {
    agent: SflowAgent,
    collectors: Collectors,
    queue: (SyncSender<Taken>, Receiver<Taken>),
    shared: Arc<Shared>,
    refill: Refill,
    tally: Tally,
    now_ns: u64,
}

impl CaptureExtension for Sflow {
    type Worker = SflowWorker;

    fn create(host: &Control<'_, Capture>, lines: &Config<'_>) -> Result<Self, CreateError> {
        let config = config::Config::try_from(lines)?;
        let tally = Tally::register(host)?;
        let collectors = Collectors::register(host, &config)?;
        if config.vlans {
            host.count_vlans()?;
        }
        host.log(Level::Info, &config.to_string());
        Ok(Self {
            agent: SflowAgent::new(&config, random_seed()),
            collectors,
            queue: sync_channel(QUEUE_SAMPLES),
            shared: Arc::new(Shared { rates: Rates::new(config.sampling), quota: Quota::default() }),
            refill: Refill::new(config.drops),
            tally,
            now_ns: 0,
        })
    }

    fn worker(&mut self, worker: WorkerId) -> Result<SflowWorker, CreateError> {
        Ok(SflowWorker::new(worker, Arc::clone(&self.shared), self.queue.0.clone()))
    }

    fn event(&mut self, host: &Control<'_, Capture>, event: &Event<'_>) {
        match (event.kind(), event.port()) {
            (EventKind::PortDelete, Some(port)) => {
                self.drain(host);
                self.agent.remove_port(port.get());
            }
            (EventKind::SwitchDelete, _) => {
                self.drain(host);
                let (collectors, now_ns) = (&mut self.collectors, self.now_ns);
                self.agent.flush(now_ns, &mut |datagram| collectors.send(host, datagram));
                self.tell(host);
            }
            (EventKind::PortTeardown | EventKind::NicDelete, _) => {}
            (_, Some(port)) => self.port(host, port, event),
            _ => {}
        }
    }

    fn tick(&mut self, host: &Control<'_, Capture>, now_ns: u64) {
        self.now_ns = now_ns;
        self.refill.run(now_ns, &self.shared.quota);
        self.drain(host);
        let read = |port: u32| {
            let info = PortId::new(port).and_then(|port| host.port(port).ok());
            info.map(|info| InterfaceCounters::from(&info))
        };
        let collectors = &mut self.collectors;
        let vlan = |vid: u16| {
            let counted = Vid::new(vid).ok().and_then(|vid| host.vlan(vid).ok());
            counted.filter(|counted| counted.packets > 0 || counted.discards > 0).map(VlanCounts::from)
        };
        self.agent.poll_vlans(now_ns, vlan, &mut |datagram| collectors.send(host, datagram));
        self.agent.poll(now_ns, read, HostFacts::read, &mut |datagram| collectors.send(host, datagram));
        self.tell(host);
    }
}

impl Configurable<Capture> for Sflow {
    const KEYS: &'static [ConfigKey] = config::PUBLISHED;

    fn configure(&mut self, host: &Control<'_, Capture>, lines: &Config<'_>) -> Result<(), CreateError> {
        let config = config::Config::try_from(lines)?;
        // Frames sampled by the old rates are told with them.
        self.drain(host);
        self.agent.reconfigure(&config);
        self.shared.rates.set_general(config.sampling);
        self.agent.rates().for_each(|(port, rate)| self.shared.rates.set(port, rate));
        self.refill = Refill::new(config.drops);
        self.shared.quota.cap(config.drops);
        host.log(Level::Info, &config.to_string());
        Ok(())
    }
}

impl Sflow {
    /// A port is new, or something about it has changed.
    fn port(&mut self, host: &Control<'_, Capture>, port: PortId, event: &Event<'_>) {
        let before = self.agent.encoding();
        let facts = event.info().map(Into::into).unwrap_or_default();
        let rate = self.agent.port(port.get(), facts);
        self.shared.rates.set(port.get(), rate);
        if before != self.agent.encoding() && before == Encoding::Compact {
            // What is waiting is compact still.
            let (collectors, now_ns) = (&mut self.collectors, self.now_ns);
            self.agent.flush(now_ns, &mut |datagram| collectors.send(host, datagram));
            host.log(Level::Info, "a port's id needs more than 24 bits: samples are expanded ones from now on");
        }
    }

    /// Reports what the workers have queued, at most one queue full: they go on while this runs.
    fn drain(&mut self, host: &Control<'_, Capture>) {
        let collectors = &mut self.collectors;
        let send = &mut |datagram: &[u8]| collectors.send(host, datagram);
        for taken in self.queue.1.try_iter().take(QUEUE_SAMPLES) {
            self.agent.take(&taken, self.now_ns, send);
        }
    }

    fn tell(&mut self, host: &Control<'_, Capture>) {
        self.collectors.tell(host, self.now_ns);
        self.tally.tell(host, &self.agent);
    }
}

export_extension!(capture Sflow {
    id: "org.heddle.sflow",
    name: "sFlow agent",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    interfaces: [sampling, drops, config],
});
