//! A data-path call as safe Rust: [`Batch`], its [`Call`], and one [`Frame`] per packet.
//!
//! An unsafe island. Two facts carry every SAFETY comment here. First, the host passes descriptors, bases and tables
//! that are valid until the call returns, and touches a descriptor of the running call only from within a host
//! function that names its index. Second, a [`Frame`] is the only one of its packet: [`Batch::packets`] and
//! [`Batch::packet`] borrow the batch mutably, so no two can exist at once. Nothing here is `Send`.
//!
//! Cost: a loop over [`Batch::packets`] that reads or writes descriptor fields is a pointer walk without bounds
//! checks, a few instructions a packet.
#![allow(unsafe_code)]

mod draft;
mod frame;
mod verdict;

use core::ffi::c_void;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ptr::NonNull;

pub use draft::{Draft, HeldFrame, Preserve};
pub use frame::{Frame, FrameFlags, Offload, OffloadKind};
pub use verdict::{Refused, WritableFrame};

use crate::abi::host::Host;
use crate::abi::packet as abi;
use crate::rights::{MayHold, Rights};
use crate::status::{check, HostError, Refusal};
use crate::types::{Counter, DropReason, WorkerId};

/// The leg of a data-path call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// From a port into the switch: each frame once.
    Ingress,
    /// From the switch to a port: each delivery once.
    Egress,
}

/// What can be done in a worker call besides looking at its packets. Valid within that call only.
#[derive(Debug)]
pub struct Call<'a, R: Rights> {
    packets: *mut abi::Packet,
    count: u32,
    base: *const u8,
    draft_base: *mut u8,
    raw: *mut c_void,
    offload: *const abi::OffloadFacts,
    host: &'a Host,
    now_ns: u64,
    worker: WorkerId,
    leg: Leg,
    single_source: bool,
    rights: PhantomData<R>,
}

impl<'a, R: Rights> Call<'a, R> {
    /// # Safety
    /// `batch` is what the host passed to a data-path function that has not returned, and `R` are the rights of that
    /// function; `host` is the table the host passed to `create`.
    pub(crate) unsafe fn new(batch: NonNull<abi::Batch>, host: &'a Host) -> Self {
        // SAFETY: the caller promises a valid batch; the host does not change the struct during the call.
        let batch = unsafe { batch.as_ref() };
        Call {
            packets: batch.packets,
            count: batch.count,
            base: batch.base,
            draft_base: batch.draft_base,
            raw: batch.call,
            offload: batch.offload,
            host,
            now_ns: batch.now_ns,
            worker: WorkerId(batch.worker),
            leg: if batch.leg == abi::LEG_EGRESS { Leg::Egress } else { Leg::Ingress },
            single_source: batch.flags & abi::BATCH_SINGLE_SOURCE != 0,
            rights: PhantomData,
        }
    }

    /// Time in nanoseconds of the monotonic clock, read once per call by the host.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The worker that makes the call.
    #[inline]
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The leg.
    #[inline]
    pub fn leg(&self) -> Leg {
        self.leg
    }

    /// Adds to a counter. Cheaper here than through a [`HostHandle`](crate::HostHandle); still, add once per batch.
    #[inline]
    pub fn count(&self, counter: Counter, delta: u64) {
        if let Some(add) = self.host.counter_add {
            // SAFETY: the host's own function and context, both valid until `destroy` returns.
            let _ = unsafe { add(self.host.context, counter.0, delta) };
        }
    }

    /// Makes a new frame of `length` bytes, all zero or old bytes of the pool: write every byte, then inject it.
    pub fn originate(&self, length: u32) -> Result<Draft<'_, R>, HostError> {
        let function = self.host.originate.ok_or(HostError::new("originate", Refusal::NotOffered))?;
        // SAFETY: `raw` is the running call, the out pointers are valid for the call.
        unsafe {
            Draft::make("originate", self.draft_door(), |handle, packet| function(self.raw, length, handle, packet))
        }
    }

    fn draft_door(&self) -> draft::Door<'_> {
        draft::Door { host: self.host, call: self.raw, base: self.draft_base }
    }
}

impl<R: MayHold> Call<'_, R> {
    /// Lets a held frame go on at the next stage of its leg.
    pub fn release(&self, frame: HeldFrame) -> Result<(), HostError> {
        let function = self.host.release.ok_or(HostError::new("release", Refusal::NotOffered))?;
        // SAFETY: `raw` is the running call; the host checks the handle.
        check("release", unsafe { function(self.raw, frame.into_handle()) })
    }

    /// Drops a held frame.
    pub fn discard(&self, frame: HeldFrame, reason: DropReason) -> Result<(), HostError> {
        let function = self.host.discard.ok_or(HostError::new("discard", Refusal::NotOffered))?;
        // SAFETY: `raw` is the running call; the host checks the handle.
        check("discard", unsafe { function(self.raw, frame.into_handle(), reason.0) })
    }
}

/// The packets of a data-path call. Derefs to [`Call`].
#[derive(Debug)]
pub struct Batch<'a, R: Rights> {
    call: Call<'a, R>,
}

impl<'a, R: Rights> Batch<'a, R> {
    pub(crate) fn new(call: Call<'a, R>) -> Self {
        Batch { call }
    }

    /// Number of packets, at most 256.
    #[inline]
    pub fn len(&self) -> u32 {
        self.call.count
    }

    /// Whether there are no packets.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.call.count == 0
    }

    /// Whether all packets came from the same source port.
    #[inline]
    pub fn is_single_source(&self) -> bool {
        self.call.single_source
    }

    /// All packets, in order.
    #[inline]
    pub fn packets(&mut self) -> Packets<'_, 'a, R> {
        Packets { next: self.call.packets, left: self.call.count, call: &self.call }
    }

    /// All packets, and the call beside them for use inside the loop.
    #[inline]
    pub fn parts(&mut self) -> (&Call<'a, R>, Packets<'_, 'a, R>) {
        (&self.call, Packets { next: self.call.packets, left: self.call.count, call: &self.call })
    }

    /// One packet.
    #[inline]
    pub fn packet(&mut self, index: u32) -> Option<Frame<'_, 'a, R>> {
        if index >= self.call.count {
            return None;
        }
        // SAFETY: `index` is below the number of descriptors at `packets`.
        let packet = unsafe { self.call.packets.add(index as usize) };
        NonNull::new(packet).map(|packet| Frame::new(packet, &self.call))
    }
}

impl<'a, R: Rights> core::ops::Deref for Batch<'a, R> {
    type Target = Call<'a, R>;

    #[inline]
    fn deref(&self) -> &Call<'a, R> {
        &self.call
    }
}

/// Iterator over the packets of a batch.
#[derive(Debug)]
pub struct Packets<'b, 'a, R: Rights> {
    next: *mut abi::Packet,
    left: u32,
    call: &'b Call<'a, R>,
}

impl<'b, 'a, R: Rights> Iterator for Packets<'b, 'a, R> {
    type Item = Frame<'b, 'a, R>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'b, 'a, R>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        // SAFETY: `left` descriptors from `next` on are valid; a batch with packets has a non-null array.
        let packet = unsafe { NonNull::new_unchecked(self.next) };
        // SAFETY: at most one past the last descriptor.
        self.next = unsafe { self.next.add(1) };
        Some(Frame::new(packet, self.call))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<R: Rights> ExactSizeIterator for Packets<'_, '_, R> {}
impl<R: Rights> FusedIterator for Packets<'_, '_, R> {}
