//! A data-path call as the extension sees it: packets, frames, facts and the batch itself are copies in guarded memory.
//!
//! Each frame ends where its memory ends; so do the packets of the batch, the facts and the batch. After the call every
//! field and byte is compared with what was shown. What the extension may change is carried over into the host's own
//! memory; what it may not is a finding, and is left to the switch where the switch would see it, too. `make_writable`
//! moves the frame, as the host may.

mod judge;

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;

use heddle_extension_api::abi::entry::BatchFn;
use heddle_extension_api::abi::packet::{
    BATCH_MAX, Batch, LEG_EGRESS, OffloadFacts, PACKET_NATIVE_FORWARDING, Packet, VERDICT_HOLD,
};
use heddle_extension_api::abi::status::E_INVALID;
use heddle_switch_core::arena::{CLASS_LEN, Class, HEADROOM};

use super::{Instance, Phase, find, lock, manners, real, status};
use crate::frames::diff;
use crate::guard::{Guarded, Holds};

/// Longest buffer of the switch.
const SLOT: usize = CLASS_LEN[2];
const MAX: usize = BATCH_MAX as usize;
const LINE: usize = size_of::<Packet>();
/// Address space of the guarded memory of a context, about.
pub(super) const ADDRESSES: usize = (2 * MAX + 8) * (SLOT + 3 * 4_096);
/// Bytes behind a draft that must stay as they are.
const CANARY: [u8; 32] = [0xc5; 32];

/// The extension's context on one worker, with the memory its calls are made in.
pub(crate) struct Context {
    pub(crate) real: *mut c_void,
    instance: Arc<Instance>,
    memory: Option<Memory>,
}

struct Memory {
    frames: Guarded,
    packets: Guarded,
    facts: Guarded,
    batch: Guarded,
}

impl Context {
    pub(super) fn new(real: *mut c_void, instance: Arc<Instance>) -> Context {
        Context { real, instance, memory: None }
    }
}

thread_local! {
    static CURRENT: Cell<*mut InCall> = const { Cell::new(std::ptr::null_mut()) };
}

/// The call under way on this thread.
pub(super) fn current<'a>() -> Option<&'a mut InCall> {
    // SAFETY: set by `run` to a local for as long as the extension's function runs, on this thread; the host's functions
    // are called one at a time on a thread.
    CURRENT.with(|current| unsafe { current.get().as_mut() })
}

/// A call under way.
pub(crate) struct InCall {
    host: *mut Batch,
    instance: Arc<Instance>,
    /// The packets as the extension has them.
    packets: *mut Packet,
    frames_base: *mut u8,
    frames: *const Guarded,
    /// As they were shown.
    told: Vec<Packet>,
    /// The bytes of each.
    before: Vec<Vec<u8>>,
    /// Where a frame lay before it was made writable.
    moved_from: Vec<Option<Packet>>,
    writable: Vec<bool>,
    gone: Vec<bool>,
    ends: Vec<usize>,
}

impl InCall {
    pub(super) fn call(&self) -> *mut c_void {
        // SAFETY: the host's batch outlives the call.
        unsafe { (*self.host).call }
    }

    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    pub(super) fn is_egress(&self) -> bool {
        // SAFETY: the host's batch outlives the call.
        unsafe { (*self.host).leg == LEG_EGRESS }
    }

    pub(super) fn is_gone(&self, index: usize) -> bool {
        self.gone.get(index).copied().unwrap_or(true)
    }

    pub(super) fn source_of(&self, index: usize) -> u32 {
        self.told.get(index).map_or(0, |packet| packet.source_port)
    }

    /// The host's own packet.
    #[expect(clippy::mut_from_ref, reason = "behind a raw pointer; no two are held at a time")]
    fn hosts(&self, index: usize) -> &mut Packet {
        // SAFETY: `index` is below the count of the host's batch, whose packets are nobody else's during the call.
        unsafe { &mut *(*self.host).packets.add(index) }
    }

    /// The extension's packet.
    #[expect(clippy::mut_from_ref, reason = "behind a raw pointer; no two are held at a time")]
    fn shown(&self, index: usize) -> &mut Packet {
        // SAFETY: `index` is below the count of the packets in guarded memory, which are this call's alone.
        unsafe { &mut *self.packets.add(index) }
    }

