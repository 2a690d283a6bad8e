//! What extensions know of a NIC, saved and restored: for a machine that moves to another host (model 3.4).
//!
//! Saving asks every extension that runs, in ingress order, until it writes nothing. Restoring hands each piece to the
//! extension of the same identifier; the port may have another id than when it was saved. A piece that nobody here owns is
//! logged and left out; one that its owner refuses makes the whole restoring fail. One NIC at a time, under the switch's
//! lock.

use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{PortName, SwitchName};
use crate::control::plane::ControlResult;
use crate::engine::Engine;
use crate::loader::Hosted;
use crate::loader::state::{Blob, Scope};

/// What an extension knows of a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NicBlob {
    /// Identifier of the extension that wrote it.
    pub extension: String,
    /// Its state.
    pub blob: Blob,
}

impl Engine {
    /// Saves what extensions know of the NIC of a port.
    ///
    /// # Errors
    /// When there is no such port, or an extension cannot save.
    pub fn save_nic(&self, switch: &SwitchName, port: &PortName) -> ControlResult<Vec<NicBlob>> {
        self.with(switch, |live, state| live.save_nic(state, port))
    }

    /// Restores what was saved of a NIC at a port; gives the extensions that own pieces and are not here.
    ///
    /// # Errors
    /// When there is no such port, or the owner of a piece refuses it: then none of it counts as restored.
    pub fn restore_nic(&self, switch: &SwitchName, port: &PortName, blobs: &[NicBlob]) -> ControlResult<Vec<String>> {
        self.with(switch, |live, state| live.restore_nic(state, port, blobs))
    }
}

impl LiveSwitch {
    fn save_nic(&self, state: &State, port: &PortName) -> ControlResult<Vec<NicBlob>> {
        let scope = Scope::Nic { port: self.port_id(state, port)?.raw() };
        let mut saved = Vec::new();
        for (id, instance) in running(state) {
            let blobs = instance.save(scope).map_err(|refusal| self.nic_refused("saving", port, id, &refusal))?;
            saved.extend(blobs.into_iter().map(|blob| NicBlob { extension: id.to_owned(), blob }));
        }
        Ok(saved)
    }

    fn restore_nic(&self, state: &State, port: &PortName, blobs: &[NicBlob]) -> ControlResult<Vec<String>> {
        let scope = Scope::Nic { port: self.port_id(state, port)?.raw() };
        let mut owners: Vec<&str> = Vec::new();
        for blob in blobs {
            if !owners.contains(&blob.extension.as_str()) {
                owners.push(&blob.extension);
            }
        }
        let mut absent = Vec::new();
        for owner in owners {
            let of_owner = blobs.iter().filter(|blob| blob.extension == owner).map(|blob| blob.blob.clone());
            let pieces: Vec<Blob> = of_owner.collect();
            match running(state).find(|(id, _)| *id == owner) {
                Some((id, instance)) => instance
                    .restore(scope, &pieces)
                    .map_err(|refusal| self.nic_refused("restoring", port, id, &refusal))?,
                None => {
                    tracing::warn!(
                        switch = %self.spec.name(), %port, extension = owner,
                        "state of a NIC is left out: its extension does not run here"
                    );
                    absent.push(owner.to_owned());
                }
            }
        }
        Ok(absent)
    }

    fn nic_refused(&self, what: &str, port: &PortName, id: &str, reason: &dyn std::fmt::Display) -> ControlError {
        ControlError::ExtensionVeto {
            extension: id.to_owned(),
            request: format!("{what} the state of port '{port}' of switch '{}'", self.spec.name()),
            reason: reason.to_string(),
        }
    }
}

/// The extensions that run, in ingress order.
fn running(state: &State) -> impl Iterator<Item = (&str, &Hosted)> {
    state.enabled.iter().filter_map(|one| Some((one.library.facts().id.as_str(), one.instance.as_ref()?)))
}
