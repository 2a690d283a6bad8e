//! A far side that sends numbered frames, for demos and tests without privileges.
//!
//! `source:PPS:SIZE:FLOWS[:FROM:TO]` sends at most PPS frames a second of SIZE bytes (FCS counted, so 64 is the shortest)
//! round robin over FLOWS flows. Flow f goes from host f of station FROM to host f of station TO (default 1 to 2):
//! MAC 02:00:00:station:f, address 10.station.f, UDP port 50,000 + f of either. Two sources with FROM and TO exchanged
//! answer each other, so a switch learns both. The payload is a mark, the flow and the frame's number in its flow
//! ([`number_of`]).
//!
//! Limits: after a pause at most 1,024 frames are caught up. Time is the monotonic clock, read once per call.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use heddle_switch_core::arena::HEADROOM;
use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::pool::Pool;

use crate::ports::{RxQueue, RxStatus};

/// Ethernet, IPv4 without options and UDP.
const HEADERS_LEN: usize = 14 + 20 + 8;
const MARK: [u8; 4] = *b"HDL1";
/// Headers, mark, flow and number.
const NUMBERED_LEN: usize = HEADERS_LEN + 4 + 4 + 8;
const FCS_LEN: u16 = 4;
const SIZES: std::ops::RangeInclusive<u16> = 64..=9_022;
const PPS_MAX: u64 = 100_000_000;
const CATCH_UP_MAX: u64 = 1_024;
/// Destination port of flow 0; the source port is the same. Dynamic (RFC 6335), so that no tool takes it for a protocol.
const UDP_PORT: u16 = 50_000;

/// What a source sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    pps: u64,
    /// Bytes of a frame without FCS.
    length: u16,
    flows: u16,
    from: u8,
    to: u8,
}

impl SourceSettings {
    pub(super) fn parse(text: &str) -> Result<SourceSettings, String> {
        let fields: Vec<&str> = text.split(':').collect();
        let (pps, size, flows, stations) = match *fields.as_slice() {
            [pps, size, flows] => (pps, size, flows, ("1", "2")),
            [pps, size, flows, from, to] => (pps, size, flows, (from, to)),
            _ => return Err("write source:PPS:SIZE:FLOWS or source:PPS:SIZE:FLOWS:FROM:TO".to_owned()),
        };
        let pps = pps.parse().ok().filter(|pps| (1..=PPS_MAX).contains(pps));
        let size: Option<u16> = size.parse().ok().filter(|size| SIZES.contains(size));
        let flows = flows.parse().ok().filter(|flows| *flows > 0);
        let station = |text: &str| text.parse::<u8>().map_err(|_| format!("station {text} is not 0 to 255"));
        Ok(SourceSettings {
            pps: pps.ok_or_else(|| format!("PPS must be 1 to {PPS_MAX}"))?,
            length: size.ok_or_else(|| format!("SIZE must be {} to {} bytes", SIZES.start(), SIZES.end()))? - FCS_LEN,
            flows: flows.ok_or("FLOWS must be 1 to 65535")?,
            from: station(stations.0)?,
            to: station(stations.1)?,
        })
    }

