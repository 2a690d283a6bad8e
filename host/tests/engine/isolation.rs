//! Extensions in processes of their own: the same files, the same answers, and nothing lost when a process is.

use super::lab::{Lab, alone, library, wait_for, with_mac};
use super::traffic::{Traffic, mac, numbered};
use heddle_host::control::model::Isolation;
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

fn path(package: &str) -> String {
    library(package).to_str().unwrap().to_owned()
}

#[test]
fn frames_pass_a_process_of_its_own_once_and_in_order() {
    let _alone = alone();
    let lab = Lab::new(2);
    let ends = vec![lab.add("a", &with_mac(mac(1, 1))), lab.add("b", &with_mac(mac(2, 1)))];
    let view = lab.isolate(&path("heddle-passthrough"), &[]);
    assert_eq!(view.isolation, Isolation::Process);
    let process = view.process.unwrap();
    eprintln!("{}: {:?}", process.pid, process.sandbox);
    assert_ne!(process.pid, std::process::id());
    let traffic = Traffic::new(ends)
        .window(400)
        .flow((0, mac(1, 1)), (1, mac(2, 1)), 60)
        .flow((1, mac(2, 1)), (0, mac(1, 1)), 1_500)
        .start(20_000);
    traffic.pass(20_000);
    let (verdict, _) = traffic.finish();
    verdict.assert_perfect("a pass-through extension in its process");
    lab.settled();
}

#[test]
fn a_filter_in_its_process_drops_what_it_drops_in_this_one() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    lab.isolate(&path("heddle-test-drop-every-nth"), &[("n", "3")]);
    for number in 0..90 {
        a.send(&numbered(mac(1, 1), mac(2, 1), 1, number, 60), None, &Offload::default()).unwrap();
    }
    let mut arrived = Vec::new();
    wait_for("the frames", || {
        while let Some(frame) = b.receive() {
            arrived.push(heddle_host::ports::memory::source::number_of(&frame.bytes).unwrap().1);
        }
        arrived.len() >= 60
    });
    assert_eq!(arrived, (0..90).filter(|number| number % 3 != 2).collect::<Vec<_>>());
    lab.settled();
    let name = "org.heddle.test.drop-every-nth/every-nth".to_owned();
    assert_eq!(lab.drops(), [(name, 30)]);
    let view = lab.extension("org.heddle.test.drop-every-nth");
    assert_eq!(view.counters[0].value, 30);
    let load = lab.engine.loads(&lab.switch).unwrap().remove(0);
    assert_eq!((load.packets, load.dropped, load.violations), (150, 30, 0));
    lab.disable("org.heddle.test.drop-every-nth");
}
