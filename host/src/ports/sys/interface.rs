//! Questions to a network interface and changes of it, by `ioctl` on a throw-away socket (netdevice(7)).
//!
//! Everything is by name in the current network namespace. Cost: two to three system calls each; for opening ports and
//! rare checks only.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;

/// `ARPHRD_ETHER`: the device's frames are Ethernet.
const ETHERNET: libc::sa_family_t = 1;

fn control_socket() -> io::Result<OwnedFd> {
    // SAFETY: a plain call; the result is checked before it becomes an owned descriptor.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(OwnedFd::from_raw_fd(check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?))
    }
}

/// A request about the interface `name`, all else zero.
pub(in crate::ports) fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: `ifreq` is a plain C struct for which all zeroes is a value.
    #[expect(unsafe_code, reason = "C struct")]
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero; a longer name cannot exist.
    if name.len() >= request.ifr_name.len() || name.bytes().any(|byte| byte == 0) {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    Ok(request)
}

/// The name in a request that the kernel filled in.
pub(in crate::ports) fn name_in(request: &libc::ifreq) -> String {
    let bytes: Vec<u8> =
        request.ifr_name.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ask(operation: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    let socket = control_socket()?;
    // SAFETY: every operation used in this file takes a pointer to one `ifreq`, which lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    check(unsafe { libc::ioctl(socket.as_raw_fd(), operation, &raw mut *request) })?;
    Ok(())
}

/// The interface's number.
pub(in crate::ports) fn index(name: &str) -> io::Result<u32> {
    let name = CString::new(name).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    // SAFETY: a C string that lives across the call.
    #[expect(unsafe_code, reason = "system call")]
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// The present name of an interface.
pub(in crate::ports) fn name(index: u32) -> io::Result<String> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the length the call asks for.
    #[expect(unsafe_code, reason = "system call")]
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    if found.is_null() {
        return Err(io::Error::last_os_error());
    }
    let bytes: Vec<u8> = name.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0).collect();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Largest layer 3 packet.
pub(in crate::ports) fn mtu(name: &str) -> io::Result<u32> {
    let mut request = request(name)?;
    ask(libc::SIOCGIFMTU, &mut request)?;
    // SAFETY: SIOCGIFMTU fills this field.
    #[expect(unsafe_code, reason = "C union")]
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    Ok(u32::try_from(mtu).unwrap_or(0))
}

/// Sets the MTU.
pub(in crate::ports) fn set_mtu(name: &str, mtu: u32) -> io::Result<()> {
    let mut request = request(name)?;
    request.ifr_ifru.ifru_mtu = libc::c_int::try_from(mtu).map_err(|_| io::ErrorKind::InvalidInput)?;
    ask(libc::SIOCSIFMTU, &mut request)
}

/// Administrative state and carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ports) struct LinkFlags {
    /// IFF_UP.
    pub(in crate::ports) up: bool,
    /// IFF_RUNNING: up and with a carrier.
    pub(in crate::ports) running: bool,
}

fn flags_word(name: &str) -> io::Result<libc::c_short> {
    let mut request = request(name)?;
    ask(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: SIOCGIFFLAGS fills this field.
    #[expect(unsafe_code, reason = "C union")]
    unsafe {
        Ok(request.ifr_ifru.ifru_flags)
    }
}

/// Whether the interface is up and has a carrier.
pub(in crate::ports) fn flags(name: &str) -> io::Result<LinkFlags> {
    let flags = libc::c_int::from(flags_word(name)?);
    Ok(LinkFlags { up: flags & libc::IFF_UP != 0, running: flags & libc::IFF_RUNNING != 0 })
}

/// Brings the interface up.
pub(in crate::ports) fn set_up(name: &str) -> io::Result<()> {
    let flags = flags_word(name)?;
    let up = libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    if flags & up != 0 {
        return Ok(());
    }
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = flags | up;
    ask(libc::SIOCSIFFLAGS, &mut request)
}

/// MAC of an Ethernet interface; `None` for other kinds of interface.
pub(in crate::ports) fn mac(name: &str) -> io::Result<Option<[u8; 6]>> {
    let mut request = request(name)?;
    ask(libc::SIOCGIFHWADDR, &mut request)?;
    Ok(mac_in(&request))
}

/// The MAC in a request that the kernel answered as SIOCGIFHWADDR; `None` for what is not Ethernet.
pub(in crate::ports) fn mac_in(request: &libc::ifreq) -> Option<[u8; 6]> {
    // SAFETY: any bytes are a `sockaddr`; SIOCGIFHWADDR fills this field.
    #[expect(unsafe_code, reason = "C union")]
    let address = unsafe { request.ifr_ifru.ifru_hwaddr };
    let bytes = address.sa_data.first_chunk::<6>().filter(|_| address.sa_family == ETHERNET);
    bytes.map(|bytes| bytes.map(|byte| byte.cast_unsigned()))
}

/// Sets the MAC of an Ethernet interface.
pub(in crate::ports) fn set_mac(name: &str, mac: [u8; 6]) -> io::Result<()> {
    let mut request = request(name)?;
    let mut address = libc::sockaddr { sa_family: ETHERNET, sa_data: [0; 14] };
    for (to, from) in address.sa_data.iter_mut().zip(mac) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_hwaddr = address;
    ask(libc::SIOCSIFHWADDR, &mut request)
}

/// Link speed in Mbit/s from sysfs; 0 when the driver does not say.
pub(in crate::ports) fn speed(name: &str) -> u32 {
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/speed")).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}
