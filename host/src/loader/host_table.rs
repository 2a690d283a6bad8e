//! The host table: what an extension may call, as `extern "C"` functions. An unsafe island.
//!
//! `control` and `any` functions get the instance's [`InstanceShared`] back as their first argument, `worker` functions
//! the [`Call`] of the running data-path call. Every pointer an extension passes is checked for null and copied at once;
//! nothing it passes is kept. No function blocks: what needs the outside (datagrams, log lines) goes through a bounded queue.

#![expect(unsafe_code, reason = "island: functions an extension calls with raw pointers")]

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::host::{DatagramCounts, Destination, Host, LOG_ERROR, LOG_INFO, LOG_WARN, VlanCounters};
use heddle_extension_api::abi::meta::{ABI_MINOR, ROLE_FORWARDING};
use heddle_extension_api::abi::packet::Packet;
use heddle_extension_api::abi::status::{Bytes, E_FORBIDDEN, E_FULL, E_GONE, E_INVALID, OK};
use heddle_switch_core::call::{Call, Destination as SendTo, Refusal};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::Rule;

use super::Window;
use super::printable::printable;
use crate::control::model::LogSeverity;

mod datagrams;
mod directory;
mod groups;
mod guarded;
mod log_ring;
mod log_writer;
mod reasons;
mod refer;
mod references;
mod shared;

pub use datagrams::{Addresses, Outcome, SendRefused, Services, Unsent};
pub use directory::PortDirectory;
pub use groups::Groups;
pub(super) use guarded::guarded;
use log_ring::Kept;
pub use log_ring::{LINES_MAX, LogRing};
pub use reasons::Reasons;
pub use references::{REFERENCES_MAX, ReferenceRefused, References, Referent};
pub use shared::InstanceShared;

/// Counters and drop reasons of one extension, at most.
const PER_EXTENSION: usize = 64;

/// A poisoned table is still whole: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Longest log line of an extension, in bytes.
const LOG_MAX: usize = 1_024;
/// Longest datagram, in bytes: what fits in an Ethernet frame.
const DATAGRAM_MAX: usize = 1_472;
/// Ports in one group.
const GROUP_MAX: u32 = 4_096;

/// The table for one instance. It and `shared` must outlive the instance.
pub(super) fn table(shared: &Arc<InstanceShared>) -> Box<Host> {
    Box::new(Host {
        struct_size: u32::try_from(size_of::<Host>()).unwrap_or(0),
        abi_minor: u32::from(ABI_MINOR),
        context: Arc::as_ptr(shared).cast_mut().cast(),
        log: Some(log),
        counter_register: Some(counter_register),
        counter_add: Some(counter_add),
        drop_reason_register: Some(drop_reason_register),
        group_create: Some(group_create),
        group_update: Some(group_update),
        port_list: Some(port_list),
        port_query: Some(port_query),
        send_datagram: Some(send_datagram),
        make_writable: Some(make_writable),
        reparse: Some(reparse),
        hold: Some(hold),
        release: Some(release),
        discard: Some(discard),
        originate: Some(originate),
        clone_packet: Some(clone_packet),
        inject: Some(inject),
        datagram_counts: Some(datagram_counts),
        vlan_query: Some(vlan_query),
        inject_to: Some(inject_to),
        port_reference: Some(refer::port_reference),
        port_dereference: Some(refer::port_dereference),
        nic_reference: Some(refer::nic_reference),
        nic_dereference: Some(refer::nic_dereference),
    })
}

/// The instance behind `host`.
///
/// # Safety
/// `host` is null or the context of a table whose instance lives.
unsafe fn shared<'a>(host: *mut c_void) -> Option<&'a InstanceShared> {
    // SAFETY: the caller's promise; `InstanceShared` is only ever shared.
    unsafe { host.cast::<InstanceShared>().as_ref() }
}

/// The call behind `call`.
///
/// # Safety
/// `call` is null or `Batch::call` of a data-path call that has not returned, used on its thread only.
unsafe fn current<'a>(call: *mut c_void) -> Option<&'a mut Call<'a>> {
    // SAFETY: the caller's promise: while an extension runs, the host does not touch the call except through here.
    unsafe { call.cast::<Call<'a>>().as_mut() }
}

/// The bytes an extension passed, at most `most` of them.
///
/// # Safety
/// `bytes` is null with any length, or `length` readable bytes.
pub(super) unsafe fn borrowed<'a>(bytes: Bytes, most: usize) -> Option<&'a [u8]> {
    if bytes.data.is_null() {
        return (bytes.length == 0).then_some(&[]);
    }
    let length = usize::try_from(bytes.length).ok().filter(|length| *length <= most)?;
    // SAFETY: the caller's promise, with the length bounded above.
    Some(unsafe { std::slice::from_raw_parts(bytes.data, length) })
}

