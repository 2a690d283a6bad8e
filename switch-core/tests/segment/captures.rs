//! Segmentation-offload frames from captures, when they are there: tunnels are cut by their outer header.
#![allow(clippy::disallowed_methods, reason = "the captures are files")]

use super::{Built, check, files::captures};
use heddle_switch_core::checksum::PartialChecksum;
use heddle_switch_core::offload::{GsoKind, Offload};

/// Frames of one classic pcap file, either byte order.
fn pcap_frames(file: &[u8]) -> Vec<Vec<u8>> {
    let little = file.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]);
    let word = |at: usize| {
        let bytes: [u8; 4] = file[at..at + 4].try_into().unwrap();
        if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    };
    let (mut frames, mut at) = (Vec::new(), 24);
    while at + 16 <= file.len() {
        let length = word(at + 8) as usize;
        frames.push(file[at + 16..at + 16 + length].to_vec());
        at += 16 + length;
    }
    frames
}

#[test]
fn captured_offload_frames() {
    let Some(paths) = captures("switch-core captured_offload_frames") else { return };
    let mut seen = 0;
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".pcap") || !(name.starts_with("gso-") || name.ends_with("_tso.pcap")) {
            continue;
        }
        for mut frame in pcap_frames(&std::fs::read(&path).unwrap()) {
            let v6 = frame[14] >> 4 == 6;
            let (l4, protocol) = if v6 { (54, frame[20]) } else { (14 + usize::from(frame[14] & 15) * 4, frame[23]) };
            let tcp = protocol == 6;
            let header_len = l4 + if tcp { usize::from(frame[l4 + 12] >> 4) * 4 } else { 8 };
            let gso = match (tcp, v6) {
                (true, false) => GsoKind::Tcp4,
                (true, true) => GsoKind::Tcp6,
                (false, _) => GsoKind::UdpL4,
            };
            if !v6 {
                // Captured before its length was set, in one of the files; and no fragment flags.
                let total = (frame.len() - 14) as u16;
                frame[16..18].copy_from_slice(&total.to_be_bytes());
            }
            let payload = frame[header_len..].to_vec();
            for gso_size in [100, 1_398, 1_448] {
                let csum = Some(PartialChecksum { start: l4 as u16, offset: if tcp { 16 } else { 6 } });
                let offload = Offload { csum, gso, gso_size, ..Offload::default() };
                check(&Built { frame: frame.clone(), l3: 14, l4: l4 as u16, header_len, offload }, &payload);
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "only {seen} captured frames");
}
