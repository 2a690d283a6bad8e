//! What a client sent, validated: messages into parameters.

use super::words::Word;
use crate::control::bpf::{Instruction, MAX_INSTRUCTIONS, Program};
use crate::control::error::ControlError;
use crate::control::model::{
    AdminState, AgeingTime, BackendKind, BackendSpec, CaptureSpec, ExtensionConfig, FailPolicy, InvalidValue,
    KillAfter, LateAfter, LogLevel, LoopAction, MacAddress, Mtu, Patience, PortChange, PortKind, PortName, PortSpec,
    QueueCount, SnapLength, SwitchName, SwitchSpec, SwitchType, Vid, VlanChange, VlanMode, WorkerCount,
};
use crate::control::wire;

/// A word that is present, or `None` for 0; numbers this daemon does not know are refused.
fn word<W: Word>(field: &'static str, number: i32) -> Result<Option<W>, InvalidValue> {
    match W::from_number(number) {
        None if number != 0 => {
            Err(InvalidValue::new(field, number, "is not known to this daemon", "use a client of the daemon's version"))
        }
        known => Ok(known),
    }
}

/// The same for a field that may be absent.
fn optional_word<W: Word>(field: &'static str, number: Option<i32>) -> Result<Option<W>, InvalidValue> {
    number.map_or(Ok(None), |number| word(field, number))
}

fn optional_number<T>(
    value: Option<impl Into<u64>>,
    check: impl FnOnce(u64) -> Result<T, InvalidValue>,
) -> Result<Option<T>, InvalidValue> {
    value.map(|value| check(value.into())).transpose()
}

impl TryFrom<wire::CreateSwitchRequest> for SwitchSpec {
    type Error = ControlError;

    fn try_from(request: wire::CreateSwitchRequest) -> Result<Self, ControlError> {
        let name = SwitchName::new(&request.name)?;
        let switch_type = word("type", request.r#type)?.unwrap_or(SwitchType::Internal);
        let workers = optional_number(request.workers, WorkerCount::new)?.unwrap_or_default();
        let ageing = optional_number(request.ageing_seconds, AgeingTime::new)?.unwrap_or_default();
        Ok(Self::new(name, switch_type, workers, ageing))
    }
}

fn vlan_change(options: &wire::PortOptions) -> Result<VlanChange, InvalidValue> {
    let native = match options.native {
        None => None,
        Some(0) => Some(None),
        Some(vid) => Some(Some(Vid::new(vid)?)),
    };
    let mode: Option<VlanMode> = optional_word("vlan-mode", options.vlan_mode)?;
    let vlan = options.vlan.map(Vid::new).transpose()?;
    let allowed = options.allowed.as_deref().map(str::parse).transpose()?;
    Ok(VlanChange::new(mode, vlan, allowed, native))
}

fn mac(text: &str) -> Result<Option<MacAddress>, InvalidValue> {
    if text == "none" { Ok(None) } else { MacAddress::assignable(text).map(Some) }
}

/// The options of a port. `backend` is `None` when the request names neither backend nor device.
fn port_change(options: &wire::PortOptions) -> Result<PortChange, InvalidValue> {
    let kind: Option<BackendKind> = optional_word("backend", options.backend)?;
    let backend = match (kind, options.device.as_deref()) {
        (None, None) => None,
        (Some(kind), device) => Some(BackendSpec::new(kind, device)?),
        (None, Some(device)) => {
            let fix = "add --backend tap, packet, memory or pcap";
            return Err(InvalidValue::new("device", device.escape_debug(), "is given without a backend", fix));
        }
    };
    Ok(PortChange {
        backend,
        kind: optional_word::<PortKind>("kind", options.kind)?,
        queues: optional_number(options.queues, QueueCount::new)?,
        mac: options.mac.as_deref().map(mac).transpose()?,
        vlan: vlan_change(options)?,
        mtu: optional_number(options.mtu, Mtu::new)?,
        offload: options.offload,
        admin: optional_word::<AdminState>("admin", options.admin)?,
        fail_policy: optional_word::<FailPolicy>("fail-policy", options.fail_policy)?,
        on_loop: optional_word::<LoopAction>("on-loop", options.on_loop)?,
    })
}

/// A port to add and the switch to add it to.
pub(in crate::control) struct AddPort {
    pub(in crate::control) switch: SwitchName,
    pub(in crate::control) spec: PortSpec,
}

impl TryFrom<wire::AddPortRequest> for AddPort {
    type Error = ControlError;

    fn try_from(request: wire::AddPortRequest) -> Result<Self, ControlError> {
        let switch = SwitchName::new(&request.switch)?;
        let port = PortName::new(&request.port)?;
        let mut change = port_change(&request.options.unwrap_or_default())?;
        let missing =
            || InvalidValue::new("port", &port, "has no backend", "add --backend tap, packet, memory or pcap");
        let backend = change.backend.take().ok_or_else(missing)?;
        Ok(Self { switch, spec: PortSpec::new(port, backend, &change)? })
    }
}

/// A port to judge: its device is not looked at, so that any backend does.
pub(super) fn port_to_check(name: &str, options: &wire::PortOptions) -> Result<PortSpec, ControlError> {
    let options = wire::PortOptions { backend: None, device: None, ..options.clone() };
    let backend = BackendSpec::new(BackendKind::Memory, None)?;
    Ok(PortSpec::new(PortName::new(name)?, backend, &port_change(&options)?)?)
}

/// A change of a port.
pub(in crate::control) struct SetPort {
    pub(in crate::control) switch: SwitchName,
    pub(in crate::control) port: PortName,
    pub(in crate::control) change: PortChange,
}

impl TryFrom<wire::SetPortRequest> for SetPort {
    type Error = ControlError;

