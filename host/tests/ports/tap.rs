//! TAP ports: a namespace holds the interface, its kernel sends and judges.

use crate::packets::{PAYLOAD, Udp, is_udp_to, udp_checksum_right};
use crate::rig::{
    Link, Namespace, await_frame, await_frames, await_status, bytes, free, ip, pool, privileged, set_segment_size,
    transmit, tx_frame, unique,
};
use heddle_host::ports::{self, OpenPort, OpenSpec, RxStatus};
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 9, 2];
const DEVICE_MAC: [u8; 6] = [2, 0, 0, 0, 9, 1];

/// A frame from the peer (10.9.0.2) to the interface's kernel (10.9.0.1).
fn to_kernel(port: u16) -> Udp {
    Udp { src_mac: PEER_MAC, dst_mac: DEVICE_MAC, src: [10, 9, 0, 2], dst: [10, 9, 0, 1], port }
}

fn open_in(space: &Namespace, change: impl FnOnce(&mut OpenSpec)) -> OpenPort {
    let mut spec = OpenSpec::new("lab/t", "tap", unique("t"));
    spec.mac = Some(DEVICE_MAC);
    change(&mut spec);
    let port = ports::open(&spec).unwrap();
    space.adopt(&port.device, "10.9.0.1/24");
    space.ip(&format!("neigh add 10.9.0.2 lladdr 02:00:00:00:09:02 dev {}", port.device));
    port
}

fn socket(space: &Namespace, port: u16) -> UdpSocket {
    let socket = space.run(move || UdpSocket::bind(("10.9.0.1", port)).unwrap());
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.connect(("10.9.0.2", port)).unwrap();
    socket
}

#[test]
fn frames_of_all_lengths_pass_both_ways() {
    if !privileged("frames_of_all_lengths_pass_both_ways") {
        return;
    }
    let space = Namespace::new();
    let mut port = open_in(&space, |spec| spec.mtu = Some(9_000));
    assert_eq!((port.mtu, port.mac), (9_000, Some(DEVICE_MAC)));
    let (mut pool, kernel) = (pool(), socket(&space, 700));
    let before = free(&pool);
    for length in [18, 1_000, 1_930, 1_946, 8_958_u16] {
        let payload: Vec<u8> = (0..length).map(|n| n.wrapping_mul(7) as u8).collect();
        kernel.send(&payload).unwrap();
        let frame = await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| is_udp_to(frame, 0, 700));
        assert_eq!(&bytes(&pool, &frame)[PAYLOAD..], payload, "{length}");
        assert!(frame.offload.csum.is_some() && !udp_checksum_right(bytes(&pool, &frame)), "left to us");
        pool.free(frame.buf);

        let (sent, offload) = to_kernel(700).partial(&payload);
        for (sent, offload) in [(to_kernel(700).complete(&payload), Default::default()), (sent, offload)] {
            let mut frame = tx_frame(&mut pool, &sent);
            frame.offload = offload;
            let report = transmit(port.tx.as_mut(), &mut pool, frame);
            assert_eq!((report.sent, report.sent_bytes), (1, u64::from(length) + 42));
            let mut received = vec![0; 10_000];
            let count = kernel.recv(&mut received).unwrap();
            assert_eq!(received[..count], payload, "{length}");
        }
    }
    assert_eq!(free(&pool), before);
}

