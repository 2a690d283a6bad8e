//! Ports and what is plugged into them.
//!
//! A port exists before its network adapter (NIC) connects and outlives it, so a view has two states. Kind, backend,
//! device and queue count are given when the port is added; whether one can change later is for the plane to say
//! (`ControlError::FixedAtCreation`).

mod record;

use super::{
    DeviceName, InvalidValue, MacAddress, Mtu, PortName, QueueCount, SwitchName, VlanChange, VlanSettings, words,
};
use crate::ports::memory::Mode;
use crate::ports::pcap::PcapSettings;
use serde::Serialize;
use std::fmt;

words!(
    /// What the port is for, as extensions see it.
    PortKind, "kind" {
        /// A guest's paravirtual adapter. The default.
        Synthetic = "synthetic",
        /// The physical network; at most one on an external switch, none on others.
        External = "external",
        /// The host itself; refused on a private switch.
        Internal = "internal",
        /// A guest's emulated adapter.
        Emulated = "emulated",
    }
);

words!(
    /// How frames get in and out of a port.
    BackendKind, "backend" {
        /// A TAP device made by Heddle.
        Tap = "tap",
        /// An AF_PACKET socket on an existing network device.
        Packet = "packet",
        /// Rings in memory, for tests and measurements; needs no privilege.
        Memory = "memory",
        /// Files: a capture to replay, a recording of what the port sends.
        Pcap = "pcap",
    }
);

words!(
    /// Whether the operator wants the port to carry traffic.
    AdminState, "admin" {
        /// Carry traffic. The default.
        Up = "up",
        /// Keep the port and its counters but carry nothing.
        Down = "down",
    }
);

words!(
    /// What becomes of a port's frames when an extension fails on them.
    FailPolicy, "fail-policy" {
        /// What the extension declares. The default.
        Extension = "extension",
        /// They go on as if the extension were not there.
        Open = "open",
        /// They are dropped, as extension-panic.
        Closed = "closed",
    }
);

words!(
    /// What is done when the same stations come in by this port and by another.
    LoopAction, "on-loop" {
        /// Say so. The default.
        Warn = "warn",
        /// Say so, and keep the port from carrying traffic for half a minute at a time.
        Block = "block",
    }
);

words!(
    /// Life of a port in the extensible-switch model.
    PortState, "state" {
        /// Exists; may have a NIC.
        Created = "created",
        /// Being removed; no new references are taken.
        Teardown = "teardown",
        /// Gone but for outstanding references.
        Deleted = "deleted",
    }
);

words!(
    /// Life of the network adapter on a port.
    NicState, "nic_state" {
        /// Nothing is plugged in.
        Absent = "absent",
        /// Known to extensions, not yet carrying their traffic.
        Created = "created",
        /// In use.
        Connected = "connected",
        /// Unplugged, down or its device is gone; pending traffic drains.
        Disconnected = "disconnected",
        /// Gone but for outstanding references.
        Deleted = "deleted",
    }
);

/// Where a port's frames come from and go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendSpec {
    /// A TAP device; without a name the plane chooses one and shows it in the view.
    Tap {
        /// The device to make or take over.
        device: Option<DeviceName>,
    },
    /// An existing network device.
    Packet {
        /// The device.
        device: DeviceName,
    },
    /// Rings in memory; without a far side the daemon keeps an end that nobody plays.
    Memory {
        /// What is at the other end.
        device: Option<MemoryMode>,
    },
    /// Files to replay and to record.
    Pcap {
        /// Which, and how.
        device: PcapFiles,
    },
}

/// The files of a pcap port in the operator's words: `in=FILE,out=FILE,pace=file|flat|PPS,loops=N,limit=MIB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcapFiles(String);

impl PcapFiles {
    /// Checks and takes a list of files and settings; whether the files are there is for the backend to see.
    ///
    /// # Errors
    /// When the pcap backend does not understand it.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        match text.parse::<PcapSettings>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(InvalidValue::new("device", text.escape_debug(), error.reason, error.fix)),
        }
    }
}

impl fmt::Display for PcapFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The far side of a memory port in the operator's words: `sink`, `source:PPS:SIZE:FLOWS[:FROM:TO]`, `loop:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryMode(String);

impl MemoryMode {
    /// Checks and takes a far side.
    ///
    /// # Errors
    /// When the memory backend knows no such far side.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        match text.parse::<Mode>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(InvalidValue::new("device", text.escape_debug(), error.reason, error.fix)),
        }
    }
}

