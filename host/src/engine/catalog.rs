//! Which extensions there are: built in, in the extension directories, or given by path.
//!
//! A library that was loaded is kept and used again for the same bytes; the same path with other bytes is a new one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::lock;
use crate::control::error::ControlError;
use crate::control::model::{ExtensionRef, nearest};
use crate::control::plane::ControlResult;
use crate::loader::library::Judged;
use crate::loader::{self, ExtensionFacts, Library, LoadError, elf};
use crate::trust::{Policy, writers};

/// The catalogue.
pub(crate) struct Catalog {
    copies: PathBuf,
    loaded: Mutex<HashMap<[u8; 32], Arc<Library>>>,
    built_in: Vec<Arc<Library>>,
    policy: Mutex<Policy>,
}

/// An extension that could be enabled.
pub(crate) struct Installed {
    /// Who it is; the reason when its file is refused.
    pub(crate) facts: Result<ExtensionFacts, LoadError>,
    /// Its file; `None` when built in.
    pub(crate) path: Option<PathBuf>,
}

/// Removes copies that earlier daemons left.
pub(crate) fn remove_stale_copies(copies: &Path) {
    let Ok(entries) = std::fs::read_dir(copies) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".so")) {
        // One that cannot be removed does no harm.
        let _ = std::fs::remove_file(entry.path());
    }
}

impl Catalog {
    /// A catalogue that keeps its private copies in `copies`.
    pub(crate) fn new(copies: PathBuf) -> Catalog {
        let mut built_in = Vec::new();
        for library in loader::built_in() {
            match library {
                Ok(library) => built_in.push(Arc::new(library)),
                Err(error) => tracing::error!(%error, "a built-in extension is refused"),
            }
        }
        Catalog { copies, loaded: Mutex::default(), built_in, policy: Mutex::default() }
    }

    /// From now on files need what this policy asks for.
    pub(crate) fn set_policy(&self, policy: Policy) {
        *lock(&self.policy) = policy;
    }

    /// Whether the policy lets the file at `path` with these bytes in.
    pub(crate) fn admit(&self, path: &Path, bytes: &[u8]) -> Result<(), LoadError> {
        lock(&self.policy).admit(path, bytes).map_err(|refusal| LoadError::Policy { reason: refusal.to_string() })
    }

    /// Everything installed: built in first, then the directories in order.
    pub(crate) fn installed(&self, directories: &[PathBuf]) -> Vec<Installed> {
        let built_in = self.built_in.iter().map(|library| Installed { facts: Ok(library.facts().clone()), path: None });
        let files = directories.iter().flat_map(|directory| libraries_in(directory)).map(|path| Installed {
            facts: loader::read(&path).and_then(|file| elf::inspect(&file)).map(|inspected| inspected.facts),
            path: Some(path),
        });
        built_in.chain(files).collect()
    }

    /// What a named extension says it is; none of its code runs.
    pub(crate) fn facts(&self, wanted: &ExtensionRef, directories: &[PathBuf]) -> Option<ExtensionFacts> {
        match wanted {
            ExtensionRef::Path(path) => Some(loader::read(path).and_then(|file| elf::inspect(&file)).ok()?.facts),
            ExtensionRef::Id(id) => {
                let named = |one: Installed| one.facts.ok().filter(|facts| facts.id == id.as_str());
                self.installed(directories).into_iter().find_map(named)
            }
        }
    }

