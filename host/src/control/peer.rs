//! Who is at the other end of a connection, and what that peer may do.
//!
//! The kernel answers both questions' facts at accept time (`SO_PEERCRED`, `SO_PEERGROUPS`), so a client can claim nothing.
//! User 0 and the user the daemon runs as change things; members of the group `heddle` read; the socket's mode keeps
//! everybody else out before that, and [`AccessPolicy::check`] refuses them by name if someone loosened the mode.

mod groups;

use super::error::ControlError;
use super::seats::{Seat, Ticket};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tonic::transport::server::Connected;

/// The group whose members may read.
pub const READER_GROUP: &str = "heddle";

/// A client as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Effective user when it connected.
    pub uid: u32,
    /// Process that connected.
    pub pid: Option<i32>,
    /// Effective group and supplementary groups when it connected.
    pub groups: Arc<[u32]>,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Looks only.
    Read,
    /// Changes something, or shows what others send.
    Change,
}

/// Who may do what on this daemon.
#[derive(Debug, Clone, Copy)]
pub struct AccessPolicy {
    /// The user the daemon runs as.
    pub owner: u32,
    /// The group `heddle`, when this host has one.
    pub readers: Option<u32>,
}

impl AccessPolicy {
    /// Whether `peer` is root or the user the daemon runs as.
    #[must_use]
    pub const fn is_owner(&self, peer: &Peer) -> bool {
        peer.uid == 0 || peer.uid == self.owner
    }

    /// Whether `peer` may do what needs `right`.
    ///
    /// # Errors
    /// [`ControlError::NotPermitted`] when it may not.
    pub fn check(&self, peer: &Peer, right: Right) -> Result<(), ControlError> {
        let owner = self.is_owner(peer);
        let reader = self.readers.is_some_and(|group| peer.groups.contains(&group));
        match right {
            _ if owner => Ok(()),
            Right::Read if reader => Ok(()),
            Right::Read => Err(ControlError::NotPermitted {
                uid: peer.uid,
                action: "use this daemon",
                fix: "run the command as root or join the group heddle to read",
            }),
            Right::Change => Err(ControlError::NotPermitted {
                uid: peer.uid,
                action: "change anything or capture frames",
                fix: "run the command as root or as the user heddled runs as",
            }),
        }
    }
}

/// Who makes a request, and the seat of the connection it came by.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) peer: Peer,
    pub(super) ticket: Ticket,
}

/// A connection that remembers its peer, ends when its seat is closed and gives the seat back when it ends.
#[derive(Debug)]
pub(super) struct PeerStream {
    stream: UnixStream,
    peer: Peer,
    seat: Seat,
}

impl PeerStream {
    /// Asks the kernel for the peer of an accepted connection and has it seated.
    pub(super) fn identify(stream: UnixStream, seat: impl FnOnce(&Peer) -> Seat) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let mut all = groups::of_peer(&stream)?;
        all.push(credentials.gid());
        let peer = Peer { uid: credentials.uid(), pid: credentials.pid(), groups: all.into() };
        let seat = seat(&peer);
        Ok(Self { stream, peer, seat })
    }
}

impl Connected for PeerStream {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        Caller { peer: self.peer.clone(), ticket: self.seat.ticket() }
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.seat.poll_closed(cx) {
            // Nothing read means the end, to the one who reads.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: AccessPolicy = AccessPolicy { owner: 1000, readers: Some(77) };

    fn may(policy: AccessPolicy, uid: u32, groups: &[u32]) -> (bool, bool) {
        let peer = Peer { uid, pid: None, groups: groups.into() };
        (policy.check(&peer, Right::Read).is_ok(), policy.check(&peer, Right::Change).is_ok())
    }

    #[test]
    fn root_and_the_owner_change_members_read_others_nothing() {
        assert_eq!(may(POLICY, 0, &[0]), (true, true));
        assert_eq!(may(POLICY, 1000, &[1000]), (true, true));
        assert_eq!(may(POLICY, 1001, &[1001, 77]), (true, false));
        assert_eq!(may(POLICY, 1001, &[1001]), (false, false));
    }

    #[test]
    fn without_the_group_nobody_reads_by_membership() {
        assert_eq!(may(AccessPolicy { owner: 0, readers: None }, 1001, &[77]), (false, false));
    }

    #[tokio::test]
    async fn the_kernel_names_this_process_and_its_groups() -> io::Result<()> {
        let (here, _there) = UnixStream::pair()?;
        let seats = super::super::seats::Seats::default();
        let peer = PeerStream::identify(here, |_| seats.take(true, std::time::Instant::now()))?.connect_info().peer;
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(peer.pid, i32::try_from(std::process::id()).ok());
        assert!(peer.groups.contains(&nix::unistd::getegid().as_raw()));
        Ok(())
    }
}
