//! Another version of an extension in the place of the one that runs, under traffic, with what that one knows.
//!
//! Order: the newcomer is made and told of everything; the old one's state is saved piece by piece between bursts and taken
//! up by the newcomer off the workers ([`transfer`]); then the workers cut over, each between two bursts, when all of them are near. Whatever is
//! refused before the last worker has cut over leaves the old version as it was. Afterwards the old version is kept, with its
//! state at the cut-over, for a way back ([`back`]): by request, or by itself when the new one panics or breaks rules
//! within its probation.
//!
//! One former version per extension and switch is kept: the next upgrade ends it. The switch's lock is held throughout;
//! traffic does not take it.

mod back;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_switch_core::stage::{Stage, StageEntry};
use heddle_switch_core::switch::{ControlEvent, EventKind, StageSpec};
use heddle_switch_core::violation::Broken;

use super::extensions::{Enabled, Sink, instance_number};
use super::source::Contexts;
use super::{LiveSwitch, Source, State};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionId, UpgradeStage, UpgradeView};
use crate::control::plane::ControlResult;
use crate::loader::state::{Scope, StateFacts, StateRefusal};
use crate::loader::{ExtensionFacts, Hosted, InstanceShared, Library};

/// What is remembered of an extension's versions.
#[derive(Default)]
pub(crate) struct Generations {
    /// The version that ran before, ready to go on.
    former: Option<Former>,
    /// When the new version has proven itself.
    probation_ends: Option<Instant>,
    /// What became of the last upgrade.
    last: Option<UpgradeView>,
}

/// A version that does not run any more and could at once.
struct Former {
    instance: Hosted,
    /// By worker.
    contexts: Vec<Box<dyn Stage>>,
    library: Arc<Library>,
    source: Source,
    path: Option<PathBuf>,
    /// Its entry of the stack; `None` for services.
    entry: Option<StageEntry>,
}

/// A newcomer with its contexts, and what the core is told of it.
type Prepared = (Hosted, Vec<Box<dyn Stage>>, Option<StageSpec>);

/// What an upgrade moved, and how long workers stood still.
#[derive(Default)]
struct Figures {
    bytes: u64,
    longest_slice: Duration,
    pauses: Vec<Duration>,
}

impl Generations {
    /// The instance that waits for a way back.
    pub(super) fn former_instance(&self) -> Option<&Hosted> {
        self.former.as_ref().map(|former| &former.instance)
    }

    pub(super) fn on_probation(&self) -> bool {
        self.former.is_some() && self.probation_ends.is_some()
    }

    /// What became of the last upgrade.
    pub(crate) fn view(&self) -> Option<UpgradeView> {
        let left = self.probation_ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        let mut view = self.last.clone()?;
        view.probation_seconds_left = left.map(|left| left.as_secs() + u64::from(left.subsec_nanos() > 0));
        view.can_roll_back = self.former.is_some();
        Some(view)
    }
}

