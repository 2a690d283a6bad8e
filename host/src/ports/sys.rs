//! System calls behind the port backends, each as a safe function.
//!
//! The only unsafe code of the ports: a file per kernel interface, no policy, no state but descriptors and the arrays the
//! kernel reads. Backends see slices, owned descriptors and `io::Error`.

pub(super) mod interface;
pub(super) mod netlink;
pub(super) mod packet;
pub(super) mod ring;
pub(super) mod tun;

use std::io;

/// Turns the result of a system call into one that says what the kernel said.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
