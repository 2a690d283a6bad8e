//! An extension in a child process, as the core's [`Stage`] on one worker. It never waits.
//!
//! A batch is copied into the ring and its frames are lent; capture extensions only get copies, since they have no say.
//! What comes back is repeated on the originals ([`super::replay`]) and settled like any call. A child that is gone, or has not
//! finished a job in time, is passed over: originals follow the fail policy, in order, and so do new frames until
//! it has caught up. One that stays behind for long is killed; the operator says how long both are.

mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;

use heddle_extension_api::abi::meta::CAPABILITY_OFFLOAD_FACTS;
use heddle_extension_api::abi::packet::{BATCH_SINGLE_SOURCE, Packet, VERDICT_DROP};
use heddle_extension_api::abi::status::{E_PANIC, OK};
use heddle_switch_core::arena::UNIT;
use heddle_switch_core::burst::BURST;
use heddle_switch_core::call::Call;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::exchange::{Piece, StateFailure};
use heddle_switch_core::pick::LATER;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::sample::Sample;
use heddle_switch_core::stage::{CallEnd, Leg, Role, Stage};

use super::layout::{JOB_DROP, JOB_EGRESS, JOB_INGRESS, JOB_SAMPLE, JOB_SKIPS, JOB_TICK, JobHead, SKIPS};
use super::replay::Replay;
use super::ring::{Copied, Impossible, Posted, Ring};
use super::skips::Stock;
use super::{Guest, report};
use waiting::HandedOver;

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// Jobs kept for frames when samples and drops are told.
const SPARE_JOBS: usize = 16;

/// The stage.
pub struct IsolatedStage {
    guest: Arc<Guest>,
    worker: u16,
    ring: Ring,
    replay: Replay,
    wants_offload: bool,
    /// Frames of batches that came while older ones wait: to go on without the child, or to be sent to it.
    stranded: VecDeque<(u64, Leg)>,
    late: bool,
    stock: Stock,
    drops_wanted: u32,
    lost: u32,
    /// Time of the last call.
    now_ns: u64,
}

impl IsolatedStage {
    pub(super) fn new(guest: Arc<Guest>, worker: u16) -> IsolatedStage {
        let ring = Ring::new(Arc::clone(guest.memory()), usize::from(worker));
        let wants_offload = guest.library().facts().capabilities & CAPABILITY_OFFLOAD_FACTS != 0;
        IsolatedStage {
            guest,
            worker,
            ring,
            replay: Replay::new(),
            wants_offload,
            stranded: VecDeque::with_capacity(BURST),
            now_ns: 0,
            late: false,
            stock: Stock::default(),
            drops_wanted: 0,
            lost: 0,
        }
    }

    /// The instance it belongs to.
    pub fn guest(&self) -> &Arc<Guest> {
        &self.guest
    }

    /// Whether frames pass it over.
    fn is_out(&self) -> bool {
        self.late || self.guest.has_failed()
    }

    /// A batch that does not go to the child: it waits behind older ones, or follows the fail policy at once.
    fn pass_over(&mut self, call: &mut Call<'_>) -> CallEnd {
        // Nobody waits for copies that were only shown.
        let lent = call.entry().role != Role::Capture && self.ring.oldest_with_frames().is_some();
        if self.stranded.is_empty() && !lent {
            return CallEnd::Gone(self.guest.codes().gone);
        }
        self.keep_waiting(call)
    }

    /// Drops a packet for want of room.
    fn refuse(&self, call: &mut Call<'_>, index: usize) {
        let busy = self.guest.codes().busy;
        if let Some(packet) = call.packets_mut().get_mut(index) {
            (packet.verdict, packet.drop_reason) = (VERDICT_DROP, busy);
        }
    }

    /// Copies a batch into the ring; how many packets found room.
    fn send(&mut self, call: &mut Call<'_>, kind: u32) -> usize {
        let capture = call.entry().role == Role::Capture;
        let Some(number) = self.ring.next() else { return 0 };
        if self.wants_offload {
            for (index, facts) in call.offload_facts().iter().enumerate() {
                self.ring.memory().put(self.ring.section().facts(number, index), facts);
            }
        }
        let mut sent = 0;
        for index in 0..call.len() {
            if !self.copy(call, number, index, capture) {
                break;
            }
            sent += 1;
        }
        if sent > 0 {
            let flags = if call.is_single_source() { u32::from(BATCH_SINGLE_SOURCE) } else { 0 };
            let count = u32::try_from(sent).unwrap_or(0);
            let facts = u32::from(self.wants_offload);
            let head = JobHead { kind, count, now_ns: call.now_ns(), argument: flags, facts, ..JobHead::default() };
            self.ring.post(head, call.now_ns());
        }
        sent
    }

