//! The forwarding role: decides where frames go. At most one per switch.
//!
//! On ingress every frame that is not forwarded natively needs a decision: a port, a group, or a drop. A frame without
//! one is dropped by the host. On egress it may drop single deliveries.

use crate::config::Config;
use crate::control::Event;
use crate::host::Control;
use crate::packet::{Batch, Call};
use crate::rights::{ForwardIn, ForwardOut, Forwarding};
use crate::status::{CreateError, Outcome, Veto};
use crate::types::WorkerId;

/// What a forwarding extension sees on ingress.
pub type ForwardIngress<'a> = Batch<'a, ForwardIn>;
/// What a forwarding extension sees on egress.
pub type ForwardEgress<'a> = Batch<'a, ForwardOut>;

/// An instance of a forwarding extension, one per switch.
///
/// All methods are `[control]`: never called concurrently with each other, but while workers run.
pub trait ForwardingExtension: Sized + Send + 'static {
    /// The context of one worker.
    type Worker: ForwardingWorker;

    /// Whether [`ForwardingExtension::event`] is called.
    const HAS_EVENT: bool = true;
    /// Whether [`ForwardingExtension::completed`] is called.
    const HAS_COMPLETED: bool = false;
    /// Whether [`ForwardingExtension::tick`] is called.
    const HAS_TICK: bool = true;

    /// Makes the instance. The switch is not active yet: ports come as events, or can be listed after `SwitchActivate`.
    fn create(host: &Control<'_, Forwarding>, config: &Config<'_>) -> Result<Self, CreateError>;

    /// Makes the context of a worker.
    fn worker(&mut self, worker: WorkerId) -> Result<Self::Worker, CreateError>;

    /// Something happened to the switch, a port or a NIC. `PortCreate` and `NicCreate` may be vetoed.
    fn event(&mut self, host: &Control<'_, Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
        let _ = (host, event);
        Ok(())
    }

    /// How a `PortCreate` or `NicCreate` ended that this extension had accepted; the lowest extension is told first. When it
    /// was refused, the matching delete has been told before.
    fn completed(&mut self, host: &Control<'_, Forwarding>, event: &Event<'_>, outcome: Outcome) {
        let _ = (host, event, outcome);
    }

    /// About every 100 ms. `now_ns` is the monotonic clock.
    fn tick(&mut self, host: &Control<'_, Forwarding>, now_ns: u64) {
        let _ = (host, now_ns);
    }
}

/// The context of one worker of a forwarding extension.
///
/// All methods are `[worker]`: never called concurrently for one context; they neither block nor allocate.
pub trait ForwardingWorker: Send + 'static {
    /// Whether [`ForwardingWorker::egress`] is called.
    const HAS_EGRESS: bool = true;
    /// Whether [`ForwardingWorker::worker_tick`] is called.
    const HAS_WORKER_TICK: bool = true;

    /// Frames that enter the switch.
    fn ingress(&mut self, batch: &mut ForwardIngress<'_>);

    /// Deliveries that leave the switch. A delivery without a verdict passes.
    fn egress(&mut self, batch: &mut ForwardEgress<'_>) {
        let _ = batch;
    }

    /// About every 10 ms, so that held frames can be released without traffic.
    fn worker_tick(&mut self, call: &Call<'_, ForwardIn>) {
        let _ = call;
    }
}
