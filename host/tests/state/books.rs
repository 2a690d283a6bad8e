//! A plane to stand behind the memory, and short words for requests.

use heddle_host::control::capture::CaptureSink;
use heddle_host::control::error::ControlError;
use heddle_host::control::model::*;
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::daemon::PlaneSetup;
use heddle_host::state::Durable;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

/// The book-keeping plane, with switches for trouble.
pub(crate) struct Books {
    plane: Arc<dyn ControlPlane>,
    /// Ports are refused, as if their devices were gone.
    pub(crate) no_devices: AtomicBool,
    /// Removals are refused.
    pub(crate) stuck: AtomicBool,
    /// The name every network device has got since.
    pub(crate) renamed: Mutex<Option<&'static str>>,
    /// Somebody has asked for the names since.
    pub(crate) told_of_names: AtomicBool,
    /// The next removal of a port waits for it.
    pub(crate) gate: Mutex<Option<Receiver<()>>>,
    /// Every request that changes something, as it came.
    pub(crate) requests: Mutex<Vec<String>>,
}

impl Books {
    pub(crate) fn new() -> Arc<Books> {
        let setup = PlaneSetup { run_dir: "/nonexistent".into(), extension_dirs: Vec::new() };
        Arc::new(Books {
            plane: super::plane::build(&setup).unwrap(),
            no_devices: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            renamed: Mutex::default(),
            told_of_names: AtomicBool::new(false),
            gate: Mutex::default(),
            requests: Mutex::default(),
        })
    }

