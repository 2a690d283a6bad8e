//! Level state: what an extension takes it gives back, and what it saves it can take up again (`heddle.state/1`).

#![expect(unsafe_code, reason = "calls heddle.state/1 with pieces in guarded memory")]

use std::ffi::c_void;
use std::sync::Arc;

use heddle_extension_api::abi::state::{STATE_ID, STATE_INSTANCE, STATE_PIECE_MIN, STATE_WORKER, StatePiece, StateV1};
use heddle_extension_api::abi::status::{ErrorText, OK};
use heddle_host::loader::{Groups, Instance, InstanceShared, LogRing, PortDirectory, Services};

use super::{everyday, process};
use crate::case::{ALL, CFW, Case, FW, Level, Verdict, case};
use crate::guard::{Guarded, Holds};
use crate::proxy;
use crate::rig::{Rig, Subject};

const L: Level = Level::State;
/// Times a thing is made and ended to see what stays.
const TIMES: usize = 600;
/// Bytes that may stay each time, on average: the allocator's own.
const STAYS: usize = 48;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "worker-functions-in-their-call"),
        CFW,
        "heddle_batch_t.call",
        "Functions of a data-path call are called in it, on its thread.",
        everyday,
    ),
    case(
        (L, "control-functions-in-control"),
        ALL,
        "heddle_host_t, thread labels",
        "Functions of the control side are not called from the data path.",
        everyday,
    ),
    case((L, "handles-end-once"), CFW, "heddle_host_t.release, discard, inject", "A handle is ended once.", everyday),
    case(
        (L, "holds-end"),
        FW,
        "model 1.3: hold and release",
        "What is held is released or discarded before its time is up.",
        holds,
    ),
    case((L, "drafts-end"), CFW, "heddle_host_t.originate", "A draft is injected or discarded.", drafts),
    case(
        (L, "flow-order-kept"),
        FW,
        "ABI, flow order",
        "Frames of one flow leave in the order in which they came.",
        order,
    ),
    case(
        (L, "instances-are-apart"),
        ALL,
        "model 1.1: instances are independent",
        "The end of one instance does nothing to another.",
        apart,
    )
    .beside(),
    case(
        (L, "made-again-after-its-end"),
        ALL,
        "heddle_create_fn",
        "After its end it can be made again, and works.",
        again,
    )
    .beside(),
    case((L, "instance-memory-freed"), ALL, "heddle_destroy_fn", "`destroy` frees what `create` took.", instances)
        .beside(),
    case(
        (L, "context-memory-freed"),
        CFW,
        "heddle_worker_fini_fn",
        "`worker_fini` frees what `worker_init` took.",
        contexts,
    )
    .beside(),
    case((L, "threads-joined"), ALL, "heddle_destroy_fn", "`destroy` joins the instance's threads.", threads).beside(),
    case(
        (L, "descriptors-closed"),
        ALL,
        "heddle_destroy_fn",
        "`destroy` closes the instance's descriptors.",
        descriptors,
    )
    .beside(),
    case(
        (L, "state-table-whole"),
        ALL,
        "heddle_state_v1_t",
        "A table for state has a schema, versions, and a restore for each save.",
        table,
    )
    .beside(),
    case(
        (L, "state-pieces-fit"),
        ALL,
        "heddle_state_piece_t.room, length",
        "A piece of state stays within the room it was lent.",
        |subject| saved(subject, 64).map(|_| String::new()),
    )
    .beside(),
    case(
        (L, "state-saving-ends"),
        ALL,
        "heddle_state_save_fn",
        "Saving ends: after some pieces there is nothing more.",
        |subject| ends(&saved(subject, 0)?),
    )
    .beside(),
    case(
        (L, "state-restores-its-own"),
        ALL,
        "heddle_state_restore_fn",
        "What it saved another instance of it takes up.",
        restores,
    )
    .beside(),
    case(
        (L, "state-leaves-the-piece"),
        ALL,
        "heddle_state_piece_t.data",
        "Restoring writes nothing into the piece.",
        restores_read_only,
    )
    .beside(),
    case(
        (L, "state-survives-rubbish"),
        ALL,
        "heddle_state_restore_fn",
        "A piece of rubbish is refused or taken, and harms nothing.",
        rubbish,
    )
    .beside(),
];

