//! An extension in C that ends the switch process or does not come back: named, kept out, and traffic goes on.
//!
//! Real daemon, two namespaces, TAP ports; 500 frames a second. What each costs is printed: frames lost and the longest
//! time without one. The aim is 250 ms behind the end of the process; the machine may be busy, so the test allows more.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use heddle_end_to_end::frames::{mac, numbered};
use heddle_end_to_end::{as_root, wait_for};
use heddle_restart::harmful::{CRASH, build};
use heddle_restart::lab::Lab;
use serde_json::Value;

/// Longest time without a frame that is no failure, behind what the watchdog waits for.
const TOO_LONG: Duration = Duration::from_secs(5);

/// What it does, where, what the record says of it, and the cause.
type Sin = (&'static str, &'static str, &'static str, &'static str);

/// All; `make test` runs the ones that differ most, and HEDDLE_ALL_CRASHES the rest too.
const SINS: [Sin; 11] = [
    ("segv", "ingress", "SIGSEGV at 0x8 in ingress on worker 0", "crash"),
    ("abort", "egress", "SIGABRT in egress on worker 0", "crash"),
    ("loop", "ingress", "a call that did not come back within 500 ms in ingress on worker 0", "hang"),
    ("stack", "ingress", "SIGSEGV at ", "crash"),
    ("ill", "ingress", "SIGILL in ingress on worker 0", "crash"),
    ("fpe", "ingress", "SIGFPE in ingress on worker 0", "crash"),
    ("bus", "ingress", "SIGBUS in ingress on worker 0", "crash"),
    ("exit", "ingress", "a call of exit() in ingress on worker 0", "crash"),
    ("segv", "tick", "SIGSEGV at 0x8 in tick", "crash"),
    ("abort", "create", "SIGABRT in create", "crash"),
    ("segv", "event", "SIGSEGV at 0x8 in event", "crash"),
];

#[test]
fn a_crash_or_an_endless_loop_is_named_kept_out_and_survived() {
    let Some(_turn) = as_root("a_crash_or_an_endless_loop_is_named_kept_out_and_survived") else { return };
    // A supervisor that sees the same extension crash again and again gives up.
    let all = std::env::var_os("HEDDLE_ALL_CRASHES").is_some();
    let some = |sin: &&Sin| all || matches!((sin.0, sin.1), ("segv" | "loop" | "stack" | "exit", _) | (_, "create"));
    let sins: Vec<Sin> = SINS.iter().filter(some).copied().collect();
    sins.chunks(4).for_each(|sins| each_is_survived(&Lab::new(&["--call-limit", "500"]), sins));
}

fn each_is_survived(lab: &Lab, sins: &[Sin]) {
    for (nth, (what, at, told, cause)) in (1..).zip(sins) {
        let (record, gap) = lab.misbehave(what, at);
        println!("{what} in {at}: longest time without a frame {} ms", gap.as_millis());
        assert_eq!((&record["id"], &record["cause"]), (&CRASH.into(), &(*cause).into()), "{what} in {at}: {record}");
        let crash = &record["crash"];
        assert!(crash["what"].as_str().unwrap().starts_with(*told), "{what} in {at}: {crash}");
        assert_eq!((&crash["extension"], &crash["switch"]), (&CRASH.into(), &"lab".into()));
        assert_eq!(crash["sha256"].as_str().map(str::len), Some(64), "{crash}");
        assert!(gap < TOO_LONG + Duration::from_millis(500), "{what} in {at}: {gap:?}");
        let stack: Vec<&str> = crash["stack"].as_array().unwrap().iter().map(|frame| frame.as_str().unwrap()).collect();
        assert!(stack.iter().any(|frame| frame.contains(&format!("{CRASH}."))), "{what} in {at}: {stack:?}");
        if *what == "segv" {
            assert!(stack[0].contains(&format!("{CRASH}.")), "it begins where it happened: {stack:?}");
        }
        let status = lab.host.json("daemon status");
        assert_eq!((&status["crashes"], &status["last_crash"]), (&nth.into(), crash));
        if *at == "ingress" {
            let view = lab.host.json(&format!("extension show lab {CRASH}"));
            assert_eq!((&view["enabled"], &view["running"]), (&true.into(), &false.into()), "{view}");
            assert_eq!(view["quarantine"], record);
            let text = lab.host.ok(&format!("extension show lab {CRASH}"));
            assert!(text.contains("crash stack 0: 0x") && text.contains(*told), "{text}");
        }
        lab.forgive();
    }
}

