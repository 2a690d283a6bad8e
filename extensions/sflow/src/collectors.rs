//! The collectors: each datagram goes to all of them, and each has counters of its own.
//!
//! The host sends; this side asks it what became of the datagrams and tells the operator in counters, and in the log
//! when a collector stops answering and when it answers again.

use heddle_extension_api::rights::Capture;
use heddle_extension_api::{Control, Counter, DatagramAddress, DatagramCounts, HostError, Level, Refusal};

use crate::config::Config;

/// Time without a failure after which a collector is said to answer again, in nanoseconds.
pub const CALM_NS: u64 = 30_000_000_000;

/// All collectors.
#[derive(Debug)]
pub struct Collectors(Vec<Collector>);

#[derive(Debug)]
struct Collector {
    address: DatagramAddress,
    /// Sent, failed, dropped.
    counters: [Counter; 3],
    told: DatagramCounts,
    /// What this side knows of a host that does not count.
    own: DatagramCounts,
    failed_ns: Option<u64>,
}

impl Collectors {
    /// Registers three counters for each: `collector1_sent`, `collector1_failed`, `collector1_dropped`.
    pub fn register(host: &Control<'_, Capture>, config: &Config) -> Result<Self, HostError> {
        let mut all = Vec::new();
        for (number, address) in (1..).zip(&config.collectors) {
            let counter = |what: &str| host.register_counter(&format!("collector{number}_{what}"), "datagrams");
            all.push(Collector {
                address: (*address).into(),
                counters: [counter("sent")?, counter("failed")?, counter("dropped")?],
                told: DatagramCounts::default(),
                own: DatagramCounts::default(),
                failed_ns: None,
            });
        }
        Ok(Self(all))
    }

    /// Sends a datagram to each; false when the host took it for none.
    pub fn send(&mut self, host: &Control<'_, Capture>, datagram: &[u8]) -> bool {
        let mut taken = false;
        for collector in &mut self.0 {
            if host.send_datagram(&collector.address, datagram).is_ok() {
                collector.own.sent += 1;
                taken = true;
            } else {
                collector.own.dropped += 1;
            }
        }
        taken
    }

    /// Brings the counters up to date.
    pub fn tell(&mut self, host: &Control<'_, Capture>, now_ns: u64) {
        for (number, collector) in (1..).zip(&mut self.0) {
            let counts = match host.datagram_counts(&collector.address) {
                Err(error) if error.refusal == Refusal::NotOffered => collector.own,
                Err(_) => continue,
                Ok(counts) => counts,
            };
            let told = collector.told;
            let now = [counts.sent, counts.failed, counts.dropped];
            for ((counter, now), before) in
                collector.counters.iter().zip(now).zip([told.sent, told.failed, told.dropped])
            {
                let _ = host.count(*counter, now.saturating_sub(before));
            }
            collector.told = counts;
            collector.note(host, number, counts.failed > told.failed, now_ns);
        }
    }
}

impl Collector {
    fn note(&mut self, host: &Control<'_, Capture>, number: u32, failed: bool, now_ns: u64) {
        let name = format!("collector {number} ({})", self.address.as_str());
        match (failed, self.failed_ns) {
            (true, None) => {
                let text =
                    format!("{name} does not take datagrams: see collector{number}_failed; is it running there?");
                host.log(Level::Warn, &text);
            }
            (false, Some(since_ns)) if now_ns.saturating_sub(since_ns) >= CALM_NS => {
                host.log(Level::Info, &format!("{name} takes datagrams again"));
                self.failed_ns = None;
            }
            _ => {}
        }
        if failed {
            self.failed_ns = Some(now_ns);
        }
    }
}
