//! The buffer pool of one worker.
//!
//! Free buffers are kept last-in first-out, so that the hot set stays as small as the traffic allows (16,384 buffers
//! then cost what 512 do). Each buffer has a home worker; a buffer that ends on another worker is collected in that
//! worker's outbox and travels home in bulk (see [`crate::message`]), so no pool drains into another and nobody takes a
//! lock. Nothing allocates after [`Pool::new`].
//!
//! Limit: an empty class gives `None`; the caller counts the frame under a named reason.

use std::sync::Arc;

use crate::arena::{Arena, Buf, Class};

/// Which buffers belong to which worker: an even cut of each class.
#[derive(Clone, Debug)]
pub struct Homes {
    /// First buffer number of each class, and the number of buffers per worker in it.
    first: [u32; 3],
    each: [u32; 3],
    workers: u16,
}

impl Homes {
    /// Cuts the handles of an arena into one share per worker. Left-over buffers of the division go to the last worker.
    pub fn cut(handles: [Vec<Buf>; 3], workers: u16) -> (Homes, Vec<[Vec<Buf>; 3]>) {
        let workers = workers.max(1);
        let mut homes = Homes { first: [0; 3], each: [1; 3], workers };
        let mut shares: Vec<[Vec<Buf>; 3]> = (0..workers).map(|_| Default::default()).collect();
        for (class, bufs) in handles.into_iter().enumerate() {
            homes.first[class] = bufs.first().map_or(0, Buf::index);
            let count = u32::try_from(bufs.len()).unwrap_or(u32::MAX);
            homes.each[class] = (count / u32::from(workers)).max(1);
            for buf in bufs {
                let home = homes.home_in(class, buf.index());
                if let Some(share) = shares.get_mut(usize::from(home)) {
                    share[class].push(buf);
                }
            }
        }
        (homes, shares)
    }

    fn home_in(&self, class: usize, index: u32) -> u16 {
        let nth = (index - self.first[class].min(index)) / self.each[class];
        u16::try_from(nth).unwrap_or(u16::MAX).min(self.workers - 1)
    }
}

/// The pool.
pub struct Pool {
    arena: Arc<Arena>,
    homes: Homes,
    worker: u16,
    free: [Vec<Buf>; 3],
    outbox: Vec<Vec<Buf>>,
    foreign: bool,
    exhausted: [u64; 3],
}

impl Pool {
    /// The pool of `worker` with its share of the buffers.
    pub fn new(arena: Arc<Arena>, homes: Homes, worker: u16, mut share: [Vec<Buf>; 3]) -> Pool {
        for class in &mut share {
            // Lowest address on top: the first burst touches the start of the region.
            class.reverse();
        }
        let outbox =
            (0..homes.workers).map(|w| Vec::with_capacity(if w == worker { 0 } else { OUTBOX_RESERVE })).collect();
        Pool { foreign: homes.workers > 1, arena, homes, worker, free: share, outbox, exhausted: [0; 3] }
    }

    /// The arena behind the pool.
    #[inline]
    pub fn arena(&self) -> &Arc<Arena> {
        &self.arena
    }

    /// A buffer of `class`, or `None` when the class is empty.
    #[inline]
    pub fn alloc(&mut self, class: Class) -> Option<Buf> {
        let buf = self.free[class.index()].pop();
        if buf.is_none() {
            self.exhausted[class.index()] += 1;
        }
        buf
    }

    /// A buffer for a frame of `length` bytes, from the smallest class that fits and has one.
    pub fn alloc_for(&mut self, length: usize) -> Option<Buf> {
        let fit = Class::for_frame(length)?;
        Class::ALL.into_iter().filter(|class| *class >= fit).find_map(|class| self.alloc(class))
    }

    /// Takes a handle back. The buffer is free when this was its last handle.
    #[inline]
    pub fn free(&mut self, buf: Buf) {
        if let Some(buf) = self.arena.release(buf) {
            self.put(buf);
        }
    }

    #[inline]
    fn put(&mut self, buf: Buf) {
        let class = self.arena.class(&buf).index();
        if self.foreign {
            let home = self.homes.home_in(class, buf.index());
            if home != self.worker {
                if let Some(outbox) = self.outbox.get_mut(usize::from(home)) {
                    outbox.push(buf);
                }
                return;
            }
        }
        self.free[class].push(buf);
    }

    /// Buffers that wait to travel home to `worker`.
    pub fn outbox(&mut self, worker: u16) -> Option<&mut Vec<Buf>> {
        self.outbox.get_mut(usize::from(worker))
    }

    /// Takes in a buffer that came home.
    pub fn welcome(&mut self, buf: Buf) {
        self.put(buf);
    }

    /// Free buffers of a class.
    pub fn available(&self, class: Class) -> usize {
        self.free[class.index()].len()
    }

    /// How often each class was empty when asked.
    pub fn exhausted(&self) -> [u64; 3] {
        self.exhausted
    }
}

/// Room made at start for buffers on their way home, per worker.
const OUTBOX_RESERVE: usize = 4_096;