#[test]
fn a_crash_while_the_state_is_restored_keeps_that_extension_out_over_a_restart_of_heddled() {
    let test = "a_crash_while_the_state_is_restored_keeps_that_extension_out_over_a_restart_of_heddled";
    let Some(_turn) = as_root(test) else { return };
    let mut lab = Lab::new(&["--call-limit", "500"]);
    let trigger = lab.host.directory.path().join("trigger");
    let line = format!(
        "extension enable lab {} --config do=segv --config at=create --config if={}",
        lab.file.display(),
        trigger.display()
    );
    lab.host.ok(&line);
    lab.host.ok("port set lab end0 --fail-policy closed");
    lab.wait_for_traffic("traffic with the extension running");
    std::fs::write(&trigger, b"").unwrap();
    // A device whose port is held back takes no frames.
    lab.end_traffic();
    lab.host.kill_switch();
    wait_for("the quarantine", || lab.host.json("quarantine list lab")[0]["crash"]["what"].is_string());
    let record = lab.host.json("quarantine list lab")[0].clone();
    assert_eq!(record["crash"]["what"], "SIGSEGV at 0x8 in create", "{record}");
    assert_eq!(lab.host.json("daemon status")["restarts"], 2, "no give-up: {}", lab.host.log());
    // A port that fails closed gets no traffic while it is out.
    wait_for("the port to be held back", || {
        let trouble = lab.host.json("port show lab end0")["trouble"].clone();
        trouble.as_str().is_some_and(|text| text.contains("fails closed here and does not run"))
    });
    std::fs::remove_file(&trigger).unwrap();
    lab.host.kill_both();
    lab.host.start();
    lab.host.wait();
    assert_eq!(lab.host.json("quarantine list lab")[0]["crash"], record["crash"], "it outlives heddled");
    lab.host.ok(&format!("quarantine clear --switch lab {CRASH}"));
    wait_for("it to run again", || {
        lab.host.json(&format!("extension show lab {CRASH}"))["running"] == Value::Bool(true)
    });
    assert_eq!(lab.host.json("quarantine list lab"), Value::Array(Vec::new()));
}

#[test]
fn a_crash_in_a_thread_of_an_extensions_own_is_its_crash() {
    let Some(_turn) = as_root("a_crash_in_a_thread_of_an_extensions_own_is_its_crash") else { return };
    let lab = Lab::new(&[]);
    for (nth, (what, told)) in [("segv", "SIGSEGV at 0x8"), ("abort", "SIGABRT")].into_iter().enumerate() {
        let trigger = lab.host.directory.path().join(what);
        let id = format!("{CRASH}-{what}");
        let file = build("c-crash", lab.host.directory.path(), what, &[&format!("-DID=\"{id}\"")]);
        let keys = format!("--config do={what} --config at=thread --config if={}", trigger.display());
        lab.host.ok(&format!("extension enable lab {} {keys}", file.display()));
        lab.wait_for_traffic("traffic with the extension running");
        std::fs::write(&trigger, b"").unwrap();
        wait_for("another switch process", || lab.restarts() == nth as u64 + 1);
        lab.wait_for_traffic("traffic afterwards");
        let record = lab.host.json("quarantine list lab").as_array().unwrap().last().cloned().unwrap();
        let crash = &record["crash"];
        assert_eq!((&record["id"], &record["cause"]), (&id.as_str().into(), &"crash".into()), "{record}");
        assert_eq!(crash["what"], format!("{told} in a thread of its own"), "{crash}");
        assert_eq!(crash["sha256"].as_str().map(str::len), Some(64), "{crash}");
    }
}

