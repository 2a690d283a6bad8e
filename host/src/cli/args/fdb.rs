//! `heddle fdb`.

use super::OnlySwitch;
use crate::cli::complete;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum FdbCommand {
    /// Show the filtering database of a switch
    #[command(after_help = "Examples:\n  heddle fdb show lab\n  heddle fdb show --json")]
    Show(OnlySwitch),
    /// Forget learned addresses of a switch; static entries stay, and nobody is held up meanwhile
    #[command(after_help = "\
Examples:
  heddle fdb flush
  heddle fdb flush lab --port web
  heddle fdb flush lab --vlan 20")]
    Flush(FdbFlushArgs),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct FdbFlushArgs {
    #[command(flatten)]
    pub(in crate::cli) switch: OnlySwitch,
    /// Only what was learned on this port
    #[arg(long, value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(in crate::cli) port: Option<String>,
    /// Only what was learned in this VLAN, 1 to 4094, or 0 for untagged ports
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) vlan: Option<u32>,
}
