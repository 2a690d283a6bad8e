//! Random switches and random frames.

use heddle_switch_core::frame::Capabilities;

use crate::cases::Rng;
use crate::frames::{Action, BROADCAST, Body, Frame, Left, MARK_LEN, Mac, Mark, station};
use crate::judge::Judge;
use crate::oracle::{Oracle, Port, Vlan};
use crate::sim::Sim;

/// Ports of a random switch: slots 1 to 6.
pub const PORTS: u16 = 6;
/// Stations that send; station `n` is at home behind port `n % PORTS + 1`.
pub const STATIONS: u16 = 24;
const VIDS: [u16; 3] = [10, 20, 30];

/// A random port.
pub fn random_port(rng: &mut Rng) -> Port {
    let vlan = match rng.below(4) {
        0 => Vlan::Untagged,
        1 => Vlan::Access(*rng.pick(&VIDS)),
        _ => {
            let allowed = VIDS.into_iter().filter(|_| !rng.one_in(3)).collect();
            Vlan::Trunk { native: *rng.pick(&[0, 10, 20, 99]), allowed }
        }
    };
    let Capabilities { checksum, tcp_segmentation, udp_segmentation } =
        Capabilities { checksum: rng.one_in(2), tcp_segmentation: rng.one_in(2), udp_segmentation: rng.one_in(2) };
    let mtu = *rng.pick(&[576, 1_500, 1_500, 9_000]);
    let learns = !rng.one_in(5);
    let floods_unknown = !rng.one_in(5);
    let (receives, transmits) = (!rng.one_in(12), !rng.one_in(12));
    Port {
        vlan,
        mtu,
        receives,
        transmits,
        learns,
        floods_unknown,
        checksum,
        tcp_segmentation,
        udp_segmentation,
        nics: 0,
        native: false,
        on_failure: None,
    }
}

/// The ports of a random switch.
pub fn random_ports(rng: &mut Rng) -> Vec<(u16, Port)> {
    (1..=PORTS).map(|slot| (slot, random_port(rng))).collect()
}

fn random_destination(rng: &mut Rng) -> Mac {
    match rng.below(12) {
        0 => BROADCAST,
        1 => [0x01, 0x00, 0x5e, 1, 2, rng.below(4) as u8],
        2 => [0x33, 0x33, 0, 0, 0, 1],
        3 => [0x01, 0x80, 0xc2, 0, 0, rng.below(32) as u8],
        4 => station(1_000 + rng.below(4) as u16),
        _ => station(rng.below(usize::from(STATIONS)) as u16),
    }
}

fn random_body(rng: &mut Rng) -> (Body, usize, Left) {
    let body = match rng.below(12) {
        0..3 => Body::Tcp4,
        3..5 => Body::Tcp6,
        5..7 => Body::Udp4,
        7..9 => Body::Udp6,
        9 => Body::Arp,
        10 => Body::Other(*rng.pick(&[0x88cc, 0x0101, 0x88a8, 0x9999])),
        _ if rng.one_in(2) => return (Body::Runt(rng.below(14)), 0, Left::Nothing),
        _ => Body::Udp4,
    };
    let payload = MARK_LEN + 2 + *rng.pick(&[0, 1, 30, 500, 1_400, 3_000]) + rng.below(60);
    if !matches!(body, Body::Tcp4 | Body::Tcp6 | Body::Udp4 | Body::Udp6) {
        return (body, payload, Left::Nothing);
    }
    match rng.below(4) {
        0 => (body, payload, Left::Checksum),
        1 => {
            // Every segment's payload has room for a mark.
            let size = 40 + rng.below(1_400);
            let whole = size * rng.below(8);
            let rest = 20 + rng.below(20);
            (body, whole + rest, Left::Segments(size as u16))
        }
        _ => (body, payload, Left::Nothing),
    }
}

/// A random frame; its source is any station, or (if `odd_sources`) sometimes a group address or zero.
pub fn random_frame(rng: &mut Rng, odd_sources: bool) -> Frame {
    let (body, payload, left) = random_body(rng);
    let src = match rng.below(30) {
        0 if odd_sources => [0x03, 0, 0, 0, 0, 9],
        1 if odd_sources => [0; 6],
        _ => station(rng.below(usize::from(STATIONS)) as u16),
    };
    let tag = match rng.below(5) {
        0 | 1 => None,
        2 => Some(rng.below(8) as u16 * 0x2000),
        _ => Some(rng.below(8) as u16 * 0x2000 + *rng.pick(&[10, 20, 30, 40, 99])),
    };
    let mark = Mark { number: 0, flow: rng.below(12) as u16, action: Action::Pass };
    Frame { dst: random_destination(rng), src, tag, tag_beside: rng.one_in(2), body, payload, left, mark }
}

/// The same frame from a station that is at home behind `from`.
pub fn at_home(rng: &mut Rng, from: u16, frame: Frame) -> Frame {
    let nth = rng.below(usize::from(STATIONS / PORTS)) as u16;
    Frame { src: station(nth * PORTS + from - 1), ..frame }
}

/// Every station says hello in every VLAN its port takes, and all workers hear of it.
pub fn introduce(sim: &mut Sim, oracle: &mut Oracle, judge: &mut Judge) {
    for n in 0..STATIONS {
        let from = n % PORTS + 1;
        for tag in [None, Some(10), Some(20), Some(30)] {
            let frame = Frame { tag, ..Frame::udp(station(n), BROADCAST) };
            let number = sim.send(from, frame.clone());
            judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
        }
    }
    sim.finish();
}
