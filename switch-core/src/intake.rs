//! The protocol edge on the way in: received frames become descriptors.
//!
//! The outermost 802.1Q tag moves from the data into the descriptor, the frame is parsed once, counters are added up
//! per burst, and frames are picked for sampling. Frames of a port that does not receive, and runts, end here.
//! Cost: one pass over the burst; the header of a later frame is prefetched while an earlier one is parsed.

use heddle_extension_api::abi::packet::{
    PACKET_FRAGMENT, PACKET_GSO, PACKET_INNER_TAG, PACKET_IP_OPTIONS, PACKET_PARTIAL_CHECKSUM, PACKET_TRUNCATED,
    PACKET_VLAN, Packet,
};

use crate::burst::{Burst, Slot};
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::frame::RxFrame;
use crate::offload::{GsoKind, Offload};
use crate::parse::{ETHERNET_HEADER_LEN, FactFlags, Facts, TAG_LEN, ether_type, outer_tag, parse};
use crate::port_id::PortId;
use crate::prefetch::prefetch_slice;
use crate::sample::Picked;
use crate::vlan::VID_MASK;
use crate::worker::Core;

/// Frames between the one being parsed and the one whose header is asked for.
const PREFETCH_AHEAD: usize = 4;

/// `PACKET_*` flags of parsed facts.
#[inline]
pub(crate) fn flags_of(facts: &Facts, offload: &Offload) -> u32 {
    let mut flags = 0;
    if !facts.flags.is_empty() {
        for (fact, flag) in [
            (FactFlags::FRAGMENT, PACKET_FRAGMENT),
            (FactFlags::IP_OPTIONS, PACKET_IP_OPTIONS),
            (FactFlags::TRUNCATED, PACKET_TRUNCATED),
            (FactFlags::MALFORMED, PACKET_TRUNCATED),
            (FactFlags::INNER_TAGS, PACKET_INNER_TAG),
        ] {
            if facts.flags.contains(fact) {
                flags |= flag;
            }
        }
    }
    if offload.csum.is_some() {
        flags |= PACKET_PARTIAL_CHECKSUM;
    }
    if offload.gso != GsoKind::None {
        flags |= PACKET_GSO;
    }
    flags
}

/// Sums over one burst, added to the port's counters once.
#[derive(Default)]
struct Sums {
    segments: u64,
    bytes: u64,
    multicast: u64,
    broadcast: u64,
}

impl Pass<'_> {
    /// Takes frames of one port in, up to a burst.
    pub(crate) fn intake(&mut self, source: PortId, frames: &mut [RxFrame], burst: &mut Burst) {
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
        let mut sums = Sums::default();
        for index in 0..frames.len() {
            if let Some(ahead) = frames.get(index + PREFETCH_AHEAD) {
                prefetch_slice(self.core.arena.frame(&ahead.buf, ahead.start, ahead.length));
            }
            let Some(frame) = frames.get_mut(index) else { break };
            self.core.take_in(frame, source, burst, &mut sums);
        }
        let counters = self.core.counters.port(source);
        counters.rx_packets += sums.segments;
        counters.rx_bytes += sums.bytes;
        counters.rx_multicast += sums.multicast;
        counters.rx_broadcast += sums.broadcast;
        let pool = counters.rx_packets;
        self.pick_samples(source, burst, pool);
    }

    /// Marks the frames whose turn it is to be sampled.
    fn pick_samples(&mut self, source: PortId, burst: &mut Burst, pool: u64) {
        let received = u32::try_from(burst.len()).unwrap_or(u32::MAX);
        for (entry, running) in self.snapshot.stages.iter().zip(self.running.iter_mut()) {
            let Some(wanted) = entry.sampling else { continue };
            let mut next = 0u32;
            while running.skip != u32::MAX && running.skip < received - next {
                next += running.skip;
                if let Some((packet, slot)) = burst.get_mut(next as usize).filter(|(_, slot)| slot.sample == 0) {
                    let frame = self.core.arena.frame(&slot.buf, packet.start, packet.length);
                    let tag = slot.tag();
                    let picked = Picked { stage: entry.id, source, frame, tag, wanted: usize::from(wanted), pool };
                    match self.core.samples.start(&picked) {
                        Some(mark) => slot.sample = mark,
                        None => self.core.counters.samples_lost += 1,
                    }
                }
                next += 1;
                running.skip = running.stage.next_skip();
            }
            if running.skip != u32::MAX {
                running.skip -= received - next;
            }
        }
    }
}

impl Core {
    #[cold]
    fn refuse(&mut self, frame: &mut RxFrame, source: PortId, reason: DropReason) {
        self.counters.drop(reason.code(), source, PortId::NONE);
        self.pool.free(frame.buf.take());
    }