    /// Copies one frame; false when there is no room.
    fn copy(&mut self, call: &mut Call<'_>, number: u32, index: usize, capture: bool) -> bool {
        let room = call.room(index);
        let Some(at) = self.ring.place(room) else { return false };
        let Some(mut packet) = call.packets_mut().get(index).copied() else { return false };
        let frame = call.frame(index);
        let first = self.ring.section().frames() + at + usize::from(packet.start);
        if !self.ring.memory().write(first, frame) {
            return false;
        }
        let handle = if capture { Some(0) } else { call.lend(index) };
        let Some(handle) = handle else { return false };
        packet.buffer = unit(at);
        self.ring.memory().put(self.ring.section().packet(number, index), &packet);
        self.ring.draft().frames.push(Copied { handle, at, room });
        true
    }

    /// Posts a job without frames, if there is room beside those with frames.
    fn tell(&mut self, kind: u32, argument: u32, payload: impl FnOnce(&Ring, u32)) -> bool {
        if self.is_out() || self.guest.parking().is_wanted() || self.ring.under_way() + SPARE_JOBS > super::layout::JOBS
        {
            return false;
        }
        let Some(number) = self.ring.next() else { return false };
        payload(&self.ring, number);
        self.ring.draft().about = (argument, self.guest.settings_age());
        self.ring.post(JobHead { kind, argument, now_ns: self.now_ns, ..JobHead::default() }, self.now_ns);
        true
    }

    /// Takes back the oldest job.
    fn finish(&mut self, call: &mut Call<'_>) -> Option<CallEnd> {
        let (number, mut job) = self.ring.take()?;
        let end = match job.kind {
            JOB_INGRESS | JOB_EGRESS | JOB_TICK => self.answered(call, number, &job),
            JOB_SKIPS => {
                self.restock(number, &job);
                None
            }
            _ => self.judge_status(number, None),
        };
        job.frames.clear();
        self.ring.recycle(number, job);
        end
    }

    /// What the child answered to a call.
    fn answered(&mut self, call: &mut Call<'_>, number: u32, job: &Posted) -> Option<CallEnd> {
        let head = self.head(number);
        if job.kind == JOB_TICK {
            self.drops_wanted = head.number;
        }
        let capture = call.entry().role == Role::Capture;
        let late = self.late && job.frames.is_empty();
        if head.status != OK {
            if !capture {
                for frame in &job.frames {
                    call.recall(frame.handle);
                }
                call.recalled();
            }
            return self.judge_status(number, Some(CallEnd::Failed));
        }
        let repeated = self.replay.repeat(call, &self.ring, number, &head, job, capture || late);
        if let Err(what) = repeated {
            self.guest.process().condemn(|| format!("it wrote {what} to the memory it shares with the switch"));
            return Some(CallEnd::Gone(self.guest.codes().gone));
        }
        Some(CallEnd::Returned)
    }

    fn head(&self, number: u32) -> JobHead {
        self.ring.memory().get(self.ring.section().job(number)).unwrap_or_default()
    }

    /// Notes a panic; `failed` is the end of a call that did not succeed.
    fn judge_status(&mut self, number: u32, failed: Option<CallEnd>) -> Option<CallEnd> {
        if self.head(number).status == E_PANIC {
            self.guest.set_panicked();
        }
        failed
    }

    fn restock(&mut self, number: u32, job: &Posted) {
        let (port, age) = job.about;
        if age != self.guest.settings_age() {
            self.stock.asked(port, false);
            return;
        }
        let (memory, section) = (self.ring.memory(), self.ring.section());
        let count = (self.head(number).number as usize).min(SKIPS);
        let at = section.packet(number, 0);
        self.stock.put(port, (0..count).filter_map(|nth| memory.get::<u32>(at + nth * 4)));
    }

    /// Takes a skip count from the stock of a port, and asks for more in time.
    fn skip(&mut self, port: u32) -> u32 {
        if self.guest.loaded().sampling.is_none() {
            return u32::MAX;
        }
        self.stock.follow(self.guest.settings_age());
        if self.stock.wants(port) && self.tell(JOB_SKIPS, port, |_, _| ()) {
            self.stock.asked(port, true);
        }
        self.stock.take(port).unwrap_or(LATER)
    }

    /// Whether the oldest job is late; kills a child that stays behind.
    fn look_at_clock(&mut self, now_ns: u64) {
        let age = self.ring.oldest().map(|job| {
            if job.at_ns == 0 {
                // Posted before the worker said what time it is.
                job.at_ns = now_ns;
            }
            now_ns.saturating_sub(job.at_ns)
        });
        let Some(age) = age else {
            self.late = !self.stranded.is_empty() && self.late;
            return;
        };
        let (late, kill) = self.guest.patience();
        if age > late {
            self.late = true;
        }
        if age > kill {
            let what = self.ring.oldest().map_or("a job", |job| report::job_name(job.kind));
            self.guest.process().condemn(|| format!("{what} took longer than {} ms", kill / NS_PER_MS));
        }
    }
}

