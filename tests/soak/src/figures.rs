//! What the processes use, from /proc.

use crate::lab::Lab;
use anyhow::{Context, Result};

/// Names of the processes in [`Lab::processes`]' order.
const NAMES: [&str; 2] = ["supervisor", "switch"];

/// What one process uses.
#[derive(Debug, Clone, Copy)]
struct Process {
    resident_kib: u64,
    descriptors: u64,
    threads: u64,
}

impl Process {
    fn of(pid: u64) -> Result<Process> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line =
                status.lines().find(|line| line.starts_with(name)).with_context(|| format!("{name} of {pid}"))?;
            line.split_whitespace().nth(1).with_context(|| line.to_owned())?.parse().with_context(|| line.to_owned())
        };
        let descriptors = u64::try_from(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())?;
        Ok(Process { resident_kib: field("VmRSS:")?, descriptors, threads: field("Threads:")? })
    }
}

/// What both use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures([Process; 2]);

impl Figures {
    pub(crate) fn of(lab: &Lab) -> Result<Figures> {
        let [supervisor, switch] = lab.processes()?;
        Ok(Figures([Process::of(supervisor)?, Process::of(switch)?]))
    }

    pub(crate) fn print(&self, when: &str) {
        for (name, process) in NAMES.iter().zip(&self.0) {
            println!("soak.{when}.{name}.resident {} KiB", process.resident_kib);
            println!("soak.{when}.{name}.descriptors {} files", process.descriptors);
            println!("soak.{when}.{name}.threads {} threads", process.threads);
        }
    }

    /// What is more than before: memory by more than this many percent, the rest at all.
    pub(crate) fn grown_over(&self, before: &Figures, percent: u64) -> Vec<String> {
        let mut grown = Vec::new();
        for ((name, now), then) in NAMES.iter().zip(&self.0).zip(&before.0) {
            if now.resident_kib * 100 > then.resident_kib * (100 + percent) {
                grown.push(format!(
                    "resident memory of the {name} process, {} to {} KiB",
                    then.resident_kib, now.resident_kib
                ));
            }
            if now.descriptors > then.descriptors {
                grown.push(format!("descriptors of the {name} process, {} to {}", then.descriptors, now.descriptors));
            }
            if now.threads > then.threads {
                grown.push(format!("threads of the {name} process, {} to {}", then.threads, now.threads));
            }
        }
        grown
    }
}
