//! Small extensions in C that do one thing wrong, made of `tests/misbehaving/decent.h`: what each of them costs others.

use std::path::PathBuf;
use std::process::Command;

use heddle_host::control::model::{ExtensionId, ExtensionView, Probation, UpgradeStage};
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

use super::lab::{Lab, wait_for, with_mac};
use super::traffic::{mac, numbered};

/// A filter called `name`, differing from a decent one by these lines; `file` is its file's name.
pub(crate) fn cheat(lab: &Lab, file: &str, name: &str, lines: &str) -> PathBuf {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (source, shared) = (lab.directory.path().join(file).with_extension("c"), lab.directory.path().join(file));
    let role = if lines.contains("#define ROLE") { "" } else { "#define ROLE HEDDLE_ROLE_FILTER\n" };
    std::fs::write(&source, format!("#define NAME \"{name}\"\n{role}{lines}\n#include \"decent.h\"\n")).unwrap();
    let shared = shared.with_extension("so");
    let built = Command::new("gcc")
        .args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wno-unused", "-I"])
        .arg(root.join("extension-api/include"))
        .arg("-I")
        .arg(root.join("tests/misbehaving"))
        .arg("-o")
        .arg(&shared)
        .arg(&source)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    shared
}

pub(crate) fn id_of(name: &str) -> String {
    format!("org.heddle.misbehaving.{name}")
}

fn upgrade(lab: &Lab, name: &str, file: &std::path::Path) -> ControlResult<ExtensionView> {
    let id = ExtensionId::new(&id_of(name))?;
    lab.engine.upgrade_extension(&lab.switch, &id, file, Probation::new(60)?)
}

/// Sends numbered frames from `a` to `b` without looking what arrives.
fn send(a: &mut MemoryEnd, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let frame = numbered(mac(1, 1), mac(2, 1), 0, number, 64);
        wait_for("room at the port", || a.send(&frame, None, &Offload::default()).is_ok());
    }
}

fn two_ports(workers: u64) -> (Lab, MemoryEnd, MemoryEnd) {
    let lab = Lab::new(workers);
    let a = lab.add_on_worker(0, "a", &with_mac(mac(1, 1)));
    let b = lab.add_on_worker(u16::try_from(workers - 1).unwrap(), "b", &with_mac(mac(2, 1)));
    (lab, a, b)
}

#[test]
fn what_the_old_version_broke_is_not_held_against_the_new_one() {
    let (lab, mut a, _b) = two_ports(1);
    let odd = "#define ON_IN if (worker->seen % 20 == 0) { packet->verdict = 250; }";
    let first = cheat(&lab, "first", "odd", odd);
    let second = cheat(&lab, "second", "odd", "");
    lab.enable(first.to_str().unwrap(), &[]);
    let loads = || lab.engine.loads(&lab.switch).unwrap()[0].violations;
    send(&mut a, 0..18_000);
    wait_for("the violations", || loads() == 900);
    wait_for("the operator to be told", || {
        lab.extension(&id_of("odd")).violations.first().map(|it| it.count) == Some(900)
    });
    send(&mut a, 18_000..18_600);
    wait_for("some more of them", || loads() == 930);
    // At once: what the workers counted and what the control side has noted differ by up to a period of the upkeep.
    upgrade(&lab, "odd", &second).unwrap();
    send(&mut a, 18_600..18_700);
    wait_for("traffic", || lab.engine.switch(&lab.switch).unwrap().law.rx == 18_700);
    let started = std::time::Instant::now();
    wait_for("the upkeep to have looked more than once", || started.elapsed().as_millis() > 1_000);
    let view = lab.extension(&id_of("odd"));
    assert_eq!((view.upgrade.unwrap().stage, view.last_error), (UpgradeStage::Upgraded, None));
    assert_eq!(view.violations, [], "they were the old version's");
    assert_eq!(loads(), 930, "the extension's counter goes on");
    // And the first version, put back, is judged by what it does from then on.
    let view = lab.engine.rollback_extension(&lab.switch, &ExtensionId::new(&id_of("odd")).unwrap()).unwrap();
    assert_eq!(view.upgrade.unwrap().stage, UpgradeStage::RolledBack);
    send(&mut a, 18_700..19_100);
    wait_for("its violations", || lab.extension(&id_of("odd")).violations.first().map(|it| it.count) == Some(20));
    assert!(lab.extension(&id_of("odd")).quarantine.is_none());
    lab.settled();
}

#[test]
fn a_version_that_saves_slowly_is_not_taken_from_the_traffic() {
    let (lab, mut a, mut b) = two_ports(1);
    let slow = "#define WITH_STATE\n#define ON_SAVE for (volatile unsigned i = 0; i < 40000000; i++) { }";
    let first = cheat(&lab, "slow", "saves", slow);
    let second = cheat(&lab, "quick", "saves", "#define WITH_STATE");
    let third = cheat(
        &lab,
        "slow-to-restore",
        "saves",
        "#define WITH_STATE\n#define ON_RESTORE for (volatile unsigned i = 0; i < 40000000; i++) { }",
    );
    lab.enable(first.to_str().unwrap(), &[]);
    send(&mut a, 0..10);
    let refused = upgrade(&lab, "saves", &second).unwrap_err().to_string();
    assert!(refused.contains("of its processor, and 50 us are the bound"), "{refused}");
    assert!(refused.contains("The version that runs goes on"), "{refused}");
    let view = lab.extension(&id_of("saves"));
    assert!(view.running && view.upgrade.is_none(), "{view:?}");
    // What the newcomer takes up ahead of the cut-over is not the worker's time.
    lab.disable(&id_of("saves"));
    lab.enable(second.to_str().unwrap(), &[]);
    assert_eq!(upgrade(&lab, "saves", &third).unwrap().upgrade.unwrap().stage, UpgradeStage::Upgraded);
    send(&mut a, 10..20);
    let mut arrived = 0;
    wait_for("all frames", || {
        arrived += usize::from(b.receive().is_some());
        arrived == 20
    });
    lab.settled();
}

