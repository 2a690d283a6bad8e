//! Who may stay connected: a bounded number of seats, and a way to get one when all are taken.
//!
//! [`MAX_CONNECTIONS`] clients are served at once, of which [`OWNER_RESERVE`] seats are for root and the daemon's user alone.
//! When there is no seat for a newcomer, the connection that has had no request for longest, and for at least
//! [`MIN_IDLE`], is closed in its favour; only an owner displaces an owner. When every seat is in use the newcomer is
//! seated among the refused, where each request is answered with the limit; [`MAX_REFUSED`] of those are kept, and the
//! oldest makes room. So clients that leak connections slow nobody down, and nothing is closed while there is room.
//!
//! A seat is closed only while none of its requests runs, and a closed one starts none: a request is never cut off half-way.

use super::error::ControlError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// Clients served at once.
pub const MAX_CONNECTIONS: usize = 256;
/// Seats of those that only root and the daemon's user get.
pub const OWNER_RESERVE: usize = 16;
/// Clients being told that there is no seat.
pub const MAX_REFUSED: usize = 32;
/// A connection without a request for this long makes room when there is none.
pub const MIN_IDLE: Duration = Duration::from_secs(1);

/// The seats of one daemon.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    /// Seats by number; numbers rise, so the first is the oldest.
    served: BTreeMap<u64, (Ticket, bool)>,
    refused: BTreeMap<u64, Ticket>,
    next: u64,
}

/// A connection's seat; dropping it gives the seat back.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    ticket: Ticket,
    seats: Seats,
}

/// What a connection's requests know of their seat.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// The number of seats, when this connection got none of them.
    refused: Option<usize>,
    running: usize,
    idle_since: Instant,
    closed: bool,
    reader: Option<Waker>,
}

/// A request being carried out: while there is one its seat is not closed.
#[derive(Debug)]
pub(super) struct Running {
    ticket: Ticket,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every step below leaves the numbers whole, so a panic elsewhere does not spoil them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seats {
    /// A seat for a client that connected at `now`. Owners are root and the daemon's user.
    pub(super) fn take(&self, owner: bool, now: Instant) -> Seat {
        let limit = if owner { MAX_CONNECTIONS } else { MAX_CONNECTIONS - OWNER_RESERVE };
        let mut table = lock(&self.table);
        let served = table.served.len() < limit || table.displace(owner, now);
        let state =
            State { refused: (!served).then_some(limit), running: 0, idle_since: now, closed: false, reader: None };
        let ticket = Ticket { state: Arc::new(Mutex::new(state)) };
        let number = table.next;
        table.next += 1;
        if served {
            table.served.insert(number, (ticket.clone(), owner));
        } else {
            if table.refused.len() >= MAX_REFUSED
                && let Some((_, oldest)) = table.refused.pop_first()
            {
                oldest.close();
            }
            table.refused.insert(number, ticket.clone());
        }
        Seat { number, ticket, seats: self.clone() }
    }
}

impl Table {
    /// Closes the connection that has been idle for longest; says whether there was one.
    fn displace(&mut self, owner: bool, now: Instant) -> bool {
        let idle = self.served.iter().filter(|(_, (_, theirs))| owner || !theirs);
        let idle = idle.filter_map(|(number, (ticket, _))| Some((ticket.idle_since()?, *number))).min();
        let Some((_, number)) = idle.filter(|(since, _)| now.saturating_duration_since(*since) >= MIN_IDLE) else {
            return false;
        };
        // A request that began since then keeps its seat; the newcomer is refused and may try again.
        let closed = self.served.get(&number).is_some_and(|(ticket, _)| ticket.close());
        if closed {
            self.served.remove(&number);
        }
        closed
    }
}

impl Seat {
    /// For the requests of this connection.
    pub(super) fn ticket(&self) -> Ticket {
        self.ticket.clone()
    }

    /// Whether the connection is to end; if not, `cx` is woken when it is.
    pub(super) fn poll_closed(&self, cx: &Context<'_>) -> bool {
        let mut state = lock(&self.ticket.state);
        if !state.closed && !state.reader.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            state.reader = Some(cx.waker().clone());
        }
        state.closed
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = lock(&self.seats.table);
        table.served.remove(&self.number);
        table.refused.remove(&self.number);
    }
}

