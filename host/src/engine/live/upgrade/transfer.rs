//! Carrying state over: in bulk, from the workers to the newcomer's contexts, and at the cut-over.
//!
//! The bulk of a worker is asked for piece by piece, [`AHEAD`] of them at a time, and ends when little is left or when it
//! gets no less; the rest is the worker's own work at the cut-over ([`crate::engine::carry`]). Workers cut over when
//! all of them are near; should one refuse even then, the others go back to the old version's contexts.

mod afar;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use heddle_switch_core::exchange::{Exchange, Piece};
use heddle_switch_core::stage::{Stage, StageEntry, StageId};

use super::Figures;
use crate::control::error::ControlError;
use crate::control::plane::ControlResult;
use crate::engine::carry::{
    CUT_OVER_PATIENCE, CutOver, CutOverEnd, GIVEN_UP, Gate, Overtime, PieceJob, SavedPiece, next_room,
};
use crate::engine::command::Command;
use heddle_switch_core::switch::StageSpec;

use crate::engine::live::{ANSWER, LiveSwitch, State, WorkerHandle};
use crate::loader::Hosted;
use crate::loader::state::{PIECE_MIN, WORKER_STATE_MAX};

/// Pieces asked for ahead of the one that is taken up.
const AHEAD: usize = 4;
/// With this many bytes left the worker does the rest itself.
const LITTLE: u64 = 64 << 10;
/// Pieces without less being left that end the bulk: the state changes as fast as it is saved.
const NO_LESS: u32 = 64;
/// What is said when a worker does not answer.
const SILENT: &str = "a worker does not answer; an extension may be looping";
/// Longest time the bulk of one worker may take.
const BULK_MAX: Duration = Duration::from_secs(10);

/// Old contexts by worker, and the stack's entry they ran under.
pub(super) type Carried = (Figures, Vec<Box<dyn Stage>>, Option<StageEntry>);

/// Where the cut-over of a worker starts from.
struct Ready {
    context: Box<dyn Stage>,
    index: u32,
    pace: u64,
}

impl LiveSwitch {
    /// Carries the state of all workers over and exchanges the contexts.
    pub(super) fn carry_over(
        &self,
        state: &mut State,
        (stage, spec): (StageId, StageSpec),
        (old, new): (&Hosted, &Hosted),
        contexts: Vec<Box<dyn Stage>>,
    ) -> Result<Carried, String> {
        let mut figures = Figures::default();
        // Its fail policy is the operator's, not the version's.
        let on_failure = state.switch.stage(stage).map(|entry| entry.on_failure).unwrap_or_default();
        let spec = StageSpec { on_failure, ..spec };
        let version = old.state_facts().map(|facts| facts.version);
        let names_held = |instance: &Hosted| instance.state_facts().is_some_and(|facts| facts.keeps_held);
        let keeps_held = names_held(old) && names_held(new);
        let mut ready = Vec::new();
        for (worker, context) in state.workers.iter().zip(contexts) {
            let bulk = match old.child() {
                Some(guest) => afar::bulk((guest, ready.len()), context, version, &mut figures),
                None => self.bulk(worker, stage, context, version, &mut figures),
            };
            ready.push(bulk.inspect_err(|_| self.stop_saving(state, stage, old))?);
        }
        let parked = match (old.child(), new.child()) {
            (Some(from), Some(to)) => {
                let parked = self.park(state, (from, to), &mut ready, (version, keeps_held), &mut figures);
                Some(parked.inspect_err(|_| self.stop_saving(state, stage, old))?)
            }
            _ => None,
        };
        // What is left is nothing when the traffic with the old one has stopped.
        let version = version.filter(|_| parked.is_none());
        let entry = state.switch.exchange(stage, &spec).ok_or("it is not in the stack any more")?;
        let snapshot = Arc::new(state.switch.snapshot(self.groups.for_snapshot()));
        let gate = Gate::default();
        let mut ends = Vec::new();
        for (worker, ready) in state.workers.iter().zip(ready) {
            let exchange = Exchange { snapshot: Arc::clone(&snapshot), id: stage, stage: ready.context, keeps_held };
            ends.push(begin_cut_over(worker, exchange, version, (ready.index, ready.pace), &gate));
        }
        let (former, refused) = together(ends, &gate, &mut figures);
        if let Some(reason) = refused {
            state.switch.put_back(entry);
            let restored = self.exchange_all(state, stage, former, keeps_held);
            self.stop_saving(state, stage, old);
            return Err(match restored {
                Ok(()) => reason,
                Err(error) => format!("{reason}, and {error}"),
            });
        }
        if let Some(parked) = parked {
            figures.pauses = vec![parked.elapsed(); figures.pauses.len()];
        }
        let mut former: Vec<Box<dyn Stage>> = former.into_iter().flatten().collect();
        for context in &mut former {
            context.end_saving();
        }
        Ok((figures, former, Some(entry)))
    }

