//! Extensions on a running switch: enabling, disabling, periodic calls, events.
//!
//! Enabling: load and check, create the instance, tell it of everything there is, make a context for each worker, then
//! put it into the stack with one published snapshot; traffic goes on meanwhile. Disabling takes it out of the stack
//! first, so that no call is under way when its contexts end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use heddle_switch_core::counters::{PortCounters, StageCounters};
use heddle_switch_core::drop_codes::DropCodes;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{OnFailure, Role, StageId};
use heddle_switch_core::switch::{ControlEvent, EnableError, EventKind, EventSink, NicState, StageSpec, Veto};
use heddle_switch_core::violation::{Broken, Rule};
use heddle_switch_core::vlan_count::VlanCounters;

use super::policy::Kept;
use super::quarantine::Trouble;
use super::upgrade::Generations;
use super::{LiveSwitch, Source, State, contained};
use crate::contain::on_behalf_of;
use crate::control::error::ControlError;
use crate::control::model::{ExtensionConfig, ExtensionId, FailPolicy, nearest};
use crate::control::plane::ControlResult;
use crate::engine::command::Report;
use crate::loader::{Hosted, Instance, InstanceShared, Library, LogRing, Objection, WorkerStage, port_info};

/// Frames an extension may hold at a time on one worker.
const HOLD_QUOTA: u32 = 4_096;
/// Longest time an extension may hold a frame, in nanoseconds.
const HOLD_MAX_NS: u64 = 5_000_000_000;

/// An enabled extension.
pub(crate) struct Enabled {
    /// Its identity on the switch; `None` for services, which have no data path, and for ones that do not run any more.
    pub(crate) stage: Option<StageId>,
    /// The instance; `None` when it does not run any more.
    pub(crate) instance: Option<Hosted>,
    /// Its library.
    pub(crate) library: Arc<Library>,
    /// What instances are made from.
    pub(crate) source: Source,
    /// Configuration in effect.
    pub(crate) config: ExtensionConfig,
    /// Where its file is.
    pub(crate) path: Option<PathBuf>,
    /// The last thing that went wrong.
    pub(crate) last_error: Option<String>,
    /// Rule violations seen so far.
    pub(crate) violations: u64,
    /// The same by rule.
    pub(crate) broken: Broken,
    /// What its instances wrote to the log.
    pub(crate) log: Arc<LogRing>,
    /// Its panics.
    pub(crate) trouble: Trouble,
    /// Its versions.
    pub(crate) generations: Generations,
    /// What was counted of it, and of what stood in for it, before it was started last.
    pub(crate) past: StageCounters,
}

/// Takes control events to instances.
pub(super) struct Sink<'a> {
    live: &'a LiveSwitch,
    enabled: Vec<(StageId, Hosted)>,
    /// Versions that wait for a way back: they are told, and not asked.
    former: Vec<(StageId, Hosted)>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(live: &'a LiveSwitch, enabled: &[Enabled]) -> Sink<'a> {
        let pair = |one: &Enabled| Some((one.stage?, one.instance.clone()?));
        let former = |one: &Enabled| Some((one.stage?, one.generations.former_instance()?.clone()));
        let (former, enabled) = (enabled.iter().filter_map(former), enabled.iter().filter_map(pair));
        Sink { live, former: former.collect(), enabled: enabled.collect() }
    }

    pub(super) fn newcomer(live: &'a LiveSwitch, instance: &Hosted, kept: Vec<Kept>) -> NewcomerSink<'a> {
        NewcomerSink { live, instance: instance.clone(), kept }
    }
}

/// Takes events to the one instance that is being introduced, whatever its identity will be.
pub(super) struct NewcomerSink<'a> {
    live: &'a LiveSwitch,
    instance: Hosted,
    /// What is on the switch and its ports.
    kept: Vec<Kept>,
}

impl EventSink for NewcomerSink<'_> {
    fn event(&mut self, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto> {
        self.live.tell(&self.instance, stage, event)?;
        // Properties come right behind what they are on: before any NIC, and so before any frame.
        if !matches!(event.kind, EventKind::SwitchCreate | EventKind::PortCreate) {
            return Ok(());
        }
        let offered = self.live.offer_to_newcomer(&self.kept, &self.instance, event.port);
        offered.map_err(|Objection { reason, for_now }| Veto { stage, reason, for_now })
    }
}

