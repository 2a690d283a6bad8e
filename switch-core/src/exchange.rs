//! One version of an extension in the place of another: state in pieces, and the exchange of contexts between two bursts.
//!
//! The newcomer takes over identity, position and counters, so nothing that waits in the switch notices: frames parked
//! behind it go on where they were, and held frames stay held when both versions say that they name them in their state.
//! What the old one broke is not the newcomer's: rules are counted anew from there, by the worker that runs both.
//! Held frames that nobody names go on behind the extension in the order they came, or are dropped where it fails closed.
//!
//! Frames lent to the process of the old one are the new one's to send on, before any other.
//!
//! Cost: nothing per packet; an exchange touches one entry of the worker's list, and what is held.

use std::sync::Arc;

use crate::drop_reason::DropReason;
use crate::held::{Entry, Kept};
use crate::pick::Skips;
use crate::port_id::PortId;
use crate::snapshot::Snapshot;
use crate::stage::{Leg, OnFailure, ResumePoint, Stage, StageEntry, StageId};
use crate::violation::Broken;
use crate::worker::{Update, Worker};

/// What a context wrote into the room it was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Bytes that are used.
    pub length: usize,
    /// Bytes that are still to be saved, about.
    pub remaining: u64,
}

/// A piece of state to take up.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Version of the schema they are in.
    pub version: u32,
    /// Number of the piece.
    pub index: u32,
}

/// Why state is not saved or taken up, in the extension's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateFailure(pub String);

/// A context that takes the place of another.
pub struct Exchange {
    /// The snapshot to forward by from then on.
    pub snapshot: Arc<Snapshot>,
    /// Whose place.
    pub id: StageId,
    /// The context.
    pub stage: Box<dyn Stage>,
    /// Whether frames that are held stay held.
    pub keeps_held: bool,
}

impl Worker {
    /// The context of an extension that runs here.
    pub fn stage_mut(&mut self, id: StageId) -> Option<&mut (dyn Stage + 'static)> {
        self.running.iter_mut().find(|running| running.id == id).map(|running| &mut *running.stage)
    }

    /// Puts a context in the place of another and gives that back; the newcomer itself when there is no such place.
    pub fn replace(&mut self, exchange: Exchange) -> Result<Box<dyn Stage>, Box<dyn Stage>> {
        let Exchange { snapshot, id, mut stage, keeps_held } = exchange;
        let Some(running) = self.running.iter_mut().find(|running| running.id == id) else { return Err(stage) };
        running.skips = Skips::start(&mut *stage);
        running.counters.broken = Broken::default();
        running.sees_copies = stage.sees_copies();
        running.remote = stage.is_remote();
        let mut former = std::mem::replace(&mut running.stage, stage);
        match former.hand_over() {
            Some(lent) if running.remote => running.stage.take_over(lent, keeps_held),
            Some(_) => self.core.return_lent(id, &self.snapshot),
            None => {}
        }
        if !keeps_held {
            self.let_go_of_held(id);
        }
        // Nobody leaves: the list of extensions is the one there was.
        self.update(Update { snapshot, started: Vec::new() });
        Ok(former)
    }

    fn let_go_of_held(&mut self, id: StageId) {
        let Some(entry) = self.snapshot.stages.iter().find(|stage| stage.id == id).cloned() else { return };
        for held in self.core.held.take_where(|held| held.stage == id && held.kept != Kept::Lent) {
            if held.kept == Kept::Held && self.fails_open(&entry, &held) {
                let resume = ResumePoint { after: entry.position, ..held.resume };
                self.core.park(held.packet, held.slot, resume);
            } else {
                self.core.end_entry(held, DropReason::ExtensionDisabled.code());
            }
        }
    }

    /// The fail policy of the port decides, or that of the extension.
    fn fails_open(&self, entry: &StageEntry, held: &Entry) -> bool {
        let port: PortId = if held.resume.leg == Leg::Ingress { held.slot.source } else { held.slot.destination };
        let own = self.snapshot.port(port).and_then(|port| port.on_failure);
        own.unwrap_or(entry.on_failure) == OnFailure::Open
    }
}
