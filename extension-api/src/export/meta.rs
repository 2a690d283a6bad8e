//! The metadata record and what the loader gets of a linked extension.

use crate::abi::entry::ExtensionV1;
use crate::abi::layout::{padded, LayoutRow};
use crate::abi::meta as abi;

/// What an extension says it does. The operator sees it; the host may refuse what is not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// None of them.
    pub const NONE: Capabilities = Capabilities(0);
    /// Originates frames or injects clones.
    pub const INJECT: Capabilities = Capabilities(abi::CAPABILITY_INJECT);
    /// Holds frames and releases them later.
    pub const HOLD: Capabilities = Capabilities(abi::CAPABILITY_HOLD);
    /// Modifies frames on ingress.
    pub const MODIFY: Capabilities = Capabilities(abi::CAPABILITY_MODIFY);
    /// Makes groups of ports.
    pub const GROUPS: Capabilities = Capabilities(abi::CAPABILITY_GROUPS);
    /// Wants the offload facts of each frame.
    pub const OFFLOAD_FACTS: Capabilities = Capabilities(abi::CAPABILITY_OFFLOAD_FACTS);

    /// Both.
    pub const fn and(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }

    /// The bits of the metadata record.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// An extension that is linked into the binary, as the loader sees it: the same three tables as in a file.
#[derive(Clone, Copy)]
pub struct Exported {
    /// Who it is.
    pub meta: &'static abi::Meta,
    /// What the host calls.
    pub entry: &'static ExtensionV1,
    /// The layout it was built with.
    pub layout: &'static [LayoutRow],
}

impl core::fmt::Debug for Exported {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Exported").field("meta", self.meta).finish_non_exhaustive()
    }
}

/// What the compiler that builds this crate calls itself; the same compiler builds the extension.
const TOOLCHAIN: &str = match option_env!("HEDDLE_TOOLCHAIN") {
    Some(version) => version,
    None => "rustc (version not recorded: built without cargo)",
};

/// The record of an extension: `texts` are id, name, vendor and version.
///
/// A text that is empty or too long for its field stops the compilation.
pub const fn meta(role: u8, texts: [&str; 4], capabilities: Capabilities) -> abi::Meta {
    let [id, name, vendor, version] = texts;
    assert!(!id.is_empty() && id.len() <= 64, "`id` has 1 to 64 bytes");
    assert!(contains(id, b'.'), "`id` is a reverse URI such as org.example.firewall");
    assert!(!name.is_empty() && name.len() <= 64, "`name` has 1 to 64 bytes");
    assert!(!vendor.is_empty() && vendor.len() <= 64, "`vendor` has 1 to 64 bytes");
    assert!(!version.is_empty() && version.len() <= 32, "`version` has 1 to 32 bytes");
    abi::Meta {
        magic: abi::MAGIC,
        record_size: size_u32(core::mem::size_of::<abi::Meta>()),
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        min_host_minor: MIN_HOST_MINOR,
        role,
        endianness: abi::LITTLE_ENDIAN,
        layout_rows: size_u32(crate::abi::LAYOUT_ROWS),
        capabilities: capabilities.bits(),
        id: padded(id),
        name: padded(name),
        vendor: padded(vendor),
        version: padded(version),
        toolchain: cut(TOOLCHAIN),
        reserved: [0; 64],
    }
}

/// Lowest host minor that has all this crate cannot do without.
const MIN_HOST_MINOR: u16 = 0;

/// The size of a struct or table of this crate, all far below 4 GiB.
pub(super) const fn size_u32(size: usize) -> u32 {
    assert!(size <= u32::MAX as usize);
    size as u32
}

const fn contains(text: &str, byte: u8) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

/// Like `padded`, but a text that is too long is cut.
const fn cut<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0; N];
    let mut at = 0;
    while at < bytes.len() && at < N {
        out[at] = bytes[at];
        at += 1;
    }
    out
}
