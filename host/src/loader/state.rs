//! State that leaves an extension and is taken up by another: `heddle.state/1` from the host's side. An unsafe island.
//!
//! What does not fit is refused before the extension is asked: another schema, a version that is newer than it reads or
//! older than it still reads, more bytes than the limit, a check sum that is wrong. The bytes themselves mean nothing to
//! the host. Room is lent for one call; an extension that claims more than it was lent is refused.

#![expect(unsafe_code, reason = "island: calls into vendor code through its state table")]

use std::ffi::c_void;

use heddle_extension_api::abi::state::{
    STATE_ABANDONED, STATE_BLOB_MAX, STATE_BLOBS_MAX, STATE_DONE, STATE_INSTANCE, STATE_KEEPS_HELD, STATE_NIC,
    STATE_PIECE_MIN, STATE_SCHEMA_MAX, STATE_WORKER, STATE_WORKER_MAX, StatePiece, StateV1,
};
use heddle_extension_api::abi::status::{E_FULL, E_INVALID, E_PANIC, ErrorText, OK};
use heddle_switch_core::exchange::{Piece, Saved, StateFailure};

use super::instance::{Instance, words};
use super::{Library, host_table};
use crate::contain::{Function, enter};

/// Smallest room a context is lent for a piece.
pub const PIECE_MIN: usize = STATE_PIECE_MIN as usize;
/// State of one worker context, at most, in bytes.
pub const WORKER_STATE_MAX: u64 = STATE_WORKER_MAX as u64;

/// What the state of an extension is called, and which versions of it are written and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFacts {
    /// Name of the schema.
    pub schema: String,
    /// Version that is written; the newest that is read.
    pub version: u32,
    /// Oldest version that is read.
    pub oldest: u32,
    /// Whether held frames are named in it.
    pub keeps_held: bool,
}

/// Why state is not saved or taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateRefusal {
    /// It is the state of something else.
    #[error("its state is '{found}', and '{known}' is what is read; these are not versions of one extension")]
    Schema {
        /// What was saved.
        found: String,
        /// What would be read.
        known: String,
    },
    /// It was written by a newer version.
    #[error("its state has version {found}, and {newest} is the newest that is read; use a newer file")]
    TooNew {
        /// What was saved.
        found: u32,
        /// What is read.
        newest: u32,
    },
    /// It was written by a version that is too old.
    #[error(
        "its state has version {found}, and {oldest} is the oldest that is read; upgrade to a version between first"
    )]
    TooOld {
        /// What was saved.
        found: u32,
        /// What is read.
        oldest: u32,
    },
    /// There is more of it than the limit.
    #[error("its state has {bytes} bytes, and the limit is {limit}; have it forget something first")]
    TooLarge {
        /// Bytes there are.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The bytes are not those that were saved.
    #[error("its state is damaged: check sum {found:08x} instead of {stated:08x}; restore it from another copy")]
    Damaged {
        /// Of the bytes.
        found: u32,
        /// As it was saved.
        stated: u32,
    },
    /// Nobody would take it up.
    #[error("it has state and the new version takes up none; disable it and enable the new one, which starts afresh")]
    NotRead,
    /// The extension's own words.
    #[error("{what}: {words}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Its words.
        words: String,
    },
    /// Told by its process.
    #[error("{words}")]
    Told {
        /// The reason.
        words: String,
    },
    /// It panicked.
    #[error("it panicked in {what}; report it to its vendor")]
    Panicked {
        /// What was asked of it.
        what: &'static str,
    },
}

/// Saved state of an instance or of a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Name of the schema.
    pub schema: String,
    /// Version of it.
    pub version: u32,
    /// CRC-32 of the bytes.
    pub crc: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What is said of a blob whose bytes follow.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct BlobHead {
    schema: String,
    version: u32,
    crc: u32,
    length: usize,
}

/// What a blob is the state of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// An instance.
    Instance,
    /// The NIC of a port.
    Nic {
        /// The port's id now.
        port: u32,
    },
}

impl StateFacts {
    /// Whether state as `saved` writes it would be taken up.
    pub fn reads(&self, schema: &str, version: u32) -> Result<(), StateRefusal> {
        if schema != self.schema {
            return Err(StateRefusal::Schema { found: schema.to_owned(), known: self.schema.clone() });
        }
        if version > self.version {
            return Err(StateRefusal::TooNew { found: version, newest: self.version });
        }
        if version < self.oldest {
            return Err(StateRefusal::TooOld { found: version, oldest: self.oldest });
        }
        Ok(())
    }
}

impl Blob {
    pub(super) fn head(&self) -> BlobHead {
        BlobHead { schema: self.schema.clone(), version: self.version, crc: self.crc, length: self.bytes.len() }
    }

