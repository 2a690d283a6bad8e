//! Anything may come from a port: captured frames, cut-off ones, garbage and hostile offload headers go through a
//! switch with every kind of port and busy extensions. Nothing panics, the law is exact, every buffer comes home.

use heddle_extension_api::abi::packet::VERDICT_DROP;
use heddle_switch_core::call::Call;
use heddle_switch_core::offload::Offload;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{Leg, Role};
use heddle_switch_tests::bench::with;
use heddle_switch_tests::captures::captures;
use heddle_switch_tests::cases::{Rng, run};
use heddle_switch_tests::memory::write_frame;
use heddle_switch_tests::oracle::Port;
use heddle_switch_tests::pcap;
use heddle_switch_tests::sim::{Raw, Setup, Sim, StageSpec};
use heddle_switch_tests::stages::{Custom, Samples};

/// A trunk, an access port, one without a VLAN; the devices of the last two do offloads.
fn busy_switch(rng: &mut Rng, workers: u16) -> Sim {
    let ports = [Port::trunk(0, &[1, 5, 10, 100]), Port::access(10).offloading(), Port::default().offloading()];
    let mut sim = with(Setup { buffers: [3_000, 128, 48], ..Setup::of(workers, rng.number()) }, &ports);
    let samples = Samples::default();
    let sampler = StageSpec::new(Role::Capture, 0, move |_, _| Custom::new(|_| {}).sampling(&[3], &samples));
    sim.control.enable(StageSpec { sampling: Some(128), ..sampler });
    for order in 0..2 {
        let seed = rng.number();
        sim.control
            .enable(StageSpec::new(Role::Filter, order, move |worker, _| busy(Rng::new(seed + u64::from(worker)))));
    }
    sim.publish_now();
    sim
}

/// Holds, drops, writes, clones and originates at random.
fn busy(mut rng: Rng) -> Custom {
    let handles = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let held = std::sync::Arc::clone(&handles);
    let process = move |call: &mut Call<'_>| {
        for index in 0..call.len() {
            match rng.below(24) {
                0 => held.lock().unwrap().push(call.hold(index).expect("room")),
                1 => call.packets_mut()[index].verdict = VERDICT_DROP,
                2 if call.leg() == Leg::Ingress => {
                    call.make_writable(index).unwrap();
                    let packet = call.packets_mut()[index];
                    write_frame(call.arena(), &packet, |bytes| {
                        let at = rng.below(bytes.len());
                        bytes[at] ^= 1 << rng.below(8);
                    });
                    call.reparse(index).unwrap();
                }
                3 => {
                    let (handle, packet) = call.clone_packet(index).unwrap();
                    // One in four clones is a copy of a copy at most: its maker does not see it on ingress.
                    if packet.flags & 2 == 0 {
                        let source = if rng.one_in(2) { packet.source_port } else { 0 };
                        call.inject(handle, PortId::from_raw(source)).unwrap();
                    } else {
                        call.discard(handle, 0).unwrap();
                    }
                }
                _ => {}
            }
        }
    };
    Custom::new(process).ticking(move |call| {
        for handle in handles.lock().unwrap().drain(..) {
            call.release(handle).unwrap();
        }
    })
}

fn feed(sim: &mut Sim, rng: &mut Rng, bytes: &[u8], offload: Offload) {
    let worker = rng.below(sim.workers());
    let slot = 1 + rng.below(3) as u16;
    sim.send_raw(slot, worker, Raw { bytes: bytes.to_vec(), tag_beside: None, offload });
}

fn rest(mut sim: Sim, sent: u64) {
    sim.finish();
    let law = sim.counters().law;
    assert_eq!((law.rx, law.held), (sent, 0));
    sim.check_rest();
}

#[test]
fn captured_frames_harm_nothing() {
    let Some(paths) = captures("switch captured_frames_harm_nothing") else { return };
    let rng = &mut Rng::new(1);
    let (mut sim, mut sent, mut read) = (busy_switch(rng, 3), 0, 0);
    for path in paths {
        let file = std::fs::read(&path).unwrap_or_default();
        let Some((_, frames)) = pcap::frames(&file) else { continue };
        read += 1;
        for frame in frames.iter().filter(|frame| frame.len() <= 65_000) {
            feed(&mut sim, rng, frame, Offload::default());
            let cut = rng.below(frame.len() + 1);
            feed(&mut sim, rng, &frame[..cut], Offload::default());
            sent += 2;
        }
        while sim.waiting() > 0 {
            sim.step();
        }
        sim.devices.sent.clear();
    }
    println!("{read} captures, {sent} frames");
    rest(sim, sent);
}

/// The judge of what is left out: this program again, with a folder without captures.
#[test]
fn without_captures_the_ledger_names_the_test() {
    let ledger = std::env::temp_dir().join(format!("heddle-ledger-{}", std::process::id()));
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "captured_frames_harm_nothing"])
        .env("HEDDLE_CAPTURES", "/nonexistent")
        .env("HEDDLE_LEDGER", &ledger)
        .output()
        .unwrap();
    let noted = std::fs::read_to_string(&ledger).unwrap_or_default();
    let _ = std::fs::remove_file(&ledger);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    assert!(noted.starts_with("switch captured_frames_harm_nothing: no captures in /nonexistent; "), "{noted:?}");
}

#[test]
fn garbage_and_hostile_offload_headers_harm_nothing() {
    run("garbage_and_hostile_offload_headers_harm_nothing", 20, |rng| {
        let workers = *rng.pick(&[1, 3]);
        let (mut sim, mut sent) = (busy_switch(rng, workers), 0);
        for _ in 0..300 {
            let bytes = hostile_bytes(rng);
            let mut header: Vec<u8> = (0..10).map(|_| if rng.one_in(3) { 0 } else { rng.below(256) as u8 }).collect();
            header[1] = *rng.pick(&[0, 1, 4, 5, 0x81]);
            header[5] &= 7;
            let headers = if bytes.get(12) == Some(&0x86) { 54 } else { 34 };
            (header[6], header[7]) = (*rng.pick(&[headers, 34, 14]), 0);
            (header[8], header[9]) = (*rng.pick(&[16, 6, 2]), 0);
            header[0] = *rng.pick(&[0, 1, 1, 1]);
            // What the check of the header lets through the switch must stand.
            let offload = Offload::from_virtio(&header, &bytes).unwrap_or_default();
            feed(&mut sim, rng, &bytes, offload);
            sent += 1;
        }
        (0..200).for_each(|_| sim.step());
        rest(sim, sent);
    });
}

/// A frame that was well-formed before some of its bytes were changed or cut off.
fn hostile_bytes(rng: &mut Rng) -> Vec<u8> {
    let mut frame = heddle_switch_tests::traffic::random_frame(rng, true).received().0;
    for _ in 0..rng.below(4) {
        if !frame.is_empty() {
            let at = rng.below(frame.len().min(80));
            frame[at] = rng.below(256) as u8;
        }
    }
    if rng.one_in(4) {
        frame.truncate(rng.below(frame.len() + 1));
    }
    frame
}
