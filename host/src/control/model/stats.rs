//! Figures: drops by reason, cost of each stage, the filtering database, topology, the daemon itself.

use super::{CrashView, ExtensionView, InvalidValue, MacAddress, PortName, PortView, SwitchName, SwitchView, words};
use serde::Serialize;

words!(
    /// Half of the way through the switch.
    Leg, "leg" {
        /// From the port into the switch.
        Ingress = "ingress",
        /// From the switch out to the ports.
        Egress = "egress",
    }
);

/// Frames one port lost for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PortDropCount {
    /// The port the drop is charged to.
    pub port: PortName,
    /// Frames or deliveries.
    pub count: u64,
}

/// Frames a switch dropped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DropCount {
    /// The reason's stable name.
    pub reason: String,
    /// What it means, in one sentence.
    pub description: String,
    /// Frames or deliveries since the switch was created.
    pub count: u64,
    /// Who lost them; may add up to less than `count` when a port was removed since.
    pub ports: Vec<PortDropCount>,
}

/// What a stage of the pipeline costs.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StageCost {
    /// The stage: a built-in one or an extension's identifier.
    pub stage: String,
    /// Where in the U it sits.
    pub leg: Leg,
    /// Packets measured.
    pub packets: u64,
    /// Mean cost in time-stamp-counter cycles per packet.
    pub cycles_per_packet: f64,
}

words!(
    /// How an entry came into the filtering database.
    FdbEntryKind, "kind" {
        /// From the source address of a frame; ages out.
        Learned = "learned",
        /// From a port's assigned MAC address; stays.
        Static = "static",
    }
);

/// One entry of the filtering database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FdbEntryView {
    /// The station.
    pub mac: MacAddress,
    /// The VLAN, 0 for untagged ports.
    pub vlan: u16,
    /// Where the station is.
    pub port: PortName,
    /// Learned or static.
    pub kind: FdbEntryKind,
    /// Seconds since the address was last seen; 0 for static entries.
    pub age_seconds: u64,
}

/// What is to be forgotten: all that was learned, or what was learned on a port, in a VLAN, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FdbFlush {
    /// On this port only.
    pub port: Option<PortName>,
    vlan: Option<u16>,
}

impl FdbFlush {
    /// Checks the VLAN; 0 is that of untagged ports.
    ///
    /// # Errors
    /// When the VLAN is above 4094.
    pub fn new(port: Option<PortName>, vlan: Option<u32>) -> Result<Self, InvalidValue> {
        let checked = |vlan: u32| match u16::try_from(vlan) {
            Ok(vid) if vid <= 4094 => Ok(vid),
            _ => Err(InvalidValue::new(
                "vlan",
                vlan,
                "is not a VLAN identifier",
                "give 1 to 4094, or 0 for untagged ports",
            )),
        };
        Ok(Self { port, vlan: vlan.map(checked).transpose()? })
    }

    /// In this VLAN only.
    #[must_use]
    pub const fn vlan(&self) -> Option<u16> {
        self.vlan
    }
}

/// What was shown to an extension on a switch, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExtensionLoad {
    /// The extension's identifier.
    pub id: String,
    /// Packets it was shown, on both legs.
    pub packets: u64,
    /// Packets it dropped.
    pub dropped: u64,
    /// Calls of it that failed.
    pub failures: u64,
    /// Rule violations found after its calls.
    pub violations: u64,
}

/// Everything counted about one switch.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StatsView {
    /// The switch with its conservation law.
    pub switch: SwitchView,
    /// Its ports with their counters.
    #[schemars(default)]
    pub ports: Vec<PortView>,
    /// Drops by reason; reasons that never happened may be left out.
    #[schemars(default)]
    pub drops: Vec<DropCount>,
    /// Cost of each stage in the order a packet meets them.
    #[schemars(default)]
    pub stages: Vec<StageCost>,
    /// Enabled extensions with their own counters.
    #[schemars(default)]
    pub extensions: Vec<ExtensionView>,
    /// What was shown to each enabled extension, in ingress order.
    #[schemars(default)]
    pub loads: Vec<ExtensionLoad>,
    /// When all this was counted, on a clock of the daemon's host that never goes back.
    pub taken_nanoseconds: u64,
}

/// One switch with all that hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TopologySwitch {
    /// The switch.
    #[serde(flatten)]
    pub switch: SwitchView,
    /// Its ports, by number.
    #[serde(rename = "port_list")]
    pub ports: Vec<PortView>,
    /// Its enabled extensions in ingress order.
    #[serde(rename = "extension_stack")]
    pub extensions: Vec<ExtensionView>,
}

/// Everything on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TopologyView {
    /// The switches, by name.
    pub switches: Vec<TopologySwitch>,
}

/// One buffer class of the arena.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BufferClassView {
    /// Size of one buffer in bytes.
    pub bytes: u32,
    /// Buffers in the class.
    pub total: u64,
    /// Buffers not in use.
    pub free: u64,
}

/// A data-plane thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct WorkerView {
    /// The switch it works for.
    pub switch: SwitchName,
    /// Its number there, from 0.
    pub worker: u16,
    /// The thread, as `top -H` and `perf` show it.
    pub thread_id: u32,
    /// Processor time it has had.
    pub cpu_nanoseconds: u64,
}

/// Memory of the switch process, as the kernel counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct MemoryView {
    /// In RAM now, packet memory on small pages included, huge pages not.
    pub resident_bytes: u64,
    /// The most it has been.
    pub peak_resident_bytes: u64,
}

/// What the data plane as a whole reports of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EngineView {
    /// Buffer classes of the arena, smallest first.
    pub buffers: Vec<BufferClassView>,
    /// Data-plane threads, by switch and number.
    pub workers: Vec<WorkerView>,
    /// Whether the arena lies on huge pages.
    pub huge_pages: bool,
    /// Directories searched for extensions.
    pub extension_dirs: Vec<String>,
}

/// The daemon as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DaemonView {
    /// Version of heddled.
    pub version: String,
    /// The switch process.
    pub pid: u32,
    /// The supervisor; `None` when running as a single process.
    pub supervisor_pid: Option<u32>,
    /// When this switch process started, in seconds since 1970 UTC.
    pub started_unix_seconds: u64,
    /// Seconds since then.
    pub uptime_seconds: u64,
    /// How often the supervisor restarted the switch process.
    pub restarts: u32,
    /// How the last switch process ended, when there was one.
    pub last_exit: Option<String>,
    /// Switch processes that ended by themselves since heddled started.
    pub crashes: u32,
    /// The last of them.
    pub last_crash: Option<CrashView>,
    /// The control socket.
    pub socket: String,
    /// Directory of the stored desired state.
    pub state_dir: String,
    /// The configuration file that was the desired state at start; `None` when there was none.
    pub config_file: Option<String>,
    /// Where metrics are served, `ADDRESS:PORT`; `None` when they are not.
    pub metrics: Option<String>,
    /// Switches that exist.
    pub switches: u32,
    /// Ports on all of them.
    pub ports: u32,
    /// Memory of the switch process.
    pub memory: MemoryView,
    /// What the data plane reports of itself.
    pub engine: EngineView,
}
