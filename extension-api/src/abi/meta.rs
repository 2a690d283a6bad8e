//! `heddle_extension_meta`: who an extension is, readable from the file without running any of its code.
//!
//! A pointer-free record in the ELF section `.heddle.meta`, exported under its own name. The host reads it before
//! `dlopen` and refuses a wrong architecture, ABI, role or endianness before any code of the vendor runs. Text fields
//! are UTF-8, zero-padded, and hold at most their size in bytes.

use crate::abi_struct;

/// First eight bytes of the record.
pub const MAGIC: [u8; 8] = *b"HEDDLE\0\x01";
/// Name of the exported record.
pub const META_SYMBOL: &str = "heddle_extension_meta";
/// Name of the exported function table.
pub const ENTRY_SYMBOL: &str = "heddle_extension_v1";
/// Name of the exported layout table.
pub const LAYOUT_SYMBOL: &str = "heddle_extension_layout";

/// ABI major version: a host loads extensions of its own major only.
pub const ABI_MAJOR: u16 = 1;
/// ABI minor version: grows when optional slots or interface ids are appended.
pub const ABI_MINOR: u16 = 5;

/// Role: sees every frame, changes none; may originate frames on ingress.
pub const ROLE_CAPTURE: u8 = 1;
/// Role: may drop, modify, clone, hold and originate.
pub const ROLE_FILTER: u8 = 2;
/// Role: decides destinations on ingress; at most one per switch.
pub const ROLE_FORWARDING: u8 = 3;
/// Role: no data path (offload providers and the like).
pub const ROLE_SERVICE: u8 = 4;

/// `endianness` of a little-endian extension.
pub const LITTLE_ENDIAN: u8 = 1;

/// Capability: originates frames or injects clones.
pub const CAPABILITY_INJECT: u64 = 1 << 0;
/// Capability: holds frames and releases them later.
pub const CAPABILITY_HOLD: u64 = 1 << 1;
/// Capability: modifies frames on ingress.
pub const CAPABILITY_MODIFY: u64 = 1 << 2;
/// Capability: makes groups of ports.
pub const CAPABILITY_GROUPS: u64 = 1 << 3;
/// Capability: wants the side array of offload facts.
pub const CAPABILITY_OFFLOAD_FACTS: u64 = 1 << 4;
/// All capabilities this version of the ABI knows.
pub const CAPABILITIES_KNOWN: u64 = (1 << 5) - 1;

abi_struct! { frozen,
/// The record. 384 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Meta {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// Size of this record in bytes.
    pub record_size: u32,
    /// ABI major the extension was built against.
    pub abi_major: u16,
    /// ABI minor the extension was built against.
    pub abi_minor: u16,
    /// Lowest host minor the extension can run on.
    pub min_host_minor: u16,
    /// `ROLE_*`.
    pub role: u8,
    /// [`LITTLE_ENDIAN`].
    pub endianness: u8,
    /// Number of rows in the layout table.
    pub layout_rows: u32,
    /// `CAPABILITY_*` bits.
    pub capabilities: u64,
    /// Reverse URI that never changes, such as `org.example.firewall`.
    pub id: [u8; 64],
    /// Name for people.
    pub name: [u8; 64],
    /// Who made it.
    pub vendor: [u8; 64],
    /// Version of the extension, semantic versioning.
    pub version: [u8; 32],
    /// Compiler that built it.
    pub toolchain: [u8; 64],
    /// Zero.
    pub reserved: [u8; 64],
}
}
