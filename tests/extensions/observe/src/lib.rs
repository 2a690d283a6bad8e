//! Counts packets and bytes on both legs, touching nothing.
//!
//! Keys: none. Counters: `ingress-frames`, `ingress-bytes`, `egress-frames`, `egress-bytes`.

#![forbid(unsafe_code)]

use heddle_extension_api::{
    export_extension, rights, CaptureExtension, CaptureWorker, Config, Control, Counter, CreateError, Observed,
    WorkerId,
};

#[derive(Clone, Copy)]
struct Leg {
    frames: Counter,
    bytes: Counter,
}

struct Observe {
    ingress: Leg,
    egress: Leg,
}

struct Worker {
    ingress: Leg,
    egress: Leg,
}

impl CaptureExtension for Observe {
    type Worker = Worker;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Capture>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&[])?;
        Ok(Observe {
            ingress: Leg {
                frames: host.register_counter("ingress-frames", "frames")?,
                bytes: host.register_counter("ingress-bytes", "bytes")?,
            },
            egress: Leg {
                frames: host.register_counter("egress-frames", "frames")?,
                bytes: host.register_counter("egress-bytes", "bytes")?,
            },
        })
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { ingress: self.ingress, egress: self.egress })
    }
}

impl Leg {
    fn count(self, batch: &mut Observed<'_>) {
        let bytes = batch.packets().map(|frame| u64::from(frame.length())).sum();
        batch.count(self.frames, u64::from(batch.len()));
        batch.count(self.bytes, bytes);
    }
}

impl CaptureWorker for Worker {
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut Observed<'_>) {
        self.ingress.count(batch);
    }

    fn egress(&mut self, batch: &mut Observed<'_>) {
        self.egress.count(batch);
    }
}

export_extension!(capture Observe {
    id: "org.heddle.test.observe",
    name: "Test: observe",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
});
