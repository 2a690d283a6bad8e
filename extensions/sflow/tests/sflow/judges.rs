//! Other people's decoders as crates: they must read every field of every datagram as [`walk`] does.
//!
//! `sflow-parser` reads all samples. `flowparser-sflow` 0.3 reads the data source of a discarded packet as a compact one,
//! which the standard says is expanded (and sflowtool and sflow-parser read it so), and loses its place: it gets
//! datagrams without discarded packets.

use std::net::IpAddr;

use flowparser_sflow::counter_records::{MachineType, OsName};
use flowparser_sflow::{AddressType, CounterRecord, FlowRecord, SflowParser, SflowSample};
use sflow_parser::models::core::{Address, CounterData, DropReason, FlowData, SampleData};

use crate::walker::{walk, Counters, Datagram, Discard, Flow, Frame, Record, Sample};
use crate::workload::random_work;

/// Settings and the number that port ids are above.
const WORK: [(&str, u32); 3] = [
    ("polling=5 agent=192.0.2.1 sub_agent=4", 0),
    ("polling=2 header=256 agent=2001:db8::7 vlans=on", 0),
    ("polling=3 header=64 header.up-=20 vlans=on", 0x0200_0000),
];

fn corpus(drops: bool) -> Vec<Vec<u8>> {
    (0..6)
        .zip(WORK.iter().cycle())
        .flat_map(|(seed, (settings, base))| random_work(seed, settings, *base, drops))
        .collect()
}

/// The named fields of a struct, each as `u64`: both crates name nearly all fields alike.
macro_rules! numbers {
    ($of:ident: $($field:ident)+) => { [$(u64::from($of.$field)),+] };
}

macro_rules! generic {
    ($i:ident) => {
        numbers!($i: if_index if_type if_speed if_direction if_status if_in_octets if_in_ucast_pkts
            if_in_multicast_pkts if_in_broadcast_pkts if_in_discards if_in_errors if_in_unknown_protos if_out_octets
            if_out_ucast_pkts if_out_multicast_pkts if_out_broadcast_pkts if_out_discards if_out_errors
            if_promiscuous_mode)
    };
}

macro_rules! ethernet {
    ($dot3:ident) => {
        [
            $dot3.dot3_stats_alignment_errors,
            $dot3.dot3_stats_fcs_errors,
            $dot3.dot3_stats_single_collision_frames,
            $dot3.dot3_stats_multiple_collision_frames,
            $dot3.dot3_stats_sqe_test_errors,
            $dot3.dot3_stats_deferred_transmissions,
            $dot3.dot3_stats_late_collisions,
            $dot3.dot3_stats_excessive_collisions,
            $dot3.dot3_stats_internal_mac_transmit_errors,
            $dot3.dot3_stats_carrier_sense_errors,
            $dot3.dot3_stats_frame_too_longs,
            $dot3.dot3_stats_internal_mac_receive_errors,
            $dot3.dot3_stats_symbol_errors,
        ]
    };
}

macro_rules! memory {
    ($m:ident) => {
        numbers!($m: mem_total mem_free mem_shared mem_buffers mem_cached swap_total swap_free page_in page_out swap_in
            swap_out)
    };
}

macro_rules! vlan {
    ($v:ident) => {
        numbers!($v: vlan_id octets ucast_pkts multicast_pkts broadcast_pkts discards)
    };
}

macro_rules! node {
    ($n:ident) => { numbers!($n: mhz cpus memory memory_free num_domains) };
}

macro_rules! nic {
    ($n:ident) => {
        numbers!($n: rx_bytes rx_packets rx_errs rx_drop tx_bytes tx_packets tx_errs tx_drop)
    };
}

/// The CPU record; its first three fields are given as bits.
macro_rules! cpu {
    ($c:ident, $one:expr, $five:expr, $fifteen:expr) => {
        [
            $one,
            $five,
            $fifteen,
            $c.proc_run,
            $c.proc_total,
            $c.cpu_num,
            $c.cpu_speed,
            $c.uptime,
            $c.cpu_user,
            $c.cpu_nice,
            $c.cpu_system,
            $c.cpu_idle,
            $c.cpu_wio,
            $c.cpu_intr,
            $c.cpu_sintr,
            $c.interrupts,
            $c.contexts,
        ]
    };
}

macro_rules! frame {
    ($raw:ident, $switch:ident) => {
        Frame {
            length: $raw.frame_length,
            stripped: $raw.stripped,
            header: $raw.header.clone(),
            switch: [$switch.src_vlan, $switch.src_priority, $switch.dst_vlan, $switch.dst_priority],
        }
    };
}

