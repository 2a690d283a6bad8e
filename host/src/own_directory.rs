//! Directories heddled runs from, which nobody else may write: whoever can put files into them can put code into heddled.
//!
//! Asked of the directory for run-time files and of the one for private copies of extensions. Root's are as good as our
//! own. What lies above is its owner's business: a directory can be replaced by those who may write its parent, and system
//! directories are nobody's but root's.

use std::fs::{DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Why others could change what lies there; `None` when they cannot.
fn others(facts: &Metadata) -> Option<String> {
    let (owner, own) = (facts.uid(), nix::unistd::geteuid().as_raw());
    if !facts.is_dir() {
        return Some("it is no directory".to_owned());
    }
    if owner != 0 && owner != own {
        return Some(format!("it belongs to user {owner}"));
    }
    (facts.mode() & 0o022 != 0).then(|| format!("others may write there (mode {:04o})", facts.mode() & 0o7777))
}

/// Makes the directory, with those above it, unless it is there; refuses one that others may write.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    match DirBuilder::new().recursive(true).mode(0o755).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        // A file in its place is told below.
        Err(_) | Ok(()) => {}
    }
    // Not followed: a link is its maker's, wherever it leads.
    let facts = std::fs::symlink_metadata(path)?;
    let facts = if facts.is_symlink() && facts.uid() == 0 { std::fs::metadata(path)? } else { facts };
    match others(&facts) {
        None => Ok(()),
        Some(why) if !facts.is_dir() => Err(io::Error::new(ErrorKind::AlreadyExists, why)),
        Some(why) => {
            Err(io::Error::new(ErrorKind::PermissionDenied, format!("{why}; make it yours alone: chmod go-w")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::make;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        make(&path).unwrap();
        make(&path).unwrap();
        for mode in [0o777, 0o1777, 0o770] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = make(&path).unwrap_err().to_string();
            assert!(error.contains("others may write there") && error.contains("chmod go-w"), "{error}");
        }
        set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(1000), None).unwrap();
            assert!(make(&path).unwrap_err().to_string().contains("it belongs to user 1000"));
        }
        let file = directory.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(make(&file).is_err());
    }
}
