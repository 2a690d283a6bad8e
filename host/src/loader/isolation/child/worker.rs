//! A worker's thread in a child: takes jobs from its ring in order and calls the extension. An unsafe island.
//!
//! It looks at the ring for a moment before it sleeps on a word in shared memory; after each job it rings the host's worker
//! if that one sleeps. After a panic it answers without calling.

#![expect(unsafe_code, reason = "island: calls into vendor code through its function table")]

use std::ffi::c_void;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::JoinHandle;
use std::time::Duration;

use heddle_extension_api::abi::drops::Dropped;
use heddle_extension_api::abi::entry::BatchFn;
use heddle_extension_api::abi::packet::{BATCH_MAX, Batch, LEG_EGRESS, LEG_INGRESS, OffloadFacts, Packet};
use heddle_extension_api::abi::sampling::Sample;
use heddle_extension_api::abi::status::{E_PANIC, OK};
use heddle_switch_core::exchange::{Piece, Saved, StateFailure};

use super::super::layout::{
    CHILD_WAITS, DONE, HOST_WAITS, JOB_DROP, JOB_EGRESS, JOB_INGRESS, JOB_SAMPLE, JOB_SKIPS, JOB_TICK, JobHead, POSTED,
    SKIPS, Section,
};
use super::super::report::HEADER_AT;
use super::super::shared::Mapping;
use super::errand::{Errander, Errands, errands};
use super::job::Job;
use super::keep::Keep;
use crate::loader::{Instance, WorkerStage};

/// Looks at the ring before it sleeps: some microseconds.
const SPINS: u32 = 2_000;
/// Longest sleep: whether it is to stop is looked at then.
const SLEEP: Duration = Duration::from_millis(100);

/// The thread, with the context it calls.
pub(super) struct Thread {
    stop: Arc<AtomicBool>,
    memory: Arc<Mapping>,
    word: usize,
    thread: Option<JoinHandle<()>>,
    errander: Errander,
    /// Ends with this value, on the control thread.
    _stage: WorkerStage,
}

impl Thread {
    /// Starts it.
    pub(super) fn start(
        instance: &Arc<Instance>,
        stage: WorkerStage,
        memory: &Arc<Mapping>,
        bell: &Arc<OwnedFd>,
        worker: u16,
    ) -> io::Result<Thread> {
        let stop = Arc::new(AtomicBool::new(false));
        let section = Section::of(usize::from(worker));
        let (errander, errands) = errands();
        let mut turner = Turner {
            instance: Arc::clone(instance),
            context: Context(stage.context()),
            memory: Arc::clone(memory),
            section,
            bell: Arc::clone(bell),
            worker: worker.into(),
            keep: Keep::new(),
            bytes: Vec::new(),
            stop: Arc::clone(&stop),
            errands,
        };
        let thread = std::thread::Builder::new().name(format!("heddle-w{worker}")).spawn(move || turner.run())?;
        let memory = Arc::clone(memory);
        Ok(Thread { stop, memory, word: section.word(CHILD_WAITS), thread: Some(thread), errander, _stage: stage })
    }

