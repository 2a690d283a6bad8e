//! Drops every nth frame of one leg or of both, for a drop reason of its own. Counted per worker and leg.
//!
//! Keys: `n` (default 2; 1 drops everything), `leg` = `ingress` (default), `egress` or `both`.

#![forbid(unsafe_code)]

use heddle_extension_api::rights::{self, MayDrop};
use heddle_extension_api::{
    export_extension, Batch, Config, Control, Counter, CreateError, DropReason, FilterEgress, FilterExtension,
    FilterIngress, FilterWorker, WorkerId,
};

#[derive(Clone)]
struct DropEveryNth {
    n: u64,
    on_ingress: bool,
    on_egress: bool,
    reason: DropReason,
    dropped: Counter,
}

struct Worker {
    settings: DropEveryNth,
    seen_in: u64,
    seen_out: u64,
}

impl FilterExtension for DropEveryNth {
    type Worker = Worker;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["n", "leg"])?;
        let n = config.parse("n")?.unwrap_or(2);
        if n == 0 {
            return Err(CreateError::Failed("n=0: nothing is the 0th frame; use 1 or more".to_owned()));
        }
        let (on_ingress, on_egress) = match config.get("leg") {
            None | Some("ingress") => (true, false),
            Some("egress") => (false, true),
            Some("both") => (true, true),
            Some(other) => return Err(CreateError::Failed(format!("leg={other}: use ingress, egress or both"))),
        };
        Ok(DropEveryNth {
            n,
            on_ingress,
            on_egress,
            reason: host.register_drop_reason("every-nth", "a test extension drops every nth frame")?,
            dropped: host.register_counter("dropped", "frames")?,
        })
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { settings: self.clone(), seen_in: 0, seen_out: 0 })
    }
}

impl DropEveryNth {
    fn drop_nth<R: MayDrop>(&self, seen: &mut u64, batch: &mut Batch<'_, R>) {
        let mut dropped = 0;
        for frame in batch.packets() {
            *seen += 1;
            if *seen % self.n == 0 {
                frame.drop(self.reason);
                dropped += 1;
            }
        }
        if dropped > 0 {
            batch.count(self.dropped, dropped);
        }
    }
}

impl FilterWorker for Worker {
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        if self.settings.on_ingress {
            self.settings.drop_nth(&mut self.seen_in, batch);
        }
    }

    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        if self.settings.on_egress {
            self.settings.drop_nth(&mut self.seen_out, batch);
        }
    }
}

export_extension!(filter DropEveryNth {
    id: "org.heddle.test.drop-every-nth",
    name: "Test: drop every nth frame",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
});
