//! The entry points of policies: properties, how they ended, and status.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments.
#![allow(unsafe_code)]

use core::ffi::c_void;

use super::bridge::{PolicyBridge, StatusBridge};
use super::door::{borrow, report, write_error, Instance};
use super::guard::guard;
use crate::abi::policy::{Property as AbiProperty, POLICY_STATUS_MAX};
use crate::abi::status::{Bytes, ErrorText, E_FULL, E_GONE, E_INVALID, E_PANIC, OK};
use crate::host::Control;
use crate::policy::{Property, StatusText};
use crate::status::Outcome;
use crate::types::PortId;

pub(super) unsafe extern "C" fn property<B: PolicyBridge>(
    instance: *mut c_void,
    property: *const AbiProperty,
    error: *mut ErrorText,
) -> i32 {
    // SAFETY: null, or made by `create`; control calls do not overlap. The property is null or valid for the call.
    let (instance, property) = match unsafe { (instance.cast::<Instance<B>>().as_mut(), property.as_ref()) } {
        (Some(instance), Some(property)) => (instance, property),
        _ => return E_INVALID,
    };
    let Instance { extension, host, .. } = instance;
    let outcome = guard(
        Err(None),
        |text| report(host, "property", text),
        || {
            // SAFETY: the property is valid for the call, with all it points to.
            let property = unsafe { Property::from_host(property) };
            B::property(extension, &Control::new(host), &property).map_err(Some)
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

pub(super) unsafe extern "C" fn property_done<B: PolicyBridge>(
    instance: *mut c_void,
    property: *const AbiProperty,
    status: i32,
) {
    // SAFETY: as in `property`.
    let (instance, property) = match unsafe { (instance.cast::<Instance<B>>().as_mut(), property.as_ref()) } {
        (Some(instance), Some(property)) => (instance, property),
        _ => return,
    };
    let Instance { extension, host, .. } = instance;
    guard(
        (),
        |text| report(host, "property_done", text),
        || {
            // SAFETY: the property is valid for the call, with all it points to.
            let property = unsafe { Property::from_host(property) };
            B::property_done(extension, &Control::new(host), &property, Outcome::of(status));
        },
    );
}

pub(super) unsafe extern "C" fn status<B: StatusBridge>(
    instance: *mut c_void,
    feature: Bytes,
    port: u32,
    text: *mut u8,
    room: u32,
    out_length: *mut u32,
) -> i32 {
    // SAFETY: null, or made by `create`; control calls do not overlap.
    let Instance { extension, host, .. } = match unsafe { instance.cast::<Instance<B>>().as_mut() } {
        Some(instance) => instance,
        None => return E_INVALID,
    };
    let written = guard(
        Err(E_PANIC),
        |text| report(host, "status", text),
        || {
            // SAFETY: the host lends the id until the call returns.
            let feature = core::str::from_utf8(unsafe { borrow(&feature) }).map_err(|_| E_INVALID)?;
            let mut text = StatusText::default();
            if B::status(extension, &Control::new(host), (feature, PortId::new(port)), &mut text) {
                Ok(text)
            } else {
                Err(E_GONE)
            }
        },
    );
    let written = match written {
        Ok(written) => written,
        Err(status) => return status,
    };
    let bytes = written.as_bytes();
    let length = match u32::try_from(bytes.len()) {
        Ok(length) if length <= POLICY_STATUS_MAX && !out_length.is_null() => length,
        _ => return E_INVALID,
    };
    // SAFETY: not null, and valid for a write.
    unsafe { *out_length = length };
    if length > room || text.is_null() {
        return if length == 0 { OK } else { E_FULL };
    }
    // SAFETY: the caller's room has `room` bytes, of which `length` are written.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), text, bytes.len()) };
    OK
}
