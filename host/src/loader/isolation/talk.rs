//! What host and child say to each other over their socket pair, and how long each waits for an answer.
//!
//! One packet socket per child. The host asks ([`ToChild`]) and waits for [`ToHost::Done`] with a deadline; while it waits it
//! answers what the extension asks meanwhile ([`Ask`]) and takes what it is told (log lines, datagrams). Outside of a call
//! the child only tells, and never waits: a full socket is the extension's `E_AGAIN`. A message is JSON with bytes behind
//! it, cut into packets of [`PART`]; a message longer than [`MESSAGE_MAX`] is refused.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::published::Published;
use crate::loader::state::BlobHead;

/// Longest packet.
const PART: usize = 32 << 10;
/// Longest message: all pieces of an instance's state, and a little.
const MESSAGE_MAX: usize = 17 << 20;
/// Descriptors in one message, at most.
const FDS_MAX: usize = 68;

/// What the host asks; each is answered with [`ToHost::Done`] or, the first, with [`ToHost::Loaded`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToChild {
    /// Load the extension. Descriptors: its file, the shared memory, a bell per worker.
    Load {
        /// Bytes of the shared memory.
        length: usize,
    },
    /// Make the instance; the configuration follows as bytes.
    Create,
    /// Make the context of a worker.
    Worker(u16),
    /// End it.
    WorkerEnd(u16),
    /// The periodic call.
    Tick(u64),
    /// A control event; the port's state follows as bytes.
    Event { kind: u32, port: u32, switch: String },
    /// How an event ended that was accepted; likewise.
    Completed { kind: u32, port: u32, switch: String, status: i32 },
    /// A property; its values follow as bytes.
    Property(Property),
    /// How a property ended that was accepted.
    PropertyDone(Property, i32),
    /// What a feature tells of a port.
    Status { feature: String, port: u32 },
    /// The instance's state is about to be saved.
    BeginSaving,
    /// No more of it is saved, and whether the instance goes on.
    EndSaving(bool),
    /// Save the state of the instance, or of the NIC of a port, whole.
    Save { port: Option<u32> },
    /// Take such state up; the bytes of all pieces follow.
    Restore { port: Option<u32>, heads: Vec<BlobHead> },
    /// Save the next piece of a worker's context.
    SaveWorker { worker: u16, index: u32, room: u32 },
    /// Have a worker's context take up a piece, which follows.
    RestoreWorker { worker: u16, index: u32, version: u32 },
    /// No more of a worker's context is saved.
    EndSavingWorker(u16),
    /// Tell the handles of frames a worker's extension holds.
    Keeps(u16),
    /// Take up handles that another version told.
    TakeKeeps(u16),
    /// A new configuration follows as bytes.
    Configure,
    /// End the instance.
    Destroy,
    /// The answer to what the extension asked; bytes may follow.
    Answer { status: i32, numbers: Vec<u64> },
}

/// A property on its way to an extension.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Property {
    /// `PROPERTY_*`.
    pub(super) act: u32,
    pub(super) port: u32,
    pub(super) validation: bool,
    pub(super) feature: String,
    pub(super) instance: String,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToHost {
    /// It has loaded the file.
    Loaded(Loaded),
    /// A call has returned; what it gives may follow.
    Done { status: i32, text: String, number: u64 },
    /// A line for the log follows.
    Log(u32),
    /// A datagram for this address follows.
    Datagram(String),
    /// The extension asks; it waits for [`ToChild::Answer`].
    Ask(Ask),
}

/// What an extension has, as the host needs it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Loaded {
    /// Whether there is an ingress function.
    pub(super) ingress: bool,
    /// Whether there is an egress function.
    pub(super) egress: bool,
    /// Whether there is a periodic function of a worker.
    pub(super) worker_tick: bool,
    /// Header bytes it wants of samples.
    pub(super) sampling: Option<u16>,
    /// Whether it counts each port's frames by themselves.
    pub(super) skips_by_port: bool,
    /// Whether it wants to know of drops.
    pub(super) drops: bool,
    /// What it publishes.
    pub(super) published: Published,
    /// What the child has put itself under.
    pub(super) sandbox: Vec<String>,
}

