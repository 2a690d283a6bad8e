//! What lies where in the memory that the host shares with one child process.
//!
//! One file per instance: counters first, then a section per worker with the words of its ring, the jobs, room for drafts
//! and room for frames. A job is one call: the host fills head, packets and facts, the child adds its answer and the list of
//! what the extension asked of the host. Jobs are done in order. All numbers are the host's to choose; what the child writes
//! is judged before it is used.

use heddle_extension_api::abi::packet::{BATCH_MAX, OffloadFacts, Packet};
use heddle_switch_core::arena::CLASS_LEN;

/// Jobs under way on one worker, at most.
pub(super) const JOBS: usize = 64;
/// Host functions an extension may call in one job that the host must repeat, at most.
pub(super) const OPS: usize = 1_024;
/// Frames of one worker an extension in a process of its own may hold.
pub(super) const HOLDS: usize = 3_500;
/// Drafts of each class that one worker's extension may have at a time.
pub(super) const DRAFTS: [usize; 3] = [512, 32, 8];
/// All drafts.
pub(super) const DRAFTS_ALL: usize = DRAFTS[0] + DRAFTS[1] + DRAFTS[2];
/// Bytes for the copies of frames under way on one worker.
pub(super) const ROOM: usize = 4 << 20;
/// Counters of the instance.
pub(super) const COUNTERS: usize = 64;
/// Skip counts told in one job.
pub(super) const SKIPS: usize = 64;

const PAGE: usize = 4_096;
const BATCH: usize = BATCH_MAX as usize;

/// A job for the ingress function.
pub(super) const JOB_INGRESS: u32 = 1;
/// A job for the egress function.
pub(super) const JOB_EGRESS: u32 = 2;
/// A job for the periodic function, and the question how many drops are wanted.
pub(super) const JOB_TICK: u32 = 3;
/// A job that tells a sample.
pub(super) const JOB_SAMPLE: u32 = 4;
/// A job that tells a dropped frame.
pub(super) const JOB_DROP: u32 = 5;
/// A job that asks for skip counts.
pub(super) const JOB_SKIPS: u32 = 6;

/// Head of a job.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct JobHead {
    /// `JOB_*`.
    pub(super) kind: u32,
    /// Packets.
    pub(super) count: u32,
    /// Time of the call.
    pub(super) now_ns: u64,
    /// Jobs whose answer the host had taken when it posted this one.
    pub(super) taken: u32,
    /// `BATCH_*` of the call, or the port of a question.
    pub(super) argument: u32,
    /// Whether there are offload facts.
    pub(super) facts: u32,
    /// Answer: status of the call.
    pub(super) status: i32,
    /// Answer: number of operations.
    pub(super) ops: u32,
    /// Answer: a number.
    pub(super) number: u32,
}

/// Operation: `make_writable` of packet `index`.
pub(super) const OP_WRITABLE: u32 = 1;
/// Operation: `reparse` of packet `index`.
pub(super) const OP_REPARSE: u32 = 2;
/// Operation: `hold` of packet `index` in place `id`, with the verdict it had.
pub(super) const OP_HOLD: u32 = 3;
/// Operation: `release` of place `id`.
pub(super) const OP_RELEASE: u32 = 4;
/// Operation: `discard` of place `id`, for `code`.
pub(super) const OP_DISCARD: u32 = 5;
/// Operation: `originate` of draft `id` with `length` bytes.
pub(super) const OP_ORIGINATE: u32 = 6;
/// Operation: `clone_packet` of packet `index` as draft `id`.
pub(super) const OP_CLONE: u32 = 7;
/// Operation: `inject` of draft `id` with the `length` bytes at `offset`, from `port`.
pub(super) const OP_INJECT: u32 = 8;
/// Operation: `discard` of draft `id`.
pub(super) const OP_DROP_DRAFT: u32 = 9;

/// Operation: something the role or leg does not allow, `code` = which, at packet `index`; the host counts it.
pub(super) const OP_FORBIDDEN: u32 = 10;
/// `hold` was not allowed.
pub(super) const NO_HOLD: u32 = 1;
/// `clone_packet` was not allowed.
pub(super) const NO_CLONE: u32 = 2;
/// `inject` was not allowed.
pub(super) const NO_INJECT: u32 = 3;
/// `inject_to` was not allowed.
pub(super) const NO_INJECT_TO: u32 = 4;

