//! The way to one collector: samples are packed into datagrams of at most one MTU, numbered and handed over.
//!
//! Discarded packets travel in datagrams of their own, numbered with the others.
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

/// Which samples share a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Flow and counters samples, which every collector knows.
    Common,
    /// Discarded packets: collectors older than them (pmacct 1.7.7, for one) lose what stands behind in a datagram.
    Discards,
}

/// Packs samples into datagrams.
#[derive(Debug)]
pub struct Receiver {
    agent: Agent,
    sequence: u32,
    common: Packet,
    discards: Packet,
    counts: ReceiverCounts,
}

/// A datagram in the making.
#[derive(Debug)]
struct Packet {
    buffer: [u8; DATAGRAM_MAX],
    used: usize,
    samples: u32,
    oldest_ns: u64,
}

impl Receiver {
    /// Empty datagrams of `agent`.
    #[must_use]
    pub fn new(agent: Agent) -> Self {
        let empty = || Packet { buffer: [0; DATAGRAM_MAX], used: agent.header_bytes(), samples: 0, oldest_ns: 0 };
        Self { agent, sequence: 0, common: empty(), discards: empty(), counts: ReceiverCounts::default() }
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        self.counts
    }

    /// Appends the sample that `encode` writes; sends what was there before when it does not fit. False when the
    /// sample is longer than a whole datagram and so is dropped.
    pub fn add(
        &mut self,
        now_ns: u64,
        company: Company,
        encode: impl Fn(&mut XdrWriter<'_>),
        send: &mut Send<'_>,
    ) -> bool {
        if self.packet(company).append(now_ns, &encode) {
            return true;
        }
        self.send(now_ns, company, send);
        self.packet(company).append(now_ns, &encode)
    }

    /// Sends each datagram whose first sample has waited long enough.
    pub fn flush_due(&mut self, now_ns: u64, send: &mut Send<'_>) {
        for company in [Company::Common, Company::Discards] {
            if now_ns.saturating_sub(self.packet(company).oldest_ns) >= HOLD_MAX_NS {
                self.send(now_ns, company, send);
            }
        }
    }

    /// Sends the datagrams that are not empty.
    pub fn flush(&mut self, now_ns: u64, send: &mut Send<'_>) {
        self.send(now_ns, Company::Common, send);
        self.send(now_ns, Company::Discards, send);
    }

    fn packet(&mut self, company: Company) -> &mut Packet {
        match company {
            Company::Common => &mut self.common,
            Company::Discards => &mut self.discards,
        }
    }

    fn send(&mut self, now_ns: u64, company: Company, send: &mut Send<'_>) {
        let Self { agent, sequence, common, discards, counts } = self;
        let packet = if company == Company::Common { common } else { discards };
        if packet.samples == 0 {
            return;
        }
        *sequence = sequence.wrapping_add(1);
        // Section 5: since the device booted, which is where the host's monotonic clock begins.
        let uptime_ms = u32::try_from(now_ns / 1_000_000 % (1 << 32)).unwrap_or(0);
        let header = DatagramHeader { sequence: *sequence, uptime_ms, samples: packet.samples };
        agent.encode_header(&header, &mut XdrWriter::new(&mut packet.buffer));
        if packet.buffer.get(..packet.used).map_or(false, send) {
            counts.datagrams += 1;
        } else {
            counts.datagrams_dropped += 1;
        }
        packet.samples = 0;
        packet.used = agent.header_bytes();
    }
}

impl Packet {
    fn append(&mut self, now_ns: u64, encode: &impl Fn(&mut XdrWriter<'_>)) -> bool {
        let length = self.buffer.get_mut(self.used..).and_then(|room| {
            let mut out = XdrWriter::new(room);
            encode(&mut out);
            out.finish()
        });
        let length = match length {
            Some(length) => length,
            None => return false,
        };
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
    use super::{Company, Receiver, HOLD_MAX_NS};
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
            receiver.add(0, Company::Common, words(exact - 10), send);
            receiver.add(0, Company::Common, words(10), send);
            receiver.add(0, Company::Common, words(1), send);
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
        receiver.add(10, Company::Common, words(1), send);
        receiver.add(HOLD_MAX_NS, Company::Common, words(1), send);
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
            receiver.add(0, Company::Common, words(1), send);
            receiver.flush(0, send);
        }
        assert_eq!(sequences, [1, 3]);
        assert_eq!((receiver.counts().datagrams, receiver.counts().datagrams_dropped), (2, 1));
    }

    #[test]
    fn a_sample_longer_than_a_datagram_is_dropped() {
        let mut receiver = Receiver::new(AGENT);
        assert!(!receiver.add(0, Company::Common, words(DATAGRAM_MAX / 4), &mut |_| panic!("sent")));
        receiver.flush(0, &mut |_| panic!("sent"));
    }

    #[test]
    fn the_uptime_wraps_at_32_bits_of_milliseconds() {
        let mut receiver = Receiver::new(AGENT);
        let late = ((1_u64 << 32) + 9) * 1_000_000 + 999_999;
        let mut uptime = 0;
        receiver.add(late, Company::Common, words(1), &mut |_| true);
        receiver.flush(late, &mut |datagram| {
            uptime = word(datagram, 5);
            true
        });
        assert_eq!(uptime, 9);
    }

    #[test]
    fn discards_have_datagrams_of_their_own_in_the_same_numbers() {
        let mut sent = Vec::new();
        let mut receiver = Receiver::new(AGENT);
        let send = &mut |datagram: &[u8]| {
            sent.push((word(datagram, 4), word(datagram, 6), datagram.len()));
            true
        };
        for company in [Company::Common, Company::Discards, Company::Common] {
            receiver.add(0, company, words(1), send);
        }
        receiver.add(HOLD_MAX_NS, Company::Discards, words(1), send);
        receiver.flush_due(HOLD_MAX_NS, send);
        receiver.flush_due(2 * HOLD_MAX_NS, send);
        assert_eq!(sent, [(1, 2, 36), (2, 2, 36)]);
    }
}
