//! The record of TAP interfaces that heddled has made: what outlives both of its processes is found again, or removed.
//!
//! An interface with a record is persistent, and there is none without: the line is written first, the flag set then, and
//! taken back in the other order. Whatever instant heddled is killed at, its next start finds every interface of its own,
//! attaches to it, and hands it to the switch process like one that was kept all the time; what no port takes up is removed.
//! Lines are added at the end (`keep` or `forget`, one TAP interface each, as JSON) and written anew as a whole when a start
//! has read them; a last line that was cut is none. They say in which boot they were written, because numbers of
//! namespaces begin anew with each.
//!
//! The file is `devices` in the state directory; whoever locks that directory owns it. Without one (no directory, or it is
//! another heddled's) interfaces go with their last queue.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::ports::keep::Maker;
use crate::ports::tap::place::{self, Place};

use super::keeper::{Kept, KeptPort};

const FILE: &str = "devices";
/// How long the switch process of a supervisor that died may take to let go of an interface.
const BUSY: Duration = Duration::from_secs(3);
/// A record is some 150 bytes; a file that is longer than this is not ours.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    /// An interface, in place of what its port had.
    Keep(Record),
    /// What the port had is not heddled's any more.
    Forget { port: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    port: String,
    queues: usize,
    name: String,
    mac: [u8; 6],
    namespace: (u64, u64),
    boot: String,
}

/// The open record; one heddled at a time has it.
#[derive(Debug)]
pub(super) struct Devices {
    path: PathBuf,
    file: File,
    boot: String,
    /// Where each interface was when it was last looked at.
    places: BTreeMap<String, Place>,
    /// Whether interfaces in other namespaces can be found again.
    elsewhere: bool,
    /// Holds the lock.
    _directory: File,
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

impl Devices {
    /// The record in a state directory, and the interfaces in it; `None` when there can be none.
    pub(super) fn open(state: &Path) -> Option<(Devices, Kept)> {
        let attempt = || -> io::Result<(Devices, Kept)> {
            fs::create_dir_all(state)?;
            let directory = File::open(state)?;
            flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
            let path = state.join(FILE);
            let records = read(&path)?;
            let boot = boot();
            let (places, kept) = recover(records.into_values().filter(|record| record.boot == boot));
            let file = File::options().append(true).create(true).open(&path)?;
            let elsewhere = place::elsewhere();
            let mut devices = Devices { path, file, boot, places, elsewhere, _directory: directory };
            devices.write_anew(&kept)?;
            Ok((devices, kept))
        };
        attempt()
            .inspect_err(|error| {
                let directory = state.display();
                tracing::debug!(%directory, %error, "TAP interfaces will not outlive heddled: no record of them can be kept");
            })
            .ok()
    }

    fn line(&self, port: &str, queues: usize, place: &Place) -> Line {
        let Place { namespace, name, mac } = place.clone();
        Line::Keep(Record { port: port.to_owned(), queues, name, mac, namespace, boot: self.boot.clone() })
    }

    fn write_anew(&mut self, kept: &Kept) -> io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = File::options().write(true).create(true).truncate(true).open(&next)?;
        for (port, place) in &self.places {
            let queues = kept.get(port).map_or(0, |port| port.queues.len());
            write_line(&mut file, &self.line(port, queues, place))?;
        }
        fs::rename(&next, &self.path)?;
        self.file = File::options().append(true).open(&self.path)?;
        Ok(())
    }

    /// Has the interface of `port` outlive heddled, if heddled made it.
    pub(super) fn keep(&mut self, port: &str, kept: &KeptPort) {
        let Some(queue) = kept.queues.first() else { return };
        if kept.maker == Maker::Other {
            return self.drop_record(port);
        }
        if let Err(error) = self.record(port, kept.queues.len(), queue) {
            tracing::debug!(port, %error, "a TAP interface will not outlive heddled");
        }
    }

    fn record(&mut self, port: &str, queues: usize, queue: &OwnedFd) -> io::Result<()> {
        let place = Place::of(queue)?;
        if !self.elsewhere && !place.is_here() {
            // It could not be found again, so it goes with heddled.
            place::persist(queue, false)?;
            self.drop_record(port);
            return Ok(());
        }
        if self.places.get(port) != Some(&place) {
            let line = self.line(port, queues, &place);
            write_line(&mut self.file, &line)?;
            self.places.insert(port.to_owned(), place);
        }
        place::persist(queue, true)
    }

    /// The interface of `port` goes with its last queue.
    pub(super) fn forget(&mut self, port: &str, kept: &KeptPort) {
        if let (Some(queue), Maker::Heddle) = (kept.queues.first(), kept.maker) {
            // One that was deleted needs nothing.
            let _ = place::persist(queue, false);
        }
        self.drop_record(port);
    }

