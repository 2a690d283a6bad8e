//! `heddle top`: what happens now, as rates between two readings of the counters.
//!
//! On a terminal the picture is drawn anew every interval until Ctrl-C; in a pipe the readings follow each other. `--once`
//! and `--json` give one and end. Each reading is a request of its own, so a daemon that is restarted is picked up again: what
//! went wrong meanwhile stands where the rates were. Cost for the daemon: what `heddle stats` costs, once an interval.

mod rates;
mod screen;

pub(super) use rates::SwitchRates;

use super::args::TopArgs;
use super::client::Reach;
use super::{Answer, Failure};
use crate::control::model::StatsView;
use crate::control::wire;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Lines of a terminal that does not say how many it has.
const LINES: u16 = 24;

/// Runs until a signal, or for one reading.
pub(super) async fn run(reach: &Reach, wanted: &TopArgs, json: bool) -> Result<Answer, Failure> {
    let interval = Duration::from_secs_f64(wanted.interval);
    let mut before = read(reach, wanted).await?;
    if wanted.once || json {
        tokio::time::sleep(interval).await;
        let found = between(&before, &read(reach, wanted).await?);
        return Answer::new(screen::text(&found), &found);
    }
    let stopped = |error: io::Error| Failure::other("receive signals", &error);
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt()).map_err(stopped)?,
        terminate: signal(SignalKind::terminate()).map_err(stopped)?,
    };
    let mut display = Display::begin();
    let mut pace = tokio::time::interval(interval);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pace.tick().await;
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            () = signals.any() => break,
        }
        let text = match read(reach, wanted).await {
            Ok(after) => {
                let text = screen::text(&between(&before, &after));
                before = after;
                text
            }
            Err(failure) => format!("{}\n", failure.render(false)),
        };
        if let Err(error) = display.show(&text) {
            if error.kind() == io::ErrorKind::BrokenPipe {
                break;
            }
            return Err(Failure::other("write the rates", &error));
        }
    }
    drop(display);
    Answer::new("", &serde_json::Value::Null)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn read(reach: &Reach, wanted: &TopArgs) -> Result<Vec<StatsView>, Failure> {
    reach
        .within(async {
            let mut client = reach.connect().await?;
            let request = wire::GetStatsRequest { switch: wanted.switch.clone() };
            let stats = client.get_stats(request).await?.into_inner().stats;
            stats.into_iter().map(|one| StatsView::try_from(one).map_err(Failure::from)).collect()
        })
        .await
}

fn between(before: &[StatsView], after: &[StatsView]) -> Vec<SwitchRates> {
    let one = |now: &StatsView| {
        let then = before.iter().find(|then| then.switch.name == now.switch.name)?;
        rates::rates(then, now)
    };
    after.iter().filter_map(one).collect()
}

/// Where readings go: a terminal that is given back as it was, or a pipe.
struct Display {
    terminal: bool,
}

impl Display {
    fn begin() -> Self {
        let terminal = io::stdout().is_terminal();
        if terminal {
            // The other screen, without a cursor; a terminal that is gone shows itself at the first picture.
            let _ = io::stdout().write_all(b"\x1b[?1049h\x1b[?25l");
        }
        Self { terminal }
    }

    fn show(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.terminal {
            let lines = terminal_size::terminal_size().map_or(LINES, |(_, height)| height.0);
            out.write_all(screen::picture(text, lines.into()).as_bytes())?;
        } else {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if self.terminal {
            let _ = io::stdout().write_all(b"\x1b[?25h\x1b[?1049l");
            let _ = io::stdout().flush();
        }
    }
}
