//! What a worker does for an upgrade of an extension: state saved in slices between bursts, and the cut-over.
//!
//! First the control side asks for piece after piece and has the new context take them up, off the worker; the worker writes
//! one piece between two bursts, of at most about [`SLICE`]. At the cut-over the worker carries over itself what changed
//! since: a slice between two bursts until the rest can be carried in [`CUT_OVER_MAX`]. When every worker is that near, each
//! carries that rest, and the new context takes the old one's place before the next burst. Frames wait in their rings meanwhile. What was carried stays carried,
//! so a worker that was held up by something else goes on with the traffic and finishes later.
//!
//! Both bounds are kept: an extension that takes more of the worker's processor, [`TOLERANCE`] times over and [`OVERTIMES`]
//! times, is not upgraded ([`Overtime`]). Time in which the thread did not run is nobody's fault and does not count.
//!
//! Cost: one comparison a round while nothing is carried.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use heddle_switch_core::exchange::{Exchange, Piece, Saved, StateFailure};
use heddle_switch_core::stage::{Stage, StageId};
use heddle_switch_core::worker::Worker;
use nix::time::{ClockId, clock_gettime};

use crate::loader::state::PIECE_MIN;

/// Longest time a piece is to take, of the worker's processor.
pub(crate) const SLICE: Duration = Duration::from_micros(50);
/// Longest time between the last burst of the old version and the first of the new one.
pub(crate) const CUT_OVER_MAX: Duration = Duration::from_millis(1);
/// How much more than that a piece or a cut-over may take: cold memory, page faults and time that a virtual machine lost
/// are in it.
const TOLERANCE: u32 = 20;
/// How often one may take more still.
const OVERTIMES: u32 = 2;
/// How long a worker tries to get there before the upgrade is refused.
pub(crate) const CUT_OVER_PATIENCE: Duration = Duration::from_secs(2);
/// What a worker says that was near when another one gave up.
pub(crate) const GIVEN_UP: &str = "another worker did not get there";
/// Largest piece.
pub(crate) const PIECE_MAX: usize = 256 << 10;

/// A piece to be saved.
pub(crate) struct PieceJob {
    /// Whose.
    pub(crate) id: StageId,
    /// Its number.
    pub(crate) index: u32,
    /// Room for it.
    pub(crate) room: Vec<u8>,
    /// Where it goes.
    pub(crate) answer: Sender<SavedPiece>,
}

/// A piece that was saved.
pub(crate) struct SavedPiece {
    /// The room that was lent.
    pub(crate) room: Vec<u8>,
    /// How much of it is used.
    pub(crate) saved: Result<Saved, StateFailure>,
    /// Check sum of that.
    pub(crate) crc: u32,
    /// Processor time of the worker that it took.
    pub(crate) took: Duration,
}

/// Whether workers that are near may cut over: they go together or not at all.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<AtomicU8>);

impl Gate {
    /// Besides 0, which is shut.
    const OPEN: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// One that is open from the start.
    pub(crate) fn opened() -> Gate {
        Gate(Arc::new(AtomicU8::new(Gate::OPEN)))
    }

    /// All workers are near.
    pub(crate) fn open(&self) {
        self.0.store(Gate::OPEN, Ordering::Release);
    }

    /// One of them does not get there.
    pub(crate) fn give_up(&self) {
        self.0.store(Gate::GIVEN_UP, Ordering::Release);
    }

