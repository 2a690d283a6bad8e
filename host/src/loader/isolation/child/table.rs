//! The host table of an extension in a child. An unsafe island: the extension calls it with raw pointers.
//!
//! `worker` functions are answered here, by the rules of role and leg, and noted in the job for the host to repeat. `log` and
//! datagrams are told to the host without waiting; counters lie in shared memory. What else only the host knows is asked
//! for over the socket, on the control thread, where the host is listening; elsewhere it is `E_FORBIDDEN`.

#![expect(unsafe_code, reason = "island: functions an extension calls with raw pointers")]

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::host::{DatagramCounts, Destination, Host, VlanCounters};
use heddle_extension_api::abi::meta::ABI_MINOR;
use heddle_extension_api::abi::packet::Packet;
use heddle_extension_api::abi::status::{Bytes, E_AGAIN, E_FORBIDDEN, E_FULL, E_GONE, E_INVALID, OK};

use super::super::answers::port_from;
use super::super::layout::COUNTERS;
use super::super::shared::Mapping;
use super::super::talk::{Ask, Talk, ToChild, ToHost};
use super::job::Job;
use super::{ASKED, SEND};
use crate::loader::host_table::borrowed;

thread_local! {
    /// Whether this is the thread of control calls.
    static CONTROL: Cell<bool> = const { Cell::new(false) };
}

/// What the functions need: the way to the host, and the counters.
pub(super) struct Inside {
    talk: Talk,
    memory: Arc<Mapping>,
}

impl Inside {
    /// On the thread that makes control calls.
    pub(super) fn new(talk: Talk, memory: Arc<Mapping>) -> Arc<Inside> {
        CONTROL.set(true);
        Arc::new(Inside { talk, memory })
    }

    pub(super) fn talk(&self) -> &Talk {
        &self.talk
    }

    /// Asks the host, which is waiting for the call to return.
    fn ask(&self, ask: Ask) -> Result<(Vec<u64>, Vec<u8>), i32> {
        if !CONTROL.get() {
            return Err(E_FORBIDDEN);
        }
        self.talk.send(&ToHost::Ask(ask), &[], &[], Instant::now() + SEND).map_err(|_| E_AGAIN)?;
        let heard = self.talk.hear::<ToChild>(Instant::now() + ASKED).map_err(|_| E_AGAIN)?;
        match heard.message {
            ToChild::Answer { status: OK, numbers } => Ok((numbers, heard.bytes)),
            // The number of ports is told even when there is no room.
            ToChild::Answer { status, .. } => Err(status),
            _ => Err(E_AGAIN),
        }
    }
}

/// The table. It and `inside` must outlive the instance.
pub(super) fn table(inside: &Arc<Inside>) -> Box<Host> {
    Box::new(Host {
        struct_size: u32::try_from(size_of::<Host>()).unwrap_or(0),
        abi_minor: u32::from(ABI_MINOR),
        context: Arc::as_ptr(inside).cast_mut().cast(),
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
        port_reference: Some(port_reference),
        port_dereference: Some(port_dereference),
        nic_reference: Some(nic_reference),
        nic_dereference: Some(nic_dereference),
    })
}

/// What is behind `host`.
///
/// # Safety
/// `host` is null or the context of the table above.
unsafe fn inside<'a>(host: *mut c_void) -> Option<&'a Inside> {
    // SAFETY: the caller's promise; `Inside` lives as long as the process.
    unsafe { host.cast::<Inside>().as_ref() }
}

/// The job behind `call`.
///
/// # Safety
/// `call` is null or `Batch::call` of a data-path call that has not returned, used on its thread only.
unsafe fn current<'a>(call: *mut c_void) -> Option<&'a mut Job<'a>> {
    // SAFETY: the caller's promise: while the extension runs, the job is used through here only.
    unsafe { call.cast::<Job<'a>>().as_mut() }
}

/// Text an extension passed.
///
/// # Safety
/// As [`borrowed`].
unsafe fn text(bytes: Bytes, most: usize) -> Option<String> {
    // SAFETY: the caller's promise.
    unsafe { borrowed(bytes, most) }.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
}

