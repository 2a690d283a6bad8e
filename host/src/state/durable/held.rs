//! Ports that stay without traffic because an extension of their switch could not be restored.
//!
//! A filter that is desired and does not run lets pass what it was put there to stop. Its fail policy decides, as it does
//! about frames it fails on: what the port
//! says, and where it says nothing, what the extension was enabled with. A port that fails closed is not plugged in until the extension runs, is disabled, or the policy is another. Captures and
//! services stop no frames, so nothing waits for them; an extension whose role nobody knows is taken for a filter.

use super::ledger::{Kept, Ledger, Part};
use super::{Inner, lock};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionRole, FailPolicy, PortName, PortView, SwitchName};
use crate::control::plane::ControlResult;
use crate::state::record::{ExtensionRecord, PortRecord};

/// Whether frames are dropped while this extension does not run, where a port has this policy.
fn stops(part: &Part<ExtensionRecord>, port: FailPolicy) -> bool {
    let in_the_way = !matches!(part.record.role, Some(ExtensionRole::Capture | ExtensionRole::Service));
    let policy = if port == FailPolicy::Extension { part.record.fail_policy } else { port };
    part.absent.is_some() && in_the_way && policy == FailPolicy::Closed
}

impl Kept {
    /// Why a port with this policy gets no traffic.
    pub(super) fn hold(&self, port: &PortName, policy: FailPolicy) -> Option<ControlError> {
        let part = self.extensions.iter().find(|part| stops(part, policy))?;
        let (switch, id) = (&self.record.name, part.record.shown_id());
        Some(ControlError::Refused {
            thing: format!("port '{port}'"),
            reason: format!(
                "gets no traffic: extension '{id}' fails closed here and does not run ({})",
                part.absent.as_deref().unwrap_or_default()
            ),
            fix: format!(
                "remove the cause, `heddle extension disable {switch} {id}`, or `heddle port set {switch} {port} \
                 --fail-policy open`"
            ),
        })
    }

    /// What an operator of the switch has to know of each extension that is absent.
    pub(super) fn troubles(&self) -> Vec<String> {
        let trouble = |part: &Part<ExtensionRecord>| {
            let held = self.ports.iter().filter(|port| stops(part, port.record.fail_policy));
            let held: Vec<&str> = held.map(|port| port.record.name.as_str()).collect();
            let effect = match (held.is_empty(), part.record.role) {
                (false, _) => format!("no traffic on {}", held.join(", ")),
                (true, Some(ExtensionRole::Capture | ExtensionRole::Service)) => "frames pass".to_owned(),
                (true, _) => "frames pass without it, since it fails open".to_owned(),
            };
            Some(format!("extension '{}' does not run: {effect}: {}", part.record.shown_id(), part.absent.as_deref()?))
        };
        self.extensions.iter().filter_map(trouble).collect()
    }
}

impl Ledger {
    /// Why a port with this policy gets no traffic.
    pub(super) fn hold(&self, switch: &SwitchName, port: &PortName, policy: FailPolicy) -> Option<ControlError> {
        self.switches.get(switch)?.hold(port, policy)
    }
}

impl Inner {
    /// Unplugs a port that carries traffic and is to fail closed from now on.
    pub(super) fn withhold(
        &self,
        switch: &SwitchName,
        part: Part<PortRecord>,
        view: PortView,
    ) -> ControlResult<PortView> {
        let Some(reason) = lock(&self.ledger).hold(switch, &part.record.name, part.record.fail_policy) else {
            self.remember_port(switch, part);
            return Ok(view);
        };
        let (name, absent) = (part.record.name.clone(), Some(reason.to_string()));
        let removed = self.plane.remove_port(switch, &name);
        self.remember_port(switch, if removed.is_ok() { Part { absent, ..part } } else { part });
        removed?;
        tracing::warn!("{reason}");
        self.port_as_it_is(switch, &name)
    }

    /// Plugs in what was held back, after an extension has been disabled or runs.
    pub(super) fn bring_held(&self, switch: &SwitchName) {
        let Some(kept) = lock(&self.ledger).switches.get(switch).cloned() else { return };
        let absent: Vec<&Part<PortRecord>> = kept.ports.iter().filter(|part| part.absent.is_some()).collect();
        if kept.absent.is_none() {
            self.bring_ports(switch, &absent);
        }
    }
}
