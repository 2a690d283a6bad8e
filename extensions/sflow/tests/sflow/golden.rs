//! Whole datagrams, word for word, written down by hand from section 5.

use std::net::IpAddr;

use heddle_sflow::datagram::{
    Adapter, Agent, CounterRecord, CountersSample, Cpu, DataSource, Description, DiscardReason, DiscardedPacket,
    Encoding, ExtendedSwitch, FlowSample, IfIndex, Interface, InterfaceCounters, Memory, Node, SampledHeader,
};
use heddle_sflow::receiver::{Company, Receiver};

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

#[test]
fn a_flow_sample_of_a_tagged_frame_to_one_port_from_an_ipv4_agent() {
    let frame: Vec<u8> = (1..=18).collect();
    let sample = FlowSample {
        sequence: 3,
        source: DataSource::port(index(2)),
        sampling_rate: 400,
        sample_pool: 1_234,
        drops: 1,
        input: Interface::Index(index(2)),
        output: Interface::Index(index(5)),
        header: SampledHeader { frame_length: 1_514, bytes: &frame },
        switch: ExtendedSwitch::from_tci(0x600A, 0x0014),
    };
    let mut receiver = Receiver::new(Agent { address: IpAddr::from([192, 0, 2, 1]), sub_agent: 7 });
    let mut sent = Vec::new();
    assert!(receiver.add(0, Company::Common, |out| sample.encode(Encoding::Compact, out), &mut |_| false));
    receiver.flush(65_000_000, &mut |datagram| {
        sent = datagram.to_vec();
        true
    });
    let expected = bytes(&[
        5,
        1,
        0xC000_0201,
        7,
        1,
        65,
        1, // version, agent, sub-agent, sequence, uptime, samples
        1,
        100, // flow_sample and its length
        3,
        2,
        400,
        1_234,
        1,
        2,
        5,
        2, // sequence, source, rate, pool, drops, input, output, records
        1,
        36,
        1,
        1_518,
        4,
        18, // raw header: Ethernet, length with FCS, FCS stripped, 18 bytes
        0x0102_0304,
        0x0506_0708,
        0x090A_0B0C,
        0x0D0E_0F10,
        0x1112_0000, // padded to 20
        1001,
        16,
        10,
        3,
        20,
        0, // extended switch
    ]);
    assert_eq!(hex(&sent), hex(&expected));
}

#[test]
fn a_flooded_and_a_dropped_frame_in_one_datagram_from_an_ipv6_agent() {
    let sample = FlowSample {
        sequence: 1,
        source: DataSource::port(index(0x00FF_FFFF)),
        sampling_rate: 1,
        sample_pool: 1,
        drops: 0,
        input: Interface::Index(index(0x00FF_FFFF)),
        output: Interface::Multiple(9),
        header: SampledHeader { frame_length: 60, bytes: &[0xAB; 4] },
        switch: ExtendedSwitch::default(),
    };
    let dropped = FlowSample { sequence: 2, output: Interface::Discarded(DiscardReason::ACL), ..sample };
    let mut receiver = Receiver::new(Agent { address: "2001:db8::1".parse().unwrap(), sub_agent: 0 });
    let mut sent = Vec::new();
    for sample in [sample, dropped] {
        assert!(receiver.add(0, Company::Common, |out| sample.encode(Encoding::Compact, out), &mut |_| false));
    }
    receiver.flush(0, &mut |datagram| {
        sent = datagram.to_vec();
        true
    });
    let mut expected = vec![5, 2, 0x2001_0DB8, 0, 0, 1, 0, 1, 0, 2];
    for (sequence, output) in [(1, 0x8000_0009), (2, 0x4000_0102)] {
        expected.extend([1, 84, sequence, 0x00FF_FFFF, 1, 1, 0, 0x00FF_FFFF, output, 2]);
        expected.extend([1, 20, 1, 64, 4, 4, 0xABAB_ABAB, 1001, 16, 0, 0, 0, 0]);
    }
    assert_eq!(hex(&sent), hex(&bytes(&expected)));
}

#[test]
fn a_counters_sample_marks_what_it_does_not_know_and_ends_with_the_name() {
    let counters = InterfaceCounters {
        speed: 10_000_000_000,
        admin_up: true,
        oper_up: true,
        in_octets: 0x0000_0001_0000_0002,
        in_packets: 0x0000_0001_0000_0064,
        in_multicast: 10,
        in_broadcast: 20,
        in_discards: 4,
        out_octets: 6,
        out_packets: 33,
        out_multicast: 1,
        out_broadcast: 2,
        out_discards: 5,
    };
    let records =
        [CounterRecord::Interface(index(3), &counters), CounterRecord::Ethernet, CounterRecord::PortName(b"vm-a1")];
    let sample = CountersSample { sequence: 9, source: DataSource::port(index(3)), records: &records };
    let mut receiver = Receiver::new(Agent { address: IpAddr::from([127, 0, 0, 1]), sub_agent: 0 });
    let mut sent = Vec::new();
    assert!(receiver.add(0, Company::Common, |out| sample.encode(Encoding::Compact, out), &mut |_| false));
    receiver.flush(1_000_000, &mut |datagram| {
        sent = datagram.to_vec();
        true
    });
    let unknown = u32::MAX;
    let mut expected = vec![5, 1, 0x7F00_0001, 0, 1, 1, 1];
    expected.extend([2, 188, 9, 3, 3]); // counters_sample, its length, sequence, source, records
    expected.extend([1, 88, 3, 6, 2, 0x540B_E400, 1, 3]); // if_counters: index, type, speed, direction, status
    expected.extend([1, 2, 70, 10, 20, 4, unknown, unknown]); // in
    expected.extend([0, 6, 30, 1, 2, 5, unknown, 0]); // out, promiscuous
    expected.extend([2, 52]);
    expected.extend([unknown; 13]);
    expected.extend([1005, 12, 5, 0x766D_2D61, 0x3100_0000]);
    assert_eq!(hex(&sent), hex(&bytes(&expected)));
}

