//! Tracks UDP connections on ingress and counts those it had to make anew; its table is its state.
//!
//! State of a worker, record by record: 1, the key, packets (8 bytes), and from version 2 on the time of the last packet
//! (8 bytes); or 2 and the handle of a held frame. A frame to UDP port 9 is held until one to port 10 comes.
//!
//! Keys: `connections` = room of each worker (default 131,072); `numbers=on` = a frame's payload starts with its number in its
//! connection, and one that is not what was counted so far is counted as `stale`.

use std::marker::PhantomData;

use heddle_extension_api::rights::{self, FilterIn};
use heddle_extension_api::{
    Call, Config, Control, Counter, CreateError, FilterExtension, FilterIngress, FilterWorker, HeldFrame, SavedState,
    StateError, StateRoom, StateScope, Stateful, WorkerId, WorkerState,
};

use crate::table::{Key, Table};

/// What one version does differently.
pub trait Variant: Send + 'static {
    /// Schema version written, and oldest read.
    const VERSIONS: (u32, u32);
    /// Whether it refuses the state of its instance.
    const REFUSES: bool = false;
    /// Whether it panics at the thousandth packet.
    const PANICS: bool = false;
    /// Whether held frames are in its state.
    const KEEPS_HELD: bool = true;
    /// Whether saving the state of worker 1 never ends.
    const ENDLESS: bool = false;
}

macro_rules! variants {
    ($($(#[$doc:meta])* $name:ident { $($rule:tt)* })+) => {$(
        $(#[$doc])*
        #[allow(dead_code)]
        pub struct $name;
        impl Variant for $name { $($rule)* }
    )+};
}

variants! {
    /// Version 1.
    One { const VERSIONS: (u32, u32) = (1, 1); }
    /// Version 2.
    Two { const VERSIONS: (u32, u32) = (2, 1); }
    /// Version 4, which reads none before 3.
    DropsOld { const VERSIONS: (u32, u32) = (4, 3); }
    /// Refuses the state of its instance.
    Refuses { const VERSIONS: (u32, u32) = (2, 1); const REFUSES: bool = true; }
    /// Panics at the thousandth packet.
    Panics { const VERSIONS: (u32, u32) = (2, 1); const PANICS: bool = true; }
    /// Never has saved all of worker 1.
    Endless { const VERSIONS: (u32, u32) = (1, 1); const ENDLESS: bool = true; }
    /// Names no held frames.
    LetsGo { const VERSIONS: (u32, u32) = (2, 1); const KEEPS_HELD: bool = false; }
}

/// The instance.
pub struct Track<V> {
    connections: usize,
    created: Counter,
    refused: Counter,
    restored: Counter,
    stale: Counter,
    numbers: bool,
    /// Upgrades that the tracker has come through.
    upgrades: u32,
    variant: PhantomData<V>,
}

/// The context of a worker.
pub struct Worker<V> {
    table: Table,
    created: Counter,
    refused: Counter,
    restored: Counter,
    restored_now: u64,
    stale: Counter,
    numbers: bool,
    is_endless: bool,
    packets: u64,
    held: Vec<HeldFrame>,
    variant: PhantomData<V>,
}

impl<V: Variant> FilterExtension for Track<V> {
    type Worker = Worker<V>;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["connections", "numbers"])?;
        Ok(Track {
            connections: config.parse("connections")?.unwrap_or(131_072),
            created: host.register_counter("created", "connections")?,
            refused: host.register_counter("refused", "connections")?,
            restored: host.register_counter("restored", "records")?,
            stale: host.register_counter("stale", "frames")?,
            numbers: config.get("numbers") == Some("on"),
            upgrades: 0,
            variant: PhantomData,
        })
    }

    fn worker(&mut self, worker: WorkerId) -> Result<Worker<V>, CreateError> {
        Ok(Worker {
            table: Table::new(self.connections),
            created: self.created,
            refused: self.refused,
            restored: self.restored,
            restored_now: 0,
            stale: self.stale,
            numbers: self.numbers,
            is_endless: V::ENDLESS && worker.get() == 1,
            packets: 0,
            held: Vec::with_capacity(64),
            variant: PhantomData,
        })
    }
}

/// The connection of an IPv4 UDP frame, and its destination port.
fn key_of(frame: &[u8]) -> Option<(Key, u16)> {
    let (addresses, ports) = (frame.get(26..34)?, frame.get(34..38)?);
    if frame.get(12..14)? != [8, 0] || frame.get(23)? != &17 {
        return None;
    }
    let mut key = [0; 12];
    key.get_mut(..8)?.copy_from_slice(addresses);
    key.get_mut(8..)?.copy_from_slice(ports);
    let port = u16::from_be_bytes([*ports.get(2)?, *ports.get(3)?]);
    Some((key, port))
}

