//! The memory backend: ports without a device, for tests of a whole switch, for measurements and for demos without rights.
//!
//! Two byte rings stand for the wire. The switch has one end ([`MemoryRx`], [`MemoryTx`]), whoever plays the other side has
//! [`MemoryEnd`]. [`pair`] makes both directly; a port opened by name leaves its far end in a table, and [`take_end`] gets
//! it by `switch/port`. The device string chooses what the far side is:
//!
//! - empty: a far end to take;
//! - `sink`: takes everything and sends nothing;
//! - `source:PPS:SIZE:FLOWS[:FROM:TO]`: numbered frames, see [`source`]; takes everything;
//! - `loop:NAME`: a cable to the other port that is opened with the same NAME.
//!
//! Nothing allocates per frame on the switch's side. Frames pass the same door as a device's: their virtio-net header is
//! checked and refused when it lies. Such a port has no descriptor: it must be polled.

mod mode;
mod registry;
mod ring;
pub mod source;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use heddle_switch_core::arena::HEADROOM;
use heddle_switch_core::frame::{Capabilities, RxFrame, TxFrame, TxReport};
use heddle_switch_core::offload::{Offload, VIRTIO_LEN};
use heddle_switch_core::parse::ether_type::CUSTOMER_TAG;
use heddle_switch_core::pool::Pool;

use super::{BackendEntry, Notices, OpenPort, OpenPortError, OpenSpec, RxLosses, RxQueue, RxStatus, TxQueue};
use ring::{FrameReader, Record, Spread};
use source::SourceRx;

pub use mode::{Mode, ModeError};
pub use registry::take_end;
pub use ring::RingFull;

/// Bytes of the ring of each direction: 12,000 frames of 64 bytes, 690 of 1,500 or 15 of 64 KiB.
pub const RING_BYTES: usize = 1 << 20;
/// MTU of a port that was not given one: what the largest buffers hold.
const MTU: u32 = 65_535;

/// The switch's receive side of a memory port.
pub struct MemoryRx {
    ring: FrameReader,
    losses: RxLosses,
    missed: Arc<AtomicU64>,
}

/// The switch's transmit side of a memory port.
pub struct MemoryTx {
    rings: Spread,
    /// While it lives, this end of a cable is plugged in.
    _end: Option<Arc<()>>,
}

/// The far side of a memory port: what a guest or a network would be.
pub struct MemoryEnd {
    to_switch: Spread,
    from_switch: FrameReader,
    missed: Arc<AtomicU64>,
}

/// A frame that left the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnedFrame {
    /// All bytes, the 802.1Q tag where it is on the wire.
    pub bytes: Vec<u8>,
    /// What is still to be done to it; offsets count the tag.
    pub offload: Offload,
}

/// A port of `queues` receive queues with rings of `ring_bytes`, and its far side.
pub fn pair(queues: u16, ring_bytes: usize) -> (Vec<MemoryRx>, MemoryTx, MemoryEnd) {
    let (to_switch, inbound) = Spread::new(queues, ring_bytes);
    let (outbound, mut from_switch) = Spread::new(1, ring_bytes);
    let missed = Arc::new(AtomicU64::new(0));
    let rx = inbound.into_iter().map(|ring| MemoryRx::new(ring, &missed)).collect();
    // `Spread::new(1, _)` makes one reader; an empty ring stands in for the impossible case.
    let from_switch = from_switch.pop().unwrap_or_else(FrameReader::closed);
    (rx, MemoryTx { rings: outbound, _end: None }, MemoryEnd { to_switch, from_switch, missed })
}

/// [`pair`] as an open port.
pub fn open_pair(port: &str, queues: u16, ring_bytes: usize) -> (OpenPort, MemoryEnd) {
    let (rx, tx, end) = pair(queues, ring_bytes);
    let rx = rx.into_iter().map(|queue| Box::new(queue) as Box<dyn RxQueue>).collect();
    (open_port(port, rx, Box::new(tx), true, None), end)
}

