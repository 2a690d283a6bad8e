//! `heddle-conformance`: judges an extension by its binary, on any machine, without a switch, root or this source.
//!
//! `run` gives a verdict anybody can repeat: the cases, each in a process of its own, the seed of all randomness, and the
//! SHA-256 of what was judged. `list` says what is asked and where the rule is written. Exit status: 0 when every case of the
//! level and the levels below it passed, 1 when not, 2 when the command is wrong, the file cannot be read or the report not
//! be written. The same program is the process of an extension under `--isolation process`.

mod board;
mod case;
mod cases;
mod child;
mod frames;
mod guard;
mod proxy;
mod random;
mod report;
mod rig;
mod run;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use case::Level;
use clap::{Parser, Subcommand, ValueEnum};
use rig::Isolation;

/// Judges a Heddle extension by its binary.
#[derive(Parser)]
#[command(name = "heddle-conformance", version, about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the cases on an extension
    ///
    /// Exit status: 0 when every case of the level and those below it passed, 1 when one did not, 2 when there is no verdict:
    /// the command is wrong, the file cannot be read, or the report not be written.
    ///
    /// Examples:
    ///
    /// heddle-conformance run ./libfirewall.so --level robustness --format junit
    ///
    /// heddle-conformance run ./libfirewall.so --isolation process --format json
    ///
    /// heddle-conformance run ./libfirewall.so --reproduce 731004825
    Run(Run),
    /// Lists the cases: level, rule, where it is written, and the extension that breaks it
    List {
        /// Form of the list.
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
    },
}

#[derive(clap::Args)]
struct Run {
    /// The extension: a shared object.
    extension: PathBuf,
    /// Level to be reached; those before it are part of it.
    #[arg(long, value_enum, default_value = "performance")]
    level: Level,
    /// Where the extension runs: in the switch's process, or confined in one of its own.
    #[arg(long, value_enum, default_value = "none")]
    isolation: Isolation,
    /// Form of the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Repeats the run that printed this seed.
    #[arg(long, value_name = "SEED")]
    reproduce: Option<u64>,
    /// A configuration line, KEY=VALUE; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Longest time of a case, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    limit: u64,
    /// Longest time of the whole run, in seconds; cases that are not begun by then are skipped, and it is no pass.
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    whole: u64,
    /// Runs these cases alone; no verdict on a level. May be given more than once, or with commas.
    #[arg(long, value_name = "CASE", value_delimiter = ',')]
    only: Vec<String>,
    /// Has cases that differ only in what is looked for share a process. Faster, for work in progress; no certified run.
    #[arg(long)]
    quick: bool,
    /// Cases that run side by side; as many as there are processors when it is not given.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: Option<u16>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

#[derive(Clone, Copy, ValueEnum)]
enum ListFormat {
    Text,
    Json,
    Markdown,
}

fn main() -> ExitCode {
    if heddle_host::loader::isolation::child::is_one() {
        return child::inside();
    }
    match Arguments::parse().command {
        Command::Run(run) => judge(run),
        Command::List { format } => {
            let written = print(&match format {
                ListFormat::Text => report::list(),
                ListFormat::Json => report::list_json(),
                ListFormat::Markdown => report::list_markdown(),
            });
            if written { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
    }
}

fn judge(run: Run) -> ExitCode {
    if let Some(only) = run.only.iter().find(|only| case::all().all(|case| case.name != **only)) {
        eprintln!("heddle-conformance: there is no case `{only}`; `heddle-conformance list` names them");
        return ExitCode::from(2);
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let request = run::Request {
        path: run.extension,
        level: run.level,
        isolation: run.isolation,
        config: run.config.iter().map(|line| format!("{line}\n")).collect(),
        seed: run.reproduce.unwrap_or_else(fresh_seed),
        limit: Duration::from_secs(run.limit),
        ends: Instant::now() + Duration::from_secs(run.whole),
        whole: Duration::from_secs(run.whole),
        only: run.only,
        quick: run.quick,
        parallel: run.parallel.map_or(processors, usize::from),
    };
    match run::run(&request) {
        Ok(report) => {
            let written = print(&match run.format {
                Format::Text => report::text(&report),
                Format::Json => report::json(&report),
                Format::Junit => report::junit(&report),
            });
            ExitCode::from(match (report.is_pass(), report.is_certified()) {
                _ if !written => 2,
                (true, true) => 0,
                (false, _) => 1,
                (true, false) => UNCERTIFIED,
            })
        }
        Err(error) => {
            eprintln!("heddle-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Status when what was run passed, and something was left out.
const UNCERTIFIED: u8 = 3;

/// A seed that nobody chose; small enough to be typed.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) % 1_000_000_000
}

/// Prints; a reader that has gone is no failure, a disk that is full is one.
fn print(text: &str) -> bool {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => true,
        Err(error) => {
            eprintln!("heddle-conformance: the report could not be written: {error}; direct it elsewhere");
            false
        }
    }
}
