//! What the judge and the extension's side of the judge know in common: the host's manners, what was found, where a call is.
//!
//! In process it is plain memory. When the extension runs in a child process it is a page of shared memory that the child
//! inherits by a descriptor of a fixed number and maps before it confines itself, so findings made beside the extension
//! reach the process that runs the case, also when the child dies a moment later. All of it is atomic words of fixed size:
//! signal handlers write here, too. What does not fit is cut; findings beyond [`FINDINGS`] are not kept.

#![expect(unsafe_code, reason = "shares a struct of atomics with a child process")]

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, Ordering};

use crate::case;

/// Findings that are kept.
const FINDINGS: usize = 128;
/// Findings of one rule that are kept.
const FINDINGS_OF_RULE: usize = 4;
/// Longest text of one.
const TEXT: usize = 4_000;
/// Longest words of a process that a signal ends.
const WORDS: usize = 256;
/// Number of the descriptor that a child inherits; beyond what a case has open, below any usual limit.
const DESCRIPTOR: i32 = 199;

/// Text that is written once, by one writer at a time.
#[repr(C)]
struct Text<const N: usize> {
    length: AtomicU32,
    bytes: [AtomicU8; N],
}

impl<const N: usize> Text<N> {
    const fn empty() -> Text<N> {
        Text { length: AtomicU32::new(0), bytes: [const { AtomicU8::new(0) }; N] }
    }

    /// Adds bytes at the end, as far as there is room.
    fn append(&self, bytes: &[u8]) {
        let begin = self.length.load(Ordering::Acquire) as usize;
        let places = self.bytes.iter().skip(begin);
        let count = places.zip(bytes).map(|(place, byte)| place.store(*byte, Ordering::Relaxed)).count();
        self.length.store(u32::try_from(begin + count).unwrap_or(0), Ordering::Release);
    }

    fn read(&self) -> String {
        let length = self.length.load(Ordering::Acquire) as usize;
        let bytes: Vec<u8> = self.bytes.iter().take(length).map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A finding: the position of its rule among all cases plus one, stored last.
#[repr(C)]
struct Slot {
    rule: AtomicU32,
    text: Text<TEXT>,
}

/// The board.
#[repr(C)]
pub(crate) struct Board {
    /// See `proxy::Manners`.
    pub(crate) manners: [AtomicU32; 3],
    /// Calls that ended with an empty hand because the host was told to refuse.
    pub(crate) refused: AtomicU32,
    /// Bits: whether the extension ever held, made writable, made a draft, made a group.
    pub(crate) used: AtomicU32,
    /// Drafts of a child's extension that were neither injected nor discarded.
    pub(crate) drafts: AtomicU32,
    /// What the extension is doing.
    pub(crate) phase: AtomicU32,
    /// What a signal handler said.
    words: Text<WORDS>,
    /// Why a child is of no use any more.
    gone: Text<WORDS>,
    next: AtomicU32,
    findings: [Slot; FINDINGS],
}

static OWN: Board = Board {
    manners: [const { AtomicU32::new(0) }; 3],
    refused: AtomicU32::new(0),
    used: AtomicU32::new(0),
    drafts: AtomicU32::new(0),
    phase: AtomicU32::new(0),
    words: Text::empty(),
    gone: Text::empty(),
    next: AtomicU32::new(0),
    findings: [const { Slot { rule: AtomicU32::new(0), text: Text::empty() } }; FINDINGS],
};

/// The one that is shared; null: this process's own.
static SHARED: AtomicPtr<Board> = AtomicPtr::new(std::ptr::null_mut());

/// The board of this case.
pub(crate) fn board() -> &'static Board {
    // SAFETY: null, or mapped for good by `map`, long enough; it holds nothing but atomics.
    unsafe { SHARED.load(Ordering::Acquire).as_ref() }.unwrap_or(&OWN)
}

/// Whether another process has it, too.
pub(crate) fn is_shared() -> bool {
    !SHARED.load(Ordering::Acquire).is_null()
}

/// Makes a board that children of this process inherit.
pub(crate) fn share() -> std::io::Result<()> {
    let length = libc::off_t::try_from(size_of::<Board>()).unwrap_or(0);
    // SAFETY: a new descriptor of this process, given a length, and a number that nothing here uses.
    unsafe {
        let file = libc::memfd_create(c"heddle-conformance".as_ptr(), libc::MFD_CLOEXEC);
        if file < 0 || libc::ftruncate(file, length) != 0 || libc::dup2(file, DESCRIPTOR) != DESCRIPTOR {
            return Err(std::io::Error::last_os_error());
        }
        drop(OwnedFd::from_raw_fd(file));
    }
    map()
}

/// In a child: takes the board it inherited.
pub(crate) fn join() -> std::io::Result<()> {
    map()
}

fn map() -> std::io::Result<()> {
    let (length, access) = (size_of::<Board>(), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping of a file that is as long as a board; zeroed memory is an empty one.
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, DESCRIPTOR, 0) };
    if mapped == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    SHARED.store(mapped.cast(), Ordering::Release);
    Ok(())
}

/// A broken rule.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// Name of the case that demands it.
    pub(crate) rule: &'static str,
    /// What happened.
    pub(crate) text: String,
}

impl Board {
    /// Notes a broken rule.
    pub(crate) fn find(&self, rule: &'static str, text: &str) {
        let Some(number) = case::all().position(|case| case.name == rule) else {
            unreachable!("rule {rule} has no case")
        };
        let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let of_rule = self.findings.iter().filter(|slot| slot.rule.load(Ordering::Acquire) == number).count();
        if of_rule >= FINDINGS_OF_RULE {
            return;
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed) as usize;
        if let Some(slot) = self.findings.get(place) {
            slot.text.append(text.as_bytes());
            slot.rule.store(number, Ordering::Release);
        }
    }

    /// What was found so far.
    pub(crate) fn findings(&self) -> impl Iterator<Item = Finding> {
        let found = |slot: &Slot| {
            let number = slot.rule.load(Ordering::Acquire).checked_sub(1)?;
            let case = case::all().nth(number as usize)?;
            Some(Finding { rule: case.name, text: slot.text.read() })
        };
        self.findings.iter().filter_map(found)
    }

    /// For signal handlers: what the process says before it ends.
    pub(crate) fn say(&self, bytes: &[u8]) {
        self.words.append(bytes);
    }

    /// What a process said before a signal ended it.
    pub(crate) fn words(&self) -> Option<String> {
        Some(self.words.read()).filter(|words| !words.is_empty())
    }

    /// Notes why a child is of no use any more; the first reason counts.
    pub(crate) fn note_gone(&self, why: &str) {
        if self.gone().is_none() {
            self.gone.append(why.as_bytes());
        }
    }

    /// Why a child is of no use any more.
    pub(crate) fn gone(&self) -> Option<String> {
        Some(self.gone.read()).filter(|why| !why.is_empty())
    }
}
