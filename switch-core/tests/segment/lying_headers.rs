//! Frames whose IP headers lie about lengths, fragments and extension headers.

use super::{Built, Shape};
use heddle_switch_core::offload::{HeaderError, Offload, OffloadError, PartialChecksum};
use heddle_switch_core::segment::{SegmentError, SegmentPlan};

fn refusal(frame: &[u8], built: &Built) -> SegmentError {
    SegmentPlan::new(frame, built.l3, built.l4, &built.offload).unwrap_err()
}

#[test]
fn ipv4_lengths() {
    let built = Shape::plain(true, false, 100, 50).build();
    let mut frame = built.frame.clone();
    frame[14] = 0x44;
    assert_eq!(refusal(&frame, &built), HeaderError::Length { at: 14, claimed: 16 }.into());
    frame[14] = 0x55;
    assert_eq!(refusal(&frame, &built), HeaderError::Version(5).into());
    let mut frame = built.frame.clone();
    frame[16..18].copy_from_slice(&[0, 19]);
    assert_eq!(refusal(&frame, &built), HeaderError::Length { at: 14, claimed: 19 }.into());
    frame[16..18].copy_from_slice(&[0, 39]);
    assert_eq!(refusal(&frame, &built), HeaderError::Truncated { need: 54, have: 53 }.into());
    frame[16..18].copy_from_slice(&[0, 141]);
    assert_eq!(refusal(&frame, &built), HeaderError::Truncated { need: 155, have: 154 }.into());
    let mut frame = built.frame.clone();
    frame[46] = 0x40; // TCP data offset
    assert_eq!(refusal(&frame, &built), HeaderError::Length { at: 34, claimed: 16 }.into());
}

#[test]
fn ipv6_extension_headers() {
    let many = Shape { network_extra: 9, ..Shape::plain(true, true, 100, 50) }.build();
    assert_eq!(refusal(&many.frame, &many), HeaderError::TooManyExtensionHeaders.into());
    let most = Shape { network_extra: 8, ..Shape::plain(true, true, 100, 50) }.build();
    assert!(SegmentPlan::new(&most.frame, most.l3, most.l4, &most.offload).is_ok());

    let built = Shape { network_extra: 1, ..Shape::plain(false, true, 100, 50) }.build();
    let mut frame = built.frame.clone();
    frame[55] = 20; // the extension header ends behind the packet
    assert_eq!(refusal(&frame, &built), HeaderError::Truncated { need: 222, have: frame.len() }.into());
    let mut frame = built.frame.clone();
    frame[20] = 44; // an atomic fragment is one all the same
    assert_eq!(refusal(&frame, &built), SegmentError::Fragment);
}

/// AH counts in 4-byte units (RFC 4302 2.2): 24 bytes here, where other extension headers would be 40.
#[test]
fn authentication_header_length() {
    let built = Shape { network_extra: 3, ..Shape::plain(false, true, 100, 50) }.build();
    let mut frame = built.frame.clone();
    frame[20] = 51;
    frame[54..56].copy_from_slice(&[17, 4]);
    assert!(SegmentPlan::new(&frame, built.l3, built.l4, &built.offload).is_ok());
}

#[test]
fn a_fragment_has_no_partial_checksum() {
    for (v6, at, value) in [(false, 20, 0x20), (false, 21, 1), (true, 20, 44)] {
        let built = Shape { network_extra: v6.into(), ..Shape::plain(false, v6, 100, 50) }.build();
        let csum = Some(PartialChecksum { start: built.l4, offset: 6 });
        let header = Offload { csum, ..Offload::default() }.to_virtio(0);
        let mut frame = built.frame;
        assert!(Offload::from_virtio(&header, &frame).is_ok());
        frame[at] = value;
        assert_eq!(Offload::from_virtio(&header, &frame), Err(OffloadError::Fragment));
    }
}
