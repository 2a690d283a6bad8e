//! Link and address messages of route netlink (rtnetlink(7), `struct nlmsghdr`, `struct ifinfomsg`, `struct rtattr`), native byte order.
//!
//! Only what [`DeviceState`] needs is read; a message that ends early is left out. Bridge-family messages are about the
//! ports of a kernel bridge, not about devices: a device that leaves a bridge is not gone.

use std::net::IpAddr;

use super::{DeviceAddress, DeviceState};

const HEADER_LEN: usize = 16;
const LINK_LEN: usize = 16;
/// `struct ifaddrmsg`.
const ADDRESS_LEN: usize = 8;
/// `RT_SCOPE_LINK`: not valid beyond the link.
const SCOPE_LINK: u8 = 253;
/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;
/// Message types that end a dump.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// The dump is not of one moment (`NLM_F_DUMP_INTR`).
const INTERRUPTED: u16 = 0x10;

/// A message about links.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkMessage {
    /// A link exists and is like this.
    Link { index: u32, state: DeviceState, interrupted: bool },
    /// A link is gone.
    Gone { index: u32 },
    /// A device has an address, or lost it.
    Address { index: u32, address: DeviceAddress, is_there: bool },
    /// All that was asked for has been told.
    EndOfAll { interrupted: bool },
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|word| u16::from_ne_bytes(*word))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_ne_bytes(*word))
}

/// An attribute for a request, padded; its value has at most a name's length.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(4);
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Kinds and values of a list of attributes, up to the first that ends early.
pub(super) fn attributes(mut list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = u16_at(list, 0).zip(u16_at(list, 2))?;
        let (attribute, rest) = split(list, usize::from(length).max(4))?;
        list = rest;
        Some((kind, attribute.get(4..).unwrap_or_default()))
    })
}

