//! An hour in the life of two switches, compressed: 256 ports, three extensions on each switch, mixed traffic, and an
//! operator who changes things and looks at others all the time. Nothing may grow.
//!
//! An hour at 60,000 frames a second is 216 million frames; the memory ports send as fast as the workers take, so this takes
//! minutes. Memory, descriptors and threads of the processes are read all the time; the median of the last quarter may
//! not be above that of the third: memory by half a percent, the rest at all. The conservation law is asked for at rest.
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
    let (mut figures, mut moved) = (Figures::default(), (0, Instant::now()));
    let passed = loop {
        std::thread::sleep(LOOK);
        churn.round()?;
        let passed = lab.frames()?;
        ensure!(moved.0 != passed || moved.1.elapsed() < STANDSTILL, "no frame for {STANDSTILL:?}, after {passed}");
        if moved.0 != passed {
            moved = (passed, Instant::now());
        }
        let (by_frames, by_rounds) = (passed * 1000 / wanted, churn.rounds() * FRAMES / wanted * 1000 / ROUNDS);
        let thousandths = by_frames.min(by_rounds);
        if thousandths >= 1000 {
            break passed;
        }
        figures.take(&lab, thousandths)?;
    };
    println!("soak.frames {passed} frames");
    println!("soak.time {:.0} s", started.elapsed().as_secs_f64());
    println!("soak.changes {} requests", churn.changes());
    println!("soak.looks {} requests", churn.looks());
    let grown = figures.judge()?;
    lab.rest()?;
    grown.iter().for_each(|what| println!("GROWN: {what}"));
    Ok(if grown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
