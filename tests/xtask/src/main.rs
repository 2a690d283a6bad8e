//! `cargo xtask VERB`: chores that need more than a shell.
//!
//! `tidy` holds the house rules as code; `make lint` and `make test` run it. Exit status: 0 in order, 1 violations
//! found, 2 the command line was not understood or the tree could not be read.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask VERB

  tidy    check the house rules; one line per violation, `path:line: rule: what to do`
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => tidy_the_checkout(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn tidy_the_checkout() -> ExitCode {
    // This crate lives in tests/xtask, two levels below the top of the checkout.
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match tidy::check(&top) {
        Ok(report) => {
            for violation in &report.violations {
                println!("{violation}");
            }
            println!("tidy: {} files, {} violations", report.files, report.violations.len());
            if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::from(2)
        }
    }
}
