//! Level performance: a floor that every extension can pass on any machine, and no measurement.
//!
//! Times are the shortest of many, in processor time where another program may not count; the limits are far above what
//! an honest extension takes.

use std::time::Instant;

use heddle_host::offline::InFrame;

use super::process;
use crate::case::{ALL, CFW, Case, Level, Verdict, case};
use crate::frames::{Kind, frame};
use crate::rig::{MS, Rig, Subject};

const L: Level = Level::Performance;

/// Longest time for a packet on both legs, the switch included, in nanoseconds.
const PACKET_NS: u64 = 20_000;
/// Longest time a batch may wait, in nanoseconds.
const WAIT_NS: u64 = 8_000_000;
/// Longest time of a periodic control call, in nanoseconds.
const TICK_NS: u64 = 20_000_000;
/// Bytes that may stay of a frame.
const STAYS: usize = 8;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "packets-cost-little"),
        CFW,
        "performance floor",
        "A packet takes less than 20 us on both legs together.",
        cost,
    )
    .beside(),
    case(
        (L, "calls-do-not-wait"),
        CFW,
        "heddle_host_t, thread labels: worker",
        "A data-path call does not wait for anything.",
        waiting,
    )
    .beside(),
    case((L, "ticks-are-short"), ALL, "heddle_tick_fn", "A periodic control call takes less than 20 ms.", ticks)
        .beside(),
    case((L, "frames-leave-no-memory"), CFW, "heddle_batch_fn", "Traffic does not make it grow.", grows).beside(),
];

/// A rig whose extension is called directly.
fn direct(subject: &Subject) -> Result<Rig, String> {
    let mut rig = Rig::without(subject, 2, 1)?;
    rig.call_directly(subject);
    rig.enable(subject).map_err(|error| error.to_string())?;
    Ok(rig)
}

fn frames() -> Vec<InFrame> {
    let one = |number| InFrame { bytes: frame(Kind::Udp4, (2, 1), 128, 1, number), ..InFrame::default() };
    (0..64).map(one).collect()
}

fn cost(subject: &Subject) -> Verdict {
    let mut rig = direct(subject)?;
    let (frames, port) = (frames(), rig.ports[0]);
    let mut least = u64::MAX;
    for _ in 0..60 {
        rig.wait(MS);
        let (now, before) = (rig.now, process::thread_cpu_ns());
        rig.switch.feed(now, 0, port, &frames);
        least = least.min(process::thread_cpu_ns() - before);
        rig.switch.tick(now);
    }
    let each = least / frames.len() as u64;
    if each > PACKET_NS {
        return Err(format!("{each} ns for a packet, at most {PACKET_NS}"));
    }
    // What it measured is not in the report: two runs of a seed are to be the same.
    Ok(String::new())
}

fn waiting(subject: &Subject) -> Verdict {
    let mut rig = direct(subject)?;
    // A kind of frame that is often handed to slower hands: the link-layer discovery of neighbours.
    let mut odd = frame(Kind::Other, (2, 1), 100, 1, 1);
    odd[12..14].copy_from_slice(&[0x88, 0xcc]);
    let (odd, port) = ([InFrame { bytes: odd, ..InFrame::default() }], rig.ports[0]);
    let mut least = u64::MAX;
    for _ in 0..12 {
        rig.wait(MS);
        let (now, began, before) = (rig.now, Instant::now(), process::thread_cpu_ns());
        rig.switch.feed(now, 0, port, &odd);
        let whole = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        least = least.min(whole.saturating_sub(process::thread_cpu_ns() - before));
    }
    if least > WAIT_NS {
        return Err(format!("each of 12 calls waited for at least {} ms", least / 1_000_000));
    }
    Ok(String::new())
}

fn ticks(subject: &Subject) -> Verdict {
    let mut rig = direct(subject)?;
    let (now, port) = (rig.now, rig.ports[0]);
    rig.switch.feed(now, 0, port, &frames());
    let mut least = u64::MAX;
    for second in 2..10 {
        let (now, began) = (second * 1_000 * MS, Instant::now());
        if let Some(one) = rig.switch.extension(rig.extension) {
            one.instance().tick(now);
        }
        least = least.min(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    if least > TICK_NS {
        return Err(format!("every tick took at least {} ms", least / 1_000_000));
    }
    Ok(String::new())
}

fn grows(subject: &Subject) -> Verdict {
    let mut rig = direct(subject)?;
    let (frames, port) = (frames(), rig.ports[0]);
    let mut run = |times: usize| {
        for _ in 0..times {
            rig.now += MS;
            rig.switch.feed(rig.now, 0, port, &frames);
            rig.switch.tick(rig.now);
        }
    };
    run(60);
    let before = process::heap();
    run(60);
    let each = process::heap_since(before, 60 * frames.len(), STAYS);
    if each > STAYS {
        return Err(format!("{each} bytes stay of each frame"));
    }
    Ok(String::new())
}
