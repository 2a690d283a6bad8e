//! After each call into an extension: what the switch believes of what came back.
//!
//! The common case, every verdict PASS and nothing else touched, is found in one branch-free sweep over the batch.
//! Otherwise each packet is judged: verdicts the role and leg do not have are a drop, fields that are the host's are put
//! back, frames must lie in their buffers. Each finding is counted as a violation of that extension.

use heddle_extension_api::abi::packet::{
    PACKET_PRESERVE_PRIORITY, PACKET_PRESERVE_VLAN, Packet, VERDICT_DROP, VERDICT_HOLD, VERDICT_PASS, VERDICT_TO_GROUP,
    VERDICT_TO_PORT,
};

use crate::arena::Arena;
use crate::burst::{Burst, PRESERVE, Slot, Told};
use crate::counters::StageCounters;
use crate::drop_reason::{DropReason, EXTENSION_FIRST};
use crate::parse::ETHERNET_HEADER_LEN;
use crate::port_id::PortId;
use crate::snapshot::{GROUPS_MAX, Snapshot};
use crate::stage::{CallEnd, Leg, OnFailure, Role, StageEntry};
use crate::violation::Rule;
use crate::worker::Core;

/// What a packet's verdict comes to.
enum Fate {
    Stays,
    Gone,
    Drop(u16),
}

impl Core {
    /// Judges a burst after a call.
    pub(crate) fn settle(
        &mut self,
        burst: &mut Burst,
        entry: &StageEntry,
        leg: Leg,
        end: CallEnd,
        snapshot: &Snapshot,
        counters: &mut StageCounters,
    ) {
        if end == CallEnd::Returned && !is_odd(burst, leg) {
            return;
        }
        if end != CallEnd::Returned {
            // It may be half written; what was only held ends when the extension is taken out.
            for held in self.held.take_written(entry.id) {
                counters.dropped += 1;
                self.end_entry(held, DropReason::ExtensionPanic.code());
            }
        }
        put_back(burst, entry.role == Role::Forwarding && leg == Leg::Ingress, leg, counters);
        burst.retain(|packet, slot| {
            if slot.buf.is_none() {
                // Taken by `hold`; the entry has the truth.
                return false;
            }
            let writable = slot.has(Slot::WRITTEN);
            let about = if leg == Leg::Ingress { slot.source } else { slot.destination };
            if restore(packet, slot, leg) {
                counters.broke(Rule::FieldChanged, about);
            }
            let fate = match end {
                CallEnd::Failed | CallEnd::Gone(_) => {
                    let own = snapshot.port(about).and_then(|port| port.on_failure);
                    failed(packet, slot, own.unwrap_or(entry.on_failure), end)
                }
                CallEnd::Returned => judge(packet, slot, (entry, leg), snapshot, counters),
            };
            let fate = match fate {
                Fate::Stays if writable && !accept_bounds(&self.arena, packet, slot) => {
                    counters.broke(Rule::FrameOutsideBuffer, about);
                    Fate::Drop(DropReason::ExtensionBadBounds.code())
                }
                other => other,
            };
            slot.flags &= !Slot::WRITTEN;
            packet.drop_reason = 0;
            match fate {
                Fate::Stays => true,
                Fate::Gone => false,
                Fate::Drop(code) => {
                    counters.dropped += 1;
                    self.drop_slot(slot.take(), code);
                    false
                }
            }
        });
    }
}

/// Takes over where an extension left the frame in a buffer it may write; false when that is no place for a frame.
pub(crate) fn accept_bounds(arena: &Arena, packet: &Packet, slot: &mut Slot) -> bool {
    let end = usize::from(packet.start) + packet.length as usize;
    let inside = end <= arena.buffer_len(&slot.buf) && packet.length as usize >= ETHERNET_HEADER_LEN;
    if inside {
        (slot.start, slot.length) = (packet.start, packet.length);
    }
    inside
}

/// Whether any packet needs a closer look.
#[inline]
fn is_odd(burst: &mut Burst, leg: Leg) -> bool {
    // On ingress the destination is a forwarding extension's to write, and nobody reads it from others.
    let destination = if leg == Leg::Egress { u64::MAX } else { u64::from(u32::MAX) };
    let touched = burst.is_touched();
    let (packets, _, told) = burst.thirds();
    let lies =
        packets.iter().zip(told).fold(0, |lies, (packet, told)| lies | told.differs(&Told::of(packet), destination));
    lies != 0 || touched
}

/// Puts header facts back that an extension changed by hand; `reparse` is the way to change them.
fn put_back(burst: &mut Burst, decides: bool, leg: Leg, counters: &mut StageCounters) {
    let (packets, slots, told) = burst.thirds();
    for ((packet, slot), told) in packets.iter_mut().zip(slots.iter()).zip(told) {
        if !slot.buf.is_none() && told.tell(packet, decides) {
            let about = if leg == Leg::Ingress { slot.source } else { slot.destination };
            counters.broke(Rule::FieldChanged, about);
        }
    }
}

