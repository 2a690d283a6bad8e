//! Other people's decoders as crates: they must read every field of every datagram as [`walk`] does.

use std::net::IpAddr;

use flowparser_sflow::{AddressType, CounterRecord, FlowRecord, SflowParser, SflowSample};
use sflow_parser::models::core::{Address, CounterData, FlowData, SampleData};

use crate::walker::{walk, Counters, Datagram, Flow, Sample};
use crate::workload::random_datagrams;

const SETTINGS: [&str; 2] = ["polling=5 agent=192.0.2.1 sub_agent=4", "polling=2 header=256 agent=2001:db8::7"];

fn corpus() -> Vec<Vec<u8>> {
    (0..4).zip(SETTINGS.iter().cycle()).flat_map(|(seed, settings)| random_datagrams(seed, settings)).collect()
}

/// Both crates name the fields alike.
macro_rules! generic_fields {
    ($i:ident) => {
        [
            u64::from($i.if_index),
            u64::from($i.if_type),
            u64::from($i.if_speed),
            u64::from($i.if_direction),
            u64::from($i.if_status),
            u64::from($i.if_in_octets),
            u64::from($i.if_in_ucast_pkts),
            u64::from($i.if_in_multicast_pkts),
            u64::from($i.if_in_broadcast_pkts),
            u64::from($i.if_in_discards),
            u64::from($i.if_in_errors),
            u64::from($i.if_in_unknown_protos),
            u64::from($i.if_out_octets),
            u64::from($i.if_out_ucast_pkts),
            u64::from($i.if_out_multicast_pkts),
            u64::from($i.if_out_broadcast_pkts),
            u64::from($i.if_out_discards),
            u64::from($i.if_out_errors),
            u64::from($i.if_promiscuous_mode),
        ]
    };
}

macro_rules! ethernet_fields {
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

#[test]
fn flowparser_sflow_reads_the_same_in_every_datagram() {
    let parser = SflowParser::default();
    for bytes in corpus() {
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
    match sample {
        SflowSample::Flow(flow) => {
            let [FlowRecord::RawPacketHeader(raw), FlowRecord::ExtendedSwitch(switch)] = &flow.records[..] else {
                panic!("records {:?}", flow.records)
            };
            assert_eq!((raw.header_protocol, flow.source_id_type), (1, 0));
            Sample::Flow(Flow {
                sequence: flow.sequence_number,
                source: flow.source_id_index,
                rate: flow.sampling_rate,
                pool: flow.sample_pool,
                drops: flow.drops,
                input: flow.input,
                output: flow.output,
                frame_length: raw.frame_length,
                stripped: raw.stripped,
                header: raw.header.clone(),
                switch: [switch.src_vlan, switch.src_priority, switch.dst_vlan, switch.dst_priority],
            })
        }
        SflowSample::Counter(sample) => {
            let [CounterRecord::GenericInterface(i), CounterRecord::EthernetInterface(dot3), CounterRecord::PortName(port)] =
                &sample.records[..]
            else {
                panic!("records {:?}", sample.records)
            };
            Sample::Counters(Counters {
                sequence: sample.sequence_number,
                source: sample.source_id_index,
                generic: generic_fields!(i),
                ethernet: ethernet_fields!(dot3),
                name: port.name.clone().into_bytes(),
            })
        }
        other => panic!("sample {other:?}"),
    }
}

#[test]
fn sflow_parser_reads_the_same_in_every_datagram() {
    for bytes in corpus() {
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
        assert_eq!(read, walk(&bytes));
    }
}

fn from_sflow_parser(sample: SampleData) -> Sample {
    match sample {
        SampleData::FlowSample(flow) => {
            let data: Vec<_> = flow.flow_records.into_iter().map(|record| record.flow_data).collect();
            let [FlowData::SampledHeader(raw), FlowData::ExtendedSwitch(switch)] = &data[..] else {
                panic!("records {data:?}")
            };
            assert_eq!((raw.protocol as u32, flow.source_id.source_type()), (1, 0));
            Sample::Flow(Flow {
                sequence: flow.sequence_number,
                source: flow.source_id.index(),
                rate: flow.sampling_rate,
                pool: flow.sample_pool,
                drops: flow.drops,
                input: flow.input.0,
                output: flow.output.0,
                frame_length: raw.frame_length,
                stripped: raw.stripped,
                header: raw.header.clone(),
                switch: [switch.src_vlan, switch.src_priority, switch.dst_vlan, switch.dst_priority],
            })
        }
        SampleData::CountersSample(sample) => {
            let data: Vec<_> = sample.counters.into_iter().map(|record| record.counter_data).collect();
            let [CounterData::GenericInterface(i), CounterData::EthernetInterface(dot3), CounterData::OpenFlowPortName(port)] =
                &data[..]
            else {
                panic!("records {data:?}")
            };
            Sample::Counters(Counters {
                sequence: sample.sequence_number,
                source: sample.source_id.index(),
                generic: generic_fields!(i),
                ethernet: ethernet_fields!(dot3),
                name: port.port_name.clone().into_bytes(),
            })
        }
        other => panic!("sample {other:?}"),
    }
}
