//! What the supervisor keeps for the next switch process: the listening socket, and the descriptors of TAP interfaces.
//!
//! Between both processes is a UNIX socket of packets, the switch process's standard input. At its start it is sent the
//! listening socket, then everything kept, then an end mark; from then on it sends what is to be kept and what is to be let
//! go. A packet is a letter, then the name of a port; descriptors travel beside it (`SCM_RIGHTS`, unix(7)). Packets of a
//! process that died are all read before the next one starts. Devices that heddled made outlive the supervisor, too
//! (`devices`).
//!
//! Limits: [`PORTS_MAX`] ports, [`QUEUES_MAX`] descriptors each, names of [`NAME_MAX`] bytes.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::devices::Devices;
use crate::contain::note;
use crate::ports::keep::{self, Maker};

/// Ports whose descriptors are kept; those of further ones go with the process.
const PORTS_MAX: usize = 4096;
/// Descriptors of one port (`ports::QUEUES_MAX`).
const QUEUES_MAX: usize = 64;
/// A switch name, a slash and a port name.
const NAME_MAX: usize = 2 * 64 + 1;

/// What a packet is about.
const LISTENER: u8 = b'L';
/// A device that its port made.
const KEEP: u8 = b'K';
/// One that somebody else made.
const LEND: u8 = b'B';
const FORGET: u8 = b'F';
const END: u8 = b'E';
/// From the switch process: it is about to exit, by itself, with the code that follows.
const EXITS: u8 = b'X';

/// The exit code a process has declared.
type Declared = Arc<Mutex<Option<u8>>>;

/// The device of one port.
#[derive(Debug)]
pub(super) struct KeptPort {
    pub(super) queues: Vec<OwnedFd>,
    pub(super) maker: Maker,
}

impl KeptPort {
    fn letter(&self) -> u8 {
        letter(self.maker)
    }
}

fn letter(maker: Maker) -> u8 {
    match maker {
        Maker::Heddle => KEEP,
        Maker::Other => LEND,
    }
}

fn maker(letter: u8) -> Maker {
    if letter == KEEP { Maker::Heddle } else { Maker::Other }
}

/// Devices by port.
pub(super) type Kept = BTreeMap<String, KeptPort>;

/// What is kept, and the record of what may outlive the keeper.
#[derive(Debug, Default)]
struct Store {
    kept: Kept,
    devices: Option<Devices>,
}

impl Store {
    fn keep(&mut self, port: String, one: KeptPort) {
        if self.kept.len() >= PORTS_MAX && !self.kept.contains_key(&port) {
            return;
        }
        if let Some(devices) = &mut self.devices {
            devices.keep(&port, &one);
        }
        self.kept.insert(port, one);
    }

    fn forget(&mut self, port: &str) {
        let Some(one) = self.kept.remove(port) else { return };
        if let Some(devices) = &mut self.devices {
            devices.forget(port, &one);
        }
    }
}

fn send(socket: BorrowedFd<'_>, what: u8, port: &str, queues: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(QUEUES_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !queues.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(queues)) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let parts = [IoSlice::new(std::slice::from_ref(&what)), IoSlice::new(port.as_bytes())];
    sendmsg(socket, &parts, &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next packet; `None` when the other side is gone.
fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(u8, String, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(QUEUES_MAX))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut packet = [0; 1 + NAME_MAX];
    let got = loop {
        let mut parts = [IoSliceMut::new(&mut packet)];
        match recvmsg(socket, &mut parts, &mut beside, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    let queues = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(queues) => Some(queues),
        _ => None,
    });
    let queues = queues.flatten().collect();
    let Some((what, name)) = packet.get(..got.bytes).and_then(<[u8]>::split_first) else { return Ok(None) };
    if got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a packet between supervisor and switch process was cut",
        ));
    }
    Ok(Some((*what, String::from_utf8_lossy(name).into_owned(), queues)))
}

/// The supervisor's side of one switch process.
#[derive(Debug)]
pub(super) struct KeptQueues {
    store: Arc<Mutex<Store>>,
    reader: Option<JoinHandle<()>>,
    declared: Declared,
    notes: Option<OwnedFd>,
}

