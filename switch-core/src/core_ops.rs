//! The small operations every part of the data path ends in: drop, park, enqueue, flush.
//!
//! All of them keep the conservation law: a descriptor that enters one of them is counted where it ends.

use heddle_extension_api::abi::packet::{PACKET_SHARED, Packet};

use crate::arena::HEADROOM;
use crate::burst::{Burst, Slot};
use crate::drop_reason::DropReason;
use crate::dropped::Dropping;
use crate::fdb::FdbKey;
use crate::frame::TxFrame;
use crate::held::{Entry, Kept};
use crate::port_id::PortId;
use crate::resume::Parked;
use crate::snapshot::{Snapshot, StaticEntry};
use crate::stage::{Leg, ResumePoint, StageId};
use crate::worker::{Core, Devices, TX_BATCH};

impl Core {
    /// Ends a descriptor with a drop.
    pub(crate) fn drop_slot(&mut self, slot: Slot, code: u16) {
        self.counters.drop(code, slot.source, slot.destination);
        if self.drops.count() {
            self.note_slot(&slot, code);
        }
        if self.vlans.is_on() {
            self.vlans.dropped(slot.vid);
        }
        if slot.sample != 0 {
            self.samples.dropped(slot.sample, code);
        }
        self.pool.free(slot.buf);
    }

    /// Queues a frame to go on at `resume`.
    pub(crate) fn park(&mut self, packet: Packet, slot: Slot, resume: ResumePoint) {
        if let Err(parked) = self.resume.push(Parked { packet, slot, injected: false }, resume) {
            self.drop_slot(parked.slot, DropReason::ResumeQueueFull.code());
        }
    }

    /// Queues a frame that an extension made; false when there is no room for more of its.
    pub(crate) fn park_injected(&mut self, packet: Packet, slot: Slot, resume: ResumePoint) -> bool {
        let parked = self.resume.push(Parked { packet, slot, injected: true }, resume);
        parked.map_err(|parked| self.drop_slot(parked.slot, DropReason::ResumeQueueFull.code())).is_ok()
    }

    /// Fills `burst` with frames that wait at a point, in order; gives their number.
    pub(crate) fn take_waiting(&mut self, snapshot: &Snapshot, burst: &mut Burst, resume: ResumePoint) -> usize {
        let mut taken = 0;
        while !burst.is_full()
            && let Some(Parked { packet, slot, .. }) = self.resume.pop(resume)
        {
            taken += 1;
            let gone = |id: PortId| !id.is_none() && snapshot.port(id).is_none();
            if gone(slot.source) || (resume.leg == Leg::Egress && gone(slot.destination)) {
                self.drop_slot(slot, DropReason::PortGone.code());
            } else if let Err(slot) = burst.push(packet, slot) {
                self.drop_slot(slot, DropReason::ResumeQueueFull.code());
            }
        }
        taken
    }

    /// Drops what an extension holds; its drafts end uncounted, as they never were frames.
    pub(crate) fn drain_held(&mut self, stage: StageId, reason: DropReason) {
        for entry in self.held.take_where(|entry| entry.stage == stage) {
            self.end_entry(entry, reason.code());
        }
    }

    /// Ends a held frame with a drop, or a draft without a trace.
    pub(crate) fn end_entry(&mut self, entry: Entry, code: u16) {
        match entry.kept {
            Kept::Held | Kept::Lent => self.drop_slot(entry.slot, code),
            Kept::Draft { .. } => self.pool.free(entry.slot.buf),
        }
    }

    /// Collects a frame for a port of this worker. Inlined wherever it is called, so that the frame is put together in
    /// its place in the queue.
    #[inline(always)]
    pub(crate) fn enqueue(&mut self, port: PortId, frame: TxFrame, devices: &mut dyn Devices) {
        let slot = port.slot();
        let queue = &mut self.tx[slot];
        if queue.is_empty() {
            note_dirty(slot, queue, &mut self.dirty);
        }
        queue.push(frame);
        if queue.len() >= TX_BATCH {
            self.transmit(slot, devices);
        }
    }

    /// Hands all collected frames to their devices.
    pub(crate) fn flush(&mut self, devices: &mut dyn Devices) {
        while let Some(slot) = self.dirty.pop() {
            self.transmit(usize::from(slot), devices);
        }
    }

