//! sFlow v5 agent as a Heddle capture extension.
//!
//! The core picks frames by the skip counts of [`sampler`] and reports each with its fate; a [`worker`] queues it for
//! the control thread, where the [`agent`] numbers it, adds the port counters that are due ([`poller`]) and packs both
//! ([`receiver`]) into [`datagram`]s, which the host sends. Nothing is spent on frames that are not sampled.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "tests"))]

pub mod agent;
pub mod config;
pub mod datagram;
pub mod discard;
pub mod poller;
pub mod receiver;
pub mod sampler;
pub mod tally;
pub mod worker;

use std::sync::mpsc::{sync_channel, Receiver, SyncSender};

use heddle_extension_api::rights::Capture;
use heddle_extension_api::{
    export_extension, CaptureExtension, Config, Control, CreateError, DatagramAddress, Event, EventKind, Level, PortId,
    WorkerId,
};

use crate::agent::{PortReading, SflowAgent, TakenSample};
use crate::tally::Tally;
use crate::worker::{random_seed, SflowWorker, QUEUE_SAMPLES};

/// The agent of one switch.
#[derive(Debug)]
pub struct Sflow {
    rate: u32,
    collector: DatagramAddress,
    agent: SflowAgent,
    queue: (SyncSender<TakenSample>, Receiver<TakenSample>),
    tally: Tally,
    now_ns: u64,
}

impl CaptureExtension for Sflow {
    type Worker = SflowWorker;

    fn create(host: &Control<'_, Capture>, lines: &Config<'_>) -> Result<Self, CreateError> {
        let config = config::Config::try_from(lines)?;
        let tally = Tally::register(host)?;
        host.log(Level::Info, &config.to_string());
        Ok(Self {
            rate: config.sampling,
            collector: config.collector.into(),
            agent: SflowAgent::new(&config, random_seed()),
            queue: sync_channel(QUEUE_SAMPLES),
            tally,
            now_ns: 0,
        })
    }

    fn worker(&mut self, worker: WorkerId) -> Result<SflowWorker, CreateError> {
        Ok(SflowWorker::new(worker, self.rate, self.queue.0.clone()))
    }

    fn event(&mut self, host: &Control<'_, Capture>, event: &Event<'_>) {
        match (event.kind(), event.port()) {
            (EventKind::PortCreate, Some(port)) => self.agent.add_port(port.get()),
            (EventKind::PortDelete, Some(port)) => {
                self.drain(host);
                self.agent.remove_port(port.get());
            }
            (EventKind::SwitchDelete, _) => {
                self.drain(host);
                self.agent.flush(self.now_ns, &mut |datagram| host.send_datagram(&self.collector, datagram).is_ok());
                self.tally.tell(host, &self.agent);
            }
            _ => {}
        }
    }

    fn tick(&mut self, host: &Control<'_, Capture>, now_ns: u64) {
        self.now_ns = now_ns;
        self.drain(host);
        let read = |port: u32, found: &mut dyn FnMut(PortReading<'_>)| {
            if let Some(info) = PortId::new(port).and_then(|port| host.port(port).ok()) {
                found(PortReading { counters: (&info).into(), name: info.name().as_bytes() });
            }
        };
        self.agent.poll(now_ns, read, &mut |datagram| host.send_datagram(&self.collector, datagram).is_ok());
        self.tally.tell(host, &self.agent);
    }
}

impl Sflow {
    /// Reports what the workers have queued, at most one queue full: they go on while this runs.
    fn drain(&mut self, host: &Control<'_, Capture>) {
        let send = &mut |datagram: &[u8]| host.send_datagram(&self.collector, datagram).is_ok();
        for taken in self.queue.1.try_iter().take(QUEUE_SAMPLES) {
            self.agent.flow(&taken, self.now_ns, send);
        }
    }
}

export_extension!(capture Sflow {
    id: "org.heddle.sflow",
    name: "sFlow agent",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    interfaces: [sampling],
});
