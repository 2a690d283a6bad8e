//! `heddle-header write|check`: the C header and the golden layout of the extension ABI.
//!
//! `write` refuses a layout that does more than append, or appends without a new minor; `write --break` is for a new
//! major, and for work before 1.0 is tagged.

use std::process::ExitCode;

use anyhow::{Result, bail};
use heddle_header::{golden, golden_path, header_path, render_header};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["write"] => write(false),
        ["write", "--break"] => write(true),
        ["check"] => check(),
        _ => {
            eprintln!("usage: heddle-header write [--break] | check");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("heddle-header: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write(may_break: bool) -> Result<()> {
    let layout = golden::render();
    if let Ok(old) = std::fs::read_to_string(golden_path())
        && !may_break
    {
        golden::check_growth(&old, &layout)?;
    }
    std::fs::write(golden_path(), layout)?;
    std::fs::write(header_path(), render_header()?)?;
    Ok(())
}

fn check() -> Result<()> {
    golden::check_growth(&std::fs::read_to_string(golden_path())?, &golden::render())?;
    if std::fs::read_to_string(header_path())? != render_header()? {
        bail!("{} is not what the ABI says; run `cargo run -p heddle-header -- write`", header_path().display());
    }
    Ok(())
}
