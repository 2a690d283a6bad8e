//! The contract of the Heddle virtual switch with its extensions.
//!
//! An extension is a shared object with one role: [`capture`] sees everything and changes nothing, [`filter`] drops,
//! holds and changes frames, [`forward`] decides where they go, [`service`] has no data path. Implement the role's two
//! traits, name the type in [`export_extension!`], build a `cdylib`, and the switch loads it, whatever compiler built
//! either side.
//!
//! ```text
//! control thread   create ─ worker() per worker ─ event* tick* … event* ─ drop workers ─ drop instance
//! worker threads              ingress* egress* worker_tick*
//! ```
//!
//! * Threads: control methods of an instance are never called concurrently with each other; methods of a worker context
//!   neither. Both kinds run at the same time. Methods of workers neither block nor allocate.
//! * Ownership: frames, batches, events and configuration are the host's and are lent for one call. Instances, worker
//!   contexts and the threads of an extension are its own; dropping the instance joins them.
//! * Rights: what a role may not do on a leg does not exist there, see [`rights`].
//! * Panics are caught at the border and lead to quarantine, not to the end of the switch.
//!
//! [`abi`] is the binary truth below this layer: C structs and function tables, and the source of the C header.
//! Vendors writing Rust need nothing of it.

#![deny(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]
#![warn(unreachable_pub)]

pub mod abi;
pub mod capture;
pub mod config;
pub mod control;
pub mod drops;
pub mod export;
pub mod filter;
pub mod forward;
pub mod host;
pub mod packet;
pub mod policy;
pub mod rights;
pub mod sampling;
pub mod service;
pub mod settings;
pub mod state;
pub mod status;
pub mod types;

pub use capture::{CaptureExtension, CaptureWorker, Observed};
pub use config::{Config, ConfigError};
pub use control::{Event, EventKind, NicState, PortCounters, PortInfo, PortKind};
pub use drops::{Dropped, Drops};
pub use export::{Capabilities, Exported};
pub use filter::{FilterEgress, FilterExtension, FilterIngress, FilterWorker};
pub use forward::{ForwardEgress, ForwardIngress, ForwardingExtension, ForwardingWorker};
pub use host::{Control, DatagramCounts, HostHandle, Level, VlanCounters};
pub use packet::{
    Batch, Call, Draft, Frame, FrameFlags, HeldFrame, Leg, Offload, OffloadKind, Packets, Preserve, Refused,
    WritableFrame,
};
pub use policy::{Feature, Policy, Property, PropertyAction, Standard, Status, StatusText};
pub use sampling::{Sample, Sampling};
pub use service::ServiceExtension;
pub use settings::{ConfigKey, Configurable};
pub use state::{SavedState, StateError, StateRoom, StateScope, Stateful, WorkerState};
pub use status::{CreateError, HostError, Outcome, Refusal, Veto};
pub use types::{Counter, DatagramAddress, DropReason, GroupId, MacAddress, NicIndex, PortId, Vid, VlanTag, WorkerId};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