impl MemoryRx {
    fn new(ring: FrameReader, missed: &Arc<AtomicU64>) -> MemoryRx {
        MemoryRx { ring, losses: RxLosses::default(), missed: Arc::clone(missed) }
    }
}

impl RxQueue for MemoryRx {
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        let mut taken = 0;
        while taken < budget {
            let Some(length) = self.ring.next_length() else { return RxStatus::Empty };
            let Some(mut buf) = pool.alloc_for(length) else { return RxStatus::More };
            let arena = pool.arena();
            let place = arena.bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(usize::from(HEADROOM)..));
            let record = place.and_then(|place| self.ring.read(place));
            let offload = match &record {
                Some(record) if record.header == [0; VIRTIO_LEN] => Ok(Offload::default()),
                Some(record) => Offload::from_virtio(&record.header, arena.frame(&buf, HEADROOM, record.length)),
                None => {
                    pool.free(buf);
                    return RxStatus::Empty;
                }
            };
            match (record, offload) {
                (Some(record), Ok(offload)) => {
                    let vlan_tci = record.vlan_tci;
                    out.push(RxFrame { vlan_tci, offload, ..RxFrame::plain(buf, record.length) });
                    taken += 1;
                }
                _ => {
                    self.losses.malformed += 1;
                    pool.free(buf);
                }
            }
        }
        RxStatus::More
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn losses(&mut self) -> RxLosses {
        // The far side counts for the whole port: take it over once, whichever queue is asked first.
        self.losses.missed += self.missed.swap(0, Ordering::Relaxed);
        self.losses
    }
}

impl TxQueue for MemoryTx {
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        let closed = self.rings.is_closed();
        for frame in frames.drain(..) {
            let bytes = pool.arena().frame(&frame.buf, frame.start, frame.length);
            let record = Record {
                length: frame.length,
                vlan_tci: frame.vlan_tci,
                header: frame.offload.to_virtio(frame.header_len),
            };
            if closed {
                report.device_gone += 1;
            } else if self.rings.write(&record, bytes).is_ok() {
                report.count_sent(&frame);
            } else {
                report.queue_full += 1;
            }
            pool.free(frame.buf);
        }
    }
}

impl MemoryEnd {
    /// Sends a frame into the switch, `vlan_tci` beside the data as a device would that strips tags. A full ring counts
    /// as a missed frame of the port.
    pub fn send(&mut self, frame: &[u8], vlan_tci: Option<u16>, offload: &Offload) -> Result<(), RingFull> {
        self.send_with_header(frame, vlan_tci, offload.to_virtio(0))
    }

    /// Sends a whole frame; one that has no place is not counted as missed: the caller tries again.
    pub(super) fn offer(&mut self, frame: &[u8]) -> Result<(), RingFull> {
        let length = u32::try_from(frame.len()).map_err(|_| RingFull)?;
        self.to_switch.write(&Record { length, vlan_tci: None, header: [0; VIRTIO_LEN] }, frame)
    }

