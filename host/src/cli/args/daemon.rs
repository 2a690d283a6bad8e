//! `heddle daemon` and `heddle log`.

use crate::cli::complete;
use crate::control::model::LogLevel;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum DaemonCommand {
    /// Version, processes, restarts, memory, buffers and workers of heddled
    #[command(after_help = "Examples:\n  heddle daemon status\n  heddle daemon status --json")]
    Status,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum LogCommand {
    /// How much is logged, while heddled runs
    #[command(subcommand)]
    Level(LogLevelCommand),
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum LogLevelCommand {
    /// Show the general level and those of single parts
    #[command(after_help = "Examples:\n  heddle log level show")]
    Show,
    /// Log more or less from now on, until heddled ends; the supervisor keeps its level
    #[command(after_help = "\
Examples:
  heddle log level set debug
  heddle log level set trace --target loader
  heddle log level set warn --target engine::live")]
    Set(LogSetArgs),
    /// Go back to what heddled was started with, or let a part follow the general level again
    #[command(after_help = "Examples:\n  heddle log level reset\n  heddle log level reset --target loader")]
    Reset(LogResetArgs),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogSetArgs {
    /// What failed; and what looks wrong; and what was changed; and why; and each step
    #[arg(value_name = "LEVEL")]
    pub(in crate::cli) level: LogLevel,
    #[command(flatten)]
    pub(in crate::cli) target: LogTargetArg,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogResetArgs {
    #[command(flatten)]
    pub(in crate::cli) target: LogTargetArg,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogTargetArg {
    /// One part only: arena, control, daemon, engine, loader, ports, or a module in it [default: all of heddled]
    #[arg(long, value_name = "TARGET", add = ArgValueCandidates::new(complete::log_targets))]
    pub(in crate::cli) target: Option<String>,
}
