//! Ports whose far side is files: every form of capture replayed, every way it may be damaged, and recordings read back.

use crate::rig::{PATIENCE, await_frames, bytes, pool, transmit, tx_frame};
use heddle_host::ports::pcap::{Frame, ReadError, Reader};
use heddle_host::ports::{self, OpenPort, OpenSpec};
use heddle_switch_core::pool::Pool;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Frame `nth`, of a length of its own.
fn frame(nth: u32) -> Vec<u8> {
    let mut frame = [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5][..], &nth.to_be_bytes()].concat();
    frame.resize(60 + nth as usize % 1_400, nth as u8);
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(*frame[14..].first_chunk().unwrap())
}

/// Writes words in one byte order.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u16(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }
    fn u32(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// A pcap file; times count from 1,000 s, `gap` apart.
    fn pcap(self, nanoseconds: bool, link_type: u32, frames: u32, gap: Duration) -> Vec<u8> {
        let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let mut file =
            [self.u32(magic), self.u32(0), self.u32(0), self.u32(0), self.u32(65_535), self.u32(link_type)].concat();
        file.splice(4..8, [self.u16(2), self.u16(4)].concat());
        for nth in 0..frames {
            let (time, frame) = (Duration::from_secs(1_000) + gap * nth, frame(nth));
            let fraction = if nanoseconds { time.subsec_nanos() } else { time.subsec_micros() };
            let length = self.u32(frame.len() as u32);
            file.extend([self.u32(time.as_secs() as u32), self.u32(fraction), length, length].concat());
            file.extend(frame);
        }
        file
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let length = self.u32(padded as u32 + 12);
        let mut block = [&self.u32(kind)[..], &length, body].concat();
        block.resize(8 + padded, 0);
        block.extend(length);
        block
    }

    /// A pcapng file of one section with two interfaces: microseconds, and 1/1024 s with an offset of 1,000 s.
    fn pcapng(self, frames: u32, gap: Duration) -> Vec<u8> {
        let mut section = [self.u32(0x1a2b_3c4d), self.u32(0), self.u32(u32::MAX), self.u32(u32::MAX)].concat();
        section.splice(4..8, [self.u16(1), self.u16(0)].concat());
        let mut file = self.block(0x0a0d_0d0a, &section);
        let about = [&self.u16(1)[..], &self.u16(0), &self.u32(0)].concat();
        let option = |code, value: &[u8]| {
            let mut option = [&self.u16(code)[..], &self.u16(value.len() as u16), value].concat();
            option.resize(option.len().next_multiple_of(4), 0);
            option
        };
        let end = option(0, &[]);
        file.extend(self.block(1, &[about.clone(), end.clone()].concat()));
        let offset: [u8; 8] = if self.big { 1_000_i64.to_be_bytes() } else { 1_000_i64.to_le_bytes() };
        file.extend(self.block(1, &[about, option(9, &[0x8a]), option(14, &offset), end].concat()));
        // A block that nobody knows.
        file.extend(self.block(0x0bad_0bad, &[7; 9]));
        for nth in 0..frames {
            let frame = frame(nth);
            let units = if nth % 2 == 0 {
                (Duration::from_secs(1_000) + gap * nth).as_micros() as u64
            } else {
                (gap * nth).as_nanos() as u64 * 1_024 / 1_000_000_000
            };
            let length = self.u32(frame.len() as u32);
            let head =
                [self.u32(nth % 2), self.u32((units >> 32) as u32), self.u32(units as u32), length, length].concat();
            file.extend(self.block(6, &[head, frame].concat()));
        }
        file
    }
}

const LITTLE: Order = Order { big: false };
const BIG: Order = Order { big: true };
const ETHERNET: u32 = 1;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

fn open(device: &str) -> OpenPort {
    ports::open(&OpenSpec::new("lab/tape", "pcap", device)).unwrap()
}

fn refusal(device: &str) -> String {
    ports::open(&OpenSpec::new("lab/tape", "pcap", device)).err().expect("must not open").to_string()
}

