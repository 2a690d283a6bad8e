//! The devices of one worker: receive queues it polls, transmit sides it owns, captures it feeds.

use std::time::{SystemTime, UNIX_EPOCH};

use heddle_switch_core::arena::Arena;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::frame::{RxFrame, TxFrame, TxReport};
use heddle_switch_core::pool::Pool;
use heddle_switch_core::port_id::{PORTS_MAX, PortId};
use heddle_switch_core::worker::Devices;

use super::command::{Tap, TapFrames};
use crate::control::bpf::{Frame, Program};
use crate::control::capture::Offered;
use crate::control::model::{CaptureDirection, CapturedFrame};
use crate::ports::TxQueue;

/// Transmit sides by port slot, and captures.
pub(crate) struct DeviceTable {
    tx: Vec<Option<(PortId, Box<dyn TxQueue>)>>,
    taps: Vec<Tap>,
}

impl Default for DeviceTable {
    fn default() -> Self {
        DeviceTable { tx: (0..PORTS_MAX).map(|_| None).collect(), taps: Vec::new() }
    }
}

impl DeviceTable {
    /// Takes over a transmit side.
    pub(crate) fn attach(&mut self, port: PortId, tx: Box<dyn TxQueue>) {
        if let Some(place) = self.tx.get_mut(port.slot()) {
            *place = Some((port, tx));
        }
    }

    /// Gives a transmit side back, and ends captures of its port.
    pub(crate) fn detach(&mut self, port: PortId) -> Option<Box<dyn TxQueue>> {
        self.taps.retain(|tap| tap.port != port);
        let place = self.tx.get_mut(port.slot())?;
        match place.take() {
            Some((id, tx)) if id == port => Some(tx),
            other => {
                *place = other;
                None
            }
        }
    }

    /// Starts a capture.
    pub(crate) fn tap(&mut self, tap: Tap) {
        self.taps.push(tap);
    }

    /// Drops captures nobody listens to any more.
    pub(crate) fn sweep_taps(&mut self) {
        self.taps.retain(|tap| !tap.sink.is_closed());
    }

    /// Copies received frames of a port for its captures.
    pub(crate) fn copy_received(&mut self, port: PortId, arena: &Arena, frames: &[RxFrame]) {
        if self.taps.is_empty() {
            return;
        }
        for frame in frames {
            let bytes = arena.frame(&frame.buf, frame.start, frame.length);
            self.offer(port.slot(), CaptureDirection::Ingress, bytes, frame.vlan_tci);
        }
    }

    fn offer(&mut self, slot: usize, direction: CaptureDirection, bytes: &[u8], tag: Option<u16>) {
        self.taps.retain(|tap| {
            let unwanted = |filter: &Program| !filter.matches(&Frame::new(bytes, tag));
            if tap.port.slot() != slot
                || matches!(tap.frames, TapFrames::Dropped(_))
                || tap.filter.as_deref().is_some_and(unwanted)
            {
                return true;
            }
            tap.sink.offer(captured(direction, bytes, tag, tap.snap)) != Offered::Closed
        });
    }
}

impl Devices for DeviceTable {
    fn transmit(&mut self, slot: usize, pool: &mut Pool, frames: &mut Vec<TxFrame>) -> TxReport {
        if !self.taps.is_empty() {
            let arena = std::sync::Arc::clone(pool.arena());
            for frame in frames.iter() {
                let bytes = arena.frame(&frame.buf, frame.start, frame.length);
                self.offer(slot, CaptureDirection::Egress, bytes, frame.vlan_tci);
            }
        }
        let mut report = TxReport::default();
        match self.tx.get_mut(slot).and_then(Option::as_mut) {
            Some((_, tx)) => tx.transmit(pool, frames, &mut report),
            None => {
                for frame in frames.drain(..) {
                    report.device_gone += 1;
                    pool.free(frame.buf);
                }
            }
        }
        report
    }

    fn wants_drops(&self) -> bool {
        self.taps.iter().any(|tap| !matches!(tap.frames, TapFrames::Passed))
    }

    fn dropped(&mut self, dropped: &Dropped, withheld: u64) {
        self.taps.retain(|tap| {
            let (TapFrames::PassedAndDropped(names) | TapFrames::Dropped(names)) = &tap.frames else { return true };
            if withheld > 0 {
                // Whose they were is not known any more.
                tap.sink.leave_out(withheld);
            }
            let direction = match tap.port {
                port if port == dropped.source => CaptureDirection::Ingress,
                port if port == dropped.destination => CaptureDirection::Egress,
                _ => return true,
            };
            let (bytes, tag) = untagged(dropped);
            if tap.filter.as_deref().is_some_and(|filter| !filter.matches(&Frame::new(&bytes, tag))) {
                return true;
            }
            let reason = match DropReason::from_code(dropped.code) {
                Some(reason) => reason.name().into(),
                None => names.reasons.describe(dropped.code).map_or("extension-drop".into(), |(id, _)| id.into()),
            };
            let frame = CapturedFrame {
                original_length: dropped.frame_length.max(1),
                drop_reason: Some(reason),
                ..captured(direction, &bytes, tag, tap.snap)
            };
            tap.sink.offer(frame) != Offered::Closed
        });
    }
}

/// The first bytes of a dropped frame with its tag beside them, as filters and captures take it.
fn untagged(dropped: &Dropped) -> (Vec<u8>, Option<u16>) {
    let mut bytes = dropped.header.get(..dropped.header_length).unwrap_or_default().to_vec();
    let is_tagged = dropped.tci != 0 && bytes.len() >= 16;
    if is_tagged {
        bytes.drain(12..16);
    }
    (bytes, is_tagged.then_some(dropped.tci))
}

fn captured(direction: CaptureDirection, bytes: &[u8], tag: Option<u16>, snap: usize) -> CapturedFrame {
    let mut whole = Vec::with_capacity(bytes.len() + 4);
    let macs = bytes.len().min(12);
    whole.extend_from_slice(&bytes[..macs]);
    if let Some(tci) = tag {
        whole.extend_from_slice(&heddle_switch_core::parse::ether_type::CUSTOMER_TAG.to_be_bytes());
        whole.extend_from_slice(&tci.to_be_bytes());
    }
    whole.extend_from_slice(&bytes[macs..]);
    let original_length = u32::try_from(whole.len()).unwrap_or(u32::MAX);
    whole.truncate(snap);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    CapturedFrame {
        unix_nanoseconds: u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX),
        direction,
        original_length,
        bytes: whole,
        drop_reason: None,
    }
}
