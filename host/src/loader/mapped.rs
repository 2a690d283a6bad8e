//! What is mapped in this process: how many libraries, from which private copies, and which were refused once mapped.
//!
//! A mapping is for ever, so [`MAPPED_MAX`] bounds them; an attempt that mapped nothing gives its place back and leaves no
//! copy behind. A file that is refused after its constructors ran stays mapped, and its verdict is kept by the digest
//! of its bytes: asking again maps nothing more. The list of verdicts is bounded by the same limit.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::LoadError;

/// Libraries mapped in the life of the process, dormant ones included.
pub const MAPPED_MAX: usize = 256;
/// Places taken: by what is mapped, and by attempts under way.
static MAPPED: AtomicUsize = AtomicUsize::new(0);
/// Numbers attempts; a private copy's name is never used twice.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
/// Files that were refused after they had been mapped, by SHA-256.
static REFUSED: Mutex<Option<HashMap<[u8; 32], LoadError>>> = Mutex::new(None);

/// A place for one library. Dropped, it is free again, unless the library has been mapped.
pub(super) struct Place {
    generation: usize,
    mapped: bool,
}

impl Place {
    /// Takes a place.
    pub(super) fn take() -> Result<Place, LoadError> {
        let more = |taken: usize| (taken < MAPPED_MAX).then_some(taken + 1);
        MAPPED
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map_err(|_| LoadError::TooMany { limit: MAPPED_MAX })?;
        Ok(Place { generation: GENERATION.fetch_add(1, Ordering::Relaxed), mapped: false })
    }

    /// Number of this attempt.
    pub(super) fn generation(&self) -> usize {
        self.generation
    }

    /// The library is mapped: the place is taken for ever.
    pub(super) fn keep(mut self) {
        self.mapped = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.mapped {
            MAPPED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A private copy of a file, removed again unless it is kept.
pub(super) struct PrivateCopy {
    path: PathBuf,
    kept: bool,
}

impl PrivateCopy {
    /// Writes the copy; what was written of a copy that fails goes again.
    pub(super) fn write(path: PathBuf, bytes: &[u8]) -> Result<PrivateCopy, LoadError> {
        let failed = |path: &Path, error: std::io::Error| LoadError::Copy {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        // A new file of ours: nothing that lies there is written through or mapped.
        let made =
            OpenOptions::new().write(true).create_new(true).mode(0o644).custom_flags(libc::O_NOFOLLOW).open(&path);
        let mut file = made.map_err(|error| failed(&path, error))?;
        let copy = PrivateCopy { path, kept: false };
        match file.write_all(bytes) {
            Ok(()) => Ok(copy),
            Err(error) => Err(failed(&copy.path, error)),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it in place, for debuggers and profilers; the next start of the daemon removes what is left over.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if !self.kept {
            // One that cannot be removed does no harm: the next start tries again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The verdict on a file that was refused after it had been mapped.
pub(super) fn refused_before(digest: &[u8; 32]) -> Option<LoadError> {
    REFUSED.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(digest).cloned()
}

/// Keeps a verdict.
pub(super) fn refuse(digest: [u8; 32], verdict: LoadError) {
    let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    refused.get_or_insert_with(HashMap::new).insert(digest, verdict);
}
