//! Devices that keep what they get, and may refuse it.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_switch_core::arena::Arena;
use heddle_switch_core::frame::{TxFrame, TxReport};
use heddle_switch_core::offload::Offload;
use heddle_switch_core::pool::Pool;
use heddle_switch_core::worker;

use super::{Event, Log};
use crate::cases::Rng;
use crate::frames::Mark;

/// A frame a device accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub port: u16,
    pub tag: Option<u16>,
    pub bytes: Vec<u8>,
    pub offload: Offload,
    pub header_len: u16,
}

impl Sent {
    pub fn number(&self) -> Option<u32> {
        Mark::find(&self.bytes).map(|mark| mark.number)
    }
}

/// How a device behaves.
#[derive(Clone, Debug, Default)]
pub enum Manners {
    #[default]
    Accepts,
    /// Accepts one in `n` calls only so many frames.
    SometimesFull(Rng, usize),
    Full,
    Gone,
    TooLong,
    Refuses,
}

/// The devices of all ports.
pub struct Devices {
    arena: Arc<Arena>,
    log: Log,
    /// The worker that calls.
    pub current: u16,
    /// Which worker owns a port, by slot.
    pub owners: BTreeMap<u16, u16>,
    /// How the device of a slot behaves.
    pub manners: BTreeMap<u16, Manners>,
    /// What was accepted, in order.
    pub sent: Vec<Sent>,
    /// Numbers of refused frames with the slot, in order.
    pub refused: Vec<(u16, Option<u32>)>,
}

impl Devices {
    pub(super) fn new(arena: Arc<Arena>, log: Log) -> Devices {
        Devices {
            arena,
            log,
            current: 0,
            owners: BTreeMap::new(),
            manners: BTreeMap::new(),
            sent: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// What a port got.
    pub fn of(&self, port: u16) -> Vec<&Sent> {
        self.sent.iter().filter(|sent| sent.port == port).collect()
    }

    /// The ports that got a frame, ascending, with the tags.
    pub fn receivers(&self, number: u32) -> Vec<(u16, Option<u16>)> {
        let mut ports: Vec<_> =
            self.sent.iter().filter(|sent| sent.number() == Some(number)).map(|sent| (sent.port, sent.tag)).collect();
        ports.sort_unstable();
        ports
    }
}

impl worker::Devices for Devices {
    fn transmit(&mut self, slot: usize, pool: &mut Pool, frames: &mut Vec<TxFrame>) -> TxReport {
        let port = slot as u16;
        if let Some(owner) = self.owners.get(&port) {
            assert_eq!(*owner, self.current, "port {port} is another worker's");
        }
        assert!(!frames.is_empty(), "transmit of nothing");
        let mut report = TxReport::default();
        let manners = self.manners.entry(port).or_default();
        let room = match manners {
            Manners::Accepts => usize::MAX,
            Manners::SometimesFull(rng, n) => {
                let n = *n;
                if rng.one_in(n) { rng.below(8) } else { usize::MAX }
            }
            _ => 0,
        };
        for (index, frame) in frames.drain(..).enumerate() {
            let bytes = self.arena.frame(&frame.buf, frame.start, frame.length).to_vec();
            let number = Mark::find(&bytes).map(|mark| mark.number);
            if index < room {
                report.count_sent(&frame);
                if let Some(number) = number {
                    self.log.lock().unwrap().push(Event::Delivered { number, port });
                }
                let (tag, offload, header_len) = (frame.vlan_tci, frame.offload, frame.header_len);
                self.sent.push(Sent { port, tag, bytes, offload, header_len });
            } else {
                match manners {
                    Manners::Gone => report.device_gone += 1,
                    Manners::TooLong => report.too_long += 1,
                    Manners::Refuses => report.refused += 1,
                    _ => report.queue_full += 1,
                }
                self.refused.push((port, number));
            }
            pool.free(frame.buf);
        }
        report
    }
}
