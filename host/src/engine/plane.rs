//! The operator's requests, carried out: [`ControlPlane`] for the engine.

use std::path::Path;
use std::sync::{Arc, MutexGuard};

use super::check::objections;
use super::live::{LiveSwitch, Source, State};
use super::views::{installed_view, role_of};
use super::{Engine, SWITCHES_MAX, install, lock};
use crate::contain::on_behalf_of;
use crate::control::capture::CaptureSink;
use crate::control::error::ControlError;
use crate::control::model::{
    BufferClassView, CaptureSpec, ConfigChange, DropCount, EngineView, ExtensionConfig, ExtensionId, ExtensionLoad,
    ExtensionLog, ExtensionOrder, ExtensionRef, ExtensionRole, ExtensionSettings, ExtensionView, FdbEntryView,
    FdbFlush, FeatureStatus, FeatureView, Isolation, PolicyChange, PolicySpec, PolicyView, PortChange, PortCheck,
    PortName, PortSpec, PortView, Probation, QuarantineView, StageCost, SwitchName, SwitchSpec, SwitchView, nearest,
};
use crate::control::plane::{ControlPlane, ControlResult};
use crate::trust::Policy;
use heddle_switch_core::fdb::Flush;

impl Engine {
    /// What instances of an extension are made from that run there.
    fn source(&self, extension: &ExtensionRef, config: &ExtensionConfig) -> ControlResult<Source> {
        let directories = &self.shared.extension_dirs;
        let (catalog, pin) = (&self.shared.catalog, config.pin());
        Ok(match config.isolation() {
            Isolation::None | Isolation::Debug => Source::Here(catalog.library(extension, directories, pin)?),
            Isolation::Process => Source::Child(Arc::new(catalog.judged(extension, directories, pin)?)),
        })
    }

    fn live(&self, name: &SwitchName) -> ControlResult<Arc<LiveSwitch>> {
        let switches = lock(&self.shared.switches);
        switches.get(name).cloned().ok_or_else(|| ControlError::NoSuchSwitch {
            name: name.to_string(),
            nearest: nearest(name.as_str(), switches.keys().map(SwitchName::as_str)),
        })
    }

    /// Runs `work` under the switch's lock.
    pub(super) fn with<T>(
        &self,
        name: &SwitchName,
        work: impl FnOnce(&LiveSwitch, &mut MutexGuard<'_, State>) -> ControlResult<T>,
    ) -> ControlResult<T> {
        let live = self.live(name)?;
        let mut state = live.state();
        work(&live, &mut state)
    }

    /// A device carries at most one port on this host.
    fn check_device(&self, spec: &PortSpec) -> ControlResult<()> {
        let Some(device) = spec.backend().device() else { return Ok(()) };
        let switches: Vec<Arc<LiveSwitch>> = lock(&self.shared.switches).values().cloned().collect();
        for live in switches {
            if let Some(port) = live.state().port_on(device.as_str()) {
                let switch = live.name().clone();
                return Err(ControlError::DeviceInUse { device: device.clone(), switch, port });
            }
        }
        Ok(())
    }

    fn view_of(live: &LiveSwitch, state: &State, id: &ExtensionId) -> ControlResult<ExtensionView> {
        let found = live.extension_views(state).into_iter().find(|view| view.id == id.as_str());
        found.ok_or_else(|| live.not_enabled(state, id))
    }

    fn port_view(live: &LiveSwitch, state: &State, port: &PortName) -> ControlResult<PortView> {
        let id = live.port_id(state, port)?;
        let found = live.port_views(state)?.into_iter().find(|view| view.id == id.raw());
        found.ok_or_else(|| ControlError::Internal {
            what: format!("looking at port '{port}'"),
            reason: "it has no device".to_owned(),
        })
    }
}

impl ControlPlane for Engine {
    fn set_policy(&self, policy: Policy) {
        self.shared.catalog.set_policy(policy);
    }

    fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView> {
        let mut switches = lock(&self.shared.switches);
        if switches.contains_key(spec.name()) {
            return Err(ControlError::SwitchExists { name: spec.name().clone() });
        }
        if switches.len() >= SWITCHES_MAX {
            return Err(ControlError::LimitReached {
                what: "switches".to_owned(),
                limit: SWITCHES_MAX as u64,
                fix: "delete a switch first".to_owned(),
            });
        }
        let name = spec.name().clone();
        let live = LiveSwitch::start(spec, Arc::clone(&self.shared.services), Arc::clone(&self.shared.quarantines))?;
        let view = live.view(&live.state())?;
        switches.insert(name, live);
        Ok(view)
    }

    fn delete_switch(&self, switch: &SwitchName) -> ControlResult<()> {
        let live = self.live(switch)?;
        lock(&self.shared.switches).remove(switch);
        live.stop();
        // Another switch of this name starts without it.
        self.shared.quarantines.remove_switch(switch);
        Ok(())
    }

    fn switches(&self) -> ControlResult<Vec<SwitchView>> {
        let switches: Vec<Arc<LiveSwitch>> = lock(&self.shared.switches).values().cloned().collect();
        switches.iter().map(|live| live.view(&live.state())).collect()
    }

    fn switch(&self, switch: &SwitchName) -> ControlResult<SwitchView> {
        self.with(switch, |live, state| live.view(state))
    }

    fn add_port(&self, switch: &SwitchName, spec: PortSpec) -> ControlResult<PortView> {
        self.live(switch)?;
        let _until_added = spec.backend().device().map(|_| lock(&self.shared.adding));
        self.check_device(&spec)?;
        let name = spec.name().clone();
        let view = self.with(switch, |live, state| {
            live.add_port(state, spec)?;
            Self::port_view(live, state, &name)
        });
        self.shared.news.ring();
        view
    }

    fn add_ports(&self, switch: &SwitchName, specs: Vec<PortSpec>) -> Vec<ControlResult<()>> {
        let (mut answers, mut free) = (Vec::new(), Vec::new());
        let has_device = specs.iter().any(|spec| spec.backend().device().is_some());
        let _until_added = has_device.then(|| lock(&self.shared.adding));
        for spec in specs {
            let checked = self.check_device(&spec);
            if checked.is_ok() {
                free.push(spec);
            }
            answers.push(checked);
        }
        let count = free.len();
        let added = self.with(switch, |live, state| Ok(live.add_ports(state, free)));
        let mut added = added.unwrap_or_else(|error| vec![Err(error); count]).into_iter();
        for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
            if let Some(outcome) = added.next() {
                *answer = outcome;
            }
        }
        answers
    }

    fn renames(&self) -> u64 {
        crate::ports::renames()
    }

