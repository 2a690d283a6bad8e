//! Extensions in processes of their own: the same files, the same answers, and nothing lost when a process is.

use super::lab::{Lab, alone, library, wait_for, with_mac};
use super::traffic::{Traffic, mac, numbered};
use heddle_host::control::model::{ConfigChange, ExtensionId, Isolation};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::source::number_of;
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
            arrived.push(number_of(&frame.bytes).unwrap().1);
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

/// A test extension in C, built into the lab's directory.
pub(super) fn in_c(lab: &Lab, name: &str, flags: &[&str]) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = lab.directory.path().join(format!("{name}.so"));
    let built = std::process::Command::new("gcc")
        .args(["-std=c11", "-O2", "-shared", "-fPIC"])
        .args(flags)
        .arg("-I")
        .arg(folder.join("extension-api/include"))
        .arg("-o")
        .args([&file, &folder.join(format!("tests/extensions/c/{name}.c"))])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    file.to_str().unwrap().to_owned()
}

/// What came of a fixed piece of traffic: what arrived at each port in order (numbers of flow and frame, and originated
/// frames sorted behind), drops, violations and the extension's own counters.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    firsts: Vec<Vec<(u32, u64)>>,
    all: Vec<Vec<Vec<u8>>>,
    drops: Vec<(String, u64)>,
    violations: u64,
    counters: Vec<(String, u64)>,
}

