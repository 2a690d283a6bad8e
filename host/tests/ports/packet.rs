//! Packet ports on veth pairs: the far end lies in a namespace whose kernel sends and judges.

use crate::packets::{PAYLOAD, Udp, is_udp_to, udp_checksum_right};
use crate::rig::{
    Link, Namespace, await_frame, await_frames, await_status, bytes, free, ip, pool, privileged, set_segment_size,
    transmit, tx_frame, unique,
};
use heddle_host::ports::{self, OpenPort, OpenSpec, RxStatus};
use heddle_switch_core::frame::TxFrame;
use heddle_switch_core::offload::{GsoKind, Offload, PartialChecksum};
use heddle_switch_core::pool::Pool;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const FAR_MAC: [u8; 6] = [2, 0, 0, 0, 8, 1];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 8, 2];

/// A veth pair: the near end here, the far end (10.8.0.1) in a namespace.
struct Cable {
    near: Link,
    far: String,
    space: Namespace,
}

impl Cable {
    fn new(mtu: u32) -> Cable {
        let cable = Cable { near: Link(unique("v")), far: unique("w"), space: Namespace::new() };
        cable.lay(mtu);
        cable
    }

    fn lay(&self, mtu: u32) {
        let (near, far) = (&self.near.0, &self.far);
        ip(&format!("link add {near} mtu {mtu} type veth peer name {far} mtu {mtu} address 02:00:00:00:08:01"));
        ip(&format!("link set {near} addrgenmode none"));
        self.space.adopt(far, "10.8.0.1/24");
        self.space.ip(&format!("neigh add 10.8.0.2 lladdr 02:00:00:00:08:02 dev {far}"));
    }

    fn open(&self, change: impl FnOnce(&mut OpenSpec)) -> OpenPort {
        let mut spec = OpenSpec::new("lab/e", "packet", &*self.near.0);
        change(&mut spec);
        let port = ports::open(&spec).unwrap();
        self.await_carrier();
        port
    }

    /// The far end sends nothing until the kernel's own worker has noticed that the near end is up.
    fn await_carrier(&self) {
        let start = Instant::now();
        while !self.space.shows_up(&self.far) {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A packet port on the far end.
    fn open_far(&self) -> OpenPort {
        let spec = OpenSpec::new("lab/far", "packet", &*self.far);
        self.space.run(move || ports::open(&spec).unwrap())
    }

    fn socket(&self, port: u16) -> UdpSocket {
        let socket = self.space.run(move || UdpSocket::bind(("10.8.0.1", port)).unwrap());
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.connect(("10.8.0.2", port)).unwrap();
        socket
    }
}

/// A frame from the peer (10.8.0.2) to the far kernel (10.8.0.1).
fn to_far(port: u16) -> Udp {
    Udp { src_mac: PEER_MAC, dst_mac: FAR_MAC, src: [10, 8, 0, 2], dst: [10, 8, 0, 1], port }
}

fn counting(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 / 3) as u8).collect()
}

#[test]
fn frames_of_all_lengths_pass_both_ways() {
    if !privileged("packet::frames_of_all_lengths_pass_both_ways") {
        return;
    }
    let cable = Cable::new(9_000);
    let mut port = cable.open(|_| ());
    assert_eq!((port.mtu, port.attachment.is_some(), port.carrier), (9_000, true, true));
    let (mut pool, far) = (pool(), cable.socket(700));
    let before = free(&pool);
    for length in [18, 1_000, 1_910, 1_920, 1_930, 1_938, 1_946, 8_958] {
        let payload = counting(length);
        far.send(&payload).unwrap();
        let frame = await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| is_udp_to(frame, 0, 700));
        assert_eq!(&bytes(&pool, &frame)[PAYLOAD..], payload, "{length}");
        assert_eq!(frame.offload.csum, Some(PartialChecksum { start: 34, offset: 6 }), "the far kernel left it to us");
        pool.free(frame.buf);

        let (partial, offload) = to_far(700).partial(&payload);
        for (sent, offload) in [(to_far(700).complete(&payload), Offload::default()), (partial, offload)] {
            let mut frame = tx_frame(&mut pool, &sent);
            frame.offload = offload;
            let report = transmit(port.tx.as_mut(), &mut pool, frame);
            assert_eq!((report.sent, report.sent_bytes), (1, length as u64 + 42));
            let mut received = vec![0; 10_000];
            let count = far.recv(&mut received).unwrap();
            assert_eq!(received[..count], payload, "{length}");
        }
    }
    assert_eq!(free(&pool), before);
}

