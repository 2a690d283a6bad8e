//! The TUN/TAP character device: attaching a queue to an interface and its settings (Documentation/networking/tuntap).
//!
//! Frames go through `read` and `write` of the file, which need no unsafe code; only the `ioctl`s are here.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use super::check;
use super::interface::{mac_in, name_in, request};

/// Where the kernel offers it.
pub(in crate::ports) const DEVICE: &str = "/dev/net/tun";

/// Opens a queue of the TAP interface `name` (made if there is none; `%d` in the name lets the kernel number it), without
/// blocking and with virtio-net headers. Gives the interface's name as well.
pub(in crate::ports) fn attach(name: &str, multi_queue: bool) -> io::Result<(File, String)> {
    let file =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(DEVICE)?;
    let mut request = request(name)?;
    let queue = if multi_queue { libc::IFF_MULTI_QUEUE } else { 0 };
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR | queue;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: TUNSETIFF takes a pointer to one `ifreq`, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    Ok((file, name_in(&request)))
}

/// The first queue, the interface's name, and whether it is one for several: a single queue fits itself to an existing
/// interface.
pub(in crate::ports) fn attach_to_fit(name: &str, multi_queue: bool) -> io::Result<(File, String, bool)> {
    match attach(name, multi_queue) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) && !multi_queue => {
            attach(name, true).map(|(file, name)| (file, name, true))
        }
        other => other.map(|(file, name)| (file, name, multi_queue)),
    }
}

/// `_IO('T', 227)`, Linux 5.4: the network namespace of a queue's interface.
const TUNGETDEVNETNS: libc::Ioctl = 0x54e3;

/// The present name of a queue's interface, in whichever network namespace it is.
pub(in crate::ports) fn name(queue: &impl AsFd) -> io::Result<String> {
    let mut request = request("")?;
    // SAFETY: TUNGETIFF fills one `ifreq`, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(queue.as_fd().as_raw_fd(), libc::TUNGETIFF, &raw mut request) })?;
    Ok(name_in(&request))
}

/// The MAC of a queue's interface, in whichever network namespace it is.
pub(in crate::ports) fn mac(queue: &impl AsFd) -> io::Result<Option<[u8; 6]>> {
    let mut request = request("")?;
    // SAFETY: a TAP queue answers SIOCGIFHWADDR for its interface: it fills one `ifreq`, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(queue.as_fd().as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) })?;
    Ok(mac_in(&request))
}

/// The network namespace of a queue's interface. It lives as long as the file is open: ask, and let go.
pub(in crate::ports) fn namespace(queue: &impl AsFd) -> io::Result<File> {
    // SAFETY: the operation takes no argument and gives a new descriptor, checked before it becomes a file.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(File::from_raw_fd(check(libc::ioctl(queue.as_fd().as_raw_fd(), TUNGETDEVNETNS))?))
    }
}

/// Whether a queue's interface is in the network namespace of this thread.
pub(in crate::ports) fn is_here(queue: &impl AsFd) -> io::Result<bool> {
    let (there, here) = (namespace(queue)?.metadata()?, std::fs::metadata("/proc/thread-self/ns/net")?);
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}

fn set_by_pointer(file: &File, operation: libc::Ioctl, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the operations passed in this file take a pointer to one int, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(file.as_raw_fd(), operation, &raw const value) })?;
    Ok(())
}

fn set_by_value(file: &impl AsFd, operation: libc::Ioctl, value: libc::c_uint) -> io::Result<()> {
    // SAFETY: the operations passed in this file take an integer, no pointer.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(file.as_fd().as_raw_fd(), operation, libc::c_ulong::from(value)) })?;
    Ok(())
}

/// Sets the length of the header in front of each frame, little-endian on every architecture.
pub(in crate::ports) fn set_header(file: &File, len: usize) -> io::Result<()> {
    set_by_pointer(file, libc::TUNSETVNETHDRSZ, libc::c_int::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?)?;
    set_by_pointer(file, libc::TUNSETVNETLE, 1)
}

/// What the kernel may leave undone in frames it gives us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ports) enum TunOffload {
    /// Nothing: complete checksums, no segmentation-offload frames.
    None,
    /// Checksums and TCP segmentation.
    Tcp,
    /// Also UDP segmentation (Linux 6.2).
    TcpUdp,
}

/// Sets what the kernel may leave undone.
pub(in crate::ports) fn set_offload(file: &File, offload: TunOffload) -> io::Result<()> {
    let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    let flags = match offload {
        TunOffload::None => 0,
        TunOffload::Tcp => tcp,
        TunOffload::TcpUdp => tcp | libc::TUN_F_USO4 | libc::TUN_F_USO6,
    };
    set_by_value(file, libc::TUNSETOFFLOAD, flags)
}

/// Whether the interface outlives its last queue.
pub(in crate::ports) fn set_persist(file: &impl AsFd, persist: bool) -> io::Result<()> {
    set_by_value(file, libc::TUNSETPERSIST, libc::c_uint::from(persist))
}

/// Puts `new` behind the descriptor of `old`, whose file is closed. Other threads that use the descriptor meanwhile see
/// the one file or the other.
pub(in crate::ports) fn replace(old: &File, new: OwnedFd) -> io::Result<()> {
    // SAFETY: both descriptors are open, owned by their values; `old` goes on owning its number.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::dup3(new.as_raw_fd(), old.as_raw_fd(), libc::O_CLOEXEC) })?;
    Ok(())
}