fn outcome(extension: &str, config: &[(&str, &str)], isolated: bool) -> Outcome {
    let lab = Lab::new(1);
    let path = if extension.starts_with("c-") { in_c(&lab, extension, &[]) } else { path(extension) };
    let mut ends: Vec<_> = (1..=3_u8).map(|nth| lab.add(&format!("p{nth}"), &with_mac([2, 0, 0, 0, 0, nth]))).collect();
    let view = if isolated { lab.isolate(&path, config) } else { lab.enable(&path, config) };
    if extension.contains("forward") {
        // Groups of forwarding extensions are published by the maintenance thread.
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let mut arrived: Vec<Vec<Vec<u8>>> = vec![Vec::new(); ends.len()];
    for number in 0..300_u64 {
        // By one port: which of several is looked at first is a matter of time, and extensions count.
        for (from, to) in [(1, 2), (1, 3), (1, 9)] {
            let frame = numbered([2, 0, 0, 0, 0, from], [2, 0, 0, 0, 0, to], u32::from(from * 10 + to), number, 80);
            ends[usize::from(from) - 1].send(&frame, None, &Offload::default()).unwrap();
        }
        if number % 10 == 9 {
            for (end, arrived) in ends.iter_mut().zip(&mut arrived) {
                arrived.extend(std::iter::from_fn(|| end.receive()).map(|frame| frame.bytes));
            }
        }
    }
    let mut quiet_since = std::time::Instant::now();
    wait_for("the last frame", || {
        for (end, arrived) in ends.iter_mut().zip(&mut arrived) {
            for frame in std::iter::from_fn(|| end.receive()) {
                arrived.push(frame.bytes);
                quiet_since = std::time::Instant::now();
            }
        }
        let held = lab.engine.switch(&lab.switch).unwrap().law.held;
        held == 0 && quiet_since.elapsed() > std::time::Duration::from_millis(150)
    });
    lab.settled();
    let firsts = arrived.iter().map(|frames| {
        let mut seen = std::collections::BTreeSet::new();
        let numbers = frames.iter().filter_map(|frame| number_of(frame));
        let mut firsts: Vec<(u32, u64)> = numbers.filter(|number| seen.insert(*number)).collect();
        // Within a flow the order counts; between flows it is a matter of time.
        firsts.sort_by_key(|(flow, _)| *flow);
        firsts
    });
    let firsts = firsts.collect();
    for frames in &mut arrived {
        frames.sort();
    }
    let load = lab.engine.loads(&lab.switch).unwrap().remove(0);
    let counters = lab.extension(&view.id).counters.into_iter().map(|one| (one.name, one.value)).collect();
    Outcome { firsts, all: arrived, drops: lab.drops(), violations: load.violations, counters }
}

#[test]
fn each_extension_does_the_same_in_its_process_as_in_this_one() {
    let _alone = alone();
    let specimens: [(&str, &[(&str, &str)]); 13] = [
        ("heddle-passthrough", &[]),
        ("heddle-sflow", &[("collector", "127.0.0.1:9"), ("sampling", "2")]),
        ("heddle-test-observe", &[]),
        ("heddle-test-drop-every-nth", &[("n", "3"), ("leg", "both")]),
        ("heddle-test-hold-release", &[("ms", "3"), ("leg", "ingress")]),
        ("heddle-test-hold-release", &[("ms", "3"), ("leg", "egress")]),
        ("heddle-test-inject", &[("n", "7"), ("originate", "50")]),
        ("heddle-test-inject", &[("n", "7"), ("leg", "egress")]),
        ("heddle-test-forward-table", &[]),
        ("c-drop-hold", &[("n", "5"), ("ms", "3")]),
        ("c-drop-hold", &[("n", "5"), ("ms", "3"), ("leg", "egress")]),
        ("c-inject", &[("n", "9"), ("originate", "50")]),
        ("c-forward", &[]),
    ];
    for (extension, config) in specimens {
        let (here, there) = (outcome(extension, config, false), outcome(extension, config, true));
        let counters = |outcome: &Outcome| outcome.counters.clone();
        assert_eq!(here.drops, there.drops, "{extension} {config:?}");
        assert_eq!(here.violations, there.violations, "{extension} {config:?}");
        assert_eq!(here.firsts, there.firsts, "{extension} {config:?}");
        assert!(here.all == there.all, "{extension} {config:?}: other bytes");
        if extension != "heddle-sflow" {
            assert_eq!(counters(&here), counters(&there), "{extension} {config:?}");
        }
    }
}

#[test]
fn sflow_samples_from_its_process() {
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    let collector = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    collector.set_nonblocking(true).unwrap();
    let to = collector.local_addr().unwrap().to_string();
    lab.isolate(&path("heddle-sflow"), &[("collector", &to), ("sampling", "2"), ("drops", "100")]);
    let (mut flows, mut number, mut buffer) = (0, 0_u64, [0_u8; 2_000]);
    wait_for("flow samples", || {
        a.send(&numbered(mac(1, 1), mac(2, 1), 1, number, 80), None, &Offload::default()).unwrap();
        number += 1;
        while b.receive().is_some() {}
        while let Ok(length) = collector.recv(&mut buffer) {
            // Version 5 over an agent of IPv4; the format of the first sample: 1 is a flow sample.
            assert_eq!(buffer.get(..4), Some(&[0, 0, 0, 5][..]));
            flows += usize::from(buffer.get(28..length.min(32)) == Some(&[0, 0, 0, 1][..]));
        }
        flows >= 3
    });
    assert!(number < 20_000, "half of the frames are sampled: {number}");
    lab.settled();
}

#[test]
fn a_configuration_is_published_checked_and_changed_across() {
    let lab = Lab::new(1);
    let file = path("heddle-test-drop-every-nth");
    let refused = lab.try_isolate(&file, &[("m", "1")]).unwrap_err().to_string();
    assert!(refused.contains("is no key of this extension"), "{refused}");
    lab.isolate(&file, &[("n", "3")]);
    let id = ExtensionId::new("org.heddle.test.drop-every-nth").unwrap();
    let change = ConfigChange::new(vec![("n".to_owned(), "0".to_owned())], Vec::new()).unwrap();
    let refused = lab.engine.configure_extension(&lab.switch, &id, &change).unwrap_err().to_string();
    assert!(refused.contains("n=0"), "{refused}");
    let change = ConfigChange::new(vec![("n".to_owned(), "1".to_owned())], Vec::new()).unwrap();
    lab.engine.configure_extension(&lab.switch, &id, &change).unwrap();
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let _b = lab.add("b", &with_mac(mac(2, 1)));
    for number in 0..10 {
        a.send(&numbered(mac(1, 1), mac(2, 1), 1, number, 60), None, &Offload::default()).unwrap();
    }
    wait_for("ten drops", || lab.drops().first().is_some_and(|(_, count)| *count == 10));
    lab.settled();
}

#[test]
fn a_configuration_file_is_judged_by_a_confined_process_and_by_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let check = |isolation: &str, key: &str| {
        let file = directory.path().join("heddled.toml");
        let extension = path("heddle-test-drop-every-nth");
        let text = format!(
            "[[switch]]\nname = \"lab\"\ntype = \"private\"\n\n[[switch.extension]]\nextension = \"{extension}\"\n\
             isolation = \"{isolation}\"\nlate_after = 50\nconfig = {{ {key} = 3 }}\n"
        );
        let text = if isolation == "none" { text.replace("late_after = 50\n", "") } else { text };
        std::fs::write(&file, text).unwrap();
        let mut heddled = std::process::Command::new(env!("CARGO_BIN_EXE_heddled"));
        let output = heddled.arg("--check-config").arg(&file).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = check("process", "n");
    assert!(code == Some(0) && !said.contains("judged at start"), "{said}");
    let (code, said) = check("process", "m");
    assert!(code == Some(5) && said.contains("config 'm' is no key of this extension"), "{said}");
    assert!(said.contains("heddled.toml:9:"), "its place: {said}");
    let (code, said) = check("none", "m");
    assert!(code == Some(0) && said.contains("judged at start"), "{said}");
}

#[test]
fn patience_is_for_processes_only_and_within_limits() {
    use heddle_host::control::model::{ExtensionConfig, KillAfter, LateAfter, Patience};
    assert!(LateAfter::new(4).is_err() && LateAfter::new(1_001).is_err() && KillAfter::new(99).is_err());
    let (late, kill) = (LateAfter::new(200).unwrap(), KillAfter::new(200).unwrap());
    let refused = Patience::new(Some(late), Some(kill)).unwrap_err().to_string();
    assert!(refused.contains("give more than the 200 ms after which it is late"), "{refused}");
    let config = ExtensionConfig::new(Vec::new(), None).unwrap();
    let patience = Patience::new(Some(late), None).unwrap();
    let refused = config.clone().with_patience(patience).unwrap_err().to_string();
    assert!(refused.contains("give --isolation process too"), "{refused}");
    let lab = Lab::new(1);
    let config = config.isolated(Isolation::Process).with_patience(patience).unwrap();
    let extension = heddle_host::control::model::ExtensionRef::new(&path("heddle-passthrough")).unwrap();
    let view = lab.engine.enable_extension(&lab.switch, &extension, config).unwrap();
    let process = view.process.unwrap();
    assert_eq!((process.late_after_ms, process.kill_after_ms), (200, 1_000));
}

#[test]
fn more_frames_than_a_process_can_take_are_dropped_under_its_name() {
    let _alone = alone();
    let lab = Lab::new(1);
    let mut a = lab.add("a", &with_mac(mac(1, 1)));
    let mut b = lab.add("b", &with_mac(mac(2, 1)));
    lab.isolate(&path("heddle-passthrough"), &[]);
    let pid = || {
        wait_for("the process", || lab.extension("org.heddle.passthrough").process.is_some());
        let process = lab.extension("org.heddle.passthrough").process.unwrap();
        nix::unistd::Pid::from_raw(i32::try_from(process.pid).unwrap())
    };
    // Each takes 2 KiB of 4 MiB, and 2,048 more may wait. The process stands still; what is more is dropped at once.
    let frame = numbered(mac(1, 1), mac(2, 1), 1, 0, 60);
    let reason = "org.heddle.passthrough/process-busy";
    let mut drain = || while b.receive().is_some() {};
    wait_for("the limit", || {
        // One that stood still for too long was killed, and is started again.
        let stopped = nix::sys::signal::kill(pid(), nix::sys::signal::Signal::SIGSTOP);
        for _ in 0..12_000 {
            // A full ring of the port is no concern of this test.
            let _ = a.send(&frame, None, &Offload::default());
        }
        drain();
        // A worker that got no core in time has passed the process over: once more.
        let seen = lab.drops().iter().any(|(name, _)| name == reason);
        let _ = nix::sys::signal::kill(pid(), nix::sys::signal::Signal::SIGCONT);
        wait_for("the switch to be empty", || {
            drain();
            lab.engine.switch(&lab.switch).unwrap().law.held == 0
        });
        assert!(seen || stopped.is_ok(), "{:?}", lab.drops());
        seen
    });
    drain();
    wait_for("the switch to be empty", || lab.engine.switch(&lab.switch).unwrap().law.held == 0);
    assert_eq!(lab.engine.switch(&lab.switch).unwrap().law.balance, 0);
}
