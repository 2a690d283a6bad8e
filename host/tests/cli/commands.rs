//! Every command, as text and as JSON.

use super::process::Daemon;
use serde_json::json;

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab --workers 2");
    daemon.ok("port add lab web --backend tap --mac 02:00:00:00:00:01");
    daemon.ok("port add lab up --backend packet --device eth0 --vlan-mode trunk --allowed 1-100,200 --native 10");
    daemon
}

#[test]
fn switches_are_created_listed_shown_and_deleted() {
    let daemon = Daemon::single();
    assert_eq!(daemon.ok("switch list"), "no switches; create one with `heddle switch create NAME`\n");
    assert_eq!(daemon.ok("switch create lab"), "created switch lab (internal, 1 worker, ageing 300 s)\n");
    let created = daemon.json("switch create edge --type external --workers 4 --ageing 60");
    let law = json!({ "rx": 10, "originated": 0, "replicated": 2, "tx": 9, "dropped": 3, "consumed": 0, "held": 0, "balance": 0 });
    let expected = json!({ "name": "edge", "type": "external", "workers": 4, "ports": 0, "extensions": [],
        "ageing_seconds": 60, "troubles": [],
            "law": law });
    assert_eq!(created, expected);
    assert_eq!(daemon.json("switch show edge"), expected);
    let names: Vec<_> = daemon.json("switch list").as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["edge", "lab"]);
    let list = daemon.ok("switch list");
    assert_eq!(list.lines().next().unwrap().trim(), "SWITCH  TYPE      WORKERS  PORTS  RX  TX  DROPPED  EXTENSIONS");
    assert!(!list.contains('│') && list.lines().all(|line| line == line.trim_end()), "plain in a pipe: {list}");
    let shown = daemon.ok("switch show lab");
    assert!(shown.contains("workers:    1\n"), "{shown}");
    assert!(
        shown.contains("frames out: 9 sent + 3 dropped + 0 consumed + 0 held (every frame accounted for)"),
        "{shown}"
    );
    assert_eq!(daemon.ok("switch delete lab"), "deleted switch lab\n");
    assert_eq!(daemon.json("switch delete edge"), json!({ "deleted": "edge" }));
    assert_eq!(daemon.json("switch list"), json!([]));
}

