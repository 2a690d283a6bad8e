//! What an extension in a child asks of the host, answered by the same functions that extensions in this process call. An
//! unsafe island: it calls the host table with pointers to its own memory.

#![expect(unsafe_code, reason = "island: calls the host table's functions")]

use std::sync::Arc;

use heddle_extension_api::abi::control::PortInfo;
use heddle_extension_api::abi::host::{DatagramCounts, Host, VlanCounters};
use heddle_extension_api::abi::status::{Bytes, E_INVALID, OK};

use super::talk::{Ask, ToChild};
use crate::loader::host_table::{self, InstanceShared};

/// Ports in one list, at most.
const PORTS: usize = 4_096;

/// The host's functions for one instance.
pub(super) struct Answers {
    table: Box<Host>,
    /// Behind the table's context.
    _shared: Arc<InstanceShared>,
}

// SAFETY: the table is immutable, its functions may be called from any thread, and its context lives as long.
unsafe impl Send for Answers {}
// SAFETY: as above.
unsafe impl Sync for Answers {}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes { data: bytes.as_ptr(), length: bytes.len() as u64 }
}

impl Answers {
    pub(super) fn new(shared: Arc<InstanceShared>) -> Answers {
        Answers { table: host_table::table(&shared), _shared: shared }
    }

    /// A line for the log.
    pub(super) fn log(&self, level: u32, line: &[u8]) {
        if let Some(log) = self.table.log {
            // SAFETY: the table's context lives with `self`; the line outlives the call.
            unsafe { log(self.table.context, level, bytes(line)) };
        }
    }

    /// A datagram; one that is not taken is counted by the host table.
    pub(super) fn datagram(&self, address: &str, payload: &[u8]) {
        if let Some(send) = self.table.send_datagram {
            // SAFETY: as in `log`.
            unsafe { send(self.table.context, bytes(address.as_bytes()), bytes(payload)) };
        }
    }

    /// A question.
    pub(super) fn answer(&self, ask: &Ask) -> (ToChild, Vec<u8>) {
        let (status, numbers, bytes) = match ask {
            Ask::Counter { name, unit } => self.counter(name, unit),
            Ask::Reason { id, text } => self.reason(id, text),
            Ask::GroupCreate { ports } => self.group_create(ports),
            Ask::GroupUpdate { group, ports } => self.group_update(*group, ports),
            Ask::Ports => self.ports(),
            Ask::Port(port) => self.port(*port),
            Ask::Datagrams(address) => self.datagrams(address),
            Ask::Vlan(vlan) => self.vlan(*vlan),
            Ask::Reference { port, nic, take } => self.reference(*port, *nic, *take),
        };
        (ToChild::Answer { status, numbers }, bytes)
    }

    fn counter(&self, name: &str, unit: &str) -> Told {
        let mut out = 0;
        // SAFETY: as in `log`; `out` is a local.
        let status = self.table.counter_register.map_or(E_INVALID, |register| unsafe {
            register(self.table.context, bytes(name.as_bytes()), bytes(unit.as_bytes()), &raw mut out)
        });
        (status, vec![out.into()], Vec::new())
    }

    fn reason(&self, id: &str, text: &str) -> Told {
        let mut out = 0;
        // SAFETY: as in `counter`.
        let status = self.table.drop_reason_register.map_or(E_INVALID, |register| unsafe {
            register(self.table.context, bytes(id.as_bytes()), bytes(text.as_bytes()), &raw mut out)
        });
        (status, vec![out.into()], Vec::new())
    }

    fn group_create(&self, ports: &[u32]) -> Told {
        let (mut out, count) = (0, u32::try_from(ports.len()).unwrap_or(u32::MAX));
        // SAFETY: as in `counter`; `ports` has `count` elements.
        let status = self
            .table
            .group_create
            .map_or(E_INVALID, |create| unsafe { create(self.table.context, ports.as_ptr(), count, &raw mut out) });
        (status, vec![out.into()], Vec::new())
    }

    fn group_update(&self, group: u32, ports: &[u32]) -> Told {
        let count = u32::try_from(ports.len()).unwrap_or(u32::MAX);
        // SAFETY: as in `group_create`.
        let status = self
            .table
            .group_update
            .map_or(E_INVALID, |update| unsafe { update(self.table.context, group, ports.as_ptr(), count) });
        (status, Vec::new(), Vec::new())
    }

    fn ports(&self) -> Told {
        let (mut ports, mut count) = (vec![0_u32; PORTS], 0);
        // SAFETY: as in `counter`; the array has room for as many as it says.
        let status = self.table.port_list.map_or(E_INVALID, |list| unsafe {
            list(self.table.context, ports.as_mut_ptr(), u32::try_from(PORTS).unwrap_or(0), &raw mut count)
        });
        ports.truncate(usize::try_from(count).unwrap_or(0));
        (status, ports.into_iter().map(u64::from).collect(), Vec::new())
    }