#[test]
fn segmentation_frames_of_60_000_bytes_pass_both_ways() {
    if !privileged("packet::segmentation_frames_of_60_000_bytes_pass_both_ways") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|_| ());
    if !port.capabilities.udp_segmentation {
        println!("skipped packet::segmentation_frames_of_60_000_bytes_pass_both_ways: kernel before 6.2");
        return;
    }
    let (mut pool, far) = (pool(), cable.socket(701));
    let payload = counting(60_000);
    set_segment_size(&far, 1_200);
    // Several at once, so that several wait in the socket's queue.
    for _ in 0..6 {
        far.send(&payload).unwrap();
    }
    for frame in await_frames(port.rx[0].as_mut(), &mut pool, 6, |_, frame| is_udp_to(frame, 0, 701)) {
        assert_eq!((frame.length, frame.offload.gso, frame.offload.gso_size), (60_042, GsoKind::UdpL4, 1_200));
        assert_eq!(&bytes(&pool, &frame)[PAYLOAD..], payload);
        pool.free(frame.buf);
    }
    let (sent, offload) = to_far(701).segmented(&payload, 1_200);
    let mut frame = tx_frame(&mut pool, &sent);
    (frame.offload, frame.l4, frame.header_len) = (offload, 34, 42);
    let report = transmit(port.tx.as_mut(), &mut pool, frame);
    assert_eq!((report.sent, report.sent_segments), (1, 50));
    for piece in payload.chunks(1_200) {
        let mut received = [0; 2_000];
        let count = far.recv(&mut received).unwrap();
        assert_eq!(received[..count], *piece);
    }
    assert_eq!(port.rx[0].losses(), Default::default());
}

/// Sends through `from` and gives what `to` received of it.
fn pass(from: &mut OpenPort, to: &mut OpenPort, pool: &mut Pool, frame: TxFrame) -> (Vec<u8>, Option<u16>, Offload) {
    assert_eq!(transmit(from.tx.as_mut(), pool, frame).sent, 1);
    let received = await_frame(to.rx[0].as_mut(), pool, |_, frame| frame[6..12] == PEER_MAC);
    let seen = (bytes(pool, &received).to_vec(), received.vlan_tci, received.offload);
    pool.free(received.buf);
    seen
}

#[test]
fn tags_arrive_where_the_descriptor_or_the_data_holds_them() {
    if !privileged("packet::tags_arrive_where_the_descriptor_or_the_data_holds_them") {
        return;
    }
    let cable = Cable::new(1_500);
    let (mut near, mut far) = (cable.open(|_| ()), cable.open_far());
    let mut pool = pool();
    let (plain, offload) = to_far(702).partial(&counting(1_400));
    let shifted = |by: u16| Offload { csum: Some(PartialChecksum { start: 34 + by, offset: 6 }), ..offload };
    let with_tags = |tags: &[u8]| [&plain[..12], tags, &plain[12..]].concat();

    // Inserted while sending, out of the data when received; the shared buffer stays as it was.
    let mut frame = tx_frame(&mut pool, &plain);
    let second = pool.arena().share(&frame.buf);
    (frame.vlan_tci, frame.offload) = (Some(0x6123), offload);
    assert_eq!(pass(&mut far, &mut near, &mut pool, frame), (plain.clone(), Some(0x6123), offload));
    assert_eq!(pool.arena().frame(&second, 128, 14), &plain[..14]);
    pool.free(second);

    // A service tag comes back into the data, and the checksum's place moves with it.
    let service = with_tags(&[0x88, 0xa8, 0x01, 0x00]);
    let mut frame = tx_frame(&mut pool, &service);
    frame.offload = shifted(4);
    assert_eq!(pass(&mut far, &mut near, &mut pool, frame), (service, None, shifted(4)));

    // Of two tags the outer decides: the inner one stays in the data.
    let double = with_tags(&[0x81, 0x00, 0x00, 0x07]);
    let mut frame = tx_frame(&mut pool, &double);
    (frame.vlan_tci, frame.offload) = (Some(8), shifted(4));
    assert_eq!(pass(&mut far, &mut near, &mut pool, frame), (double, Some(8), shifted(4)));

    let service = with_tags(&[0x88, 0xa8, 0x01, 0x00, 0x81, 0x00, 0x00, 0x07]);
    let mut frame = tx_frame(&mut pool, &service);
    frame.offload = shifted(8);
    assert_eq!(pass(&mut far, &mut near, &mut pool, frame), (service, None, shifted(8)));
}