impl Ticket {
    /// Starts a request.
    ///
    /// # Errors
    /// When the connection has no seat, or loses it at this moment.
    pub(super) fn begin(&self) -> Result<Running, ControlError> {
        let mut state = lock(&self.state);
        if let Some(limit) = state.refused {
            return Err(ControlError::LimitReached {
                what: "clients at once".to_owned(),
                limit: u64::try_from(limit).unwrap_or(u64::MAX),
                fix: "end some of them, or try again".to_owned(),
            });
        }
        if state.closed {
            let reason = "this idle connection makes room for another client".to_owned();
            return Err(ControlError::Busy { thing: "heddled".to_owned(), reason });
        }
        state.running += 1;
        Ok(Running { ticket: self.clone() })
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        (state.running == 0).then_some(state.idle_since)
    }

    fn close(&self) -> bool {
        let mut state = lock(&self.state);
        if state.running > 0 {
            return false;
        }
        state.closed = true;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = lock(&self.ticket.state);
        state.running = state.running.saturating_sub(1);
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(seat: &Seat) -> bool {
        seat.poll_closed(&Context::from_waker(Waker::noop()))
    }

    fn refused(seat: &Seat) -> bool {
        seat.ticket().begin().is_err()
    }

    fn fill(seats: &Seats, owner: bool, count: usize, now: Instant) -> Vec<Seat> {
        (0..count).map(|_| seats.take(owner, now)).collect()
    }

    #[test]
    fn the_longest_idle_connection_makes_room_and_none_is_closed_before() {
        let (seats, start) = (Seats::default(), Instant::now());
        let held = fill(&seats, true, MAX_CONNECTIONS - 1, start + MIN_IDLE / 2);
        let longest = seats.take(true, start);
        assert!(held.iter().chain([&longest]).all(|seat| !closed(seat)));
        assert!(!refused(&seats.take(true, start + MIN_IDLE)));
        assert!(closed(&longest) && held.iter().all(|seat| !closed(seat)));
    }

    #[test]
    fn connections_in_use_or_fresh_are_kept_and_the_newcomer_is_told_the_limit() {
        let (seats, start) = (Seats::default(), Instant::now());
        let held = fill(&seats, true, MAX_CONNECTIONS, start);
        let early = seats.take(true, start + MIN_IDLE / 2);
        let message = early.ticket().begin().err().map(|error| error.to_string());
        assert_eq!(
            message.as_deref(),
            Some("the limit of 256 clients at once is reached; end some of them, or try again")
        );
        let running: Vec<_> = held.iter().map(|seat| seat.ticket().begin()).collect();
        assert!(running.iter().all(Result::is_ok));
        assert!(refused(&seats.take(true, start + MIN_IDLE * 9)), "all are in use");
        drop(running);
        assert!(!refused(&seats.take(true, Instant::now() + MIN_IDLE * 9)), "none is any more");
    }

    #[test]
    fn readers_leave_the_reserve_and_the_owners_connections_alone() {
        let (seats, start) = (Seats::default(), Instant::now());
        let readers = fill(&seats, false, MAX_CONNECTIONS - OWNER_RESERVE, start);
        assert!(refused(&seats.take(false, start)), "the reserve is not for readers");
        let owners = fill(&seats, true, OWNER_RESERVE, start);
        assert!(owners.iter().all(|seat| !refused(seat)), "it is for owners");
        drop(readers);
        let more = fill(&seats, true, MAX_CONNECTIONS - OWNER_RESERVE, start);
        assert!(refused(&seats.take(false, Instant::now() + MIN_IDLE * 9)), "a reader displaces no owner");
        assert!(more.iter().chain(&owners).all(|seat| !closed(seat)));
    }

    #[test]
    fn refused_connections_are_bounded_too() {
        let (seats, start) = (Seats::default(), Instant::now());
        let _held = fill(&seats, true, MAX_CONNECTIONS, start);
        let refusals = fill(&seats, true, MAX_REFUSED + 1, start);
        let open: Vec<bool> = refusals.iter().map(|seat| !closed(seat)).collect();
        assert_eq!(open.iter().filter(|open| **open).count(), MAX_REFUSED);
        assert!(!open.first().copied().unwrap_or(true), "the oldest went");
    }

    #[test]
    fn a_closed_connection_starts_no_request() {
        let (seats, start) = (Seats::default(), Instant::now());
        let held = fill(&seats, true, MAX_CONNECTIONS, start);
        let _newcomer = seats.take(true, start + MIN_IDLE);
        let first = held.iter().find(|seat| closed(seat)).map(Seat::ticket);
        let message = first.and_then(|ticket| ticket.begin().err()).map(|error| error.to_string());
        assert_eq!(
            message.as_deref(),
            Some("heddled is busy: this idle connection makes room for another client; try again")
        );
    }
}
