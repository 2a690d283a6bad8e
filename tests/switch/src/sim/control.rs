//! The control side of the simulation: what the next snapshot holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use heddle_switch_core::drop_codes::DropCodes;
use heddle_switch_core::frame::Capabilities;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::snapshot::{PortEntry, Snapshot, StaticEntry};
use heddle_switch_core::stage::{OnFailure, Position, Role, Stage, StageEntry, StageId};
use heddle_switch_core::vlan::{VlanMode, VlanSet};
use heddle_switch_core::worker::Update;

use super::Log;
use crate::oracle::{Port, Vlan};

/// Makes a stage's context for a worker.
pub type Make = Box<dyn Fn(u16, &Log) -> Box<dyn Stage>>;

/// An extension to enable.
pub struct StageSpec {
    pub role: Role,
    pub order: u16,
    pub ingress: bool,
    pub egress: bool,
    pub sampling: Option<u16>,
    pub quota: u32,
    pub hold_max_ns: u64,
    pub on_failure: OnFailure,
    pub codes: DropCodes,
    pub make: Make,
}

impl StageSpec {
    pub fn new<S: Stage + 'static>(role: Role, order: u16, make: impl Fn(u16, &Log) -> S + 'static) -> StageSpec {
        StageSpec {
            role,
            order,
            ingress: true,
            egress: true,
            sampling: None,
            quota: 4_096,
            hold_max_ns: u64::MAX,
            on_failure: OnFailure::Open,
            codes: DropCodes::any(),
            make: Box::new(move |worker, log| Box::new(make(worker, log))),
        }
    }
}

/// What the operator has configured.
pub struct Control {
    pub ports: BTreeMap<u16, Port>,
    pub stages: Vec<StageEntry>,
    pub groups: Vec<Option<Vec<PortId>>>,
    pub statics: Vec<StaticEntry>,
    pub ageing_s: u32,
    generations: BTreeMap<u16, u32>,
    started: Vec<(StageId, Make)>,
    workers: u16,
    version: u64,
    next_stage: u32,
}

impl Control {
    pub(super) fn new(workers: u16) -> Control {
        Control {
            ports: BTreeMap::new(),
            stages: Vec::new(),
            groups: Vec::new(),
            statics: Vec::new(),
            ageing_s: 300,
            generations: BTreeMap::new(),
            started: Vec::new(),
            workers,
            version: 0,
            next_stage: 1,
        }
    }

    /// Adds or changes a port; the slot of a removed one gets a new generation.
    pub fn port(&mut self, slot: u16, port: Port) -> PortId {
        if self.ports.insert(slot, port).is_none() {
            *self.generations.entry(slot).or_insert(0) += 1;
        }
        self.id(slot)
    }

    pub fn remove_port(&mut self, slot: u16) {
        let id = self.id(slot);
        self.ports.remove(&slot);
        self.statics.retain(|entry| entry.port != id);
    }

    /// Current (or last) id of the port in a slot.
    pub fn id(&self, slot: u16) -> PortId {
        PortId::new(slot, self.generations.get(&slot).copied().unwrap_or(1))
    }

    /// The worker that owns a port's egress.
    pub fn owner(&self, slot: u16) -> u16 {
        slot % self.workers
    }

    pub fn fix(&mut self, vid: u16, mac: [u8; 6], slot: u16) {
        let port = self.id(slot);
        self.statics.push(StaticEntry { vid, mac, port });
    }

    pub fn enable(&mut self, spec: StageSpec) -> StageId {
        let id = StageId(self.next_stage);
        self.next_stage += 1;
        self.stages.push(StageEntry {
            id,
            role: spec.role,
            position: Position::of(spec.role, spec.order),
            ingress: spec.ingress,
            egress: spec.egress,
            tick: true,
            sampling: spec.sampling,
            hold_quota: spec.quota,
            hold_max_ns: spec.hold_max_ns,
            on_failure: spec.on_failure,
            codes: spec.codes,
        });
        self.started.push((id, spec.make));
        id
    }

    pub fn disable(&mut self, id: StageId) {
        self.stages.retain(|stage| stage.id != id);
    }

    pub fn entry(&mut self, id: StageId) -> &mut StageEntry {
        self.stages.iter_mut().find(|stage| stage.id == id).expect("a stage that is enabled")
    }

    pub(super) fn updates(&mut self, log: &Log) -> Vec<Update> {
        self.version += 1;
        let slots = self.ports.keys().max().map_or(0, |slot| usize::from(*slot) + 1);
        let mut entries: Vec<Option<PortEntry>> = vec![None; slots];
        for (slot, port) in &self.ports {
            entries[usize::from(*slot)] = Some(self.port_entry(*slot, port));
        }
        let mut snapshot = Snapshot::new(self.version, entries, self.stages.clone());
        snapshot.groups = self.groups.iter().map(|group| group.as_deref().map(Arc::from)).collect();
        snapshot.static_entries = self.statics.clone();
        snapshot.ageing_s = self.ageing_s;
        let snapshot = Arc::new(snapshot);
        let started = std::mem::take(&mut self.started);
        (0..self.workers)
            .map(|worker| Update {
                snapshot: Arc::clone(&snapshot),
                started: started.iter().map(|(id, make)| (*id, make(worker, log))).collect(),
            })
            .collect()
    }

    fn port_entry(&self, slot: u16, port: &Port) -> PortEntry {
        let vlan = match &port.vlan {
            Vlan::Untagged => VlanMode::Untagged,
            Vlan::Access(vid) => VlanMode::Access(*vid),
            Vlan::Trunk { native, allowed } => {
                let mut set = VlanSet::empty();
                allowed.iter().for_each(|vid| set.insert(*vid));
                VlanMode::Trunk { native: *native, allowed: set }
            }
        };
        PortEntry {
            id: self.id(slot),
            receives: port.receives,
            transmits: port.transmits,
            learns: port.learns,
            floods_unknown: port.floods_unknown,
            vlan,
            mtu: port.mtu as u32,
            owner: self.owner(slot),
            capabilities: Capabilities {
                checksum: port.checksum,
                tcp_segmentation: port.tcp_segmentation,
                udp_segmentation: port.udp_segmentation,
            },
            nics: port.nics,
            native: port.native,
            on_failure: port.on_failure,
        }
    }
}