    fn port(&self, port: u32) -> Told {
        let mut info = PortInfo {
            struct_size: u32::try_from(size_of::<PortInfo>()).unwrap_or(0),
            port: 0,
            kind: 0,
            nic_state: 0,
            link_up: 0,
            admin_up: 0,
            mtu: 0,
            mac: [0; 6],
            vlan: 0,
            speed_mbps: 0,
            rx_packets: 0,
            rx_bytes: 0,
            tx_packets: 0,
            tx_bytes: 0,
            rx_dropped: 0,
            tx_dropped: 0,
            rx_multicast: 0,
            rx_broadcast: 0,
            tx_multicast: 0,
            tx_broadcast: 0,
            name: [0; 64],
            flags: 0,
            reserved: 0,
        };
        // SAFETY: as in `counter`; `info` says its size.
        let status =
            self.table.port_query.map_or(E_INVALID, |query| unsafe { query(self.table.context, port, &raw mut info) });
        (status, Vec::new(), if status == OK { port_bytes(&info) } else { Vec::new() })
    }

    fn datagrams(&self, address: &str) -> Told {
        let struct_size = u32::try_from(size_of::<DatagramCounts>()).unwrap_or(0);
        let mut counts = DatagramCounts { struct_size, reserved: 0, sent: 0, failed: 0, dropped: 0 };
        // SAFETY: as in `port`.
        let status = self.table.datagram_counts.map_or(E_INVALID, |query| unsafe {
            query(self.table.context, bytes(address.as_bytes()), &raw mut counts)
        });
        (status, vec![counts.sent, counts.failed, counts.dropped], Vec::new())
    }

    fn reference(&self, port: u32, nic: Option<u32>, take: bool) -> Told {
        let host = self.table.context;
        let of_port = if take { self.table.port_reference } else { self.table.port_dereference };
        let of_nic = if take { self.table.nic_reference } else { self.table.nic_dereference };
        let status = match nic {
            // SAFETY: as in `log`.
            None => of_port.map_or(E_INVALID, |reference| unsafe { reference(host, port) }),
            // SAFETY: as in `log`.
            Some(nic) => of_nic.map_or(E_INVALID, |reference| unsafe { reference(host, port, nic) }),
        };
        (status, Vec::new(), Vec::new())
    }

    fn vlan(&self, vlan: Option<u32>) -> Told {
        let struct_size = u32::try_from(size_of::<VlanCounters>()).unwrap_or(0);
        let mut counters =
            VlanCounters { struct_size, vlan: 0, packets: 0, bytes: 0, multicast: 0, broadcast: 0, discards: 0 };
        let out = if vlan.is_some() { &raw mut counters } else { std::ptr::null_mut() };
        // SAFETY: as in `port`; null is what a request to count by VLAN passes.
        let status = self
            .table
            .vlan_query
            .map_or(E_INVALID, |query| unsafe { query(self.table.context, vlan.unwrap_or(0), out) });
        let VlanCounters { packets, bytes, multicast, broadcast, discards, .. } = counters;
        (status, vec![packets, bytes, multicast, broadcast, discards], Vec::new())
    }
}

/// Status, numbers and bytes of an answer.
type Told = (i32, Vec<u64>, Vec<u8>);

/// A port's state as numbers, with its name behind.
pub(in crate::loader) fn port_bytes(info: &PortInfo) -> Vec<u8> {
    let mac = info.mac.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    let numbers = [
        u64::from(info.port),
        u64::from(info.kind) << 24
            | u64::from(info.nic_state) << 16
            | u64::from(info.link_up) << 8
            | u64::from(info.admin_up),
        u64::from(info.mtu),
        mac,
        u64::from(info.vlan),
        u64::from(info.speed_mbps),
        info.rx_packets,
        info.rx_bytes,
        info.tx_packets,
        info.tx_bytes,
        info.rx_dropped,
        info.tx_dropped,
        info.rx_multicast,
        info.rx_broadcast,
        info.tx_multicast,
        info.tx_broadcast,
        u64::from(info.flags),
    ];
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend_from_slice(&info.name);
    bytes
}

/// The other way.
pub(super) fn port_from(bytes: &[u8]) -> Option<PortInfo> {
    let (numbers, name) = bytes.split_last_chunk::<64>()?;
    let numbers: Vec<u64> =
        numbers.chunks_exact(8).filter_map(|eight| eight.try_into().ok().map(u64::from_le_bytes)).collect();
    let [port, states, mtu, mac, vlan, speed, counters @ ..] = numbers.as_slice() else { return None };
    let [rx, rxb, tx, txb, rxd, txd, rxm, rxbc, txm, txbc, flags] = counters.try_into().ok()?;
    let [.., kind, nic_state, link_up, admin_up] = states.to_be_bytes();
    let [_, _, mac @ ..] = mac.to_be_bytes();
    let word = |number: &u64| u32::try_from(*number).ok();
    Some(PortInfo {
        struct_size: u32::try_from(size_of::<PortInfo>()).unwrap_or(0),
        port: word(port)?,
        kind,
        nic_state,
        link_up,
        admin_up,
        mtu: word(mtu)?,
        mac,
        vlan: u16::try_from(*vlan).ok()?,
        speed_mbps: word(speed)?,
        rx_packets: rx,
        rx_bytes: rxb,
        tx_packets: tx,
        tx_bytes: txb,
        rx_dropped: rxd,
        tx_dropped: txd,
        rx_multicast: rxm,
        rx_broadcast: rxbc,
        tx_multicast: txm,
        tx_broadcast: txbc,
        name: *name,
        flags: u32::try_from(flags).ok()?,
        reserved: 0,
    })
}