fn await_notice(port: &OpenPort, words: &str) -> String {
    let start = Instant::now();
    loop {
        let notices = port.notices.sentences();
        if let Some(found) = notices.iter().find(|notice| notice.contains(words)) {
            return found.clone();
        }
        assert!(start.elapsed() < PATIENCE, "no notice with {words:?}: {notices:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Numbers of the next frames, each checked for its bytes.
fn take(port: &mut OpenPort, pool: &mut Pool, count: usize) -> Vec<u32> {
    let frames = await_frames(port.rx[0].as_mut(), pool, count, |_, _| true);
    let check = |received: heddle_switch_core::frame::RxFrame| {
        let nth = number(bytes(pool, &received));
        assert_eq!(bytes(pool, &received), frame(nth), "frame {nth}");
        (nth, received.buf)
    };
    let (numbers, bufs): (Vec<u32>, Vec<_>) = frames.into_iter().map(check).unzip();
    bufs.into_iter().for_each(|buf| pool.free(buf));
    numbers
}

#[test]
fn every_form_of_capture_is_replayed_in_order() {
    let (folder, gap) = (Folder::new(), Duration::from_millis(1));
    for (name, file) in [
        ("little.pcap", LITTLE.pcap(false, ETHERNET, 100, gap)),
        ("big.pcap", BIG.pcap(false, ETHERNET, 100, gap)),
        ("nano.pcap", LITTLE.pcap(true, ETHERNET, 100, gap)),
        ("big-nano.pcap", BIG.pcap(true, ETHERNET, 100, gap)),
        ("little.pcapng", LITTLE.pcapng(100, gap)),
        ("big.pcapng", BIG.pcapng(100, gap)),
        // A second section, in the other byte order, has interfaces of its own.
        ("both.pcapng", [LITTLE.pcapng(60, gap), BIG.pcapng(40, gap)].concat()),
    ] {
        let path = folder.write(name, &file);
        let mut port = open(&format!("in={},pace=flat", path.display()));
        let numbers = take(&mut port, &mut pool(), 100);
        let expected: Vec<u32> =
            if name.starts_with("both") { (0..60).chain(0..40).collect() } else { (0..100).collect() };
        assert_eq!(numbers, expected, "{name}");
        let end = format!("{} was replayed to its end: 100 frames in 1 rounds", path.display());
        assert_eq!(await_notice(&port, "its end"), end);
    }
}

#[test]
fn times_of_every_resolution_are_nanoseconds() {
    let (folder, gap) = (Folder::new(), Duration::from_millis(250));
    for (name, file) in [
        ("micro.pcap", BIG.pcap(false, ETHERNET, 9, gap)),
        ("nano.pcap", LITTLE.pcap(true, ETHERNET, 9, gap)),
        ("two.pcapng", LITTLE.pcapng(9, gap)),
    ] {
        let mut reader = Reader::open(&folder.write(name, &file)).unwrap();
        let mut found = Frame::default();
        for nth in 0..9 {
            assert!(reader.next_into(&mut found).unwrap());
            assert_eq!(found.time, Some(1_000_000_000_000 + i128::from(nth) * 250_000_000), "{name} {nth}");
        }
        assert!(!reader.next_into(&mut found).unwrap());
    }
}

#[test]
fn the_pace_is_the_file_s_or_the_rate_asked_for() {
    let folder = Folder::new();
    let path = folder.write("slow.pcapng", &LITTLE.pcapng(21, Duration::from_millis(10)));
    for (pace, least) in [("pace=file", 195), ("pace=100", 195), ("pace=1000", 15)] {
        let start = Instant::now();
        let mut port = open(&format!("in={},{pace}", path.display()));
        assert_eq!(take(&mut port, &mut pool(), 21), (0..21).collect::<Vec<_>>());
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(least), "{pace} took {took:?}");
        assert!(took < Duration::from_secs(5), "{pace} took {took:?}");
    }
}

#[test]
fn rounds_are_counted_and_endless_ones_end_with_the_port() {
    let folder = Folder::new();
    let path = folder.write("few.pcap", &LITTLE.pcap(false, ETHERNET, 7, Duration::ZERO));
    let mut port = open(&format!("in={},loops=3", path.display()));
    assert_eq!(take(&mut port, &mut pool(), 21), (0..3).flat_map(|_| 0..7).collect::<Vec<_>>());
    await_notice(&port, "21 frames in 3 rounds");
    let mut port = open(&format!("in={},loops=0,pace=flat", path.display()));
    assert_eq!(take(&mut port, &mut pool(), 700).len(), 700);
    assert!(port.notices.sentences().iter().any(|notice| notice.ends_with("is being replayed")));
    drop(port);
    // A file without frames has no rounds to make for ever.
    let path = folder.write("none.pcap", &LITTLE.pcap(false, ETHERNET, 0, Duration::ZERO));
    await_notice(&open(&format!("in={},loops=0", path.display())), "its end: 0 frames");
}

#[test]
fn a_slow_switch_loses_nothing_of_a_replay() {
    let folder = Folder::new();
    // Several times what the ring holds.
    let path = folder.write("long.pcap", &BIG.pcap(false, ETHERNET, 8_000, Duration::ZERO));
    let (mut port, mut pool) = (open(&format!("in={},pace=flat", path.display())), pool());
    std::thread::sleep(Duration::from_millis(20));
    let (mut out, mut next, start) = (Vec::new(), 0, Instant::now());
    while next < 8_000 {
        assert!(start.elapsed() < PATIENCE, "{next} of 8000 frames");
        port.rx[0].receive(&mut pool, &mut out, 37);
        for received in out.drain(..) {
            assert_eq!(number(bytes(&pool, &received)), next);
            pool.free(received.buf);
            next += 1;
        }
    }
    assert_eq!(port.rx[0].losses().missed, 0);
}

#[test]
fn a_damaged_file_is_named_with_the_offset_and_gives_what_was_before() {
    let (folder, gap) = (Folder::new(), Duration::from_millis(1));
    for (name, file) in [("cut.pcap", LITTLE.pcap(false, ETHERNET, 20, gap)), ("cut.pcapng", BIG.pcapng(20, gap))] {
        // Cut within the last frame.
        let path = folder.write(name, &file[..file.len() - 30]);
        let mut port = open(&format!("in={},pace=flat,loops=5", path.display()));
        assert_eq!(take(&mut port, &mut pool(), 19), (0..19).collect::<Vec<_>>(), "{name}");
        let notice = await_notice(&port, "is damaged at byte ");
        let overhead = if name == "cut.pcap" { 16 } else { 12 + 20 };
        let last = frame(19).len().next_multiple_of(if name == "cut.pcap" { 1 } else { 4 }) + overhead;
        let expected = format!("{} is damaged at byte {}: it ends within a block", path.display(), file.len() - last);
        assert!(notice.starts_with(&expected), "{notice}\n{expected}");
        assert!(notice.ends_with("; 19 frames before that were replayed"), "{notice}");
    }
    let mut lies = LITTLE.pcapng(20, gap);
    let second = lies.len() - (frame(19).len().next_multiple_of(4) + 32);
    lies[second + 4..second + 8].copy_from_slice(&3_u32.to_le_bytes());
    let path = folder.write("lies.pcapng", &lies);
    let port = open(&format!("in={},pace=flat", path.display()));
    await_notice(&port, &format!("is damaged at byte {second}: "));
}

#[test]
fn no_cut_and_no_wrong_byte_does_harm() {
    let (folder, gap, made) = (Folder::new(), Duration::from_millis(1), std::cell::Cell::new(0));
    for file in [BIG.pcap(true, ETHERNET, 3, gap), LITTLE.pcapng(3, gap)] {
        let read = |bytes: &[u8]| -> Result<usize, ReadError> {
            // Never the same name: some file systems wait for the disk when a file is written over.
            made.set(made.get() + 1);
            let path = folder.write(&made.get().to_string(), bytes);
            let mut reader = Reader::open(&path)?;
            let (mut found, mut count) = (Frame::default(), 0);
            while reader.next_into(&mut found)? {
                count += 1;
            }
            Ok(count)
        };
        assert_eq!(read(&file).unwrap(), 3);
        for length in 0..file.len() {
            match read(&file[..length]) {
                Ok(count) => assert!(count < 3, "cut to {length}"),
                Err(ReadError::Damaged { offset, .. }) => assert!(offset < length as u64, "{offset} of {length}"),
                Err(_) => assert!(length < 28, "{length}"),
            }
        }
        for at in 0..file.len() {
            for wrong in [0, 0x7f, 0xff] {
                let mut bytes = file.clone();
                bytes[at] = wrong;
                // Any answer will do; none may be a crash or a loop.
                let _ = read(&bytes);
            }
        }
    }
}

#[test]
fn what_cannot_be_replayed_is_refused_at_once() {
    let folder = Folder::new();
    let absent = refusal(&format!("in={}", folder.path("absent.pcap").display()));
    assert!(
        absent.contains("absent.pcap cannot be read: No such file") && absent.contains("; check the path"),
        "{absent}"
    );
    for (name, bytes, reason) in [
        ("empty", Vec::new(), "is not a capture: it is empty; give a pcap or pcapng file"),
        ("text", b"#!/bin/sh\necho this is not a capture\n".to_vec(), "is not a capture: it does not begin like one"),
        ("short", LITTLE.pcap(false, ETHERNET, 0, Duration::ZERO)[..20].to_vec(), "is not a capture: "),
        ("wifi", LITTLE.pcap(false, 105, 1, Duration::ZERO), "has frames of link type 105, not Ethernet (1)"),
        ("torn", LITTLE.pcap(false, ETHERNET, 1, Duration::ZERO)[..50].to_vec(), "is damaged at byte 24: "),
    ] {
        let path = folder.write(name, &bytes);
        let message = refusal(&format!("in={}", path.display()));
        assert!(message.contains(&format!("{} {reason}", path.display())), "{name}: {message}");
    }
    let message = refusal(&format!("in={}", folder.0.path().display()));
    assert!(message.contains("it is not a regular file"), "{message}");
    // Nobody writes to it: who opens a pipe waits.
    let pipe = folder.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for key in ["in", "out"] {
        let message = refusal(&format!("{key}={}", pipe.display()));
        assert!(message.contains("it is not a regular file"), "{message}");
    }
    let message = refusal("in=relative.pcap");
    assert!(message.contains("no absolute path"), "{message}");
}

fn read_all(path: &Path) -> Vec<Vec<u8>> {
    let (mut reader, mut found, mut all) = (Reader::open(path).unwrap(), Frame::default(), Vec::new());
    while reader.next_into(&mut found).unwrap() {
        all.push(found.bytes.clone());
    }
    all
}

#[test]
fn what_the_port_sends_is_recorded_whole_with_its_name() {
    let (folder, mut pool) = (Folder::new(), pool());
    let path = folder.path("out.pcapng");
    let mut port = open(&format!("out={}", path.display()));
    assert_eq!(port.capabilities, Default::default(), "the switch finishes checksums and segments itself");
    for nth in 0..50 {
        let mut sent = tx_frame(&mut pool, &frame(nth));
        sent.vlan_tci = (nth == 7).then_some(0x6064);
        assert_eq!(transmit(port.tx.as_mut(), &mut pool, sent).sent, 1);
    }
    drop(port);
    let recorded = read_all(&path);
    assert_eq!(recorded.len(), 50, "complete once the port is closed");
    for (nth, recorded) in (0..).zip(&recorded) {
        let whole = frame(nth);
        let tagged = [&whole[..12], &[0x81, 0, 0x60, 0x64], &whole[12..]].concat();
        assert_eq!(*recorded, if nth == 7 { tagged } else { whole }, "frame {nth}");
    }
    let tshark = std::process::Command::new("tshark")
        .args(["-n", "-r", path.to_str().unwrap(), "-T", "fields", "-e", "frame.comment", "-e", "frame.interface_name"])
        .output();
    match tshark {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(text.lines().filter(|line| *line == "port lab/tape\tlab/tape").count(), 50, "{text}");
        }
        Err(_) => println!("left out: tshark is not installed"),
    }
    // The next life of the port keeps what the last one recorded.
    drop(open(&format!("out={}", path.display())));
    assert_eq!(read_all(&path).len(), 0);
    assert_eq!(read_all(&folder.path("out.pcapng.old")).len(), 50);
    let precious = folder.write("precious.txt", b"not a recording");
    let message = refusal(&format!("out={}", precious.display()));
    assert!(message.contains("precious.txt cannot be recorded to (it exists and is no recording)"), "{message}");
    assert_eq!(std::fs::read(precious).unwrap(), b"not a recording");
}

#[test]
fn a_file_is_recorded_by_one_port_at_a_time() {
    let (folder, mut pool) = (Folder::new(), pool());
    let device = format!("out={}", folder.path("out.pcapng").display());
    let mut port = open(&device);
    let sent = tx_frame(&mut pool, &frame(1));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, sent).sent, 1);
    for _ in 0..2 {
        let message = refusal(&device);
        assert!(message.contains("out.pcapng cannot be recorded to (another port records to it)"), "{message}");
    }
    drop(port);
    assert_eq!(read_all(&folder.path("out.pcapng")).len(), 1, "nothing of it was moved away");
    drop(open(&device));
}