impl fmt::Display for MemoryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl BackendSpec {
    /// Puts backend and device together.
    ///
    /// # Errors
    /// When a packet port has no device, or the device is none for this backend.
    pub fn new(kind: BackendKind, device: Option<&str>) -> Result<Self, InvalidValue> {
        match (kind, device) {
            (BackendKind::Tap, device) => Ok(Self::Tap { device: device.map(DeviceName::new).transpose()? }),
            (BackendKind::Packet, Some(device)) => Ok(Self::Packet { device: DeviceName::new(device)? }),
            (BackendKind::Packet, None) => {
                Err(InvalidValue::new("backend", kind, "needs a network device", "add --device IFNAME"))
            }
            (BackendKind::Pcap, Some(device)) => Ok(Self::Pcap { device: PcapFiles::new(device)? }),
            (BackendKind::Pcap, None) => Err(InvalidValue::new(
                "backend",
                kind,
                "needs a file",
                "add --device in=FILE,out=FILE or one of the two",
            )),
            (BackendKind::Memory, device) => Ok(Self::Memory { device: device.map(MemoryMode::new).transpose()? }),
        }
    }

    /// Which backend it is.
    #[must_use]
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Tap { .. } => BackendKind::Tap,
            Self::Packet { .. } => BackendKind::Packet,
            Self::Memory { .. } => BackendKind::Memory,
            Self::Pcap { .. } => BackendKind::Pcap,
        }
    }

    /// The network device, when one is named.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceName> {
        match self {
            Self::Tap { device } => device.as_ref(),
            Self::Packet { device } => Some(device),
            Self::Memory { .. } | Self::Pcap { .. } => None,
        }
    }

    /// What the operator gave as device, whatever it means to the backend.
    #[must_use]
    pub fn device_text(&self) -> Option<String> {
        match self {
            Self::Memory { device } => device.as_ref().map(ToString::to_string),
            Self::Pcap { device } => Some(device.to_string()),
            Self::Tap { .. } | Self::Packet { .. } => self.device().map(ToString::to_string),
        }
    }
}

/// Settings of a port that may change while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSettings {
    mac: Option<MacAddress>,
    vlan: VlanSettings,
    mtu: Mtu,
    offload: bool,
    admin: AdminState,
    fail_policy: FailPolicy,
    on_loop: LoopAction,
}

impl Default for PortSettings {
    fn default() -> Self {
        Self {
            mac: None,
            vlan: VlanSettings::Untagged,
            mtu: Mtu::default(),
            offload: true,
            admin: AdminState::Up,
            fail_policy: FailPolicy::Extension,
            on_loop: LoopAction::Warn,
        }
    }
}

impl PortSettings {
    /// The assigned MAC address: a static filtering-database entry. `None`: addresses behind the port are learned.
    #[must_use]
    pub const fn mac(&self) -> Option<MacAddress> {
        self.mac
    }

    /// VLAN settings.
    #[must_use]
    pub const fn vlan(&self) -> &VlanSettings {
        &self.vlan
    }

    /// Largest layer-3 payload in bytes.
    #[must_use]
    pub const fn mtu(&self) -> Mtu {
        self.mtu
    }

    /// Whether checksum and segmentation offload are offered to the device.
    #[must_use]
    pub const fn offload(&self) -> bool {
        self.offload
    }

    /// Whether the operator wants traffic.
    #[must_use]
    pub const fn admin(&self) -> AdminState {
        self.admin
    }

    /// What becomes of its frames when an extension fails.
    #[must_use]
    pub const fn fail_policy(&self) -> FailPolicy {
        self.fail_policy
    }

    /// What is done about a loop.
    #[must_use]
    pub const fn on_loop(&self) -> LoopAction {
        self.on_loop
    }
}

/// A port to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    name: PortName,
    kind: PortKind,
    backend: BackendSpec,
    queues: QueueCount,
    settings: PortSettings,
}

impl PortSpec {
    /// A port with the defaults changed as asked: synthetic, one queue, untagged, MTU 1500, offload on, up.
    ///
    /// # Errors
    /// When the VLAN options do not fit together.
    pub fn new(name: PortName, backend: BackendSpec, change: &PortChange) -> Result<Self, InvalidValue> {
        Ok(Self {
            name,
            kind: change.kind.unwrap_or(PortKind::Synthetic),
            backend,
            queues: change.queues.unwrap_or_default(),
            settings: change.apply_to(&PortSettings::default())?,
        })
    }

    /// The name, unique within its switch.
    #[must_use]
    pub const fn name(&self) -> &PortName {
        &self.name
    }

    /// What the port is for.
    #[must_use]
    pub const fn kind(&self) -> PortKind {
        self.kind
    }