    #[inline(never)]
    fn transmit(&mut self, slot: usize, devices: &mut dyn Devices) {
        let queue = &mut self.tx[slot];
        if queue.is_empty() {
            return;
        }
        let report = devices.transmit(slot, &mut self.pool, queue);
        // Counters are by slot; the generation was checked when the frames were queued.
        let port = PortId::from_raw(u32::try_from(slot).unwrap_or(0));
        debug_assert!(queue.is_empty(), "a device left frames behind");
        let counters = &mut self.counters;
        counters.law.tx += u64::from(report.sent);
        let of_port = counters.port(port);
        of_port.tx_packets += report.sent_segments;
        of_port.tx_bytes += report.sent_bytes;
        for (count, reason) in [
            (report.queue_full, DropReason::TxQueueFull),
            (report.too_long, DropReason::FrameTooLong),
            (report.device_gone, DropReason::DeviceGone),
            (report.refused, DropReason::DeviceRefused),
        ] {
            for _ in 0..count {
                counters.drop(reason.code(), PortId::NONE, port);
                if self.drops.count() {
                    // The device has given the frames back already.
                    let (code, source, destination) = (reason.code(), PortId::NONE, port);
                    self.drops.note(&Dropping { code, source, destination, tag: None, frame: &[] });
                }
            }
        }
    }

    /// Gives a descriptor a buffer of its own, so that its frame may be written.
    pub(crate) fn make_private(&mut self, packet: &mut Packet, slot: &mut Slot) -> Result<(), DropReason> {
        if !self.arena.is_shared(&slot.buf) {
            slot.flags &= !Slot::SHARED;
            packet.flags &= !PACKET_SHARED;
            return Ok(());
        }
        let Some(mut fresh) = self.pool.alloc_for(slot.length as usize) else { return Err(DropReason::PoolEmpty) };
        let frame = self.arena.frame(&slot.buf, slot.start, slot.length);
        if let Some(to) = self.arena.bytes_mut(&mut fresh).and_then(|bytes| bytes.get_mut(usize::from(HEADROOM)..)) {
            to.iter_mut().zip(frame).for_each(|(to, from)| *to = *from);
        }
        slot.unit = self.arena.unit(&fresh);
        slot.start = HEADROOM;
        packet.buffer = slot.unit;
        packet.start = HEADROOM;
        packet.length = slot.length;
        packet.flags &= !PACKET_SHARED;
        slot.flags &= !Slot::SHARED;
        let old = std::mem::replace(&mut slot.buf, fresh);
        self.pool.free(old);
        Ok(())
    }

    /// Brings the worker's own tables in line with a new snapshot.
    pub(crate) fn adopt(&mut self, old: &Snapshot, new: &Snapshot) {
        for port in old.ports.iter().flatten().filter(|port| new.port(port.id).is_none()) {
            self.forget_port(port.id);
        }
        for port in new.ports.iter().flatten().filter(|port| old.port(port.id).is_none()) {
            self.counters.reset_port(port.id);
        }
        let key = |entry: &StaticEntry| FdbKey::new(entry.vid, &entry.mac);
        for entry in old.static_entries.iter().filter(|entry| !new.static_entries.contains(entry)) {
            self.fdb.remove_static(key(entry));
        }
        for entry in new.static_entries.iter().filter(|entry| !old.static_entries.contains(entry)) {
            let slot = u16::try_from(entry.port.slot()).unwrap_or(u16::MAX);
            if self.fdb.insert_static(key(entry), slot, self.now_s).is_err() {
                self.counters.fdb_full += 1;
            }
        }
        // The control side validates the range; a refusal here keeps the old value.
        let _ = self.fdb.set_ageing(new.ageing_s);
    }

    fn forget_port(&mut self, port: PortId) {
        if let Ok(slot) = u16::try_from(port.slot()) {
            self.fdb.forget_port(slot);
            self.dirty.retain(|dirty| *dirty != slot);
        }
        for frame in std::mem::take(&mut self.tx[port.slot()]) {
            self.count_drop(DropReason::PortGone, (PortId::NONE, port), (&frame).into());
            self.pool.free(frame.buf);
        }
        for parked in self.resume.take_port(port) {
            self.drop_slot(parked.slot, DropReason::PortGone.code());
        }
        let held = self.held.take_where(|entry| entry.slot.source == port || entry.slot.destination == port);
        for entry in held {
            self.end_entry(entry, DropReason::PortGone.code());
        }
    }
}

/// The first frame for a port since its last transmit.
#[inline(never)]
fn note_dirty(slot: usize, queue: &mut Vec<TxFrame>, dirty: &mut Vec<u16>) {
    if queue.capacity() == 0 {
        queue.reserve_exact(TX_BATCH);
    }
    #[expect(clippy::cast_possible_truncation, reason = "slots are below 4096")]
    dirty.push(slot as u16);
}