    /// Finds and loads what an operator named; a file that is named by its path has the digest `pin`, if there is one.
    pub(crate) fn library(
        &self,
        wanted: &ExtensionRef,
        directories: &[PathBuf],
        pin: Option<&str>,
    ) -> ControlResult<Arc<Library>> {
        let rejected = |error: LoadError| ControlError::ExtensionRejected {
            extension: wanted.to_string(),
            reason: error.to_string(),
        };
        let id = match wanted {
            ExtensionRef::Path(path) => return self.load(path, pin).map_err(rejected),
            ExtensionRef::Id(id) => id.as_str(),
        };
        if let Some(library) = self.built_in.iter().find(|library| library.facts().id == id) {
            return Ok(Arc::clone(library));
        }
        let installed = self.installed(directories);
        let known: Vec<&str> = installed.iter().flat_map(|one| &one.facts).map(|facts| facts.id.as_str()).collect();
        let found = installed.iter().find(|one| one.facts.as_ref().is_ok_and(|facts| facts.id == id));
        match found.and_then(|one| one.path.as_deref()) {
            // What is installed under an identifier is the administrator's to replace.
            Some(path) => self.load(path, None).map_err(rejected),
            None => Err(ControlError::NoSuchExtension { id: id.to_owned(), nearest: nearest(id, known) }),
        }
    }

    /// Who a file says it is, after every check that runs none of its code.
    pub(crate) fn judge(&self, path: &Path) -> ControlResult<ExtensionFacts> {
        loader::read(path).and_then(|file| loader::judge(&file)).map_err(|error| ControlError::ExtensionRejected {
            extension: path.display().to_string(),
            reason: error.to_string(),
        })
    }

    /// Finds what an operator named and judges its file, without opening it here.
    pub(crate) fn judged(
        &self,
        wanted: &ExtensionRef,
        directories: &[PathBuf],
        pin: Option<&str>,
    ) -> ControlResult<Judged> {
        let rejected = |reason: String| ControlError::ExtensionRejected { extension: wanted.to_string(), reason };
        let id = match wanted {
            ExtensionRef::Path(path) => return self.admitted(path, pin).map_err(|error| rejected(error.to_string())),
            ExtensionRef::Id(id) => id.as_str(),
        };
        let installed = self.installed(directories);
        let known: Vec<&str> = installed.iter().flat_map(|one| &one.facts).map(|facts| facts.id.as_str()).collect();
        let found = installed.iter().find(|one| one.facts.as_ref().is_ok_and(|facts| facts.id == id));
        match found.map(|one| one.path.as_deref()) {
            Some(Some(path)) => self.admitted(path, None).map_err(|error| rejected(error.to_string())),
            Some(None) => Err(rejected(
                "is built into heddled and has no file for a process of its own; enable it without --isolation"
                    .to_owned(),
            )),
            None => Err(ControlError::NoSuchExtension { id: id.to_owned(), nearest: nearest(id, known) }),
        }
    }

    /// A file that the policy lets in and that passes the checks.
    fn admitted(&self, path: &Path, pin: Option<&str>) -> Result<Judged, LoadError> {
        let file = loader::read(path)?;
        writers::judge(path)?;
        self.admit(path, &file)?;
        check_pin(&Sha256::digest(&file).into(), pin)?;
        Judged::of(path, file)
    }

    fn load(&self, path: &Path, pin: Option<&str>) -> Result<Arc<Library>, LoadError> {
        let file = loader::read(path)?;
        writers::judge(path)?;
        self.admit(path, &file)?;
        let digest: [u8; 32] = Sha256::digest(&file).into();
        check_pin(&digest, pin)?;
        let mut loaded = lock(&self.loaded);
        if let Some(library) = loaded.get(&digest) {
            return Ok(Arc::clone(library));
        }
        let library = Arc::new(loader::load_bytes(path, file, &self.copies)?);
        loaded.insert(digest, Arc::clone(&library));
        Ok(library)
    }
}

/// Refuses another file than the one that was enabled.
fn check_pin(digest: &[u8; 32], pin: Option<&str>) -> Result<(), LoadError> {
    let is: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    match pin {
        Some(was) if was != is => Err(LoadError::Changed { was: was.to_owned(), is }),
        _ => Ok(()),
    }
}

fn libraries_in(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let is_library = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "so");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_library).collect();
    files.sort();
    files
}
