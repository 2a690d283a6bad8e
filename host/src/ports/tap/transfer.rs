//! Frames through the queues of a TAP interface, one system call each, straight from and into pool buffers.
//!
//! Reading scatters behind the headroom (see [`landing`](super::super::landing)); writing gathers the virtio-net header, the
//! MAC addresses, the tag and the rest, so that a buffer shared with other ports is never written.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use heddle_switch_core::arena::{Buf, Class};
use heddle_switch_core::frame::{RxFrame, TxFrame, TxReport};
use heddle_switch_core::offload::{Offload, VIRTIO_LEN};
use heddle_switch_core::parse::ether_type::{self, CUSTOMER_TAG};
use heddle_switch_core::pool::Pool;

use super::Tap;
use crate::ports::landing;
use crate::ports::{Pace, RxLosses, RxQueue, RxStatus, TxQueue};

/// Two MAC addresses.
const MACS_LEN: usize = 12;
/// Longest frame the kernel takes: 64 KiB of IP with an Ethernet header and a tag.
const FRAME_MAX: u32 = 65_535 + 14 + 4;

/// A receive queue.
pub(super) struct TapRx {
    tap: Arc<Tap>,
    nth: usize,
    losses: RxLosses,
    down: Option<Pace>,
}

impl TapRx {
    pub(super) fn new(tap: Arc<Tap>, nth: usize) -> TapRx {
        TapRx { tap, nth, losses: RxLosses::default(), down: None }
    }

    /// Whether the queue can be read; tries to take the interface up again when it went away.
    fn ready(&mut self) -> bool {
        let Some(retry) = &mut self.down else { return true };
        if !retry.due() || self.tap.reattach(self.nth).is_err() {
            return false;
        }
        self.down = None;
        self.tap.attachment.set_detached(false);
        tracing::info!(device = self.tap.attachment.name(), queue = self.nth, "TAP interface is back");
        true
    }

    fn go_down(&mut self, error: &io::Error) {
        if self.down.is_none() {
            let (device, queue) = (self.tap.attachment.name(), self.nth);
            tracing::warn!(device, queue, %error, "TAP interface is gone; a new one of this name will be taken up");
            self.tap.attachment.set_detached(true);
            self.down = Some(Pace::retry());
        }
    }

    /// Reads one frame. `Ok(None)`: read, but not usable, and counted.
    fn read_one(&mut self, pool: &Pool, head: &mut Buf, spare: &mut Buf) -> io::Result<Option<RxFrame>> {
        let arena = pool.arena();
        let mut header = [0; VIRTIO_LEN];
        let capacity = landing::capacity(arena, spare);
        let (front, rest) = landing::places(arena, head, spare);
        let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(front), IoSliceMut::new(rest)];
        let mut queue = self.tap.queues.get(self.nth).ok_or(io::ErrorKind::NotFound)?;
        let length = queue.read_vectored(&mut parts)?.saturating_sub(VIRTIO_LEN);
        // The kernel does not say that it cut a frame: one that fills all there is may have been longer.
        if length >= capacity {
            self.losses.too_long += 1;
            return Ok(None);
        }
        let buf = landing::settle(arena, head, spare, length);
        let mut frame = RxFrame::plain(buf, u32::try_from(length).unwrap_or(u32::MAX));
        if header != [0; VIRTIO_LEN] {
            match Offload::from_virtio(&header, arena.frame(&frame.buf, frame.start, frame.length)) {
                Ok(offload) => frame.offload = offload,
                Err(_) => {
                    self.losses.malformed += 1;
                    // Back into its place, for the next frame or for the pool.
                    if head.is_none() {
                        *head = frame.buf
                    } else {
                        *spare = frame.buf
                    }
                    return Ok(None);
                }
            }
        }
        Ok(Some(frame))
    }
}

impl RxQueue for TapRx {
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        if !self.ready() {
            return RxStatus::Down;
        }
        let mut spare = landing::spare(pool);
        let mut head = Buf::NONE;
        let mut left = budget;
        let status = loop {
            if left == 0 {
                break RxStatus::More;
            }
            if head.is_none() {
                let Some(buf) = pool.alloc(Class::SMALL) else { break RxStatus::More };
                head = buf;
            }
            if spare.is_none() {
                spare = landing::spare(pool);
            }
            match self.read_one(pool, &mut head, &mut spare) {
                Ok(Some(frame)) => out.push(frame),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break RxStatus::Empty,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.go_down(&error);
                    break RxStatus::Down;
                }
            }
            left -= 1;
        };
        pool.free(head);
        pool.free(spare);
        status
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.tap.queues.get(self.nth).map(AsFd::as_fd)
    }

    fn losses(&mut self) -> RxLosses {
        self.losses
    }
}