    fn bytes_at(base: *mut u8, packet: &Packet) -> *mut u8 {
        base.wrapping_add(packet.buffer as usize * 64 + usize::from(packet.start))
    }

    /// The bytes of the host's frame.
    fn hosts_bytes(&self, packet: &Packet) -> &[u8] {
        // SAFETY: what the host says of its own packet is true.
        unsafe { std::slice::from_raw_parts(Self::bytes_at((*self.host).base, packet), packet.length as usize) }
    }

    /// Bytes in guarded memory.
    fn shown_bytes(&self, packet: &Packet) -> &[u8] {
        // SAFETY: called with a packet whose place was made by `place`, or was checked to lie in its slot.
        unsafe { std::slice::from_raw_parts(Self::bytes_at(self.frames_base, packet), packet.length as usize) }
    }

    /// A frame became writable: the host may have given it another buffer, so it has another one here, too.
    pub(super) fn now_writable(&mut self, index: usize) {
        if self.writable.get(index).copied() != Some(false) {
            return;
        }
        let Some(before) = self.told.get(index).copied() else { return };
        let hosts = *self.hosts(index);
        let length = before.length as usize;
        let moved = place(self.ends[MAX + index], length, before);
        // SAFETY: the memory of this context, on its thread.
        unsafe { (*self.frames).open(MAX + index) };
        let to = Self::bytes_at(self.frames_base, &moved);
        // SAFETY: both places are slots of their own, `length` bytes before their ends.
        unsafe {
            std::ptr::copy_nonoverlapping(self.hosts_bytes(&hosts).as_ptr(), to, length.min(hosts.length as usize))
        };
        let shown = self.shown(index);
        (shown.buffer, shown.start) = (moved.buffer, moved.start);
        shown.flags = hosts.flags | (shown.flags & PACKET_NATIVE_FORWARDING);
        let flags = shown.flags;
        self.told[index] = Packet { buffer: moved.buffer, start: moved.start, flags, ..before };
        self.moved_from[index] = Some(before);
        self.writable[index] = true;
    }

    /// The host parsed a frame anew.
    pub(super) fn now_parsed(&mut self, index: usize) {
        let hosts = *self.hosts(index);
        let shown = self.shown(index);
        (shown.l3, shown.l4, shown.ethertype) = (hosts.l3, hosts.l4, hosts.ethertype);
        (shown.ip_protocol, shown.flow_hash, shown.flags) = (hosts.ip_protocol, hosts.flow_hash, hosts.flags);
        let after = *shown;
        let told = &mut self.told[index];
        (told.l3, told.l4, told.ethertype) = (after.l3, after.l4, after.ethertype);
        (told.ip_protocol, told.flow_hash, told.flags) = (after.ip_protocol, after.flow_hash, after.flags);
    }

    pub(super) fn now_gone(&mut self, index: usize) {
        self.gone[index] = true;
        self.shown(index).verdict = VERDICT_HOLD;
    }

    /// A draft: bytes behind it are watched where its buffer has room for them.
    pub(super) fn now_drafted(&mut self, handle: u64, packet: Packet, source: u32) {
        let length = packet.length as usize;
        let room = Class::for_frame(length).map_or(0, Class::len);
        let watched = usize::from(packet.start) + length + CANARY.len() <= room && packet.start == HEADROOM;
        // SAFETY: the host's batch outlives the call.
        let end = Self::bytes_at(unsafe { (*self.host).draft_base }, &packet).wrapping_add(length);
        if watched {
            // SAFETY: inside the draft's own buffer, behind its last byte.
            unsafe { std::ptr::copy_nonoverlapping(CANARY.as_ptr(), end, CANARY.len()) };
        }
        let mut known = lock(&self.instance.known);
        known.drafts.insert(handle, if watched { end as usize } else { 0 });
        known.cloned_from.insert(handle, source);
    }

