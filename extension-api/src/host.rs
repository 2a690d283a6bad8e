//! The host as an extension sees it: [`HostHandle`] on any thread, [`Control`] within control calls.
//!
//! An unsafe island: the calls through the host's function table. The table is valid until `destroy` returns. A
//! [`HostHandle`] may be kept longer, by a forgotten thread for example, so every call through it takes a shared lock
//! that `destroy` takes exclusively before it returns: afterwards each call is [`Refusal::Gone`]. On a worker prefer
//! [`Call::count`](crate::Call::count), which needs no lock.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::ops::Deref;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::abi::host as abi;
use crate::abi::status::Bytes;
use crate::control::PortInfo;
use crate::rights::{MayGroup, Role};
use crate::status::{check, HostError, Refusal};
use crate::types::{Counter, DatagramAddress, DropReason, GroupId, NicIndex, PortId, Vid};

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something is broken.
    Error,
    /// Something is off.
    Warn,
    /// A milestone.
    Info,
    /// For developers.
    Debug,
}

impl Level {
    const fn code(self) -> u32 {
        match self {
            Level::Error => abi::LOG_ERROR,
            Level::Warn => abi::LOG_WARN,
            Level::Info => abi::LOG_INFO,
            Level::Debug => abi::LOG_DEBUG,
        }
    }
}

/// The host's table, copied up to the size both sides know; slots the host does not have are `None`.
#[derive(Clone, Copy)]
pub(crate) struct Table(pub(crate) abi::Host);

// SAFETY: the table holds function pointers and an opaque context that the ABI hands to any thread for `any`
// functions. `control` functions are only reachable through `Control`, which stays on the control call's thread, and
// `worker` functions only through `Call`, which stays on the worker.
unsafe impl Send for Table {}
// SAFETY: as above; the copy is never changed.
unsafe impl Sync for Table {}

impl Table {
    /// # Safety
    /// `host` points to a table whose first field is its size, valid for reads of that many bytes.
    pub(crate) unsafe fn copy(host: *const abi::Host) -> Table {
        let mut table = core::mem::MaybeUninit::<abi::Host>::zeroed();
        // SAFETY: the caller promises a readable table that starts with its size.
        let size = unsafe { (*host).struct_size } as usize;
        let known = size.min(core::mem::size_of::<abi::Host>());
        // SAFETY: both sides are valid for `known` bytes. All-zero is a valid table: null context, no functions.
        Table(unsafe {
            core::ptr::copy_nonoverlapping(host.cast::<u8>(), table.as_mut_ptr().cast::<u8>(), known);
            table.assume_init()
        })
    }
}

/// A borrowed text for the host.
pub(crate) fn bytes(data: &[u8]) -> Bytes {
    Bytes { data: data.as_ptr(), length: data.len() as u64 }
}

/// The functions any thread may call. Cheap to clone; may be kept, see the module's head.
#[derive(Clone)]
pub struct HostHandle {
    door: Arc<RwLock<Option<Table>>>,
}

impl fmt::Debug for HostHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostHandle")
    }
}

impl HostHandle {
    pub(crate) fn new(table: Table) -> Self {
        HostHandle { door: Arc::new(RwLock::new(Some(table))) }
    }

