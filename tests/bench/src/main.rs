//! What forwarding costs: TSC cycles per packet in memory, the source's own cost measured and subtracted.
//!
//! Prints `name value unit` lines and writes `target/bench/results.json`. Scenarios are interleaved: each gets a run in
//! turn, so that a slow minute of the machine hits all of them. `--only TEXT` runs the scenarios whose name contains
//! TEXT, `--runs N` sets the number of runs. See the README beside this for what the names mean.

mod allocations;
mod bridge;
mod clock;
mod isolated;
mod passing;
mod report;
mod scenario;
mod traffic;

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use passing::Extensions;
use report::Figure;
use scenario::{Learning, Scenario};

const RUNS: usize = 15;

struct Args {
    only: String,
    runs: usize,
}

fn args() -> Result<Args> {
    let mut args = Args { only: String::new(), runs: RUNS };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--only" => args.only = value,
            "--runs" => args.runs = value.parse().with_context(|| format!("--runs {value}: not a number"))?,
            _ => bail!("unknown option {word}; there are --only TEXT and --runs N"),
        }
    }
    ensure!(args.runs >= 1, "--runs must be at least 1");
    Ok(args)
}

fn main() -> Result<()> {
    if heddle_host::loader::isolation::child::is_one() {
        // The child says by itself how it ended.
        let _ = heddle_host::loader::isolation::child::main();
        return Ok(());
    }
    let args = args()?;
    let mut isolated = if "isolation.64".contains(&args.only) || args.only.starts_with("isolation") {
        Some(isolated::Isolated::new(&scenario::plain(60, 1_024))?)
    } else {
        None
    };
    let core = clock::pin();
    let per_second = clock::ticks_per_second();
    let mut figures = vec![
        Figure::of("preflight.tsc", "MHz", &[per_second / 1e6]),
        Figure::of("preflight.core-cycle", "cycles", &[clock::core_cycle()]),
        Figure::of("preflight.core", "number", &[core.map_or(-1.0, |core| clock::exact(core as u64))]),
        Figure::of("preflight.load1", "processes", &[load1()]),
    ];
    figures.iter().for_each(|figure| println!("{}", figure.line()));

    let extensions = Extensions::load()?;
    let mut scenarios = scenario::all(&args.only, &extensions)?;
    let mut learning = if "learn.65536".contains(&args.only) { Some(Learning::new(&extensions)?) } else { None };
    let started = Instant::now();
    // The bridges' clocks started at one second.
    let now_ns = || u64::try_from(started.elapsed().as_nanos()).unwrap_or(0).saturating_add(2_000_000_000);
    let mut core_cycles = Vec::new();
    for _ in 0..args.runs {
        core_cycles.push(clock::core_cycle());
        for scenario in &mut scenarios {
            scenario.run(now_ns())?;
        }
        if let Some(learning) = &mut learning {
            learning.run(now_ns())?;
        }
        if let Some(isolated) = &mut isolated {
            isolated.run(now_ns)?;
        }
    }
    let mut measured = figures_of(&scenarios, learning.as_ref(), per_second, &core_cycles);
    measured.extend(isolated.iter().flat_map(isolated::Isolated::figures));
    measured.iter().for_each(|figure| println!("{}", figure.line()));
    figures.extend(measured);
    report::write(&figures)?;
    let allocating: Vec<&str> =
        scenarios.iter().filter(|scenario| scenario.allocations > 0).map(|scenario| scenario.name.as_str()).collect();
    ensure!(allocating.is_empty(), "forwarding allocates memory in {}", allocating.join(", "));
    Ok(())
}

fn figures_of(
    scenarios: &[Scenario],
    learning: Option<&Learning>,
    per_second: f64,
    core_cycles: &[f64],
) -> Vec<Figure> {
    let mut figures = vec![Figure::of("during.core-cycle", "cycles", core_cycles)];
    for (name, of) in [
        ("source.64", "forward.64.m1024.x0"),
        ("source.64.m65536", "forward.64.m65536.x0"),
        ("source.1500", "forward.1500.m1024.x0"),
    ] {
        if let Some(scenario) = scenarios.iter().find(|scenario| scenario.name == of) {
            figures.push(Figure::of(name, "cycles", &scenario.source));
        }
    }
    for scenario in scenarios {
        figures.push(Figure::of(&scenario.name, "cycles", &scenario.switching));
    }
    figures.extend(sampling_cost(scenarios));
    if let Some(learning) = learning {
        let runs: Vec<f64> = learning.runs.iter().map(|ticks| ticks / per_second * 1e3).collect();
        figures.push(Figure::of("learn.65536", "ms", &runs));
    }
    let allocations: u64 = scenarios.iter().map(|scenario| scenario.allocations).sum();
    let packets: u64 = scenarios.iter().map(|scenario| scenario.packets).sum();
    if packets > 0 {
        let each = clock::exact(allocations) / clock::exact(packets);
        figures.push(Figure::of("forward.allocations", "per-packet", &[each]));
    }
    figures
}

/// What sampling adds to a frame, each run beside the run without it.
fn sampling_cost(scenarios: &[Scenario]) -> Option<Figure> {
    let runs = |name: &str| Some(&scenarios.iter().find(|scenario| scenario.name == name)?.switching);
    let (off, on) = (runs("sflow.off.x0")?, runs("sflow.256.x1")?);
    let added: Vec<f64> = on.iter().zip(off).map(|(on, off)| on - off).collect();
    Some(Figure::of("sflow.256.added", "cycles", &added))
}

/// The kernel's one-minute load average.
fn load1() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}
