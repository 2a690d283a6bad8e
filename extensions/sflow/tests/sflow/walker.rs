//! A strict reader of the datagrams this agent sends: every length must be exactly right, padding zero, nothing left.

use std::net::IpAddr;

#[derive(Debug, PartialEq)]
pub(crate) struct Datagram {
    pub(crate) agent: IpAddr,
    pub(crate) sub_agent: u32,
    pub(crate) sequence: u32,
    pub(crate) uptime_ms: u32,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Sample {
    Flow(Flow),
    Counters(Counters),
    Discard(Discard),
}

/// A flow sample; interfaces as format and value, the source as class and index.
#[derive(Debug, PartialEq)]
pub(crate) struct Flow {
    pub(crate) expanded: bool,
    pub(crate) sequence: u32,
    pub(crate) source: (u32, u32),
    pub(crate) rate: u32,
    pub(crate) pool: u32,
    pub(crate) drops: u32,
    pub(crate) input: (u32, u32),
    pub(crate) output: (u32, u32),
    pub(crate) frame: Frame,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) length: u32,
    pub(crate) stripped: u32,
    pub(crate) header: Vec<u8>,
    /// Source VLAN and priority, destination VLAN and priority.
    pub(crate) switch: [u32; 4],
}

#[derive(Debug, PartialEq)]
pub(crate) struct Discard {
    pub(crate) sequence: u32,
    pub(crate) source: (u32, u32),
    pub(crate) drops: u32,
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) reason: u32,
    pub(crate) frame: Option<Frame>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Counters {
    pub(crate) expanded: bool,
    pub(crate) sequence: u32,
    pub(crate) source: (u32, u32),
    pub(crate) records: Vec<Record>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Record {
    /// The 19 fields of if_counters.
    Generic([u64; 19]),
    /// The 13 fields of ethernet_counters.
    Ethernet([u32; 13]),
    /// The 6 fields of vlan_counters.
    Vlan([u64; 6]),
    PortName(Vec<u8>),
    Description {
        hostname: String,
        uuid: [u8; 16],
        machine: u32,
        os: u32,
        release: String,
    },
    Adapters(Vec<(u32, [u8; 6])>),
    Parent(u32, u32),
    /// Three floats as their bits, and 14 integers.
    Cpu([u32; 17]),
    Memory([u64; 11]),
    Node([u64; 5]),
    VirtualNic([u64; 8]),
}

impl Counters {
    /// The counters of a port; `None` when it is not one.
    pub(crate) fn port(&self) -> Option<(&[u64; 19], &[u8])> {
        match &self.records[..] {
            [Record::Generic(generic), Record::Ethernet(_), Record::PortName(name)] => Some((generic, name)),
            _ => None,
        }
    }
}

impl Datagram {
    pub(crate) fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.samples.iter().filter_map(|sample| if let Sample::Flow(flow) = sample { Some(flow) } else { None })
    }

    pub(crate) fn counters(&self) -> impl Iterator<Item = &Counters> {
        self.samples.iter().filter_map(|sample| if let Sample::Counters(it) = sample { Some(it) } else { None })
    }

    pub(crate) fn discards(&self) -> impl Iterator<Item = &Discard> {
        self.samples.iter().filter_map(|sample| if let Sample::Discard(it) = sample { Some(it) } else { None })
    }
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

    /// A number of 64 or 32 bits.
    fn wide(&mut self, wide: bool) -> u64 {
        if wide {
            self.u64()
        } else {
            self.u32().into()
        }
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.opaque().to_vec()).unwrap()
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
            [0, 0, 0, format @ (1 | 3)] => Sample::Flow(flow(reader.tagged(format.into()), format == 3)),
            [0, 0, 0, format @ (2 | 4)] => Sample::Counters(counters(reader.tagged(format.into()), format == 4)),
            [0, 0, 0, 5] => Sample::Discard(discard(reader.tagged(5))),
            ref other => panic!("sample type {other:?}"),
        })
        .collect();
    reader.end();
    let datagram = Datagram { agent, sub_agent, sequence, uptime_ms, samples };
    let expanded = datagram.flows().map(|flow| flow.expanded).chain(datagram.counters().map(|it| it.expanded));
    let kinds: std::collections::BTreeSet<bool> = expanded.collect();
    assert!(kinds.len() < 2, "compact and expanded encodings are mixed");
    let discards = datagram.discards().count();
    assert!(discards == 0 || discards == datagram.samples.len(), "discards have datagrams of their own");
    datagram
}

