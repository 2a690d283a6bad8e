//! Level state, one version after the other (`heddle.state/1`): the harness plays the host of an upgrade, with both instances.
//!
//! The old one runs traffic, its state is saved in slices and taken up by the new one, the new one runs the traffic on; or
//! the attempt is abandoned and the old one goes on. Also the state of NICs, and how long a slice takes, in processor time
//! of this thread: a slice is meant to take 50 us, what is refused here takes two hundred times as long, three times.

#![expect(unsafe_code, reason = "calls heddle.state/1 with pieces in guarded memory")]

use heddle_extension_api::abi::state::{
    STATE_ABANDONED, STATE_DONE, STATE_INSTANCE, STATE_NIC, STATE_PIECE_MIN, STATE_WORKER, StatePiece, StateV1,
};
use heddle_extension_api::abi::status::{ErrorText, OK};

use super::process;
use super::state::{STATELESS, piece, state_table};
use crate::case::{ALL, CFW, Case, Level, Verdict, case};
use crate::guard::{Guarded, Holds};
use crate::proxy;
use crate::rig::{Rig, Subject};

const L: Level = Level::State;
/// Pieces of one scope that are taken at most.
const PIECES: usize = 64;
/// Longest slice that is no objection, in nanoseconds of processor time.
const SLICE_NS: u64 = 10_000_000;
/// Why a case passes that has nothing to go on with.
const REFUSES: &str = "it does not take up what it saved, which has a case of its own";
/// Slices that may be longer.
const LONG_ONES: usize = 2;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "upgrade-goes-on"),
        CFW,
        "heddle.state/1, a hot upgrade",
        "An instance that took up the state of another runs its traffic on.",
        goes_on,
    )
    .beside(),
    case(
        (L, "upgrade-can-be-abandoned"),
        CFW,
        "HEDDLE_STATE_ABANDONED",
        "An instance whose state was saved for nothing goes on as before, and can be saved again.",
        abandoned,
    )
    .beside(),
    case(
        (L, "state-slices-are-short"),
        CFW,
        "heddle_state_save_worker_fn",
        "A slice of a worker's state takes its bounded time.",
        slices,
    )
    .beside(),
    case(
        (L, "nic-state-comes-back"),
        ALL,
        "HEDDLE_STATE_NIC",
        "State of a NIC that was saved is taken up for another port.",
        of_nics,
    )
    .beside(),
];

/// An instance that runs, with its newest context, and its switch.
struct Side {
    rig: Rig,
    instance: std::sync::Arc<proxy::Instance>,
    context: usize,
}

impl Side {
    fn new(subject: &Subject) -> Result<Side, String> {
        let rig = Rig::new(subject, 4, 1)?;
        let instance = proxy::newest().ok_or("it made no instance")?;
        Ok(Side { rig, instance, context: proxy::context() as usize })
    }

    fn begin(&self, table: &StateV1) -> Result<(), String> {
        let Some(begin) = table.begin else { return Ok(()) };
        let mut error = ErrorText::default();
        // SAFETY: the instance is alive, no other control call is under way.
        match proxy::about_state(|| unsafe { begin(self.instance.real(), &raw mut error) }) {
            OK => Ok(()),
            code => Err(format!("begin failed with status {code}")),
        }
    }

    fn end(&self, table: &StateV1, outcome: u32) {
        if let Some(end) = table.end_worker {
            // SAFETY: the context is alive, and no call with it is under way.
            proxy::about_state(|| unsafe { end(self.context as *mut _) });
        }
        if let Some(end) = table.end {
            // SAFETY: as for `begin`.
            proxy::about_state(|| unsafe { end(self.instance.real(), outcome) });
        }
    }

    /// Pieces of one scope; `seen` is told the processor time of each.
    fn save(
        &self,
        table: &StateV1,
        (scope, port): (u32, u32),
        mut seen: impl FnMut(u64),
    ) -> Result<Vec<Vec<u8>>, String> {
        let room = if scope == STATE_WORKER { STATE_PIECE_MIN as usize } else { 65_536 };
        let memory = Guarded::new(Holds::Piece, 1, room);
        let mut pieces = Vec::new();
        for index in 0..PIECES {
            let data = memory.tail(0, room);
            let mut given = StatePiece { port, ..piece(scope, index, data, room) };
            let mut error = ErrorText::default();
            let before = process::thread_cpu_ns();
            let code = proxy::about_state(|| match (scope, table.save, table.save_worker) {
                // SAFETY: the context is alive, no call with it is under way; the piece is guarded memory for the call.
                (STATE_WORKER, _, Some(save)) => unsafe { save(self.context as *mut _, &raw mut given) },
                (STATE_WORKER, _, None) | (_, None, _) => OK,
                // SAFETY: as above, with the instance.
                (_, Some(save), _) => unsafe { save(self.instance.real(), &raw mut given, &raw mut error) },
            });
            seen(process::thread_cpu_ns().saturating_sub(before));
            if code != OK || given.length > room as u64 {
                return Err(format!("saving scope {scope} gave status {code}, {} bytes of {room}", given.length));
            }
            if given.length == 0 {
                break;
            }
            let length = usize::try_from(given.length).unwrap_or(0);
            // SAFETY: `length` is within the room.
            pieces.push(unsafe { std::slice::from_raw_parts(data, length) }.to_vec());
        }
        Ok(pieces)
    }