#[test]
fn segmentation_frames_of_60_000_bytes_pass_both_ways() {
    if !privileged("segmentation_frames_of_60_000_bytes_pass_both_ways") {
        return;
    }
    let space = Namespace::new();
    let mut port = open_in(&space, |_| ());
    if !port.capabilities.udp_segmentation {
        println!("skipped segmentation_frames_of_60_000_bytes_pass_both_ways: kernel before 6.2");
        return;
    }
    let (mut pool, kernel) = (pool(), socket(&space, 701));
    let payload: Vec<u8> = (0..60_000_u32).map(|n| (n / 3) as u8).collect();
    set_segment_size(&kernel, 1_200);
    kernel.send(&payload).unwrap();
    let frame = await_frame(port.rx[0].as_mut(), &mut pool, |_, frame| is_udp_to(frame, 0, 701));
    assert_eq!(frame.length, 60_042);
    assert_eq!((frame.offload.gso_size, frame.offload.is_gso()), (1_200, true));
    assert_eq!(&bytes(&pool, &frame)[PAYLOAD..], payload);
    pool.free(frame.buf);

    let (sent, offload) = to_kernel(701).segmented(&payload, 1_200);
    let mut frame = tx_frame(&mut pool, &sent);
    (frame.offload, frame.l4, frame.header_len) = (offload, 34, 42);
    let report = transmit(port.tx.as_mut(), &mut pool, frame);
    assert_eq!((report.sent, report.sent_segments), (1, 50));
    for piece in payload.chunks(1_200) {
        let mut received = [0; 2_000];
        let count = kernel.recv(&mut received).unwrap();
        assert_eq!(received[..count], *piece);
    }
}

#[test]
fn without_offload_the_kernel_finishes_its_frames() {
    if !privileged("without_offload_the_kernel_finishes_its_frames") {
        return;
    }
    let space = Namespace::new();
    let mut port = open_in(&space, |spec| spec.offload = false);
    assert_eq!(port.capabilities, Default::default());
    let (mut pool, kernel) = (pool(), socket(&space, 702));
    set_segment_size(&kernel, 1_000);
    kernel.send(&[5; 3_000]).unwrap();
    for frame in await_frames(port.rx[0].as_mut(), &mut pool, 3, |_, frame| is_udp_to(frame, 0, 702)) {
        assert_eq!((frame.length, frame.offload), (1_042, Default::default()));
        assert!(udp_checksum_right(bytes(&pool, &frame)));
        pool.free(frame.buf);
    }
}

#[test]
fn a_tag_is_gathered_in_without_touching_the_buffer() {
    if !privileged("a_tag_is_gathered_in_without_touching_the_buffer") {
        return;
    }
    let space = Namespace::new();
    // What goes into one TAP interface of a kernel bridge comes out of the other.
    let mut left = ports::open(&OpenSpec::new("lab/l", "tap", unique("t"))).unwrap();
    let mut right = ports::open(&OpenSpec::new("lab/r", "tap", unique("t"))).unwrap();
    space.ip("link add br0 type bridge mcast_snooping 0");
    for device in [&left.device, &right.device] {
        ip(&format!("link set {device} netns {}", space.name));
        space.ip(&format!("link set {device} master br0"));
        space.ip(&format!("link set {device} up"));
    }
    space.ip("link set br0 up");
    let mut pool = pool();
    let payload: Vec<u8> = (0..1_400_u32).map(|n| n as u8).collect();
    let (plain, offload) = to_kernel(703).partial(&payload);
    let mut frame = tx_frame(&mut pool, &plain);
    let second = pool.arena().share(&frame.buf);
    (frame.vlan_tci, frame.offload) = (Some(0x6123), offload);
    assert_eq!(transmit(left.tx.as_mut(), &mut pool, frame).sent, 1);
    let received = await_frame(right.rx[0].as_mut(), &mut pool, |_, frame| is_udp_to(frame, 4, 703));
    let tagged = [&plain[..12], &[0x81, 0, 0x61, 0x23], &plain[12..]].concat();
    assert_eq!(bytes(&pool, &received), tagged);
    assert_eq!(received.offload.csum.map(|partial| partial.start), Some(38));
    assert_eq!(pool.arena().frame(&second, 128, 14), &plain[..14], "the shared buffer is as it was");
}

