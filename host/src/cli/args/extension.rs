//! Arguments of the commands that look after extensions: install, uninstall, order, log, config, quarantine.

use crate::cli::complete;
use crate::control::model::FailPolicy;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// Which extension of which switch.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct OnSwitch {
    /// The switch [default: the only one there is]
    #[arg(long, value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(in crate::cli) switch: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct InstallArgs {
    /// The shared library, on the host heddled runs on
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct UninstallArgs {
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::installed_extensions))]
    pub(in crate::cli) id: String,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct UpgradeArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) id: String,
    /// The new file, on the host heddled runs on
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
    /// How long the former version is gone back to by itself, 0 to 3600 [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) probation: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct RollbackArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) id: String,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct OrderArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extensions of a role, nearest to the ports first
    #[arg(value_name = "ID", required = true, add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) ids: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) id: String,
    /// The newest lines, at most this many [default: all that are kept, at most 256]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) lines: Option<u32>,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum QuarantineCommand {
    /// List the extensions in quarantine on a switch, or on all
    ///
    /// An extension that panics is taken out and started again after a second. After 3 panics within 60 s, or more than
    /// 1000 violations of its role's rules, it is quarantined on that switch: it does not run there, also not after a
    /// restart of heddled or the host, until it is cleared. One that crashes or does not come back is at once.
    #[command(after_help = "Examples:\n  heddle quarantine list\n  heddle quarantine list lab --json")]
    List(super::OptionalSwitch),
    /// Let an extension run again; it is started when it is enabled
    #[command(after_help = "Examples:\n  heddle quarantine clear --switch lab com.example.tally")]
    Clear(QuarantineClearArgs),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct QuarantineClearArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) id: String,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Show the configuration in effect
    #[command(after_help = "Examples:\n  heddle extension config show --switch lab com.example.tally")]
    Show(ConfigArgs),
    /// Change keys, or the fail policy, while the extension runs: all that are given, or none
    #[command(after_help = "\
Examples:
  heddle extension config set --switch lab com.example.tally window=20
  heddle extension config set --switch lab com.example.tally --unset window
  heddle extension config set --switch lab com.example.tally --fail-policy closed")]
    Set(ConfigSetArgs),
    /// Explain the keys an extension publishes: type, unit, default, what can change while it runs
    #[command(after_help = "Examples:\n  heddle extension config schema --switch lab com.example.tally")]
    Schema(ConfigArgs),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ConfigArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: String,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ConfigSetArgs {
    #[command(flatten)]
    pub(in crate::cli) which: ConfigArgs,
    /// Keys to set
    #[arg(value_name = "KEY=VALUE", required_unless_present_any = ["unset", "fail_policy"])]
    pub(in crate::cli) set: Vec<String>,
    /// A key that goes back to its default; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) unset: Vec<String>,
    /// What becomes of frames while the extension fails, or is taken out after a failure, where their port says nothing:
    /// they pass (open), or they are dropped (closed); `heddle extension show` has it
    #[arg(long, value_name = "POLICY")]
    pub(in crate::cli) fail_policy: Option<FailPolicy>,
}