/// A host function that only the host can answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// `counter_register`.
    Counter { name: String, unit: String },
    /// `drop_reason_register`.
    Reason { id: String, text: String },
    /// `group_create`.
    GroupCreate { ports: Vec<u32> },
    /// `group_update`.
    GroupUpdate { group: u32, ports: Vec<u32> },
    /// `port_list`.
    Ports,
    /// `port_query`.
    Port(u32),
    /// `datagram_counts`.
    Datagrams(String),
    /// `vlan_query`; `None` asks for counters by VLAN.
    Vlan(Option<u32>),
    /// `port_reference` and its kin.
    Reference { port: u32, nic: Option<u32>, take: bool },
}

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    /// The deadline has passed.
    #[error("it did not answer within {0:?}")]
    Late(Duration),
    /// The other side is gone.
    #[error("its end of the socket is closed")]
    Closed,
    /// What came is no message.
    #[error("it sent what is no message: {0}")]
    Garbage(String),
    /// It says why it cannot.
    #[error("{0}")]
    Refused(String),
    /// The socket failed.
    #[error("the socket to it failed: {0}")]
    Socket(#[from] io::Error),
}

impl From<rustix::io::Errno> for TalkError {
    fn from(errno: rustix::io::Errno) -> TalkError {
        TalkError::Socket(errno.into())
    }
}

/// One end of the socket pair.
pub(super) struct Talk {
    socket: OwnedFd,
}

/// A message with its bytes and descriptors.
pub(super) struct Heard<T> {
    pub(super) message: T,
    pub(super) bytes: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
}

