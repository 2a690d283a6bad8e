//! Removing a port: in steps, between which extensions may give references back.
//!
//! The NIC is disconnected and its traffic arrives; then references to the NIC are waited for; then the NIC is deleted and
//! the port torn down; then references to the port are waited for; then it is gone (model 2.4). The switch's lock is free
//! while it waits, [`REFERENCE_WAIT`] in all, after which what is left is void and counted as a violation of the
//! extensions that kept it.

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::violation::Rule;

use super::extensions::Sink;
use super::plugged::Plugged;
use super::{LiveSwitch, State, answer};
use crate::control::error::ControlError;
use crate::control::model::PortName;
use crate::control::plane::ControlResult;
use crate::engine::command::Command;
use crate::engine::lock;

/// How long the deletion of a port waits for references, at most.
const REFERENCE_WAIT: Duration = Duration::from_secs(5);

impl LiveSwitch {
    /// Unplugs and deletes a port, after everything of it has arrived and nobody refers to it.
    pub(crate) fn remove_port(&self, name: &PortName) -> ControlResult<()> {
        let mut state = lock(&self.state);
        let id = self.port_id(&state, name)?;
        if let Some(plugged) = state.ports.get_mut(&id) {
            self.refuse_leaving(plugged)?;
            plugged.leaving = true;
        }
        let detached = self.unplug(&mut state, id);
        if let (Err(_), Some(plugged)) = (&detached, state.ports.get_mut(&id)) {
            // A worker did not answer; the operator may try again.
            plugged.leaving = false;
        }
        detached?;
        let deadline = Instant::now() + REFERENCE_WAIT;
        let mut state = self.without_references(state, id, true, deadline);
        let held = &mut *state;
        let _ = held.switch.delete_nic(id, &mut Sink::new(self, &held.enabled));
        self.withdraw_policies(held, id, name);
        let _ = held.switch.tear_down(id, &mut Sink::new(self, &held.enabled));
        let mut state = self.without_references(state, id, false, deadline);
        let held = &mut *state;
        let deleted = held.switch.delete_port(id, &mut Sink::new(self, &held.enabled));
        held.ports.remove(&id);
        self.directory.remove(id);
        self.directory.references.forget(id);
        if state.stopped {
            return Ok(());
        }
        self.publish(&mut state, Vec::new())?;
        deleted.map(drop).map_err(|error| self.port_error(&state, name, error))
    }

    /// Takes the NIC off and closes its device, when everything of it has arrived.
    fn unplug(&self, state: &mut State, id: PortId) -> ControlResult<()> {
        // Only a connected NIC can be disconnected; a port whose NIC is not is on its way out already.
        let _ = state.switch.disconnect_nic(id, &mut Sink::new(self, &state.enabled));
        self.publish(state, Vec::new())?;
        self.settle(state)?;
        for worker in &state.workers {
            let queues = answer(&worker.ask(|sender| Command::Detach(id, sender))?)?;
            // Closing a device may take the kernel some time: here, not on the worker.
            drop(queues);
        }
        Ok(())
    }

    /// Waits, with the lock free, until nobody refers to a port's NICs (or the port); what is left then is void.
    fn without_references<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        id: PortId,
        nics: bool,
        deadline: Instant,
    ) -> MutexGuard<'a, State> {
        let references = &self.directory.references;
        if references.wait(id, nics, Instant::now()) {
            return state;
        }
        tracing::info!(switch = %self.spec.name(), port = %id, "waits for references of extensions to the port");
        drop(state);
        let given_back = references.wait(id, nics, deadline);
        let state = lock(&self.state);
        if !given_back {
            for (instance, count) in references.void(id, nics) {
                let shared = state.enabled.iter().filter_map(|one| one.instance.as_ref()).map(|one| one.shared());
                for shared in shared.filter(|shared| shared.instance == instance) {
                    (0..count).for_each(|_| shared.broke(Rule::ReferenceKept, id));
                    let (extension, seconds) = (shared.id.as_str(), REFERENCE_WAIT.as_secs());
                    tracing::warn!(switch = %self.spec.name(), port = %id, extension, count, seconds, "kept references to a port that is deleted; they are void");
                }
            }
        }
        state
    }

    /// A port that is being removed takes no other change.
    pub(super) fn refuse_leaving(&self, plugged: &Plugged) -> ControlResult<()> {
        if !plugged.leaving {
            return Ok(());
        }
        Err(ControlError::Busy {
            thing: format!("port '{}' of switch '{}'", plugged.spec.name(), self.spec.name()),
            reason: "it is being removed".to_owned(),
        })
    }
}
