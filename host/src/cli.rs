//! heddle: one command, one request, one answer.
//!
//! `args` defines the command line, `client` reaches the daemon, `command` turns arguments into requests, `render` turns
//! views into text, `capture` and `pcapng` store frames. Values are validated by the daemon, so a script and a client in
//! another language meet the same rules; only what clap can know (words, numbers, missing options) is refused here, with
//! exit code 2.

mod answers;
mod args;
mod capture;
mod client;
mod command;
mod complete;
mod failure;
mod filter;
mod libpcap;
mod manual;
mod render;
mod top;
mod usage;
mod vendor;

pub use args::Cli;
pub use failure::Failure;
pub use filter::compile as compile_filter;

use clap::{CommandFactory, FromArgMatches};
use client::Reach;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::Instant;

/// Pauses before a busy daemon is asked again: the first, and the longest they grow to.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
const BUSY_PAUSE_MOST: Duration = Duration::from_millis(500);

/// What a command has to say: the same facts for people and for programs.
#[derive(Debug)]
struct Answer {
    text: String,
    json: serde_json::Value,
    /// Why the command ends as a failure all the same, after it has said this.
    failure: Option<Failure>,
}

impl Answer {
    fn new(text: impl Into<String>, facts: &impl serde::Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_value(facts).map_err(|error| Failure::other("write the answer as JSON", &error))?;
        Ok(Self { text: text.into(), json, failure: None })
    }

    /// The same facts, which make the command a failure.
    fn failing(self, failure: Option<Failure>) -> Self {
        Self { failure, ..self }
    }
}

/// The command line with its table of exit codes.
#[must_use]
pub fn command_line() -> clap::Command {
    Cli::command().after_help(failure::exit_code_help())
}

/// Runs the command line of this process and says how to exit.
#[must_use]
pub fn main() -> ExitCode {
    // Ends the process when a shell asks for completions.
    clap_complete::CompleteEnv::with_factory(command_line).complete();
    let cli = match command_line().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout with code 0, everything else to stderr with code 2.
            if error.use_stderr() && usage::wants_json(std::env::args_os()) {
                let _ = writeln!(io::stderr(), "{}", usage::failure(&error).render(true));
            } else {
                let _ = error.print();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.render(cli.json));
            ExitCode::from(failure.class.row().exit)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other("start", &error))?;
    let reach = Reach { socket: cli.socket.clone(), patience: cli.patience() };
    let answer = runtime.block_on(patiently(&reach, cli));
    let answer = answer?;
    print(&answer, cli.json, cli.writes_frames_to_stdout())?;
    answer.failure.map_or(Ok(()), Err)
}

/// The answer; a daemon with too much to do is asked again, as long as an answer may take.
async fn patiently(reach: &Reach, cli: &Cli) -> Result<Answer, Failure> {
    let (end, mut pause) = (Instant::now() + reach.patience, BUSY_PAUSE);
    let mut answer = command::run(reach, &cli.command, cli.json).await;
    while matches!(&answer, Err(failure) if failure.is_occupied()) && Instant::now() + pause < end {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BUSY_PAUSE_MOST);
        // The whole time again for this attempt: it is the last one when it needs it.
        answer = command::run(reach, &cli.command, cli.json).await;
    }
    answer
}

/// Prints an answer; to stderr when stdout carries frames. A reader that went away is no failure.
fn print(answer: &Answer, json: bool, to_stderr: bool) -> Result<(), Failure> {
    let text = if json { format!("{:#}\n", answer.json) } else { answer.text.clone() };
    let written = if to_stderr {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush())
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::other("write the answer", &error)),
        _ => Ok(()),
    }
}
