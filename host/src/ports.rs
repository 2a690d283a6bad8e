//! Port backends: what turns a device into frames and frames into a device's traffic.
//!
//! A backend opens a device as one [`OpenPort`]: receive queues, each polled by one worker, and one transmit side, owned by
//! the worker that owns the port's egress. Calls are per batch, nothing here blocks, and nothing allocates per frame.
//! Backends enter themselves into the registry (`inventory::submit!` of a [`BackendEntry`]); [`open`] finds them by name.
//!
//! A device may go away and come back while its port is open. A queue then says [`RxStatus::Down`] until frames can flow
//! again and the transmit side counts `device_gone`; both try at most once a second to take up the device that
//! [`Attachment`] names. Whoever waits on [`RxQueue::poll_fd`] must not wait on a queue that said `Down` (its descriptor stays readable):
//! call `receive` about once a second instead and, once it says something else, add the descriptor to the wait set anew.

mod attachment;
pub mod device;
mod error;
pub mod keep;
mod landing;
pub mod memory;
mod notices;
pub mod packet;
pub mod pcap;
mod sys;
pub mod tap;

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::control::capture::CaptureSink;
use heddle_switch_core::frame::{Capabilities, RxFrame, TxFrame, TxReport};
use heddle_switch_core::pool::Pool;

pub use attachment::{Attachment, renames};
pub use error::OpenPortError;
pub use notices::Notices;

/// Most queues of one port.
pub const QUEUES_MAX: u16 = 64;

/// What a receive call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxStatus {
    /// Nothing more right now.
    Empty,
    /// The budget was used up or the pool is out of buffers; there may be more.
    More,
    /// The device is gone or down; the reason was logged once. Polling goes on: it may come back.
    Down,
}

/// One receive queue of a port.
pub trait RxQueue: Send {
    /// Appends at most `budget` frames to `out`. A frame for which the pool has no buffer stays in the device or is
    /// counted as missed.
    fn receive(&mut self, pool: &mut Pool, out: &mut Vec<RxFrame>, budget: usize) -> RxStatus;

    /// Descriptor that becomes readable when there may be frames; `None` when the queue must be polled.
    fn poll_fd(&self) -> Option<BorrowedFd<'_>>;

    /// What was lost before the switch saw it, since the queue was opened. A system call for some backends: ask at the
    /// pace of statistics, not of frames.
    fn losses(&mut self) -> RxLosses {
        RxLosses::default()
    }
}

/// Frames that never became an [`RxFrame`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxLosses {
    /// Overruns: the queue between device and switch was full.
    pub missed: u64,
    /// Longer than any buffer there was.
    pub too_long: u64,
    /// Their offload facts were refused ([`OffloadError`](heddle_switch_core::offload::OffloadError)).
    pub malformed: u64,
}

/// Counts frames the kernel lost before any queue could see them; for the control side, beside the queues.
pub trait LossMeter: Send {
    /// Frames lost since the port was opened. Some system calls.
    fn missed(&mut self) -> u64;
}

/// The transmit side of a port.
pub trait TxQueue: Send {
    /// Sends or refuses every frame of `frames` (empty afterwards), gives the buffers back to `pool`, and adds to `report`.
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport);
}

/// An open port.
pub struct OpenPort {
    /// Name of the device at opening: what was asked for, or what the kernel chose.
    pub device: String,
    /// The network device from then on; `None` when there is none.
    pub attachment: Option<Arc<Attachment>>,
    /// What the backend has to say to the operator.
    pub notices: Notices,
    /// Counts what no queue sees; `None` when the queues see all.
    pub meter: Option<Box<dyn LossMeter>>,
    /// Where the port's dropped frames are wanted; `None` when they are not.
    pub drops: Option<CaptureSink>,
    /// Receive queues.
    pub rx: Vec<Box<dyn RxQueue>>,
    /// Transmit side.
    pub tx: Box<dyn TxQueue>,
    /// What the device does on transmit.
    pub capabilities: Capabilities,
    /// Largest layer 3 packet the device takes, in bytes.
    pub mtu: u32,
    /// The device's own MAC, when it has one.
    pub mac: Option<[u8; 6]>,
    /// Link speed in Mbit/s; 0 = unknown.
    pub speed_mbps: u32,
    /// Whether the device had a carrier when it was opened.
    pub carrier: bool,
}

/// What to open.
#[derive(Clone, Debug)]
pub struct OpenSpec {
    /// `switch/port`: names the port in messages, and the far side of a memory port.
    pub port: String,
    /// Name of the backend.
    pub backend: String,
    /// The device, as the backend understands it: a network device, or a mode of the memory backend. Empty = the
    /// backend chooses.
    pub device: String,
    /// Receive queues, 1 to [`QUEUES_MAX`].
    pub queues: u16,
    /// Whether to let the device complete checksums and segment, and to take unsegmented frames from it.
    pub offload: bool,
    /// MTU to give the device; `None` leaves it.
    pub mtu: Option<u32>,
    /// MAC to give a TAP device; other backends leave their device's own.
    pub mac: Option<[u8; 6]>,
}

impl OpenSpec {
    /// One queue with offloads on `device`, nothing changed about the device.
    pub fn new(port: impl Into<String>, backend: impl Into<String>, device: impl Into<String>) -> OpenSpec {
        OpenSpec {
            port: port.into(),
            backend: backend.into(),
            device: device.into(),
            queues: 1,
            offload: true,
            mtu: None,
            mac: None,
        }
    }
}

/// A backend in the registry.
pub struct BackendEntry {
    /// The name operators use.
    pub name: &'static str,
    /// One line about it, for help texts.
    pub summary: &'static str,
    /// Opens a device.
    pub open: fn(&OpenSpec) -> Result<OpenPort, OpenPortError>,
}

inventory::collect!(BackendEntry);

/// All backends, sorted by name.
pub fn backends() -> Vec<&'static BackendEntry> {
    let mut entries: Vec<_> = inventory::iter::<BackendEntry>().collect();
    entries.sort_by_key(|entry| entry.name);
    entries
}

/// Opens a port.
pub fn open(spec: &OpenSpec) -> Result<OpenPort, OpenPortError> {
    let Some(entry) = inventory::iter::<BackendEntry>().find(|entry| entry.name == spec.backend) else {
        let known = backends().iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
        return Err(OpenPortError::UnknownBackend { backend: spec.backend.clone(), known });
    };
    if !(1..=QUEUES_MAX).contains(&spec.queues) {
        return Err(OpenPortError::Queues { port: spec.port.clone(), queues: spec.queues, most: QUEUES_MAX });
    }
    (entry.open)(spec)
}

/// The pace of something that is worth doing only now and then.
#[derive(Debug)]
struct Pace {
    pause: Duration,
    after: Option<Instant>,
}

impl Pace {
    /// At most once in `pause`.
    fn each(pause: Duration) -> Pace {
        Pace { pause, after: None }
    }

    /// The pace at which a device that went away is looked for.
    fn retry() -> Pace {
        Pace::each(Duration::from_secs(1))
    }

    /// Whether it is time; if so, the next pause begins.
    fn due(&mut self) -> bool {
        let now = Instant::now();
        if self.after.is_some_and(|after| now < after) {
            return false;
        }
        self.after = Some(now + self.pause);
        true
    }
}
