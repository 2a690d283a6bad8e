//! sFlow samples of the real daemon: floods, tagged and dropped frames, and what collectors make of them.
//!
//! Every frame is sampled, so every frame must be in every collector's books with its ports and VLANs: sfcapd with nfdump
//! gets the datagrams from the daemon itself, sfacctd from a capture of what this test's own socket got, and sflow-parser
//! reads that too. A third collector does not exist and must hold nobody up.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heddle_end_to_end::daemon::{Daemon, built};
use heddle_end_to_end::frames::{datagram, mac};
use heddle_end_to_end::namespace::{Namespace, Running, device};
use heddle_end_to_end::wire::Wire;
use heddle_end_to_end::{as_root, leave_out, wait_for};
use serde_json::Value;
use sflow_parser::models::core::{CounterData, FlowData, SFlowDatagram, SampleData};

/// A station behind a TAP port.
struct Host {
    id: u32,
    mac: [u8; 6],
    wire: Wire,
    _space: Namespace,
}

impl Host {
    fn plug(daemon: &Daemon, number: u8, port: &str, options: &str) -> Host {
        let (space, tap) = (Namespace::new(port), device("s"));
        daemon.ok(&format!("port add lab {port} --backend tap --device {tap} {options}"));
        space.adopt(&tap, &[]);
        let wire = Wire::open(&space, &tap, Duration::from_millis(100));
        let id = daemon.json(&format!("port show lab {port}"))["id"].as_u64().unwrap();
        Host { id: u32::try_from(id).unwrap(), mac: mac(9, number), wire, _space: space }
    }

    /// Sends a UDP datagram, with a tag when `tci` is given.
    fn send(&self, to: [u8; 6], tci: Option<u16>, flow: u8) {
        let mut frame = datagram(self.mac, to, flow, 0);
        if let Some(tci) = tci {
            frame.splice(12..12, [0x81, 0].into_iter().chain(tci.to_be_bytes()));
        }
        self.wire.send(&frame);
    }
}

/// This test's own collector: all datagrams it gets.
struct Own {
    port: u16,
    got: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Own {
    fn listen(address: &str) -> Own {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&got);
        // It ends with the test's process.
        std::thread::spawn(move || {
            let mut place = [0; 2_048];
            while let Ok(length) = socket.recv(&mut place) {
                to.lock().unwrap().push(place[..length].to_vec());
            }
        });
        Own { port, got }
    }

    fn datagrams(&self) -> Vec<SFlowDatagram> {
        self.got.lock().unwrap().iter().map(|bytes| sflow_parser::parse_datagram(bytes).unwrap()).collect()
    }

    fn samples(&self) -> Vec<SampleData> {
        let all = self.datagrams().into_iter().flat_map(|datagram| datagram.samples);
        all.map(|record| record.sample_data).collect()
    }
}

/// One frame as collectors book it: source MAC, input, output word, VLAN in, VLAN out; how often.
type Books = BTreeMap<([u8; 6], u32, u32, u32, u32), usize>;

/// What stands in the flow samples, of frames of this test only.
fn books(samples: &[SampleData]) -> Books {
    let mut books = Books::new();
    for sample in samples {
        let SampleData::FlowSample(flow) = sample else { continue };
        let [raw, switch] = &flow.flow_records[..] else { panic!("{} records", flow.flow_records.len()) };
        let (FlowData::SampledHeader(raw), FlowData::ExtendedSwitch(switch)) = (&raw.flow_data, &switch.flow_data)
        else {
            panic!("other records")
        };
        let from: [u8; 6] = raw.header[6..12].try_into().unwrap();
        if from[..5] == mac(9, 0)[..5] {
            *books.entry((from, flow.input.0, flow.output.0, switch.src_vlan, switch.dst_vlan)).or_default() += 1;
        }
    }
    books
}

