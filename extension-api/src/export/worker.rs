//! The entry points of the data path.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments. Cost of the crossing:
//! about 2 ns a call, whatever the number of packets; the guard adds nothing while nothing panics.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::NonNull;

use super::bridge::Bridge;
use super::door::{report, Context};
use super::guard::guard;
use crate::abi::packet::Batch as AbiBatch;
use crate::abi::status::{E_INVALID, E_PANIC, OK};
use crate::packet::{Batch, Call};
use crate::rights::Rights;

pub(super) unsafe extern "C" fn ingress<B: Bridge>(context: *mut c_void, batch: *mut AbiBatch) -> i32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use; the batch is null or valid for the call.
    unsafe { with_call::<B, B::Ingress>(context, batch, "ingress", |w, call| B::ingress(w, &mut Batch::new(call))) }
}

pub(super) unsafe extern "C" fn egress<B: Bridge>(context: *mut c_void, batch: *mut AbiBatch) -> i32 {
    // SAFETY: as in `ingress`.
    unsafe { with_call::<B, B::Egress>(context, batch, "egress", |w, call| B::egress(w, &mut Batch::new(call))) }
}

pub(super) unsafe extern "C" fn worker_tick<B: Bridge>(context: *mut c_void, batch: *mut AbiBatch) -> i32 {
    // SAFETY: as in `ingress`.
    unsafe { with_call::<B, B::Ingress>(context, batch, "worker_tick", |w, call| B::worker_tick(w, &call)) }
}

/// # Safety
/// `context` is null or made by `worker_init` for the same `B`, and no other call uses it; `batch` is null or valid
/// until this function returns, and `R` are the rights of its leg.
#[inline]
unsafe fn with_call<B: Bridge, R: Rights>(
    context: *mut c_void,
    batch: *mut AbiBatch,
    function: &'static str,
    body: impl FnOnce(&mut B::Worker, Call<'_, R>),
) -> i32 {
    // SAFETY: the caller's promise.
    let (context, batch) = match unsafe { (context.cast::<Context<B>>().as_mut(), NonNull::new(batch)) } {
        (Some(context), Some(batch)) => (context, batch),
        _ => return E_INVALID,
    };
    let Context { worker, table, host } = context;
    guard(
        E_PANIC,
        |text| report(host, function, text),
        || {
            // SAFETY: the caller's promise; the table is the host's.
            body(worker, unsafe { Call::new(batch, &table.0) });
            OK
        },
    )
}
