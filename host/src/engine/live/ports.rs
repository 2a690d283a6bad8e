//! Ports of a running switch: opening and plugging in, changing, unplugging and closing.
//!
//! Adding: open the device, create port and NIC (extensions may veto), publish, connect the NIC, and when all of that is in
//! place let the workers receive. Removing goes the other way round and waits until nothing of the port is under way. What fails half-way is
//! undone, so an error leaves the switch as it was.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use heddle_switch_core::counters::PortCounters;
use heddle_switch_core::frame::Capabilities;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::OnFailure;
use heddle_switch_core::switch::{PortChange as CoreChange, PortError, PortKind as CoreKind, PortSpec as CoreSpec};
use heddle_switch_core::vlan::{VlanMode, VlanSet};

use super::extensions::Sink;
use super::loops::Looping;
use super::plugged::{Plugged, no_carrier};
use super::{LiveSwitch, State};
use crate::control::capture::CaptureSink;
use crate::control::error::ControlError;
use crate::control::model::{
    AdminState, BackendSpec, CaptureSpec, FailPolicy, MacAddress, Mtu, PortChange, PortKind, PortName, PortSpec,
    VlanSettings, nearest,
};
use crate::control::plane::ControlResult;
use crate::engine::command::{Command, Tap, TapFrames};
use crate::loader::port_info;
use crate::ports::device::{DeviceEvent, DeviceWatch};
use crate::ports::{self, OpenPort, OpenPortError, OpenSpec};

/// A port with its NIC that no worker serves yet.
struct Made {
    id: PortId,
    owner: u16,
    open: OpenPort,
}

impl LiveSwitch {
    /// Adds a port and plugs it in.
    pub(crate) fn add_port(&self, state: &mut State, spec: PortSpec) -> ControlResult<PortId> {
        let made = self.make_port(state, spec)?;
        let id = made.id;
        self.plug_in(state, vec![made])?;
        Ok(id)
    }

    /// Adds ports and plugs them in together: what waits in the devices is taken in when all of them are there.
    pub(crate) fn add_ports(&self, state: &mut State, specs: Vec<PortSpec>) -> Vec<ControlResult<()>> {
        let (mut answers, mut made) = (Vec::new(), Vec::new());
        for spec in specs {
            let holder = spec.backend().device().and_then(|device| Some((device, state.port_on(device.as_str())?)));
            let answer = match holder {
                Some((device, port)) => {
                    Err(ControlError::DeviceInUse { device: device.clone(), switch: self.name().clone(), port })
                }
                None => self.make_port(state, spec).map(|one| made.push(one)),
            };
            answers.push(answer);
        }
        if let Err(error) = self.plug_in(state, made) {
            // A worker that does not answer serves none of them.
            answers.iter_mut().filter(|answer| answer.is_ok()).for_each(|answer| *answer = Err(error.clone()));
        }
        answers
    }

    /// Opens the device and makes port and NIC.
    fn make_port(&self, state: &mut State, spec: PortSpec) -> ControlResult<Made> {
        let name = spec.name().clone();
        let settings = spec.settings().clone();
        let mut open = ports::open(&self.open_spec(&spec)).map_err(open_error)?;
        let owner = state.next_home % u16::try_from(state.workers.len()).unwrap_or(1).max(1);
        let core = core_spec(&spec, open.speed_mbps, owner, open.capabilities);
        let mut sink = Sink::new(self, &state.enabled);
        let id = state.switch.create_port(core, &mut sink).map_err(|error| self.port_error(state, &name, error))?;
        let offered = self.offer_port(state, (id.raw(), &name, false), settings.vlan());
        let made = offered.and_then(|()| {
            let made = state.switch.create_nic(id, &mut Sink::new(self, &state.enabled));
            made.map_err(|error| self.port_error(state, &name, error))
        });
        if let Err(error) = made {
            let undone = state.switch.delete_port(id, &mut Sink::new(self, &state.enabled));
            debug_assert!(undone.is_ok(), "a port without NIC can be deleted");
            return Err(error);
        }
        state.next_home = state.next_home.wrapping_add(1);
        let (virtual_device, attachment) = (open.device.clone(), open.attachment.clone());
        let trouble = (!open.carrier).then(|| no_carrier(&virtual_device));
        let notices = open.notices.clone();
        let (meter, meter_due) = (open.meter.take().map(Mutex::new), Instant::now());
        let (was_detached, looping) = (false, Looping::default());
        let plugged = Plugged {
            spec,
            settings,
            virtual_device,
            attachment,
            notices,
            meter,
            meter_due,
            was_detached,
            leaving: false,
            looping,
            trouble,
        };
        state.ports.insert(id, plugged);
        Ok(Made { id, owner, open })
    }

