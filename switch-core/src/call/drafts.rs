//! Drafts that an extension works on elsewhere: their bytes come into the arena when they are needed there.

use super::{Call, Kept};

impl Call<'_> {
    /// Whether a handle names a frame or draft that some extension keeps on this worker.
    pub fn is_kept(&self, handle: u64) -> bool {
        self.core.held.has(handle)
    }

    /// Gives a draft the bytes it has elsewhere; those that `bytes` does not reach stay as they are.
    pub fn fill_draft(&mut self, handle: u64, bytes: &[u8]) {
        let kept = self.core.held.get_mut(handle, self.entry.id);
        let Some(entry) = kept.filter(|entry| matches!(entry.kept, Kept::Draft { .. })) else { return };
        let start = usize::from(entry.packet.start);
        let length = bytes.len().min(entry.packet.length as usize);
        let room = self.core.arena.bytes_mut(&mut entry.slot.buf).and_then(|room| room.get_mut(start..start + length));
        if let (Some(room), Some(bytes)) = (room, bytes.get(..length)) {
            room.copy_from_slice(bytes);
        }
    }
}