    fn restore(&self, table: &StateV1, (scope, port): (u32, u32), pieces: &[Vec<u8>]) -> Result<(), String> {
        for (index, bytes) in pieces.iter().enumerate() {
            let memory = Guarded::new(Holds::Piece, 1, bytes.len());
            let data = memory.put(0, bytes);
            let mut given = StatePiece { port, ..piece(scope, index, data, bytes.len()) };
            given.length = bytes.len() as u64;
            let mut error = ErrorText::default();
            let code = proxy::about_state(|| match (scope, table.restore, table.restore_worker) {
                // SAFETY: as in `save`; the piece may be read.
                (STATE_WORKER, _, Some(restore)) => unsafe {
                    restore(self.context as *mut _, &raw const given, &raw mut error)
                },
                (STATE_WORKER, _, None) | (_, None, _) => OK,
                // SAFETY: as above.
                (_, Some(restore), _) => unsafe { restore(self.instance.real(), &raw const given, &raw mut error) },
            });
            if code != OK {
                return Err(format!("taking up piece {index} of scope {scope} gave status {code}"));
            }
        }
        Ok(())
    }
}

/// What was broken since, when it was not broken before.
fn new_since(before: &[&'static str]) -> Verdict {
    super::only_then(before).map_or(Ok(String::new()), Err)
}

fn goes_on(subject: &Subject) -> Verdict {
    let mut old = Side::new(subject)?;
    old.rig.everyday();
    let Some(table) = state_table() else { return Ok(STATELESS.to_owned()) };
    let mut new = Side::new(subject)?;
    let before = proxy::rules_broken();
    old.begin(&table)?;
    let whole = old.save(&table, (STATE_INSTANCE, 0), |_| ())?;
    if new.restore(&table, (STATE_INSTANCE, 0), &whole).is_err() {
        return Ok(REFUSES.to_owned());
    }
    // Two rounds with traffic between, as between two bursts.
    for _ in 0..2 {
        let slices = old.save(&table, (STATE_WORKER, 0), |_| ())?;
        if new.restore(&table, (STATE_WORKER, 0), &slices).is_err() {
            return Ok(REFUSES.to_owned());
        }
        old.rig.bursts(1, 8);
    }
    old.end(&table, STATE_DONE);
    new.rig.everyday();
    drop(old);
    new.rig.everyday();
    new_since(&before)
}

fn abandoned(subject: &Subject) -> Verdict {
    let mut old = Side::new(subject)?;
    old.rig.everyday();
    let Some(table) = state_table() else { return Ok(STATELESS.to_owned()) };
    let before = proxy::rules_broken();
    for time in 1..=3 {
        let again = |error: String| format!("the {time}. time: {error}");
        old.begin(&table).map_err(again)?;
        old.save(&table, (STATE_INSTANCE, 0), |_| ()).map_err(again)?;
        old.save(&table, (STATE_WORKER, 0), |_| ()).map_err(again)?;
        old.rig.bursts(2, 8);
        old.end(&table, STATE_ABANDONED);
        old.rig.everyday();
    }
    new_since(&before)
}

fn slices(subject: &Subject) -> Verdict {
    let mut side = Side::new(subject)?;
    let Some(table) = state_table() else { return Ok(STATELESS.to_owned()) };
    side.rig.everyday();
    let mut long = Vec::new();
    for _ in 0..4 {
        side.begin(&table)?;
        side.save(&table, (STATE_WORKER, 0), |took| long.extend((took > SLICE_NS).then_some(took)))?;
        side.end(&table, STATE_ABANDONED);
        side.rig.bursts(4, 16);
    }
    match long.iter().max() {
        Some(longest) if long.len() > LONG_ONES => {
            Err(format!("{} slices were too long, the longest took {} ms", long.len(), longest / 1_000_000))
        }
        _ => Ok(String::new()),
    }
}

fn of_nics(subject: &Subject) -> Verdict {
    let mut side = Side::new(subject)?;
    let Some(table) = state_table() else { return Ok(STATELESS.to_owned()) };
    let whole = side.save(&table, (STATE_INSTANCE, 0), |_| ())?;
    if Side::new(subject)?.restore(&table, (STATE_INSTANCE, 0), &whole).is_err() {
        return Ok(REFUSES.to_owned());
    }
    side.rig.bursts(4, 8);
    let ports: Vec<u32> = side.rig.ports.iter().map(|port| port.raw()).collect();
    for pair in ports.windows(2) {
        let pieces = side.save(&table, (STATE_NIC, pair[0]), |_| ())?;
        side.restore(&table, (STATE_NIC, pair[1]), &pieces)?;
    }
    side.rig.bursts(4, 8);
    Ok(String::new())
}
