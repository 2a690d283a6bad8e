//! What an extension did to copies, repeated on the originals.
//!
//! The child lists the host functions that the extension called and were granted there. Here each is called again on the
//! originals, in the same order, so that role, leg and quota are judged by the same code as for an extension in this process;
//! then each packet's verdict and whatever else the child wrote into its descriptor is put where the switch's judgement of
//! returned batches looks. Nothing from the child is used before it is copied out and found to be possible. What is not
//! possible at all (places, lengths, numbers that the child's own functions cannot make) ends the child.

use heddle_extension_api::abi::packet::{
    PACKET_PRESERVE_PRIORITY, PACKET_PRESERVE_VLAN, PACKET_SHARED, Packet, VERDICT_PASS,
};
use heddle_switch_core::arena::FRAME_MAX;
use heddle_switch_core::burst::BURST;
use heddle_switch_core::call::{Call, Destination, Refusal};
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::Role;

use super::layout::{
    DRAFT_ROOM, DRAFTS_ALL, HOLDS, JobHead, NO_CLONE, NO_HOLD, NO_INJECT, NO_INJECT_TO, OP_CLONE, OP_DISCARD,
    OP_DROP_DRAFT, OP_FORBIDDEN, OP_HOLD, OP_INJECT, OP_ORIGINATE, OP_RELEASE, OP_REPARSE, OP_WRITABLE, OPS, Op,
};
use super::ring::{Copied, Posted, Ring};
use super::stage::{returned, sent_unit};

/// Flags a forwarding extension sets.
const PRESERVE: u32 = PACKET_PRESERVE_VLAN | PACKET_PRESERVE_PRIORITY;

/// What a child wrote that cannot be.
pub(super) type Impossible = &'static str;

/// What is remembered between jobs.
pub(super) struct Replay {
    /// The host's handles of what the child holds, by place.
    holds: Box<[Option<u64>]>,
    /// The host's handles of the child's drafts, by number.
    drafts: Box<[Option<u64>]>,
    /// The packets of the job that is being repeated, by their number at the child.
    packets: Vec<One>,
    bytes: Box<[u8]>,
}

/// A packet of the job.
#[derive(Clone, Copy)]
struct One {
    /// Its place in the batch; `None` when the frame is gone.
    index: Option<usize>,
    copied: Copied,
    /// The descriptor as it was sent, with the place of the original.
    sent: Packet,
    /// As the child left it.
    came: Packet,
    held: bool,
    written: bool,
    parsed: bool,
}

impl Replay {
    pub(super) fn new() -> Replay {
        Replay {
            holds: vec![None; HOLDS].into(),
            drafts: vec![None; DRAFTS_ALL].into(),
            packets: Vec::with_capacity(BURST),
            bytes: vec![0; FRAME_MAX].into(),
        }
    }

    /// The host's handles of what the child holds; forgotten here.
    pub(super) fn give_holds(&mut self) -> Box<[Option<u64>]> {
        std::mem::replace(&mut self.holds, vec![None; HOLDS].into())
    }

    /// Takes up what another version's child held.
    pub(super) fn take_holds(&mut self, holds: Box<[Option<u64>]>) {
        self.holds = holds;
    }

    /// Repeats a job; `copies_only` when no frame of it is to be touched.
    pub(super) fn repeat(
        &mut self,
        call: &mut Call<'_>,
        ring: &Ring,
        number: u32,
        head: &JobHead,
        job: &Posted,
        copies_only: bool,
    ) -> Result<(), Impossible> {
        self.packets.clear();
        if !copies_only {
            for (nth, copied) in job.frames.iter().enumerate() {
                let (index, came) = (call.recall(copied.handle), returned(ring, number, nth));
                let sent = index.and_then(|index| call.packets_mut().get(index).copied()).unwrap_or_default();
                let (copied, held, written, parsed) = (*copied, false, false, false);
                self.packets.push(One { index, copied, sent, came, held, written, parsed });
            }
            call.recalled();
        }
        let count = head.ops as usize;
        if count > OPS {
            return Err("more operations than there is room for");
        }
        for nth in 0..count {
            let op: Op = ring.memory().get(ring.section().op(number, nth)).unwrap_or_default();
            self.one(call, ring, &op)?;
        }
        for one in &self.packets {
            if let (Some(index), false) = (one.index, one.held)
                && let Some(packet) = call.packets_mut().get_mut(index)
            {
                carry_over(packet, one);
            }
        }
        Ok(())
    }