    fn drop_record(&mut self, port: &str) {
        if self.places.remove(port).is_some()
            && let Err(error) = write_line(&mut self.file, &Line::Forget { port: port.to_owned() })
        {
            tracing::debug!(port, %error, "the record of a TAP interface stays; the next start finds it gone");
        }
    }

    /// Follows interfaces that were renamed or moved.
    pub(super) fn follow(&mut self, kept: &Kept) {
        for (port, kept) in kept {
            let moved = |queue: &OwnedFd| Place::of(queue).is_ok_and(|place| self.places.get(port) != Some(&place));
            if kept.maker == Maker::Heddle && kept.queues.first().is_some_and(moved) {
                self.keep(port, kept);
            }
        }
    }

    /// The names of all interfaces, as they are now.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.places.values().map(|place| place.name.as_str())
    }

    /// heddled ends as it was asked to: so do its interfaces.
    pub(super) fn release(mut self, kept: &Kept) {
        for (port, kept) in kept {
            self.forget(port, kept);
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn write_line(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    // One call: a line is there or cut, never mixed.
    file.write_all(text.as_bytes())
}

/// The records by port, as the lines one after the other leave them.
fn read(path: &Path) -> io::Result<BTreeMap<String, Record>> {
    let text = match fs::metadata(path) {
        Ok(file) if file.len() <= FILE_MAX => fs::read(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long")),
        Err(_) => Vec::new(),
    };
    let mut records = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Keep(record)) => drop(records.insert(record.port.clone(), record)),
            Ok(Line::Forget { port }) => drop(records.remove(&port)),
            // The last one was cut by a kill; whatever else is there is not ours.
            Err(_) => {}
        }
    }
    Ok(records)
}

/// Attaches to what is still there.
fn recover(records: impl Iterator<Item = Record>) -> (BTreeMap<String, Place>, Kept) {
    let (mut places, mut kept) = (BTreeMap::new(), Kept::new());
    let deadline = Instant::now() + BUSY;
    for record in records {
        let Record { port, queues, name, mac, namespace, .. } = record;
        let place = Place { namespace, name, mac };
        let attached = loop {
            match place.attach(queues) {
                // The switch process of before dies with its supervisor, but not in the same instant.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    sleep(Duration::from_millis(2));
                }
                other => break other,
            }
        };
        match attached {
            Ok(queues) => {
                tracing::info!(port, device = place.name, "a TAP interface of the heddled before is found again");
                places.insert(port.clone(), place);
                kept.insert(port, KeptPort { queues, maker: Maker::Heddle });
            }
            Err(error) => {
                tracing::info!(port, device = place.name, %error, "a TAP interface of the heddled before is not there");
            }
        }
    }
    (places, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(port: &str, name: &str) -> Record {
        let (port, name) = (port.to_owned(), name.to_owned());
        Record { port, queues: 1, name, mac: [2, 0, 0, 0, 0, 1], namespace: (4, 1), boot: "b".to_owned() }
    }

    #[test]
    fn lines_one_after_the_other_leave_the_last_word_and_a_cut_one_none() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join(FILE);
        assert!(read(&path)?.is_empty(), "no file, no interfaces");
        let mut file = File::create(&path)?;
        write_line(&mut file, &Line::Keep(record("lab/a", "tap0")))?;
        write_line(&mut file, &Line::Keep(record("lab/b", "tap1")))?;
        write_line(&mut file, &Line::Keep(record("lab/a", "web")))?;
        write_line(&mut file, &Line::Forget { port: "lab/b".to_owned() })?;
        file.write_all(b"{\"keep\":{\"port\":\"lab/c\",\"que")?;
        let found = read(&path)?;
        assert_eq!(found.into_values().collect::<Vec<_>>(), [record("lab/a", "web")]);
        Ok(())
    }

    #[test]
    fn a_directory_has_one_owner_and_a_record_of_another_boot_is_none() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let mut file = File::create(directory.path().join(FILE))?;
        write_line(&mut file, &Line::Keep(record("lab/a", "tap0")))?;
        let first = Devices::open(directory.path());
        assert!(first.as_ref().is_some_and(|(devices, kept)| devices.places.is_empty() && kept.is_empty()));
        assert!(Devices::open(directory.path()).is_none(), "it is taken");
        assert_eq!(fs::read(directory.path().join(FILE))?, b"", "and written anew");
        drop(first);
        assert!(Devices::open(directory.path()).is_some());
        Ok(())
    }
}
