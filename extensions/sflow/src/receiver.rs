//! The way to one collector: samples are packed into datagrams of at most one MTU, numbered and handed over.
//!
//! A sample that does not fit closes the datagram and opens the next. A datagram is sent when full, or when its first
//! sample has waited [`HOLD_MAX_NS`]: section 5 allows 1 s from frame to wire, of which samples wait up to one
//! 100 ms tick before they come here and up to another behind the limit. A datagram the sender refuses is gone and
//! counted, and its number is used up, so that the collector sees the gap. Nothing is allocated after construction.

use crate::datagram::{Agent, DatagramHeader, XdrWriter, DATAGRAM_MAX};

/// Longest time a sample waits for company, in nanoseconds.
pub const HOLD_MAX_NS: u64 = 500_000_000;

/// Takes one finished datagram; false = refused, and the datagram is lost.
pub type Send<'a> = dyn FnMut(&[u8]) -> bool + 'a;

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverCounts {
    /// Datagrams handed over.
    pub datagrams: u64,
    /// Datagrams refused by the sender, with all their samples.
    pub datagrams_dropped: u64,
}

/// Packs samples into datagrams.
#[derive(Debug)]
pub struct Receiver {
    agent: Agent,
    sequence: u32,
    buffer: [u8; DATAGRAM_MAX],
    used: usize,
    samples: u32,
    oldest_ns: u64,
    counts: ReceiverCounts,
}

