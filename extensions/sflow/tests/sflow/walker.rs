//! A strict reader of the datagrams this agent sends: every length must be exactly right, padding zero, nothing left.

use std::net::IpAddr;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) agent: IpAddr,
    pub(crate) sub_agent: u32,
    pub(crate) sequence: u32,
    pub(crate) uptime_ms: u32,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    Flow(Flow),
    Counters(Counters),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) sequence: u32,
    pub(crate) source: u32,
    pub(crate) rate: u32,
    pub(crate) pool: u32,
    pub(crate) drops: u32,
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) frame_length: u32,
    pub(crate) stripped: u32,
    pub(crate) header: Vec<u8>,
    /// Source VLAN and priority, destination VLAN and priority.
    pub(crate) switch: [u32; 4],
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) sequence: u32,
    pub(crate) source: u32,
    /// The 19 fields of if_counters.
    pub(crate) generic: [u64; 19],
    /// The 13 fields of ethernet_counters.
    pub(crate) ethernet: [u32; 13],
    pub(crate) name: Vec<u8>,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(length);
        self.0 = tail;
        head
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take(8).try_into().unwrap())
    }

    fn opaque(&mut self) -> &'a [u8] {
        let length = self.u32() as usize;
        let bytes = self.take(length);
        let padding = self.take(length.next_multiple_of(4) - length);
        assert!(padding.iter().all(|&byte| byte == 0), "padding is not zero");
        bytes
    }

    fn tagged(&mut self, format: u32) -> Reader<'a> {
        assert_eq!(self.u32(), format, "data format");
        let body = self.opaque();
        assert_eq!(body.len() % 4, 0, "length of format {format}");
        Reader(body)
    }

    fn end(&self) {
        assert!(self.0.is_empty(), "{} bytes left over", self.0.len());
    }
}

pub(crate) fn walk(bytes: &[u8]) -> Datagram {
    let mut reader = Reader(bytes);
    assert_eq!(reader.u32(), 5, "version");
    let agent = match reader.u32() {
        1 => IpAddr::from(<[u8; 4]>::try_from(reader.take(4)).unwrap()),
        2 => IpAddr::from(<[u8; 16]>::try_from(reader.take(16)).unwrap()),
        other => panic!("address type {other}"),
    };
    let sub_agent = reader.u32();
    let sequence = reader.u32();
    let uptime_ms = reader.u32();
    let count = reader.u32();
    let samples = (0..count)
        .map(|_| match reader.0[..4] {
            [0, 0, 0, 1] => Sample::Flow(flow(reader.tagged(1))),
            [0, 0, 0, 2] => Sample::Counters(counters(reader.tagged(2))),
            ref other => panic!("sample type {other:?}"),
        })
        .collect();
    reader.end();
    Datagram { agent, sub_agent, sequence, uptime_ms, samples }
}

fn flow(mut reader: Reader<'_>) -> Flow {
    let [sequence, source, rate, pool, drops, input, output, records] = std::array::from_fn(|_| reader.u32());
    assert_eq!(records, 2, "flow records");
    let mut raw = reader.tagged(1);
    assert_eq!(raw.u32(), 1, "header protocol");
    let frame_length = raw.u32();
    let stripped = raw.u32();
    let header = raw.opaque().to_vec();
    raw.end();
    let mut switch = reader.tagged(1001);
    let vlans = std::array::from_fn(|_| switch.u32());
    switch.end();
    reader.end();
    Flow { sequence, source, rate, pool, drops, input, output, frame_length, stripped, header, switch: vlans }
}

fn counters(mut reader: Reader<'_>) -> Counters {
    let [sequence, source, records] = std::array::from_fn(|_| reader.u32());
    assert_eq!(records, 3, "counter records");
    let mut interface = reader.tagged(1);
    // ifSpeed, ifInOctets and ifOutOctets are 64 bits wide.
    let generic = std::array::from_fn(|field| match field {
        2 | 5 | 12 => interface.u64(),
        _ => u64::from(interface.u32()),
    });
    interface.end();
    let mut dot3 = reader.tagged(2);
    let ethernet = std::array::from_fn(|_| dot3.u32());
    dot3.end();
    let mut port = reader.tagged(1005);
    let name = port.opaque().to_vec();
    port.end();
    reader.end();
    Counters { sequence, source, generic, ethernet, name }
}