fn holds(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    (0..700).for_each(|_| drop(rig.tick()));
    match rig.drops.iter().filter(|reason| *reason == "hold-expired").count() {
        0 if rig.held == 0 => Ok(String::new()),
        0 => Err(format!("{} frames are still held after 7 s without traffic", rig.held)),
        expired => Err(format!("{expired} frames were held until the host ended them after 5 s")),
    }
}

fn drafts(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    (0..200).for_each(|_| drop(rig.tick()));
    match proxy::live_drafts() {
        0 => Ok(String::new()),
        left => Err(format!("{left} drafts are neither injected nor discarded after 2 s without traffic")),
    }
}

fn order(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    for ((slot, flow), numbers) in &rig.arrived {
        // A clone has the number of its frame and may come later; the first of each number is the frame.
        let mut seen = std::collections::BTreeSet::new();
        let numbers: Vec<u32> = numbers.iter().copied().filter(|number| seen.insert(*number)).collect();
        if let Some(pair) = numbers.windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(format!("port {slot} got frame {} of flow {flow} before frame {}", pair[0], pair[1]));
        }
    }
    Ok(String::new())
}

fn apart(subject: &Subject) -> Verdict {
    let mut first = Rig::new(subject, 4, 1)?;
    let mut second = Rig::new(subject, 4, 1)?;
    first.bursts(4, 8);
    second.bursts(4, 8);
    second.switch.disable(second.extension);
    drop(second);
    first.everyday();
    Ok(String::new())
}

fn again(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    for time in 2..5 {
        rig.everyday();
        rig.switch.disable(rig.extension);
        rig.enable(subject).map_err(|error| format!("the {time}. time: {error}"))?;
    }
    rig.everyday();
    Ok(String::new())
}

/// An instance by itself, without a switch; the library is called directly.
struct Lone {
    services: Arc<Services>,
    library: Arc<heddle_host::loader::Library>,
}

impl Lone {
    fn new(subject: &Subject) -> Lone {
        let library = subject.library();
        Lone { services: Services::unsent().0, library: Arc::new(library.through(*library.entry())) }
    }

    fn instance(&self, config: &str) -> Result<Arc<Instance>, String> {
        let facts = self.library.facts();
        let (groups, ports, log) =
            (Arc::new(Groups::default()), Arc::new(PortDirectory::default()), Arc::new(LogRing::default()));
        let id = (facts.id.clone(), facts.role);
        let shared = InstanceShared::new(id, 1, Arc::clone(&self.services), groups, ports, log);
        Instance::create(Arc::clone(&self.library), shared, config).map_err(|error| error.to_string())
    }
}

/// Does a thing many times and says how many bytes stay each time.
fn stays(mut thing: impl FnMut() -> Result<(), String>, what: &str) -> Verdict {
    // The first ones fill caches, the allocator's and the extension's.
    (0..TIMES / 4).try_for_each(|_| thing())?;
    let before = process::heap();
    (0..TIMES).try_for_each(|_| thing())?;
    let each = process::heap_since(before, TIMES, STAYS);
    if each > STAYS {
        return Err(format!("{each} bytes stay of each {what}"));
    }
    Ok(String::new())
}

fn instances(subject: &Subject) -> Verdict {
    let lone = Lone::new(subject);
    stays(|| lone.instance(&subject.config).map(drop), "instance")
}

fn contexts(subject: &Subject) -> Verdict {
    let lone = Lone::new(subject);
    let instance = lone.instance(&subject.config)?;
    stays(|| instance.worker(1).map(drop).map_err(|error| error.to_string()), "context")
}

fn threads(subject: &Subject) -> Verdict {
    let before = process::Facts::now();
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.bursts(4, 8);
    rig.switch.disable(rig.extension);
    if process::threads_gone(before.threads) {
        return Ok(String::new());
    }
    Err("a thread of the instance runs on after `destroy`".to_owned())
}