#[test]
fn several_queues_share_flows_and_deliver_all() {
    if !privileged("several_queues_share_flows_and_deliver_all") {
        return;
    }
    let space = Namespace::new();
    let mut port = open_in(&space, |spec| spec.queues = 4);
    assert_eq!(port.rx.len(), 4);
    let mut pool = pool();
    let sockets: Vec<_> = (800..832).map(|port| socket(&space, port)).collect();
    // The answers' queues are those the flows were written through.
    for (number, socket) in (800..).zip(&sockets) {
        let mut frame = tx_frame(&mut pool, &to_kernel(number).complete(&[1; 20]));
        frame.l4 = 34;
        assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).sent, 1);
        socket.recv(&mut [0; 64]).unwrap();
        socket.send(&[2; 20]).unwrap();
    }
    let (mut per_queue, mut out) = ([0; 4], Vec::new());
    for (queue, count) in port.rx.iter_mut().zip(&mut per_queue) {
        assert_eq!(queue.receive(&mut pool, &mut out, 64), RxStatus::Empty);
        *count = out.drain(..).filter(|frame| bytes(&pool, frame)[12..14] == [8, 0]).count();
    }
    assert_eq!(per_queue.iter().sum::<usize>(), 32);
    assert!(per_queue.iter().filter(|count| **count > 0).count() >= 3, "{per_queue:?}");
}

#[test]
fn a_deleted_interface_is_down_and_a_new_one_of_its_name_is_taken_up() {
    if !privileged("a_deleted_interface_is_down_and_a_new_one_of_its_name_is_taken_up") {
        return;
    }
    let mut port = ports::open(&OpenSpec::new("lab/t", "tap", unique("t"))).unwrap();
    let (mut pool, name) = (pool(), port.device.clone());
    let before = free(&pool);
    await_status(port.rx[0].as_mut(), &mut pool, |status| status == RxStatus::Empty);
    ip(&format!("link set {name} down"));
    let frame = tx_frame(&mut pool, &to_kernel(1).complete(&[0; 18]));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).device_gone, 1);
    ip(&format!("link del {name}"));
    assert_eq!(await_status(port.rx[0].as_mut(), &mut pool, |status| status != RxStatus::Empty), RxStatus::Down);
    let frame = tx_frame(&mut pool, &to_kernel(1).complete(&[0; 18]));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).device_gone, 1);
    // The second call looks for the interface.
    assert_eq!(port.rx[0].receive(&mut pool, &mut Vec::new(), 64), RxStatus::Down);
    assert!(std::fs::metadata(format!("/sys/class/net/{name}")).is_err(), "not made again behind the operator's back");

    ip(&format!("tuntap add dev {name} mode tap"));
    let _link = Link(name);
    await_status(port.rx[0].as_mut(), &mut pool, |status| status != RxStatus::Down);
    let frame = tx_frame(&mut pool, &to_kernel(1).complete(&[0; 18]));
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, frame).sent, 1);
    assert_eq!(free(&pool), before);
}

#[test]
fn frames_the_device_cannot_take_are_counted_by_reason() {
    if !privileged("frames_the_device_cannot_take_are_counted_by_reason") {
        return;
    }
    let mut port = ports::open(&OpenSpec::new("lab/t", "tap", "")).unwrap();
    let mut pool = pool();
    let runt = tx_frame(&mut pool, &[0; 6]);
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, runt).refused, 1);
    let giant = tx_frame(&mut pool, &[0; 66_000]);
    assert_eq!(transmit(port.tx.as_mut(), &mut pool, giant).too_long, 1);
}

