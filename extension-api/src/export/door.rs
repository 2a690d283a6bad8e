//! The entry points: `extern "C"` functions, generic over the extension, that check pointers and pass the panic guard.
//!
//! An unsafe island. What carries the SAFETY comments: an instance pointer comes from [`create`] and dies in
//! [`destroy`], a context pointer from [`worker_init`] and dies in [`worker_fini`], the host hands them back unchanged,
//! and never makes two calls with one context, or two control calls with one instance, at the same time
//! (see [`crate::abi::entry`]). Null pointers are refused as `E_INVALID`.
#![allow(unsafe_code)]

use core::ffi::c_void;
use std::fmt::Write;

use super::bridge::{Bridge, ConfigBridge};
use super::guard::guard;
use super::meta::size_u32;
use super::observe::{interface, Interfaces};
use super::worker::{egress, ingress, worker_tick};
use crate::abi::control::Event as AbiEvent;
use crate::abi::entry::ExtensionV1;
use crate::abi::host::Host;
use crate::abi::status::{Bytes, ErrorText, ERROR_TEXT_LEN, E_INVALID, E_PANIC, OK};
use crate::config::{Config, ConfigError};
use crate::control::Event;
use crate::host::{Control, HostHandle, Level, Table};
use crate::status::{CreateError, Outcome};
use crate::types::WorkerId;

/// What an instance pointer points to.
pub(super) struct Instance<B: Bridge> {
    pub(super) extension: B::Instance,
    pub(super) host: HostHandle,
    table: Table,
}

/// What a context pointer points to.
pub(super) struct Context<B: Bridge> {
    pub(super) worker: B::Worker,
    pub(super) table: Table,
    pub(super) host: HostHandle,
}

/// The function table of an extension. A function the extension does not have is null, which the host skips.
pub const fn entry<B: Bridge>() -> ExtensionV1 {
    let [has_ingress, has_egress, has_worker_tick] = B::WORKER_CALLS;
    let [has_event, has_completed, has_tick] = B::CONTROL_CALLS;
    ExtensionV1 {
        struct_size: size_u32(core::mem::size_of::<ExtensionV1>()),
        reserved: 0,
        create: Some(create::<B>),
        destroy: Some(destroy::<B>),
        worker_init: if B::HAS_WORKERS { Some(worker_init::<B>) } else { None },
        worker_fini: if B::HAS_WORKERS { Some(worker_fini::<B>) } else { None },
        ingress: if has_ingress { Some(ingress::<B>) } else { None },
        egress: if has_egress { Some(egress::<B>) } else { None },
        worker_tick: if has_worker_tick { Some(worker_tick::<B>) } else { None },
        tick: if has_tick { Some(tick::<B>) } else { None },
        event: if has_event { Some(event::<B>) } else { None },
        interface: None,
        completed: if has_completed { Some(completed::<B>) } else { None },
    }
}

/// The function table of an extension with optional interfaces.
pub const fn entry_with<B: Bridge, L: Interfaces>() -> ExtensionV1 {
    let mut table = entry::<B>();
    table.interface = Some(interface::<L>);
    table
}

unsafe extern "C" fn create<B: Bridge>(
    host: *const Host,
    config: Bytes,
    out_instance: *mut *mut c_void,
    error: *mut ErrorText,
) -> i32 {
    if host.is_null() || out_instance.is_null() {
        return E_INVALID;
    }
    // SAFETY: a non-null host table is valid for the size it states.
    let table = unsafe { Table::copy(host) };
    let handle = HostHandle::new(table);
    let made = guard(
        Err(None),
        |text| report(&handle, "create", text),
        || {
            // SAFETY: the host lends the configuration until the call returns.
            let text = unsafe { borrow(&config) };
            let text = core::str::from_utf8(text).map_err(|_| Some(ConfigError::NotUtf8.into()))?;
            let config = Config::new(text).map_err(|error| Some(error.into()))?;
            B::create(&Control::new(&handle), &config).map_err(Some)
        },
    );
    match made {
        Ok(extension) => {
            let instance = Box::new(Instance::<B> { extension, host: handle, table });
            // SAFETY: checked not to be null above; valid for a write.
            unsafe { *out_instance = Box::into_raw(instance).cast() };
            OK
        }
        Err(failure) => {
            handle.close();
            // SAFETY: null, or valid for a write.
            unsafe { explain(error, failure) }
        }
    }
}

/// # Safety
/// `error` is null or valid for writes.
pub(super) unsafe fn explain(error: *mut ErrorText, failure: Option<CreateError>) -> i32 {
    let status = failure.as_ref().map_or(E_PANIC, CreateError::status);
    match failure {
        // SAFETY: the caller's promise.
        Some(failure) => unsafe { write_error(error, &failure) },
        // SAFETY: the caller's promise.
        None => unsafe { write_error(error, &"the extension panicked; the log has its message") },
    }
    status
}

