//! What stands behind the host table: counters, drop reasons, groups, the port directory, datagrams.
//!
//! Everything is bounded and nothing blocks for long: short mutexes around small tables, a bounded queue to the thread
//! that owns the sockets. Called from control threads, and from workers only where the table says `any`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use heddle_extension_api::abi::control::PortInfo;
use heddle_switch_core::call::Refusal;
use heddle_switch_core::drop_reason::{CODES, EXTENSION_FIRST};
use heddle_switch_core::port_id::PortId;

/// Counters and drop reasons of one extension, at most.
const PER_EXTENSION: usize = 64;
/// Groups of one switch, at most.
const GROUPS_MAX: usize = 1_024;
/// Datagrams that wait for the socket.
const DATAGRAMS_MAX: usize = 1_024;

/// A poisoned table is still whole: every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drop reasons that extensions registered, for the whole daemon: a code keeps its meaning after its extension is gone.
#[derive(Default)]
pub struct Reasons(Mutex<Vec<Reason>>);

#[derive(Clone)]
struct Reason {
    extension: String,
    id: String,
    text: String,
}

impl Reasons {
    pub(crate) fn register(&self, extension: &str, id: &str, text: &str) -> Result<u16, Refusal> {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(kebab) {
            return Err(Refusal::Invalid);
        }
        let mut reasons = lock(&self.0);
        let own = reasons.iter().filter(|reason| reason.extension == extension).count();
        let at = reasons.iter().position(|reason| reason.extension == extension && reason.id == id);
        let at = match at {
            Some(at) => at,
            None if own >= PER_EXTENSION || usize::from(EXTENSION_FIRST) + reasons.len() >= CODES => {
                return Err(Refusal::Full);
            }
            None => {
                reasons.push(Reason { extension: extension.to_owned(), id: id.to_owned(), text: text.to_owned() });
                reasons.len() - 1
            }
        };
        u16::try_from(at).map(|at| EXTENSION_FIRST + at).map_err(|_| Refusal::Full)
    }

    /// Name (`extension/id`) and text of a code.
    pub fn describe(&self, code: u16) -> Option<(String, String)> {
        let at = usize::from(code.checked_sub(EXTENSION_FIRST)?);
        lock(&self.0).get(at).map(|reason| (format!("{}/{}", reason.extension, reason.id), reason.text.clone()))
    }
}

/// Groups of ports made by forwarding extensions of one switch.
#[derive(Default)]
pub struct Groups {
    table: Mutex<Vec<Option<Group>>>,
    changed: AtomicBool,
}

struct Group {
    owner: u32,
    ports: Arc<[PortId]>,
}

impl Groups {
    pub(crate) fn create(&self, owner: u32, ports: Vec<PortId>) -> Option<u32> {
        let mut table = lock(&self.table);
        let at = table.iter().position(Option::is_none).unwrap_or(table.len());
        if at >= GROUPS_MAX {
            return None;
        }
        let group = Some(Group { owner, ports: ports.into() });
        match table.get_mut(at) {
            Some(place) => *place = group,
            None => table.push(group),
        }
        self.changed.store(true, Ordering::Release);
        u32::try_from(at).ok()
    }

    pub(crate) fn update(&self, owner: u32, group: u32, ports: Vec<PortId>) -> bool {
        let mut table = lock(&self.table);
        let place = table.get_mut(group as usize).and_then(Option::as_mut).filter(|group| group.owner == owner);
        let Some(group) = place else { return false };
        group.ports = ports.into();
        self.changed.store(true, Ordering::Release);
        true
    }

    /// Ends all groups of an instance.
    pub fn remove_of(&self, owner: u32) {
        for place in lock(&self.table).iter_mut() {
            if place.as_ref().is_some_and(|group| group.owner == owner) {
                *place = None;
                self.changed.store(true, Ordering::Release);
            }
        }
    }

    /// The table for a snapshot.
    pub fn for_snapshot(&self) -> Vec<Option<Arc<[PortId]>>> {
        self.changed.store(false, Ordering::Release);
        lock(&self.table).iter().map(|place| place.as_ref().map(|group| Arc::clone(&group.ports))).collect()
    }

    /// Whether a group changed since the last snapshot.
    pub fn have_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }
}

/// What extensions can ask about ports: refreshed by the control side before each round of control calls.
#[derive(Default)]
pub struct PortDirectory(Mutex<BTreeMap<PortId, PortInfo>>);

