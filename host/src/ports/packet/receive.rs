//! Receiving from a packet socket: short frames from a ring mapped from the kernel, long ones from the socket's queue.
//!
//! A frame that fits a slot of the ring (1.9 KB) is copied into a pool buffer without a system call. Of a longer one (jumbo,
//! segmentation offload) the slot has the length, and one `readv` moves it into a buffer of the right class. Slots and
//! queue are in the same order, so frames are. The decision record on receiving from AF_PACKET has the figures.
//!
//! An empty poll reads one word and the clock; whether the interface is gone is asked every 10 ms.

use std::io::{self, IoSliceMut, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use heddle_switch_core::arena::{Arena, Buf, FRAME_MAX, HEADROOM};
use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::offload::{Offload, VIRTIO_LEN};
use heddle_switch_core::parse::ether_type::CUSTOMER_TAG;
use heddle_switch_core::pool::Pool;

use super::{Bound, Device};
use crate::ports::sys::interface;
use crate::ports::sys::packet;
use crate::ports::sys::ring::{ReceiveRing, Slot};
use crate::ports::{Pace, RxLosses, RxQueue, RxStatus};

/// Two MAC addresses.
const MACS_LEN: usize = 12;
/// A tag to put back into the data.
const TAG_ROOM: usize = 4;
/// How often an idle queue asks whether its interface is gone.
const ERROR_PAUSE: Duration = Duration::from_millis(10);

/// A receive queue.
pub(super) struct PacketRx {
    device: Arc<Device>,
    bound: Bound,
    ring: ReceiveRing,
    losses: RxLosses,
    errors: Pace,
    down: Option<Pace>,
}

impl PacketRx {
    pub(super) fn new(device: Arc<Device>, bound: Bound, ring: ReceiveRing) -> PacketRx {
        let (losses, errors) = (RxLosses::default(), Pace::each(ERROR_PAUSE));
        PacketRx { device, bound, ring, losses, errors, down: None }
    }

    /// Whether the queue can be read; looks for the interface when it was down or away.
    fn ready(&mut self) -> bool {
        let Some(retry) = &mut self.down else { return true };
        if !retry.due() {
            return false;
        }
        let back = if packet::is_bound(self.bound.socket.as_fd()) {
            // Still there, perhaps renamed: the kernel takes the socket up itself when the interface comes up.
            interface::name(self.bound.index).and_then(|name| interface::flags(&name)).is_ok_and(|flags| flags.up)
        } else {
            self.rebind()
        };
        if back {
            self.down = None;
            tracing::info!(device = self.device.attachment.name(), "network device is back");
        }
        back
    }

    fn rebind(&mut self) -> bool {
        let Some(index) = self.device.attachment.successor() else { return false };
        let Ok((bound, ring)) = self.device.receiver(index) else { return false };
        let up = interface::name(index).and_then(|name| interface::flags(&name)).is_ok_and(|flags| flags.up);
        // Drops of the old socket would be forgotten with it.
        self.count_drops();
        if packet::replace(self.bound.socket.as_fd(), bound.socket.into()).is_err() {
            return false;
        }
        (self.bound.index, self.ring) = (bound.index, ring);
        up
    }

    fn go_down(&mut self, error: &io::Error) -> RxStatus {
        if self.down.is_none() {
            let device = self.device.attachment.name();
            tracing::warn!(device, %error, "network device is down or gone; it is taken up again when it returns");
            self.down = Some(Pace::retry());
        }
        RxStatus::Down
    }

    fn count_drops(&mut self) {
        self.losses.missed += u64::from(packet::take_drops(self.bound.socket.as_fd()).unwrap_or(0));
    }

    fn idle(&mut self) -> RxStatus {
        let asked = self.errors.due().then(|| packet::take_error(self.bound.socket.as_fd())).flatten();
        asked.map_or(RxStatus::Empty, |error| self.go_down(&error))
    }

    /// Moves the frame of the oldest slot into `buf` and gives its length and virtio-net header.
    fn fetch(&self, arena: &Arena, slot: &Slot, buf: &mut Buf) -> io::Result<(usize, [u8; VIRTIO_LEN])> {
        let bytes = arena.bytes_mut(buf).unwrap_or_default();
        let end = bytes.len().saturating_sub(TAG_ROOM);
        let place = bytes.get_mut(usize::from(HEADROOM)..end).unwrap_or_default();
        if slot.queued {
            let mut header = [0; VIRTIO_LEN];
            let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(place)];
            let length = (&self.bound.socket).read_vectored(&mut parts)?.saturating_sub(VIRTIO_LEN);
            return Ok((length, header));
        }
        let frame = self.ring.frame(slot);
        place.get_mut(..frame.len()).ok_or(io::ErrorKind::InvalidData)?.copy_from_slice(frame);
        Ok((frame.len(), slot.header))
    }

    /// Makes a frame of the oldest slot; or gives the buffer back, with an error unless the loss is counted.
    fn take(&mut self, arena: &Arena, slot: &Slot, mut buf: Buf) -> Result<RxFrame, (Buf, Option<io::Error>)> {
        let (length, header) = match self.fetch(arena, slot, &mut buf) {
            Ok(fetched) => fetched,
            // The queue does not have what the slot promised.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.losses.missed += 1;
                return Err((buf, None));
            }
            Err(error) => return Err((buf, Some(error))),
        };
        frame_of(arena, buf, length, &header, slot.tag).map_err(|buf| {
            self.losses.malformed += 1;
            (buf, None)
        })
    }

    /// Lets go of the oldest slot's frame without a buffer.
    fn discard(&mut self, slot: &Slot) {
        if slot.queued {
            // An empty place takes the frame off the queue, whatever the result.
            let _ = (&self.bound.socket).read_vectored(&mut [IoSliceMut::new(&mut [0; VIRTIO_LEN])]);
        }
        self.ring.release();
    }
}

