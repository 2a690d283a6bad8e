//! Guarded memory: one file, mapped twice. The extension sees the view whose pages are open only while it may touch them;
//! the host reads and writes through the other one, which is never closed. An unsafe island: it maps memory.
//!
//! Cost: address space (see [`super::place`] for how much); pages only where something was written.

#![expect(unsafe_code, reason = "island: second mappings of memory")]

use std::io;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use super::faults::{Row, Touch};
use crate::arena::map;

/// What an extension may do with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    Closed,
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// The memory.
pub(super) struct Memory {
    host: NonNull<u8>,
    seen: NonNull<u8>,
    length: usize,
    row: &'static Row,
}

// SAFETY: mappings belong to the process, and whoever owns the value owns both.
unsafe impl Send for Memory {}

impl Memory {
    /// Memory of `length` bytes, all of it closed.
    pub(super) fn new(length: usize) -> io::Result<Memory> {
        let file = map::anonymous_file(false)?;
        map::set_length_and_seal(file.as_fd(), length)?;
        let host = map::map_shared(file.as_fd(), length)?;
        // SAFETY: undoes the mapping above, to which nothing refers.
        let seen = map::map_shared(file.as_fd(), length).inspect_err(|_| unsafe { map::unmap(host, length) })?;
        map::keep_out_of_dumps(host, length);
        map::keep_out_of_dumps(seen, length);
        let taken = Row::take(seen.as_ptr() as usize, length);
        let Some(row) = taken else {
            // SAFETY: undoes the mappings above, to which nothing refers.
            unsafe {
                map::unmap(host, length);
                map::unmap(seen, length);
            }
            let text = format!("more than {} workers have an extension in debug mode", super::faults::MEMORIES_MAX);
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, text));
        };
        let memory = Memory { host, seen, length, row };
        memory.allow(0, length, Access::Closed)?;
        Ok(memory)
    }

    /// What the extension counts from.
    pub(super) fn base(&self) -> *mut u8 {
        self.seen.as_ptr()
    }

    /// Where the extension sees the byte at `offset`.
    pub(super) fn seen_at(&self, offset: usize) -> *mut u8 {
        self.seen.as_ptr().wrapping_add(offset)
    }

    /// Offset of an address the extension touched.
    pub(super) fn offset_of(&self, address: usize) -> usize {
        address.saturating_sub(self.seen.as_ptr() as usize)
    }

    /// Sets what the extension may do with whole pages.
    pub(super) fn allow(&self, offset: usize, length: usize, access: Access) -> io::Result<()> {
        if offset + length > self.length {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let rights = match access {
            Access::Closed => libc::PROT_NONE,
            Access::Read => libc::PROT_READ,
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: pages of the view that is the extension's; no Rust reference points into it.
        match unsafe { libc::mprotect(self.seen_at(offset).cast(), length, rights) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Bytes as they are. The extension is not running, or runs on this thread and has called the host.
    pub(super) fn bytes(&self, offset: usize, length: usize) -> &[u8] {
        let offset = offset.min(self.length);
        let length = length.min(self.length - offset);
        // SAFETY: inside the mapping. The extension writes through its own view on this thread only, and so not while
        // the slice lives; one that breaks that rule with a thread of its own changes plain bytes that nobody relies on.
        unsafe { std::slice::from_raw_parts(self.host.as_ptr().add(offset), length) }
    }

    /// The same for writing.
    pub(super) fn bytes_mut(&mut self, offset: usize, length: usize) -> &mut [u8] {
        let offset = offset.min(self.length);
        let length = length.min(self.length - offset);
        // SAFETY: as in `bytes`; the memory is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.host.as_ptr().add(offset), length) }
    }

    /// Stores a value, plain data.
    pub(super) fn put<T>(&mut self, offset: usize, value: T) {
        if offset + size_of::<T>() <= self.length {
            // SAFETY: inside the mapping, borrowed mutably.
            unsafe { self.host.as_ptr().add(offset).cast::<T>().write_unaligned(value) };
        }
    }

    /// The value at an offset, whatever the extension left there.
    ///
    /// # Safety
    /// Any bytes are a `T`.
    pub(super) unsafe fn get<T: Copy + Default>(&self, offset: usize) -> T {
        if offset + size_of::<T>() > self.length {
            return T::default();
        }
        // SAFETY: inside the mapping, and any bytes are a `T` by the caller's promise.
        unsafe { self.host.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }

    /// Whether the extension touched what it may not, since the notes were taken.
    #[inline]
    pub(super) fn is_touched(&self) -> bool {
        self.row.is_touched()
    }

    /// Takes the notes of that out.
    pub(super) fn take_notes(&self) -> Vec<Touch> {
        self.row.take_notes()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.row.give_back();
        // SAFETY: both mappings were made in `new` and end here; the handler does not know them any more.
        unsafe {
            map::unmap(self.host, self.length);
            map::unmap(self.seen, self.length);
        }
    }
}
