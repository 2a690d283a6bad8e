//! Bursts: the packets of one pass through the pipeline, with the host's private half of each descriptor.
//!
//! A burst is two arrays of equal length. `packets` is what extensions see and may scribble on; `slots` is what the
//! switch believes. After each call into an extension the two are compared (see `settle`), so nothing the switch
//! relies on comes from memory an extension could have written.

use heddle_extension_api::abi::packet::{BATCH_MAX, Packet};

use crate::arena::Buf;
use crate::offload::{GsoKind, Offload};
use crate::port_id::PortId;

/// Capacity of a burst, in packets: the ABI's largest batch.
pub const BURST: usize = BATCH_MAX as usize;

const NO_OFFLOAD: Offload = Offload { csum: None, gso: GsoKind::None, ecn: false, gso_size: 0, data_valid: false };

/// The host's private half of a descriptor.
#[derive(Debug)]
pub struct Slot {
    /// The buffer.
    pub buf: Buf,
    /// `Packet::buffer` as the switch set it.
    pub unit: u32,
    /// Where it came from.
    pub source: PortId,
    /// Where this delivery goes (egress).
    pub destination: PortId,
    /// Length of the frame, as the switch set it.
    pub length: u32,
    /// First byte of the frame in its buffer, as the switch set it.
    pub start: u16,
    /// Offload facts.
    pub offload: Offload,
    /// VLAN the frame belongs to; meaningful behind the ingress policy.
    pub vid: u16,
    /// Tag it came with, or leaves with; meaningful when `TAGGED`.
    pub tci: u16,
    /// Sample that follows this descriptor's fate, plus one; 0 = none.
    pub sample: u16,
    /// `Slot::*` flags.
    pub flags: u16,
}

impl Slot {
    /// `tci` is a tag.
    pub const TAGGED: u16 = 1;
    /// Other descriptors may refer to the buffer.
    pub const SHARED: u16 = 2;
    /// An extension made the frame writable in the current call.
    pub const WRITTEN: u16 = 4;
    /// The frame was originated with source port 0 and is exempt from port policy.
    pub const TRUSTED: u16 = 8;

    /// An empty place.
    pub const EMPTY: Slot = Slot {
        buf: Buf::NONE,
        unit: 0,
        source: PortId::NONE,
        destination: PortId::NONE,
        length: 0,
        start: 0,
        offload: NO_OFFLOAD,
        vid: 0,
        tci: 0,
        sample: 0,
        flags: 0,
    };

    /// Whether a flag is set.
    #[inline]
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Takes the slot out, leaving an empty place.
    #[inline]
    pub fn take(&mut self) -> Slot {
        std::mem::replace(self, Slot::EMPTY)
    }

    /// The tag, when there is one.
    #[inline]
    pub fn tag(&self) -> Option<u16> {
        self.has(Slot::TAGGED).then_some(self.tci)
    }
}

/// A burst of at most [`BURST`] packets.
pub struct Burst {
    packets: Box<[Packet; BURST]>,
    slots: Box<[Slot; BURST]>,
    len: usize,
}

impl Default for Burst {
    fn default() -> Self {
        Burst { packets: Box::new([Packet::default(); BURST]), slots: Box::new([const { Slot::EMPTY }; BURST]), len: 0 }
    }
}

impl Burst {
    /// Packets in it.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether no packet more fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len == BURST
    }

    /// Appends a packet; gives the slot back when the burst is full.
    #[inline]
    pub fn push(&mut self, packet: Packet, slot: Slot) -> Result<(), Slot> {
        if self.len == BURST {
            return Err(slot);
        }
        self.packets[self.len] = packet;
        self.slots[self.len] = slot;
        self.len += 1;
        Ok(())
    }

    /// All places behind the packets, taken or not: whoever fills the first `n` of them, every field, says so to
    /// [`Burst::grow`].
    #[inline]
    pub fn vacant(&mut self) -> (&mut [Packet], &mut [Slot]) {
        let len = self.len.min(BURST);
        (&mut self.packets[len..], &mut self.slots[len..])
    }

    /// Counts the first `n` vacant places as packets.
    #[inline]
    pub fn grow(&mut self, n: usize) {
        self.len = (self.len + n).min(BURST);
    }

    /// Both halves, in step.
    #[inline]
    pub fn halves(&mut self) -> (&mut [Packet], &mut [Slot]) {
        let len = self.len.min(BURST);
        (&mut self.packets[..len], &mut self.slots[..len])
    }

    /// The packets.
    #[inline]
    pub fn packets(&self) -> &[Packet] {
        &self.packets[..self.len.min(BURST)]
    }

    /// One packet and its slot.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> Option<(&mut Packet, &mut Slot)> {
        if index >= self.len {
            return None;
        }
        Some((&mut self.packets[index], &mut self.slots[index]))
    }

    /// Takes every packet out, in order; `take` takes the slot's buffer. A slot is lent, not moved: moving one costs more
    /// than all else that happens to it here.
    #[inline]
    pub fn drain(&mut self, mut take: impl FnMut(&mut Packet, &mut Slot)) {
        let len = std::mem::take(&mut self.len).min(BURST);
        for (packet, slot) in self.packets[..len].iter_mut().zip(&mut self.slots[..len]) {
            take(packet, slot);
            debug_assert!(slot.buf.is_none(), "a drained slot keeps its buffer");
        }
    }

    /// Keeps the packets for which `keep` says so, in order; what it does not keep it must have emptied.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut Packet, &mut Slot) -> bool) {
        let len = self.len.min(BURST);
        let mut kept = 0;
        for i in 0..len {
            if !keep(&mut self.packets[i], &mut self.slots[i]) {
                continue;
            }
            if kept != i {
                self.packets[kept] = self.packets[i];
                self.slots.swap(kept, i);
            }
            kept += 1;
        }
        self.len = kept;
    }
}
