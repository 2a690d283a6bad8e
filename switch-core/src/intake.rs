//! The protocol edge on the way in: received frames become descriptors.
//!
//! The outermost 802.1Q tag moves from the data into the descriptor, the frame is parsed once, counters are added up
//! per burst, and frames are picked for sampling. Frames of a port that does not receive, and runts, end here.
//! Cost: one pass over the burst. Headers are expected in the cache, where the copy that brought the frame has put them.

use heddle_extension_api::abi::packet::{
    PACKET_FRAGMENT, PACKET_GSO, PACKET_INNER_TAG, PACKET_IP_OPTIONS, PACKET_NATIVE_FORWARDING,
    PACKET_PARTIAL_CHECKSUM, PACKET_TRUNCATED, PACKET_VLAN, Packet,
};

use crate::burst::{Burst, Slot};
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::dropped::DroppedBytes;
use crate::egress::header_len;
use crate::frame::RxFrame;
use crate::offload::{GsoKind, Offload};
use crate::parse::{ETHERNET_HEADER_LEN, FactFlags, Facts, TAG_LEN, ether_type, ip_protocol, outer_tag, parse};
use crate::port_id::PortId;
use crate::segment::{wire_bytes, wire_segments};
use crate::vlan::VID_MASK;
use crate::worker::Core;

/// [`TAG_LEN`] in the type of the fields it moves.
const TAG_BYTES: u16 = 4;
const _: () = assert!(TAG_BYTES as usize == TAG_LEN);

/// `PACKET_*` flags of a frame.
pub(crate) fn flags_of(facts: &Facts, offload: &Offload) -> u32 {
    flags_of_facts(facts.flags) | flags_of_offload(offload)
}

#[inline(never)]
fn flags_of_facts(facts: FactFlags) -> u32 {
    [
        (FactFlags::FRAGMENT, PACKET_FRAGMENT),
        (FactFlags::IP_OPTIONS, PACKET_IP_OPTIONS),
        (FactFlags::TRUNCATED, PACKET_TRUNCATED),
        (FactFlags::MALFORMED, PACKET_TRUNCATED),
        (FactFlags::INNER_TAGS, PACKET_INNER_TAG),
    ]
    .into_iter()
    .fold(0, |flags, (fact, flag)| if facts.contains(fact) { flags | flag } else { flags })
}

fn flags_of_offload(offload: &Offload) -> u32 {
    let partial = if offload.csum.is_some() { PACKET_PARTIAL_CHECKSUM } else { 0 };
    if offload.gso == GsoKind::None { partial } else { partial | PACKET_GSO }
}

/// Sums over one burst, added to the port's counters once.
#[derive(Default)]
struct Sums {
    more_segments: u64,
    bytes: u64,
    multicast: u64,
    broadcast: u64,
}

impl Pass<'_> {
    /// Takes frames of one port in, up to a burst.
    pub(crate) fn intake(&mut self, source: PortId, frames: &mut [RxFrame], burst: &mut Burst) {
        let started = self.started();
        self.core.counters.law.rx += frames.len() as u64;
        let refused = match self.snapshot.port(source) {
            Some(port) if port.receives => None,
            Some(_) => Some(DropReason::SourcePortDown),
            None => Some(DropReason::PortGone),
        };
        if let Some(reason) = refused {
            frames.iter_mut().for_each(|frame| self.core.refuse(frame, source, reason));
            return;
        }
        let sums = self.core.take_all(source, frames, burst);
        if self.snapshot.port(source).is_some_and(|port| port.native) {
            self.core.mark_native(burst);
        }
        let counters = self.core.counters.port(source);
        counters.rx_packets += burst.len() as u64 + sums.more_segments;
        counters.rx_bytes += sums.bytes;
        counters.rx_multicast += sums.multicast;
        counters.rx_broadcast += sums.broadcast;
        let pool = counters.rx_packets;
        let wire_frames = burst.len() as u64 + sums.more_segments;
        self.pick_samples(source, burst, wire_frames, pool);
        if let Some(spent) = self.since(started) {
            self.core.own_cost.intake.count(burst.len() as u64, spent);
        }
    }
}