    /// Has the newcomer's context of a worker take up what there is.
    fn bulk(
        &self,
        worker: &WorkerHandle,
        stage: StageId,
        mut context: Box<dyn Stage>,
        version: Option<u32>,
        figures: &mut Figures,
    ) -> Result<Ready, String> {
        let Some(version) = version else { return Ok(Ready { context, index: 0, pace: 0 }) };
        let (answer, answers) = channel();
        let mut index = 0;
        let mut ask = |room: Vec<u8>| {
            let job = PieceJob { id: stage, index, room, answer: answer.clone() };
            index += 1;
            worker.send(Command::SaveState(job)).map_err(|error| error.to_string())
        };
        for _ in 0..AHEAD {
            ask(vec![0; PIECE_MIN])?;
        }
        let (mut bulk, mut overtime) = (Bulk::default(), Overtime::default());
        let give_up_at = Instant::now() + BULK_MAX;
        let (mut taken, mut asked) = (0, AHEAD);
        while taken < asked {
            let piece = answers.recv_timeout(ANSWER).map_err(|_| SILENT.to_owned())?;
            let took = piece.took;
            let room = bulk.take(&mut *context, version, taken, piece)?;
            overtime.piece(took).map_err(|failure| failure.to_string())?;
            taken += 1;
            if bulk.bytes > WORKER_STATE_MAX {
                return Err(format!("the state of a worker has more than {} MiB", WORKER_STATE_MAX >> 20));
            }
            if Instant::now() >= give_up_at {
                return Err(format!("its state is not carried over within {} s", BULK_MAX.as_secs()));
            }
            if !bulk.is_over {
                ask(room)?;
                asked += 1;
            }
        }
        figures.bytes += bulk.bytes;
        figures.longest_slice = figures.longest_slice.max(bulk.longest);
        let index = u32::try_from(asked).unwrap_or(u32::MAX);
        Ok(Ready { context, index, pace: bulk.pace })
    }

    /// Puts contexts into their places, by worker, without state; those that were there end. A worker that cannot does not
    /// keep the others from it.
    pub(super) fn exchange_all(
        &self,
        state: &mut State,
        stage: StageId,
        contexts: Vec<Option<Box<dyn Stage>>>,
        keeps_held: bool,
    ) -> ControlResult<()> {
        let snapshot = Arc::new(state.switch.snapshot(self.groups.for_snapshot()));
        let mut failed = Ok(());
        for (worker, context) in state.workers.iter().zip(contexts) {
            let Some(mut context) = context else { continue };
            context.end_saving();
            let exchange = Exchange { snapshot: Arc::clone(&snapshot), id: stage, stage: context, keeps_held };
            let gone = begin_cut_over(worker, exchange, None, (0, 0), &Gate::opened())
                .and_then(|end| end.wait(&mut Figures::default()));
            // The one that leaves ends here, on the control side.
            if let Err(reason) = gone {
                failed = Err(ControlError::Busy { thing: "a worker".to_owned(), reason });
            }
        }
        failed
    }

    /// Ends the recording of changes on every worker.
    fn stop_saving(&self, state: &State, stage: StageId, old: &Hosted) {
        if let Some(guest) = old.child() {
            (0..state.workers.len())
                .filter_map(|worker| u16::try_from(worker).ok())
                .for_each(|worker| guest.end_saving_worker(worker));
            return;
        }
        let ask = |worker: &WorkerHandle| worker.ask(|sender| Command::EndSaving(stage, sender));
        let answers: Vec<_> = state.workers.iter().filter_map(|worker| ask(worker).ok()).collect();
        for answer in answers {
            // One that does not answer is known elsewhere.
            let _ = answer.recv_timeout(ANSWER);
        }
    }
}