/// Fills an error text, cut at a character when too long.
///
/// # Safety
/// `error` is null or valid for writes.
pub(super) unsafe fn write_error(error: *mut ErrorText, what: &dyn core::fmt::Display) {
    // SAFETY: the caller's promise.
    let error = match unsafe { error.as_mut() } {
        Some(error) => error,
        None => return,
    };
    let mut text = String::new();
    let _ = write!(text, "{what}");
    let mut end = text.len().min(ERROR_TEXT_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.as_bytes().get(..end).unwrap_or_default();
    for (to, from) in error.text.iter_mut().zip(kept) {
        *to = *from;
    }
    error.length = u32::try_from(kept.len()).unwrap_or(0);
}

/// # Safety
/// `bytes` is null or names bytes that live as long as the borrow.
pub(super) unsafe fn borrow(bytes: &Bytes) -> &[u8] {
    match (bytes.data.is_null(), usize::try_from(bytes.length)) {
        // SAFETY: the caller's promise.
        (false, Ok(length)) => unsafe { core::slice::from_raw_parts(bytes.data, length) },
        _ => &[],
    }
}

pub(super) fn report(host: &HostHandle, function: &str, text: &str) {
    host.log(Level::Error, &format!("panicked in `{function}`: {text}"));
}

unsafe extern "C" fn destroy<B: Bridge>(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    // SAFETY: made by `create`, and this is its last call.
    let instance = unsafe { Box::from_raw(instance.cast::<Instance<B>>()) };
    let Instance { extension, host, .. } = *instance;
    guard((), |text| report(&host, "destroy", text), || drop(extension));
    host.close();
}

unsafe extern "C" fn worker_init<B: Bridge>(instance: *mut c_void, worker: u32, out_context: *mut *mut c_void) -> i32 {
    if out_context.is_null() {
        return E_INVALID;
    }
    // SAFETY: null, or made by `create`; control calls do not overlap.
    let Instance { extension, host, table } = match unsafe { instance.cast::<Instance<B>>().as_mut() } {
        Some(instance) => instance,
        None => return E_INVALID,
    };
    let made = guard(
        Err(None),
        |text| report(host, "worker_init", text),
        || B::worker(extension, WorkerId(worker)).map_err(Some),
    );
    match made {
        Ok(worker) => {
            let context = Box::new(Context::<B> { worker, table: *table, host: host.clone() });
            // SAFETY: checked not to be null above; valid for a write.
            unsafe { *out_context = Box::into_raw(context).cast() };
            OK
        }
        Err(failure) => {
            if let Some(failure) = &failure {
                host.log(Level::Error, &format!("worker {worker}: {failure}"));
            }
            failure.map_or(E_PANIC, |failure| failure.status())
        }
    }
}

unsafe extern "C" fn worker_fini<B: Bridge>(_instance: *mut c_void, context: *mut c_void) {
    if context.is_null() {
        return;
    }
    // SAFETY: made by `worker_init`, and this is its last call.
    let context = unsafe { Box::from_raw(context.cast::<Context<B>>()) };
    let Context { worker, host, .. } = *context;
    guard((), |text| report(&host, "worker_fini", text), || drop(worker));
}

unsafe extern "C" fn event<B: Bridge>(instance: *mut c_void, event: *const AbiEvent, error: *mut ErrorText) -> i32 {
    // SAFETY: null, or made by `create`; control calls do not overlap. The event is null or valid for the call.
    let (instance, event) = match unsafe { (instance.cast::<Instance<B>>().as_mut(), event.as_ref()) } {
        (Some(instance), Some(event)) => (instance, event),
        _ => return E_INVALID,
    };
    let Instance { extension, host, .. } = instance;
    let outcome = guard(
        Err(None),
        |text| report(host, "event", text),
        || {
            // SAFETY: the event is valid for the call, with all it points to.
            let event = unsafe { Event::from_host(event) };
            B::event(extension, &Control::new(host), &event).map_err(Some)
        },
    );
    match outcome {
        Ok(()) => OK,
        Err(Some(veto)) => {
            // SAFETY: null, or valid for writes.
            unsafe { write_error(error, &veto) };
            veto.status()
        }
        Err(None) => E_PANIC,
    }
}

unsafe extern "C" fn completed<B: Bridge>(instance: *mut c_void, event: *const AbiEvent, status: i32) {
    // SAFETY: null, or made by `create`; control calls do not overlap. The event is null or valid for the call.
    let (instance, event) = match unsafe { (instance.cast::<Instance<B>>().as_mut(), event.as_ref()) } {
        (Some(instance), Some(event)) => (instance, event),
        _ => return,
    };
    let Instance { extension, host, .. } = instance;
    guard(
        (),
        |text| report(host, "completed", text),
        || {
            // SAFETY: the event is valid for the call, with all it points to.
            let event = unsafe { Event::from_host(event) };
            B::completed(extension, &Control::new(host), &event, Outcome::of(status));
        },
    );
}

unsafe extern "C" fn tick<B: Bridge>(instance: *mut c_void, now_ns: u64) -> i32 {
    // SAFETY: null, or made by `create`; control calls do not overlap.
    let Instance { extension, host, .. } = match unsafe { instance.cast::<Instance<B>>().as_mut() } {
        Some(instance) => instance,
        None => return E_INVALID,
    };
    guard(
        E_PANIC,
        |text| report(host, "tick", text),
        || {
            B::tick(extension, &Control::new(host), now_ns);
            OK
        },
    )
}

pub(super) unsafe extern "C" fn configure<B: ConfigBridge>(
    instance: *mut c_void,
    config: Bytes,
    error: *mut ErrorText,
) -> i32 {
    // SAFETY: null, or made by `create`; control calls do not overlap.
    let Instance { extension, host, .. } = match unsafe { instance.cast::<Instance<B>>().as_mut() } {
        Some(instance) => instance,
        None => return E_INVALID,
    };
    let outcome = guard(
        Err(None),
        |text| report(host, "configure", text),
        || {
            // SAFETY: the host lends the configuration until the call returns.
            let text = unsafe { borrow(&config) };
            let text = core::str::from_utf8(text).map_err(|_| Some(ConfigError::NotUtf8.into()))?;
            let config = Config::new(text).map_err(|error| Some(error.into()))?;
            B::configure(extension, &Control::new(host), &config).map_err(Some)
        },
    );
    match outcome {
        Ok(()) => OK,
        // SAFETY: null, or valid for writes.
        Err(failure) => unsafe { explain(error, failure) },
    }
}