#[test]
fn a_version_that_crashes_on_probation_gives_way_to_the_one_before_it() {
    let Some(_turn) = as_root("a_version_that_crashes_on_probation_gives_way_to_the_one_before_it") else { return };
    let lab = Lab::new(&[]);
    let tame = build("c-crash", lab.host.directory.path(), "tame", &["-DTAME"]);
    let wild = build("c-crash", lab.host.directory.path(), "wild", &["-DVERSION=\"2\""]);
    lab.host.ok(&format!("extension enable lab {} --config do=segv", tame.display()));
    let upgraded =
        lab.host.json(&format!("extension upgrade --switch lab {CRASH} {} --probation 3600", wild.display()));
    assert_eq!(upgraded["version"], "2", "{upgraded}");
    lab.wire(0).send(&numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 1], None, 9, 0));
    wait_for("another switch process", || lab.restarts() == 1);
    wait_for("the version before", || {
        let view = lab.host.json(&format!("extension show lab {CRASH}"));
        (&view["version"], &view["running"]) == (&"1".into(), &true.into())
    });
    lab.wait_for_traffic("traffic afterwards");
    assert_eq!(lab.host.json("quarantine list lab"), Value::Array(Vec::new()), "the version before did nothing");
    let crash = lab.host.json("daemon status")["last_crash"].clone();
    assert_eq!((&crash["extension"], &crash["what"]), (&CRASH.into(), &"SIGSEGV at 0x8 in ingress on worker 0".into()));
}

#[test]
fn calls_over_their_budget_are_counted_and_quarantined_and_slow_is_no_crash() {
    let Some(_turn) = as_root("calls_over_their_budget_are_counted_and_quarantined_and_slow_is_no_crash") else {
        return;
    };
    let lab = Lab::new(&["--call-budget", "200"]);
    let keys = "--config do=slow --config us=400 --fail-policy open";
    lab.host.ok(&format!("extension enable lab {} {keys}", lab.file.display()));
    let wire = lab.wire(0);
    let mut shown = 0;
    wait_for("the quarantine", || {
        for _ in 0..50 {
            wire.send(&numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 1], None, 9, 0));
            std::thread::sleep(Duration::from_millis(1));
        }
        let view = lab.host.json(&format!("extension show lab {CRASH}"));
        let rules = view["violations"].as_array().cloned().unwrap_or_default();
        let slow = rules.iter().find(|one| one["rule"] == "slow-call").and_then(|one| one["count"].as_u64());
        shown = slow.unwrap_or(shown).max(shown);
        !view["quarantine"].is_null()
    });
    assert!(shown > 100, "they are shown as they are counted: {shown}");
    let record = lab.host.json("quarantine list lab")[0].clone();
    assert_eq!((&record["id"], &record["cause"]), (&CRASH.into(), &"slow".into()), "{record}");
    let text = lab.host.ok(&format!("extension show lab {CRASH}"));
    assert!(text.contains("more than 1000 calls within 60 s took longer than their budget"), "{text}");
    lab.wait_for_traffic("traffic afterwards");
    assert_eq!((lab.restarts(), lab.wrong.load(std::sync::atomic::Ordering::Relaxed)), (0, 0));
}

#[test]
fn a_long_call_on_a_busy_machine_is_not_taken_for_an_endless_one() {
    let Some(_turn) = as_root("a_long_call_on_a_busy_machine_is_not_taken_for_an_endless_one") else { return };
    let lab = Lab::new(&["--call-limit", "100"]);
    // Six tenths of the limit in processor time, which take longer than the limit while others want the processors.
    let keys = "--config do=burn --config us=60000";
    lab.host.ok(&format!("extension enable lab {} {keys}", lab.file.display()));
    let stop = std::sync::atomic::AtomicBool::new(false);
    // They end by themselves when the test fails.
    let end = std::time::Instant::now() + Duration::from_secs(120);
    let spin = || {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) && std::time::Instant::now() < end {
            std::hint::spin_loop()
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 * std::thread::available_parallelism().unwrap().get() {
            scope.spawn(spin);
        }
        let wire = lab.wire(0);
        for _ in 0..10 {
            wire.send(&numbered(mac(1, 1), [0xee, 0, 0, 0, 0, 1], None, 9, 0));
            lab.wait_for_traffic("traffic behind it");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(lab.restarts(), 0, "{}", lab.host.log());
    let view = lab.host.json(&format!("extension show lab {CRASH}"));
    assert_eq!((&view["running"], &view["quarantine"]), (&true.into(), &Value::Null), "{view}");
    println!(
        "ten calls of 60 ms of processor time: longest time without a frame {} ms",
        lab.longest_us.load(std::sync::atomic::Ordering::Relaxed) / 1000
    );
}
