//! Captures, read back by a small reader of our own and by tshark where it is installed.

use super::process::Daemon;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    daemon
}

#[derive(Debug, PartialEq, Eq)]
struct Packet {
    nanoseconds: u64,
    original: u32,
    data: Vec<u8>,
    flags: u32,
    comment: Option<String>,
}

#[derive(Debug, Default)]
struct Capture {
    interface: String,
    snap_length: u32,
    packets: Vec<Packet>,
    received: u64,
    dropped: u64,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let (code, length) = ((word(bytes, 0) & 0xffff) as u16, (word(bytes, 0) >> 16) as usize);
        if code == 0 {
            return found;
        }
        found.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
    panic!("the options have no end");
}

fn option(options: &[(u16, Vec<u8>)], code: u16) -> Option<&[u8]> {
    options.iter().find(|(known, _)| *known == code).map(|(_, value)| value.as_slice())
}

/// Reads one section with one interface; both lengths of every block must agree.
fn read(mut bytes: &[u8]) -> Capture {
    let mut capture = Capture::default();
    let mut blocks = Vec::new();
    while !bytes.is_empty() {
        let (kind, length) = (word(bytes, 0), word(bytes, 4) as usize);
        assert_eq!(word(bytes, length - 4) as usize, length, "the closing length of block {kind}");
        assert_eq!(length % 4, 0);
        let body = &bytes[8..length - 4];
        match kind {
            0x0A0D_0D0A => assert_eq!((word(body, 0), word(body, 4)), (0x1A2B_3C4D, 1)),
            1 => {
                assert_eq!(word(body, 0), 1, "LINKTYPE_ETHERNET");
                let options = options(&body[8..]);
                assert_eq!(option(&options, 9), Some(&[9u8][..]), "nanoseconds");
                capture.interface = String::from_utf8(option(&options, 2).unwrap().to_vec()).unwrap();
                capture.snap_length = word(body, 4);
            }
            6 => {
                let captured = word(body, 12) as usize;
                let options = options(&body[20 + captured.next_multiple_of(4)..]);
                capture.packets.push(Packet {
                    nanoseconds: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                    original: word(body, 16),
                    data: body[20..20 + captured].to_vec(),
                    flags: word(option(&options, 2).unwrap(), 0),
                    comment: option(&options, 1).map(|text| String::from_utf8(text.to_vec()).unwrap()),
                });
            }
            5 => {
                let options = options(&body[12..]);
                let number = |code| u64::from_le_bytes(option(&options, code).unwrap().try_into().unwrap());
                (capture.received, capture.dropped) = (number(4), number(5));
            }
            other => panic!("block {other}"),
        }
        blocks.push(kind);
        bytes = &bytes[length..];
    }
    assert_eq!((blocks[0], blocks[1]), (0x0A0D_0D0A, 1), "section header and interface come first");
    capture
}

#[test]
fn a_capture_reads_back_with_direction_time_and_drop_reason() {
    let daemon = lab();
    let text = daemon.ok("capture --switch lab --port web -w web.pcapng --count 3");
    assert_eq!(text, "3 frames captured, 0 missed (count)\n");
    let capture = read(&std::fs::read(daemon.directory.path().join("web.pcapng")).unwrap());
    assert_eq!((capture.interface.as_str(), capture.snap_length), ("lab/web", 262_144));
    assert_eq!((capture.received, capture.dropped), (3, 0));
    for (number, packet) in (0u8..).zip(&capture.packets) {
        assert_eq!(packet.nanoseconds, 1_700_000_000_000_000_001 + u64::from(number));
        assert_eq!((packet.data.len(), packet.original, packet.data[60]), (61, 61, number));
        assert_eq!(packet.flags, if number % 2 == 0 { 1 } else { 2 });
        assert_eq!(packet.comment.as_deref(), (number == 2).then_some("dropped: vlan-tag-refused"));
    }
    assert_eq!(capture.packets.len(), 3);
}

#[test]
fn frames_are_cut_to_the_snap_length() {
    let daemon = lab();
    let summary = daemon.json("capture --switch lab --port web -w cut.pcapng --count 2 --snaplen 14");
    assert_eq!(summary, serde_json::json!({ "frames": 2, "missed": 0, "reason": "count", "file": "cut.pcapng" }));
    let capture = read(&std::fs::read(daemon.directory.path().join("cut.pcapng")).unwrap());
    assert_eq!(capture.packets.iter().map(|p| (p.data.len(), p.original)).collect::<Vec<_>>(), [(14, 61), (14, 61)]);
    assert_eq!(capture.snap_length, 14);
}

