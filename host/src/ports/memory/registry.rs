//! Ends of memory ports that wait for whoever plays the other side, by name, for this process.
//!
//! Control-side only: taken under a lock when a port opens. A far end whose port has closed is dropped at the next opening,
//! and opening a name again replaces what waited under it. A cable has two ends: while both are plugged in a third port is
//! refused; a cable of which one end was pulled is no more, and its name is free for a new one.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use super::ring::{FrameReader, Spread};
use super::{MemoryEnd, MemoryRx, MemoryTx, RING_BYTES};

#[derive(Default)]
struct Waiting {
    ends: HashMap<String, MemoryEnd>,
    /// Cables with at least one end plugged in, by name.
    cables: HashMap<String, Cable>,
}

enum Cable {
    /// The half whose other half is plugged in, and the port that has that.
    Half { inbound: Vec<FrameReader>, outbound: Spread, plugged: Plug },
    /// Both ends are plugged in.
    Whole([Plug; 2]),
}

/// A port at an end of a cable; its transmit side holds the strong reference.
struct Plug {
    port: String,
    alive: Weak<()>,
}

impl Plug {
    fn is_in(&self) -> bool {
        self.alive.strong_count() > 0
    }
}

impl Cable {
    fn is_whole(&self) -> bool {
        match self {
            Cable::Half { plugged, .. } => plugged.is_in(),
            Cable::Whole(plugs) => plugs.iter().all(Plug::is_in),
        }
    }
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

/// One end of the cable `name` for `port`: the first comer makes it, the second gets the other end.
pub(super) fn plug(name: &str, port: &str, queues: u16) -> Result<(Vec<MemoryRx>, MemoryTx), String> {
    let mut waiting = waiting();
    waiting.cables.retain(|_, cable| cable.is_whole());
    let alive = Arc::new(());
    let plug = Plug { port: port.to_owned(), alive: Arc::downgrade(&alive) };
    let (inbound, outbound) = match waiting.cables.remove(name) {
        Some(Cable::Whole(plugs)) => {
            let [one, other] = &plugs;
            let reason = format!(
                "the ports '{}' and '{}' are at its two ends already; choose another NAME or remove one of them",
                one.port, other.port
            );
            waiting.cables.insert(name.to_owned(), Cable::Whole(plugs));
            return Err(reason);
        }
        Some(Cable::Half { inbound, outbound, plugged }) if inbound.len() != usize::from(queues) => {
            let reason = format!(
                "the port '{}' at the other end has {} queues and this one {queues}; give both the same number",
                plugged.port,
                inbound.len()
            );
            waiting.cables.insert(name.to_owned(), Cable::Half { inbound, outbound, plugged });
            return Err(reason);
        }
        Some(Cable::Half { inbound, outbound, plugged }) => {
            waiting.cables.insert(name.to_owned(), Cable::Whole([plugged, plug]));
            (inbound, outbound)
        }
        None => {
            let (near_out, inbound) = Spread::new(queues, RING_BYTES);
            let (outbound, near_in) = Spread::new(queues, RING_BYTES);
            waiting.cables.insert(name.to_owned(), Cable::Half { inbound, outbound, plugged: plug });
            (near_in, near_out)
        }
    };
    let missed = Arc::new(AtomicU64::new(0));
    let rx = inbound.into_iter().map(|ring| MemoryRx::new(ring, &missed)).collect();
    Ok((rx, MemoryTx { rings: outbound, _end: Some(alive) }))
}
