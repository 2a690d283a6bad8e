//! Arguments of the commands about policies: features, list, add, set, remove; the status of an extension; checking a port.

use super::extension::OnSwitch;
use super::{PortOptionsArgs, key_value};
use crate::cli::complete;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// List the features that can be put on a switch and its ports, with their fields: type, unit, default, values
    ///
    /// Extensions publish features. Standard ones, which begin with `heddle.`, are the switch's own; the forwarding
    /// extension enforces them, and without one that does they are refused.
    #[command(after_help = "\
Examples:
  heddle policy features --switch lab
  heddle policy features --switch lab com.example.tally.limit")]
    Features(FeaturesArgs),
    /// List the policies on a switch and its ports
    #[command(
        after_help = "Examples:\n  heddle policy list --switch lab\n  heddle policy list --switch lab --port web --json"
    )]
    List(PolicyListArgs),
    /// Put a policy on a port, or on the switch; every extension concerned may refuse it
    #[command(after_help = "\
Examples:
  heddle policy add --switch lab --port web com.example.tally.limit rate=100")]
    Add(PolicyAddArgs),
    /// Change fields of a policy that is there
    #[command(after_help = "\
Examples:
  heddle policy set --switch lab --port web com.example.tally.limit rate=200
  heddle policy set --switch lab --port web com.example.tally.limit --unset rate")]
    Set(PolicySetArgs),
    /// Take a policy away
    #[command(after_help = "Examples:\n  heddle policy remove --switch lab --port web com.example.tally.limit")]
    Remove(PolicyName),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct FeaturesArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// One feature [default: all]
    #[arg(value_name = "FEATURE")]
    pub(in crate::cli) feature: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PolicyListArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// Only those on this port
    #[arg(long, value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(in crate::cli) port: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PolicyName {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The port [default: the switch itself]
    #[arg(long, value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(in crate::cli) port: Option<String>,
    /// The feature's identifier
    #[arg(value_name = "FEATURE")]
    pub(in crate::cli) feature: String,
    /// Name of the instance, for a feature that allows several [default: default]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) instance: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PolicyAddArgs {
    #[command(flatten)]
    pub(in crate::cli) which: PolicyName,
    /// Fields; what is not given has its default
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    pub(in crate::cli) values: Vec<(String, String)>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PolicySetArgs {
    #[command(flatten)]
    pub(in crate::cli) which: PolicyName,
    /// Fields to change
    #[arg(value_name = "KEY=VALUE", value_parser = key_value, required_unless_present = "unset")]
    pub(in crate::cli) values: Vec<(String, String)>,
    /// A field that goes back to its default; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) unset: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    pub(in crate::cli) on: OnSwitch,
    /// The extension's identifier
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::enabled_extensions))]
    pub(in crate::cli) id: String,
    /// What it tells of this port [default: of the switch]
    #[arg(long, value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(in crate::cli) port: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PortCheckArgs {
    #[command(flatten)]
    pub(in crate::cli) options: PortOptionsArgs,
    /// A policy it is to have: `FEATURE` or `FEATURE:KEY=VALUE,KEY=VALUE`; may be given several times
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    pub(in crate::cli) policy: Vec<Wanted>,
}

/// A policy written in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Wanted {
    pub(in crate::cli) feature: String,
    pub(in crate::cli) values: Vec<(String, String)>,
}

fn policy(text: &str) -> Result<Wanted, String> {
    let (feature, values) = text.split_once(':').unwrap_or((text, ""));
    let values = values.split(',').filter(|pair| !pair.is_empty()).map(key_value).collect::<Result<_, _>>()?;
    Ok(Wanted { feature: feature.to_owned(), values })
}