    /// Sends a frame with a virtio-net header as it is, however wrong.
    pub fn send_with_header(
        &mut self,
        frame: &[u8],
        vlan_tci: Option<u16>,
        header: [u8; VIRTIO_LEN],
    ) -> Result<(), RingFull> {
        let length = u32::try_from(frame.len()).map_err(|_| RingFull)?;
        let sent = self.to_switch.write(&Record { length, vlan_tci, header }, frame);
        if sent.is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// The next frame that left the switch.
    pub fn receive(&mut self) -> Option<OwnedFrame> {
        let mut frame = OwnedFrame::default();
        self.receive_into(&mut frame).then_some(frame)
    }

    /// As [`receive`](Self::receive), into memory the caller keeps; `false` when there is none.
    pub fn receive_into(&mut self, frame: &mut OwnedFrame) -> bool {
        let Some(length) = self.from_switch.next_length() else { return false };
        frame.bytes.clear();
        frame.bytes.resize(length, 0);
        let Some(record) = self.from_switch.read(&mut frame.bytes) else { return false };
        // What the switch sends is its own word; a test compares it with what it expects, so it is not judged here.
        frame.offload = offload_of(&record.header, &frame.bytes);
        if let Some(tci) = record.vlan_tci.filter(|_| length >= 12) {
            let ([t0, t1], [v0, v1]) = (CUSTOMER_TAG.to_be_bytes(), tci.to_be_bytes());
            frame.bytes.splice(12..12, [t0, t1, v0, v1]);
            frame.offload.shift(4);
        }
        true
    }

    /// Whether the switch has closed its side.
    pub fn is_closed(&self) -> bool {
        self.to_switch.is_closed()
    }
}

fn offload_of(header: &[u8; VIRTIO_LEN], frame: &[u8]) -> Offload {
    if *header == [0; VIRTIO_LEN] {
        Offload::default()
    } else {
        Offload::from_virtio(header, frame).unwrap_or_default()
    }
}

/// Takes everything, for ports whose far side does not listen.
struct SinkTx;

impl TxQueue for SinkTx {
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        for frame in frames.drain(..) {
            report.count_sent(&frame);
            pool.free(frame.buf);
        }
    }
}

/// Never has anything.
struct SilentRx;

impl RxQueue for SilentRx {
    fn receive(&mut self, _: &mut Pool, _: &mut Vec<RxFrame>, _: usize) -> RxStatus {
        RxStatus::Empty
    }
    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

fn open_port(
    device: &str,
    rx: Vec<Box<dyn RxQueue>>,
    tx: Box<dyn TxQueue>,
    offload: bool,
    mtu: Option<u32>,
) -> OpenPort {
    let capabilities = Capabilities { checksum: offload, tcp_segmentation: offload, udp_segmentation: offload };
    let mtu = mtu.unwrap_or(MTU);
    OpenPort {
        drops: None,
        device: device.to_owned(),
        attachment: None,
        notices: Notices::default(),
        meter: None,
        rx,
        tx,
        capabilities,
        mtu,
        mac: None,
        speed_mbps: 0,
        carrier: true,
    }
}

inventory::submit! {
    BackendEntry {
        name: "memory",
        summary: "rings in memory: sink, source:PPS:SIZE:FLOWS[:FROM:TO], loop:NAME; needs no rights",
        open,
    }
}

fn open(spec: &OpenSpec) -> Result<OpenPort, OpenPortError> {
    let bad = |reason: String| OpenPortError::BadDevice { device: spec.device.clone(), backend: "memory", reason };
    let mode: Mode = spec.device.parse().map_err(|error: ModeError| bad(error.to_string()))?;
    let (rx, tx): (Vec<Box<dyn RxQueue>>, Box<dyn TxQueue>) = match mode {
        Mode::FarEnd => {
            let (port, end) = open_pair(&spec.port, spec.queues, RING_BYTES);
            registry::leave_end(&spec.port, end);
            (port.rx, port.tx)
        }
        Mode::Sink => ((0..spec.queues).map(|_| Box::new(SilentRx) as Box<dyn RxQueue>).collect(), Box::new(SinkTx)),
        Mode::Source(settings) => {
            let queue = |nth| Box::new(SourceRx::new(&settings, nth, spec.queues)) as Box<dyn RxQueue>;
            ((0..spec.queues).map(queue).collect(), Box::new(SinkTx))
        }
        Mode::Loop(name) => {
            let (rx, tx) = registry::plug(&name, &spec.port, spec.queues).map_err(bad)?;
            (rx.into_iter().map(|queue| Box::new(queue) as Box<dyn RxQueue>).collect(), Box::new(tx))
        }
    };
    let device = if spec.device.is_empty() { &spec.port } else { &spec.device };
    Ok(open_port(device, rx, tx, spec.offload, spec.mtu))
}
