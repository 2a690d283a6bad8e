//! Port ids: what extensions, rules and messages call a port.
//!
//! The low 12 bits are the port's slot in every per-port table, the rest counts how often that slot was used: an id
//! kept by mistake after its port was deleted names no port, never another one. 0 is no port: the source of frames
//! that extensions originate.

/// Ports per switch, at most.
pub const PORTS_MAX: usize = 4_096;
const SLOT_BITS: u32 = 12;

/// Id of a port, unique for the life of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PortId(u32);

impl PortId {
    /// No port.
    pub const NONE: PortId = PortId(0);

    /// The id of a port in `slot` (1..4096) when the slot is used for the `generation`th time.
    pub fn new(slot: u16, generation: u32) -> PortId {
        PortId((generation << SLOT_BITS) | (u32::from(slot) & 0xfff))
    }

    /// The id with this number, whether such a port exists or not.
    pub fn from_raw(raw: u32) -> PortId {
        PortId(raw)
    }

    /// The number, as it crosses the ABI.
    #[inline]
    pub fn raw(self) -> u32 {
        self.0
    }

    /// Position in per-port tables.
    #[inline]
    pub fn slot(self) -> usize {
        (self.0 & 0xfff) as usize
    }

    /// How often the slot had been used before.
    #[inline]
    pub fn generation(self) -> u32 {
        self.0 >> SLOT_BITS
    }

    /// Whether this is no port.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Display for PortId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
