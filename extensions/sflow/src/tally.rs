//! The counters an operator sees: names, units, and how they are brought up to date.

use heddle_extension_api::rights::Capture;
use heddle_extension_api::{Control, Counter, HostError};

use crate::agent::SflowAgent;

/// Name and unit of each counter; those of collectors are in [`crate::collectors`].
pub const COUNTERS: [(&str, &str); 7] = [
    ("flow_samples", "samples"),
    ("counter_samples", "samples"),
    ("samples_dropped", "samples"),
    ("discards", "frames"),
    ("discards_withheld", "frames"),
    ("datagrams", "datagrams"),
    ("datagrams_dropped", "datagrams"),
];

/// The counters and what the host has been told of each.
#[derive(Debug)]
pub struct Tally {
    counters: Vec<(Counter, u64)>,
}

impl Tally {
    /// Registers the counters.
    pub fn register(host: &Control<'_, Capture>) -> Result<Self, HostError> {
        let counters = COUNTERS.iter().map(|(name, unit)| Ok((host.register_counter(name, unit)?, 0)));
        Ok(Self { counters: counters.collect::<Result<_, _>>()? })
    }

    /// Tells the host what has been added since the last time.
    pub fn tell(&mut self, host: &Control<'_, Capture>, agent: &SflowAgent) {
        for (total, (counter, told)) in totals(agent).iter().zip(&mut self.counters) {
            if host.count(*counter, total - *told).is_ok() {
                *told = *total;
            }
        }
    }
}

/// The totals in the order of [`COUNTERS`].
fn totals(agent: &SflowAgent) -> [u64; COUNTERS.len()] {
    let (agent, receiver) = agent.counts();
    [
        agent.flow_samples,
        agent.counters_samples,
        agent.samples_dropped,
        agent.discards,
        agent.discards_withheld,
        receiver.datagrams,
        receiver.datagrams_dropped,
    ]
}
