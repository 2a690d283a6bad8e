//! Captures with a filter: in the real data plane, and against tcpdump as the judge of what matches.

use super::process::{Daemon, real};
use heddle_host::cli::compile_filter;
use heddle_host::control::bpf::{Frame, Program};
use std::process::Command;

fn compiled(filter: &str) -> Option<Program> {
    let words: Vec<String> = filter.split(' ').map(str::to_owned).collect();
    match compile_filter(&words) {
        Ok(instructions) => Some(Program::new(&instructions.unwrap()).unwrap()),
        Err(failure) if failure.message.contains("filters need libpcap") => None,
        Err(failure) => panic!("{filter}: {}", failure.message),
    }
}

/// UDP and TCP over IPv4 and IPv6, with options, fragments and tags; ARP; runts.
fn frames() -> Vec<Vec<u8>> {
    let ethernet = |kind: u16, rest: &[u8]| {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        frame.extend(kind.to_be_bytes());
        frame.extend(rest);
        frame
    };
    let v4 = |protocol: u8, options: usize, fragment: u16, ports: [u16; 2]| {
        let words = 5 + u8::try_from(options).unwrap();
        let mut packet = vec![0x40 | words, 0, 0, 60, 0, 1];
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7]);
        packet.extend(vec![1; options * 4]);
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.resize(packet.len() + 20, 0x12);
        packet
    };
    let v6 = |protocol: u8, ports: [u16; 2]| {
        let mut packet = vec![0x60, 0, 0, 0, 0, 24, protocol, 64];
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.resize(packet.len() + 20, 0);
        packet
    };
    let tagged = |control: u16, kind: u16, rest: &[u8]| {
        let mut inner = control.to_be_bytes().to_vec();
        inner.extend(kind.to_be_bytes());
        inner.extend(rest);
        ethernet(0x8100, &inner)
    };
    let mut all = vec![ethernet(0x806, &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 1])];
    for (protocol, ports) in
        [(17, [53, 5353]), (17, [1024, 53]), (6, [443, 50_000]), (6, [50_000, 80]), (1, [0x800, 0])]
    {
        for options in [0, 2] {
            all.push(ethernet(0x800, &v4(protocol, options, 0, ports)));
            all.push(ethernet(0x800, &v4(protocol, options, 0x2000, ports)));
            all.push(ethernet(0x800, &v4(protocol, options, 0x00B9, ports)));
        }
        all.push(ethernet(0x86DD, &v6(protocol, ports)));
        all.push(tagged(0x6005, 0x800, &v4(protocol, 0, 0, ports)));
        all.push(tagged(0x0014, 0x86DD, &v6(protocol, ports)));
    }
    all.push(ethernet(0x88B5, &[0; 46]));
    all.push(vec![0xff; 14]);
    all.push(ethernet(0x800, &v4(17, 0, 0, [53, 53])[..21]));
    all
}

fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut file = [0xA1B2_C3D4u32.to_le_bytes(), 0x0004_0002u32.to_le_bytes()].concat();
    file.extend([word(0), word(0), word(65_535), word(1)].concat());
    for (number, frame) in frames.iter().enumerate() {
        file.extend([word(1), word(number), word(frame.len()), word(frame.len())].concat());
        file.extend(frame);
    }
    file
}

#[test]
fn what_matches_is_what_tcpdump_prints() {
    if Command::new("tcpdump").arg("--version").output().is_err() || compiled("ip").is_none() {
        eprintln!("skipped: what_matches_is_what_tcpdump_prints: tcpdump or libpcap is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.pcap");
    let frames = frames();
    std::fs::write(&file, pcap(&frames)).unwrap();
    let mut some = 0;
    for filter in [
        "ip",
        "ip6",
        "arp",
        "tcp",
        "udp port 53",
        "udp dst port 53",
        "tcp src portrange 400-500",
        "port 80 or port 443",
        "host 10.0.0.1",
        "src net 192.0.2.0/24",
        "dst net 192.0.2.0/24 and not tcp",
        "ip6 host 2001:db8::2",
        "vlan",
        "vlan 5",
        "vlan and ip",
        "vlan 20 and ip6 and udp",
        "vlan 5 and tcp port 443",
        "not vlan and ip",
        "ip[6:2] & 0x1fff != 0",
        "ip[0] & 0xf > 5",
        "tcp[13] & 2 = 2",
        "len > 60",
        "less 60",
        "greater 70",
        "ether src 02:00:00:00:00:02",
        "ether dst ff:ff:ff:ff:ff:ff",
        "ether proto 0x88b5",
        "icmp",
        "icmp6",
        "ip proto 17 and ip[8] / 2 = 32",
        "ether[0] * 2 + 1 = 5",
        "len % 7 = 1",
        "udp[0:2] = 53",
        "ether multicast",
    ] {
        let program = compiled(filter).unwrap();
        let ours: Vec<usize> =
            (0..frames.len()).filter(|number| program.matches(&Frame::new(&frames[*number], None))).collect();
        let mut tcpdump = Command::new("tcpdump");
        let output = tcpdump.args(["-n", "-tt", "-r"]).arg(&file).arg(filter).output().unwrap();
        assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter_map(|line| line.strip_prefix("1.")?.get(..6)?.parse::<usize>().ok());
        assert_eq!(ours, lines.collect::<Vec<_>>(), "{filter}");
        some += usize::from(!ours.is_empty());
        // The same with the tag beside the bytes, as the data plane has it.
        for (number, frame) in frames.iter().enumerate().filter(|(_, frame)| frame[12..14] == [0x81, 0]) {
            let bare = [&frame[..12], &frame[16..]].concat();
            let control = u16::from_be_bytes([frame[14], frame[15]]);
            let beside = program.matches(&Frame::new(&bare, Some(control)));
            assert_eq!(beside, ours.contains(&number), "{filter}, frame {number}");
        }
    }
    assert!(some > 25, "{some} filters matched something");
}

fn numbers(daemon: &Daemon, line: &str) -> (u64, u64) {
    let summary = daemon.json(line);
    (summary["frames"].as_u64().unwrap(), summary["missed"].as_u64().unwrap())
}

#[test]
fn the_data_plane_copies_only_what_matches() {
    if compiled("ip").is_none() {
        eprintln!("skipped: the_data_plane_copies_only_what_matches: libpcap is not installed");
        return;
    }
    let daemon = real(&[]);
    daemon.ok("switch create lab");
    daemon.ok("port add lab load --backend memory --device source:2000:64:4");
    daemon.ok("port add lab tagged --backend memory --device source:2000:64:4 --vlan-mode access --vlan 20");
    assert_eq!(numbers(&daemon, "capture --port load -w a.pcapng --count 20 udp and ip"), (20, 0));
    assert_eq!(numbers(&daemon, "capture --port load -w b.pcapng --seconds 1 tcp or arp"), (0, 0));
    let (all, _) = numbers(&daemon, "capture --port load -w c.pcapng --seconds 1");
    assert!(all > 100, "there was something to leave out: {all}");
}

#[test]
fn a_wrong_filter_is_refused_before_anything_starts() {
    if compiled("ip").is_none() {
        eprintln!("skipped: a_wrong_filter_is_refused_before_anything_starts: libpcap is not installed");
        return;
    }
    let daemon = Daemon::single();
    let outcome = daemon.heddle(&["capture", "--port", "web", "-w", "x.pcapng", "tcp", "prt", "80"]);
    let expected =
        "heddle: filter 'tcp prt 80' is wrong at position 5, 'prt': syntax error; man 7 pcap-filter has the syntax\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (5, expected));
    assert!(!daemon.directory.path().join("x.pcapng").exists());
}