/// Stores `value` through an out pointer.
///
/// # Safety
/// `out` is null or valid for writing a `T`.
unsafe fn store<T>(out: *mut T, value: T) -> i32 {
    if out.is_null() {
        return E_INVALID;
    }
    // SAFETY: not null, and valid by the caller's promise; C callers may pass packed fields.
    unsafe { out.write_unaligned(value) };
    OK
}

fn status(result: Result<(), i32>) -> i32 {
    result.err().unwrap_or(OK)
}

// Each SAFETY comment below names the pointer it relies on; `host` is the context of the table throughout.

unsafe extern "C" fn log(host: *mut c_void, level: u32, line: Bytes) {
    const LONGEST: usize = 1_024;
    let cut = Bytes { length: line.length.min(LONGEST as u64), ..line };
    // SAFETY: `line` is the caller's text.
    if let (Some(inside), Some(line)) = unsafe { (inside(host), borrowed(cut, LONGEST)) } {
        // A line that finds no room is lost, as one that meets a reader is.
        inside.talk.offer(&ToHost::Log(level), line);
    }
}

unsafe extern "C" fn counter_register(host: *mut c_void, name: Bytes, unit: Bytes, out: *mut u32) -> i32 {
    // SAFETY: `name` and `unit` are the caller's texts.
    let (Some(inside), Some(name), Some(unit)) = (unsafe { (inside(host), text(name, 32), text(unit, 16)) }) else {
        return E_INVALID;
    };
    match inside.ask(Ask::Counter { name, unit }) {
        // SAFETY: `out` is the caller's.
        Ok((numbers, _)) => unsafe { store(out, number(&numbers)) },
        Err(status) => status,
    }
}

fn number<T: TryFrom<u64> + Default>(numbers: &[u64]) -> T {
    numbers.first().and_then(|number| T::try_from(*number).ok()).unwrap_or_default()
}

unsafe extern "C" fn counter_add(host: *mut c_void, counter: u32, delta: u64) -> i32 {
    // SAFETY: as in the head.
    match unsafe { inside(host) } {
        Some(inside) if (counter as usize) < COUNTERS => {
            inside.memory.counter(counter as usize).fetch_add(delta, Ordering::Relaxed);
            OK
        }
        _ => E_INVALID,
    }
}

unsafe extern "C" fn drop_reason_register(host: *mut c_void, id: Bytes, sentence: Bytes, out: *mut u16) -> i32 {
    // SAFETY: the texts are the caller's.
    let (Some(inside), Some(id), Some(text)) = (unsafe { (inside(host), text(id, 48), text(sentence, 160)) }) else {
        return E_INVALID;
    };
    match inside.ask(Ask::Reason { id, text }) {
        // SAFETY: `out` is the caller's.
        Ok((numbers, _)) => unsafe { store(out, number(&numbers)) },
        Err(status) => status,
    }
}

/// The ports an extension listed.
///
/// # Safety
/// `ports` is null or `count` readable numbers.
unsafe fn port_ids(ports: *const u32, count: u32) -> Option<Vec<u32>> {
    if count > 4_096 || (ports.is_null() && count > 0) {
        return None;
    }
    // SAFETY: below `count`, by the caller's promise.
    Some((0..count as usize).map(|index| unsafe { ports.add(index).read_unaligned() }).collect())
}

unsafe extern "C" fn group_create(host: *mut c_void, ports: *const u32, count: u32, out: *mut u32) -> i32 {
    // SAFETY: `ports` and `count` are the caller's array.
    let (Some(inside), Some(ports)) = (unsafe { (inside(host), port_ids(ports, count)) }) else { return E_INVALID };
    match inside.ask(Ask::GroupCreate { ports }) {
        // SAFETY: `out` is the caller's.
        Ok((numbers, _)) => unsafe { store(out, number(&numbers)) },
        Err(status) => status,
    }
}