#[test]
fn flowparser_sflow_reads_the_same_in_every_datagram_without_discards() {
    let parser = SflowParser::default();
    for bytes in corpus(false) {
        let result = parser.parse_bytes(&bytes);
        assert!(result.error.is_none(), "{:?}", result.error);
        assert_eq!(result.datagrams.len(), 1);
        let datagram = result.datagrams.into_iter().next().unwrap();
        let read = Datagram {
            agent: match datagram.agent_address {
                AddressType::IPv4(address) => IpAddr::V4(address),
                AddressType::IPv6(address) => IpAddr::V6(address),
            },
            sub_agent: datagram.sub_agent_id,
            sequence: datagram.sequence_number,
            uptime_ms: datagram.uptime,
            samples: datagram.samples.into_iter().map(from_flowparser).collect(),
        };
        assert_eq!(read, walk(&bytes));
    }
}

fn from_flowparser(sample: SflowSample) -> Sample {
    let frame = |records: &[FlowRecord]| match records {
        [FlowRecord::RawPacketHeader(raw), FlowRecord::ExtendedSwitch(switch)] if raw.header_protocol == 1 => {
            frame!(raw, switch)
        }
        other => panic!("records {other:?}"),
    };
    let split = |word: u32| (word >> 30, word & 0x3FFF_FFFF);
    match sample {
        SflowSample::Flow(flow) => Sample::Flow(Flow {
            expanded: false,
            sequence: flow.sequence_number,
            source: (flow.source_id_type, flow.source_id_index),
            rate: flow.sampling_rate,
            pool: flow.sample_pool,
            drops: flow.drops,
            input: split(flow.input),
            output: split(flow.output),
            frame: frame(&flow.records),
        }),
        SflowSample::ExpandedFlow(flow) => Sample::Flow(Flow {
            expanded: true,
            sequence: flow.sequence_number,
            source: (flow.source_id_type, flow.source_id_index),
            rate: flow.sampling_rate,
            pool: flow.sample_pool,
            drops: flow.drops,
            input: (flow.input_format, flow.input_value),
            output: (flow.output_format, flow.output_value),
            frame: frame(&flow.records),
        }),
        SflowSample::Counter(sample) => Sample::Counters(Counters {
            expanded: false,
            sequence: sample.sequence_number,
            source: (sample.source_id_type, sample.source_id_index),
            records: sample.records.iter().map(record_of_flowparser).collect(),
        }),
        SflowSample::ExpandedCounter(sample) => Sample::Counters(Counters {
            expanded: true,
            sequence: sample.sequence_number,
            source: (sample.source_id_type, sample.source_id_index),
            records: sample.records.iter().map(record_of_flowparser).collect(),
        }),
        other => panic!("sample {other:?}"),
    }
}

fn record_of_flowparser(record: &CounterRecord) -> Record {
    match record {
        CounterRecord::GenericInterface(i) => Record::Generic(generic!(i)),
        CounterRecord::EthernetInterface(dot3) => Record::Ethernet(ethernet!(dot3)),
        CounterRecord::Vlan(v) => Record::Vlan(vlan!(v)),
        CounterRecord::PortName(port) => Record::PortName(port.name.clone().into_bytes()),
        CounterRecord::HostDescr(host) => Record::Description {
            hostname: host.hostname.clone(),
            uuid: *host.uuid.as_bytes(),
            machine: [MachineType::X86_64, MachineType::Arm]
                .iter()
                .position(|it| *it == host.machine_type)
                .map_or(0, |at| [3, 10][at]),
            os: if host.os_name == OsName::Linux { 2 } else { 0 },
            release: host.os_release.clone(),
        },
        CounterRecord::HostAdapters(all) => {
            let adapters = all.adapters.iter().map(|one| {
                assert_eq!(one.mac_addresses.len(), 1);
                (one.if_index, one.mac_addresses[0].bytes())
            });
            Record::Adapters(adapters.collect())
        }
        CounterRecord::HostParent(parent) => Record::Parent(parent.container_type, parent.container_index),
        CounterRecord::HostCpu(c) => {
            Record::Cpu(cpu!(c, c.load_one.to_bits(), c.load_five.to_bits(), c.load_fifteen.to_bits()))
        }
        CounterRecord::HostMemory(m) => Record::Memory(memory!(m)),
        CounterRecord::VirtNode(n) => Record::Node(node!(n)),
        CounterRecord::VirtNetIo(n) => Record::VirtualNic(nic!(n)),
        other => panic!("record {other:?}"),
    }
}

