//! The entry points of the data path, and the optional sampling interface.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments. Cost of the crossing:
//! about 2 ns a call, whatever the number of packets; the guard adds nothing while nothing panics.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use std::ffi::CStr;
use std::os::raw::c_char;

use super::bridge::{Bridge, SamplingBridge};
use super::door::{report, Context};
use super::guard::guard;
use super::meta::size_u32;
use crate::abi::packet::Batch as AbiBatch;
use crate::abi::sampling::{Sample as AbiSample, SamplingV1, SAMPLE_HEADER_MAX, SAMPLING_ID};
use crate::abi::status::{E_INVALID, E_PANIC, OK};
use crate::packet::{Batch, Call};
use crate::rights::Rights;
use crate::sampling::Sample;

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

/// The sampling table of an extension; a constant, so that its address is static.
struct SamplingTable<B>(PhantomData<B>);

impl<B: SamplingBridge> SamplingTable<B> {
    const TABLE: &'static SamplingV1 = &SamplingV1 {
        struct_size: size_u32(core::mem::size_of::<SamplingV1>()),
        header_bytes: if B::HEADER_BYTES < SAMPLE_HEADER_MAX { B::HEADER_BYTES } else { SAMPLE_HEADER_MAX },
        sampled: Some(sampled::<B>),
        next_skip: Some(next_skip::<B>),
    };
}

pub(super) unsafe extern "C" fn sampling_interface<B: SamplingBridge>(id: *const c_char) -> *const c_void {
    if id.is_null() {
        return ptr::null();
    }
    // SAFETY: a non-null id is a zero-terminated string.
    let id = unsafe { CStr::from_ptr(id) };
    if id.to_bytes() == SAMPLING_ID.as_bytes() {
        let table: *const SamplingV1 = SamplingTable::<B>::TABLE;
        table.cast()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn sampled<B: SamplingBridge>(
    context: *mut c_void,
    _call: *mut c_void,
    sample: *const AbiSample,
) -> i32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    let context = unsafe { context.cast::<Context<B>>().as_mut() };
    let (context, sample) = match (context, NonNull::new(sample as *mut AbiSample)) {
        (Some(context), Some(sample)) => (context, sample),
        _ => return E_INVALID,
    };
    let Context { worker, host, .. } = context;
    guard(
        E_PANIC,
        |text| report(host, "sampled", text),
        || {
            // SAFETY: a non-null sample is valid for the call.
            B::sampled(worker, &unsafe { Sample::new(sample) });
            OK
        },
    )
}

unsafe extern "C" fn next_skip<B: SamplingBridge>(context: *mut c_void) -> u32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    let Context { worker, host, .. } = match unsafe { context.cast::<Context<B>>().as_mut() } {
        Some(context) => context,
        None => return NEVER,
    };
    guard(NEVER, |text| report(host, "next_skip", text), || B::next_skip(worker))
}

/// The skip count of an extension that cannot be asked.
const NEVER: u32 = u32::MAX;