    /// Ends all use of the table; returns when no call is under way.
    pub(crate) fn close(&self) {
        *self.door.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn with<T>(
        &self,
        name: &'static str,
        call: impl FnOnce(&abi::Host) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let door = self.door.read().unwrap_or_else(PoisonError::into_inner);
        match door.as_ref() {
            Some(table) => call(&table.0),
            None => Err(HostError::new(name, Refusal::Gone)),
        }
    }

    /// Writes one line to the host's log, which adds the extension's name. At most 1,024 bytes; longer is cut.
    pub fn log(&self, level: Level, text: &str) {
        // A log line that cannot be written has nowhere to be reported.
        let _ = self.with("log", |host| {
            let log = offered("log", host.log)?;
            // SAFETY: the host's own function and context, under the door; the text is borrowed for the call.
            unsafe { log(host.context, level.code(), bytes(text.as_bytes())) };
            Ok(())
        });
    }

    /// Adds to a counter.
    pub fn count(&self, counter: Counter, delta: u64) -> Result<(), HostError> {
        self.with("counter_add", |host| {
            let add = offered("counter_add", host.counter_add)?;
            // SAFETY: the host's own function and context, under the door.
            check("counter_add", unsafe { add(host.context, counter.0, delta) })
        })
    }

    /// Refers to a port: it is not deleted before [`HostHandle::dereference_port`], which is due on `PortTeardown` at the
    /// latest. From `PortCreate` until then.
    pub fn reference_port(&self, port: PortId) -> Result<(), HostError> {
        self.with("port_reference", |host| {
            let refer = offered("port_reference", host.port_reference)?;
            // SAFETY: the host's own function and context, under the door.
            check("port_reference", unsafe { refer(host.context, port.get()) })
        })
    }

    /// Gives a reference to a port back.
    pub fn dereference_port(&self, port: PortId) -> Result<(), HostError> {
        self.with("port_dereference", |host| {
            let give = offered("port_dereference", host.port_dereference)?;
            // SAFETY: the host's own function and context, under the door.
            check("port_dereference", unsafe { give(host.context, port.get()) })
        })
    }

    /// Refers to a connected NIC: it is not deleted before [`HostHandle::dereference_nic`], which is due on
    /// `NicDisconnect` at the latest.
    pub fn reference_nic(&self, port: PortId, nic: NicIndex) -> Result<(), HostError> {
        self.with("nic_reference", |host| {
            let refer = offered("nic_reference", host.nic_reference)?;
            // SAFETY: the host's own function and context, under the door.
            check("nic_reference", unsafe { refer(host.context, port.get(), u32::from(nic.get())) })
        })
    }

    /// Gives a reference to a NIC back.
    pub fn dereference_nic(&self, port: PortId, nic: NicIndex) -> Result<(), HostError> {
        self.with("nic_dereference", |host| {
            let give = offered("nic_dereference", host.nic_dereference)?;
            // SAFETY: the host's own function and context, under the door.
            check("nic_dereference", unsafe { give(host.context, port.get(), u32::from(nic.get())) })
        })
    }

    /// Sends a UDP datagram of at most 1,472 bytes. Never blocks: a full queue is [`Refusal::Full`].
    pub fn send_datagram(&self, address: &DatagramAddress, payload: &[u8]) -> Result<(), HostError> {
        self.with("send_datagram", |host| {
            let send = offered("send_datagram", host.send_datagram)?;
            // SAFETY: the host's own function and context, under the door; both texts are borrowed for the call.
            check("send_datagram", unsafe { send(host.context, bytes(address.as_str().as_bytes()), bytes(payload)) })
        })
    }
}

fn offered<F>(name: &'static str, function: Option<F>) -> Result<F, HostError> {
    function.ok_or(HostError::new(name, Refusal::NotOffered))
}

/// The functions of a control call, besides those of [`HostHandle`], to which it derefs.
///
/// Exists only within a control call and cannot leave its thread.
#[derive(Debug)]
pub struct Control<'a, R: Role> {
    host: &'a HostHandle,
    role: PhantomData<(R, *mut c_void)>,
}

impl<R: Role> Deref for Control<'_, R> {
    type Target = HostHandle;

    fn deref(&self) -> &HostHandle {
        self.host
    }
}

impl<'a, R: Role> Control<'a, R> {
    pub(crate) fn new(host: &'a HostHandle) -> Self {
        Control { host, role: PhantomData }
    }

    /// The handle to keep for other threads.
    pub fn handle(&self) -> HostHandle {
        self.host.clone()
    }

    /// Registers a counter: name at most 32 bytes, unit (such as `frames`) at most 16, at most 64 counters.
    pub fn register_counter(&self, name: &str, unit: &str) -> Result<Counter, HostError> {
        self.with("counter_register", |host| {
            let register = offered("counter_register", host.counter_register)?;
            let mut counter = 0;
            // SAFETY: a control call is under way; texts and out pointer are valid for the call.
            let status =
                unsafe { register(host.context, bytes(name.as_bytes()), bytes(unit.as_bytes()), &mut counter) };
            check("counter_register", status).map(|()| Counter(counter))
        })
    }

    /// Registers a drop reason: a kebab-case id of at most 48 bytes and a sentence of at most 160, at most 64 reasons.
    pub fn register_drop_reason(&self, id: &str, text: &str) -> Result<DropReason, HostError> {
        self.with("drop_reason_register", |host| {
            let register = offered("drop_reason_register", host.drop_reason_register)?;
            let mut code = 0;
            // SAFETY: a control call is under way; texts and out pointer are valid for the call.
            let status = unsafe { register(host.context, bytes(id.as_bytes()), bytes(text.as_bytes()), &mut code) };
            check("drop_reason_register", status).map(|()| DropReason(code))
        })
    }

    /// The ids of all ports. After `SwitchActivate` only.
    pub fn ports(&self) -> Result<Vec<PortId>, HostError> {
        self.with("port_list", |host| {
            let list = offered("port_list", host.port_list)?;
            let mut ids: Vec<u32> = vec![0; 64];
            loop {
                let room = u32::try_from(ids.len()).map_err(|_| HostError::new("port_list", Refusal::Full))?;
                let mut count = 0;
                // SAFETY: a control call is under way; the array has `room` entries.
                let status = unsafe { list(host.context, ids.as_mut_ptr(), room, &mut count) };
                if count > room {
                    ids.resize(count as usize, 0);
                    continue;
                }
                check("port_list", status)?;
                ids.truncate(count as usize);
                return Ok(ids.into_iter().filter_map(PortId::new).collect());
            }
        })
    }

