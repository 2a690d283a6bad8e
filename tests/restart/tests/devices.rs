//! TAP interfaces when both processes of heddled are killed: each is found again where its host has it by then, or removed.

use std::fs;
use std::process::Command;

use heddle_end_to_end::daemon::built;
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::{as_root, wait_for};
use heddle_restart::host::Host;
use heddle_restart::model::Model;

fn is_there(name: &str) -> bool {
    fs::metadata(format!("/sys/class/net/{name}")).is_ok()
}

/// Number and addresses of an interface, as `ip -o addr` has them.
fn of(space: Option<&Namespace>, name: &str) -> String {
    let words = format!("-o addr show dev {name}");
    space.map_or_else(|| ip(&words), |space| space.ip(&words))
}

fn without_trouble(host: &Host) -> bool {
    !Model::in_trouble(&host.json("topology"))
}

fn restarted(host: &mut Host) {
    host.kill_both();
    host.start();
    host.wait();
    wait_for("every port to be without trouble", || without_trouble(host));
}

#[test]
fn interfaces_outlive_both_processes_wherever_their_hosts_have_them() {
    let Some(_turn) = as_root("interfaces_outlive_both_processes_wherever_their_hosts_have_them") else { return };
    let (web, db) = (Namespace::new("web"), Namespace::new("db"));
    let mut host = Host::new();
    host.wait();
    host.ok("switch create lab");
    let (here, away, several) = (device("t"), device("t"), device("t"));
    host.ok(&format!("port add lab here --backend tap --device {here}"));
    host.ok(&format!("port add lab away --backend tap --device {away}"));
    host.ok(&format!("port add lab several --backend tap --device {several} --queues 3"));
    ip(&format!("addr add 10.9.31.1/24 dev {here}"));
    web.adopt(&away, &["10.9.32.1/24"]);
    db.adopt(&several, &["10.9.32.2/24"]);
    // Under a name that heddled never gave it.
    web.ip(&format!("link set {away} name uplink"));
    let record = || fs::read_to_string(host.directory.path().join("state/devices")).unwrap();
    wait_for("heddled to notice the new name", || record().contains("\"uplink\""));
    let before = [of(None, &here), of(Some(&web), "uplink"), of(Some(&db), &several)];
    for _ in 0..3 {
        restarted(&mut host);
        let after = [of(None, &here), of(Some(&web), "uplink"), of(Some(&db), &several)];
        // A lifetime is part of the line only when there is one.
        assert_eq!(after, before, "the same interfaces with the same addresses");
    }
    wait_for("the one to reach the other", || web.output("ping", "-c 1 -W 1 10.9.32.2").status.success());
    drop(host);
    wait_for("a clean end to remove them", || !is_there(&here));
    for (space, name) in [(&web, "uplink"), (&db, several.as_str())] {
        wait_for("a clean end to remove them", || !space.ip("-o link").contains(name));
    }
}

#[test]
fn what_a_killed_heddled_left_can_be_removed_without_starting_another() {
    let Some(_turn) = as_root("what_a_killed_heddled_left_can_be_removed_without_starting_another") else { return };
    let mut host = Host::new();
    host.wait();
    let tap = device("t");
    host.ok("switch create lab");
    host.ok(&format!("port add lab a --backend tap --device {tap}"));
    let state = host.directory.path().join("state");
    let release =
        || Command::new(built("heddled")).arg("--release-devices").arg("--state-dir").arg(&state).output().unwrap();
    let refused = release();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(4) && words.contains("stop it first"), "{refused:?}");
    host.kill_both();
    assert!(is_there(&tap));
    let done = release();
    assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{tap}\n"), "{done:?}");
    assert!(!is_there(&tap) && release().stdout.is_empty());
}

#[test]
fn interfaces_that_no_port_has_any_more_are_removed_and_those_of_others_stay() {
    let Some(_turn) = as_root("interfaces_that_no_port_has_any_more_are_removed_and_those_of_others_stay") else {
        return;
    };
    let mut host = Host::new();
    host.wait();
    let [stays, goes, others] = [device("t"), device("t"), device("t")];
    ip(&format!("tuntap add dev {others} mode tap"));
    let _others = Link(others.clone());
    let file = host.directory.path().join("heddled.toml");
    let port = |name: &str, device: &str| {
        format!("[[switch.port]]\nname = \"{name}\"\nbackend = \"tap\"\ndevice = \"{device}\"\n")
    };
    let all = format!("[[switch]]\nname = \"lab\"\n{}{}{}", port("a", &stays), port("b", &goes), port("c", &others));
    fs::write(&file, all).unwrap();
    host.configure(&file);
    restarted(&mut host);
    assert!([&stays, &goes, &others].iter().all(|name| is_there(name)));
    let number = fs::read_to_string(format!("/sys/class/net/{stays}/ifindex")).unwrap();
    host.kill_both();
    assert!(is_there(&stays) && is_there(&goes), "nobody has them now");
    fs::write(&file, format!("[[switch]]\nname = \"lab\"\n{}", port("a", &stays))).unwrap();
    host.start();
    host.wait();
    wait_for("what no port has to go", || !is_there(&goes));
    assert_eq!(fs::read_to_string(format!("/sys/class/net/{stays}/ifindex")).unwrap(), number);
    host.ok("port remove lab a");
    wait_for("the interface of a removed port to go", || !is_there(&stays));
    drop(host);
    assert!(is_there(&others), "heddled did not make it");
}