    /// Publishes ports, connects their NICs and hands their queues out; receiving begins when everything else is in place.
    fn plug_in(&self, state: &mut State, mut made: Vec<Made>) -> ControlResult<()> {
        self.publish(state, Vec::new())?;
        for Made { id, owner, open } in &mut made {
            if let Some(sink) = open.drops.take() {
                let frames = TapFrames::Dropped(Arc::clone(&self.services));
                let tap = Tap { port: *id, sink, snap: usize::MAX, filter: None, frames };
                state.workers.iter().try_for_each(|worker| worker.send(Command::Capture(tap.clone())))?;
            }
            if let Some(worker) = state.workers.get(usize::from(*owner)) {
                let tx = std::mem::replace(&mut open.tx, Box::new(Nowhere));
                worker.send(Command::AttachTx(*id, tx))?;
            }
            let connected = state.switch.connect_nic(*id, &mut Sink::new(self, &state.enabled));
            debug_assert!(connected.is_ok(), "a created NIC can be connected");
        }
        self.publish(state, Vec::new())?;
        let count = state.workers.len().max(1);
        for Made { id, owner, open } in made {
            if let Some(port) = state.switch.port(id) {
                self.directory.put(id, port_info(port, &PortCounters::default()));
            }
            for (queue, rx) in open.rx.into_iter().enumerate() {
                if let Some(worker) = state.workers.get((usize::from(owner) + queue) % count) {
                    worker.send(Command::AttachRx(id, rx))?;
                }
            }
        }
        Ok(())
    }

    fn open_spec(&self, spec: &PortSpec) -> OpenSpec {
        let device = spec.backend().device_text().unwrap_or_default();
        let mut open =
            OpenSpec::new(format!("{}/{}", self.spec.name(), spec.name()), spec.backend().kind().as_str(), device);
        open.queues = spec.queues().get();
        open.offload = spec.settings().offload();
        let mtu = spec.settings().mtu();
        open.mtu = match spec.backend() {
            BackendSpec::Tap { .. } => Some(mtu.get()),
            // Somebody else's device: only what was asked for may change it.
            BackendSpec::Packet { .. } => (mtu.get() > Mtu::default().get()).then(|| mtu.get()),
            BackendSpec::Memory { .. } | BackendSpec::Pcap { .. } => None,
        };
        open
    }

