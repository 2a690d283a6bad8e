//! One job in a child: what the extension may ask of it, by the rules of its role and leg, and the list of what it was
//! granted. The host repeats the list, and judges it again.

use heddle_extension_api::abi::host::Destination;
use heddle_extension_api::abi::meta::{ROLE_CAPTURE, ROLE_FORWARDING};
use heddle_extension_api::abi::packet::{
    BATCH_MAX, PACKET_CLONE, PACKET_NATIVE_FORWARDING, PACKET_ORIGINATED, PACKET_PRESERVE_PRIORITY,
    PACKET_PRESERVE_VLAN, PACKET_SHARED, Packet, VERDICT_HOLD, VERDICT_PASS,
};
use heddle_extension_api::abi::status::{E_FORBIDDEN, E_FULL, E_GONE, E_INVALID};
use heddle_switch_core::arena::{FRAME_MAX, HEADROOM, UNIT};
use heddle_switch_core::lent::describe_copy;
use heddle_switch_core::parse::ETHERNET_HEADER_LEN;

use super::super::layout::{
    NO_CLONE, NO_HOLD, NO_INJECT, NO_INJECT_TO, OP_CLONE, OP_DISCARD, OP_DROP_DRAFT, OP_FORBIDDEN, OP_HOLD, OP_INJECT,
    OP_ORIGINATE, OP_RELEASE, OP_REPARSE, OP_WRITABLE, OPS, Op, Section, draft_place,
};
use super::super::shared::Mapping;
use super::keep::{Keep, Named};

/// Flags a forwarding extension sets.
const PRESERVE: u32 = PACKET_PRESERVE_VLAN | PACKET_PRESERVE_PRIORITY;

/// The job.
pub(super) struct Job<'a> {
    pub(super) memory: &'a Mapping,
    pub(super) section: Section,
    pub(super) number: u32,
    pub(super) count: u32,
    pub(super) ingress: bool,
    pub(super) role: u8,
    pub(super) keep: &'a mut Keep,
    pub(super) held: [bool; BATCH_MAX as usize],
    pub(super) ops: u32,
    pub(super) bytes: &'a mut Vec<u8>,
}

