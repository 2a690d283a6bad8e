//! The control socket on disk: one daemon per socket, a mode that keeps strangers out, nothing left behind.
//!
//! A lock file beside the socket (`SOCKET.lock`, `flock`) says whether a daemon owns it and carries the owner's pid; the
//! kernel releases the lock however the owner dies, so a socket file without a lock holder is stale and is replaced.
//! The socket is made under a temporary name, given its owner and mode, and renamed into place: it is never reachable
//! with a wrong mode. Mode 0660 root:heddle when the group exists, else 0600.

use super::error::ErrorClass;
use super::peer::READER_GROUP;
use nix::unistd::Group;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where heddled listens unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/heddle/heddled.sock";

/// How long a process that was killed may hold the socket.
const DYING: Duration = Duration::from_secs(1);

/// Why a daemon could not have the socket.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another daemon has it.
    #[error("another heddled ({owner}) already serves {}; stop it or give another --socket", socket.display())]
    Owned {
        /// The socket.
        socket: PathBuf,
        /// `pid N`, or words for an owner that left no pid.
        owner: String,
    },
    /// Some program without our lock listens there.
    #[error("some other program listens on {}; stop it or give another --socket", socket.display())]
    Foreign {
        /// The socket.
        socket: PathBuf,
    },
    /// The path holds something that is not a socket.
    #[error("{} exists and is not a socket; remove it or give another --socket", socket.display())]
    NotASocket {
        /// The path.
        socket: PathBuf,
    },
    /// The kernel refused a step.
    #[error("cannot {step} {}: {source}; {}", path.display(), fix(source))]
    System {
        /// The step, as an imperative.
        step: &'static str,
        /// What it was about.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}

fn fix(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => "start heddled as root or give a --socket in a directory of yours",
        io::ErrorKind::InvalidInput => "give a --socket of at most 90 bytes",
        _ => "make room for it or give another --socket",
    }
}

impl ClaimError {
    fn system(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { step, path, source }
    }

    /// What it means to a program.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Owned { .. } | Self::Foreign { .. } => ErrorClass::AlreadyExists,
            Self::NotASocket { .. } => ErrorClass::Refused,
            Self::System { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => ErrorClass::Permission,
            Self::System { .. } => ErrorClass::Other,
        }
    }
}

/// A socket this process owns. Dropping it removes the socket and its lock file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    _lock: LockFile,
}

impl ControlSocket {
    /// Takes the socket, replacing a stale one, and starts to listen.
    ///
    /// # Errors
    /// When another daemon has it or the file system refuses.
    pub fn claim(path: &Path) -> Result<Self, ClaimError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(ClaimError::system("create the directory", directory))?;
        }
        let lock = LockFile::take(path)?;
        check_stale(path)?;
        let listener = listen(path)?;
        Ok(Self { path: path.to_owned(), listener, _lock: lock })
    }

    /// The listening socket.
    #[must_use]
    pub const fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // The lock is still held, so the file is this daemon's; a failure leaves a stale socket, which the next one takes.
        let _ = fs::remove_file(&self.path);
    }
}

/// The group of readers, when this host has it.
#[must_use]
pub fn reader_group() -> Option<u32> {
    Group::from_name(READER_GROUP).ok().flatten().map(|group| group.gid.as_raw())
}

/// With the lock held, whatever is at `path` is stale, foreign or not a socket.
fn check_stale(path: &Path) -> Result<(), ClaimError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ClaimError::system("look at", path)(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(ClaimError::NotASocket { socket: path.to_owned() }),
        Ok(_) if stays_open(path) => Err(ClaimError::Foreign { socket: path.to_owned() }),
        Ok(_) => {
            tracing::info!(socket = %path.display(), "replacing the stale socket of a daemon that is gone");
            Ok(())
        }
    }
}

/// Whether somebody goes on listening there. The switch process of a supervisor that was killed dies a moment after it,
/// and holds the socket until then.
fn stays_open(path: &Path) -> bool {
    let deadline = Instant::now() + DYING;
    while UnixStream::connect(path).is_ok() {
        if Instant::now() >= deadline {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn listen(path: &Path) -> Result<UnixListener, ClaimError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ClaimError::system("remove", &temporary)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(&temporary).map_err(ClaimError::system("listen on", path))?;
    let readers = reader_group();
    // Only root can give the group away; a daemon without root keeps the socket to itself.
    let shared = readers.is_some_and(|group| chown(&temporary, None, Some(group)).is_ok());
    let mode = if shared { 0o660 } else { 0o600 };
    fs::set_permissions(&temporary, Permissions::from_mode(mode))
        .map_err(ClaimError::system("set the mode of", path))?;
    fs::rename(&temporary, path).map_err(ClaimError::system("put in place", path))?;
    Ok(listener)
}

/// The lock beside the socket.
#[derive(Debug)]
struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    fn take(socket: &Path) -> Result<Self, ClaimError> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&path)
                .map_err(ClaimError::system("open the lock file", &path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = file.read_to_string(&mut pid);
                    let pid = pid.trim();
                    let owner = if pid.is_empty() { "starting".to_owned() } else { format!("pid {pid}") };
                    return Err(ClaimError::Owned { socket: socket.to_owned(), owner });
                }
                Err(TryLockError::Error(error)) => return Err(ClaimError::system("lock", &path)(error)),
            }
            // The former owner removes the file while it holds the lock: a lock on a file that is no longer at `path`
            // protects nothing, so try again with the one that is.
            let same = |now: fs::Metadata, held: fs::Metadata| (now.dev(), now.ino()) == (held.dev(), held.ino());
            if fs::metadata(&path).and_then(|now| Ok(same(now, file.metadata()?))).unwrap_or(false) {
                let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                written.map_err(ClaimError::system("write the pid to", &path))?;
                return Ok(Self { path, file });
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> io::Result<(tempfile::TempDir, PathBuf)> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("run/heddled.sock");
        Ok((directory, path))
    }

    #[test]
    fn a_second_claim_names_the_owner_and_the_first_leaves_nothing_behind() -> Result<(), Box<dyn std::error::Error>> {
        let (directory, path) = place()?;
        let first = ControlSocket::claim(&path)?;
        let second = ControlSocket::claim(&path).err().map(|error| error.to_string());
        let expected = format!(
            "another heddled (pid {}) already serves {}; stop it or give another --socket",
            std::process::id(),
            path.display()
        );
        assert_eq!(second, Some(expected));
        drop(first);
        assert_eq!(fs::read_dir(directory.path().join("run"))?.count(), 0);
        ControlSocket::claim(&path)?;
        Ok(())
    }

    #[test]
    fn a_stale_socket_is_taken_over() -> Result<(), Box<dyn std::error::Error>> {
        let (_directory, path) = place()?;
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        drop(UnixListener::bind(&path)?);
        assert!(path.exists(), "std leaves the file, as a killed daemon does");
        let taken = ControlSocket::claim(&path)?;
        UnixStream::connect(&path)?;
        let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
        assert_eq!(mode, if reader_group().is_some() { 0o660 } else { 0o600 });
        drop(taken);
        Ok(())
    }

    #[test]
    fn what_is_not_ours_is_left_alone() -> Result<(), Box<dyn std::error::Error>> {
        let (_directory, path) = place()?;
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        fs::write(&path, "precious")?;
        assert!(matches!(ControlSocket::claim(&path), Err(ClaimError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path)?, "precious");
        fs::remove_file(&path)?;
        let foreign = UnixListener::bind(&path)?;
        assert!(matches!(ControlSocket::claim(&path), Err(ClaimError::Foreign { .. })));
        drop(foreign);
        Ok(())
    }
}
