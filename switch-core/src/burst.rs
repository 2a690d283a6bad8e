//! Bursts: the packets of one pass through the pipeline, with the host's private half of each descriptor.
//!
//! A burst is two arrays of equal length. `packets` is what extensions see and may scribble on; `slots` is what the
//! switch believes. After each call into an extension the two are compared (see `settle`), so nothing the switch
//! relies on comes from memory an extension could have written.

use heddle_extension_api::abi::packet::{BATCH_MAX, PACKET_PRESERVE_PRIORITY, PACKET_PRESERVE_VLAN, Packet};

use crate::arena::Buf;
use crate::offload::{GsoKind, Offload};
use crate::port_id::PortId;

/// Capacity of a burst, in packets: the ABI's largest batch.
pub const BURST: usize = BATCH_MAX as usize;

/// Flags a forwarding extension sets on ingress.
pub(crate) const PRESERVE: u32 = PACKET_PRESERVE_VLAN | PACKET_PRESERVE_PRIORITY;

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
    /// The switch finds the destinations itself, whatever a forwarding extension says.
    pub const NATIVE: u16 = 16;
    /// Deliveries keep the tag the frame came with, or its absence.
    pub const KEEP_VLAN: u16 = 32;
    /// Deliveries without a tag keep the priority.
    pub const KEEP_PRIORITY: u16 = 64;
    /// How many injections it comes of: a count, not a flag.
    pub const HOPS: u16 = 0xf000;
    /// One of these.
    const HOP: u16 = 0x1000;

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

    /// How many injections the frame comes of.
    #[inline]
    pub fn hops(&self) -> u16 {
        (self.flags & Slot::HOPS) / Slot::HOP
    }

    /// Sets that; it ends at what fits.
    pub(crate) fn set_hops(&mut self, hops: u16) {
        self.flags = (self.flags & !Slot::HOPS) | (hops.min(Slot::HOPS / Slot::HOP) * Slot::HOP);
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

/// What an extension was told of a packet, taken down before each call: the first 40 bytes of the descriptor, a word a
/// line, so that taking down and comparing are five loads each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told([u64; 5]);

impl Told {
    /// What a packet says.
    #[inline(always)]
    pub fn of(packet: &Packet) -> Told {
        Told([
            u64::from(packet.buffer) | u64::from(packet.start) << 32 | u64::from(packet.l3) << 48,
            u64::from(packet.length) | u64::from(packet.l4) << 32 | u64::from(packet.ethertype) << 48,
            u64::from(packet.source_port) | u64::from(packet.destination) << 32,
            u64::from(packet.flow_hash)
                | u64::from(packet.vlan_tci) << 32
                | u64::from(packet.source_nic) << 48
                | u64::from(packet.destination_nic) << 56,
            u64::from(packet.flags)
                | u64::from(packet.verdict) << 32
                | u64::from(packet.traffic_class) << 40
                | u64::from(packet.drop_reason) << 48,
        ])
    }

    /// 0 when both say the same; what `destination` masks out does not count.
    #[inline(always)]
    pub fn differs(&self, other: &Told, destination: u64) -> u64 {
        let [a, b, c, d, e] = self.0;
        let [v, w, x, y, z] = other.0;
        (a ^ v) | (b ^ w) | ((c ^ x) & destination) | (d ^ y) | (e ^ z)
    }

    /// Makes a packet say its header facts again; whether it said something else. Where the frame lies, where it comes
    /// from and goes to are put back from the slot. Who `decides` destinations says by which NIC, and what of the tag stays.
    pub fn tell(&self, packet: &mut Packet, decides: bool) -> bool {
        let [place, extent, _, path, verdict] = self.0.map(u64::to_le_bytes);
        let before = *packet;
        packet.l3 = u16::from_le_bytes([place[6], place[7]]);
        packet.l4 = u16::from_le_bytes([extent[4], extent[5]]);
        packet.ethertype = u16::from_le_bytes([extent[6], extent[7]]);
        packet.flow_hash = u32::from_le_bytes([path[0], path[1], path[2], path[3]]);
        packet.vlan_tci = u16::from_le_bytes([path[4], path[5]]);
        (packet.source_nic, packet.destination_nic) = (path[6], path[7]);
        packet.flags = u32::from_le_bytes([verdict[0], verdict[1], verdict[2], verdict[3]]);
        packet.traffic_class = verdict[5];
        if decides {
            packet.destination_nic = before.destination_nic;
            packet.flags = (packet.flags & !PRESERVE) | (before.flags & PRESERVE);
        }
        let facts = |packet: &Packet| {
            let Told([place, extent, _, path, verdict]) = Told::of(packet);
            (place >> 48, extent >> 32, path, verdict & 0xff00_ffff_ffff)
        };
        facts(&before) != facts(packet)
    }
}

/// A burst of at most [`BURST`] packets.
pub struct Burst {
    packets: Box<[Packet; BURST]>,
    slots: Box<[Slot; BURST]>,
    told: Box<[Told; BURST]>,
    /// Whether the extension called last held a packet or asked to write one.
    touched: bool,
    /// Whether every packet taken down came from one port.
    single_source: bool,
    len: usize,
}

impl Default for Burst {
    fn default() -> Self {
        Burst {
            packets: Box::new([Packet::default(); BURST]),
            slots: Box::new([const { Slot::EMPTY }; BURST]),
            told: Box::new([Told::default(); BURST]),
            touched: false,
            single_source: false,
            len: 0,
        }
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

    /// Takes down what the packets say, before an extension is called.
    #[inline]
    pub fn take_down(&mut self) {
        self.touched = false;
        let len = self.len.min(BURST);
        let first = self.packets[0].source_port;
        let mut strangers = 0;
        for (told, packet) in self.told[..len].iter_mut().zip(&self.packets[..len]) {
            *told = Told::of(packet);
            strangers |= packet.source_port ^ first;
        }
        self.single_source = len > 0 && strangers == 0;
    }

    /// Whether every packet taken down came from one port.
    #[inline]
    pub fn is_single_source(&self) -> bool {
        self.single_source
    }

    /// Makes one packet say again what was taken down.
    pub fn put_back(&mut self, index: usize, decides: bool) {
        if let (Some(told), Some(packet)) = (self.told.get(index), self.packets.get_mut(index)) {
            told.tell(packet, decides);
        }
    }

    /// Notes that the extension held a packet or may write one: the burst needs a closer look.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether it does.
    #[inline]
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// Takes down anew what one packet says, after the switch changed it.
    pub fn take_down_one(&mut self, index: usize) {
        if let (Some(told), Some(packet)) = (self.told.get_mut(index), self.packets.get(index)) {
            *told = Told::of(packet);
        }
    }

    /// Both halves and what was taken down, in step.
    #[inline]
    pub fn thirds(&mut self) -> (&mut [Packet], &mut [Slot], &[Told]) {
        let len = self.len.min(BURST);
        (&mut self.packets[..len], &mut self.slots[..len], &self.told[..len])
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