#[test]
fn what_this_machine_sends_through_the_interface_is_not_received() {
    if !privileged("packet::what_this_machine_sends_through_the_interface_is_not_received") {
        return;
    }
    for queues in [1, 2] {
        let cable = Cable::new(1_500);
        let mut port = cable.open(|spec| spec.queues = queues);
        ip(&format!("addr add 10.8.0.2/24 dev {}", cable.near.0));
        let local = UdpSocket::bind("10.8.0.2:703").unwrap();
        let (mut pool, far) = (pool(), cable.socket(703));
        let own = tx_frame(&mut pool, &to_far(703).complete(b"through the port"));
        assert_eq!(transmit(port.tx.as_mut(), &mut pool, own).sent, 1);
        local.send_to(b"through the stack", "10.8.0.1:703").unwrap();
        let mut received = [0; 100];
        for text in ["through the port", "through the stack"] {
            let count = far.recv(&mut received).unwrap();
            assert_eq!(&received[..count], text.as_bytes());
        }
        far.send(b"answer").unwrap();
        let (start, mut out) = (Instant::now(), Vec::new());
        while out.is_empty() && start.elapsed() < Duration::from_secs(30) {
            port.rx.iter_mut().for_each(|queue| {
                queue.receive(&mut pool, &mut out, 64);
            });
            out.retain(|frame| bytes(&pool, frame)[12..14] == [8, 0]);
        }
        assert_eq!(out.len(), 1, "{queues} queues");
        assert!(bytes(&pool, &out[0]).ends_with(b"answer"));
    }
}

#[test]
fn several_queues_share_flows_and_deliver_all_in_order() {
    if !privileged("packet::several_queues_share_flows_and_deliver_all_in_order") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|spec| spec.queues = 4);
    let mut pool = pool();
    let sockets: Vec<_> = (800..832).map(|port| cable.socket(port)).collect();
    for number in 0..8 {
        sockets.iter().for_each(|socket| assert_eq!(socket.send(&[number; 20]).unwrap(), 20));
    }
    let (mut per_queue, mut next, start) = ([0; 4], [0; 32], Instant::now());
    while per_queue.iter().sum::<usize>() < 256 && start.elapsed() < Duration::from_secs(30) {
        for (queue, count) in port.rx.iter_mut().zip(&mut per_queue) {
            let mut out = Vec::new();
            queue.receive(&mut pool, &mut out, 64);
            for frame in out {
                let seen = bytes(&pool, &frame);
                if seen[12..14] == [8, 0] {
                    let flow = usize::from(u16::from_be_bytes([seen[36], seen[37]])) - 800;
                    assert_eq!(seen[PAYLOAD], next[flow]);
                    (next[flow], *count) = (next[flow] + 1, *count + 1);
                }
                pool.free(frame.buf);
            }
        }
    }
    assert_eq!(next, [8; 32]);
    assert!(per_queue.iter().filter(|count| **count > 0).count() >= 3, "{per_queue:?}");
}

