//! The window through which a worker's capture extensions see packets: read-only views of frames and descriptors.
//!
//! Frames are seen through a private, read-only mapping of the arena's file; descriptors are copied, before the call, into
//! a page-aligned array that is likewise mapped a second time for reading. A store through either view faults; the
//! handler of that signal calls [`Window::absorb`], which makes the page a private copy that takes the store, so the call
//! goes on and the true frame and descriptor never change. After the call [`Window::judge`] compares what the extension
//! left with the truth, names each breach, and puts the true pages back.
//!
//! Frames that a capture makes lie in memory of their own ([`drafts`]) until they are injected.
//!
//! An unsafe island: it maps memory a second time, and compares it. Each worker has a window of its own, because a
//! private copy hides what happens to the true page meanwhile: frames of a batch do not change during its call.
//! Cost: address space of the arena's size a worker, page tables where frames are looked at, and the copying of 64 bytes
//! a packet, for which the switch judges nothing after the call.

#![expect(unsafe_code, reason = "island: second mappings of packet memory")]

mod drafts;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use heddle_extension_api::abi::packet::{BATCH_MAX, Packet};
use heddle_switch_core::call::Call;
use heddle_switch_core::violation::Rule;

use crate::arena::{HUGE_PAGE, MappedRegion, map};
use drafts::Drafts;

/// Pages that are put back one by one after a call; when more were written, the whole view is made anew.
const TOUCHED_MAX: usize = 64;
/// Bytes of the descriptors of a batch: whole pages.
const DESCRIPTORS: usize = BATCH_MAX as usize * size_of::<Packet>();

/// A mapping of a file, ended when dropped.
struct View {
    base: NonNull<u8>,
    len: usize,
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: made by `View::of`, ended only here; whoever looks through it owns the window.
        unsafe { map::unmap(self.base, self.len) };
    }
}

impl View {
    fn contains(&self, address: usize) -> bool {
        let base = self.base.as_ptr() as usize;
        (base..base + self.len).contains(&address)
    }
}

/// The window.
pub struct Window {
    /// Frames, read-only.
    frames: View,
    /// The true frames: the base of the arena.
    truth: NonNull<u8>,
    file: OwnedFd,
    /// Bytes of a page of the arena.
    page: usize,
    /// Descriptors, for the host to write.
    shown: View,
    /// The same, read-only.
    seen: View,
    descriptors: OwnedFd,
    /// Frames that captures make.
    drafts: Drafts,
    /// First bytes of pages that took a store during the call.
    touched: [AtomicUsize; TOUCHED_MAX],
    count: AtomicUsize,
}

// SAFETY: mappings belong to the process; the arena lives as long as the workers that use the window.
unsafe impl Send for Window {}
// SAFETY: what changes is atomic, but for the descriptors, which only the worker that owns the window writes.
unsafe impl Sync for Window {}

impl Window {
    /// A window on the memory of an arena.
    ///
    /// # Errors
    /// When the kernel refuses a mapping.
    pub fn new(region: &MappedRegion) -> io::Result<Window> {
        let file = region.file().try_clone_to_owned()?;
        let frames = View { base: map::map_private(file.as_fd(), region.length())?, len: region.length() };
        let descriptors = map::anonymous_file(false)?;
        map::set_length_and_seal(descriptors.as_fd(), DESCRIPTORS)?;
        let shown = View { base: map::map_shared(descriptors.as_fd(), DESCRIPTORS)?, len: DESCRIPTORS };
        let seen = View { base: map::map_private(descriptors.as_fd(), DESCRIPTORS)?, len: DESCRIPTORS };
        Ok(Window {
            frames,
            truth: region.start(),
            file,
            page: if region.hugepages() { HUGE_PAGE } else { page_size() },
            shown,
            seen,
            descriptors,
            drafts: Drafts::new(region.length())?,
            touched: [const { AtomicUsize::new(0) }; TOUCHED_MAX],
            count: AtomicUsize::new(0),
        })
    }

    /// The base that descriptors count from.
    pub(crate) fn base(&self) -> *const u8 {
        self.frames.base.as_ptr()
    }

    /// The base that drafts count from.
    pub(crate) fn draft_base(&self) -> *mut u8 {
        self.drafts.view().base.as_ptr()
    }

