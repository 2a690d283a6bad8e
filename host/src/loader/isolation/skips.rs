//! Skip counts of a sampling extension in a child, asked for in advance: the core wants them at once.
//!
//! Per port a stock of up to 64, refilled when half of it is used. While there is none the core is told to ask again, and
//! frames pass unsampled; the extension's pool counts them, so estimates stay right. At most 4,096 ports.

use std::collections::{HashMap, VecDeque};

use super::layout::SKIPS;

/// Ports with a stock, at most.
const PORTS_MAX: usize = 4_096;

#[derive(Default)]
struct Of {
    counts: VecDeque<u32>,
    asked: bool,
}

/// The stock; port 0 is that of an extension that does not tell ports apart.
#[derive(Default)]
pub(super) struct Stock {
    ports: HashMap<u32, Of>,
    age: u32,
}

impl Stock {
    /// Forgets all when the configuration is another one.
    pub(super) fn follow(&mut self, age: u32) {
        if self.age != age {
            self.ports.clear();
            self.age = age;
        }
    }

    /// Whether it is time to ask.
    pub(super) fn wants(&mut self, port: u32) -> bool {
        if !self.ports.contains_key(&port) && self.ports.len() >= PORTS_MAX {
            self.ports.clear();
        }
        let of = self.ports.entry(port).or_default();
        !of.asked && of.counts.len() < SKIPS / 2
    }

    /// Notes that it was asked, or that the answer is of no use.
    pub(super) fn asked(&mut self, port: u32, asked: bool) {
        if let Some(of) = self.ports.get_mut(&port) {
            of.asked = asked;
        }
    }

    /// Takes an answer in.
    pub(super) fn put(&mut self, port: u32, counts: impl Iterator<Item = u32>) {
        if let Some(of) = self.ports.get_mut(&port) {
            of.asked = false;
            of.counts.extend(counts.take(SKIPS));
        }
    }

    /// The next count.
    pub(super) fn take(&mut self, port: u32) -> Option<u32> {
        self.ports.get_mut(&port)?.counts.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_asked_for_in_time_and_forgotten_with_the_configuration() {
        let mut stock = Stock::default();
        assert!(stock.wants(7));
        stock.asked(7, true);
        assert!(!stock.wants(7) && stock.take(7).is_none());
        stock.put(7, 0..1_000);
        assert_eq!((0..SKIPS).filter(|nth| stock.take(7) == u32::try_from(*nth).ok()).count(), SKIPS);
        assert!(stock.take(7).is_none() && stock.wants(7));
        stock.put(7, 0..10);
        stock.follow(1);
        assert!(stock.take(7).is_none());
        assert!((0..10_000).all(|port| stock.wants(port)));
        assert!(stock.ports.len() <= PORTS_MAX);
    }
}