/// Puts fields back that are the host's; whether one had changed. Start and length are the extension's while it may
/// write the frame.
pub(crate) fn restore(packet: &mut Packet, slot: &Slot, leg: Leg) -> bool {
    let mut changed = packet.buffer != slot.unit || packet.source_port != slot.source.raw();
    if !slot.has(Slot::WRITTEN) {
        changed |= packet.start != slot.start || packet.length != slot.length;
        (packet.start, packet.length) = (slot.start, slot.length);
    }
    packet.buffer = slot.unit;
    packet.source_port = slot.source.raw();
    if leg == Leg::Egress {
        changed |= packet.destination != slot.destination.raw();
        packet.destination = slot.destination.raw();
    }
    changed
}

fn judge(
    packet: &mut Packet,
    slot: &mut Slot,
    (entry, leg): (&StageEntry, Leg),
    snapshot: &Snapshot,
    counters: &mut StageCounters,
) -> Fate {
    let about = if leg == Leg::Ingress { slot.source } else { slot.destination };
    match (packet.verdict, entry.role, leg) {
        (VERDICT_PASS, ..) => Fate::Stays,
        (_, Role::Capture, _) => {
            // A capture extension has no say: the frame goes on, the attempt is counted.
            counters.broke(Rule::VerdictNotAllowed, about);
            packet.verdict = VERDICT_PASS;
            Fate::Stays
        }
        (VERDICT_DROP, ..) => match drop_code(packet.drop_reason, entry) {
            Ok(code) => Fate::Drop(code.unwrap_or(DropReason::ExtensionDrop.code())),
            Err(rule) => {
                counters.broke(rule, about);
                Fate::Drop(DropReason::ExtensionDrop.code())
            }
        },
        (VERDICT_TO_PORT | VERDICT_TO_GROUP, Role::Forwarding, Leg::Ingress) => {
            match accept_destination(packet, slot, snapshot) {
                Ok(()) => Fate::Stays,
                Err(rule) => {
                    counters.broke(rule, about);
                    // What is forwarded natively goes its way; anything else has nowhere to go.
                    packet.verdict = VERDICT_PASS;
                    if rule == Rule::NativeForwarding { Fate::Stays } else { Fate::Drop(BAD_DESTINATION) }
                }
            }
        }
        (VERDICT_HOLD, ..) if slot.buf.is_none() => Fate::Gone,
        _ => {
            counters.broke(Rule::VerdictNotAllowed, about);
            Fate::Drop(DropReason::ExtensionBadVerdict.code())
        }
    }
}

const BAD_DESTINATION: u16 = DropReason::ExtensionBadDestination.code();

/// Takes over where a forwarding extension sends a frame, and what deliveries keep of its tag. A port that is gone is no
/// violation: it may have gone while the extension decided.
pub(crate) fn accept_destination(packet: &mut Packet, slot: &mut Slot, snapshot: &Snapshot) -> Result<(), Rule> {
    if slot.has(Slot::NATIVE) {
        packet.flags &= !PRESERVE;
        packet.destination_nic = 0;
        return Err(Rule::NativeForwarding);
    }
    if packet.verdict == VERDICT_TO_PORT {
        let port = PortId::from_raw(packet.destination);
        let nics = snapshot.port(port).map_or(u8::MAX, |port| port.nics);
        if snapshot.never_had(port) || packet.destination_nic > nics {
            return Err(Rule::DestinationInvalid);
        }
    } else if packet.destination_nic != 0 || packet.destination as usize >= GROUPS_MAX {
        return Err(Rule::DestinationInvalid);
    }
    let flag = |set: u32, flag: u16| if packet.flags & set != 0 { flag } else { 0 };
    slot.flags |= flag(PACKET_PRESERVE_VLAN, Slot::KEEP_VLAN) | flag(PACKET_PRESERVE_PRIORITY, Slot::KEEP_PRIORITY);
    Ok(())
}

/// A failed call's verdicts are void: frames it had made writable are lost, others follow the fail policy of their port
/// (the source on the ingress leg, the destination on the egress leg) or, if that has none, of the extension.
fn failed(packet: &mut Packet, slot: &Slot, policy: OnFailure, end: CallEnd) -> Fate {
    if slot.has(Slot::WRITTEN) {
        return Fate::Drop(DropReason::ExtensionPanic.code());
    }
    match policy {
        OnFailure::Open => {
            packet.verdict = VERDICT_PASS;
            Fate::Stays
        }
        OnFailure::Closed => match end {
            CallEnd::Gone(code) => Fate::Drop(code),
            _ => Fate::Drop(DropReason::ExtensionPanic.code()),
        },
    }
}

/// The code an extension's drop is counted under: one it registered, or none for the general reason. What is not in the
/// extensions' range names no reason; what is there and not its own is a violation.
pub(crate) fn drop_code(code: u16, entry: &StageEntry) -> Result<Option<u16>, Rule> {
    if entry.codes.has(code) {
        Ok(Some(code))
    } else if code < EXTENSION_FIRST {
        Ok(None)
    } else {
        Err(Rule::DropReasonInvalid)
    }
}