impl KeptQueues {
    /// With what a heddled of the same state directory has left.
    pub(super) fn new(state: &Path) -> Self {
        let (devices, kept) = Devices::open(state).map_or((None, Kept::new()), |(devices, kept)| (Some(devices), kept));
        let store = Arc::new(Mutex::new(Store { kept, devices }));
        Self { store, reader: None, declared: Declared::default(), notes: None }
    }

    /// Follows devices that were renamed or moved; call it now and then.
    pub(super) fn follow(&self) {
        let Store { kept, devices } = &mut *lock(&self.store);
        if let Some(devices) = devices {
            devices.follow(kept);
        }
    }

    /// Lets go of everything, at an end that was asked for; call it when the switch process has ended.
    pub(super) fn release(mut self) {
        self.settle();
        let Store { kept, devices } = std::mem::take(&mut *lock(&self.store));
        if let Some(devices) = devices {
            devices.release(&kept);
        }
    }

    /// Waits until everything the process before has sent is read; call it when that process is dead.
    pub(super) fn settle(&mut self) {
        if let Some(reader) = self.reader.take() {
            // One that panicked reads no more.
            let _ = reader.join();
        }
    }

    /// The exit code the process that is dead has declared, and whom it was calling.
    pub(super) fn last_words(&mut self) -> (Option<u8>, Vec<note::Called>) {
        self.settle();
        (lock(&self.declared).take(), self.notes.take().map(|notes| note::calls(&notes)).unwrap_or_default())
    }

    /// The standard input of the next switch process, which will find everything there.
    pub(super) fn hand_over(&mut self, listener: &UnixListener) -> io::Result<OwnedFd> {
        self.settle();
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let (listener, notes) = (listener.as_fd().try_clone_to_owned()?, note::file()?);
        let first = [listener, notes.try_clone()?];
        self.notes = Some(notes);
        let (store, declared) = (Arc::clone(&self.store), Arc::clone(&self.declared));
        // A thread of its own: it waits when the socket is full, and the supervisor must not.
        let work = move || {
            let outcome =
                send_all(ours.as_fd(), &first, &store).and_then(|()| keep_what_comes(ours.as_fd(), &store, &declared));
            if let Err(error) = outcome {
                tracing::warn!(%error, "the descriptors of the switch process are not kept any more");
            }
        };
        self.reader = Some(std::thread::Builder::new().name("heddle-keeper".to_owned()).spawn(work)?);
        Ok(theirs)
    }
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Every change is one insertion or removal.
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first packet has the listening socket and the file for notes of calls.
fn send_all(socket: BorrowedFd<'_>, first: &[OwnedFd; 2], store: &Mutex<Store>) -> io::Result<()> {
    send(socket, LISTENER, "", &first.each_ref().map(AsFd::as_fd))?;
    for (port, one) in &lock(store).kept {
        let queues: Vec<BorrowedFd<'_>> = one.queues.iter().map(AsFd::as_fd).collect();
        send(socket, one.letter(), port, &queues)?;
    }
    send(socket, END, "", &[])
}

fn keep_what_comes(socket: BorrowedFd<'_>, store: &Mutex<Store>, declared: &Mutex<Option<u8>>) -> io::Result<()> {
    while let Some((what, port, queues)) = receive(socket)? {
        if what == EXITS {
            *lock(declared) = port.parse().ok();
            continue;
        }
        match what {
            KEEP | LEND => lock(store).keep(port, KeptPort { queues, maker: maker(what) }),
            FORGET => lock(store).forget(&port),
            _ => {}
        }
    }
    Ok(())
}

/// The switch process's side.
#[derive(Debug)]
pub struct Inheritance {
    socket: OwnedFd,
    left: Mutex<Kept>,
}

impl Inheritance {
    /// Takes everything from the supervisor; also gives the listening socket.
    ///
    /// # Errors
    /// When standard input is not what a supervisor gives.
    pub(super) fn receive() -> io::Result<(Self, UnixListener)> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        let (mut listener, mut notes, mut left) = (None, None, Kept::new());
        loop {
            match receive(socket.as_fd())? {
                Some((LISTENER, _, queues)) => {
                    let mut queues = queues.into_iter();
                    (listener, notes) = (queues.next(), queues.next());
                }
                Some((what @ (KEEP | LEND), port, queues)) => {
                    left.insert(port, KeptPort { queues, maker: maker(what) });
                }
                Some((END, ..)) => break,
                Some(_) => {}
                None => return Err(io::Error::other("the supervisor is gone")),
            }
        }
        let listener = listener.ok_or_else(|| io::Error::other("the supervisor gave no control socket"))?;
        let listener = UnixListener::from(listener);
        listener.local_addr()?;
        let notes = notes.ok_or_else(|| io::Error::other("the supervisor gave no file for notes"))?;
        note::attach(&notes)?;
        Ok((Self { socket, left: Mutex::new(left) }, listener))
    }

