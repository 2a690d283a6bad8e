//! The operator: in each round a port goes and comes back, settings change, an extension is taken out and put in again, and
//! everything is looked at.

use crate::lab::{Lab, PORTS, SWITCHES};
use anyhow::Result;

/// Looks of one round at one switch.
const LOOKS: [&str; 5] = ["stats", "fdb show", "port list", "switch show", "extension list"];

pub(crate) struct Churn<'a> {
    lab: &'a Lab,
    rounds: u64,
    changes: u64,
    looks: u64,
}

impl<'a> Churn<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Churn<'a> {
        Churn { lab, rounds: 0, changes: 0, looks: 0 }
    }

    pub(crate) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn looks(&self) -> u64 {
        self.looks
    }

    pub(crate) fn round(&mut self) -> Result<()> {
        let turn = u16::try_from(self.rounds % 1000)?;
        let port = turn * 37 % PORTS;
        for switch in SWITCHES {
            self.change(&format!("port remove {switch} p{port}"))?;
            self.lab.add_port(switch, port)?;
            self.change(&format!("port set {switch} p{} --mtu {}", port ^ 1, 1500 + turn % 100))?;
            self.change(&format!("port set {switch} p{} --mtu 9000", port ^ 1))?;
            let (id, library) = match self.rounds % 3 {
                0 => ("sflow", "heddle_sflow"),
                1 => ("passthrough", "heddle_passthrough"),
                _ => ("hold-release", "heddle_test_hold_release"),
            };
            let id = self.identifier(switch, id)?;
            self.change(&format!("extension disable {switch} {id}"))?;
            self.lab.enable(switch, library)?;
            self.changes += 2;
            for look in LOOKS {
                self.lab.ask(&format!("{look} {switch}"))?;
                self.looks += 1;
            }
        }
        self.lab.ask("topology")?;
        self.looks += 1;
        self.rounds += 1;
        Ok(())
    }

    /// The whole identifier of the enabled extension whose identifier ends so.
    fn identifier(&mut self, switch: &str, end: &str) -> Result<String> {
        let list = self.lab.ask(&format!("extension list {switch}"))?;
        self.looks += 1;
        let ids = list.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
        Ok(ids.filter(|id| id.ends_with(end)).collect())
    }

    fn change(&mut self, line: &str) -> Result<()> {
        self.lab.run(line)?;
        self.changes += 1;
        Ok(())
    }
}
