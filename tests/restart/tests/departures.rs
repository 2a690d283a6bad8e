//! Extensions that end the switch process without a word: `_exit`, or a signal nobody handles any more. Each is named,
//! kept out after its first time, and heddled never takes what they return for an answer of its own.
//!
//! Real daemon, memory ports; no root is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::wait_for;
use heddle_restart::cheat::{cheat, id};
use heddle_restart::host::Host;
use serde_json::Value;

/// A heddled with traffic through a switch.
fn lab() -> Host {
    let mut host = Host::new();
    host.wait();
    host.ok("switch create lab");
    host.ok("port add lab sink --backend memory --device sink");
    host.ok("port add lab from --backend memory --device source:1000:64:4:1:2");
    host
}

fn restarts(host: &Host) -> u64 {
    let outcome = host.heddle("daemon status --json");
    serde_json::from_str::<Value>(&outcome.stdout).ok().and_then(|view| view["restarts"].as_u64()).unwrap_or(0)
}

fn received(host: &Host) -> u64 {
    let outcome = host.heddle("port show lab sink --json");
    let view = serde_json::from_str::<Value>(&outcome.stdout).unwrap_or_default();
    view["counters"]["tx_packets"].as_u64().unwrap_or(0)
}

fn wait_for_traffic(host: &Host) {
    let before = received(host);
    wait_for("traffic", || received(host) > before + 20);
}

/// Enables an extension that ends the process; it is in quarantine after one restart, and traffic flows.
fn ends_once(host: &Host, name: &str, macros: &[(&str, &str)]) -> Value {
    let before = restarts(host);
    let file = cheat(host.directory.path(), name, macros);
    // One that ends the process while it is enabled leaves no answer.
    let _ = host.heddle(&format!("extension enable lab {}", file.display()));
    wait_for(&format!("{name} to be in quarantine"), || {
        let outcome = host.heddle("quarantine list lab --json");
        outcome.stdout.contains(&id(name))
    });
    assert_eq!(restarts(host), before + 1, "{name}: {}", host.log());
    wait_for_traffic(host);
    let records = host.json("quarantine list lab");
    records.as_array().unwrap().iter().find(|record| record["id"] == Value::String(id(name))).unwrap().clone()
}

#[test]
fn an_extension_that_leaves_by_exit_codes_of_heddled_is_named_and_heddled_stays() {
    let host = lab();
    wait_for_traffic(&host);
    for code in [5, 4, 0] {
        let name = format!("leaves-{code}");
        let record = ends_once(&host, &name, &[("ON_IN", &format!("if (worker->seen == 50) _exit({code});"))]);
        let what = record["crash"]["what"].as_str().unwrap();
        assert!(
            what.contains(&format!("exited with code {code}")) && what.contains("in ingress on worker 0"),
            "{what}"
        );
        assert_eq!(record["crash"]["sha256"].as_str().map(str::len), Some(64), "{record}");
    }
    let status = host.json("daemon status");
    assert_eq!((&status["restarts"], &status["crashes"]), (&3.into(), &3.into()), "{status}");
    assert!(!host.log().contains("could not start"), "{}", host.log());
}

#[test]
fn a_capture_that_takes_the_handlers_away_loses_them_again_and_its_stores_stay_harmless() {
    let host = lab();
    wait_for_traffic(&host);
    let macros = [
        ("ROLE", "HEDDLE_ROLE_CAPTURE"),
        ("ON_CREATE", "signal(SIGSEGV, SIG_DFL);"),
        ("ON_IN", "if (worker->seen % 50 == 0) bytes[20] = 0xee;"),
    ];
    let file = cheat(host.directory.path(), "takes-handlers", &macros);
    host.ok(&format!("extension enable lab {}", file.display()));
    let rules = || {
        let view = host.json(&format!("extension show lab {}", id("takes-handlers")));
        let rules = view["violations"].as_array().unwrap().iter();
        rules.map(|row| row["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    wait_for("both rules to be counted", || {
        let rules = rules();
        rules.contains(&"frame-written".to_owned()) && rules.contains(&"signal-handlers-changed".to_owned())
    });
    assert_eq!(restarts(&host), 0, "{}", host.log());
    wait_for_traffic(&host);
}

#[test]
fn an_extension_without_handlers_in_the_way_of_its_crash_is_named_all_the_same() {
    let host = lab();
    wait_for_traffic(&host);
    // In the same call, so that nobody puts the handlers back between.
    let harm = "if (worker->seen == 50) { signal(SIGSEGV, SIG_DFL); *(volatile char *)8 = 1; }";
    let record = ends_once(&host, "crashes-silently", &[("ON_IN", harm)]);
    assert_eq!(record["crash"]["what"], "SIGSEGV in ingress on worker 0", "{record}");
}

#[test]
fn before_heddled_gives_up_it_goes_on_without_extensions() {
    let host = lab();
    let trigger = host.directory.path().join("trigger");
    let body = format!(
        "static void *kills(void *none) {{ while (access(\"{}\", F_OK)) usleep(1000); kill(getpid(), SIGKILL); return none; }}",
        trigger.display()
    );
    let include = host.directory.path().join("kills.h");
    std::fs::write(&include, body).unwrap();
    let macros = [
        ("ROLE", "HEDDLE_ROLE_FILTER\n#include \"kills.h\""),
        ("ON_CREATE", "pthread_t own; pthread_create(&own, NULL, kills, NULL);"),
    ];
    let file = cheat(host.directory.path(), "kills", &macros);
    host.ok(&format!("extension enable lab {}", file.display()));
    wait_for_traffic(&host);
    std::fs::write(&trigger, b"").unwrap();
    wait_for("the extension to be kept out", || {
        host.heddle("quarantine list lab --json").stdout.contains("times in a row")
    });
    assert_eq!(restarts(&host), 6, "{}", host.log());
    wait_for_traffic(&host);
    let view = host.json(&format!("extension show lab {}", id("kills")));
    assert_eq!((&view["enabled"], &view["running"]), (&true.into(), &false.into()), "{view}");
}
