//! Extensions on an offline switch: enabling, disabling, configuring, and how they are told of events.
//!
//! The steps and their order are the daemon's: create the instance, make a context for each worker, tell it of everything
//! there is, put it into the stack. Services, which have no place in the stack, get an instance and its periodic call.
//! [`OfflineSwitch::enable_isolated`] does the same with a child process, as `--isolation process` does in the daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use heddle_switch_core::counters::StageCounters;
use heddle_switch_core::stage::{OnFailure, Stage, StageId};
use heddle_switch_core::switch::{ControlEvent, EventKind, EventSink, NicState, StageSpec, Veto};

use super::{OfflineError, OfflineSwitch, no_counters};
use crate::control::model::{Isolation, LogLine, Patience};
use crate::loader::isolation::{Guest, launch};
use crate::loader::library::Judged;
use crate::loader::{
    ExtensionFacts, Hosted, Instance, InstanceShared, Library, LogRing, Objection, PortDirectory, port_info,
};

/// An enabled extension.
pub struct OfflineExtension {
    /// Number of the instance; names it to [`OfflineSwitch::disable`].
    number: u32,
    stage: Option<StageId>,
    instance: Hosted,
    log: Arc<LogRing>,
}

impl OfflineExtension {
    /// Its place in the stack; none for a service.
    pub fn stage(&self) -> Option<StageId> {
        self.stage
    }

    /// The instance.
    pub fn instance(&self) -> &Hosted {
        &self.instance
    }

    /// Its process, when it has one of its own.
    pub(super) fn child(&self) -> Option<&Arc<Guest>> {
        self.instance.child()
    }

    /// Lines it wrote to the log, oldest first.
    pub fn log(&self) -> Vec<LogLine> {
        self.log.newest(usize::MAX).0
    }
}

/// Contexts by worker, and whether there are functions for ingress, egress and the periodic call.
type Contexts = (Vec<Box<dyn Stage>>, (bool, bool, bool));

/// Takes control events to enabled extensions.
pub struct OfflineSink<'a> {
    told: Vec<(Option<StageId>, Hosted)>,
    directory: Option<&'a PortDirectory>,
    switch: &'a str,
}

impl<'a> OfflineSink<'a> {
    pub(super) fn nobody() -> OfflineSink<'static> {
        OfflineSink { told: Vec::new(), directory: None, switch: "" }
    }

    pub(super) fn of(enabled: &[OfflineExtension], directory: &'a PortDirectory, switch: &'a str) -> OfflineSink<'a> {
        let told = enabled.iter().map(|one| (one.stage, one.instance.clone())).collect();
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
        let (number, shared, log) = self.shared_of(library.facts());
        let isolation = if self.setup.debug { Isolation::Debug } else { Isolation::None };
        let instance = Instance::create_for(isolation, Arc::clone(library), shared, config)?;
        self.take_in(number, Hosted::Here(instance), log)
    }

    /// The same in a process of its own, which confines itself before it opens the file.
    pub fn enable_isolated(&mut self, judged: &Judged, config: &str) -> Result<u32, OfflineError> {
        let (number, shared, log) = self.shared_of(judged.facts());
        let guest =
            launch(judged, usize::from(self.setup.workers.max(1)))?.create(shared, config, Patience::default())?;
        self.take_in(number, Hosted::Child(guest), log)
    }

    fn shared_of(&self, facts: &ExtensionFacts) -> (u32, Arc<InstanceShared>, Arc<LogRing>) {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let log = Arc::new(LogRing::default());
        let shared = InstanceShared::new(
            (facts.id.clone(), facts.role),
            number,
            Arc::clone(&self.services),
            Arc::clone(&self.groups),
            Arc::clone(&self.directory),
            Arc::clone(&log),
        );
        (number, shared, log)
    }

    fn take_in(&mut self, number: u32, instance: Hosted, log: Arc<LogRing>) -> Result<u32, OfflineError> {
        let introduced = self.introduce(&instance);
        let stage = introduced.inspect_err(|_| self.groups.remove_of(number))?;
        self.enabled.push(OfflineExtension { number, stage, instance, log });
        self.settle();
        Ok(number)
    }

    /// Its context on each worker, and its functions for ingress, egress and the periodic call.
    fn contexts(&self, instance: &Hosted) -> Result<Contexts, OfflineError> {
        let workers = 0..self.setup.workers.max(1);
        Ok(match instance {
            Hosted::Here(instance) => {
                let made = workers.map(|worker| instance.worker(worker)).collect::<Result<Vec<_>, _>>()?;
                let functions = made.first().map_or((false, false, false), |context| context.functions());
                (made.into_iter().map(|context| Box::new(context) as Box<dyn Stage>).collect(), functions)
            }
            Hosted::Child(guest) => {
                let made = workers.map(|worker| guest.worker(worker)).collect::<Result<Vec<_>, _>>()?;
                let boxed = made.into_iter().map(|context| Box::new(context) as Box<dyn Stage>).collect();
                (boxed, guest.functions())
            }
        })
    }

    /// Tells a new instance of everything, and puts it into the stack.
    fn introduce(&mut self, instance: &Hosted) -> Result<Option<StageId>, OfflineError> {
        let Some(role) = instance.library().facts().data_path_role() else { return Ok(None) };
        let (contexts, (ingress, egress, tick)) = self.contexts(instance)?;
        let spec = StageSpec {
            role,
            ingress,
            egress,
            tick,
            sampling: instance.sampling_header(),
            hold_quota: self.setup.hold_quota,
            hold_max_ns: self.setup.hold_max_ns,
            on_failure: OnFailure::Open,
            codes: instance.shared().codes.clone(),
        };
        let told = vec![(None, instance.clone())];
        let mut sink = OfflineSink { told, directory: Some(&self.directory), switch: &self.setup.name };
        let entry = self.switch.introduce(&spec, &mut sink)?;
        let id = entry.id;
        self.switch.enable(entry);
        let started = contexts.into_iter().map(|context| vec![(id, context)]).collect();
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
        self.extension(number).map(|one| one.instance.counters()).unwrap_or_default()
    }
}
