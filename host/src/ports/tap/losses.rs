//! What the kernel dropped on a TAP interface because its ring was full: `tx_dropped` of the interface's statistics.
//!
//! The interface may be in another network namespace, under another name: the queue's file knows both. The figure is then
//! asked for by netlink across namespaces (`IFLA_TARGET_NETNSID`), which keeps nothing of the other namespace alive. What
//! an interface that was taken over had lost before does not count; one made anew starts at zero again.
//!
//! Four system calls a reading. What was lost between the last reading and the end of an interface is not known.

use std::io;
use std::sync::Arc;

use super::Tap;
use crate::ports::LossMeter;
use crate::ports::device::statistics::Statistics;
use crate::ports::sys::tun;

/// The losses of one port.
pub(super) struct TapLosses {
    tap: Arc<Tap>,
    statistics: Statistics,
    last: u64,
    total: u64,
}

impl TapLosses {
    pub(super) fn new(tap: Arc<Tap>) -> io::Result<TapLosses> {
        let mut losses = TapLosses { tap, statistics: Statistics::open()?, last: 0, total: 0 };
        losses.last = losses.dropped()?;
        Ok(losses)
    }

    fn dropped(&mut self) -> io::Result<u64> {
        let queue = self.tap.queues.first().ok_or(io::ErrorKind::NotFound)?;
        let (name, space) = (tun::name(queue)?, tun::namespace(queue)?);
        self.statistics.tx_dropped(&name, &space)
    }
}

impl LossMeter for TapLosses {
    fn missed(&mut self) -> u64 {
        // While the interface is gone the total stays what it was.
        if let Ok(now) = self.dropped() {
            self.total += now.checked_sub(self.last).unwrap_or(now);
            self.last = now;
        }
        self.total
    }
}
