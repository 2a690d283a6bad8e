//! What an extension says of itself, copied out of its metadata: the host keeps no pointer into vendor memory.

use heddle_extension_api::abi::meta::{ABI_MAJOR, ABI_MINOR};
use heddle_extension_api::abi::meta::{
    CAPABILITIES_KNOWN, CAPABILITY_GROUPS, CAPABILITY_HOLD, CAPABILITY_INJECT, CAPABILITY_MODIFY,
    CAPABILITY_OFFLOAD_FACTS, LITTLE_ENDIAN, MAGIC, Meta, ROLE_CAPTURE, ROLE_FILTER, ROLE_FORWARDING, ROLE_SERVICE,
};

use heddle_switch_core::stage::Role;

use super::LoadError;

/// The copied metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionFacts {
    /// Reverse URI.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// Compiler.
    pub toolchain: String,
    /// ABI it was built for.
    pub abi: (u16, u16),
    /// Lowest minor of a host it runs on.
    pub min_host_minor: u16,
    /// `ROLE_*`.
    pub role: u8,
    /// `CAPABILITY_*`.
    pub capabilities: u64,
}

impl ExtensionFacts {
    /// Judges and copies a metadata record.
    pub fn new(meta: &Meta) -> Result<ExtensionFacts, LoadError> {
        let expected = u32::try_from(size_of::<Meta>()).unwrap_or(u32::MAX);
        if meta.magic != MAGIC {
            return Err(LoadError::BadMagic);
        }
        if meta.endianness != LITTLE_ENDIAN {
            return Err(LoadError::Endianness);
        }
        if meta.abi_major != ABI_MAJOR {
            return Err(LoadError::AbiMajor { found: meta.abi_major, host: ABI_MAJOR });
        }
        if meta.record_size != expected {
            return Err(LoadError::MetaSize { found: meta.record_size, expected, major: ABI_MAJOR });
        }
        if meta.min_host_minor > ABI_MINOR {
            return Err(LoadError::HostTooOld { major: ABI_MAJOR, needed: meta.min_host_minor, host: ABI_MINOR });
        }
        if !matches!(meta.role, ROLE_CAPTURE | ROLE_FILTER | ROLE_FORWARDING | ROLE_SERVICE) {
            return Err(LoadError::UnknownRole { found: meta.role });
        }
        let unknown = meta.capabilities & !CAPABILITIES_KNOWN;
        if unknown != 0 {
            return Err(LoadError::UnknownCapabilities { unknown });
        }
        let id = text("id", &meta.id)?;
        if !id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            return Err(LoadError::BadText { field: "id", reason: "has a character outside A-Z a-z 0-9 . - _" });
        }
        Ok(ExtensionFacts {
            id,
            name: text("name", &meta.name)?,
            vendor: text("vendor", &meta.vendor)?,
            version: text("version", &meta.version)?,
            toolchain: text("toolchain", &meta.toolchain).unwrap_or_default(),
            abi: (meta.abi_major, meta.abi_minor),
            min_host_minor: meta.min_host_minor,
            role: meta.role,
            capabilities: meta.capabilities,
        })
    }

    /// The role on the data path; none for a service.
    pub fn data_path_role(&self) -> Option<Role> {
        match self.role {
            ROLE_CAPTURE => Some(Role::Capture),
            ROLE_FILTER => Some(Role::Filter),
            ROLE_FORWARDING => Some(Role::Forwarding),
            _ => None,
        }
    }

    /// What it says it does, in words.
    pub fn capability_words(&self) -> Vec<&'static str> {
        let known = [
            (CAPABILITY_INJECT, "inject"),
            (CAPABILITY_HOLD, "hold"),
            (CAPABILITY_MODIFY, "modify"),
            (CAPABILITY_GROUPS, "groups"),
            (CAPABILITY_OFFLOAD_FACTS, "offload-facts"),
        ];
        known.into_iter().filter(|(bit, _)| self.capabilities & bit != 0).map(|(_, word)| word).collect()
    }

    /// The role as a word.
    pub fn role_name(&self) -> &'static str {
        match self.role {
            ROLE_CAPTURE => "capture",
            ROLE_FILTER => "filter",
            ROLE_FORWARDING => "forwarding",
            _ => "service",
        }
    }
}

fn text(field: &'static str, bytes: &[u8]) -> Result<String, LoadError> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| LoadError::BadText { field, reason: "is not UTF-8" })?;
    if text.is_empty() {
        return Err(LoadError::BadText { field, reason: "is empty" });
    }
    if text.chars().any(char::is_control) {
        return Err(LoadError::BadText { field, reason: "has control characters" });
    }
    Ok(text.to_owned())
}
