//! Holds each frame for some milliseconds and then releases it, in order, like a shaper with a constant delay.
//!
//! Due frames are released at the start of every call and in the worker tick. A frame the host would not hold is
//! dropped for a reason of its own: letting it pass would overtake the held frames of its flow.
//!
//! Keys: `ms` (default 5), `leg` = `ingress` (default), `egress` or `both`, `limit` = frames held per worker at most
//! (default 4096).

#![forbid(unsafe_code)]

use std::collections::VecDeque;

use heddle_extension_api::rights::{self, MayDrop, MayHold};
use heddle_extension_api::{
    export_extension, Batch, Call, Capabilities, Config, Control, Counter, CreateError, DropReason, FilterEgress,
    FilterExtension, FilterIngress, FilterWorker, HeldFrame, WorkerId,
};

#[derive(Clone)]
struct HoldRelease {
    delay_ns: u64,
    limit: usize,
    on_ingress: bool,
    on_egress: bool,
    refused: DropReason,
    held: Counter,
    released: Counter,
}

struct Worker {
    settings: HoldRelease,
    /// Held frames with the time each is due, oldest first.
    waiting: VecDeque<(u64, HeldFrame)>,
}

impl FilterExtension for HoldRelease {
    type Worker = Worker;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["ms", "leg", "limit"])?;
        let (on_ingress, on_egress) = match config.get("leg") {
            None | Some("ingress") => (true, false),
            Some("egress") => (false, true),
            Some("both") => (true, true),
            Some(other) => return Err(CreateError::Failed(format!("leg={other}: use ingress, egress or both"))),
        };
        Ok(HoldRelease {
            delay_ns: u64::from(config.parse::<u32>("ms")?.unwrap_or(5)) * 1_000_000,
            limit: config.parse("limit")?.unwrap_or(4096),
            on_ingress,
            on_egress,
            refused: host.register_drop_reason("hold-refused", "the frame should be delayed but could not be held")?,
            held: host.register_counter("held", "frames")?,
            released: host.register_counter("released", "frames")?,
        })
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { settings: self.clone(), waiting: VecDeque::with_capacity(self.limit) })
    }
}

impl Worker {
    fn release_due<R: MayHold>(&mut self, call: &Call<'_, R>) {
        let mut released = 0;
        while matches!(self.waiting.front(), Some((due, _)) if *due <= call.now_ns()) {
            if let Some((_, frame)) = self.waiting.pop_front() {
                // A stale handle means that the host took the frame back: port deleted, or too old.
                if call.release(frame).is_ok() {
                    released += 1;
                }
            }
        }
        if released > 0 {
            call.count(self.settings.released, released);
        }
    }

    fn hold_all<R: MayHold + MayDrop>(&mut self, batch: &mut Batch<'_, R>) {
        let due = batch.now_ns() + self.settings.delay_ns;
        let mut held = 0;
        for frame in batch.packets() {
            if self.waiting.len() >= self.settings.limit {
                frame.drop(self.settings.refused);
                continue;
            }
            match frame.hold() {
                Ok(handle) => {
                    self.waiting.push_back((due, handle));
                    held += 1;
                }
                Err(refused) => refused.frame.drop(self.settings.refused),
            }
        }
        if held > 0 {
            batch.count(self.settings.held, held);
        }
    }
}

impl FilterWorker for Worker {
    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        self.release_due(batch);
        if self.settings.on_ingress {
            self.hold_all(batch);
        }
    }

    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        self.release_due(batch);
        if self.settings.on_egress {
            self.hold_all(batch);
        }
    }

    fn worker_tick(&mut self, call: &Call<'_, rights::FilterIn>) {
        self.release_due(call);
    }
}

export_extension!(filter HoldRelease {
    id: "org.heddle.test.hold-release",
    name: "Test: hold and release",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    capabilities: Capabilities::HOLD,
});
