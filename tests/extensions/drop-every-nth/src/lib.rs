//! Drops every nth frame of one leg or of both, for a drop reason of its own. Counted per worker and leg.
//!
//! Keys: `n` (default 2; 1 drops everything), `leg` = `ingress` (default), `egress` or `both`. `n` can change while it runs.

#![forbid(unsafe_code)]

use heddle_extension_api::rights::{self, MayDrop};
use heddle_extension_api::{
    export_extension, Batch, Config, ConfigKey, Configurable, Control, Counter, CreateError, DropReason, FilterEgress,
    FilterExtension, FilterIngress, FilterWorker, WorkerId,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

#[derive(Clone)]
struct DropEveryNth {
    /// Shared with the workers, so that it can change.
    n: Arc<AtomicU64>,
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
        let n = every(config)?;
        let (on_ingress, on_egress) = match config.get("leg") {
            None | Some("ingress") => (true, false),
            Some("egress") => (false, true),
            Some("both") => (true, true),
            Some(other) => return Err(CreateError::Failed(format!("leg={other}: use ingress, egress or both"))),
        };
        Ok(DropEveryNth {
            n: Arc::new(AtomicU64::new(n)),
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

fn every(config: &Config<'_>) -> Result<u64, CreateError> {
    config.allow_only(&["n", "leg"])?;
    match config.parse("n")?.unwrap_or(2) {
        0 => Err(CreateError::Failed("n=0: nothing is the 0th frame; use 1 or more".to_owned())),
        n => Ok(n),
    }
}

impl Configurable<rights::Filter> for DropEveryNth {
    const KEYS: &'static [ConfigKey] = &[
        ConfigKey::integer("n", "frames", "2", (0, 1_000_000_000), "drops every nth frame"),
        ConfigKey::choice("leg", "ingress|egress|both", "ingress", "the leg on which it drops").fixed(),
    ];

    fn configure(&mut self, _host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<(), CreateError> {
        self.n.store(every(config)?, Ordering::Relaxed);
        Ok(())
    }
}

impl DropEveryNth {
    fn drop_nth<R: MayDrop>(&self, seen: &mut u64, batch: &mut Batch<'_, R>) {
        let n = self.n.load(Ordering::Relaxed);
        let mut dropped = 0;
        for frame in batch.packets() {
            *seen += 1;
            if *seen % n == 0 {
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
    interfaces: [config],
});
