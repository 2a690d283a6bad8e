//! The host table an extension gets here: each function checks what it is asked for, refuses when the host is told to be
//! difficult, and otherwise calls the real one.
//!
//! `context` and `call` are the real ones, so a function this module does not know goes straight to the host.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::atomic::Ordering;

use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::host::{DatagramCounts, Destination, Host, VlanCounters};
use heddle_extension_api::abi::meta::{ROLE_CAPTURE, ROLE_FORWARDING, ROLE_SERVICE};
use heddle_extension_api::abi::packet::{Packet, VERDICT_TO_GROUP, VERDICT_TO_PORT};
use heddle_extension_api::abi::status::{Bytes, E_FULL, E_GONE, E_INVALID, OK};

use super::shadow::{self, InCall};
use super::{CONTROL, Instance, board, find, instance_of, is_refusal, lock, manners, role};

/// The real table behind an instance.
macro_rules! real {
    ($instance:expr, $function:ident ( $($argument:expr),* )) => {
        // SAFETY: the host's table lives as long as the instance; the arguments are the extension's own.
        match unsafe { (*$instance.host).$function } {
            // SAFETY: as above.
            Some(function) => unsafe { function($($argument),*) },
            None => E_INVALID,
        }
    };
}

mod references;

/// Bits of `Manners::refuse`.
pub(crate) const MAKE_WRITABLE: u32 = 1;
pub(crate) const HOLD: u32 = 2;
pub(crate) const ORIGINATE: u32 = 4;
pub(crate) const CLONE: u32 = 8;
pub(crate) const INJECT: u32 = 16;
pub(crate) const COUNTER_REGISTER: u32 = 32;
pub(crate) const REASON_REGISTER: u32 = 64;
pub(crate) const GROUP_CREATE: u32 = 128;
pub(crate) const PORT_LIST: u32 = 256;
pub(crate) const RELEASE: u32 = 512;
pub(crate) const DATAGRAM: u32 = 1_024;
pub(crate) const REFERENCE: u32 = 2_048;

/// Which right was used: bits of `Board::used`.
#[derive(Clone, Copy)]
pub(crate) enum Right {
    Hold = 0,
    Modify = 1,
    Draft = 2,
    Group = 3,
}

/// Words for the rights.
pub(crate) const RIGHTS: [&str; 4] = ["holds frames", "modifies frames", "makes drafts", "makes groups"];

fn used(right: Right) {
    board().used.fetch_or(1 << right as u32, Ordering::Relaxed);
}

/// The host's table with this module's functions.
pub(super) fn watched(real: Host) -> Host {
    Host {
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
        inject_to: real.inject_to.map(|_| inject_to as _),
        port_reference: real.port_reference.map(|_| references::port_reference as _),
        port_dereference: real.port_dereference.map(|_| references::port_dereference as _),
        nic_reference: real.nic_reference.map(|_| references::nic_reference as _),
        nic_dereference: real.nic_dereference.map(|_| references::nic_dereference as _),
        ..real
    }
}

fn refuses(bit: u32) -> bool {
    let refuses = manners().refuse & bit != 0;
    if refuses {
        board().refused.fetch_add(1, Ordering::Relaxed);
    }
    refuses
}

/// The instance, for a function of the control side.
fn control(host: *mut c_void, function: &str) -> Option<std::sync::Arc<Instance>> {
    if CONTROL.with(std::cell::Cell::get) == 0 {
        let place = if shadow::current().is_some() { "a data-path call" } else { "a thread of its own" };
        find("control-functions-in-control", format!("{function} was called from {place}"));
    }
    let found = instance_of(host);
    if found.is_none() {
        find("host-context-passed", format!("{function} was called with a context that is not the host's"));
    }
    found
}

fn bytes<'a>(bytes: Bytes, most: u64) -> Option<&'a [u8]> {
    if bytes.data.is_null() {
        return (bytes.length == 0).then_some(&[]);
    }
    let length = usize::try_from(bytes.length).ok().filter(|_| bytes.length <= most)?;
    // SAFETY: the extension says that so many bytes may be read.
    Some(unsafe { std::slice::from_raw_parts(bytes.data, length) })
}

