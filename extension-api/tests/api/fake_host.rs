//! A host in a few vectors: the host table as C functions over [`State`], and batches made of plain frames.
//!
//! It is as strict as the ABI asks of a host: stale handles are `E_GONE`, and [`FakeHost::refuse`] makes one function
//! return any status. Frames live in 2,048-byte slots with 128 bytes of headroom. Descriptors are found again by the
//! index, through a pointer, as in a real host.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::host::{DatagramCounts, Host};
use heddle_extension_api::abi::packet::{Batch, OffloadFacts, Packet, VERDICT_HOLD};
use heddle_extension_api::abi::status::{Bytes, E_FULL, E_GONE, E_INVALID, OK};

pub const SLOT: usize = 2048;
pub const HEADROOM: u16 = 128;
const SLOTS: usize = 64;

/// What the extension did to the host.
#[derive(Default)]
pub struct State {
    pub log: Vec<(u32, String)>,
    pub counters: Vec<(String, String, u64)>,
    pub drop_reasons: Vec<(String, String)>,
    pub groups: Vec<Vec<u32>>,
    pub ports: Vec<u32>,
    pub datagrams: Vec<(String, Vec<u8>)>,
    pub writable: Vec<u32>,
    pub reparsed: Vec<u32>,
    pub held: Vec<u64>,
    pub released: Vec<u64>,
    pub discarded: Vec<(u64, u16)>,
    pub stale: Vec<u64>,
    pub injected: Vec<(Vec<u8>, u32)>,
    pub refuse: HashMap<&'static str, i32>,
    drafts: HashMap<u64, Packet>,
    packets: Vec<Packet>,
    arena: Vec<u8>,
    next_handle: u64,
    next_draft_slot: u32,
}

/// A batch lent to the extension for one call.
pub struct Lent {
    pub batch: Batch,
    pub read_only: Vec<u8>,
    _offload: Vec<OffloadFacts>,
}

pub struct FakeHost {
    pub state: Arc<Mutex<State>>,
    pub table: Box<Host>,
}

fn state<'a>(context: *mut c_void) -> std::sync::MutexGuard<'a, State> {
    // SAFETY: the context is the mutex that `FakeHost` keeps alive for the whole test.
    unsafe { &*context.cast::<Mutex<State>>() }.lock().unwrap()
}

fn text(bytes: Bytes) -> String {
    String::from_utf8(raw(bytes)).unwrap()
}

fn raw(bytes: Bytes) -> Vec<u8> {
    // SAFETY: the extension lends `length` bytes.
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.length as usize) }.to_vec()
}

impl State {
    fn refused(&self, function: &'static str) -> i32 {
        self.refuse.get(function).copied().unwrap_or(OK)
    }

    fn handle(&mut self) -> u64 {
        self.next_handle += 1;
        // A generation in the upper half, as a real host has.
        (7 << 32) | self.next_handle
    }

    fn draft(&mut self, bytes: &[u8], out_handle: *mut u64, out_packet: *mut Packet) -> i32 {
        let slot = self.next_draft_slot;
        self.next_draft_slot += 1;
        let packet = Packet {
            buffer: slot * (SLOT / 64) as u32,
            start: HEADROOM,
            length: bytes.len() as u32,
            ..Packet::default()
        };
        let at = slot as usize * SLOT + usize::from(HEADROOM);
        self.arena[at..at + bytes.len()].copy_from_slice(bytes);
        let handle = self.handle();
        self.drafts.insert(handle, packet);
        // SAFETY: both point to locals of the caller.
        unsafe {
            *out_handle = handle;
            *out_packet = packet;
        }
        OK
    }

    pub fn bytes_of(&self, packet: &Packet) -> Vec<u8> {
        let at = packet.buffer as usize * 64 + usize::from(packet.start);
        self.arena[at..at + packet.length as usize].to_vec()
    }

    /// Descriptors after the call.
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    pub fn open_drafts(&self) -> usize {
        self.drafts.len()
    }
}

