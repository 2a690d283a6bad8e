//! Receiving from a packet socket in batches, straight into pool buffers.
//!
//! One `recvmmsg` fills up to 32 places (see [`landing`](super::super::landing)). A place needs a large spare, so the spares are
//! borrowed from the pool for the call only: 256 idle ports hold none. The number of places follows the traffic from 4
//! to 32, so that an idle poll stays cheap.
//!
//! Why not a ring mapped from the kernel: see the decision record on receiving from AF_PACKET. A frame whose offload
//! facts the kernel cannot express (it says EINVAL) is counted as malformed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use heddle_switch_core::arena::{Arena, Buf, Class, HEADROOM};
use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::offload::{Offload, VIRTIO_LEN};
use heddle_switch_core::pool::Pool;

use super::{Bound, Device};
use crate::ports::landing::{self, TAG_ROOM};
use crate::ports::sys::interface;
use crate::ports::sys::packet::{self, Message, ReceiveBatch, TPID_CTAG};
use crate::ports::{Retry, RxLosses, RxQueue, RxStatus};

/// Most frames of one system call.
const BATCH_MAX: usize = 32;
/// Fewest places offered.
const BATCH_MIN: usize = 4;
/// Two MAC addresses.
const MACS_LEN: usize = 12;

/// A receive queue.
pub(super) struct PacketRx {
    device: Arc<Device>,
    bound: Bound,
    batch: ReceiveBatch,
    /// Places of the next call; empty between calls of `receive`.
    heads: Vec<Buf>,
    spares: Vec<Buf>,
    places: usize,
    losses: RxLosses,
    down: Option<Retry>,
}

impl PacketRx {
    pub(super) fn new(device: Arc<Device>, bound: Bound) -> PacketRx {
        PacketRx {
            device,
            bound,
            batch: ReceiveBatch::new(BATCH_MAX),
            heads: Vec::with_capacity(BATCH_MAX),
            spares: Vec::with_capacity(BATCH_MAX),
            places: BATCH_MIN,
            losses: RxLosses::default(),
            down: None,
        }
    }

    /// Whether the queue can be read; looks for the interface when it was down or away.
    fn ready(&mut self) -> bool {
        let Some(retry) = &mut self.down else { return true };
        if !retry.due() {
            return false;
        }
        let back = match interface::name(self.bound.index) {
            // Still there, perhaps renamed: the kernel takes the socket up itself when the interface comes up.
            Ok(name) => interface::flags(&name).is_ok_and(|flags| flags.up),
            Err(_) => self.rebind(),
        };
        if back {
            self.down = None;
            tracing::info!(device = self.device.name, "network device is back");
        }
        back
    }

    fn rebind(&mut self) -> bool {
        let Ok(new) = self.device.receiver() else { return false };
        let up = interface::flags(&self.device.name).is_ok_and(|flags| flags.up);
        // Drops of the old socket would be forgotten with it.
        self.count_drops();
        if packet::replace(self.bound.socket.as_fd(), new.socket).is_err() {
            return false;
        }
        self.bound.index = new.index;
        up
    }

    fn go_down(&mut self, error: &io::Error) {
        if self.down.is_none() {
            let device = &self.device.name;
            tracing::warn!(device, %error, "network device is down or gone; it is taken up again when it returns");
            self.down = Some(Retry::default());
        }
    }

    fn count_drops(&mut self) {
        self.losses.missed += u64::from(packet::take_drops(self.bound.socket.as_fd()).unwrap_or(0));
    }

    /// Offers up to `count` places; fewer when the pool has fewer buffers.
    fn offer(&mut self, pool: &mut Pool, count: usize) -> usize {
        while self.heads.len() < count {
            let Some(head) = pool.alloc(Class::SMALL) else { break };
            let spare = landing::spare(pool);
            let last = spare.is_none();
            self.heads.push(head);
            self.spares.push(spare);
            // Without a spare a long frame is lost, so no more frames are asked for than there are spares.
            if last && self.heads.len() > 1 {
                break;
            }
        }
        self.heads.len().min(count)
    }

    fn withdraw(&mut self, pool: &mut Pool) {
        self.heads.drain(..).chain(self.spares.drain(..)).for_each(|buf| pool.free(buf));
    }