impl Core {
    #[cold]
    fn refuse(&mut self, frame: &mut RxFrame, source: PortId, reason: DropReason) {
        let bytes = DroppedBytes { buf: &frame.buf, start: frame.start, length: frame.length, tag: frame.vlan_tci };
        self.count_drop(reason, (source, PortId::NONE), bytes);
        self.pool.free(frame.buf.take());
    }

    /// Marks NVGRE frames, which network virtualization forwards by itself.
    #[cold]
    fn mark_native(&self, burst: &mut Burst) {
        let (packets, slots) = burst.halves();
        for (packet, slot) in packets.iter_mut().zip(slots) {
            let frame = self.arena.frame(&slot.buf, slot.start, slot.length);
            if packet.ip_protocol == ip_protocol::GRE && is_nvgre(frame, usize::from(packet.l4)) {
                slot.flags |= Slot::NATIVE;
                packet.flags |= PACKET_NATIVE_FORWARDING;
            }
        }
    }

    /// Borrows each thing by an argument of its own, so that the compiler knows that none of it overlaps.
    #[inline(never)]
    fn take_all(&mut self, source: PortId, frames: &mut [RxFrame], burst: &mut Burst) -> Sums {
        let mut sums = Sums::default();
        let (packets, slots) = burst.vacant();
        let mut taken = 0;
        for frame in frames {
            let (Some(packet), Some(slot)) = (packets.get_mut(taken), slots.get_mut(taken)) else {
                self.refuse(frame, source, DropReason::ResumeQueueFull);
                continue;
            };
            match self.take_in(frame, source, packet, slot, &mut sums) {
                Ok(()) => taken += 1,
                Err(reason) => self.refuse(frame, source, reason),
            }
        }
        burst.grow(taken);
        sums
    }

    /// Writes both halves of a frame's descriptor. Nearly every frame is untagged and without offload facts: what the
    /// others need stands in functions of its own, out of the way of the loop's registers.
    #[inline(always)]
    fn take_in(
        &mut self,
        rx: &mut RxFrame,
        source: PortId,
        packet: &mut Packet,
        slot: &mut Slot,
        sums: &mut Sums,
    ) -> Result<(), DropReason> {
        let (unit, mut frame) = self.arena.unit_and_frame(&rx.buf, rx.start, rx.length);
        if frame.len() < ETHERNET_HEADER_LEN {
            return Err(DropReason::FrameTooShort);
        }
        if rx.vlan_tci.is_none() {
            if outer_tag(frame).is_some() {
                self.untag(rx);
                frame = self.arena.frame(&rx.buf, rx.start, rx.length);
            } else if frame.len() < ETHERNET_HEADER_LEN + TAG_LEN && ends_in_tag(frame) {
                return Err(DropReason::FrameTooShort);
            }
        }
        // The tag as numbers: arithmetic on them costs less than a branch for each use.
        let (tci, tagged) = rx.vlan_tci.map_or((0, 0), |tci| (tci, 1));
        let facts = parse(frame);
        *packet = Packet {
            buffer: unit,
            start: rx.start,
            l3: facts.l3,
            length: rx.length,
            l4: facts.l4,
            ethertype: facts.ethertype,
            source_port: source.raw(),
            flow_hash: facts.flow_hash,
            vlan_tci: tci,
            flags: u32::from(tagged) * PACKET_VLAN,
            traffic_class: tci.to_be_bytes()[0] >> 5,
            ip_protocol: facts.ip_protocol,
            ..Packet::default()
        };
        if !facts.flags.is_empty() {
            packet.flags |= flags_of_facts(facts.flags);
        }
        sums.bytes += u64::from(rx.length) + u64::from(tagged * TAG_BYTES);
        if frame.first().is_some_and(|first| first & 1 != 0) {
            sums.count_group(frame);
        }
        if !rx.offload.is_plain() {
            packet.flags |= flags_of_offload(&rx.offload);
            sums.count_segments(frame, packet.l4, &rx.offload, tagged);
        }
        *slot = Slot {
            buf: rx.buf.take(),
            unit,
            source,
            length: rx.length,
            start: rx.start,
            offload: rx.offload,
            vid: tci & VID_MASK,
            tci,
            flags: tagged * Slot::TAGGED,
            ..Slot::EMPTY
        };
        Ok(())
    }