impl Receiver {
    /// An empty datagram of `agent`.
    #[must_use]
    pub fn new(agent: Agent) -> Self {
        Self {
            agent,
            sequence: 0,
            buffer: [0; DATAGRAM_MAX],
            used: agent.header_bytes(),
            samples: 0,
            oldest_ns: 0,
            counts: ReceiverCounts::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// Appends the sample that `encode` writes; sends what was there before when it does not fit. False when the
    /// sample is longer than a whole datagram and so is dropped.
    pub fn add(&mut self, now_ns: u64, encode: impl Fn(&mut XdrWriter<'_>), send: &mut Send<'_>) -> bool {
        if self.append(now_ns, &encode) {
            return true;
        }
        self.flush(now_ns, send);
        self.append(now_ns, &encode)
    }

    /// Sends the datagram if its first sample has waited long enough.
    pub fn flush_due(&mut self, now_ns: u64, send: &mut Send<'_>) {
        if now_ns.saturating_sub(self.oldest_ns) >= HOLD_MAX_NS {
            self.flush(now_ns, send);
        }
    }

    /// Sends the datagram unless it is empty.
    pub fn flush(&mut self, now_ns: u64, send: &mut Send<'_>) {
        if self.samples == 0 {
            return;
        }
        self.sequence = self.sequence.wrapping_add(1);
        // Section 5: since the device booted, which is where the host's monotonic clock begins.
        let uptime_ms = now_ns / 1_000_000 % (1 << 32);
        let header = DatagramHeader {
            sequence: self.sequence,
            uptime_ms: u32::try_from(uptime_ms).unwrap_or(0),
            samples: self.samples,
        };
        self.agent.encode_header(&header, &mut XdrWriter::new(&mut self.buffer));
        let taken = self.buffer.get(..self.used).is_some_and(send);
        if taken {
            self.counts.datagrams += 1;
        } else {
            self.counts.datagrams_dropped += 1;
        }
        self.samples = 0;
        self.used = self.agent.header_bytes();
    }

    fn append(&mut self, now_ns: u64, encode: &impl Fn(&mut XdrWriter<'_>)) -> bool {
        let Some(room) = self.buffer.get_mut(self.used..) else { return false };
        let mut out = XdrWriter::new(room);
        encode(&mut out);
        let Some(length) = out.finish() else { return false };
        if self.samples == 0 {
            self.oldest_ns = now_ns;
        }
        self.used += length;
        self.samples += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Receiver, HOLD_MAX_NS};
    use crate::datagram::{Agent, XdrWriter, DATAGRAM_MAX};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    const AGENT: Agent = Agent { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), sub_agent: 3 };

    fn words(count: usize) -> impl Fn(&mut XdrWriter<'_>) {
        move |out| (0..count).for_each(|_| out.u32(0xAAAA_AAAA))
    }

    fn word(datagram: &[u8], index: usize) -> u32 {
        u32::from_be_bytes(datagram[index * 4..index * 4 + 4].try_into().unwrap())
    }

    #[test]
    fn a_sample_that_does_not_fit_opens_the_next_datagram() {
        for (address, header) in [(AGENT.address, 28), (IpAddr::V6(Ipv6Addr::LOCALHOST), 40)] {
            let mut sent = Vec::new();
            let mut receiver = Receiver::new(Agent { address, ..AGENT });
            let send = &mut |datagram: &[u8]| {
                sent.push(datagram.to_vec());
                true
            };
            let exact = (DATAGRAM_MAX - header) / 4;
            receiver.add(0, words(exact - 10), send);
            receiver.add(0, words(10), send);
            receiver.add(0, words(1), send);
            receiver.flush(7_000_000, send);
            receiver.flush(8_000_000, send);
            assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [DATAGRAM_MAX, header + 4]);
            let at = header / 4;
            assert_eq!(sent.iter().map(|d| word(d, at - 1)).collect::<Vec<_>>(), [2, 1], "samples");
            assert_eq!(sent.iter().map(|d| word(d, at - 2)).collect::<Vec<_>>(), [0, 7], "uptime");
            assert_eq!(sent.iter().map(|d| word(d, at - 3)).collect::<Vec<_>>(), [1, 2], "sequence");
            assert_eq!(receiver.counts().datagrams, 2);
        }
    }

    #[test]
    fn a_sample_waits_no_longer_than_the_limit_whatever_comes_after_it() {
        let mut sent = 0;
        let mut receiver = Receiver::new(AGENT);
        let send = &mut |_: &[u8]| {
            sent += 1;
            true
        };
        receiver.add(10, words(1), send);
        receiver.add(HOLD_MAX_NS, words(1), send);
        receiver.flush_due(9 + HOLD_MAX_NS, send);
        assert_eq!(receiver.counts().datagrams, 0);
        receiver.flush_due(10 + HOLD_MAX_NS, send);
        receiver.flush_due(10 + 9 * HOLD_MAX_NS, send);
        assert_eq!(sent, 1);
    }

    #[test]
    fn a_refused_datagram_is_counted_and_leaves_a_gap_in_the_numbers() {
        let mut sequences = Vec::new();
        let mut receiver = Receiver::new(AGENT);
        for taken in [true, false, true] {
            let send = &mut |datagram: &[u8]| {
                if taken {
                    sequences.push(word(datagram, 4));
                }
                taken
            };
            receiver.add(0, words(1), send);
            receiver.flush(0, send);
        }
        assert_eq!(sequences, [1, 3]);
        assert_eq!((receiver.counts().datagrams, receiver.counts().datagrams_dropped), (2, 1));
    }

    #[test]
    fn a_sample_longer_than_a_datagram_is_dropped() {
        let mut receiver = Receiver::new(AGENT);
        assert!(!receiver.add(0, words(DATAGRAM_MAX / 4), &mut |_| panic!("sent")));
        receiver.flush(0, &mut |_| panic!("sent"));
    }

    #[test]
    fn the_uptime_wraps_at_32_bits_of_milliseconds() {
        let mut receiver = Receiver::new(AGENT);
        let late = ((1_u64 << 32) + 9) * 1_000_000 + 999_999;
        let mut uptime = 0;
        receiver.add(late, words(1), &mut |_| true);
        receiver.flush(late, &mut |datagram| {
            uptime = word(datagram, 5);
            true
        });
        assert_eq!(uptime, 9);
    }
}
