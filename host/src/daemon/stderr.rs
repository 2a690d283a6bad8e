//! Standard error as a log that never makes heddled wait.
//!
//! A pipe nobody reads is full after 64 KiB, and the next one to write would wait for ever, with locks of switches held. So
//! each piece is written only where there is room for it; a line without room is dropped and counted, and the next one that
//! is written says so. Files and journals always have room; a terminal that was stopped (Ctrl-S) has none.
//!
//! Limit: another process that fills the same pipe between the look and the write makes one write wait.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

/// Bytes a pipe takes whole when it says that it is ready (pipe(7), PIPE_BUF).
const PIECE: usize = 4_096;

/// Lines that were dropped since the last one that was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Writes lines to standard error, or drops them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patient;

fn has_room(to: &impl AsFd) -> bool {
    let mut look = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
    // What cannot be looked at is written to like before.
    poll(&mut look, PollTimeout::ZERO).is_err()
        || look[0].revents().is_none_or(|events| events.intersects(PollFlags::POLLOUT | PollFlags::POLLERR))
}

/// Writes as much as there is room for; false when a piece had none.
fn write_pieces(to: &mut (impl Write + AsFd), bytes: &[u8]) -> io::Result<bool> {
    for piece in bytes.chunks(PIECE) {
        if !has_room(to) {
            return Ok(false);
        }
        to.write_all(piece)?;
    }
    Ok(true)
}

fn write_line(to: &mut (impl Write + AsFd), line: &[u8]) -> io::Result<()> {
    let dropped = DROPPED.load(Ordering::Relaxed);
    if dropped > 0 && has_room(to) {
        let told = format!("{dropped} lines of this log are lost: nobody was reading\n");
        to.write_all(told.as_bytes())?;
        DROPPED.fetch_sub(dropped, Ordering::Relaxed);
    }
    if !write_pieces(to, line)? {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

impl Write for Patient {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // One line at a time, whoever writes.
        write_line(&mut io::stderr().lock(), line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_full_pipe_drops_lines_and_says_so_when_it_is_read_again() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let line = [b'x'; 1_000];
        // More than the pipe holds: this comes to an end only if nobody waits.
        for _ in 0..1_000 {
            write_line(&mut writer, &line).unwrap();
        }
        let lost = DROPPED.load(Ordering::Relaxed);
        assert!(lost > 900, "{lost}");
        let mut room = vec![0; 1 << 20];
        let read = reader.read(&mut room).unwrap();
        assert!(read >= 1_000);
        write_line(&mut writer, b"after\n").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert!(text.ends_with(&format!("{lost} lines of this log are lost: nobody was reading\nafter\n")), "{text}");
    }
}