fn descriptors(subject: &Subject) -> Verdict {
    let before = process::Facts::now();
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.bursts(4, 8);
    rig.switch.disable(rig.extension);
    let after = process::Facts::now();
    match after.descriptors.difference(&before.descriptors).next() {
        Some(left) => Err(format!("descriptor {left} is open after `destroy`")),
        None => Ok(String::new()),
    }
}

/// Why the cases about state pass without it.
pub(super) const STATELESS: &str = "it does not offer heddle.state/1";

/// Its table for state, when it offers one.
pub(super) fn state_table() -> Option<StateV1> {
    let id = std::ffi::CString::new(STATE_ID).ok()?;
    let table = proxy::ask(&id);
    if table.is_null() {
        return None;
    }
    // SAFETY: the id names this struct, which starts with its size; `StateV1` has been this long since its first minor.
    Some(unsafe { table.cast::<StateV1>().read_unaligned() })
}

fn table(subject: &Subject) -> Verdict {
    let _rig = Rig::new(subject, 2, 1)?;
    let Some(table) = state_table() else { return Ok(STATELESS.to_owned()) };
    if (table.struct_size as usize) < size_of::<StateV1>() {
        return Err(format!("its table states {} bytes, ABI 1.4 has {}", table.struct_size, size_of::<StateV1>()));
    }
    if table.schema.length == 0 || table.schema.length > 64 || table.schema.data.is_null() {
        return Err("its schema has no name of 1 to 64 bytes".to_owned());
    }
    if table.oldest == 0 || table.oldest > table.version {
        return Err(format!("it writes version {} and reads from {} on", table.version, table.oldest));
    }
    if table.save.is_some() != table.restore.is_some() || table.save_worker.is_some() != table.restore_worker.is_some()
    {
        return Err("it saves what it does not restore, or the other way round".to_owned());
    }
    Ok(String::new())
}

/// A piece as it was saved.
#[derive(Clone)]
struct Saved {
    scope: u32,
    bytes: Vec<u8>,
}

/// Pieces of one scope that are taken at most.
const PIECES: usize = 64;

/// Runs traffic and saves the state; pieces of workers have `more` bytes of room beyond the least.
fn saved(subject: &Subject, more: usize) -> Result<Vec<Saved>, String> {
    let mut rig = Rig::new(subject, 4, 1)?;
    let Some(table) = state_table() else { return Ok(Vec::new()) };
    rig.everyday();
    let Some(instance) = proxy::newest() else { return Ok(Vec::new()) };
    let mut error = ErrorText::default();
    if let Some(begin) = table.begin {
        // SAFETY: the instance is alive, no other control call is under way.
        let code = proxy::about_state(|| unsafe { begin(instance.real(), &raw mut error) });
        if code != OK {
            return Err(format!("begin failed with status {code}"));
        }
    }
    let mut pieces = Vec::new();
    if let Some(save) = table.save {
        // SAFETY: as above; the piece is guarded memory for the call.
        let save = |piece: *mut StatePiece| unsafe { save(instance.real(), piece, &raw mut error) };
        collect(STATE_INSTANCE, 65_536, save, &mut pieces)?;
    }
    if let Some(save) = table.save_worker {
        let context = proxy::context();
        // SAFETY: the context is alive, and no call with it is under way.
        let save = |piece: *mut StatePiece| unsafe { save(context, piece) };
        collect(STATE_WORKER, STATE_PIECE_MIN as usize + more, save, &mut pieces)?;
        if let Some(end) = table.end_worker {
            // SAFETY: as above.
            proxy::about_state(|| unsafe { end(context) });
        }
    }
    if let Some(end) = table.end {
        // SAFETY: as for `begin`.
        proxy::about_state(|| unsafe { end(instance.real(), 1) });
    }
    Ok(pieces)
}