    /// Shows the descriptors of a batch; gives where they are seen, and whether all came from one port.
    #[inline]
    pub(crate) fn show(&self, packets: &[Packet]) -> (*mut Packet, bool) {
        let first = packets.first().map_or(0, |packet| packet.source_port);
        let (place, mut strangers) = (self.shown.base.as_ptr().cast::<Packet>(), 0);
        for (at, packet) in packets.iter().take(BATCH_MAX as usize).enumerate() {
            strangers |= packet.source_port ^ first;
            // SAFETY: below `BATCH_MAX`, inside the mapping, aligned to a page; only this worker writes here.
            unsafe { place.add(at).write(*packet) };
        }
        (self.seen.base.as_ptr().cast(), strangers == 0)
    }

    /// A fault at `address` during a call through this window: true when the store can go on, into a private copy.
    /// Async-signal-safe.
    pub(crate) fn absorb(&self, address: usize) -> bool {
        let (view, page) = match address {
            _ if self.frames.contains(address) => (&self.frames, self.page),
            _ if self.seen.contains(address) => (&self.seen, page_size()),
            _ if self.drafts.view().contains(address) => (self.drafts.view(), page_size()),
            _ => return false,
        };
        let base = view.base.as_ptr() as usize;
        let offset = (address - base) / page * page;
        if self.pages().any(|touched| touched == base + offset) {
            // It is writable already: this is no store.
            return false;
        }
        let length = page.min(view.len - offset);
        // SAFETY: `offset` and `length` are within the view, which this window owns and no Rust reference points into.
        let private = unsafe {
            let place = view.base.add(offset);
            if page == page_size() {
                map::allow_writing(place, length)
            } else {
                // A private copy of a huge page would need another huge page.
                map::replace_with_copy(place, self.truth.add(offset), length)
            }
        };
        if private.is_err() {
            return false;
        }
        let at = self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(touched) = self.touched.get(at) {
            touched.store(base + offset, Ordering::Relaxed);
        }
        true
    }