/// Bytes as `Packet::buffer` has them.
fn unit(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT).unwrap_or(u32::MAX)
}

impl Stage for IsolatedStage {
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd {
        self.now_ns = call.now_ns();
        if self.is_out() {
            return self.pass_over(call);
        }
        if !self.stranded.is_empty() || self.guest.parking().is_wanted() {
            return self.keep_waiting(call);
        }
        let kind = if call.leg() == Leg::Ingress { JOB_INGRESS } else { JOB_EGRESS };
        let sent = self.send(call, kind);
        match call.entry().role {
            // Its frames go on: nobody waits for a copy.
            Role::Capture => self.guest.miss(call.len() - sent),
            _ => self.keep_from(call, sent),
        }
        CallEnd::Returned
    }

    fn tick(&mut self, call: &mut Call<'_>) -> CallEnd {
        self.now_ns = call.now_ns();
        self.tell(JOB_TICK, 0, |_, _| ());
        CallEnd::Returned
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn collect(&mut self, call: &mut Call<'_>) -> Option<CallEnd> {
        self.now_ns = call.now_ns();
        loop {
            match self.ring.done() {
                Ok(None) => break,
                Ok(Some(_)) if self.guest.has_failed() && self.ring.oldest_with_frames().is_none() => {
                    self.ring.take();
                }
                Ok(Some(_)) => {
                    let end = self.finish(call);
                    if end.is_some() {
                        return end;
                    }
                }
                Err(Impossible) => {
                    self.guest.process().condemn(|| "it claims jobs it was not given".to_owned());
                    break;
                }
            }
        }
        if !self.guest.has_failed() {
            self.look_at_clock(call.now_ns());
        }
        if self.is_out() {
            return self.give_back(call);
        }
        if self.guest.parking().is_wanted() {
            self.guest.parking().say(self.worker, self.ring.under_way() == 0, self.stranded.len());
            return None;
        }
        self.feed(call)
    }

    fn hand_over(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        Some(Box::new(self.give_up()))
    }

    fn take_over(&mut self, lent: Box<dyn std::any::Any + Send>, keeps_held: bool) {
        if let Ok(handed) = lent.downcast::<HandedOver>() {
            self.take_up(*handed, keeps_held);
        }
    }

    fn restore(&mut self, piece: &Piece<'_>) -> Result<(), StateFailure> {
        self.guest.restore_worker(self.worker, piece)
    }

    fn end_saving(&mut self) {
        self.guest.end_saving_worker(self.worker);
    }

    fn doze(&mut self) -> bool {
        self.ring.sleeps(true);
        let waits = self.guest.has_failed() && self.ring.oldest_with_frames().is_some();
        !self.ring.is_done() && !waits
    }

    fn up(&mut self) {
        self.ring.sleeps(false);
    }

    fn next_skip(&mut self) -> u32 {
        self.skip(0)
    }

    fn skips_by_port(&self) -> bool {
        self.guest.loaded().skips_by_port
    }

    fn next_skip_of(&mut self, port: PortId) -> u32 {
        self.skip(port.raw())
    }

    fn sampled(&mut self, sample: &Sample) -> CallEnd {
        let lost = std::mem::take(&mut self.lost);
        let told = self.tell(JOB_SAMPLE, 0, |ring, number| report::sample(ring, number, sample, lost));
        if !told {
            self.lost = lost.saturating_add(sample.lost).saturating_add(1);
            self.guest.miss(1);
        }
        CallEnd::Returned
    }

    fn counts_vlans(&self) -> bool {
        self.guest.shared().counts_vlans.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn drops_wanted(&mut self) -> u32 {
        if self.is_out() { 0 } else { self.drops_wanted }
    }

    fn dropped(&mut self, dropped: &Dropped, withheld: u64) -> CallEnd {
        if !self.tell(JOB_DROP, 0, |ring, number| report::dropped(ring, number, dropped, withheld)) {
            self.guest.miss(1);
        }
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send> {
        self
    }
}

impl Drop for IsolatedStage {
    fn drop(&mut self) {
        self.guest.end_worker(self.worker);
    }
}

/// Where the copy of a packet said it lies.
pub(super) fn sent_unit(frame: &Copied) -> u32 {
    unit(frame.at)
}

/// A packet as the child left it.
pub(super) fn returned(ring: &Ring, number: u32, index: usize) -> Packet {
    ring.memory().get(ring.section().packet(number, index)).unwrap_or_default()
}
