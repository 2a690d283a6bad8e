//! Which network device a port is on: one name and one number, for its queues, for whoever follows devices, for operators.
//!
//! A queue that lost its device takes up the [`successor`](Attachment::successor). As long as nobody follows devices that
//! is whatever has the name now. Once somebody does ([`Attachment::follow`]), a queue waits to be told: only who sees every
//! rename in its order can tell the device that came back from a foreign one that has a name the port's device once had.
//!
//! A lock per question; queues ask when their device is gone, never per frame.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::OpenPortError;
use super::sys::interface;

/// Times that a device of a port got another name, in the life of this process.
static RENAMES: AtomicU64 = AtomicU64::new(0);

/// Times that a device of a port got another name: whoever keeps names looks again when it has grown.
pub fn renames() -> u64 {
    RENAMES.load(Ordering::Acquire)
}

/// The network device of an open port.
#[derive(Debug)]
pub struct Attachment(Mutex<Place>);

#[derive(Debug)]
struct Place {
    name: String,
    index: Option<u32>,
    followed: bool,
    detached: bool,
}

impl Attachment {
    pub(super) fn new(name: &str, index: Option<u32>) -> Arc<Attachment> {
        let place = Place { name: name.to_owned(), index, followed: false, detached: false };
        Arc::new(Attachment(Mutex::new(place)))
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        // Every change is one assignment: a panic elsewhere cannot leave it half-made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The device's name: the present one, or the last while it is away.
    pub fn name(&self) -> String {
        self.place().name.clone()
    }

    /// The device's number; `None` while it is away.
    pub fn index(&self) -> Option<u32> {
        self.place().index
    }

    /// From now on the caller says what becomes of the device.
    pub fn follow(&self) {
        self.place().followed = true;
    }

    /// It has another name.
    pub fn renamed(&self, name: &str) {
        name.clone_into(&mut self.place().name);
        RENAMES.fetch_add(1, Ordering::Release);
    }

    /// It is gone from this network namespace.
    pub fn gone(&self) {
        self.place().index = None;
    }

    /// It is back, under this number.
    pub fn returned(&self, index: u32) {
        self.place().index = Some(index);
    }

    /// Whether a queue has found that its device is no more, wherever that was.
    pub fn is_detached(&self) -> bool {
        self.place().detached
    }

    pub(super) fn set_detached(&self, detached: bool) {
        self.place().detached = detached;
    }

    /// Gives the device an MTU, or only a larger one, and says which it had. One that is not in this network namespace is
    /// its owner's business and left alone, as is one that has the device's name but is not it.
    pub fn set_mtu(&self, mtu: u32, only_raise: bool) -> Result<Option<u32>, OpenPortError> {
        let (name, index) = (self.name(), self.index());
        let before = match interface::mtu(&name) {
            Ok(before) if index.is_some() && interface::index(&name).ok() == index => before,
            _ => return Ok(None),
        };
        if before == mtu || (only_raise && before > mtu) {
            return Ok(None);
        }
        match interface::set_mtu(&name, mtu) {
            Ok(()) => Ok(Some(before)),
            Err(source) => Err(OpenPortError::mtu(&name, mtu, source, super::tap::largest_mtu(&name))),
        }
    }

    /// The device to take up for a queue that lost its own.
    pub(super) fn successor(&self) -> Option<u32> {
        let place = self.place();
        if place.followed { place.index } else { interface::index(&place.name).ok() }
    }
}
