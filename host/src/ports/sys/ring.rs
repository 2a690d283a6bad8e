//! The receive ring of a packet socket (Documentation/networking/packet_mmap, TPACKET_V2): slots of 2 KiB that the kernel
//! fills and we read in place, without a system call.
//!
//! A slot belongs to the kernel or to us, as its status word says: after an Acquire load that shows it ours, nobody writes it
//! until our Release store gives it back. A frame longer than its slot waits whole in the socket's queue
//! (PACKET_COPY_THRESH), in the order of the slots.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use heddle_switch_core::offload::VIRTIO_LEN;
use heddle_switch_core::parse::ether_type::CUSTOMER_TAG;

use super::packet::set_option;

/// Bytes of a slot: a frame of 1,900 bytes behind the kernel's and the virtio-net header.
const SLOT_LEN: usize = 2_048;
/// Bytes the kernel allocates at once.
const BLOCK_LEN: usize = 64 << 10;

/// Bytes of all rings of this process.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// A filled slot.
#[derive(Clone, Copy, Debug)]
pub(in crate::ports) struct Slot {
    /// Length of the frame.
    pub(in crate::ports) length: usize,
    /// All of it waits in the socket's queue; the slot has only its start.
    pub(in crate::ports) queued: bool,
    /// Its virtio-net header.
    pub(in crate::ports) header: [u8; VIRTIO_LEN],
    /// TPID and tag control information of the tag that the kernel took out.
    pub(in crate::ports) tag: Option<(u16, u16)>,
    /// Where the frame starts in the slot, and how much of it is there.
    start: usize,
    held: usize,
}

impl Slot {
    /// Whether a part of the frame is lost: there was no room for it in the socket's queue.
    pub(in crate::ports) fn is_cut(&self) -> bool {
        !self.queued && self.held < self.length
    }
}

/// The ring of one socket, mapped.
pub(in crate::ports) struct ReceiveRing {
    base: NonNull<u8>,
    slots: usize,
    next: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and only this value refers to it.
#[expect(unsafe_code, reason = "owns what it points to")]
unsafe impl Send for ReceiveRing {}

fn number(value: usize) -> io::Result<libc::c_uint> {
    libc::c_uint::try_from(value).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl ReceiveRing {
    /// Gives `socket` a ring of at least `slots` slots. Virtio-net headers must have been asked for already.
    pub(in crate::ports) fn new(socket: BorrowedFd<'_>, slots: usize) -> io::Result<ReceiveRing> {
        let blocks = (slots * SLOT_LEN).div_ceil(BLOCK_LEN).max(1);
        let slots = blocks * BLOCK_LEN / SLOT_LEN;
        let version = libc::c_int::try_from(libc::tpacket_versions::TPACKET_V2 as u32).unwrap_or(1);
        set_option(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        // Any number but 0: queue whole what a slot does not hold.
        set_option::<libc::c_int>(socket, libc::SOL_PACKET, libc::PACKET_COPY_THRESH, &1)?;
        let request = libc::tpacket_req {
            tp_block_size: number(BLOCK_LEN)?,
            tp_block_nr: number(blocks)?,
            tp_frame_size: number(SLOT_LEN)?,
            tp_frame_nr: number(slots)?,
        };
        set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address the kernel chooses touches nothing that exists.
        #[expect(unsafe_code, reason = "system call")]
        let address = unsafe {
            libc::mmap(std::ptr::null_mut(), slots * SLOT_LEN, protection, libc::MAP_SHARED, socket.as_raw_fd(), 0)
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(address.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        IN_USE.fetch_add(slots * SLOT_LEN, Ordering::Relaxed);
        Ok(ReceiveRing { base, slots, next: 0 })
    }

    /// Bytes of all rings of this process.
    pub(in crate::ports) fn bytes_in_use() -> usize {
        IN_USE.load(Ordering::Relaxed)
    }

    fn slot(&self) -> NonNull<u8> {
        // SAFETY: `next` is below `slots`, so this is inside the mapping.
        #[expect(unsafe_code, reason = "the ring's memory")]
        unsafe {
            self.base.add(self.next * SLOT_LEN)
        }
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: the status word is the first, aligned, field of a slot in the mapping, which lives as long as `self`; the
        // kernel and we access it atomically only.
        #[expect(unsafe_code, reason = "the ring's memory")]
        unsafe {
            AtomicU32::from_ptr(self.slot().as_ptr().cast())
        }
    }

    /// The oldest filled slot.
    #[inline]
    pub(in crate::ports) fn first(&self) -> Option<Slot> {
        let status = self.status().load(Ordering::Acquire);
        if status & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: the slot is ours (its status says so), holds a `tpacket2_hdr` at its start, and is 16-byte aligned.
        #[expect(unsafe_code, reason = "the ring's memory")]
        let head = unsafe { self.slot().cast::<libc::tpacket2_hdr>().read() };
        let start = usize::from(head.tp_mac);
        let held = usize::try_from(head.tp_snaplen).unwrap_or(0).min(SLOT_LEN.saturating_sub(start));
        let tpid = if status & libc::TP_STATUS_VLAN_TPID_VALID != 0 { head.tp_vlan_tpid } else { CUSTOMER_TAG };
        let mut slot = Slot {
            length: usize::try_from(head.tp_len).unwrap_or(usize::MAX),
            queued: status & libc::TP_STATUS_COPY != 0,
            header: [0; VIRTIO_LEN],
            tag: (status & libc::TP_STATUS_VLAN_VALID != 0).then_some((tpid, head.tp_vlan_tci)),
            start,
            held,
        };
        // The virtio-net header ends where the frame starts.
        let header = start.checked_sub(VIRTIO_LEN).and_then(|from| self.bytes().get(from..start));
        if let Some(header) = header.and_then(|header| header.first_chunk()) {
            slot.header = *header;
        }
        Some(slot)
    }

    /// The bytes of the oldest slot, which must be filled.
    fn bytes(&self) -> &[u8] {
        // SAFETY: inside the mapping; callers have seen that the slot is ours, and giving it back takes `&mut self`.
        #[expect(unsafe_code, reason = "the ring's memory")]
        unsafe {
            std::slice::from_raw_parts(self.slot().as_ptr(), SLOT_LEN)
        }
    }

    /// What the oldest slot holds of its frame; nothing when it is not filled.
    #[inline]
    pub(in crate::ports) fn frame(&self, slot: &Slot) -> &[u8] {
        if self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return &[];
        }
        self.bytes().get(slot.start..slot.start + slot.held).unwrap_or_default()
    }

    /// Gives the oldest slot back to the kernel.
    #[inline]
    pub(in crate::ports) fn release(&mut self) {
        self.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = if self.next + 1 < self.slots { self.next + 1 } else { 0 };
    }
}

impl Drop for ReceiveRing {
    fn drop(&mut self) {
        IN_USE.fetch_sub(self.slots * SLOT_LEN, Ordering::Relaxed);
        // SAFETY: the mapping made in `new`, ended only here; nothing borrowed from it outlives `self`.
        #[expect(unsafe_code, reason = "ends the mapping it owns")]
        unsafe {
            libc::munmap(self.base.as_ptr().cast(), self.slots * SLOT_LEN);
        }
    }
}
