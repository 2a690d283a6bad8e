//! Sending through a packet socket: up to 64 frames in one `sendmmsg`, each gathered from its virtio-net header, its bytes and
//! its tag, so that a buffer shared with other ports is never written.
//!
//! What the interface cannot take is refused before the kernel would (it answers EMSGSIZE and stops the batch). The MTU is
//! asked for again when the kernel still refuses, and at most once a second while frames are too long, so changing it
//! needs no word to the switch.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use heddle_switch_core::frame::{TxFrame, TxReport};
use heddle_switch_core::parse::ether_type::CUSTOMER_TAG;
use heddle_switch_core::pool::Pool;

use super::{Bound, Device};
use crate::ports::sys::interface;
use crate::ports::sys::packet::{self, Outgoing, SendBatch};
use crate::ports::{Pace, TxQueue};

/// Most frames of one system call.
const BATCH: usize = 64;
/// Two MAC addresses.
const MACS_LEN: usize = 12;
/// MAC addresses and EtherType.
const ETHERNET_LEN: u32 = 14;
const TAG_LEN: u32 = 4;

/// The transmit side.
pub(super) struct PacketTx {
    device: Arc<Device>,
    bound: Bound,
    batch: SendBatch,
    mtu: u32,
    mtu_check: Pace,
    rebinding: Pace,
}

impl PacketTx {
    pub(super) fn new(device: Arc<Device>, bound: Bound, mtu: u32) -> PacketTx {
        let batch = SendBatch::new(BATCH);
        PacketTx { device, bound, batch, mtu, mtu_check: Pace::retry(), rebinding: Pace::retry() }
    }

    fn ask_mtu(&mut self) {
        let asked = interface::name(self.bound.index).and_then(|name| interface::mtu(&name));
        self.mtu = asked.unwrap_or(self.mtu);
    }

    /// Takes out what is longer than the interface takes; the others keep their order.
    fn refuse_too_long(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        if frames.iter().all(|frame| fits(frame, self.mtu, pool)) {
            return;
        }
        if self.mtu_check.due() {
            self.ask_mtu();
        }
        let mut kept = 0;
        for nth in 0..frames.len() {
            if frames.get(nth).is_some_and(|frame| fits(frame, self.mtu, pool)) {
                frames.swap(kept, nth);
                kept += 1;
            }
        }
        for frame in frames.drain(kept..) {
            report.too_long += 1;
            pool.free(frame.buf);
        }
    }

    /// Binds to the interface that came back after the old one went; at most one attempt a second.
    fn rebind(&mut self) -> bool {
        if packet::is_bound(self.bound.socket.as_fd()) || !self.rebinding.due() {
            return false;
        }
        let Some(index) = self.device.attachment.successor() else { return false };
        let Ok(new) = self.device.sender(index) else { return false };
        if packet::replace(self.bound.socket.as_fd(), new.socket.into()).is_err() {
            return false;
        }
        self.bound.index = new.index;
        self.ask_mtu();
        true
    }

    /// Sends or refuses `frames` from the first on.
    fn send(&mut self, pool: &Pool, frames: &[TxFrame], report: &mut TxReport) {
        let mut rest = frames;
        while let Some((_, others)) = rest.split_first() {
            let outgoing = rest.iter().take(BATCH).map(|frame| outgoing(frame, pool));
            let error = match self.batch.send(self.bound.socket.as_fd(), outgoing) {
                Ok(sent) => {
                    // A call that sends nothing says why; should it not, the frame is refused rather than tried for ever.
                    let (gone, left) = rest.split_at_checked(sent.max(1)).unwrap_or((rest, &[]));
                    if sent == 0 {
                        report.refused += 1;
                    } else {
                        gone.iter().for_each(|frame| report.count_sent(frame));
                    }
                    rest = left;
                    continue;
                }
                Err(error) => error,
            };
            let left = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            match (error.kind(), error.raw_os_error()) {
                (io::ErrorKind::Interrupted, _) => {}
                (io::ErrorKind::WouldBlock, _) => {
                    report.queue_full += left;
                    return;
                }
                // Dropped by the qdisc or the driver (a veth whose peer does not take the frame): it says nothing about the next.
                (_, Some(libc::ENOBUFS | libc::ENOMEM)) => {
                    report.queue_full += 1;
                    rest = others;
                }
                (_, Some(libc::EMSGSIZE)) => {
                    // The MTU was lowered: from the next call on, such frames are refused without asking the kernel.
                    self.ask_mtu();
                    report.too_long += 1;
                    rest = others;
                }
                (_, Some(libc::EINVAL | libc::EFAULT)) => {
                    report.refused += 1;
                    rest = others;
                }
                // ENETDOWN: down. ENXIO, ENODEV: gone. The receive side says so in the log.
                _ if self.rebind() => {}
                _ => {
                    report.device_gone += left;
                    return;
                }
            }
        }
    }
}

impl TxQueue for PacketTx {
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        self.refuse_too_long(pool, frames, report);
        self.send(pool, frames, report);
        frames.drain(..).for_each(|frame| pool.free(frame.buf));
    }
}

/// Whether an interface of this MTU takes the frame; a segmentation-offload frame, what it will be cut into. A tag that is
/// the outermost is allowed on top, as the kernel allows it.
fn fits(frame: &TxFrame, mtu: u32, pool: &Pool) -> bool {
    let length = if frame.offload.is_gso() {
        u32::from(frame.header_len) + u32::from(frame.offload.gso_size)
    } else {
        frame.length
    };
    let limit = mtu.saturating_add(ETHERNET_LEN);
    if length <= limit {
        return true;
    }
    let in_data = frame.vlan_tci.is_none() && {
        let bytes = pool.arena().frame(&frame.buf, frame.start, frame.length);
        bytes.get(MACS_LEN..MACS_LEN + 2).is_some_and(|tpid| *tpid == CUSTOMER_TAG.to_be_bytes())
    };
    in_data && length <= limit + TAG_LEN
}

fn outgoing<'a>(frame: &'a TxFrame, pool: &'a Pool) -> Outgoing<'a> {
    let bytes = pool.arena().frame(&frame.buf, frame.start, frame.length);
    let Some((tci, (front, rest))) = frame.vlan_tci.zip(bytes.split_at_checked(MACS_LEN)) else {
        return Outgoing { header: frame.offload.to_virtio(frame.header_len), front: bytes, tagged: None };
    };
    let mut offload = frame.offload;
    offload.shift(4);
    let header = offload.to_virtio(if frame.header_len == 0 { 0 } else { frame.header_len + 4 });
    let ([t0, t1], [v0, v1]) = (CUSTOMER_TAG.to_be_bytes(), tci.to_be_bytes());
    Outgoing { header, front, tagged: Some(([t0, t1, v0, v1], rest)) }
}