fn collect(
    scope: u32,
    room: usize,
    mut save: impl FnMut(*mut StatePiece) -> i32,
    out: &mut Vec<Saved>,
) -> Result<(), String> {
    let memory = Guarded::new(Holds::Piece, 1, room);
    for index in 0..=PIECES {
        let data = memory.tail(0, room);
        let mut piece = piece(scope, index, data, room);
        let code = proxy::about_state(|| save(&raw mut piece));
        if code != OK {
            return Err(format!("saving failed with status {code}"));
        }
        if piece.length > room as u64 {
            return Err(format!("a piece of {} bytes in a room of {room}", piece.length));
        }
        if piece.length == 0 {
            return Ok(());
        }
        let length = usize::try_from(piece.length).unwrap_or(0);
        // SAFETY: `length` is within the room.
        let bytes = unsafe { std::slice::from_raw_parts(data, length) }.to_vec();
        out.push(Saved { scope, bytes });
    }
    Ok(())
}

pub(super) fn piece(scope: u32, index: usize, data: *mut u8, room: usize) -> StatePiece {
    StatePiece {
        struct_size: u32::try_from(size_of::<StatePiece>()).unwrap_or(0),
        scope,
        index: u32::try_from(index).unwrap_or(0),
        version: state_table().map_or(1, |table| table.version),
        worker: 0,
        port: 0,
        nic: 0,
        reserved: 0,
        data,
        room: room as u64,
        length: 0,
        remaining: 0,
    }
}

fn ends(pieces: &[Saved]) -> Verdict {
    for scope in [STATE_INSTANCE, STATE_WORKER] {
        if pieces.iter().filter(|piece| piece.scope == scope).count() > PIECES {
            return Err(format!("after {PIECES} pieces of scope {scope} there are still more, without any traffic"));
        }
    }
    Ok(if state_table().is_some() { String::new() } else { STATELESS.to_owned() })
}

/// Gives pieces to a new instance, in memory that may be read only when `protect` says so; gives the codes.
fn restore(subject: &Subject, pieces: &[Saved], protect: bool) -> Result<Vec<i32>, String> {
    let _rig = Rig::new(subject, 4, 1)?;
    let (Some(table), Some(instance)) = (state_table(), proxy::newest()) else { return Ok(Vec::new()) };
    let mut codes = Vec::new();
    for (index, saved) in pieces.iter().enumerate() {
        let memory = Guarded::new(Holds::Piece, 1, saved.bytes.len());
        let data = memory.put(0, &saved.bytes);
        if protect {
            memory.protect(0, libc::PROT_READ);
        }
        let mut given = piece(saved.scope, index, data, saved.bytes.len());
        given.length = saved.bytes.len() as u64;
        let mut error = ErrorText::default();
        let context: *mut c_void = proxy::context();
        let code = proxy::about_state(|| match (saved.scope, table.restore, table.restore_worker) {
            // SAFETY: the instance is alive; the piece is guarded memory for the call.
            (STATE_INSTANCE, Some(restore), _) => unsafe {
                Some(restore(instance.real(), &raw const given, &raw mut error))
            },
            // SAFETY: as above, with the context of its worker.
            (STATE_WORKER, _, Some(restore)) => unsafe { Some(restore(context, &raw const given, &raw mut error)) },
            _ => None,
        });
        codes.extend(code);
    }
    Ok(codes)
}

fn restores(subject: &Subject) -> Verdict {
    let pieces = saved(subject, 0)?;
    match restore(subject, &pieces, false)?.iter().find(|code| **code != OK) {
        Some(code) => Err(format!("restoring what it saved failed with status {code}")),
        None if pieces.is_empty() => Ok("it saves nothing".to_owned()),
        None => Ok(String::new()),
    }
}

fn restores_read_only(subject: &Subject) -> Verdict {
    let pieces = saved(subject, 0)?;
    restore(subject, &pieces, true).map(|_| String::new())
}

fn rubbish(subject: &Subject) -> Verdict {
    let mut random = crate::random::Random::new(subject.seed);
    let mut pieces = Vec::new();
    for scope in [STATE_INSTANCE, STATE_WORKER] {
        for length in [1, 7, 8, 64, 4_096] {
            let bytes = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
            pieces.push(Saved { scope, bytes });
        }
    }
    restore(subject, &pieces, false)?;
    Ok(if state_table().is_some() { String::new() } else { STATELESS.to_owned() })
}