impl LiveSwitch {
    /// Puts another file of an extension into the place of the one that runs.
    pub(crate) fn upgrade(
        &self,
        state: &mut State,
        id: &ExtensionId,
        (source, path): (Source, PathBuf),
        probation: Duration,
    ) -> ControlResult<()> {
        let at = self.place_of(state, id)?;
        self.refuse_quarantined(id)?;
        let old = self.judge_upgrade(state, id, source.facts(), &path)?;
        if old.library().sha256().is_some_and(|sha256| Some(sha256) == source.sha256().as_deref()) {
            let thing = format!("the upgrade of extension '{id}'");
            return Err(self.refused(&thing, "the file is the one that runs".to_owned(), "give another version"));
        }
        let (newcomer, contexts, spec) = self.prepare(state, at, &old, &source)?;
        let library = Arc::clone(newcomer.library());
        let former = state.enabled.get(at).map(|one| {
            let library = Arc::clone(&one.library);
            (library, one.source.clone(), one.path.clone(), one.stage)
        });
        let Some((former_library, former_source, former_path, stage)) = former else {
            return Err(self.not_enabled(state, id));
        };
        let carried = match (stage, spec) {
            (Some(stage), Some(spec)) => self.carry_over(state, (stage, spec), (&old, &newcomer), contexts),
            _ => Ok((Figures::default(), Vec::new(), None)),
        };
        let (figures, contexts, entry) = match carried {
            Ok(carried) => carried,
            Err(reason) => {
                old.end_saving(true);
                self.farewell(&newcomer);
                return Err(self.not_upgraded(id, reason));
            }
        };
        old.end_saving(false);
        newcomer.count_on_from(&old);
        // The newcomer was told of every port and has references of its own.
        self.directory.references.remove_of(old.shared().instance);
        let view = upgraded(&former_library, &library, &figures);
        let former = Former {
            instance: old,
            contexts,
            library: former_library,
            source: former_source,
            path: former_path,
            entry,
        };
        let Some(one) = state.enabled.get_mut(at) else { return Err(self.not_enabled(state, id)) };
        let before = one.generations.former.replace(former);
        one.instance = Some(newcomer);
        one.source = source;
        one.library = library;
        one.path = Some(path);
        one.last_error = None;
        one.generations.probation_ends = (!probation.is_zero()).then(|| Instant::now() + probation);
        // Workers count anew from the cut-over.
        (one.violations, one.broken) = (0, Broken::default());
        one.generations.last = Some(view);
        tracing::info!(
            switch = %self.spec.name(), extension = %id, bytes = figures.bytes, pauses = ?figures.pauses,
            "another version of the extension runs"
        );
        self.end_former(before);
        self.publish(state, Vec::new())
    }

    fn place_of(&self, state: &State, id: &ExtensionId) -> ControlResult<usize> {
        let found = state.enabled.iter().position(|one| one.library.facts().id == id.as_str());
        found.ok_or_else(|| self.not_enabled(state, id))
    }

    /// Refuses what can be refused without running any of the new version's code; gives the instance that runs.
    pub(crate) fn judge_upgrade(
        &self,
        state: &State,
        id: &ExtensionId,
        new: &ExtensionFacts,
        path: &Path,
    ) -> ControlResult<Hosted> {
        let one = state.enabled.get(self.place_of(state, id)?).ok_or_else(|| self.not_enabled(state, id))?;
        let now = one.library.facts();
        let thing = format!("the upgrade of extension '{id}'");
        let refuse = |reason: String, fix: &str| Err(self.refused(&thing, reason, fix));
        if now.id != new.id {
            return refuse(format!("the file is '{}'", new.id), "give a file of this extension, or enable that one");
        }
        if now.role != new.role {
            let (old, new) = (now.role_name(), new.role_name());
            let reason = format!("it is a {old} extension and the file a {new} one");
            return refuse(reason, "disable it, then enable the file");
        }
        if one.path.as_deref() == Some(path) {
            let reason = "the file is where the one that runs was enabled from, so that a restart could not go back";
            return refuse(reason.to_owned(), "give the new version a file name of its own");
        }
        let running = one.instance.as_ref().filter(|instance| !instance.has_panicked());
        match running {
            Some(instance) => Ok(instance.clone()),
            None => refuse(
                "it does not run, so it cannot hand over its state".to_owned(),
                "disable it, then enable the file",
            ),
        }
    }

