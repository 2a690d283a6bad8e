//! What instances of an enabled extension are made from: a library that is open here, or a judged file for a child process.

use std::path::Path;
use std::sync::Arc;

use heddle_switch_core::stage::Stage;
use heddle_switch_core::switch::StageSpec;

use super::extensions::{config_text, spec, spec_of};
use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionConfig, ExtensionId};
use crate::control::plane::ControlResult;
use crate::engine::command::Command;
use crate::loader::isolation::launch;
use crate::loader::library::Judged;
use crate::loader::{CreateFailure, ExtensionFacts, Hosted, Instance, InstanceShared, Library};

/// The source.
#[derive(Clone)]
pub(crate) enum Source {
    /// A library in this process.
    Here(Arc<Library>),
    /// A file that a child opens; kept, so that a child started again runs the same bytes.
    Child(Arc<Judged>),
}

impl Source {
    /// Who it is.
    pub(crate) fn facts(&self) -> &ExtensionFacts {
        match self {
            Source::Here(library) => library.facts(),
            Source::Child(judged) => judged.facts(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Source::Here(library) => library.path(),
            Source::Child(judged) => Some(judged.path()),
        }
    }

    /// What it publishes; a file for a child is opened in one that ends with this call.
    pub(crate) fn published(&self) -> ControlResult<Arc<Library>> {
        match self {
            Source::Here(library) => Ok(Arc::clone(library)),
            Source::Child(judged) => {
                let launched = launch(judged, 0).map_err(|failure| ControlError::ExtensionRejected {
                    extension: self.facts().id.clone(),
                    reason: failure.to_string(),
                })?;
                Ok(Arc::clone(launched.library()))
            }
        }
    }

    /// SHA-256 of the file, in hexadecimal.
    pub(super) fn sha256(&self) -> Option<String> {
        match self {
            Source::Here(library) => library.sha256().map(str::to_owned),
            Source::Child(judged) => Some(judged.sha256()),
        }
    }

    /// Makes an instance for a switch with this many workers.
    pub(super) fn create(
        &self,
        workers: usize,
        shared: Arc<InstanceShared>,
        config: &ExtensionConfig,
    ) -> ControlResult<Hosted> {
        let rejected = |failure: CreateFailure| ControlError::ExtensionRejected {
            extension: self.facts().id.clone(),
            reason: failure.to_string(),
        };
        let text = config_text(config);
        match self {
            Source::Here(library) => {
                super::settings::check(library, config)?;
                Instance::create_for(config.isolation(), Arc::clone(library), shared, &text)
                    .map(Hosted::Here)
                    .map_err(rejected)
            }
            Source::Child(judged) => {
                let launched = launch(judged, workers).map_err(rejected)?;
                super::settings::check(launched.library(), config)?;
                launched.create(shared, &text, config.patience()).map(Hosted::Child).map_err(rejected)
            }
        }
    }
}

/// Contexts by worker, and what the core is told of the extension; nothing for a service.
pub(super) type Contexts = (Vec<Box<dyn Stage>>, Option<StageSpec>);

impl LiveSwitch {
    /// SHA-256 of the file of an enabled extension.
    pub(crate) fn fingerprint(&self, state: &State, id: &ExtensionId) -> Option<String> {
        state.enabled.iter().find(|one| one.library.facts().id == id.as_str())?.source.sha256()
    }

    /// Makes the context of each worker, wherever the instance runs.
    pub(super) fn all_contexts(&self, state: &State, instance: &Hosted) -> ControlResult<Contexts> {
        let guest = match instance {
            Hosted::Here(instance) => {
                let contexts = self.contexts(state, instance)?;
                let codes = instance.shared().codes.clone();
                let spec = spec_of(instance, &contexts).map(|spec| StageSpec { codes, ..spec });
                return Ok((contexts.into_iter().map(|context| Box::new(context) as Box<dyn Stage>).collect(), spec));
            }
            Hosted::Child(guest) => guest,
        };
        let facts = guest.library().facts();
        let Some(role) = facts.data_path_role() else { return Ok((Vec::new(), None)) };
        let mut contexts: Vec<Box<dyn Stage>> = Vec::new();
        for worker in 0..state.workers.len() {
            let made = guest.worker(u16::try_from(worker).unwrap_or(u16::MAX));
            contexts.push(Box::new(made.map_err(|failure| ControlError::ExtensionRejected {
                extension: facts.id.clone(),
                reason: failure.to_string(),
            })?));
        }
        let spec = spec(role, guest.functions(), guest.sampling_header());
        Ok((contexts, Some(StageSpec { codes: guest.shared().codes.clone(), ..spec })))
    }

    /// Has each worker listen to the bell of an extension in a process of its own.
    pub(super) fn watch(&self, state: &State, instance: &Hosted) -> ControlResult<()> {
        let Some(guest) = instance.child() else { return Ok(()) };
        for (worker, handle) in state.workers.iter().enumerate() {
            if let Some(bell) = guest.bell(worker) {
                handle.send(Command::Watch(Arc::clone(bell)))?;
            }
        }
        Ok(())
    }
}