#[test]
fn a_port_has_the_options_given_and_the_defaults() {
    let daemon = lab();
    let web = daemon.json("port show lab web");
    let counters = json!({ "rx_packets": 10, "rx_bytes": u64::MAX, "tx_packets": 0, "tx_bytes": 0, "rx_missed": 0,
        "rx_dropped": 3, "tx_dropped": 0 });
    let expected = json!({ "switch": "lab", "name": "web", "id": 1, "kind": "synthetic", "backend": "tap",
        "device": "tap1", "state": "created", "nic_state": "connected", "admin": "up", "trouble": null, "notices": [],
        "mac": "02:00:00:00:00:01", "mtu": 1500, "vlan": { "mode": "untagged" }, "queues": 1, "offload": true,
        "fail_policy": "extension", "on_loop": "warn", "worker": 0, "counters": counters });
    assert_eq!(web, expected);
    let up = daemon.json("port show lab up");
    assert_eq!(up["vlan"], json!({ "mode": "trunk", "allowed": "1-100,200", "native": 10 }));
    assert_eq!((&up["mac"], &up["device"]), (&json!(null), &json!("eth0")));
    assert!(daemon.ok("port show lab up").contains("vlan:      trunk 1-100,200 native 10\n"));
    let added = daemon
        .ok("port add lab probe --backend memory --mtu 9000 --queues 4 --offload off --kind emulated --admin down");
    assert_eq!(added, "added port 3 probe on switch lab (emulated, memory, untagged, mtu 9000)\n");
    let probe = daemon.json("port show lab probe");
    assert_eq!((&probe["queues"], &probe["offload"], &probe["admin"]), (&json!(4), &json!(false), &json!("down")));
    let set = daemon.json("port set lab probe --fail-policy closed --on-loop block");
    assert_eq!((&set["fail_policy"], &set["on_loop"]), (&json!("closed"), &json!("block")));
    let set = daemon.json("port set lab probe --fail-policy open");
    assert_eq!((&set["fail_policy"], &set["on_loop"]), (&json!("open"), &json!("block")), "nothing else");
    let text = daemon.ok("port show lab probe");
    assert!(text.contains("on fail:   open\n") && text.contains("on loop:   block\n"), "{text}");
    let wrong = daemon.heddle(&["port", "set", "lab", "probe", "--on-loop", "cut"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("warn"), "{wrong:?}");
}

#[test]
fn setting_a_port_changes_only_what_is_given() {
    let daemon = lab();
    let before = daemon.json("port show lab web");
    let text = daemon.ok("port set lab web --vlan-mode access --vlan 20");
    assert_eq!(text, "changed port 1 web on switch lab (synthetic, tap tap1, access 20, mtu 1500)\n");
    let mut expected = before;
    expected["vlan"] = json!({ "mode": "access", "vlan": 20 });
    assert_eq!(daemon.json("port show lab web"), expected);
    assert_eq!(daemon.json("port set lab web --vlan 30")["vlan"]["vlan"], 30);
    assert_eq!(daemon.json("port set lab web --mac none")["mac"], json!(null));
    assert_eq!(daemon.json("port set lab web --vlan-mode untagged")["vlan"], json!({ "mode": "untagged" }));
}

#[test]
fn ports_are_listed_and_removed() {
    let daemon = lab();
    daemon.ok("switch create other");
    daemon.ok("port add other p --backend memory");
    assert_eq!(daemon.json("port list").as_array().unwrap().len(), 3);
    let list = daemon.ok("port list lab");
    let web = "lab      1  web   synthetic  tap tap1     connected  untagged                   02:00:00:00:00:01  1500  10   0        3";
    assert!(list.lines().any(|line| line == web), "{list}");
    assert_eq!(daemon.ok("port remove lab web"), "removed port web from switch lab\n");
    assert_eq!(daemon.json("port remove lab up"), json!({ "removed": "up", "switch": "lab" }));
    assert_eq!(daemon.json("port list lab"), json!([]));
}

#[test]
fn extensions_are_enabled_with_configuration_shown_and_disabled() {
    let daemon = lab();
    std::fs::write(daemon.directory.path().join("rules.conf"), "deny all\n").unwrap();
    let text = daemon.ok("extension enable lab com.example.tally --config a=1 --config b=x=y --config-file rules.conf");
    assert_eq!(text, "enabled extension com.example.tally 1.2.3 (filter) on switch lab: running\n");
    let shown = daemon.json("extension show lab com.example.tally");
    assert_eq!(shown["config"], json!({ "a": "1", "b": "x=y", "file": "9 bytes" }));
    assert_eq!(shown["counters"], json!([{ "name": "seen", "unit": "packets", "value": 42 }]));
    assert_eq!((&shown["enabled"], &shown["running"], &shown["order"]), (&json!(true), &json!(true), &json!(0)));
    let here = daemon.directory.path().canonicalize().unwrap().join("libx.so");
    let by_path = daemon.json("extension enable lab ./libx.so");
    assert_eq!(by_path["path"].as_str(), here.to_str(), "a relative path is made absolute by heddle");
    assert_eq!(daemon.json("extension list lab").as_array().unwrap().len(), 2);
    let all = daemon.ok("extension list");
    assert!(all.contains("org.heddle.sflow") && all.contains("installed") && all.contains("built in"), "{all}");
    assert!(!all.contains('\u{1b}') && all.contains("Example\\u{1b}[31m"), "no escape sequence of a vendor: {all}");
    let text = daemon.ok("extension disable lab com.example.tally");
    assert_eq!(text, "disabled extension com.example.tally 1.2.3 (filter) on switch lab: disabled\n");
    assert_eq!(daemon.json("switch show lab")["extensions"], json!(["com.example.libx"]));
}

#[test]
fn statistics_have_the_sections_asked_for() {
    let daemon = lab();
    daemon.ok("extension enable lab com.example.tally");
    let all = daemon.ok("stats lab");
    for part in ["frames in:", "RX BYTES", "18446744073709551615", "vlan-tag-refused", "CYCLES/PACKET", "seen"] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let drops = daemon.ok("stats lab --drops");
    assert!(drops.contains("web 3, up 3") && !drops.contains("CYCLES") && !drops.contains("RX BYTES"), "{drops}");
    let stages = daemon.json("stats --stages");
    let keys: Vec<_> = stages[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["stages", "switch", "taken_nanoseconds"]);
    let parse = json!({ "stage": "parse", "leg": "ingress", "packets": 10, "cycles_per_packet": 12.5 });
    assert_eq!(stages[0]["stages"][0], parse);
    let full = daemon.json("stats lab");
    let keys: Vec<_> = full[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["drops", "extensions", "loads", "ports", "stages", "switch", "taken_nanoseconds"]);
    assert_eq!(full[0]["drops"][0]["ports"][0], json!({ "port": "web", "count": 3 }));
}

#[test]
fn the_filtering_database_is_shown() {
    let daemon = lab();
    let entry = json!({ "mac": "02:00:00:00:00:01", "vlan": 0, "port": "web", "kind": "static", "age_seconds": 0 });
    assert_eq!(daemon.json("fdb show lab")[0], entry);
    let text = daemon.ok("fdb show lab");
    assert!(text.contains("   0  02:00:00:00:00:99  up    learned  17 s\n"), "{text}");
}

#[test]
fn topology_is_a_tree() {
    let daemon = lab();
    assert_eq!(Daemon::single().ok("topology"), "no switches\n");
    daemon.ok("extension enable lab org.heddle.sflow");
    daemon.ok("extension enable lab com.example.tally");
    let expected = "\
switch lab (internal, 2 workers, ageing 300 s)
├─ port 1 web: synthetic, untagged, mac 02:00:00:00:00:01, mtu 1500
│  └─ tap tap1: connected
├─ port 2 up: synthetic, trunk 1-100,200 native 10, learning, mtu 1500
│  └─ packet eth0: connected
└─ extensions, in ingress order
   ├─ org.heddle.sflow 1.2.3: capture, running
   └─ com.example.tally 1.2.3: filter, running
";
    assert_eq!(daemon.ok("topology"), expected);
    let json = daemon.json("topology");
    let switch = &json["switches"][0];
    assert_eq!((&switch["name"], &switch["port_list"][1]["name"]), (&json!("lab"), &json!("up")));
    assert_eq!(switch["extension_stack"][0]["id"], "org.heddle.sflow");
}

#[test]
fn the_daemon_tells_about_itself() {
    let daemon = lab();
    let status = daemon.json("daemon status");
    assert_eq!(status["pid"], daemon.child.id());
    assert_eq!(status["supervisor_pid"], json!(null));
    assert_eq!((&status["switches"], &status["ports"], &status["restarts"]), (&json!(1), &json!(2), &json!(0)));
    assert_eq!(status["socket"].as_str(), daemon.socket().to_str());
    assert_eq!(status["engine"]["buffers"][0], json!({ "bytes": 2048, "total": 1000, "free": 900 }));
    let text = daemon.ok("daemon status");
    assert!(text.contains("buffers of 2048 bytes: 900 free of 1000\n"), "{text}");
}
