//! What the control side asks of a worker thread. Requests are carried out between two bursts; each has its answer.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use nix::sys::eventfd::EventFd;

use heddle_switch_core::counters::{Counters, OwnCost, StageCounters};
use heddle_switch_core::fdb::Flush;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Stage, StageId};
use heddle_switch_core::vlan_count::VlanCounters;
use heddle_switch_core::worker::Update;

use super::carry::{CutOver, PieceJob};
use crate::control::bpf::Program;
use crate::control::capture::CaptureSink;
use crate::loader::Services;
use crate::ports::{RxLosses, RxQueue, TxQueue};

/// A context that left a worker, with its counters there.
pub(crate) type Retired = (StageId, Box<dyn Stage>, StageCounters);

/// The queues of a port that one worker had.
pub(crate) type Queues = (Vec<Box<dyn RxQueue>>, Option<Box<dyn TxQueue>>);

/// What a worker counted.
pub(crate) struct Report {
    /// Its counters.
    pub(crate) counters: Counters,
    /// Counters by VLAN, while an extension asks for them.
    pub(crate) vlans: Vec<(u16, VlanCounters)>,
    /// Its extensions' counters.
    pub(crate) stages: Vec<(StageId, StageCounters)>,
    /// The switch's own cost.
    pub(crate) own: OwnCost,
    /// What its receive queues lost, by port.
    pub(crate) losses: Vec<(PortId, RxLosses)>,
    /// The thread, and the processor time it has had in nanoseconds.
    pub(crate) thread: (u32, u64),
    /// Free buffers of each class.
    pub(crate) free: [usize; 3],
}

/// An entry of a worker's filtering database.
pub(crate) struct FdbRow {
    /// VLAN.
    pub(crate) vid: u16,
    /// Address.
    pub(crate) mac: [u8; 6],
    /// Port slot.
    pub(crate) slot: u16,
    /// Whether it is static.
    pub(crate) is_static: bool,
    /// Seconds since it was seen.
    pub(crate) age_s: u32,
}

/// A copy of a port's frames for an operator.
#[derive(Clone)]
pub(crate) struct Tap {
    /// The port.
    pub(crate) port: PortId,
    /// Where to.
    pub(crate) sink: CaptureSink,
    /// Bytes kept of each frame.
    pub(crate) snap: usize,
    /// What frames must match.
    pub(crate) filter: Option<Arc<Program>>,
    /// Which frames.
    pub(crate) frames: TapFrames,
}

/// Which frames of a port are copied.
#[derive(Clone)]
pub(crate) enum TapFrames {
    /// Those received and those sent.
    Passed,
    /// Those dropped, too, with their reasons' names.
    PassedAndDropped(Arc<Services>),
    /// Those dropped alone.
    Dropped(Arc<Services>),
}

/// A request.
pub(crate) enum Command {
    /// Forward by a new snapshot from now on.
    Update(Update, Sender<Vec<Retired>>),
    /// Poll a queue.
    AttachRx(PortId, Box<dyn RxQueue>),
    /// Send for a port.
    AttachTx(PortId, Box<dyn TxQueue>),
    /// Let go of a port's queues; they come back to be closed.
    Detach(PortId, Sender<Queues>),
    /// Say what was counted.
    Report(Sender<Report>),
    /// Say what was learnt.
    Fdb(Sender<Vec<FdbRow>>),
    /// Forget what was learnt, in slices between bursts; answered with how many addresses when done.
    FlushFdb(Flush, Sender<u64>),
    /// Pass on what other workers sent and what is for them; answered when done.
    Settle(Sender<()>),
    /// Ask a sampling extension anew.
    Resample(StageId),
    /// Listen to the bell of an extension in a process of its own.
    Watch(Arc<EventFd>),
    /// Copy frames of a port.
    Capture(Tap),
    /// Save a piece of a context's state between two bursts.
    SaveState(PieceJob),
    /// Say to a context that no more is saved.
    EndSaving(StageId, Sender<()>),
    /// Put another version of an extension into its place, with what changed since its state was saved.
    CutOver(Box<CutOver>),
    /// End.
    Stop,
}
