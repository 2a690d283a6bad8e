//! The optional interfaces: sampling and dropped frames for captures, published configuration for all.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments. An interface is a
//! table of functions, a constant per extension type, found by its id.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use std::ffi::CStr;
use std::os::raw::c_char;

use super::bridge::{ConfigBridge, DropsBridge, SamplingBridge};
use super::door::{configure, report, Context};
use super::guard::guard;
use super::meta::size_u32;
use crate::abi::config::{ConfigV1, CONFIG_ID};
use crate::abi::drops::{Dropped as AbiDropped, DropsV1, DROPS_ID};
use crate::abi::sampling::{Sample as AbiSample, SamplingV1, SAMPLE_HEADER_MAX, SAMPLING_ID};
use crate::abi::status::{E_INVALID, E_PANIC, OK};
use crate::drops::Dropped;
use crate::sampling::Sample;
use crate::types::PortId;

/// The sampling table of an extension; a constant, so that its address is static.
struct SamplingTable<B>(PhantomData<B>);

impl<B: SamplingBridge> SamplingTable<B> {
    const TABLE: &'static SamplingV1 = &SamplingV1 {
        struct_size: size_u32(core::mem::size_of::<SamplingV1>()),
        header_bytes: if B::HEADER_BYTES < SAMPLE_HEADER_MAX { B::HEADER_BYTES } else { SAMPLE_HEADER_MAX },
        sampled: Some(sampled::<B>),
        next_skip: Some(next_skip::<B>),
        next_skip_of: if B::BY_PORT { Some(next_skip_of::<B>) } else { None },
    };
}

/// The table of dropped frames of an extension, likewise.
struct DropsTable<B>(PhantomData<B>);

impl<B: DropsBridge> DropsTable<B> {
    const TABLE: &'static DropsV1 = &DropsV1 {
        struct_size: size_u32(core::mem::size_of::<DropsV1>()),
        reserved: 0,
        dropped: Some(dropped::<B>),
        wanted: Some(wanted::<B>),
    };
}

/// The configuration table of an extension, likewise.
struct ConfigTable<B>(PhantomData<B>);

impl<B: ConfigBridge> ConfigTable<B> {
    const TABLE: &'static ConfigV1 = &ConfigV1 {
        struct_size: size_u32(core::mem::size_of::<ConfigV1>()),
        key_count: size_u32(B::KEYS.len()),
        // A key is transparent over the row of the ABI.
        keys: B::KEYS.as_ptr().cast(),
        configure: Some(configure::<B>),
    };
}

pub(super) unsafe extern "C" fn config_interface<B: ConfigBridge>(id: *const c_char) -> *const c_void {
    // SAFETY: the caller's promise: null, or a zero-terminated string.
    if unsafe { names(id, CONFIG_ID) } {
        let table: *const ConfigV1 = ConfigTable::<B>::TABLE;
        table.cast()
    } else {
        ptr::null()
    }
}

pub(super) unsafe extern "C" fn sampling_drops_config_interface<B: SamplingBridge + DropsBridge + ConfigBridge>(
    id: *const c_char,
) -> *const c_void {
    // SAFETY: the caller's promise, handed on.
    let found = unsafe { sampling_drops_interface::<B>(id) };
    if found.is_null() {
        // SAFETY: the caller's promise, handed on.
        unsafe { config_interface::<B>(id) }
    } else {
        found
    }
}

pub(super) unsafe extern "C" fn sampling_interface<B: SamplingBridge>(id: *const c_char) -> *const c_void {
    // SAFETY: the caller's promise: null, or a zero-terminated string.
    if unsafe { names(id, SAMPLING_ID) } {
        let table: *const SamplingV1 = SamplingTable::<B>::TABLE;
        table.cast()
    } else {
        ptr::null()
    }
}

pub(super) unsafe extern "C" fn drops_interface<B: DropsBridge>(id: *const c_char) -> *const c_void {
    // SAFETY: the caller's promise: null, or a zero-terminated string.
    if unsafe { names(id, DROPS_ID) } {
        let table: *const DropsV1 = DropsTable::<B>::TABLE;
        table.cast()
    } else {
        ptr::null()
    }
}

pub(super) unsafe extern "C" fn sampling_drops_interface<B: SamplingBridge + DropsBridge>(
    id: *const c_char,
) -> *const c_void {
    // SAFETY: the caller's promise, handed on.
    let sampling = unsafe { sampling_interface::<B>(id) };
    if sampling.is_null() {
        // SAFETY: the caller's promise, handed on.
        unsafe { drops_interface::<B>(id) }
    } else {
        sampling
    }
}

/// # Safety
/// `id` is null or a zero-terminated string.
pub(super) unsafe fn names(id: *const c_char, interface: &str) -> bool {
    // SAFETY: the caller's promise.
    !id.is_null() && unsafe { CStr::from_ptr(id) }.to_bytes() == interface.as_bytes()
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

unsafe extern "C" fn next_skip_of<B: SamplingBridge>(context: *mut c_void, port: u32) -> u32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    let context = unsafe { context.cast::<Context<B>>().as_mut() };
    let (Context { worker, host, .. }, port) = match (context, PortId::new(port)) {
        (Some(context), Some(port)) => (context, port),
        _ => return NEVER,
    };
    guard(NEVER, |text| report(host, "next_skip_of", text), || B::next_skip_of(worker, port))
}

unsafe extern "C" fn dropped<B: DropsBridge>(context: *mut c_void, dropped: *const AbiDropped) -> i32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    let context = unsafe { context.cast::<Context<B>>().as_mut() };
    let (context, dropped) = match (context, NonNull::new(dropped as *mut AbiDropped)) {
        (Some(context), Some(dropped)) => (context, dropped),
        _ => return E_INVALID,
    };
    let Context { worker, host, .. } = context;
    guard(
        E_PANIC,
        |text| report(host, "dropped", text),
        || {
            // SAFETY: a non-null drop is valid for the call.
            B::dropped(worker, &unsafe { Dropped::new(dropped) });
            OK
        },
    )
}

unsafe extern "C" fn wanted<B: DropsBridge>(context: *mut c_void) -> u32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    let Context { worker, host, .. } = match unsafe { context.cast::<Context<B>>().as_mut() } {
        Some(context) => context,
        None => return 0,
    };
    guard(0, |text| report(host, "wanted", text), || B::wanted(worker))
}

/// The skip count of an extension that cannot be asked.
const NEVER: u32 = u32::MAX;
