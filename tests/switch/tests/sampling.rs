//! Samples tell the fate of the frame they were taken from.

use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::sample::{OUTPUTS_MAX, PLACES, Sample};
use heddle_switch_core::stage::{Role, StageId};
use heddle_switch_tests::bench::{from_1_to_2, pair, switch};
use heddle_switch_tests::cases::run;
use heddle_switch_tests::frames::{Action, BROADCAST, Body, Frame, Left, Mark, station};
use heddle_switch_tests::judge::Judge;
use heddle_switch_tests::oracle::{Oracle, Port};
use heddle_switch_tests::sim::{Setup, Sim, StageSpec};
use heddle_switch_tests::stages::{Custom, Samples, Scripted};
use heddle_switch_tests::traffic::{PORTS, at_home, introduce, random_frame, random_ports};

fn sampler(sim: &mut Sim, skips: &'static [u32]) -> (StageId, Samples) {
    let samples = Samples::default();
    let to = Samples::clone(&samples);
    let spec = StageSpec::new(Role::Capture, 0, move |_, _| Custom::new(|_| {}).sampling(skips, &to));
    (sim.enable(StageSpec { sampling: Some(128), ..spec }), samples)
}

fn only(samples: &Samples) -> Sample {
    let [sample] = &samples.lock().unwrap()[..] else { panic!("one sample") };
    sample.clone()
}

#[test]
fn delivered_frame_names_its_port_and_tags() {
    let mut sim = switch(&[Port::access(10), Port::trunk(1, &[10])]);
    sim.control.fix(10, station(2), 2);
    let (id, samples) = sampler(&mut sim, &[0, 1_000]);
    let frame = from_1_to_2().tagged(0x6000);
    sim.run(1, frame);
    let sample = only(&samples);
    assert_eq!((sample.stage, sample.source), (id, sim.control.id(1)));
    assert_eq!((sample.output_count, sample.outputs[0], sample.drop_code), (1, sim.control.id(2), 0));
    assert_eq!((sample.source_tci, sample.destination_tci), (0x6000, 0x600a));
    let (bytes, _) = sim.sent[&1].1.received();
    assert_eq!(sample.frame_length as usize, bytes.len());
    assert_eq!(sample.header_length, bytes.len().min(128));
    assert_eq!(sample.header[..sample.header_length], bytes[..sample.header_length]);
    assert_eq!((sample.pool, sample.lost), (1, 0));
}

#[test]
fn flooded_frame_lists_its_first_outputs_and_counts_all() {
    let mut sim = switch(&vec![Port::default(); 12]);
    let (_, samples) = sampler(&mut sim, &[0, 1_000]);
    sim.run(1, Frame::udp(station(1), BROADCAST));
    let sample = only(&samples);
    assert_eq!(sample.output_count, 11);
    let listed: Vec<_> = (2..).take(OUTPUTS_MAX).map(|slot| sim.control.id(slot)).collect();
    assert_eq!(sample.outputs[..], listed[..]);
}

#[test]
fn dropped_frame_names_the_reason_wherever_it_was_dropped() {
    let cases: [(Frame, DropReason); 4] = [
        (from_1_to_2().tagged(10), DropReason::VlanTagNotAllowed),
        (Frame::udp(station(9), station(1)), DropReason::SamePort),
        (from_1_to_2().action(Action::DropIngress(5)), DropReason::ExtensionDrop),
        (from_1_to_2().action(Action::DropEgress(5, 2)), DropReason::ExtensionDrop),
    ];
    for (frame, reason) in cases {
        let mut sim = pair();
        let (_, samples) = sampler(&mut sim, &[0, 1_000]);
        sim.enable(StageSpec::new(Role::Filter, 0, |_, log| Scripted::new(5, log)));
        sim.run(1, frame);
        let sample = only(&samples);
        assert_eq!((sample.output_count, sample.drop_code), (0, reason.code()));
    }
}

#[test]
fn skip_counts_decide_which_frames_are_taken() {
    let mut sim = pair();
    let (_, samples) = sampler(&mut sim, &[2, 0, 5, 3]);
    for chunk in [1, 4, 2, 9] {
        (0..chunk).for_each(|_| assert!(sim.send(1, from_1_to_2()) > 0));
        sim.receive(0, chunk);
    }
    let taken: Vec<u32> =
        samples.lock().unwrap().iter().map(|sample| Mark::find(&sample.header).unwrap().number).collect();
    // Two skipped, none, five, then always three.
    assert_eq!(taken, [3, 4, 10, 14]);
}

#[test]
fn held_frame_is_reported_when_its_fate_is_known() {
    let mut sim = pair();
    let (_, samples) = sampler(&mut sim, &[0, 1_000]);
    let spec = StageSpec::new(Role::Filter, 0, |_, _| {
        Custom::new(|call| (0..call.len()).for_each(|index| assert!(call.hold(index).is_ok())))
    });
    let id = sim.enable(spec);
    sim.send(1, from_1_to_2());
    sim.receive(0, 1);
    sim.tick(0);
    assert!(samples.lock().unwrap().is_empty());
    sim.control.disable(id);
    sim.publish_now();
    sim.go_on(0);
    assert_eq!(only(&samples).drop_code, DropReason::ExtensionDisabled.code());
}

