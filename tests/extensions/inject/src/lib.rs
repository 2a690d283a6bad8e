//! Clones every nth frame and injects the clone below itself, and originates frames of its own.
//!
//! Clones and originated frames are not cloned again, so that traffic cannot grow without bound. An originated frame is
//! a 60-byte broadcast of EtherType 0x88b5 (IEEE local experimental) from 02:00:00:00:00:01, with its number as eight
//! bytes from offset 14 on, trusted. A clone is unchanged and comes from the frame's own source port.
//!
//! Keys: `n` = clone every nth frame (default 10; 0 = none), `originate` = originate one with every nth frame (default
//! 0 = none), `leg` = where frames are cloned and counted: `ingress` (default) or `egress`.

#![forbid(unsafe_code)]

use heddle_extension_api::rights::{self, MayClone, MayInject};
use heddle_extension_api::{
    export_extension, Batch, Call, Capabilities, Config, Control, Counter, CreateError, Draft, FilterEgress,
    FilterExtension, FilterIngress, FilterWorker, Frame, FrameFlags, HostError, WorkerId,
};

#[derive(Clone)]
struct Inject {
    clone_every: u64,
    originate_every: u64,
    on_egress: bool,
    clones: Counter,
    originated: Counter,
    refused: Counter,
}

struct Worker {
    settings: Inject,
    seen: u64,
    number: u64,
}

impl FilterExtension for Inject {
    type Worker = Worker;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["n", "originate", "leg"])?;
        let on_egress = match config.get("leg") {
            None | Some("ingress") => false,
            Some("egress") => true,
            Some(other) => return Err(CreateError::Failed(format!("leg={other}: use ingress or egress"))),
        };
        Ok(Inject {
            clone_every: config.parse("n")?.unwrap_or(10),
            originate_every: config.parse("originate")?.unwrap_or(0),
            on_egress,
            clones: host.register_counter("clones", "frames")?,
            originated: host.register_counter("originated", "frames")?,
            refused: host.register_counter("refused", "frames")?,
        })
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { settings: self.clone(), seen: 0, number: 0 })
    }
}

fn is_nth(seen: u64, every: u64) -> bool {
    every != 0 && seen % every == 0
}

fn inject_clone<R: MayClone + MayInject>(frame: &Frame<'_, '_, R>) -> Result<(), HostError> {
    let draft = frame.clone_packet()?;
    match frame.source_port() {
        Some(port) => draft.inject_from(port),
        None => draft.inject_trusted(),
    }
}

fn write<R: MayInject>(draft: &mut Draft<'_, R>, number: u64) {
    let header = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    let content = header.iter().copied().chain(number.to_be_bytes()).chain(core::iter::repeat(0));
    for (to, from) in draft.bytes_mut().iter_mut().zip(content) {
        *to = from;
    }
}

impl Worker {
    fn run<R: MayClone + MayInject>(&mut self, batch: &mut Batch<'_, R>) {
        let (call, packets) = batch.parts();
        for frame in packets {
            if frame.flags().contains(FrameFlags::CLONE) || frame.flags().contains(FrameFlags::ORIGINATED) {
                continue;
            }
            self.seen += 1;
            if is_nth(self.seen, self.settings.clone_every) {
                let done = inject_clone(&frame);
                call.count(if done.is_ok() { self.settings.clones } else { self.settings.refused }, 1);
            }
            if is_nth(self.seen, self.settings.originate_every) {
                let done = self.originate(call);
                call.count(if done.is_ok() { self.settings.originated } else { self.settings.refused }, 1);
            }
        }
    }

    fn originate<R: MayInject>(&mut self, call: &Call<'_, R>) -> Result<(), HostError> {
        let mut draft = call.originate(60)?;
        write(&mut draft, self.number);
        draft.inject_trusted()?;
        self.number += 1;
        Ok(())
    }
}

impl FilterWorker for Worker {
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        if !self.settings.on_egress {
            self.run(batch);
        }
    }

    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        if self.settings.on_egress {
            self.run(batch);
        }
    }
}

export_extension!(filter Inject {
    id: "org.heddle.test.inject",
    name: "Test: clone and originate",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    capabilities: Capabilities::INJECT,
});
