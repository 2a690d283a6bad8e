//! The switch daemon: the engine under the control API, under a supervisor.

use heddle_host::daemon;
use heddle_host::engine::Engine;
use heddle_host::loader::isolation::child;
use std::process::ExitCode;

fn main() -> ExitCode {
    if child::is_one() {
        return child::main();
    }
    daemon::main(Engine::build)
}
