//! The desired state: what operators asked for, kept in a file so that a restart comes back with it.
//!
//! [`record`] is the form of it that is stored and written in configuration files: names, numbers and words as on the
//! command line, independent of the types inside. [`store`] keeps records in one database file, one transaction a request.
//! [`Durable`] stands before the data plane: it carries a request out, stores what changed before the client has its
//! answer, and undoes what could not be stored. After a restart it brings everything back; what cannot be brought back is
//! shown with its reason and tried again.
//!
//! Decision 0006 (`sdk-docs/src/decisions/0006-desired-state.md`) says why.

mod adopt;
mod durable;
pub mod record;
pub mod store;

pub use adopt::Wanted;
pub use durable::{Crashes, Durable};
