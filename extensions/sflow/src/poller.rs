//! Counter sampling: when each port's counters are due (sFlow v5 section 3.2).
//!
//! No two samples of a port are further apart than the interval, and each port has a phase of its own, drawn at
//! random, so that neither ports nor agents report in step.

/// How often the host calls `tick`, in nanoseconds: what is due before the next call is due now.
pub const TICK_NS: u64 = 100_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// The rule that says when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poller {
    interval_ns: u64,
}

/// The appointment of one port; `None` until the first tick that sees the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appointment(Option<u64>);

impl Poller {
    /// One sample each `interval_s` seconds; 0 = never.
    #[must_use]
    pub fn new(interval_s: u32) -> Self {
        Self { interval_ns: u64::from(interval_s) * SECOND_NS }
    }

    /// True when the port is due at `now_ns`; then the next appointment is made. `random` gives a port its phase.
    pub fn due(&self, appointment: &mut Appointment, now_ns: u64, random: impl FnOnce() -> u64) -> bool {
        if self.interval_ns == 0 {
            return false;
        }
        let at_ns = match appointment.0 {
            Some(at_ns) => at_ns,
            None => now_ns + random() % self.interval_ns,
        };
        let due = at_ns < now_ns.saturating_add(TICK_NS);
        let next_ns = if due { (at_ns + self.interval_ns).max(now_ns.saturating_add(1)) } else { at_ns };
        appointment.0 = Some(next_ns);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::{Appointment, Poller, SECOND_NS, TICK_NS};

    fn samples(interval_s: u32, phase: u64, ticks: impl Iterator<Item = u64>) -> Vec<u64> {
        let poller = Poller::new(interval_s);
        let mut appointment = Appointment::default();
        ticks.filter(|&now| poller.due(&mut appointment, now, || phase)).collect()
    }

    #[test]
    fn samples_are_never_further_apart_than_the_interval() {
        for phase in [0, 1, 37 * TICK_NS / 10, 2 * SECOND_NS - 1, u64::MAX] {
            let times = samples(2, phase, (50..1_050).map(|tick| tick * TICK_NS));
            assert!((49..=51).contains(&times.len()), "{phase}: {}", times.len());
            assert!(times[0] < 7 * SECOND_NS, "{phase}: first at {}", times[0]);
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 2 * SECOND_NS), "{phase}: {times:?}");
        }
    }

    #[test]
    fn a_pause_is_followed_by_one_sample_not_by_all_that_were_missed() {
        let ticks = (0..20).chain(500..520).map(|tick| tick * TICK_NS);
        let times = samples(1, 0, ticks);
        assert_eq!(times.iter().filter(|&&time| time >= 50 * SECOND_NS).count(), 3);
    }

    #[test]
    fn zero_means_never() {
        assert!(samples(0, 0, (0..1_000).map(|tick| tick * TICK_NS)).is_empty());
    }
}
