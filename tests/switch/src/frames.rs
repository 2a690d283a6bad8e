//! Numbered frames, and the wire frames each must become.
//!
//! Every frame carries a 16-byte mark in its payload: who it is, which flow it belongs to, and what the test
//! extensions shall do with it. In a segmentation-offload frame the mark stands at the start of every segment's
//! payload. Checksums are computed here, on their own, word by word (RFC 1071).

use heddle_switch_core::checksum::PartialChecksum;
use heddle_switch_core::offload::{GsoKind, Offload};

pub type Mac = [u8; 6];

pub const BROADCAST: Mac = [0xff; 6];
const MAGIC: [u8; 4] = *b"HdL!";
pub const MARK_LEN: usize = 16;

/// The `n`th station's address.
pub fn station(n: u16) -> Mac {
    let [a, b] = n.to_be_bytes();
    [0x02, 0x11, 0x22, 0x33, a, b]
}

/// What the test extensions shall do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Action {
    #[default]
    Pass,
    /// The stage with this tag drops it on ingress.
    DropIngress(u8),
    /// The stage with this tag drops the delivery to the port in this slot on egress.
    DropEgress(u8, u16),
    /// The stage with this tag flips the last byte.
    Modify(u8),
}

/// What the mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub number: u32,
    pub flow: u16,
    pub action: Action,
}

impl Mark {
    fn bytes(self) -> [u8; MARK_LEN] {
        let (kind, stage, argument) = match self.action {
            Action::Pass => (0, 0, 0),
            Action::DropIngress(stage) => (1, stage, 0),
            Action::DropEgress(stage, port) => (2, stage, port),
            Action::Modify(stage) => (3, stage, 0),
        };
        let mut bytes = [0x5a; MARK_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.flow.to_be_bytes());
        bytes[10] = kind;
        bytes[11] = stage;
        bytes[12..14].copy_from_slice(&argument.to_be_bytes());
        bytes
    }

    /// The mark in a frame, when there is one in its first 160 bytes.
    pub fn find(frame: &[u8]) -> Option<Mark> {
        let head = &frame[..frame.len().min(160)];
        let at = head.windows(4).position(|window| window == MAGIC)?;
        let mark = frame.get(at..at + MARK_LEN)?;
        let argument = u16::from_be_bytes([mark[12], mark[13]]);
        Some(Mark {
            number: u32::from_be_bytes([mark[4], mark[5], mark[6], mark[7]]),
            flow: u16::from_be_bytes([mark[8], mark[9]]),
            action: match mark[10] {
                1 => Action::DropIngress(mark[11]),
                2 => Action::DropEgress(mark[11], argument),
                3 => Action::Modify(mark[11]),
                _ => Action::Pass,
            },
        })
    }
}

/// What is inside the Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Tcp4,
    Tcp6,
    Udp4,
    Udp6,
    Arp,
    /// Another EtherType.
    Other(u16),
    /// Only the first `n` bytes of an Ethernet frame, without a mark.
    Runt(usize),
}

/// What the sender left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Left {
    #[default]
    Nothing,
    Checksum,
    /// Segmentation into payloads of this size.
    Segments(u16),
}

/// A frame to send.
#[derive(Clone, Debug)]
pub struct Frame {
    pub dst: Mac,
    pub src: Mac,
    pub tag: Option<u16>,
    /// The device took the tag out of the data.
    pub tag_beside: bool,
    pub body: Body,
    pub payload: usize,
    pub left: Left,
    pub mark: Mark,
}

impl Frame {
    /// A small UDP frame.
    pub fn udp(src: Mac, dst: Mac) -> Frame {
        let mark = Mark { number: 0, flow: 0, action: Action::Pass };
        Frame { dst, src, tag: None, tag_beside: false, body: Body::Udp4, payload: 40, left: Left::Nothing, mark }
    }

    #[must_use]
    pub fn tagged(self, tci: u16) -> Frame {
        Frame { tag: Some(tci), ..self }
    }

    #[must_use]
    pub fn of(self, body: Body, payload: usize) -> Frame {
        Frame { body, payload, ..self }
    }

