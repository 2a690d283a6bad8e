//! One call into an extension: the batch it sees and what it may ask of the worker meanwhile.
//!
//! The host turns the ABI's `[worker]` functions into these methods. Each checks the role and leg first, so that what a
//! role may not do is refused in one place for every language.

mod drafts;
mod facts;

use std::sync::Arc;

use heddle_extension_api::abi::packet::{
    OffloadFacts, PACKET_CLONE, PACKET_NATIVE_FORWARDING, PACKET_ORIGINATED, Packet, VERDICT_HOLD, VERDICT_PASS,
    VERDICT_TO_GROUP, VERDICT_TO_PORT,
};

use crate::arena::{Arena, FRAME_MAX, HEADROOM};
use crate::burst::{Burst, PRESERVE, Slot};
use crate::counters::StageCounters;
use crate::drop_reason::DropReason;
use crate::held::{Entry, Kept};
use crate::intake::flags_of;
use crate::offload::Offload;
use crate::parse::{ETHERNET_HEADER_LEN, parse};
use crate::port_id::PortId;
use crate::settle::{accept_bounds, accept_destination, drop_code, restore};
use crate::snapshot::Snapshot;
use crate::stage::{Leg, Position, ResumePoint, Role, StageEntry};
use crate::violation::Rule;
use crate::worker::Core;

/// Injections that one frame may come of: a copy of a copy, made on another pass through the switch, and so on.
pub const HOPS_MAX: u16 = 8;

/// Why a request of an extension is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role or leg does not have this right.
    #[error("the extension's role or this leg does not allow it")]
    Forbidden,
    /// No buffer, no quota or no place left.
    #[error("a buffer, quota or table limit is reached")]
    Full,
    /// The handle or port names nothing.
    #[error("the handle or port does not exist any more")]
    Gone,
    /// An argument is out of range.
    #[error("an argument is out of range")]
    Invalid,
}

/// Where a forwarding extension sends a draft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// `VERDICT_TO_PORT` or `VERDICT_TO_GROUP`.
    pub verdict: u8,
    /// Port or group.
    pub target: u32,
    /// NIC index.
    pub nic: u8,
    /// `PACKET_PRESERVE_*`.
    pub flags: u32,
}

