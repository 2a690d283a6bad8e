//! The order of extensions on a running switch, and what they wrote to the log.
//!
//! Order is fixed between roles (capture, filter, forwarding) and the operator's within one (model 3.3). A new order is one
//! snapshot for every worker, taken up between two bursts: each frame passes every extension in the old order or in
//! the new one, and none is lost.

use heddle_switch_core::stage::{Role, StageId};

use super::extensions::Enabled;
use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionId, ExtensionLog, ExtensionOrder};
use crate::control::plane::ControlResult;
use crate::loader::LINES_MAX;

impl Enabled {
    /// Its role's place in the ingress order.
    pub(super) fn rank(&self) -> u8 {
        match self.library.facts().data_path_role() {
            Some(Role::Capture) => 0,
            Some(Role::Filter) => 1,
            Some(Role::Forwarding) => 2,
            None => 3,
        }
    }

    fn id(&self) -> &str {
        &self.library.facts().id
    }
}

impl State {
    /// Whether an extension is enabled here, running or not.
    pub(crate) fn has(&self, id: &ExtensionId) -> bool {
        self.enabled.iter().any(|one| one.id() == id.as_str())
    }
}

impl LiveSwitch {
    /// Puts the extensions of a role, or of several, into a new order.
    pub(crate) fn order(&self, state: &mut State, wanted: &ExtensionOrder) -> ControlResult<()> {
        let mut places = Vec::new();
        for id in wanted.iter() {
            let found = state.enabled.iter().position(|one| one.id() == id.as_str());
            places.push(found.ok_or_else(|| self.not_enabled(state, id))?);
        }
        let named: Vec<&Enabled> = places.iter().filter_map(|at| state.enabled.get(*at)).collect();
        self.check_order(state, &named)?;
        let ranks: Vec<u8> = named.iter().map(|one| one.rank()).collect();
        // Stable: what is named stands in the new order within its role, all else stays.
        let wanted: Vec<&str> = wanted.iter().map(ExtensionId::as_str).collect();
        let key = |one: &Enabled| {
            let place = if ranks.contains(&one.rank()) { wanted.iter().position(|id| *id == one.id()) } else { None };
            (one.rank(), place)
        };
        state.enabled.sort_by_key(key);
        self.apply_order(state);
        self.publish(state, Vec::new())
    }

    /// Brings the stack of the core into the order of the enabled extensions.
    pub(super) fn apply_order(&self, state: &mut State) {
        let running: Vec<StageId> = state.enabled.iter().filter_map(|one| one.stage).collect();
        state.switch.reorder(&running);
    }

    fn check_order(&self, state: &State, named: &[&Enabled]) -> ControlResult<()> {
        let refused = |thing: String, reason: String, fix: &str| {
            Err(ControlError::Refused { thing, reason, fix: fix.to_owned() })
        };
        if let Some(service) = named.iter().find(|one| one.rank() == 3) {
            let thing = format!("extension '{}'", service.id());
            return refused(thing, "is a service and has no place in the order".to_owned(), "leave it out");
        }
        let crossing = named.windows(2).find_map(|pair| match pair {
            [before, behind] if before.rank() > behind.rank() => Some((before, behind)),
            _ => None,
        });
        if let Some((before, behind)) = crossing {
            let role = |one: &Enabled| one.library.facts().role_name();
            let thing = format!("extension '{}' ({})", before.id(), role(before));
            let reason = format!(
                "cannot come before '{}' ({}): captures come first, then filters, then the forwarding extension",
                behind.id(),
                role(behind)
            );
            return refused(thing, reason, "order the extensions of one role at a time");
        }
        let concerned = |one: &&Enabled| named.iter().any(|other| other.rank() == one.rank());
        let is_named = |one: &Enabled| named.iter().any(|other| other.id() == one.id());
        let left_out: Vec<&str> =
            state.enabled.iter().filter(concerned).filter(|one| !is_named(one)).map(Enabled::id).collect();
        if !left_out.is_empty() {
            let thing = format!("the order for switch '{}'", self.spec.name());
            let reason = format!("leaves out '{}'", left_out.join("', '"));
            return refused(thing, reason, "name all enabled extensions of the role");
        }
        Ok(())
    }

    /// The newest lines an extension wrote to the log.
    pub(crate) fn extension_log(
        &self,
        state: &State,
        id: &ExtensionId,
        lines: Option<u32>,
    ) -> ControlResult<ExtensionLog> {
        let found = state.enabled.iter().find(|one| one.id() == id.as_str());
        let one = found.ok_or_else(|| self.not_enabled(state, id))?;
        let most = lines.and_then(|lines| usize::try_from(lines).ok()).unwrap_or(LINES_MAX);
        let (lines, dropped) = one.log.newest(most);
        Ok(ExtensionLog {
            switch: self.spec.name().clone(),
            id: one.id().to_owned(),
            lines,
            dropped,
            capacity: u32::try_from(LINES_MAX).unwrap_or(u32::MAX),
        })
    }
}
