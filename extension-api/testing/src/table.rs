//! The host table as C functions over the state of the kit.
//!
//! An unsafe island. What carries the SAFETY comments: the context of every call is the [`Lab`] that `TestSwitch` keeps
//! alive, at one address, until the extension is destroyed; descriptors and frames are reached by raw pointers alone, as
//! in a switch, so that the extension's own references during a call are the only ones; and the lock of the state is
//! never held while the extension runs.
#![allow(unsafe_code)]

use std::ffi::c_void;

use heddle_extension_api::abi::control::{PortInfo, NIC_CONNECTED, PORT_SYNTHETIC};
use heddle_extension_api::abi::host::{
    DatagramCounts, Destination, Host, VlanCounters, LOG_DEBUG, LOG_ERROR, LOG_INFO,
};
use heddle_extension_api::abi::meta::ABI_MINOR;
use heddle_extension_api::abi::packet::{Packet, VERDICT_HOLD, VERDICT_TO_GROUP, VERDICT_TO_PORT};
use heddle_extension_api::abi::status::{Bytes, E_FORBIDDEN, E_FULL, E_GONE, E_INVALID, OK};
use heddle_extension_api::Level;

use crate::frame::parse;
use crate::host::{Datagram, HostCall, Injected, LogLine, FIRST_REASON};
use crate::lab::{Lab, FRAME_MAX};

fn lab<'a>(context: *mut c_void) -> &'a Lab {
    // SAFETY: see the head of the file.
    unsafe { &*context.cast::<Lab>() }
}

fn raw(bytes: &Bytes) -> Vec<u8> {
    if bytes.data.is_null() || bytes.length == 0 {
        return Vec::new();
    }
    // SAFETY: the extension lends `length` bytes for the call.
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.length as usize) }.to_vec()
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(&raw(bytes)).into_owned()
}

/// The table a switch would hand over. Functions the kit does not have are null, as those of an older switch.
pub(crate) fn host_table(lab: &Lab) -> Box<Host> {
    let mut table = Box::new(std::mem::MaybeUninit::<Host>::zeroed());
    // SAFETY: numbers, a pointer and optional functions: all zero is valid.
    let host = unsafe { &mut *table.as_mut_ptr() };
    host.struct_size = std::mem::size_of::<Host>() as u32;
    host.abi_minor = u32::from(ABI_MINOR);
    host.context = lab as *const Lab as *mut c_void;
    host.log = Some(log);
    host.counter_register = Some(counter_register);
    host.counter_add = Some(counter_add);
    host.drop_reason_register = Some(drop_reason_register);
    host.group_create = Some(group_create);
    host.group_update = Some(group_update);
    host.port_list = Some(port_list);
    host.port_query = Some(port_query);
    host.send_datagram = Some(send_datagram);
    host.make_writable = Some(make_writable);
    host.reparse = Some(reparse);
    host.hold = Some(hold);
    host.release = Some(release);
    host.discard = Some(discard);
    host.originate = Some(originate);
    host.clone_packet = Some(clone_packet);
    host.inject = Some(inject);
    host.datagram_counts = Some(datagram_counts);
    host.vlan_query = Some(vlan_query);
    host.inject_to = Some(inject_to);
    host.port_reference = Some(port_reference);
    host.port_dereference = Some(port_dereference);
    host.nic_reference = Some(nic_reference);
    host.nic_dereference = Some(nic_dereference);
    // SAFETY: every field is initialized: zeroed, then filled.
    unsafe { Box::from_raw(Box::into_raw(table).cast::<Host>()) }
}

unsafe extern "C" fn log(context: *mut c_void, level: u32, line: Bytes) {
    let level = match level {
        LOG_ERROR => Level::Error,
        LOG_INFO => Level::Info,
        LOG_DEBUG => Level::Debug,
        _ => Level::Warn,
    };
    lab(context).state().log.push(LogLine { level, text: text(&line) });
}

unsafe extern "C" fn counter_register(context: *mut c_void, name: Bytes, _unit: Bytes, out: *mut u32) -> i32 {
    let mut state = lab(context).state();
    match state.refusal(HostCall::CounterRegister) {
        OK if name.length > 32 => return E_INVALID,
        OK if state.counters.len() >= 64 => return E_FULL,
        OK => {}
        refused => return refused,
    }
    // SAFETY: the extension lends it for the call.
    unsafe { *out = state.counters.len() as u32 };
    state.counters.push((text(&name), 0));
    OK
}

unsafe extern "C" fn counter_add(context: *mut c_void, counter: u32, delta: u64) -> i32 {
    match lab(context).state().counters.get_mut(counter as usize) {
        Some((_, value)) => *value = value.wrapping_add(delta),
        None => return E_INVALID,
    }
    OK
}

