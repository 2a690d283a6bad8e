//! What a pcap port sends, and when asked for what was dropped on its way from or to it, as a pcapng file of bounded size.
//!
//! The file has one interface, named after the port; every packet says the port in a comment, so that files can be merged.
//! A recording of the same name that an earlier life of the port left is kept as FILE.old; a file that is none is refused
//! rather than replaced. At the size limit, and when the system cannot write, the recording stops and a notice counts what
//! is missing; the port goes on.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::control::model::{CaptureDirection, CapturedFrame};
use crate::pcapng::{Interface, SECTION_HEADER, Writer};
use crate::ports::Notices;
use crate::ports::memory::OwnedFrame;
use crate::regular_file;

/// Topic of the notice.
const TOPIC: &str = "recording";

/// Frames missing between two notices.
const MISSING_TOLD: u64 = 1_024;

/// A file that counts its bytes.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A recording.
pub(super) struct Recorder {
    path: PathBuf,
    writer: Writer<BufWriter<Counted>>,
    limit: u64,
    /// Bytes of frames that the file has or will have.
    bytes: u64,
    recorded: u64,
    missing: u64,
    /// Dropped frames that came too fast for the pipe.
    drops_missed: u64,
    stopped: Option<String>,
    notices: Notices,
}

impl Recorder {
    /// Starts a file for the port `switch/port`.
    pub(super) fn create(path: &Path, port: &str, limit: u64, notices: Notices) -> io::Result<Recorder> {
        make_room(path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // Until the file is closed, also by a kill. A file system without locks records all the same.
        let _ = file.try_lock();
        let interface = Interface {
            name: port.to_owned(),
            description: format!("sent by port {port}"),
            snap_length: 0,
            comment: Some(format!("port {port}")),
        };
        let writer = Writer::new(BufWriter::with_capacity(256 << 10, Counted { file, bytes: 0 }), &interface)?;
        notices.say(TOPIC, format!("{} is being recorded", path.display()));
        let path = path.to_path_buf();
        Ok(Recorder { path, writer, limit, bytes: 0, recorded: 0, missing: 0, drops_missed: 0, stopped: None, notices })
    }

    /// Appends a frame, if there is room.
    pub(super) fn write(&mut self, frame: &mut OwnedFrame) {
        if self.stopped.is_some() {
            self.missing += 1;
            // Under load nobody flushes.
            if self.missing.is_multiple_of(MISSING_TOLD) {
                self.say_missing();
            }
            return;
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut captured = CapturedFrame {
            unix_nanoseconds: u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX),
            direction: CaptureDirection::Egress,
            original_length: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX),
            bytes: std::mem::take(&mut frame.bytes),
            drop_reason: None,
        };
        self.append(&captured);
        frame.bytes = std::mem::take(&mut captured.bytes);
    }

    /// Appends a dropped frame, if there is room. `missed` were not handed over since the recording began.
    pub(super) fn dropped(&mut self, frame: &CapturedFrame, missed: u64) {
        self.drops_missed = missed;
        if self.stopped.is_some() {
            self.missing += 1;
        } else {
            self.append(frame);
        }
    }

    fn append(&mut self, captured: &CapturedFrame) {
        let size = self.writer.size_of(captured);
        if self.bytes + size > self.limit {
            self.stop(format!("its limit of {} MiB is reached", self.limit >> 20));
        } else if let Err(error) = self.writer.frame(captured) {
            self.stop(error.to_string());
        } else {
            self.bytes += size;
            self.recorded += 1;
        }
        if self.stopped.is_some() {
            self.missing += 1;
        }
    }

    fn stop(&mut self, why: String) {
        tracing::warn!(file = %self.path.display(), reason = why, "a recording stopped");
        self.stopped = Some(why);
        self.say_missing();
    }

    /// Says what is missing, when the recording has stopped.
    fn say_missing(&self) {
        if let Some(why) = &self.stopped {
            let (file, recorded, missing) = (self.path.display(), self.recorded, self.missing);
            let text = format!("{file} has {recorded} frames and stopped: {why}; {missing} frames are missing");
            self.notices.say(TOPIC, text);
        }
    }

    /// Hands what there is to the system, in whole blocks, and says what is missing.
    pub(super) fn flush(&mut self) {
        if let (Err(error), None) = (self.writer.flush(), &self.stopped) {
            self.stop(error.to_string());
        }
        self.say_missing();
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) {
        if self.stopped.is_none()
            && let Err(error) = self.writer.finish(self.recorded, self.missing + self.drops_missed)
        {
            self.stop(error.to_string());
        }
    }
}

/// Moves an earlier recording out of the way.
fn make_room(path: &Path) -> io::Result<()> {
    let mut head = [0; 4];
    let taken = |why: &str| Err(io::Error::new(io::ErrorKind::AlreadyExists, why.to_owned()));
    let opened = regular_file::open(path);
    if let Ok(file) = &opened
        && matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    {
        return taken("another port records to it");
    }
    match opened.and_then(|mut file| file.read(&mut head)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(0) => {}
        Ok(_) if head == SECTION_HEADER.to_le_bytes() => {}
        Ok(_) => return taken("it exists and is no recording"),
    }
    let mut older = path.as_os_str().to_owned();
    older.push(".old");
    std::fs::rename(path, older)
}
