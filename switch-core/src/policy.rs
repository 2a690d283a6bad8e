//! The switch's own port policy, between filters and forwarding on both legs: VLAN rules, port state, MTU.
//!
//! Ingress: the frame gets its VLAN (802.1Q 6.9). Egress: each delivery gets the tag it leaves with, or ends because
//! the port is not connected, does not carry the VLAN, or is too narrow (802.1Q 8.6.2, 8.6.4). Frames that an extension
//! originated with source port 0 are trusted and keep what they came with on ingress.

use heddle_extension_api::abi::packet::{PACKET_VLAN, Packet};

use crate::arena::Arena;
use crate::burst::{Burst, Slot};
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::egress::header_len;
use crate::offload::GsoKind;
use crate::parse::ETHERNET_HEADER_LEN;
use crate::port_id::PortId;
use crate::snapshot::{PortEntry, Snapshot};
use crate::vlan::{Leaving, VID_MASK};

impl Pass<'_> {
    /// Gives every frame its VLAN.
    pub(crate) fn ingress_policy(&mut self, burst: &mut Burst) {
        let snapshot = self.snapshot;
        let mut source = PortId::NONE;
        let mut port = None;
        let mut refused = false;
        let (packets, slots) = burst.halves();
        for (packet, slot) in packets.iter_mut().zip(slots.iter_mut()) {
            if slot.has(Slot::TRUSTED) {
                continue;
            }
            if slot.source != source {
                source = slot.source;
                port = snapshot.port(source);
            }
            match port.map(|port| port.vlan.classify(slot.tag())) {
                Some(Ok(vid)) => slot.vid = vid,
                Some(Err(reason)) => refused |= mark(packet, reason),
                None => refused |= mark(packet, DropReason::PortGone),
            }
        }
        if refused {
            self.drop_marked(burst);
        }
        if self.core.vlans.is_on() {
            self.core.count_vlans(burst);
        }
    }

    /// Gives every delivery the tag it leaves with, or ends it.
    pub(crate) fn egress_policy(&mut self, burst: &mut Burst) {
        let snapshot: &Snapshot = self.snapshot;
        let mut refused = false;
        let (packets, slots) = burst.halves();
        for (packet, slot) in packets.iter_mut().zip(slots.iter_mut()) {
            match leave(snapshot.port(slot.destination), packet, slot, &self.core.arena) {
                Ok(_) if slot.has(Slot::KEEP_VLAN) => {}
                Ok(Leaving::Untagged) if slot.has(Slot::KEEP_PRIORITY) && slot.has(Slot::TAGGED) => {
                    slot.tci &= !VID_MASK;
                    packet.vlan_tci = slot.tci;
                }
                Ok(Leaving::Untagged) => {
                    slot.flags &= !Slot::TAGGED;
                    packet.flags &= !PACKET_VLAN;
                    packet.vlan_tci = 0;
                }
                Ok(Leaving::Tagged) => {
                    slot.tci = (slot.tci & !VID_MASK) | slot.vid;
                    slot.flags |= Slot::TAGGED;
                    packet.flags |= PACKET_VLAN;
                    packet.vlan_tci = slot.tci;
                }
                Err(reason) => refused |= mark(packet, reason),
            }
        }
        if refused {
            self.drop_marked(burst);
        }
    }

    /// Ends the packets that were marked with a reason.
    pub(crate) fn drop_marked(&mut self, burst: &mut Burst) {
        let core = &mut *self.core;
        burst.retain(|packet, slot| {
            if packet.drop_reason == 0 {
                return true;
            }
            core.drop_slot(slot.take(), packet.drop_reason);
            false
        });
    }
}

/// Marks a packet for [`Pass::drop_marked`].
#[inline]
pub(crate) fn mark(packet: &mut Packet, reason: DropReason) -> bool {
    packet.drop_reason = reason.code();
    true
}

/// Bytes of a frame that the MTU does not count.
#[expect(clippy::cast_possible_truncation, reason = "it is 14")]
const HEADER: u32 = ETHERNET_HEADER_LEN as u32;

#[inline]
fn leave(port: Option<&PortEntry>, packet: &Packet, slot: &Slot, arena: &Arena) -> Result<Leaving, DropReason> {
    let port = port.ok_or(DropReason::PortGone)?;
    if !port.transmits {
        return Err(DropReason::PortDown);
    }
    let longest = port.mtu + HEADER;
    if packet.length > longest && wire_length(packet, slot, arena) > longest {
        return Err(DropReason::FrameTooLong);
    }
    port.vlan.leave(slot.vid)
}

/// Length of the longest wire frame of a packet, in bytes.
fn wire_length(packet: &Packet, slot: &Slot, arena: &Arena) -> u32 {
    if slot.offload.gso == GsoKind::None {
        return packet.length;
    }
    let frame = arena.frame(&slot.buf, packet.start, packet.length);
    let headers = header_len(frame, packet.l4, slot.offload.gso);
    u32::try_from(headers).unwrap_or(u32::MAX).saturating_add(u32::from(slot.offload.gso_size))
}
