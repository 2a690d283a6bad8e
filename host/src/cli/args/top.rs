//! `heddle top`.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Rates come from two readings of the counters and the daemon's own clock. Ctrl-C ends.

Examples:
  heddle top --once
  heddle top lab --once --interval 0.2
  heddle top --json --interval 0.5")]
pub(in crate::cli) struct TopArgs {
    /// The switch [default: all]
    #[arg(value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(in crate::cli) switch: Option<String>,
    /// Time between two readings, 0.1 to 60 seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub(in crate::cli) interval: f64,
    /// Show one reading and end, as --json does
    #[arg(long)]
    pub(in crate::cli) once: bool,
}

fn interval(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds, 0.1 to 60".to_owned())?;
    if (0.1..=60.0).contains(&seconds) { Ok(seconds) } else { Err("give 0.1 to 60 seconds".to_owned()) }
}