    fn one(&mut self, call: &mut Call<'_>, ring: &Ring, op: &Op) -> Result<(), Impossible> {
        match op.kind {
            OP_WRITABLE => self.writable(call, ring, op),
            OP_REPARSE => self.reparse(call, op),
            OP_HOLD => self.hold(call, op)?,
            OP_RELEASE => {
                if let Some(handle) = self.held(op)?.take() {
                    // A frame that ended meanwhile, by age or with its port, is gone for the extension too.
                    let _ = call.release(handle);
                }
            }
            OP_DISCARD => {
                if let Some(handle) = self.held(op)?.take() {
                    let _ = call.discard(handle, u16::try_from(op.code).unwrap_or(0));
                }
            }
            OP_ORIGINATE => {
                let made = call.originate(op.length as usize).map(|(handle, _)| handle);
                self.draft(call, op, made)?;
            }
            OP_CLONE => {
                let made = match self.index(op) {
                    Some(index) => call.clone_packet(index).map(|(handle, _)| handle),
                    None => Err(Refusal::Gone),
                };
                self.draft(call, op, made)?;
            }
            OP_INJECT => self.inject(call, ring, op)?,
            OP_DROP_DRAFT => {
                if let Some(handle) = self.drafts.get_mut(op.id as usize).ok_or("the number of a draft")?.take() {
                    let _ = call.discard(handle, 0);
                }
            }
            OP_FORBIDDEN => self.forbidden(call, op),
            _ => return Err("an operation that does not exist"),
        }
        Ok(())
    }

    /// Asks again for what was not allowed, so that it is refused and counted here.
    fn forbidden(&self, call: &mut Call<'_>, op: &Op) {
        let (role, index) = (call.entry().role, self.index(op).unwrap_or(usize::MAX));
        // What comes of it is known.
        let _ = match op.code {
            NO_HOLD if role == Role::Capture => call.hold(index).map(drop),
            NO_CLONE if role == Role::Capture => call.clone_packet(index).map(drop),
            NO_INJECT if role == Role::Forwarding => call.inject(0, PortId::NONE),
            NO_INJECT_TO if role != Role::Forwarding => call.inject_to(0, PortId::NONE, Destination::default()),
            _ => Ok(()),
        };
    }

    fn index(&self, op: &Op) -> Option<usize> {
        self.packets.get(op.index as usize).filter(|one| !one.held)?.index
    }

    fn held(&mut self, op: &Op) -> Result<&mut Option<u64>, Impossible> {
        self.holds.get_mut(op.id as usize).ok_or("the place of a held frame")
    }

    fn writable(&mut self, call: &mut Call<'_>, ring: &Ring, op: &Op) {
        let Some(index) = self.index(op) else { return };
        let Some(one) = self.packets.get_mut(op.index as usize) else { return };
        match call.make_writable(index) {
            Ok(()) => {}
            Err(Refusal::Full) => {
                call.lose(index, DropReason::PoolEmpty);
                one.index = None;
                return;
            }
            // The child grants what role and leg do not allow: nothing is written.
            Err(_) => return,
        }
        one.written = true;
        let (start, length) = (usize::from(one.came.start), one.came.length as usize);
        let inside = start + length <= one.copied.room;
        let place = ring.section().frames() + one.copied.at + start;
        let bytes = self.bytes.get_mut(..length).filter(|_| inside);
        let stored =
            bytes.is_some_and(|bytes| ring.memory().read(place, bytes) && call.store(index, one.came.start, bytes));
        if !stored && let Some(packet) = call.packets_mut().get_mut(index) {
            // Outside of its buffer, and judged so when the batch is settled.
            (packet.start, packet.length) = (u16::MAX, u32::MAX >> 8);
        }
    }

    fn reparse(&mut self, call: &mut Call<'_>, op: &Op) {
        let Some(index) = self.index(op) else { return };
        if call.reparse(index).is_ok()
            && let Some(one) = self.packets.get_mut(op.index as usize)
        {
            one.parsed = true;
        }
    }

