//! The operator's surface from outside: the real `heddle` binary against a heddled on a UNIX socket.
//!
//! In most tests heddled is this test program started again (`daemon_process` below) with a plane that only keeps books, so
//! that every answer and every error can be provoked. `whole` runs the real binary with the real data plane.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod book;
mod capture;
mod commands;
mod configuration;
mod debug;
mod errors;
mod examples;
mod extensions;
mod filter;
mod manual;
mod metrics;
mod only_switch;
mod patience;
mod permissions;
mod plane;
mod policies;
mod process;
mod schema;
mod supervision;
mod systemd;
mod top;
mod trust;
mod upgrade;
mod upkeep;
mod vendor;
mod whole;

use heddle_host::daemon::{self, DaemonArgs};

/// Not a test: heddled itself, when the environment carries its arguments.
#[test]
fn daemon_process() {
    let Ok(arguments) = std::env::var(process::ARGUMENTS) else { return };
    let arguments = std::iter::once("heddled").chain(arguments.split('\n'));
    let args = <DaemonArgs as clap::Parser>::try_parse_from(arguments).expect("arguments of heddled");
    let code = match daemon::run(&args, plane::build) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("heddled: {error}");
            error.class().row().exit
        }
    };
    #[expect(clippy::exit, reason = "this process is heddled, not a test")]
    std::process::exit(code.into());
}