    fn set_port(&self, switch: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView> {
        let view = self.with(switch, |live, state| {
            live.set_port(state, port, &change)?;
            Self::port_view(live, state, port)
        });
        self.shared.news.ring();
        view
    }

    fn remove_port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<()> {
        self.live(switch)?.remove_port(port)
    }

    fn ports(&self, switch: &SwitchName) -> ControlResult<Vec<PortView>> {
        self.with(switch, |live, state| live.port_views(state))
    }

    fn port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<PortView> {
        self.with(switch, |live, state| Self::port_view(live, state, port))
    }

    fn extensions(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<ExtensionView>> {
        if let Some(switch) = switch {
            return self.with(switch, |live, state| Ok(live.extension_views(state)));
        }
        let mut views = Vec::new();
        for one in self.shared.catalog.installed(&self.shared.extension_dirs) {
            let path = one.path.map(|path| path.display().to_string());
            match one.facts {
                Ok(facts) => views.push(installed_view(&facts, path)),
                Err(error) => tracing::warn!(file = path, %error, "not an extension that can be enabled"),
            }
        }
        let switches: Vec<Arc<LiveSwitch>> = lock(&self.shared.switches).values().cloned().collect();
        views.extend(switches.iter().flat_map(|live| live.extension_views(&live.state())));
        Ok(views)
    }

    fn identify(&self, extension: &ExtensionRef) -> Option<(ExtensionId, ExtensionRole)> {
        let facts = self.shared.catalog.facts(extension, &self.shared.extension_dirs)?;
        Some((ExtensionId::new(&facts.id).ok()?, role_of(&facts)))
    }

    fn fingerprint(&self, switch: &SwitchName, extension: &ExtensionId) -> Option<String> {
        self.with(switch, |live, state| Ok(live.fingerprint(state, extension))).ok().flatten()
    }

    fn wrong_keys(&self, extension: &ExtensionRef, config: &ExtensionConfig) -> Vec<(String, String)> {
        // One that is to run in a process of its own is opened in one that lives for this question.
        let library = self.source(extension, config).and_then(|source| source.published());
        library.map_or_else(|_| Vec::new(), |library| objections(&library, extension, config))
    }

    fn enable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView> {
        let live = self.live(switch)?;
        let _for_this = on_behalf_of(switch.as_str());
        let directories = &self.shared.extension_dirs;
        if !self.shared.quarantines.all(Some(switch)).is_empty()
            && let Some(facts) = self.shared.catalog.facts(extension, directories)
        {
            // Before any of its code runs: opening its file may have been what it crashed in.
            live.refuse_quarantined(&ExtensionId::new(&facts.id)?)?;
        }
        let source = self.source(extension, &config)?;
        let id = ExtensionId::new(&source.facts().id)?;
        let path = match extension {
            ExtensionRef::Path(path) => Some(path.clone()),
            ExtensionRef::Id(_) => source.path().map(Path::to_path_buf),
        };
        self.with(switch, |live, state| {
            live.enable(state, source, path, &config)?;
            Self::view_of(live, state, &id)
        })
    }

    fn disable_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.with(switch, |live, state| {
            let gone = live.disable(state, extension)?;
            let mut view = live.extension_view(&gone, 0);
            (view.enabled, view.running, view.order) = (false, false, None);
            Ok(view)
        })
    }

    fn extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.with(switch, |live, state| Self::view_of(live, state, extension))
    }

    fn install_extension(&self, file: &Path) -> ControlResult<ExtensionView> {
        let _one_at_a_time = lock(&self.shared.installing);
        let (facts, place) = install::install(&self.shared.catalog, &self.shared.extension_dirs, file)?;
        Ok(installed_view(&facts, Some(place.display().to_string())))
    }

    fn uninstall_extension(&self, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        let _one_at_a_time = lock(&self.shared.installing);
        let switches: Vec<Arc<LiveSwitch>> = lock(&self.shared.switches).values().cloned().collect();
        let uses = |live: &&Arc<LiveSwitch>| live.state().has(extension);
        let users: Vec<String> = switches.iter().filter(uses).map(|live| format!("'{}'", live.name())).collect();
        if !users.is_empty() {
            let switches = format!("switch{} {}", if users.len() > 1 { "es" } else { "" }, users.join(", "));
            return Err(ControlError::ExtensionInUse { id: extension.clone(), switches });
        }
        let (facts, place) = install::uninstall(&self.shared.catalog, &self.shared.extension_dirs, extension)?;
        Ok(installed_view(&facts, Some(place.display().to_string())))
    }

    fn upgrade_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView> {
        let judged = self.shared.catalog.judge(file)?;
        let running = self.with(switch, |live, state| live.judge_upgrade(state, extension, &judged, file))?;
        let wanted = ExtensionRef::Path(file.to_path_buf());
        // The new version runs where the old one does.
        let isolation = if running.child().is_some() { Isolation::Process } else { Isolation::None };
        let source = self.source(&wanted, &ExtensionConfig::default().isolated(isolation))?;
        self.with(switch, |live, state| {
            live.upgrade(state, extension, (source, file.to_path_buf()), probation.duration())?;
            Self::view_of(live, state, extension)
        })
    }