    #[must_use]
    pub fn left(self, left: Left) -> Frame {
        Frame { left, ..self }
    }

    #[must_use]
    pub fn action(mut self, action: Action) -> Frame {
        self.mark.action = action;
        self
    }

    #[must_use]
    pub fn flow(mut self, flow: u16) -> Frame {
        self.mark.flow = flow;
        self
    }

    fn l4(&self) -> usize {
        match self.body {
            Body::Tcp4 | Body::Udp4 => 34,
            Body::Tcp6 | Body::Udp6 => 54,
            _ => 0,
        }
    }

    /// Length of all headers, without the tag.
    pub fn headers(&self) -> usize {
        match self.body {
            Body::Tcp4 | Body::Tcp6 => self.l4() + 20,
            Body::Udp4 | Body::Udp6 => self.l4() + 8,
            Body::Arp => 14 + 28,
            Body::Other(_) => 14,
            Body::Runt(_) => 0,
        }
    }

    /// Length without the tag.
    pub fn length(&self) -> usize {
        match self.body {
            Body::Runt(length) => length,
            _ => self.headers() + self.payload,
        }
    }

    /// Length without the tag of the longest wire frame.
    pub fn longest(&self) -> usize {
        match self.left {
            Left::Segments(size) => self.headers() + self.payload.min(usize::from(size)),
            _ => self.length(),
        }
    }

    fn payload_bytes(&self) -> Vec<u8> {
        let mut payload: Vec<u8> = (0..self.payload).map(|i| (i % 251) as u8).collect();
        let step = if let Left::Segments(size) = self.left { usize::from(size) } else { self.payload.max(1) };
        for chunk in payload.chunks_mut(step).filter(|chunk| chunk.len() >= MARK_LEN) {
            chunk[..MARK_LEN].copy_from_slice(&self.mark.bytes());
        }
        payload
    }