    /// Headers of a flow's frames.
    fn headers(&self, flow: u16) -> [u8; HEADERS_LEN] {
        let [high, low] = flow.to_be_bytes();
        let ip_length = self.length - 14;
        let [ip_high, ip_low] = ip_length.to_be_bytes();
        let [udp_high, udp_low] = (ip_length - 20).to_be_bytes();
        let [port_high, port_low] = UDP_PORT.wrapping_add(flow).to_be_bytes();
        let mut headers = [
            0x02, 0, 0, self.to, high, low, 0x02, 0, 0, self.from, high, low, 0x08, 0x00, // Ethernet
            0x45, 0, ip_high, ip_low, 0, 0, 0x40, 0, 64, 17, 0, 0, // IPv4: DF, TTL 64, UDP, checksum to come
            10, self.from, high, low, 10, self.to, high, low, //
            port_high, port_low, port_high, port_low, udp_high, udp_low, 0, 0, // UDP without a checksum (RFC 768)
        ];
        let words = headers.iter().skip(14).take(20).collect::<Vec<_>>();
        let sum: u32 = words.chunks_exact(2).map(|two| u32::from(u16::from_be_bytes([*two[0], *two[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX);
        if let Some(field) = headers.get_mut(24..26) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
        headers
    }
}

/// Flow and number of a frame that a source sent; offsets count from the destination MAC, `None` for other frames.
pub fn number_of(frame: &[u8]) -> Option<(u32, u64)> {
    let payload = frame.get(HEADERS_LEN..NUMBERED_LEN)?;
    let (mark, rest) = payload.split_first_chunk::<4>()?;
    let (flow, rest) = rest.split_first_chunk::<4>()?;
    let number = rest.first_chunk::<8>()?;
    (*mark == MARK).then_some((u32::from_be_bytes(*flow), u64::from_be_bytes(*number)))
}

struct Flow {
    headers: [u8; HEADERS_LEN],
    number: u64,
    flow: u32,
}

/// One receive queue of a source: its share of the flows at its share of the rate.
pub(super) struct SourceRx {
    flows: Vec<Flow>,
    next: usize,
    length: u16,
    pps: u64,
    started: Option<Instant>,
    sent: u64,
}

impl SourceRx {
    pub(super) fn new(settings: &SourceSettings, queue: u16, queues: u16) -> SourceRx {
        let flow = |flow| Flow { headers: settings.headers(flow), number: 0, flow: u32::from(flow) };
        let flows: Vec<Flow> = (0..settings.flows).filter(|flow| flow % queues == queue).map(flow).collect();
        let share = u64::try_from(flows.len()).unwrap_or(0);
        let pps = settings.pps * share / u64::from(settings.flows);
        SourceRx { flows, next: 0, length: settings.length, pps, started: None, sent: 0 }
    }

    /// Frames that may be sent now.
    fn due(&mut self, now: Instant) -> u64 {
        let started = *self.started.get_or_insert(now);
        let allowed = now.duration_since(started).as_nanos() * u128::from(self.pps) / 1_000_000_000;
        let due = u64::try_from(allowed).unwrap_or(u64::MAX).saturating_sub(self.sent);
        // What a pause leaves undone beyond the limit is forgotten, not sent as one burst.
        self.sent += due.saturating_sub(CATCH_UP_MAX);
        due.min(CATCH_UP_MAX)
    }

    fn emit(&mut self, now: Instant, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        let due = self.due(now);
        let count = usize::try_from(due).unwrap_or(usize::MAX).min(budget);
        for _ in 0..count {
            let Some(mut buf) = pool.alloc_for(usize::from(self.length)) else { return RxStatus::More };
            let range = usize::from(HEADROOM)..usize::from(HEADROOM + self.length);
            let place = pool.arena().bytes_mut(&mut buf).and_then(|bytes| bytes.get_mut(range));
            if let (Some(place), Some(flow)) = (place, self.flows.get_mut(self.next)) {
                write_frame(place, flow);
            }
            self.next = if self.next + 1 < self.flows.len() { self.next + 1 } else { 0 };
            self.sent += 1;
            out.push(RxFrame::plain(buf, u32::from(self.length)));
        }
        if count == budget { RxStatus::More } else { RxStatus::Empty }
    }
}

fn write_frame(place: &mut [u8], flow: &mut Flow) {
    let Some((headers, payload)) = place.split_first_chunk_mut::<HEADERS_LEN>() else { return };
    *headers = flow.headers;
    // The buffer may hold another port's old frame.
    payload.fill(0);
    let fields = MARK.into_iter().chain(flow.flow.to_be_bytes()).chain(flow.number.to_be_bytes());
    for (to, from) in payload.iter_mut().zip(fields) {
        *to = from;
    }
    flow.number += 1;
}

impl RxQueue for SourceRx {
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus {
        if self.flows.is_empty() {
            return RxStatus::Empty;
        }
        self.emit(Instant::now(), pool, out, budget)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heddle_switch_core::arena::{Arena, ArenaSize, HeapRegion};
    use heddle_switch_core::pool::Homes;
    use std::sync::Arc;
    use std::time::Duration;

    fn pool() -> Pool {
        let size = ArenaSize { buffers: [2_048, 8, 4] };
        let (arena, handles) = Arena::carve(Box::new(HeapRegion::new(size.bytes())), size).unwrap();
        let (homes, mut shares) = Homes::cut(handles, 1);
        Pool::new(Arc::new(arena), homes, 0, shares.remove(0))
    }

    #[test]
    fn sends_at_its_rate_numbered_per_flow_and_with_right_headers() {
        let settings = SourceSettings::parse("1000:64:3:7:9").unwrap();
        let mut source = SourceRx::new(&settings, 0, 1);
        let (mut pool, mut out, start) = (pool(), Vec::new(), Instant::now());
        assert_eq!(source.emit(start, &mut pool, &mut out, 64), RxStatus::Empty);
        assert!(out.is_empty());
        assert_eq!(source.emit(start + Duration::from_millis(9), &mut pool, &mut out, 64), RxStatus::Empty);
        let frames: Vec<&[u8]> =
            out.iter().map(|frame| pool.arena().frame(&frame.buf, frame.start, frame.length)).collect();
        let numbers: Vec<_> = frames.iter().map(|frame| number_of(frame).unwrap()).collect();
        assert_eq!(numbers, [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (2, 2)]);
        assert_eq!(frames[1].len(), 60);
        assert_eq!(frames[1][..14], [2, 0, 0, 9, 0, 1, 2, 0, 0, 7, 0, 1, 8, 0]);
        let sum: u32 = frames[1][14..34].chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "IPv4 header checksum");
        assert_eq!(number_of(&[0; 60]), None);
    }

    #[test]
    fn a_pause_is_caught_up_only_in_part_and_a_budget_is_kept() {
        let mut source = SourceRx::new(&SourceSettings::parse("1000000:64:1").unwrap(), 0, 1);
        let (mut pool, mut out, start) = (pool(), Vec::new(), Instant::now());
        source.emit(start, &mut pool, &mut out, 4_096);
        source.emit(start + Duration::from_secs(1), &mut pool, &mut out, 4_096);
        assert_eq!(out.len(), 1_024);
        let status = source.emit(start + Duration::from_millis(1_001), &mut pool, &mut out, 10);
        assert_eq!((out.len(), status), (1_034, RxStatus::More));
    }

    #[test]
    fn queues_share_the_flows() {
        let settings = SourceSettings::parse("900:128:9").unwrap();
        let queues: Vec<SourceRx> = (0..3).map(|queue| SourceRx::new(&settings, queue, 3)).collect();
        assert!(queues.iter().all(|queue| queue.flows.len() == 3 && queue.pps == 300));
    }

    #[test]
    fn settings_outside_their_limits_are_refused_by_name() {
        for (text, thing) in [
            ("", "PPS:SIZE:FLOWS"),
            ("0:64:1", "PPS"),
            ("1:63:1", "SIZE"),
            ("1:9023:1", "SIZE"),
            ("1:64:0", "FLOWS"),
            ("1:64:1:256:1", "256"),
        ] {
            let error = SourceSettings::parse(text).unwrap_err();
            assert!(error.contains(thing), "{text}: {error}");
        }
    }
}
