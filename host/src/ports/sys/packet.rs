//! Raw packet sockets (packet(7)): making one, its options, and sending whole batches of frames in one system call.
//!
//! [`SendBatch`] owns the arrays the kernel reads; they are filled anew for every call from slices that outlive it, so no
//! address stays in use. Every frame has a virtio-net header of 10 bytes in front, kept beside it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use heddle_switch_core::offload::VIRTIO_LEN;

use super::check;

/// A raw packet socket that receives nothing until it is bound.
pub(in crate::ports) fn socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a plain call; the result is checked before it becomes an owned descriptor.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_PACKET, kind, 0))?))
    }
}

/// What a bound socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ports) enum Purpose {
    /// All frames that arrive, whatever their protocol.
    Receive,
    /// Sending only: nothing is queued on it.
    Send,
}

fn socket_len<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn interface_number(index: u32) -> io::Result<libc::c_int> {
    libc::c_int::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))
}

/// Ties a socket to an interface.
pub(in crate::ports) fn bind(socket: BorrowedFd<'_>, index: u32, purpose: Purpose) -> io::Result<()> {
    // SAFETY: `sockaddr_ll` is a plain C struct for which all zeroes is a value.
    #[expect(unsafe_code, reason = "C struct")]
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let all = u16::try_from(libc::ETH_P_ALL).unwrap_or(3);
    address.sll_family = libc::sa_family_t::try_from(libc::AF_PACKET).unwrap_or(17);
    address.sll_protocol = if purpose == Purpose::Receive { all.to_be() } else { 0 };
    address.sll_ifindex = interface_number(index)?;
    // SAFETY: the address and its length are those of one `sockaddr_ll` that lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), socket_len::<libc::sockaddr_ll>()) })?;
    Ok(())
}

/// Whether the socket's interface still exists in its network namespace. The kernel unties a socket for good when the
/// interface leaves, even if it returns under the same number.
pub(in crate::ports) fn is_bound(socket: BorrowedFd<'_>) -> bool {
    // SAFETY: `sockaddr_ll` is a plain C struct for which all zeroes is a value.
    #[expect(unsafe_code, reason = "C struct")]
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    let mut length = socket_len::<libc::sockaddr_ll>();
    // SAFETY: the kernel writes at most `length` bytes of the address, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    let result = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut length) };
    result == 0 && address.sll_ifindex > 0
}

pub(super) fn set_option<T: Copy>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let pointer = std::ptr::from_ref(value).cast();
    // SAFETY: pointer and length are those of one value that lives across the call; the kernel copies it and checks
    // the length against the option.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, socket_len::<T>()) })?;
    Ok(())
}

fn switch_on(socket: BorrowedFd<'_>, option: libc::c_int) -> io::Result<()> {
    set_option::<libc::c_int>(socket, libc::SOL_PACKET, option, &1)
}

/// Puts a virtio-net header in front of every frame, both ways.
pub(in crate::ports) fn use_headers(socket: BorrowedFd<'_>) -> io::Result<()> {
    switch_on(socket, libc::PACKET_VNET_HDR)
}

/// Leaves out frames that this machine sends through the interface (Linux 4.20).
pub(in crate::ports) fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    switch_on(socket, libc::PACKET_IGNORE_OUTGOING)
}

/// Lets the interface take frames for every address as long as the socket lives.
pub(in crate::ports) fn join_promiscuous(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: interface_number(index)?,
        mr_type: libc::c_ushort::try_from(libc::PACKET_MR_PROMISC).unwrap_or(1),
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
}

/// Sets a socket's buffer beyond the system's limit or, without the right to that, up to it.
fn set_buffer(socket: BorrowedFd<'_>, force: libc::c_int, plain: libc::c_int, bytes: libc::c_int) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, force, &bytes).or_else(|_| set_option(socket, libc::SOL_SOCKET, plain, &bytes))
}

/// Sets the receive buffer.
pub(in crate::ports) fn set_receive_buffer(socket: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    set_buffer(socket, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, bytes)
}

/// Sets the send buffer.
pub(in crate::ports) fn set_send_buffer(socket: BorrowedFd<'_>, bytes: libc::c_int) -> io::Result<()> {
    set_buffer(socket, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, bytes)
}

/// Joins the sockets of one port, which share its frames by flow. `None` makes a group; the group's number comes back.
/// A group has its own filter for outgoing frames.
pub(in crate::ports) fn join_group(socket: BorrowedFd<'_>, group: Option<u16>) -> io::Result<u16> {
    let unique = if group.is_none() { libc::PACKET_FANOUT_FLAG_UNIQUEID } else { 0 };
    let flags = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING | unique;
    let value: libc::c_uint = u32::from(group.unwrap_or(0)) | flags << 16;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &value)?;
    let value: libc::c_uint = option(socket, libc::SOL_PACKET, libc::PACKET_FANOUT)?;
    Ok(u16::try_from(value & 0xffff).unwrap_or(0))
}