#[test]
fn samples_without_a_place_are_counted_and_told_with_the_next() {
    let mut sim = pair();
    let (_, samples) = sampler(&mut sim, &[0]);
    let more = 10;
    for _ in 0..PLACES + more {
        sim.send(1, from_1_to_2());
    }
    sim.receive(0, PLACES + more);
    assert_eq!(samples.lock().unwrap().len(), PLACES);
    assert_eq!(sim.counters().samples_lost, more as u64);
    samples.lock().unwrap().clear();
    sim.run(1, from_1_to_2());
    assert_eq!(only(&samples).lost as usize, more);
}

#[test]
fn a_sampler_asked_anew_begins_or_ends_at_the_next_frame() {
    let mut sim = pair();
    let (id, samples) = sampler(&mut sim, &[u32::MAX, 2, 2, u32::MAX]);
    let pass = |sim: &mut Sim, frames: u32| {
        (0..frames).for_each(|_| {
            sim.run(1, from_1_to_2());
        });
        std::mem::take(&mut *samples.lock().unwrap()).len()
    };
    assert_eq!(pass(&mut sim, 50), 0, "it wanted none");
    sim.worker(0).resample(id);
    assert_eq!(pass(&mut sim, 5), 1, "the third of five");
    sim.worker(0).resample(id);
    assert_eq!(pass(&mut sim, 50), 0, "it wants none again");
}

#[test]
fn second_sampler_is_told_of_what_it_lost_to_the_first() {
    let mut sim = pair();
    let (_, first) = sampler(&mut sim, &[0]);
    let (_, second) = sampler(&mut sim, &[0]);
    sim.run(1, from_1_to_2());
    assert_eq!((first.lock().unwrap().len(), second.lock().unwrap().len()), (1, 0));
    assert_eq!(sim.counters().samples_lost, 1);
}

#[test]
fn sample_of_an_offload_frame_counts_wire_segments_in_its_pool() {
    let mut sim = pair();
    let (_, samples) = sampler(&mut sim, &[0, 1_000]);
    sim.run(1, from_1_to_2().of(Body::Tcp4, 1_000).left(Left::Segments(250)));
    let sample = only(&samples);
    assert_eq!((sample.pool, sample.output_count), (4, 1));
}

#[test]
fn skip_counts_count_wire_frames_of_offload_frames() {
    let mut sim = pair();
    // One of ten: 50 frames of four segments are 200 wire frames, hence 20 samples, whatever frame they fall on.
    let (_, samples) = sampler(&mut sim, &[9]);
    for _ in 0..50 {
        sim.run(1, from_1_to_2().of(Body::Tcp4, 1_000).left(Left::Segments(250)));
    }
    let samples = samples.lock().unwrap();
    assert_eq!(samples.len(), 20);
    assert_eq!(samples.last().map(|sample| sample.pool), Some(200));
}

#[test]
fn an_offload_frame_hit_several_times_is_as_many_samples_of_one_wire_length() {
    let mut sim = pair();
    let (_, samples) = sampler(&mut sim, &[0]);
    sim.run(1, from_1_to_2().of(Body::Tcp4, 1_000).left(Left::Segments(250)));
    let samples = samples.lock().unwrap();
    assert_eq!(samples.len(), 4);
    // Ethernet, IPv4 and TCP headers and one segment, not the kilobyte the device handed over.
    assert!(samples.iter().all(|sample| sample.frame_length == 14 + 20 + 20 + 250), "{samples:?}");
}

#[test]
fn samples_tell_what_the_oracle_says() {
    run("samples_tell_what_the_oracle_says", 25, |rng| {
        let workers = *rng.pick(&[1, 3]);
        let mut sim = Sim::new(Setup::of(workers, rng.number()));
        let mut oracle = Oracle::new();
        for (slot, port) in random_ports(rng) {
            sim.control.port(slot, port.clone());
            oracle.ports.insert(slot, port);
        }
        sim.publish_now();
        let mut judge = Judge::default();
        introduce(&mut sim, &mut oracle, &mut judge);
        let (_, samples) = sampler(&mut sim, &[0, 3, 1, 7, 2]);
        for _ in 0..200 {
            let from = 1 + rng.below(usize::from(PORTS)) as u16;
            let frame = random_frame(rng, false);
            let frame = at_home(rng, from, frame);
            let number = sim.send(from, frame.clone());
            judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
        }
        (0..100).for_each(|_| sim.step());
        sim.finish();
        judge.exact(&sim);
        assert!(!samples.lock().unwrap().is_empty());
        for sample in samples.lock().unwrap().iter() {
            let mark = Mark::find(&sample.header[..sample.header_length]).expect("a mark in the header");
            let fate = judge.fate(mark.number);
            let mut ports: Vec<u16> = fate.deliveries.iter().map(|(port, _)| *port).collect();
            let listed = &sample.outputs[..sample.output_count as usize];
            let mut outputs: Vec<u16> = listed.iter().map(|id| id.slot() as u16).collect();
            ports.sort_unstable();
            outputs.sort_unstable();
            assert_eq!(outputs, ports, "outputs of frame {}", mark.number);
            let codes: Vec<u16> = fate.drops.iter().map(|reason| reason.code()).collect();
            assert_eq!(sample.drop_code == 0, codes.is_empty());
            assert!(sample.drop_code == 0 || codes.contains(&sample.drop_code));
            let (from, frame) = &sim.sent[&mark.number];
            assert_eq!(sample.source, sim.control.id(*from));
            assert_eq!(sample.source_tci, frame.tag.unwrap_or(0));
        }
    });
}
