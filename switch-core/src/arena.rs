//! The packet arena: all packet memory of one switch, in one address window.
//!
//! The arena is cut once into buffers of three classes (about 2, 10 and 68 KiB). A buffer is named by [`Buf`], a
//! move-only handle; a handle exists only because [`Arena::carve`] made it or [`Arena::share`] copied it, so within safe
//! code a buffer with one reference has exactly one handle. That is the argument behind every `unsafe` block here:
//! `&mut` access needs `&mut Buf` and a reference count of one.
//!
//! Reference counts are host-private (never in memory an extension sees) and atomic, because a flooded frame may end on
//! several workers. The data path reads a count only for frames marked as shared; counting up and down costs one atomic
//! operation each. The classes are 64 bytes longer than their name says, so that consecutive buffers do not fall into
//! the same cache sets: with a stride of exactly 2 KiB all headers of a pool would share two sets of a 64-set cache.
//!
//! The memory itself comes from the host (`memfd`, huge pages) or, in tests, from the heap: see [`Region`].

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Unit of [`Packet::buffer`](heddle_extension_api::abi::packet::Packet): offsets count in cache lines.
pub const UNIT: usize = 64;
/// Headroom in front of every received frame, in bytes.
pub const HEADROOM: u16 = 128;
/// Length of a buffer of each class, in bytes.
pub const CLASS_LEN: [usize; 3] = [2_048 + UNIT, 10_240 + UNIT, 69_632 + UNIT];
/// Longest frame a buffer of the largest class can hold behind the headroom, in bytes.
pub const FRAME_MAX: usize = CLASS_LEN[2] - HEADROOM as usize;

/// Memory for an arena.
///
/// # Safety
/// `base` must be aligned to [`UNIT`] and valid for reads and writes of `len` bytes for as long as the value lives;
/// nothing else in this process may access that memory through Rust references meanwhile.
#[expect(unsafe_code, reason = "the contract between the arena and whoever maps its memory")]
pub unsafe trait Region: Send + Sync {
    /// First byte.
    fn base(&self) -> NonNull<u8>;
    /// Length in bytes.
    fn len(&self) -> usize;
    /// Whether there is no memory at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Heap memory, for tests, tools and benchmarks.
pub struct HeapRegion {
    lines: Box<[Line]>,
    base: NonNull<u8>,
}

#[repr(align(64))]
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "read and written through the region's base pointer only")]
struct Line([u8; UNIT]);

impl HeapRegion {
    /// Zeroed memory of at least `len` bytes.
    pub fn new(len: usize) -> Self {
        let mut lines = vec![Line([0; UNIT]); len.div_ceil(UNIT)].into_boxed_slice();
        let base = NonNull::new(lines.as_mut_ptr().cast::<u8>()).unwrap_or(NonNull::dangling());
        HeapRegion { lines, base }
    }
}

// SAFETY: `base` points to the boxed lines, which live and stay in place as long as `self`; they are aligned to 64 and
// `len` is their size. No method hands out a reference to them.
#[expect(unsafe_code, reason = "implements the region contract")]
unsafe impl Region for HeapRegion {
    fn base(&self) -> NonNull<u8> {
        self.base
    }
    fn len(&self) -> usize {
        self.lines.len() * UNIT
    }
}

// SAFETY: the pointer is to memory owned by `lines`, which is itself `Send`.
#[expect(unsafe_code, reason = "owns what it points to")]
unsafe impl Send for HeapRegion {}
// SAFETY: no method gives access to the memory; sharing the value shares only an address.
#[expect(unsafe_code, reason = "owns what it points to")]
unsafe impl Sync for HeapRegion {}

/// Handle of a buffer: move-only, made by the arena. Dropping one without freeing it leaks the buffer (the pool's
/// census shows it), never more.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a buffer that is not freed is lost to its pool"]
pub struct Buf(u32);

impl Buf {
    /// The absent buffer, for empty places in arrays. Reads as an empty frame, frees as nothing.
    pub const NONE: Buf = Buf(u32::MAX);

    /// Whether this is the absent buffer.
    pub fn is_none(&self) -> bool {
        self.0 == u32::MAX
    }

