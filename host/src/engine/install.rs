//! Installing: an extension's file into the first extension directory and out again, whole or not at all.
//!
//! What is installed has passed every check that needs none of its code; code of a vendor runs when it is enabled, not
//! before. The copy is written beside its place, made durable, and linked to `<id>.so`, which fails when there is such a
//! file: two installations at once leave one. Files are at most [`loader::FILE_MAX_MIB`] MiB.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::catalog::{Catalog, Installed};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionId, nearest};
use crate::control::plane::ControlResult;
use crate::loader::{self, ExtensionFacts};
use crate::trust;

/// Installs a file; gives what it is and where it lies.
pub(crate) fn install(
    catalog: &Catalog,
    directories: &[PathBuf],
    file: &Path,
) -> ControlResult<(ExtensionFacts, PathBuf)> {
    let not_installed =
        |reason: String| ControlError::ExtensionNotInstalled { extension: file.display().to_string(), reason };
    let bytes = loader::read(file).map_err(|error| not_installed(error.to_string()))?;
    let facts = loader::judge(&bytes).map_err(|error| not_installed(error.to_string()))?;
    catalog.admit(file, &bytes).map_err(|error| not_installed(error.to_string()))?;
    let id = ExtensionId::new(&facts.id)?;
    let Some(directory) = directories.first() else {
        return Err(not_installed(
            "heddled has no extension directory; start it with --extension-dir or enable the file by its path"
                .to_owned(),
        ));
    };
    if let Some(there) = find(catalog, directories, id.as_str()) {
        return Err(taken(&id, &facts, &there, &bytes));
    }
    let place = directory.join(format!("{id}.so"));
    put(directory, &place, &bytes).map_err(|error| match error.kind() {
        // Not one that was found above: a file of that name that is no extension, or another request was faster.
        ErrorKind::AlreadyExists => ControlError::Refused {
            thing: format!("{}", place.display()),
            reason: "exists and is not this extension".to_owned(),
            fix: "move it away".to_owned(),
        },
        _ => not_installed(format!("cannot write {}: {error}; check space and permissions", place.display())),
    })?;
    // Signature and report go with it. Where they cannot, the library goes too: a policy would refuse it.
    if let Err(error) = trust::copy_beside(file, &place).and_then(|()| sync(directory)) {
        let _ = std::fs::remove_file(&place).and_then(|()| trust::remove_beside(&place));
        return Err(not_installed(format!("cannot copy its signature or report to {}: {error}", place.display())));
    }
    Ok((facts, place))
}

/// Removes an extension's file; gives what it was and where it lay. Whether it is enabled is the caller's question.
pub(crate) fn uninstall(
    catalog: &Catalog,
    directories: &[PathBuf],
    id: &ExtensionId,
) -> ControlResult<(ExtensionFacts, PathBuf)> {
    let Some((facts, path)) = find(catalog, directories, id.as_str()) else {
        let installed = catalog.installed(directories);
        let known = installed.iter().flat_map(|one| &one.facts).map(|facts| facts.id.as_str());
        return Err(ControlError::NoSuchExtension { id: id.to_string(), nearest: nearest(id.as_str(), known) });
    };
    let Some(path) = path else {
        return Err(ControlError::Refused {
            thing: format!("extension '{id}'"),
            reason: "is built into heddled".to_owned(),
            fix: "leave it disabled if it is not wanted".to_owned(),
        });
    };
    let cannot = |error: std::io::Error| ControlError::Internal {
        what: format!("removing {}", path.display()),
        reason: error.to_string(),
    };
    std::fs::remove_file(&path).and_then(|()| trust::remove_beside(&path)).map_err(cannot)?;
    if let Some(directory) = path.parent() {
        sync(directory).map_err(cannot)?;
    }
    Ok((facts, path))
}

fn find(catalog: &Catalog, directories: &[PathBuf], id: &str) -> Option<(ExtensionFacts, Option<PathBuf>)> {
    let is_it = |one: Installed| Some((one.facts.ok().filter(|facts| facts.id == id)?, one.path));
    catalog.installed(directories).into_iter().find_map(is_it)
}

/// The refusal for an identifier that is there already.
fn taken(
    id: &ExtensionId,
    new: &ExtensionFacts,
    (there, path): &(ExtensionFacts, Option<PathBuf>),
    bytes: &[u8],
) -> ControlError {
    let same = path.as_ref().is_none_or(|path| loader::read(path).is_ok_and(|installed| installed == bytes));
    ControlError::ExtensionInstalled {
        id: id.clone(),
        version: there.version.clone(),
        place: path.as_ref().map(|path| path.display().to_string()),
        new: (!same).then(|| new.version.clone()),
    }
}

/// Writes `place` whole or not at all, and durably; fails when it exists.
fn put(directory: &Path, place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    // No `.so` at its end: half a file must not be listed.
    let beside = place.with_extension(format!("so.{}.new", std::process::id()));
    // Left by a process of the same number that was killed in the middle.
    let _ = std::fs::remove_file(&beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::hard_link(&beside, place));
    let removed = std::fs::remove_file(&beside);
    written.and(removed)?;
    sync(directory)
}

fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
