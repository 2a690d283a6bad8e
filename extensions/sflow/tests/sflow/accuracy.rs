//! Does scaling samples up give the truth? sFlow's error bound: %err <= 196 * sqrt(1/c) with 95 % confidence, c being
//! the samples in the class (Phaal and Panchen, "Packet Sampling Basics").

use heddle_sflow::agent::{SflowAgent, TakenHeader};
use heddle_sflow::sampler::{Random, Sampler};

use crate::walker::walk;
use crate::workload;

const TRIALS: u64 = 1_000;
const FRAMES: u32 = 25_000;

/// Trials whose estimate of a class making up `percent` of the traffic is inside the bound.
fn trials_inside(percent: u64, rate: u32) -> u64 {
    (0..TRIALS)
        .filter(|&trial| {
            let mut traffic = Random::new(trial + 1_000_000);
            let mut sampler = Sampler::new(trial);
            let mut skip = sampler.first_skip(rate).unwrap();
            let (mut truth, mut sampled) = (0_u32, 0_u32);
            for _ in 0..FRAMES {
                let in_class = traffic.draw() % 100 < percent;
                truth += u32::from(in_class);
                if skip == 0 {
                    sampled += u32::from(in_class);
                    skip = sampler.next_skip(rate).unwrap();
                } else {
                    skip -= 1;
                }
            }
            let estimate = f64::from(sampled) * f64::from(rate);
            let error_percent = (estimate - f64::from(truth)).abs() / f64::from(truth) * 100.0;
            error_percent <= 196.0 * (1.0 / f64::from(sampled)).sqrt()
        })
        .count()
        .try_into()
        .unwrap()
}

#[test]
fn estimates_are_inside_the_error_bound_in_95_percent_of_trials() {
    for (percent, rate) in [(20, 50), (50, 100), (100, 400)] {
        let inside = trials_inside(percent, rate);
        println!("class of {percent} %, 1 in {rate}: {inside} of {TRIALS} inside");
        assert!(inside >= TRIALS * 95 / 100, "class of {percent} %, 1 in {rate}: {inside} of {TRIALS} inside");
    }
}

#[test]
fn traffic_in_step_with_the_rate_is_not_missed() {
    // Every 100th frame is special: a sampler that took every 100th frame would see all of them or none.
    let (mut special, mut all) = (0, 0);
    let mut sampler = Sampler::new(5);
    let mut next = sampler.next_skip(100).unwrap();
    for frame in 0_u32..5_000_000 {
        if next == 0 {
            all += 1;
            special += i32::from(frame % 100 == 0);
            next = sampler.next_skip(100).unwrap();
        } else {
            next -= 1;
        }
    }
    assert!((49_000..51_000).contains(&all), "{all}");
    assert!((400..600).contains(&special), "{special} of {all}");
}

/// Samples of a class in the datagrams of one trial, and the frames of it that there were; by port.
fn trial(seed: u64, rates: &[u32], percent: u64) -> Vec<(u32, u32)> {
    let settings: String = rates.iter().zip(1..).map(|(rate, port)| format!(" sampling.p{port}={rate}")).collect();
    let mut agent = SflowAgent::new(&workload::config(&format!("polling=0{settings}")), seed);
    let mut traffic = Random::new(seed + 1_000_000);
    let mut sampler = Sampler::new(seed);
    // Of each port: frames to skip, frames so far, frames of the class.
    let mut ports: Vec<(u32, u64, u32)> = rates.iter().map(|rate| (sampler.first_skip(*rate).unwrap(), 0, 0)).collect();
    for (rate, port) in rates.iter().zip(1..) {
        assert_eq!(agent.port(port, workload::facts(&format!("p{port}"))), *rate);
    }
    let mut sampled = vec![0; rates.len()];
    let mut count = |datagram: &[u8]| {
        for flow in walk(datagram).flows() {
            let port = flow.input.1 as usize - 1;
            assert_eq!(flow.rate, rates[port]);
            sampled[port] += u32::from(flow.frame.header[0] == 1);
        }
        true
    };
    for _ in 0..FRAMES {
        let port = usize::try_from(traffic.draw() % rates.len() as u64).unwrap();
        let in_class = traffic.draw() % 100 < percent;
        let (skip, frames, truth) = &mut ports[port];
        *frames += 1;
        *truth += u32::from(in_class);
        if *skip > 0 {
            *skip -= 1;
            continue;
        }
        *skip = sampler.next_skip(rates[port]).unwrap();
        let mut taken = workload::sample(u32::try_from(port).unwrap() + 1);
        taken.pool = *frames;
        taken.frame = TakenHeader::new(60, &[u8::from(in_class); 20]);
        agent.flow(&taken, 0, &mut count);
    }
    agent.flush(0, &mut count);
    sampled.into_iter().zip(ports.iter().map(|(.., truth)| *truth)).collect()
}

#[test]
fn estimates_from_datagrams_of_ports_with_rates_of_their_own_are_inside_the_bound() {
    let rates = [20, 50, 100];
    let mut inside = [0_u64; 3];
    for seed in 0..TRIALS {
        for ((count, port), rate) in trial(seed, &rates, 30).into_iter().zip(&mut inside).zip(rates) {
            let (sampled, truth) = (f64::from(count.0), f64::from(count.1));
            let error_percent = (sampled * f64::from(rate) - truth).abs() / truth * 100.0;
            *port += u64::from(error_percent <= 196.0 * (1.0 / sampled).sqrt());
        }
    }
    println!("ports at 1 in {rates:?}: {inside:?} of {TRIALS} inside");
    assert!(inside.iter().all(|inside| *inside >= TRIALS * 95 / 100), "{inside:?} of {TRIALS} inside");
}
