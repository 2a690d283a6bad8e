//! The protocol edge on the way out: deliveries become frames for devices.
//!
//! What a device cannot do itself happens here, on the worker that ran the pipeline: a segmentation-offload frame is cut
//! into wire frames, a partial checksum is completed in a private copy. A frame for a port that another worker owns
//! goes into that worker's outbox, which has a limit.

use heddle_extension_api::abi::packet::Packet;

use crate::arena::{Class, HEADROOM};
use crate::burst::{Burst, Slot};
use crate::checksum::complete;
use crate::datapath::Pass;
use crate::drop_reason::DropReason;
use crate::dropped::DroppedBytes;
use crate::frame::{Capabilities, TxFrame};
use crate::message::{FRAMES_MAX, HandOver, Outbox};
use crate::offload::{GsoKind, Offload};
use crate::port_id::PortId;
use crate::segment::SegmentPlan;
use crate::snapshot::PortEntry;

/// Length of all headers of a segmentation-offload frame: up to the end of its TCP or UDP header.
pub(crate) fn header_len(frame: &[u8], l4: u16, gso: GsoKind) -> usize {
    let l4 = usize::from(l4);
    match gso {
        GsoKind::None => 0,
        GsoKind::UdpL4 => l4 + 8,
        // TCP data offset, RFC 9293 3.1: the high nibble of byte 12 counts 32-bit words.
        GsoKind::Tcp4 | GsoKind::Tcp6 => l4 + frame.get(l4 + 12).map_or(20, |byte| usize::from(byte >> 4) * 4),
    }
}

fn device_segments(capabilities: Capabilities, gso: GsoKind) -> bool {
    match gso {
        GsoKind::None => true,
        GsoKind::Tcp4 | GsoKind::Tcp6 => capabilities.checksum && capabilities.tcp_segmentation,
        GsoKind::UdpL4 => capabilities.checksum && capabilities.udp_segmentation,
    }
}