unsafe extern "C" fn drop_reason_register(context: *mut c_void, id: Bytes, words: Bytes, out: *mut u16) -> i32 {
    let mut state = lab(context).state();
    match state.refusal(HostCall::DropReasonRegister) {
        OK if id.length == 0 || id.length > 48 || words.length > 160 => return E_INVALID,
        OK if state.drop_reasons.len() >= 64 => return E_FULL,
        OK => {}
        refused => return refused,
    }
    // SAFETY: the extension lends it for the call.
    unsafe { *out = FIRST_REASON + state.drop_reasons.len() as u16 };
    state.drop_reasons.push((text(&id), text(&words)));
    OK
}

fn port_ids(ports: *const u32, count: u32) -> Vec<u32> {
    if count == 0 || ports.is_null() {
        return Vec::new();
    }
    // SAFETY: the extension lends `count` ids for the call.
    unsafe { std::slice::from_raw_parts(ports, count as usize) }.to_vec()
}

unsafe extern "C" fn group_create(context: *mut c_void, ports: *const u32, count: u32, out: *mut u32) -> i32 {
    let mut state = lab(context).state();
    match state.refusal(HostCall::GroupCreate) {
        OK => {}
        refused => return refused,
    }
    state.groups.push(port_ids(ports, count));
    // SAFETY: the extension lends it for the call. Groups count from 1.
    unsafe { *out = state.groups.len() as u32 };
    OK
}

unsafe extern "C" fn group_update(context: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32 {
    let mut state = lab(context).state();
    match (group as usize).checked_sub(1).and_then(|at| state.groups.get_mut(at)) {
        Some(group) => *group = port_ids(ports, count),
        None => return E_GONE,
    }
    OK
}

unsafe extern "C" fn port_list(context: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32 {
    let state = lab(context).state();
    // SAFETY: the extension lends it for the call.
    unsafe { *out_count = state.ports.len() as u32 };
    if state.ports.len() > room as usize {
        return E_FULL;
    }
    for (at, port) in state.ports.iter().enumerate() {
        // SAFETY: the extension lends `room` ids, checked above.
        unsafe { *ports.add(at) = port.id };
    }
    OK
}

/// What a port looks like: up, 1,500 bytes, 10 Gbit/s.
pub(crate) fn port_info(id: u32, name: &str) -> PortInfo {
    // SAFETY: numbers and arrays of them: all zero is valid.
    let mut info = unsafe { std::mem::MaybeUninit::<PortInfo>::zeroed().assume_init() };
    info.struct_size = std::mem::size_of::<PortInfo>() as u32;
    info.port = id;
    info.kind = PORT_SYNTHETIC;
    info.nic_state = NIC_CONNECTED;
    info.link_up = 1;
    info.admin_up = 1;
    info.mtu = 1500;
    info.speed_mbps = 10_000;
    let length = name.len().min(info.name.len() - 1);
    info.name[..length].copy_from_slice(&name.as_bytes()[..length]);
    info
}

unsafe extern "C" fn port_query(context: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    let state = lab(context).state();
    let known = match state.ports.iter().find(|known| known.id == port) {
        Some(known) => known,
        None => return E_GONE,
    };
    let info = port_info(known.id, &known.name);
    // SAFETY: the extension lends a struct that begins with its size, and no more of it is written.
    unsafe {
        let size = (*out).struct_size;
        let length = (size as usize).min(std::mem::size_of::<PortInfo>());
        std::ptr::copy_nonoverlapping((&info as *const PortInfo).cast::<u8>(), out.cast::<u8>(), length);
        (*out).struct_size = size;
    }
    OK
}

unsafe extern "C" fn send_datagram(context: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    let mut state = lab(context).state();
    match state.refusal(HostCall::SendDatagram) {
        OK if payload.length > 1472 => E_INVALID,
        OK => {
            state.datagrams.push(Datagram { address: text(&address), payload: raw(&payload) });
            OK
        }
        refused => refused,
    }
}

unsafe extern "C" fn datagram_counts(context: *mut c_void, address: Bytes, out: *mut DatagramCounts) -> i32 {
    let address = text(&address);
    let sent = lab(context).state().datagrams.iter().filter(|datagram| datagram.address == address).count();
    if sent == 0 {
        return E_GONE;
    }
    // SAFETY: the extension lends a struct of at least the first version's size.
    unsafe {
        (*out).sent = sent as u64;
        (*out).failed = 0;
        (*out).dropped = 0;
    }
    OK
}

unsafe extern "C" fn vlan_query(_: *mut c_void, _: u32, out: *mut VlanCounters) -> i32 {
    if out.is_null() {
        OK
    } else {
        E_GONE
    }
}

unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    if !lab.in_call(&mut state, "make_writable", index) {
        return E_INVALID;
    }
    if !state.ingress_call {
        return E_FORBIDDEN;
    }
    match state.refusal(HostCall::MakeWritable) {
        OK => {
            state.writable[index as usize] = true;
            OK
        }
        refused => refused,
    }
}

unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    if !lab.in_call(&mut state, "reparse", index) || !state.writable[index as usize] {
        return E_INVALID;
    }
    let mut packet = lab.descriptor(index as usize);
    let bytes = lab.bytes_of(&packet);
    parse(&bytes, &mut packet);
    // SAFETY: below the number of descriptors, and the extension is in this call.
    unsafe { lab.descriptors().add(index as usize).write(packet) };
    OK
}

unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    if !lab.in_call(&mut state, "hold", index) {
        return E_INVALID;
    }
    match state.refusal(HostCall::Hold) {
        OK => {}
        refused => return refused,
    }
    let mut packet = lab.descriptor(index as usize);
    let bytes = lab.bytes_of(&packet);
    packet.verdict = VERDICT_HOLD;
    let handle = state.new_handle();
    state.held.insert(handle, bytes);
    // SAFETY: below the number of descriptors, and the extension is in this call; it lends `out` for it.
    unsafe {
        lab.descriptors().add(index as usize).write(packet);
        *out = handle;
    }
    OK
}

unsafe extern "C" fn release(call: *mut c_void, handle: u64) -> i32 {
    let mut state = lab(call).state();
    match state.held.remove(&handle) {
        Some(bytes) => state.released.push(bytes),
        None => return E_GONE,
    }
    OK
}

unsafe extern "C" fn discard(call: *mut c_void, handle: u64, reason: u16) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    if let Some(bytes) = state.held.remove(&handle) {
        state.discarded.push((bytes, reason));
    } else if state.drafts.remove(&handle).is_none() {
        return E_GONE;
    }
    OK
}

unsafe extern "C" fn originate(call: *mut c_void, length: u32, handle: *mut u64, packet: *mut Packet) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    match state.refusal(HostCall::Originate) {
        OK if length as usize > FRAME_MAX => E_INVALID,
        OK => lab.draft(&mut state, &vec![0; length as usize], handle, packet),
        refused => refused,
    }
}

unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, handle: *mut u64, packet: *mut Packet) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    if !lab.in_call(&mut state, "clone_packet", index) {
        return E_INVALID;
    }
    match state.refusal(HostCall::ClonePacket) {
        OK => {
            let bytes = lab.bytes_of(&lab.descriptor(index as usize));
            lab.draft(&mut state, &bytes, handle, packet)
        }
        refused => refused,
    }
}

unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source_port: u32) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    match state.refusal(HostCall::Inject) {
        OK => {}
        refused => return refused,
    }
    let packet = match state.drafts.remove(&handle) {
        Some(packet) => packet,
        None => return E_GONE,
    };
    let bytes = lab.bytes_of(&packet);
    state.injected.push(Injected { bytes, source_port, to: Vec::new() });
    OK
}

unsafe extern "C" fn inject_to(call: *mut c_void, handle: u64, source_port: u32, to: *const Destination) -> i32 {
    let lab = lab(call);
    let mut state = lab.state();
    // SAFETY: the extension lends it for the call.
    let to = unsafe { *to };
    let ports = match to.verdict {
        VERDICT_TO_PORT if state.ports.iter().any(|port| port.id == to.target) => vec![to.target],
        VERDICT_TO_GROUP => match (to.target as usize).checked_sub(1).and_then(|at| state.groups.get(at)) {
            Some(group) => group.clone(),
            None => return E_INVALID,
        },
        _ => return E_INVALID,
    };
    match state.refusal(HostCall::Inject) {
        OK => {}
        refused => return refused,
    }
    let packet = match state.drafts.remove(&handle) {
        Some(packet) => packet,
        None => return E_GONE,
    };
    let bytes = lab.bytes_of(&packet);
    state.injected.push(Injected { bytes, source_port, to: ports });
    OK
}

fn refer(context: *mut c_void, port: u32, nic: Option<u32>) -> i32 {
    let mut state = lab(context).state();
    if !state.ports.iter().any(|known| known.id == port) {
        return E_GONE;
    }
    *state.references.entry((port, nic)).or_insert(0) += 1;
    OK
}

fn give_back(context: *mut c_void, port: u32, nic: Option<u32>) -> i32 {
    match lab(context).state().references.get_mut(&(port, nic)) {
        Some(taken) if *taken > 0 => {
            *taken -= 1;
            OK
        }
        _ => E_INVALID,
    }
}

unsafe extern "C" fn port_reference(host: *mut c_void, port: u32) -> i32 {
    refer(host, port, None)
}

unsafe extern "C" fn port_dereference(host: *mut c_void, port: u32) -> i32 {
    give_back(host, port, None)
}

unsafe extern "C" fn nic_reference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    refer(host, port, Some(nic))
}

unsafe extern "C" fn nic_dereference(host: *mut c_void, port: u32, nic: u32) -> i32 {
    give_back(host, port, Some(nic))
}
