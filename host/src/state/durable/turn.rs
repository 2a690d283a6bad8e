//! Turns: changes of one switch go one at a time, those of different switches side by side.
//!
//! A change may wait: for references that an extension keeps to a port, for an extension's state to be carried over. Only
//! its own switch waits with it. The store is held for single transactions, within a turn or by who takes no turn.
//!
//! Bounded by the switches that are being changed. Who takes a turn must not have one.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

use super::{Inner, lock};
use crate::control::model::SwitchName;
use crate::state::store::{Edit, StoreError};

/// Which switches are being changed.
#[derive(Default)]
pub(super) struct Turns {
    taken: Mutex<BTreeSet<SwitchName>>,
    freed: Condvar,
}

/// The turn of one change of a switch.
pub(super) struct Turn<'a> {
    inner: &'a Inner,
    switch: SwitchName,
}

impl Inner {
    /// Waits until no other change of the switch is under way.
    pub(super) fn turn(&self, switch: &SwitchName) -> Turn<'_> {
        let turns = &self.turns;
        let taken = turns.freed.wait_while(lock(&turns.taken), |taken| taken.contains(switch));
        taken.unwrap_or_else(PoisonError::into_inner).insert(switch.clone());
        Turn { inner: self, switch: switch.clone() }
    }
}

impl Turn<'_> {
    /// Stores all of these or none.
    pub(super) fn commit(&mut self, edits: &[Edit<'_>]) -> Result<(), StoreError> {
        lock(&self.inner.store).commit(edits)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.inner.turns.taken).remove(&self.switch);
        self.inner.turns.freed.notify_all();
    }
}
