//! The switch daemon: the engine under the control API, under a supervisor.

use heddle_host::daemon;
use heddle_host::engine::Engine;
use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main(Engine::build)
}
