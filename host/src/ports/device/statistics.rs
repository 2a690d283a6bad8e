//! Statistics of one network device, wherever it is (rtnetlink(7): `RTM_GETNSID`, `RTM_GETLINK` with
//! `IFLA_TARGET_NETNSID`, `struct rtnl_link_stats64`), native byte order.
//!
//! A namespace that has no number here yet is given one by the kernel on request; the number is its for as long as it lives.
//! Asked at the pace of operators: the kernel answers within the request's system call.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use super::message::{attribute, attributes, u32_at, u64_at};
use crate::ports::sys::netlink::RequestSocket;

const HEADER_LEN: usize = 16;
/// `struct rtgenmsg`, padded.
const GENERAL_LEN: usize = 4;
/// `struct ifinfomsg`.
const LINK_LEN: usize = 16;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWNSID: u16 = 88;
const RTM_GETNSID: u16 = 90;
/// Attributes of namespace messages.
const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;
/// No number: in an answer, none was given yet; in a request, the kernel shall choose.
const NO_NUMBER: u32 = u32::MAX;
const IFLA_STATS64: u16 = 23;
const IFLA_TARGET_NETNSID: u16 = 46;
/// `tx_dropped` is the eighth of the 64-bit words.
const TX_DROPPED: usize = 7 * 8;
/// Enough for the kernel's largest link message.
const BUFFER_LEN: usize = 32 << 10;

/// Asks for statistics.
pub(in crate::ports) struct Statistics {
    socket: RequestSocket,
    buffer: Box<[u8]>,
}

impl Statistics {
    pub(in crate::ports) fn open() -> io::Result<Statistics> {
        Ok(Statistics { socket: RequestSocket::open()?, buffer: vec![0; BUFFER_LEN].into() })
    }

    /// Frames the kernel could not give to the device `name` of a network namespace.
    pub(in crate::ports) fn tx_dropped(&mut self, name: &str, space: &File) -> io::Result<u64> {
        let number = self.number_of(space)?;
        let body = [
            &[0; LINK_LEN][..],
            &attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat()),
            &attribute(IFLA_TARGET_NETNSID, &number.to_ne_bytes()),
        ];
        let answer = self.ask(libc::RTM_GETLINK, libc::RTM_NEWLINK, &body.concat())?;
        let found = attributes(answer.get(LINK_LEN..).unwrap_or_default()).find(|(kind, _)| *kind == IFLA_STATS64);
        found.and_then(|(_, words)| u64_at(words, TX_DROPPED)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The number by which requests of this namespace name another one.
    fn number_of(&mut self, space: &File) -> io::Result<u32> {
        let descriptor = u32::try_from(space.as_raw_fd()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let by_file = [&[0; GENERAL_LEN][..], &attribute(NETNSA_FD, &descriptor.to_ne_bytes())].concat();
        if let Some(number) = self.known_number(&by_file)? {
            return Ok(number);
        }
        let request = [by_file.as_slice(), &attribute(NETNSA_NSID, &NO_NUMBER.to_ne_bytes())].concat();
        // Refused when somebody else chose one meanwhile: the next question tells.
        let _ = self.ask(RTM_NEWNSID, NLMSG_ERROR, &request);
        self.known_number(&by_file)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known_number(&mut self, by_file: &[u8]) -> io::Result<Option<u32>> {
        let answer = self.ask(RTM_GETNSID, RTM_NEWNSID, by_file)?;
        let mut found = attributes(answer.get(GENERAL_LEN..).unwrap_or_default());
        let number = found.find(|(kind, _)| *kind == NETNSA_NSID).and_then(|(_, value)| u32_at(value, 0));
        Ok(number.filter(|number| *number != NO_NUMBER))
    }

    /// The body of the answer to a request.
    fn ask(&mut self, request: u16, answer: u16, body: &[u8]) -> io::Result<&[u8]> {
        let acknowledge = if answer == NLMSG_ERROR { libc::NLM_F_ACK } else { 0 };
        let flags = u16::try_from(libc::NLM_F_REQUEST | acknowledge).unwrap_or(1);
        let length = u32::try_from(HEADER_LEN + body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let head = [&length.to_ne_bytes()[..], &request.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8]].concat();
        let length = self.socket.ask(&[&head, body].concat(), &mut self.buffer)?;
        let message = self.buffer.get(..length).unwrap_or_default();
        let kind = message.get(4..6).and_then(|bytes| bytes.first_chunk()).map(|bytes| u16::from_ne_bytes(*bytes));
        let body = message.get(HEADER_LEN..).unwrap_or_default();
        match kind {
            Some(kind) if kind == answer => Ok(body),
            Some(NLMSG_ERROR) => {
                let code = u32_at(body, 0).map_or(0, u32::cast_signed).wrapping_neg();
                Err(io::Error::from_raw_os_error(code))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
