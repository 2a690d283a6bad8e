//! An hour in the life of two switches, compressed: 256 ports, three extensions on each switch, mixed traffic, and an
//! operator who changes things and looks at others all the time. Nothing may grow.
//!
//! An hour at 60,000 frames a second is 216 million frames; the memory ports send as fast as the workers take, so this takes
//! minutes. The figures of the processes are read from /proc when half of it has passed (by then every packet buffer and
//! page of the store has been touched) and at the end: resident memory may grow by 1 %, descriptors and threads by none.
//! The conservation law is asked for at rest.
//!
//! `heddle-soak [--frames N]`; exit code 1 when something grew. The binaries are those beside this one.

mod churn;
mod figures;
mod lab;

use anyhow::{Context, Result, bail, ensure};
use churn::Churn;
use figures::Figures;
use lab::Lab;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// An hour at 60,000 frames a second.
const FRAMES: u64 = 216_000_000;
/// Rounds of the operator: one for every twelve seconds of the hour.
const ROUNDS: u64 = 300;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// No frame taken in for this long: the switches stand.
const STANDSTILL: Duration = Duration::from_secs(10);
/// What resident memory may grow, in percent.
const GROWTH: u64 = 1;

fn frames() -> Result<u64> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [] => Ok(FRAMES),
        [option, number] if option == "--frames" => number.parse().with_context(|| format!("--frames {number}")),
        _ => bail!("there is only --frames N"),
    }
}

fn main() -> Result<ExitCode> {
    let wanted = frames()?.max(1);
    let lab = Lab::start()?;
    lab.furnish()?;
    let mut churn = Churn::new(&lab);
    let started = Instant::now();
    let (mut before, mut moved) = (None, (0, Instant::now()));
    loop {
        std::thread::sleep(LOOK);
        churn.round()?;
        let passed = lab.frames()?;
        ensure!(moved.0 != passed || moved.1.elapsed() < STANDSTILL, "no frame for {STANDSTILL:?}, after {passed}");
        if moved.0 != passed {
            moved = (passed, Instant::now());
        }
        let rounds = churn.rounds() * FRAMES / wanted;
        if before.is_none() && passed >= wanted / 2 && rounds >= ROUNDS / 2 {
            before = Some(Figures::of(&lab)?);
        }
        if passed >= wanted && rounds >= ROUNDS {
            break;
        }
    }
    let (before, after) = (before.context("no look half-way: give more --frames")?, Figures::of(&lab)?);
    let passed = lab.frames()?;
    println!("soak.frames {passed} frames");
    println!("soak.time {:.0} s", started.elapsed().as_secs_f64());
    println!("soak.changes {} requests", churn.changes());
    println!("soak.looks {} requests", churn.looks());
    before.print("half");
    after.print("end");
    lab.rest()?;
    let grown = after.grown_over(&before, GROWTH);
    grown.iter().for_each(|what| println!("GROWN: {what}"));
    Ok(if grown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
