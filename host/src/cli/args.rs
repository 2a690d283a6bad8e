//! The command line of heddle: one definition for parsing, help and every example in it (tests run the examples).

mod capture;
mod daemon;
pub(super) mod extension;
mod fdb;
mod generate;
pub(super) mod policy;
mod top;
pub(super) mod vendor;

pub(super) use capture::CaptureArgs;
pub(super) use daemon::{DaemonCommand, LogCommand, LogLevelCommand};
pub(super) use fdb::{FdbCommand, FdbFlushArgs};
pub(super) use generate::{CompletionsArgs, ManArgs, Shell};
pub(super) use top::TopArgs;

use super::complete;
use crate::control::model::{
    AdminState, BackendKind, FailPolicy, Isolation, LogLevel, LoopAction, PortKind, SwitchType, VlanMode,
};
use crate::control::socket::DEFAULT_SOCKET;
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use std::path::{Path, PathBuf};
use std::time::Duration;

macro_rules! value_enum {
    ($($word:ident),+) => {
        $(impl ValueEnum for $word {
            fn value_variants<'a>() -> &'a [Self] {
                Self::ALL
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(self.as_str()))
            }
        })+
    };
}
value_enum!(AdminState, BackendKind, FailPolicy, Isolation, LogLevel, LoopAction, PortKind, SwitchType, VlanMode);

/// Operate the Heddle virtual switch.
///
/// Names of switches and ports have 1 to 64 characters of A-Z a-z 0-9 . _ -. Root and the user heddled runs as change
/// things, members of the group heddle look. With --json the answer is JSON with stable snake_case keys, and an error is
/// one JSON object on stderr.
#[derive(Debug, Clone, Parser)]
#[command(name = "heddle", version, arg_required_else_help = true)]
pub struct Cli {
    /// The control socket of heddled
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "PATH", default_value = DEFAULT_SOCKET, env = "HEDDLE_SOCKET")]
    pub socket: PathBuf,

    /// Answer in JSON
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub json: bool,

    /// How long to wait for a connection and an answer, 1 to 3600 seconds; a capture that has begun has no limit
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,

    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// How long to wait for the daemon.
    pub(super) const fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Whether stdout is taken by captured frames.
    pub(super) fn writes_frames_to_stdout(&self) -> bool {
        matches!(&self.command, Command::Capture(wanted) if wanted.file == Path::new("-"))
    }
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// Create, delete and look at switches
    #[command(subcommand)]
    Switch(SwitchCommand),
    /// Add, change, remove and look at ports
    #[command(subcommand)]
    Port(PortCommand),
    /// Enable, disable and look at extensions
    #[command(subcommand)]
    Extension(ExtensionCommand),
    /// Policies on ports and on switches, which extensions enforce
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Extensions that were taken out because they did harm
    #[command(subcommand)]
    Quarantine(extension::QuarantineCommand),
    /// Counters, drops by reason and the cost of each stage
    Stats(StatsArgs),
    /// The filtering database: which address is behind which port
    #[command(subcommand)]
    Fdb(FdbCommand),
    /// Switches, their ports, what is plugged in and the extension stacks, as a tree
    #[command(after_help = "Examples:\n  heddle topology\n  heddle topology --json")]
    Topology,
    /// Store the frames of a port in a pcapng file, with direction and drop reasons
    Capture(CaptureArgs),
    /// The daemon itself
    #[command(subcommand)]
    Daemon(DaemonCommand),
    /// What heddled logs
    #[command(subcommand)]
    Log(LogCommand),
    /// Live rates of ports, stages and extensions
    Top(TopArgs),
    /// A script that completes commands and live names in a shell
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
    /// The JSON schema of what --json prints
    #[command(after_help = "Examples:\n  heddle schema")]
    Schema,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum SwitchCommand {
    /// Create a switch without ports
    #[command(
        after_help = "Examples:\n  heddle switch create dmz\n  heddle switch create edge --type external --workers 2 --ageing 600"
    )]
    Create(SwitchCreateArgs),
    /// Delete a switch with its ports
    #[command(after_help = "Examples:\n  heddle switch delete lab")]
    Delete(SwitchName),
    /// List the switches
    #[command(after_help = "Examples:\n  heddle switch list\n  heddle switch list --json")]
    List,
    /// Show one switch with its conservation law
    #[command(after_help = "Examples:\n  heddle switch show lab\n  heddle switch show")]
    Show(OnlySwitch),
}

