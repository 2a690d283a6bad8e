//! A data plane of memory: keeps what it is told, counts nothing, moves no frame.
//!
//! Some names make trouble on purpose, so that each error can be met from the command line: see [`MemoryPlane::add_port`]
//! and [`MemoryPlane::enable_extension`].

use heddle_host::control::bpf::Frame;
use heddle_host::control::capture::{CaptureSink, Offered};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::*;
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::daemon::PlaneSetup;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

const MAX_SWITCHES: usize = 4;

pub(crate) fn build(setup: &PlaneSetup) -> ControlResult<Arc<dyn ControlPlane>> {
    if std::env::var_os(super::process::BROKEN_PLANE).is_some() {
        let what = "building the plane".to_owned();
        return Err(ControlError::Internal { what, reason: "asked to by the test".to_owned() });
    }
    let extension_dirs = setup.extension_dirs.iter().map(|path| path.display().to_string()).collect();
    Ok(Arc::new(MemoryPlane { switches: Mutex::default(), extension_dirs }))
}

struct Switch {
    spec: SwitchSpec,
    ports: Vec<Port>,
    extensions: Vec<ExtensionView>,
}

struct Port {
    id: u32,
    spec: PortSpec,
    settings: PortSettings,
}

pub(crate) struct MemoryPlane {
    switches: Mutex<BTreeMap<SwitchName, Switch>>,
    extension_dirs: Vec<String>,
}

type Switches<'a> = MutexGuard<'a, BTreeMap<SwitchName, Switch>>;

fn find<'a>(switches: &'a mut Switches<'_>, name: &SwitchName) -> ControlResult<&'a mut Switch> {
    let nearest = nearest(name.as_str(), switches.keys().map(SwitchName::as_str));
    switches.get_mut(name).ok_or(ControlError::NoSuchSwitch { name: name.to_string(), nearest })
}

impl Switch {
    fn port(&mut self, name: &PortName) -> ControlResult<&mut Port> {
        let nearest = nearest(name.as_str(), self.ports.iter().map(|port| port.spec.name().as_str()));
        let missing = ControlError::NoSuchPort { switch: self.spec.name().clone(), port: name.to_string(), nearest };
        self.ports.iter_mut().find(|port| port.spec.name() == name).ok_or(missing)
    }

    fn extension(&self, id: &ExtensionId) -> ControlResult<&ExtensionView> {
        let nearest = nearest(id.as_str(), self.extensions.iter().map(|view| view.id.as_str()));
        let missing = ControlError::ExtensionNotEnabled { switch: self.spec.name().clone(), id: id.clone(), nearest };
        self.extensions.iter().find(|view| view.id == id.as_str()).ok_or(missing)
    }

    fn view(&self) -> SwitchView {
        SwitchView {
            name: self.spec.name().clone(),
            switch_type: self.spec.switch_type(),
            workers: self.spec.workers().get(),
            ports: u32::try_from(self.ports.len()).unwrap(),
            extensions: self.extensions.iter().map(|view| view.id.clone()).collect(),
            ageing_seconds: self.spec.ageing().get(),
            law: LawView { rx: 10, replicated: 2, tx: 9, dropped: 3, ..LawView::default() },
            troubles: Vec::new(),
        }
    }

    fn port_view(&self, port: &Port) -> PortView {
        let device = match port.spec.backend() {
            BackendSpec::Tap { device: None } => Some(format!("tap{}", port.id)),
            other => other.device().map(ToString::to_string),
        };
        PortView {
            switch: self.spec.name().clone(),
            name: port.spec.name().clone(),
            id: port.id,
            kind: port.spec.kind(),
            backend: port.spec.backend().kind(),
            device,
            state: PortState::Created,
            nic_state: NicState::Connected,
            admin: port.settings.admin(),
            trouble: None,
            notices: Vec::new(),
            mac: port.settings.mac(),
            mtu: port.settings.mtu().get(),
            vlan: port.settings.vlan().clone(),
            queues: port.spec.queues().get(),
            offload: port.settings.offload(),
            fail_policy: port.settings.fail_policy(),
            on_loop: port.settings.on_loop(),
            worker: 0,
            counters: PortCounters { rx_packets: 10, rx_bytes: u64::MAX, rx_dropped: 3, ..PortCounters::default() },
        }
    }
}

