//! The worker's side: says when to sample, and queues what the core reports for the control thread.
//!
//! Costs nothing per frame: the core counts the skips. A sample is copied into the bounded queue, which never blocks;
//! when it is full the sample is dropped and counted with the next one that fits. Nothing is allocated.

use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::SyncSender;

use heddle_extension_api::{CaptureWorker, Sample, Sampling, WorkerId};

use crate::agent::{TakenSample, HEADER_ROOM};
use crate::datagram::{DiscardReason, ExtendedSwitch, IfIndex, Interface};
use crate::discard::discard_reason;
use crate::sampler::Sampler;

/// Samples waiting for the control thread's 100 ms tick, for all workers: enough for 10,000 a second.
pub const QUEUE_SAMPLES: usize = 1024;

/// The context of one worker.
#[derive(Debug)]
pub struct SflowWorker {
    worker: u32,
    sampler: Sampler,
    queue: SyncSender<TakenSample>,
    lost: u32,
}

impl SflowWorker {
    /// A worker that samples 1 in `rate` frames.
    #[must_use]
    pub fn new(worker: WorkerId, rate: u32, queue: SyncSender<TakenSample>) -> Self {
        Self { worker: worker.get(), sampler: Sampler::new(rate, random_seed()), queue, lost: 0 }
    }
}

/// A seed from the operating system, a different one each time.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(())
}

impl CaptureWorker for SflowWorker {
    const HAS_INGRESS: bool = false;
    const HAS_EGRESS: bool = false;
    const HAS_WORKER_TICK: bool = false;
}

impl Sampling for SflowWorker {
    const HEADER_BYTES: u32 = 256;

    fn sampled(&mut self, sample: &Sample<'_>) {
        // A frame that another extension originated came in by no port, so it belongs to no data source.
        let Some(port) = sample.source_port() else { return };
        let mut header = [0; HEADER_ROOM];
        let header_length = header.iter_mut().zip(sample.header()).map(|(to, from)| *to = *from).count();
        let tci = |tag: Option<heddle_extension_api::VlanTag>| tag.map_or(0, heddle_extension_api::VlanTag::tci);
        let taken = TakenSample {
            worker: self.worker,
            port: port.get(),
            frame_length: sample.frame_length(),
            output: output(sample),
            switch: ExtendedSwitch::from_tci(tci(sample.source_tag()), tci(sample.destination_tag())),
            pool: sample.pool(),
            lost: self.lost.saturating_add(sample.lost()),
            header_length,
            header,
        };
        self.lost = match self.queue.try_send(taken) {
            Ok(()) => 0,
            Err(_) => self.lost.saturating_add(sample.lost()).saturating_add(1),
        };
    }

    fn next_skip(&mut self) -> u32 {
        self.sampler.next_skip().unwrap_or(u32::MAX)
    }
}

fn output(sample: &Sample<'_>) -> Interface {
    match (sample.output_count(), sample.outputs().next()) {
        (0, _) => Interface::Discarded(sample.drop_reason().map_or(DiscardReason::UNKNOWN, discard_reason)),
        (1, port) => port.and_then(|port| IfIndex::new(port.get())).map_or(Interface::Unknown, Interface::Index),
        (count, _) => Interface::Multiple(count),
    }
}
