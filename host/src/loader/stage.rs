//! An extension's context on one worker, as the core's [`Stage`]. An unsafe island: it calls the function table.
//!
//! One call per batch. Around it the host only fills in [`Batch`] and stores who is running, so the crossing costs
//! nanoseconds per batch. After a panic no more calls are made: the fail policy decides about frames until the control
//! side has taken the extension out. A capture extension sees frames and descriptors through a [`Window`], so that what
//! it writes reaches nobody. In debug mode all of this is the [`Cage`]'s.

#![expect(unsafe_code, reason = "island: calls into vendor code through its function table")]

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use heddle_extension_api::abi::drops::Dropped as AbiDropped;
use heddle_extension_api::abi::entry::BatchFn;
use heddle_extension_api::abi::meta::CAPABILITY_OFFLOAD_FACTS;
use heddle_extension_api::abi::packet::{BATCH_SINGLE_SOURCE, Batch, LEG_EGRESS, LEG_INGRESS};
use heddle_extension_api::abi::sampling::Sample as AbiSample;
use heddle_extension_api::abi::status::{E_PANIC, OK};
use heddle_switch_core::call::Call;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::exchange::{Piece, Saved, StateFailure};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::sample::Sample;
use heddle_switch_core::stage::{CallEnd, Leg, Stage};

use super::guarded::Cage;
use super::{Instance, Window};
use crate::contain::{Entered, Function, enter, trap};

/// The context.
pub struct WorkerStage {
    instance: Arc<Instance>,
    context: *mut c_void,
    worker: u16,
    ingress: Option<BatchFn>,
    egress: Option<BatchFn>,
    wants_offload: bool,
    window: Option<Arc<Window>>,
    /// Where its calls are made in debug mode.
    cage: Option<Box<Cage>>,
}

// SAFETY: the ABI demands that a worker context may move between threads as long as calls with it do not overlap; the
// stage is owned by one worker at a time.
unsafe impl Send for WorkerStage {}

impl WorkerStage {
    pub(super) fn new(instance: Arc<Instance>, context: *mut c_void, worker: u16) -> WorkerStage {
        let entry = instance.library().entry();
        let (ingress, egress) = (entry.ingress, entry.egress);
        let wants_offload = instance.library().facts().capabilities & CAPABILITY_OFFLOAD_FACTS != 0;
        WorkerStage { instance, context, worker, ingress, egress, wants_offload, window: None, cage: None }
    }

    /// Shows it packets through a window, if stores into one are caught in this process.
    #[must_use]
    pub fn through(mut self, window: Option<Arc<Window>>) -> WorkerStage {
        // In debug mode it sees copies already.
        self.window = window.filter(|_| trap::is_armed() && self.cage.is_none());
        self
    }

    /// Makes its calls in debug mode.
    pub(super) fn within(mut self, cage: Cage) -> WorkerStage {
        self.cage = Some(Box::new(cage));
        self
    }

    /// The extension's context, for a process that makes the calls by itself.
    pub(super) fn context(&self) -> *mut c_void {
        self.context
    }

    /// Whether it has a function for ingress, egress and the periodic call.
    pub fn functions(&self) -> (bool, bool, bool) {
        (self.ingress.is_some(), self.egress.is_some(), self.instance.library().entry().worker_tick.is_some())
    }

    fn run(&mut self, function: BatchFn, which: Function, call: &mut Call<'_>) -> CallEnd {
        if self.instance.has_panicked() {
            return CallEnd::Failed;
        }
        if let Some(cage) = &mut self.cage {
            let status = cage.run((self.instance.site(), which), (function, self.context), call, self.wants_offload);
            return self.end(status);
        }
        let entered = enter(self.instance.site(), which, Some(call.worker()));
        let window = self.window.as_deref().filter(|window| entered.through(window));
        let offload = if self.wants_offload { call.offload_facts().as_ptr() } else { std::ptr::null() };
        let base = call.arena().base().as_ptr();
        let (packets, single_source) = match window {
            Some(window) => window.show(call.packets_mut()),
            None => (call.packets_mut().as_mut_ptr(), call.is_single_source()),
        };
        let mut batch = Batch {
            struct_size: u32::try_from(size_of::<Batch>()).unwrap_or(0),
            count: u32::try_from(call.len()).unwrap_or(0),
            packets,
            base: window.map_or(base, |window| window.base().cast_mut()),
            call: std::ptr::null_mut(),
            now_ns: call.now_ns(),
            worker: u32::from(call.worker()),
            leg: if call.leg() == Leg::Ingress { LEG_INGRESS } else { LEG_EGRESS },
            flags: if single_source { BATCH_SINGLE_SOURCE } else { 0 },
            reserved: 0,
            offload,
            draft_base: window.map_or(base, Window::draft_base),
        };
        batch.call = std::ptr::from_mut(call).cast();
        let showing = window.map(|window| window.in_call(batch.call));
        // SAFETY: the context is live; the batch and what it points to outlive the call; while it runs, `call` is used
        // only through `batch.call` by the host table, on this thread.
        let status = unsafe { function(self.context, &raw mut batch) };
        drop(showing);
        if let Some(window) = window.filter(|window| window.is_touched()) {
            let judged = window.judge(call);
            if let Err(error) = judged {
                tracing::error!(%error, "packets cannot be shown to capture extensions any more; the switch process ends");
                std::process::abort();
            }
        }
        drop(entered);
        self.end(status)
    }

