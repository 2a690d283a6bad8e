//! The capture role: sees every frame first on ingress and every delivery last on egress, changes nothing.
//!
//! It may originate frames, which enter on the ingress leg below it, and ask for samples ([`crate::Sampling`]). It may
//! not drop, change, hold or clone frames, nor veto anything: its memory of packets is read-only.

use crate::config::Config;
use crate::control::Event;
use crate::host::Control;
use crate::packet::{Batch, Call};
use crate::rights::{Capture, Observe};
use crate::status::CreateError;
use crate::types::WorkerId;

/// What a capture extension sees, on both legs.
pub type Observed<'a> = Batch<'a, Observe>;

/// An instance of a capture extension, one per switch.
///
/// All methods are `[control]`: never called concurrently with each other, but while workers run.
pub trait CaptureExtension: Sized + Send + 'static {
    /// The context of one worker.
    type Worker: CaptureWorker;

    /// Whether [`CaptureExtension::event`] is called.
    const HAS_EVENT: bool = true;
    /// Whether [`CaptureExtension::tick`] is called.
    const HAS_TICK: bool = true;

    /// Makes the instance. The switch is not active yet: ports come as events, or can be listed after `SwitchActivate`.
    fn create(host: &Control<'_, Capture>, config: &Config<'_>) -> Result<Self, CreateError>;

    /// Makes the context of a worker.
    fn worker(&mut self, worker: WorkerId) -> Result<Self::Worker, CreateError>;

    /// Something happened to the switch, a port or a NIC.
    fn event(&mut self, host: &Control<'_, Capture>, event: &Event<'_>) {
        let _ = (host, event);
    }

    /// About every 100 ms. `now_ns` is the monotonic clock.
    fn tick(&mut self, host: &Control<'_, Capture>, now_ns: u64) {
        let _ = (host, now_ns);
    }
}

/// The context of one worker of a capture extension.
///
/// All methods are `[worker]`: never called concurrently for one context; they neither block nor allocate. A leg that
/// is switched off by its constant costs nothing.
pub trait CaptureWorker: Send + 'static {
    /// Whether [`CaptureWorker::ingress`] is called.
    const HAS_INGRESS: bool = true;
    /// Whether [`CaptureWorker::egress`] is called.
    const HAS_EGRESS: bool = true;
    /// Whether [`CaptureWorker::worker_tick`] is called.
    const HAS_WORKER_TICK: bool = true;

    /// Frames that enter the switch.
    fn ingress(&mut self, batch: &mut Observed<'_>) {
        let _ = batch;
    }

    /// Deliveries that leave the switch.
    fn egress(&mut self, batch: &mut Observed<'_>) {
        let _ = batch;
    }

    /// About every 10 ms.
    fn worker_tick(&mut self, call: &Call<'_, Observe>) {
        let _ = call;
    }
}
