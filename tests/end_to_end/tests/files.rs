//! A capture replayed into a switch and recorded again at another port, through the daemon and its command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::daemon::Daemon;
use heddle_end_to_end::frames::{mac, number_of, numbered};
use heddle_end_to_end::{alone, wait_for};

/// Classic pcap, little-endian, one frame a millisecond.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let words = [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 65_535, 1];
    let mut file: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    for (nth, frame) in (0..).zip(frames) {
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([1_000_u32, nth * 1_000, length, length].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(frame);
    }
    file
}

#[test]
fn a_replay_is_recorded_and_says_when_it_ended() {
    let _turn = alone();
    let daemon = Daemon::start();
    let (input, output) = (daemon.directory.path().join("in.pcap"), daemon.directory.path().join("out.pcapng"));
    let frames: Vec<Vec<u8>> = (0..200).map(|number| numbered(mac(1, 1), mac(2, 1), None, 1, number)).collect();
    let mut file = pcap(&frames);
    std::fs::write(&input, &file).unwrap();
    daemon.ok("switch create lab");
    daemon.ok(&format!("port add lab tape --backend pcap --device out={}", output.display()));
    daemon.ok(&format!("port add lab again --backend pcap --device in={},loops=2", input.display()));
    let ended = format!("{} was replayed to its end: 400 frames in 2 rounds", input.display());
    wait_for("the replay to end", || daemon.json("port show lab again")["notices"][0] == ended.as_str());
    wait_for("the frames", || daemon.json("port show lab tape")["counters"]["tx_packets"] == 400);
    assert!(daemon.ok("port show lab again").contains(&ended));
    assert_eq!(daemon.balance("lab"), 0);
    daemon.ok("port remove lab tape");
    let recorded = std::fs::read(&output).unwrap();
    let count = |what: &[u8]| recorded.windows(what.len()).filter(|window| *window == what).count();
    assert_eq!(count(b"port lab/tape"), 1 + 400, "a comment on each, and the interface");
    assert!(frames.iter().all(|frame| number_of(frame).is_some() && count(frame) == 2), "whole frames, each twice");

    // Damaged behind its second frame; and what is refused changes nothing.
    let second = 24 + 2 * (16 + frames[0].len());
    file.truncate(second + 40);
    std::fs::write(&input, &file).unwrap();
    daemon.ok(&format!("port add lab torn --backend pcap --device in={}", input.display()));
    let damaged = format!("{} is damaged at byte {second}: it ends within a block", input.display());
    wait_for("the damage", || {
        daemon.json("port show lab torn")["notices"][0].as_str().is_some_and(|notice| notice.starts_with(&damaged))
    });
    assert!(daemon.log().contains(&damaged), "{}", daemon.log());
    daemon.refused("port add lab p --backend pcap", 5, &["pcap", "needs a file; add --device in=FILE"]);
    daemon.refused("port add lab p --backend pcap --device in=x.pcap", 5, &["in=x.pcap is no absolute path"]);
    daemon.refused("port add lab p --backend pcap --device in=/no/x.pcap", 5, &["/no/x.pcap cannot be read"]);
}

#[test]
fn a_recording_has_what_was_dropped_with_the_reason() {
    let _turn = alone();
    let daemon = Daemon::start();
    let (input, output) = (daemon.directory.path().join("in.pcap"), daemon.directory.path().join("out.pcapng"));
    // Every second frame has a tag, which an access port does not take.
    let tag = |number: u64| (number % 2 == 1).then_some(7);
    let frames: Vec<Vec<u8>> = (0..200).map(|number| numbered(mac(1, 1), mac(2, 1), tag(number), 1, number)).collect();
    std::fs::write(&input, pcap(&frames)).unwrap();
    daemon.ok("switch create lab --workers 2");
    daemon.ok("port add lab sink --backend memory --device sink");
    let device = format!("in={},out={},drops=on,pace=2000", input.display(), output.display());
    daemon.ok(&format!("port add lab tape --backend pcap --device {device}"));
    wait_for("the replay", || daemon.json("port show lab tape")["counters"]["rx_packets"] == 200);
    wait_for("the drops", || daemon.json("port show lab tape")["counters"]["rx_dropped"] == 100);
    daemon.ok("port remove lab tape");
    let recorded = std::fs::read(&output).unwrap();
    let count = |what: &[u8]| recorded.windows(what.len()).filter(|window| *window == what).count();
    assert_eq!(count(b"dropped: vlan-tag-not-allowed"), 100);
    assert_eq!(count(b"port lab/tape"), 1 + 100, "what was delivered elsewhere is not in this port's recording");
    for (number, frame) in (0..).zip(&frames) {
        let first = &frame[..frame.len().min(128)];
        assert_eq!(count(first), usize::from(tag(number).is_some()), "frame {number}");
    }
    assert_eq!(daemon.balance("lab"), 0);
}
