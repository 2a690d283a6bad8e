//! Arguments of the commands that look after extensions: install, uninstall, order, log.

use clap::Args;
use std::path::PathBuf;

/// Which extension of which switch.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct OnSwitch {
    /// The switch [default: the only one there is]
    #[arg(long, value_name = "SWITCH")]
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
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: String,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct OrderArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extensions of a role, nearest to the ports first
    #[arg(value_name = "ID", required = true)]
    pub(in crate::cli) ids: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: String,
    /// The newest lines, at most this many [default: all that are kept, at most 256]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) lines: Option<u32>,
}
