//! Memory shared with a child process: mapped, copied from and to, and words both sides wait on. An unsafe island.
//!
//! No Rust reference to shared bytes is ever made, only to its atomic words: the other side may write at any time, so bytes
//! are copied out and judged afterwards. Every access is checked against the length of the mapping, and the file is sealed
//! against shrinking before it is shared.

#![expect(unsafe_code, reason = "island: memory that another process writes")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use heddle_extension_api::abi::drops::Dropped;
use heddle_extension_api::abi::packet::{OffloadFacts, Packet};
use heddle_extension_api::abi::sampling::Sample;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};
use rustix::thread::futex;

use super::layout::{JobHead, Op};

/// Plain data.
///
/// # Safety
/// Every bit pattern is a value, and there is no padding whose content matters.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: numbers, and pointers that are only addresses until somebody who knows better follows them.
unsafe impl Plain for Packet {}
// SAFETY: as above.
unsafe impl Plain for OffloadFacts {}
// SAFETY: as above.
unsafe impl Plain for JobHead {}
// SAFETY: as above.
unsafe impl Plain for Op {}
// SAFETY: as above.
unsafe impl Plain for Sample {}
// SAFETY: as above.
unsafe impl Plain for Dropped {}
// SAFETY: as above.
unsafe impl Plain for u32 {}

/// An anonymous file of `len` bytes whose length nobody can change.
pub(super) fn file(len: usize) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("heddle-child", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&file, len as u64)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// An anonymous file with these bytes, which nobody can change.
pub(super) fn sealed_copy(bytes: &[u8]) -> io::Result<OwnedFd> {
    use std::io::Write;
    let file = rustix::fs::memfd_create("heddle-extension", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(file);
    file.write_all(bytes)?;
    let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, all)?;
    Ok(file.into())
}

/// The mapping.
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping belongs to the process; all access is by copy or by atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of a file made by [`file`].
    pub(super) fn of(file: BorrowedFd<'_>, len: usize) -> io::Result<Mapping> {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
        let address = unsafe { rustix::mm::mmap(std::ptr::null_mut(), len, protection, flags, file.as_fd(), 0) }?;
        let base = NonNull::new(address.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { base, len })
    }

    /// The address of an offset; dangling, never used, when it lies outside.
    pub(super) fn address(&self, offset: usize) -> *mut u8 {
        // SAFETY: inside the mapping.
        if offset < self.len { unsafe { self.base.as_ptr().add(offset) } } else { std::ptr::null_mut() }
    }

    fn place(&self, offset: usize, len: usize) -> Option<*mut u8> {
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: inside the mapping.
        inside.then(|| unsafe { self.base.as_ptr().add(offset) })
    }

    /// A word. Offsets are the layout's; one outside is the first word.
    pub(super) fn word(&self, offset: usize) -> &AtomicU32 {
        let offset = if offset.is_multiple_of(4) && offset + 4 <= self.len { offset } else { 0 };
        // SAFETY: inside the mapping and aligned, since the mapping is; both sides use this word as an atomic only.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// A counter of the instance, likewise.
    pub(super) fn counter(&self, index: usize) -> &AtomicU64 {
        let offset = if index < super::layout::COUNTERS { index * 8 } else { 0 };
        // SAFETY: as in `word`; the first page is there in every mapping.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(offset).cast()) }
    }

    /// Copies bytes in; false when they do not fit.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(place) = self.place(offset, bytes.len()) else { return false };
        // SAFETY: inside the mapping; private memory cannot overlap it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        true
    }

    /// Copies bytes out; false when they do not all lie inside.
    pub(super) fn read(&self, offset: usize, into: &mut [u8]) -> bool {
        let Some(place) = self.place(offset, into.len()) else { return false };
        // SAFETY: as in `write`; what another process writes meanwhile is taken as it comes, and judged by the caller.
        unsafe { std::ptr::copy_nonoverlapping(place, into.as_mut_ptr(), into.len()) };
        true
    }

    /// Copies a value in.
    pub(super) fn put<T: Plain>(&self, offset: usize, value: &T) {
        if let Some(place) = self.place(offset, size_of::<T>()) {
            // SAFETY: inside the mapping; unaligned writes are allowed.
            unsafe { place.cast::<T>().write_unaligned(*value) };
        }
    }

    /// Copies a value out, once.
    pub(super) fn get<T: Plain>(&self, offset: usize) -> Option<T> {
        let place = self.place(offset, size_of::<T>()).map(<*mut u8>::cast::<T>).filter(|place| place.is_aligned())?;
        // SAFETY: inside the mapping and aligned; every bit pattern is a `T`. Volatile, so that it is read once only.
        Some(unsafe { place.read_volatile() })
    }

    /// Waits until the word is not `expected` any more, or somebody wakes, or time is up.
    pub(super) fn wait(&self, word: usize, expected: u32, longest: Duration) {
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(1),
            tv_nsec: longest.subsec_nanos().into(),
        };
        // Whatever the reason to return is, the caller looks again.
        let _ = futex::wait(self.word(word), futex::Flags::empty(), expected, Some(&timeout));
    }

    /// Wakes who waits on the word.
    pub(super) fn wake(&self, word: usize) {
        let _ = futex::wake(self.word(word), futex::Flags::empty(), 1);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: made in `of`, ended only here; nobody has a reference into it beyond `self`.
        unsafe {
            let _ = rustix::mm::munmap(self.base.as_ptr().cast(), self.len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_touched() -> io::Result<()> {
        let file = file(4_096)?;
        let mapping = Mapping::of(file.as_fd(), 4_096)?;
        assert!(mapping.write(4_090, b"sixsix") && !mapping.write(4_091, b"sixsix"));
        assert!(!mapping.write(usize::MAX, b"x") && !mapping.read(usize::MAX - 1, &mut [0; 8]));
        assert!(mapping.get::<Packet>(4_096 - 64).is_some() && mapping.get::<Packet>(4_096 - 63).is_none());
        assert!(rustix::fs::ftruncate(&file, 0).is_err(), "sealed");
        assert!(std::ptr::eq(mapping.word(4_094), mapping.word(0)) && mapping.address(4_096).is_null());
        Ok(())
    }

    #[test]
    fn a_sealed_copy_cannot_be_written() -> io::Result<()> {
        let file = sealed_copy(b"whole")?;
        assert!(rustix::io::pwrite(&file, b"x", 0).is_err());
        Ok(())
    }
}
