//! The smallest legal extension: a filter that lets everything pass. Copy it and fill in the legs.

#![forbid(unsafe_code)]

use heddle_extension_api::{
    export_extension, rights, Capabilities, Config, Control, CreateError, FilterEgress, FilterExtension, FilterIngress,
    FilterWorker, WorkerId,
};

/// The instance: what is shared by all workers of one switch.
struct Passthrough;

/// The context of one worker: what the data path needs, and nothing it would have to share.
struct Worker;

impl FilterExtension for Passthrough {
    type Worker = Worker;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(_host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&[])?;
        Ok(Passthrough)
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker)
    }
}

impl FilterWorker for Worker {
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, _batch: &mut FilterIngress<'_>) {
        // `for frame in _batch.packets()` visits each frame; a frame without a verdict passes.
    }

    fn egress(&mut self, _batch: &mut FilterEgress<'_>) {}
}

export_extension!(filter Passthrough {
    id: "org.heddle.passthrough",
    name: "Pass-through",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    capabilities: Capabilities::NONE,
});
