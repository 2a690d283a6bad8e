//! `heddle_extension_v1`: the function table an extension exports.
//!
//! Growable: the host reads `struct_size` and treats a slot behind it as absent. A null optional slot is skipped at no
//! cost. Every label below reads: *Required* · *Thread* · *State* · *Owns* · *Errors*.
//!
//! Threads: `control` functions of one instance are never called concurrently with each other; `worker` functions of
//! one worker context are never called concurrently with each other. Both kinds run at the same time. `any` functions
//! may be called from every thread.

use core::ffi::c_void;

use super::control::Event;
use super::host::Host;
use super::packet::Batch;
use super::status::{Bytes, ErrorText};
use crate::{abi_fn, abi_struct};

abi_fn! {
/// Makes an instance of the extension for one switch.
///
/// `host` and what it points to live until `destroy` returns. `config` is UTF-8 lines `key=value`, borrowed.
pub type CreateFn = fn(host: *const Host, config: Bytes, out_instance: *mut *mut c_void, error: *mut ErrorText) -> i32;
row CREATE_FN }
abi_fn! {
/// Ends an instance: joins its threads and frees all it owns.
pub type DestroyFn = fn(instance: *mut c_void);
row DESTROY_FN }
abi_fn! {
/// Makes the instance's context for one worker.
pub type WorkerInitFn = fn(instance: *mut c_void, worker: u32, out_context: *mut *mut c_void) -> i32;
row WORKER_INIT_FN }
abi_fn! {
/// Ends a worker context; no call is made with it afterwards.
pub type WorkerFiniFn = fn(instance: *mut c_void, context: *mut c_void);
row WORKER_FINI_FN }
abi_fn! {
/// A data-path call.
pub type BatchFn = fn(context: *mut c_void, batch: *mut Batch) -> i32;
row BATCH_FN }
abi_fn! {
/// Periodic call on a worker, so that held frames can be released without traffic. The batch is empty.
pub type WorkerTickFn = fn(context: *mut c_void, batch: *mut Batch) -> i32;
row WORKER_TICK_FN }
abi_fn! {
/// Periodic call on the control thread.
pub type TickFn = fn(instance: *mut c_void, now_ns: u64) -> i32;
row TICK_FN }
abi_fn! {
/// A control event, in guaranteed order.
pub type EventFn = fn(instance: *mut c_void, event: *const Event, error: *mut ErrorText) -> i32;
row EVENT_FN }
abi_fn! {
/// How a request that the extension accepted ended: `OK`, or the status of a lower extension that vetoed it.
pub type CompletedFn = fn(instance: *mut c_void, event: *const Event, status: i32);
row COMPLETED_FN }
abi_fn! {
/// Finds an optional interface by its id, a zero-terminated string such as `heddle.sampling/1`.
pub type InterfaceFn = fn(id: *const std::os::raw::c_char) -> *const c_void;
row INTERFACE_FN }

abi_struct! { growable,
/// The table.
#[derive(Clone, Copy, Debug)]
pub struct ExtensionV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Required · control · once per switch · the instance is the extension's · any failure refuses the enable.
    pub create: Option<CreateFn>,
    /// Required · control · after all worker contexts ended · frees the instance · infallible.
    pub destroy: Option<DestroyFn>,
    /// Required with a data path · control · before the worker calls with it · the context is the extension's · a failure refuses the enable.
    pub worker_init: Option<WorkerInitFn>,
    /// Required with a data path · control · after the worker's last call · frees the context · infallible.
    pub worker_fini: Option<WorkerFiniFn>,
    /// Optional · worker · enabled · borrows the batch · `E_PANIC` leads to quarantine.
    pub ingress: Option<BatchFn>,
    /// Optional · worker · enabled · borrows the batch · `E_PANIC` leads to quarantine.
    pub egress: Option<BatchFn>,
    /// Optional · worker · enabled, about every 10 ms · borrows the empty batch · as `ingress`.
    pub worker_tick: Option<WorkerTickFn>,
    /// Optional · control · enabled, about every 100 ms · borrows nothing · as `ingress`.
    pub tick: Option<TickFn>,
    /// Optional · control · created · borrows the event · an error is a veto where the model allows one.
    pub event: Option<EventFn>,
    /// Optional · control · any state, also before `create` · the interface is static · null = not offered.
    pub interface: Option<InterfaceFn>,
    /// Since 1.4 · optional · control · created · borrows the event · infallible. Called for `PORT_CREATE` and `NIC_CREATE`, lowest
    /// extension first, after all have answered; when the status is no `OK`, the matching `*_DELETE` has been told before.
    pub completed: Option<CompletedFn>,
}
}
