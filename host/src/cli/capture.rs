//! `heddle capture`: the daemon's stream of frames into a pcapng file.
//!
//! Ends at the daemon's last event, at Ctrl-C or SIGTERM, or when the reader of stdout goes away; the file is complete and
//! closed in each case. `-w -` flushes after every frame so that a pipe shows it at once.

use super::answers::Captured;
use super::args::CaptureArgs;
use super::client::Reach;
use super::command::the_switch;
use super::{Answer, Failure};
use crate::control::bpf::Instruction;
use crate::control::error::ErrorClass;
use crate::control::model::{CapturedFrame, PortView};
use crate::control::wire;
use crate::control::wire::capture_event::Event;
use crate::pcapng::{Interface, Writer};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tonic::Streaming;

type Output = Writer<BufWriter<Box<dyn Write>>>;

/// What the capture came to.
#[derive(Default)]
struct Summary {
    frames: u64,
    missed: u64,
    reason: String,
}

/// Runs the capture to its end.
pub(super) async fn run(reach: &Reach, wanted: &CaptureArgs) -> Result<Answer, Failure> {
    let (started, mut events) = reach.within(start(reach, wanted)).await?;
    let broken = |error: &io::Error| Failure::file("write", &wanted.file, error);
    let mut output = open(&wanted.file, started).map_err(|failed| match failed {
        Opening::Io(error) => broken(&error),
        Opening::Answer(failure) => failure,
    })?;
    let live = wanted.file == Path::new("-");
    let summary = match store(&mut events, &mut output, live).await? {
        Stored::Finished(summary) => {
            match output.finish(summary.frames, summary.missed) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(broken(&error)),
                _ => {}
            }
            summary
        }
        Stored::NotWritten(error) => return Err(broken(&error)),
    };
    let Summary { frames, missed, reason } = summary;
    let text = format!("{frames} frames captured, {missed} missed ({reason})\n");
    Answer::new(text, &Captured { frames, missed, reason, file: wanted.file.clone() })
}

async fn start(
    reach: &Reach,
    wanted: &CaptureArgs,
) -> Result<(wire::CaptureStarted, Streaming<wire::CaptureEvent>), Failure> {
    let filter = super::filter::compile(&wanted.filter)?.unwrap_or_default();
    let instruction = |one: Instruction| wire::FilterInstruction {
        code: one.code.into(),
        jt: one.yes.into(),
        jf: one.no.into(),
        k: one.k,
    };
    let mut client = reach.connect().await?;
    let request = wire::CaptureRequest {
        switch: the_switch(&mut client, wanted.switch.as_deref(), "with --switch").await?,
        port: wanted.port.clone(),
        snap_length: wanted.snaplen,
        count: wanted.count,
        seconds: wanted.seconds,
        drops: wanted.drops,
        filter: filter.into_iter().map(instruction).collect(),
    };
    let mut events = client.capture(request).await?.into_inner();
    match events.message().await?.and_then(|event| event.event) {
        Some(Event::Started(started)) => Ok((started, events)),
        _ => Err(Failure::new(ErrorClass::Unreachable, "heddled ended the capture before it began; try again")),
    }
}

enum Opening {
    Io(io::Error),
    Answer(Failure),
}

fn open(path: &Path, started: wire::CaptureStarted) -> Result<Output, Opening> {
    let port = PortView::try_from(started.port.unwrap_or_default()).map_err(|error| Opening::Answer(error.into()))?;
    let inner: Box<dyn Write> = if path == Path::new("-") {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(path).map_err(Opening::Io)?)
    };
    let interface = Interface {
        name: format!("{}/{}", port.switch, port.name),
        description: format!("Heddle port {} of switch {}, {} backend", port.name, port.switch, port.backend),
        snap_length: started.snap_length,
        comment: None,
    };
    Writer::new(BufWriter::new(inner), &interface).map_err(Opening::Io)
}

enum Stored {
    Finished(Summary),
    NotWritten(io::Error),
}

async fn store(events: &mut Streaming<wire::CaptureEvent>, output: &mut Output, live: bool) -> Result<Stored, Failure> {
    let stopped = |error: io::Error| Failure::other("receive signals", &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(stopped)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(stopped)?;
    let mut summary = Summary::default();
    loop {
        let event = tokio::select! {
            event = events.message() => event?,
            _ = interrupt.recv() => { summary.reason = "interrupted".to_owned(); return Ok(Stored::Finished(summary)) }
            _ = terminate.recv() => { summary.reason = "terminated".to_owned(); return Ok(Stored::Finished(summary)) }
        };
        match event.and_then(|event| event.event) {
            Some(Event::Frame(frame)) => {
                let written = output.frame(&CapturedFrame::try_from(frame)?);
                match written.and_then(|()| if live { output.flush() } else { Ok(()) }) {
                    Ok(()) => summary.frames += 1,
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                        summary.reason = "the reader left".to_owned();
                        return Ok(Stored::Finished(summary));
                    }
                    Err(error) => return Ok(Stored::NotWritten(error)),
                }
            }
            Some(Event::Ended(ended)) => {
                summary.missed = ended.missed;
                summary.reason = ended.reason;
                return Ok(Stored::Finished(summary));
            }
            // A second start, or an event of a newer daemon: nothing to store.
            Some(Event::Started(_)) => {}
            None => {
                summary.reason = "heddled ended the stream".to_owned();
                return Ok(Stored::Finished(summary));
            }
        }
    }
}