impl Talk {
    /// Both ends.
    pub(super) fn pair() -> io::Result<(Talk, OwnedFd)> {
        let (host, child) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Talk { socket: host }, child))
    }

    /// An end that was inherited.
    pub(super) fn over(socket: OwnedFd) -> Talk {
        Talk { socket }
    }

    /// Sends a message; waits for room at most until the deadline.
    pub(super) fn send<T: Serialize>(
        &self,
        message: &T,
        bytes: &[u8],
        fds: &[BorrowedFd<'_>],
        deadline: Instant,
    ) -> Result<(), TalkError> {
        let whole = encode(message, bytes)?;
        let mut parts = whole.chunks(PART).peekable();
        let mut fds = fds;
        let single = whole.len() <= PART;
        while let Some(part) = parts.next() {
            let last = parts.peek().is_none();
            let packet: Vec<u8> = [u8::from(!single) + u8::from(last && !single)].iter().chain(part).copied().collect();
            loop {
                match self.put(&packet, fds, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                    Ok(()) => break,
                    Err(rustix::io::Errno::AGAIN) => self.ready(PollFlags::OUT, deadline)?,
                    Err(rustix::io::Errno::INTR) => {}
                    Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return Err(TalkError::Closed),
                    Err(errno) => return Err(errno.into()),
                }
            }
            fds = &[];
        }
        Ok(())
    }

    /// Sends a message that fits in one packet, if there is room; false when there is none.
    pub(super) fn offer<T: Serialize>(&self, message: &T, bytes: &[u8]) -> bool {
        let Ok(whole) = encode(message, bytes) else { return false };
        let packet: Vec<u8> = [0].iter().chain(&whole).copied().collect();
        whole.len() <= PART && self.put(&packet, &[], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok()
    }

    fn put(&self, packet: &[u8], fds: &[BorrowedFd<'_>], flags: SendFlags) -> rustix::io::Result<()> {
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(rustix::io::Errno::TOOBIG);
        }
        rustix::net::sendmsg(&self.socket, &[io::IoSlice::new(packet)], &mut control, flags).map(|_| ())
    }

    /// The next message; waits at most until the deadline.
    pub(super) fn hear<T: DeserializeOwned>(&self, deadline: Instant) -> Result<Heard<T>, TalkError> {
        let (mut whole, mut fds): (Vec<u8>, Vec<OwnedFd>) = (Vec::new(), Vec::new());
        loop {
            let packet = self.take(deadline, &mut fds)?;
            let Some((kind, part)) = packet.split_first() else { return Err(TalkError::Closed) };
            if *kind == 0 {
                if !whole.is_empty() {
                    // A line of the log between the parts of a longer message is not kept.
                    continue;
                }
                return decode(part, fds);
            }
            whole.extend_from_slice(part);
            if whole.len() > MESSAGE_MAX {
                return Err(TalkError::Garbage(format!("longer than {MESSAGE_MAX} bytes")));
            }
            if *kind == 2 {
                return decode(&whole, fds);
            }
        }
    }

    fn take(&self, deadline: Instant, fds: &mut Vec<OwnedFd>) -> Result<Vec<u8>, TalkError> {
        let mut packet = vec![0; PART + 1];
        loop {
            // Also when there is something to read: who talks without a pause does not answer.
            if Instant::now() > deadline {
                return Err(TalkError::Late(Duration::ZERO));
            }
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
            let mut vectors = [io::IoSliceMut::new(&mut packet)];
            match rustix::net::recvmsg(&self.socket, &mut vectors, &mut control, flags) {
                Ok(received) => {
                    for message in control.drain() {
                        if let RecvAncillaryMessage::ScmRights(received) = message {
                            fds.extend(received.take(FDS_MAX));
                        }
                    }
                    packet.truncate(received.bytes);
                    return Ok(packet);
                }
                Err(rustix::io::Errno::AGAIN) => self.ready(PollFlags::IN, deadline)?,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Err(TalkError::Closed),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn ready(&self, flags: PollFlags, deadline: Instant) -> Result<(), TalkError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(TalkError::Late(Duration::ZERO));
        }
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [PollFd::from_borrowed_fd(self.socket.as_fd(), flags)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

fn encode<T: Serialize>(message: &T, bytes: &[u8]) -> Result<Vec<u8>, TalkError> {
    let text = serde_json::to_vec(message).map_err(|error| TalkError::Garbage(error.to_string()))?;
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if text.len() + bytes.len() + 4 > MESSAGE_MAX {
        return Err(TalkError::Garbage(format!("longer than {MESSAGE_MAX} bytes")));
    }
    Ok([&length.to_le_bytes()[..], &text, bytes].concat())
}

fn decode<T: DeserializeOwned>(whole: &[u8], fds: Vec<OwnedFd>) -> Result<Heard<T>, TalkError> {
    let garbage = || TalkError::Garbage("cut short".to_owned());
    let (length, rest) = whole.split_first_chunk::<4>().ok_or_else(garbage)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (text, bytes) = rest.split_at_checked(length).ok_or_else(garbage)?;
    let message = serde_json::from_slice(text).map_err(|error| TalkError::Garbage(error.to_string()))?;
    Ok(Heard { message, bytes: bytes.to_vec(), fds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn long_messages_and_descriptors_arrive_whole() {
        let (host, child) = Talk::pair().unwrap();
        let child = Talk::over(child);
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PART).collect();
        let sender = std::thread::spawn(move || {
            let file = super::super::shared::file(4_096).unwrap();
            host.send(&ToChild::Create, &bytes, &[file.as_fd()], soon()).unwrap();
            (host, bytes)
        });
        let heard: Heard<ToChild> = child.hear(soon()).unwrap();
        let (_host, bytes) = sender.join().unwrap();
        assert!(matches!(heard.message, ToChild::Create) && heard.bytes == bytes && heard.fds.len() == 1);
    }

    #[test]
    fn silence_garbage_and_an_end_are_told_apart() {
        let (host, child) = Talk::pair().unwrap();
        let short = Instant::now() + Duration::from_millis(20);
        assert!(matches!(host.hear::<ToHost>(short), Err(TalkError::Late(_))));
        for garbage in [&b"\0"[..], b"\0\xff\xff\xff\xff{", b"\0\x02\0\0\0{}", b"\x02zz"] {
            rustix::net::send(&child, garbage, SendFlags::empty()).unwrap();
            let Err(TalkError::Garbage(_)) = host.hear::<ToHost>(soon()) else { panic!("{garbage:?}") };
        }
        let endless = [1; PART + 1];
        let sender =
            std::thread::spawn(move || while rustix::net::send(&child, &endless, SendFlags::NOSIGNAL).is_ok() {});
        assert!(matches!(host.hear::<ToHost>(soon()), Err(TalkError::Garbage(_))));
        drop(host);
        sender.join().unwrap();
    }

    #[test]
    fn who_talks_without_a_pause_is_late_all_the_same() {
        let (host, child) = Talk::pair().unwrap();
        let child = Talk::over(child);
        while child.offer(&ToHost::Log(1), b"line") {}
        assert!(host.hear::<ToHost>(soon()).is_ok());
        let passed = Instant::now() - Duration::from_millis(1);
        assert!(matches!(host.hear::<ToHost>(passed), Err(TalkError::Late(_))));
    }

    #[test]
    fn a_full_socket_refuses_an_offer_and_an_end_is_seen() {
        let (host, child) = Talk::pair().unwrap();
        let child = Talk::over(child);
        let offered = (0..100_000).take_while(|_| child.offer(&ToHost::Log(1), &[0; 1_000])).count();
        assert!((1..100_000).contains(&offered), "{offered}");
        assert!(host.hear::<ToHost>(soon()).is_ok());
        drop(child);
        let end = (0..=offered).find_map(|_| host.hear::<ToHost>(soon()).err());
        assert!(matches!(end, Some(TalkError::Closed)), "{end:?}");
    }
}
