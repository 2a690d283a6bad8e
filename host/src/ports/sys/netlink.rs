//! Route netlink sockets (rtnetlink(7)): one that listens to changes of links and addresses and asks for all, one for single requests.
//!
//! What the bytes mean is for [`device`](super::super::device) to say, which needs no unsafe code.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::check;

/// `struct nlmsghdr` and `struct ifinfomsg`, both of 16 bytes.
const DUMP_LEN: usize = 32;

/// The socket.
pub(in crate::ports) struct LinkSocket(OwnedFd);

impl LinkSocket {
    /// Opens the socket in the current network namespace and joins the groups of link and address changes.
    pub(in crate::ports) fn open() -> io::Result<LinkSocket> {
        let socket = route_socket()?;
        // SAFETY: `sockaddr_nl` is a plain C struct for which all zeroes is a value.
        #[expect(unsafe_code, reason = "C struct")]
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap_or(16);
        let groups = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        address.nl_groups = groups.cast_unsigned();
        let length = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or(0);
        // SAFETY: address and length are those of one `sockaddr_nl` that lives across the call.
        #[expect(unsafe_code, reason = "system call")]
        check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
        Ok(LinkSocket(socket))
    }

    /// Asks for all links or all addresses; the answers come like changes, and then the end of the dump.
    pub(in crate::ports) fn request_all(&self, what: u16) -> io::Result<()> {
        let mut message = [0; DUMP_LEN];
        let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_DUMP).unwrap_or(0x301);
        let length = u32::try_from(DUMP_LEN).unwrap_or(32).to_ne_bytes();
        let fields = length.into_iter().chain(what.to_ne_bytes()).chain(flags.to_ne_bytes());
        message.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        send(&self.0, &message)
    }

    /// Receives a datagram of messages without waiting.
    pub(in crate::ports) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        receive(&self.0, buffer)
    }
}

/// A socket for requests about one thing each, which the kernel answers before the request's system call returns.
pub(in crate::ports) struct RequestSocket(OwnedFd);

impl RequestSocket {
    /// Opens the socket in the current network namespace.
    pub(in crate::ports) fn open() -> io::Result<RequestSocket> {
        route_socket().map(RequestSocket)
    }

    /// Sends a request; the answer is put into `buffer`.
    pub(in crate::ports) fn ask(&self, request: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
        send(&self.0, request)?;
        receive(&self.0, buffer)
    }
}

fn route_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a plain call; the result is checked before it becomes an owned descriptor.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE))?))
    }
}

fn send(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of the slice.
    #[expect(unsafe_code, reason = "system call")]
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most the length of the slice, which is borrowed exclusively.
    #[expect(unsafe_code, reason = "system call")]
    let received = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

impl AsFd for LinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