fn device_trouble(device: &DeviceName) -> ControlResult<()> {
    match device.as_str() {
        "nosuch0" => Err(ControlError::NoSuchDevice {
            device: device.to_string(),
            nearest: nearest(device.as_str(), ["eth0", "eth1"]),
        }),
        "down0" => Err(ControlError::DeviceTrouble {
            device: device.to_string(),
            reason: "has no carrier".to_owned(),
            fix: "plug the cable in".to_owned(),
        }),
        "secret0" => Err(ControlError::DaemonLacksPermission {
            action: "open /dev/net/tun".to_owned(),
            reason: "Operation not permitted".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn installed(id: &str, role: ExtensionRole, path: Option<String>) -> ExtensionView {
    ExtensionView {
        switch: None,
        id: id.to_owned(),
        name: format!("The {id} extension"),
        vendor: "Example\u{1b}[31m".to_owned(),
        version: "1.2.3".to_owned(),
        role,
        path,
        enabled: false,
        running: false,
        last_error: None,
        abi: "1.0".to_owned(),
        order: None,
        config: BTreeMap::new(),
        counters: Vec::new(),
        quarantine: None,
        fail_policy: FailPolicy::Open,
        violations: Vec::new(),
        references: 0,
        drop_reasons: Vec::new(),
        upgrade: None,
        isolation: Isolation::None,
        process: None,
    }
}

/// An upgrade to version 2.0.0.
fn upgraded(from: &str, left: Option<u64>) -> UpgradeView {
    UpgradeView {
        stage: UpgradeStage::Upgraded,
        from_version: from.to_owned(),
        to_version: "2.0.0".to_owned(),
        reason: None,
        state_bytes: 4_800_000,
        longest_slice_microseconds: 41,
        pause_microseconds: vec![180, 95],
        probation_seconds_left: left,
        can_roll_back: true,
    }
}

/// An extension that panicked too often.
fn sick(switch: &SwitchName, id: &str) -> QuarantineView {
    QuarantineView {
        switch: switch.clone(),
        id: id.to_owned(),
        cause: QuarantineCause::Panics,
        reason: "it panicked 3 times within 60 s".to_owned(),
        since_unix_seconds: 1_700_000_000,
        crash: None,
    }
}

/// The one feature there is.
const LIMIT: &str = "com.example.tally.limit";

fn rate(value: Option<&str>) -> SettingView {
    SettingView {
        key: "rate".to_owned(),
        kind: SettingKind::Integer,
        unit: "frames/s".to_owned(),
        default: Some("10".to_owned()),
        range: Some((1, 1_000)),
        choices: Vec::new(),
        description: "frames a second that pass".to_owned(),
        changeable: true,
        given: value.is_some(),
        value: value.or(Some("10")).map(str::to_owned),
    }
}

fn limit_feature() -> FeatureView {
    FeatureView {
        id: LIMIT.to_owned(),
        extensions: vec!["com.example.tally".to_owned()],
        standard: false,
        description: "limits the frames of a port".to_owned(),
        version: "1.0".to_owned(),
        on_port: true,
        on_switch: false,
        several: false,
        settable: true,
        fields: vec![rate(None)],
        status_fields: Vec::new(),
    }
}

fn limit(switch: &SwitchName, key: &PolicyKey, value: Option<&str>) -> PolicyView {
    PolicyView {
        switch: switch.clone(),
        feature: key.feature.clone(),
        port: key.port.clone(),
        instance: key.instance.clone(),
        extensions: vec!["com.example.tally".to_owned()],
        fields: vec![rate(value)],
    }
}

fn catalogue() -> Vec<ExtensionView> {
    vec![
        installed("org.heddle.sflow", ExtensionRole::Capture, Some("/usr/lib/heddle/extensions/sflow.so".to_owned())),
        installed("com.example.tally", ExtensionRole::Filter, None),
        installed("com.example.route", ExtensionRole::Forwarding, None),
        installed("com.example.overlay", ExtensionRole::Forwarding, None),
    ]
}

fn resolve(extension: &ExtensionRef) -> ControlResult<ExtensionView> {
    match extension {
        ExtensionRef::Id(id) => {
            let known = catalogue();
            let nearest = nearest(id.as_str(), known.iter().map(|view| view.id.as_str()));
            let missing = ControlError::NoSuchExtension { id: id.to_string(), nearest };
            known.into_iter().find(|view| view.id == id.as_str()).ok_or(missing)
        }
        ExtensionRef::Path(path) if path.ends_with("text.so") => Err(ControlError::ExtensionRejected {
            extension: path.display().to_string(),
            reason: "it is not an ELF file; give a shared library".to_owned(),
        }),
        ExtensionRef::Path(path) => {
            let stem = path.file_stem().unwrap().to_string_lossy();
            Ok(installed(&format!("com.example.{stem}"), ExtensionRole::Filter, Some(path.display().to_string())))
        }
    }
}

/// Waits for a file `go` beside the socket, a minute at most.
fn wait_for_go() {
    // The daemon of these tests has its command line in its environment.
    let arguments = std::env::vars().map(|(_, value)| value).find(|value| value.starts_with("--socket\n"));
    let arguments = arguments.expect("a daemon of process.rs");
    let socket = arguments.lines().nth(1).expect("a socket");
    let go = Path::new(socket).with_file_name("go");
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !go.exists() && std::time::Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl ControlPlane for MemoryPlane {
    fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView> {
        match spec.name().as_str() {
            "panic" => panic!("asked to by the test"),
            "wedge" => loop {
                std::thread::sleep(Duration::from_secs(60));
            },
            "slow" => wait_for_go(),
            "busy" => {
                let (thing, reason) = ("switch 'busy'".to_owned(), "it is being deleted".to_owned());
                return Err(ControlError::Busy { thing, reason });
            }
            _ => {}
        }
        let mut switches = self.switches.lock().unwrap();
        if switches.contains_key(spec.name()) {
            return Err(ControlError::SwitchExists { name: spec.name().clone() });
        }
        if switches.len() == MAX_SWITCHES {
            let fix = "delete one first".to_owned();
            return Err(ControlError::LimitReached { what: "switches".to_owned(), limit: 4, fix });
        }
        let switch = Switch { spec: spec.clone(), ports: Vec::new(), extensions: Vec::new() };
        let view = switch.view();
        switches.insert(spec.name().clone(), switch);
        Ok(view)
    }

    fn delete_switch(&self, name: &SwitchName) -> ControlResult<()> {
        let mut switches = self.switches.lock().unwrap();
        find(&mut switches, name)?;
        switches.remove(name);
        Ok(())
    }

    fn switches(&self) -> ControlResult<Vec<SwitchView>> {
        Ok(self.switches.lock().unwrap().values().map(Switch::view).collect())
    }

    fn switch(&self, name: &SwitchName) -> ControlResult<SwitchView> {
        Ok(find(&mut self.switches.lock().unwrap(), name)?.view())
    }

    fn add_port(&self, name: &SwitchName, spec: PortSpec) -> ControlResult<PortView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        if switch.port(spec.name()).is_ok() {
            return Err(ControlError::PortExists { switch: name.clone(), port: spec.name().clone() });
        }
        if spec.name().as_str() == "vetoed" {
            return Err(ControlError::ExtensionVeto {
                extension: "com.example.tally".to_owned(),
                request: "port 'vetoed'".to_owned(),
                reason: "no room".to_owned(),
            });
        }
        if spec.name().as_str() == "crowded" {
            return Err(ControlError::ExtensionNotNow {
                extension: "com.example.tally".to_owned(),
                request: "port 'crowded'".to_owned(),
                reason: "all places are taken".to_owned(),
            });
        }
        if let Some(device) = spec.backend().device() {
            device_trouble(device)?;
            if let Some(port) = switch.ports.iter().find(|port| port.spec.backend().device() == Some(device)) {
                let port = port.spec.name().clone();
                return Err(ControlError::DeviceInUse { device: device.clone(), switch: name.clone(), port });
            }
        }
        if spec.kind() == PortKind::External {
            let switch_type = switch.spec.switch_type();
            if switch_type != SwitchType::External {
                return Err(ControlError::KindNotOnSwitch { switch: name.clone(), switch_type, kind: spec.kind() });
            }
            if let Some(holder) = switch.ports.iter().find(|port| port.spec.kind() == PortKind::External) {
                let holder = holder.spec.name().clone();
                return Err(ControlError::ExternalPortTaken { switch: name.clone(), holder });
            }
        }
        if let Some(mac) = spec.settings().mac()
            && let Some(holder) = switch.ports.iter().find(|port| port.settings.mac() == Some(mac))
        {
            let holder = holder.spec.name().clone();
            return Err(ControlError::MacTaken { switch: name.clone(), mac, holder });
        }
        let id = switch.ports.last().map_or(1, |port| port.id + 1);
        let port = Port { id, settings: spec.settings().clone(), spec };
        let view = switch.port_view(&port);
        switch.ports.push(port);
        Ok(view)
    }

    fn set_port(&self, name: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        let found = switch.port(port)?;
        let fixed = [
            ("backend", change.backend.is_some()),
            ("kind", change.kind.is_some()),
            ("queues", change.queues.is_some()),
        ];
        if let Some((setting, _)) = fixed.into_iter().find(|(_, asked)| *asked) {
            return Err(ControlError::FixedAtCreation { switch: name.clone(), port: port.clone(), setting });
        }
        found.settings = change.apply_to(&found.settings)?;
        let place = switch.ports.iter().position(|known| known.spec.name() == port).unwrap();
        Ok(switch.port_view(&switch.ports[place]))
    }

    fn remove_port(&self, name: &SwitchName, port: &PortName) -> ControlResult<()> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        switch.port(port)?;
        if port.as_str() == "stuck" {
            return Err(ControlError::Refused {
                thing: format!("port '{port}' of switch '{name}'"),
                reason: "is held by the test".to_owned(),
                fix: "let go of it first".to_owned(),
            });
        }
        switch.ports.retain(|known| known.spec.name() != port);
        Ok(())
    }

    fn ports(&self, name: &SwitchName) -> ControlResult<Vec<PortView>> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        Ok(switch.ports.iter().map(|port| switch.port_view(port)).collect())
    }

    fn port(&self, name: &SwitchName, port: &PortName) -> ControlResult<PortView> {
        find(&mut self.switches.lock().unwrap(), name)?.port(port)?;
        Ok(self.ports(name)?.into_iter().find(|view| view.name == *port).unwrap())
    }

    fn extensions(&self, name: Option<&SwitchName>) -> ControlResult<Vec<ExtensionView>> {
        let mut switches = self.switches.lock().unwrap();
        match name {
            Some(name) => Ok(find(&mut switches, name)?.extensions.clone()),
            None => {
                let enabled = switches.values().flat_map(|switch| switch.extensions.clone());
                Ok(catalogue().into_iter().chain(enabled).collect())
            }
        }
    }

    fn enable_extension(
        &self,
        name: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        if let ExtensionRef::Id(id) = extension
            && id.as_str() == "com.example.sick"
        {
            let QuarantineView { reason, since_unix_seconds, .. } = sick(name, "com.example.sick");
            let (switch, id) = (name.clone(), id.clone());
            return Err(ControlError::ExtensionQuarantined { switch, id, reason, since_unix_seconds });
        }
        let mut view = resolve(extension)?;
        let id = ExtensionId::new(&view.id)?;
        if switch.extension(&id).is_ok() {
            return Err(ControlError::ExtensionEnabled { switch: name.clone(), id });
        }
        let forwarding = |view: &&ExtensionView| view.role == ExtensionRole::Forwarding;
        if view.role == ExtensionRole::Forwarding
            && let Some(holder) = switch.extensions.iter().find(forwarding)
        {
            let (holder, id) = (holder.id.clone(), view.id);
            return Err(ControlError::SecondForwarding { switch: name.clone(), holder, id });
        }
        view.switch = Some(name.clone());
        view.enabled = true;
        view.running = true;
        view.order = u32::try_from(switch.extensions.len()).ok();
        view.isolation = config.isolation();
        let process = ProcessView {
            pid: 4_711,
            sandbox: vec!["landlock fully".to_owned(), "seccomp".to_owned()],
            missed: 2,
            late_after_ms: config.patience().late().get(),
            kill_after_ms: config.patience().kill().get(),
        };
        view.process = (config.isolation() == Isolation::Process).then_some(process);
        view.config = config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if let Some(file) = config.file() {
            view.config.insert("file".to_owned(), format!("{} bytes", file.len()));
        }
        view.counters = vec![ExtensionCounter { name: "seen".to_owned(), unit: "packets".to_owned(), value: 42 }];
        switch.extensions.push(view.clone());
        Ok(view)
    }

    fn disable_extension(&self, name: &SwitchName, id: &ExtensionId) -> ControlResult<ExtensionView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        let view = switch.extension(id)?.clone();
        switch.extensions.retain(|known| known.id != id.as_str());
        Ok(ExtensionView { enabled: false, running: false, order: None, ..view })
    }

    fn extension(&self, name: &SwitchName, id: &ExtensionId) -> ControlResult<ExtensionView> {
        find(&mut self.switches.lock().unwrap(), name)?.extension(id).cloned()
    }

    fn install_extension(&self, file: &Path) -> ControlResult<ExtensionView> {
        let stem = file.file_stem().unwrap().to_string_lossy();
        if catalogue().iter().any(|view| view.id.ends_with(&*stem)) {
            let id = ExtensionId::new(&format!("com.example.{stem}"))?;
            let place = Some(format!("/usr/lib/heddle/extensions/{id}.so"));
            let (version, new) = ("1.2.3".to_owned(), Some("2.0.0".to_owned()));
            return Err(ControlError::ExtensionInstalled { id, version, place, new });
        }
        if stem == "text" {
            let reason = "not an ELF file; give a shared object (.so)".to_owned();
            return Err(ControlError::ExtensionNotInstalled { extension: file.display().to_string(), reason });
        }
        resolve(&ExtensionRef::Path(file.to_owned()))
    }

    fn uninstall_extension(&self, id: &ExtensionId) -> ControlResult<ExtensionView> {
        let view = resolve(&ExtensionRef::Id(id.clone()))?;
        let switches = self.switches.lock().unwrap();
        if let Some(user) = switches.values().find(|switch| switch.extension(id).is_ok()) {
            let switches = format!("switch '{}'", user.spec.name());
            return Err(ControlError::ExtensionInUse { id: id.clone(), switches });
        }
        Ok(view)
    }

    fn upgrade_extension(
        &self,
        name: &SwitchName,
        id: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        switch.extension(id)?;
        if file.ends_with("refuses.so") {
            return Err(ControlError::Refused {
                thing: format!("the upgrade of extension '{id}' on switch '{name}'"),
                reason: "its state has version 2, and 1 is the newest that is read".to_owned(),
                fix: "use a newer file".to_owned(),
            });
        }
        let view = switch.extensions.iter_mut().find(|view| view.id == id.as_str()).unwrap();
        let left = probation.duration().as_secs();
        let from = std::mem::replace(&mut view.version, "2.0.0".to_owned());
        view.upgrade = Some(upgraded(&from, (left > 0).then_some(left)));
        view.path = Some(file.display().to_string());
        Ok(view.clone())
    }

    fn rollback_extension(&self, name: &SwitchName, id: &ExtensionId) -> ControlResult<ExtensionView> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        switch.extension(id)?;
        let view = switch.extensions.iter_mut().find(|view| view.id == id.as_str()).unwrap();
        // This one was upgraded in another life, for the example of the command's help.
        if id.as_str() == "com.example.tally" {
            view.upgrade.get_or_insert_with(|| upgraded("1.2.3", None));
        }
        let Some(upgrade) = view.upgrade.as_mut().filter(|upgrade| upgrade.can_roll_back) else {
            return Err(ControlError::Refused {
                thing: format!("extension '{id}' on switch '{name}'"),
                reason: "has no former version here".to_owned(),
                fix: "upgrade it to the file you want".to_owned(),
            });
        };
        (upgrade.stage, upgrade.can_roll_back, upgrade.probation_seconds_left) =
            (UpgradeStage::RolledBack, false, None);
        upgrade.reason = Some("an operator asked for it".to_owned());
        view.version = upgrade.from_version.clone();
        Ok(view.clone())
    }

    fn order_extensions(&self, name: &SwitchName, order: &ExtensionOrder) -> ControlResult<Vec<ExtensionView>> {
        let mut switches = self.switches.lock().unwrap();
        let switch = find(&mut switches, name)?;
        order.iter().try_for_each(|id| switch.extension(id).map(|_| ()))?;
        switch.extensions.sort_by_key(|view| order.iter().position(|id| id.as_str() == view.id));
        for (place, view) in switch.extensions.iter_mut().enumerate() {
            view.order = u32::try_from(place).ok();
        }
        Ok(switch.extensions.clone())
    }

    fn extension_log(&self, name: &SwitchName, id: &ExtensionId, lines: Option<u32>) -> ControlResult<ExtensionLog> {
        find(&mut self.switches.lock().unwrap(), name)?.extension(id)?;
        let line =
            |unix_nanoseconds, severity, text: &str| LogLine { unix_nanoseconds, severity, text: text.to_owned() };
        let mut kept = vec![
            line(1_700_000_000_000_000_001, LogSeverity::Info, "ready"),
            line(1_700_000_001_500_000_000, LogSeverity::Error, "lost\u{1b}[2J"),
        ];
        kept.drain(..kept.len().saturating_sub(lines.map_or(2, |lines| usize::try_from(lines).unwrap())));
        Ok(ExtensionLog { switch: name.clone(), id: id.to_string(), lines: kept, dropped: 7, capacity: 256 })
    }

    fn extension_settings(&self, name: &SwitchName, id: &ExtensionId) -> ControlResult<ExtensionSettings> {
        let view = self.extension(name, id)?;
        let value = view.config.get("window").cloned();
        let window = SettingView {
            key: "window".to_owned(),
            kind: SettingKind::Integer,
            unit: "ms".to_owned(),
            default: Some("10".to_owned()),
            range: Some((1, 500)),
            choices: Vec::new(),
            description: "how long it looks back".to_owned(),
            changeable: true,
            given: value.is_some(),
            value: value.or(Some("10".to_owned())),
        };
        Ok(ExtensionSettings { switch: name.clone(), id: view.id, published: true, settings: vec![window] })
    }

    fn configure_extension(
        &self,
        name: &SwitchName,
        id: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings> {
        self.extension(name, id)?;
        let mut switches = self.switches.lock().unwrap();
        let extensions = &mut find(&mut switches, name)?.extensions;
        let view = extensions.iter_mut().find(|view| view.id == id.as_str()).unwrap();
        change.unset().for_each(|key| drop(view.config.remove(key)));
        view.config.extend(change.set().map(|(key, value)| (key.to_owned(), value.to_owned())));
        view.fail_policy = change.fail_policy().unwrap_or(view.fail_policy);
        drop(switches);
        self.extension_settings(name, id)
    }

    fn policies(&self, name: &SwitchName) -> ControlResult<(Vec<FeatureView>, Vec<PolicyView>)> {
        find(&mut self.switches.lock().unwrap(), name)?;
        let port = PortName::new("web").unwrap();
        let key = PolicyKey::new(LIMIT, Some(port), None).unwrap();
        Ok((vec![limit_feature()], vec![limit(name, &key, Some("100"))]))
    }

    fn change_policy(&self, name: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView> {
        let key = change.key();
        if let Some(port) = &key.port {
            find(&mut self.switches.lock().unwrap(), name)?.port(port)?;
        }
        if key.feature != LIMIT {
            return Err(ControlError::Refused {
                thing: format!("{key} of switch '{name}'"),
                reason: format!("is a feature no enabled extension publishes, nearest is '{LIMIT}'"),
                fix: "`heddle policy features` shows those that are".to_owned(),
            });
        }
        let before = BTreeMap::from([("rate".to_owned(), "100".to_owned())]);
        Ok(limit(name, key, change.applied(&before).get("rate").map(String::as_str)))
    }

    fn feature_status(
        &self,
        name: &SwitchName,
        id: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>> {
        let view = self.extension(name, id)?;
        let field = StatusField {
            key: "passed".to_owned(),
            value: "12\u{1b}[2J".to_owned(),
            unit: "frames".to_owned(),
            description: "frames within the limit".to_owned(),
        };
        let (switch, port, fields) = (name.clone(), port.cloned(), vec![field]);
        Ok(vec![FeatureStatus { switch, extension: view.id, feature: LIMIT.to_owned(), port, fields }])
    }

    fn check_port(&self, name: &SwitchName, spec: PortSpec, policies: Vec<PolicySpec>) -> ControlResult<PortCheck> {
        find(&mut self.switches.lock().unwrap(), name)?;
        if let Some(other) = policies.iter().find(|spec| spec.key.feature != LIMIT) {
            let change =
                PolicyChange::Add(PolicySpec { key: PolicyKey { port: None, ..other.key.clone() }, ..other.clone() });
            self.change_policy(name, &change)?;
        }
        let extensions = vec!["com.example.tally".to_owned()];
        Ok(PortCheck { switch: name.clone(), port: spec.name().clone(), extensions })
    }

    fn quarantines(&self, name: Option<&SwitchName>) -> ControlResult<Vec<QuarantineView>> {
        let mut switches = self.switches.lock().unwrap();
        if let Some(name) = name {
            find(&mut switches, name)?;
        }
        let wanted = |switch: &&SwitchName| name.is_none_or(|name| *switch == name);
        Ok(switches.keys().filter(wanted).map(|switch| sick(switch, "com.example.sick")).collect())
    }

    fn clear_quarantine(&self, name: &SwitchName, id: &ExtensionId) -> ControlResult<QuarantineView> {
        find(&mut self.switches.lock().unwrap(), name)?;
        if !["com.example.sick", "com.example.tally"].contains(&id.as_str()) {
            let nearest = nearest(id.as_str(), ["com.example.sick"]);
            return Err(ControlError::NotQuarantined { switch: name.clone(), id: id.clone(), nearest });
        }
        Ok(sick(name, id.as_str()))
    }

    fn drops(&self, name: &SwitchName) -> ControlResult<Vec<DropCount>> {
        let ports = self.ports(name)?;
        let ports = ports.iter().map(|view| PortDropCount { port: view.name.clone(), count: 3 }).collect();
        let description = "A tagged frame on a port that takes untagged frames only.".to_owned();
        Ok(vec![DropCount { reason: "vlan-tag-refused".to_owned(), description, count: 3, ports }])
    }

    fn stages(&self, name: &SwitchName) -> ControlResult<Vec<StageCost>> {
        self.switch(name)?;
        let cost = |stage: &str, leg, cycles_per_packet| StageCost {
            stage: stage.to_owned(),
            leg,
            packets: 10,
            cycles_per_packet,
        };
        Ok(vec![
            cost("parse", Leg::Ingress, 12.5),
            cost("forward", Leg::Ingress, 31.0),
            cost("send", Leg::Egress, 7.25),
        ])
    }

    fn loads(&self, name: &SwitchName) -> ControlResult<Vec<ExtensionLoad>> {
        let load =
            |view: &ExtensionView| ExtensionLoad { id: view.id.clone(), packets: 20, ..ExtensionLoad::default() };
        Ok(self.extensions(Some(name))?.iter().map(load).collect())
    }

    fn fdb(&self, name: &SwitchName) -> ControlResult<Vec<FdbEntryView>> {
        let entry = |view: PortView| {
            let (kind, age_seconds) = match view.mac {
                Some(_) => (FdbEntryKind::Static, 0),
                None => (FdbEntryKind::Learned, 17),
            };
            let mac = view.mac.unwrap_or(MacAddress::from_octets([2, 0, 0, 0, 0, 0x99]));
            FdbEntryView { mac, vlan: 0, port: view.name, kind, age_seconds }
        };
        Ok(self.ports(name)?.into_iter().map(entry).collect())
    }

    fn flush_fdb(&self, name: &SwitchName, flush: &FdbFlush) -> ControlResult<u64> {
        if let Some(port) = &flush.port {
            self.port(name, port)?;
        }
        let learned = self.fdb(name)?.into_iter().filter(|entry| entry.kind == FdbEntryKind::Learned);
        let meant = |entry: &FdbEntryView| {
            flush.port.as_ref().is_none_or(|port| *port == entry.port)
                && flush.vlan().is_none_or(|vlan| vlan == entry.vlan)
        };
        Ok(learned.filter(meant).count().try_into().unwrap())
    }

    fn start_capture(&self, spec: CaptureSpec, sink: CaptureSink) -> ControlResult<()> {
        self.port(spec.switch(), spec.port())?;
        let keep = usize::try_from(spec.snap_length().get()).unwrap();
        let filter = spec.filter().cloned();
        let last = if spec.port().as_str() == "once" { 0 } else { u8::MAX };
        std::thread::spawn(move || {
            for number in 0u8.. {
                let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
                bytes.resize(61, number);
                let wanted = filter.as_ref().is_none_or(|filter| filter.matches(&Frame::new(&bytes, None)));
                bytes.truncate(keep);
                let frame = CapturedFrame {
                    unix_nanoseconds: 1_700_000_000_000_000_001 + u64::from(number),
                    direction: if number % 2 == 0 { CaptureDirection::Ingress } else { CaptureDirection::Egress },
                    original_length: 61,
                    bytes,
                    drop_reason: (number % 3 == 2).then_some("vlan-tag-refused".into()),
                };
                if wanted && sink.offer(frame) == Offered::Closed {
                    return;
                }
                if number == last {
                    // The capture stays open without another frame until its client leaves.
                    while !sink.is_closed() {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Ok(())
    }

    fn engine(&self) -> ControlResult<EngineView> {
        let buffers = vec![BufferClassView { bytes: 2048, total: 1000, free: 900 }];
        let workers = |switch: &Switch| {
            let workers = switch.spec.workers().get();
            let name = switch.spec.name().clone();
            (0..workers).map(move |worker| WorkerView {
                switch: name.clone(),
                worker,
                thread_id: 4000 + u32::from(worker),
                cpu_nanoseconds: 1_500_000_000,
            })
        };
        let workers = self.switches.lock().unwrap().values().flat_map(workers).collect();
        Ok(EngineView { buffers, workers, huge_pages: false, extension_dirs: self.extension_dirs.clone() })
    }

    fn shut_down(&self) {
        if std::env::var_os(super::process::STUCK_PLANE).is_some() {
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}
