//! From the copies to the switch's own memory and back: what the extension may change, and what it asked the host for. An
//! unsafe island: it copies between the two.

#![expect(unsafe_code, reason = "island: copies between guarded and packet memory")]

use heddle_extension_api::abi::packet::Packet;
use heddle_switch_core::call::Call;
use heddle_switch_core::parse::ETHERNET_HEADER_LEN;

use super::cage::{Cage, Draft, Shown, State};
use super::memory::Access;
use super::place::{DRAFTS, LINE, Place, draft};

/// Units that `Packet::buffer` counts in.
const UNIT: usize = 64;

impl Cage {
    /// Where the descriptor of a packet of the call under way is.
    pub(super) fn line(&self, index: usize) -> usize {
        self.set().packets(self.shown.len()) + index * LINE
    }

    /// The descriptor as the extension has it.
    pub(super) fn descriptor(&self, index: usize) -> Packet {
        // SAFETY: a packet is plain numbers.
        unsafe { self.memory.get(self.line(index)) }
    }

    /// Brings what the extension may have changed of a packet into the switch's memory.
    pub(in crate::loader) fn carry_over(&mut self, index: usize, call: &mut Call<'_>) {
        let Some(Shown { told, real, place, state }) = self.shown.get(index).copied() else { return };
        if state == State::Held {
            return;
        }
        let base = call.arena().base().as_ptr();
        let now = self.descriptor(index);
        let Some(host) = call.packets_mut().get_mut(index) else { return };
        // A buffer that is another one now is the switch's to find.
        let mut back = Packet { buffer: real.0 ^ now.buffer ^ told.buffer, ..now };
        if state == State::Shown {
            back.start = real.1.wrapping_add(now.start.wrapping_sub(told.start));
        } else {
            let begin = place.buffer + usize::from(now.start);
            let length = now.length as usize;
            let moved = i64::from(real.1) + i64::from(now.start) - i64::from(told.start);
            back.start = u16::try_from(moved.max(0)).unwrap_or(0);
            if length < ETHERNET_HEADER_LEN || begin + length > place.end() {
                // No place for a frame: the switch drops it for that.
                back.length = u32::MAX;
            } else {
                let to = base.wrapping_add(real.0 as usize * UNIT + usize::from(back.start));
                let bytes = self.memory.bytes(begin, length);
                // SAFETY: `make_writable` gave this packet a buffer of its own, which nobody reads during the call. The
                // frame begins in its headroom, of which the copy has at most what the buffer has room for behind.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, length) };
            }
        }
        *host = back;
    }

    /// A frame became writable: it moves, as the host may move it, and where it lay is closed.
    pub(in crate::loader) fn now_writable(&mut self, index: usize, call: &mut Call<'_>) {
        let Some(shown) = self.shown.get(index).copied().filter(|shown| shown.state == State::Shown) else { return };
        let Some(host) = call.packets_mut().get(index).copied() else { return };
        let slot = self.set().slot(index, true);
        let place = Place::new(slot, usize::from(host.start), call.frame(index).len(), self.at_end(index));
        self.fill(&place, call.frame(index));
        let (first, length) = shown.place.pages;
        let opened = self.memory.allow(place.pages.0, place.pages.1, Access::Write);
        if opened.and_then(|()| self.memory.allow(first, length, Access::Closed)).is_err() {
            tracing::warn!(
                extension = self.shared.id,
                "debug mode cannot move a frame; what the extension does to it is lost"
            );
        }
        let mut now = self.descriptor(index);
        place.tell(&mut now);
        now.flags ^= shown.told.flags ^ host.flags;
        self.memory.put(self.line(index), now);
        let mut told = Packet { flags: host.flags, ..shown.told };
        place.tell(&mut told);
        if let Some(shown) = self.shown.get_mut(index) {
            *shown = Shown { told, real: (host.buffer, host.start), place, state: State::Writable };
        }
    }

    /// The host parsed a frame anew.
    pub(in crate::loader) fn now_parsed(&mut self, index: usize, call: &mut Call<'_>) {
        let Some(host) = call.packets_mut().get(index).copied() else { return };
        let now = self.descriptor(index);
        let parsed = |from: Packet| Packet {
            l3: host.l3,
            l4: host.l4,
            ethertype: host.ethertype,
            ip_protocol: host.ip_protocol,
            flow_hash: host.flow_hash,
            flags: host.flags,
            ..from
        };
        // What it set of the flags was carried over before.
        self.memory.put(self.line(index), parsed(now));
        if let Some(shown) = self.shown.get_mut(index) {
            shown.told = parsed(shown.told);
        }
    }

    /// A frame is held: the extension has the handle, and nothing else of it.
    pub(in crate::loader) fn now_held(&mut self, index: usize, call: &mut Call<'_>) {
        let Some(shown) = self.shown.get_mut(index) else { return };
        shown.state = State::Held;
        let (first, length) = shown.place.pages;
        // What cannot be closed is closed with the call.
        let _ = self.memory.allow(first, length, Access::Closed);
        if let Some(host) = call.packets_mut().get(index).copied() {
            let verdict = Packet { verdict: host.verdict, ..self.descriptor(index) };
            self.memory.put(self.line(index), verdict);
        }
    }

    /// Whether one more draft finds a slot.
    pub(in crate::loader) fn has_room(&self) -> bool {
        self.drafts.len() < DRAFTS
    }

    /// A draft was made: the extension gets a copy; its descriptor, changed to say where.
    pub(in crate::loader) fn now_drafted(&mut self, handle: u64, real: Packet, call: &Call<'_>) -> Option<Packet> {
        let free = (0..DRAFTS).map(|more| (self.next_draft + more) % DRAFTS);
        let taken = |number: &usize| self.drafts.values().any(|draft| draft.number == *number);
        let number = free.into_iter().find(|number| !taken(number))?;
        // The slot that was given back last is the last to be used again.
        self.next_draft = (number + 1) % DRAFTS;
        let length = real.length as usize;
        let from = call.arena().base().as_ptr().wrapping_add(real.buffer as usize * UNIT + usize::from(real.start));
        let place = Place::new(draft(number), usize::from(real.start), length, number.is_multiple_of(2));
        // SAFETY: a draft that the host has just made; nobody else refers to its buffer.
        let bytes = unsafe { std::slice::from_raw_parts(from, length) };
        self.fill(&place, bytes);
        self.memory.allow(place.pages.0, place.pages.1, Access::Write).ok()?;
        self.drafts.insert(handle, Draft { real, place, number });
        let mut told = real;
        place.tell(&mut told);
        Some(told)
    }

    /// A draft is about to go: its bytes become the host's.
    pub(in crate::loader) fn bring_draft(&mut self, handle: u64, call: &Call<'_>) {
        let Some(draft) = self.drafts.get(&handle).copied() else { return };
        let real = &draft.real;
        let to = call.arena().base().as_ptr().wrapping_add(real.buffer as usize * UNIT + usize::from(real.start));
        let bytes = self.memory.bytes(draft.place.frame, draft.place.length);
        // SAFETY: the draft has not gone yet, so its buffer is nobody else's, and has this length behind its start.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// A draft is gone.
    pub(in crate::loader) fn end_draft(&mut self, handle: u64) {
        if let Some(draft) = self.drafts.remove(&handle) {
            let (first, length) = draft.place.pages;
            if self.memory.allow(first, length, Access::Closed).is_err() {
                tracing::warn!(
                    extension = self.shared.id,
                    "debug mode cannot close a draft; what is done to it is not seen"
                );
            }
        }
    }
}