#[test]
fn frames_beyond_the_mtu_are_refused_and_a_raised_mtu_is_noticed() {
    if !privileged("packet::frames_beyond_the_mtu_are_refused_and_a_raised_mtu_is_noticed") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|_| ());
    let mut pool = pool();
    let before = free(&pool);
    let tagged_in_data = |tpid: [u8; 2], length: usize| {
        let mut frame = to_far(1).complete(&vec![0; length - 46]);
        frame.splice(12..12, [tpid[0], tpid[1], 0, 5]);
        frame
    };
    let mut send = |port: &mut OpenPort, frame: &[u8], tci| {
        let mut frame = tx_frame(&mut pool, frame);
        frame.vlan_tci = tci;
        let report = transmit(port.tx.as_mut(), &mut pool, frame);
        (report.sent, report.too_long)
    };
    assert_eq!(send(&mut port, &to_far(1).complete(&[0; 1_472]), None), (1, 0));
    assert_eq!(send(&mut port, &to_far(1).complete(&[0; 1_472]), Some(5)), (1, 0));
    assert_eq!(send(&mut port, &tagged_in_data([0x81, 0], 1_518), None), (1, 0));
    assert_eq!(send(&mut port, &to_far(1).complete(&[0; 1_473]), None), (0, 1));
    assert_eq!(send(&mut port, &to_far(1).complete(&[0; 1_473]), Some(5)), (0, 1));
    assert_eq!(send(&mut port, &tagged_in_data([0x81, 0], 1_518), Some(5)), (0, 1));
    assert_eq!(send(&mut port, &tagged_in_data([0x88, 0xa8], 1_518), None), (0, 1));
    cable.space.ip(&format!("link set {} mtu 4000", cable.far));
    ip(&format!("link set {} mtu 4000", cable.near.0));
    let start = Instant::now();
    while send(&mut port, &to_far(1).complete(&[0; 3_972]), None) != (1, 0) {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    // Lowered again: the kernel's refusal costs this frame, not the batch.
    ip(&format!("link set {} mtu 1500", cable.near.0));
    assert_eq!(send(&mut port, &to_far(1).complete(&[0; 3_972]), None), (0, 1));

    // By the length of the segments, which the kernel does not check: 42 bytes of headers and these.
    for (size, expected) in [(1_472, (1, 0)), (1_473, (0, 1))] {
        let (frame, offload) = to_far(1).segmented(&[0; 6_000], size);
        let mut frame = tx_frame(&mut pool, &frame);
        (frame.offload, frame.header_len) = (offload, 42);
        let report = transmit(port.tx.as_mut(), &mut pool, frame);
        assert_eq!((report.sent, report.too_long), expected, "{size}");
    }
    assert_eq!(free(&pool), before);
}

#[test]
fn a_batch_with_a_bad_frame_loses_only_that_one() {
    if !privileged("packet::a_batch_with_a_bad_frame_loses_only_that_one") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|_| ());
    let (mut pool, far) = (pool(), cable.socket(704));
    let mut frames: Vec<_> =
        (0..100_u8).map(|number| tx_frame(&mut pool, &to_far(704).complete(&[number; 18]))).collect();
    frames[30].length = 9;
    let mut report = Default::default();
    port.tx.transmit(&mut pool, &mut frames, &mut report);
    assert_eq!((report.sent, report.refused), (99, 1));
    for number in (0..100_u8).filter(|number| *number != 30) {
        let mut received = [0; 100];
        assert_eq!((far.recv(&mut received).unwrap(), received[0]), (18, number));
    }
}

#[test]
fn overruns_are_counted_as_missed() {
    if !privileged("packet::overruns_are_counted_as_missed") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|_| ());
    let (mut pool, far) = (pool(), cable.socket(705));
    let sent = 40_000;
    for _ in 0..sent {
        far.send(&[1; 18]).unwrap();
    }
    let mut received = 0;
    let mut out = Vec::new();
    while port.rx[0].receive(&mut pool, &mut out, 64) != RxStatus::Empty {
        received += out.drain(..).map(|frame| pool.free(frame.buf)).count();
    }
    received += out.drain(..).map(|frame| pool.free(frame.buf)).count();
    let losses = port.rx[0].losses();
    assert!(losses.missed > 0 && received > 1_000);
    assert_eq!(received as u64 + losses.missed, sent);
    assert_eq!(port.rx[0].losses(), losses, "asking again counts nothing twice");
}

