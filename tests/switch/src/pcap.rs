//! Reads captures: the classic pcap format, both byte orders, micro- and nanoseconds.

/// The frames of a capture and its link type; `None` when it is no pcap file. A cut-off file ends early.
pub fn frames(file: &[u8]) -> Option<(u32, Vec<&[u8]>)> {
    let magic = u32::from_le_bytes(*file.first_chunk::<4>()?);
    let little = match magic {
        0xa1b2_c3d4 | 0xa1b2_3c4d => true,
        0xd4c3_b2a1 | 0x4d3c_b2a1 => false,
        _ => return None,
    };
    let word = |at: usize| {
        let bytes = *file.get(at..at + 4)?.first_chunk::<4>()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let link = word(20)? & 0xffff;
    let (mut at, mut frames) = (24, Vec::new());
    while let Some(length) = word(at + 8) {
        let Some(frame) = file.get(at + 16..at + 16 + length as usize) else { break };
        frames.push(frame);
        at += 16 + length as usize;
    }
    Some((link, frames))
}
