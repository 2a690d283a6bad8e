//! Captures through the plane: what was received and what was sent, whole or cut, with its tag.

use super::lab::{Lab, trunk, wait_for};
use super::traffic::{mac, numbered};
use heddle_host::control::capture::{CaptureSource, capture_pipe};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::{CaptureDirection, CaptureSpec, CapturedFrame, PortChange, PortName, SnapLength};
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

fn start(lab: &Lab, port: &str, snap: u64) -> CaptureSource {
    let (sink, source) = capture_pipe();
    let spec = CaptureSpec::new(lab.switch.clone(), PortName::new(port).unwrap(), SnapLength::new(snap).unwrap());
    lab.engine.start_capture(spec, sink).unwrap();
    source
}

fn next(source: &mut CaptureSource) -> Option<CapturedFrame> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limit = std::time::Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(limit, source.next()).await.expect("a captured frame") })
}

#[test]
fn a_capture_sees_both_directions_with_the_tag_in_its_place() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &trunk(&[7], 0));
    let mut b = lab.add("b", &trunk(&[7], 0));
    let (mut at_a, mut at_b) = (start(&lab, "a", 262_144), start(&lab, "b", 30));
    let frame = numbered(mac(1, 1), [0xff; 6], 3, 9, 100);
    // The tag comes beside the frame, as from a device that strips it.
    a.send(&frame, Some(7), &Offload::default()).unwrap();
    let (received, sent) = (next(&mut at_a).unwrap(), next(&mut at_b).unwrap());
    let whole = [&frame[..12], &[0x81, 0x00, 0x00, 0x07], &frame[12..]].concat();
    assert_eq!((received.direction, sent.direction), (CaptureDirection::Ingress, CaptureDirection::Egress));
    assert_eq!((&received.bytes, received.original_length), (&whole, 104));
    assert_eq!((&sent.bytes[..], sent.original_length), (&whole[..30], 104), "cut to the snap length");
    assert!(received.unix_nanoseconds > 1_700_000_000_000_000_000);
    assert_eq!((at_a.missed(), at_b.missed()), (0, 0));
    wait_for("the frame", || b.receive().is_some());
    lab.settled();
}

#[test]
fn a_capture_with_drops_has_them_with_their_reason_and_no_others() {
    let lab = Lab::new(2);
    let mut a = lab.add("a", &trunk(&[7], 0));
    let _b = lab.add("b", &trunk(&[7], 0));
    let capture = |port: &str| {
        let (sink, source) = capture_pipe();
        let spec = CaptureSpec::new(lab.switch.clone(), PortName::new(port).unwrap(), SnapLength::default());
        lab.engine.start_capture(spec.with_drops(true), sink).unwrap();
        source
    };
    let (mut at_a, mut at_b) = (capture("a"), capture("b"));
    let without = start(&lab, "a", 262_144);
    let frame = numbered(mac(1, 1), [0xff; 6], 3, 9, 300);
    // VLAN 8 is not one of the trunk's.
    a.send(&frame, Some(8), &Offload::default()).unwrap();
    let (received, dropped) = (next(&mut at_a).unwrap(), next(&mut at_a).unwrap());
    assert_eq!(received.drop_reason, None);
    assert_eq!(dropped.drop_reason.as_deref(), Some("vlan-not-allowed-ingress"));
    assert_eq!((dropped.direction, dropped.original_length), (CaptureDirection::Ingress, 304));
    assert_eq!(dropped.bytes[..], received.bytes[..128], "its first bytes, with the tag in its place");
    a.send(&frame, Some(7), &Offload::default()).unwrap();
    assert_eq!(next(&mut at_b).unwrap().drop_reason, None, "the drop was none of this port's");
    assert_eq!(next(&mut at_a).unwrap().drop_reason, None);
    lab.settled();
    drop(without);
}

#[test]
fn a_capture_ends_with_its_port_and_an_unheard_one_is_dropped() {
    let lab = Lab::new(2);
    let _a = lab.add("a", &PortChange::default());
    let mut at_a = start(&lab, "a", 100);
    lab.remove("a");
    assert_eq!(next(&mut at_a), None, "the capture ends when its port is gone");

    let mut b = lab.add("b", &PortChange::default());
    drop(start(&lab, "b", 100));
    let frame = numbered(mac(1, 1), [0xff; 6], 3, 9, 100);
    (0..100).for_each(|_| b.send(&frame, None, &Offload::default()).unwrap());
    wait_for("the frames", || lab.port("b").counters.rx_packets == 100);
    lab.settled();
}

#[test]
fn a_capture_of_no_port_is_refused() {
    let lab = Lab::new(1);
    let (sink, _source) = capture_pipe();
    let spec = CaptureSpec::new(lab.switch.clone(), PortName::new("nope").unwrap(), SnapLength::default());
    let refused = lab.engine.start_capture(spec, sink).unwrap_err();
    assert!(matches!(refused, ControlError::NoSuchPort { .. }), "{refused}");
}