    /// Blobs from their heads and their bytes, one behind the other; `None` when these are too few.
    pub(super) fn parts(heads: Vec<BlobHead>, mut bytes: &[u8]) -> Option<Vec<Blob>> {
        let mut blobs = Vec::new();
        for BlobHead { schema, version, crc, length } in heads {
            let (own, rest) = bytes.split_at_checked(length)?;
            blobs.push(Blob { schema, version, crc, bytes: own.to_vec() });
            bytes = rest;
        }
        Some(blobs)
    }

    pub(super) fn new(facts: &StateFacts, bytes: Vec<u8>) -> Blob {
        Blob { schema: facts.schema.clone(), version: facts.version, crc: crc32fast::hash(&bytes), bytes }
    }

    fn check(&self, reader: &StateFacts) -> Result<(), StateRefusal> {
        reader.reads(&self.schema, self.version)?;
        let limit = u64::from(STATE_BLOB_MAX);
        if self.bytes.len() as u64 > limit {
            return Err(StateRefusal::TooLarge { bytes: self.bytes.len() as u64, limit });
        }
        match crc32fast::hash(&self.bytes) {
            found if found == self.crc => Ok(()),
            found => Err(StateRefusal::Damaged { found, stated: self.crc }),
        }
    }
}

/// The table of a library and what it says, both copied; `None` when it offers none, or one that breaks a limit.
pub(super) fn table(library: &Library) -> Option<(StateV1, StateFacts)> {
    // SAFETY: a `StateV1` of zeroes has no functions and a null schema; it is plain data that starts with its size.
    let empty = unsafe { std::mem::zeroed::<StateV1>() };
    let table = super::instance::state_table(library.entry(), empty)?;
    // SAFETY: the schema's name is static, of the length it states.
    let schema = unsafe { host_table::borrowed(table.schema, STATE_SCHEMA_MAX as usize) }?;
    let schema = std::str::from_utf8(schema).ok().filter(|schema| !schema.is_empty())?;
    let facts = StateFacts {
        schema: schema.to_owned(),
        version: table.version,
        oldest: table.oldest,
        keeps_held: table.flags & STATE_KEEPS_HELD != 0,
    };
    (facts.oldest >= 1 && facts.oldest <= facts.version).then_some((table, facts))
}

fn piece(scope: u32, index: u32, version: u32, data: *mut u8, (room, length): (usize, usize)) -> StatePiece {
    StatePiece {
        struct_size: u32::try_from(size_of::<StatePiece>()).unwrap_or(0),
        scope,
        index,
        version,
        worker: 0,
        port: 0,
        nic: 0,
        reserved: 0,
        data,
        room: room as u64,
        length: length as u64,
        remaining: 0,
    }
}

fn refusal(what: &'static str, status: i32, error: &ErrorText) -> StateRefusal {
    let said = words(error, status);
    match status {
        E_PANIC => StateRefusal::Panicked { what },
        E_INVALID => StateRefusal::Refused { what, words: format!("the bytes are not what they should be: {said}") },
        E_FULL => StateRefusal::Refused { what, words: format!("there is more than it has room for: {said}") },
        _ => StateRefusal::Refused { what, words: said },
    }
}

impl Instance {
    /// What its state is; `None` when it has none.
    pub fn state_facts(&self) -> Option<&StateFacts> {
        self.state.as_ref().map(|(_, facts)| facts)
    }

    fn state_table(&self) -> Option<&StateV1> {
        self.state.as_ref().map(|(table, _)| table)
    }

    /// Says that its state is about to be saved.
    pub fn begin_saving(&self) -> Result<(), StateRefusal> {
        let Some(begin) = self.state_table().and_then(|table| table.begin) else { return Ok(()) };
        let _entered = enter(self.site(), Function::State, None);
        let mut error = ErrorText::default();
        // SAFETY: the instance is live; control calls are under the switch's lock.
        match self.note(unsafe { begin(self.raw(), &raw mut error) }) {
            OK => Ok(()),
            status => Err(refusal("beginning to save its state", status, &error)),
        }
    }

    /// Says that no more is saved, and whether it goes on.
    pub fn end_saving(&self, goes_on: bool) {
        if let Some(end) = self.state_table().and_then(|table| table.end) {
            let _entered = enter(self.site(), Function::State, None);
            // SAFETY: as in `begin_saving`.
            unsafe { end(self.raw(), if goes_on { STATE_ABANDONED } else { STATE_DONE }) };
        }
    }