    /// Lets go of what no port has taken up: its port was removed while no process was there to do it.
    pub fn release_unclaimed(&self) {
        let left = std::mem::take(&mut *lock(&self.left));
        for port in left.into_keys() {
            tracing::info!(port, "a TAP interface that no port has any more is removed");
            keep::Keeper::forget(self, &port);
        }
    }

    /// Declares that this process exits with `code`, for a reason of its own.
    pub fn exits(&self, code: u8) {
        self.tell(EXITS, &code.to_string(), &[]);
    }

    fn tell(&self, what: u8, port: &str, queues: &[BorrowedFd<'_>]) {
        if let Err(error) = send(self.socket.as_fd(), what, port, queues) {
            tracing::debug!(port, %error, "the supervisor was not told what to keep");
        }
    }
}

impl keep::Keeper for Inheritance {
    fn take(&self, port: &str) -> Option<Vec<OwnedFd>> {
        lock(&self.left).remove(port).map(|one| one.queues)
    }

    fn keep(&self, port: &str, queues: &[BorrowedFd<'_>], maker: Maker) {
        self.tell(letter(maker), port, queues);
    }

    fn forget(&self, port: &str) {
        self.tell(FORGET, port, &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn descriptors_travel_and_are_kept_until_forgotten() -> io::Result<()> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let store = Mutex::new(Store::default());
        let (mut reader, writer) = io::pipe()?;
        send(theirs.as_fd(), KEEP, "lab/web", &[writer.as_fd(), reader.as_fd()])?;
        send(theirs.as_fd(), KEEP, "lab/db", &[writer.as_fd()])?;
        send(theirs.as_fd(), FORGET, "lab/db", &[])?;
        send(theirs.as_fd(), EXITS, "5", &[])?;
        drop((theirs, writer));
        let declared = Mutex::new(None);
        keep_what_comes(ours.as_fd(), &store, &declared)?;
        assert_eq!(*lock(&declared), Some(5));
        let mut kept = store.into_inner().unwrap_or_default().kept;
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["lab/web"]);
        let mut queues = kept.remove("lab/web").map(|one| one.queues).unwrap_or_default();
        assert_eq!(queues.len(), 2);
        io::PipeWriter::from(queues.swap_remove(0)).write_all(b"frame")?;
        drop(queues);
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        assert_eq!(text, "frame", "the copy was the last one of the writing end");
        Ok(())
    }

    #[test]
    fn the_next_process_gets_everything_and_names_have_a_limit() -> io::Result<()> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let (reader, _writer) = io::pipe()?;
        let one = |queue, maker| KeptPort { queues: vec![queue], maker };
        let again = reader.try_clone()?.into();
        let kept = Kept::from([
            ("lab/db".to_owned(), one(again, Maker::Other)),
            ("lab/web".to_owned(), one(reader.into(), Maker::Heddle)),
        ]);
        let store = Mutex::new(Store { kept, devices: None });
        let socket = OwnedFd::from(UnixListener::bind(tempfile::tempdir()?.path().join("s"))?);
        send_all(ours.as_fd(), &[socket, note::file()?], &store)?;
        let mut told = Vec::new();
        for _ in 0..4 {
            let Some((what, port, queues)) = receive(theirs.as_fd())? else { break };
            told.push((what, port, queues.len()));
        }
        let (web, db) = ((KEEP, "lab/web".to_owned(), 1), (LEND, "lab/db".to_owned(), 1));
        assert_eq!(told, [(LISTENER, String::new(), 2), db, web, (END, String::new(), 0)]);
        send(ours.as_fd(), FORGET, &"x".repeat(NAME_MAX + 1), &[])?;
        assert!(receive(theirs.as_fd()).is_err(), "a name that was cut is no name");
        Ok(())
    }
}
