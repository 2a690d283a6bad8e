//! Carrying over between two processes: both versions run in children of their own.
//!
//! Pieces go from one child's worker thread to the other's over their sockets; the switch's workers take no part. For the
//! exchange the traffic with the old child stops ([`Guest::park`]): new frames wait in the switch, in order, everything that
//! was sent comes back, what changed since is carried, and the new context sends on what waits. At most [`STOP_MAX`], and
//! no more than [`WAITING_MAX`] frames a worker: beyond that the old version goes on with them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_switch_core::exchange::Piece;
use heddle_switch_core::held::HELD_MAX;
use heddle_switch_core::stage::Stage;

use super::{Bulk, Figures, LiveSwitch, Ready, State};
use crate::engine::carry::SavedPiece;
use crate::loader::isolation::Guest;
use crate::loader::state::WORKER_STATE_MAX;

/// Room for a piece: its child writes it between two jobs, in some hundred microseconds.
const ROOM: usize = 64 << 10;
/// Longest time the traffic with a child stops.
const STOP_MAX: Duration = Duration::from_millis(200);
/// Frames of one worker that wait meanwhile, at most.
const WAITING_MAX: usize = HELD_MAX / 4 * 3;
/// How often it is looked at whether everything is back.
const LOOK: Duration = Duration::from_micros(100);

/// How often it is tried to stop the traffic.
const TRIES: usize = 5;

/// Why the traffic with a child was not stopped.
enum NotStopped {
    /// It took too long: another time it may not.
    Late(String),
    /// It cannot be.
    Refused(String),
}

impl From<String> for NotStopped {
    fn from(reason: String) -> NotStopped {
        NotStopped::Refused(reason)
    }
}

/// Traffic with a child that has stopped; it goes on with the end of this value.
pub(super) struct Stopped<'a> {
    guest: &'a Guest,
    since: Instant,
}

impl Stopped<'_> {
    /// How long it has stood still.
    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Why it cannot stand still any longer.
    fn limit(&self) -> Result<(), NotStopped> {
        if let Some(why) = self.guest.failure() {
            return Err(NotStopped::Refused(why));
        }
        let late = if self.since.elapsed() > STOP_MAX {
            format!("what was under way did not come to an end within {} ms", STOP_MAX.as_millis())
        } else if self.guest.waiting() > WAITING_MAX {
            format!("more than {WAITING_MAX} frames wait on a worker")
        } else {
            return Ok(());
        };
        Err(NotStopped::Late(format!("{late}; try again with less traffic")))
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.guest.park(false);
    }
}

/// Has the newcomer's context of a worker take up what there is.
pub(super) fn bulk(
    (old, worker): (&Guest, usize),
    mut context: Box<dyn Stage>,
    version: Option<u32>,
    figures: &mut Figures,
) -> Result<Ready, String> {
    let Some(version) = version else { return Ok(Ready { context, index: 0, pace: 0 }) };
    let worker = u16::try_from(worker).unwrap_or(u16::MAX);
    let mut bulk = Bulk::default();
    let give_up_at = Instant::now() + super::BULK_MAX;
    let mut index = 0_u32;
    while !bulk.is_over {
        let (room, saved, took) = piece(old, worker, index)?;
        let crc = crc32fast::hash(&room);
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        bulk.take(&mut *context, version, place, SavedPiece { room, saved: Ok(saved), crc, took })?;
        index = index.wrapping_add(1);
        if bulk.bytes > WORKER_STATE_MAX {
            return Err(format!("the state of a worker has more than {} MiB", WORKER_STATE_MAX >> 20));
        }
        if Instant::now() >= give_up_at {
            return Err(format!("its state is not carried over within {} s", super::BULK_MAX.as_secs()));
        }
    }
    figures.bytes += bulk.bytes;
    figures.longest_slice = figures.longest_slice.max(bulk.longest);
    Ok(Ready { context, index, pace: bulk.pace })
}

type One = (Vec<u8>, heddle_switch_core::exchange::Saved, Duration);

fn piece(old: &Guest, worker: u16, index: u32) -> Result<One, String> {
    let started = Instant::now();
    let (bytes, remaining) = old.save_worker(worker, index, ROOM).map_err(|failure| failure.to_string())?;
    let saved = heddle_switch_core::exchange::Saved { length: bytes.len(), remaining };
    Ok((bytes, saved, started.elapsed()))
}

impl LiveSwitch {
    /// Stops the traffic with the old child and carries over what has changed since; between two tries the traffic goes on.
    pub(super) fn park<'a>(
        &self,
        state: &State,
        children: (&'a Arc<Guest>, &Guest),
        ready: &mut [Ready],
        what: (Option<u32>, bool),
        figures: &mut Figures,
    ) -> Result<Stopped<'a>, String> {
        let mut tries = 1;
        loop {
            match self.try_to_park(state, children, ready, what, figures) {
                Ok(stopped) => return Ok(stopped),
                Err(NotStopped::Late(_)) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(STOP_MAX);
                }
                Err(NotStopped::Late(reason) | NotStopped::Refused(reason)) => return Err(reason),
            }
        }
    }

    fn try_to_park<'a>(
        &self,
        state: &State,
        (old, new): (&'a Arc<Guest>, &Guest),
        ready: &mut [Ready],
        (version, keeps_held): (Option<u32>, bool),
        figures: &mut Figures,
    ) -> Result<Stopped<'a>, NotStopped> {
        let stopped = Stopped { guest: old, since: Instant::now() };
        old.park(true);
        // A worker that sleeps looks up for a request.
        self.reports(state).map_err(|error| error.to_string())?;
        while !old.is_quiet() {
            stopped.limit()?;
            std::thread::sleep(LOOK);
        }
        for (worker, ready) in (0_u16..).zip(ready) {
            if let Some(version) = version {
                rest(&stopped, (old, worker), ready, version, figures)?;
            }
            if keeps_held {
                let keeps = old.keeps(worker).and_then(|keeps| new.take_keeps(worker, &keeps));
                keeps.map_err(|failure| failure.to_string())?;
            }
        }
        stopped.limit()?;
        Ok(stopped)
    }
}

/// Carries what is left of a worker's context.
fn rest(
    stopped: &Stopped<'_>,
    (old, worker): (&Guest, u16),
    ready: &mut Ready,
    version: u32,
    figures: &mut Figures,
) -> Result<(), NotStopped> {
    loop {
        let (bytes, saved, _) = piece(old, worker, ready.index)?;
        if !bytes.is_empty() {
            let piece = Piece { bytes: &bytes, version, index: ready.index };
            ready.context.restore(&piece).map_err(|failure| failure.to_string())?;
            figures.bytes += bytes.len() as u64;
        }
        ready.index = ready.index.wrapping_add(1);
        if saved.remaining == 0 {
            return Ok(());
        }
        stopped.limit()?;
    }
}
