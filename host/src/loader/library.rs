//! Opening a library: the private copy, `dlopen`, and the function table. An unsafe island.
//!
//! Each generation is copied to `<id>.<generation>.<sha256 prefix>.so` in the run directory and opened from there with
//! `RTLD_NOW | RTLD_LOCAL`: the dynamic linker matches libraries by name and would hand back old code for a replaced
//! file, and lazy binding would move a missing symbol's failure into the data path. The copy is what was checked, so a
//! file that changes between check and open does no harm. Libraries are never closed; `mapped` bounds them.

#![expect(unsafe_code, reason = "island: opening vendor code and reading its exported tables")]

use std::path::{Path, PathBuf};

use heddle_extension_api::Exported;
use heddle_extension_api::abi::LAYOUT;
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::meta::{ABI_MAJOR, ENTRY_SYMBOL, ROLE_SERVICE};
use libloading::os::unix::{Library as Dl, RTLD_LOCAL, RTLD_NOW};
use sha2::{Digest, Sha256};

use super::instance::Features;
use super::mapped::{self, Place, PrivateCopy};
use super::settings::Settings;
use crate::contain::{Function, Site, enter, modules};

use super::{ExtensionFacts, LoadError, check, elf, instance};

/// A loaded extension: its facts and its function table, both copied.
pub struct Library {
    facts: ExtensionFacts,
    entry: ExtensionV1,
    path: Option<PathBuf>,
    sha256: Option<String>,
    settings: Option<Settings>,
    features: Option<Features>,
}

impl Library {
    /// An extension linked into this binary, after the same checks as a file.
    pub fn built_in(exported: &Exported) -> Result<Library, LoadError> {
        let facts = ExtensionFacts::new(exported.meta)?;
        check::layout(exported.layout, &LAYOUT, facts.abi.1)?;
        check_entry(exported.entry, &facts)?;
        // SAFETY: a table linked into this binary is as long as its type.
        let entry = unsafe { copy_entry(exported.entry) };
        let (settings, features) = (instance::settings(&entry, &facts.id), instance::features(&entry, &facts.id));
        Ok(Library { facts, entry, path: None, sha256: None, settings, features })
    }

    /// Who it is.
    pub fn facts(&self) -> &ExtensionFacts {
        &self.facts
    }

    /// The file it came from; `None` when built in.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> Option<&str> {
        self.sha256.as_deref()
    }

    /// The policy features it publishes.
    pub fn features(&self) -> Option<&Features> {
        self.features.as_ref()
    }

    /// The configuration keys it publishes.
    pub fn settings(&self) -> Option<&Settings> {
        self.settings.as_ref()
    }

    /// Its function table.
    pub fn entry(&self) -> &ExtensionV1 {
        &self.entry
    }

    /// The same extension called through other functions, for whoever watches or disturbs the calls between it and the
    /// host. The functions in `entry` get and give what the extension's own would.
    pub fn through(&self, entry: ExtensionV1) -> Library {
        let Library { facts, path, sha256, settings, features, .. } = self;
        let (facts, path, sha256) = (facts.clone(), path.clone(), sha256.clone());
        let (settings, features) = (settings.clone(), features.clone());
        Library { facts, entry, path, sha256, settings, features }
    }
}

/// A file that was judged by everything that needs none of its code.
pub struct Judged {
    facts: ExtensionFacts,
    bytes: Vec<u8>,
    path: PathBuf,
    digest: [u8; 32],
}

impl Judged {
    /// Reads a file and judges it.
    pub fn read(path: &Path) -> Result<Judged, LoadError> {
        Judged::of(path, super::read(path)?)
    }

