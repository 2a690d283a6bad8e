//! Random switches and random traffic against the oracle: who gets which frame, in which order, with which tag.

use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_tests::cases::{Rng, run};
use heddle_switch_tests::judge::Judge;
use heddle_switch_tests::oracle::Oracle;
use heddle_switch_tests::sim::{Setup, Sim};
use heddle_switch_tests::traffic::{at_home, introduce, random_frame, random_ports};

#[test]
fn one_worker_forwards_as_the_oracle_says() {
    run("one_worker_forwards_as_the_oracle_says", 40, |rng| {
        let mut sim = Sim::new(Setup::of(1, rng.number()));
        let mut oracle = random_switch(rng, &mut sim);
        let mut judge = Judge::default();
        for _ in 0..6 {
            for _ in 0..rng.below(60) {
                let from = 1 + rng.below(6) as u16;
                let frame = random_frame(rng, true);
                let number = sim.send(from, frame.clone());
                judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
            }
            while sim.waiting() > 0 {
                sim.receive(0, 1 + rng.below(64));
            }
            sim.now_ns += rng.below(200) as u64 * 1_000_000_000;
        }
        sim.finish();
        judge.exact(&sim);
        Judge::order(&sim);
        sim.check_rest();
    });
}

#[test]
fn three_workers_forward_as_the_oracle_says() {
    run("three_workers_forward_as_the_oracle_says", 40, |rng| {
        let mut sim = Sim::new(Setup::of(3, rng.number()));
        let mut oracle = random_switch(rng, &mut sim);
        let mut judge = Judge::default();
        // Replicas lag behind each other, so stations are learnt first and stay where they are.
        introduce(&mut sim, &mut oracle, &mut judge);
        for _ in 0..rng.below(300) {
            let from = 1 + rng.below(6) as u16;
            let frame = random_frame(rng, false);
            let frame = at_home(rng, from, frame);
            let number = sim.send(from, frame.clone());
            judge.expect(number, oracle.fate(from, &frame, sim.now_s()));
        }
        (0..300).for_each(|_| sim.step());
        sim.finish();
        judge.exact(&sim);
        Judge::order(&sim);
        sim.check_rest();
        assert_eq!(sim.dropped(DropReason::HandoverFull), 0);
    });
}

fn random_switch(rng: &mut Rng, sim: &mut Sim) -> Oracle {
    let mut oracle = Oracle::new();
    for (slot, port) in random_ports(rng) {
        sim.control.port(slot, port.clone());
        oracle.ports.insert(slot, port);
    }
    sim.publish_now();
    oracle
}