#[test]
fn tshark_reads_what_heddle_writes() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: tshark_reads_what_heddle_writes: tshark is not installed");
        return;
    }
    let daemon = lab();
    let mut heddle = daemon
        .command(&["capture", "--switch", "lab", "--port", "web", "-w", "-", "--count", "4"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let fields = ["frame.number", "frame.len", "frame.packet_flags_direction", "frame.comment", "frame.interface_name"];
    let mut tshark = Command::new("tshark");
    tshark.args(["-r", "-", "-T", "fields", "-E", "separator=|"]);
    for field in fields {
        tshark.args(["-e", field]);
    }
    let output = tshark.stdin(heddle.stdout.take().unwrap()).output().unwrap();
    assert!(heddle.wait().unwrap().success());
    let text = String::from_utf8(output.stdout).unwrap();
    let seen: Vec<Vec<&str>> = text.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(seen.len(), 4, "{text} {}", String::from_utf8_lossy(&output.stderr));
    let number = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
    assert_eq!(seen.iter().map(|row| number(row[2])).collect::<Vec<_>>(), [1, 2, 1, 2], "{text}");
    assert_eq!((seen[2][1], seen[2][3], seen[2][4]), ("61", "dropped: vlan-tag-refused", "lab/web"), "{text}");
}

#[test]
fn a_capture_ends_after_its_seconds() {
    let daemon = lab();
    let start = Instant::now();
    let text = daemon.ok("capture --switch lab --port web -w s.pcapng --seconds 1");
    assert!(text.ends_with("0 missed (seconds)\n"), "{text}");
    assert!((900..3000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[test]
fn an_interrupted_capture_leaves_a_whole_file() {
    let daemon = lab();
    let path = daemon.directory.path().join("i.pcapng");
    let heddle = daemon
        .command(&["capture", "--switch", "lab", "--port", "web", "-w", "i.pcapng"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    super::process::wait_for("the file", || path.exists());
    std::thread::sleep(Duration::from_millis(200));
    super::process::signal(heddle.id().into(), "INT");
    let output = heddle.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.ends_with("(interrupted)\n"), "{text}");
    let capture = read(&std::fs::read(path).unwrap());
    assert!(text.starts_with(&format!("{} frames captured", capture.packets.len())), "{text}");
    assert!(!capture.packets.is_empty());
}

#[test]
fn a_reader_that_leaves_ends_the_capture_quietly() {
    let daemon = lab();
    let mut heddle = daemon
        .command(&["capture", "--switch", "lab", "--port", "web", "-w", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 28];
    let mut stdout = heddle.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = heddle.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().ends_with("(the reader left)\n"));
}

#[test]
fn a_pipe_shows_each_frame_at_once() {
    let daemon = lab();
    daemon.ok("port add lab once --backend memory");
    let start = Instant::now();
    let mut heddle = daemon
        .command(&["capture", "--switch", "lab", "--port", "once", "-w", "-", "--seconds", "10"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = heddle.stdout.take().unwrap();
    // Section header and interface, then the first frame; no other frame follows.
    for _ in 0..3 {
        let mut head = [0; 8];
        stdout.read_exact(&mut head).unwrap();
        let mut rest = vec![0; word(&head, 4) as usize - 8];
        stdout.read_exact(&mut rest).unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    heddle.kill().unwrap();
    heddle.wait().unwrap();
}

#[test]
fn an_unwritable_file_is_named() {
    let daemon = lab();
    let outcome = daemon.heddle(&["capture", "--switch", "lab", "--port", "web", "-w", "no/dir.pcapng"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.stderr,
        "heddle: cannot write no/dir.pcapng: No such file or directory (os error 2); give another path\n"
    );
}

#[test]
fn captures_at_once_are_limited_and_their_places_come_back() {
    let daemon = lab();
    let start = || {
        daemon
            .command(&["capture", "--switch", "lab", "--port", "web", "-w", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut running: Vec<_> = (0..16).map(|_| start()).collect();
    for child in &mut running {
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 28]).unwrap();
    }
    let refused = daemon.heddle(&["capture", "--switch", "lab", "--port", "web", "-w", "x.pcapng", "--count", "1"]);
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (8, "heddle: the limit of 16 captures at once is reached; end one of them first\n")
    );
    for mut child in running {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    super::process::wait_for("a place for a capture", || {
        daemon.heddle(&["capture", "--switch", "lab", "--port", "web", "-w", "x.pcapng", "--count", "1"]).code == 0
    });
}
