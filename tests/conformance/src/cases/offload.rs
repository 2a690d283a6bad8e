//! Level offload: frames that are more than their bytes: tags beside them, unfinished checksums, many segments in one.

use heddle_host::offline::InFrame;

use super::beyond_everyday;
use crate::case::{CFW, Case, Level, Verdict, case};
use crate::frames::{Kind, frame, partial, segmentation};
use crate::rig::{Rig, Subject};

const L: Level = Level::Offload;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "segmentation-frames"),
        CFW,
        "HEDDLE_PACKET_GSO",
        "A frame of 60,000 bytes that stands for many is survived.",
        |subject| send(subject, segmentation),
    ),
    case((L, "jumbo-frames"), CFW, "heddle_packet_t.length", "Frames of 9,000 bytes are survived.", |subject| {
        send(subject, |to, from| bytes(frame(Kind::Udp4, (to, from), 9_000, 1, 1)))
    }),
    case(
        (L, "partial-checksums"),
        CFW,
        "HEDDLE_PACKET_PARTIAL_CHECKSUM",
        "A frame with an unfinished checksum is survived, with or without side array.",
        |subject| send(subject, partial),
    ),
    case((L, "tagged-frames"), CFW, "HEDDLE_PACKET_VLAN", "A tag is in the descriptor, not in the bytes.", tagged),
    case((L, "inner-tags"), CFW, "HEDDLE_PACKET_INNER_TAG", "A second tag in the bytes is survived.", inner),
    case(
        (L, "facts-in-bounds"),
        CFW,
        "heddle_batch_t.offload",
        "Of the offload facts as many are read as there are packets.",
        |subject| {
            let mut rig = Rig::new(subject, 4, 1)?;
            // The last packet of its batch: whoever looks one further leaves the facts.
            (0..4).for_each(|port| {
                rig.feed(port, 0, &[plain(2, 1), partial(2, 1)]);
            });
            rig.tick();
            Ok(String::new())
        },
    ),
];

fn bytes(bytes: Vec<u8>) -> InFrame {
    InFrame { bytes, ..InFrame::default() }
}

fn plain(to: u8, from: u8) -> InFrame {
    bytes(frame(Kind::Udp4, (to, from), 200, 1, 1))
}

/// Each port sends such a frame before a plain one.
fn send(subject: &Subject, frame: impl Fn(u8, u8) -> InFrame) -> Verdict {
    beyond_everyday(subject, |subject| {
        let mut rig = Rig::new(subject, 4, 1)?;
        for port in [0, 1, 2, 3, 0] {
            let (to, from) = (if port == 1 { 1 } else { 2 }, u8::try_from(port + 1).unwrap_or(1));
            rig.feed(port, 0, &[frame(to, from), plain(to, from)]);
            rig.tick();
        }
        Ok(String::new())
    })
}

/// A port is made a trunk, so that tagged frames are let in, and tags are beside the bytes.
fn trunks(subject: &Subject) -> Result<Rig, String> {
    use heddle_switch_core::switch::PortChange;
    use heddle_switch_core::vlan::{VlanMode, VlanSet};
    let mut rig = Rig::new(subject, 4, 1)?;
    for port in rig.ports.clone() {
        let vlan = Some(VlanMode::Trunk { native: 1, allowed: VlanSet::all() });
        let change = PortChange { vlan, ..PortChange::default() };
        let changed = rig.switch.change(|switch, sink| switch.change_port(port, change, sink));
        changed.map_err(|error| error.to_string())?;
    }
    Ok(rig)
}

fn tagged(subject: &Subject) -> Verdict {
    beyond_everyday(subject, tagged_frames)
}

fn tagged_frames(subject: &Subject) -> Verdict {
    let mut rig = trunks(subject)?;
    for tag in [100, 0x6064, 4_094] {
        rig.everywhere(|to, from| InFrame { tag: Some(tag), ..bytes(frame(Kind::Tcp4, (to, from), 300, 1, 1)) });
    }
    Ok(String::new())
}

fn inner(subject: &Subject) -> Verdict {
    let mut rig = trunks(subject)?;
    for outer in [0x88a8_u16, 0x8100] {
        rig.everywhere(|to, from| {
            let plain = frame(Kind::Udp6, (to, from), 200, 1, 1);
            let tags = [&outer.to_be_bytes()[..], &[0, 100, 0x81, 0, 0, 200]].concat();
            bytes([&plain[..12], &tags, &plain[12..]].concat())
        });
    }
    Ok(String::new())
}
