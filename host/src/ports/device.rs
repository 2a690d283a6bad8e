//! The lives of network devices, for whoever keeps ports on them: carrier, administrative state, MTU, renames, removal.
//!
//! A [`DeviceWatch`] holds what the kernel last said about every link of its network namespace and turns each new message
//! into the differences. When the kernel could not queue a message (ENOBUFS), all links are asked for again, so that
//! events may be late or merged but no end state is missed. Control side only: it allocates, and is polled at the pace of
//! operators.
//!
//! Limits: one network namespace, the one it was opened in; links, not addresses.

mod message;
pub(super) mod statistics;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::sys::netlink::LinkSocket;
use message::LinkMessage;

/// Enough for the kernel's largest link message.
const BUFFER_LEN: usize = 64 << 10;

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

    fn ask_all(&mut self) -> io::Result<()> {
        self.unmentioned = Some(self.devices.keys().copied().collect());
        self.interrupted = false;
        self.socket.request_all()
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
            LinkMessage::EndOfAll { interrupted } => {
                if self.interrupted || interrupted {
                    // An error leaves what is known; the next change of a link corrects it.
                    drop(self.ask_all());
                    return;
                }
                for index in self.unmentioned.take().unwrap_or_default() {
                    self.remove(index, events);
                }
            }
        }
    }

    fn remove(&mut self, index: u32, events: &mut Vec<DeviceEvent>) {
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
