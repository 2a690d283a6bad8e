//! References that delay the end of a port or a NIC: when they may be taken, and that they are given back.

use std::ffi::c_void;

use heddle_extension_api::abi::status::{E_FULL, E_INVALID, OK};

use super::super::{Instance, find, instance_of, lock};
use super::{REFERENCE, refuses};

/// Takes or gives back references; what is counted here is the extension's own promise.
fn refer(host: *mut c_void, port: u32, taken: bool) {
    let Some(instance) = instance_of(host) else { return };
    let mut known = lock(&instance.known);
    let count = known.references.entry(port).or_default();
    *count = if taken { *count + 1 } else { count.saturating_sub(1) };
}

fn check_taken(instance: &Instance, function: &str, port: u32) {
    if lock(&instance.known).references.get(&port).is_none_or(|count| *count == 0) {
        let text = format!("{function} of port {port}, of which it has no reference");
        find("references-were-taken", text);
    }
}

pub(super) unsafe extern "C" fn port_reference(host: *mut c_void, port: u32) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    if !lock(&instance.known).referable.contains(&port) {
        find(
            "port-referenced-in-its-life",
            format!("port {port} was referenced before its creation or after its teardown"),
        );
    }
    if refuses(REFERENCE) {
        return E_FULL;
    }
    let code = real!(instance, port_reference(host, port));
    if code == OK {
        refer(host, port, true);
    }
    code
}

pub(super) unsafe extern "C" fn port_dereference(host: *mut c_void, port: u32) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    check_taken(&instance, "port_dereference", port);
    let code = real!(instance, port_dereference(host, port));
    if code == OK {
        refer(host, port, false);
    }
    code
}

pub(super) unsafe extern "C" fn nic_reference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    if !lock(&instance.known).connected.contains(&port) {
        find(
            "nic-referenced-while-connected",
            format!("the NIC of port {port} was referenced while it is not connected"),
        );
    }
    if refuses(REFERENCE) {
        return E_FULL;
    }
    let code = real!(instance, nic_reference(host, port, nic));
    if code == OK {
        refer(host, port, true);
    }
    code
}

pub(super) unsafe extern "C" fn nic_dereference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    check_taken(&instance, "nic_dereference", port);
    let code = real!(instance, nic_dereference(host, port, nic));
    if code == OK {
        refer(host, port, false);
    }
    code
}