fn broken(lab: &Lab, name: &str, rule: &str) -> u64 {
    lab.extension(&id_of(name)).violations.iter().find(|one| one.rule == rule).map_or(0, |one| one.count)
}

#[test]
fn an_endless_loop_of_injections_ends_and_has_a_name() {
    let (lab, mut a, _b) = two_ports(1);
    let loops = "#define CAPABILITIES HEDDLE_CAPABILITY_INJECT\n#define ON_OUT { heddle_packet_t draft; uint64_t handle; \\\n\
        if (host->clone_packet(batch->call, index, &handle, &draft) == HEDDLE_OK) host->inject(batch->call, handle, 0); }";
    lab.enable(cheat(&lab, "loops", "loops", loops).to_str().unwrap(), &[]);
    send(&mut a, 0..100);
    wait_for("the loops to be named", || broken(&lab, "loops", "injection-loop") == 100);
    let drops = lab.drops();
    assert_eq!(drops.iter().find(|drop| drop.0 == "injection-loop").map(|drop| drop.1), Some(100), "{drops:?}");
    assert!(drops.iter().all(|drop| drop.0 != "resume-queue-full"), "{drops:?}");
    assert_eq!(lab.engine.loads(&lab.switch).unwrap()[0].dropped, 100);
    send(&mut a, 100..1_100);
    wait_for("the quarantine", || lab.extension(&id_of("loops")).quarantine.is_some());
    lab.settled();
}

#[test]
fn a_drop_is_charged_to_nobody_else_and_to_its_port() {
    let (lab, mut a, _b) = two_ports(1);
    // The reason that the first registers is the first code there is.
    lab.enable(cheat(&lab, "other", "other", "").to_str().unwrap(), &[]);
    let own = "#define ON_IN packet->verdict = HEDDLE_VERDICT_DROP; \\\n\
        packet->drop_reason = (worker->seen <= 20) ? 64 : (worker->seen <= 50) ? 500 : instance->reason;";
    lab.enable(cheat(&lab, "charges", "charges", own).to_str().unwrap(), &[]);
    send(&mut a, 0..150);
    wait_for("the drops", || lab.drops().iter().map(|drop| drop.1).sum::<u64>() == 150);
    let mine = format!("{}/unwanted", id_of("charges"));
    assert_eq!(lab.drops(), [(mine.clone(), 100), ("extension-drop".to_owned(), 50)]);
    wait_for("the violations", || broken(&lab, "charges", "drop-reason-invalid") == 50);
    for drop in lab.engine.drops(&lab.switch).unwrap() {
        let ports: Vec<_> = drop.ports.iter().map(|port| (port.port.as_str(), port.count)).collect();
        assert_eq!(ports, [("a", drop.count)], "{}", drop.reason);
    }
    lab.settled();
}

#[test]
fn a_handle_names_nothing_on_another_worker() {
    let (lab, mut a, mut b) = two_ports(2);
    // Each worker holds its first frame, and then tries the handle of the other.
    let strays = "#include <stdint.h>\nstatic uint64_t handles[2];\n#define CAPABILITIES HEDDLE_CAPABILITY_HOLD\n\
        #define ON_IN if (worker->seen == 1) { host->hold(batch->call, index, &handles[worker->number]); } \\\n\
        else { uint64_t other = handles[1 - worker->number]; instance->word += other != 0 && \\\n\
               host->release(batch->call, other) == HEDDLE_OK; host->counter_add(host->context, instance->counter, instance->word * 1000000); }";
    lab.enable(cheat(&lab, "strays", "strays", strays).to_str().unwrap(), &[]);
    send(&mut a, 0..1);
    let back = numbered(mac(2, 1), mac(1, 1), 0, 0, 64);
    b.send(&back, None, &Offload::default()).unwrap();
    wait_for("both to hold a frame", || lab.engine.switch(&lab.switch).unwrap().law.held == 2);
    send(&mut a, 1..2);
    b.send(&back, None, &Offload::default()).unwrap();
    wait_for("two frames more", || lab.engine.switch(&lab.switch).unwrap().law.rx == 4);
    wait_for("their delivery", || lab.engine.switch(&lab.switch).unwrap().law.tx == 2);
    let law = lab.engine.switch(&lab.switch).unwrap().law;
    assert_eq!(law.held, 2, "neither was let go by the other worker: {law:?}");
    lab.disable(&id_of("strays"));
    lab.settled();
}

#[test]
fn an_error_from_an_event_that_cannot_fail_is_counted() {
    let (lab, _a, _b) = two_ports(1);
    let refuses = "#define ON_EVENT if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT) { return HEDDLE_E_INVALID; }";
    lab.enable(cheat(&lab, "refuses", "refuses", refuses).to_str().unwrap(), &[]);
    lab.remove("b");
    wait_for("the violation", || broken(&lab, "refuses", "event-not-infallible") == 1);
    wait_for("the error", || {
        lab.extension(&id_of("refuses")).last_error.is_some_and(|text| text.contains("event-not-infallible 1"))
    });
    lab.settled();
}