    /// Looks at a draft that is about to go.
    pub(super) fn check_injected(&mut self, handle: u64, source: u32) {
        let known = lock(&self.instance.known);
        let from = known.cloned_from.get(&handle).copied().unwrap_or(0);
        if source == 0 && from != 0 {
            let text = format!("a clone of a frame from port {from} was injected as trusted, past all port policy");
            find("clone-keeps-a-source", text);
        }
    }

    pub(super) fn end_draft(&mut self, handle: u64) {
        let mut known = lock(&self.instance.known);
        known.cloned_from.remove(&handle);
        let Some(end) = known.drafts.remove(&handle).filter(|end| *end != 0) else { return };
        // SAFETY: the draft has not been given back yet, so the bytes behind it are still its buffer's.
        let behind = unsafe { std::slice::from_raw_parts(end as *const u8, CANARY.len()) };
        if behind != CANARY {
            find("draft-in-bounds", format!("bytes behind a draft were written\n{}", diff(&CANARY, behind)));
        }
    }

    /// Brings what the extension may have changed of a packet into the host's memory.
    pub(super) fn carry_over(&mut self, index: usize) {
        let (shown, told) = (*self.shown(index), self.told[index]);
        let hosts = self.hosts(index);
        let mut back = Packet { buffer: hosts.buffer, start: hosts.start, ..shown };
        back.flags = shown.flags ^ told.flags ^ hosts.flags;
        if shown.buffer != told.buffer {
            back.buffer = hosts.buffer ^ shown.buffer ^ told.buffer;
        }
        if !self.writable[index] {
            back.start = hosts.start.wrapping_add(shown.start.wrapping_sub(told.start));
        } else if shown.buffer == told.buffer {
            back.start = self.carry_bytes(index, &shown, &told);
        }
        *self.hosts(index) = back;
    }

    /// The bytes of a writable frame; gives where it starts in the host's buffer.
    fn carry_bytes(&self, index: usize, shown: &Packet, told: &Packet) -> u16 {
        let end = self.ends[MAX + index];
        let begins = shown.buffer as usize * 64 + usize::from(shown.start);
        let inside = begins + shown.length as usize <= end && shown.length >= 14;
        let hosts = *self.hosts(index);
        let start = i32::from(hosts.start) + i32::from(shown.start) - i32::from(told.start);
        let start = u16::try_from(start.max(0)).unwrap_or(u16::MAX);
        if !inside {
            let text = format!("start {} and length {} leave the buffer of packet {index}", shown.start, shown.length);
            find("frame-in-buffer", text);
            return start;
        }
        let to = Packet { start, ..hosts };
        // SAFETY: the frame lies in its slot; the host's buffer is private to this packet, has the headroom that was used,
        // and the frame ends no later in it than before.
        unsafe {
            let to = Self::bytes_at((*self.host).base, &to);
            std::ptr::copy_nonoverlapping(self.shown_bytes(shown).as_ptr(), to, shown.length as usize);
        }
        start
    }
}

/// A packet whose frame ends at an offset from the base of guarded memory.
fn place(end: usize, length: usize, packet: Packet) -> Packet {
    let begins = end - length;
    let buffer = (begins - usize::from(HEADROOM)) / 64;
    let start = begins - buffer * 64;
    Packet {
        buffer: u32::try_from(buffer).unwrap_or(u32::MAX),
        start: u16::try_from(start).unwrap_or(u16::MAX),
        ..packet
    }
}

pub(super) unsafe extern "C" fn ingress(context: *mut c_void, batch: *mut Batch) -> i32 {
    let _phase = Phase::enter("ingress");
    run(context, batch, "ingress", real().ingress)
}

pub(super) unsafe extern "C" fn egress(context: *mut c_void, batch: *mut Batch) -> i32 {
    let _phase = Phase::enter("egress");
    run(context, batch, "egress", real().egress)
}

pub(super) unsafe extern "C" fn worker_tick(context: *mut c_void, batch: *mut Batch) -> i32 {
    let _phase = Phase::enter("worker_tick");
    run(context, batch, "worker_tick", real().worker_tick)
}

/// The control bits of MXCSR; what exceptions have happened is not among them.
#[cfg(target_arch = "x86_64")]
fn floating_point_mode() -> u32 {
    let mut mode = 0_u32;
    // SAFETY: stores a register of the x86-64 baseline to a local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags)) };
    mode & !0x3f
}

