//! Why the stored state cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use redb::DatabaseError;

use crate::control::error::ErrorClass;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another heddled has it.
    #[error("another heddled uses the stored state {}; stop it or give another --state-dir", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer heddled.
    #[error(
        "the stored state {} has schema {found}, and heddled {version} knows schema {known} and older; start the heddled \
         that wrote it, go back to the copy it made of the older schema, or give an empty --state-dir",
        path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: String,
        /// The newest schema this heddled knows.
        known: u32,
        /// The version of this heddled.
        version: &'static str,
    },
    /// A record has a key or value this heddled does not know.
    #[error(
        "the stored state {} has a {table} '{key}' that this heddled does not understand ({reason}); start the heddled that \
         wrote it or give an empty --state-dir",
        path.display()
    )]
    Record {
        /// The file.
        path: PathBuf,
        /// The table.
        table: &'static str,
        /// The row.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is damaged, or is none of ours.
    #[error("the stored state {} cannot be read: {reason}; put a copy in its place or give an empty --state-dir", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file system refuses.
    #[error("cannot {step} the stored state {}: {source}; {}", path.display(), fix(source))]
    System {
        /// The step, as an imperative.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// What to do about an answer of the kernel.
fn fix(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room on its file system"
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount its file system for writing or give another --state-dir",
        io::ErrorKind::PermissionDenied => "start heddled as root or give a --state-dir of yours",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "give a --state-dir that is a directory",
        _ => "give another --state-dir",
    }
}

impl StoreError {
    pub(super) fn io(step: &'static str, path: &Path, source: io::Error) -> Self {
        Self::System { step, path: path.to_owned(), source }
    }

    pub(super) fn open(path: &Path, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse { path: path.to_owned() },
            DatabaseError::UpgradeRequired(format) => {
                Self::Damaged { path: path.to_owned(), reason: format!("its file format is {format}") }
            }
            other => Self::from_redb("open", path, other.into()),
        }
    }

    pub(super) fn read(path: &Path, error: &redb::Error) -> Self {
        Self::Damaged { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn write(path: &Path, error: redb::Error) -> Self {
        Self::from_redb("write", path, error)
    }

    fn from_redb(step: &'static str, path: &Path, error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) if source.kind() != io::ErrorKind::InvalidData => Self::io(step, path, source),
            other => Self::Damaged { path: path.to_owned(), reason: other.to_string() },
        }
    }

    /// What it means to a program.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::InUse { .. } => ErrorClass::AlreadyExists,
            Self::Schema { .. } | Self::Record { .. } | Self::Damaged { .. } => ErrorClass::Refused,
            Self::System { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorClass::Limit,
                io::ErrorKind::PermissionDenied => ErrorClass::Permission,
                // Another start finds the same.
                io::ErrorKind::AlreadyExists
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::NotFound
                | io::ErrorKind::ReadOnlyFilesystem => ErrorClass::Refused,
                _ => ErrorClass::Other,
            },
        }
    }
}