fn option<T: Default>(socket: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int) -> io::Result<T> {
    let (mut value, mut length) = (T::default(), socket_len::<T>());
    let pointer = (&raw mut value).cast();
    // SAFETY: the kernel writes at most `length` bytes, the size of the value; every `T` used in this file is made of
    // integers only.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, pointer, &raw mut length) })?;
    Ok(value)
}

/// Frames dropped because the receive buffer was full, since this was last asked.
pub(in crate::ports) fn take_drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // `struct tpacket_stats`: packets, drops.
    option::<[libc::c_uint; 2]>(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS).map(|[_, drops]| drops)
}

/// Takes the error that waits on a socket: ENETDOWN when its interface went down or away.
pub(in crate::ports) fn take_error(socket: BorrowedFd<'_>) -> Option<io::Error> {
    match option::<libc::c_int>(socket, libc::SOL_SOCKET, libc::SO_ERROR) {
        Ok(0) => None,
        Ok(code) => Some(io::Error::from_raw_os_error(code)),
        Err(error) => Some(error),
    }
}

/// Puts `new` behind the descriptor of `old`, whose socket is closed. Who waits on the number goes on using it.
pub(in crate::ports) fn replace(old: BorrowedFd<'_>, new: OwnedFd) -> io::Result<()> {
    // SAFETY: both descriptors are open; the number of `old` goes on being owned by its owner.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::dup3(new.as_raw_fd(), old.as_raw_fd(), libc::O_CLOEXEC) })?;
    Ok(())
}

fn empty_vector() -> libc::iovec {
    libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }
}

fn vector_of(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

fn empty_message() -> libc::mmsghdr {
    // SAFETY: a plain C struct; zeroes mean no address, no data, no control messages.
    #[expect(unsafe_code, reason = "C struct")]
    unsafe {
        std::mem::zeroed()
    }
}

/// One frame to send.
#[derive(Clone, Copy, Debug)]
pub(in crate::ports) struct Outgoing<'a> {
    /// Its virtio-net header.
    pub(in crate::ports) header: [u8; VIRTIO_LEN],
    /// Bytes before the tag; all of the frame when there is none.
    pub(in crate::ports) front: &'a [u8],
    /// Tag, and the bytes behind it.
    pub(in crate::ports) tagged: Option<([u8; 4], &'a [u8])>,
}

/// Sends up to a fixed number of frames at once, each gathered from its parts.
pub(in crate::ports) struct SendBatch {
    messages: Box<[libc::mmsghdr]>,
    vectors: Box<[[libc::iovec; 4]]>,
    headers: Box<[[u8; VIRTIO_LEN]]>,
    tags: Box<[[u8; 4]]>,
}

// SAFETY: the pointers in the arrays are used only inside `send`, which sets them first.
#[expect(unsafe_code, reason = "arrays of C structs with pointers")]
unsafe impl Send for SendBatch {}

impl SendBatch {
    pub(in crate::ports) fn new(size: usize) -> SendBatch {
        SendBatch {
            messages: (0..size).map(|_| empty_message()).collect(),
            vectors: vec![[empty_vector(); 4]; size].into(),
            headers: vec![[0; VIRTIO_LEN]; size].into(),
            tags: vec![[0; 4]; size].into(),
        }
    }

    /// Sends frames without waiting until one is refused, and gives the number sent; the error is that of the first.
    pub(in crate::ports) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        frames: impl Iterator<Item = Outgoing<'a>>,
    ) -> io::Result<usize> {
        let mut count = 0;
        let arrays = self.messages.iter_mut().zip(&mut self.vectors).zip(&mut self.headers).zip(&mut self.tags);
        for ((((message, vectors), header), tag), frame) in arrays.zip(frames) {
            *header = frame.header;
            let parts = match frame.tagged {
                Some((bytes, rest)) => {
                    *tag = bytes;
                    *vectors = [vector_of(header), vector_of(frame.front), vector_of(tag), vector_of(rest)];
                    4
                }
                None => {
                    *vectors = [vector_of(header), vector_of(frame.front), empty_vector(), empty_vector()];
                    2
                }
            };
            message.msg_hdr.msg_iov = vectors.as_mut_ptr();
            message.msg_hdr.msg_iovlen = parts;
            count += 1;
        }
        let (descriptor, messages) = (socket.as_raw_fd(), self.messages.as_mut_ptr());
        // SAFETY: the first `count` messages point to arrays of `self` and to slices that live through this call
        // (`'a` is a parameter); the kernel only reads what they point to.
        #[expect(unsafe_code, reason = "system call")]
        let sent = check(unsafe { libc::sendmmsg(descriptor, messages, count, libc::MSG_DONTWAIT as _) })?;
        Ok(usize::try_from(sent).unwrap_or(0))
    }
}