    /// Changes settings of a port.
    pub(crate) fn set_port(&self, state: &mut State, name: &PortName, change: &PortChange) -> ControlResult<PortId> {
        let id = self.port_id(state, name)?;
        let fixed = |setting: &'static str| ControlError::FixedAtCreation {
            switch: self.spec.name().clone(),
            port: name.clone(),
            setting,
        };
        let Some(plugged) = state.ports.get(&id) else { return Err(self.no_such_port(state, name)) };
        self.refuse_leaving(plugged)?;
        if change.backend.as_ref().is_some_and(|backend| backend != plugged.spec.backend()) {
            return Err(fixed("--backend"));
        }
        if change.kind.is_some_and(|kind| kind != plugged.spec.kind()) {
            return Err(fixed("--kind"));
        }
        if change.queues.is_some_and(|queues| queues != plugged.spec.queues()) {
            return Err(fixed("--queues"));
        }
        let settings = change.apply_to(&plugged.settings)?;
        if settings.offload() != plugged.settings.offload() {
            return Err(fixed("--offload"));
        }
        self.offer_vlan(state, (id, name), (plugged.settings.vlan(), settings.vlan()))?;
        let core = CoreChange {
            admin_up: change.admin.map(|admin| admin == AdminState::Up),
            link_up: None,
            mac: change.mac.map(|mac| mac.map(MacAddress::octets)),
            vlan: (!change.vlan.is_empty()).then(|| core_vlan(settings.vlan())),
            mtu: change.mtu.map(|mtu| mtu.get()),
            on_failure: change.fail_policy.map(core_policy),
        };
        let place = plugged.attachment.clone();
        let only_raise = matches!(plugged.spec.backend(), BackendSpec::Packet { .. });
        let had = match (&place, change.mtu) {
            (Some(place), Some(mtu)) => place.set_mtu(mtu.get(), only_raise).map_err(open_error)?,
            _ => None,
        };
        let changed = state.switch.change_port(id, core, &mut Sink::new(self, &state.enabled));
        if let Err(error) = changed {
            if let (Some(place), Some(mtu)) = (place, had) {
                // It had this MTU a moment ago.
                let _ = place.set_mtu(mtu, false);
            }
            return Err(self.port_error(state, name, error));
        }
        if let Some(plugged) = state.ports.get_mut(&id) {
            plugged.settings = settings;
            if change.admin.is_some() {
                // The operator's word goes before the guard's.
                plugged.looping.unblock();
            }
        }
        self.publish(state, Vec::new())?;
        Ok(id)
    }

    /// Starts a capture on a port.
    pub(crate) fn capture(&self, state: &State, spec: &CaptureSpec, sink: CaptureSink) -> ControlResult<()> {
        let port = self.port_id(state, spec.port())?;
        let snap = usize::try_from(spec.snap_length().get()).unwrap_or(usize::MAX);
        let names = || Arc::clone(&self.services);
        let frames = if spec.drops() { TapFrames::PassedAndDropped(names()) } else { TapFrames::Passed };
        for worker in &state.workers {
            let filter = spec.filter().cloned();
            worker.send(Command::Capture(Tap { port, sink: sink.clone(), snap, filter, frames: frames.clone() }))?;
        }
        Ok(())
    }

    /// The id of a port by name.
    pub(crate) fn port_id(&self, state: &State, name: &PortName) -> ControlResult<PortId> {
        let found = state.switch.ports().find(|port| port.name == name.as_str());
        found.map(|port| port.id).ok_or_else(|| self.no_such_port(state, name))
    }

    fn no_such_port(&self, state: &State, name: &PortName) -> ControlError {
        ControlError::NoSuchPort {
            switch: self.spec.name().clone(),
            port: name.to_string(),
            nearest: nearest(name.as_str(), state.switch.ports().map(|port| port.name.as_str())),
        }
    }

    pub(super) fn port_error(&self, state: &State, name: &PortName, error: PortError) -> ControlError {
        let switch = self.spec.name().clone();
        let holder_name = |holder: &str| PortName::new(holder).unwrap_or_else(|_| name.clone());
        let plugged = |name: &str| state.ports.values().find(|plugged| plugged.spec.name().as_str() == name);
        match error {
            PortError::NameTaken { .. } => ControlError::PortExists { switch, port: name.clone() },
            PortError::TooMany { limit } => ControlError::LimitReached {
                what: format!("ports on switch '{switch}'"),
                limit: limit as u64,
                fix: "remove a port first".to_owned(),
            },
            PortError::ExternalTaken { holder } => {
                ControlError::ExternalPortTaken { switch, holder: holder_name(&holder) }
            }
            PortError::KindRefused => ControlError::KindNotOnSwitch {
                switch_type: self.spec.switch_type(),
                kind: plugged(name.as_str()).map_or(PortKind::External, |plugged| plugged.spec.kind()),
                switch,
            },
            PortError::Vetoed(veto) => {
                let (extension, request) = (self.stage_name(state, veto.stage), format!("port '{name}'"));
                let reason = veto.reason;
                match veto.for_now {
                    true => ControlError::ExtensionNotNow { extension, request, reason },
                    false => ControlError::ExtensionVeto { extension, request, reason },
                }
            }
            other => ControlError::Refused {
                thing: format!("port '{name}' of switch '{switch}'"),
                reason: format!("cannot be changed: {other}"),
                fix: "look at `heddle port show`".to_owned(),
            },
        }
    }

    /// Takes note of what happened to devices.
    pub(super) fn follow_devices(&self, state: &mut State, devices: &DeviceWatch, events: &[DeviceEvent]) {
        let mut changed = Vec::new();
        for (id, plugged) in &mut state.ports {
            let before = plugged.trouble.clone();
            plugged.follow(devices, events);
            if plugged.trouble != before {
                let (switch, port) = (self.spec.name(), plugged.spec.name());
                match &plugged.trouble {
                    Some(trouble) => tracing::warn!(%switch, %port, "{trouble}"),
                    None => tracing::info!(%switch, %port, "carries traffic again"),
                }
                changed.push((*id, plugged.trouble.is_none()));
            }
        }
        for (id, link_up) in changed {
            let change = CoreChange { link_up: Some(link_up), ..CoreChange::default() };
            // A port that is being deleted meanwhile needs no news.
            let _ = state.switch.change_port(id, change, &mut Sink::new(self, &state.enabled));
        }
    }
}