    /// Has its thread do something between two jobs, and waits for it; `None` when it has ended.
    pub(super) fn errand<R: Send + 'static>(&self, work: impl FnOnce(&mut Turner) -> R + Send + 'static) -> Option<R> {
        self.errander.send(work, || self.wake())
    }

    fn wake(&self) {
        self.memory.word(self.word).store(0, Ordering::SeqCst);
        self.memory.wake(self.word);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// A worker context on its way to its thread.
struct Context(*mut c_void);

// SAFETY: the ABI demands that a context may move between threads; only its thread calls with it, and it is ended after
// that thread.
unsafe impl Send for Context {}

/// What a worker's thread has.
pub(super) struct Turner {
    instance: Arc<Instance>,
    context: Context,
    memory: Arc<Mapping>,
    section: Section,
    bell: Arc<OwnedFd>,
    worker: u32,
    keep: Keep,
    bytes: Vec<u8>,
    stop: Arc<AtomicBool>,
    errands: Errands,
}

impl Turner {
    /// Has the context write its next piece.
    pub(super) fn save(&mut self, room: &mut [u8], index: u32) -> Result<Saved, StateFailure> {
        self.instance.save_worker(self.context.0, room, index)
    }

    /// Has the context take up a piece.
    pub(super) fn restore(&mut self, piece: &Piece<'_>) -> Result<(), StateFailure> {
        self.instance.restore_worker(self.context.0, piece)
    }

    /// Tells the context that no more is saved.
    pub(super) fn end_saving(&mut self) {
        self.instance.end_saving_worker(self.context.0);
    }

    /// What the extension keeps between calls.
    pub(super) fn keep(&mut self) -> &mut Keep {
        &mut self.keep
    }

    fn run(&mut self) {
        let done = self.memory.word(self.section.word(DONE)).load(Ordering::Acquire);
        let mut next = done;
        while self.wait_for(next) {
            self.turn(next);
            next = next.wrapping_add(1);
            self.memory.word(self.section.word(DONE)).store(next, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if self.memory.word(self.section.word(HOST_WAITS)).swap(0, Ordering::SeqCst) != 0 {
                // A full bell is ringing.
                let _ = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
            }
        }
    }

    /// Waits for job `next`; false when it is to stop.
    fn wait_for(&mut self, next: u32) -> bool {
        let (posted, waits) = (self.section.word(POSTED), self.section.word(CHILD_WAITS));
        let memory = Arc::clone(&self.memory);
        let is_there = || memory.word(posted).load(Ordering::SeqCst) != next;
        loop {
            while self.errands.are_there()
                && let Some(errand) = self.errands.next()
            {
                errand(self);
            }
            for _ in 0..SPINS {
                if is_there() {
                    return true;
                }
                std::hint::spin_loop();
            }
            if self.stop.load(Ordering::SeqCst) {
                return false;
            }
            self.memory.word(waits).store(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if !is_there() && !self.stop.load(Ordering::SeqCst) && !self.errands.are_there() {
                self.memory.wait(waits, 1, SLEEP);
            }
            self.memory.word(waits).store(0, Ordering::SeqCst);
        }
    }

    /// Does one job.
    fn turn(&mut self, number: u32) {
        let at = self.section.job(number);
        let mut head: JobHead = self.memory.get(at).unwrap_or_default();
        self.keep.taken(head.taken);
        let entry = *self.instance.library().entry();
        if self.instance.has_panicked() {
            (head.status, head.ops, head.number) = (E_PANIC, 0, 0);
            self.memory.put(at, &head);
            return;
        }
        head.status = OK;
        match head.kind {
            JOB_INGRESS => self.batch(number, &mut head, entry.ingress, true),
            JOB_EGRESS => self.batch(number, &mut head, entry.egress, false),
            JOB_TICK => {
                head.count = 0;
                self.batch(number, &mut head, entry.worker_tick, true);
                head.number = self.drops_wanted();
            }
            JOB_SAMPLE => head.status = self.sample(number),
            JOB_DROP => head.status = self.dropped(number),
            JOB_SKIPS => head.number = self.skips(number, head.argument),
            _ => {}
        }
        if head.status == E_PANIC {
            self.instance.set_panicked();
        }
        self.memory.put(at, &head);
    }

    fn batch(&mut self, number: u32, head: &mut JobHead, function: Option<BatchFn>, ingress: bool) {
        let Some(function) = function else { return };
        let (memory, section) = (Arc::clone(&self.memory), self.section);
        let mut job = Job {
            memory: &memory,
            section,
            number,
            count: head.count.min(BATCH_MAX),
            ingress,
            role: self.instance.library().facts().role,
            keep: &mut self.keep,
            held: [false; BATCH_MAX as usize],
            ops: 0,
            bytes: &mut self.bytes,
        };
        let facts = if head.facts == 0 { std::ptr::null() } else { memory.address(section.facts(number, 0)) };
        let mut batch = Batch {
            struct_size: u32::try_from(size_of::<Batch>()).unwrap_or(0),
            count: job.count,
            packets: memory.address(section.packet(number, 0)).cast::<Packet>(),
            base: memory.address(section.frames()),
            call: (&raw mut job).cast(),
            now_ns: head.now_ns,
            worker: self.worker,
            leg: if ingress { LEG_INGRESS } else { LEG_EGRESS },
            flags: u8::try_from(head.argument).unwrap_or(0),
            reserved: 0,
            offload: facts.cast::<OffloadFacts>(),
            draft_base: memory.address(section.drafts()),
        };
        // SAFETY: the context is live; the batch and what it points to outlive the call; while it runs, `job` is used only
        // through `batch.call` by the host table, on this thread.
        head.status = unsafe { function(self.context.0, &raw mut batch) };
        head.ops = job.ops;
    }

    fn drops_wanted(&self) -> u32 {
        let wanted = self.instance.drops().and_then(|drops| drops.wanted);
        // SAFETY: the context is live and this is its worker.
        wanted.map_or(0, |wanted| unsafe { wanted(self.context.0) })
    }

    fn sample(&self, number: u32) -> i32 {
        let at = self.section.packet(number, 0);
        let function = self.instance.sampling().and_then(|sampling| sampling.sampled);
        let (Some(function), Some(mut told)) = (function, self.memory.get::<Sample>(at)) else { return OK };
        told.header = self.memory.address(at + HEADER_AT);
        // SAFETY: the context is live; the sample and its header outlive the call.
        unsafe { function(self.context.0, std::ptr::null_mut(), &raw const told) }
    }

    fn dropped(&self, number: u32) -> i32 {
        let at = self.section.packet(number, 0);
        let function = self.instance.drops().and_then(|drops| drops.dropped);
        let (Some(function), Some(mut told)) = (function, self.memory.get::<Dropped>(at)) else { return OK };
        told.header = self.memory.address(at + HEADER_AT);
        // SAFETY: as in `sample`.
        unsafe { function(self.context.0, &raw const told) }
    }

    /// Asks for skip counts of a port, or of all; their number.
    fn skips(&self, number: u32, port: u32) -> u32 {
        let Some(sampling) = self.instance.sampling() else { return 0 };
        let at = self.section.packet(number, 0);
        for nth in 0..SKIPS {
            let count = match (sampling.next_skip_of, sampling.next_skip) {
                // SAFETY: the context is live and this is its worker.
                (Some(next), _) => unsafe { next(self.context.0, port) },
                // SAFETY: as above.
                (None, Some(next)) => unsafe { next(self.context.0) },
                (None, None) => return 0,
            };
            self.memory.put(at + nth * size_of::<u32>(), &count);
        }
        u32::try_from(SKIPS).unwrap_or(0)
    }
}
