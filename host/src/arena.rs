//! Memory for a switch's packet arena: one anonymous file, mapped shared.
//!
//! A file rather than plain memory, so that the same pages can be mapped again: read-only for whoever may only look, or by
//! the next process of a planned upgrade. Huge pages of 2 MiB are taken when enough of them are free, because an arena
//! spans far more 4 KiB pages than a TLB holds; otherwise ordinary pages with the advice to join them. The file is sealed
//! against shrinking, so that nobody who holds its descriptor can turn an access into SIGBUS.
//!
//! Limits: the length is rounded up to 2 MiB. Small arenas are populated at once, larger ones when touched.

pub(crate) mod map;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use heddle_switch_core::arena::Region;

/// Bytes of a huge page.
pub(crate) const HUGE_PAGE: usize = 2 << 20;
/// Up to this length every page is touched at the start, so that the first frames do not pay for it.
const POPULATE_MAX: usize = 32 << 20;

/// Why there is no memory for the arena.
#[derive(Debug, thiserror::Error)]
pub enum ArenaError {
    /// The length is zero or beyond the address space.
    #[error("packet arena of {0} bytes is impossible: ask for at least one buffer and at most what the machine has")]
    Length(usize),
    /// The kernel refused a step.
    #[error("packet arena of {len} bytes: {step} failed: {source}; free memory or configure fewer buffers")]
    System {
        /// Bytes wanted.
        len: usize,
        /// The call.
        step: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// Memory of an anonymous file, for [`Arena::carve`](heddle_switch_core::arena::Arena::carve).
#[derive(Debug)]
pub struct MappedRegion {
    base: NonNull<u8>,
    len: usize,
    file: OwnedFd,
    plain_because: Option<String>,
}

impl MappedRegion {
    /// Maps at least `len` bytes, zeroed.
    pub fn new(len: usize) -> Result<MappedRegion, ArenaError> {
        let rounded = len.checked_next_multiple_of(HUGE_PAGE).filter(|len| *len > 0).ok_or(ArenaError::Length(len))?;
        match MappedRegion::attempt(rounded, true) {
            Ok(region) => Ok(region),
            Err(ArenaError::System { step, source, .. }) => {
                let mut region = MappedRegion::attempt(rounded, false)?;
                region.plain_because = Some(why_plain(rounded, step, &source));
                Ok(region)
            }
            Err(other) => Err(other),
        }
    }

    pub(crate) fn attempt(len: usize, huge: bool) -> Result<MappedRegion, ArenaError> {
        let failed = |step| move |source| ArenaError::System { len, step, source };
        let file = map::anonymous_file(huge).map_err(failed("memfd_create"))?;
        map::set_length_and_seal(file.as_fd(), len).map_err(failed("sizing the memory file"))?;
        let base = map::map_shared(file.as_fd(), len).map_err(failed("mmap"))?;
        let region = MappedRegion { base, len, file, plain_because: (!huge).then(String::new) };
        if !huge {
            map::advise_huge(region.base, len);
        }
        map::keep_out_of_dumps(region.base, len);
        if len <= POPULATE_MAX {
            map::populate(region.base, len);
        }
        Ok(region)
    }

    /// Whether the memory is in 2 MiB pages.
    pub fn hugepages(&self) -> bool {
        self.plain_because.is_none()
    }

    /// Why the memory is in ordinary pages, with the fix; `None` when it is in huge pages.
    pub fn why_no_hugepages(&self) -> Option<&str> {
        self.plain_because.as_deref()
    }

    /// First byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.base
    }

    /// Length in bytes.
    pub(crate) fn length(&self) -> usize {
        self.len
    }

    /// The file behind the memory, to map it a second time or to hand it over.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for MappedRegion {
    fn drop(&mut self) {
        // SAFETY: made by `map_shared` in `attempt`, ended only here; whoever used the memory owned `self`.
        #[expect(unsafe_code, reason = "ends the mapping it owns")]
        unsafe {
            map::unmap(self.base, self.len);
        }
    }
}

// SAFETY: `base` is a mapping of `len` bytes, readable, writable and page-aligned, that lives until `drop`; the sealed file
// cannot shrink below it; no method hands out a reference to it.
#[expect(unsafe_code, reason = "implements the region contract")]
unsafe impl Region for MappedRegion {
    fn base(&self) -> NonNull<u8> {
        self.base
    }
    fn len(&self) -> usize {
        self.len
    }
}

// SAFETY: a mapping belongs to the process, not to a thread.
#[expect(unsafe_code, reason = "owns what it points to")]
unsafe impl Send for MappedRegion {}
// SAFETY: no method gives access to the memory; sharing the value shares only an address.
#[expect(unsafe_code, reason = "owns what it points to")]
unsafe impl Sync for MappedRegion {}

fn why_plain(len: usize, step: &str, error: &std::io::Error) -> String {
    let count = |name: &str| {
        let path = format!("/sys/kernel/mm/hugepages/hugepages-2048kB/{name}");
        std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<usize>().ok())
    };
    let needed = len / HUGE_PAGE;
    match (count("free_hugepages"), count("nr_hugepages")) {
        (Some(free), Some(total)) if free < needed => format!(
            "{needed} huge pages of 2 MiB are needed, {free} of {total} are free; `sysctl vm.nr_hugepages={}` gives enough",
            total + needed - free
        ),
        (None, _) | (_, None) => "this kernel has no huge pages of 2 MiB".to_owned(),
        _ => format!("huge pages of 2 MiB: {step} failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heddle_switch_core::arena::{Arena, ArenaSize};

    #[test]
    fn holds_an_arena_and_says_what_pages_it_got() {
        let size = ArenaSize { buffers: [64, 8, 4] };
        let region = MappedRegion::new(size.bytes()).unwrap();
        assert_eq!(region.hugepages(), region.why_no_hugepages().is_none());
        if let Some(why) = region.why_no_hugepages() {
            assert!(why.contains("huge pages"), "{why}");
        }
        let (arena, [mut small, _, mut large]) = Arena::carve(Box::new(region), size).unwrap();
        let (mut first, mut last) = (small.remove(0), large.remove(3));
        arena.bytes_mut(&mut first).unwrap().fill(0xa5);
        assert!(arena.bytes_mut(&mut last).unwrap().iter().all(|byte| *byte == 0), "fresh memory is zero");
        arena.bytes_mut(&mut last).unwrap().fill(0x5a);
        assert_eq!(arena.frame(&first, 128, 2), [0xa5, 0xa5]);
        assert_eq!(arena.frame(&last, 65_000, 4_000).last(), Some(&0x5a));
    }

    #[test]
    fn the_file_cannot_be_shrunk_under_the_mapping() {
        let region = MappedRegion::new(4096).unwrap();
        let file = std::fs::File::from(region.file().try_clone_to_owned().unwrap());
        assert_eq!(file.metadata().unwrap().len(), HUGE_PAGE as u64, "rounded up");
        assert!(file.set_len(4096).is_err(), "sealed");
    }

    #[test]
    fn impossible_lengths_are_refused() {
        assert!(matches!(MappedRegion::new(0), Err(ArenaError::Length(0))));
        assert!(matches!(MappedRegion::new(usize::MAX), Err(ArenaError::Length(_))));
        let error = MappedRegion::new(1 << 60).unwrap_err().to_string();
        assert!(error.contains("1152921504606846976 bytes") && error.contains("fewer buffers"), "{error}");
    }
}