unsafe extern "C" fn log(host: *mut c_void, level: u32, line: Bytes) {
    let Some(instance) = instance_of(host) else {
        return find("host-context-passed", "log was called with a context that is not the host's".to_owned());
    };
    let good = bytes(line, 1_024).is_some_and(|text| std::str::from_utf8(text).is_ok());
    if !good || !(1..=4).contains(&level) {
        let text = format!("a log line of level {level} and {} bytes: 1 to 4, at most 1,024, UTF-8", line.length);
        find("log-lines-valid", text);
    }
    // SAFETY: the host's table lives as long as the instance; the line is the extension's own.
    if let Some(function) = unsafe { (*instance.host).log } {
        // SAFETY: as above.
        unsafe { function(host, level, line) };
    }
}

unsafe extern "C" fn counter_register(host: *mut c_void, name: Bytes, unit: Bytes, out: *mut u32) -> i32 {
    let Some(instance) = control(host, "counter_register") else { return E_INVALID };
    if refuses(COUNTER_REGISTER) {
        return E_FULL;
    }
    let code = real!(instance, counter_register(host, name, unit, out));
    match code {
        // SAFETY: the host has written through it.
        OK => drop(lock(&instance.known).counters.insert(unsafe { out.read_unaligned() })),
        E_INVALID => find("counter-names-valid", describe("counter_register", name)),
        _ => {}
    }
    code
}

fn describe(function: &str, name: Bytes) -> String {
    let text = bytes(name, 200).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("{function} was given '{}' ({} bytes)", text.unwrap_or_else(|| "…".to_owned()), name.length)
}

unsafe extern "C" fn counter_add(host: *mut c_void, counter: u32, delta: u64) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    if !lock(&instance.known).counters.contains(&counter) {
        find("counters-registered", format!("counter_add of {counter}, which it never registered"));
    }
    real!(instance, counter_add(host, counter, delta))
}

unsafe extern "C" fn drop_reason_register(host: *mut c_void, id: Bytes, text: Bytes, out: *mut u16) -> i32 {
    let Some(instance) = control(host, "drop_reason_register") else { return E_INVALID };
    if refuses(REASON_REGISTER) {
        return E_FULL;
    }
    let code = real!(instance, drop_reason_register(host, id, text, out));
    match code {
        // SAFETY: the host has written through it.
        OK => drop(lock(&instance.known).reasons.insert(unsafe { out.read_unaligned() })),
        E_INVALID => find("drop-reason-names-valid", describe("drop_reason_register", id)),
        _ => {}
    }
    code
}

fn ports_of(ports: *const u32, count: u32) -> Vec<u32> {
    if ports.is_null() {
        return Vec::new();
    }
    // SAFETY: the extension says that so many numbers may be read; the host reads no more than 4,096.
    (0..count.min(4_096) as usize).map(|index| unsafe { ports.add(index).read_unaligned() }).collect()
}

fn check_group(instance: &Instance, function: &str, ports: &[u32]) {
    if role() != ROLE_FORWARDING {
        find("groups-are-the-forwarders", format!("{function} by an extension that does not forward"));
        return;
    }
    used(Right::Group);
    let known = lock(&instance.known);
    if let Some(port) = ports.iter().find(|port| !known.connected.contains(port)) {
        find("group-ports-connected", format!("{function} with port {port}, which has no connected NIC"));
    }
    if ports.iter().collect::<BTreeSet<_>>().len() != ports.len() {
        find("group-ports-connected", format!("{function} names a port twice: {ports:?}"));
    }
}

unsafe extern "C" fn group_create(host: *mut c_void, ports: *const u32, count: u32, out: *mut u32) -> i32 {
    let Some(instance) = control(host, "group_create") else { return E_INVALID };
    if refuses(GROUP_CREATE) {
        return E_FULL;
    }
    let named = ports_of(ports, count);
    check_group(&instance, "group_create", &named);
    let code = real!(instance, group_create(host, ports, count, out));
    if code == OK {
        // SAFETY: the host has written through it.
        lock(&instance.known).groups.insert(unsafe { out.read_unaligned() }, named);
    }
    code
}