/// As [`borrowed`], as text.
///
/// # Safety
/// As [`borrowed`].
unsafe fn text<'a>(bytes: Bytes, most: usize) -> Option<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { borrowed(bytes, most) }.and_then(|bytes| std::str::from_utf8(bytes).ok())
}

fn status(result: Result<(), Refusal>) -> i32 {
    match result {
        Ok(()) => OK,
        Err(Refusal::Forbidden) => E_FORBIDDEN,
        Err(Refusal::Full) => E_FULL,
        Err(Refusal::Gone) => E_GONE,
        Err(Refusal::Invalid) => E_INVALID,
    }
}

/// Stores `value` through an out pointer.
///
/// # Safety
/// `out` is null or valid for writing a `T`.
unsafe fn store<T>(out: *mut T, value: T) -> i32 {
    if out.is_null() {
        return E_INVALID;
    }
    // SAFETY: not null, and valid by the caller's promise; unaligned, since C callers may pass packed fields.
    unsafe { out.write_unaligned(value) };
    OK
}

// Every function below is called by an extension with what `Host`'s documentation promises; each SAFETY comment names
// the pointer it relies on.

unsafe extern "C" fn log(host: *mut c_void, level: u32, line: Bytes) {
    let cut = Bytes { length: line.length.min(LOG_MAX as u64), ..line };
    // SAFETY: `host` is the context this table was made with; `line` is the caller's text.
    let (shared, bytes) = unsafe { (shared(host), borrowed(cut, LOG_MAX)) };
    let (Some(shared), Some(bytes)) = (shared, bytes) else { return };
    let text = printable(&String::from_utf8_lossy(bytes), LOG_MAX);
    let severity = match level {
        LOG_ERROR => LogSeverity::Error,
        LOG_WARN => LogSeverity::Warn,
        LOG_INFO => LogSeverity::Info,
        _ => LogSeverity::Debug,
    };
    if let Kept::AndWritten { left_out } = shared.log.push(severity, &text) {
        log_writer::write(&shared.log, severity, &shared.id, text, left_out);
    }
}

unsafe extern "C" fn counter_register(host: *mut c_void, name: Bytes, unit: Bytes, out: *mut u32) -> i32 {
    // SAFETY: `host` as in `log`; `name` and `unit` are the caller's texts.
    let (Some(shared), Some(name), Some(unit)) = (unsafe { (shared(host), text(name, 32), text(unit, 16)) }) else {
        return E_INVALID;
    };
    match shared.register_counter(name, unit) {
        // SAFETY: `out` is the caller's.
        Ok(counter) => unsafe { store(out, counter) },
        Err(refusal) => status(Err(refusal)),
    }
}

unsafe extern "C" fn counter_add(host: *mut c_void, counter: u32, delta: u64) -> i32 {
    // SAFETY: `host` as in `log`.
    match unsafe { shared(host) } {
        Some(shared) if shared.add(counter, delta) => OK,
        _ => E_INVALID,
    }
}

unsafe extern "C" fn drop_reason_register(host: *mut c_void, id: Bytes, sentence: Bytes, out: *mut u16) -> i32 {
    // SAFETY: `host` as in `log`; the texts are the caller's.
    let (Some(shared), Some(id), Some(sentence)) = (unsafe { (shared(host), text(id, 48), text(sentence, 160)) })
    else {
        return E_INVALID;
    };
    match shared.register_drop_reason(id, sentence) {
        // SAFETY: `out` is the caller's.
        Ok(code) => unsafe { store(out, code) },
        Err(refusal) => status(Err(refusal)),
    }
}

/// The ports an extension listed.
///
/// # Safety
/// `ports` is null or `count` readable numbers.
unsafe fn port_ids(ports: *const u32, count: u32) -> Option<Vec<PortId>> {
    if count > GROUP_MAX || (ports.is_null() && count > 0) {
        return None;
    }
    let read = |index: usize| {
        // SAFETY: below `count`, by the caller's promise.
        PortId::from_raw(unsafe { ports.add(index).read_unaligned() })
    };
    Some((0..count as usize).map(read).collect())
}

