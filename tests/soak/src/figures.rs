//! What the processes use, from /proc, and whether it grew.
//!
//! A process always has something under way: a thread that answers a request ends seconds later, an answer of a megabyte is
//! memory for a moment. One look would take that for growth, or miss growth behind it; so looks are taken all the time
//! and the median of the third quarter is compared with that of the last. What leaks stays, and moves the median.
//!
//! Judged is the memory a process has for itself (`RssAnon` in proc(5)). The packet memory is one shared mapping of fixed
//! size, reserved at the start; how many of its pages have been touched is printed, not judged.

use crate::lab::Lab;
use anyhow::{Context, Result};

/// Names of the processes in [`Lab::processes`]' order.
const NAMES: [&str; 2] = ["supervisor", "switch"];
/// What is read of each: name, unit, and by how many tenths of a percent it may grow; `None` is printed only.
const MEASURES: [(&str, &str, Option<u64>); 4] = [
    ("memory", "KiB", Some(5)),
    ("packet-memory", "KiB", None),
    ("descriptors", "files", Some(0)),
    ("threads", "threads", Some(0)),
];

/// One look at one process, in the order of [`MEASURES`].
type Look = [u64; MEASURES.len()];

fn look(pid: u64) -> Result<Look> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("{name} of {pid}"))?;
        line.split_whitespace().nth(1).with_context(|| line.to_owned())?.parse().with_context(|| line.to_owned())
    };
    let descriptors = u64::try_from(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())?;
    Ok([field("RssAnon:")?, field("RssShmem:")?, descriptors, field("Threads:")?])
}

/// All looks so far, each with the part of the hour that had passed, in thousandths.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(u64, [Look; 2])>);

impl Figures {
    pub(crate) fn take(&mut self, lab: &Lab, thousandths: u64) -> Result<()> {
        let [supervisor, switch] = lab.processes()?;
        self.0.push((thousandths, [look(supervisor)?, look(switch)?]));
        Ok(())
    }

    fn median(&self, from: u64, process: usize, measure: usize) -> Result<u64> {
        let quarter = self.0.iter().filter(|(at, _)| (from..from + 250).contains(at));
        let mut values: Vec<u64> = quarter.map(|(_, looks)| looks[process][measure]).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().context("too few looks: give more --frames")
    }

    /// Prints the medians of both quarters; what has grown.
    pub(crate) fn judge(&self) -> Result<Vec<String>> {
        let mut grown = Vec::new();
        for (process, owner) in NAMES.iter().enumerate() {
            for (measure, (name, unit, allowed)) in MEASURES.iter().enumerate() {
                let (then, now) = (self.median(500, process, measure)?, self.median(750, process, measure)?);
                println!("soak.third-quarter.{owner}.{name} {then} {unit}");
                println!("soak.last-quarter.{owner}.{name} {now} {unit}");
                if allowed.is_some_and(|allowed| now * 1000 > then * (1000 + allowed)) {
                    grown.push(format!("{name} of the {owner} process, {then} to {now} {unit}"));
                }
            }
        }
        Ok(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred looks whose value of one measure of the switch process is given by the part of the hour.
    fn figures(measure: usize, value: impl Fn(u64) -> u64) -> Figures {
        let at = (0..1000).step_by(10);
        Figures(
            at.map(|at| {
                let mut switch = [10_000, 10_000, 20, 10];
                switch[measure] = value(at);
                (at, [[5_000, 0, 16, 2], switch])
            })
            .collect(),
        )
    }

    #[test]
    fn a_thread_for_a_moment_is_no_growth() {
        let grown = figures(3, |at| if at > 980 { 11 } else { 10 }).judge().expect("enough looks");
        assert!(grown.is_empty(), "{grown:?}");
    }

    #[test]
    fn a_descriptor_that_stays_is_growth() {
        assert_eq!(figures(2, |at| if at > 800 { 21 } else { 20 }).judge().expect("enough looks").len(), 1);
    }

    #[test]
    fn memory_that_leaks_slowly_is_growth() {
        // Three percent in the hour.
        assert_eq!(figures(0, |at| 10_000 + at * 3 / 10).judge().expect("enough looks").len(), 1);
        assert!(figures(0, |at| 10_000 + at.min(400)).judge().expect("enough looks").is_empty(), "warming up");
    }
}
