//! Ports owned by different workers: frames are handed over, complete and in order.

use super::lab::{Lab, alone, wait_for, with_mac, with_queues};
use super::specimens::PANICS;
use super::traffic::{Traffic, mac};
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

/// Teaches the switch where a host is, and waits until every worker's replica had the chance to know.
fn teach(lab: &Lab, ends: &mut [heddle_host::ports::memory::MemoryEnd], hosts: &[(usize, [u8; 6])]) {
    for (end, host) in hosts {
        let frame = super::traffic::numbered(*host, [0xff; 6], u32::MAX, 0, 60);
        ends[*end].send(&frame, None, &Offload::default()).unwrap();
    }
    wait_for("all hosts to be learnt", || lab.engine.fdb(&lab.switch).unwrap().len() >= hosts.len());
    // Learnt addresses travel to the other workers within a round; the frames above are still on their way out.
    std::thread::sleep(std::time::Duration::from_millis(50));
    ends.iter_mut().for_each(|end| while end.receive().is_some() {});
}

#[test]
fn three_workers_hand_over_between_all_pairs_of_ports() {
    let _alone = alone();
    let lab = Lab::new(3);
    let ends: Vec<_> = (0..3)
        .map(|nth| lab.add_on_worker(nth, &format!("p{nth}"), &with_mac(mac(u8::try_from(nth).unwrap() + 1, 1))))
        .collect();
    assert_eq!((0..3).map(|nth| lab.port(&format!("p{nth}")).worker).collect::<Vec<_>>(), [0, 1, 2]);
    let mut traffic = Traffic::new(ends);
    for from in 0..3_u8 {
        for to in (0..3_u8).filter(|to| *to != from) {
            let (at, there) = ((from.into(), mac(from + 1, 1)), (to.into(), mac(to + 1, 1)));
            traffic = traffic.flow(at, there, 64).flow(at, there, 700);
        }
    }
    let running = traffic.start(200_000);
    running.pass(120_000);
    let (verdict, _ends) = running.finish();
    verdict.assert_perfect("hand-over between three workers");
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn flows_of_one_port_stay_in_order_over_several_queues_and_workers() {
    let _alone = alone();
    let lab = Lab::new(2);
    let mut ends = vec![lab.add("a", &with_queues(2)), lab.add("b", &with_queues(2))];
    let hosts: Vec<(usize, [u8; 6])> =
        (0..16).map(|host| (0, mac(1, host))).chain((0..16).map(|host| (1, mac(2, host)))).collect();
    teach(&lab, &mut ends, &hosts);
    let mut traffic = Traffic::new(ends);
    for host in 0..16 {
        traffic = traffic.flow((0, mac(1, host)), (1, mac(2, host)), 64).flow((1, mac(2, host)), (0, mac(1, host)), 64);
    }
    let running = traffic.start(200_000);
    running.pass(100_000);
    let (verdict, _ends) = running.finish();
    verdict.assert_perfect("two queues a port, two workers");
    lab.settled();
    assert_eq!(lab.drops(), []);
}

#[test]
fn a_worker_that_sleeps_is_woken_by_a_request() {
    let lab = Lab::new(3);
    let _end = lab.add("only", &PortChange::default());
    // Long enough that all three are asleep.
    std::thread::sleep(std::time::Duration::from_millis(100));
    // The quickest of several: one alone may have waited for a core.
    let quickest = (0..20).map(|_| {
        let start = std::time::Instant::now();
        lab.engine.stats(&lab.switch).unwrap();
        lab.enable(PANICS, &[("at", "nowhere")]);
        lab.disable(PANICS);
        start.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest.as_millis() < 10, "as if each request waited for the next tick: {quickest:?}");
}
