//! The daemon: supervisor and switch process in one binary.

use std::process::ExitCode;

use clap::Parser;
use heddle_host::daemon::{self, DaemonArgs};
use heddle_host::engine::Engine;

fn main() -> ExitCode {
    let args = DaemonArgs::parse();
    match daemon::run(&args, Engine::build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("heddled: {error}");
            ExitCode::from(error.class().row().exit)
        }
    }
}