    /// State and counters of a port. After `SwitchActivate` only.
    pub fn port(&self, port: PortId) -> Result<PortInfo, HostError> {
        self.with("port_query", |host| {
            let query = offered("port_query", host.port_query)?;
            let mut info = PortInfo::empty();
            // SAFETY: a control call is under way; the struct says how large it is.
            check("port_query", unsafe { query(host.context, port.get(), info.as_mut_ptr()) }).map(|()| info)
        })
    }
}

impl<R: Role> Control<'_, R> {
    /// What became of this extension's datagrams to an address; all zero before the first.
    pub fn datagram_counts(&self, address: &DatagramAddress) -> Result<DatagramCounts, HostError> {
        let mut counts = abi::DatagramCounts {
            // The size of a struct with 32 bytes.
            struct_size: core::mem::size_of::<abi::DatagramCounts>() as u32,
            reserved: 0,
            sent: 0,
            failed: 0,
            dropped: 0,
        };
        let answer = self.with("datagram_counts", |host| {
            let query = offered("datagram_counts", host.datagram_counts)?;
            // SAFETY: a control call is under way; the text is borrowed for it and the struct says how large it is.
            check("datagram_counts", unsafe { query(host.context, bytes(address.as_str().as_bytes()), &mut counts) })
        });
        match answer {
            Err(error) if error.refusal != Refusal::Gone => Err(error),
            _ => Ok(DatagramCounts { sent: counts.sent, failed: counts.failed, dropped: counts.dropped }),
        }
    }
}

impl<R: Role> Control<'_, R> {
    /// Has the switch count by VLAN while this instance is enabled, at a few cycles a frame. In `create` only.
    pub fn count_vlans(&self) -> Result<(), HostError> {
        self.with("vlan_query", |host| {
            let query = offered("vlan_query", host.vlan_query)?;
            // SAFETY: a control call is under way; null is allowed for VLAN 0.
            check("vlan_query", unsafe { query(host.context, 0, core::ptr::null_mut()) })
        })
    }

    /// What a VLAN has counted since [`Control::count_vlans`]; all zero when no frame came.
    pub fn vlan(&self, vid: Vid) -> Result<VlanCounters, HostError> {
        let mut counters = abi::VlanCounters {
            // The size of a struct with 48 bytes.
            struct_size: core::mem::size_of::<abi::VlanCounters>() as u32,
            vlan: 0,
            packets: 0,
            bytes: 0,
            multicast: 0,
            broadcast: 0,
            discards: 0,
        };
        let answer = self.with("vlan_query", |host| {
            let query = offered("vlan_query", host.vlan_query)?;
            // SAFETY: a control call is under way; the struct says how large it is.
            check("vlan_query", unsafe { query(host.context, u32::from(vid.get()), &mut counters) })
        });
        match answer {
            Err(error) if error.refusal != Refusal::Gone => Err(error),
            _ => Ok(VlanCounters {
                packets: counters.packets,
                bytes: counters.bytes,
                multicast: counters.multicast,
                broadcast: counters.broadcast,
                discards: counters.discards,
            }),
        }
    }
}

/// What a VLAN has counted: each frame once, on its way in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VlanCounters {
    /// Wire segments.
    pub packets: u64,
    /// Bytes of these, without tag and FCS.
    pub bytes: u64,
    /// Multicast frames of these, without broadcast.
    pub multicast: u64,
    /// Broadcast frames of these.
    pub broadcast: u64,
    /// Frames and deliveries dropped.
    pub discards: u64,
}

/// What became of datagrams to one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramCounts {
    /// Handed to the network.
    pub sent: u64,
    /// Refused by the network, or of those sent, answered by a host on which nobody listens.
    pub failed: u64,
    /// Not taken: a queue was full.
    pub dropped: u64,
}

impl<R: MayGroup> Control<'_, R> {
    /// Makes a group of at most 4,096 ports, at most 1,024 groups.
    pub fn create_group(&self, ports: &[PortId]) -> Result<GroupId, HostError> {
        self.with("group_create", |host| {
            let create = offered("group_create", host.group_create)?;
            let (ids, count) = group_members("group_create", ports)?;
            let mut group = 0;
            // SAFETY: a control call is under way; the array has `count` entries.
            check("group_create", unsafe { create(host.context, ids.as_ptr(), count, &mut group) })
                .map(|()| GroupId(group))
        })
    }

    /// Replaces the ports of a group.
    pub fn update_group(&self, group: GroupId, ports: &[PortId]) -> Result<(), HostError> {
        self.with("group_update", |host| {
            let update = offered("group_update", host.group_update)?;
            let (ids, count) = group_members("group_update", ports)?;
            // SAFETY: a control call is under way; the array has `count` entries.
            check("group_update", unsafe { update(host.context, group.0, ids.as_ptr(), count) })
        })
    }
}

fn group_members(function: &'static str, ports: &[PortId]) -> Result<(Vec<u32>, u32), HostError> {
    let count = u32::try_from(ports.len()).map_err(|_| HostError::new(function, Refusal::Full))?;
    Ok((ports.iter().map(|port| port.get()).collect(), count))
}
