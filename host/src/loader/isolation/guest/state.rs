//! State of an extension that runs in a child: saved and taken up there, carried as bytes.
//!
//! What does not fit is refused in the child by the same code as here. A worker's context is saved and restored by its own
//! thread there, between two jobs, so a worker of the switch takes no part and goes on with its traffic.

use heddle_extension_api::abi::state::{STATE_BLOB_MAX, STATE_BLOBS_MAX};
use heddle_extension_api::abi::status::{E_PANIC, OK};
use heddle_switch_core::exchange::{Piece, StateFailure};

use super::super::talk::ToChild;
use super::{Done, Guest};
use crate::loader::state::{Blob, Scope, StateFacts, StateRefusal};

impl Scope {
    fn port(self) -> Option<u32> {
        match self {
            Scope::Instance => None,
            Scope::Nic { port } => Some(port),
        }
    }
}

fn told(words: String) -> StateRefusal {
    StateRefusal::Told { words }
}

impl Guest {
    /// What its state is; `None` when it has none.
    pub(in crate::loader) fn state_facts(&self) -> Option<&StateFacts> {
        self.state.as_ref()
    }

    /// A call about state.
    fn about_state(&self, request: &ToChild, bytes: &[u8]) -> Result<Done, StateRefusal> {
        let done = self.ask("a call about its state", request, bytes).map_err(told)?;
        match self.note(done.status) {
            OK => Ok(done),
            E_PANIC => Err(StateRefusal::Panicked { what: "a call about its state" }),
            _ => Err(told(done.text)),
        }
    }

    /// Says that its state is about to be saved.
    pub(in crate::loader) fn begin_saving(&self) -> Result<(), StateRefusal> {
        self.about_state(&ToChild::BeginSaving, &[]).map(drop)
    }

    /// Says that no more is saved, and whether it goes on.
    pub(in crate::loader) fn end_saving(&self, goes_on: bool) {
        // One that cannot be told is gone.
        let _ = self.about_state(&ToChild::EndSaving(goes_on), &[]);
    }

    /// Saves a scope whole.
    pub(in crate::loader) fn save(&self, scope: Scope) -> Result<Vec<Blob>, StateRefusal> {
        let Some(facts) = &self.state else { return Ok(Vec::new()) };
        let done = self.about_state(&ToChild::Save { port: scope.port() }, &[])?;
        let garbage = || told("its process told a state that cannot be".to_owned());
        let mut rest = done.bytes.as_slice();
        let mut blobs = Vec::new();
        while !rest.is_empty() {
            let (length, more) = rest.split_first_chunk::<4>().ok_or_else(garbage)?;
            let length = u32::from_le_bytes(*length);
            if length > STATE_BLOB_MAX || blobs.len() >= STATE_BLOBS_MAX as usize {
                return Err(garbage());
            }
            let (bytes, more) = more.split_at_checked(length as usize).ok_or_else(garbage)?;
            blobs.push(Blob::new(facts, bytes.to_vec()));
            rest = more;
        }
        Ok(blobs)
    }

    /// Takes up the pieces of a scope, all or as far as the first that it refuses.
    pub(in crate::loader) fn restore(&self, scope: Scope, blobs: &[Blob]) -> Result<(), StateRefusal> {
        if blobs.is_empty() {
            return Ok(());
        }
        let limit = u64::from(STATE_BLOBS_MAX) * u64::from(STATE_BLOB_MAX);
        let bytes: u64 = blobs.iter().map(|blob| blob.bytes.len() as u64).sum();
        if bytes > limit {
            return Err(StateRefusal::TooLarge { bytes, limit });
        }
        let heads = blobs.iter().map(Blob::head).collect();
        let bytes: Vec<u8> = blobs.iter().flat_map(|blob| &blob.bytes).copied().collect();
        self.about_state(&ToChild::Restore { port: scope.port(), heads }, &bytes).map(drop)
    }

    fn about_worker(&self, request: &ToChild, bytes: &[u8]) -> Result<Done, StateFailure> {
        self.about_state(request, bytes).map_err(|refusal| StateFailure(refusal.to_string()))
    }

    /// Has a context write its next piece into at most `room` bytes; the piece, and about how many bytes are left.
    pub(crate) fn save_worker(&self, worker: u16, index: u32, room: usize) -> Result<(Vec<u8>, u64), StateFailure> {
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let done = self.about_worker(&ToChild::SaveWorker { worker, index, room }, &[])?;
        if done.bytes.len() > room as usize {
            return Err(StateFailure("its process told a piece longer than its room".to_owned()));
        }
        Ok((done.bytes, done.number))
    }

    /// Has a context take up a piece.
    pub(in crate::loader) fn restore_worker(&self, worker: u16, piece: &Piece<'_>) -> Result<(), StateFailure> {
        let request = ToChild::RestoreWorker { worker, index: piece.index, version: piece.version };
        self.about_worker(&request, piece.bytes).map(drop)
    }

    /// Tells a context that no more is saved.
    pub(crate) fn end_saving_worker(&self, worker: u16) {
        // One that cannot be told is gone.
        let _ = self.about_worker(&ToChild::EndSavingWorker(worker), &[]);
    }

    /// The handles of frames that a context holds, for [`Guest::take_keeps`] of another version.
    pub(crate) fn keeps(&self, worker: u16) -> Result<Vec<u8>, StateFailure> {
        self.about_worker(&ToChild::Keeps(worker), &[]).map(|done| done.bytes)
    }

    /// Makes the handles valid here that another version told: its state names them.
    pub(crate) fn take_keeps(&self, worker: u16, keeps: &[u8]) -> Result<(), StateFailure> {
        self.about_worker(&ToChild::TakeKeeps(worker), keeps).map(drop)
    }
}
