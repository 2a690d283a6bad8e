//! The sampling rate of each port, written by the control side and read by workers.
//!
//! A port's place is its id modulo the number of places, and the place keeps the id beside the rate: the ids of one
//! switch differ there (their low 12 bits), and a port of a host that numbers otherwise gets the general rate. One
//! atomic word each, so that workers neither wait nor see half a change.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Places: as many ports as a switch can have.
pub const PLACES: usize = 4096;

/// The place of a port.
#[must_use]
pub fn place(port: u32) -> usize {
    usize::try_from(port).unwrap_or(0) % PLACES
}

/// The table.
#[derive(Debug)]
pub struct Rates {
    general: AtomicU32,
    places: Box<[AtomicU64]>,
}

impl Rates {
    /// A table in which all ports have one rate.
    #[must_use]
    pub fn new(general: u32) -> Self {
        Self { general: AtomicU32::new(general), places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Sets the rate of a port.
    pub fn set(&self, port: u32, rate: u32) {
        if let Some(known) = self.places.get(place(port)) {
            known.store(u64::from(port) << 32 | u64::from(rate), Ordering::Relaxed);
        }
    }

    /// The rate of ports that have none of their own.
    #[must_use]
    pub fn general(&self) -> u32 {
        self.general.load(Ordering::Relaxed)
    }

    /// Sets the rate of ports that have none of their own.
    pub fn set_general(&self, rate: u32) {
        self.general.store(rate, Ordering::Relaxed);
    }

    /// The rate of a port.
    #[must_use]
    pub fn of(&self, port: u32) -> u32 {
        let known = self.places.get(place(port)).map_or(0, |known| known.load(Ordering::Relaxed));
        let (id, rate) = (known >> 32, known & u64::from(u32::MAX));
        if id == u64::from(port) {
            u32::try_from(rate).unwrap_or_else(|_| self.general())
        } else {
            self.general()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rates;

    #[test]
    fn a_port_has_its_own_rate_or_the_general_one() {
        let rates = Rates::new(400);
        rates.set(5, 1);
        rates.set(4095, u32::MAX);
        assert_eq!([5, 6, 4095, 5 + 4096].map(|port| rates.of(port)), [1, 400, u32::MAX, 400]);
        rates.set(5 + 4096, 9);
        assert_eq!([5, 5 + 4096].map(|port| rates.of(port)), [400, 9], "a later port in the same place");
    }
}
