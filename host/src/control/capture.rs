//! The bounded pipe between workers that copy frames and the client that stores them.
//!
//! Workers never wait: when [`MAX_QUEUED_FRAMES`] frames or [`MAX_QUEUED_BYTES`] bytes are under way the frame is left out
//! and counted, and the client learns the count. Cost on the data path when nobody captures: none, since there is no sink.

use super::model::CapturedFrame;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Frames that may wait for the client.
pub const MAX_QUEUED_FRAMES: usize = 4096;
/// Bytes of frames that may wait for the client.
pub const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// What became of a frame offered to a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is on its way to the client.
    Taken,
    /// The pipe is full; it is counted as missed.
    Missed,
    /// Nobody listens any more: drop the sink.
    Closed,
}

#[derive(Debug, Default)]
struct Shared {
    queued_bytes: AtomicUsize,
    missed: AtomicU64,
}

/// The workers' end. Clone it once for each worker.
#[derive(Debug, Clone)]
pub struct CaptureSink {
    frames: mpsc::Sender<CapturedFrame>,
    shared: Arc<Shared>,
}

/// The server's end.
#[derive(Debug)]
pub struct CaptureSource {
    frames: mpsc::Receiver<CapturedFrame>,
    shared: Arc<Shared>,
}

/// A new pipe.
#[must_use]
pub fn capture_pipe() -> (CaptureSink, CaptureSource) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_FRAMES);
    let shared = Arc::new(Shared::default());
    (CaptureSink { frames: sender, shared: Arc::clone(&shared) }, CaptureSource { frames: receiver, shared })
}

impl CaptureSink {
    /// Hands a frame over, or counts it as missed. Never blocks; may be called from any thread.
    pub fn offer(&self, frame: CapturedFrame) -> Offered {
        let bytes = frame.bytes.len();
        if self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > MAX_QUEUED_BYTES {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return self.miss();
        }
        let refused = match self.frames.try_send(frame) {
            Ok(()) => return Offered::Taken,
            Err(mpsc::error::TrySendError::Full(_)) => self.miss(),
            Err(mpsc::error::TrySendError::Closed(_)) => Offered::Closed,
        };
        self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        refused
    }

    /// Whether the client is gone or has enough.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.frames.is_closed()
    }

    /// Counts frames that were left out before they could be offered.
    pub(crate) fn leave_out(&self, frames: u64) {
        self.shared.missed.fetch_add(frames, Ordering::Relaxed);
    }

    fn miss(&self) -> Offered {
        if self.frames.is_closed() {
            return Offered::Closed;
        }
        self.shared.missed.fetch_add(1, Ordering::Relaxed);
        Offered::Missed
    }
}

impl CaptureSource {
    /// The next frame; `None` when the plane dropped its sinks and all frames are delivered.
    pub async fn next(&mut self) -> Option<CapturedFrame> {
        let frame = self.frames.recv().await?;
        self.shared.queued_bytes.fetch_sub(frame.bytes.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// The next frame that is there already, for readers of their own thread.
    pub fn take(&mut self) -> Option<CapturedFrame> {
        let frame = self.frames.try_recv().ok()?;
        self.shared.queued_bytes.fetch_sub(frame.bytes.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// Frames left out so far because the pipe was full.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::model::CaptureDirection;

    fn frame(length: usize) -> CapturedFrame {
        CapturedFrame {
            unix_nanoseconds: 1,
            direction: CaptureDirection::Ingress,
            original_length: 60,
            bytes: vec![0; length],
            drop_reason: None,
        }
    }

    #[tokio::test]
    async fn a_full_pipe_misses_and_counts() {
        let (sink, mut source) = capture_pipe();
        for _ in 0..MAX_QUEUED_FRAMES {
            assert_eq!(sink.offer(frame(60)), Offered::Taken);
        }
        assert_eq!(sink.offer(frame(60)), Offered::Missed);
        assert_eq!(source.missed(), 1);
        assert!(source.next().await.is_some());
        assert_eq!(sink.offer(frame(60)), Offered::Taken, "room again after one was read");
    }

    #[tokio::test]
    async fn bytes_are_bounded_too_and_given_back() {
        let (sink, mut source) = capture_pipe();
        let half = MAX_QUEUED_BYTES / 2;
        assert_eq!(sink.offer(frame(half)), Offered::Taken);
        assert_eq!(sink.offer(frame(half)), Offered::Taken);
        assert_eq!(sink.offer(frame(1)), Offered::Missed);
        assert!(source.next().await.is_some());
        assert_eq!(sink.offer(frame(half)), Offered::Taken);
    }

    #[test]
    fn a_client_that_left_closes_the_sink() {
        let (sink, source) = capture_pipe();
        drop(source);
        assert!(sink.is_closed());
        assert_eq!(sink.offer(frame(60)), Offered::Closed);
    }
}