    /// Makes the newcomer, hands it the instance's state and tells it of everything there is.
    fn prepare(&self, state: &State, at: usize, old: &Hosted, source: &Source) -> ControlResult<Prepared> {
        let id = ExtensionId::new(&source.facts().id)?;
        let Some(one) = state.enabled.get(at) else { return Err(self.not_enabled(state, &id)) };
        let shared = InstanceShared::new(
            (source.facts().id.clone(), source.facts().role),
            instance_number(),
            Arc::clone(&self.services),
            Arc::clone(&self.groups),
            Arc::clone(&self.directory),
            Arc::clone(&one.log),
        );
        let newcomer = source.create(state.workers.len(), shared, &one.config).map_err(|error| match error {
            ControlError::ExtensionRejected { reason, .. } => self.not_upgraded(&id, reason),
            other => other,
        })?;
        let ready = self.make_ready(state, one, old, &newcomer);
        let (contexts, spec) = ready.map_err(|reason| {
            old.end_saving(true);
            self.farewell(&newcomer);
            self.not_upgraded(&id, reason)
        })?;
        Ok((newcomer, contexts, spec))
    }

    fn make_ready(&self, state: &State, one: &Enabled, old: &Hosted, newcomer: &Hosted) -> Result<Contexts, String> {
        fits(old.state_facts(), newcomer.state_facts()).map_err(|refusal| refusal.to_string())?;
        old.begin_saving().map_err(|refusal| refusal.to_string())?;
        let blobs = old.save(Scope::Instance).map_err(|refusal| refusal.to_string())?;
        newcomer.restore(Scope::Instance, &blobs).map_err(|refusal| refusal.to_string())?;
        let Some(stage) = one.stage else { return Ok((Vec::new(), None)) };
        let made = self.all_contexts(state, newcomer).map_err(|error| error.to_string())?;
        self.watch(state, newcomer).map_err(|error| error.to_string())?;
        let kept = self.kept_policies(state);
        let mut sink = Sink::newcomer(self, newcomer, kept);
        state.switch.acquaint(stage, &mut sink).map_err(|error| error.to_string())?;
        Ok(made)
    }

    /// Ends a version that is kept no longer.
    fn end_former(&self, former: Option<Former>) {
        if let Some(Former { instance, contexts, .. }) = former {
            drop(contexts);
            self.farewell(&instance);
        }
    }

    /// Ends what is kept for a way back from the version that runs.
    pub(super) fn forget_former(&self, one: &mut Enabled) {
        self.end_former(one.generations.former.take());
        one.generations.probation_ends = None;
    }

    /// Tells an instance that is given up of its end.
    fn farewell(&self, instance: &Hosted) {
        let deleted = ControlEvent { kind: EventKind::SwitchDelete, port: None };
        // The end cannot be refused.
        let _ = instance.tell(&deleted, self.spec.name().as_str());
        self.groups.remove_of(instance.shared().instance);
        self.directory.references.remove_of(instance.shared().instance);
    }

    fn refused(&self, thing: &str, reason: String, fix: &str) -> ControlError {
        let thing = format!("{thing} on switch '{}'", self.spec.name());
        ControlError::Refused { thing, reason, fix: fix.to_owned() }
    }

    fn not_upgraded(&self, id: &ExtensionId, reason: String) -> ControlError {
        let thing = format!("the upgrade of extension '{id}'");
        self.refused(&thing, format!("{reason}. The version that runs goes on"), "see `heddle extension log` for more")
    }
}

/// Whether the state of the old version would be taken up by the new one.
fn fits(old: Option<&StateFacts>, new: Option<&StateFacts>) -> Result<(), StateRefusal> {
    match (old, new) {
        // What has no state loses none.
        (None, _) => Ok(()),
        (Some(_), None) => Err(StateRefusal::NotRead),
        (Some(old), Some(new)) => new.reads(&old.schema, old.version),
    }
}

fn upgraded(old: &Library, new: &Library, figures: &Figures) -> UpgradeView {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    UpgradeView {
        stage: UpgradeStage::Upgraded,
        from_version: old.facts().version.clone(),
        to_version: new.facts().version.clone(),
        reason: None,
        state_bytes: figures.bytes,
        longest_slice_microseconds: micros(figures.longest_slice),
        pause_microseconds: figures.pauses.iter().map(|pause| micros(*pause)).collect(),
        probation_seconds_left: None,
        can_roll_back: false,
    }
}
