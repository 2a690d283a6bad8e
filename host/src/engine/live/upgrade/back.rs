//! The way back to the former version of an extension: by request, or by itself within the probation.
//!
//! The former version goes on with its state at the cut-over: what came to be since is forgotten, since it was written by
//! the version that is distrusted. Frames the new version holds go on behind it, or are dropped where it fails closed.

use std::time::Instant;

use super::Former;
use crate::control::model::{ExtensionId, UpgradeStage};
use crate::control::plane::ControlResult;
use crate::engine::live::extensions::Enabled;
use crate::engine::live::quarantine::{TOO_SLOW, Trouble, is_slow};
use crate::engine::live::{LiveSwitch, State};

impl LiveSwitch {
    /// Goes back at an operator's request.
    pub(crate) fn roll_back(&self, state: &mut State, id: &ExtensionId) -> ControlResult<()> {
        let at = self.place_of(state, id)?;
        if state.enabled.get(at).is_none_or(|one| one.generations.former.is_none()) {
            let thing = format!("extension '{id}'");
            let reason =
                "has no former version here: it was not upgraded since it was enabled, or has gone back already";
            return Err(self.refused(&thing, reason.to_owned(), "upgrade it to the file you want"));
        }
        self.go_back(state, at, "an operator asked for it".to_owned())
    }

    /// Goes back from versions that panicked, were slow or broke rules within their probation, and notes which have passed it.
    pub(in crate::engine::live) fn watch_probation(&self, state: &mut State) -> ControlResult<()> {
        for at in 0..state.enabled.len() {
            let Some(one) = state.enabled.get_mut(at) else { break };
            if !one.generations.on_probation() {
                continue;
            }
            if let Some(reason) = misbehaves(one) {
                self.go_back(state, at, reason)?;
            } else if one.generations.probation_ends.is_some_and(|ends| ends <= Instant::now()) {
                one.generations.probation_ends = None;
                let id = one.library.facts().id.as_str();
                tracing::info!(switch = %self.spec.name(), extension = id, "the new version has passed its probation");
            }
        }
        Ok(())
    }

    fn go_back(&self, state: &mut State, at: usize, reason: String) -> ControlResult<()> {
        let Some(one) = state.enabled.get_mut(at) else { return Ok(()) };
        let Some(former) = one.generations.former.take() else { return Ok(()) };
        one.generations.probation_ends = None;
        let Former { instance, contexts, library, source, path, entry } = former;
        let gone = one.instance.replace(instance.clone());
        let (from, to) = (one.library.facts().version.clone(), library.facts().version.clone());
        (one.library, one.source, one.path) = (library, source, path);
        let id = one.library.facts().id.clone();
        tracing::warn!(switch = %self.spec.name(), extension = id, %from, %to, reason, "back to the former version");
        if let Some(view) = &mut one.generations.last {
            view.stage = UpgradeStage::RolledBack;
            view.reason = Some(reason.clone());
        }
        one.last_error = Some(format!("version {from} was taken out and {to} goes on: {reason}"));
        let exchanged = entry.map_or(Ok(()), |entry| {
            let stage = entry.id;
            state.switch.put_back(entry);
            self.exchange_all(state, stage, contexts.into_iter().map(Some).collect(), false)
        });
        if let Some(gone) = gone {
            instance.count_like(&gone);
            self.farewell(&gone);
        }
        if let Some(one) = state.enabled.get_mut(at) {
            // Its workers count anew from here.
            one.broken = instance.shared().broken();
            one.violations = one.broken.total();
        }
        self.publish(state, Vec::new()).and(exchanged)
    }
}

/// Why a version on probation is not trusted any more.
fn misbehaves(one: &mut Enabled) -> Option<String> {
    if let Some(instance) = one.instance.as_ref().filter(|instance| instance.has_panicked()) {
        let why = instance.failure().unwrap_or_else(|| "it panicked".to_owned());
        return Some(format!("{why} within its probation"));
    }
    if is_slow(one) {
        one.trouble = Trouble::default();
        return Some(format!("{TOO_SLOW} within its probation"));
    }
    let broken = one.violations;
    (broken > 0).then(|| format!("it broke the rules of its role {broken} times within its probation"))
}
