//! The host table of an extension in debug mode: the same functions, which bring the copies it works on up to date.
//!
//! Only functions about the call under way differ. One that is called outside its call, or on another thread, is refused:
//! it has no call to be about.

use std::ffi::c_void;
use std::sync::Arc;

use heddle_extension_api::abi::host::{Destination, Host};
use heddle_extension_api::abi::packet::Packet;
use heddle_extension_api::abi::status::{E_FULL, E_INVALID, OK};

use super::InstanceShared;
use crate::loader::guarded::Cage;

/// The table for one instance.
pub(in crate::loader) fn guarded(shared: &Arc<InstanceShared>) -> Box<Host> {
    Box::new(Host {
        make_writable: Some(make_writable),
        reparse: Some(reparse),
        hold: Some(hold),
        discard: Some(discard),
        originate: Some(originate),
        clone_packet: Some(clone_packet),
        inject: Some(inject),
        inject_to: Some(inject_to),
        ..*super::table(shared)
    })
}

/// The cage and the call behind `call`.
///
/// # Safety
/// As for [`super::current`].
unsafe fn under_way<'a>(call: *mut c_void) -> Option<(&'a mut Cage, &'a mut super::Call<'a>)> {
    // SAFETY: the caller's promise; the handle is that of the call under way on this thread, or there is no cage.
    unsafe { Some((Cage::current(call)?, super::current(call)?)) }
}

unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: `call` is `Batch::call` of the call that is running.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.judge_touches(running);
    // SAFETY: as above.
    let code = unsafe { super::make_writable(call, index) };
    if code == OK {
        cage.now_writable(index as usize, running);
    }
    code
}

unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.carry_over(index as usize, running);
    // SAFETY: as in `make_writable`.
    let code = unsafe { super::reparse(call, index) };
    if code == OK {
        cage.now_parsed(index as usize, running);
    }
    code
}

unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.judge_touches(running);
    cage.carry_over(index as usize, running);
    // SAFETY: as in `make_writable`; `out` is the caller's.
    let code = unsafe { super::hold(call, index, out) };
    if code == OK {
        cage.now_held(index as usize, running);
    }
    code
}

unsafe extern "C" fn discard(call: *mut c_void, handle: u64, drop_reason: u16) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.judge_draft(handle, running);
    // SAFETY: as in `make_writable`.
    let code = unsafe { super::discard(call, handle, drop_reason) };
    if code == OK {
        cage.end_draft(handle);
    }
    code
}

/// A draft the host made, or the reason it did not: the extension is given the place of the copy.
///
/// # Safety
/// The out pointers are null, or valid and written by the host when `code` is good.
unsafe fn drafted(call: *mut c_void, code: i32, handle: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: the caller's promise.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    if code != OK {
        return code;
    }
    // SAFETY: the host wrote both, or the code would be another.
    let (made, real) = unsafe { (handle.read_unaligned(), packet.read_unaligned()) };
    let Some(told) = cage.now_drafted(made, real, running) else {
        // SAFETY: as in `make_writable`; the draft that was just made.
        let _ = unsafe { super::discard(call, made, 0) };
        return E_FULL;
    };
    // SAFETY: as above.
    unsafe { packet.write_unaligned(told) };
    OK
}

unsafe extern "C" fn originate(call: *mut c_void, length: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, _)) = (unsafe { under_way(call) }) else { return E_INVALID };
    if !cage.has_room() {
        return E_FULL;
    }
    // SAFETY: as in `make_writable`; `out` and `packet` are the caller's.
    unsafe { drafted(call, super::originate(call, length, out, packet), out, packet) }
}

unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    if !cage.has_room() {
        return E_FULL;
    }
    cage.carry_over(index as usize, running);
    // SAFETY: as in `originate`.
    unsafe { drafted(call, super::clone_packet(call, index, out, packet), out, packet) }
}

unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source_port: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.judge_draft(handle, running);
    cage.bring_draft(handle, running);
    // SAFETY: as in `make_writable`.
    let code = unsafe { super::inject(call, handle, source_port) };
    if code == OK {
        cage.end_draft(handle);
    }
    code
}

unsafe extern "C" fn inject_to(call: *mut c_void, handle: u64, source: u32, to: *const Destination) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some((cage, running)) = (unsafe { under_way(call) }) else { return E_INVALID };
    cage.judge_draft(handle, running);
    cage.bring_draft(handle, running);
    // SAFETY: as in `make_writable`; `to` is the caller's.
    let code = unsafe { super::inject_to(call, handle, source, to) };
    if code == OK {
        cage.end_draft(handle);
    }
    code
}
