//! Arguments of the commands for vendors: new, inspect, try, keygen, sign, verify. None of them talks to a daemon.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum VendorCommand {
    /// Show what a file says about itself, without running any of its code
    ///
    /// Metadata, role, capabilities, ABI, whether its layout fits this heddle, compiler, SHA-256, signature and conformance
    /// report. A file that heddled would refuse is refused here with the same words.
    #[command(
        after_help = "Examples:\n  heddle extension inspect ./libmirror.so\n  heddle extension inspect ./libmirror.so --json"
    )]
    Inspect(InspectArgs),
    /// Make the project of a new extension: it builds, tests itself and passes conformance as it is
    ///
    /// In Rust the crates it is built with are put into its folder `vendor`, in C the headers into `include`: nothing else of
    /// Heddle has to be there.
    #[command(after_help = "\
Examples:
  heddle extension new firewall --role filter
  heddle extension new mirror --role capture --lang c --build cmake --vendor Acme --id com.acme.mirror")]
    New(NewArgs),
    /// Run an extension on a capture file: no daemon, no rights, no devices
    ///
    /// The frames of the file come in by the ports in turn, a new one for each source address; what became of each is shown:
    /// the ports it was delivered to, changed bytes, the reason it was dropped for, or that it is held. Time is that of
    /// the file.
    #[command(after_help = "\
Examples:
  heddle extension try ./libmirror.so --pcap in.pcap
  heddle extension try ./libmirror.so --pcap in.pcap -w out.pcapng --ports 3 --json
  heddle extension try ./libmirror.so --pcap in.pcap --debug")]
    Try(TryArgs),
    /// Make a pair of keys to sign extensions with
    ///
    /// NAME.key is the secret half and stays with you, NAME.pub the public one. Operators who trust you put the word that is
    /// printed into `trusted_keys` of their policy.
    #[command(after_help = "Examples:\n  heddle extension keygen --out acme")]
    Keygen(KeygenArgs),
    /// Sign a file: writes FILE.so.sig beside it
    #[command(after_help = "Examples:\n  heddle extension sign ./libmirror.so --key vendor.key")]
    Sign(SignArgs),
    /// Check the signature beside a file, and with --key that it is of this key
    #[command(after_help = "\
Examples:
  heddle extension verify ./libsigned.so
  heddle extension verify ./libsigned.so --key vendor.pub")]
    Verify(VerifyArgs),
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct InspectArgs {
    /// The shared library
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum NewRole {
    Capture,
    Filter,
    Forwarding,
    Service,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Language {
    Rust,
    C,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum BuildTool {
    Make,
    Cmake,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct NewArgs {
    /// Its name: a-z, 0-9 and -, a letter first, at most 40 characters
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: String,
    /// What it does in the switch
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: NewRole,
    /// The language
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    pub(in crate::cli) lang: Language,
    /// What builds it; for C only
    #[arg(long, value_name = "TOOL", default_value = "make")]
    pub(in crate::cli) build: BuildTool,
    /// The folder to make [default: NAME]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) dir: Option<PathBuf>,
    /// Its identifier, a reverse URI that never changes [default: com.example.NAME]
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) id: Option<String>,
    /// Who makes it
    #[arg(long, value_name = "TEXT", default_value = "Example Org")]
    pub(in crate::cli) vendor: String,
    /// Refer to the crates in this folder instead of copying them into the project; for Rust only
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) api: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct TryArgs {
    /// The shared library
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
    /// The frames: a pcap or pcapng file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) pcap: PathBuf,
    /// Write what was delivered, and what was dropped with the reason as a comment, as a pcapng file
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub(in crate::cli) write: Option<PathBuf>,
    /// A configuration key; may be given several times
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = super::key_value)]
    pub(in crate::cli) config: Vec<(String, String)>,
    /// Catch each read or store outside what a call was lent, and name it with port, offset and stack; the exit status is
    /// 9 when there was one
    #[arg(long)]
    pub(in crate::cli) debug: bool,
    /// Ports of the switch, 2 to 64
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(2..=64))]
    pub(in crate::cli) ports: u32,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct KeygenArgs {
    /// Name of the two files, without .key and .pub
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) out: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SignArgs {
    /// The shared library
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
    /// The secret key, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The shared library
    #[arg(value_name = "FILE.so")]
    pub(in crate::cli) file: PathBuf,
    /// The public key it must be signed with: a PEM file, or the word that keygen printed
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) key: Option<String>,
}
