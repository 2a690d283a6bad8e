//! Memory ports: both directions, the far side's modes, and what happens at the limits.

use crate::packets::Udp;
use crate::rig::{await_frame, bytes, forwarded, free, pool, sized_pool, transmit, tx_frame};
use heddle_host::ports::memory::{self, RingFull, source};
use heddle_host::ports::{self, OpenSpec, RxQueue, RxStatus, TxQueue};
use heddle_switch_core::frame::TxReport;
use heddle_switch_core::offload::Offload;

const UDP: Udp =
    Udp { src_mac: [2, 0, 0, 0, 0, 1], dst_mac: [2, 0, 0, 0, 0, 2], src: [10, 0, 0, 1], dst: [10, 0, 0, 2], port: 7 };

#[test]
fn frames_with_tags_and_offload_facts_pass_both_ways() {
    let (mut rx, mut tx, mut end) = memory::pair(1, memory::RING_BYTES);
    let mut pool = pool();
    let before = free(&pool);
    for length in [18, 1_458, 8_972, 60_000_usize] {
        let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let (frame, offload) = if length == 60_000 { UDP.segmented(&payload, 1_200) } else { UDP.partial(&payload) };
        end.send(&frame, Some(0x2005), &offload).unwrap();
        let received = await_frame(rx[0].as_mut_queue(), &mut pool, |_, _| true);
        assert_eq!((bytes(&pool, &received), received.vlan_tci), (&frame[..], Some(0x2005)));
        assert_eq!(received.offload, offload);
        let sent = forwarded(received, &pool);
        assert_eq!(transmit(&mut tx, &mut pool, sent).sent, 1);
        let out = end.receive().unwrap();
        assert_eq!(out.bytes, [&frame[..12], &[0x81, 0, 0x20, 5], &frame[12..]].concat());
        assert_eq!(out.offload.csum.unwrap().start, 38, "offsets count the tag");
    }
    assert_eq!(end.receive(), None);
    assert_eq!(free(&pool), before);
}

trait AsQueue {
    fn as_mut_queue(&mut self) -> &mut dyn RxQueue;
}

impl<T: RxQueue> AsQueue for T {
    fn as_mut_queue(&mut self) -> &mut dyn RxQueue {
        self
    }
}

#[test]
fn full_rings_are_counted_on_both_sides() {
    let (mut rx, mut tx, mut end) = memory::pair(1, 1_000);
    let mut pool = pool();
    let frame = UDP.complete(&[0; 18]);
    let accepted = (0..20).filter(|_| end.send(&frame, None, &Offload::default()).is_ok()).count();
    assert_eq!(accepted, 1_000 / (60 + 18));
    assert_eq!(end.send(&frame, None, &Offload::default()), Err(RingFull));
    assert_eq!(rx[0].losses().missed, 21 - accepted as u64);

    let mut frames: Vec<_> = (0..20).map(|_| tx_frame(&mut pool, &frame)).collect();
    let before = free(&pool) + frames.len();
    let mut report = TxReport::default();
    tx.transmit(&mut pool, &mut frames, &mut report);
    assert_eq!((report.sent, report.queue_full), (12, 8));
    assert_eq!(free(&pool), before);
    drop(end);
    let frame = tx_frame(&mut pool, &frame);
    assert_eq!(transmit(&mut tx, &mut pool, frame).device_gone, 1);
}

#[test]
fn a_lying_header_is_refused_and_the_buffer_comes_back() {
    let (mut rx, _tx, mut end) = memory::pair(1, memory::RING_BYTES);
    let mut pool = pool();
    let before = free(&pool);
    // Partial checksum whose field lies in the IPv4 header.
    end.send_with_header(&UDP.complete(&[0; 18]), None, [1, 0, 0, 0, 0, 0, 14, 0, 10, 0]).unwrap();
    let mut out = Vec::new();
    assert_eq!(rx[0].receive(&mut pool, &mut out, 8), RxStatus::Empty);
    assert!(out.is_empty());
    assert_eq!((rx[0].losses().malformed, free(&pool)), (1, before));
}

#[test]
fn without_buffers_frames_wait_in_the_ring() {
    let (mut rx, _tx, mut end) = memory::pair(1, memory::RING_BYTES);
    let mut pool = sized_pool([2, 0, 0]);
    for number in 0..3 {
        end.send(&UDP.complete(&[number; 18]), None, &Offload::default()).unwrap();
    }
    let mut out = Vec::new();
    assert_eq!(rx[0].receive(&mut pool, &mut out, 8), RxStatus::More);
    assert_eq!(out.len(), 2);
    out.drain(..).for_each(|frame| pool.free(frame.buf));
    assert_eq!(rx[0].receive(&mut pool, &mut out, 8), RxStatus::Empty);
    assert_eq!(bytes(&pool, &out[0])[42], 2);
}

#[test]
fn the_far_end_is_taken_by_name_once() {
    let mut port = ports::open(&OpenSpec::new("lab/p1", "memory", "")).unwrap();
    let mut end = memory::take_end("lab/p1").unwrap();
    assert!(memory::take_end("lab/p1").is_none() && memory::take_end("lab/p2").is_none());
    let mut pool = pool();
    end.send(&UDP.complete(&[1; 18]), None, &Offload::default()).unwrap();
    await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| frame[42] == 1);
    assert!(!end.is_closed());
    drop(port);
    assert!(end.is_closed());
}

#[test]
fn a_cable_joins_two_ports() {
    let spec = |name: &str, queues| OpenSpec { queues, ..OpenSpec::new(name, "memory", "loop:c1") };
    let mut left = ports::open(&spec("lab/left", 2)).unwrap();
    let error = ports::open(&spec("lab/right", 1)).err().unwrap().to_string();
    assert!(error.contains("loop:c1") && error.contains("2 queues"), "{error}");
    let mut right = ports::open(&spec("lab/right", 2)).unwrap();
    let mut pool = pool();
    let frame = tx_frame(&mut pool, &UDP.complete(&[9; 18]));
    assert_eq!(transmit(left.tx.as_mut(), &mut pool, frame).sent, 1);
    let mut out = Vec::new();
    for queue in &mut right.rx {
        queue.receive(&mut pool, &mut out, 8);
    }
    assert_eq!(out.len(), 1);
    assert_eq!(bytes(&pool, &out[0])[42], 9);
    let error = ports::open(&spec("annex/third", 2)).err().unwrap().to_string();
    assert!(error.contains("loop:c1") && error.contains("'lab/left' and 'lab/right' are at its two ends"), "{error}");
    assert!(error.ends_with("; choose another NAME or remove one of them"), "{error}");
    drop(right);
    let frame = tx_frame(&mut pool, &UDP.complete(&[9; 18]));
    assert_eq!(transmit(left.tx.as_mut(), &mut pool, frame).device_gone, 1);
    // The cable is cut: its name is free for another.
    let _half = ports::open(&spec("annex/third", 2)).unwrap();
}

#[test]
fn a_source_sends_and_a_sink_takes() {
    let mut port = ports::open(&OpenSpec::new("lab/s", "memory", "source:10000:128:2")).unwrap();
    let mut pool = pool();
    let frame = await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| source::number_of(frame) == Some((1, 3)));
    assert_eq!(frame.length, 124);
    let mut sink = ports::open(&OpenSpec::new("lab/k", "memory", "sink")).unwrap();
    let frame = forwarded(frame, &pool);
    assert_eq!(transmit(sink.tx.as_mut(), &mut pool, frame).sent, 1);
    let mut out = Vec::new();
    assert_eq!(sink.rx[0].receive(&mut pool, &mut out, 8), RxStatus::Empty);
}