impl Pass<'_> {
    /// Hands every delivery to its port; the burst is empty afterwards.
    pub(crate) fn deliver(&mut self, burst: &mut Burst) {
        burst.drain(|packet, slot| {
            let Some(port) = self.snapshot.port(slot.destination) else {
                return self.core.drop_slot(slot.take(), DropReason::PortGone.code());
            };
            if slot.sample != 0 {
                self.core.samples.delivered(slot.sample, port.id, slot.tag());
            }
            if slot.has(Slot::SHARED) {
                self.count_group_address(packet, slot, port.id);
            }
            if slot.offload.is_plain() {
                self.send(port, tx_frame(packet, slot, 0));
            } else {
                self.deliver_offloaded(packet, slot, port);
            }
        });
    }

    fn deliver_offloaded(&mut self, packet: &mut Packet, slot: &mut Slot, port: &PortEntry) {
        let frame = self.core.arena.frame(&slot.buf, packet.start, packet.length);
        let headers = header_len(frame, packet.l4, slot.offload.gso);
        let headers = u16::try_from(headers).unwrap_or(0);
        if slot.offload.gso != GsoKind::None {
            if device_segments(port.capabilities, slot.offload.gso) {
                return self.send(port, tx_frame(packet, slot, headers));
            }
            return self.segment(packet, slot, port);
        }
        if port.capabilities.checksum {
            return self.send(port, tx_frame(packet, slot, headers));
        }
        if let Err(reason) = self.complete_checksum(packet, slot) {
            return self.core.drop_undelivered(slot, reason);
        }
        self.send(port, tx_frame(packet, slot, headers));
    }

    fn complete_checksum(&mut self, packet: &mut Packet, slot: &mut Slot) -> Result<(), DropReason> {
        let Some(partial) = slot.offload.csum else { return Ok(()) };
        self.core.make_private(packet, slot)?;
        let (start, end) = (usize::from(packet.start), usize::from(packet.start) + packet.length as usize);
        let bytes = self.core.arena.bytes_mut(&mut slot.buf).ok_or(DropReason::ChecksumFailed)?;
        let frame = bytes.get_mut(start..end).ok_or(DropReason::ChecksumFailed)?;
        complete(frame, partial).map_err(|_| DropReason::ChecksumFailed)?;
        slot.offload = Offload { data_valid: true, ..Offload::default() };
        Ok(())
    }

    /// Cuts a frame into wire frames. One that cannot be had for lack of buffers is dropped alone.
    fn segment(&mut self, packet: &Packet, slot: &mut Slot, port: &PortEntry) {
        let frame = self.core.arena.frame(&slot.buf, packet.start, packet.length);
        let Ok(plan) = SegmentPlan::new(frame, packet.l3, packet.l4, &slot.offload) else {
            return self.core.drop_undelivered(slot, DropReason::SegmentationFailed);
        };
        self.core.counters.law.replicated += u64::from(plan.count().saturating_sub(1));
        for index in 0..plan.count() {
            match self.core.write_segment(&plan, index, packet, slot) {
                Ok(frame) => self.send(port, frame),
                Err(reason) => {
                    let bytes =
                        DroppedBytes { buf: &slot.buf, start: slot.start, length: slot.length, tag: slot.tag() };
                    self.core.count_drop(reason, (slot.source, slot.destination), bytes);
                }
            }
        }
        self.core.pool.free(slot.buf.take());
    }

    /// Queues a frame on this worker, or for the worker that owns the port.
    #[inline(always)]
    fn send(&mut self, port: &PortEntry, frame: TxFrame) {
        if port.owner == self.core.id {
            self.core.enqueue(port.id, frame, self.devices);
            return;
        }
        let room = |outbox: &&mut Outbox| outbox.frames.len() < FRAMES_MAX;
        if let Some(outbox) = self.core.outboxes.get_mut(usize::from(port.owner)).filter(room) {
            outbox.frames.push(HandOver { port: port.id, frame });
        } else {
            self.core.count_drop(DropReason::HandoverFull, (PortId::NONE, port.id), (&frame).into());
            self.core.pool.free(frame.buf);
        }
    }

    #[cold]
    fn count_group_address(&mut self, packet: &Packet, slot: &Slot, port: PortId) {
        let frame = self.core.arena.frame(&slot.buf, packet.start, packet.length);
        let Some(mac) = frame.get(..6) else { return };
        let counters = self.core.counters.port(port);
        if mac.iter().all(|byte| *byte == 0xff) {
            counters.tx_broadcast += 1;
        } else if mac[0] & 1 != 0 {
            counters.tx_multicast += 1;
        }
    }
}

impl crate::worker::Core {
    /// Ends a delivery whose sample was already told of it.
    fn drop_undelivered(&mut self, slot: &mut Slot, reason: DropReason) {
        slot.sample = 0;
        self.drop_slot(slot.take(), reason.code());
    }

    fn write_segment(
        &mut self,
        plan: &SegmentPlan,
        index: u32,
        packet: &Packet,
        slot: &Slot,
    ) -> Result<TxFrame, DropReason> {
        let length = plan.segment_len(index);
        let class = Class::for_frame(length).ok_or(DropReason::SegmentationFailed)?;
        let mut buf = self.pool.alloc(class).ok_or(DropReason::PoolEmpty)?;
        let frame = self.arena.frame(&slot.buf, packet.start, packet.length);
        let written = self
            .arena
            .bytes_mut(&mut buf)
            .and_then(|bytes| bytes.get_mut(usize::from(HEADROOM)..))
            .and_then(|out| plan.write(index, frame, out).ok());
        let Some(written) = written else {
            self.pool.free(buf);
            return Err(DropReason::SegmentationFailed);
        };
        Ok(TxFrame {
            buf,
            length: u32::try_from(written).unwrap_or(0),
            start: HEADROOM,
            vlan_tci: slot.tag(),
            offload: Offload::default(),
            l4: packet.l4,
            header_len: 0,
        })
    }
}

#[inline]
fn tx_frame(packet: &Packet, slot: &mut Slot, header_len: u16) -> TxFrame {
    TxFrame {
        length: packet.length,
        start: packet.start,
        vlan_tci: slot.tag(),
        offload: slot.offload,
        l4: packet.l4,
        header_len,
        buf: slot.buf.take(),
    }
}
