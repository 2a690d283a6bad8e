//! Frames built by hand for the port tests: UDP over IPv4, with a checksum that is complete, partial or left to
//! segmentation.

use heddle_switch_core::offload::{GsoKind, Offload, PartialChecksum};

pub(crate) struct Udp {
    pub(crate) src_mac: [u8; 6],
    pub(crate) dst_mac: [u8; 6],
    pub(crate) src: [u8; 4],
    pub(crate) dst: [u8; 4],
    pub(crate) port: u16,
}

pub(crate) const IP: usize = 14;
pub(crate) const L4: usize = 34;
pub(crate) const PAYLOAD: usize = 42;

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(*two.get(1).unwrap_or(&0))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap()
}

fn pseudo_sum(frame: &[u8]) -> u32 {
    sum(&frame[IP + 12..IP + 20]) + 17 + u32::try_from(frame.len() - L4).unwrap()
}

impl Udp {
    fn headers(&self, payload: &[u8]) -> Vec<u8> {
        let ip_len = u16::try_from(28 + payload.len()).unwrap();
        let mut frame = [self.dst_mac, self.src_mac].concat();
        frame.extend([8, 0, 0x45, 0, (ip_len >> 8) as u8, ip_len as u8, 0, 0, 0x40, 0, 64, 17, 0, 0]);
        frame.extend([self.src, self.dst].concat());
        let checksum = !fold(sum(&frame[IP..L4]));
        frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        for word in [self.port, self.port, ip_len - 20, 0] {
            frame.extend(word.to_be_bytes());
        }
        frame.extend(payload);
        frame
    }

    /// The checksum is right.
    pub(crate) fn complete(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = self.headers(payload);
        let checksum = !fold(pseudo_sum(&frame) + sum(&frame[L4..]));
        frame[L4 + 6..L4 + 8].copy_from_slice(&checksum.to_be_bytes());
        frame
    }

    /// The checksum field holds the pseudo-header's sum; the device does the rest.
    pub(crate) fn partial(&self, payload: &[u8]) -> (Vec<u8>, Offload) {
        let mut frame = self.headers(payload);
        let field = fold(pseudo_sum(&frame)).to_be_bytes();
        frame[L4 + 6..L4 + 8].copy_from_slice(&field);
        let csum = Some(PartialChecksum { start: 34, offset: 6 });
        (frame, Offload { csum, ..Offload::default() })
    }

    /// One frame that stands for datagrams of `size` bytes.
    pub(crate) fn segmented(&self, payload: &[u8], size: u16) -> (Vec<u8>, Offload) {
        let (frame, partial) = self.partial(payload);
        (frame, Offload { gso: GsoKind::UdpL4, gso_size: size, ..partial })
    }
}

/// Whether the UDP checksum of an untagged IPv4 frame is right.
pub(crate) fn udp_checksum_right(frame: &[u8]) -> bool {
    fold(pseudo_sum(frame) + sum(&frame[L4..])) == 0xffff
}

/// Whether a frame is UDP over IPv4 to `port`, `tags` bytes of tags before the EtherType.
pub(crate) fn is_udp_to(frame: &[u8], tags: usize, port: u16) -> bool {
    frame.len() >= PAYLOAD + tags
        && frame[12 + tags..14 + tags] == [8, 0]
        && frame[IP + tags + 9] == 17
        && frame[L4 + tags + 2..L4 + tags + 4] == port.to_be_bytes()
}