unsafe extern "C" fn group_update(host: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32 {
    // SAFETY: `ports` and `count` are the caller's array.
    let (Some(inside), Some(ports)) = (unsafe { (inside(host), port_ids(ports, count)) }) else { return E_INVALID };
    status(inside.ask(Ask::GroupUpdate { group, ports }).map(|_| ()))
}

unsafe extern "C" fn port_list(host: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32 {
    // SAFETY: as in the head.
    let Some(inside) = (unsafe { inside(host) }) else { return E_INVALID };
    let known = match inside.ask(Ask::Ports) {
        Ok((numbers, _)) => numbers,
        Err(status) => return status,
    };
    let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
    // SAFETY: `out_count` is the caller's.
    if unsafe { store(out_count, count) } != OK || (ports.is_null() && room > 0) {
        return E_INVALID;
    }
    for (index, id) in known.iter().take(room as usize).enumerate() {
        // SAFETY: the caller's array has `room` elements and `index` is below.
        unsafe { ports.add(index).write_unaligned(u32::try_from(*id).unwrap_or(0)) };
    }
    if count > room { E_FULL } else { OK }
}

/// Fills a struct of the caller's that says its size, as far as it goes.
///
/// # Safety
/// `out` is null or a struct that starts with its size in 32 bits; `told` is plain data that does, too.
unsafe fn fill<T>(out: *mut T, mut told: T) -> i32 {
    if out.is_null() {
        return E_INVALID;
    }
    // SAFETY: the caller set the size of its own struct.
    let room = unsafe { out.cast::<u32>().read_unaligned() } as usize;
    let length = room.min(size_of::<T>());
    if length < 8 {
        return E_INVALID;
    }
    // SAFETY: `told` starts with its size; `length` bytes fit in both.
    unsafe {
        (&raw mut told).cast::<u32>().write(u32::try_from(length).unwrap_or(0));
        std::ptr::copy_nonoverlapping((&raw const told).cast::<u8>(), out.cast::<u8>(), length);
    }
    OK
}

unsafe extern "C" fn port_query(host: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    // SAFETY: as in the head.
    let Some(inside) = (unsafe { inside(host) }) else { return E_INVALID };
    match inside.ask(Ask::Port(port)) {
        // SAFETY: `out` is the caller's struct, which says its size.
        Ok((_, bytes)) => port_from(&bytes).map_or(E_GONE, |info| unsafe { fill(out, info) }),
        Err(status) => status,
    }
}

unsafe extern "C" fn send_datagram(host: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    // SAFETY: both are the caller's bytes.
    let (Some(inside), Some(address), Some(payload)) =
        (unsafe { (inside(host), text(address, 64), borrowed(payload, 1_472)) })
    else {
        return E_INVALID;
    };
    if address.parse::<std::net::SocketAddr>().is_err() {
        return E_INVALID;
    }
    let told = ToHost::Datagram(address);
    let sent = if CONTROL.get() {
        // The host is listening.
        inside.talk.send(&told, payload, &[], Instant::now() + SEND).is_ok()
    } else {
        inside.talk.offer(&told, payload)
    };
    if sent { OK } else { E_AGAIN }
}

unsafe extern "C" fn datagram_counts(host: *mut c_void, address: Bytes, out: *mut DatagramCounts) -> i32 {
    // SAFETY: the text is the caller's.
    let (Some(inside), Some(address)) = (unsafe { (inside(host), text(address, 64)) }) else { return E_INVALID };
    let (numbers, _) = match inside.ask(Ask::Datagrams(address)) {
        Ok(answer) => answer,
        Err(status) => return status,
    };
    let [sent, failed, dropped] = numbers.try_into().unwrap_or_default();
    // SAFETY: `out` is the caller's struct, which says its size.
    unsafe { fill(out, DatagramCounts { struct_size: 0, reserved: 0, sent, failed, dropped }) }
}

unsafe extern "C" fn vlan_query(host: *mut c_void, vlan: u32, out: *mut VlanCounters) -> i32 {
    // SAFETY: as in the head.
    let Some(inside) = (unsafe { inside(host) }) else { return E_INVALID };
    let asks = (vlan != 0 || !out.is_null()).then_some(vlan);
    let (numbers, _) = match inside.ask(Ask::Vlan(asks)) {
        Ok(answer) => answer,
        Err(status) => return status,
    };
    if asks.is_none() {
        return OK;
    }
    let [packets, bytes, multicast, broadcast, discards] = numbers.try_into().unwrap_or_default();
    // SAFETY: `out` is the caller's struct, which says its size.
    unsafe { fill(out, VlanCounters { struct_size: 0, vlan, packets, bytes, multicast, broadcast, discards }) }
}

unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: `call` is `Batch::call` of the call that is running.
    unsafe { current(call) }.map_or(E_INVALID, |job| status(job.make_writable(index)))
}

unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |job| status(job.reparse(index)))
}

unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(job) = (unsafe { current(call) }) else { return E_INVALID };
    if out.is_null() {
        return E_INVALID;
    }
    match job.hold(index) {
        // SAFETY: `out` is the caller's.
        Ok(handle) => unsafe { store(out, handle) },
        Err(status) => status,
    }
}

unsafe extern "C" fn release(call: *mut c_void, handle: u64) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |job| status(job.release(handle)))
}

unsafe extern "C" fn discard(call: *mut c_void, handle: u64, drop_reason: u16) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |job| status(job.discard(handle, drop_reason)))
}

/// Stores a draft, or ends it when there is nowhere to store it.
///
/// # Safety
/// The out pointers are null or valid.
unsafe fn give(job: &mut Job<'_>, made: Result<(u64, Packet), i32>, handle: *mut u64, packet: *mut Packet) -> i32 {
    match made {
        Ok((made, described)) => {
            // SAFETY: the caller's out pointers; null ones are refused.
            if unsafe { (store(handle, made), store(packet, described)) } == (OK, OK) {
                return OK;
            }
            let _ = job.discard(made, 0);
            E_INVALID
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn originate(call: *mut c_void, length: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(job) = (unsafe { current(call) }) else { return E_INVALID };
    let made = job.originate(length);
    // SAFETY: `out` and `packet` are the caller's.
    unsafe { give(job, made, out, packet) }
}

unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(job) = (unsafe { current(call) }) else { return E_INVALID };
    let made = job.clone_packet(index);
    // SAFETY: `out` and `packet` are the caller's.
    unsafe { give(job, made, out, packet) }
}

unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source_port: u32) -> i32 {
    // SAFETY: as in `make_writable`.
    unsafe { current(call) }.map_or(E_INVALID, |job| status(job.inject(handle, source_port, None)))
}

unsafe extern "C" fn inject_to(call: *mut c_void, handle: u64, source: u32, to: *const Destination) -> i32 {
    // SAFETY: as in `make_writable`.
    let Some(job) = (unsafe { current(call) }) else { return E_INVALID };
    if to.is_null() {
        return E_INVALID;
    }
    // SAFETY: not null, and the caller's struct; C callers may pass packed fields.
    let to = unsafe { to.read_unaligned() };
    status(job.inject(handle, source, Some(to)))
}

/// A reference to a port or NIC, taken or given back: on the control thread, elsewhere to be tried again.
///
/// # Safety
/// As [`inside`].
unsafe fn refer(host: *mut c_void, port: u32, nic: Option<u32>, take: bool) -> i32 {
    // SAFETY: the caller's promise.
    let Some(inside) = (unsafe { inside(host) }) else { return E_INVALID };
    if !CONTROL.get() {
        return E_AGAIN;
    }
    status(inside.ask(Ask::Reference { port, nic, take }).map(|_| ()))
}

unsafe extern "C" fn port_reference(host: *mut c_void, port: u32) -> i32 {
    // SAFETY: as in the head.
    unsafe { refer(host, port, None, true) }
}

unsafe extern "C" fn port_dereference(host: *mut c_void, port: u32) -> i32 {
    // SAFETY: as in the head.
    unsafe { refer(host, port, None, false) }
}

unsafe extern "C" fn nic_reference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    // SAFETY: as in the head.
    unsafe { refer(host, port, Some(nic), true) }
}

unsafe extern "C" fn nic_dereference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    // SAFETY: as in the head.
    unsafe { refer(host, port, Some(nic), false) }
}