unsafe extern "C" fn log(context: *mut c_void, level: u32, line: Bytes) {
    state(context).log.push((level, text(line)));
}
unsafe extern "C" fn counter_register(context: *mut c_void, name: Bytes, unit: Bytes, out: *mut u32) -> i32 {
    let mut state = state(context);
    *out = state.counters.len() as u32;
    state.counters.push((text(name), text(unit), 0));
    state.refused("counter_register")
}
unsafe extern "C" fn counter_add(context: *mut c_void, counter: u32, delta: u64) -> i32 {
    match state(context).counters.get_mut(counter as usize) {
        Some(counter) => counter.2 += delta,
        None => return E_INVALID,
    }
    OK
}
unsafe extern "C" fn drop_reason_register(context: *mut c_void, id: Bytes, sentence: Bytes, out: *mut u16) -> i32 {
    let mut state = state(context);
    state.drop_reasons.push((text(id), text(sentence)));
    *out = 1000 + state.drop_reasons.len() as u16;
    state.refused("drop_reason_register")
}
unsafe extern "C" fn group_create(context: *mut c_void, ports: *const u32, count: u32, out: *mut u32) -> i32 {
    let mut state = state(context);
    *out = state.groups.len() as u32;
    state.groups.push(std::slice::from_raw_parts(ports, count as usize).to_vec());
    state.refused("group_create")
}
unsafe extern "C" fn group_update(context: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32 {
    match state(context).groups.get_mut(group as usize) {
        Some(group) => *group = std::slice::from_raw_parts(ports, count as usize).to_vec(),
        None => return E_GONE,
    }
    OK
}
unsafe extern "C" fn port_list(context: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32 {
    let state = state(context);
    *out_count = state.ports.len() as u32;
    if state.ports.len() > room as usize {
        return E_FULL;
    }
    std::ptr::copy_nonoverlapping(state.ports.as_ptr(), ports, state.ports.len());
    OK
}
unsafe extern "C" fn port_query(context: *mut c_void, port: u32, out: *mut PortInfo) -> i32 {
    if !state(context).ports.contains(&port) {
        return E_GONE;
    }
    (*out).port = port;
    (*out).mtu = 1500;
    (*out).rx_packets = 7;
    (&mut (*out).name)[..2].copy_from_slice(b"p1");
    OK
}
unsafe extern "C" fn send_datagram(context: *mut c_void, address: Bytes, payload: Bytes) -> i32 {
    let mut state = state(context);
    state.datagrams.push((text(address), raw(payload)));
    state.refused("send_datagram")
}
/// Of each address as many are sent as it was called with, and nothing else.
unsafe extern "C" fn datagram_counts(context: *mut c_void, address: Bytes, out: *mut DatagramCounts) -> i32 {
    let (state, address) = (state(context), text(address));
    match state.datagrams.iter().filter(|(to, _)| *to == address).count() {
        0 => E_GONE,
        sent => {
            (*out).sent = sent as u64;
            OK
        }
    }
}
unsafe extern "C" fn make_writable(call: *mut c_void, index: u32) -> i32 {
    let mut state = state(call);
    state.writable.push(index);
    state.refused("make_writable")
}
unsafe extern "C" fn reparse(call: *mut c_void, index: u32) -> i32 {
    let mut state = state(call);
    state.reparsed.push(index);
    let bytes = state.bytes_of(&state.packets[index as usize]);
    let ethertype = u16::from_be_bytes([bytes[12], bytes[13]]);
    state.packets[index as usize].ethertype = ethertype;
    state.refused("reparse")
}
unsafe extern "C" fn hold(call: *mut c_void, index: u32, out: *mut u64) -> i32 {
    let mut state = state(call);
    if state.refused("hold") != OK {
        return state.refused("hold");
    }
    let handle = state.handle();
    state.held.push(handle);
    state.packets[index as usize].verdict = VERDICT_HOLD;
    *out = handle;
    OK
}
unsafe extern "C" fn release(call: *mut c_void, handle: u64) -> i32 {
    let mut state = state(call);
    match state.held.iter().position(|held| *held == handle) {
        Some(at) => state.held.remove(at),
        None => return E_GONE,
    };
    state.released.push(handle);
    OK
}
unsafe extern "C" fn discard(call: *mut c_void, handle: u64, reason: u16) -> i32 {
    let mut state = state(call);
    if state.drafts.remove(&handle).is_none() {
        match state.held.iter().position(|held| *held == handle) {
            Some(at) => state.held.remove(at),
            None => {
                state.stale.push(handle);
                return E_GONE;
            }
        };
    }
    state.discarded.push((handle, reason));
    OK
}
unsafe extern "C" fn originate(call: *mut c_void, length: u32, handle: *mut u64, packet: *mut Packet) -> i32 {
    let mut state = state(call);
    match state.refused("originate") {
        OK => state.draft(&vec![0; length as usize], handle, packet),
        status => status,
    }
}
unsafe extern "C" fn clone_packet(call: *mut c_void, index: u32, handle: *mut u64, packet: *mut Packet) -> i32 {
    let mut state = state(call);
    let bytes = state.bytes_of(&state.packets[index as usize]);
    state.draft(&bytes, handle, packet)
}
unsafe extern "C" fn inject(call: *mut c_void, handle: u64, source_port: u32) -> i32 {
    let mut state = state(call);
    if state.refused("inject") != OK {
        return state.refused("inject");
    }
    let packet = match state.drafts.remove(&handle) {
        Some(packet) => packet,
        None => return E_GONE,
    };
    let bytes = state.bytes_of(&packet);
    state.injected.push((bytes, source_port));
    OK
}

impl FakeHost {
    pub fn new() -> Self {
        let state = Arc::new(Mutex::new(State {
            arena: vec![0; SLOT * SLOTS],
            next_draft_slot: 32,
            ports: vec![1, 2, 3],
            ..State::default()
        }));
        let context = Arc::as_ptr(&state) as *mut c_void;
        let table = Box::new(Host {
            struct_size: std::mem::size_of::<Host>() as u32,
            abi_minor: 0,
            context,
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
            vlan_query: None,
            inject_to: None,
            port_reference: None,
            port_dereference: None,
            nic_reference: None,
            nic_dereference: None,
        });
        FakeHost { state, table }
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn refuse(&self, function: &'static str, status: i32) {
        self.state().refuse.insert(function, status);
    }

    /// Puts frames into the arena and lends a batch of them. With `read_only`, the batch's base is a copy, so that a
    /// write through it would be seen to have gone nowhere.
    pub fn lend(&self, frames: &[(&[u8], Packet)], leg: u8, read_only: bool) -> Lent {
        let mut state = self.state();
        state.packets.clear();
        let mut offload = Vec::new();
        for (slot, (bytes, facts)) in frames.iter().enumerate() {
            let at = slot * SLOT + usize::from(HEADROOM);
            state.arena[at..at + bytes.len()].copy_from_slice(bytes);
            state.packets.push(Packet {
                buffer: (slot * SLOT / 64) as u32,
                start: HEADROOM,
                length: bytes.len() as u32,
                ..*facts
            });
            offload.push(OffloadFacts { segments: slot as u32 + 1, ..OffloadFacts::default() });
        }
        let mut copy = if read_only { state.arena.clone() } else { Vec::new() };
        let arena = state.arena.as_mut_ptr();
        let batch = Batch {
            struct_size: std::mem::size_of::<Batch>() as u32,
            count: frames.len() as u32,
            packets: state.packets.as_mut_ptr(),
            base: if read_only { copy.as_mut_ptr() } else { arena },
            call: Arc::as_ptr(&self.state) as *mut c_void,
            now_ns: 42,
            worker: 3,
            leg,
            flags: 0,
            reserved: 0,
            offload: offload.as_ptr(),
            draft_base: arena,
        };
        Lent { batch, read_only: copy, _offload: offload }
    }
}