#[test]
fn sflow_parser_reads_the_same_in_every_datagram() {
    let mut discards = 0;
    for bytes in corpus(true) {
        let datagram = sflow_parser::parse_datagram(&bytes).unwrap();
        let read = Datagram {
            agent: match datagram.agent_address {
                Address::IPv4(address) => IpAddr::V4(address),
                Address::IPv6(address) => IpAddr::V6(address),
                Address::Unknown => panic!("unknown agent address"),
            },
            sub_agent: datagram.sub_agent_id,
            sequence: datagram.sequence_number,
            uptime_ms: datagram.uptime,
            samples: datagram.samples.into_iter().map(|record| from_sflow_parser(record.sample_data)).collect(),
        };
        discards += read.discards().count();
        let mut walked = walk(&bytes);
        for sample in &mut walked.samples {
            if let Sample::Discard(discard) = sample {
                // It has the reasons of the first edition only and reads all others as unknown.
                discard.reason = DropReason::from_u32(discard.reason).map_or(256, |reason| reason as u32);
            }
        }
        assert_eq!(read, walked);
    }
    assert!(discards > 500, "{discards}");
}

fn from_sflow_parser(sample: SampleData) -> Sample {
    let frame = |records: &[sflow_parser::models::core::FlowRecord]| {
        let data: Vec<_> = records.iter().map(|record| &record.flow_data).collect();
        match data[..] {
            [FlowData::SampledHeader(raw), FlowData::ExtendedSwitch(switch)] if raw.protocol as u32 == 1 => {
                Some(frame!(raw, switch))
            }
            [] => None,
            ref other => panic!("records {other:?}"),
        }
    };
    let records = |counters: Vec<sflow_parser::models::core::CounterRecord>| {
        counters.into_iter().map(|record| record_of_sflow_parser(record.counter_data)).collect()
    };
    match sample {
        SampleData::FlowSample(flow) => Sample::Flow(Flow {
            expanded: false,
            sequence: flow.sequence_number,
            source: (flow.source_id.source_type().into(), flow.source_id.index()),
            rate: flow.sampling_rate,
            pool: flow.sample_pool,
            drops: flow.drops,
            input: (flow.input.0 >> 30, flow.input.0 & 0x3FFF_FFFF),
            output: (flow.output.0 >> 30, flow.output.0 & 0x3FFF_FFFF),
            frame: frame(&flow.flow_records).unwrap(),
        }),
        SampleData::FlowSampleExpanded(flow) => Sample::Flow(Flow {
            expanded: true,
            sequence: flow.sequence_number,
            source: (flow.source_id.source_id_type, flow.source_id.source_id_index),
            rate: flow.sampling_rate,
            pool: flow.sample_pool,
            drops: flow.drops,
            input: (flow.input.format, flow.input.value),
            output: (flow.output.format, flow.output.value),
            frame: frame(&flow.flow_records).unwrap(),
        }),
        SampleData::CountersSample(sample) => Sample::Counters(Counters {
            expanded: false,
            sequence: sample.sequence_number,
            source: (sample.source_id.source_type().into(), sample.source_id.index()),
            records: records(sample.counters),
        }),
        SampleData::CountersSampleExpanded(sample) => Sample::Counters(Counters {
            expanded: true,
            sequence: sample.sequence_number,
            source: (sample.source_id.source_id_type, sample.source_id.source_id_index),
            records: records(sample.counters),
        }),
        SampleData::DiscardedPacket(packet) => Sample::Discard(Discard {
            sequence: packet.sequence_number,
            source: (packet.source_id.source_id_type, packet.source_id.source_id_index),
            drops: packet.drops,
            input: packet.input_ifindex,
            output: packet.output_ifindex,
            reason: packet.reason as u32,
            frame: frame(&packet.flow_records),
        }),
        other => panic!("sample {other:?}"),
    }
}

fn record_of_sflow_parser(record: CounterData) -> Record {
    match record {
        CounterData::GenericInterface(i) => Record::Generic(generic!(i)),
        CounterData::EthernetInterface(dot3) => Record::Ethernet(ethernet!(dot3)),
        CounterData::Vlan(v) => Record::Vlan(vlan!(v)),
        CounterData::OpenFlowPortName(port) => Record::PortName(port.port_name.into_bytes()),
        CounterData::HostDescription(host) => Record::Description {
            hostname: host.hostname,
            uuid: host.uuid,
            machine: host.machine_type as u32,
            os: host.os_name as u32,
            release: host.os_release,
        },
        CounterData::HostAdapters(all) => {
            let adapters = all.adapters.iter().map(|one| {
                assert_eq!(one.mac_addresses.len(), 1);
                (one.if_index, *one.mac_addresses[0].as_bytes())
            });
            Record::Adapters(adapters.collect())
        }
        CounterData::HostParent(parent) => Record::Parent(parent.container_type, parent.container_index),
        CounterData::HostCpu(c) => Record::Cpu(cpu!(c, c.load_one, c.load_five, c.load_fifteen)),
        CounterData::HostMemory(m) => Record::Memory(memory!(m)),
        CounterData::VirtualNode(n) => Record::Node(node!(n)),
        CounterData::VirtualNetIo(n) => Record::VirtualNic(nic!(n)),
        other => panic!("record {other:?}"),
    }
}
