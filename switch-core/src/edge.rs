//! The miniport edge: every frame gets its destinations and becomes one descriptor per delivery.
//!
//! Without a forwarding extension the switch learns and looks up (IEEE 802.1Q clauses 8.6 and 8.7); with one, its
//! verdicts count. A burst in which every frame has exactly one destination is turned round in place; otherwise it is
//! expanded in order, so that a flooded frame and a later known one of the same flow keep their order.
//!
//! Cost: two short loops. The first hashes both addresses and prefetches both buckets, so that the second finds them in
//! the cache, however large the table is.

use heddle_extension_api::abi::packet::{PACKET_SHARED, Packet, VERDICT_PASS, VERDICT_TO_GROUP, VERDICT_TO_PORT};

use crate::burst::{BURST, Burst, Slot};
use crate::call::copy_of;
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::fdb::{FdbKey, Learn, Place};
use crate::message::{LEARNT_MAX, Learnt};
use crate::policy::mark;
use crate::port_id::PortId;
use crate::snapshot::Snapshot;
use crate::stage::Position;
use crate::worker::Core;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    One(PortId),
    AllOfVlan,
    UnknownOfVlan,
    Group(u32),
    Nowhere(DropReason),
}

#[derive(Clone, Copy)]
struct Keys {
    destination: FdbKey,
    source: FdbKey,
    destination_place: Place,
    source_place: Place,
}

/// Working memory of the edge, kept so that nothing is allocated per burst.
pub(crate) struct Scratch {
    /// `None`: the frame is too short to have addresses.
    keys: [Option<Keys>; BURST],
    to: [To; BURST],
}

// The first loop writes an entry per frame and the second reads it: no byte more than the keys themselves.
const _: () = assert!(size_of::<Option<Keys>>() == 24);

impl Default for Scratch {
    fn default() -> Self {
        Scratch { keys: [None; BURST], to: [To::Nowhere(DropReason::NoDestination); BURST] }
    }
}

/// What the decisions for the frames of a burst come to.
#[derive(Default)]
struct Decided {
    /// Some frame has a set of destinations.
    sets: bool,
    /// Some frame has none.
    refused: bool,
}

impl Decided {
    /// Turns a frame with one destination round, marks one that has none.
    #[inline]
    fn note(&mut self, to: To, packet: &mut Packet, slot: &mut Slot) {
        packet.drop_reason = 0;
        match to {
            To::One(port) => {
                slot.destination = port;
                packet.destination = port.raw();
            }
            To::Nowhere(reason) => self.refused |= mark(packet, reason),
            To::AllOfVlan | To::UnknownOfVlan | To::Group(_) => self.sets = true,
        }
    }
}