unsafe extern "C" fn group_update(host: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32 {
    let Some(instance) = control(host, "group_update") else { return E_INVALID };
    let named = ports_of(ports, count);
    check_group(&instance, "group_update", &named);
    let code = real!(instance, group_update(host, group, ports, count));
    match code {
        OK => drop(lock(&instance.known).groups.insert(group, named)),
        E_GONE => find("group-exists", format!("group_update of {group}, which it never made")),
        _ => {}
    }
    code
}

unsafe extern "C" fn port_list(host: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32 {
    let Some(instance) = control(host, "port_list") else { return E_INVALID };
    check_active(&instance, "port_list");
    if refuses(PORT_LIST) && !out_count.is_null() {
        // SAFETY: the extension's out pointer.
        unsafe { out_count.write_unaligned(room.saturating_add(1)) };
        return E_FULL;
    }
    real!(instance, port_list(host, ports, room, out_count))
}

fn check_active(instance: &Instance, function: &str) {
    if !lock(&instance.known).active {
        find("no-query-before-activate", format!("{function} before SWITCH_ACTIVATE gives an incomplete view"));
    }
}

unsafe extern "C" fn port_query(host: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    let Some(instance) = control(host, "port_query") else { return E_INVALID };
    check_active(&instance, "port_query");
    let code = real!(instance, port_query(host, port, out));
    match code {
        E_GONE => {
            find("no-query-of-gone-port", format!("port_query of {port}, which it was told is gone or never was"))
        }
        E_INVALID => find("query-states-its-size", "port_query with a struct_size below 8".to_owned()),
        _ => {}
    }
    code
}

unsafe extern "C" fn send_datagram(host: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    let Some(instance) = instance_of(host) else { return E_INVALID };
    if refuses(DATAGRAM) {
        return E_FULL;
    }
    let code = real!(instance, send_datagram(host, address, payload));
    if code == E_INVALID {
        find(
            "datagrams-valid",
            format!("{}, {} bytes of at most 1,472", describe("send_datagram", address), payload.length),
        );
    }
    code
}

unsafe extern "C" fn datagram_counts(host: *mut c_void, address: Bytes, out: *mut DatagramCounts) -> i32 {
    let Some(instance) = control(host, "datagram_counts") else { return E_INVALID };
    real!(instance, datagram_counts(host, address, out))
}

unsafe extern "C" fn vlan_query(host: *mut c_void, vlan: u32, out: *mut VlanCounters) -> i32 {
    let Some(instance) = control(host, "vlan_query") else { return E_INVALID };
    real!(instance, vlan_query(host, vlan, out))
}

/// The call under way, when `call` is its handle and this its thread.
fn worker<'a>(call: *mut c_void, function: &str) -> Option<&'a mut InCall> {
    let found = shadow::current().filter(|current| current.call() == call);
    if found.is_none() {
        let text = format!("{function} was called outside the call it belongs to, or on another thread");
        find("worker-functions-in-their-call", text);
    }
    found
}

/// Whether `function` may be called here at all: modifying and holding are not a capture's, modifying is for ingress.
fn may(current: &InCall, function: &str, rule: &'static str, on_egress: bool) -> bool {
    if matches!(role(), ROLE_CAPTURE | ROLE_SERVICE) {
        find(rule, format!("{function} by a capture extension"));
        return false;
    }
    if current.is_egress() && !on_egress {
        find("egress-is-not-modified", format!("{function} on the egress leg"));
        return false;
    }
    true
}

fn in_batch(current: &InCall, function: &str, index: u32) -> bool {
    let inside = (index as usize) < current.len() && !current.is_gone(index as usize);
    if !inside {
        let text = format!("{function} of packet {index} in a batch of {}, or of one it holds already", current.len());
        find("packet-index-in-batch", text);
    }
    inside
}

unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    let Some(current) = worker(call, "make_writable") else { return E_INVALID };
    let legal =
        may(current, "make_writable", "capture-does-not-modify", false) && in_batch(current, "make_writable", index);
    if legal && refuses(MAKE_WRITABLE) {
        return E_FULL;
    }
    let code = real!(current.instance(), make_writable(call, index));
    if code == OK {
        used(Right::Modify);
        current.now_writable(index as usize);
    }
    code
}

unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    let Some(current) = worker(call, "reparse") else { return E_INVALID };
    if may(current, "reparse", "capture-does-not-modify", false) && in_batch(current, "reparse", index) {
        current.carry_over(index as usize);
    }
    let code = real!(current.instance(), reparse(call, index));
    if code == OK {
        current.now_parsed(index as usize);
    }
    code
}

unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    let Some(current) = worker(call, "hold") else { return E_INVALID };
    let legal = may(current, "hold", "capture-does-not-hold", true) && in_batch(current, "hold", index);
    if legal && refuses(HOLD) {
        return E_FULL;
    }
    if legal {
        current.carry_over(index as usize);
    }
    let code = real!(current.instance(), hold(call, index, out));
    if code == OK {
        used(Right::Hold);
        current.now_gone(index as usize);
    }
    code
}