    /// One frame of `payload`; the `index`th segment from payload byte `from` on, the last one if `last`.
    fn cut(&self, payload: &[u8], index: usize, from: usize, last: bool) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.headers() + payload.len());
        frame.extend(self.dst);
        frame.extend(self.src);
        let ethertype: u16 = match self.body {
            Body::Tcp4 | Body::Udp4 => 0x0800,
            Body::Tcp6 | Body::Udp6 => 0x86dd,
            Body::Arp => 0x0806,
            Body::Other(ethertype) => ethertype,
            Body::Runt(_) => 0x9000,
        };
        frame.extend(ethertype.to_be_bytes());
        let tcp = matches!(self.body, Body::Tcp4 | Body::Tcp6);
        let l4_len = if tcp { 20 } else { 8 } + payload.len();
        let [flow_high, flow_low] = self.mark.flow.to_be_bytes();
        let protocol = if tcp { 6 } else { 17 };
        match self.body {
            Body::Tcp4 | Body::Udp4 => {
                let total = ((20 + l4_len) as u16).to_be_bytes();
                let id = (self.mark.number as u16).wrapping_add(index as u16).to_be_bytes();
                let mut ip = vec![0x45, 0, total[0], total[1], id[0], id[1], 0x40, 0, 64, protocol, 0, 0];
                ip.extend([10, 0, flow_high, flow_low, 10, 1, flow_high, flow_low]);
                let sum = (!fold(words(&ip))).to_be_bytes();
                ip[10..12].copy_from_slice(&sum);
                frame.extend(ip);
            }
            Body::Tcp6 | Body::Udp6 => {
                let length = (l4_len as u16).to_be_bytes();
                frame.extend([0x60, 0, 0, 0, length[0], length[1], protocol, 64]);
                frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, flow_high, flow_low]);
                frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, flow_high, flow_low]);
            }
            Body::Arp => {
                frame.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2])
            }
            _ => {}
        }
        if self.l4() != 0 {
            frame.extend([0x30, 0x39, flow_high, flow_low]);
            if tcp {
                let sequence = (self.mark.number << 16).wrapping_add(from as u32).to_be_bytes();
                // ACK always; PSH on the last segment only.
                frame.extend(sequence);
                frame.extend([0, 0, 0, 1, 0x50, if last { 0x18 } else { 0x10 }, 0x10, 0, 0, 0, 0, 0]);
            } else {
                frame.extend((l4_len as u16).to_be_bytes());
                frame.extend([0, 0]);
            }
        }
        frame.extend(payload);
        frame
    }

    fn pseudo(&self, frame: &[u8]) -> u32 {
        let (addresses, protocol) = match self.body {
            Body::Tcp4 | Body::Udp4 => (&frame[26..34], frame[23]),
            _ => (&frame[22..54], frame[20]),
        };
        words(addresses) + u32::from(protocol) + (frame.len() - self.l4()) as u32
    }

    fn checksum_at(&self) -> usize {
        self.l4() + if matches!(self.body, Body::Tcp4 | Body::Tcp6) { 16 } else { 6 }
    }

    fn finish(&self, mut frame: Vec<u8>) -> Vec<u8> {
        if self.l4() == 0 {
            return frame;
        }
        let sum = !fold(self.pseudo(&frame) + words(&frame[self.l4()..]));
        let sum = if sum == 0 && self.checksum_at() == self.l4() + 6 { 0xffff } else { sum };
        let at = self.checksum_at();
        frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        frame
    }

    /// The frame as its sender hands it over, without the tag.
    pub fn bytes(&self) -> Vec<u8> {
        if let Body::Runt(length) = self.body {
            let mut frame = self.cut(&[], 0, 0, true);
            frame.resize(length, 0);
            return frame;
        }
        let mut frame = self.cut(&self.payload_bytes(), 0, 0, true);
        if self.left == Left::Nothing {
            return self.finish(frame);
        }
        let seed = fold(self.pseudo(&frame)).to_be_bytes();
        let at = self.checksum_at();
        frame[at..at + 2].copy_from_slice(&seed);
        frame
    }

    /// The offload facts that come with it, as counted in the bytes the sender hands over.
    pub fn offload(&self) -> Offload {
        let shift = if self.tag.is_some() && !self.tag_beside { 4 } else { 0 };
        self.offload_untagged(shift)
    }

    /// The offload facts of the frame without its tag.
    pub fn offload_untagged(&self, shift: usize) -> Offload {
        if self.left == Left::Nothing {
            return Offload::default();
        }
        let offset = (self.checksum_at() - self.l4()) as u16;
        let csum = Some(PartialChecksum { start: (self.l4() + shift) as u16, offset });
        let Left::Segments(gso_size) = self.left else { return Offload { csum, ..Offload::default() } };
        let gso = match self.body {
            Body::Tcp4 => GsoKind::Tcp4,
            Body::Tcp6 => GsoKind::Tcp6,
            _ => GsoKind::UdpL4,
        };
        Offload { csum, gso, gso_size, ..Offload::default() }
    }

    /// The bytes with the tag where the sender's device leaves it.
    pub fn received(&self) -> (Vec<u8>, Option<u16>) {
        let mut bytes = self.bytes();
        match self.tag {
            Some(tci) if !self.tag_beside && bytes.len() >= 12 => {
                let [a, b] = tci.to_be_bytes();
                bytes.splice(12..12, [0x81, 0, a, b]);
                (bytes, None)
            }
            tag => (bytes, tag),
        }
    }

    /// The wire frames, without tags, that a device without offloads must get.
    pub fn wire(&self) -> Vec<Vec<u8>> {
        match self.left {
            Left::Nothing => vec![self.bytes()],
            Left::Checksum => vec![self.finish(self.cut(&self.payload_bytes(), 0, 0, true))],
            Left::Segments(size) => {
                let payload = self.payload_bytes();
                let chunks: Vec<&[u8]> = payload.chunks(usize::from(size)).collect();
                let last = chunks.len() - 1;
                let cut =
                    |(i, chunk): (usize, &&[u8])| self.finish(self.cut(chunk, i, i * usize::from(size), i == last));
                chunks.iter().enumerate().map(cut).collect()
            }
        }
    }
}

fn words(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
