//! Who must receive a frame: the switch's rules once more, one frame at a time, in the plainest words.
//!
//! Shares no code with the switch: VLAN rules are lists, the filtering database is a map, a frame is described by the
//! fields it was built from. Clauses: IEEE 802.1Q 6.9 (tagging), 8.6 (filtering), 8.7 (learning), 8.8.3 (ageing), and the
//! switch's own choices for assigned addresses.

use std::collections::{BTreeMap, HashMap};

use heddle_switch_core::drop_reason::DropReason;

use crate::frames::{Body, Frame, Left, Mac};

/// VLAN rules of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vlan {
    Untagged,
    Access(u16),
    Trunk { native: u16, allowed: Vec<u16> },
}

/// What a port is like.
#[derive(Clone, Debug)]
pub struct Port {
    pub vlan: Vlan,
    pub mtu: usize,
    pub receives: bool,
    pub transmits: bool,
    pub learns: bool,
    pub floods_unknown: bool,
    pub checksum: bool,
    pub tcp_segmentation: bool,
    pub udp_segmentation: bool,
    pub nics: u8,
    pub native: bool,
    pub on_failure: Option<heddle_switch_core::stage::OnFailure>,
}

impl Default for Port {
    fn default() -> Port {
        Port {
            vlan: Vlan::Untagged,
            mtu: 1_500,
            receives: true,
            transmits: true,
            learns: true,
            floods_unknown: true,
            checksum: false,
            tcp_segmentation: false,
            udp_segmentation: false,
            nics: 0,
            native: false,
            on_failure: None,
        }
    }
}

impl Port {
    pub fn access(vid: u16) -> Port {
        Port { vlan: Vlan::Access(vid), ..Port::default() }
    }

    pub fn trunk(native: u16, allowed: &[u16]) -> Port {
        Port { vlan: Vlan::Trunk { native, allowed: allowed.to_vec() }, ..Port::default() }
    }

    /// Takes whole segmentation-offload frames and partial checksums.
    #[must_use]
    pub fn offloading(self) -> Port {
        Port { checksum: true, tcp_segmentation: true, udp_segmentation: true, ..self }
    }

    /// The VLAN of a received frame.
    fn vid_of(&self, tag: Option<u16>) -> Result<u16, DropReason> {
        let vid = tag.map_or(0, |tci| tci % 4_096);
        match &self.vlan {
            Vlan::Untagged if vid == 0 => Ok(0),
            Vlan::Access(own) if vid == 0 => Ok(*own),
            Vlan::Untagged | Vlan::Access(_) => Err(DropReason::VlanTagNotAllowed),
            Vlan::Trunk { native, .. } if vid == 0 => Ok(*native),
            Vlan::Trunk { allowed, .. } if allowed.contains(&vid) => Ok(vid),
            Vlan::Trunk { .. } => Err(DropReason::VlanNotAllowedIngress),
        }
    }

    /// Whether frames of a VLAN leave the port, and if so whether with a tag.
    fn leaves_tagged(&self, vid: u16) -> Option<bool> {
        match &self.vlan {
            Vlan::Untagged => (vid == 0).then_some(false),
            Vlan::Access(own) => (*own == vid).then_some(false),
            Vlan::Trunk { native, .. } if *native == vid => Some(false),
            Vlan::Trunk { allowed, .. } => (vid != 0 && allowed.contains(&vid)).then_some(true),
        }
    }

    /// Whether the device gets the frame as its sender left it.
    pub fn takes_whole(&self, frame: &Frame) -> bool {
        match (frame.left, frame.body) {
            (Left::Nothing, _) => true,
            (Left::Checksum, _) => self.checksum,
            (Left::Segments(_), Body::Tcp4 | Body::Tcp6) => self.checksum && self.tcp_segmentation,
            (Left::Segments(_), _) => self.checksum && self.udp_segmentation,
        }
    }
}

fn is_group(mac: Mac) -> bool {
    mac[0] % 2 == 1
}

/// What must become of a frame: the ports that get it with the tag it leaves with, and the drops that are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    pub deliveries: Vec<(u16, Option<u16>)>,
    pub drops: Vec<DropReason>,
}