impl Pass<'_> {
    /// Decides destinations, then runs the egress leg.
    pub(crate) fn edge(&mut self, burst: &mut Burst) {
        if burst.is_empty() {
            return;
        }
        let decided = if self.has_forwarder() {
            self.decided_by_forwarder(burst)
        } else {
            self.core.prepare_keys(self.scratch, burst);
            self.core.decide_by_address(self.snapshot, self.scratch, burst)
        };
        if decided.sets {
            return self.expand(burst);
        }
        if decided.refused {
            self.drop_marked(burst);
        }
        self.egress(burst, Position::MINIPORT_EDGE);
    }

    /// Reads the forwarding extension's verdicts.
    fn decided_by_forwarder(&mut self, burst: &mut Burst) -> Decided {
        let mut decided = Decided::default();
        let (packets, slots) = burst.halves();
        for ((packet, slot), to) in packets.iter_mut().zip(slots.iter_mut()).zip(self.scratch.to.iter_mut()) {
            *to = match packet.verdict {
                VERDICT_TO_PORT => match PortId::from_raw(packet.destination) {
                    port if port == slot.source => To::Nowhere(DropReason::SamePort),
                    port => To::One(port),
                },
                VERDICT_TO_GROUP => To::Group(packet.destination),
                _ if slot.has(Slot::NATIVE) => self.core.decide_natively(self.snapshot, slot),
                _ => To::Nowhere(DropReason::NoForwardingDecision),
            };
            packet.verdict = VERDICT_PASS;
            decided.note(*to, packet, slot);
        }
        decided
    }

    /// Copies descriptors, in order, one per delivery; the frames themselves are shared.
    fn expand(&mut self, burst: &mut Burst) {
        let Some(mut deliveries) = self.core.expanded.take() else { return };
        let mut index = 0;
        burst.drain(|packet, slot| {
            let to = self.scratch.to.get(index).copied().unwrap_or(To::Nowhere(DropReason::NoDestination));
            index += 1;
            packet.drop_reason = 0;
            self.replicate(*packet, slot.take(), to, &mut deliveries);
        });
        self.egress(&mut deliveries, Position::MINIPORT_EDGE);
        self.core.expanded = Some(deliveries);
    }

    fn replicate(&mut self, packet: Packet, slot: Slot, to: To, deliveries: &mut Burst) {
        let snapshot = self.snapshot;
        let one;
        let ports: &[PortId] = match to {
            To::One(port) => {
                one = [port];
                &one
            }
            To::AllOfVlan => snapshot.flood(slot.vid).map_or(&[], |list| &list.all),
            To::UnknownOfVlan => snapshot.flood(slot.vid).map_or(&[], |list| &list.unknown),
            To::Group(group) => match snapshot.groups.get(group as usize).and_then(Option::as_ref) {
                Some(ports) => ports,
                None => return self.core.drop_slot(slot, DropReason::GroupGone.code()),
            },
            To::Nowhere(reason) => return self.core.drop_slot(slot, reason.code()),
        };
        let source = slot.source;
        let mut targets = ports.iter().copied().filter(|port| *port != source).peekable();
        if targets.peek().is_none() {
            return self.core.drop_slot(slot, DropReason::NoDestination.code());
        }
        let mut last = Some(slot);
        while let Some(port) = targets.next() {
            let more = targets.peek().is_some();
            let Some(mut slot) = (if more { last.as_ref().map(|slot| self.core.copy(slot)) } else { last.take() })
            else {
                return;
            };
            let mut packet = packet;
            slot.destination = port;
            packet.destination = port.raw();
            // A flooded frame is looked at on delivery even when only one port gets it: it may be counted as broadcast.
            if more || ports.len() > 1 || to == To::AllOfVlan {
                slot.flags |= Slot::SHARED;
                packet.flags |= PACKET_SHARED;
            }
            if deliveries.is_full() {
                self.egress(deliveries, Position::MINIPORT_EDGE);
                self.egress_waiting();
            }
            if let Err(slot) = deliveries.push(packet, slot) {
                self.core.drop_slot(slot, DropReason::ResumeQueueFull.code());
            }
        }
    }
}

// The two loops take what they work on as arguments of their own: the compiler then knows that none of it overlaps and
// keeps the table's parameters in registers.
impl Core {
    /// Hashes both addresses of every frame and asks for the cache lines they are looked up in.
    #[inline(never)]
    fn prepare_keys(&self, scratch: &mut Scratch, burst: &mut Burst) {
        for (slot, keys) in burst.halves().1.iter().zip(scratch.keys.iter_mut()) {
            *keys = self.keys_of(slot);
        }
    }

