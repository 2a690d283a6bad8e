//! The pcap backend: a port whose far side is files. It replays a capture into the switch and records what the port sends.
//!
//! The device string is a list: `in=FILE` to replay (pcap or pcapng, Ethernet), `out=FILE` to record (pcapng), with
//! `pace=file` (the file's own timing, the default), `pace=flat` (as fast as the switch takes it) or `pace=N` (N frames a
//! second), `loops=N` (rounds; 0 = for ever; default 1) `limit=MIB` (size of the recording, default 1024) and `drops=on` (dropped frames
//! of the port are recorded as well, in either direction, their reason as a comment; first 128 bytes; default off). Paths are
//! absolute, since heddled does not run where its operator does.
//!
//! A thread per port plays the far side of a [memory port](super::memory): a file that is slow holds up nobody, and what the
//! recording is too slow for is dropped as `tx-queue-full`. Replaying never loses a frame; a full ring makes it wait.
//! Frames leave in the file's order, not more than a millisecond late while the machine keeps up. How a replay ended is a
//! notice of the port, a damaged file with its name and offset. An older recording of the same name is kept as FILE.old.
//!
//! Nothing is left to the device: offloads are off, so that the recording has whole frames.

mod far_side;
mod player;
mod reader;
mod recorder;
mod settings;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use heddle_switch_core::frame::{Capabilities, TxFrame, TxReport};
use heddle_switch_core::pool::Pool;

use crate::control::capture::capture_pipe;

use super::memory::{RING_BYTES, open_pair};
use super::{BackendEntry, Notices, OpenPort, OpenPortError, OpenSpec, TxQueue};
use far_side::FarSide;
use player::Player;
use recorder::Recorder;

pub use reader::{Frame, ReadError, Reader};
pub use settings::{PcapSettings, SettingsError};

inventory::submit! {
    BackendEntry {
        name: "pcap",
        summary: "files: in=FILE to replay, out=FILE to record, pace=file|flat|PPS, loops=N, limit=MIB, drops=on|off",
        open,
    }
}

/// The transmit side, which ends the far side with itself: the recording is complete once the port is closed.
struct PcapTx {
    ring: Box<dyn TxQueue>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TxQueue for PcapTx {
    fn transmit(&mut self, pool: &mut Pool, frames: &mut Vec<TxFrame>, report: &mut TxReport) {
        self.ring.transmit(pool, frames, report);
    }
}

impl Drop for PcapTx {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic in there was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn open(spec: &OpenSpec) -> Result<OpenPort, OpenPortError> {
    let bad = |reason: String| OpenPortError::BadDevice { device: spec.device.clone(), backend: "pcap", reason };
    let settings: PcapSettings = spec.device.parse().map_err(|error: SettingsError| bad(error.to_string()))?;
    let notices = Notices::default();
    let player = match settings.replay() {
        Some(file) => Some(Player::open(file, &settings, notices.clone()).map_err(|error| bad(error.to_string()))?),
        None => None,
    };
    let writing = |file: &Path| {
        let file = file.display().to_string();
        move |error: std::io::Error| bad(format!("{file} cannot be recorded to ({error}); give another out=FILE"))
    };
    let recorder = match settings.record() {
        Some(file) => {
            let recorder = Recorder::create(file, &spec.port, settings.limit(), notices.clone());
            Some(recorder.map_err(writing(file))?)
        }
        None => None,
    };
    let (mut port, end) = open_pair(&spec.device, spec.queues, RING_BYTES);
    let stop = Arc::new(AtomicBool::new(false));
    let (sink, drops) = if settings.drops() { Some(capture_pipe()) } else { None }.unzip();
    let far_side = FarSide { end, player, recorder, drops, stop: Arc::clone(&stop) };
    let thread = std::thread::Builder::new().name("heddle-pcap".to_owned()).spawn(move || far_side.run());
    let thread = thread.map_err(|error| OpenPortError::from_step(&spec.device, "starting the file's thread", error))?;
    let ring = port.tx;
    port.tx = Box::new(PcapTx { ring, stop, thread: Some(thread) });
    port.capabilities = Capabilities::default();
    port.notices = notices;
    port.drops = sink;
    Ok(port)
}