/// What nfdump or sfacctd keeps, in the same words: its own names of the fields.
fn books_of(lines: &[Value], names: [&str; 5]) -> Books {
    let mut books = Books::new();
    for line in lines {
        let [from, input, output, vlan_in, vlan_out] = names.map(|name| &line[name]);
        let bytes: Vec<u8> =
            from.as_str().unwrap().split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let from: [u8; 6] = bytes.try_into().unwrap();
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap_or(0)).unwrap();
        if from[..5] == mac(9, 0)[..5] {
            // A line may stand for several frames.
            let count = line.get("packets").or(line.get("in_packets")).and_then(Value::as_u64).unwrap_or(1);
            let key = (from, number(input), number(output), number(vlan_in), number(vlan_out));
            *books.entry(key).or_default() += usize::try_from(count).unwrap();
        }
    }
    books
}

/// The fields of sfacctd, in the order of [`Books`].
const SFACCTD: [&str; 5] = ["mac_src", "iface_in", "iface_out", "vlan", "none"];

/// A running sfcapd and the port it listens on.
fn sfcapd(folder: &Path) -> Option<(Running, u16)> {
    std::fs::create_dir_all(folder).unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new("sfcapd");
    command.args(["-b", "127.0.0.1", "-t", "3600", "-p", &port.to_string(), "-w"]).arg(folder);
    let child = command.stdout(Stdio::null()).stderr(log).spawn().ok()?;
    wait_for("sfcapd to listen", || std::fs::read_to_string(folder.join("log")).unwrap().contains("Startup sfcapd"));
    Some((Running(child), port))
}

/// What sfcapd kept, after it was told to end.
fn nfdump(mut running: Running, folder: &Path) -> Vec<Value> {
    Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    running.0.wait().unwrap();
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept = files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("nfcapd.2")).unwrap();
    let output = Command::new("nfdump").args(["-o", "json", "-r"]).arg(kept).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What sfacctd makes of a capture of the datagrams, which book that many frames; it prints what it has every two seconds and goes on waiting behind its end, so it is ended.
fn sfacctd(folder: &Path, datagrams: &[Vec<u8>], frames: usize) -> Option<Vec<Value>> {
    let (capture, config, output) = (folder.join("own.pcap"), folder.join("sfacctd.conf"), folder.join("out"));
    write_capture(&capture, datagrams);
    let fields = "src_mac,vlan,in_iface,out_iface";
    let settings = [
        "daemonize: false".to_owned(),
        format!("pcap_savefile: {}", capture.display()),
        "plugins: print".to_owned(),
        format!("aggregate: {fields}"),
        "print_output: json".to_owned(),
        "print_refresh_time: 2".to_owned(),
    ];
    std::fs::write(&config, settings.join("\n")).unwrap();
    let file = std::fs::File::create(&output).unwrap();
    let errors = file.try_clone().unwrap();
    let child = Command::new("sfacctd").arg("-f").arg(&config).stdout(file).stderr(errors).spawn().ok()?;
    let mut running = Running(child);
    let printed = || -> Vec<Value> {
        let text = std::fs::read_to_string(&output).unwrap();
        // The last line may be half there.
        text.lines().filter(|line| line.starts_with('{')).filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    wait_for("sfacctd to print", || books_of(&printed(), SFACCTD).values().sum::<usize>() >= frames);
    // Its plugin is a process of its own, which ends with a core that is asked to end, not with one that is killed.
    Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    running.0.wait().unwrap();
    Some(printed())
}

/// A classic pcap file (raw IPv4) with the datagrams on their way to port 6343.
fn write_capture(path: &Path, datagrams: &[Vec<u8>]) {
    let mut file: Vec<u8> =
        [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
    for datagram in datagrams {
        let udp = u16::try_from(datagram.len() + 8).unwrap();
        let length = u32::from(udp) + 34;
        file.extend([1, 0, length, length].iter().flat_map(|word| word.to_be_bytes()));
        file.extend([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0]);
        file.extend((udp + 20).to_be_bytes());
        file.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9]);
        file.extend([40_000, 6_343, udp, 0].iter().flat_map(|half: &u16| half.to_be_bytes()));
        file.extend(datagram);
    }
    std::fs::write(path, file).unwrap();
}

