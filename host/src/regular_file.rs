//! Files that operators name by path, opened without being held up by what is none: a device under a mistyped path would fill
//! the memory of the switch process, and a pipe that nobody writes to would keep the one who opens it for ever, with the
//! lock of its switch.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a regular file for reading; anything else is `InvalidInput`.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // What opening waits for is a pipe's writer; regular files know no waiting.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// The bytes of a regular file; one of more than `most` MiB is `FileTooLarge`.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let limit = most << 20;
    let mut bytes = Vec::new();
    let length = open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {most} MiB")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), directory.path()] {
            let error = read(path, 1).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file", "{}", path.display());
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, vec![7; 1 << 20]).unwrap();
        assert_eq!(read(&file, 1).unwrap().len(), 1 << 20);
        fs::write(&file, vec![7; (1 << 20) + 1]).unwrap();
        assert_eq!(read(&file, 1).unwrap_err().to_string(), "it has more than 1 MiB");
    }
}
