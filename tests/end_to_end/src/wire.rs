//! Raw frames on a device inside a namespace, through a socket of the kernel's own.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use super::namespace::Namespace;

/// Room for frames the test has not taken yet.
const RECEIVE_BUFFER: usize = 64 << 20;

/// A socket that sends and receives whole frames on one device.
pub struct Wire {
    socket: OwnedFd,
}

impl Wire {
    /// Opens the device in its namespace. Receives wait `patience` at most.
    pub fn open(space: &Namespace, device: &str, patience: Duration) -> Wire {
        let device = device.to_owned();
        space.run(move || {
            let socket =
                socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll).unwrap();
            let address = getifaddrs().unwrap().find(|interface| {
                interface.interface_name == device
                    && interface.address.is_some_and(|address| address.as_link_addr().is_some())
            });
            let address = address.unwrap_or_else(|| panic!("no device {device}")).address.unwrap();
            bind(socket.as_raw_fd(), address.as_link_addr().unwrap()).unwrap();
            setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).unwrap();
            let micros = i64::try_from(patience.as_micros()).unwrap();
            let time = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
            setsockopt(&socket, sockopt::ReceiveTimeout, &time).unwrap();
            Wire { socket }
        })
    }

    /// Sends a frame; waits while the device's queue is full.
    pub fn send(&self, frame: &[u8]) {
        while let Err(error) = send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
            assert_eq!(error, nix::errno::Errno::ENOBUFS, "sending a raw frame");
            std::thread::yield_now();
        }
    }

    /// The next frame into `place`; its length, or `None` when none came in time. The kernel takes the tag out.
    pub fn receive(&self, place: &mut [u8]) -> Option<usize> {
        recv(self.socket.as_raw_fd(), place, MsgFlags::empty()).ok()
    }
}
