//! Who may change the file of an extension: what is enabled runs with the rights of heddled.
//!
//! Refused: a file that everybody may write, and one in a directory, at whatever level, where everybody may replace it; in
//! a directory like `/tmp` (sticky) only the owner of an entry may. Said in the log: a file that belongs to somebody else
//! than root or the user of heddled, who may replace it at any time. Links are judged by where they lead, and by where
//! they lie.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::loader::LoadError;

const OTHERS_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Judges the file at `path`, and the way there.
pub(crate) fn judge(path: &Path) -> Result<(), LoadError> {
    let unreadable =
        |error: std::io::Error| LoadError::Unreadable { path: path.display().to_string(), reason: error.to_string() };
    let real = path.canonicalize().map_err(unreadable)?;
    let facts = std::fs::metadata(&real).map_err(unreadable)?;
    if facts.mode() & OTHERS_WRITE != 0 {
        return Err(LoadError::Open { path: real.display().to_string(), reason: "may be written by everybody" });
    }
    for directory in real.ancestors().skip(1).chain(path.ancestors().skip(1)) {
        let open =
            std::fs::metadata(directory).is_ok_and(|facts| facts.mode() & (OTHERS_WRITE | STICKY) == OTHERS_WRITE);
        if open {
            let reason = "may be written by everybody, and what lies there be replaced";
            return Err(LoadError::Open { path: directory.display().to_string(), reason });
        }
    }
    let (owner, own) = (facts.uid(), nix::unistd::geteuid().as_raw());
    if owner != 0 && owner != own {
        tracing::warn!(
            file = %real.display(), owner,
            "the file of an extension belongs to another user, who can have any code run here; chown it to root"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_everybody_may_write_is_refused_and_sticky_directories_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, file) = (directory.path().join("a"), directory.path().join("a/x.so"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(&file, b"").unwrap();
        let mode = |path: &Path, mode| set_permissions(path, Permissions::from_mode(mode)).unwrap();
        mode(&file, 0o644);
        judge(&file).unwrap();
        mode(&inside, 0o1777);
        judge(&file).unwrap();
        mode(&inside, 0o777);
        let refused = judge(&file).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{} may be written by everybody", inside.display())), "{refused}");
        mode(&inside, 0o755);
        mode(&file, 0o666);
        let refused = judge(&file).unwrap_err().to_string();
        assert!(refused.contains("x.so may be written by everybody") && refused.contains("chmod o-w"), "{refused}");
    }
}
