//! Extensions out of process: the same file, in a child of its own per instance.
//!
//! ```text
//!   worker ── copies of frames ──► ring in shared memory ──► child's worker thread ──► the extension
//!          ◄─ verdicts, changed bytes, what was asked ──────────────┘
//!   control ── create, events, tick ◄── socket, deadlines ──► child's control thread
//! ```
//!
//! The child is this same program, `heddled --child`; it confines itself (`sandbox`) before it opens the file, maps no packet
//! memory of the switch, and works on copies in memory that only it and the host have. Originals stay with the switch
//! (`switch_core::lent`), so whatever becomes of the child, a frame is passed or dropped by the fail policy, never lost.
//! `guest` is the instance, `stage` its context on a worker, `ring` the memory between, `talk` the socket, `warden`
//! starts children and learns of their ends, `child` is the other side.

mod answers;
pub mod child;
mod guest;
mod layout;
mod parking;
mod published;
mod replay;
mod report;
mod ring;
mod sandbox;
mod shared;
mod skips;
mod stage;
mod talk;
mod warden;

pub(super) use answers::port_bytes;
pub use guest::{Guest, Launched, launch};
pub use stage::IsolatedStage;
pub use warden::{use_program, wait_for_failure};