fn source(reader: &mut Reader<'_>, expanded: bool) -> (u32, u32) {
    let word = reader.u32();
    if expanded {
        (word, reader.u32())
    } else {
        (word >> 24, word & 0x00FF_FFFF)
    }
}

fn interface(reader: &mut Reader<'_>, expanded: bool) -> (u32, u32) {
    let word = reader.u32();
    let (format, value) = if expanded { (word, reader.u32()) } else { (word >> 30, word & 0x3FFF_FFFF) };
    assert!(format < 3, "interface format {format}");
    (format, value)
}

fn flow(mut reader: Reader<'_>, expanded: bool) -> Flow {
    let sequence = reader.u32();
    let source = source(&mut reader, expanded);
    let [rate, pool, drops] = std::array::from_fn(|_| reader.u32());
    let input = interface(&mut reader, expanded);
    let output = interface(&mut reader, expanded);
    assert_eq!(reader.u32(), 2, "flow records");
    let frame = frame(&mut reader);
    reader.end();
    Flow { expanded, sequence, source, rate, pool, drops, input, output, frame }
}

fn frame(reader: &mut Reader<'_>) -> Frame {
    let mut raw = reader.tagged(1);
    assert_eq!(raw.u32(), 1, "header protocol");
    let length = raw.u32();
    let stripped = raw.u32();
    let header = raw.opaque().to_vec();
    assert!(header.len() <= (length - stripped) as usize, "more bytes than the frame has");
    raw.end();
    let mut switch = reader.tagged(1001);
    let vlans = std::array::from_fn(|_| switch.u32());
    switch.end();
    Frame { length, stripped, header, switch: vlans }
}

fn discard(mut reader: Reader<'_>) -> Discard {
    let sequence = reader.u32();
    let source = source(&mut reader, true);
    let [drops, input, output, reason, records] = std::array::from_fn(|_| reader.u32());
    let frame = match records {
        0 => None,
        2 => Some(frame(&mut reader)),
        other => panic!("{other} discard records"),
    };
    reader.end();
    Discard { sequence, source, drops, input, output, reason, frame }
}

fn counters(mut reader: Reader<'_>, expanded: bool) -> Counters {
    let sequence = reader.u32();
    let source = source(&mut reader, expanded);
    let count = reader.u32();
    let records = (0..count).map(|_| record(&mut reader)).collect();
    reader.end();
    Counters { expanded, sequence, source, records }
}

fn record(reader: &mut Reader<'_>) -> Record {
    let format = u32::from_be_bytes(reader.0[..4].try_into().unwrap());
    let mut body = reader.tagged(format);
    let record = match format {
        // ifSpeed, ifInOctets and ifOutOctets are 64 bits wide.
        1 => Record::Generic(std::array::from_fn(|field| body.wide(matches!(field, 2 | 5 | 12)))),
        2 => Record::Ethernet(std::array::from_fn(|_| body.u32())),
        5 => Record::Vlan(std::array::from_fn(|field| body.wide(field == 1))),
        1005 => Record::PortName(body.opaque().to_vec()),
        2000 => Record::Description {
            hostname: body.text(),
            uuid: body.take(16).try_into().unwrap(),
            machine: body.u32(),
            os: body.u32(),
            release: body.text(),
        },
        2001 => {
            let count = body.u32();
            Record::Adapters((0..count).map(|_| adapter(&mut body)).collect())
        }
        2002 => Record::Parent(body.u32(), body.u32()),
        2003 => Record::Cpu(std::array::from_fn(|_| body.u32())),
        2004 => Record::Memory(std::array::from_fn(|field| body.wide(field < 7))),
        2100 => Record::Node(std::array::from_fn(|field| body.wide(field == 2 || field == 3))),
        2104 => Record::VirtualNic(std::array::from_fn(|field| body.wide(field % 4 == 0))),
        other => panic!("record format {other}"),
    };
    body.end();
    record
}

fn adapter(body: &mut Reader<'_>) -> (u32, [u8; 6]) {
    let index = body.u32();
    assert_eq!(body.u32(), 1, "addresses of an adapter");
    let bytes: [u8; 8] = body.take(8).try_into().unwrap();
    assert_eq!(bytes[6..], [0, 0], "padding is not zero");
    (index, bytes[..6].try_into().unwrap())
}
