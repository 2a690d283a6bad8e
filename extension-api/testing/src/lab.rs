//! The memory frames of a test live in, beside the state of the switch that plays host.
//!
//! An unsafe island. What carries the SAFETY comments: descriptors and frames are reached by raw pointers alone, as in a
//! switch, so that the extension's own references during a call are the only ones; a [`Lab`] stays at one address.
#![allow(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use heddle_extension_api::abi::packet::{Packet, BATCH_MAX};
use heddle_extension_api::abi::status::{E_FULL, E_INVALID, OK};

use crate::host::State;

/// Bytes of one buffer: the largest class of frames that leaves as it is, with headroom.
pub(crate) const SLOT: usize = 16 * 1024;
/// Headroom the ABI guarantees.
pub(crate) const HEADROOM: u16 = 128;
/// Buffers: a whole batch, and as many drafts in one call.
const SLOTS: usize = 2 * BATCH_MAX as usize;
/// Longest frame of a test.
pub(crate) const FRAME_MAX: usize = SLOT - HEADROOM as usize;

/// State and memory at one address.
pub(crate) struct Lab {
    state: Mutex<State>,
    arena: *mut [u8],
    packets: *mut [Packet],
}

// SAFETY: the state is behind a lock; arena and descriptors are touched by the thread that makes a data-path call alone.
unsafe impl Send for Lab {}
// SAFETY: as above; other threads of an extension reach the state only.
unsafe impl Sync for Lab {}

impl Drop for Lab {
    fn drop(&mut self) {
        // SAFETY: both came from `Box::into_raw` in `new`, and no call is running.
        unsafe {
            drop(Box::from_raw(self.arena));
            drop(Box::from_raw(self.packets));
        }
    }
}

impl Lab {
    pub(crate) fn new(state: State) -> Box<Lab> {
        Box::new(Lab {
            state: Mutex::new(state),
            arena: Box::into_raw(vec![0; SLOT * SLOTS].into_boxed_slice()),
            packets: Box::into_raw(vec![Packet::default(); BATCH_MAX as usize].into_boxed_slice()),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.arena.cast()
    }

    pub(crate) fn descriptors(&self) -> *mut Packet {
        self.packets.cast()
    }

    /// Where a frame's bytes begin; none when the descriptor points outside the memory.
    pub(crate) fn place(&self, packet: &Packet) -> Option<*mut u8> {
        let at = packet.buffer as usize * 64 + usize::from(packet.start);
        if at + packet.length as usize > SLOT * SLOTS {
            return None;
        }
        // SAFETY: checked to be inside the arena.
        Some(unsafe { self.base().add(at) })
    }

    pub(crate) fn bytes_of(&self, packet: &Packet) -> Vec<u8> {
        match self.place(packet) {
            // SAFETY: inside the arena (`place`), and the extension is not writing: it is in a host call or returned.
            Some(place) => unsafe { std::slice::from_raw_parts(place, packet.length as usize) }.to_vec(),
            None => Vec::new(),
        }
    }

    /// Puts a frame into a buffer and its descriptor into the batch.
    pub(crate) fn lend(&self, slot: usize, bytes: &[u8], facts: Packet) {
        let packet = Packet { buffer: (slot * SLOT / 64) as u32, start: HEADROOM, ..facts };
        if let Some(place) = self.place(&packet) {
            // SAFETY: `length` bytes at `place` are inside the arena, and no call is running.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        }
        // SAFETY: the callers' slots are below the number of descriptors.
        unsafe { self.descriptors().add(slot).write(packet) };
    }

    /// A descriptor as the extension left it.
    pub(crate) fn descriptor(&self, slot: usize) -> Packet {
        // SAFETY: below the number of descriptors, and the extension holds no reference: it is in a host call or returned.
        unsafe { self.descriptors().add(slot).read() }
    }

    /// Makes a draft of these bytes; a status.
    pub(crate) fn draft(&self, state: &mut State, bytes: &[u8], out_handle: *mut u64, out_packet: *mut Packet) -> i32 {
        let slot = BATCH_MAX as usize + state.draft_slots as usize;
        if slot >= SLOTS {
            return E_FULL;
        }
        if bytes.len() < 14 || bytes.len() > FRAME_MAX {
            return E_INVALID;
        }
        state.draft_slots += 1;
        let length = bytes.len() as u32;
        let packet = Packet { buffer: (slot * SLOT / 64) as u32, start: HEADROOM, length, ..Packet::default() };
        if let Some(place) = self.place(&packet) {
            // SAFETY: inside the arena, in a buffer nobody else has.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        }
        let handle = state.new_handle();
        state.drafts.insert(handle, packet);
        // SAFETY: the extension lends both for the call.
        unsafe {
            *out_handle = handle;
            *out_packet = packet;
        }
        OK
    }

    /// Whether a packet is in the batch; a violation when it is not.
    pub(crate) fn in_call(&self, state: &mut State, function: &str, index: u32) -> bool {
        let inside = (index as usize) < state.writable.len();
        if !inside {
            state.violation(format!("{}: packet {} is not in the batch", function, index));
        }
        inside
    }
}
