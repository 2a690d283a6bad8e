//! The system calls behind the packet arena: an anonymous file, its mapping, and advice about its pages.
//!
//! An unsafe island: each function takes and gives values that are safe to pass around; only those that end or change a
//! mapping rely on their caller, who owns it. Advice about an address that is not mapped is refused by the kernel.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// An empty anonymous file, in 2 MiB pages when `huge`.
pub(crate) fn anonymous_file(huge: bool) -> io::Result<OwnedFd> {
    let pages = if huge { libc::MFD_HUGETLB | libc::MFD_HUGE_2MB } else { 0 };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING | pages;
    // SAFETY: the name is a C string; the result is checked before it becomes an owned descriptor.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        Ok(OwnedFd::from_raw_fd(check(libc::memfd_create(c"heddle-arena".as_ptr(), flags))?))
    }
}

/// Gives the file its length, for good.
pub(crate) fn set_length_and_seal(file: BorrowedFd<'_>, len: usize) -> io::Result<()> {
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
pub(crate) fn map_shared(file: BorrowedFd<'_>, len: usize) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
    #[expect(unsafe_code, reason = "system call")]
    let address = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Maps the whole file a second time: read-only, and what is written once writing is allowed stays here.
pub(crate) fn map_private(file: BorrowedFd<'_>, len: usize) -> io::Result<NonNull<u8>> {
    // Nothing is set aside for copies that nobody is to make.
    let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
    #[expect(unsafe_code, reason = "system call")]
    let address = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ, flags, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
    keep_out_of_dumps(base, len);
    Ok(base)
}

/// Memory that nothing is behind yet: read-only zeroes, of which parts are made writable later.
pub(crate) fn map_zeroes(len: usize) -> io::Result<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
    #[expect(unsafe_code, reason = "system call")]
    let address = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
    keep_out_of_dumps(base, len);
    Ok(base)
}

/// Makes pages read-only zeroes again.
///
/// # Safety
/// `place` and `length` are whole pages of a mapping made by [`map_zeroes`], and nothing refers to them.
#[expect(unsafe_code, reason = "replaces memory")]
pub(crate) unsafe fn zeroes_again(place: NonNull<u8>, length: usize) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the contract of this function.
    let address = unsafe { libc::mmap(place.as_ptr().cast(), length, libc::PROT_READ, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    keep_out_of_dumps(place, length);
    Ok(())
}

/// Puts the file's pages back where [`map_private`] had them.
///
/// # Safety
/// `place` and `length` are whole pages of a mapping made by [`map_private`] of this file, `offset` bytes into it, and
/// nothing refers to them.
#[expect(unsafe_code, reason = "replaces memory")]
pub(crate) unsafe fn map_private_at(
    place: NonNull<u8>,
    file: BorrowedFd<'_>,
    offset: usize,
    length: usize,
) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE | libc::MAP_FIXED;
    let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the contract of this function.
    let address =
        unsafe { libc::mmap(place.as_ptr().cast(), length, libc::PROT_READ, flags, file.as_raw_fd(), offset) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    keep_out_of_dumps(place, length);
    Ok(())
}

/// Makes pages writable: the first store copies them. Async-signal-safe.
///
/// # Safety
/// `place` and `length` are whole pages of a mapping made by [`map_private`] or [`map_zeroes`].
#[expect(unsafe_code, reason = "changes what memory may be used for")]
pub(crate) unsafe fn allow_writing(place: NonNull<u8>, length: usize) -> io::Result<()> {
    // SAFETY: the contract of this function.
    check(unsafe { libc::mprotect(place.as_ptr().cast(), length, libc::PROT_READ | libc::PROT_WRITE) }).map(drop)
}

/// Puts a writable copy of `truth` in the place of pages. Async-signal-safe.
///
/// # Safety
/// As for [`allow_writing`], and `truth` is readable for `length` bytes.
#[expect(unsafe_code, reason = "replaces memory")]
pub(crate) unsafe fn replace_with_copy(place: NonNull<u8>, truth: NonNull<u8>, length: usize) -> io::Result<()> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the contract of this function; what others write to `truth` meanwhile belongs to no frame that is looked at
    // here.
    unsafe {
        if libc::mmap(place.as_ptr().cast(), length, protection, flags, -1, 0) == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        std::ptr::copy_nonoverlapping(truth.as_ptr(), place.as_ptr(), length);
    }
    Ok(())
}

/// Keeps tenants' frames out of core dumps, and dumps short. Only advice.
pub(crate) fn keep_out_of_dumps(base: NonNull<u8>, len: usize) {
    // SAFETY: this advice does not change contents, wherever it points.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        libc::madvise(base.as_ptr().cast(), len, libc::MADV_DONTDUMP);
    }
}

/// Asks for joined pages. Only advice: refusal changes nothing.
pub(crate) fn advise_huge(base: NonNull<u8>, len: usize) {
    // SAFETY: this advice does not change contents, wherever it points.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        libc::madvise(base.as_ptr().cast(), len, libc::MADV_HUGEPAGE);
    }
}

/// Touches every page now. Only advice: on refusal (Linux before 5.14) pages come when touched.
pub(crate) fn populate(base: NonNull<u8>, len: usize) {
    // SAFETY: populating does not change contents, wherever it points.
    #[expect(unsafe_code, reason = "system call")]
    unsafe {
        libc::madvise(base.as_ptr().cast(), len, libc::MADV_POPULATE_WRITE);
    }
}

/// Ends a mapping.
///
/// # Safety
/// `base` and `len` are a mapping made by [`map_shared`], [`map_private`] or [`map_zeroes`], not ended yet, and nothing refers
/// to its memory any more.
#[expect(unsafe_code, reason = "ends the life of memory")]
pub(crate) unsafe fn unmap(base: NonNull<u8>, len: usize) {
    // SAFETY: the contract of this function.
    unsafe {
        libc::munmap(base.as_ptr().cast(), len);
    }
}