    /// Both keys of a frame; `None` when it is too short to have addresses.
    #[inline(always)]
    fn keys_of(&self, slot: &Slot) -> Option<Keys> {
        let frame = self.arena.frame(&slot.buf, slot.start, slot.length);
        frame.first_chunk::<12>().map(|macs| {
            let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5] = *macs;
            let destination = FdbKey::new(slot.vid, &[d0, d1, d2, d3, d4, d5]);
            let source = FdbKey::new(slot.vid, &[s0, s1, s2, s3, s4, s5]);
            let (destination_place, source_place) = (self.fdb.place(destination), self.fdb.place(source));
            self.fdb.prefetch(destination_place);
            self.fdb.prefetch(source_place);
            Keys { destination, source, destination_place, source_place }
        })
    }

    /// Learns and looks up.
    #[inline(never)]
    fn decide_by_address(&mut self, snapshot: &Snapshot, scratch: &mut Scratch, burst: &mut Burst) -> Decided {
        let mut decided = Decided::default();
        let (packets, slots) = burst.halves();
        let mut at = 0;
        loop {
            at += self.turn_known(snapshot, scratch, packets, slots, at);
            let (Some(packet), Some(slot)) = (packets.get_mut(at), slots.get_mut(at)) else { return decided };
            let to = match scratch.keys.get(at).copied().flatten() {
                Some(keys) => self.decide(&keys, slot.source, snapshot),
                None => To::Nowhere(DropReason::FrameTooShort),
            };
            decided.note(to, packet, slot);
            scratch.to[at] = to;
            at += 1;
        }
    }

    /// Decides for one frame that no forwarding extension decides for.
    #[cold]
    fn decide_natively(&mut self, snapshot: &Snapshot, slot: &Slot) -> To {
        let keys = self.keys_of(slot);
        match keys {
            Some(keys) => self.decide(&keys, slot.source, snapshot),
            None => To::Nowhere(DropReason::FrameTooShort),
        }
    }

    /// Turns frames between known stations round, from `at` to the first frame that is not one, or that comes from
    /// another port than the first; how many. Nearly every frame ends here, and nothing here changes the table.
    fn turn_known(
        &self,
        snapshot: &Snapshot,
        scratch: &mut Scratch,
        packets: &mut [Packet],
        slots: &mut [Slot],
        at: usize,
    ) -> usize {
        let Some(source) = slots.get(at).map(|slot| slot.source) else { return 0 };
        let learns = snapshot.port(source).is_some_and(|port| port.learns);
        let (source_slot, now_s) = (slot_of(source), self.now_s);
        let frames = packets.iter_mut().zip(slots).zip(scratch.keys.iter().zip(&mut scratch.to)).skip(at);
        let mut known = 0;
        for ((packet, slot), (keys, to)) in frames {
            let Some(keys) = keys else { break };
            if slot.source != source || keys.source.is_group() || keys.destination.is_group() {
                break;
            }
            if learns && !self.fdb.has_learnt(keys.source_place, keys.source, source_slot, now_s) {
                break;
            }
            let found = self.fdb.lookup_at_home(keys.destination_place, keys.destination, now_s);
            let Some(port) = found.and_then(|found| snapshot.port_at(usize::from(found))) else { break };
            if port.id == source {
                break;
            }
            *to = To::One(port.id);
            slot.destination = port.id;
            packet.destination = port.id.raw();
            packet.drop_reason = 0;
            known += 1;
        }
        known
    }

    /// Learns from any frame, and decides where it goes.
    fn decide(&mut self, keys: &Keys, source: PortId, snapshot: &Snapshot) -> To {
        if keys.source.is_group() {
            return To::Nowhere(DropReason::SourceMulticast);
        }
        if snapshot.port(source).is_some_and(|port| port.learns) {
            let outcome = self.fdb.learn(keys.source_place, keys.source, slot_of(source), self.now_s);
            if outcome != Learn::Unchanged {
                self.learnt(outcome, keys.source, source);
            }
        }
        if keys.destination.is_group() {
            let reserved = keys.destination.is_reserved();
            return if reserved { To::Nowhere(DropReason::ReservedMulticast) } else { To::AllOfVlan };
        }
        let found = self.fdb.lookup(keys.destination_place, keys.destination, self.now_s);
        match found.and_then(|found| snapshot.port_at(usize::from(found))) {
            Some(port) if port.id == source => To::Nowhere(DropReason::SamePort),
            Some(port) => To::One(port.id),
            None => To::UnknownOfVlan,
        }
    }

    #[cold]
    fn learnt(&mut self, outcome: Learn, key: FdbKey, port: PortId) {
        match outcome {
            Learn::New | Learn::Refreshed => {}
            Learn::Moved { from } => {
                self.counters.fdb_moves += 1;
                self.flaps.moved(from, slot_of(port));
            }
            Learn::StaticElsewhere { .. } => return self.flaps.astray(key, slot_of(port)),
            Learn::PortFull | Learn::TableFull | Learn::NeighbourhoodFull => {
                self.counters.fdb_full += 1;
                return;
            }
            _ => return,
        }
        let message = Learnt { key, port, now_s: self.now_s };
        for (peer, outbox) in self.outboxes.iter_mut().enumerate() {
            if peer == usize::from(self.id) {
                continue;
            }
            if outbox.learnt.len() < LEARNT_MAX {
                outbox.learnt.push(message);
            } else {
                self.counters.fdb_sync_lost += 1;
            }
        }
    }

    /// One more descriptor of the same frame.
    fn copy(&mut self, slot: &Slot) -> Slot {
        let mut copy = copy_of(slot);
        copy.buf = self.arena.share(&slot.buf);
        copy.flags |= Slot::SHARED;
        self.counters.law.replicated += 1;
        if slot.sample != 0 {
            self.samples.replicated(slot.sample, 1);
        }
        copy
    }
}

/// A port's place in the filtering database.
#[expect(clippy::cast_possible_truncation, reason = "slots are below 4096")]
#[inline]
fn slot_of(port: PortId) -> u16 {
    port.slot() as u16
}
