//! Supplementary groups of a socket's peer: `getsockopt(SO_PEERGROUPS)`, for which no safe wrapper exists.
//!
//! An unsafe island with one block. The groups are those of the process that connected, at that moment, so a service that
//! got the group from systemd counts although no user database lists it.

#![expect(unsafe_code, reason = "SO_PEERGROUPS has no wrapper in std, tokio, nix or rustix")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The kernel's `NGROUPS_MAX`.
const MAX_GROUPS: usize = 65_536;

/// The supplementary groups of the process at the other end of a connected UNIX socket.
pub(super) fn of_peer(socket: &impl AsFd) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut length = libc::socklen_t::try_from(size_of_val(groups.as_slice())).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open for the length of the call because `socket` is borrowed; `groups` is a live,
        // writable, aligned array of `length` bytes and any bit pattern is a valid gid_t; `length` is a live socklen_t.
        // The kernel writes at most the length it was given and then the true length.
        let answer = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = usize::try_from(length).map_err(io::Error::other)? / size_of::<libc::gid_t>();
        if answer == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() || count > MAX_GROUPS {
            return Err(error);
        }
        groups.resize(count, 0);
    }
}
