//! The system calls behind the packet arena: an anonymous file, its mapping, and advice about its pages.
//!
//! An unsafe island: each function takes and gives values that are safe to pass around; only [`unmap`] relies on its caller,
//! the region that owns the mapping. Advice about an address that is not mapped is refused by the kernel.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// An empty anonymous file, in 2 MiB pages when `huge`.
pub(super) fn anonymous_file(huge: bool) -> io::Result<OwnedFd> {
    let pages = if huge { libc::MFD_HUGETLB | libc::MFD_HUGE_2MB } else { 0 };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | pages;
    // SAFETY: the name is a C string; the result is checked before it becomes an owned descriptor.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(OwnedFd::from_raw_fd(check(libc::memfd_create(c"heddle-arena".as_ptr(), flags))?))
    }
}

/// Gives the file its length, for good.
pub(super) fn set_length_and_seal(file: BorrowedFd<'_>, len: usize) -> io::Result<()> {
    let length = libc::off_t::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: plain calls on a descriptor that the borrow keeps open.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        check(libc::ftruncate(file.as_raw_fd(), length))?;
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        check(libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals))?;
    }
    Ok(())
}

/// Maps the whole file, readable and writable.
pub(super) fn map_shared(file: BorrowedFd<'_>, len: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
    #[expect(unsafe_code, reason = "system call")]
    let address = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Asks for joined pages. Only advice: refusal changes nothing.
pub(super) fn advise_huge(base: NonNull<u8>, len: usize) {
    // SAFETY: this advice does not change contents, wherever it points.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        libc::madvise(base.as_ptr().cast(), len, libc::MADV_HUGEPAGE);
    }
}

/// Touches every page now. Only advice: on refusal (Linux before 5.14) pages come when touched.
pub(super) fn populate(base: NonNull<u8>, len: usize) {
    // SAFETY: populating does not change contents, wherever it points.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        libc::madvise(base.as_ptr().cast(), len, libc::MADV_POPULATE_WRITE);
    }
}

/// Ends a mapping.
///
/// # Safety
/// `base` and `len` are a mapping made by [`map_shared`], not ended yet, and nothing refers to its memory any more.
#[expect(unsafe_code, reason = "ends the life of memory")]
pub(super) unsafe fn unmap(base: NonNull<u8>, len: usize) {
    // SAFETY: the contract of this function.
    unsafe {
        libc::munmap(base.as_ptr().cast(), len);
    }
}
