//! Frames lent to an extension that runs in a process of its own: they wait here while it works on copies.
//!
//! [`Call::lend`] takes a frame out of a batch; the switch keeps the original. When the extension's answer has come,
//! [`Worker::collect`] has the stage put the frames back with [`Call::recall`] and repeat on them what the extension asked
//! for, and settles the batch like that of any other call. What stays goes on behind the extension, in the order it was
//! lent, so a flow keeps its order. An extension that is gone or late ends with [`CallEnd::Gone`]: the originals are whole
//! and follow the fail policy. Lent frames are in the law's `held`; an extension's hold quota and age do not count for
//! them, since the stage bounds both.

use heddle_extension_api::abi::packet::Packet;

use crate::burst::{Burst, Slot};
use crate::call::Call;
use crate::drop_reason::DropReason;
use crate::held::{Entry, Kept};
use crate::port_id::PortId;
use crate::snapshot::Snapshot;
use crate::stage::{CallEnd, Leg, OnFailure, ResumePoint, StageEntry, StageId};
use crate::worker::{Core, Devices, Running, Worker};

impl Call<'_> {
    /// Bytes of the buffer of packet `index`.
    pub fn room(&mut self, index: usize) -> usize {
        let (burst, core) = self.burst_and_core();
        burst.get_mut(index).map_or(0, |(_, slot)| core.arena.buffer_len(&slot.buf))
    }

    /// Takes packet `index` out of the batch until it is recalled; gives its handle, or `None` when no place is left.
    pub fn lend(&mut self, index: usize) -> Option<u64> {
        let (leg, id, position) = (self.leg(), self.entry().id, self.entry().position);
        let (burst, core) = self.burst_and_core();
        if core.held.is_full() {
            return None;
        }
        let since_ns = core.now_ns;
        let (packet, slot) = burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none())?;
        // The mark makes the switch look at the empty place.
        let slot = std::mem::replace(slot, Slot { unit: u32::MAX, flags: Slot::WRITTEN, ..Slot::EMPTY });
        let resume = ResumePoint { leg, after: position };
        let entry = Entry { packet: *packet, slot, resume, stage: id, since_ns, kept: Kept::Lent, written: false };
        burst.touch();
        match core.held.keep(entry) {
            Ok(handle) => Some(handle),
            Err(entry) => {
                // Not reached: fullness was checked. The frame is still counted.
                core.drop_slot(entry.slot, DropReason::ResumeQueueFull.code());
                None
            }
        }
    }

    /// Bytes of the buffer of a lent frame; `None` when it ended meanwhile.
    pub fn lent_room(&mut self, handle: u64) -> Option<usize> {
        let id = self.entry().id;
        let (_, core) = self.burst_and_core();
        let entry = core.held.get_mut(handle, id).filter(|entry| entry.kept == Kept::Lent)?;
        Some(core.arena.buffer_len(&entry.slot.buf))
    }

    /// Puts a lent frame back into the batch, which is then one of the leg it was lent on; gives its index. `None` when the
    /// frame ended meanwhile, with its port.
    pub fn recall(&mut self, handle: u64) -> Option<usize> {
        let id = self.entry().id;
        let (burst, core) = self.burst_and_core();
        core.held.get_mut(handle, id).filter(|entry| entry.kept == Kept::Lent)?;
        let Entry { packet, slot, resume, .. } = core.held.take(handle, id)?;
        let index = burst.len();
        if let Err(slot) = burst.push(packet, slot) {
            core.drop_slot(slot, DropReason::ResumeQueueFull.code());
            return None;
        }
        self.set_leg(resume.leg);
        Some(index)
    }

    /// Takes down what the recalled packets say, before the extension's changes are repeated on them.
    pub fn recalled(&mut self) {
        self.burst_and_core().0.take_down();
    }

    /// Drops packet `index` for a reason of the switch: what the extension was granted cannot be repeated.
    pub fn lose(&mut self, index: usize, reason: DropReason) {
        let (burst, core) = self.burst_and_core();
        if let Some((_, slot)) = burst.get_mut(index).filter(|(_, slot)| !slot.buf.is_none()) {
            let slot = std::mem::replace(slot, Slot { unit: u32::MAX, flags: Slot::WRITTEN, ..Slot::EMPTY });
            core.drop_slot(slot, reason.code());
            burst.touch();
        }
    }

    /// Stores bytes in packet `index`, which was made writable, as the place of its frame; false when they do not fit.
    pub fn store(&mut self, index: usize, start: u16, bytes: &[u8]) -> bool {
        let (burst, core) = self.burst_and_core();
        let Some((packet, slot)) = burst.get_mut(index).filter(|(_, slot)| slot.has(Slot::WRITTEN)) else {
            return false;
        };
        packet.start = start;
        packet.length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let first = usize::from(start);
        let place = core.arena.bytes_mut(&mut slot.buf).and_then(|all| all.get_mut(first..first + bytes.len()));
        if let Some(place) = place {
            place.copy_from_slice(bytes);
            return true;
        }
        false
    }

    /// Stores the bytes of a draft; false when there is no such draft, or it has another length.
    pub fn store_draft(&mut self, handle: u64, bytes: &[u8]) -> bool {
        let id = self.entry().id;
        let (_, core) = self.burst_and_core();
        let Some(entry) = core.held.get_mut(handle, id) else { return false };
        if !matches!(entry.kept, Kept::Draft { .. }) || entry.packet.length as usize != bytes.len() {
            return false;
        }
        let first = usize::from(entry.packet.start);
        let place = core.arena.bytes_mut(&mut entry.slot.buf).and_then(|all| all.get_mut(first..first + bytes.len()));
        match place {
            Some(place) => {
                place.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }
}

impl Worker {
    /// Takes in what extensions in processes of their own have finished; whether there was anything.
    pub fn collect(&mut self, now_ns: u64, devices: &mut dyn Devices) -> bool {
        if !self.running.iter().any(|running| running.remote) {
            return false;
        }
        self.set_time(now_ns);
        let Some(mut burst) = self.burst.take() else { return false };
        // What waits is older than what comes.
        self.run_waiting(&mut burst, devices);
        let mut any = false;
        for index in 0..self.running.len() {
            loop {
                let (entry, running) = (self.snapshot.stages.get(index), self.running.get_mut(index));
                let (Some(entry), Some(running)) = (entry, running.filter(|running| running.remote)) else { break };
                let Some(resume) = collect_one(&mut self.core, &self.snapshot, entry, running, &mut burst) else {
                    break;
                };
                any = true;
                // Before what the extension let go or made meanwhile, which waits now, as it would in this process.
                self.pass(devices).run(&mut burst, resume);
                self.run_waiting(&mut burst, devices);
            }
        }
        self.burst = Some(burst);
        if any {
            self.go_on(devices);
        }
        any
    }

    /// Tells extensions in processes of their own that the worker is about to sleep; false when something came back.
    pub fn doze(&mut self) -> bool {
        let mut quiet = true;
        for running in self.running.iter_mut().filter(|running| running.remote) {
            // Each is told, whatever the others say.
            quiet &= running.stage.doze();
        }
        quiet
    }

    /// Tells them that it is awake.
    pub fn up(&mut self) {
        self.running.iter_mut().filter(|running| running.remote).for_each(|running| running.stage.up());
    }
}

/// One batch that came back, settled, and where it goes on; `None` when there is none.
fn collect_one(
    core: &mut Core,
    snapshot: &std::sync::Arc<Snapshot>,
    entry: &StageEntry,
    running: &mut Running,
    burst: &mut Burst,
) -> Option<ResumePoint> {
    let (end, leg) = {
        let mut call = Call::new(core, snapshot, burst, (entry, &mut running.counters), Leg::Ingress);
        let end = running.stage.collect(&mut call);
        (end, call.leg())
    };
    let end = end?;
    running.counters.failures += u64::from(end != CallEnd::Returned);
    core.settle(burst, entry, leg, end, snapshot, &mut running.counters);
    Some(ResumePoint { leg, after: entry.position })
}

impl Core {
    /// Gives back what an extension that leaves has been lent: by its fail policy on, or dropped.
    pub(crate) fn return_lent(&mut self, stage: StageId, snapshot: &Snapshot) {
        let entry = snapshot.stages.iter().find(|entry| entry.id == stage);
        for lent in self.held.take_where(|entry| entry.stage == stage && entry.kept == Kept::Lent) {
            let port: PortId = if lent.resume.leg == Leg::Ingress { lent.slot.source } else { lent.slot.destination };
            let own = snapshot.port(port).and_then(|port| port.on_failure);
            match own.or(entry.map(|entry| entry.on_failure)).unwrap_or_default() {
                OnFailure::Open => self.park(lent.packet, lent.slot, lent.resume),
                OnFailure::Closed => self.drop_slot(lent.slot, DropReason::ExtensionDisabled.code()),
            }
        }
    }
}

/// Describes a copy of a frame anew, after its headers changed; offload facts stay as they are.
pub fn describe_copy(packet: &mut Packet, frame: &[u8]) {
    crate::call::describe_frame(packet, frame, &Slot::EMPTY.offload);
}