/// `tx_dropped` of an interface in a namespace, as its own kernel tools show it.
fn dropped_in(space: &Namespace, interface: &str) -> u64 {
    let path = format!("/sys/class/net/{interface}/statistics/tx_dropped");
    let output = Command::new("ip").args(["netns", "exec", &space.name, "cat", &path]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

#[test]
fn what_the_kernel_had_no_place_for_is_missed() {
    if !privileged("what_the_kernel_had_no_place_for_is_missed") {
        return;
    }
    let space = Namespace::new();
    let mut port = open_in(&space, |_| ());
    space.ip(&format!("link set {} txqueuelen 100", port.device));
    let meter = port.meter.as_mut().expect("a TAP port can say what the kernel lost");
    assert_eq!(meter.missed(), 0);
    let socket = socket(&space, 40_000);
    for _ in 0..500 {
        socket.send(&PAYLOAD.to_be_bytes()).unwrap();
    }
    let dropped = dropped_in(&space, &port.device);
    assert!((300..=500).contains(&dropped), "{dropped} of 500 in a ring of 100");
    assert_eq!(meter.missed(), dropped);
    // Another name in another place changes nothing.
    let renamed = unique("r");
    space.ip(&format!("link set {} down", port.device));
    space.ip(&format!("link set {} name {renamed}", port.device));
    space.ip(&format!("link set {renamed} up"));
    assert_eq!(meter.missed(), dropped_in(&space, &renamed));
    let (before, mut pool, mut out) = (meter.missed(), pool(), Vec::new());
    port.rx[0].receive(&mut pool, &mut out, 1_000);
    assert!(out.len() <= 200, "{}", out.len());
    out.drain(..).for_each(|frame| pool.free(frame.buf));
    // The interface goes: what is known stays.
    space.ip(&format!("link del {renamed}"));
    assert_eq!(port.meter.as_mut().unwrap().missed(), before);
}

#[test]
fn losses_of_before_are_not_the_port_s() {
    if !privileged("losses_of_before_are_not_the_port_s") {
        return;
    }
    let link = Link(unique("t"));
    ip(&format!("tuntap add dev {} mode tap", link.0));
    let spec = OpenSpec::new("lab/t", "tap", &*link.0);
    let first = ports::open(&spec).unwrap();
    ip(&format!("link set {} txqueuelen 1", link.0));
    ip(&format!("addr add 10.9.7.1/24 dev {}", link.0));
    ip(&format!("neigh add 10.9.7.2 lladdr 02:00:00:00:09:02 dev {}", link.0));
    let socket = UdpSocket::bind(("10.9.7.1", 0)).unwrap();
    for _ in 0..20 {
        socket.send_to(&[0; 20], ("10.9.7.2", 9)).unwrap();
    }
    let Some(mut meter) = first.meter else { panic!("no meter") };
    assert!(meter.missed() >= 10, "{}", meter.missed());
    drop((meter, first.rx, first.tx));
    let mut second = ports::open(&spec).unwrap();
    assert_eq!(second.meter.as_mut().unwrap().missed(), 0);
}

#[test]
fn interfaces_of_another_kind_or_in_use_are_refused() {
    if !privileged("interfaces_of_another_kind_or_in_use_are_refused") {
        return;
    }
    let veth = Link(unique("v"));
    ip(&format!("link add {} type veth peer name {}", veth.0, unique("v")));
    let error = crate::errors::error_of(&OpenSpec::new("lab/t", "tap", &*veth.0));
    assert!(error.contains(&veth.0) && error.contains("not a TAP interface"), "{error}");
    let open = ports::open(&OpenSpec::new("lab/t", "tap", "")).unwrap();
    let error = crate::errors::error_of(&OpenSpec::new("lab/u", "tap", &*open.device));
    assert!(error.contains(&open.device) && error.contains("in use"), "{error}");
    let spec = OpenSpec { mtu: Some(70_000), ..OpenSpec::new("lab/t", "tap", "") };
    let error = crate::errors::error_of(&spec);
    assert!(error.contains("takes an MTU of 65521 bytes at most, not 70000; give --mtu 65521"), "{error}");
}

#[test]
fn a_persistent_interface_stays_and_is_taken_over() {
    if !privileged("a_persistent_interface_stays_and_is_taken_over") {
        return;
    }
    let link = Link(unique("t"));
    ip(&format!("tuntap add dev {} mode tap", link.0));
    let spec = OpenSpec::new("lab/t", "tap", &*link.0);
    drop(ports::open(&spec).unwrap());
    assert!(std::fs::metadata(format!("/sys/class/net/{}", link.0)).is_ok());
    assert_eq!(ports::open(&spec).unwrap().device, link.0);
}
