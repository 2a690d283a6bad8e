//! Who is at the other end of a connection, and what that peer may do.
//!
//! The kernel answers both questions' facts at accept time (`SO_PEERCRED`, `SO_PEERGROUPS`), so a client can claim nothing.
//! User 0 and the user the daemon runs as change things; members of the group `heddle` read; the socket's mode keeps
//! everybody else out before that, and [`AccessPolicy::check`] refuses them by name if someone loosened the mode.

mod groups;

use super::error::ControlError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::OwnedSemaphorePermit;
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
    /// Whether `peer` may do what needs `right`.
    ///
    /// # Errors
    /// [`ControlError::NotPermitted`] when it may not.
    pub fn check(&self, peer: &Peer, right: Right) -> Result<(), ControlError> {
        let owner = peer.uid == 0 || peer.uid == self.owner;
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

/// A connection that remembers its peer and gives its place back when it closes.
#[derive(Debug)]
pub(super) struct PeerStream {
    stream: UnixStream,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

impl PeerStream {
    /// Asks the kernel for the peer of an accepted connection.
    pub(super) fn identify(stream: UnixStream, place: OwnedSemaphorePermit) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let mut all = groups::of_peer(&stream)?;
        all.push(credentials.gid());
        let peer = Peer { uid: credentials.uid(), pid: credentials.pid(), groups: all.into() };
        Ok(Self { stream, peer, _place: place })
    }
}

impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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
        let place = Arc::new(tokio::sync::Semaphore::new(1)).acquire_owned().await.map_err(io::Error::other)?;
        let peer = PeerStream::identify(here, place)?.connect_info();
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(peer.pid, i32::try_from(std::process::id()).ok());
        assert!(peer.groups.contains(&nix::unistd::getegid().as_raw()));
        Ok(())
    }
}