/// What an operator reads of the extension.
fn counter(daemon: &Daemon, name: &str) -> u64 {
    let shown = daemon.json("extension show lab org.heddle.sflow");
    let counters = shown["counters"].as_array().unwrap();
    counters.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} in {shown}"))["value"]
        .as_u64()
        .unwrap()
}

const MULTIPLE: u32 = 2 << 30;
const DISCARDED: u32 = 1 << 30;

/// Eleven frames: floods, known stations, and three that are dropped.
fn round_of_frames(daemon: &Daemon, [trunk, ten, too, twenty]: [&Host; 4]) {
    let (everyone, lldp) = ([0xff; 6], [1, 0x80, 0xC2, 0, 0, 0x0E]);
    ten.send(everyone, None, 1);
    too.send(everyone, None, 2);
    trunk.send(everyone, Some(0xA000 | 10), 3);
    twenty.send(everyone, None, 4);
    // All stations are known from here on.
    wait_for("the stations to be learnt", || daemon.json("fdb show lab").as_array().is_some_and(|all| all.len() >= 4));
    ten.send(too.mac, None, 5);
    ten.send(trunk.mac, None, 6);
    trunk.send(ten.mac, Some(0xA000 | 10), 7);
    trunk.send(twenty.mac, Some(0x6000 | 20), 8);
    // Dropped: a tag on an access port, a VLAN the trunk does not carry, an address of the link.
    ten.send(too.mac, Some(10), 9);
    trunk.send(ten.mac, Some(30), 10);
    twenty.send(lldp, None, 11);
}

/// What a collector has to have of that many rounds.
fn booked(rounds: usize, [trunk, ten, too, twenty]: [&Host; 4]) -> Books {
    let row = |host: &Host, output: u32, vlan_in, vlan_out| ((host.mac, host.id, output, vlan_in, vlan_out), rounds);
    Books::from([
        // Floods: to the trunk and the other port of VLAN 10; to both of them; to the one member of VLAN 20.
        row(ten, MULTIPLE | 2, 0, 10),
        row(too, MULTIPLE | 2, 0, 10),
        row(trunk, MULTIPLE | 2, 10, 0),
        row(twenty, trunk.id, 0, 20),
        row(ten, too.id, 0, 0),
        row(ten, trunk.id, 0, 10),
        row(trunk, ten.id, 10, 0),
        row(trunk, twenty.id, 20, 0),
        row(ten, DISCARDED | 264, 10, 0),
        row(trunk, DISCARDED | 265, 30, 0),
        row(twenty, DISCARDED | 294, 0, 0),
    ])
}