#[cfg(not(target_arch = "x86_64"))]
fn floating_point_mode() -> u32 {
    0
}

fn run(context: *mut c_void, host: *mut Batch, name: &str, function: Option<BatchFn>) -> i32 {
    let Some(function) = function else { return E_INVALID };
    // SAFETY: the host passes what `worker_init` gave it, one call at a time.
    let context = unsafe { &mut *context.cast::<Context>() };
    let memory = context.memory.get_or_insert_with(|| Memory {
        frames: Guarded::new(Holds::Frames, 2 * MAX, SLOT),
        packets: Guarded::new(Holds::Packets, 1, MAX * LINE),
        facts: Guarded::new(Holds::Facts, 1, MAX * size_of::<OffloadFacts>()),
        batch: Guarded::new(Holds::Struct, 1, size_of::<Batch>() + 256),
    });
    // SAFETY: the host's batch outlives the call.
    let count = unsafe { (*host).count } as usize;
    let mut call = InCall {
        host,
        instance: Arc::clone(&context.instance),
        packets: memory.packets.tail(0, count * LINE).cast(),
        frames_base: memory.frames.base(),
        frames: &raw const memory.frames,
        told: Vec::with_capacity(count),
        before: Vec::with_capacity(count),
        moved_from: vec![None; count],
        writable: vec![false; count],
        gone: vec![false; count],
        ends: (0..2 * MAX).map(|slot| memory.frames.end_offset(slot)).collect(),
    };
    let shown_batch = show(&mut call, memory, count);
    // SAFETY: `show` wrote a whole batch there.
    let before = unsafe { shown_batch.read() };
    CURRENT.with(|current| current.set(&raw mut call));
    let mode = floating_point_mode();
    // SAFETY: the extension's own context; the batch and what it names live in guarded memory for the call.
    let code = unsafe { function(context.real, shown_batch) };
    if floating_point_mode() != mode {
        find("floating-point-left-alone", format!("{name} changed rounding, traps or denormals of this thread"));
    }
    CURRENT.with(|current| current.set(std::ptr::null_mut()));
    super::tell_drafts();
    status(name, code);
    // SAFETY: as above; an extension may have written over it, which leaves plain numbers.
    judge::batch(&before, &unsafe { shown_batch.read() });
    for index in 0..count {
        call.judge(index, name);
        if !call.gone[index] {
            call.carry_over(index);
        }
    }
    code
}

/// Puts what the host shows into guarded memory.
fn show(call: &mut InCall, memory: &Memory, count: usize) -> *mut Batch {
    let manners = manners();
    for index in 0..count {
        let hosts = *call.hosts(index);
        let mut shown = place(call.ends[index], hosts.length as usize, hosts);
        memory.frames.put(index, call.hosts_bytes(&hosts));
        if manners.rubbish {
            shown.user = 0x5a5a_0000_dead_0000 | index as u64;
        }
        if manners.native && index % 4 == 3 && !call.is_egress() {
            shown.flags |= PACKET_NATIVE_FORWARDING;
        }
        *call.shown(index) = shown;
        call.told.push(shown);
        let bytes = call.hosts_bytes(&hosts).to_vec();
        call.before.push(bytes);
    }
    // SAFETY: the host's batch outlives the call.
    let hosts = unsafe { &*call.host };
    let facts = if hosts.offload.is_null() {
        std::ptr::null()
    } else {
        let length = count * size_of::<OffloadFacts>();
        // SAFETY: the host's side array has `count` elements.
        memory.facts.put(0, unsafe { std::slice::from_raw_parts(hosts.offload.cast::<u8>(), length) }).cast()
    };
    let length = size_of::<Batch>() + if manners.longer { 64 } else { 0 };
    let place = memory.batch.tail(0, length).cast::<Batch>();
    let shown = Batch {
        struct_size: u32::try_from(length).unwrap_or(0),
        packets: call.packets,
        base: call.frames_base,
        offload: facts,
        ..*hosts
    };
    // SAFETY: `length` writable bytes, aligned because the slot ends at a page and `length` is a multiple of 8.
    unsafe { place.write(shown) };
    place
}
