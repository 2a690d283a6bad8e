//! Forwards by a table of MAC addresses and floods the rest through a group of all connected ports.
//!
//! Each line of the configuration is an entry `MAC=PORT NAME`, such as `52:54:00:00:00:01=vm1`. Ports are found by
//! name when their NIC connects. The table is an immutable snapshot: the control side replaces it, a worker takes the
//! new one at the start of a batch when the lock is free, and never waits. A frame that would leave by the port it came
//! from is dropped as `same-port`, one to a listed port that is not connected as `port-not-connected`.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use heddle_extension_api::{
    export_extension, rights, Capabilities, Config, ConfigError, Control, Counter, CreateError, DropReason, Event,
    EventKind, ForwardIngress, ForwardingExtension, ForwardingWorker, FrameFlags, GroupId, MacAddress, PortId, Veto,
    WorkerId,
};

/// Where each listed address is; `None` while its port is not connected.
type Table = HashMap<MacAddress, Option<PortId>>;

#[derive(Default)]
struct Shared {
    version: AtomicU64,
    table: Mutex<Arc<Table>>,
}

#[derive(Clone, Copy)]
struct Names {
    all: GroupId,
    same_port: DropReason,
    not_connected: DropReason,
    known: Counter,
    flooded: Counter,
}

struct ForwardTable {
    entries: Vec<(MacAddress, String)>,
    connected: BTreeMap<PortId, String>,
    shared: Arc<Shared>,
    names: Names,
}

struct Worker {
    shared: Arc<Shared>,
    version: u64,
    table: Arc<Table>,
    names: Names,
}

impl ForwardingExtension for ForwardTable {
    type Worker = Worker;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Forwarding>, config: &Config<'_>) -> Result<Self, CreateError> {
        let mut entries = Vec::new();
        for (key, value) in config.pairs() {
            let mac = key.parse::<MacAddress>().map_err(|error| ConfigError::BadValue {
                key: key.to_owned(),
                value: value.to_owned(),
                reason: error.to_string(),
            })?;
            entries.push((mac, value.to_owned()));
        }
        let extension = ForwardTable {
            entries,
            connected: BTreeMap::new(),
            shared: Arc::new(Shared::default()),
            names: Names {
                all: host.create_group(&[])?,
                same_port: host.register_drop_reason("same-port", "the frame would leave by the port it came from")?,
                not_connected: host
                    .register_drop_reason("port-not-connected", "the table names a port that is not connected")?,
                known: host.register_counter("known", "frames")?,
                flooded: host.register_counter("flooded", "frames")?,
            },
        };
        extension.publish();
        Ok(extension)
    }

    fn worker(&mut self, _worker: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { shared: Arc::clone(&self.shared), version: 0, table: Arc::default(), names: self.names })
    }

    fn event(&mut self, host: &Control<'_, rights::Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
        let port = match event.port() {
            Some(port) => port,
            None => return Ok(()),
        };
        match (event.kind(), event.info()) {
            (EventKind::NicConnect, Some(info)) => self.connected.insert(port, info.name().into_owned()),
            (EventKind::NicDisconnect | EventKind::NicDelete, _) => self.connected.remove(&port),
            _ => return Ok(()),
        };
        let ports: Vec<PortId> = self.connected.keys().copied().collect();
        self.publish();
        host.update_group(self.names.all, &ports).map_err(|error| Veto::new(format!("the flood group: {error}")))
    }
}

impl ForwardTable {
    fn publish(&self) {
        let find = |name: &String| self.connected.iter().find(|(_, has)| *has == name).map(|(port, _)| *port);
        let table = self.entries.iter().map(|(mac, name)| (*mac, find(name))).collect();
        *self.shared.table.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        self.shared.version.fetch_add(1, Ordering::Release);
    }
}

impl Worker {
    fn refresh(&mut self) {
        let version = self.shared.version.load(Ordering::Acquire);
        if version != self.version {
            if let Ok(table) = self.shared.table.try_lock() {
                self.table = Arc::clone(&table);
                self.version = version;
            }
        }
    }
}

impl ForwardingWorker for Worker {
    const HAS_EGRESS: bool = false;
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut ForwardIngress<'_>) {
        self.refresh();
        let (mut known, mut flooded) = (0, 0);
        for frame in batch.packets() {
            if frame.flags().contains(FrameFlags::NATIVE_FORWARDING) {
                continue;
            }
            match MacAddress::destination_of(frame.bytes()).and_then(|mac| self.table.get(&mac)) {
                Some(Some(port)) if frame.source_port() == Some(*port) => frame.drop(self.names.same_port),
                Some(Some(port)) => {
                    frame.to_port(*port);
                    known += 1;
                }
                Some(None) => frame.drop(self.names.not_connected),
                None => {
                    frame.to_group(self.names.all);
                    flooded += 1;
                }
            }
        }
        batch.count(self.names.known, known);
        batch.count(self.names.flooded, flooded);
    }
}

export_extension!(forwarding ForwardTable {
    id: "org.heddle.test.forward-table",
    name: "Test: forward by table",
    vendor: "The Heddle developers",
    version: env!("CARGO_PKG_VERSION"),
    capabilities: Capabilities::GROUPS,
});