/// One sample in a datagram of its own, without the datagram's header.
fn alone(encode: impl Fn(&mut heddle_sflow::datagram::XdrWriter<'_>)) -> Vec<u8> {
    let mut receiver = Receiver::new(Agent { address: IpAddr::from([127, 0, 0, 1]), sub_agent: 0 });
    let mut sent = Vec::new();
    assert!(receiver.add(0, Company::Common, encode, &mut |_| false));
    receiver.flush(0, &mut |datagram| {
        sent = datagram[28..].to_vec();
        true
    });
    sent
}

#[test]
fn an_expanded_flow_sample_has_a_word_for_each_format_and_class() {
    let sample = FlowSample {
        sequence: 1,
        source: DataSource::port(index(0x0100_0002)),
        sampling_rate: 10,
        sample_pool: 20,
        drops: 0,
        input: Interface::Index(index(0x0100_0002)),
        output: Interface::Multiple(3),
        header: SampledHeader { frame_length: 60, bytes: &[0xAB; 4] },
        switch: ExtendedSwitch::default(),
    };
    let mut expected = vec![3, 96, 1, 0, 0x0100_0002, 10, 20, 0, 0, 0x0100_0002, 2, 3, 2];
    expected.extend([1, 20, 1, 64, 4, 4, 0xABAB_ABAB, 1001, 16, 0, 0, 0, 0]);
    assert_eq!(hex(&alone(|out| sample.encode(Encoding::Expanded, out))), hex(&bytes(&expected)));
}

#[test]
fn a_discarded_packet_with_and_without_its_frame() {
    let frame = SampledHeader { frame_length: 60, bytes: &[0xAB; 4] };
    let packet = DiscardedPacket {
        sequence: 7,
        source: DataSource::port(index(5)),
        drops: 9,
        input: Some(index(5)),
        output: None,
        reason: DiscardReason::VLAN_TAG_MISMATCH,
        frame: Some((frame, ExtendedSwitch::from_tci(0x2003, 0))),
    };
    let mut expected = vec![5, 84, 7, 0, 5, 9, 5, 0, 264, 2];
    expected.extend([1, 20, 1, 64, 4, 4, 0xABAB_ABAB, 1001, 16, 3, 1, 0, 0]);
    assert_eq!(hex(&alone(|out| packet.encode(out))), hex(&bytes(&expected)));
    let gone = DiscardedPacket { input: None, output: Some(index(6)), frame: None, ..packet };
    assert_eq!(hex(&alone(|out| gone.encode(out))), hex(&bytes(&[5, 32, 7, 0, 5, 9, 0, 6, 264, 0])));
}

#[test]
fn samples_of_a_host_and_of_a_machine() {
    let description = Description { hostname: "host1", uuid: [0x11; 16], machine: 3, linux: true, release: "6.1" };
    let cpu = Cpu {
        load: [0.5, 1.0, 2.0],
        processes: [1, 2],
        processors: 3,
        mhz: 4,
        uptime_s: 5,
        times_ms: [6, 7, 8, 9, 10, 11, 0x0000_0001_0000_000C],
        counts: [13, 14],
    };
    let memory = Memory { bytes: [1, 2, 3, 4, 5, 6, 7] };
    let node = Node { mhz: 1, processors: 2, memory: 3, memory_free: 4, machines: 5 };
    let adapters = [Adapter { index: index(9), mac: [1, 2, 3, 4, 5, 6] }];
    let records = [
        CounterRecord::Description(&description),
        CounterRecord::Adapters(&adapters),
        CounterRecord::Cpu(&cpu),
        CounterRecord::Memory(&memory),
        CounterRecord::Node(&node),
    ];
    let host = CountersSample { sequence: 1, source: DataSource::HOST, records: &records };
    let unknown = u32::MAX;
    let mut expected = vec![2, 312, 1, 0x0200_0001, 5];
    expected.extend([2000, 44, 5, 0x686F_7374, 0x3100_0000]);
    expected.extend([0x1111_1111; 4]);
    expected.extend([3, 2, 3, 0x362E_3100]);
    expected.extend([2001, 20, 1, 9, 1, 0x0102_0304, 0x0506_0000]);
    expected.extend([2003, 68, 0x3F00_0000, 0x3F80_0000, 0x4000_0000]);
    expected.extend(1..=14);
    expected.extend([2004, 72, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, unknown, unknown, unknown, unknown]);
    expected.extend([2100, 28, 1, 2, 0, 3, 0, 4, 5]);
    let length = u32::try_from(expected.len() * 4 - 8).unwrap();
    expected[1] = length;
    assert_eq!(hex(&alone(|out| host.encode(Encoding::Compact, out))), hex(&bytes(&expected)));

    let counters = InterfaceCounters {
        in_octets: 1,
        in_packets: 2,
        in_discards: 3,
        out_octets: 4,
        ..InterfaceCounters::default()
    };
    let records = [CounterRecord::Parent(DataSource::HOST), CounterRecord::VirtualNic(&counters)];
    let machine = CountersSample { sequence: 2, source: DataSource::machine(index(9)), records: &records };
    let mut expected = vec![4, 80, 2, 3, 9, 2, 2002, 8, 2, 1];
    expected.extend([2104, 40, 0, 4, 0, unknown, 0, 0, 1, 2, unknown, 3]);
    assert_eq!(hex(&alone(|out| machine.encode(Encoding::Expanded, out))), hex(&bytes(&expected)));
}