#[derive(Debug, Clone, Args)]
pub(super) struct SwitchName {
    /// The switch
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: String,
}

#[derive(Debug, Clone, Args)]
pub(super) struct OnlySwitch {
    /// The switch [default: the only one]
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(super) struct SwitchCreateArgs {
    /// Its name, unique on this host
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Who may be connected: a physical network, host and guests; host and guests; guests only
    #[arg(long = "type", value_name = "TYPE", default_value = "internal")]
    pub(super) switch_type: SwitchType,
    /// Data-plane threads, 1 to 64 [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<u32>,
    /// Ageing time of the filtering database in seconds, 1 to 1000000 [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(super) ageing: Option<u32>,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum PortCommand {
    /// Add a port to a switch and plug its backend in
    #[command(mut_arg("backend", |arg| arg.required(true)), after_help = "\
Examples:
  heddle port add lab app --backend tap
  heddle port add lab db --backend tap --device db0 --mac 02:00:00:00:00:0b --vlan-mode access --vlan 20
  heddle port add lab wan --backend packet --device eth0 --vlan-mode trunk --allowed 1-100,200 --native 1
  heddle port add lab probe --backend memory --mtu 9000
  heddle port add lab load --backend memory --device source:1000:64:4
  heddle port add lab again --backend pcap --device in=/var/tmp/web.pcapng,pace=flat,loops=3
  heddle port add lab tape --backend pcap --device out=/var/tmp/tape.pcapng")]
    Add(PortOptionsArgs),
    /// Change the options of a port that are given, and nothing else
    #[command(after_help = "\
Examples:
  heddle port set lab web --vlan-mode access --vlan 20
  heddle port set lab web --mtu 9000 --offload off
  heddle port set lab web --mac none
  heddle port set lab web --fail-policy closed --on-loop block
  heddle port set lab web --admin down")]
    Set(PortOptionsArgs),
    /// Have the extensions judge a port that is not made
    ///
    /// A validation port with this name, kind, address, VLAN and policies is shown to every extension and taken away
    /// again. Nothing is reserved, the device is not looked at, and what is only unavailable now is no objection.
    #[command(after_help = "\
Examples:
  heddle port check lab next --vlan-mode access --vlan 20
  heddle port check lab next --policy com.example.tally.limit:rate=100")]
    Check(policy::PortCheckArgs),
    /// Unplug and remove a port
    ///
    /// Extensions that refer to the port have 5 seconds to give it back; then it is removed all the same.
    #[command(after_help = "Examples:\n  heddle port remove lab web")]
    Remove(PortName),
    /// List the ports of a switch, or of all
    #[command(after_help = "Examples:\n  heddle port list\n  heddle port list lab --json")]
    List(OptionalSwitch),
    /// Show one port with its counters
    #[command(after_help = "Examples:\n  heddle port show lab web")]
    Show(PortName),
}

#[derive(Debug, Clone, Args)]
pub(super) struct PortName {
    /// The switch
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: String,
    /// The port
    #[arg(value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(super) port: String,
}

#[derive(Debug, Clone, Args)]
pub(super) struct OptionalSwitch {
    /// The switch [default: all]
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnOff {
    On,
    Off,
}

#[derive(Debug, Clone, Args)]
pub(super) struct PortOptionsArgs {
    #[command(flatten)]
    pub(super) name: PortName,
    /// How frames get in and out: a TAP device Heddle makes, AF_PACKET on an existing device, rings in memory, files
    #[arg(long, value_name = "BACKEND")]
    pub(super) backend: Option<BackendKind>,
    /// The network device: needed for packet, chosen for tap when not given. For memory what is at the other end: sink,
    /// source:PPS:SIZE:FLOWS[:FROM:TO] (numbered UDP frames from station FROM to station TO), loop:NAME (a cable to the
    /// other port with this NAME). For pcap the files, with absolute paths on heddled's host, and how to replay:
    /// in=FILE,out=FILE,pace=file|flat|PPS,loops=N,limit=MIB (loops=0: for ever)
    #[arg(long, value_name = "IFNAME", add = ArgValueCandidates::new(complete::devices))]
    pub(super) device: Option<String>,
    /// The station's MAC address: a static entry, no learning; `none` to learn [default: none]
    #[arg(long, value_name = "MAC")]
    pub(super) mac: Option<String>,
    /// How tags are treated. untagged is VLAN 0: untagged frames only, tagged ones are refused, as in the Hyper-V model.
    /// access is one VLAN whose tag the station never sees. trunk is several VLANs tagged [default: untagged]
    #[arg(long, value_name = "MODE")]
    pub(super) vlan_mode: Option<VlanMode>,
    /// The VLAN of an access port, 1 to 4094
    #[arg(long, value_name = "ID")]
    pub(super) vlan: Option<u32>,
    /// The VLANs of a trunk, for example 1-100,200
    #[arg(long, value_name = "LIST")]
    pub(super) allowed: Option<String>,
    /// The VLAN a trunk carries untagged, 1 to 4094, or 0 for VLAN 0 [default: 0]
    #[arg(long, value_name = "ID")]
    pub(super) native: Option<u32>,
    /// Largest layer-3 payload in bytes, 68 to 65535; longer frames to the port are dropped as frame-too-long. A TAP
    /// device gets it, a packet device is raised to it [default: 1500]
    #[arg(long, value_name = "BYTES")]
    pub(super) mtu: Option<u32>,
    /// Queue pairs, 1 to 64 [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) queues: Option<u32>,
    /// Checksum and segmentation offload [default: on]
    #[arg(long, value_name = "ON|OFF")]
    pub(super) offload: Option<OnOff>,
    /// What the port is for, as extensions see it [default: synthetic]
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<PortKind>,
    /// Whether the port carries traffic; while down, its frames are dropped as source-port-down and frames to it as
    /// port-down [default: up]
    #[arg(long, value_name = "STATE")]
    pub(super) admin: Option<AdminState>,
    /// What becomes of frames from or to the port when an extension fails on them: what the extension declares, they go
    /// on, or they are dropped as extension-panic [default: extension]
    #[arg(long, value_name = "POLICY")]
    pub(super) fail_policy: Option<FailPolicy>,
    /// What is done when the same stations come in by this port and by another: say so, or also block the port for 30
    /// seconds at a time [default: warn]
    #[arg(long, value_name = "ACTION")]
    pub(super) on_loop: Option<LoopAction>,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum ExtensionCommand {
    /// List the extensions enabled on a switch, or all that are installed or enabled anywhere
    #[command(after_help = "Examples:\n  heddle extension list\n  heddle extension list lab")]
    List(OptionalSwitch),
    /// Put an extension into the stack of a switch, without losing a frame
    #[command(after_help = "\
Examples:
  heddle extension enable lab org.heddle.sflow --config collector=192.0.2.1:6343 --config sampling=400
  heddle extension enable lab ./libmirror.so
  heddle extension enable lab ./libmirror.so --isolation process
  heddle extension enable lab ./libmirror.so --debug
  heddle extension enable lab org.heddle.sflow --fail-policy closed")]
    Enable(ExtensionEnableArgs),
    /// Take an extension out of the stack of a switch
    ///
    /// No frame that passes the switch is lost. Frames that the extension holds at that moment are dropped, as
    /// extension-disabled.
    #[command(after_help = "Examples:\n  heddle extension disable lab com.example.tally")]
    Disable(ExtensionName),
    /// Show one extension of a switch with its configuration and counters
    #[command(after_help = "Examples:\n  heddle extension show lab com.example.tally")]
    Show(ExtensionName),
    /// Copy an extension's file into the extension directory of heddled
    ///
    /// The file is checked without running any of its code. An extension whose identifier is installed already is refused:
    /// uninstall it first. Enabled extensions go on with the code they have.
    #[command(after_help = "Examples:\n  heddle extension install ./libmirror.so")]
    Install(extension::InstallArgs),
    /// Remove an extension's file from the extension directory; refused while it is enabled
    #[command(after_help = "Examples:\n  heddle extension uninstall com.example.overlay")]
    Uninstall(extension::UninstallArgs),
    /// Put another file of an extension into the place of the one that runs, under traffic and with its state
    ///
    /// The new file takes up what the running version knows, worker by worker, without losing, doubling or reordering a
    /// frame; whatever it refuses, the running version goes on untouched. Should the new version panic or break rules
    /// within the probation, the former one goes on by itself, with its state at the cut-over; a crash of heddled in that
    /// time brings it back, too. Keep the former file until then, and give the new one a name of its own.
    #[command(after_help = "\
Examples:
  heddle extension upgrade --switch lab com.example.tally ./libtally-2.so
  heddle extension upgrade com.example.tally ./libtally-2.so --probation 300")]
    Upgrade(extension::UpgradeArgs),
    /// Go back to the version that ran before the last upgrade, with its state at that time
    ///
    /// The former version is kept until the next upgrade, until the extension is disabled or taken out, and until heddled
    /// ends.
    #[command(after_help = "Examples:\n  heddle extension rollback --switch lab com.example.tally")]
    Rollback(extension::RollbackArgs),
    /// Put the extensions of a role into a new order, without losing a frame
    ///
    /// The first one sees frames first on ingress and last on egress. Name all enabled extensions of the role. Between
    /// roles the order is fixed: captures, filters, the forwarding extension.
    #[command(after_help = "Examples:\n  heddle extension order --switch lab com.example.tally")]
    Order(extension::OrderArgs),
    /// Show the last lines an extension wrote to the log
    #[command(after_help = "\
Examples:
  heddle extension log --switch lab com.example.tally
  heddle extension log --switch lab com.example.tally --lines 5 --json")]
    Log(extension::LogArgs),
    /// Show what an extension tells of its features: runtime data of a port, or of the switch
    #[command(after_help = "\
Examples:
  heddle extension status --switch lab com.example.tally
  heddle extension status --switch lab com.example.tally --port web --json")]
    Status(policy::StatusArgs),
    /// Show, change and explain the configuration of an extension that runs
    #[command(subcommand)]
    Config(extension::ConfigCommand),
    #[command(flatten)]
    Vendor(vendor::VendorCommand),
}

#[derive(Debug, Clone, Args)]
pub(super) struct ExtensionName {
    /// The switch
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: String,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(super) id: String,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ExtensionEnableArgs {
    /// The switch
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: String,
    /// An identifier `heddle extension list` shows, or the path of a shared library (with a '/' or ending in .so)
    #[arg(value_name = "ID-or-PATH.so", add = ArgValueCandidates::new(complete::installed_extensions))]
    pub(super) extension: String,
    /// A configuration key; may be given several times
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) config: Vec<(String, String)>,
    /// A configuration file in the extension's own format, at most 64 KiB
    #[arg(long = "config-file", value_name = "FILE")]
    pub(super) config_file: Option<PathBuf>,
    /// Where it runs: `none` in the switch process, `process` in one of its own, confined, with copies of frames, `debug`
    /// as --debug [default: none]
    #[arg(long, value_name = "WHERE")]
    pub(super) isolation: Option<Isolation>,
    /// In debug mode: each read or store outside what a call was lent is caught, and named in its log with port, offset and
    /// stack. Each frame is copied twice: not for production
    #[arg(long, conflicts_with = "isolation")]
    pub(super) debug: bool,
    /// With --isolation process: frames go on without it when it has not answered after this many milliseconds
    /// (5 to 1000) [default: 25]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32))]
    pub(super) late_after: Option<u32>,
    /// With --isolation process: it is killed, and started again, when it has not answered after this many milliseconds
    /// (100 to 60000) [default: 1000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32))]
    pub(super) kill_after: Option<u32>,
    /// What becomes of frames while the extension fails, or is taken out after a failure, where their port says nothing:
    /// they pass (open), or they are dropped as extension-panic (closed) [default: open]
    #[arg(long, value_name = "POLICY")]
    pub(super) fail_policy: Option<FailPolicy>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  heddle stats
  heddle stats lab --drops
  heddle stats lab --ports --stages --json")]
pub(super) struct StatsArgs {
    /// The switch [default: all]
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(super) switch: Option<String>,
    /// Drops by reason, and by port
    #[arg(long)]
    pub(super) drops: bool,
    /// Counters of each port
    #[arg(long)]
    pub(super) ports: bool,
    /// Cost of each stage in cycles per packet
    #[arg(long)]
    pub(super) stages: bool,
}
