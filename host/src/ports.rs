//! Port backends: what turns a device into frames and frames into a device's traffic.
//!
//! A backend opens a device as one [`OpenPort`]: receive queues, each polled by one worker, and one transmit side,
//! owned by the worker that owns the port's egress. Calls are per batch; nothing here blocks. Descriptors can be
//! exported (`descriptors`) so that a planned upgrade can hand them over.

use std::os::fd::RawFd;

use heddle_switch_core::frame::{Capabilities, RxFrame, TxFrame, TxReport};
use heddle_switch_core::pool::Pool;

/// What a receive call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxStatus {
    /// Nothing more right now.
    Empty,
    /// The budget was used up; there may be more.
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
    fn poll_fd(&self) -> Option<RawFd>;

    /// Frames lost before the switch saw them (ring overruns), since the queue was opened.
    fn missed(&mut self) -> u64 {
        0
    }
}

/// The transmit side of a port.
pub trait TxQueue: Send {
    /// Sends or refuses every frame of `frames` (empty afterwards), gives the buffers back to `pool`, and adds to `report`.
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport);
}

/// An open port.
pub struct OpenPort {
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
}
