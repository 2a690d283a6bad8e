//! The thread that plays the far side of a pcap port: frames out of the ring into the recording, frames of the file into the
//! other ring. It looks at both every millisecond when there is nothing to do, and ends with the port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::player::Player;
use super::recorder::Recorder;
use crate::control::capture::CaptureSource;
use crate::ports::memory::{MemoryEnd, OwnedFrame};

/// Longest sleep: the port may be closed, and what it sends waits in a ring of 1 MiB.
const SLEEP: Duration = Duration::from_millis(1);
/// Most frames taken one way before the other way has its turn.
const BATCH: usize = 256;

/// Everything the thread owns.
pub(super) struct FarSide {
    pub(super) end: MemoryEnd,
    pub(super) player: Option<Player>,
    pub(super) recorder: Option<Recorder>,
    pub(super) drops: Option<CaptureSource>,
    pub(super) stop: Arc<AtomicBool>,
}

impl FarSide {
    /// Runs until the port is closed.
    pub(super) fn run(mut self) {
        let mut frame = OwnedFrame::default();
        loop {
            // Before the ring is emptied: what is in it at the end is recorded.
            let last = self.stop.load(Ordering::Acquire);
            let taken = self.record(&mut frame);
            if last && taken == 0 {
                break;
            }
            let wait = if last { None } else { self.replay() };
            if taken < BATCH
                && let Some(wait) = wait
            {
                if let Some(recorder) = &mut self.recorder {
                    recorder.flush();
                }
                std::thread::sleep(wait.min(SLEEP));
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.finish();
        }
    }

    /// Takes up to a batch of what the port sent.
    fn record(&mut self, frame: &mut OwnedFrame) -> usize {
        let mut taken = 0;
        if let (Some(recorder), Some(drops)) = (&mut self.recorder, &mut self.drops) {
            while taken < BATCH
                && let Some(dropped) = drops.take()
            {
                taken += 1;
                recorder.dropped(&dropped, drops.missed());
            }
        }
        while taken < BATCH && self.end.receive_into(frame) {
            taken += 1;
            if let Some(recorder) = &mut self.recorder {
                recorder.write(frame);
            }
        }
        taken
    }

    /// Sends up to a batch of what is due. How long nothing more is due, or `None` when more is due now.
    fn replay(&mut self) -> Option<Duration> {
        let Some(player) = &mut self.player else { return Some(SLEEP) };
        let now = Instant::now();
        for _ in 0..BATCH {
            let Some((due, bytes)) = player.next() else { return Some(SLEEP) };
            let wait = due.saturating_duration_since(now);
            if !wait.is_zero() {
                return Some(wait);
            }
            if self.end.offer(bytes).is_err() {
                // The switch is behind: nothing is lost, only later.
                return Some(SLEEP);
            }
            player.sent();
        }
        None
    }
}