/// A cut-over that a worker was asked for.
struct End {
    answers: Receiver<CutOverEnd>,
    /// What came before it was waited for.
    came: RefCell<Option<CutOverEnd>>,
}

fn begin_cut_over(
    worker: &WorkerHandle,
    exchange: Exchange,
    version: Option<u32>,
    (index, pace): (u32, u64),
    gate: &Gate,
) -> Result<End, String> {
    let (answer, answers) = channel();
    let job = Box::new(CutOver { exchange, version, index, pace, gate: gate.clone(), answer });
    worker.send(Command::CutOver(job)).map_err(|error| error.to_string())?;
    Ok(End { answers, came: RefCell::default() })
}

/// Lets the workers cut over when all of them are near; gives the old contexts, and why one could not.
fn together(
    ends: Vec<Result<End, String>>,
    gate: &Gate,
    figures: &mut Figures,
) -> (Vec<Option<Box<dyn Stage>>>, Option<String>) {
    // They go together: until the last is near, every worker runs the old version.
    if ends.iter().all(|end| end.as_ref().is_ok_and(End::is_near)) {
        gate.open();
    } else {
        gate.give_up();
    }
    let mut former: Vec<Option<Box<dyn Stage>>> = Vec::new();
    let mut refused = None;
    for end in ends {
        match end.and_then(|end| end.wait(figures)) {
            Ok(context) => former.push(Some(context)),
            Err(reason) => {
                former.push(None);
                // The first that could not is why the others did not.
                refused = refused.filter(|first: &String| first != GIVEN_UP).or(Some(reason));
            }
        }
    }
    (former, refused)
}

impl End {
    fn next(&self) -> Option<CutOverEnd> {
        self.answers.recv_timeout(ANSWER + CUT_OVER_PATIENCE).ok()
    }

    /// Waits until the worker is near; false when it will not be.
    fn is_near(&self) -> bool {
        match self.next() {
            Some(CutOverEnd::Near) => true,
            other => {
                self.came.replace(other);
                false
            }
        }
    }

    /// Waits for the end; gives the old context.
    fn wait(self, figures: &mut Figures) -> Result<Box<dyn Stage>, String> {
        let mut end = self.came.take().or_else(|| self.next());
        if matches!(end, Some(CutOverEnd::Near)) {
            end = self.next();
        }
        match end {
            Some(CutOverEnd::Done { former, pause, bytes }) => {
                figures.bytes += bytes;
                figures.pauses.push(pause);
                Ok(former)
            }
            Some(CutOverEnd::Refused { newcomer, reason }) => {
                drop(newcomer);
                Err(reason)
            }
            Some(CutOverEnd::Near) | None => Err(SILENT.to_owned()),
        }
    }
}

/// What the bulk of a worker came to.
#[derive(Default)]
struct Bulk {
    bytes: u64,
    longest: Duration,
    pace: u64,
    least: Option<u64>,
    no_less: u32,
    is_over: bool,
}

impl Bulk {
    /// Has the newcomer take a piece up; gives room for the next.
    fn take(
        &mut self,
        context: &mut dyn Stage,
        version: u32,
        index: usize,
        piece: SavedPiece,
    ) -> Result<Vec<u8>, String> {
        let SavedPiece { mut room, saved, crc, took } = piece;
        let saved = saved.map_err(|failure| failure.to_string())?;
        let bytes = room.get(..saved.length).unwrap_or_default();
        if crc32fast::hash(bytes) != crc {
            return Err("a piece of its state was written to after it was saved".to_owned());
        }
        let started = Instant::now();
        if !bytes.is_empty() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            context.restore(&Piece { bytes, version, index }).map_err(|failure| failure.to_string())?;
        }
        let spent = u64::try_from((started.elapsed() + took).as_nanos()).unwrap_or(u64::MAX);
        if saved.length > 0 {
            self.pace = spent.saturating_mul(1_000) / saved.length as u64;
        }
        self.bytes += saved.length as u64;
        self.longest = self.longest.max(took);
        let less = self.least.is_none_or(|least| saved.remaining < least);
        self.no_less = if less { 0 } else { self.no_less + 1 };
        self.least = Some(self.least.map_or(saved.remaining, |least| least.min(saved.remaining)));
        self.is_over |= saved.remaining <= LITTLE || self.no_less >= NO_LESS;
        let lend = next_room(room.len(), took);
        room.resize(lend, 0);
        Ok(room)
    }
}
