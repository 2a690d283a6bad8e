//! Figures as text: statistics, the filtering database.

use super::Column::{Number, Text};
use super::{extension, port, switch, table};
use crate::control::model::{DropCount, FdbEntryView, StageCost, StatsView};

/// Which parts of the statistics were asked for; none chosen is all of them.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Sections {
    ports: bool,
    drops: bool,
    stages: bool,
    extensions: bool,
}

impl Sections {
    pub(in crate::cli) fn choose(ports: bool, drops: bool, stages: bool) -> Self {
        let all = !(ports || drops || stages);
        Self { ports: ports || all, drops: drops || all, stages: stages || all, extensions: all }
    }

    /// Whether a key of [`StatsView`] is among them.
    pub(in crate::cli) fn has(self, key: &str) -> bool {
        match key {
            "ports" => self.ports,
            "drops" => self.drops,
            "stages" => self.stages,
            "extensions" | "loads" => self.extensions,
            _ => true,
        }
    }
}

/// Statistics of each switch.
pub(in crate::cli) fn stats(views: &[StatsView], sections: Sections) -> String {
    if views.is_empty() {
        return "no switches\n".to_owned();
    }
    let one = |view: &StatsView| {
        let mut text = format!("{}\n{}", switch::switch_line(&view.switch), switch::law(&view.switch.law));
        if sections.ports {
            text.push_str(&format!("\n{}", port::counters(&view.ports)));
        }
        if sections.drops {
            text.push_str(&format!("\n{}", drops(&view.drops)));
        }
        if sections.stages {
            text.push_str(&format!("\n{}", stages(&view.stages)));
        }
        if sections.extensions && view.extensions.iter().any(|extension| !extension.counters.is_empty()) {
            text.push_str(&format!("\n{}", extension::counters(&view.extensions)));
        }
        text
    };
    views.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn drops(drops: &[DropCount]) -> String {
    let row = |drop: &DropCount| {
        let ports: Vec<String> = drop.ports.iter().map(|port| format!("{} {}", port.port, port.count)).collect();
        let ports = if ports.is_empty() { "-".to_owned() } else { ports.join(", ") };
        vec![drop.reason.clone(), drop.count.to_string(), ports, drop.description.clone()]
    };
    let columns = [Text("DROP REASON"), Number("COUNT"), Text("PORTS"), Text("MEANING")];
    table(&columns, drops.iter().map(row).collect(), "no drops")
}

fn stages(stages: &[StageCost]) -> String {
    let row = |cost: &StageCost| {
        vec![
            cost.leg.to_string(),
            cost.stage.clone(),
            cost.packets.to_string(),
            if cost.packets == 0 { "-".to_owned() } else { format!("{:.1}", cost.cycles_per_packet) },
        ]
    };
    let columns = [Text("LEG"), Text("STAGE"), Number("PACKETS"), Number("CYCLES/PACKET")];
    table(&columns, stages.iter().map(row).collect(), "no stage has been measured")
}

/// The filtering database.
pub(in crate::cli) fn fdb(entries: &[FdbEntryView]) -> String {
    let row = |entry: &FdbEntryView| {
        let age = match entry.kind {
            crate::control::model::FdbEntryKind::Learned => format!("{} s", entry.age_seconds),
            crate::control::model::FdbEntryKind::Static => "-".to_owned(),
        };
        vec![entry.vlan.to_string(), entry.mac.to_string(), entry.port.to_string(), entry.kind.to_string(), age]
    };
    let columns = [Number("VLAN"), Text("MAC"), Text("PORT"), Text("KIND"), Number("AGE")];
    table(&columns, entries.iter().map(row).collect(), "the filtering database is empty")
}