    /// Whether the call wrote through the window.
    #[inline]
    pub(crate) fn is_touched(&self) -> bool {
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Names what the call wrote, and puts the truth back.
    #[cold]
    pub(crate) fn judge(&self, call: &mut Call<'_>) -> io::Result<()> {
        let mut found = false;
        for at in 0..call.len().min(BATCH_MAX as usize) {
            let Some(packet) = call.packets_mut().get(at).copied() else { break };
            // SAFETY: inside the view, which is readable whether pages of it are private or not; the call has ended.
            let seen = unsafe { self.seen.base.as_ptr().cast::<Packet>().add(at).read() };
            let stray = self.drafts.is_stray(&packet) && self.pages().any(|page| self.drafts.view().contains(page));
            let written = (stray || self.frame_differs(&packet, call.frame(at))).then_some(Rule::FrameWritten);
            for rule in changed(&packet, &seen).chain(written) {
                call.broke(rule, Some(at));
                found = true;
            }
        }
        if !found {
            // What it wrote was there already, or belonged to no frame of the batch.
            let descriptors = self.pages().any(|page| self.seen.contains(page));
            call.broke(if descriptors { Rule::FieldChanged } else { Rule::FrameWritten }, None);
        }
        self.restore()
    }

    fn frame_differs(&self, packet: &Packet, truth: &[u8]) -> bool {
        let start = packet.buffer as usize * 64 + usize::from(packet.start);
        if start + truth.len() > self.frames.len {
            return false;
        }
        // SAFETY: inside the view, and no store goes there any more: the call has ended, and what is true of a frame does
        // not change while its batch is under way.
        let seen = unsafe { std::slice::from_raw_parts(self.frames.base.as_ptr().add(start), truth.len()) };
        seen != truth
    }

    fn pages(&self) -> impl Iterator<Item = usize> {
        let count = self.count.load(Ordering::Relaxed).min(TOUCHED_MAX);
        self.touched.iter().take(count).map(|page| page.load(Ordering::Relaxed))
    }

    /// Makes the views show the truth again.
    fn restore(&self) -> io::Result<()> {
        let put_back = |view: &View, file: BorrowedFd<'_>, offset: usize, length: usize| {
            // SAFETY: within a view of this window, of the same file at the same offset; nothing refers to it.
            unsafe { map::map_private_at(view.base.add(offset), file, offset, length) }
        };
        if self.count.load(Ordering::Relaxed) > TOUCHED_MAX {
            put_back(&self.frames, self.file.as_fd(), 0, self.frames.len)?;
            put_back(&self.seen, self.descriptors.as_fd(), 0, self.seen.len)?;
            self.drafts.close_all()?;
        } else {
            for address in self.pages() {
                if self.drafts.view().contains(address) {
                    self.drafts.close(address)?;
                    continue;
                }
                let (view, file, page) = if self.seen.contains(address) {
                    (&self.seen, &self.descriptors, page_size())
                } else {
                    (&self.frames, &self.file, self.page)
                };
                let offset = address - view.base.as_ptr() as usize;
                put_back(view, file.as_fd(), offset, page.min(view.len - offset))?;
            }
        }
        self.count.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// Bytes of an ordinary page on the processors this is built for.
const fn page_size() -> usize {
    4_096
}

/// The rules broken by turning one descriptor into another.
fn changed(truth: &Packet, seen: &Packet) -> impl Iterator<Item = Rule> {
    let verdict = (truth.verdict, truth.drop_reason) != (seen.verdict, seen.drop_reason);
    let fields = |packet: &Packet| {
        let place = (packet.buffer, packet.start, packet.length, packet.destination, packet.destination_nic);
        let facts = (packet.l3, packet.l4, packet.ethertype, packet.source_port, packet.flow_hash, packet.vlan_tci);
        let more = (packet.source_nic, packet.flags, packet.traffic_class, packet.virtual_subnet, packet.mark);
        (place, facts, more, packet.user, packet.ip_protocol, packet.reserved)
    };
    let found = [(verdict, Rule::VerdictNotAllowed), (fields(truth) != fields(seen), Rule::FieldChanged)];
    found.into_iter().filter_map(|(broken, rule)| broken.then_some(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contain::{Function, Site, enter, trap};

    #[test]
    fn stores_stay_in_a_private_copy_until_the_truth_is_put_back_on_pages_of_either_size() {
        trap::arm(None).unwrap();
        let site = Site::new("org.example.spoils", None);
        for huge in [false, true] {
            let Ok(region) = MappedRegion::attempt(4 << 20, huge) else {
                println!("left out: no huge pages of 2 MiB are free");
                continue;
            };
            let window = Window::new(&region).unwrap();
            let entered = enter(&site, Function::Ingress, Some(0));
            assert!(entered.through(&window));
            let (truth, seen) = (region.start().as_ptr(), window.frames.base.as_ptr());
            for at in [0, 5_000, (4 << 20) - 1] {
                // SAFETY: inside both mappings, which nothing else of this test refers to.
                unsafe {
                    truth.add(at).write_volatile(0x11);
                    assert_eq!(seen.add(at).read_volatile(), 0x11, "it shows the truth");
                }
            }
            for at in [0, 5_000, (4 << 20) - 1] {
                // SAFETY: as above.
                unsafe {
                    seen.add(at).write_volatile(0x22);
                    assert_eq!((truth.add(at).read_volatile(), seen.add(at).read_volatile()), (0x11, 0x22));
                }
            }
            assert!(window.is_touched());
            window.restore().unwrap();
            for at in [0, 5_000, (4 << 20) - 1] {
                // SAFETY: as above.
                assert_eq!(unsafe { seen.add(at).read_volatile() }, 0x11, "it shows the truth again");
            }
            assert!(!window.is_touched());
            let packet = Packet { source_port: 7, length: 60, ..Packet::default() };
            let (shown, single) = window.show(&[packet, packet]);
            // SAFETY: the place of the descriptors that were just shown.
            unsafe {
                (*shown.add(1)).length = 9;
                assert_eq!((shown.read().length, shown.add(1).read().length, single), (60, 9, true));
            }
            window.restore().unwrap();
            // SAFETY: as above.
            assert_eq!(unsafe { shown.add(1).read() }.length, 60);
            drop(entered);
        }
    }

    #[test]
    fn more_pages_than_are_noted_are_put_back_together() {
        trap::arm(None).unwrap();
        let site = Site::new("org.example.spoils", None);
        let region = MappedRegion::attempt(2 << 20, false).unwrap();
        let window = Window::new(&region).unwrap();
        let entered = enter(&site, Function::Ingress, Some(0));
        assert!(entered.through(&window));
        for page in 0..2 * TOUCHED_MAX {
            // SAFETY: inside the mapping, which nothing else of this test refers to.
            unsafe { window.frames.base.as_ptr().add(page * page_size()).write_volatile(1) };
        }
        assert_eq!(window.count.load(Ordering::Relaxed), 2 * TOUCHED_MAX);
        window.restore().unwrap();
        // SAFETY: as above.
        let left =
            (0..512).filter(|page| unsafe { window.frames.base.as_ptr().add(page * 4_096).read_volatile() } != 0);
        assert_eq!(left.count(), 0);
        drop(entered);
    }
}
