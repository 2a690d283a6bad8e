//! Compares what the devices got with what the oracle says.

use std::collections::BTreeMap;

use heddle_switch_core::drop_reason::DropReason;

use crate::frames::{Action, Frame, Mark};
use crate::oracle::{Fate, Port};
use crate::sim::{Event, Sent, Sim};

/// Frames with their fates.
#[derive(Default)]
pub struct Judge {
    fates: BTreeMap<u32, Fate>,
}

impl Judge {
    pub fn expect(&mut self, number: u32, fate: Fate) {
        self.fates.insert(number, fate);
    }

    pub fn fate(&mut self, number: u32) -> &mut Fate {
        self.fates.entry(number).or_default()
    }

    /// Every frame is with exactly the ports it must be with, byte for byte, and every drop under its reason.
    pub fn exact(&self, sim: &Sim) {
        self.receivers(sim, true);
        let mut reasons: BTreeMap<u16, u64> = BTreeMap::new();
        for reason in self.fates.values().flat_map(|fate| &fate.drops) {
            *reasons.entry(reason.code()).or_default() += 1;
        }
        let name = |code: &u16| DropReason::from_code(*code).map_or("registered", DropReason::name);
        let counted = sim.drops();
        let named = |map: &BTreeMap<u16, u64>| map.iter().map(|(c, n)| format!("{} {n}", name(c))).collect::<Vec<_>>();
        assert_eq!(named(&counted), named(&reasons), "drops by reason: the switch, the oracle");
    }

    /// No port got what it must not get; gives the number of wire frames (or whole frames) that did not arrive.
    pub fn nothing_wrong(&self, sim: &Sim) -> u64 {
        self.receivers(sim, false)
    }

    fn receivers(&self, sim: &Sim, all: bool) -> u64 {
        let mut got: BTreeMap<(u32, u16), Vec<&Sent>> = BTreeMap::new();
        for sent in &sim.devices.sent {
            match sent.number() {
                Some(number) => got.entry((number, sent.port)).or_default().push(sent),
                None => panic!("port {} got a frame without a mark: {:02x?}", sent.port, sent.bytes),
            }
        }
        let mut missing = 0;
        for (number, fate) in &self.fates {
            let (from, frame) = &sim.sent[number];
            for (port, tag) in &fate.deliveries {
                let sent = got.remove(&(*number, *port)).unwrap_or_default();
                let wanted = wanted(frame, &sim.control.ports[port]);
                missing += (wanted.len() - sent.len().min(wanted.len())) as u64;
                if all {
                    assert_eq!(sent.len(), wanted.len(), "frame {number} {from} -> {port}: {frame:?}");
                }
                judge_delivery(*number, frame, *tag, &sent, &wanted, &sim.control.ports[port], all);
            }
        }
        if let Some(((number, port), _)) = got.first_key_value() {
            let about = sim.sent.get(number);
            panic!("port {port} must not get frame {number}: {about:?}, fate {:?}", self.fates.get(number));
        }
        missing
    }

    /// Frames of a flow that came from one port reach a port in the order they were sent.
    pub fn order(sim: &Sim) {
        let mut last: BTreeMap<(u16, u16, u16), u32> = BTreeMap::new();
        for sent in &sim.devices.sent {
            let Some(mark) = Mark::find(&sent.bytes) else { continue };
            let Some((from, _)) = sim.sent.get(&mark.number) else { continue };
            let before = last.entry((*from, mark.flow, sent.port)).or_insert(0);
            assert!(
                *before <= mark.number,
                "port {}: frame {} of flow {} from {from} after frame {before}; {:?}; {:?}",
                sent.port,
                mark.number,
                mark.flow,
                trace(sim, mark.number),
                trace(sim, *before)
            );
            *before = mark.number;
        }
    }
}

/// What is known of a frame's way, for messages.
pub fn trace(sim: &Sim, number: u32) -> Vec<Event> {
    let of = |event: &Event| match event {
        Event::Seen { number: n, .. } | Event::Delivered { number: n, .. } => *n == number,
    };
    sim.log.lock().unwrap().iter().copied().filter(of).collect()
}

fn wanted(frame: &Frame, port: &Port) -> Vec<Vec<u8>> {
    let mut wanted = if port.takes_whole(frame) { vec![frame.bytes()] } else { frame.wire() };
    if let Action::Modify(_) = frame.mark.action
        && let Some(last) = wanted.last_mut().and_then(|frame| frame.last_mut())
    {
        *last ^= 0xff;
    }
    wanted
}

fn judge_delivery(
    number: u32,
    frame: &Frame,
    tag: Option<u16>,
    sent: &[&Sent],
    wanted: &[Vec<u8>],
    port: &Port,
    all: bool,
) {
    let whole = port.takes_whole(frame);
    let mut left = wanted.iter();
    for one in sent {
        assert_eq!(one.tag, tag, "tag of frame {number} to {}: {frame:?}", one.port);
        // In a lossy run wire frames may be missing, but those that came are some of the wanted ones, in order.
        let found =
            if all { left.next().is_some_and(|want| *want == one.bytes) } else { left.any(|want| *want == one.bytes) };
        assert!(
            found,
            "bytes of frame {number} to {}: {frame:?}\n got {:02x?}\nwant {wanted:02x?}",
            one.port, one.bytes
        );
        if whole {
            assert_eq!(one.offload, frame.offload_untagged(0), "offload of frame {number}");
        } else {
            assert!(one.offload.csum.is_none() && !one.offload.is_gso(), "frame {number} left undone");
        }
        if one.offload.is_gso() {
            assert_eq!(usize::from(one.header_len), frame.headers(), "headers of frame {number}");
        }
    }
}
