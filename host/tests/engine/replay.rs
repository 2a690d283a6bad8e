//! Frames of the real world into a running switch: whatever they are, each is delivered or dropped under a name.

use super::lab::{Lab, access, alone, leave_out, library, trunk, wait_for};
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;
use std::path::{Path, PathBuf};

/// The frames of a capture in the classic format; `None` when it is none. A cut-off file ends early.
fn frames(file: &[u8]) -> Option<Vec<&[u8]>> {
    let little = match u32::from_le_bytes(*file.first_chunk()?) {
        0xa1b2_c3d4 | 0xa1b2_3c4d => true,
        0xd4c3_b2a1 | 0x4d3c_b2a1 => false,
        _ => return None,
    };
    let (mut at, mut frames) = (24, Vec::new());
    while let Some(bytes) = file.get(at + 8..at + 12) {
        let bytes = *bytes.first_chunk::<4>()?;
        let length = if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        let Some(frame) = file.get(at + 16..at + 16 + length as usize) else { break };
        frames.push(frame);
        at += 16 + length as usize;
    }
    Some(frames)
}

fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/captures");
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_capture = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "pcap");
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(is_capture).collect();
    paths.sort();
    paths
}

fn drain(ends: &mut [MemoryEnd]) {
    ends.iter_mut().for_each(|end| while end.receive().is_some() {});
}

/// Every file through every port, in order, with an extension on both legs.
#[test]
fn every_capture_passes_through_a_running_switch_with_an_exact_law() {
    let _alone = alone();
    let paths = captures();
    if paths.is_empty() {
        return leave_out("replay of captures", "there are none in ../shared/data/captures");
    }
    let lab = Lab::new(2);
    let ports: [(&str, PortChange); 5] = [
        ("plain", PortChange::default()),
        ("other", PortChange::default()),
        ("ten", access(10)),
        ("trunk", trunk(&(1..4_095).collect::<Vec<_>>(), 0)),
        ("native", trunk(&[1, 2, 3, 20, 100, 118], 10)),
    ];
    let mut ends: Vec<_> = ports.iter().map(|(name, change)| lab.add(name, change)).collect();
    lab.enable(library("heddle-passthrough").to_str().unwrap(), &[]);
    let mut sent = 0;
    for path in &paths {
        let file = std::fs::read(path).unwrap();
        let frames = frames(&file).unwrap_or_else(|| panic!("{} is no capture", path.display()));
        for from in 0..ends.len() {
            for frame in &frames {
                while ends[from].send(frame, None, &Offload::default()).is_err() {
                    drain(&mut ends);
                    std::thread::yield_now();
                }
                sent += 1;
            }
            drain(&mut ends);
        }
    }
    wait_for("all frames to be taken in", || {
        drain(&mut ends);
        lab.engine.switch(&lab.switch).unwrap().law.rx >= sent
    });
    lab.settled();
    let (law, drops) = (lab.engine.switch(&lab.switch).unwrap().law, lab.drops());
    println!("{} captures, {sent} frames: {law:?}, drops {drops:?}", paths.len());
    assert_eq!(law.rx, sent, "every frame was taken in");
    assert!(
        law.tx > sent / 2,
        "what stays behind the port it came from is dropped, the rest goes to somebody: {law:?}"
    );
    assert_eq!(drops.iter().map(|(_, count)| count).sum::<u64>(), law.dropped);
}