#[test]
fn a_removed_interface_is_down_and_taken_up_when_it_returns() {
    if !privileged("packet::a_removed_interface_is_down_and_taken_up_when_it_returns") {
        return;
    }
    for queues in [1, 2] {
        let cable = Cable::new(1_500);
        let mut port = cable.open(|spec| spec.queues = queues);
        let mut pool = pool();
        let before = free(&pool);
        let descriptor = port.rx[0].poll_fd().map(|descriptor| descriptor.as_raw_fd());
        ip(&format!("link del {}", cable.near.0));
        for queue in &mut port.rx {
            assert_eq!(await_status(queue.as_mut(), &mut pool, |status| status != RxStatus::Empty), RxStatus::Down);
        }
        let frame = tx_frame(&mut pool, &to_far(706).complete(&[0; 18]));
        assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).device_gone, 1);

        cable.lay(1_500);
        ip(&format!("link set {} up", cable.near.0));
        for queue in &mut port.rx {
            await_status(queue.as_mut(), &mut pool, |status| status != RxStatus::Down);
        }
        cable.await_carrier();
        let far = cable.socket(706);
        let start = Instant::now();
        loop {
            let frame = tx_frame(&mut pool, &to_far(706).complete(b"back"));
            if transmit(port.tx.as_mut(), &mut pool, frame).sent == 1 {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(far.recv(&mut [0; 10]).unwrap(), 4);
        far.send(b"and forth").unwrap();
        let (start, mut seen) = (Instant::now(), 0);
        while seen == 0 && start.elapsed() < Duration::from_secs(30) {
            let mut out = Vec::new();
            port.rx.iter_mut().for_each(|queue| {
                queue.receive(&mut pool, &mut out, 64);
            });
            for frame in out {
                seen += usize::from(bytes(&pool, &frame).ends_with(b"and forth"));
                pool.free(frame.buf);
            }
        }
        assert_eq!((seen, port.rx[0].poll_fd().map(|descriptor| descriptor.as_raw_fd())), (1, descriptor));
        assert_eq!(free(&pool), before);
    }
}

#[test]
fn down_up_carrier_loss_and_rename_are_survived() {
    if !privileged("packet::down_up_carrier_loss_and_rename_are_survived") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|_| ());
    let (mut pool, near) = (pool(), &cable.near.0);
    ip(&format!("link set {near} down"));
    let down = await_status(port.rx[0].as_mut(), &mut pool, |status| status != RxStatus::Empty);
    assert_eq!(down, RxStatus::Down);
    let frame = tx_frame(&mut pool, &to_far(707).complete(&[0; 18]));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).device_gone, 1);
    let renamed = Link(unique("r"));
    ip(&format!("link set {near} name {}", renamed.0));
    ip(&format!("link set {} up", renamed.0));
    await_status(port.rx[0].as_mut(), &mut pool, |status| status != RxStatus::Down);

    cable.space.ip(&format!("link set {} down", cable.far));
    assert_eq!(await_status(port.rx[0].as_mut(), &mut pool, |_| true), RxStatus::Empty, "no carrier is no fault");
    cable.space.ip(&format!("link set {} up", cable.far));
    cable.space.ip(&format!("neigh replace 10.8.0.2 lladdr 02:00:00:00:08:02 dev {}", cable.far));
    cable.await_carrier();
    let far = cable.socket(707);
    far.send(b"again").unwrap();
    await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| frame.ends_with(b"again"));
    let frame = tx_frame(&mut pool, &to_far(707).complete(b"again"));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).sent, 1);
    assert_eq!(far.recv(&mut [0; 10]).unwrap(), 5);
}

#[test]
fn without_offload_nothing_is_asked_of_the_device() {
    if !privileged("packet::without_offload_nothing_is_asked_of_the_device") {
        return;
    }
    let cable = Cable::new(1_500);
    let mut port = cable.open(|spec| spec.offload = false);
    assert_eq!(port.capabilities, Default::default());
    let (mut pool, far) = (pool(), cable.socket(708));
    far.send(b"unfinished").unwrap();
    let frame = await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| is_udp_to(frame, 0, 708));
    assert!(
        frame.offload.csum.is_some() && !udp_checksum_right(bytes(&pool, &frame)),
        "still told, for the core to do"
    );
}