    fn rollback_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.with(switch, |live, state| {
            live.roll_back(state, extension)?;
            Self::view_of(live, state, extension)
        })
    }

    fn order_extensions(&self, switch: &SwitchName, order: &ExtensionOrder) -> ControlResult<Vec<ExtensionView>> {
        self.with(switch, |live, state| {
            live.order(state, order)?;
            Ok(live.extension_views(state))
        })
    }

    fn extension_log(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        lines: Option<u32>,
    ) -> ControlResult<ExtensionLog> {
        self.with(switch, |live, state| live.extension_log(state, extension, lines))
    }

    fn extension_settings(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionSettings> {
        self.with(switch, |live, state| live.settings(state, extension))
    }

    fn configure_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings> {
        self.with(switch, |live, state| {
            live.configure(state, extension, change)?;
            live.settings(state, extension)
        })
    }

    fn policies(&self, switch: &SwitchName) -> ControlResult<(Vec<FeatureView>, Vec<PolicyView>)> {
        self.with(switch, |live, state| Ok((live.feature_views(state), live.policy_views(state))))
    }

    fn change_policy(&self, switch: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView> {
        self.with(switch, |live, state| live.change_policy(state, change))
    }

    fn load_policies(&self, switch: &SwitchName, policies: Vec<PolicySpec>) -> ControlResult<()> {
        self.with(switch, |live, state| {
            live.load_policies(state, policies);
            Ok(())
        })
    }

    fn feature_status(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>> {
        self.with(switch, |live, state| live.feature_status(state, extension, port))
    }

    fn check_port(&self, switch: &SwitchName, spec: PortSpec, policies: Vec<PolicySpec>) -> ControlResult<PortCheck> {
        self.with(switch, |live, state| live.check_port(state, &spec, &policies))
    }

    fn quarantines(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<QuarantineView>> {
        if let Some(switch) = switch {
            self.live(switch)?;
        }
        Ok(self.shared.quarantines.all(switch))
    }

    fn restore_quarantines(&self, records: Vec<QuarantineView>) {
        self.shared.quarantines.restore(records);
    }

    fn clear_quarantine(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<QuarantineView> {
        self.with(switch, |live, state| live.clear_quarantine(state, extension))
    }

    fn drops(&self, switch: &SwitchName) -> ControlResult<Vec<DropCount>> {
        self.with(switch, |live, state| live.drop_counts(state))
    }

    fn stages(&self, switch: &SwitchName) -> ControlResult<Vec<StageCost>> {
        self.with(switch, |live, state| live.stage_costs(state))
    }

    fn loads(&self, switch: &SwitchName) -> ControlResult<Vec<ExtensionLoad>> {
        self.with(switch, |live, state| live.loads(state))
    }

    fn fdb(&self, switch: &SwitchName) -> ControlResult<Vec<FdbEntryView>> {
        self.with(switch, |live, state| live.fdb_views(state))
    }

    fn flush_fdb(&self, switch: &SwitchName, flush: &FdbFlush) -> ControlResult<u64> {
        self.with(switch, |live, state| {
            let slot = flush.port.as_ref().map(|port| live.port_id(state, port)).transpose()?;
            let slot = slot.and_then(|port| u16::try_from(port.slot()).ok());
            live.flush_fdb(state, Flush { slot, vid: flush.vlan() })
        })
    }

    fn start_capture(&self, spec: CaptureSpec, sink: CaptureSink) -> ControlResult<()> {
        self.with(spec.switch(), |live, state| live.capture(state, &spec, sink))
    }

    fn engine(&self) -> ControlResult<EngineView> {
        let switches: Vec<Arc<LiveSwitch>> = lock(&self.shared.switches).values().cloned().collect();
        let mut buffers: Vec<BufferClassView> = Vec::new();
        let mut workers = Vec::new();
        for live in &switches {
            live.add_buffers(&live.state(), &mut buffers)?;
            workers.append(&mut live.worker_views(&live.state())?);
        }
        Ok(EngineView {
            buffers,
            workers,
            huge_pages: switches.iter().any(|live| live.hugepages),
            extension_dirs: self.shared.extension_dirs.iter().map(|path| path.display().to_string()).collect(),
        })
    }

    fn shut_down(&self) {
        self.stop();
    }
}