    fn take(&mut self, arena: &Arena, count: usize, out: &mut Vec<RxFrame>) {
        for nth in 0..count {
            let places = self.heads.get_mut(nth).zip(self.spares.get_mut(nth));
            let Some((message, (head, spare))) = self.batch.message(nth).zip(places) else { continue };
            if message.truncated {
                self.losses.too_long += 1;
                continue;
            }
            let buf = landing::settle(arena, head, spare, message.length);
            match frame_of(arena, buf, &message) {
                Ok(frame) => out.push(frame),
                Err(buf) => {
                    self.losses.malformed += 1;
                    if head.is_none() { *head = buf } else { *spare = buf }
                }
            }
        }
    }
}

/// The frame in `buf`, with its offload facts checked and a tag that the descriptor cannot hold put back; or the buffer.
fn frame_of(arena: &Arena, mut buf: Buf, message: &Message) -> Result<RxFrame, Buf> {
    let length = u32::try_from(message.length).unwrap_or(u32::MAX);
    let mut offload = Offload::default();
    if message.header != [0; VIRTIO_LEN] {
        match Offload::from_virtio(&message.header, arena.frame(&buf, HEADROOM, length)) {
            Ok(facts) => offload = facts,
            Err(_) => return Err(buf),
        }
    }
    match message.tag {
        None => Ok(RxFrame { offload, ..RxFrame::plain(buf, length) }),
        Some((TPID_CTAG, tci)) => Ok(RxFrame { offload, vlan_tci: Some(tci), ..RxFrame::plain(buf, length) }),
        Some((tpid, tci)) => {
            let start = usize::from(HEADROOM);
            let end = start + message.length;
            if message.length < MACS_LEN {
                return Err(buf);
            }
            let Some(bytes) = arena.bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(..end + TAG_ROOM)) else {
                return Err(buf);
            };
            bytes.copy_within(start + MACS_LEN..end, start + MACS_LEN + TAG_ROOM);
            let ([t0, t1], [v0, v1]) = (tpid.to_be_bytes(), tci.to_be_bytes());
            if let Some(tag) = bytes.get_mut(start + MACS_LEN..start + MACS_LEN + TAG_ROOM) {
                tag.copy_from_slice(&[t0, t1, v0, v1]);
            }
            offload.shift(4);
            Ok(RxFrame { offload, ..RxFrame::plain(buf, length + 4) })
        }
    }
}

impl RxQueue for PacketRx {
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        if !self.ready() {
            return RxStatus::Down;
        }
        let mut left = budget;
        let status = loop {
            let count = self.offer(pool, self.places.min(left));
            if count == 0 {
                break RxStatus::More;
            }
            let arena = pool.arena();
            let (heads, spares) = (self.heads.iter_mut().take(count), &mut self.spares);
            let places = heads.zip(spares).map(|(head, spare)| landing::places(arena, head, spare));
            match self.batch.receive(self.bound.socket.as_fd(), places) {
                Ok(received) => {
                    self.take(arena, received, out);
                    left = left.saturating_sub(received);
                    if received < count {
                        self.places = (received + 1).next_power_of_two().clamp(BATCH_MIN, BATCH_MAX);
                        break RxStatus::Empty;
                    }
                    self.places = (self.places * 2).min(BATCH_MAX);
                }
                Err(error) => match (error.kind(), error.raw_os_error()) {
                    (io::ErrorKind::WouldBlock, _) => {
                        self.places = BATCH_MIN;
                        break RxStatus::Empty;
                    }
                    (io::ErrorKind::Interrupted, _) => left = left.saturating_sub(1),
                    (_, Some(libc::EINVAL)) => {
                        self.losses.malformed += 1;
                        left = left.saturating_sub(1);
                    }
                    _ => {
                        self.go_down(&error);
                        break RxStatus::Down;
                    }
                },
            }
            if left == 0 {
                break RxStatus::More;
            }
            // Places whose frame was taken are gaps now: give the rest back and offer anew.
            self.withdraw(pool);
        };
        self.withdraw(pool);
        status
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bound.socket.as_fd())
    }

    fn losses(&mut self) -> RxLosses {
        self.count_drops();
        self.losses
    }
}