impl EventSink for Sink<'_> {
    fn event(&mut self, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto> {
        if let Some((_, former)) = self.former.iter().find(|(id, _)| *id == stage) {
            let _ = self.live.tell(former, stage, event);
        }
        match self.enabled.iter().find(|(id, _)| *id == stage) {
            Some((_, instance)) => self.live.tell(instance, stage, event),
            None => Ok(()),
        }
    }

    fn completed(&mut self, stage: StageId, event: &ControlEvent<'_>, outcome: Result<(), &Veto>) {
        if let Some((_, instance)) = self.enabled.iter().find(|(id, _)| *id == stage) {
            instance.tell_completed(event, self.live.spec.name().as_str(), outcome);
        }
    }
}

impl LiveSwitch {
    fn tell(&self, instance: &Hosted, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto> {
        if let Some(port) = event.port.filter(|port| !port.validation) {
            let references = &self.directory.references;
            match event.kind {
                EventKind::PortDelete => references.forget(port.id),
                _ => references.allow(port.id, !port.teardown, port.nic == NicState::Connected),
            }
            if matches!(event.kind, EventKind::PortCreate | EventKind::NicConnect) {
                self.directory.put(port.id, port_info(port, &PortCounters::default()));
            }
        }
        let told = instance.tell(event, self.spec.name().as_str());
        if told.is_err() && !event.kind.may_be_vetoed() && !instance.has_panicked() {
            let port = event.port.map_or(PortId::NONE, |port| port.id);
            instance.shared().broke(Rule::EventNotInfallible, port);
        }
        told.map_err(|Objection { reason, for_now }| Veto { stage, reason, for_now })
    }

    /// Enables an extension.
    pub(crate) fn enable(
        &self,
        state: &mut State,
        source: Source,
        path: Option<PathBuf>,
        config: &ExtensionConfig,
    ) -> ControlResult<()> {
        let id = ExtensionId::new(&source.facts().id)?;
        let is_it = |one: &Enabled| one.library.facts().id == id.as_str();
        if state.enabled.iter().any(|one| is_it(one) && one.instance.is_some()) {
            return Err(ControlError::ExtensionEnabled { switch: self.spec.name().clone(), id });
        }
        self.refuse_quarantined(&id)?;
        let log = Arc::new(LogRing::default());
        let waiting = state.enabled.iter().position(is_it);
        let (instance, stage) = self.start_in_place(state, waiting, (&source, config, Arc::clone(&log)))?;
        let library = Arc::clone(instance.library());
        // One that was taken out after a panic is enabled anew.
        state.enabled.retain(|one| !is_it(one));
        let (instance, config) = (Some(instance), config.clone());
        let (last_error, violations, broken, trouble) = (None, 0, Broken::default(), Trouble::default());
        let generations = Generations::default();
        let newest = Enabled {
            stage,
            instance,
            library,
            source,
            config,
            path,
            last_error,
            violations,
            broken,
            log,
            trouble,
            past: StageCounters::default(),
            generations,
        };
        // Within a role the newest is nearest to the protocol edge.
        let place = state.enabled.iter().position(|one| one.rank() >= newest.rank());
        state.enabled.insert(place.unwrap_or(state.enabled.len()), newest);
        Ok(())
    }

    /// Makes an instance, introduces it and puts it into the stack as the newest of its role.
    pub(super) fn start_instance(
        &self,
        state: &mut State,
        source: &Source,
        config: &ExtensionConfig,
        log: Arc<LogRing>,
    ) -> ControlResult<(Hosted, Option<StageId>)> {
        let _for_this = on_behalf_of(self.spec.name().as_str());
        let facts = source.facts();
        let number = instance_number();
        let shared = InstanceShared::new(
            (facts.id.clone(), facts.role),
            number,
            Arc::clone(&self.services),
            Arc::clone(&self.groups),
            Arc::clone(&self.directory),
            log,
        );
        let give_back = || {
            self.groups.remove_of(number);
            self.directory.references.remove_of(number);
        };
        // One that is refused may have taken something first.
        let instance = source.create(state.workers.len(), shared, config).inspect_err(|_| give_back())?;
        let stage = self.introduce(state, &instance, config.fail_policy()).inspect_err(|_| give_back())?;
        Ok((instance, stage))
    }

    /// Tells a new instance of everything, and puts it into the stack.
    fn introduce(&self, state: &mut State, instance: &Hosted, policy: FailPolicy) -> ControlResult<Option<StageId>> {
        let facts = instance.library().facts();
        let rejected = |reason: String| ControlError::ExtensionRejected { extension: facts.id.clone(), reason };
        let (contexts, spec) = self.all_contexts(state, instance)?;
        let Some(spec) = spec else { return Ok(None) };
        let spec = StageSpec { on_failure: super::settings::on_failure(policy), ..spec };
        let mut sink = Sink::newcomer(self, instance, self.kept_policies(state));
        let entry = state.switch.introduce(&spec, &mut sink).map_err(|error| match error {
            EnableError::SecondForwarding { holder } => ControlError::SecondForwarding {
                switch: self.spec.name().clone(),
                holder: self.stage_name(state, holder),
                id: facts.id.clone(),
            },
            other => rejected(other.to_string()),
        })?;
        let id = entry.id;
        state.switch.enable(entry);
        self.watch(state, instance)?;
        let started = contexts.into_iter().map(|context| vec![(id, context)]).collect();
        self.publish(state, started)?;
        Ok(Some(id))
    }

    /// Makes the context of each worker; none for a service.
    pub(super) fn contexts(&self, state: &State, instance: &Arc<Instance>) -> ControlResult<Vec<WorkerStage>> {
        let facts = instance.library().facts();
        let rejected = |reason: String| ControlError::ExtensionRejected { extension: facts.id.clone(), reason };
        let mut contexts = Vec::new();
        let Some(role) = facts.data_path_role() else { return Ok(contexts) };
        for worker in 0..state.workers.len() {
            let worker = u16::try_from(worker).unwrap_or(u16::MAX);
            let context = instance.worker(worker).map_err(|failure| rejected(failure.to_string()))?;
            let window = self.windows.get(usize::from(worker)).filter(|_| role == Role::Capture);
            contexts.push(context.through(window.cloned()));
        }
        Ok(contexts)
    }

    /// Disables an extension.
    pub(crate) fn disable(&self, state: &mut State, id: &ExtensionId) -> ControlResult<Enabled> {
        let Some(at) = state.enabled.iter().position(|one| one.library.facts().id == id.as_str()) else {
            return Err(self.not_enabled(state, id));
        };
        self.take_out(state, at)?;
        Ok(state.enabled.remove(at))
    }

    /// Takes an extension out of the stack and ends its instance; its entry stays.
    pub(super) fn take_out(&self, state: &mut State, at: usize) -> ControlResult<()> {
        let Some(one) = state.enabled.get_mut(at) else { return Ok(()) };
        self.forget_former(one);
        let (stage, instance) = (one.stage.take(), one.instance.take());
        if let Some(stage) = stage {
            state.switch.disable(stage);
            self.publish(state, Vec::new())?;
        }
        self.end_instance(instance);
        Ok(())
    }

    /// Ends an instance that no worker calls any more.
    pub(super) fn end_instance(&self, instance: Option<Hosted>) {
        let Some(instance) = instance else { return };
        let deleted = ControlEvent { kind: EventKind::SwitchDelete, port: None };
        // The end cannot be refused.
        let _ = self.tell(&instance, StageId(0), &deleted);
        let number = instance.shared().instance;
        self.groups.remove_of(number);
        let kept = self.directory.references.remove_of(number);
        if kept > 0 {
            let id = instance.library().facts().id.as_str();
            tracing::warn!(switch = %self.spec.name(), extension = id, kept, "left with references to ports it had not given back");
        }
    }

    /// Takes all extensions out.
    pub(super) fn disable_all(&self, state: &mut State) -> ControlResult<()> {
        for at in 0..state.enabled.len() {
            self.take_out(state, at)?;
        }
        state.enabled.clear();
        Ok(())
    }

    /// Periodic calls, changed groups, extensions that panicked.
    pub(super) fn maintain_extensions(&self, state: &mut State) -> ControlResult<()> {
        if state.enabled.is_empty() {
            return Ok(());
        }
        let reports = self.reports(state)?;
        self.note_violations(state, &reports);
        let counters = Self::counters(&reports);
        for port in state.switch.ports() {
            let of_port = counters.ports.get(port.id.slot()).copied().unwrap_or_default();
            self.directory.put(port.id, port_info(port, &of_port));
        }
        self.directory.put_vlans(vlans_of(&reports));
        let now_ns = self.now_ns();
        for instance in state.enabled.iter().filter_map(|one| one.instance.clone()) {
            if !instance.has_panicked() {
                instance.tick(now_ns);
            }
        }
        // Before the others: one on probation gives way to its former version, whatever it did.
        self.watch_probation(state)?;
        self.look_after(state)?;
        if self.groups.have_changed() {
            self.publish(state, Vec::new())?;
        }
        Ok(())
    }

    /// Tells the operator, once per change, that an extension breaks the rules of its role.
    fn note_violations(&self, state: &mut State, reports: &[Report]) {
        for one in &mut state.enabled {
            let broken = contained::broken(one, reports);
            let violations = broken.total();
            if violations <= one.violations {
                continue;
            }
            if one.violations == 0 {
                let id = one.library.facts().id.as_str();
                tracing::warn!(switch = %self.spec.name(), extension = id, violations, "breaks the rules of its role");
            }
            (one.violations, one.broken) = (violations, broken);
            let named = self.violations_line(one);
            one.last_error = Some(format!(
                "{violations} violations of its role's rules, each undone ({named}); report it to its vendor"
            ));
        }
    }

    /// Name of an extension by its identity.
    pub(super) fn stage_name(&self, state: &State, id: StageId) -> String {
        let found = state.enabled.iter().find(|one| one.stage == Some(id));
        found.map_or_else(|| "an extension".to_owned(), |one| one.library.facts().id.clone())
    }

    /// The error for an extension that is not enabled here.
    pub(crate) fn not_enabled(&self, state: &State, id: &ExtensionId) -> ControlError {
        let known = state.enabled.iter().map(|one| one.library.facts().id.as_str());
        ControlError::ExtensionNotEnabled {
            switch: self.spec.name().clone(),
            id: id.clone(),
            nearest: nearest(id.as_str(), known),
        }
    }
}

/// What the core is told of an extension with a data path.
pub(super) fn spec_of(instance: &Instance, contexts: &[WorkerStage]) -> Option<StageSpec> {
    let functions = contexts.first().map_or((false, false, false), |context| context.functions());
    Some(spec(instance.library().facts().data_path_role()?, functions, instance.sampling_header()))
}

/// The same, of one with functions for ingress, egress and the periodic call.
pub(super) fn spec(role: Role, (ingress, egress, tick): (bool, bool, bool), sampling: Option<u16>) -> StageSpec {
    StageSpec {
        role,
        ingress,
        egress,
        tick,
        sampling,
        hold_quota: HOLD_QUOTA,
        hold_max_ns: HOLD_MAX_NS,
        on_failure: OnFailure::Open,
        codes: DropCodes::any(),
    }
}

/// Numbers instances within the process.
pub(super) fn instance_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Configuration as an extension gets it: the file's lines, then `key=value` lines, which win.
pub(super) fn config_text(config: &ExtensionConfig) -> String {
    let mut text = config.file().map(|file| String::from_utf8_lossy(file).into_owned()).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (key, value) in config.iter() {
        text.push_str(&format!("{key}={value}\n"));
    }
    text
}

/// Counters by VLAN, summed over workers.
fn vlans_of(reports: &[Report]) -> BTreeMap<u16, VlanCounters> {
    let mut vlans: BTreeMap<u16, VlanCounters> = BTreeMap::new();
    for (vid, counters) in reports.iter().flat_map(|report| &report.vlans) {
        vlans.entry(*vid).or_default().add(counters);
    }
    vlans
}
