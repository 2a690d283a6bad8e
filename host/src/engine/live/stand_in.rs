//! Stand-ins: what is in the place of an extension that was taken out because it did harm.
//!
//! Each call of a stand-in fails, so that the fail policy of ports and of the extension decides about frames, from the
//! moment the extension is gone until it is made anew in the same place: a filter that fails closed lets nothing pass
//! meanwhile. A forwarding extension has one only when its frames are to be dropped: where they may go on, the switch
//! forwards by itself. Captures have none: they cannot drop.

use std::any::Any;
use std::sync::Arc;

use heddle_switch_core::call::Call;
use heddle_switch_core::stage::{CallEnd, OnFailure, Role, Stage, StageEntry, StageId};

use super::source::Source;
use super::{LiveSwitch, State};
use crate::control::model::ExtensionConfig;
use crate::control::plane::ControlResult;
use crate::loader::{Hosted, LogRing};

struct StandIn;

impl Stage for StandIn {
    fn process(&mut self, _call: &mut Call<'_>) -> CallEnd {
        CallEnd::Failed
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// What an instance is made of.
pub(super) type Parts<'a> = (&'a Source, &'a ExtensionConfig, Arc<LogRing>);

impl LiveSwitch {
    /// Takes out an extension that did harm, and leaves a stand-in; its entry stays.
    pub(super) fn suspend(&self, state: &mut State, at: usize) -> ControlResult<()> {
        let Some(one) = state.enabled.get_mut(at) else { return Ok(()) };
        self.forget_former(one);
        let (stage, instance) = (one.stage.take(), one.instance.take());
        let gone = stage.and_then(|stage| state.switch.disable(stage));
        let left = gone.as_ref().map(|gone| gone.id);
        let stands_in =
            gone.as_ref().filter(|gone| needs_stand_in(state, gone)).map(|gone| state.switch.stand_in(gone));
        let context = |id: StageId| vec![(id, Box::new(StandIn) as Box<dyn Stage>)];
        let started = stands_in.map(|id| state.workers.iter().map(|_| context(id)).collect()).unwrap_or_default();
        if let Some(one) = state.enabled.get_mut(at) {
            one.stage = stands_in;
        }
        if let Some(left) = left {
            self.publish(state, started)?;
            keep_counts(state, at, left);
        }
        self.end_instance(instance);
        Ok(())
    }

    /// Starts an instance in the place of a stand-in, when there is one: workers take up both at once.
    pub(super) fn start_in_place(
        &self,
        state: &mut State,
        waiting: Option<usize>,
        (source, config, log): Parts<'_>,
    ) -> ControlResult<(Hosted, Option<StageId>)> {
        let stage = waiting.and_then(|at| state.enabled.get_mut(at)).and_then(|one| one.stage.take());
        let stands_in: Option<StageEntry> = stage.and_then(|stage| state.switch.disable(stage));
        let started = self.start_instance(state, source, config, log);
        match (waiting, stands_in) {
            (Some(at), Some(entry)) if started.is_err() => {
                if let Some(one) = state.enabled.get_mut(at) {
                    one.stage = Some(entry.id);
                }
                state.switch.enable(entry);
            }
            (Some(at), Some(entry)) => keep_counts(state, at, entry.id),
            _ => {}
        }
        started
    }
}

/// What workers counted of a stage that is gone stays with its extension.
fn keep_counts(state: &mut State, at: usize, left: StageId) {
    let counted = state.retired_stages.remove(&left);
    if let (Some(counted), Some(one)) = (counted, state.enabled.get_mut(at)) {
        one.past.add(&counted);
    }
}

fn needs_stand_in(state: &State, gone: &StageEntry) -> bool {
    match gone.role {
        Role::Capture => false,
        // A port may get a policy of its own at any time.
        Role::Filter => true,
        Role::Forwarding => {
            gone.on_failure == OnFailure::Closed
                || state.switch.ports().any(|port| port.on_failure == Some(OnFailure::Closed))
        }
    }
}