    fn note(&self, request: String) {
        self.requests.lock().unwrap().push(request);
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn removal(&self) -> ControlResult<()> {
        if !self.stuck.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(ControlError::Busy { thing: "a worker".to_owned(), reason: "the test wants it".to_owned() })
    }
}

impl ControlPlane for Books {
    fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView> {
        self.note(format!("create {}", spec.name()));
        self.plane.create_switch(spec)
    }
    fn delete_switch(&self, switch: &SwitchName) -> ControlResult<()> {
        self.note(format!("delete {switch}"));
        self.removal()?;
        self.plane.delete_switch(switch)
    }
    fn switches(&self) -> ControlResult<Vec<SwitchView>> {
        self.plane.switches()
    }
    fn switch(&self, switch: &SwitchName) -> ControlResult<SwitchView> {
        self.plane.switch(switch)
    }
    fn add_port(&self, switch: &SwitchName, spec: PortSpec) -> ControlResult<PortView> {
        self.note(format!("add {switch}/{}", spec.name()));
        if self.no_devices.load(Ordering::Relaxed) {
            return Err(ControlError::NoSuchDevice { device: "eth0".to_owned(), nearest: None });
        }
        self.plane.add_port(switch, spec)
    }
    fn set_port(&self, switch: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView> {
        self.note(format!("set {switch}/{port}"));
        self.plane.set_port(switch, port, change)
    }
    fn remove_port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<()> {
        self.note(format!("remove {switch}/{port}"));
        let gate = self.gate.lock().unwrap().take();
        if let Some(gate) = gate {
            gate.recv().unwrap();
        }
        self.removal()?;
        self.plane.remove_port(switch, port)
    }
    fn ports(&self, switch: &SwitchName) -> ControlResult<Vec<PortView>> {
        let mut views = self.plane.ports(switch)?;
        if let Some(name) = *self.renamed.lock().unwrap() {
            self.told_of_names.store(true, Ordering::Relaxed);
            let devices = views.iter_mut().filter(|view| view.backend != BackendKind::Memory);
            devices.for_each(|view| view.device = Some(name.to_owned()));
        }
        Ok(views)
    }
    fn renames(&self) -> u64 {
        self.renamed.lock().unwrap().is_some().into()
    }
    fn port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<PortView> {
        self.plane.port(switch, port)
    }
    fn extensions(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<ExtensionView>> {
        self.plane.extensions(switch)
    }
    fn enable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView> {
        self.note(format!("enable {switch}/{extension}"));
        if let ExtensionRef::Path(path) = extension
            && !path.exists()
        {
            let reason = format!("{} does not exist; give another path", path.display());
            return Err(ControlError::ExtensionRejected { extension: extension.to_string(), reason });
        }
        self.plane.enable_extension(switch, extension, config)
    }
    fn disable_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.note(format!("disable {switch}/{extension}"));
        self.removal()?;
        self.plane.disable_extension(switch, extension)
    }
    fn extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.plane.extension(switch, extension)
    }
    fn install_extension(&self, file: &Path) -> ControlResult<ExtensionView> {
        self.plane.install_extension(file)
    }
    fn uninstall_extension(&self, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.plane.uninstall_extension(extension)
    }
    fn upgrade_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView> {
        self.plane.upgrade_extension(switch, extension, file, probation)
    }
    fn rollback_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.plane.rollback_extension(switch, extension)
    }
    fn order_extensions(&self, switch: &SwitchName, order: &ExtensionOrder) -> ControlResult<Vec<ExtensionView>> {
        let ids: Vec<&str> = order.iter().map(ExtensionId::as_str).collect();
        self.note(format!("order {switch}/{}", ids.join(" ")));
        self.plane.order_extensions(switch, order)
    }
    fn extension_log(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        lines: Option<u32>,
    ) -> ControlResult<ExtensionLog> {
        self.plane.extension_log(switch, extension, lines)
    }
    fn extension_settings(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionSettings> {
        self.plane.extension_settings(switch, extension)
    }
    fn configure_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings> {
        self.note(format!("configure {switch}/{extension}"));
        self.plane.configure_extension(switch, extension, change)
    }
    fn policies(&self, switch: &SwitchName) -> ControlResult<(Vec<FeatureView>, Vec<PolicyView>)> {
        self.plane.policies(switch)
    }
    fn change_policy(&self, switch: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView> {
        self.note(format!("policy {switch} {}", change.key()));
        self.plane.change_policy(switch, change)
    }
    fn load_policies(&self, switch: &SwitchName, policies: Vec<PolicySpec>) -> ControlResult<()> {
        self.plane.load_policies(switch, policies)
    }
    fn feature_status(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>> {
        self.plane.feature_status(switch, extension, port)
    }
    fn check_port(&self, switch: &SwitchName, spec: PortSpec, policies: Vec<PolicySpec>) -> ControlResult<PortCheck> {
        self.plane.check_port(switch, spec, policies)
    }
    fn quarantines(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<QuarantineView>> {
        self.plane.quarantines(switch)
    }
    fn clear_quarantine(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<QuarantineView> {
        self.plane.clear_quarantine(switch, extension)
    }
    fn drops(&self, switch: &SwitchName) -> ControlResult<Vec<DropCount>> {
        self.plane.drops(switch)
    }
    fn stages(&self, switch: &SwitchName) -> ControlResult<Vec<StageCost>> {
        self.plane.stages(switch)
    }
    fn loads(&self, switch: &SwitchName) -> ControlResult<Vec<ExtensionLoad>> {
        self.plane.loads(switch)
    }
    fn fdb(&self, switch: &SwitchName) -> ControlResult<Vec<FdbEntryView>> {
        self.plane.fdb(switch)
    }
    fn flush_fdb(&self, switch: &SwitchName, flush: &FdbFlush) -> ControlResult<u64> {
        self.plane.flush_fdb(switch, flush)
    }
    fn start_capture(&self, spec: CaptureSpec, sink: CaptureSink) -> ControlResult<()> {
        self.plane.start_capture(spec, sink)
    }
    fn engine(&self) -> ControlResult<EngineView> {
        self.plane.engine()
    }
    fn shut_down(&self) {
        self.plane.shut_down();
    }
}

/// A heddled as it is after a start with the state in `directory`.
pub(crate) fn start(directory: &Path) -> (Arc<Books>, Durable) {
    let books = Books::new();
    let durable = Durable::open(Arc::clone(&books) as Arc<dyn ControlPlane>, directory).expect("a store");
    (books, durable)
}

pub(crate) fn switch(name: &str) -> SwitchName {
    SwitchName::new(name).unwrap()
}

pub(crate) fn port(name: &str) -> PortName {
    PortName::new(name).unwrap()
}

pub(crate) fn id(name: &str) -> ExtensionId {
    ExtensionId::new(name).unwrap()
}

pub(crate) fn create(plane: &Durable, name: &str) -> ControlResult<SwitchView> {
    let spec = SwitchSpec::new(switch(name), SwitchType::External, WorkerCount::new(2).unwrap(), AgeingTime::default());
    plane.create_switch(spec)
}

/// A port with every setting other than by default.
pub(crate) fn trunk(name: &str) -> PortSpec {
    let change = PortChange {
        kind: Some(PortKind::Emulated),
        queues: Some(QueueCount::new(4).unwrap()),
        mac: Some(Some(MacAddress::assignable("02:00:00:00:00:09").unwrap())),
        vlan: VlanChange::new(Some(VlanMode::Trunk), None, Some("1-10,20".parse().unwrap()), Some(Vid::new(3).ok())),
        mtu: Some(Mtu::new(9000).unwrap()),
        offload: Some(false),
        admin: Some(AdminState::Down),
        ..PortChange::default()
    };
    PortSpec::new(port(name), BackendSpec::new(BackendKind::Tap, Some("tapx")).unwrap(), &change).unwrap()
}

pub(crate) fn memory(name: &str) -> PortSpec {
    PortSpec::new(port(name), BackendSpec::new(BackendKind::Memory, Some("sink")).unwrap(), &PortChange::default())
        .unwrap()
}

pub(crate) fn enable(plane: &Durable, name: &str, extension: &str) -> ControlResult<ExtensionView> {
    let config = vec![("rate".to_owned(), "256".to_owned()), ("agent".to_owned(), "10.0.0.1".to_owned())];
    let config = ExtensionConfig::new(config, Some(b"[lines]\nof = 'a file'\n".to_vec())).unwrap();
    plane.enable_extension(&switch(name), &ExtensionRef::new(extension).unwrap(), config)
}

/// Everything there is, as operators see it.
pub(crate) fn picture(plane: &Durable) -> String {
    serde_json::to_string_pretty(&plane.topology().unwrap()).unwrap()
}
