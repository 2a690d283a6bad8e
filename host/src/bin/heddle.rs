//! The operator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    heddle_host::cli::main()
}