    fn try_from(request: wire::SetPortRequest) -> Result<Self, ControlError> {
        let switch = SwitchName::new(&request.switch)?;
        let port = PortName::new(&request.port)?;
        let change = port_change(&request.options.unwrap_or_default())?;
        if change.is_empty() {
            return Err(
                InvalidValue::new("port", port, "is to be set but no option is given", "give what to change").into()
            );
        }
        Ok(Self { switch, port, change })
    }
}

/// The level asked for; `None` takes one away.
pub(in crate::control) fn log_level(number: i32) -> Result<Option<LogLevel>, InvalidValue> {
    word("log-level", number)
}

pub(in crate::control) fn fail_policy(number: Option<i32>) -> Result<Option<FailPolicy>, InvalidValue> {
    optional_word("fail-policy", number)
}

/// How an extension is to run, as it was asked for.
pub(in crate::control) struct Modes {
    pub(in crate::control) isolation: i32,
    pub(in crate::control) fail_policy: Option<i32>,
    pub(in crate::control) late_after_ms: Option<u32>,
    pub(in crate::control) kill_after_ms: Option<u32>,
}

pub(in crate::control) fn extension_config(
    pairs: Vec<wire::ConfigPair>,
    file: Option<Vec<u8>>,
    modes: &Modes,
) -> Result<ExtensionConfig, InvalidValue> {
    let config = ExtensionConfig::new(pairs.into_iter().map(|pair| (pair.key, pair.value)).collect(), file)?;
    let policy = fail_policy(modes.fail_policy)?;
    let config = config.with_fail_policy(policy.unwrap_or(FailPolicy::Open))?;
    let late = modes.late_after_ms.map(|ms| LateAfter::new(ms.into())).transpose()?;
    let kill = modes.kill_after_ms.map(|ms| KillAfter::new(ms.into())).transpose()?;
    let config = config.isolated(word("isolation", modes.isolation)?.unwrap_or_default());
    config.with_patience(Patience::new(late, kill)?)
}

fn program(instructions: &[wire::FilterInstruction]) -> Result<Program, InvalidValue> {
    // Counted before anything is done with them; fields wider than an instruction's are no instruction.
    let taken: Option<Vec<Instruction>> = instructions.iter().take(MAX_INSTRUCTIONS + 1).map(instruction).collect();
    let fix = "send a program that libpcap compiled for Ethernet";
    Program::new(&taken.ok_or_else(|| InvalidValue::new("filter", "program", "has a number that is too large", fix))?)
}

fn instruction(sent: &wire::FilterInstruction) -> Option<Instruction> {
    Some(Instruction {
        code: sent.code.try_into().ok()?,
        yes: sent.jt.try_into().ok()?,
        no: sent.jf.try_into().ok()?,
        k: sent.k,
    })
}

impl TryFrom<&wire::CaptureRequest> for CaptureSpec {
    type Error = ControlError;

    fn try_from(request: &wire::CaptureRequest) -> Result<Self, ControlError> {
        let snap_length = optional_number(request.snap_length, SnapLength::new)?.unwrap_or_default();
        let spec = Self::new(SwitchName::new(&request.switch)?, PortName::new(&request.port)?, snap_length);
        let spec = spec.with_drops(request.drops);
        Ok(if request.filter.is_empty() { spec } else { spec.filtered(program(&request.filter)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(options: wire::PortOptions) -> Result<AddPort, ControlError> {
        wire::AddPortRequest { switch: "lab".into(), port: "web".into(), options: Some(options) }.try_into()
    }

    fn memory() -> wire::PortOptions {
        wire::PortOptions { backend: Some(wire::Backend::Memory.into()), ..Default::default() }
    }

    #[test]
    fn an_added_port_takes_the_defaults() -> Result<(), ControlError> {
        let spec = add(memory())?.spec;
        assert_eq!(spec.kind(), PortKind::Synthetic);
        assert_eq!((spec.queues().get(), spec.settings().mtu().get()), (1, 1500));
        assert_eq!(spec.settings().vlan().mode(), VlanMode::Untagged);
        assert!(spec.settings().offload() && spec.settings().mac().is_none());
        Ok(())
    }

    #[test]
    fn a_message_no_command_line_would_send_is_refused_too() {
        let refused = |options, expected: &str| {
            let message = add(options).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(expected), "{message}");
        };
        refused(wire::PortOptions::default(), "port 'web' has no backend");
        refused(wire::PortOptions { backend: Some(77), ..memory() }, "backend '77' is not known to this daemon");
        refused(wire::PortOptions { vlan: Some(u32::MAX), ..memory() }, "vlan '4294967295' is not a VLAN identifier");
        refused(wire::PortOptions { queues: Some(65_537), ..memory() }, "queues '65537' is out of range");
        let packet = Some(wire::Backend::Packet.into());
        refused(wire::PortOptions { device: Some("../../etc".into()), backend: packet, ..memory() }, "contains '/'");
        refused(wire::PortOptions { device: Some("eth0".into()), ..memory() }, "is no far side of a memory port");
        refused(wire::PortOptions { device: Some("eth0".into()), ..Default::default() }, "without a backend");
        refused(wire::PortOptions { mac: Some("01:00:00:00:00:00".into()), ..memory() }, "is a group address");
        refused(wire::PortOptions { allowed: Some("1-9999999999999".into()), ..memory() }, "is not a list of VLANs");
    }

    #[test]
    fn an_empty_change_is_refused() {
        let request = wire::SetPortRequest { switch: "lab".into(), port: "web".into(), options: None };
        let message = SetPort::try_from(request).err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), Some("port 'web' is to be set but no option is given; give what to change"));
    }
}
