//! XDR (RFC 4506) into a borrowed buffer: big-endian words, opaques padded to 4 bytes with zeros.
//!
//! Overflow is sticky instead of a `Result` per word: after the first item that does not fit nothing more is
//! written, and [`XdrWriter::finish`] gives `None`. No allocation.

/// Writes XDR items one after the other.
pub struct XdrWriter<'a> {
    buffer: &'a mut [u8],
    used: usize,
    overflow: bool,
}

impl<'a> XdrWriter<'a> {
    /// A writer at the start of `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, used: 0, overflow: false }
    }

    /// Bytes written, or `None` when something did not fit.
    #[must_use]
    pub fn finish(&self) -> Option<usize> {
        (!self.overflow).then_some(self.used)
    }

    /// An unsigned integer.
    pub fn u32(&mut self, value: u32) {
        self.fixed(&value.to_be_bytes());
    }

    /// An unsigned hyper.
    pub fn u64(&mut self, value: u64) {
        self.fixed(&value.to_be_bytes());
    }

    /// A fixed-length opaque whose length is a multiple of 4, as are all in sFlow.
    pub fn fixed(&mut self, bytes: &[u8]) {
        let end = self.used.saturating_add(bytes.len());
        match self.buffer.get_mut(self.used..end) {
            Some(room) if !self.overflow => {
                room.copy_from_slice(bytes);
                self.used = end;
            }
            _ => self.overflow = true,
        }
    }

    /// A variable-length opaque: length, bytes, zeros up to a multiple of 4. Strings are the same.
    pub fn opaque(&mut self, bytes: &[u8]) {
        match u32::try_from(bytes.len()) {
            Ok(length) => self.u32(length),
            Err(_) => self.overflow = true,
        }
        self.fixed(bytes);
        let padding = bytes.len().wrapping_neg() % 4;
        self.fixed([0_u8; 3].get(..padding).unwrap_or(&[]));
    }

    /// A tagged opaque: data format (enterprise 0 and `format`), length in bytes, and what `body` writes.
    pub fn tagged(&mut self, format: u32, body: impl FnOnce(&mut Self)) {
        self.u32(format);
        let length_at = self.used;
        self.u32(0);
        let start = self.used;
        body(self);
        let length = u32::try_from(self.used - start).unwrap_or(u32::MAX);
        if let Some(room) = self.buffer.get_mut(length_at..start).filter(|room| room.len() == 4) {
            room.copy_from_slice(&length.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::XdrWriter;

    #[test]
    fn opaques_are_padded_with_zeros() {
        for (length, total) in [(0, 4), (1, 8), (3, 8), (4, 8), (5, 12)] {
            let mut buffer = [0xEE; 16];
            let mut out = XdrWriter::new(&mut buffer);
            out.opaque(&[7; 5][..length]);
            assert_eq!(out.finish(), Some(total));
            assert!(buffer[4 + length..total].iter().all(|&byte| byte == 0), "{length}");
            assert!(buffer[total..].iter().all(|&byte| byte == 0xEE), "{length}");
        }
    }

    #[test]
    fn overflow_sticks_and_writes_nothing_more() {
        let mut buffer = [0xEE; 10];
        let mut out = XdrWriter::new(&mut buffer);
        out.u64(1);
        out.u32(2);
        out.fixed(&[]);
        assert_eq!(out.finish(), None);
        assert_eq!(buffer[8..], [0xEE, 0xEE]);
    }

    #[test]
    fn an_overflow_inside_a_tagged_opaque_is_seen_at_every_size() {
        for room in 0..20 {
            let mut buffer = [0; 20];
            let mut out = XdrWriter::new(&mut buffer[..room]);
            out.tagged(1, |out| out.tagged(2, |out| out.u32(3)));
            assert_eq!(out.finish(), None, "{room}");
        }
        let mut buffer = [0; 20];
        let mut out = XdrWriter::new(&mut buffer);
        out.tagged(1, |out| out.tagged(2, |out| out.u32(3)));
        assert_eq!(out.finish(), Some(20));
        assert_eq!(buffer, [0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 3]);
    }
}