    fn state(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// A cut-over to be made.
pub(crate) struct CutOver {
    /// The new context, and the snapshot that goes with it.
    pub(crate) exchange: Exchange,
    /// Version of the schema that the old one writes; `None` when it has no state.
    pub(crate) version: Option<u32>,
    /// Number of the next piece.
    pub(crate) index: u32,
    /// Picoseconds that saving and taking up a byte took so far.
    pub(crate) pace: u64,
    /// Opens when all workers are near.
    pub(crate) gate: Gate,
    /// Where it goes that the worker is near, and then the outcome.
    pub(crate) answer: Sender<CutOverEnd>,
}

/// How a cut-over ended on one worker.
pub(crate) enum CutOverEnd {
    /// It has not ended: the worker is near, and waits for the others.
    Near,
    /// The new context is in place; the old one comes back.
    Done {
        /// The old context.
        former: Box<dyn Stage>,
        /// From the last burst of the old one to when the new one is in place.
        pause: Duration,
        /// Bytes that were carried in it and before it on the worker.
        bytes: u64,
    },
    /// The old context is where it was; the new one comes back.
    Refused {
        /// The new context.
        newcomer: Box<dyn Stage>,
        /// Why.
        reason: String,
    },
}

/// How often pieces and cut-overs took far longer than they are to take.
#[derive(Default)]
pub(crate) struct Overtime(u32);

impl Overtime {
    /// Judges a piece by the processor time it took.
    pub(crate) fn piece(&mut self, took: Duration) -> Result<(), StateFailure> {
        self.judge("a piece of its state", took, SLICE)
    }

    fn judge(&mut self, what: &str, took: Duration, bound: Duration) -> Result<(), StateFailure> {
        if took <= bound * TOLERANCE {
            return Ok(());
        }
        self.0 += 1;
        if self.0 <= OVERTIMES {
            return Ok(());
        }
        Err(StateFailure(format!(
            "{what} takes a worker {} us of its processor, and {} us are the bound; have it do less in each call that saves or \
             restores",
            took.as_micros(),
            bound.as_micros()
        )))
    }

    /// Whether a cut-over that took this long may be completed; it is tried again otherwise.
    fn cut_over(&mut self, took: Duration) -> Result<bool, StateFailure> {
        self.judge("the cut-over", took, CUT_OVER_MAX).map(|()| took <= CUT_OVER_MAX * TOLERANCE)
    }
}

/// What a worker carries.
#[derive(Default)]
pub(super) struct Carry {
    pieces: VecDeque<PieceJob>,
    cut_over: Option<Running>,
}

struct Running {
    job: CutOver,
    room: Vec<u8>,
    /// Room lent for the next piece.
    lend: usize,
    bytes: u64,
    is_near: bool,
    overtime: Overtime,
    give_up_at: Instant,
}

/// Processor time this thread has had.
pub(super) fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

/// Room for the next piece, after one of `lent` bytes took this long.
pub(crate) fn next_room(lent: usize, took: Duration) -> usize {
    let room = if took > SLICE {
        lent / 2
    } else if took < SLICE / 3 {
        lent.saturating_mul(2)
    } else {
        lent
    };
    room.clamp(PIECE_MIN, PIECE_MAX)
}

impl Carry {
    /// Takes a piece to be saved.
    pub(super) fn save(&mut self, job: PieceJob) {
        self.pieces.push_back(job);
    }

    /// Takes a cut-over; one at a time, under the switch's lock.
    pub(super) fn begin(&mut self, job: CutOver) {
        let give_up_at = Instant::now() + CUT_OVER_PATIENCE;
        let (room, overtime) = (vec![0; PIECE_MAX], Overtime::default());
        self.cut_over = Some(Running { job, room, lend: PIECE_MIN, bytes: 0, is_near: false, overtime, give_up_at });
    }

    /// Does the next slice; whether there was one.
    pub(super) fn go_on(&mut self, worker: &mut Worker) -> bool {
        if let Some(job) = self.pieces.pop_front() {
            save_piece(job, worker);
            return true;
        }
        match self.cut_over.take() {
            None => false,
            Some(running) => {
                self.cut_over = running.go_on(worker);
                true
            }
        }
    }
}

fn save_piece(job: PieceJob, worker: &mut Worker) {
    let PieceJob { id, index, mut room, answer } = job;
    let before = processor_time();
    let saved = match worker.stage_mut(id) {
        Some(stage) => stage.save(&mut room, index),
        None => Err(StateFailure("it does not run on the worker".to_owned())),
    };
    let crc = saved.as_ref().ok().and_then(|saved| room.get(..saved.length)).map_or(0, crc32fast::hash);
    let took = processor_time().saturating_sub(before);
    // An answer nobody waits for any more is dropped.
    let _ = answer.send(SavedPiece { room, saved, crc, took });
}

impl Running {
    /// Carries a slice, or all that is left; `None` when it is over.
    fn go_on(mut self, worker: &mut Worker) -> Option<Running> {
        let (started, before) = (Instant::now(), processor_time());
        loop {
            let left = match self.step(worker) {
                Err(StateFailure(reason)) => return self.refuse(reason),
                Ok(left) => left,
            };
            let rest = Duration::from_nanos(left.saturating_mul(self.job.pace) / 1_000);
            // Twice the estimate: what is carried last meets cold memory.
            if left > 0 && started.elapsed() + rest * 2 > CUT_OVER_MAX {
                return self.not_yet(left);
            }
            if !std::mem::replace(&mut self.is_near, true) {
                // Nobody waits for it any more: the outcome says so, too.
                let _ = self.job.answer.send(CutOverEnd::Near);
            }
            match self.job.gate.state() {
                Gate::OPEN if left == 0 => {
                    return match self.overtime.cut_over(processor_time().saturating_sub(before)) {
                        Ok(true) => self.complete(worker, started),
                        Ok(false) => Some(self),
                        Err(StateFailure(reason)) => self.refuse(reason),
                    };
                }
                Gate::OPEN => {}
                Gate::GIVEN_UP => return self.refuse(GIVEN_UP.to_owned()),
                // Those that are not near have their time; it is less than this.
                _ if Instant::now() < self.give_up_at + CUT_OVER_PATIENCE => return Some(self),
                _ => return self.refuse(GIVEN_UP.to_owned()),
            }
        }
    }

    /// Lets the worker go on with the traffic, unless that has been tried for too long.
    fn not_yet(self, left: u64) -> Option<Running> {
        if Instant::now() < self.give_up_at {
            return Some(self);
        }
        let (seconds, most) = (CUT_OVER_PATIENCE.as_secs(), CUT_OVER_MAX.as_millis());
        self.refuse(format!(
            "its state changes faster than it can be carried over: {left} bytes are left after {seconds} s, and a worker is \
             stopped for at most {most} ms; try again with less traffic"
        ))
    }

    /// Carries one piece; about how many bytes are left.
    fn step(&mut self, worker: &mut Worker) -> Result<u64, StateFailure> {
        let Some(version) = self.job.version else { return Ok(0) };
        let gone = || StateFailure("it does not run on the worker".to_owned());
        let before = processor_time();
        let index = self.job.index;
        let room = self.room.get_mut(..self.lend).unwrap_or_default();
        let saved = worker.stage_mut(self.job.exchange.id).ok_or_else(gone)?.save(room, index)?;
        let bytes = room.get(..saved.length).unwrap_or_default();
        if !bytes.is_empty() {
            self.job.exchange.stage.restore(&Piece { bytes, version, index })?;
        }
        let took = processor_time().saturating_sub(before);
        self.overtime.piece(took)?;
        self.job.index = index.wrapping_add(1);
        self.lend = next_room(self.lend, took);
        self.bytes += saved.length as u64;
        if saved.length > 0 {
            let picoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).saturating_mul(1_000);
            self.job.pace = (self.job.pace + picoseconds / saved.length as u64) / 2;
        }
        Ok(saved.remaining)
    }

    fn complete(self, worker: &mut Worker, started: Instant) -> Option<Running> {
        let CutOver { exchange, answer, .. } = self.job;
        let end = match worker.replace(exchange) {
            Ok(former) => CutOverEnd::Done { former, pause: started.elapsed(), bytes: self.bytes },
            Err(newcomer) => {
                CutOverEnd::Refused { newcomer, reason: "the old version does not run on the worker".to_owned() }
            }
        };
        let _ = answer.send(end);
        None
    }

    fn refuse(self, reason: String) -> Option<Running> {
        let CutOver { exchange, answer, .. } = self.job;
        let _ = answer.send(CutOverEnd::Refused { newcomer: exchange.stage, reason });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_the_time_a_piece_takes() {
        assert_eq!(next_room(16 << 10, SLICE * 2), 8 << 10);
        assert_eq!(next_room(16 << 10, SLICE / 2), 16 << 10);
        assert_eq!(next_room(16 << 10, SLICE / 4), 32 << 10);
        assert_eq!(next_room(PIECE_MIN, SLICE * 9), PIECE_MIN);
        assert_eq!(next_room(PIECE_MAX, Duration::ZERO), PIECE_MAX);
    }

    #[test]
    fn what_takes_far_too_long_again_and_again_is_refused() {
        let mut overtime = Overtime::default();
        for _ in 0..1_000 {
            assert!(overtime.piece(SLICE * TOLERANCE).is_ok());
            assert_eq!(overtime.cut_over(CUT_OVER_MAX * TOLERANCE), Ok(true));
        }
        assert!(overtime.piece(SLICE * TOLERANCE * 2).is_ok());
        assert_eq!(overtime.cut_over(CUT_OVER_MAX * TOLERANCE * 2), Ok(false));
        let refused = overtime.piece(Duration::from_millis(80)).unwrap_err().to_string();
        assert!(refused.contains("80000 us") && refused.contains("50 us are the bound"), "{refused}");
    }
}
