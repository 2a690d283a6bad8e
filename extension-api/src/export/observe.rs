//! The optional interfaces: sampling and dropped frames for captures, configuration and policies for all.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments. An interface is a
//! table of functions, a constant per extension type, found by its id.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use std::ffi::CStr;
use std::os::raw::c_char;

use super::bridge::{ConfigBridge, DropsBridge, PolicyBridge, SamplingBridge, StatusBridge};
use super::door::{configure, report, Context};
use super::guard::guard;
use super::meta::size_u32;
use super::property::{property, property_done, status};
use crate::abi::config::{ConfigV1, CONFIG_ID};
use crate::abi::drops::{Dropped as AbiDropped, DropsV1, DROPS_ID};
use crate::abi::policy::{PolicyV1, POLICY_ID};
use crate::abi::sampling::{Sample as AbiSample, SamplingV1, SAMPLE_HEADER_MAX, SAMPLING_ID};
use crate::abi::status::{E_INVALID, E_PANIC, OK};
use crate::drops::Dropped;
use crate::sampling::Sample;
use crate::types::PortId;

/// An optional interface of an extension: its id, and its table, a constant so that its address is static.
pub trait Interface {
    /// Its id.
    const ID: &'static str;
    /// Its table.
    fn table() -> *const c_void;
}

/// A list of interfaces: `()`, or one and the rest.
pub trait Interfaces: 'static {
    /// The table of the interface with this id, or null.
    fn find(id: &[u8]) -> *const c_void;
}

impl Interfaces for () {
    fn find(_: &[u8]) -> *const c_void {
        ptr::null()
    }
}

impl<I: Interface + 'static, L: Interfaces> Interfaces for (I, L) {
    fn find(id: &[u8]) -> *const c_void {
        if id == I::ID.as_bytes() {
            I::table()
        } else {
            L::find(id)
        }
    }
}

pub(super) unsafe extern "C" fn interface<L: Interfaces>(id: *const c_char) -> *const c_void {
    if id.is_null() {
        return ptr::null();
    }
    // SAFETY: not null, and a zero-terminated string by the caller's promise.
    L::find(unsafe { CStr::from_ptr(id) }.to_bytes())
}

macro_rules! interfaces {
    ($($(#[$doc:meta])* $name:ident: $bridge:ident, $id:ident, $table:ident, $value:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<B>(PhantomData<B>);

        impl<B: $bridge> $name<B> {
            const TABLE: &'static $table = &$value;
        }

        impl<B: $bridge> Interface for $name<B> {
            const ID: &'static str = $id;

            fn table() -> *const c_void {
                let table: *const $table = Self::TABLE;
                table.cast()
            }
        }
    )+};
}

interfaces! {
    /// Sampling.
    SamplingOf: SamplingBridge, SAMPLING_ID, SamplingV1, SamplingV1 {
        struct_size: size_u32(core::mem::size_of::<SamplingV1>()),
        header_bytes: if B::HEADER_BYTES < SAMPLE_HEADER_MAX { B::HEADER_BYTES } else { SAMPLE_HEADER_MAX },
        sampled: Some(sampled::<B>),
        next_skip: Some(next_skip::<B>),
        next_skip_of: if B::BY_PORT { Some(next_skip_of::<B>) } else { None },
    };
    /// Dropped frames.
    DropsOf: DropsBridge, DROPS_ID, DropsV1, DropsV1 {
        struct_size: size_u32(core::mem::size_of::<DropsV1>()),
        reserved: 0,
        dropped: Some(dropped::<B>),
        wanted: Some(wanted::<B>),
    };
    /// Published configuration.
    ConfigOf: ConfigBridge, CONFIG_ID, ConfigV1, ConfigV1 {
        struct_size: size_u32(core::mem::size_of::<ConfigV1>()),
        key_count: size_u32(B::KEYS.len()),
        // A key is transparent over the row of the ABI.
        keys: B::KEYS.as_ptr().cast(),
        configure: Some(configure::<B>),
    };
    /// Policies.
    PolicyOf: PolicyBridge, POLICY_ID, PolicyV1, PolicyV1 {
        struct_size: size_u32(core::mem::size_of::<PolicyV1>()),
        feature_count: size_u32(B::FEATURES.len()),
        // A feature is transparent over the row of the ABI.
        features: B::FEATURES.as_ptr().cast(),
        standard: B::STANDARD.0,
        reserved: 0,
        property: Some(property::<B>),
        property_done: Some(property_done::<B>),
        status: Some(status::<B>),
    };
    /// Features that only tell their status.
    StatusOf: StatusBridge, POLICY_ID, PolicyV1, PolicyV1 {
        struct_size: size_u32(core::mem::size_of::<PolicyV1>()),
        feature_count: size_u32(B::FEATURES.len()),
        // As above.
        features: B::FEATURES.as_ptr().cast(),
        standard: 0,
        reserved: 0,
        property: None,
        property_done: None,
        status: Some(status::<B>),
    };
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