/// The frame in `buf`, with its offload facts checked and a tag that the descriptor cannot hold put back; or the buffer.
fn frame_of(
    arena: &Arena,
    mut buf: Buf,
    length: usize,
    header: &[u8; VIRTIO_LEN],
    tag: Option<(u16, u16)>,
) -> Result<RxFrame, Buf> {
    let count = u32::try_from(length).unwrap_or(u32::MAX);
    let mut offload = Offload::default();
    if *header != [0; VIRTIO_LEN] {
        match Offload::from_virtio(header, arena.frame(&buf, HEADROOM, count)) {
            Ok(facts) => offload = facts,
            Err(_) => return Err(buf),
        }
    }
    match tag {
        None => Ok(RxFrame { offload, ..RxFrame::plain(buf, count) }),
        Some((CUSTOMER_TAG, tci)) => Ok(RxFrame { offload, vlan_tci: Some(tci), ..RxFrame::plain(buf, count) }),
        Some((tpid, tci)) => {
            let (start, end) = (usize::from(HEADROOM), usize::from(HEADROOM) + length);
            if length < MACS_LEN {
                return Err(buf);
            }
            let Some(bytes) = arena.bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(..end + TAG_ROOM)) else {
                return Err(buf);
            };
            bytes.copy_within(start + MACS_LEN..end, start + MACS_LEN + TAG_ROOM);
            let ([t0, t1], [v0, v1]) = (tpid.to_be_bytes(), tci.to_be_bytes());
            if let Some(place) = bytes.get_mut(start + MACS_LEN..start + MACS_LEN + TAG_ROOM) {
                place.copy_from_slice(&[t0, t1, v0, v1]);
            }
            offload.shift(4);
            Ok(RxFrame { offload, ..RxFrame::plain(buf, count + 4) })
        }
    }
}

impl RxQueue for PacketRx {
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        if !self.ready() {
            return RxStatus::Down;
        }
        for _ in 0..budget {
            let Some(slot) = self.ring.first() else { return self.idle() };
            if slot.is_cut() {
                self.losses.missed += 1;
                self.ring.release();
                continue;
            }
            if slot.length + TAG_ROOM > FRAME_MAX {
                self.losses.too_long += 1;
                self.discard(&slot);
                continue;
            }
            let Some(buf) = pool.alloc_for(slot.length + TAG_ROOM) else { return RxStatus::More };
            match self.take(pool.arena(), &slot, buf) {
                Ok(frame) => out.push(frame),
                Err((buf, None)) => pool.free(buf),
                Err((buf, Some(error))) => {
                    // The slot stays: its frame still waits in the queue.
                    pool.free(buf);
                    return self.go_down(&error);
                }
            }
            self.ring.release();
        }
        RxStatus::More
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bound.socket.as_fd())
    }

    fn losses(&mut self) -> RxLosses {
        self.count_drops();
        self.losses
    }
}