    fn hold(&mut self, call: &mut Call<'_>, op: &Op) -> Result<(), Impossible> {
        let index = self.index(op);
        let place = self.held(op)?;
        if place.is_some() {
            return Err("a frame to hold into a place that is taken");
        }
        let Some(index) = index else { return Ok(()) };
        let [verdict, nic, ..] = op.code.to_le_bytes();
        if let Some(packet) = call.packets_mut().get_mut(index).filter(|_| verdict != VERDICT_PASS) {
            (packet.verdict, packet.destination, packet.destination_nic) = (verdict, op.port, nic);
            packet.flags = (packet.flags & !PRESERVE) | (op.flags & PRESERVE);
        }
        match call.hold(index) {
            Ok(handle) => *place = Some(handle),
            Err(Refusal::Full) => call.lose(index, DropReason::ResumeQueueFull),
            Err(_) => return Ok(()),
        }
        if let Some(one) = self.packets.get_mut(op.index as usize) {
            one.held = true;
        }
        Ok(())
    }

    /// Notes a draft that was made; one that could not be made here is dropped when it is injected.
    fn draft(&mut self, call: &mut Call<'_>, op: &Op, made: Result<u64, Refusal>) -> Result<(), Impossible> {
        let place = self.drafts.get_mut(op.id as usize).ok_or("the number of a draft")?;
        if let Some(handle) = std::mem::replace(place, made.ok()) {
            let _ = call.discard(handle, 0);
            return Err("a draft into a place that is taken");
        }
        Ok(())
    }

    fn inject(&mut self, call: &mut Call<'_>, ring: &Ring, op: &Op) -> Result<(), Impossible> {
        let place = self.drafts.get_mut(op.id as usize).ok_or("the number of a draft")?;
        let Some(handle) = place.take() else { return Ok(()) };
        let (offset, length) = (op.offset as usize, op.length as usize);
        let bytes = self.bytes.get_mut(..length).filter(|_| offset + length <= DRAFT_ROOM);
        let bytes = bytes.ok_or("a draft outside of the room for drafts")?;
        let copied = ring.memory().read(ring.section().drafts() + offset, bytes);
        let source = PortId::from_raw(op.port);
        let [verdict, nic, ..] = op.code.to_le_bytes();
        let sent = copied
            && call.store_draft(handle, bytes)
            && if verdict == VERDICT_PASS {
                call.inject(handle, source).is_ok()
            } else {
                call.inject_to(handle, source, Destination { verdict, target: op.index, nic, flags: op.flags }).is_ok()
            };
        if !sent {
            let _ = call.discard(handle, 0);
        }
        Ok(())
    }
}

/// Puts what the child wrote into a descriptor onto the switch's own: as it would be if the extension had written here.
fn carry_over(packet: &mut Packet, one: &One) {
    let (came, sent) = (&one.came, &one.sent);
    (packet.verdict, packet.drop_reason) = (came.verdict, came.drop_reason);
    (packet.mark, packet.user, packet.virtual_subnet) = (came.mark, came.user, came.virtual_subnet);
    if came.destination != sent.destination {
        packet.destination = came.destination;
    }
    if came.buffer != sent_unit(&one.copied) {
        packet.buffer = !packet.buffer;
    }
    if !one.written {
        (packet.start, packet.length) = (came.start, came.length);
    }
    packet.source_port = came.source_port;
    packet.vlan_tci = came.vlan_tci;
    (packet.source_nic, packet.destination_nic) = (came.source_nic, came.destination_nic);
    packet.traffic_class = came.traffic_class;
    if one.parsed {
        // The switch has parsed the frame itself.
        packet.flags = (packet.flags & !PRESERVE) | (came.flags & PRESERVE);
        return;
    }
    (packet.l3, packet.l4, packet.ethertype) = (came.l3, came.l4, came.ethertype);
    packet.flow_hash = came.flow_hash;
    // Whether the buffer is shared is the original's.
    packet.flags = (packet.flags & PACKET_SHARED) | (came.flags & !PACKET_SHARED);
}