    /// Saves a scope whole.
    pub fn save(&self, scope: Scope) -> Result<Vec<Blob>, StateRefusal> {
        const WHAT: &str = "saving its state";
        let Some((table, facts)) = &self.state else { return Ok(Vec::new()) };
        let Some(save) = table.save else { return Ok(Vec::new()) };
        let mut blobs = Vec::new();
        let mut room = vec![0u8; STATE_BLOB_MAX as usize];
        let _entered = enter(self.site(), Function::State, None);
        for index in 0..=STATE_BLOBS_MAX {
            let mut piece = self.piece(scope, index, facts.version, room.as_mut_ptr(), (room.len(), 0));
            let mut error = ErrorText::default();
            // SAFETY: the instance is live; the piece and its room outlive the call.
            match self.note(unsafe { save(self.raw(), &raw mut piece, &raw mut error) }) {
                OK => {}
                status => return Err(refusal(WHAT, status, &error)),
            }
            let length = usize::try_from(piece.length).unwrap_or(usize::MAX);
            match room.get(..length) {
                Some([]) => return Ok(blobs),
                Some(bytes) => blobs.push(Blob::new(facts, bytes.to_vec())),
                None => return Err(StateRefusal::Refused { what: WHAT, words: overstated(length, room.len()) }),
            }
        }
        let limit = u64::from(STATE_BLOBS_MAX) * u64::from(STATE_BLOB_MAX);
        Err(StateRefusal::TooLarge { bytes: limit + 1, limit })
    }

    /// Takes up the pieces of a scope, all or as far as the first that it refuses.
    pub fn restore(&self, scope: Scope, blobs: &[Blob]) -> Result<(), StateRefusal> {
        if blobs.is_empty() {
            return Ok(());
        }
        let Some((table, facts)) = &self.state else { return Err(StateRefusal::NotRead) };
        blobs.iter().try_for_each(|blob| blob.check(facts))?;
        let restore = table.restore.ok_or(StateRefusal::NotRead)?;
        let _entered = enter(self.site(), Function::State, None);
        for (index, blob) in (0..).zip(blobs) {
            let bytes = blob.bytes.as_ptr().cast_mut();
            let piece = self.piece(scope, index, blob.version, bytes, (blob.bytes.len(), blob.bytes.len()));
            let mut error = ErrorText::default();
            // SAFETY: the instance is live; the piece and its bytes, which it may only read, outlive the call.
            match self.note(unsafe { restore(self.raw(), &raw const piece, &raw mut error) }) {
                OK => {}
                status => return Err(refusal("taking up the state", status, &error)),
            }
        }
        Ok(())
    }

    fn piece(&self, scope: Scope, index: u32, version: u32, data: *mut u8, size: (usize, usize)) -> StatePiece {
        match scope {
            Scope::Instance => piece(STATE_INSTANCE, index, version, data, size),
            Scope::Nic { port } => StatePiece { port, ..piece(STATE_NIC, index, version, data, size) },
        }
    }

    /// Has a context write its next piece.
    pub(super) fn save_worker(&self, context: *mut c_void, room: &mut [u8], index: u32) -> Result<Saved, StateFailure> {
        let Some((table, facts)) = &self.state else { return Ok(Saved { length: 0, remaining: 0 }) };
        let Some(save) = table.save_worker else { return Ok(Saved { length: 0, remaining: 0 }) };
        let mut piece = piece(STATE_WORKER, index, facts.version, room.as_mut_ptr(), (room.len(), 0));
        // SAFETY: the context is live and this is its thread; the piece and its room outlive the call.
        match self.note(unsafe { save(context, &raw mut piece) }) {
            OK => {}
            E_PANIC => return Err(StateFailure("it panicked when it saved the state of a worker".to_owned())),
            status => return Err(StateFailure(format!("status {status} when it saved the state of a worker"))),
        }
        match usize::try_from(piece.length).ok().filter(|length| *length <= room.len()) {
            Some(length) => Ok(Saved { length, remaining: piece.remaining }),
            None => Err(StateFailure(overstated(usize::MAX, room.len()))),
        }
    }

    /// Has a context take up a piece.
    pub(super) fn restore_worker(&self, context: *mut c_void, state: &Piece<'_>) -> Result<(), StateFailure> {
        let restore = self.state_table().and_then(|table| table.restore_worker);
        let restore = restore.ok_or_else(|| StateFailure(StateRefusal::NotRead.to_string()))?;
        let bytes = state.bytes.as_ptr().cast_mut();
        let piece = piece(STATE_WORKER, state.index, state.version, bytes, (state.bytes.len(), state.bytes.len()));
        let mut error = ErrorText::default();
        // SAFETY: the context is live and in use by nobody else; the piece and its bytes, which it may only read, outlive
        // the call.
        match self.note(unsafe { restore(context, &raw const piece, &raw mut error) }) {
            OK => Ok(()),
            status => Err(StateFailure(refusal("taking up the state of a worker", status, &error).to_string())),
        }
    }

    /// Tells a context that no more is saved.
    pub(super) fn end_saving_worker(&self, context: *mut c_void) {
        if let Some(end) = self.state_table().and_then(|table| table.end_worker) {
            // SAFETY: the context is live and in use by nobody else.
            unsafe { end(context) };
        }
    }
}

fn overstated(length: usize, room: usize) -> String {
    format!("it claims to have written {length} bytes into room for {room}; report it to its vendor")
}
