//! Frames: one UDP datagram over IPv4 as template, one line of addresses for each MAC pair.
//!
//! Taking a frame from the source costs one buffer and one copy, as a device would; that cost is measured alone and
//! subtracted. Both directions walk the same pairs half a round apart, so that no look-up finds what the other
//! direction has just brought into the cache.

use anyhow::{Context, Result};
use heddle_switch_core::arena::{Class, HEADROOM};
use heddle_switch_core::frame::RxFrame;
use heddle_switch_core::pool::Pool;

/// Where the frames of a scenario go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    /// To the station on the other side.
    Partner,
    /// To everybody.
    Everybody,
    /// With a tag that the port refuses: ends at the ingress policy.
    Nowhere,
}

/// What the frames of a scenario look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Length as stored, in bytes: without FCS.
    pub(crate) stored: usize,
    /// MAC pairs.
    pub(crate) pairs: u32,
    /// Where they go.
    pub(crate) towards: Towards,
    /// VLAN id of an 802.1Q tag in the data.
    pub(crate) tag: Option<u16>,
}

/// The source of one port.
pub(crate) struct Source {
    template: Vec<u8>,
    macs: Vec<[u8; 12]>,
    next: usize,
    tci_aside: Option<u16>,
}

impl Source {
    /// The source of port `side` (0 or 1).
    pub(crate) fn new(shape: Shape, side: u8) -> Source {
        let partner = 1 - side.min(1);
        let macs = (0..shape.pairs)
            .map(|pair| {
                let to = match shape.towards {
                    Towards::Partner | Towards::Nowhere => station(partner, pair),
                    Towards::Everybody => [0xff; 6],
                };
                let mut line = [0; 12];
                line[..6].copy_from_slice(&to);
                line[6..].copy_from_slice(&station(side, pair));
                line
            })
            .collect::<Vec<_>>();
        let next = if side == 0 { 0 } else { macs.len() / 2 };
        let tci_aside = (shape.towards == Towards::Nowhere).then_some(5);
        Source { template: datagram(shape.stored, shape.tag), macs, next, tci_aside }
    }

    /// Frames in a round through all pairs.
    pub(crate) fn round(&self) -> usize {
        self.macs.len()
    }

    /// Takes `count` frames in.
    #[inline(never)]
    pub(crate) fn fill(&mut self, pool: &mut Pool, count: usize, frames: &mut Vec<RxFrame>) -> Result<()> {
        let length = self.template.len();
        let start = usize::from(HEADROOM);
        for _ in 0..count {
            let mut buf = pool.alloc(Class::SMALL).context("the pool is empty: buffers leak")?;
            let bytes = pool.arena().bytes_mut(&mut buf).context("a free buffer is shared")?;
            let bytes = bytes.get_mut(start..start + length).context("frame longer than a buffer")?;
            bytes.copy_from_slice(&self.template);
            if let (Some(to), Some(macs)) = (bytes.first_chunk_mut::<12>(), self.macs.get(self.next)) {
                *to = *macs;
            }
            self.next += 1;
            if self.next >= self.macs.len() {
                self.next = 0;
            }
            let mut frame = RxFrame::plain(buf, u32::try_from(length)?);
            frame.vlan_tci = self.tci_aside;
            frames.push(frame);
        }
        Ok(())
    }
}

/// Address of a station: locally administered, one per side and pair.
fn station(side: u8, pair: u32) -> [u8; 6] {
    let [a, b, c, d] = pair.to_be_bytes();
    [0x02, side, a, b, c, d]
}

fn datagram(stored: usize, tag: Option<u16>) -> Vec<u8> {
    let mut frame = vec![0; 12];
    if let Some(vid) = tag {
        frame.extend([0x81, 0x00]);
        frame.extend(vid.to_be_bytes());
    }
    frame.extend([0x08, 0x00]);
    let total = u16::try_from(stored.saturating_sub(frame.len())).unwrap_or(u16::MAX);
    let [high, low] = total.to_be_bytes();
    // IPv4 (RFC 791) without options: version and length, type of service, total length, identification, fragment,
    // time to live, protocol, checksum (not verified by a bridge), addresses.
    frame.extend([0x45, 0, high, low, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let [high, low] = total.saturating_sub(20).to_be_bytes();
    frame.extend([0x30, 0x39, 0x10, 0x92, high, low, 0, 0]);
    frame.resize(stored, 0x5a);
    frame
}