/// The number of a frame in its connection.
fn number_in(frame: &[u8]) -> Option<u64> {
    let bytes = frame.get(42..46)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl<V: Variant> FilterWorker for Worker<V> {
    const HAS_EGRESS: bool = false;

    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        let (now, mut created, mut refused, mut stale, mut let_go) = (batch.now_ns(), 0, 0, 0, false);
        for frame in batch.packets() {
            let (key, port) = match key_of(frame.bytes()) {
                Some(found) => found,
                None => continue,
            };
            self.packets += 1;
            assert!(!V::PANICS || self.packets < 1_000, "a test extension panics on probation");
            match self.table.of(&key) {
                Some((connection, is_new)) => {
                    if self.numbers {
                        stale += u64::from(Some(connection.packets) != number_in(frame.bytes()));
                    }
                    connection.packets += 1;
                    connection.last_ns = now;
                    created += u64::from(is_new);
                }
                None => refused += 1,
            }
            if port == 9 && self.held.len() < self.held.capacity() {
                if let Ok(held) = frame.hold() {
                    self.held.push(held);
                }
            }
            let_go |= port == 10;
        }
        if let_go {
            for held in self.held.drain(..) {
                // One that is gone was ended by the host.
                let _ = batch.release(held);
            }
        }
        if created > 0 {
            batch.count(self.created, created);
        }
        if refused > 0 {
            batch.count(self.refused, refused);
        }
        if stale > 0 {
            batch.count(self.stale, stale);
        }
    }

    fn worker_tick(&mut self, call: &Call<'_, FilterIn>) {
        if self.restored_now > 0 {
            call.count(self.restored, core::mem::take(&mut self.restored_now));
        }
    }
}

impl<V: Variant> Stateful<rights::Filter> for Track<V> {
    const SCHEMA: &'static str = "org.heddle.test.track";
    const VERSION: u32 = V::VERSIONS.0;
    const OLDEST: u32 = V::VERSIONS.1;
    const KEEPS_HELD: bool = V::KEEPS_HELD;

    fn save(
        &mut self,
        _: &Control<'_, rights::Filter>,
        scope: StateScope,
        room: &mut StateRoom<'_>,
    ) -> Result<(), StateError> {
        if room.index() == 0 {
            match scope {
                StateScope::Instance => room.put(&(self.upgrades + 1).to_le_bytes()),
                StateScope::Nic(port, _) => room.put(&port.get().to_le_bytes()),
            };
        }
        Ok(())
    }

    fn restore(
        &mut self,
        host: &Control<'_, rights::Filter>,
        scope: StateScope,
        state: &SavedState<'_>,
    ) -> Result<(), StateError> {
        let bytes = match state.bytes() {
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
            other => return Err(StateError::Corrupt(format!("{} bytes instead of 4", other.len()))),
        };
        if V::REFUSES {
            return Err(StateError::Refused("this version refuses whatever it is given".to_owned()));
        }
        match scope {
            StateScope::Instance => self.upgrades = bytes,
            StateScope::Nic(port, _) => {
                host.log(heddle_extension_api::Level::Info, &format!("port {} was port {}", port.get(), bytes));
            }
        }
        Ok(())
    }
}

const CONNECTION: u8 = 1;
const HELD: u8 = 2;

impl<V: Variant> WorkerState for Worker<V> {
    fn save(&mut self, room: &mut StateRoom<'_>) {
        let timed = V::VERSIONS.0 >= 2;
        let length = if timed { 29 } else { 21 };
        let left = self.table.save(|connection| {
            let mut record = [CONNECTION; 29];
            record[1..13].copy_from_slice(&connection.key);
            record[13..21].copy_from_slice(&connection.packets.to_le_bytes());
            record[21..].copy_from_slice(&connection.last_ns.to_le_bytes());
            room.put(&record[..length])
        });
        // Held frames may come and go until the end: they are written whole, last.
        if V::KEEPS_HELD && left == 0 {
            if room.left() < self.held.len() * 9 {
                room.set_remaining((self.held.len() * 9) as u64);
                return;
            }
            for held in &self.held {
                let mut record = [HELD; 9];
                record[1..].copy_from_slice(&held.to_state());
                room.put(&record);
            }
        }
        room.set_remaining(if self.is_endless { 1 << 27 } else { (left * length) as u64 });
    }

    fn restore(&mut self, state: &SavedState<'_>) -> Result<(), StateError> {
        let timed = state.version() >= 2;
        let mut rest = state.bytes();
        let cut = || StateError::Corrupt("a record is cut".to_owned());
        while let Some((kind, body)) = rest.split_first() {
            rest = match *kind {
                CONNECTION => {
                    let length = if timed { 28 } else { 20 };
                    let record = body.get(..length).ok_or_else(cut)?;
                    let mut key = [0; 12];
                    key.copy_from_slice(&record[..12]);
                    let (connection, _) = self
                        .table
                        .of(&key)
                        .ok_or_else(|| StateError::TooLarge("there is no room for more connections".to_owned()))?;
                    connection.packets = number(&record[12..20]);
                    connection.last_ns = if timed { number(&record[20..]) } else { 0 };
                    self.restored_now += 1;
                    &body[length..]
                }
                HELD => {
                    let handle = body.get(..8).ok_or_else(cut)?;
                    let held = HeldFrame::from_state(number(handle).to_le_bytes());
                    if !self.held.contains(&held) {
                        self.held.push(held);
                    }
                    &body[8..]
                }
                other => return Err(StateError::Corrupt(format!("{} is no kind of record", other))),
            };
        }
        Ok(())
    }

    fn save_end(&mut self) {
        self.table.end_saving();
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
