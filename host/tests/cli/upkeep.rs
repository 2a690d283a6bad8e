//! Looking after a running daemon: its status, what it logs, what it forgets.

use super::process::{Daemon, wait_for};
use serde_json::json;

#[test]
fn the_status_has_memory_and_workers() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab --workers 2");
    let status = daemon.json("daemon status");
    let resident = status["memory"]["resident_bytes"].as_u64().unwrap();
    let peak = status["memory"]["peak_resident_bytes"].as_u64().unwrap();
    assert!(resident > 1024 * 1024 && peak >= resident, "{status}");
    let worker = json!({ "switch": "lab", "worker": 1, "thread_id": 4001, "cpu_nanoseconds": 1_500_000_000 });
    assert_eq!(status["engine"]["workers"][1], worker);
    let text = daemon.ok("daemon status");
    assert!(text.contains("worker 1 of switch lab: thread 4001, 1.5 s of a processor\n"), "{text}");
    assert!(text.contains(" MiB resident, ") && text.contains("up for:     "), "{text}");
}

#[test]
fn log_levels_change_while_heddled_runs() {
    let daemon = Daemon::single();
    assert_eq!(daemon.ok("log level show"), "debug\n");
    assert_eq!(daemon.ok("log level set error"), "error\n");
    daemon.ok("switch create unseen");
    assert_eq!(daemon.ok("log level set info --target control"), "error\ncontrol info\n");
    daemon.ok("switch create seen");
    assert!(daemon.wait_for_log("CreateSwitch").contains("\"seen\""), "the one before was not logged");
    assert_eq!(daemon.json("log level reset --target control"), json!({ "level": "error", "targets": {} }));
    daemon.ok("switch create unseen-again");
    assert_eq!(daemon.ok("log level reset"), "debug\n");
    daemon.ok("switch create last");
    assert!(daemon.wait_for_log("CreateSwitch").contains("\"last\""));
}

#[test]
fn log_levels_are_shown_with_their_targets() {
    let daemon = Daemon::single();
    daemon.ok("log level set trace --target loader::check");
    let expected = json!({ "level": "debug", "targets": { "loader::check": "trace" } });
    assert_eq!(daemon.json("log level show"), expected);
}

#[test]
fn a_flush_forgets_what_was_learned_where_it_is_told() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory --mac 02:00:00:00:00:01");
    daemon.ok("port add lab db --backend memory");
    assert_eq!(daemon.ok("fdb flush"), "forgot 1 learned address of switch lab\n");
    assert_eq!(daemon.json("fdb flush lab --port web"), json!({ "switch": "lab", "removed": 0 }));
    assert_eq!(daemon.json("fdb flush lab --port db --vlan 0")["removed"], 1);
    assert_eq!(daemon.ok("fdb flush lab --vlan 7"), "forgot 0 learned addresses of switch lab\n");
}

#[test]
fn a_flush_of_a_real_table_leaves_static_entries() {
    let daemon = super::process::real(&[]);
    daemon.ok("switch create lab --workers 2");
    daemon.ok("port add lab web --backend memory --mac 02:00:00:00:00:01");
    daemon.ok("port add lab load --backend memory --device source:2000:64:4 --vlan-mode access --vlan 20");
    let learned = || {
        let entries = daemon.json("fdb show");
        entries.as_array().unwrap().iter().filter(|entry| entry["kind"] == "learned").count()
    };
    wait_for("an address to be learned", || learned() > 0);
    daemon.ok("port set lab load --admin down");
    let known = learned();
    for other in ["--port web", "--vlan 21", "--port web --vlan 20"] {
        assert_eq!(daemon.json(&format!("fdb flush lab {other}"))["removed"], 0, "{other}");
    }
    assert_eq!(learned(), known);
    assert_eq!(daemon.json("fdb flush lab --port load --vlan 20")["removed"], known);
    let left = daemon.json("fdb show");
    assert_eq!((left.as_array().unwrap().len(), &left[0]["kind"]), (1, &json!("static")), "{left}");
}

#[test]
fn a_real_status_counts_the_workers() {
    let daemon = super::process::real(&[]);
    daemon.ok("switch create lab --workers 2");
    let status = daemon.json("daemon status");
    let workers = status["engine"]["workers"].as_array().unwrap().clone();
    let numbers: Vec<_> = workers.iter().map(|worker| (&worker["switch"], &worker["worker"])).collect();
    assert_eq!(numbers, [(&json!("lab"), &json!(0)), (&json!("lab"), &json!(1))]);
    for worker in &workers {
        let thread = worker["thread_id"].as_u64().unwrap();
        let comm = std::fs::read_to_string(format!("/proc/{}/task/{thread}/comm", status["pid"])).unwrap();
        assert!(comm.starts_with("heddle-w"), "{comm}");
    }
}
