//! A new version that fails on probation gives way to the one before it, wherever it fails; nobody is quarantined for it.

use super::lab::{Lab, wait_for, with_mac};
use super::traffic::{mac, numbered};
use super::violations::harmful_as;
use heddle_host::control::model::{ExtensionId, PortChange, Probation, UpgradeStage};
use heddle_host::control::plane::ControlPlane;
use heddle_switch_core::offload::Offload;

const CRASH: &str = "org.heddle.test.c-crash";
/// Frames for it have the extension fail on the data path.
const TRIGGER: [u8; 6] = [0xee, 0, 0, 0, 0, 2];

#[test]
fn a_version_that_fails_anywhere_on_probation_gives_way_to_the_one_before_it() {
    for at in ["ingress", "egress", "tick", "event"] {
        let lab = Lab::new(1);
        let mut a = lab.add("a", &with_mac(mac(1, 1)));
        let mut b = lab.add("b", &with_mac(TRIGGER));
        let tame = harmful_as("c-crash", lab.directory.path(), "tame", &["-DTAME"]);
        let wild = harmful_as("c-crash", lab.directory.path(), "wild", &["-DVERSION=\"2\""]);
        let go = lab.directory.path().join("go");
        lab.enable(tame.to_str().unwrap(), &[("do", "panic"), ("at", at), ("if", go.to_str().unwrap())]);
        let id = ExtensionId::new(CRASH).unwrap();
        let probation = Probation::new(300).unwrap();
        lab.engine.upgrade_extension(&lab.switch, &id, &wild, probation).unwrap();
        std::fs::write(&go, b"").unwrap();
        match at {
            "event" => drop(lab.try_add("c", &PortChange::default()).map(|_| lab.end("c"))),
            "tick" => {}
            _ => a.send(&numbered(mac(1, 1), TRIGGER, 1, 0, 60), None, &Offload::default()).unwrap(),
        }
        wait_for("the former version", || lab.extension(CRASH).version == "1");
        let view = lab.extension(CRASH);
        let told = view.upgrade.clone().unwrap();
        assert_eq!((view.running, told.stage), (true, UpgradeStage::RolledBack), "{at}: {view:?}");
        assert_eq!(told.reason.as_deref(), Some("it panicked within its probation"), "{at}");
        assert_eq!(lab.engine.quarantines(None).unwrap(), [], "{at}");
        while b.receive().is_some() {}
        let frame = numbered(mac(1, 1), TRIGGER, 1, 1, 60);
        a.send(&frame, None, &Offload::default()).unwrap();
        wait_for("a frame", || b.receive().is_some_and(|arrived| arrived.bytes == frame));
        lab.settled();
    }
}
