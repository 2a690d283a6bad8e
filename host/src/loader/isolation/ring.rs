//! The host's end of one worker's ring: jobs posted, frames' copies placed, answers taken in order.
//!
//! Everything the host relies on (what was posted, where copies lie, whose handles they are) is kept in private memory;
//! from the shared memory comes one number, how many jobs are done, and it is believed only if it is possible. Bounded: 64
//! jobs and 4 MiB of copies under way. Nothing is allocated once it runs.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use heddle_switch_core::burst::BURST;

use super::layout::{CHILD_WAITS, DONE, HOST_WAITS, JOBS, JobHead, POSTED, ROOM, Section};
use super::shared::Mapping;

/// A frame whose copy is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    /// Handle of the original.
    pub(super) handle: u64,
    /// Where the copy's buffer lies, in bytes from the base of frames.
    pub(super) at: usize,
    /// Bytes of that buffer.
    pub(super) room: usize,
}

/// A job, as the host remembers it.
#[derive(Debug, Default)]
pub(super) struct Posted {
    /// `JOB_*`.
    pub(super) kind: u32,
    /// Its frames, in order; empty when they have been given back already.
    pub(super) frames: Vec<Copied>,
    /// When it was posted.
    pub(super) at_ns: u64,
    /// The port it asks about, and how old the configuration was.
    pub(super) about: (u32, u32),
    /// End of its copies.
    end: usize,
}

/// The ring.
pub(super) struct Ring {
    memory: Arc<Mapping>,
    section: Section,
    /// By number modulo [`JOBS`].
    jobs: Box<[Posted]>,
    posted: u32,
    taken: u32,
    /// Place of the next copy, and of the oldest one under way.
    head: usize,
    tail: usize,
}

/// The child claims what cannot be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Impossible;

impl Ring {
    pub(super) fn new(memory: Arc<Mapping>, worker: usize) -> Ring {
        let jobs = (0..JOBS).map(|_| Posted { frames: Vec::with_capacity(BURST), ..Posted::default() }).collect();
        Ring { memory, section: Section::of(worker), jobs, posted: 0, taken: 0, head: 0, tail: 0 }
    }

    pub(super) fn memory(&self) -> &Mapping {
        &self.memory
    }

    pub(super) fn section(&self) -> Section {
        self.section
    }

    /// Number of the next job; `None` when too many are under way.
    pub(super) fn next(&self) -> Option<u32> {
        (self.under_way() < JOBS).then_some(self.posted)
    }

    /// Jobs posted and not taken back.
    pub(super) fn under_way(&self) -> usize {
        self.posted.wrapping_sub(self.taken) as usize
    }

    /// Whether copies of `len` bytes in all find room, whatever their sizes are.
    pub(super) fn fits(&self, len: usize) -> bool {
        if self.under_way() == 0 {
            return len < ROOM;
        }
        if self.head >= self.tail { ROOM - self.head > len || self.tail > len } else { self.tail - self.head > len }
    }

    /// Room for a copy of `len` bytes, in bytes from the base of frames.
    pub(super) fn place(&mut self, len: usize) -> Option<usize> {
        if self.under_way() == 0 && self.draft().frames.is_empty() {
            (self.head, self.tail) = (0, 0);
        }
        // One byte stays free, so that full and empty differ.
        let at = if self.head >= self.tail {
            if ROOM - self.head > len {
                self.head
            } else if self.tail > len {
                0
            } else {
                return None;
            }
        } else if self.tail - self.head > len {
            self.head
        } else {
            return None;
        };
        self.head = at + len;
        Some(at)
    }

    /// The job that is being put together.
    pub(super) fn draft(&mut self) -> &mut Posted {
        &mut self.jobs[self.posted as usize % JOBS]
    }