unsafe extern "C" fn release(call: *mut c_void, handle: u64) -> i32 {
    let Some(current) = worker(call, "release") else { return E_INVALID };
    if refuses(RELEASE) {
        // As if the host had taken the frame back: its port is gone, or it was held too long.
        let _ = real!(current.instance(), discard(call, handle, 0));
        return E_GONE;
    }
    let code = real!(current.instance(), release(call, handle));
    stale("release", handle, code);
    code
}

fn stale(function: &str, handle: u64, code: i32) {
    if is_refusal(code) {
        let text = format!("{function} of {handle:#x} gave status {code}: it was ended before, or never was");
        find("handles-end-once", text);
    }
}

unsafe extern "C" fn discard(call: *mut c_void, handle: u64, reason: u16) -> i32 {
    let Some(current) = worker(call, "discard") else { return E_INVALID };
    if reason != 0 && !lock(&current.instance().known).reasons.contains(&reason) {
        find("drop-reason-registered", format!("discard with reason {reason}, which it never registered"));
    }
    current.end_draft(handle);
    let code = real!(current.instance(), discard(call, handle, reason));
    stale("discard", handle, code);
    code
}

unsafe extern "C" fn originate(call: *mut c_void, length: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    let Some(current) = worker(call, "originate") else { return E_INVALID };
    if refuses(ORIGINATE) {
        return E_FULL;
    }
    let code = real!(current.instance(), originate(call, length, out, packet));
    if code == OK {
        used(Right::Draft);
        // SAFETY: the host has written through both.
        unsafe { current.now_drafted(out.read_unaligned(), packet.read_unaligned(), 0) };
    } else if code == E_INVALID {
        find("draft-lengths-valid", format!("originate of {length} bytes"));
    }
    code
}

unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, out: *mut u64, packet: *mut Packet) -> i32 {
    let Some(current) = worker(call, "clone_packet") else { return E_INVALID };
    let legal =
        may(current, "clone_packet", "capture-does-not-clone", true) && in_batch(current, "clone_packet", index);
    if legal && refuses(CLONE) {
        return E_FULL;
    }
    if legal {
        current.carry_over(index as usize);
    }
    let code = real!(current.instance(), clone_packet(call, index, out, packet));
    if code == OK {
        used(Right::Draft);
        let source = current.source_of(index as usize);
        // SAFETY: the host has written through both.
        unsafe { current.now_drafted(out.read_unaligned(), packet.read_unaligned(), source) };
    }
    code
}

unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source: u32) -> i32 {
    let Some(current) = worker(call, "inject") else { return E_INVALID };
    if refuses(INJECT) {
        return E_GONE;
    }
    let stranger = source != 0 && !lock(&current.instance().known).connected.contains(&source);
    if stranger {
        let text = format!("inject with source port {source}, which has no connected NIC");
        find("inject-source-connected", text);
    }
    current.check_injected(handle, source);
    let code = real!(current.instance(), inject(call, handle, source));
    if code == OK {
        current.end_draft(handle);
    } else if !stranger && matches!(code, E_INVALID | E_GONE) {
        stale("inject", handle, code);
    }
    code
}

/// Judges where a draft is to go.
fn check_destination(current: &InCall, to: *const Destination) {
    // SAFETY: the extension's own destination, or null.
    let Some(to) = (unsafe { to.as_ref() }) else { return };
    let known = lock(&current.instance().known);
    let there = match to.verdict {
        VERDICT_TO_PORT => known.connected.contains(&to.target),
        VERDICT_TO_GROUP => known.groups.contains_key(&to.target),
        _ => false,
    };
    if !there {
        let text =
            format!("inject_to with verdict {} and target {}: no port, no group of its own", to.verdict, to.target);
        find("inject-to-destination-valid", text);
    }
}

unsafe extern "C" fn inject_to(call: *mut c_void, handle: u64, source: u32, to: *const Destination) -> i32 {
    let Some(current) = worker(call, "inject_to") else { return E_INVALID };
    if refuses(INJECT) {
        return E_GONE;
    }
    current.check_injected(handle, source);
    check_destination(current, to);
    let code = real!(current.instance(), inject_to(call, handle, source, to));
    if code == OK {
        current.end_draft(handle);
    }
    code
}
