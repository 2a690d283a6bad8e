//! What containment caught of an extension, as operators are told: rules by name, with the port.

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::{Broken, Rule};

use super::LiveSwitch;
use super::extensions::Enabled;
use crate::control::model::ViolationView;
use crate::engine::command::Report;

/// The rule that a call takes no longer than its budget.
const SLOW: &str = "slow-call";

/// What one extension broke, on all workers and on the control side.
pub(super) fn broken(one: &Enabled, reports: &[Report]) -> Broken {
    let mut sum = one.instance.as_ref().map(|instance| instance.shared().broken()).unwrap_or_default();
    let stages = reports.iter().flat_map(|report| &report.stages);
    stages.filter(|(id, _)| Some(*id) == one.stage).for_each(|(_, counters)| sum.add(&counters.broken));
    let site = one.instance.as_ref().and_then(|instance| instance.here()).map(|instance| instance.site());
    let handlers = site.map_or(0, |site| site.strikes.handlers_taken());
    sum.count_times(Rule::SignalHandlersChanged, handlers, PortId::NONE);
    sum
}

impl LiveSwitch {
    /// The rules an extension broke since it was started.
    pub(crate) fn violations(&self, one: &Enabled) -> Vec<ViolationView> {
        let mut views = Vec::new();
        for rule in Rule::ALL {
            let (count, port) = one.broken.of(*rule);
            if count > 0 {
                views.push(ViolationView { rule: rule.name().to_owned(), count, port: self.port_called(port) });
            }
        }
        let slow = one.instance.as_ref().and_then(|it| it.here()).map_or(0, |it| it.site().strikes.slow_calls());
        if slow > 0 {
            views.push(ViolationView { rule: SLOW.to_owned(), count: slow, port: None });
        }
        views
    }

    fn port_called(&self, port: PortId) -> Option<String> {
        let info = self.directory.get(port)?;
        let length = info.name.iter().position(|byte| *byte == 0).unwrap_or(info.name.len());
        Some(String::from_utf8_lossy(info.name.get(..length)?).into_owned())
    }

    /// The same on one line.
    pub(super) fn violations_line(&self, one: &Enabled) -> String {
        let word = |view: ViolationView| {
            let port = view.port.map_or_else(String::new, |port| format!(", last on port {port}"));
            format!("{} {}{port}", view.rule, view.count)
        };
        self.violations(one).into_iter().map(word).collect::<Vec<_>>().join("; ")
    }
}
