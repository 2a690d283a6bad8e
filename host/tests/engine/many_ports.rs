//! 256 ports on one switch: a broadcast reaches all but its source, and nothing grows when they come and go.

use super::lab::{Lab, alone, wait_for};
use super::traffic::{mac, numbered};
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::source::number_of;
use heddle_switch_core::offload::Offload;

const PORTS: u64 = 256;

/// Open descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Adds the ports, lets one broadcast and one unicast frame go from three of them, removes the ports.
fn round(lab: &Lab) {
    let name = |nth: u64| format!("p{nth}");
    let mut ends: Vec<_> = (0..PORTS).map(|nth| lab.add(&name(nth), &PortChange::default())).collect();
    assert_eq!(lab.engine.ports(&lab.switch).unwrap().len(), 256);
    for (number, source) in [0usize, 128, 255].into_iter().enumerate() {
        let number = u64::try_from(number).unwrap();
        let frame = numbered(mac(1, u16::try_from(source).unwrap()), [0xff; 6], 7, number, 60);
        ends[source].send(&frame, None, &Offload::default()).unwrap();
        let mut reached = 0;
        wait_for("the broadcast at 255 ports", || {
            for (nth, end) in ends.iter_mut().enumerate() {
                while let Some(copy) = end.receive() {
                    assert_ne!(nth, source, "the source gets nothing back");
                    assert_eq!(number_of(&copy.bytes), Some((7, number)));
                    assert_eq!(copy.bytes, frame);
                    reached += 1;
                }
            }
            reached >= PORTS - 1
        });
        assert_eq!(reached, PORTS - 1);
    }
    lab.settled();
    (0..PORTS).for_each(|nth| lab.remove(&name(nth)));
    assert_eq!(lab.engine.ports(&lab.switch).unwrap(), []);
    assert!(ends.iter().all(heddle_host::ports::memory::MemoryEnd::is_closed));
}

#[test]
fn two_hundred_and_fifty_six_ports_come_and_go_without_a_trace() {
    let _alone = alone();
    let lab = Lab::new(2);
    round(&lab);
    let (files, memory) = (descriptors(), resident());
    let free = lab.engine.engine().unwrap().buffers;
    for _ in 0..3 {
        round(&lab);
    }
    assert_eq!(lab.engine.engine().unwrap().buffers, free, "every buffer is back");
    // Other tests of this process come and go meanwhile; a leak of one a port would be 768.
    assert!(descriptors() < files + 100, "descriptors: {files} before, {} after", descriptors());
    // Other tests map packet memory meanwhile; one round of ports left behind would be 512 MiB.
    assert!(resident() < memory + 480 * 1_024, "resident KiB: {memory} before, {} after", resident());
}