unsafe extern "C" fn group_create(host: *mut c_void, ports: *const u32, count: u32, out: *mut u32) -> i32 {
    // SAFETY: `host` as in `log`.
    let Some(shared) = (unsafe { shared(host) }) else { return E_INVALID };
    if shared.role != ROLE_FORWARDING {
        shared.broke(Rule::GroupNotAllowed, PortId::NONE);
        return E_FORBIDDEN;
    }
    // SAFETY: `ports` and `count` are the caller's array.
    let Some(ports) = (unsafe { port_ids(ports, count) }) else { return E_INVALID };
    match shared.groups.create(shared.instance, ports) {
        // SAFETY: `out` is the caller's.
        Some(group) => unsafe { store(out, group) },
        None => E_FULL,
    }
}

unsafe extern "C" fn group_update(host: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32 {
    // SAFETY: `host` as in `log`.
    let Some(shared) = (unsafe { shared(host) }) else { return E_INVALID };
    if shared.role != ROLE_FORWARDING {
        shared.broke(Rule::GroupNotAllowed, PortId::NONE);
        return E_FORBIDDEN;
    }
    // SAFETY: `ports` and `count` are the caller's array.
    let Some(ports) = (unsafe { port_ids(ports, count) }) else { return E_INVALID };
    if shared.groups.update(shared.instance, group, ports) { OK } else { E_GONE }
}

unsafe extern "C" fn port_list(host: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32 {
    // SAFETY: `host` as in `log`.
    let Some(shared) = (unsafe { shared(host) }) else { return E_INVALID };
    let known = shared.ports.ids();
    let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
    // SAFETY: `out_count` is the caller's.
    if unsafe { store(out_count, count) } != OK || (ports.is_null() && room > 0) {
        return E_INVALID;
    }
    for (index, id) in known.iter().take(room as usize).enumerate() {
        // SAFETY: the caller's array has `room` elements and `index` is below.
        unsafe { ports.add(index).write_unaligned(id.raw()) };
    }
    if count > room { E_FULL } else { OK }
}

unsafe extern "C" fn port_query(host: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    // SAFETY: `host` as in `log`.
    let Some(shared) = (unsafe { shared(host) }) else { return E_INVALID };
    if out.is_null() {
        return E_INVALID;
    }
    let Some(mut info) = shared.ports.get(PortId::from_raw(port)) else { return E_GONE };
    // SAFETY: the caller set `struct_size` of its own struct.
    let room = unsafe { out.cast::<u32>().read_unaligned() } as usize;
    if room < 8 {
        return E_INVALID;
    }
    let length = room.min(size_of::<PortInfo>());
    info.struct_size = u32::try_from(length).unwrap_or(0);
    // SAFETY: `length` bytes fit in both; `PortInfo` is plain data without padding the caller could not take.
    unsafe { std::ptr::copy_nonoverlapping(std::ptr::from_ref(&info).cast::<u8>(), out.cast::<u8>(), length) };
    OK
}

unsafe extern "C" fn send_datagram(host: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    // SAFETY: `host` as in `log`; both are the caller's bytes.
    let (Some(shared), Some(address), Some(payload)) =
        (unsafe { (shared(host), text(address, 64), borrowed(payload, DATAGRAM_MAX)) })
    else {
        return E_INVALID;
    };
    match shared.services.send(&shared.addresses, address, payload) {
        Ok(()) => OK,
        Err(SendRefused::Full) => E_FULL,
        Err(SendRefused::Address) => E_INVALID,
    }
}

unsafe extern "C" fn datagram_counts(host: *mut c_void, address: Bytes, out: *mut DatagramCounts) -> i32 {
    // SAFETY: `host` as in `log`; the text is the caller's.
    let (Some(shared), Some(address)) = (unsafe { (shared(host), text(address, 64)) }) else { return E_INVALID };
    let Ok(address) = address.parse() else { return E_INVALID };
    if out.is_null() {
        return E_INVALID;
    }
    let Some(outcome) = shared.addresses.counts(address) else { return E_GONE };
    // SAFETY: the caller set `struct_size` of its own struct.
    let room = unsafe { out.cast::<u32>().read_unaligned() } as usize;
    let length = room.min(size_of::<DatagramCounts>());
    let counts = DatagramCounts {
        struct_size: u32::try_from(length).unwrap_or(0),
        reserved: 0,
        sent: outcome.sent.load(Ordering::Relaxed),
        failed: outcome.failed.load(Ordering::Relaxed),
        dropped: outcome.dropped.load(Ordering::Relaxed),
    };
    if length < 8 {
        return E_INVALID;
    }
    // SAFETY: `length` bytes fit in both; the struct is plain data without padding.
    unsafe { std::ptr::copy_nonoverlapping((&raw const counts).cast::<u8>(), out.cast::<u8>(), length) };
    OK
}

unsafe extern "C" fn vlan_query(host: *mut c_void, vlan: u32, out: *mut VlanCounters) -> i32 {
    // SAFETY: `host` as in `log`.
    let Some(shared) = (unsafe { shared(host) }) else { return E_INVALID };
    if vlan == 0 && out.is_null() {
        shared.counts_vlans.store(true, Ordering::Relaxed);
        return OK;
    }
    let (Ok(vid), false) = (u16::try_from(vlan), out.is_null()) else { return E_INVALID };
    let Some(counters) = shared.ports.vlan(vid) else { return E_GONE };
    // SAFETY: the caller set `struct_size` of its own struct.
    let room = unsafe { out.cast::<u32>().read_unaligned() } as usize;
    let length = room.min(size_of::<VlanCounters>());
    if length < 8 {
        return E_INVALID;
    }
    let told = VlanCounters {
        struct_size: u32::try_from(length).unwrap_or(0),
        vlan,
        packets: counters.packets,
        bytes: counters.bytes,
        multicast: counters.multicast,
        broadcast: counters.broadcast,
        discards: counters.discards,
    };
    // SAFETY: `length` bytes fit in both; the struct is plain data without padding.
    unsafe { std::ptr::copy_nonoverlapping((&raw const told).cast::<u8>(), out.cast::<u8>(), length) };
    OK
}

unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: `call` is `Batch::call` of the call that is running.
    unsafe { current(call) }.map_or(E_INVALID, |call| status(call.make_writable(index as usize)))
}

unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |call| status(call.reparse(index as usize)))
}

unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(call) = (unsafe { current(call) }) else { return E_INVALID };
    if out.is_null() {
        return E_INVALID;
    }
    match call.hold(index as usize) {
        // SAFETY: `out` is the caller's.
        Ok(handle) => unsafe { store(out, handle) },
        Err(refusal) => status(Err(refusal)),
    }
}

unsafe extern "C" fn release(call: *mut c_void, handle: u64) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |call| status(call.release(handle)))
}

unsafe extern "C" fn discard(call: *mut c_void, handle: u64, drop_reason: u16) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |call| status(call.discard(handle, drop_reason)))
}

/// Stores a draft, or ends it when there is nowhere to store it.
///
/// # Safety
/// The out pointers are null or valid.
unsafe fn give(
    call: &mut Call<'_>,
    made: Result<(u64, Packet), Refusal>,
    out_handle: *mut u64,
    out_packet: *mut Packet,
) -> i32 {
    match made {
        Ok((handle, packet)) => {
            // SAFETY: the caller's out pointers; null ones are refused.
            let stored = unsafe { (store(out_handle, handle), store(out_packet, packet)) };
            if stored == (OK, OK) {
                return OK;
            }
            let _ = call.discard(handle, 0);
            E_INVALID
        }
        Err(refusal) => status(Err(refusal)),
    }
}

unsafe extern "C" fn originate(call: *mut c_void, length: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    let raw = call;
    // SAFETY: as in `make_writable`.
    let Some(call) = (unsafe { current(call) }) else { return E_INVALID };
    let made = call.originate(length as usize);
    // A capture works on its draft in memory of its own.
    let made = made.and_then(|draft| match Window::of_call(raw) {
        Some(window) => window.lend(call, draft),
        None => Ok(draft),
    });
    // SAFETY: `out` and `packet` are the caller's.
    unsafe { give(call, made, out, packet) }
}

unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(call) = (unsafe { current(call) }) else { return E_INVALID };
    let made = call.clone_packet(index as usize);
    // SAFETY: `out` and `packet` are the caller's.
    unsafe { give(call, made, out, packet) }
}

unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source_port: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(running) = (unsafe { current(call) }) else { return E_INVALID };
    if let Some(window) = Window::of_call(call) {
        window.take_back(running, handle);
    }
    status(running.inject(handle, PortId::from_raw(source_port)))
}

unsafe extern "C" fn inject_to(call: *mut c_void, handle: u64, source: u32, to: *const Destination) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(call) = (unsafe { current(call) }) else { return E_INVALID };
    if to.is_null() {
        return E_INVALID;
    }
    // SAFETY: not null, and the caller's struct; unaligned, since C callers may pass packed fields.
    let Destination { target, flags, verdict, nic, .. } = unsafe { to.read_unaligned() };
    status(call.inject_to(handle, PortId::from_raw(source), SendTo { verdict, target, nic, flags }))
}