impl PortDirectory {
    /// Adds or replaces a port.
    pub fn put(&self, id: PortId, info: PortInfo) {
        lock(&self.0).insert(id, info);
    }

    /// Removes a port.
    pub fn remove(&self, id: PortId) {
        lock(&self.0).remove(&id);
    }

    pub(crate) fn ids(&self) -> Vec<PortId> {
        lock(&self.0).keys().copied().collect()
    }

    pub(crate) fn get(&self, id: PortId) -> Option<PortInfo> {
        lock(&self.0).get(&id).copied()
    }
}

/// Services of the daemon for all instances.
pub struct Services {
    /// Drop reasons.
    pub reasons: Reasons,
    datagrams: SyncSender<(SocketAddr, Vec<u8>)>,
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// The queue is full.
    Full,
    /// Not an address with a port.
    Address,
}

impl Services {
    /// Starts the thread that owns the sockets; it ends with the last reference.
    pub fn start() -> std::io::Result<Arc<Services>> {
        let (sender, receiver) = sync_channel::<(SocketAddr, Vec<u8>)>(DATAGRAMS_MAX);
        let send = move || {
            let sockets = (UdpSocket::bind("0.0.0.0:0"), UdpSocket::bind("[::]:0"));
            while let Ok((address, payload)) = receiver.recv() {
                let socket = if address.is_ipv4() { &sockets.0 } else { &sockets.1 };
                let sent = match socket {
                    Ok(socket) => socket.send_to(&payload, address).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = sent {
                    tracing::debug!(%address, error, "a datagram of an extension was not sent");
                }
            }
        };
        std::thread::Builder::new().name("heddle-datagram".to_owned()).spawn(send)?;
        Ok(Arc::new(Services { reasons: Reasons::default(), datagrams: sender }))
    }

    pub(crate) fn send(&self, address: &str, payload: &[u8]) -> Result<(), SendRefused> {
        let address: SocketAddr = address.parse().map_err(|_| SendRefused::Address)?;
        self.datagrams.try_send((address, payload.to_vec())).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => SendRefused::Full,
        })
    }
}

/// What one instance shares with the host: the context behind its host table.
pub struct InstanceShared {
    /// Extension id.
    pub id: String,
    /// Number of the instance, unique in the process.
    pub instance: u32,
    /// `ROLE_*`.
    pub role: u8,
    /// Services of the daemon.
    pub services: Arc<Services>,
    /// Groups of its switch.
    pub groups: Arc<Groups>,
    /// Ports of its switch.
    pub ports: Arc<PortDirectory>,
    names: Mutex<Vec<(String, String)>>,
    values: [AtomicU64; PER_EXTENSION],
}

impl InstanceShared {
    /// The context of a new instance.
    pub fn new(
        (id, role): (String, u8),
        instance: u32,
        services: Arc<Services>,
        groups: Arc<Groups>,
        ports: Arc<PortDirectory>,
    ) -> Arc<InstanceShared> {
        let values = [const { AtomicU64::new(0) }; PER_EXTENSION];
        Arc::new(InstanceShared { id, instance, role, services, groups, ports, names: Mutex::default(), values })
    }

    pub(crate) fn register_counter(&self, name: &str, unit: &str) -> Result<u32, Refusal> {
        let word = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if !word(name) || !word(unit) {
            return Err(Refusal::Invalid);
        }
        let mut names = lock(&self.names);
        let at = names.iter().position(|(known, _)| known == name);
        let at = match at {
            Some(at) => at,
            None if names.len() >= PER_EXTENSION => return Err(Refusal::Full),
            None => {
                names.push((name.to_owned(), unit.to_owned()));
                names.len() - 1
            }
        };
        u32::try_from(at).map_err(|_| Refusal::Full)
    }

    pub(crate) fn add(&self, counter: u32, delta: u64) -> bool {
        let value = self.values.get(counter as usize);
        value.map(|value| value.fetch_add(delta, Ordering::Relaxed)).is_some()
    }

    /// Name, unit and value of every registered counter.
    pub fn counters(&self) -> Vec<(String, String, u64)> {
        let names = lock(&self.names);
        let value = |at: usize| self.values.get(at).map_or(0, |value| value.load(Ordering::Relaxed));
        names.iter().enumerate().map(|(at, (name, unit))| (name.clone(), unit.clone(), value(at))).collect()
    }
}