/// Splits off a record whose length, header included, is `length`; the next one starts at a multiple of 4.
fn split(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let record = bytes.get(..length)?;
    Some((record, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The messages of a datagram.
pub(super) fn parse(mut datagram: &[u8]) -> Vec<LinkMessage> {
    let mut messages = Vec::new();
    while let Some(length) = u32_at(datagram, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some((message, rest)) = split(datagram, length.max(HEADER_LEN)) else { break };
        messages.extend(parse_one(message));
        datagram = rest;
    }
    messages
}

fn parse_one(message: &[u8]) -> Option<LinkMessage> {
    let (kind, flags) = (u16_at(message, 4)?, u16_at(message, 6)?);
    let interrupted = flags & INTERRUPTED != 0;
    if kind == NLMSG_DONE || kind == NLMSG_ERROR {
        return Some(LinkMessage::EndOfAll { interrupted });
    }
    let link = message.get(HEADER_LEN..)?;
    if kind == libc::RTM_NEWADDR || kind == libc::RTM_DELADDR {
        let (index, address) = read_address(link)?;
        return Some(LinkMessage::Address { index, address, is_there: kind == libc::RTM_NEWADDR });
    }
    let (family, device_type, index, flags) = (*link.first()?, u16_at(link, 2)?, u32_at(link, 4)?, u32_at(link, 8)?);
    if i32::from(family) != libc::AF_UNSPEC {
        return None;
    }
    match kind {
        libc::RTM_DELLINK => Some(LinkMessage::Gone { index }),
        libc::RTM_NEWLINK => {
            let up = flags & libc::IFF_UP.cast_unsigned() != 0;
            let carrier = up && flags & libc::IFF_RUNNING.cast_unsigned() != 0;
            let mut state = DeviceState { up, carrier, ..DeviceState::default() };
            read_attributes(&mut state, device_type, link.get(LINK_LEN..)?);
            Some(LinkMessage::Link { index, state, interrupted })
        }
        _ => None,
    }
}

/// `struct ifaddrmsg`: family, prefix length, flags, scope, number. The local address of a point-to-point link is beside
/// its peer's. Addresses that every link gets by itself (scope link and below) are left out.
fn read_address(body: &[u8]) -> Option<(u32, DeviceAddress)> {
    let (family, prefix, scope, index) = (*body.first()?, *body.get(1)?, *body.get(3)?, u32_at(body, 4)?);
    if scope >= SCOPE_LINK {
        return None;
    }
    let list = || attributes(body.get(ADDRESS_LEN..).unwrap_or_default());
    let of = |wanted| list().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let value = of(libc::IFA_LOCAL).or_else(|| of(libc::IFA_ADDRESS))?;
    let ip = match i32::from(family) {
        libc::AF_INET => IpAddr::from(*value.first_chunk::<4>()?),
        libc::AF_INET6 => IpAddr::from(*value.first_chunk::<16>()?),
        _ => return None,
    };
    Some((index, DeviceAddress { ip, prefix }))
}

fn read_attributes(state: &mut DeviceState, device_type: u16, list: &[u8]) {
    for (kind, value) in attributes(list) {
        match kind {
            libc::IFLA_IFNAME => {
                let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
                state.name = String::from_utf8_lossy(name).into_owned();
            }
            libc::IFLA_MTU => state.mtu = u32_at(value, 0).unwrap_or(0),
            libc::IFLA_ADDRESS if device_type == ETHERNET => state.mac = value.first_chunk().copied(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(head: &[&[u8]], body: &[u8]) -> Vec<u8> {
        let mut bytes = [head.concat().as_slice(), body].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, family: u8, index: u32, flags: u32, attributes: &[u8]) -> Vec<u8> {
        let link = [&[family, 0, 1, 0][..], &index.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 4], attributes].concat();
        let length = u32::try_from(HEADER_LEN + link.len()).unwrap();
        record(&[&length.to_ne_bytes(), &kind.to_ne_bytes(), &[0; 10]], &link)
    }

    #[test]
    fn links_are_read_and_other_families_left_out() {
        let attributes = [
            attribute(libc::IFLA_IFNAME, b"eth7\0"),
            attribute(0x7abc, &[1; 9]),
            attribute(libc::IFLA_MTU, &9_000_u32.to_ne_bytes()),
            attribute(libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 9]),
        ]
        .concat();
        let datagram = [
            message(libc::RTM_NEWLINK, 0, 7, 0x41, &attributes),
            message(libc::RTM_DELLINK, 7, 7, 0, &[]),
            message(libc::RTM_DELLINK, 0, 8, 0, &[]),
            message(NLMSG_DONE, 0, 0, 0, &[]),
        ]
        .concat();
        let mac = Some([2, 0, 0, 0, 0, 9]);
        let state = DeviceState { name: "eth7".to_owned(), mtu: 9_000, up: true, carrier: true, mac };
        let expected = [
            LinkMessage::Link { index: 7, state, interrupted: false },
            LinkMessage::Gone { index: 8 },
            LinkMessage::EndOfAll { interrupted: false },
        ];
        assert_eq!(parse(&datagram), expected);
    }

    #[test]
    fn addresses_are_read_but_for_those_of_the_link() {
        let message = |kind: u16, family: i32, scope: u8, attributes: &[u8]| {
            let body = [&[u8::try_from(family).unwrap(), 24, 0, scope][..], &7_u32.to_ne_bytes(), attributes].concat();
            let length = u32::try_from(HEADER_LEN + body.len()).unwrap();
            record(&[&length.to_ne_bytes(), &kind.to_ne_bytes(), &[0; 10]], &body)
        };
        let peer = attribute(libc::IFA_ADDRESS, &[10, 0, 0, 2]);
        let both = [peer, attribute(libc::IFA_LOCAL, &[10, 0, 0, 1])].concat();
        let six = attribute(libc::IFA_ADDRESS, &[0xfd; 16]);
        let datagram = [
            message(libc::RTM_NEWADDR, libc::AF_INET, 0, &both),
            message(libc::RTM_NEWADDR, libc::AF_INET6, SCOPE_LINK, &six),
            message(libc::RTM_DELADDR, libc::AF_INET6, 0, &six),
            message(libc::RTM_NEWADDR, libc::AF_INET, 0, &attribute(libc::IFA_LOCAL, &[10, 0])),
        ]
        .concat();
        let address = |ip: IpAddr| DeviceAddress { ip, prefix: 24 };
        let (four, six) = (address([10, 0, 0, 1].into()), address([0xfd; 16].into()));
        let expected = [
            LinkMessage::Address { index: 7, address: four, is_there: true },
            LinkMessage::Address { index: 7, address: six, is_there: false },
        ];
        assert_eq!(parse(&datagram), expected);
    }

    #[test]
    fn cut_and_lying_messages_end_the_reading_without_harm() {
        let whole = message(libc::RTM_NEWLINK, 0, 7, 1, &attribute(libc::IFLA_IFNAME, b"eth7\0"));
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).len() <= 1);
        }
        let mut lying = whole.clone();
        lying[0..4].copy_from_slice(&[0xff; 4]);
        assert_eq!(parse(&lying), []);
        lying[0..4].copy_from_slice(&[0; 4]);
        assert!(parse(&lying).len() < whole.len(), "a length of zero does not stand still");
        let mut lying = whole;
        lying[32..34].copy_from_slice(&[0xff; 2]);
        assert!(matches!(&parse(&lying)[..], [LinkMessage::Link { state, .. }] if state.name.is_empty()));
    }
}