    /// Takes the buffer out, leaving [`Buf::NONE`].
    pub fn take(&mut self) -> Buf {
        std::mem::replace(self, Buf::NONE)
    }

    /// Number of the buffer, for messages and host-private tables.
    pub fn index(&self) -> u32 {
        self.0
    }
}

/// Buffers of each class, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArenaSize {
    /// Number of buffers of the small, medium and large class.
    pub buffers: [u32; 3],
}

impl ArenaSize {
    /// Bytes of memory an arena of this size needs.
    pub fn bytes(&self) -> usize {
        self.buffers.iter().zip(CLASS_LEN).map(|(&n, len)| n as usize * len).sum()
    }
}

/// Class of a buffer, 0..3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class(u8);

impl Class {
    /// About 2 KiB: frames up to 1,984 bytes.
    pub const SMALL: Class = Class(0);
    /// About 10 KiB: jumbo frames.
    pub const MEDIUM: Class = Class(1);
    /// About 68 KiB: segmentation-offload frames.
    pub const LARGE: Class = Class(2);
    /// All classes, ascending.
    pub const ALL: [Class; 3] = [Class::SMALL, Class::MEDIUM, Class::LARGE];

    /// Smallest class for a frame of `length` bytes behind the headroom.
    pub fn for_frame(length: usize) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.len() - usize::from(HEADROOM) >= length)
    }

    /// Length of a buffer of this class in bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "a class is never empty")]
    pub fn len(self) -> usize {
        CLASS_LEN[self.index()]
    }

    /// Position in arrays by class.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0.min(2))
    }
}

/// The arena.
pub struct Arena {
    region: Box<dyn Region>,
    base: NonNull<u8>,
    /// First buffer number behind each class, and first byte offset of each class.
    ends: [u32; 3],
    starts: [usize; 3],
    refs: Box<[AtomicU32]>,
}

// SAFETY: `base` is a copy of `region.base()`, and `region` is `Send + Sync`; access to the memory is governed by the
// handle rule in the head of this file, counts are atomic.
#[expect(unsafe_code, reason = "see the handle rule in the head")]
unsafe impl Send for Arena {}
// SAFETY: as for `Send`.
#[expect(unsafe_code, reason = "see the handle rule in the head")]
unsafe impl Sync for Arena {}

/// The region is smaller than the arena needs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("packet arena needs {needed} bytes, its memory has {available}: use fewer buffers or a larger region")]
pub struct RegionTooSmall {
    /// Bytes needed.
    pub needed: usize,
    /// Bytes there.
    pub available: usize,
}

impl Arena {
    /// Cuts `region` into buffers and gives the arena with all handles, by class.
    pub fn carve(region: Box<dyn Region>, size: ArenaSize) -> Result<(Arena, [Vec<Buf>; 3]), RegionTooSmall> {
        let needed = size.bytes();
        if region.len() < needed {
            return Err(RegionTooSmall { needed, available: region.len() });
        }
        let [small, medium, large] = size.buffers;
        let ends = [small, small + medium, small + medium + large];
        let medium_start = small as usize * CLASS_LEN[0];
        let starts = [0, medium_start, medium_start + medium as usize * CLASS_LEN[1]];
        let refs = (0..ends[2]).map(|_| AtomicU32::new(1)).collect();
        let handles = [(0..ends[0]), (ends[0]..ends[1]), (ends[1]..ends[2])].map(|range| range.map(Buf).collect());
        Ok((Arena { base: region.base(), region, ends, starts, refs }, handles))
    }

    /// First byte of the arena: the base that extensions add offsets to.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Length of the region behind the arena in bytes.
    pub fn region_len(&self) -> usize {
        self.region.len()
    }

    /// Class of a buffer; of [`Buf::NONE`], the small one.
    #[inline]
    pub fn class(&self, buf: &Buf) -> Class {
        if buf.0 < self.ends[0] || buf.is_none() {
            Class::SMALL
        } else if buf.0 < self.ends[1] {
            Class::MEDIUM
        } else {
            Class::LARGE
        }
    }