    /// A call of this worker that has no batch.
    fn enter(&self, function: Function) -> Entered<'_> {
        enter(self.instance.site(), function, Some(self.worker))
    }

    /// How a call ended.
    #[inline]
    fn end(&self, status: i32) -> CallEnd {
        if status == OK {
            return CallEnd::Returned;
        }
        if status == E_PANIC {
            self.instance.set_panicked();
        }
        CallEnd::Failed
    }
}

impl Stage for WorkerStage {
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd {
        let (function, which) = match call.leg() {
            Leg::Ingress => (self.ingress, Function::Ingress),
            Leg::Egress => (self.egress, Function::Egress),
        };
        match function {
            Some(function) => self.run(function, which, call),
            None => CallEnd::Returned,
        }
    }

    fn tick(&mut self, call: &mut Call<'_>) -> CallEnd {
        match self.instance.library().entry().worker_tick {
            Some(function) => self.run(function, Function::WorkerTick, call),
            None => CallEnd::Returned,
        }
    }

    fn next_skip(&mut self) -> u32 {
        let next = self.instance.sampling().and_then(|sampling| sampling.next_skip);
        match next {
            Some(next) if !self.instance.has_panicked() => {
                let _entered = self.enter(Function::Sampling);
                // SAFETY: the context is live and this is its worker.
                unsafe { next(self.context) }
            }
            _ => u32::MAX,
        }
    }

    fn sampled(&mut self, sample: &Sample) -> CallEnd {
        let Some(function) = self.instance.sampling().and_then(|sampling| sampling.sampled) else {
            return CallEnd::Returned;
        };
        if self.instance.has_panicked() {
            return CallEnd::Failed;
        }
        let told = AbiSample {
            struct_size: u32::try_from(size_of::<AbiSample>()).unwrap_or(0),
            source_port: sample.source.raw(),
            frame_length: sample.frame_length,
            header_length: u32::try_from(sample.header_length).unwrap_or(0),
            header: sample.header.as_ptr(),
            output_count: sample.output_count,
            drop_reason: sample.drop_code,
            source_vlan: sample.source_tci,
            destination_vlan: sample.destination_tci,
            reserved: 0,
            lost: sample.lost,
            pool: sample.pool,
            outputs: sample.outputs.map(PortId::raw),
        };
        let entered = self.enter(Function::Sampling);
        // SAFETY: the context is live; the sample outlives the call.
        let status = unsafe { function(self.context, std::ptr::null_mut(), &raw const told) };
        drop(entered);
        self.end(status)
    }

    fn skips_by_port(&self) -> bool {
        self.instance.sampling().is_some_and(|sampling| sampling.next_skip_of.is_some())
    }

    fn next_skip_of(&mut self, port: PortId) -> u32 {
        let next = self.instance.sampling().and_then(|sampling| sampling.next_skip_of);
        match next {
            Some(next) if !self.instance.has_panicked() => {
                let _entered = self.enter(Function::Sampling);
                // SAFETY: the context is live and this is its worker.
                unsafe { next(self.context, port.raw()) }
            }
            _ => u32::MAX,
        }
    }

    fn counts_vlans(&self) -> bool {
        self.instance.shared().counts_vlans.load(Ordering::Relaxed)
    }

    fn drops_wanted(&mut self) -> u32 {
        let wanted = self.instance.drops().and_then(|drops| drops.wanted);
        match wanted {
            Some(wanted) if !self.instance.has_panicked() => {
                let _entered = self.enter(Function::Drops);
                // SAFETY: the context is live and this is its worker.
                unsafe { wanted(self.context) }
            }
            _ => 0,
        }
    }

    fn dropped(&mut self, dropped: &Dropped, withheld: u64) -> CallEnd {
        let Some(function) = self.instance.drops().and_then(|drops| drops.dropped) else {
            return CallEnd::Returned;
        };
        if self.instance.has_panicked() {
            return CallEnd::Failed;
        }
        let told = AbiDropped {
            struct_size: u32::try_from(size_of::<AbiDropped>()).unwrap_or(0),
            source_port: dropped.source.raw(),
            destination_port: dropped.destination.raw(),
            frame_length: dropped.frame_length,
            header: dropped.header.as_ptr(),
            header_length: u32::try_from(dropped.header_length).unwrap_or(0),
            drop_reason: dropped.code,
            vlan: dropped.tci,
            withheld,
        };
        let entered = self.enter(Function::Drops);
        // SAFETY: the context is live; the drop outlives the call.
        let status = unsafe { function(self.context, &raw const told) };
        drop(entered);
        self.end(status)
    }

    fn sees_copies(&self) -> bool {
        self.window.is_some()
    }

    fn save(&mut self, room: &mut [u8], index: u32) -> Result<Saved, StateFailure> {
        let _entered = self.enter(Function::WorkerState);
        self.instance.save_worker(self.context, room, index)
    }

    fn restore(&mut self, piece: &Piece<'_>) -> Result<(), StateFailure> {
        let _entered = self.enter(Function::WorkerState);
        self.instance.restore_worker(self.context, piece)
    }

    fn end_saving(&mut self) {
        let _entered = self.enter(Function::WorkerState);
        self.instance.end_saving_worker(self.context);
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

impl Drop for WorkerStage {
    fn drop(&mut self) {
        self.instance.end_worker(self.context);
    }
}