    /// Moves the tag that an extension wrote into its frame where the switch keeps tags, so that it counts as one.
    #[cold]
    pub(crate) fn untag_draft(&mut self, packet: &mut Packet, slot: &mut Slot) {
        if slot.has(Slot::TAGGED) || outer_tag(self.arena.frame(&slot.buf, slot.start, slot.length)).is_none() {
            return;
        }
        let (length, start, offload) = (slot.length, slot.start, slot.offload);
        let mut rx = RxFrame { buf: slot.buf.take(), length, start, vlan_tci: None, offload };
        self.untag(&mut rx);
        if let Some(tci) = rx.vlan_tci {
            (slot.tci, slot.vid) = (tci, tci & VID_MASK);
            slot.flags |= Slot::TAGGED;
            packet.vlan_tci = tci;
            packet.flags |= PACKET_VLAN;
            packet.traffic_class = tci.to_be_bytes()[0] >> 5;
        }
        (slot.length, slot.start, slot.offload, slot.buf) = (rx.length, rx.start, rx.offload, rx.buf);
        (packet.length, packet.start) = (rx.length, rx.start);
    }

    /// Moves the outermost tag out of the data: the MACs go four bytes towards the EtherType behind it.
    #[inline(never)]
    fn untag(&mut self, rx: &mut RxFrame) {
        let start = usize::from(rx.start);
        let Some(bytes) = self.arena.bytes_mut(&mut rx.buf) else { return };
        let Some([high, low]) = bytes.get(start + 14..start + 16).and_then(|tci| tci.first_chunk()) else { return };
        rx.vlan_tci = Some(u16::from_be_bytes([*high, *low]));
        bytes.copy_within(start..start + 12, start + TAG_LEN);
        rx.start += TAG_BYTES;
        rx.length -= u32::from(TAG_BYTES);
        rx.offload.shift(-4);
    }
}

impl Sums {
    #[inline(never)]
    fn count_group(&mut self, frame: &[u8]) {
        let broadcast = frame.starts_with(&[0xff; 6]);
        self.broadcast += u64::from(broadcast);
        self.multicast += u64::from(!broadcast);
    }

    /// What a segmentation-offload frame counts beyond the one frame it came as. Bytes are those of the wire, tags
    /// included, without FCS.
    #[inline(never)]
    fn count_segments(&mut self, frame: &[u8], l4: u16, offload: &Offload, tagged: u16) {
        if offload.gso == GsoKind::None {
            return;
        }
        let headers = header_len(frame, l4, offload.gso);
        let size = usize::from(offload.gso_size).max(1);
        let more = u64::from(wire_segments(frame.len(), headers, size)).saturating_sub(1);
        self.more_segments += more;
        self.bytes += wire_bytes(frame.len(), headers, size).saturating_sub(frame.len() as u64);
        self.bytes += more * u64::from(tagged * TAG_BYTES);
    }
}

/// Whether a GRE header of version 0 with a key and nothing else carries Ethernet (RFC 7637 3.2).
fn is_nvgre(frame: &[u8], l4: usize) -> bool {
    let [transparent_high, transparent_low] = ether_type::TRANSPARENT_ETHERNET.to_be_bytes();
    l4 != 0 && frame.get(l4..l4 + 4) == Some(&[0x20, 0, transparent_high, transparent_low])
}

/// Whether a short frame is cut off inside its tag. Forwarded as untagged and padded by the next device it would be a
/// tagged frame of a VLAN of the sender's choice.
#[cold]
fn ends_in_tag(bytes: &[u8]) -> bool {
    bytes.get(12..14) == Some(&ether_type::CUSTOMER_TAG.to_be_bytes())
}