impl Job<'_> {
    fn note(&mut self, op: Op) -> Result<(), i32> {
        if self.ops as usize >= OPS {
            return Err(E_FULL);
        }
        self.memory.put(self.section.op(self.number, self.ops as usize), &op);
        self.ops += 1;
        Ok(())
    }

    fn packet(&self, index: u32) -> Result<Packet, i32> {
        let taken = self.held.get(index as usize).copied().unwrap_or(true);
        if index >= self.count || taken {
            return Err(E_INVALID);
        }
        self.memory.get(self.section.packet(self.number, index as usize)).ok_or(E_INVALID)
    }

    fn put(&self, index: u32, packet: &Packet) {
        self.memory.put(self.section.packet(self.number, index as usize), packet);
    }

    /// Refuses what role and leg do not allow; the host counts it when it repeats `op`.
    fn forbid(&mut self, op: Op) -> i32 {
        // When the list is full some go uncounted.
        let _ = self.note(op);
        E_FORBIDDEN
    }

    fn may_write(&mut self, op: Op) -> Result<(), i32> {
        if self.ingress && self.role != ROLE_CAPTURE { Ok(()) } else { Err(self.forbid(op)) }
    }

    fn may_take(&mut self, index: u32, code: u32) -> Result<(), i32> {
        let op = Op { kind: OP_FORBIDDEN, index, code, ..Op::default() };
        if self.role == ROLE_CAPTURE { Err(self.forbid(op)) } else { Ok(()) }
    }

    /// Reads the bytes of a packet.
    fn read(&mut self, packet: &Packet) -> Result<(), i32> {
        let length = packet.length as usize;
        if length > FRAME_MAX {
            return Err(E_INVALID);
        }
        self.bytes.resize(length, 0);
        let place = self.section.frames() + packet.buffer as usize * UNIT + usize::from(packet.start);
        if self.memory.read(place, self.bytes) { Ok(()) } else { Err(E_INVALID) }
    }

    pub(super) fn make_writable(&mut self, index: u32) -> Result<(), i32> {
        let op = Op { kind: OP_WRITABLE, index, ..Op::default() };
        self.may_write(op)?;
        let packet = self.packet(index)?;
        self.note(op)?;
        self.put(index, &Packet { flags: packet.flags & !PACKET_SHARED, ..packet });
        Ok(())
    }

    pub(super) fn reparse(&mut self, index: u32) -> Result<(), i32> {
        let op = Op { kind: OP_REPARSE, index, ..Op::default() };
        self.may_write(op)?;
        let mut packet = self.packet(index)?;
        self.read(&packet)?;
        self.note(op)?;
        describe_copy(&mut packet, self.bytes);
        self.put(index, &packet);
        Ok(())
    }

    pub(super) fn hold(&mut self, index: u32) -> Result<u64, i32> {
        self.may_take(index, NO_HOLD)?;
        let packet = self.packet(index)?;
        if !self.keep.can_hold() || self.ops as usize >= OPS {
            return Err(E_FULL);
        }
        let (id, handle) = self.keep.hold().ok_or(E_FULL)?;
        let code = u32::from(packet.verdict) | u32::from(packet.destination_nic) << 8;
        let (port, flags) = (packet.destination, packet.flags);
        self.note(Op { kind: OP_HOLD, index, id, code, port, flags, ..Op::default() })?;
        if let Some(held) = self.held.get_mut(index as usize) {
            *held = true;
        }
        self.put(index, &Packet { verdict: VERDICT_HOLD, ..packet });
        Ok(handle)
    }

    pub(super) fn release(&mut self, handle: u64) -> Result<(), i32> {
        let Some(Named::Held(id)) = self.keep.find(handle) else { return Err(E_GONE) };
        self.note(Op { kind: OP_RELEASE, id, ..Op::default() })?;
        self.keep.let_go(id);
        Ok(())
    }

    pub(super) fn discard(&mut self, handle: u64, code: u16) -> Result<(), i32> {
        match self.keep.find(handle).ok_or(E_GONE)? {
            Named::Held(id) => {
                self.note(Op { kind: OP_DISCARD, id, code: code.into(), ..Op::default() })?;
                self.keep.let_go(id);
            }
            Named::Draft(id, _) => {
                self.note(Op { kind: OP_DROP_DRAFT, id, ..Op::default() })?;
                self.keep.end_draft(id, self.number);
            }
        }
        Ok(())
    }

    pub(super) fn originate(&mut self, length: u32) -> Result<(u64, Packet), i32> {
        let bytes = length as usize;
        if !(ETHERNET_HEADER_LEN..=FRAME_MAX).contains(&bytes) {
            return Err(E_INVALID);
        }
        self.bytes.clear();
        self.bytes.resize(bytes, 0);
        let packet = Packet { length, flags: PACKET_ORIGINATED, ..Packet::default() };
        self.draft(packet, Op { kind: OP_ORIGINATE, length, ..Op::default() })
    }

    pub(super) fn clone_packet(&mut self, index: u32) -> Result<(u64, Packet), i32> {
        self.may_take(index, NO_CLONE)?;
        let packet = self.packet(index)?;
        self.read(&packet)?;
        let flags = packet.flags & !(PACKET_SHARED | PRESERVE | PACKET_NATIVE_FORWARDING) | PACKET_CLONE;
        let packet =
            Packet { destination: 0, destination_nic: 0, verdict: VERDICT_PASS, drop_reason: 0, flags, ..packet };
        self.draft(packet, Op { kind: OP_CLONE, index, length: packet.length, ..Op::default() })
    }

    /// Makes a draft of what was read.
    fn draft(&mut self, mut packet: Packet, op: Op) -> Result<(u64, Packet), i32> {
        if self.ops as usize >= OPS {
            return Err(E_FULL);
        }
        let (id, handle) = self.keep.draft(self.bytes.len()).ok_or(E_FULL)?;
        let (place, _) = draft_place(id as usize).ok_or(E_FULL)?;
        self.memory.write(self.section.drafts() + place + usize::from(HEADROOM), self.bytes);
        packet.buffer = u32::try_from(place / UNIT).unwrap_or(0);
        packet.start = HEADROOM;
        self.note(Op { id, ..op })?;
        Ok((handle, packet))
    }

    /// Sends a draft on, for a forwarding extension to destinations of its own.
    pub(super) fn inject(&mut self, handle: u64, port: u32, to: Option<Destination>) -> Result<(), i32> {
        let (code, wrong) = match to {
            None => (NO_INJECT, self.role == ROLE_FORWARDING),
            Some(_) => (NO_INJECT_TO, self.role != ROLE_FORWARDING),
        };
        if wrong {
            return Err(self.forbid(Op { kind: OP_FORBIDDEN, code, ..Op::default() }));
        }
        let to = to.unwrap_or_default();
        let Named::Draft(id, length) = self.keep.find(handle).ok_or(E_GONE)? else { return Err(E_INVALID) };
        let (place, _) = draft_place(id as usize).ok_or(E_GONE)?;
        let offset = u32::try_from(place + usize::from(HEADROOM)).unwrap_or(0);
        let code = u32::from(to.verdict) | u32::from(to.nic) << 8;
        let (index, flags) = (to.target, to.flags);
        self.note(Op { kind: OP_INJECT, id, length, offset, port, index, code, flags })?;
        self.keep.end_draft(id, self.number);
        Ok(())
    }
}