    /// Judges a file that was read already.
    pub fn of(path: &Path, bytes: Vec<u8>) -> Result<Judged, LoadError> {
        let inspected = elf::inspect(&bytes)?;
        check::layout(&inspected.layout, &LAYOUT, inspected.facts.abi.1)?;
        let digest = Sha256::digest(&bytes).into();
        Ok(Judged { facts: inspected.facts, bytes, path: path.to_owned(), digest })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Who it is.
    pub fn facts(&self) -> &ExtensionFacts {
        &self.facts
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its bytes, in hexadecimal.
    pub fn sha256(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// As a library that another process has opened; this one has no functions.
    pub(super) fn elsewhere(&self, settings: Option<Settings>, features: Option<Features>) -> Library {
        let (facts, path, sha256) = (self.facts.clone(), Some(self.path.clone()), Some(self.sha256()));
        // What needs its functions is not to be had from here.
        Library { facts, entry: NO_FUNCTIONS, path, sha256, settings, features }
    }
}

/// Checks a file and opens it where it is: in a process that has nothing else to do.
pub(super) fn load_in_place(path: &Path) -> Result<Library, LoadError> {
    let judged = Judged::read(path)?;
    let entry = open(path)?.entry()?;
    check_entry(&entry, &judged.facts)?;
    let settings = instance::settings(&entry, &judged.facts.id);
    let sha256 = Some(judged.sha256());
    let features = instance::features(&entry, &judged.facts.id);
    Ok(Library { facts: judged.facts, entry, path: Some(judged.path), sha256, settings, features })
}

/// Checks a file and opens it.
pub fn load(path: &Path, run_dir: &Path) -> Result<Library, LoadError> {
    load_bytes(path, super::read(path)?, run_dir)
}

/// The same for a file that was read already: these very bytes are mapped.
pub fn load_bytes(path: &Path, file: Vec<u8>, run_dir: &Path) -> Result<Library, LoadError> {
    let judged = Judged::of(path, file)?;
    let (digest, sha256) = (judged.digest, judged.sha256());
    if let Some(verdict) = mapped::refused_before(&digest) {
        return Err(verdict);
    }
    let prefix = sha256.get(..12).unwrap_or_default();
    let place = Place::take()?;
    let name = format!("{}.{}.{}.{prefix}.so", judged.facts.id, std::process::id(), place.generation());
    modules::is_of(&name, &judged.facts.id, &sha256);
    let copy = PrivateCopy::write(run_dir.join(name), &judged.bytes)?;
    let site = Site::new(&judged.facts.id, Some(&sha256));
    let entered = enter(&site, Function::Load, None);
    let opened = open(copy.path())?;
    modules::refresh();
    place.keep();
    let entry = opened.entry().and_then(|entry| check_entry(&entry, &judged.facts).map(|()| entry));
    let entry = entry.inspect_err(|verdict| mapped::refuse(digest, verdict.clone()))?;
    copy.keep();
    let (facts, path) = (judged.facts, Some(judged.path));
    let (settings, features) = (instance::settings(&entry, &facts.id), instance::features(&entry, &facts.id));
    drop(entered);
    Ok(Library { facts, entry, path, sha256: Some(sha256), settings, features })
}

/// A library that is mapped, and never closed: see the head of the parent module.
struct Opened(std::mem::ManuallyDrop<Dl>);

fn open(path: &Path) -> Result<Opened, LoadError> {
    let linker = |error: libloading::Error| {
        // The linker's own words are behind the error.
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        LoadError::Linker { reason: one_line(&cause.unwrap_or_else(|| error.to_string())) }
    };
    // SAFETY: opening runs the library's constructors: code of an extension the operator chose to run in this process.
    let library = unsafe { Dl::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(linker)?;
    Ok(Opened(std::mem::ManuallyDrop::new(library)))
}

impl Opened {
    /// A copy of its function table.
    fn entry(&self) -> Result<ExtensionV1, LoadError> {
        // SAFETY: the symbol is only used as an address; its type is checked by size below.
        let table = unsafe { self.0.get::<*const ExtensionV1>(ENTRY_SYMBOL.as_bytes()) }
            .map_err(|_| LoadError::MissingSymbol { symbol: ENTRY_SYMBOL })?
            .into_raw()
            .cast::<ExtensionV1>()
            .cast_const();
        // SAFETY: the layout check has established that both sides mean the same struct, growable at its end only, and
        // the library stays mapped; `copy_entry` reads no more than the size the table states.
        Ok(unsafe { copy_entry(table) })
    }
}

/// The table of an extension without any.
const NO_FUNCTIONS: ExtensionV1 = ExtensionV1 {
    struct_size: 0,
    reserved: 0,
    create: None,
    destroy: None,
    worker_init: None,
    worker_fini: None,
    ingress: None,
    egress: None,
    worker_tick: None,
    tick: None,
    event: None,
    interface: None,
    completed: None,
};

/// Copies a function table up to the size it states; slots behind that are absent.
///
/// # Safety
/// `table` points to a readable, aligned table of at least the size in its first field.
unsafe fn copy_entry(table: *const ExtensionV1) -> ExtensionV1 {
    let mut copy = NO_FUNCTIONS;
    // SAFETY: the first field is there in every table.
    let stated = unsafe { table.cast::<u32>().read() } as usize;
    let length = stated.min(size_of::<ExtensionV1>());
    // SAFETY: `length` bytes are readable (caller) and fit in `copy`; every bit pattern of the fields is valid, null
    // function pointers being `None`.
    unsafe {
        std::ptr::copy_nonoverlapping(table.cast::<u8>(), std::ptr::from_mut(&mut copy).cast::<u8>(), length);
    }
    copy
}

fn check_entry(entry: &ExtensionV1, facts: &ExtensionFacts) -> Result<(), LoadError> {
    let least = u32::try_from(ENTRY_LEAST).unwrap_or(u32::MAX);
    if entry.struct_size < least || entry.struct_size > ENTRY_SIZE_MAX {
        return Err(LoadError::EntrySize { found: entry.struct_size, least, major: ABI_MAJOR });
    }
    let has_path = entry.ingress.is_some() || entry.egress.is_some() || facts.role != ROLE_SERVICE;
    let required = [
        ("create", entry.create.is_some()),
        ("destroy", entry.destroy.is_some()),
        ("worker_init", entry.worker_init.is_some() || !has_path),
        ("worker_fini", entry.worker_fini.is_some() || !has_path),
    ];
    match required.into_iter().find(|(_, there)| !there) {
        Some((slot, _)) => Err(LoadError::MissingFunction { slot, role: facts.role_name() }),
        None => Ok(()),
    }
}

/// Length of the shortest function table of this major: that of its first minor.
pub(super) const ENTRY_LEAST: usize = std::mem::offset_of!(ExtensionV1, interface) + 8;
/// Larger than any table of this major will be; more is a lie.
const ENTRY_SIZE_MAX: u32 = 4_096;

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
