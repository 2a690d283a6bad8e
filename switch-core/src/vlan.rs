//! VLAN rules of a port: which VLAN a frame belongs to on the way in, which tag it wears on the way out.
//!
//! IEEE 802.1Q clauses 6.9 (tagging) and 8.6.2 (ingress and egress filtering), in the terms of the Hyper-V model:
//! *untagged* (no VLAN, the default), *access* (one VLAN, the NIC sees no tags) and *trunk* (a set of VLANs, the native
//! one untagged). Inside the switch every frame has a VLAN id; 0 is the domain of ports without a VLAN. A
//! priority-tagged frame (VID 0) counts as untagged and keeps its priority inside the switch.

use crate::drop_reason::DropReason;

/// VID bits of tag control information.
pub const VID_MASK: u16 = 0x0fff;
/// Number of VLAN ids.
pub const VLANS: usize = 4_096;

/// A set of VLAN ids, as a bitmap.
#[derive(Clone, PartialEq, Eq)]
pub struct VlanSet(Box<[u64; 64]>);

impl VlanSet {
    /// The empty set.
    pub fn empty() -> VlanSet {
        VlanSet(Box::new([0; 64]))
    }

    /// VLANs 1 to 4094.
    pub fn all() -> VlanSet {
        let mut set = VlanSet::empty();
        (1..4_095).for_each(|vid| set.insert(vid));
        set
    }

    /// Adds a VLAN.
    pub fn insert(&mut self, vid: u16) {
        let vid = usize::from(vid & VID_MASK);
        self.0[vid / 64] |= 1 << (vid % 64);
    }

    /// Whether a VLAN is in the set.
    #[inline]
    pub fn contains(&self, vid: u16) -> bool {
        let vid = usize::from(vid & VID_MASK);
        self.0[vid / 64] & (1 << (vid % 64)) != 0
    }

    /// The VLANs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..4_096u16).filter(|vid| self.contains(*vid))
    }
}

impl std::fmt::Debug for VlanSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// VLAN mode of a port.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum VlanMode {
    /// No VLAN: untagged frames only.
    #[default]
    Untagged,
    /// Untagged frames belong to this VLAN (1..4094); nothing else passes.
    Access(u16),
    /// Tagged frames of `allowed` VLANs; untagged ones belong to `native` (0 = the domain without a VLAN).
    Trunk {
        /// VLAN of untagged frames.
        native: u16,
        /// VLANs that may pass tagged.
        allowed: VlanSet,
    },
}

/// How a delivery leaves a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Without a tag.
    Untagged,
    /// With a tag of the frame's VLAN.
    Tagged,
}

impl VlanMode {
    /// The VLAN a received frame belongs to.
    #[inline]
    pub fn classify(&self, tag: Option<u16>) -> Result<u16, DropReason> {
        let tagged_vid = tag.map_or(0, |tci| tci & VID_MASK);
        match (self, tagged_vid) {
            (VlanMode::Untagged, 0) => Ok(0),
            (VlanMode::Access(vid), 0) => Ok(*vid),
            (VlanMode::Trunk { native, .. }, 0) => Ok(*native),
            (VlanMode::Trunk { allowed, .. }, vid) if allowed.contains(vid) => Ok(vid),
            (VlanMode::Trunk { .. }, _) => Err(DropReason::VlanNotAllowedIngress),
            (VlanMode::Untagged | VlanMode::Access(_), _) => Err(DropReason::VlanTagNotAllowed),
        }
    }

    /// How a frame of VLAN `vid` leaves the port.
    #[inline]
    pub fn leave(&self, vid: u16) -> Result<Leaving, DropReason> {
        match self {
            VlanMode::Untagged if vid == 0 => Ok(Leaving::Untagged),
            VlanMode::Access(own) if *own == vid => Ok(Leaving::Untagged),
            VlanMode::Trunk { native, .. } if *native == vid => Ok(Leaving::Untagged),
            VlanMode::Trunk { allowed, .. } if vid != 0 && allowed.contains(vid) => Ok(Leaving::Tagged),
            _ => Err(DropReason::VlanNotAllowedEgress),
        }
    }

    /// Whether frames of VLAN `vid` can leave the port at all.
    pub fn carries(&self, vid: u16) -> bool {
        self.leave(vid).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(native: u16, allowed: &[u16]) -> VlanMode {
        let mut set = VlanSet::empty();
        allowed.iter().for_each(|vid| set.insert(*vid));
        VlanMode::Trunk { native, allowed: set }
    }

    #[test]
    fn untagged_and_access_ports_refuse_tags_but_take_priority_tags() {
        assert_eq!(VlanMode::Untagged.classify(None), Ok(0));
        assert_eq!(VlanMode::Untagged.classify(Some(0xe000)), Ok(0));
        assert_eq!(VlanMode::Untagged.classify(Some(7)), Err(DropReason::VlanTagNotAllowed));
        assert_eq!(VlanMode::Access(7).classify(None), Ok(7));
        assert_eq!(VlanMode::Access(7).classify(Some(7)), Err(DropReason::VlanTagNotAllowed));
    }

    #[test]
    fn trunk_carries_allowed_vlans_tagged_and_the_native_one_untagged() {
        let mode = trunk(10, &[20, 30]);
        assert_eq!(mode.classify(None), Ok(10));
        assert_eq!(mode.classify(Some(0x2014)), Ok(20));
        assert_eq!(mode.classify(Some(21)), Err(DropReason::VlanNotAllowedIngress));
        assert_eq!(mode.leave(10), Ok(Leaving::Untagged));
        assert_eq!(mode.leave(20), Ok(Leaving::Tagged));
        assert_eq!(mode.leave(0), Err(DropReason::VlanNotAllowedEgress));
    }

    #[test]
    fn all_vlans_are_1_to_4094() {
        let all = VlanSet::all();
        assert!(all.contains(1) && all.contains(4_094) && !all.contains(0) && !all.contains(4_095));
        assert_eq!(all.iter().count(), 4_094);
    }
}
