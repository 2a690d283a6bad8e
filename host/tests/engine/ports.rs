//! Ports come and go under the traffic of others, and nothing of them stays behind.

use super::lab::{Lab, alone, with_mac};
use super::traffic::{Traffic, mac};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::PortChange;
use heddle_host::control::plane::ControlPlane;
use std::time::Duration;

#[test]
fn ports_added_and_removed_leave_the_traffic_of_others_alone() {
    let _alone = alone();
    let lab = Lab::new(2);
    let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
    let b = lab.add_on_worker(1, "b", &with_mac(mac(2, 1)));
    let (at_a, at_b) = ((0, mac(1, 1)), (1, mac(2, 1)));
    let running = Traffic::new(vec![a, b]).flow(at_a, at_b, 64).flow(at_b, at_a, 64).start(200_000);
    for round in 0..50 {
        let end = lab.add(&format!("guest{round}"), &PortChange::default());
        running.pass(500);
        lab.remove(&format!("guest{round}"));
        assert!(end.is_closed(), "the switch lets go of a removed port");
        running.pass(500);
    }
    let (verdict, _ends) = running.finish();
    verdict.assert_perfect("ports come and go");
    lab.settled();
    assert_eq!(lab.engine.ports(&lab.switch).unwrap().len(), 2);
}

#[test]
fn removing_a_port_under_its_own_traffic_accounts_for_every_frame() {
    let _alone = alone();
    let lab = Lab::new(2);
    for round in 0..20 {
        let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
        let b = lab.add_on_worker(1, "b", &with_mac(mac(2, 1)));
        let (at_a, at_b) = ((0, mac(1, 1)), (1, mac(2, 1)));
        let traffic = Traffic::new(vec![a, b]).flow(at_a, at_b, 64);
        let running = traffic.some_are_lost(Duration::from_millis(50)).start(100_000);
        running.pass(500);
        lab.remove(if round % 2 == 0 { "b" } else { "a" });
        let (verdict, ends) = running.finish();
        assert_eq!((verdict.behind, verdict.astray), (0, 0), "{verdict:?}");
        lab.remove(if round % 2 == 0 { "a" } else { "b" });
        drop(ends);
        lab.settled();
    }
}

#[test]
fn what_is_refused_leaves_the_switch_as_it_was() {
    let lab = Lab::new(1);
    let _a = lab.add("a", &with_mac(mac(1, 1)));
    let before = lab.engine.ports(&lab.switch).unwrap();
    let again = lab.try_add("a", &PortChange::default()).unwrap_err();
    assert!(matches!(again, ControlError::PortExists { .. }), "{again}");
    assert_eq!(
        again.to_string(),
        format!(
            "port 'a' already exists on switch '{0}'; choose another name or change it with `heddle port set {0} a`",
            lab.switch
        )
    );
    let external = PortChange { kind: Some(heddle_host::control::model::PortKind::External), ..PortChange::default() };
    let refused = lab.try_add("up", &external).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("private switch '{}' takes no external port;", lab.switch)), "{refused}");
    assert_eq!(lab.engine.ports(&lab.switch).unwrap(), before);
    let absent = lab.engine.remove_port(&lab.switch, &heddle_host::control::model::PortName::new("b").unwrap());
    assert!(matches!(absent, Err(ControlError::NoSuchPort { .. })), "{absent:?}");
}
