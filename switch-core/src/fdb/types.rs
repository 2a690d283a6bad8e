//! The words of the filtering database's interface: keys, places, limits and outcomes.
//!
//! An outcome is one variant and says all a caller needs to count it or to raise an event; none of them is an error of the
//! frame, which is forwarded either way. Seconds and numbers of entries are the only units.

use core::num::NonZeroU64;

use thiserror::Error;

/// Port slots are dense indexes below this.
pub const PORT_SLOTS: u16 = 4096;
/// Entries a table can be asked to hold at most: 1,048,576 take 64 MiB.
pub const MAX_ENTRIES: u32 = 1 << 20;
/// Seconds after which an entry not learnt again is unknown, unless set (IEEE 802.1Q table 8-6).
pub const DEFAULT_AGEING_S: u32 = 300;
/// Shortest ageing time, in seconds.
pub const MIN_AGEING_S: u32 = 10;
/// Longest ageing time, in seconds.
pub const MAX_AGEING_S: u32 = 1_000_000;

const VID_SHIFT: u32 = 48;
const MAC_MASK: u64 = (1 << VID_SHIFT) - 1;
const VID_MASK: u16 = 0x0FFF;
/// Set in every key, so that no key looks like a vacant way, and the lack of a key needs no room beside it.
const PRESENT: NonZeroU64 = match NonZeroU64::new(1 << 63) {
    Some(bit) => bit,
    None => NonZeroU64::MIN,
};
/// The I/G bit: first bit on the wire, lowest bit of the first byte.
const GROUP: u64 = 1 << 40;

/// What a flush removes of what was learnt: everything, or only what names a port, a VLAN, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flush {
    /// On this port slot only.
    pub slot: Option<u16>,
    /// In this VLAN only.
    pub vid: Option<u16>,
}

/// What the database is searched by: a VLAN and a station in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FdbKey(NonZeroU64);

impl FdbKey {
    /// The key of `mac` in VLAN `vid`, of which the low 12 bits count.
    #[inline(always)]
    pub fn new(vid: u16, mac: &[u8; 6]) -> Self {
        let [a, b, c, d, e, f] = *mac;
        let mac = u64::from(u16::from_be_bytes([a, b])) << 32 | u64::from(u32::from_be_bytes([c, d, e, f]));
        Self(PRESENT | u64::from(vid & VID_MASK) << VID_SHIFT | mac)
    }

    /// The VLAN.
    pub fn vid(self) -> u16 {
        let [high, low, ..] = self.bits().to_be_bytes();
        u16::from_be_bytes([high, low]) & VID_MASK
    }

    /// The MAC address.
    pub fn mac(self) -> [u8; 6] {
        let [_, _, mac @ ..] = self.bits().to_be_bytes();
        mac
    }

    /// Whether this is a group address: multicast or broadcast.
    #[inline(always)]
    pub fn is_group(self) -> bool {
        self.bits() & GROUP != 0
    }

    /// Whether this is one of the addresses 01-80-C2-00-00-00 to -0F, which no bridge forwards (IEEE 802.1Q table 8-1).
    pub fn is_reserved(self) -> bool {
        const RESERVED: u64 = 0x0180_C200_0000;
        self.bits() & MAC_MASK & !0xF == RESERVED
    }

    /// False for group addresses and for all zeroes, which no station sends from.
    pub fn is_station(self) -> bool {
        !self.is_group() && self.bits() & MAC_MASK != 0
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u64 {
        self.0.get()
    }

    pub(super) fn from_bits(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }
}

/// The home bucket of a key in one table. A place of another table finds nothing and harms nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(u32);

impl Place {
    #[inline(always)]
    pub(super) fn new(hash: u32, mask: usize) -> Self {
        // The table has at most 2^20 buckets (`MAX_ENTRIES`), so the mask fits.
        Self(hash & u32::try_from(mask).unwrap_or(u32::MAX))
    }

    #[inline(always)]
    pub(super) fn bucket(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// How much a table holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FdbLimits {
    /// Entries of the switch, learnt and static together; at most [`MAX_ENTRIES`].
    pub max_entries: u32,
    /// Learnt entries per port, unless a port is given its own limit.
    pub max_per_port: u32,
}

impl Default for FdbLimits {
    /// 131,072 entries (8 MiB), half of them learnt on one port.
    fn default() -> Self {
        Self { max_entries: 131_072, max_per_port: 65_536 }
    }
}

/// What became of a source address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Learn {
    /// Known on this port and seen this second: nothing was written.
    Unchanged,
    /// Known on this port, now noted for this second.
    Refreshed,
    /// Not known before, or not since the ageing time.
    New,
    /// Known on another port until now.
    Moved {
        /// The port slot it was known on.
        from: u16,
    },
    /// A static entry names this port: it stands.
    Static,
    /// A static entry names another port and stands: the sender may be an impostor.
    StaticElsewhere {
        /// The port slot of the static entry.
        at: u16,
    },
    /// The source is a group address or all zeroes (IEEE 802.1Q 8.7): not learnt.
    NotAStation,
    /// The port has learnt as many stations as it may: what was known of this one is unchanged.
    PortFull,
    /// The table holds as many entries as it may.
    TableFull,
    /// The home bucket of the key and all its neighbours are full.
    NeighbourhoodFull,
    /// The port slot is not below [`PORT_SLOTS`].
    UnknownPort,
}

/// What inserting a static entry did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StaticInsert {
    /// The key was not known.
    New,
    /// A learnt entry of the same key gave way.
    ReplacedLearnt {
        /// The port slot it was learnt on.
        from: u16,
    },
    /// A static entry of the same key was changed, or repeated.
    ReplacedStatic {
        /// The port slot it named.
        from: u16,
    },
    /// There was no room, so the learnt entry of another station that was oldest nearby gave way.
    Displaced {
        /// The entry that was removed.
        key: FdbKey,
        /// The port slot it was learnt on.
        from: u16,
    },
}

/// Why a static entry was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum StaticError {
    /// Only a station can have a static entry.
    #[error("static entry refused: the address is a group address or all zeroes, give a station's address")]
    NotAStation,
    /// The slot names no port.
    #[error("static entry refused: port slot {slot} is not below {PORT_SLOTS}")]
    UnknownPort {
        /// The slot asked for.
        slot: u16,
    },
    /// Only static entries are left around the key's place.
    #[error(
        "static entry refused: no room and no learnt entry to give way ({len} of {max} entries used), remove static entries or raise the limit"
    )]
    Full {
        /// Entries held.
        len: u32,
        /// The table's limit.
        max: u32,
    },
}

/// Why an ageing time was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("ageing time of {seconds} s refused: give {MIN_AGEING_S} to {MAX_AGEING_S} s")]
pub struct AgeingError {
    /// The seconds asked for.
    pub seconds: u32,
}

/// Why a port's limit was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("learning limit refused: port slot {slot} is not below {PORT_SLOTS}")]
pub struct PortLimitError {
    /// The slot asked for.
    pub slot: u16,
}

/// One entry, for display.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FdbEntry {
    /// VLAN.
    pub vid: u16,
    /// Station.
    pub mac: [u8; 6],
    /// Dense slot of the port it is known on.
    pub slot: u16,
    /// True when management made it: it neither ages nor moves.
    pub is_static: bool,
    /// Seconds since the station was last learnt, or since the static entry was made.
    pub age_s: u32,
}