#[test]
fn collectors_book_every_frame_with_its_ports_and_vlans() {
    let Some(_turn) = as_root("collectors_book_every_frame_with_its_ports_and_vlans") else { return };
    let daemon = Daemon::start();
    daemon.ok("switch create lab --workers 2");
    let trunk = Host::plug(&daemon, 1, "trunk", "--vlan-mode trunk --allowed 10,20");
    let ten = Host::plug(&daemon, 2, "ten", "--vlan-mode access --vlan 10");
    let too = Host::plug(&daemon, 3, "too", "--vlan-mode access --vlan 10");
    let twenty = Host::plug(&daemon, 4, "twenty", "--vlan-mode access --vlan 20");
    let folder = daemon.directory.path().join("sfcapd");
    let listening = sfcapd(&folder);
    let (own, six) = (Own::listen("127.0.0.1"), Own::listen("::1"));
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let real = listening.as_ref().map_or(String::new(), |(_, port)| format!(",127.0.0.1:{port}"));
    let collectors = format!("127.0.0.1:{},[::1]:{},127.0.0.1:{nobody}{real}", own.port, six.port);
    let library = built("libheddle_sflow.so");
    daemon.ok(&format!(
        "extension enable lab {} --config collector={collectors} --config sampling=1 --config polling=1 \
         --config drops=1000 --config agent=192.0.2.1 --config header.twenty=64 --config vlans=on",
        library.display()
    ));

    // The agent's first tick, which lets drops be told, and a tick of the workers, which ask for them.
    wait_for("the agent to be at work", || counter(&daemon, "collector1_sent") > 0);
    std::thread::sleep(Duration::from_millis(100));

    let (rounds, hosts) = (20, [&trunk, &ten, &too, &twenty]);
    (0..rounds).for_each(|_| round_of_frames(&daemon, hosts));
    let sent = rounds * 11;
    wait_for("all samples to arrive", || books(&own.samples()).values().sum::<usize>() >= sent);

    let read = books(&own.samples());
    let expected = booked(rounds, hosts);
    assert_eq!(read, expected);
    wait_for("the other collector to have it, too", || books(&six.samples()) == expected);
    sequences_are_whole(&own);
    header_and_priority(&own.samples(), &trunk, &twenty);
    drops_are_told(&own, [&ten, &trunk, &twenty], rounds);
    counters_are_told(&daemon, &own, &ten);
    vlans_are_told(&own, rounds);

    assert_eq!(counter(&daemon, "samples_dropped"), 0);
    assert!(counter(&daemon, "flow_samples") >= sent as u64);
    assert!(counter(&daemon, "collector1_sent") > 0 && counter(&daemon, "collector1_failed") == 0);
    wait_for("the collector that is not there to be counted", || counter(&daemon, "collector3_failed") > 0);
    assert!(daemon.log().contains("collector 3") && daemon.log().contains("does not take datagrams"));

    judged_by_programs(listening.map(|(running, _)| running), &folder, &own, &expected);
    assert_eq!(daemon.balance("lab"), 0);
}

