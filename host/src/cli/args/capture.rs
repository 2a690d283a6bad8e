//! `heddle capture`.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  heddle capture --port web -w web.pcapng --count 2
  heddle capture --switch lab --port web -w - --seconds 1 | tshark -r -
  heddle capture --port web -w arp.pcapng --seconds 1 arp or icmp
  heddle capture --port web -w lost.pcapng --seconds 1 --drops")]
pub(in crate::cli) struct CaptureArgs {
    /// The switch [default: the only one]
    #[arg(long, value_name = "SWITCH", add = ArgValueCandidates::new(complete::switches))]
    pub(in crate::cli) switch: Option<String>,
    /// The port
    #[arg(long, value_name = "PORT", add = ArgValueCandidates::new(complete::ports))]
    pub(in crate::cli) port: String,
    /// The pcapng file to write; - is stdout
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    /// End after this many frames
    #[arg(long, value_name = "N")]
    pub(in crate::cli) count: Option<u64>,
    /// End after this many seconds
    #[arg(long, value_name = "S")]
    pub(in crate::cli) seconds: Option<u32>,
    /// Bytes to keep of each frame, 1 to 262144 [default: all]
    #[arg(long, value_name = "BYTES")]
    pub(in crate::cli) snaplen: Option<u32>,
    /// Also frames from or for the port that the switch dropped: each once more with its reason as a comment, first 128 bytes
    #[arg(long)]
    pub(in crate::cli) drops: bool,
    /// Only frames that match, in pcap filter syntax (man 7 pcap-filter); tested before a frame is copied. As with tcpdump, a
    /// frame with a tag is matched by `vlan and ...` only
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub(in crate::cli) filter: Vec<String>,
}