/// What the host is to repeat.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Op {
    /// `OP_*`.
    pub(super) kind: u32,
    /// Packet; target of a draft with destinations of its own.
    pub(super) index: u32,
    /// Place of a held frame, or number of a draft.
    pub(super) id: u32,
    /// Bytes of a draft.
    pub(super) length: u32,
    /// Where they are, from the base of drafts.
    pub(super) offset: u32,
    /// Port: source of an injection, destination of a packet that is held.
    pub(super) port: u32,
    /// Drop reason; or verdict and, from bit 8, NIC, of a packet that is held or a draft with destinations of its own.
    pub(super) code: u32,
    /// Packet flags of these.
    pub(super) flags: u32,
}

/// Word: jobs posted.
pub(super) const POSTED: usize = 0;
/// Word: jobs done.
pub(super) const DONE: usize = 64;
/// Word: 1 while the child waits for a job.
pub(super) const CHILD_WAITS: usize = 128;
/// Word: 1 while the host's worker sleeps.
pub(super) const HOST_WAITS: usize = 192;

const PACKETS: usize = 128;
const FACTS: usize = PACKETS + BATCH * size_of::<Packet>();
const OPS_AT: usize = FACTS + BATCH * size_of::<OffloadFacts>();
const JOB_LEN: usize = (OPS_AT + OPS * size_of::<Op>()).next_multiple_of(PAGE);

/// Bytes of all drafts of a worker.
pub(super) const DRAFT_ROOM: usize =
    (DRAFTS[0] * CLASS_LEN[0] + DRAFTS[1] * CLASS_LEN[1] + DRAFTS[2] * CLASS_LEN[2]).next_multiple_of(PAGE);

const JOBS_AT: usize = PAGE;
const DRAFTS_AT: usize = JOBS_AT + JOBS * JOB_LEN;
const FRAMES_AT: usize = DRAFTS_AT + DRAFT_ROOM;
const SECTION: usize = FRAMES_AT + ROOM;

/// Where things of one worker are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section(usize);

impl Section {
    /// The section of a worker.
    pub(super) fn of(worker: usize) -> Section {
        Section(PAGE + worker * SECTION)
    }

    /// A word of its ring.
    pub(super) fn word(self, word: usize) -> usize {
        self.0 + word
    }

    /// The head of the job with this number.
    pub(super) fn job(self, number: u32) -> usize {
        self.0 + JOBS_AT + (number as usize % JOBS) * JOB_LEN
    }

    /// A packet of a job.
    pub(super) fn packet(self, number: u32, index: usize) -> usize {
        self.job(number) + PACKETS + index * size_of::<Packet>()
    }

    /// The offload facts of a packet of a job.
    pub(super) fn facts(self, number: u32, index: usize) -> usize {
        self.job(number) + FACTS + index * size_of::<OffloadFacts>()
    }

    /// An operation of a job.
    pub(super) fn op(self, number: u32, index: usize) -> usize {
        self.job(number) + OPS_AT + index * size_of::<Op>()
    }

    /// The base of drafts.
    pub(super) fn drafts(self) -> usize {
        self.0 + DRAFTS_AT
    }

    /// The base of frames.
    pub(super) fn frames(self) -> usize {
        self.0 + FRAMES_AT
    }
}

/// Bytes shared with a child for this many workers.
pub(super) fn length(workers: usize) -> usize {
    PAGE + workers * SECTION
}

/// Where draft `id` lies from the base of drafts, and its room.
pub(super) fn draft_place(id: usize) -> Option<(usize, usize)> {
    let (mut first, mut at) = (0, 0);
    for (count, room) in DRAFTS.into_iter().zip(CLASS_LEN) {
        if id < first + count {
            return Some((at + (id - first) * room, room));
        }
        first += count;
        at += count * room;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps() {
        let section = Section::of(1);
        assert!(size_of::<JobHead>() <= PACKETS && HOST_WAITS + 64 <= PAGE && COUNTERS * 8 <= PAGE);
        assert_eq!(section.facts(0, 0), section.packet(0, BATCH));
        assert_eq!(section.op(0, 0), section.facts(0, BATCH));
        assert!(section.op(0, OPS) <= section.job(1));
        assert_eq!(section.job(64), section.job(0));
        assert!(section.op(63, OPS) <= section.drafts());
        let (last, room) = draft_place(DRAFTS_ALL - 1).unwrap_or_default();
        assert!(last + room <= DRAFT_ROOM && room == CLASS_LEN[2]);
        assert_eq!(draft_place(DRAFTS_ALL), None);
        assert_eq!(section.frames() + ROOM, Section::of(2).word(0));
        assert_eq!(length(2), Section::of(2).word(0));
    }
}