    #[inline]
    fn take_in(&mut self, rx: &mut RxFrame, source: PortId, burst: &mut Burst, sums: &mut Sums) {
        if (rx.length as usize) < ETHERNET_HEADER_LEN {
            self.refuse(rx, source, DropReason::FrameTooShort);
            return;
        }
        let mut tag = rx.vlan_tci;
        let mut bytes = self.arena.frame(&rx.buf, rx.start, rx.length);
        if bytes.len() < ETHERNET_HEADER_LEN + TAG_LEN && tag.is_none() && ends_in_tag(bytes) {
            self.refuse(rx, source, DropReason::FrameTooShort);
            return;
        }
        if tag.is_none() && outer_tag(bytes).is_some() {
            tag = self.untag(rx);
            bytes = self.arena.frame(&rx.buf, rx.start, rx.length);
        }
        let facts = parse(bytes);
        let group = bytes.first().is_some_and(|first| first & 1 != 0);
        if group {
            let broadcast = bytes.get(..6).is_some_and(|mac| mac.iter().all(|byte| *byte == 0xff));
            sums.broadcast += u64::from(broadcast);
            sums.multicast += u64::from(!broadcast);
        }
        let (segments, wire_bytes) = wire_size(rx, bytes, &facts, tag.is_some());
        sums.segments += segments;
        sums.bytes += wire_bytes;
        let unit = self.arena.unit(&rx.buf);
        let Some((packet, slot)) = burst.vacant() else {
            return self.refuse(rx, source, DropReason::ResumeQueueFull);
        };
        *packet = Packet {
            buffer: unit,
            start: rx.start,
            l3: facts.l3,
            length: rx.length,
            l4: facts.l4,
            ethertype: facts.ethertype,
            source_port: source.raw(),
            flow_hash: facts.flow_hash,
            vlan_tci: tag.unwrap_or(0),
            flags: flags_of(&facts, &rx.offload) | if tag.is_some() { PACKET_VLAN } else { 0 },
            traffic_class: tag.map_or(0, |tci| tci.to_be_bytes()[0] >> 5),
            ip_protocol: facts.ip_protocol,
            ..Packet::default()
        };
        *slot = Slot {
            buf: rx.buf.take(),
            unit,
            source,
            length: rx.length,
            start: rx.start,
            offload: rx.offload,
            vid: tag.unwrap_or(0) & VID_MASK,
            tci: tag.unwrap_or(0),
            flags: if tag.is_some() { Slot::TAGGED } else { 0 },
            ..Slot::EMPTY
        };
    }

    /// Moves the tag that an extension wrote into its frame where the switch keeps tags, so that it counts as one.
    #[cold]
    pub(crate) fn untag_draft(&mut self, packet: &mut Packet, slot: &mut Slot) {
        if slot.has(Slot::TAGGED) || outer_tag(self.arena.frame(&slot.buf, slot.start, slot.length)).is_none() {
            return;
        }
        let (length, start, offload) = (slot.length, slot.start, slot.offload);
        let mut rx = RxFrame { buf: slot.buf.take(), length, start, vlan_tci: None, offload };
        if let Some(tci) = self.untag(&mut rx) {
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
    fn untag(&mut self, rx: &mut RxFrame) -> Option<u16> {
        let start = usize::from(rx.start);
        let bytes = self.arena.bytes_mut(&mut rx.buf)?;
        let tci = bytes.get(start + 14..start + 16).and_then(|tci| tci.try_into().ok()).map(u16::from_be_bytes)?;
        bytes.copy_within(start..start + 12, start + TAG_LEN);
        let tag_len = u16::try_from(TAG_LEN).unwrap_or(4);
        rx.start += tag_len;
        rx.length -= u32::from(tag_len);
        rx.offload.shift(-4);
        Some(tci)
    }
}

/// Whether a short frame is cut off inside its tag. Forwarded as untagged and padded by the next device it would be a
/// tagged frame of a VLAN of the sender's choice.
#[cold]
fn ends_in_tag(bytes: &[u8]) -> bool {
    bytes.get(12..14) == Some(&ether_type::CUSTOMER_TAG.to_be_bytes())
}

/// Wire segments and wire bytes (tag included, without FCS) of a received frame.
#[inline]
fn wire_size(rx: &RxFrame, bytes: &[u8], facts: &Facts, tagged: bool) -> (u64, u64) {
    let tag: u64 = if tagged { 4 } else { 0 };
    if rx.offload.gso == GsoKind::None {
        return (1, u64::from(rx.length) + tag);
    }
    let headers = crate::egress::header_len(bytes, facts.l4, rx.offload.gso);
    let size = usize::from(rx.offload.gso_size).max(1);
    let segments = u64::from(crate::segment::wire_segments(bytes.len(), headers, size));
    (segments, crate::segment::wire_bytes(bytes.len(), headers, size) + segments * tag)
}
