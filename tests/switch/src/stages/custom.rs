//! An extension made of closures, for tests of one behaviour.

use std::any::Any;
use std::sync::{Arc, Mutex};

use heddle_switch_core::call::Call;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::sample::Sample;
use heddle_switch_core::stage::{CallEnd, Stage};

type Function = Box<dyn FnMut(&mut Call<'_>) -> CallEnd + Send>;

/// Samples that were reported.
pub type Samples = Arc<Mutex<Vec<Sample>>>;

/// Drops that were told, each with the number withheld before it.
pub type Drops = Arc<Mutex<Vec<(Dropped, u64)>>>;

/// The extension.
pub struct Custom {
    process: Function,
    tick: Function,
    skips: Vec<u32>,
    rates: Vec<(u32, u32)>,
    samples: Samples,
    wanted: u32,
    drops: Drops,
    vlans: bool,
}

impl Custom {
    /// Calls `process` with every batch.
    pub fn new(mut process: impl FnMut(&mut Call<'_>) + Send + 'static) -> Custom {
        Custom::ending(move |call| {
            process(call);
            CallEnd::Returned
        })
    }

    /// As [`Custom::new`], with an end of its own.
    pub fn ending(process: impl FnMut(&mut Call<'_>) -> CallEnd + Send + 'static) -> Custom {
        let tick: Function = Box::new(|_| CallEnd::Returned);
        Custom {
            process: Box::new(process),
            tick,
            skips: Vec::new(),
            rates: Vec::new(),
            samples: Samples::default(),
            wanted: 0,
            drops: Drops::default(),
            vlans: false,
        }
    }

    /// Calls `tick` periodically.
    #[must_use]
    pub fn ticking(mut self, mut tick: impl FnMut(&mut Call<'_>) + Send + 'static) -> Custom {
        self.tick = Box::new(move |call| {
            tick(call);
            CallEnd::Returned
        });
        self
    }

    /// Samples after each of these skips, the last one for ever.
    #[must_use]
    pub fn sampling(mut self, skips: &[u32], samples: &Samples) -> Custom {
        self.skips = skips.iter().rev().copied().collect();
        self.samples = Samples::clone(samples);
        self
    }
}

impl Custom {
    /// Samples each port by itself, always after the skip given for its slot; ports that are not listed never.
    #[must_use]
    pub fn sampling_by_port(mut self, rates: &[(u32, u32)], samples: &Samples) -> Custom {
        self.rates = rates.to_vec();
        self.samples = Samples::clone(samples);
        self
    }

    /// Asks for counters by VLAN.
    #[must_use]
    pub fn counting_vlans(mut self) -> Custom {
        self.vlans = true;
        self
    }

    /// Wants so many drops between two periodic calls.
    #[must_use]
    pub fn told_of_drops(mut self, wanted: u32, drops: &Drops) -> Custom {
        self.wanted = wanted;
        self.drops = Drops::clone(drops);
        self
    }
}

impl Stage for Custom {
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd {
        (self.process)(call)
    }

    fn tick(&mut self, call: &mut Call<'_>) -> CallEnd {
        (self.tick)(call)
    }

    fn next_skip(&mut self) -> u32 {
        match self.skips.len() {
            0 => u32::MAX,
            1 => self.skips[0],
            _ => self.skips.pop().unwrap_or(u32::MAX),
        }
    }

    fn skips_by_port(&self) -> bool {
        !self.rates.is_empty()
    }

    fn next_skip_of(&mut self, port: PortId) -> u32 {
        let slot = port.slot() as u32;
        self.rates.iter().find(|(known, _)| *known == slot).map_or(u32::MAX, |(_, skip)| *skip)
    }

    fn counts_vlans(&self) -> bool {
        self.vlans
    }

    fn drops_wanted(&mut self) -> u32 {
        self.wanted
    }

    fn dropped(&mut self, dropped: &Dropped, withheld: u64) -> CallEnd {
        self.drops.lock().unwrap().push((dropped.clone(), withheld));
        CallEnd::Returned
    }

    fn sampled(&mut self, sample: &Sample) -> CallEnd {
        self.samples.lock().unwrap().push(sample.clone());
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
