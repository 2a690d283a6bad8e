//! Containment in process: what vendor code does wrong is caught, named, and costs nobody else.
//!
//! Around each call into an extension the thread notes whom it calls ([`site`], `slot`). Three watchers read that note:
//! the handlers of fatal signals ([`trap`]), which let a store into the read-only view of a capture extension go on in a
//! private copy ([`Window`](crate::loader::Window)) and put anything else on record ([`record`]) before the process ends; the watchdog
//! ([`watchdog`]), which ends a call that does not come back the same way; and the guard of the call itself, which counts
//! calls that took too long ([`strikes`]). The supervisor reads a copy of that note ([`note`]) when the process ended without a
//! record.
//!
//! Cost: per call, not per packet, a dozen plain stores and two readings of the time-stamp counter.
//! Decision 0011 (`sdk-docs/src/decisions/0011-containment.md`) says why.

pub mod modules;
pub mod note;
pub mod record;
pub mod site;
mod slot;
pub mod strikes;
pub mod trap;
pub mod watchdog;

pub use record::{CrashCause, CrashRecord};
pub use site::{Function, Site, on_behalf_of};
pub(crate) use slot::{Entered, enter};
pub use strikes::Strikes;
