//! Extensions on an offline switch: enabling, disabling, configuring, and how they are told of events.
//!
//! The steps and their order are the daemon's: create the instance, make a context for each worker, tell it of everything
//! there is, put it into the stack. Services, which have no place in the stack, get an instance and its periodic call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use heddle_switch_core::counters::StageCounters;
use heddle_switch_core::stage::{OnFailure, Stage, StageId};
use heddle_switch_core::switch::{ControlEvent, EventKind, EventSink, NicState, StageSpec, Veto};

use super::{OfflineError, OfflineSwitch, no_counters};
use crate::control::model::{Isolation, LogLine};
use crate::loader::{Instance, InstanceShared, Library, LogRing, Objection, PortDirectory, port_info};

/// An enabled extension.
pub struct OfflineExtension {
    /// Number of the instance; names it to [`OfflineSwitch::disable`].
    number: u32,
    stage: Option<StageId>,
    instance: Arc<Instance>,
    log: Arc<LogRing>,
}

impl OfflineExtension {
    /// Its place in the stack; none for a service.
    pub fn stage(&self) -> Option<StageId> {
        self.stage
    }

    /// The instance.
    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// Lines it wrote to the log, oldest first.
    pub fn log(&self) -> Vec<LogLine> {
        self.log.newest(usize::MAX).0
    }
}

/// Takes control events to enabled extensions.
pub struct OfflineSink<'a> {
    told: Vec<(Option<StageId>, Arc<Instance>)>,
    directory: Option<&'a PortDirectory>,
    switch: &'a str,
}

impl<'a> OfflineSink<'a> {
    pub(super) fn nobody() -> OfflineSink<'static> {
        OfflineSink { told: Vec::new(), directory: None, switch: "" }
    }

    pub(super) fn of(enabled: &[OfflineExtension], directory: &'a PortDirectory, switch: &'a str) -> OfflineSink<'a> {
        let told = enabled.iter().map(|one| (one.stage, Arc::clone(&one.instance))).collect();
        OfflineSink { told, directory: Some(directory), switch }
    }
}

impl EventSink for OfflineSink<'_> {
    fn event(&mut self, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto> {
        if let (Some(directory), Some(port), EventKind::PortCreate | EventKind::NicConnect) =
            (self.directory, event.port, event.kind)
        {
            directory.put(port.id, port_info(port, &no_counters()));
        }
        if let (Some(directory), Some(port)) = (self.directory, event.port) {
            directory.references.allow(port.id, !port.teardown, port.nic == NicState::Connected);
        }
        // A newcomer has no identity yet and is the only one to be told.
        let one = self.told.iter().find(|(id, _)| id.is_none_or(|id| id == stage));
        let Some((_, instance)) = one else { return Ok(()) };
        let told = instance.tell(event, self.switch);
        told.map_err(|Objection { reason, for_now }| Veto { stage, reason, for_now })
    }

    fn completed(&mut self, stage: StageId, event: &ControlEvent<'_>, outcome: Result<(), &Veto>) {
        if let Some((_, instance)) = self.told.iter().find(|(id, _)| id.is_none_or(|id| id == stage)) {
            instance.tell_completed(event, self.switch, outcome);
        }
    }
}

impl OfflineSwitch {
    /// Enables an extension with its configuration (`key=value` lines); gives the number that names it here.
    pub fn enable(&mut self, library: &Arc<Library>, config: &str) -> Result<u32, OfflineError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let facts = library.facts();
        let log = Arc::new(LogRing::default());
        let shared = InstanceShared::new(
            (facts.id.clone(), facts.role),
            number,
            Arc::clone(&self.services),
            Arc::clone(&self.groups),
            Arc::clone(&self.directory),
            Arc::clone(&log),
        );
        let isolation = if self.setup.debug { Isolation::Debug } else { Isolation::None };
        let instance = Instance::create_for(isolation, Arc::clone(library), shared, config)?;
        let introduced = self.introduce(&instance);
        let stage = introduced.inspect_err(|_| self.groups.remove_of(number))?;
        self.enabled.push(OfflineExtension { number, stage, instance, log });
        Ok(number)
    }

    /// Tells a new instance of everything, and puts it into the stack.
    fn introduce(&mut self, instance: &Arc<Instance>) -> Result<Option<StageId>, OfflineError> {
        let Some(role) = instance.library().facts().data_path_role() else { return Ok(None) };
        let contexts: Vec<_> =
            (0..self.setup.workers.max(1)).map(|worker| instance.worker(worker)).collect::<Result<_, _>>()?;
        let (ingress, egress, tick) = contexts.first().map_or((false, false, false), |context| context.functions());
        let spec = StageSpec {
            role,
            ingress,
            egress,
            tick,
            sampling: instance.sampling_header(),
            hold_quota: self.setup.hold_quota,
            hold_max_ns: self.setup.hold_max_ns,
            on_failure: OnFailure::Open,
        };
        let told = vec![(None, Arc::clone(instance))];
        let mut sink = OfflineSink { told, directory: Some(&self.directory), switch: &self.setup.name };
        let entry = self.switch.introduce(&spec, &mut sink)?;
        let id = entry.id;
        self.switch.enable(entry);
        let started = contexts.into_iter().map(|context| vec![(id, Box::new(context) as Box<dyn Stage>)]).collect();
        self.publish(started);
        Ok(Some(id))
    }

    /// Disables an extension; false when it is not enabled.
    pub fn disable(&mut self, number: u32) -> bool {
        let Some(at) = self.enabled.iter().position(|one| one.number == number) else { return false };
        let one = self.enabled.remove(at);
        if let Some(stage) = one.stage {
            self.switch.disable(stage);
            self.publish(Vec::new());
        }
        let deleted = ControlEvent { kind: EventKind::SwitchDelete, port: None };
        // The end cannot be refused.
        let _ = one.instance.tell(&deleted, &self.setup.name);
        self.groups.remove_of(number);
        true
    }

    /// An enabled extension.
    pub fn extension(&self, number: u32) -> Option<&OfflineExtension> {
        self.enabled.iter().find(|one| one.number == number)
    }

    /// Gives an extension a new configuration; its refusal in its own words.
    pub fn configure(&self, number: u32, config: &str) -> Result<(), String> {
        let Some(one) = self.extension(number) else { return Err("it is not enabled".to_owned()) };
        one.instance.configure(config)
    }

    /// Counters of an enabled extension on all workers: calls that failed, violations of its role's rules and more.
    pub fn stage_counters(&self, number: u32) -> StageCounters {
        let mut sum = StageCounters::default();
        if let Some(stage) = self.extension(number).and_then(|one| one.stage) {
            self.workers.iter().for_each(|worker| sum.add(&worker.stage_counters(stage)));
        }
        sum
    }

    /// Counters that an extension registered: name, unit and value.
    pub fn extension_counters(&self, number: u32) -> Vec<(String, String, u64)> {
        self.extension(number).map(|one| one.instance.shared().counters()).unwrap_or_default()
    }
}
