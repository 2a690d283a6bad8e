//! The lives of network devices, for whoever keeps ports on them: carrier, administrative state, MTU, renames, removal.
//!
//! A [`DeviceWatch`] holds what the kernel last said about every link of its network namespace and turns each new message
//! into the differences. When the kernel could not queue a message (ENOBUFS), all links are asked for again, so that
//! events may be late or merged but no end state is missed. Control side only: it allocates, and is polled at the pace of
//! operators.
//!
//! Addresses are followed beside the links, without events: who has one is asked for by device.
//!
//! Limits: one network namespace, the one it was opened in; [`ADDRESSES_MAX`] addresses of a device.

mod message;
pub(super) mod statistics;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use super::sys::netlink::LinkSocket;
use message::LinkMessage;

/// Enough for the kernel's largest link message.
const BUFFER_LEN: usize = 64 << 10;

/// Most addresses remembered of a device: who asks wants to know whether there are any.
pub const ADDRESSES_MAX: usize = 16;

/// An IP address of a device, with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceAddress {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the prefix.
    pub prefix: u8,
}

impl fmt::Display for DeviceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// What is known about a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceState {
    /// Name.
    pub name: String,
    /// Largest layer 3 packet in bytes.
    pub mtu: u32,
    /// Whether an operator wants it up.
    pub up: bool,
    /// Whether there is a carrier; never without `up`.
    pub carrier: bool,
    /// MAC address of an Ethernet device.
    pub mac: Option<[u8; 6]>,
}

/// Something happened to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// Number of the device; it outlives renames.
    pub index: u32,
    /// Its name now, or its last one.
    pub name: String,
    /// What happened.
    pub change: DeviceChange,
}

/// What happened to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// It exists now; its state as it appeared.
    Appeared(DeviceState),
    /// It is gone from this network namespace.
    Removed,
    /// It has another name.
    Renamed {
        /// The name before.
        from: String,
    },
    /// An operator took it up (`true`) or down.
    Admin(bool),
    /// It has a carrier now (`true`) or lost it.
    Carrier(bool),
    /// Its MTU changed.
    Mtu {
        /// Bytes before.
        from: u32,
        /// Bytes now.
        to: u32,
    },
    /// Its MAC address changed to this.
    Mac(Option<[u8; 6]>),
}

/// Follows the devices of one network namespace.
pub struct DeviceWatch {
    socket: LinkSocket,
    devices: BTreeMap<u32, DeviceState>,
    addresses: BTreeMap<u32, BTreeSet<DeviceAddress>>,
    /// Addresses are being asked for: the end of the answer is theirs.
    asking_addresses: bool,
    /// While all links are being asked for again: those not mentioned yet.
    unmentioned: Option<BTreeSet<u32>>,
    /// The answer to that question changed while it was given.
    interrupted: bool,
    buffer: Box<[u8]>,
}

impl DeviceWatch {
    /// Starts to follow the devices of the current network namespace; those there are now cause no event.
    pub fn open() -> io::Result<DeviceWatch> {
        let mut watch = DeviceWatch {
            socket: LinkSocket::open()?,
            devices: BTreeMap::new(),
            addresses: BTreeMap::new(),
            asking_addresses: false,
            unmentioned: None,
            interrupted: false,
            buffer: vec![0; BUFFER_LEN].into(),
        };
        watch.ask_all()?;
        watch.poll();
        Ok(watch)
    }

    /// All events since the last call, in order. Never waits.
    pub fn poll(&mut self) -> Vec<DeviceEvent> {
        let mut events = Vec::new();
        loop {
            match self.socket.receive(&mut self.buffer) {
                Ok(length) => {
                    let messages = message::parse(self.buffer.get(..length).unwrap_or_default());
                    messages.into_iter().for_each(|message| self.apply(message, &mut events));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Messages were lost. Asking fails only without memory; then the next loss asks again.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => drop(self.ask_all()),
                Err(_) => return events,
            }
        }
    }

    /// Becomes readable when [`poll`](Self::poll) has something to do.
    pub fn poll_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What is known about a device, by number.
    pub fn device(&self, index: u32) -> Option<&DeviceState> {
        self.devices.get(&index)
    }

    /// Number and state of the device of that name.
    pub fn find(&self, name: &str) -> Option<(u32, &DeviceState)> {
        self.devices.iter().find(|(_, state)| state.name == name).map(|(index, state)| (*index, state))
    }

    /// Addresses of a device that reach beyond its link.
    pub fn addresses(&self, index: u32) -> impl Iterator<Item = &DeviceAddress> {
        self.addresses.get(&index).into_iter().flatten()
    }

    fn ask_all(&mut self) -> io::Result<()> {
        self.unmentioned = Some(self.devices.keys().copied().collect());
        (self.interrupted, self.asking_addresses) = (false, false);
        self.socket.request_all(libc::RTM_GETLINK)
    }

    fn ask_addresses(&mut self) -> io::Result<()> {
        self.addresses.clear();
        (self.interrupted, self.asking_addresses) = (false, true);
        self.socket.request_all(libc::RTM_GETADDR)
    }

    fn note_address(&mut self, index: u32, address: DeviceAddress, is_there: bool) {
        let known = self.addresses.entry(index).or_default();
        if !is_there {
            known.remove(&address);
        } else if known.len() < ADDRESSES_MAX {
            known.insert(address);
        }
        if known.is_empty() {
            self.addresses.remove(&index);
        }
    }

    fn apply(&mut self, message: LinkMessage, events: &mut Vec<DeviceEvent>) {
        match message {
            LinkMessage::Link { index, state, interrupted } => {
                self.interrupted |= interrupted;
                if let Some(unmentioned) = &mut self.unmentioned {
                    unmentioned.remove(&index);
                }
                differences(index, self.devices.get(&index), &state, events);
                self.devices.insert(index, state);
            }
            LinkMessage::Gone { index } => self.remove(index, events),
            LinkMessage::Address { index, address, is_there } => self.note_address(index, address, is_there),
            LinkMessage::EndOfAll { interrupted } => {
                let again = self.interrupted || interrupted;
                if self.asking_addresses {
                    if again {
                        drop(self.ask_addresses());
                    }
                    return;
                }
                if again {
                    // An error leaves what is known; the next change of a link corrects it.
                    drop(self.ask_all());
                    return;
                }
                // One answer at a time is all the kernel gives.
                drop(self.ask_addresses());
                for index in self.unmentioned.take().unwrap_or_default() {
                    self.remove(index, events);
                }
            }
        }
    }

    fn remove(&mut self, index: u32, events: &mut Vec<DeviceEvent>) {
        self.addresses.remove(&index);
        if let Some(state) = self.devices.remove(&index) {
            events.push(DeviceEvent { index, name: state.name, change: DeviceChange::Removed });
        }
    }
}

/// Adds what distinguishes `now` from `before`.
fn differences(index: u32, before: Option<&DeviceState>, now: &DeviceState, events: &mut Vec<DeviceEvent>) {
    let mut add = |change| events.push(DeviceEvent { index, name: now.name.clone(), change });
    let Some(before) = before else {
        return add(DeviceChange::Appeared(now.clone()));
    };
    if before.name != now.name {
        add(DeviceChange::Renamed { from: before.name.clone() });
    }
    if before.up != now.up {
        add(DeviceChange::Admin(now.up));
    }
    if before.carrier != now.carrier {
        add(DeviceChange::Carrier(now.carrier));
    }
    if before.mtu != now.mtu {
        add(DeviceChange::Mtu { from: before.mtu, to: now.mtu });
    }
    if before.mac != now.mac {
        add(DeviceChange::Mac(now.mac));
    }
}