/// A port as the switch's tables want it.
pub(super) fn core_spec(spec: &PortSpec, speed_mbps: u32, owner: u16, capabilities: Capabilities) -> CoreSpec {
    let settings = spec.settings();
    CoreSpec {
        name: spec.name().to_string(),
        kind: core_kind(spec.kind()),
        admin_up: settings.admin() == AdminState::Up,
        mac: settings.mac().map(MacAddress::octets),
        vlan: core_vlan(settings.vlan()),
        mtu: settings.mtu().get(),
        speed_mbps,
        owner,
        capabilities: if settings.offload() { capabilities } else { Capabilities::default() },
        on_failure: core_policy(settings.fail_policy()),
    }
}

/// A transmit side that has been handed out.
struct Nowhere;

impl ports::TxQueue for Nowhere {
    fn transmit(
        &mut self,
        pool: &mut heddle_switch_core::pool::Pool,
        frames: &mut Vec<heddle_switch_core::frame::TxFrame>,
        report: &mut heddle_switch_core::frame::TxReport,
    ) {
        for frame in frames.drain(..) {
            report.device_gone += 1;
            pool.free(frame.buf);
        }
    }
}

fn core_kind(kind: PortKind) -> CoreKind {
    match kind {
        PortKind::External => CoreKind::External,
        PortKind::Internal => CoreKind::Internal,
        PortKind::Synthetic => CoreKind::Synthetic,
        PortKind::Emulated => CoreKind::Emulated,
    }
}

fn core_policy(policy: FailPolicy) -> Option<OnFailure> {
    match policy {
        FailPolicy::Extension => None,
        FailPolicy::Open => Some(OnFailure::Open),
        FailPolicy::Closed => Some(OnFailure::Closed),
    }
}

fn core_vlan(settings: &VlanSettings) -> VlanMode {
    match settings {
        VlanSettings::Untagged => VlanMode::Untagged,
        VlanSettings::Access { vlan } => VlanMode::Access(vlan.get()),
        VlanSettings::Trunk { allowed, native } => {
            let mut set = VlanSet::empty();
            allowed.iter().for_each(|vid| set.insert(vid.get()));
            VlanMode::Trunk { native: native.map_or(0, |vid| vid.get()), allowed: set }
        }
    }
}

fn open_error(error: OpenPortError) -> ControlError {
    match error {
        OpenPortError::NoDevice { device } => {
            let near = std::fs::read_dir("/sys/class/net").ok().and_then(|entries| {
                let names: Vec<String> =
                    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
                nearest(&device, names.iter().map(String::as_str))
            });
            ControlError::NoSuchDevice { device, nearest: near }
        }
        OpenPortError::NoPermission { device, step, capability } => ControlError::DaemonLacksPermission {
            action: format!("use device '{device}'"),
            reason: format!("{step} needs {capability}"),
        },
        OpenPortError::Busy { device, fix } => ControlError::DeviceTrouble {
            device,
            reason: "is in use by another process or port".to_owned(),
            fix: fix.to_owned(),
        },
        OpenPortError::Mtu { device, mtu, source } => ControlError::DeviceTrouble {
            reason: format!("refuses an MTU of {mtu} bytes ({source})"),
            fix: format!("`ip -d link show {device}` shows its limits"),
            device,
        },
        OpenPortError::LargeMtu { device, mtu, most } => ControlError::DeviceTrouble {
            reason: format!("takes an MTU of {most} bytes at most, not {mtu}"),
            fix: format!("give --mtu {most} or less"),
            device,
        },
        OpenPortError::System { device, step, source, fix } => ControlError::DeviceTrouble {
            device,
            reason: format!("cannot be used: {step} failed: {source}"),
            fix: fix.to_owned(),
        },
        OpenPortError::BadDevice { device, backend, reason } => {
            let (reason, fix) = reason.split_once("; ").unwrap_or((&reason, "give another --device"));
            ControlError::Refused {
                thing: format!("device '{device}'"),
                reason: format!("is not one for the {backend} backend: {reason}"),
                fix: fix.to_owned(),
            }
        }
        other => ControlError::Refused {
            thing: "the port".to_owned(),
            reason: format!("cannot be opened: {other}"),
            fix: "change the options".to_owned(),
        },
    }
}