/// The call.
pub struct Call<'a> {
    core: &'a mut Core,
    snapshot: &'a Arc<Snapshot>,
    burst: &'a mut Burst,
    entry: &'a StageEntry,
    leg: Leg,
    counters: &'a mut StageCounters,
    /// Largest number of injections that a frame of the batch comes of, once asked for.
    hops: Option<u16>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        core: &'a mut Core,
        snapshot: &'a Arc<Snapshot>,
        burst: &'a mut Burst,
        (entry, counters): (&'a StageEntry, &'a mut StageCounters),
        leg: Leg,
    ) -> Call<'a> {
        core.held.begin();
        Call { core, snapshot, burst, entry, leg, counters, hops: None }
    }

    /// Refuses what the extension may not do, and counts it.
    #[cold]
    fn forbid(&mut self, rule: Rule, index: Option<usize>) -> Refusal {
        let about = index
            .and_then(|index| self.burst.get_mut(index))
            .map_or(PortId::NONE, |(_, slot)| if self.leg == Leg::Ingress { slot.source } else { slot.destination });
        self.counters.broke(rule, about);
        Refusal::Forbidden
    }

    /// Counts a rule the host saw broken in this call, about packet `index` or none.
    #[cold]
    pub fn broke(&mut self, rule: Rule, index: Option<usize>) {
        // What it may not do is refused by whoever noticed.
        let _ = self.forbid(rule, index);
    }

    /// Whether the extension decides destinations in this call.
    fn decides(&self) -> bool {
        self.entry.role == Role::Forwarding && self.leg == Leg::Ingress
    }

    pub(crate) fn burst_and_core(&mut self) -> (&mut Burst, &mut Core) {
        (self.burst, self.core)
    }

    pub(crate) fn set_leg(&mut self, leg: Leg) {
        self.leg = leg;
    }

    /// The packets.
    pub fn packets_mut(&mut self) -> &mut [Packet] {
        self.burst.halves().0
    }

    /// Number of packets.
    pub fn len(&self) -> usize {
        self.burst.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.burst.is_empty()
    }

    /// The packet arena.
    pub fn arena(&self) -> &Arena {
        &self.core.arena
    }

    /// Time of the burst, in nanoseconds.
    pub fn now_ns(&self) -> u64 {
        self.core.now_ns
    }

    /// Number of the worker.
    pub fn worker(&self) -> u16 {
        self.core.id
    }

    /// Leg of the call.
    pub fn leg(&self) -> Leg {
        self.leg
    }

    /// The extension being called.
    pub fn entry(&self) -> &StageEntry {
        self.entry
    }

    /// Whether all packets are known to come from one port.
    pub fn is_single_source(&self) -> bool {
        self.burst.is_single_source()
    }

    /// The bytes of packet `index`.
    pub fn frame(&mut self, index: usize) -> &[u8] {
        match self.burst.get_mut(index) {
            Some((packet, slot)) => self.core.arena.frame(&slot.buf, packet.start, packet.length),
            None => &[],
        }
    }

    /// Offload facts of all packets, for extensions that ask for them.
    pub fn offload_facts(&mut self) -> &[OffloadFacts] {
        self.core.offload_facts.clear();
        let (packets, slots) = self.burst.halves();
        for (packet, slot) in packets.iter().zip(slots.iter()) {
            let frame = self.core.arena.frame(&slot.buf, packet.start, packet.length);
            self.core.offload_facts.push(facts::facts_of(packet, slot, frame));
        }
        &self.core.offload_facts
    }

    /// Gives packet `index` a private buffer.
    pub fn make_writable(&mut self, index: usize) -> Result<(), Refusal> {
        if self.leg != Leg::Ingress || self.entry.role == Role::Capture {
            return Err(self.forbid(Rule::ModifyNotAllowed, Some(index)));
        }
        self.burst.put_back(index, self.decides());
        let (packet, slot) =
            self.burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none()).ok_or(Refusal::Invalid)?;
        self.core.make_private(packet, slot).map_err(|_| Refusal::Full)?;
        slot.flags |= Slot::WRITTEN;
        self.burst.touch();
        self.burst.take_down_one(index);
        Ok(())
    }

    /// Parses packet `index` anew.
    pub fn reparse(&mut self, index: usize) -> Result<(), Refusal> {
        if self.leg != Leg::Ingress || self.entry.role == Role::Capture {
            return Err(self.forbid(Rule::ModifyNotAllowed, Some(index)));
        }
        self.burst.put_back(index, self.decides());
        let (packet, slot) =
            self.burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none()).ok_or(Refusal::Invalid)?;
        describe(&self.core.arena, packet, slot);
        self.burst.take_down_one(index);
        Ok(())
    }

    /// Holds packet `index`; gives the handle.
    pub fn hold(&mut self, index: usize) -> Result<u64, Refusal> {
        if self.entry.role == Role::Capture {
            return Err(self.forbid(Rule::HoldNotAllowed, Some(index)));
        }
        if self.core.held.is_full() || self.core.held.count_of(self.entry.id) >= self.entry.hold_quota as usize {
            return Err(Refusal::Full);
        }
        let decides = self.decides();
        self.burst.put_back(index, decides);
        let (packet, slot) =
            self.burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none()).ok_or(Refusal::Invalid)?;
        restore(packet, slot, self.leg);
        if slot.has(Slot::WRITTEN) && !accept_bounds(&self.core.arena, packet, slot) {
            return Err(Refusal::Invalid);
        }
        // Only a forwarding extension may decide first and hold then; nothing else it wrote goes with the frame.
        let decided = decides && matches!(packet.verdict, VERDICT_TO_PORT | VERDICT_TO_GROUP);
        if decided && let Err(rule) = accept_destination(packet, slot, self.snapshot) {
            self.counters.broke(rule, slot.source);
            return Err(Refusal::Invalid);
        }
        let verdict = if decided { packet.verdict } else { VERDICT_PASS };
        // The mark makes the switch look at the empty place, whatever the extension writes over the packet.
        let mut slot = std::mem::replace(slot, Slot { unit: u32::MAX, flags: Slot::WRITTEN, ..Slot::EMPTY });
        let written = slot.has(Slot::WRITTEN);
        slot.flags &= !Slot::WRITTEN;
        let entry = Entry {
            written,
            packet: Packet { verdict, drop_reason: 0, ..*packet },
            slot,
            resume: ResumePoint { leg: self.leg, after: self.entry.position },
            stage: self.entry.id,
            since_ns: self.core.now_ns,
            kept: Kept::Held,
        };
        packet.verdict = VERDICT_HOLD;
        self.burst.touch();
        match self.core.held.keep(entry) {
            Ok(handle) => Ok(handle),
            Err(entry) => {
                // Not reached: fullness was checked. The frame is still counted.
                self.core.drop_slot(entry.slot, DropReason::HoldExpired.code());
                Err(Refusal::Full)
            }
        }
    }

    /// Lets a held frame go on behind this extension.
    pub fn release(&mut self, handle: u64) -> Result<(), Refusal> {
        self.core.held.get_mut(handle, self.entry.id).filter(|entry| entry.kept == Kept::Held).ok_or(Refusal::Gone)?;
        let entry = self.core.held.take(handle, self.entry.id).ok_or(Refusal::Gone)?;
        // The extension may have moved since it took the frame.
        self.core.park(entry.packet, entry.slot, ResumePoint { after: self.entry.position, ..entry.resume });
        Ok(())
    }

    /// Ends a held frame or a draft.
    pub fn discard(&mut self, handle: u64, code: u16) -> Result<(), Refusal> {
        let entry = self.core.held.take(handle, self.entry.id).ok_or(Refusal::Gone)?;
        let code = match drop_code(code, self.entry) {
            Ok(code) => code.unwrap_or(DropReason::ExtensionDiscard.code()),
            Err(rule) => {
                let about = if entry.resume.leg == Leg::Ingress { entry.slot.source } else { entry.slot.destination };
                self.counters.broke(rule, about);
                DropReason::ExtensionDiscard.code()
            }
        };
        self.core.end_entry(entry, code);
        Ok(())
    }

    /// Makes a draft of `length` zero bytes.
    pub fn originate(&mut self, length: usize) -> Result<(u64, Packet), Refusal> {
        if !(ETHERNET_HEADER_LEN..=FRAME_MAX).contains(&length) {
            return Err(Refusal::Invalid);
        }
        let mut buf = self.core.pool.alloc_for(length).ok_or(Refusal::Full)?;
        let start = usize::from(HEADROOM);
        if let Some(bytes) = self.core.arena.bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(start..start + length))
        {
            bytes.fill(0);
        }
        let unit = self.core.arena.unit(&buf);
        let packet = Packet {
            buffer: unit,
            start: HEADROOM,
            length: u32::try_from(length).unwrap_or(0),
            flags: PACKET_ORIGINATED,
            ..Packet::default()
        };
        let mut slot = Slot { buf, unit, start: packet.start, length: packet.length, ..Slot::EMPTY };
        slot.set_hops(self.hops());
        self.draft(packet, slot, false)
    }

    /// Copies packet `index` into a draft; destinations are not kept.
    pub fn clone_packet(&mut self, index: usize) -> Result<(u64, Packet), Refusal> {
        if self.entry.role == Role::Capture {
            return Err(self.forbid(Rule::CloneNotAllowed, Some(index)));
        }
        self.burst.put_back(index, self.decides());
        let (packet, slot) =
            self.burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none()).ok_or(Refusal::Invalid)?;
        restore(packet, slot, self.leg);
        if slot.has(Slot::WRITTEN) && !accept_bounds(&self.core.arena, packet, slot) {
            return Err(Refusal::Invalid);
        }
        let mut packet =
            Packet { destination: 0, destination_nic: 0, verdict: VERDICT_PASS, drop_reason: 0, ..*packet };
        packet.flags = (packet.flags & !(PRESERVE | PACKET_NATIVE_FORWARDING)) | PACKET_CLONE;
        let mut copy = copy_of(slot);
        copy.buf = self.core.arena.share(&slot.buf);
        copy.destination = PortId::NONE;
        copy.sample = 0;
        copy.flags &= Slot::TAGGED | Slot::HOPS;
        if self.leg == Leg::Ingress && self.entry.position < Position::POLICY {
            // The frame has no VLAN yet; a trusted clone would never get one.
            let port = self.snapshot.port(slot.source);
            copy.vid = port.and_then(|port| port.vlan.classify(slot.tag()).ok()).unwrap_or(slot.vid);
        }
        if self.core.make_private(&mut packet, &mut copy).is_err() {
            self.core.pool.free(copy.buf);
            return Err(Refusal::Full);
        }
        self.draft(packet, copy, true)
    }

    /// How many injections the frames of this call come of: what is made in it is made for them.
    fn hops(&mut self) -> u16 {
        if let Some(hops) = self.hops {
            return hops;
        }
        let hops = self.burst.halves().1.iter().map(Slot::hops).max().unwrap_or(0);
        *self.hops.insert(hops)
    }

    fn draft(&mut self, packet: Packet, slot: Slot, clone: bool) -> Result<(u64, Packet), Refusal> {
        let full = self.core.held.is_full() || self.core.held.count_of(self.entry.id) >= self.entry.hold_quota as usize;
        if full {
            self.core.pool.free(slot.buf);
            return Err(Refusal::Full);
        }
        let entry = Entry {
            packet,
            slot,
            resume: ResumePoint { leg: Leg::Ingress, after: self.entry.position },
            stage: self.entry.id,
            since_ns: self.core.now_ns,
            kept: Kept::Draft { clone },
            written: false,
        };
        match self.core.held.keep(entry) {
            Ok(handle) => Ok((handle, packet)),
            Err(entry) => {
                self.core.pool.free(entry.slot.buf);
                Err(Refusal::Full)
            }
        }
    }

    /// Sends a draft down the ingress leg below this extension, as if from `source` (0 = trusted, no port policy). A
    /// forwarding extension, below which nobody decides, gives destinations with [`Call::inject_to`].
    pub fn inject(&mut self, handle: u64, source: PortId) -> Result<(), Refusal> {
        if self.entry.role == Role::Forwarding {
            return Err(self.forbid(Rule::InjectNotAllowed, None));
        }
        self.check_source(handle, source)?;
        let Some(entry) = self.core.held.take(handle, self.entry.id) else { return Err(Refusal::Gone) };
        self.send_draft(entry, source);
        Ok(())
    }

    /// Sends a draft of a forwarding extension to destinations of its own.
    pub fn inject_to(&mut self, handle: u64, source: PortId, to: Destination) -> Result<(), Refusal> {
        if self.entry.role != Role::Forwarding {
            return Err(self.forbid(Rule::InjectNotAllowed, None));
        }
        if !matches!(to.verdict, VERDICT_TO_PORT | VERDICT_TO_GROUP) || to.flags & !PRESERVE != 0 {
            self.counters.broke(Rule::DestinationInvalid, source);
            return Err(Refusal::Invalid);
        }
        self.check_source(handle, source)?;
        let draft = self.core.held.get_mut(handle, self.entry.id).ok_or(Refusal::Gone)?;
        let (packet, slot) = (&mut draft.packet, &mut draft.slot);
        (packet.verdict, packet.destination, packet.destination_nic) = (to.verdict, to.target, to.nic);
        packet.flags = (packet.flags & !PRESERVE) | to.flags;
        slot.flags &= !(Slot::KEEP_VLAN | Slot::KEEP_PRIORITY);
        if let Err(rule) = accept_destination(packet, slot, self.snapshot) {
            self.counters.broke(rule, source);
            return Err(Refusal::Invalid);
        }
        let gone = match to.verdict {
            VERDICT_TO_PORT => self.snapshot.port(PortId::from_raw(to.target)).is_none_or(|port| !port.transmits),
            _ => self.snapshot.groups.get(to.target as usize).is_none_or(Option::is_none),
        };
        if gone {
            return Err(Refusal::Gone);
        }
        let Some(entry) = self.core.held.take(handle, self.entry.id) else { return Err(Refusal::Gone) };
        self.send_draft(entry, source);
        Ok(())
    }

    /// Refuses what is no draft of the extension, and a source that is no connected port.
    fn check_source(&mut self, handle: u64, source: PortId) -> Result<(), Refusal> {
        if !source.is_none() {
            if self.snapshot.never_had(source) {
                self.counters.broke(Rule::SourceInvalid, source);
                return Err(Refusal::Invalid);
            }
            // Only a connected NIC originates.
            self.snapshot.port(source).filter(|port| port.transmits).ok_or(Refusal::Gone)?;
        }
        let draft = self.core.held.get_mut(handle, self.entry.id).ok_or(Refusal::Gone)?;
        if matches!(draft.kept, Kept::Draft { .. }) { Ok(()) } else { Err(Refusal::Invalid) }
    }

    fn send_draft(&mut self, mut entry: Entry, source: PortId) {
        let port = self.snapshot.port(source);
        entry.slot.source = source;
        entry.packet.source_port = source.raw();
        self.core.untag_draft(&mut entry.packet, &mut entry.slot);
        match port {
            None => entry.slot.flags |= Slot::TRUSTED,
            Some(port) if self.entry.role == Role::Forwarding => {
                entry.slot.vid = port.vlan.classify(entry.slot.tag()).unwrap_or(entry.slot.vid);
            }
            Some(_) => {}
        }
        describe(&self.core.arena, &mut entry.packet, &entry.slot);
        match entry.kept {
            Kept::Draft { clone: true } => self.core.counters.law.replicated += 1,
            _ => self.core.counters.law.originated += 1,
        }
        let hops = entry.slot.hops() + 1;
        if hops > HOPS_MAX {
            self.counters.broke(Rule::InjectionLoop, source);
            self.counters.dropped += 1;
            return self.core.drop_slot(entry.slot, DropReason::InjectionLoop.code());
        }
        entry.slot.set_hops(hops);
        if !self.core.park_injected(entry.packet, entry.slot, entry.resume) {
            self.counters.dropped += 1;
        }
    }
}