/// The transmit side.
pub(super) struct TapTx {
    tap: Arc<Tap>,
}

impl TapTx {
    pub(super) fn new(tap: Arc<Tap>) -> TapTx {
        TapTx { tap }
    }

    fn write_one(&self, frame: &TxFrame, bytes: &[u8]) -> io::Result<usize> {
        let nth = queue_of(bytes, frame.l4, self.tap.queues.len());
        let mut queue = self.tap.queues.get(nth).ok_or(io::ErrorKind::NotFound)?;
        let Some((tci, (macs, rest))) = frame.vlan_tci.zip(bytes.split_at_checked(MACS_LEN)) else {
            let header = frame.offload.to_virtio(frame.header_len);
            return queue.write_vectored(&[IoSlice::new(&header), IoSlice::new(bytes)]);
        };
        let mut offload = frame.offload;
        offload.shift(4);
        let header = offload.to_virtio(if frame.header_len == 0 { 0 } else { frame.header_len + 4 });
        let ([t0, t1], [v0, v1]) = (CUSTOMER_TAG.to_be_bytes(), tci.to_be_bytes());
        let tag = [t0, t1, v0, v1];
        queue.write_vectored(&[IoSlice::new(&header), IoSlice::new(macs), IoSlice::new(&tag), IoSlice::new(rest)])
    }

    fn send(&self, frame: &TxFrame, bytes: &[u8], report: &mut TxReport) {
        if frame.length > FRAME_MAX {
            report.too_long += 1;
            return;
        }
        loop {
            let error = match self.write_one(frame, bytes) {
                Ok(_) => return report.count_sent(frame),
                Err(error) => error,
            };
            match (error.kind(), error.raw_os_error()) {
                (io::ErrorKind::Interrupted, _) => continue,
                (io::ErrorKind::WouldBlock, _) | (_, Some(libc::ENOBUFS | libc::ENOMEM)) => report.queue_full += 1,
                (_, Some(libc::EINVAL | libc::EFAULT)) => report.refused += 1,
                (_, Some(libc::EMSGSIZE)) => report.too_long += 1,
                // EIO: not up (yet, or any more). EBADFD, ENODEV: the interface is gone; the receive side says so.
                _ => report.device_gone += 1,
            }
            return;
        }
    }
}

impl TxQueue for TapTx {
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        for frame in frames.drain(..) {
            self.send(&frame, pool.arena().frame(&frame.buf, frame.start, frame.length), report);
            pool.free(frame.buf);
        }
    }
}

/// The queue a frame is written to. The kernel sends a flow's frames back through the queue that its answers were last
/// written to, and to it all frames of one EtherType that is not IP are one flow: spread over queues they would pull each
/// other from queue to queue, and overtake.
fn queue_of(frame: &[u8], l4: u16, queues: usize) -> usize {
    let ether_type = frame.get(MACS_LEN..).and_then(|rest| rest.first_chunk()).map(|bytes| u16::from_be_bytes(*bytes));
    let is_ip = matches!(ether_type, Some(ether_type::IPV4 | ether_type::IPV6));
    if queues == 1 || (l4 == 0 && !is_ip) { 0 } else { flow_hash(frame, l4) % queues }
}

/// FNV-1a over the MAC addresses and, where the transport header is known, the end of the addresses and the ports before
/// and behind its start: the same for all frames of a flow.
fn flow_hash(frame: &[u8], l4: u16) -> usize {
    let l4 = usize::from(l4);
    let flow = l4.checked_sub(8).and_then(|from| frame.get(from..l4 + 4)).unwrap_or_default();
    let bytes = frame.iter().take(MACS_LEN).chain(flow);
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash >> 8).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The queues that frames of 32 stations with this EtherType are written to.
    fn queues(ether_type: u16, l4: u16) -> std::collections::BTreeSet<usize> {
        let ether_type = ether_type.to_be_bytes();
        let frame = |station| [&[2, 0, 0, 0, 0, station, 2, 0, 0, 0, 1, station], &ether_type[..], &[0; 46]].concat();
        (0..32).map(|station| queue_of(&frame(station), l4, 4)).collect()
    }

    #[test]
    fn flows_of_ip_use_all_queues_and_what_the_kernel_takes_for_one_flow_uses_one() {
        assert_eq!(queues(ether_type::IPV4, 34).len(), 4);
        assert_eq!(queues(ether_type::IPV6, 0).len(), 4);
        assert_eq!(queues(ether_type::ARP, 0).len(), 1);
        assert_eq!(queues(ether_type::LLDP, 0).len(), 1);
    }
}
