//! The lives of network devices under a running switch: what is renamed, deleted, made anew, and who else takes its name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::daemon::Daemon;
use heddle_end_to_end::frames::{mac, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::wire::Wire;
use heddle_end_to_end::{as_root, streams, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

/// Gives a device another name while it is down.
fn rename(from: &str, to: &str) {
    ip(&format!("link set {from} down"));
    ip(&format!("link set {from} name {to}"));
    ip(&format!("link set {to} up"));
}

/// A veth pair whose near end is up here and whose far end is a host at `address`.
fn plug(near: &str, far: &str, host: &Namespace, address: &str) -> Link {
    ip(&format!("link add {near} type veth peer name {far}"));
    ip(&format!("link set {near} addrgenmode none"));
    host.adopt(far, &[address]);
    ip(&format!("link set {near} up"));
    Link(near.to_owned())
}

#[test]
fn a_foreign_device_with_the_old_name_is_not_taken_up() {
    let Some(_turn) = as_root("a_foreign_device_with_the_old_name_is_not_taken_up") else { return };
    let daemon = Daemon::start();
    let (web, up, foreign) = (Namespace::new("web"), Namespace::new("up"), Namespace::new("foreign"));
    let (old, new, tap) = (device("v"), device("r"), device("t"));
    let first = plug(&old, &device("w"), &up, "10.81.0.2/24");
    daemon.ok("switch create lab --workers 2");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    daemon.ok(&format!("port add lab up --backend packet --device {old}"));
    web.adopt(&tap, &["10.81.0.1/24"]);
    streams::ping(&web, "10.81.0.2", 2, 100);

    // Renamed, deleted, and somebody else's device has the old name: all before anybody looks.
    rename(&old, &new);
    ip(&format!("link del {new}"));
    std::mem::forget(first);
    let other = device("w");
    let _foreign = plug(&old, &other, &foreign, "10.81.0.2/24");
    let gone = format!("device '{new}' is gone from this network namespace; it is taken up again when it returns");
    daemon.wait_for_trouble("lab", "up", Some(&gone));
    // Queues look for their device once a second.
    for _ in 0..3 {
        web.output("ping", "-c 10 -i 0.1 -W 1 10.81.0.2");
        web.ip("neigh flush all");
    }
    assert_eq!(daemon.json("port show lab up")["device"], new.as_str());
    assert_eq!(foreign.device_counter(&other, "rx_packets"), 0, "a foreign device was used");
    daemon.wait_for_trouble("lab", "up", Some(&gone));

    let _back = plug(&new, &device("w"), &up, "10.81.0.2/24");
    daemon.wait_for_trouble("lab", "up", None);
    wait_for("the port to carry traffic again", || {
        web.ip("neigh flush all");
        web.output("ping", "-c 1 -W 1 10.81.0.2").status.success()
    });
    streams::ping(&web, "10.81.0.2", 2, 100);
    assert_eq!(daemon.balance("lab"), 0);
}

#[test]
fn a_port_whose_device_was_renamed_is_on_it_after_a_kill() {
    let Some(_turn) = as_root("a_port_whose_device_was_renamed_is_on_it_after_a_kill") else { return };
    let daemon = Daemon::start();
    let (web, up) = (Namespace::new("web"), Namespace::new("up"));
    let (old, new, tap) = (device("v"), device("r"), device("t"));
    let _first = plug(&old, &device("w"), &up, "10.83.0.2/24");
    let _renamed = Link(new.clone());
    daemon.ok("switch create lab");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    daemon.ok(&format!("port add lab up --backend packet --device {old}"));
    web.adopt(&tap, &["10.83.0.1/24"]);
    rename(&old, &new);
    wait_for("the name to be stored", || daemon.log().contains("the device's new name is stored"));
    let before = daemon.answering_pid();
    kill(Pid::from_raw(i32::try_from(before).unwrap()), Signal::SIGKILL).unwrap();
    wait_for("another switch process", || daemon.answering_pid() != before);
    assert_eq!(daemon.json("port show lab up")["device"], new.as_str());
    daemon.wait_for_trouble("lab", "up", None);
    streams::ping(&web, "10.83.0.2", 2, 100);
}

/// Whether each thread of a process is stopped; a thread on another core runs on for a while after SIGSTOP was sent.
fn is_stopped(pid: u64) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut states = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap());
    // The state follows the name, which is in parentheses (proc(5)).
    states.all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

#[test]
fn frames_the_kernel_lost_before_a_tap_are_missed_frames() {
    let Some(_turn) = as_root("frames_the_kernel_lost_before_a_tap_are_missed_frames") else { return };
    let daemon = Daemon::start();
    let (web, tap) = (Namespace::new("web"), device("t"));
    daemon.ok("switch create lab");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    web.adopt(&tap, &[]);
    web.ip(&format!("link set {tap} txqueuelen 50"));
    daemon.wait_for_trouble("lab", "web", None);
    let wire = Wire::open(&web, &tap, Duration::from_millis(100));
    // Nobody empties the ring while the switch stands still.
    let pid = daemon.answering_pid();
    let switch = Pid::from_raw(i32::try_from(pid).unwrap());
    kill(switch, Signal::SIGSTOP).unwrap();
    wait_for("every thread to stand still", || is_stopped(pid));
    (0..400).for_each(|number| wire.send(&numbered(mac(1, 1), mac(2, 1), None, 1, number)));
    let dropped = web.device_counter(&tap, "tx_dropped");
    kill(switch, Signal::SIGCONT).unwrap();
    assert!(dropped >= 300, "{dropped} of 400 in a ring of 50");
    // The host's own stack may have sent a frame or two as well: what its device counts is what there was.
    let counters = || daemon.json("port show lab web")["counters"].clone();
    wait_for("the rest to arrive", || {
        let device = ["tx_packets", "tx_dropped"].map(|name| Some(web.device_counter(&tap, name)));
        let port = counters();
        device == [port["rx_packets"].as_u64(), port["rx_missed"].as_u64()]
    });
    let dropped = web.device_counter(&tap, "tx_dropped");
    let text = daemon.ok("port show lab web");
    assert!(text.contains(&format!("{dropped} packets lost before the switch took them")), "{text}");
}

/// Waits until a port has a notice with `words`, or none with them.
fn wait_for_notice(daemon: &Daemon, port: &str, words: &str, is_there: bool) {
    wait_for(&format!("notice {words:?} of port {port} to be there: {is_there}"), || {
        let notices = daemon.json(&format!("port show lab {port}"))["notices"].clone();
        let found = notices.as_array().unwrap().iter().any(|notice| notice.as_str().unwrap().contains(words));
        found == is_there
    });
}

#[test]
fn an_uplink_with_an_address_or_a_small_mtu_is_warned_of_with_the_command_that_fixes_it() {
    let Some(_turn) = as_root("an_uplink_with_an_address_or_a_small_mtu_is_warned_of") else { return };
    let daemon = Daemon::start();
    let (near, far) = Link::pair();
    let up = Namespace::new("up");
    up.adopt(&far, &[]);
    // An address from before the port.
    ip(&format!("address add 10.82.0.1/24 dev {}", near.0));
    daemon.ok("switch create lab");
    daemon.ok(&format!("port add lab up --backend packet --device {}", near.0));
    let fix = format!("`ip address del 10.82.0.1/24 dev {}` and give the host a port of its own", near.0);
    wait_for_notice(
        &daemon,
        "up",
        &format!("has the address 10.82.0.1/24, so the kernel answers beside the switch; {fix}"),
        true,
    );
    assert!(daemon.ok("port show lab up").contains(&fix));
    wait_for("the log", || daemon.log().contains(&fix));
    ip(&format!("address del 10.82.0.1/24 dev {}", near.0));
    wait_for_notice(&daemon, "up", "has the address", false);
    ip(&format!("address add fd82::1/64 dev {} nodad", near.0));
    wait_for_notice(&daemon, "up", "has the address fd82::1/64", true);
    ip(&format!("address flush dev {}", near.0));
    wait_for_notice(&daemon, "up", "has the address", false);

    ip(&format!("link set {} mtu 1400", near.0));
    let fix = format!("dropped as frame-too-long; `ip link set {} mtu 1500`", near.0);
    wait_for_notice(&daemon, "up", &fix, true);
    ip(&format!("link set {} mtu 1500", near.0));
    wait_for_notice(&daemon, "up", "frame-too-long", false);
    // A port that asks for more gets more; one that asks for less leaves the device as it is.
    let mtu = || std::fs::read_to_string(format!("/sys/class/net/{}/mtu", near.0)).unwrap();
    daemon.ok("port set lab up --mtu 4000");
    assert_eq!(mtu().trim(), "4000");
    daemon.ok("port set lab up --mtu 1500");
    assert_eq!(mtu().trim(), "4000");
    let refused = format!("device '{}' refuses an MTU of 65535 bytes", near.0);
    if daemon.heddle("port set lab up --mtu 65535").code != 0 {
        daemon.refused("port set lab up --mtu 65535", 10, &[&refused]);
        assert_eq!(daemon.json("port show lab up")["mtu"], 1500, "the refused change is not half made");
    }
}

#[test]
fn a_device_that_leaves_the_namespace_and_returns_under_its_number_carries_again() {
    let Some(_turn) = as_root("a_device_that_leaves_the_namespace_and_returns") else { return };
    let daemon = Daemon::start();
    let (web, up, away) = (Namespace::new("web"), Namespace::new("up"), Namespace::new("away"));
    let (near, tap) = (device("v"), device("t"));
    let _link = plug(&near, &device("w"), &up, "10.83.0.2/24");
    daemon.ok("switch create lab");
    daemon.ok(&format!("port add lab web --backend tap --device {tap}"));
    daemon.ok(&format!("port add lab up --backend packet --device {near}"));
    web.adopt(&tap, &["10.83.0.1/24"]);
    streams::ping(&web, "10.83.0.2", 2, 100);
    let number = || std::fs::read_to_string(format!("/sys/class/net/{near}/ifindex")).unwrap();
    let before = number();
    ip(&format!("link set {near} netns {}", away.name));
    daemon.wait_for_trouble("lab", "up", Some("is gone from this network namespace"));
    away.ip(&format!("link set {near} netns {}", std::process::id()));
    assert_eq!(number(), before, "the kernel gives it its number again");
    ip(&format!("link set {near} up"));
    daemon.wait_for_trouble("lab", "up", None);
    wait_for("the port to carry traffic again", || {
        web.ip("neigh flush all");
        web.output("ping", "-c 1 -W 1 10.83.0.2").status.success()
    });
    // A TAP that is deleted where its guest is has trouble, though nothing was heard of it here.
    web.ip(&format!("link del {tap}"));
    daemon.wait_for_trouble("lab", "web", Some(&format!("device '{tap}' was deleted, or its network namespace was")));
    ip(&format!("tuntap add dev {tap} mode tap"));
    let _tap = Link(tap.clone());
    wait_for("the TAP to be taken up", || {
        !daemon.json("port show lab web")["trouble"].as_str().is_some_and(|trouble| trouble.contains("was deleted"))
    });
    assert_eq!(daemon.balance("lab"), 0);
}