#[test]
fn settings_change_while_the_agent_runs() {
    let Some(_turn) = as_root("settings_change_while_the_agent_runs") else { return };
    let daemon = Daemon::start();
    daemon.ok("switch create lab --workers 2");
    for (port, other) in [(1, 2), (2, 1)] {
        daemon.ok(&format!("port add lab p{port} --backend memory --device source:2000:128:8:{port}:{other}"));
    }
    let own = Own::listen("127.0.0.1");
    let library = built("libheddle_sflow.so");
    let (collector, agent) = (format!("127.0.0.1:{}", own.port), "org.heddle.sflow");
    daemon.ok(&format!(
        "extension enable lab {} --config collector={collector} --config sampling=0 --config polling=0 --config host=off",
        library.display()
    ));
    let published = daemon.json(&format!("extension config schema {agent}"));
    let keys: Vec<_> =
        published["settings"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    let listed = keys.iter().filter(|key| !key.ends_with('.')).collect::<Vec<_>>();
    assert_eq!(
        listed,
        ["collector", "sampling", "polling", "header", "drops", "agent", "sub_agent", "host", "machines", "vlans"]
            .iter()
            .collect::<Vec<_>>()
    );

    let rates = || {
        let samples = own.samples();
        let flows = samples.iter().filter_map(|one| match one {
            SampleData::FlowSample(flow) => Some((flow.source_id.index(), flow.sampling_rate)),
            _ => None,
        });
        flows.collect::<std::collections::BTreeSet<_>>()
    };
    let id = |port| daemon.json(&format!("port show lab {port}"))["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    let ids = ["p1", "p2"].map(|port| id(port).unwrap());
    // None has been wanted for a while, and the workers' counts stand for none.
    wait_for("traffic", || daemon.json("port show lab p1")["counters"]["rx_packets"].as_u64() > Some(1_000));
    assert!(rates().is_empty());
    daemon.ok(&format!("extension config set {agent} sampling=10 sampling.p2=25"));
    wait_for("samples by the new rates", || rates() == [(ids[0], 10), (ids[1], 25)].into());
    daemon.ok(&format!("extension config set {agent} polling=1"));
    wait_for("counters", || own.samples().iter().any(|one| matches!(one, SampleData::CountersSample(_))));

    for (line, code, words) in [
        ("sampling=often", 5, "give a whole number from 0 to 1000000000 frames"),
        ("samplin=4", 5, "nearest is 'sampling'"),
        ("agent=192.0.2.1", 5, "reads 'agent' only when it is enabled"),
    ] {
        daemon.refused(&format!("extension config set {agent} {line}"), code, &[words]);
    }
    // The law holds at rest.
    ["p1", "p2"].iter().for_each(|port| drop(daemon.ok(&format!("port remove lab {port}"))));
    assert_eq!(daemon.balance("lab"), 0);
}

/// Numbers of datagrams and of each port's samples have no gap.
fn sequences_are_whole(own: &Own) {
    let mut of_ports = BTreeMap::new();
    for (number, datagram) in (1..).zip(own.datagrams()) {
        assert_eq!(datagram.sequence_number, number);
        for sample in datagram.samples {
            if let SampleData::FlowSample(flow) = sample.sample_data {
                let before = of_ports.insert(flow.source_id.index(), (flow.sequence_number, flow.sample_pool));
                let (sequence, pool) = before.unwrap_or((0, 0));
                assert_eq!(flow.sequence_number, sequence + 1);
                // Every frame is sampled, so the pool counts the samples.
                assert!(flow.sample_pool >= pool && flow.sample_pool >= flow.sequence_number, "{flow:?}");
            }
        }
    }
    assert!(of_ports.values().all(|(sequence, pool)| sequence == pool), "{of_ports:?}");
}

/// The tag is in the header as it came, and a port's own header length is kept to.
fn header_and_priority(samples: &[SampleData], trunk: &Host, twenty: &Host) {
    let mut seen = 0;
    for sample in samples {
        let SampleData::FlowSample(flow) = sample else { continue };
        let FlowData::SampledHeader(raw) = &flow.flow_records[0].flow_data else { panic!("no header") };
        let FlowData::ExtendedSwitch(switch) = &flow.flow_records[1].flow_data else { panic!("no switch record") };
        if flow.input.0 == trunk.id && flow.output.0 == twenty.id {
            seen += 1;
            assert_eq!(raw.header[12..16], [0x81, 0, 0x60, 20]);
            assert_eq!((switch.src_priority, raw.frame_length), (3, u32::try_from(raw.header.len()).unwrap() + 4));
        }
        if flow.input.0 == twenty.id {
            assert!(raw.header.len() <= 64);
        }
    }
    assert!(seen > 0);
}

/// Every dropped frame is told of by itself, too, with its port and its reason.
fn drops_are_told(own: &Own, from: [&Host; 3], rounds: usize) {
    let told = || {
        let mut told = BTreeMap::new();
        for sample in own.samples() {
            if let SampleData::DiscardedPacket(packet) = sample {
                let source = (packet.source_id.source_id_type, packet.source_id.source_id_index);
                assert_eq!(source, (0, packet.input_ifindex));
                assert_eq!((packet.output_ifindex, packet.flow_records.len(), packet.drops), (0, 2, 0));
                *told.entry((packet.input_ifindex, packet.reason as u32)).or_insert(0) += 1;
            }
        }
        told
    };
    let [ten, trunk, twenty] = from.map(|host| host.id);
    let expected = BTreeMap::from([((ten, 264), rounds), ((trunk, 265), rounds), ((twenty, 294), rounds)]);
    wait_for("the dropped frames to be told", || told().values().sum::<usize>() >= 3 * rounds);
    assert_eq!(told(), expected);
}

/// Counters of a port agree with what an operator is shown, and its machine and the host are described.
fn counters_are_told(daemon: &Daemon, own: &Own, port: &Host) {
    let shown = daemon.json("port show lab ten");
    let received = shown["counters"]["rx_packets"].as_u64().unwrap_or_else(|| panic!("{shown}"));
    let latest = |own: &Own| {
        let mut latest = (0, String::new());
        let (mut machine, mut host) = (false, false);
        for sample in own.samples() {
            let SampleData::CountersSample(sample) = sample else { continue };
            for record in sample.counters {
                match record.counter_data {
                    CounterData::GenericInterface(i) if i.if_index == port.id => {
                        latest.0 = u64::from(i.if_in_ucast_pkts + i.if_in_multicast_pkts + i.if_in_broadcast_pkts);
                    }
                    CounterData::OpenFlowPortName(name) if sample.source_id.index() == port.id => {
                        latest.1 = name.port_name;
                    }
                    CounterData::VirtualNetIo(nic) if sample.source_id.index() == port.id => {
                        machine |= u64::from(nic.tx_packets) == received;
                    }
                    CounterData::HostDescription(it) if sample.source_id.source_type() == 2 => {
                        host |= !it.hostname.is_empty();
                    }
                    _ => {}
                }
            }
        }
        (latest, machine, host)
    };
    wait_for("the last counters to arrive", || latest(own) == ((received, "ten".to_owned()), true, true));
}

/// Frames in a VLAN by kind: unicast, broadcast, dropped.
fn vlans_are_told(own: &Own, rounds: usize) {
    let latest = || {
        let mut latest = BTreeMap::new();
        for sample in own.samples() {
            let SampleData::CountersSample(sample) = sample else { continue };
            for record in sample.counters {
                if let CounterData::Vlan(vlan) = record.counter_data {
                    assert_eq!((sample.source_id.source_type(), sample.source_id.index()), (1, vlan.vlan_id));
                    latest.insert(vlan.vlan_id, (vlan.ucast_pkts, vlan.broadcast_pkts, vlan.discards));
                }
            }
        }
        latest
    };
    let rounds = u32::try_from(rounds).unwrap();
    // The frame to the link's address was in VLAN 20 and is a multicast; the tag on the access port of VLAN 10 was not
    // let in, and counts as dropped, as the one of VLAN 30 does.
    let expected =
        BTreeMap::from([(10, (3 * rounds, 3 * rounds, rounds)), (20, (rounds, rounds, rounds)), (30, (0, 0, rounds))]);
    wait_for("the last counters of the VLANs", || latest() == expected);
}

/// Collectors of other people have the same books.
fn judged_by_programs(listening: Option<Running>, folder: &Path, own: &Own, expected: &Books) {
    let test = "collectors_book_every_frame_with_its_ports_and_vlans";
    match listening {
        Some(running) => {
            let kept = nfdump(running, folder);
            let read = books_of(&kept, ["in_src_mac", "input_snmp", "output_snmp", "src_vlan", "dst_vlan"]);
            // It keeps the number of ports, or the reason, alone.
            let low = expected.iter().map(|((from, input, output, vlan_in, vlan_out), count)| {
                ((*from, *input, output & 0x3FFF_FFFF, *vlan_in, *vlan_out), *count)
            });
            assert_eq!(read, added(low));
        }
        None => leave_out(test, "sfcapd is not installed; install nfdump-sflow"),
    }
    let directory: PathBuf = folder.with_file_name("sfacctd");
    std::fs::create_dir_all(&directory).unwrap();
    let datagrams = own.got.lock().unwrap().clone();
    match sfacctd(&directory, &datagrams, expected.values().sum()) {
        Some(lines) => {
            let read = books_of(&lines, SFACCTD);
            // It keeps one VLAN: of the way in, or else of the way out.
            let one = expected.iter().map(|((from, input, output, vlan_in, vlan_out), count)| {
                let vlan = if *vlan_in == 0 { *vlan_out } else { *vlan_in };
                ((*from, *input, *output, vlan, 0), *count)
            });
            assert_eq!(read, added(one));
        }
        None => leave_out(test, "sfacctd is not installed; install pmacct"),
    }
}

/// Books in which rows that a collector cannot tell apart are one.
fn added(rows: impl Iterator<Item = (([u8; 6], u32, u32, u32, u32), usize)>) -> Books {
    let mut books = Books::new();
    rows.for_each(|(row, count)| *books.entry(row).or_default() += count);
    books
}
