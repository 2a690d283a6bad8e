//! Ends of memory ports that wait for whoever plays the other side, by name, for this process.
//!
//! Control-side only: taken under a lock when a port opens. A far end whose port has closed is dropped at the next opening,
//! and opening a name again replaces what waited under it.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::ring::{FrameReader, Spread};
use super::{MemoryEnd, MemoryRx, MemoryTx, RING_BYTES};

#[derive(Default)]
struct Waiting {
    ends: HashMap<String, MemoryEnd>,
    /// The half of a cable whose other half is plugged in, by the cable's name.
    cables: HashMap<String, Half>,
}

struct Half {
    inbound: Vec<FrameReader>,
    outbound: Spread,
}

static WAITING: LazyLock<Mutex<Waiting>> = LazyLock::new(Mutex::default);

fn waiting() -> MutexGuard<'static, Waiting> {
    // A panic elsewhere cannot leave a map half-changed.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the far end of the memory port `switch/port`; `None` when there is no such port or its end was taken.
pub fn take_end(port: &str) -> Option<MemoryEnd> {
    waiting().ends.remove(port)
}

pub(super) fn leave_end(port: &str, end: MemoryEnd) {
    let mut waiting = waiting();
    waiting.ends.retain(|_, end| !end.is_closed());
    waiting.ends.insert(port.to_owned(), end);
}

/// One half of the cable `name`: the first comer makes it, the second gets the other half.
pub(super) fn plug(name: &str, queues: u16) -> Result<(Vec<MemoryRx>, MemoryTx), String> {
    let mut waiting = waiting();
    waiting.cables.retain(|_, half| !half.outbound.is_closed());
    let half = match waiting.cables.remove(name) {
        Some(half) if half.inbound.len() != usize::from(queues) => {
            let (have, half_queues) = (queues, half.inbound.len());
            waiting.cables.insert(name.to_owned(), half);
            return Err(format!(
                "the port at the other end has {half_queues} queues and this one {have}; give both the same number"
            ));
        }
        Some(half) => half,
        None => {
            let (near_out, far_in) = Spread::new(queues, RING_BYTES);
            let (far_out, near_in) = Spread::new(queues, RING_BYTES);
            waiting.cables.insert(name.to_owned(), Half { inbound: far_in, outbound: far_out });
            Half { inbound: near_in, outbound: near_out }
        }
    };
    let missed = Arc::new(AtomicU64::new(0));
    let rx = half.inbound.into_iter().map(|ring| MemoryRx::new(ring, &missed)).collect();
    Ok((rx, MemoryTx { rings: half.outbound }))
}
