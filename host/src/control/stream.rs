//! A running capture: from the workers' pipe to the client, until the client, a limit or the daemon ends it.
//!
//! A client that stops reading fills first the stream (16 events), then the pipe; from there on frames are missed and
//! counted. A client that goes away closes the pipe, which the workers notice at the next frame.

use super::capture::CaptureSource;
use super::wire::capture_event::Event;
use super::wire::{CaptureEnded, CaptureEvent, CaptureStarted};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// What a client receives.
pub type CaptureStream = ReceiverStream<Result<CaptureEvent, Status>>;

/// Events on their way to the client besides those in the pipe.
const STREAM_DEPTH: usize = 16;
/// How long a client may take to make room for the last event.
const LAST_EVENT: Duration = Duration::from_millis(300);

/// When a capture ends by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaptureLimits {
    pub(super) frames: Option<u64>,
    pub(super) seconds: Option<u32>,
}

type Events = mpsc::Sender<Result<CaptureEvent, Status>>;

fn event(event: Event) -> Result<CaptureEvent, Status> {
    Ok(CaptureEvent { event: Some(event) })
}

/// Starts the task that feeds the stream. `places` are given back when the capture ends.
pub(super) fn stream_capture(
    started: CaptureStarted,
    source: CaptureSource,
    limits: CaptureLimits,
    stopping: watch::Receiver<bool>,
    places: impl Send + 'static,
) -> CaptureStream {
    let (events, stream) = mpsc::channel(STREAM_DEPTH);
    tokio::spawn(async move {
        let _places = places;
        if events.send(event(Event::Started(started))).await.is_ok() {
            feed(&events, source, limits, stopping).await;
        }
    });
    ReceiverStream::new(stream)
}

async fn feed(events: &Events, mut source: CaptureSource, limits: CaptureLimits, mut stopping: watch::Receiver<bool>) {
    let mut frames = 0u64;
    let deadline = async {
        match limits.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    let reason = loop {
        if limits.frames.is_some_and(|limit| frames >= limit) {
            break "count";
        }
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break "shutdown",
            () = &mut deadline => break "seconds",
            () = events.closed() => return,
            step = async { (source.next().await, events.reserve().await) } => match step {
                (Some(frame), Ok(slot)) => {
                    frames += 1;
                    slot.send(event(Event::Frame(frame.into())));
                }
                (None, Ok(_)) => break "port removed",
                (_, Err(_)) => return,
            },
        }
    };
    let ended = CaptureEnded { frames, missed: source.missed(), reason: reason.to_owned() };
    let _ = tokio::time::timeout(LAST_EVENT, events.send(event(Event::Ended(ended)))).await;
}
