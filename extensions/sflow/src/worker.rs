//! The worker's side: says when to sample, and queues what the core reports for the control thread.
//!
//! Costs nothing per frame: the core counts the skips. A sample or a drop is copied into the bounded queue, which never
//! blocks; when it is full it is counted with the next one that fits. Nothing is allocated.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::mpsc::SyncSender;
use std::sync::Arc;

use heddle_extension_api::{CaptureWorker, Dropped, Drops, PortId, Sample, Sampling, VlanTag, WorkerId};

use crate::agent::{Taken, TakenDrop, TakenHeader, TakenSample};
use crate::datagram::{DiscardReason, ExtendedSwitch, IfIndex, Interface};
use crate::discard::discard_reason;
use crate::quota::Quota;
use crate::rates::{place, Rates, PLACES};
use crate::sampler::Sampler;

/// Samples and drops waiting for the control thread's 100 ms tick, for all workers: enough for 10,000 a second.
pub const QUEUE_SAMPLES: usize = 1024;

/// What workers and control side share.
#[derive(Debug)]
pub struct Shared {
    /// Rates of ports.
    pub rates: Rates,
    /// Drops that may be told.
    pub quota: Quota,
}

/// The context of one worker.
#[derive(Debug)]
pub struct SflowWorker {
    worker: u32,
    sampler: Sampler,
    shared: Arc<Shared>,
    queue: SyncSender<Taken>,
    ports: Box<[PortState]>,
    lost: u32,
    withheld: u64,
}

/// What a worker knows of a port.
#[derive(Clone, Copy, Debug, Default)]
struct PortState {
    port: u32,
    /// Frames up to and including the first sample; 0 once that was taken.
    first: u32,
    /// The worker's count of the port's frames when sampling began.
    began: u64,
    /// Rate of the distance under way.
    rate: u32,
}

impl SflowWorker {
    /// A worker.
    #[must_use]
    pub fn new(worker: WorkerId, shared: Arc<Shared>, queue: SyncSender<Taken>) -> Self {
        Self {
            worker: worker.get(),
            sampler: Sampler::new(random_seed()),
            shared,
            queue,
            ports: vec![PortState::default(); PLACES].into_boxed_slice(),
            lost: 0,
            withheld: 0,
        }
    }

    /// Frames that came by the port since sampling began. The core counts since the worker began, long before perhaps;
    /// what it had counted then is told by the first sample, which came as many frames later as were drawn.
    fn pool(&mut self, sample: &Sample<'_>, port: u32) -> u64 {
        match self.ports.get_mut(place(port)) {
            Some(state) if state.port == port => {
                if state.first > 0 {
                    state.began = sample.pool().saturating_sub(u64::from(state.first));
                    state.first = 0;
                }
                sample.pool().saturating_sub(state.began)
            }
            _ => sample.pool(),
        }
    }
}

/// A seed that differs each time: the standard library's hash keys come from the operating system.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl CaptureWorker for SflowWorker {
    const HAS_INGRESS: bool = false;
    const HAS_EGRESS: bool = false;
    const HAS_WORKER_TICK: bool = false;
}

impl Sampling for SflowWorker {
    const HEADER_BYTES: u32 = 256;
    const BY_PORT: bool = true;

    fn sampled(&mut self, sample: &Sample<'_>) {
        // A frame that another extension originated came in by no port, so it belongs to no data source.
        let port = match sample.source_port() {
            Some(port) => port.get(),
            None => return,
        };
        let taken = TakenSample {
            worker: self.worker,
            port,
            output: output(sample),
            switch: ExtendedSwitch::from_tci(tci(sample.source_tag()), tci(sample.destination_tag())),
            pool: self.pool(sample, port),
            lost: self.lost.saturating_add(sample.lost()),
            frame: TakenHeader::new(sample.frame_length(), sample.header()),
        };
        self.lost = match self.queue.try_send(Taken::Sample(taken)) {
            Ok(()) => 0,
            Err(_) => self.lost.saturating_add(sample.lost()).saturating_add(1),
        };
    }

    fn next_skip(&mut self) -> u32 {
        // Only a host older than `next_skip_of` asks: all its ports have one rate.
        self.sampler.next_skip(self.shared.rates.general()).unwrap_or(u32::MAX)
    }

    fn next_skip_of(&mut self, port: PortId) -> u32 {
        let port = port.get();
        let rate = self.shared.rates.of(port);
        let state = match self.ports.get_mut(place(port)) {
            // A new rate begins as sampling does; the pool goes on.
            Some(state) if state.port != port || state.rate != rate => state,
            _ => return self.sampler.next_skip(rate).unwrap_or(u32::MAX),
        };
        let skip = self.sampler.first_skip(rate);
        let is_begun = state.port == port && state.first == 0 && state.rate > 0;
        let first = if is_begun { 0 } else { skip.map_or(0, |skip| skip.saturating_add(1)) };
        *state = PortState { port, first, rate, began: if is_begun { state.began } else { 0 } };
        skip.unwrap_or(u32::MAX)
    }
}

impl Drops for SflowWorker {
    fn dropped(&mut self, dropped: &Dropped<'_>) {
        self.withheld = self.withheld.saturating_add(dropped.withheld());
        if !self.shared.quota.take() {
            self.withheld = self.withheld.saturating_add(1);
            return;
        }
        let taken = TakenDrop {
            input: dropped.source_port().map(PortId::get),
            output: dropped.destination_port().map(PortId::get),
            reason: discard_reason(dropped.reason()),
            switch: ExtendedSwitch::from_tci(tci(dropped.tag()), 0),
            withheld: self.withheld,
            frame: TakenHeader::new(dropped.frame_length(), dropped.header()),
        };
        self.withheld = match self.queue.try_send(Taken::Drop(taken)) {
            Ok(()) => 0,
            Err(_) => self.withheld.saturating_add(1),
        };
    }

    fn wanted(&mut self) -> u32 {
        self.shared.quota.available()
    }
}

fn tci(tag: Option<VlanTag>) -> u16 {
    tag.map_or(0, VlanTag::tci)
}

fn output(sample: &Sample<'_>) -> Interface {
    match (sample.output_count(), sample.outputs().next()) {
        (0, _) => Interface::Discarded(sample.drop_reason().map_or(DiscardReason::UNKNOWN, discard_reason)),
        (1, port) => port.and_then(|port| IfIndex::new(port.get())).map_or(Interface::Unknown, Interface::Index),
        (count, _) => Interface::Multiple(count),
    }
}