/// A slot like `slot` without its buffer.
pub(crate) fn copy_of(slot: &Slot) -> Slot {
    Slot {
        buf: crate::arena::Buf::NONE,
        unit: slot.unit,
        source: slot.source,
        destination: slot.destination,
        length: slot.length,
        start: slot.start,
        offload: slot.offload,
        vid: slot.vid,
        tci: slot.tci,
        sample: slot.sample,
        flags: slot.flags,
    }
}

/// Fills in what parsing tells about a frame.
fn describe(arena: &Arena, packet: &mut Packet, slot: &Slot) {
    describe_frame(packet, arena.frame(&slot.buf, packet.start, packet.length), &slot.offload);
}

/// As [`describe`], of bytes anywhere.
pub(crate) fn describe_frame(packet: &mut Packet, frame: &[u8], offload: &Offload) {
    const PARSED: u32 = heddle_extension_api::abi::packet::PACKET_FRAGMENT
        | heddle_extension_api::abi::packet::PACKET_IP_OPTIONS
        | heddle_extension_api::abi::packet::PACKET_TRUNCATED
        | heddle_extension_api::abi::packet::PACKET_INNER_TAG;
    let facts = parse(frame);
    packet.l3 = facts.l3;
    packet.l4 = facts.l4;
    packet.ethertype = facts.ethertype;
    packet.ip_protocol = facts.ip_protocol;
    packet.flow_hash = facts.flow_hash;
    packet.flags = (packet.flags & !PARSED) | flags_of(&facts, offload);
}
