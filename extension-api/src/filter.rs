//! The filter role: custom policy. May drop, hold, clone and originate on both legs and change frames on ingress.
//!
//! On ingress no destination is known yet; on egress each delivery is seen by itself, and dropping it excludes that
//! destination only. What is injected enters on the ingress leg, below this extension.

use crate::config::Config;
use crate::control::Event;
use crate::host::Control;
use crate::packet::{Batch, Call};
use crate::rights::{Filter, FilterIn, FilterOut};
use crate::status::{CreateError, Outcome, Veto};
use crate::types::WorkerId;

/// What a filter extension sees on ingress.
pub type FilterIngress<'a> = Batch<'a, FilterIn>;
/// What a filter extension sees on egress.
pub type FilterEgress<'a> = Batch<'a, FilterOut>;

/// An instance of a filter extension, one per switch.
///
/// All methods are `[control]`: never called concurrently with each other, but while workers run.
pub trait FilterExtension: Sized + Send + 'static {
    /// The context of one worker.
    type Worker: FilterWorker;

    /// Whether [`FilterExtension::event`] is called.
    const HAS_EVENT: bool = true;
    /// Whether [`FilterExtension::completed`] is called.
    const HAS_COMPLETED: bool = false;
    /// Whether [`FilterExtension::tick`] is called.
    const HAS_TICK: bool = true;

    /// Makes the instance. The switch is not active yet: ports come as events, or can be listed after `SwitchActivate`.
    fn create(host: &Control<'_, Filter>, config: &Config<'_>) -> Result<Self, CreateError>;

    /// Makes the context of a worker.
    fn worker(&mut self, worker: WorkerId) -> Result<Self::Worker, CreateError>;

    /// Something happened to the switch, a port or a NIC. `PortCreate` and `NicCreate` may be vetoed.
    fn event(&mut self, host: &Control<'_, Filter>, event: &Event<'_>) -> Result<(), Veto> {
        let _ = (host, event);
        Ok(())
    }

    /// How a `PortCreate` or `NicCreate` ended that this extension had accepted; the lowest extension is told first. When it
    /// was refused, the matching delete has been told before.
    fn completed(&mut self, host: &Control<'_, Filter>, event: &Event<'_>, outcome: Outcome) {
        let _ = (host, event, outcome);
    }

    /// About every 100 ms. `now_ns` is the monotonic clock.
    fn tick(&mut self, host: &Control<'_, Filter>, now_ns: u64) {
        let _ = (host, now_ns);
    }
}

/// The context of one worker of a filter extension.
///
/// All methods are `[worker]`: never called concurrently for one context; they neither block nor allocate. A leg that
/// is switched off by its constant costs nothing.
pub trait FilterWorker: Send + 'static {
    /// Whether [`FilterWorker::ingress`] is called.
    const HAS_INGRESS: bool = true;
    /// Whether [`FilterWorker::egress`] is called.
    const HAS_EGRESS: bool = true;
    /// Whether [`FilterWorker::worker_tick`] is called.
    const HAS_WORKER_TICK: bool = true;

    /// Frames that enter the switch. A frame without a verdict passes.
    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        let _ = batch;
    }

    /// Deliveries that leave the switch. A delivery without a verdict passes.
    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        let _ = batch;
    }

    /// About every 10 ms, so that held frames can be released without traffic.
    fn worker_tick(&mut self, call: &Call<'_, FilterIn>) {
        let _ = call;
    }
}
