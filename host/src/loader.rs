//! The loader: from a file, or an extension linked into the daemon, to a running extension.
//!
//! Everything that can be refused is refused before any code of the vendor runs: metadata and layout table are read from
//! the ELF file ([`elf`]) and judged ([`check`]); only then is the file copied to a unique name and opened ([`library`]).
//! Built-in extensions (registered through `inventory`) pass the same judgement. [`instance`] calls the function table,
//! [`host_table`] is what the extension calls back.
//!
//! A library is never unloaded: code of a generation may be referred to by threads, statics and unwinders nobody knows of.

pub mod check;
pub mod elf;
mod error;
mod facts;
pub(crate) mod guarded;
pub mod host_table;
mod hosted;
pub mod instance;
pub mod isolation;
pub mod library;
mod mapped;
mod printable;
mod settings;
mod stage;
pub mod state;
mod told;
mod window;

pub use error::LoadError;
pub use facts::ExtensionFacts;
pub use guarded::{FINDINGS_MAX, Finding, Findings};
pub use host_table::{Groups, InstanceShared, LINES_MAX, LogRing, PortDirectory, Reasons, Services, Unsent};
pub use hosted::Hosted;
pub use instance::{Act, CreateFailure, Feature, Features, Instance, Objection, Offer, is_standard};
pub use library::{Library, load, load_bytes};
pub use mapped::MAPPED_MAX;
pub use settings::{Setting, Settings};
pub use stage::WorkerStage;
pub use told::port_info;
pub use window::Window;

use heddle_extension_api::Exported;
use heddle_extension_api::abi::LAYOUT;
use heddle_extension_api::abi::meta::{ABI_MAJOR, ABI_MINOR};
use std::io;
use std::path::Path;

use crate::regular_file;

/// ABI version of this host.
pub const ABI: (u16, u16) = (ABI_MAJOR, ABI_MINOR);

/// Whether the layout of a file fits this host.
pub fn layout_verdict(inspected: &elf::Inspected) -> Result<(), LoadError> {
    check::layout(&inspected.layout, &LAYOUT, inspected.facts.abi.1)
}

/// Longest file in MiB. Extensions with all their debug information have about a tenth.
pub const FILE_MAX_MIB: u64 = 128;

/// The bytes of an extension's file.
pub fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |error: io::Error| LoadError::Unreadable {
        path: path.display().to_string(),
        reason: match error.kind() {
            io::ErrorKind::FileTooLarge => format!("{error}, strip it of debug information"),
            _ => error.to_string(),
        },
    };
    regular_file::read(path, FILE_MAX_MIB).map_err(unreadable)
}

/// Judges the bytes of a file by everything that needs none of its code.
pub fn judge(file: &[u8]) -> Result<ExtensionFacts, LoadError> {
    let inspected = elf::inspect(file)?;
    layout_verdict(&inspected)?;
    Ok(inspected.facts)
}

/// An extension that is linked into this binary.
pub struct BuiltIn {
    /// Its three tables.
    pub exported: &'static Exported,
}

inventory::collect!(BuiltIn);

/// All built-in extensions that pass the checks, sorted by id; those that do not are refused like a file would be.
pub fn built_in() -> Vec<Result<Library, LoadError>> {
    let mut found: Vec<_> = inventory::iter::<BuiltIn>().map(|built_in| Library::built_in(built_in.exported)).collect();
    found.sort_by_key(|library| library.as_ref().map_or(String::new(), |library| library.facts().id.clone()));
    found
}
