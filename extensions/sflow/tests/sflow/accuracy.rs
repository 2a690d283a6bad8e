//! Does scaling samples up give the truth? sFlow's error bound: %err <= 196 * sqrt(1/c) with 95 % confidence, c being
//! the samples in the class (Phaal and Panchen, "Packet Sampling Basics").

use heddle_sflow::sampler::{Random, Sampler};

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