    /// Where its frames come from and go to.
    #[must_use]
    pub const fn backend(&self) -> &BackendSpec {
        &self.backend
    }

    /// Queue pairs.
    #[must_use]
    pub const fn queues(&self) -> QueueCount {
        self.queues
    }

    /// The settings that may change later.
    #[must_use]
    pub const fn settings(&self) -> &PortSettings {
        &self.settings
    }
}

/// Options given in one request to add or set a port; what is `None` was not given and keeps its value.
///
/// A plain record on purpose: each part is valid by itself, and [`PortChange::apply_to`] checks them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortChange {
    /// What plugs in; changing it re-plugs the port where the plane can, and is refused where it cannot.
    pub backend: Option<BackendSpec>,
    /// What the port is for.
    pub kind: Option<PortKind>,
    /// Queue pairs.
    pub queues: Option<QueueCount>,
    /// The assigned MAC address; `Some(None)` is `--mac none`: forget it and learn.
    pub mac: Option<Option<MacAddress>>,
    /// VLAN options.
    pub vlan: VlanChange,
    /// Largest layer-3 payload.
    pub mtu: Option<Mtu>,
    /// Checksum and segmentation offload.
    pub offload: Option<bool>,
    /// Whether the operator wants traffic.
    pub admin: Option<AdminState>,
    /// What becomes of its frames when an extension fails.
    pub fail_policy: Option<FailPolicy>,
    /// What is done about a loop.
    pub on_loop: Option<LoopAction>,
}

impl PortChange {
    /// The settings a port has after this change. Call it under the lock that guards the settings, so that two requests
    /// at once cannot undo each other.
    ///
    /// # Errors
    /// When the VLAN options do not fit together.
    pub fn apply_to(&self, now: &PortSettings) -> Result<PortSettings, InvalidValue> {
        Ok(PortSettings {
            mac: self.mac.unwrap_or(now.mac),
            vlan: self.vlan.apply_to(&now.vlan)?,
            mtu: self.mtu.unwrap_or(now.mtu),
            offload: self.offload.unwrap_or(now.offload),
            admin: self.admin.unwrap_or(now.admin),
            fail_policy: self.fail_policy.unwrap_or(now.fail_policy),
            on_loop: self.on_loop.unwrap_or(now.on_loop),
        })
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counters of a port since it was added. Packets and bytes are those of the wire: a 64 KiB segment counts as the frames it
/// is cut into. The drops count what the switch handles, a segment as one, as its conservation law does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PortCounters {
    /// Frames taken in.
    pub rx_packets: u64,
    /// Bytes of these frames.
    pub rx_bytes: u64,
    /// Frames sent out.
    pub tx_packets: u64,
    /// Bytes of these frames.
    pub tx_bytes: u64,
    /// Frames lost before the switch took them: the ring between device and switch was full (the kernel's included), or
    /// the frame was longer than any buffer or came with offload facts that cannot be.
    pub rx_missed: u64,
    /// Frames dropped on the way in, each with a reason.
    pub rx_dropped: u64,
    /// Deliveries dropped on the way out, each with a reason.
    pub tx_dropped: u64,
}

/// A port as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PortView {
    /// The switch it belongs to.
    pub switch: SwitchName,
    /// Its name.
    pub name: PortName,
    /// Its number on the switch, from 1.
    pub id: u32,
    /// What the port is for.
    pub kind: PortKind,
    /// How frames get in and out.
    pub backend: BackendKind,
    /// The network device, by its present name.
    pub device: Option<String>,
    /// Life of the port.
    pub state: PortState,
    /// Life of what is plugged in.
    pub nic_state: NicState,
    /// Whether the operator wants traffic.
    pub admin: AdminState,
    /// Why the port does not carry traffic although it should: device gone, no carrier.
    pub trouble: Option<String>,
    /// What else its operator should know: a replay that ended, a device that needs attention.
    pub notices: Vec<String>,
    /// The assigned MAC address; `None` when addresses behind the port are learned.
    pub mac: Option<MacAddress>,
    /// Largest layer-3 payload in bytes.
    pub mtu: u32,
    /// VLAN settings.
    pub vlan: VlanSettings,
    /// Queue pairs.
    pub queues: u16,
    /// Whether offloads are offered to the device.
    pub offload: bool,
    /// What becomes of its frames when an extension fails.
    pub fail_policy: FailPolicy,
    /// What is done about a loop.
    pub on_loop: LoopAction,
    /// The worker that owns the port's egress, from 0.
    pub worker: u16,
    /// Counters.
    pub counters: PortCounters,
}