impl Fate {
    fn dropped(reason: DropReason) -> Fate {
        Fate { deliveries: Vec::new(), drops: vec![reason] }
    }
}

#[derive(Clone, Copy)]
struct Station {
    port: u16,
    seen_s: u64,
    fixed: bool,
}

/// The oracle.
#[derive(Default)]
pub struct Oracle {
    pub ports: BTreeMap<u16, Port>,
    pub ageing_s: u64,
    stations: HashMap<(u16, Mac), Station>,
}

impl Oracle {
    pub fn new() -> Oracle {
        Oracle { ageing_s: 300, ..Oracle::default() }
    }

    pub fn fix(&mut self, vid: u16, mac: Mac, port: u16) {
        self.stations.insert((vid, mac), Station { port, seen_s: 0, fixed: true });
    }

    pub fn remove_port(&mut self, port: u16) {
        self.ports.remove(&port);
        self.stations.retain(|_, station| station.port != port);
    }

    /// Where a station is known to be.
    pub fn knows(&self, vid: u16, mac: Mac, now_s: u64) -> Option<u16> {
        let station = self.stations.get(&(vid, mac))?;
        (station.fixed || now_s - station.seen_s < self.ageing_s).then_some(station.port)
    }

    /// What must become of a frame from `from`; learns.
    pub fn fate(&mut self, from: u16, frame: &Frame, now_s: u64) -> Fate {
        let Some(port) = self.ports.get(&from) else { return Fate::dropped(DropReason::PortGone) };
        if !port.receives {
            return Fate::dropped(DropReason::SourcePortDown);
        }
        if frame.length() < 14 {
            return Fate::dropped(DropReason::FrameTooShort);
        }
        let vid = match port.vid_of(frame.tag) {
            Ok(vid) => vid,
            Err(reason) => return Fate::dropped(reason),
        };
        if is_group(frame.src) {
            return Fate::dropped(DropReason::SourceMulticast);
        }
        if port.learns && frame.src != [0; 6] {
            let station = Station { port: from, seen_s: now_s, fixed: false };
            let known = self.stations.entry((vid, frame.src)).or_insert(station);
            if !known.fixed {
                *known = station;
            }
        }
        if frame.dst[..5] == [1, 0x80, 0xc2, 0, 0] && frame.dst[5] <= 0x0f {
            return Fate::dropped(DropReason::ReservedMulticast);
        }
        if !is_group(frame.dst)
            && let Some(known) = self.knows(vid, frame.dst, now_s)
        {
            if known == from {
                return Fate::dropped(DropReason::SamePort);
            }
            return self.deliver(frame, vid, &[known]);
        }
        let unicast = !is_group(frame.dst);
        let wanted: Vec<u16> = (self.ports.iter())
            .filter(|(slot, port)| **slot != from && port.transmits && port.leaves_tagged(vid).is_some())
            .filter(|(_, port)| port.floods_unknown || !unicast)
            .map(|(slot, _)| *slot)
            .collect();
        if wanted.is_empty() {
            return Fate::dropped(DropReason::NoDestination);
        }
        self.deliver(frame, vid, &wanted)
    }

    /// What must become of a frame of `vid` that goes to these ports.
    pub fn deliver(&self, frame: &Frame, vid: u16, to: &[u16]) -> Fate {
        let mut fate = Fate::default();
        for slot in to {
            match self.leave(frame, vid, *slot) {
                Ok(tag) => fate.deliveries.push((*slot, tag)),
                Err(reason) => fate.drops.push(reason),
            }
        }
        fate
    }

    fn leave(&self, frame: &Frame, vid: u16, slot: u16) -> Result<Option<u16>, DropReason> {
        let port = self.ports.get(&slot).ok_or(DropReason::PortGone)?;
        if !port.transmits {
            return Err(DropReason::PortDown);
        }
        if frame.longest() > port.mtu + 14 {
            return Err(DropReason::FrameTooLong);
        }
        match port.leaves_tagged(vid) {
            None => Err(DropReason::VlanNotAllowedEgress),
            Some(false) => Ok(None),
            // The priority of a tag survives; its VLAN is the one the frame belongs to.
            Some(true) => Ok(Some(frame.tag.map_or(0, |tci| tci / 4_096 * 4_096) + vid)),
        }
    }
}