#[test]
fn what_is_above_the_link_type_is_no_part_of_it() {
    let folder = Folder::new();
    let read = |word: u32| read_all(&folder.write("in.pcap", &LITTLE.pcap(false, word, 3, Duration::ZERO)));
    let whole: Vec<Vec<u8>> = (0..3).map(frame).collect();
    // A length of the frame check sequence that is not said to be there, then one of 2 words that is.
    assert_eq!(read(0x3000_0001), whole);
    let cut: Vec<Vec<u8>> = whole.iter().map(|frame| frame[..frame.len() - 4].to_vec()).collect();
    assert_eq!(read(0x2400_0001), cut);
}

#[test]
fn a_recording_that_stopped_says_so_while_frames_come() {
    let (folder, mut pool) = (Folder::new(), pool());
    let mut port = open(&format!("out={},limit=1", folder.path("out.pcapng").display()));
    let deadline = Instant::now() + PATIENCE;
    while !port.notices.sentences().iter().any(|notice| notice.contains("its limit of 1 MiB is reached")) {
        assert!(Instant::now() < deadline, "{:?}", port.notices.sentences());
        let whole = tx_frame(&mut pool, &frame(1_399));
        transmit(port.tx.as_mut(), &mut pool, whole);
    }
}

#[test]
fn a_recording_ends_at_its_limit_and_counts_what_is_missing() {
    let (folder, mut pool) = (Folder::new(), pool());
    let path = folder.path("out.pcapng");
    let mut port = open(&format!("out={},limit=1", path.display()));
    let mut sent = 0;
    for nth in 0..1_500 {
        let whole = tx_frame(&mut pool, &frame(1_399 + nth % 2));
        sent += transmit(port.tx.as_mut(), &mut pool, whole).sent;
        if nth % 100 == 99 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let notice = await_notice(&port, "its limit of 1 MiB is reached");
    drop(port);
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length <= (1 << 20) + 1_000 && length > 1_000_000, "{length} bytes");
    let recorded = read_all(&path).len();
    assert!(recorded > 600 && (recorded as u64) < u64::from(sent), "{recorded} of {sent}");
    assert!(notice.contains(&format!("has {recorded} frames and stopped")), "{notice}");
}
