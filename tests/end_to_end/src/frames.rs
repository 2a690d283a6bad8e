//! Frames with a flow and a number in them, and the verdict on what arrived.

/// EtherType for local experiments (IEEE 802).
pub const ETHER_TYPE: [u8; 2] = [0x88, 0xb5];
/// Shortest frame without FCS.
pub const LENGTH: usize = 60;

/// The address of host `host` of station `station`.
pub fn mac(station: u8, host: u8) -> [u8; 6] {
    [0x02, 0xe2, 0xe0, 0, station, host]
}

/// A numbered frame, tagged when `vid` is given.
pub fn numbered(from: [u8; 6], to: [u8; 6], vid: Option<u16>, flow: u8, number: u64) -> Vec<u8> {
    let tag = vid.map(|vid| [[0x81, 0x00], vid.to_be_bytes()].concat()).unwrap_or_default();
    let mut frame = [&to[..], &from, &tag, &ETHER_TYPE, &[flow], &number.to_be_bytes()].concat();
    frame.resize(LENGTH.max(frame.len()), 0x5a);
    frame
}

/// A numbered UDP datagram over IPv4, with ports that depend on the flow.
pub fn datagram(from: [u8; 6], to: [u8; 6], flow: u8, number: u64) -> Vec<u8> {
    let numbers = [&ETHER_TYPE[..], &[flow], &number.to_be_bytes()].concat();
    let mut ip = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 81, 0, from[4], 10, 81, 0, to[4]];
    ip[3] += u8::try_from(numbers.len()).unwrap();
    let sum: u32 = ip.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    // Without a UDP checksum (RFC 768).
    let udp = [0x12, flow, 0x12, flow, 0, 8 + u8::try_from(numbers.len()).unwrap(), 0, 0];
    let mut frame = [&to[..], &from, &[0x08, 0x00], &ip, &udp, &numbers].concat();
    frame.resize(LENGTH.max(frame.len()), 0);
    frame
}

/// Flow and number of a frame without tag.
pub fn number_of(frame: &[u8]) -> Option<(u8, u64)> {
    let place = if frame.get(12..14)? == [0x08, 0x00] { 42 } else { 12 };
    let rest = frame.get(place..)?.strip_prefix(&ETHER_TYPE)?;
    let (flow, rest) = rest.split_first()?;
    Some((*flow, u64::from_be_bytes(*rest.first_chunk()?)))
}

/// What arrived of several flows that each count from 0.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Next number of each flow.
    next: std::collections::BTreeMap<u8, u64>,
    pub arrived: u64,
    /// Numbers that were left out.
    pub lost: u64,
    /// Numbers below the one that was due: doubled or overtaken.
    pub behind: u64,
}

impl Verdict {
    pub fn take(&mut self, frame: &[u8]) {
        let Some((flow, number)) = number_of(frame) else { return };
        let next = self.next.entry(flow).or_default();
        if number < *next {
            self.behind += 1;
            return;
        }
        self.arrived += 1;
        self.lost += number - *next;
        *next = number + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_missing_late_or_doubled_is_seen() {
        let mut verdict = Verdict::default();
        for number in [0, 1, 3, 2, 3, 4] {
            verdict.take(&numbered(mac(1, 1), mac(2, 1), None, 7, number));
            verdict.take(&datagram(mac(1, 1), mac(2, 1), 8, number));
        }
        assert_eq!((verdict.arrived, verdict.lost, verdict.behind), (8, 2, 4));
    }
}
