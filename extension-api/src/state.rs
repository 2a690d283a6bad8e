//! State that outlives a version: the optional interface `heddle.state/1`.
//!
//! An extension that implements [`Stateful`] can be upgraded under traffic without forgetting anything: the old version
//! writes what it knows piece by piece, the new one takes it up. Name it in the export: `interfaces: [state]`, or
//! `[config, state]`.
//!
//! A piece is a run of records of your own format; [`StateRoom::put`] writes a record whole or not at all. Nothing about
//! the bytes is looked at by the host: say in [`Stateful::VERSION`] which format you write and in [`Stateful::OLDEST`] which
//! you still read. Limits: a record has at most 4,096 bytes, an instance or NIC 16 pieces of 1 MiB, a worker context 256 MiB.
//!
//! Cost: none per packet for extensions that do not record; recording is a flag that you test while state is being saved.

use core::fmt;

use crate::abi::state as abi;
use crate::host::Control;
use crate::rights::Role;
use crate::status::CreateError;
use crate::types::{NicIndex, PortId};

/// What a piece is the state of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateScope {
    /// What all workers share.
    Instance,
    /// A NIC, which may have another port id on the host where it is restored.
    Nic(PortId, NicIndex),
}

/// Why state is not taken up. The text reaches the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// The bytes are not what the format says.
    Corrupt(String),
    /// There is more than this extension has room for.
    TooLarge(String),
    /// Anything else: what, and what to do about it.
    Refused(String),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Corrupt(text) | StateError::TooLarge(text) | StateError::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StateError {}

/// Room for a piece.
#[derive(Debug)]
pub struct StateRoom<'a> {
    room: &'a mut [u8],
    used: usize,
    index: u32,
    remaining: u64,
}

impl<'a> StateRoom<'a> {
    pub(crate) fn new(room: &'a mut [u8], index: u32) -> Self {
        StateRoom { room, used: 0, index, remaining: 0 }
    }

    /// Number of this piece, from 0.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.room.len() - self.used
    }

    /// Writes a record whole; false, and nothing is written, when there is no room: it belongs into the next piece.
    pub fn put(&mut self, record: &[u8]) -> bool {
        let end = self.used + record.len();
        match self.room.get_mut(self.used..end) {
            Some(place) => {
                place.copy_from_slice(record);
                self.used = end;
                true
            }
            None => false,
        }
    }

    /// Says how many bytes are still to be saved after this piece, about. The host saves on until that is little, and
    /// refuses an upgrade that would keep a worker waiting for too long.
    pub fn set_remaining(&mut self, bytes: u64) {
        self.remaining = bytes;
    }

    pub(crate) fn outcome(&self) -> (u64, u64) {
        (self.used as u64, self.remaining)
    }
}

/// A piece that was saved, by this version or by an older one.
#[derive(Clone, Copy, Debug)]
pub struct SavedState<'a> {
    bytes: &'a [u8],
    version: u32,
    index: u32,
}

impl<'a> SavedState<'a> {
    pub(crate) fn new(bytes: &'a [u8], version: u32, index: u32) -> Self {
        SavedState { bytes, version, index }
    }

    /// The bytes, as they were written.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The version of the schema they are in: from [`Stateful::OLDEST`] to [`Stateful::VERSION`].
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Number of the piece, from 0.
    pub fn index(&self) -> u32 {
        self.index
    }
}

/// An instance with state. All methods are `[control]`.
pub trait Stateful<R: Role> {
    /// Name of the format, a reverse URI of at most 64 bytes.
    const SCHEMA: &'static str;
    /// Version of it that is written, from 1, and the newest that is read.
    const VERSION: u32;
    /// Oldest version that is read.
    const OLDEST: u32;
    /// Whether worker contexts name held frames in their state, so that these stay held. See [`HeldFrame::to_state`](crate::HeldFrame::to_state).
    const KEEPS_HELD: bool = false;

    /// State is about to be saved.
    fn save_begin(&mut self, host: &Control<'_, R>) -> Result<(), CreateError> {
        let _ = host;
        Ok(())
    }

    /// No more is saved. `goes_on` says that this instance runs on; otherwise another one took over.
    fn save_end(&mut self, host: &Control<'_, R>, goes_on: bool) {
        let _ = (host, goes_on);
    }

    /// Writes a piece of a scope; asked again until it writes nothing.
    fn save(&mut self, host: &Control<'_, R>, scope: StateScope, room: &mut StateRoom<'_>) -> Result<(), StateError> {
        let _ = (host, scope, room);
        Ok(())
    }

    /// Takes up a piece of a scope.
    fn restore(&mut self, host: &Control<'_, R>, scope: StateScope, state: &SavedState<'_>) -> Result<(), StateError> {
        let _ = (host, scope, state);
        Err(StateError::Refused("this extension takes up no such state".to_owned()))
    }
}

/// A worker context with state.
pub trait WorkerState {
    /// Writes the next piece: first all there is, then what has changed since. `[worker]`: neither block nor allocate much,
    /// and set [`StateRoom::set_remaining`].
    fn save(&mut self, room: &mut StateRoom<'_>);

    /// Takes up a piece, before the first data-path call. Room is best made in
    /// [`worker`](crate::FilterExtension::worker): the last pieces come on the worker.
    fn restore(&mut self, state: &SavedState<'_>) -> Result<(), StateError>;

    /// No more is saved: changes need not be recorded any longer.
    fn save_end(&mut self) {}
}

/// Services have no workers.
impl WorkerState for () {
    fn save(&mut self, _: &mut StateRoom<'_>) {}

    fn restore(&mut self, _: &SavedState<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

pub(crate) fn scope_of(piece: &abi::StatePiece) -> Option<StateScope> {
    match piece.scope {
        abi::STATE_INSTANCE => Some(StateScope::Instance),
        abi::STATE_NIC => Some(StateScope::Nic(PortId::new(piece.port)?, NicIndex::new(piece.nic).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::StateRoom;

    #[test]
    fn a_record_is_written_whole_or_not_at_all() {
        let mut bytes = [0; 5];
        let mut room = StateRoom::new(&mut bytes, 0);
        assert!(room.put(&[1, 2, 3]));
        assert!(!room.put(&[4, 5, 6]));
        assert!(room.put(&[7, 8]));
        room.set_remaining(9);
        assert_eq!((room.left(), room.outcome()), (0, (5, 9)));
        assert_eq!(bytes, [1, 2, 3, 7, 8]);
    }
}
