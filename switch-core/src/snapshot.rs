//! The immutable view of a switch that workers forward by.
//!
//! The control side builds a new snapshot for each change and publishes it whole; a worker takes it up between two
//! bursts, so no burst sees half a change. Everything here is read-only on workers; what a worker learns or counts is
//! its own.

use std::sync::Arc;

use crate::frame::Capabilities;
use crate::port_id::PortId;
use crate::stage::{OnFailure, StageEntry};
use crate::vlan::{VLANS, VlanMode};

/// Groups of ports on one switch, at most.
pub const GROUPS_MAX: usize = 1_024;

/// A port as the data path sees it.
#[derive(Clone, Debug)]
pub struct PortEntry {
    /// Id; the slot it lies in is `id.slot()`.
    pub id: PortId,
    /// Whether frames from it are accepted (NIC created or connected, administratively up).
    pub receives: bool,
    /// Whether it may be a destination (NIC connected, administratively up).
    pub transmits: bool,
    /// Whether source addresses are learnt from it.
    pub learns: bool,
    /// Whether frames to unknown unicast addresses go to it.
    pub floods_unknown: bool,
    /// VLAN rules.
    pub vlan: VlanMode,
    /// Largest layer 3 packet it takes, in bytes.
    pub mtu: u32,
    /// Worker that owns its egress.
    pub owner: u16,
    /// What its device does on transmit.
    pub capabilities: Capabilities,
    /// Highest NIC index: 0, or for the external port its number of uplinks.
    pub nics: u8,
    /// Whether the switch finds the destinations of NVGRE frames from it, not a forwarding extension.
    pub native: bool,
    /// What becomes of its frames when an extension fails; `None` = what the extension declares.
    pub on_failure: Option<OnFailure>,
}

/// Ports that a flooded frame of one VLAN goes to.
#[derive(Clone, Debug, Default)]
pub struct FloodList {
    /// For broadcast and multicast.
    pub all: Vec<PortId>,
    /// For unknown unicast: without ports that have an assigned address.
    pub unknown: Vec<PortId>,
}

/// The snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows by one with every published change.
    pub version: u64,
    /// Ports by slot.
    pub ports: Vec<Option<PortEntry>>,
    /// Extensions in the order of their positions.
    pub stages: Vec<StageEntry>,
    /// Groups made by the forwarding extension, by number.
    pub groups: Vec<Option<Arc<[PortId]>>>,
    /// Static entries of the filtering database.
    pub static_entries: Vec<StaticEntry>,
    /// Ageing time of learnt entries, in seconds.
    pub ageing_s: u32,
    floods: Vec<FloodList>,
    flood_of_vid: Box<[u16]>,
}

/// A static entry of the filtering database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticEntry {
    /// VLAN.
    pub vid: u16,
    /// Address.
    pub mac: [u8; 6],
    /// Port.
    pub port: PortId,
}

impl Snapshot {
    /// A snapshot of these ports (by slot) and stages; flood lists are derived.
    pub fn new(version: u64, ports: Vec<Option<PortEntry>>, mut stages: Vec<StageEntry>) -> Snapshot {
        stages.sort_by_key(|stage| stage.position);
        let (floods, flood_of_vid) = flood_lists(&ports);
        Snapshot {
            version,
            ports,
            stages,
            groups: Vec::new(),
            static_entries: Vec::new(),
            ageing_s: 300,
            floods,
            flood_of_vid,
        }
    }

    /// The port with this id, unless it is gone.
    #[inline]
    pub fn port(&self, id: PortId) -> Option<&PortEntry> {
        self.ports.get(id.slot()).and_then(Option::as_ref).filter(|port| port.id == id)
    }

    /// Whether a port with this id was never there: not one that is gone.
    pub fn never_had(&self, id: PortId) -> bool {
        id.is_none()
            || match self.ports.get(id.slot()) {
                None => true,
                Some(place) => place.as_ref().is_some_and(|port| id.generation() > port.id.generation()),
            }
    }

    /// The port in this slot.
    #[inline]
    pub fn port_at(&self, slot: usize) -> Option<&PortEntry> {
        self.ports.get(slot).and_then(Option::as_ref)
    }

    /// Where a flooded frame of `vid` goes.
    #[inline]
    pub fn flood(&self, vid: u16) -> Option<&FloodList> {
        let list = *self.flood_of_vid.get(usize::from(vid))?;
        self.floods.get(usize::from(list))
    }
}

/// One list for each VLAN that some port carries; the rest share the empty list 0. The cost is the number of
/// memberships, not the number of VLANs times the number of ports.
fn flood_lists(ports: &[Option<PortEntry>]) -> (Vec<FloodList>, Box<[u16]>) {
    let mut floods = vec![FloodList::default()];
    let mut of_vid = vec![0u16; VLANS].into_boxed_slice();
    for port in ports.iter().flatten().filter(|port| port.transmits) {
        let mut join = |vid: u16| {
            let Some(list) = of_vid.get_mut(usize::from(vid)) else { return };
            if *list == 0 {
                *list = u16::try_from(floods.len()).unwrap_or(0);
                floods.push(FloodList::default());
            }
            let Some(flood) = floods.get_mut(usize::from(*list)) else { return };
            flood.all.push(port.id);
            if port.floods_unknown {
                flood.unknown.push(port.id);
            }
        };
        match &port.vlan {
            VlanMode::Untagged => join(0),
            VlanMode::Access(vid) => join(*vid),
            VlanMode::Trunk { native, allowed } => {
                join(*native);
                allowed.iter().filter(|vid| vid != native && *vid != 0).for_each(join);
            }
        }
    }
    (floods, of_vid)
}
