//! Notes: who is being called, in memory that outlives the process.
//!
//! A process that ends by `_exit`, or by a signal that nobody handles, leaves no record of its own. So each call into an
//! extension is also noted in a file without a name (memfd) that the supervisor made and keeps: one word a thread
//! (which site, which function, which worker), and one text a site (extension, switch, SHA-256). After the death the
//! supervisor reads what was under way ([`calls`]). Without a supervisor nothing is noted.
//!
//! An unsafe island: it maps the file. Only this process writes it, a thread its own word and a site its own text; the
//! supervisor reads it when the process is dead. Limits: threads as in `slot`, [`SITES_MAX`] sites; calls of a further
//! site are not noted. Cost: two plain stores a call.

#![expect(unsafe_code, reason = "island: the notes are in a mapping that lasts as long as the process")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::site::Function;
use super::slot::SLOTS;
use crate::arena::map;

/// Sites with a text at the same time: an instance has one, and a file while it is opened.
const SITES_MAX: usize = 1_024;
/// Bytes between two words: a cache line each.
const STRIDE: usize = 64;
/// Bytes of a text: identifier, switch and digest of at most 64 bytes each, a line each.
const TEXT: usize = 256;
const WORDS: usize = SLOTS * STRIDE;
const LENGTH: usize = WORDS + SITES_MAX * TEXT;

/// Where the notes are in this process; null when nobody reads them.
static BASE: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
/// Places of texts that are free again, and how many were ever taken.
static PLACES: Mutex<(Vec<u32>, u32)> = Mutex::new((Vec::new(), 0));

/// An empty file for the notes of one process.
///
/// # Errors
/// When the kernel refuses.
pub fn file() -> io::Result<OwnedFd> {
    let file = map::anonymous_file(false)?;
    map::set_length_and_seal(file.as_fd(), LENGTH)?;
    Ok(file)
}

/// Notes calls of this process in `file` from now on.
///
/// # Errors
/// When it cannot be mapped, or is no file for notes.
pub fn attach(file: &OwnedFd) -> io::Result<()> {
    let stat = rustix::fs::fstat(file)?;
    if usize::try_from(stat.st_size).ok() != Some(LENGTH) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file for notes has another length"));
    }
    // Never ended: threads hold pointers into it.
    BASE.store(map::map_shared(file.as_fd(), LENGTH)?.as_ptr(), Ordering::Release);
    Ok(())
}

/// A call that was under way when the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Identifier of the extension.
    pub extension: String,
    /// Its switch; empty when it was called for none.
    pub switch: String,
    /// SHA-256 of its file; empty when built in.
    pub sha256: String,
    /// The function.
    pub function: &'static str,
    /// The worker it ran on.
    pub worker: Option<u32>,
}

/// What was under way when the process that noted in `file` ended.
#[must_use]
pub fn calls(file: &OwnedFd) -> Vec<Called> {
    let Ok(file) = file.try_clone().map(File::from) else { return Vec::new() };
    let mut words = vec![0; WORDS];
    if file.read_exact_at(&mut words, 0).is_err() {
        return Vec::new();
    }
    let word = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes)).filter(|word| *word != 0);
    words.chunks_exact(STRIDE).filter_map(word).filter_map(|word| called(&file, word)).collect()
}

fn called(file: &File, word: u64) -> Option<Called> {
    let place = u32::try_from(word >> 32).ok()?.checked_sub(1)?;
    let mut text = [0; TEXT];
    file.read_exact_at(&mut text, text_at(place)? as u64).ok()?;
    let length = text.iter().position(|byte| *byte == 0).unwrap_or(TEXT);
    let text = String::from_utf8_lossy(text.get(..length)?);
    let mut lines = text.split('\n').map(str::to_owned);
    let function = u8::try_from(word & 0xff).ok().and_then(Function::from_repr)?;
    let worker = u32::try_from(word >> 8 & 0xffff).ok()?.checked_sub(1);
    let extension = lines.next().filter(|id| !id.is_empty())?;
    let (switch, sha256) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    Some(Called { extension, switch, sha256, function: function.name(), worker })
}

