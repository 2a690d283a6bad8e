//! The two real binaries together, with the real data plane on memory ports: needs no privilege.

use super::process::{alive, real, signal, wait_for};
use serde_json::json;

#[test]
fn a_switch_with_memory_ports_lives_and_goes() {
    let mut daemon = real(&[]);
    daemon.ok("switch create lab --workers 2 --ageing 60");
    daemon.ok("port add lab web --backend memory --mac 02:00:00:00:00:01");
    daemon.ok("port add lab db --backend memory --vlan-mode access --vlan 20");
    let shown = daemon.json("switch show lab");
    assert_eq!((&shown["ports"], &shown["workers"], &shown["law"]["balance"]), (&json!(2), &json!(2), &json!(0)));
    assert_eq!(daemon.json("port set lab web --mtu 9000")["mtu"], 9000);
    assert_eq!(daemon.json("port show lab db")["vlan"], json!({ "mode": "access", "vlan": 20 }));
    let entry = json!({ "mac": "02:00:00:00:00:01", "vlan": 0, "port": "web", "kind": "static", "age_seconds": 0 });
    assert_eq!(daemon.json("fdb show lab"), json!([entry]));
    assert_eq!(daemon.json("topology")["switches"][0]["port_list"].as_array().unwrap().len(), 2);
    for line in ["stats lab", "extension list", "daemon status"] {
        daemon.ok(line);
    }
    daemon.ok("port remove lab web");
    daemon.ok("switch delete lab");
    assert_eq!(daemon.json("switch list"), json!([]));
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn what_the_plane_refuses_reaches_the_operator() {
    let daemon = real(&[]);
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    std::fs::write(daemon.directory.path().join("text.so"), "not an ELF").unwrap();
    for (line, code) in [
        ("switch create lab", 4),
        ("port add lab web --backend memory", 4),
        ("port show lab wbe", 3),
        ("switch delete lba", 3),
        ("extension enable lab com.nobody.nothing", 3),
        ("extension disable lab com.nobody.nothing", 3),
        ("port add lab p --backend memory --kind external", 5),
        ("port add lab p --backend packet --device nosuch0", 10),
        ("extension enable lab ./text.so", 9),
        ("extension enable lab ./missing.so", 9),
    ] {
        let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        assert!(outcome.stderr.contains("; "), "the fix is named: {outcome:?}");
    }
    assert_eq!(daemon.json("port list lab").as_array().unwrap().len(), 1);
}

#[test]
fn a_killed_switch_process_comes_back_with_what_it_had() {
    let daemon = real(&[]);
    daemon.ok("switch create lab --ageing 60");
    daemon.ok("port add lab web --backend memory --device sink --vlan-mode access --vlan 7");
    let first = daemon.answering_pid();
    signal(first, "ABRT");
    wait_for("the killed process to be gone", || !alive(first));
    let status = daemon.json("daemon status");
    assert!(status["last_exit"].as_str().unwrap().starts_with("killed by SIGABRT"), "{status}");
    assert_eq!(daemon.json("switch show lab")["ageing_seconds"], 60);
    assert_eq!(daemon.json("port show lab web")["vlan"], json!({ "mode": "access", "vlan": 7 }));
    daemon.ok("switch delete lab");
}
