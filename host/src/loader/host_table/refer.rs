//! References to ports and NICs, as the functions an extension calls. Part of the unsafe island of [`super`].

#![expect(unsafe_code, reason = "island: functions an extension calls with raw pointers")]

use std::ffi::c_void;

use heddle_extension_api::abi::status::{E_FORBIDDEN, E_FULL, E_GONE, E_INVALID, OK};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::Rule;

use super::{InstanceShared, ReferenceRefused, Referent, shared};

/// Members of a team, at most; the highest NIC index.
const NICS_MAX: u32 = 32;

fn take(shared: &InstanceShared, port: u32, to: Referent) -> i32 {
    let port = PortId::from_raw(port);
    match shared.ports.references.take(shared.instance, port, to) {
        Ok(()) => OK,
        Err(ReferenceRefused::Full) => E_FULL,
        Err(ReferenceRefused::Gone) => E_GONE,
        Err(ReferenceRefused::State) => {
            shared.broke(Rule::ReferenceNotAllowed, port);
            E_FORBIDDEN
        }
    }
}

fn give_back(shared: &InstanceShared, port: u32, to: Referent) -> i32 {
    let port = PortId::from_raw(port);
    if shared.ports.references.give_back(shared.instance, port, to) {
        return OK;
    }
    shared.broke(Rule::ReferenceUnknown, port);
    E_INVALID
}

fn nic(index: u32) -> Option<Referent> {
    u8::try_from(index).ok().filter(|_| index <= NICS_MAX).map(Referent::Nic)
}

pub(super) unsafe extern "C" fn port_reference(host: *mut c_void, port: u32) -> i32 {
    // SAFETY: `host` is the context this table was made with.
    unsafe { shared(host) }.map_or(E_INVALID, |shared| take(shared, port, Referent::Port))
}

pub(super) unsafe extern "C" fn port_dereference(host: *mut c_void, port: u32) -> i32 {
    // SAFETY: as in `port_reference`.
    unsafe { shared(host) }.map_or(E_INVALID, |shared| give_back(shared, port, Referent::Port))
}

pub(super) unsafe extern "C" fn nic_reference(host: *mut c_void, port: u32, index: u32) -> i32 {
    // SAFETY: as in `port_reference`.
    let (Some(shared), Some(nic)) = (unsafe { shared(host) }, nic(index)) else { return E_INVALID };
    take(shared, port, nic)
}

pub(super) unsafe extern "C" fn nic_dereference(host: *mut c_void, port: u32, index: u32) -> i32 {
    // SAFETY: as in `port_reference`.
    let (Some(shared), Some(nic)) = (unsafe { shared(host) }, nic(index)) else { return E_INVALID };
    give_back(shared, port, nic)
}
