//! What the control thread has done by a worker's thread between two jobs: state of a context is saved and taken up there,
//! since a context's calls never overlap. And what the host asks about state at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use heddle_extension_api::abi::state::STATE_BLOB_MAX;
use heddle_extension_api::abi::status::{E_FAILED, E_PANIC, OK};
use heddle_switch_core::exchange::{Piece, StateFailure};

use super::super::talk::ToChild;
use super::worker::Turner;
use super::{Rooms, Told, panicked, refused};
use crate::loader::Instance;
use crate::loader::state::{Blob, Scope, StateRefusal};

/// Work for a worker's thread.
type Errand = Box<dyn FnOnce(&mut Turner) + Send>;

/// The worker's end.
pub(super) struct Errands {
    there: Arc<AtomicBool>,
    errands: Receiver<Errand>,
}

/// The control thread's end.
pub(super) struct Errander {
    there: Arc<AtomicBool>,
    errands: Sender<Errand>,
}

/// Both ends.
pub(super) fn errands() -> (Errander, Errands) {
    let (send, receive) = channel();
    let there = Arc::new(AtomicBool::new(false));
    (Errander { there: Arc::clone(&there), errands: send }, Errands { there, errands: receive })
}

impl Errands {
    /// Whether there is one: one load, between jobs.
    pub(super) fn are_there(&self) -> bool {
        self.there.load(Ordering::SeqCst)
    }

    /// The next one.
    pub(super) fn next(&self) -> Option<Errand> {
        self.there.store(false, Ordering::SeqCst);
        self.errands.try_recv().ok()
    }
}

impl Errander {
    /// Has it done, and waits; `wake` makes the worker look. `None` when its thread has ended.
    pub(super) fn send<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Turner) -> R + Send + 'static,
        wake: impl FnOnce(),
    ) -> Option<R> {
        let (answer, answered) = channel();
        let errand = Box::new(move |turner: &mut Turner| {
            // Whoever asked waits.
            let _ = answer.send(work(turner));
        });
        self.errands.send(errand).ok()?;
        self.there.store(true, Ordering::SeqCst);
        wake();
        answered.recv().ok()
    }
}

impl Rooms {
    /// Saves, takes up, ends.
    pub(super) fn about_state(&self, request: ToChild, bytes: &[u8]) -> Told {
        let Some(instance) = &self.instance else { return refused("no instance").into() };
        match request {
            ToChild::BeginSaving => of(instance, instance.begin_saving()),
            ToChild::EndSaving(goes_on) => {
                instance.end_saving(goes_on);
                of(instance, Ok(()))
            }
            ToChild::Save { port } => match instance.save(scope(port)) {
                Ok(blobs) => Told { bytes: joined(&blobs), ..Told::default() },
                refused => of(instance, refused.map(drop)),
            },
            ToChild::Restore { port, heads } => match Blob::parts(heads, bytes) {
                Some(blobs) => of(instance, instance.restore(scope(port), &blobs)),
                None => refused("cut short").into(),
            },
            ToChild::SaveWorker { worker, index, room } => self.on_worker(worker, move |turner| {
                let mut bytes = vec![0; room.min(STATE_BLOB_MAX) as usize];
                let saved = turner.save(&mut bytes, index)?;
                bytes.truncate(saved.length);
                Ok(Told { bytes, number: saved.remaining, ..Told::default() })
            }),
            ToChild::RestoreWorker { worker, index, version } => {
                let bytes = bytes.to_vec();
                self.on_worker(worker, move |turner| {
                    turner.restore(&Piece { bytes: &bytes, version, index })?;
                    Ok(Told::default())
                })
            }
            ToChild::EndSavingWorker(worker) => self.on_worker(worker, |turner| {
                turner.end_saving();
                Ok(Told::default())
            }),
            ToChild::Keeps(worker) => {
                self.on_worker(worker, |turner| Ok(Told { bytes: turner.keep().held_handles(), ..Told::default() }))
            }
            ToChild::TakeKeeps(worker) => {
                let bytes = bytes.to_vec();
                self.on_worker(worker, move |turner| {
                    turner.keep().take_handles(&bytes);
                    Ok(Told::default())
                })
            }
            _ => refused("not now").into(),
        }
    }

    fn on_worker(
        &self,
        worker: u16,
        work: impl FnOnce(&mut Turner) -> Result<Told, StateFailure> + Send + 'static,
    ) -> Told {
        let Some(thread) = self.threads.get(&worker) else { return refused("no such worker").into() };
        match thread.errand(work) {
            _ if self.instance.as_ref().is_some_and(|instance| instance.has_panicked()) => panicked().into(),
            Some(Ok(told)) => told,
            Some(Err(failure)) => (E_FAILED, failure.to_string()).into(),
            None => refused("its thread has ended").into(),
        }
    }
}

fn scope(port: Option<u32>) -> Scope {
    port.map_or(Scope::Instance, |port| Scope::Nic { port })
}

fn of(instance: &Instance, outcome: Result<(), StateRefusal>) -> Told {
    match outcome {
        Err(refusal @ StateRefusal::Panicked { .. }) => (E_PANIC, refusal.to_string()).into(),
        _ if instance.has_panicked() => panicked().into(),
        Ok(()) => (OK, String::new()).into(),
        Err(refusal) => (E_FAILED, refusal.to_string()).into(),
    }
}

/// Pieces one behind the other, each behind its length.
fn joined(blobs: &[Blob]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for blob in blobs {
        // Each was written into room for less than 4 GiB.
        bytes.extend_from_slice(&u32::try_from(blob.bytes.len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&blob.bytes);
    }
    bytes
}