/// Where the text of a place begins.
fn text_at(place: u32) -> Option<usize> {
    let place = usize::try_from(place).ok().filter(|place| *place < SITES_MAX)?;
    Some(WORDS + place * TEXT)
}

/// The word of the thread that has slot `number`; null when nothing is noted.
pub(super) fn word_of(number: usize) -> *const AtomicU64 {
    let base = BASE.load(Ordering::Acquire);
    if base.is_null() || number >= SLOTS {
        return std::ptr::null();
    }
    // SAFETY: below `WORDS`, inside the mapping, which is never ended; a page's beginning and a stride of 64 are aligned.
    unsafe { base.add(number * STRIDE).cast::<AtomicU64>().cast_const() }
}

/// The place of a site among the notes.
#[derive(Debug)]
pub struct Place {
    /// Its number plus one, in the upper half of a word; 0 for a site that is not noted.
    upper: u64,
}

impl Place {
    /// Takes a place for a site and writes its text there.
    pub(super) fn take(extension: &str, switch: &str, sha256: &str) -> Place {
        let base = BASE.load(Ordering::Acquire);
        let text = format!("{extension}\n{switch}\n{sha256}");
        if base.is_null() || text.len() >= TEXT {
            return Place { upper: 0 };
        }
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.0.pop().unwrap_or_else(|| {
            let next = places.1;
            places.1 = places.1.saturating_add(1);
            next
        });
        let Some(at) = text_at(place) else {
            places.1 = places.1.saturating_sub(1);
            return Place { upper: 0 };
        };
        // SAFETY: `at` and `TEXT` bytes behind it are inside the mapping; the place is nobody else's, and the lock is held.
        unsafe {
            let to = base.add(at);
            std::ptr::copy_nonoverlapping(text.as_ptr(), to, text.len());
            to.add(text.len()).write(0);
        }
        Place { upper: u64::from(place + 1) << 32 }
    }

    /// The word for a call of this site's extension; 0 for none.
    #[inline]
    pub(super) fn word(&self, function: Function, worker: Option<u16>) -> u64 {
        if self.upper == 0 {
            return 0;
        }
        let worker = worker.map_or(0, |worker| u64::from(worker.saturating_add(1)));
        self.upper | worker << 8 | u64::from(function as u8)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // No call of the site is under way any more.
        if let Some(place) = u32::try_from(self.upper >> 32).ok().and_then(|number| number.checked_sub(1)) {
            PLACES.lock().unwrap_or_else(PoisonError::into_inner).0.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contain::{Site, enter};

    #[test]
    fn calls_under_way_are_read_and_those_that_came_back_are_not() {
        let file = file().unwrap();
        attach(&file).unwrap();
        let (outer, inner) = (Site::new("org.example.outer", Some("ab12")), Site::new("org.example.inner", None));
        // A thread that has its slot already noted nothing yet.
        let thread = std::thread::spawn(move || {
            let mine = |calls: Vec<Called>| -> Vec<Called> {
                calls.into_iter().filter(|call| call.extension.starts_with("org.example.")).collect()
            };
            let outside = enter(&outer, Function::Event, None);
            {
                let _inner = enter(&inner, Function::Ingress, Some(3));
                let told = mine(calls(&file));
                let [call] = told.as_slice() else { panic!("{told:?}") };
                let told = (call.extension.as_str(), call.sha256.as_str(), call.function, call.worker);
                assert_eq!(told, ("org.example.inner", "", "ingress", Some(3)));
            }
            let told = mine(calls(&file));
            assert_eq!(told.first().map(|call| (call.sha256.as_str(), call.worker)), Some(("ab12", None)), "{told:?}");
            drop(outside);
            assert_eq!(mine(calls(&file)), []);
        });
        thread.join().unwrap();
        for _ in 0..2 * SITES_MAX {
            drop(Site::new("org.example.again", None));
        }
        let many: Vec<Site> = (0..SITES_MAX + 1).map(|_| Site::new("org.example.many", None)).collect();
        assert!(many.iter().any(|site| site.place().word(Function::Tick, None) == 0), "a limit is kept");
        drop(many);
        assert_ne!(Site::new("org.example.one", None).place().word(Function::Tick, None), 0, "places are free again");
    }
}