    /// Posts the job that was put together.
    pub(super) fn post(&mut self, mut head: JobHead, now_ns: u64) {
        let (number, end) = (self.posted, self.head);
        head.taken = self.taken;
        self.memory.put(self.section.job(number), &head);
        let job = self.draft();
        (job.kind, job.at_ns, job.end) = (head.kind, now_ns, end);
        self.posted = self.posted.wrapping_add(1);
        self.memory.word(self.section.word(POSTED)).store(self.posted, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let waits = self.memory.word(self.section.word(CHILD_WAITS));
        if waits.load(Ordering::SeqCst) != 0 {
            waits.store(0, Ordering::SeqCst);
            self.memory.wake(self.section.word(CHILD_WAITS));
        }
    }

    /// Whether a job is done that was not taken back.
    pub(super) fn is_done(&self) -> bool {
        self.memory.word(self.section.word(DONE)).load(Ordering::SeqCst) != self.taken
    }

    /// The oldest job, if it is done.
    pub(super) fn done(&self) -> Result<Option<u32>, Impossible> {
        let done = self.memory.word(self.section.word(DONE)).load(Ordering::Acquire);
        match done.wrapping_sub(self.taken) as usize {
            0 => Ok(None),
            count if count <= self.under_way() => Ok(Some(self.taken)),
            _ => Err(Impossible),
        }
    }

    /// The oldest job, done or not.
    pub(super) fn oldest(&mut self) -> Option<&mut Posted> {
        if self.under_way() == 0 { None } else { self.jobs.get_mut(self.taken as usize % JOBS) }
    }

    /// The oldest job that has frames, done or not.
    pub(super) fn oldest_with_frames(&mut self) -> Option<&mut Posted> {
        let numbers = (0..self.under_way()).map(|nth| (self.taken as usize).wrapping_add(nth) % JOBS);
        let at = numbers.into_iter().find(|at| !self.jobs[*at].frames.is_empty())?;
        self.jobs.get_mut(at)
    }

    /// Takes the oldest job out; its frames' list is lent until it comes back with [`Ring::recycle`].
    pub(super) fn take(&mut self) -> Option<(u32, Posted)> {
        if self.under_way() == 0 {
            return None;
        }
        let number = self.taken;
        let job = std::mem::take(&mut self.jobs[number as usize % JOBS]);
        self.tail = job.end;
        self.taken = self.taken.wrapping_add(1);
        Some((number, job))
    }

    /// Takes a list back.
    pub(super) fn recycle(&mut self, number: u32, mut job: Posted) {
        job.frames.clear();
        self.jobs[number as usize % JOBS].frames = job.frames;
    }

    /// Says whether this worker sleeps, and has to be rung for.
    pub(super) fn sleeps(&self, asleep: bool) {
        self.memory.word(self.section.word(HOST_WAITS)).store(u32::from(asleep), Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn ring() -> std::io::Result<Ring> {
        let length = super::super::layout::length(1);
        let file = super::super::shared::file(length)?;
        Ok(Ring::new(Arc::new(Mapping::of(file.as_fd(), length)?), 0))
    }

    fn post(ring: &mut Ring, len: usize) -> bool {
        let (Some(_), Some(at)) = (ring.next(), ring.place(len)) else { return false };
        ring.draft().frames.push(Copied { handle: 0, at, room: len });
        ring.post(JobHead::default(), 0);
        true
    }

    fn finish(ring: &mut Ring) -> Option<usize> {
        let done = ring.memory.word(ring.section.word(DONE));
        done.store(ring.taken.wrapping_add(1), Ordering::SeqCst);
        let (number, job) = ring.take()?;
        let at = job.frames.first().map(|frame| frame.at);
        ring.recycle(number, job);
        at
    }

    #[test]
    fn copies_under_way_never_overlap_and_room_comes_back() -> std::io::Result<()> {
        let mut ring = ring()?;
        ring.posted = u32::MAX - 500;
        ring.taken = ring.posted;
        let mut out: std::collections::VecDeque<(usize, usize)> = std::collections::VecDeque::new();
        let mut posted = 0;
        for step in 0_usize..5_000 {
            let len = [2_112, 69_696, 10_304, 300_032][step % 4];
            let before = ring.posted;
            if post(&mut ring, len) {
                let at = ring.jobs[before as usize % JOBS].frames[0].at;
                assert!(at + len <= ROOM && out.iter().all(|(a, l)| at + len <= *a || a + l <= at), "step {step}");
                out.push_back((at, len));
                posted += 1;
            }
            if step % 3 == 0 || out.len() > 40 {
                let at = finish(&mut ring);
                assert_eq!(at, out.pop_front().map(|(at, _)| at));
            }
        }
        assert!(posted > 1_600, "{posted}");
        Ok(())
    }

    #[test]
    fn what_is_said_to_fit_finds_room() -> std::io::Result<()> {
        let mut ring = ring()?;
        for step in 0_usize..2_000 {
            let sizes = [[2_112, 69_696], [10_304, 300_032]][step % 2];
            let (fits, first) = (ring.fits(sizes.iter().sum()), ring.place(sizes[0]));
            if let Some(first) = first {
                let second = ring.place(sizes[1]);
                assert!(second.is_some() || !fits, "step {step}");
                ring.draft().frames.push(Copied { handle: 0, at: first, room: sizes[0] });
                ring.post(JobHead::default(), 0);
            }
            assert!(first.is_some() || !fits, "step {step}");
            if step % 3 == 0 || first.is_none() {
                finish(&mut ring);
            }
        }
        Ok(())
    }

    #[test]
    fn jobs_and_room_are_limited() -> std::io::Result<()> {
        let mut ring = ring()?;
        assert_eq!((0..100).filter(|_| post(&mut ring, 64)).count(), JOBS);
        while finish(&mut ring).is_some() && ring.under_way() > 0 {}
        assert_eq!((0..100).filter(|_| post(&mut ring, 1 << 20)).count(), 3);
        Ok(())
    }

    #[test]
    fn an_impossible_number_of_done_jobs_is_not_believed() -> std::io::Result<()> {
        let mut ring = ring()?;
        assert_eq!(ring.done(), Ok(None));
        post(&mut ring, 64);
        for lie in [2, u32::MAX, 77] {
            ring.memory.word(ring.section.word(DONE)).store(lie, Ordering::SeqCst);
            assert_eq!(ring.done(), Err(Impossible), "{lie}");
        }
        ring.memory.word(ring.section.word(DONE)).store(1, Ordering::SeqCst);
        assert_eq!(ring.done(), Ok(Some(0)));
        Ok(())
    }
}
