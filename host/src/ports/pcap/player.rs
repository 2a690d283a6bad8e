//! Which frame of a file is due when, round after round.
//!
//! Times are kept against the start of the round (or of the whole replay, for a rate), so that a late frame does not make
//! the next ones late. A time before that of the file's first frame, and none at all, is due at once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heddle_switch_core::arena::FRAME_MAX;

use super::PcapSettings;
use super::reader::{Frame, ReadError, Reader};
use super::settings::Pace;
use crate::ports::Notices;

/// Topic of the notice.
const TOPIC: &str = "replay";
/// A tag may have to be put in on the way.
const TAG_ROOM: usize = 4;

/// A replay.
pub(super) struct Player {
    file: PathBuf,
    settings: PcapSettings,
    notices: Notices,
    reader: Option<Reader>,
    frame: Frame,
    /// `frame` waits to be sent.
    waits: bool,
    due: Instant,
    began: Instant,
    /// Start of the round, and the time of its first frame.
    round: Option<(Instant, i128)>,
    tally: Tally,
}

/// What became of the file's frames.
#[derive(Default)]
struct Tally {
    sent: u64,
    cut: u64,
    too_long: u64,
    rounds: u64,
    /// Of the present round.
    found: u64,
}

impl Player {
    /// Opens the file and reads its first frame: what cannot be replayed at all is refused here.
    pub(super) fn open(file: &Path, settings: &PcapSettings, notices: Notices) -> Result<Player, ReadError> {
        let (mut reader, mut frame) = (Reader::open(file)?, Frame::default());
        let found = reader.next_into(&mut frame)?;
        let now = Instant::now();
        notices.say(TOPIC, format!("{} is being replayed", file.display()));
        let mut player = Player {
            file: file.to_path_buf(),
            settings: settings.clone(),
            notices,
            reader: Some(reader),
            frame,
            waits: false,
            due: now,
            began: now,
            round: None,
            tally: Tally::default(),
        };
        if found {
            player.accept();
        }
        Ok(player)
    }

    /// Takes in the frame that was read.
    fn accept(&mut self) {
        self.tally.found += 1;
        self.tally.cut += u64::from(self.frame.is_cut);
        if self.frame.bytes.len() + TAG_ROOM > FRAME_MAX {
            self.tally.too_long += 1;
        } else {
            self.due = self.due_time();
            self.waits = true;
        }
    }

    /// The next frame and when it is due; `None` when there are no more.
    pub(super) fn next(&mut self) -> Option<(Instant, &[u8])> {
        while !self.waits {
            self.read()?;
        }
        Some((self.due, &self.frame.bytes))
    }

    /// The frame was sent.
    pub(super) fn sent(&mut self) {
        self.tally.sent += 1;
        self.waits = false;
    }

    /// Reads the next frame of this round, or begins the next round; `None` when the replay is over.
    fn read(&mut self) -> Option<()> {
        let read = self.reader.as_mut()?.next_into(&mut self.frame);
        match read {
            Ok(true) => self.accept(),
            Ok(false) => {
                let more = self.settings.loops().is_none_or(|loops| self.tally.rounds + 1 < loops);
                let found = std::mem::take(&mut self.tally.found);
                self.tally.rounds += 1;
                if found == 0 || !more {
                    self.end(None);
                    return None;
                }
                self.round = None;
                match Reader::open(&self.file) {
                    Ok(reader) => self.reader = Some(reader),
                    Err(error) => self.end(Some(&error)),
                }
            }
            Err(error) => self.end(Some(&error)),
        }
        Some(())
    }

    fn due_time(&mut self) -> Instant {
        let after = match self.settings.pace() {
            Pace::Flat => return self.began,
            Pace::Rate(rate) => {
                let nanoseconds = u128::from(self.tally.sent) * 1_000_000_000 / u128::from(rate);
                (self.began, i128::try_from(nanoseconds).unwrap_or(i128::MAX))
            }
            Pace::File => {
                let Some(time) = self.frame.time else { return self.began };
                let (start, first) = *self.round.get_or_insert_with(|| (Instant::now(), time));
                (start, time - first)
            }
        };
        let (start, nanoseconds) = after;
        let nanoseconds = u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX);
        // A file that waits for centuries waits for the port to be closed.
        start.checked_add(Duration::from_nanos(nanoseconds)).unwrap_or(start)
    }

    /// Tells how it ended.
    fn end(&mut self, error: Option<&ReadError>) {
        self.reader = None;
        let Tally { sent, cut, too_long, rounds, .. } = self.tally;
        let mut text = match error {
            Some(error) => {
                tracing::warn!(%error, "a replay stopped");
                format!("{error}; {sent} frames before that were replayed")
            }
            None => format!("{} was replayed to its end: {sent} frames in {rounds} rounds", self.file.display()),
        };
        if too_long > 0 {
            text += &format!(", {too_long} left out as too long");
        }
        if cut > 0 {
            text += &format!(", {cut} of them cut short when they were captured");
        }
        self.notices.say(TOPIC, text);
    }
}
