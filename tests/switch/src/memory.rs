//! Writing packet memory as an extension does: through the base pointer of the arena.
//!
//! The one `unsafe` island of this package. Extensions get their write access from `make_writable` and from drafts; the
//! core offers no safe way in, because the host turns these into raw offsets of the ABI.

use heddle_extension_api::abi::packet::Packet;
use heddle_switch_core::arena::{Arena, UNIT};

/// Lets `write` change the frame of a packet that the caller made writable, or of a draft.
pub fn write_frame(arena: &Arena, packet: &Packet, write: impl FnOnce(&mut [u8])) {
    let offset = packet.buffer as usize * UNIT + usize::from(packet.start);
    assert!(offset + packet.length as usize <= arena.region_len(), "frame outside the arena");
    // SAFETY: inside the region (asserted). The caller has the only reference to this buffer: `make_writable` or a
    // draft gave it, the call that gave it is still running on this one thread, and `arena` hands out no slice of it
    // meanwhile because the slice below ends with `write`.
    #[expect(unsafe_code, reason = "stands for an extension that writes through the ABI")]
    let bytes = unsafe { std::slice::from_raw_parts_mut(arena.base().as_ptr().add(offset), packet.length as usize) };
    write(bytes);
}