    /// Byte offset and length of a buffer. Nearly all buffers are small, so that answer is all a caller inlines.
    #[inline(always)]
    fn place(&self, index: u32) -> (usize, usize) {
        if index < self.ends[0] { (index as usize * CLASS_LEN[0], CLASS_LEN[0]) } else { self.place_of_large(index) }
    }

    #[inline(never)]
    fn place_of_large(&self, index: u32) -> (usize, usize) {
        if index < self.ends[1] {
            (self.starts[1] + (index - self.ends[0]) as usize * CLASS_LEN[1], CLASS_LEN[1])
        } else if index < self.ends[2] {
            (self.starts[2] + (index - self.ends[1]) as usize * CLASS_LEN[2], CLASS_LEN[2])
        } else {
            (0, 0)
        }
    }

    /// Start of a buffer in units of 64 bytes from the base, as `Packet::buffer` has it.
    #[inline]
    pub fn unit(&self, buf: &Buf) -> u32 {
        self.unit_and_frame(buf, 0, 0).0
    }

    /// Length of a buffer in bytes; 0 for [`Buf::NONE`].
    #[inline]
    pub fn buffer_len(&self, buf: &Buf) -> usize {
        self.place(buf.0).1
    }

    /// `length` bytes of a buffer from `start`; cut at the end of the buffer.
    #[inline(always)]
    pub fn frame<'a>(&'a self, buf: &'a Buf, start: u16, length: u32) -> &'a [u8] {
        self.unit_and_frame(buf, start, length).1
    }

    /// [`Arena::unit`] and [`Arena::frame`] with one look at where the buffer is.
    #[inline(always)]
    pub fn unit_and_frame<'a>(&'a self, buf: &'a Buf, start: u16, length: u32) -> (u32, &'a [u8]) {
        let (offset, len) = self.place(buf.0);
        #[expect(clippy::cast_possible_truncation, reason = "a window of 2^32 units is 256 GiB")]
        let unit = (offset / UNIT) as u32;
        let start = usize::from(start).min(len);
        let length = (length as usize).min(len - start);
        // SAFETY: `place` is inside the region for every handle (carve checked the size) and start + length <= len.
        // Shared reading is allowed: a writer needs the only reference, and then this handle is that reference,
        // borrowed for the life of the slice.
        #[expect(unsafe_code, reason = "the arena island")]
        let frame = unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(offset + start), length) };
        (unit, frame)
    }

    /// All bytes of a buffer for writing; `None` while it is shared or absent.
    #[inline]
    pub fn bytes_mut<'a>(&'a self, buf: &'a mut Buf) -> Option<&'a mut [u8]> {
        if self.is_shared(buf) {
            return None;
        }
        let (offset, len) = self.place(buf.0);
        if len == 0 {
            return None;
        }
        // SAFETY: inside the region as in `frame`; the count is one, so this handle is the only one, and it is
        // borrowed mutably for the life of the slice. The Acquire load in `is_shared` orders after the last reader.
        #[expect(unsafe_code, reason = "the arena island")]
        Some(unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(offset), len) })
    }

    /// Whether another handle of the same buffer exists.
    #[inline]
    pub fn is_shared(&self, buf: &Buf) -> bool {
        self.refs.get(buf.0 as usize).is_some_and(|refs| refs.load(Ordering::Acquire) > 1)
    }

    /// A second handle of the same buffer.
    pub fn share(&self, buf: &Buf) -> Buf {
        if let Some(refs) = self.refs.get(buf.0 as usize) {
            refs.fetch_add(1, Ordering::Relaxed);
        }
        Buf(buf.0)
    }

    /// Gives up a handle; returns it when it was the last one, so that its pool can take it.
    pub fn release(&self, buf: Buf) -> Option<Buf> {
        let refs = self.refs.get(buf.0 as usize)?;
        // With one reference nobody else can count up or down, so the common case needs no atomic write.
        if refs.load(Ordering::Acquire) == 1 {
            return Some(buf);
        }
        if refs.fetch_sub(1, Ordering::AcqRel) == 1 {
            refs.store(1, Ordering::Relaxed);
            return Some(buf);
        }
        None
    }
}
