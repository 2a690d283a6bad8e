//! Tagged frames between trunks, access ports and untagged ports of every backend. tcpdump is the judge of tags: it shows
//! what a device carried.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use heddle_end_to_end::daemon::Daemon;
use heddle_end_to_end::frames::{mac, numbered};
use heddle_end_to_end::namespace::{Link, Namespace, Running, device};
use heddle_end_to_end::wire::Wire;
use heddle_end_to_end::{as_root, wait_for};
use std::process::Stdio;
use std::time::Duration;

/// A host that listens with tcpdump and speaks through a raw socket.
struct Host {
    port: String,
    wire: Wire,
    _dump: Running,
    heard: std::path::PathBuf,
    _space: Namespace,
    _link: Option<Link>,
}

impl Host {
    fn plug(daemon: &Daemon, switch: &str, port: &str, backend: &str, options: &str) -> Host {
        let space = Namespace::new(port);
        let (inside, link, outside) = if backend == "tap" {
            let tap = device("t");
            (tap.clone(), None, tap)
        } else {
            let (near, far) = Link::pair();
            let outside = near.0.clone();
            (far, Some(near), outside)
        };
        daemon.ok(&format!("port add {switch} {port} --backend {backend} --device {outside} {options}"));
        space.adopt(&inside, &[]);
        let wire = Wire::open(&space, &inside, Duration::from_millis(100));
        let heard = daemon.directory.path().join(format!("{port}.txt"));
        let (out, err) = (std::fs::File::create(&heard).unwrap(), heard.with_extension("err"));
        // A frame a line, link level in full, only what comes in.
        let mut command =
            space.command("tcpdump", &format!("-i {inside} -Q in -e -l -nn -t -A ether[12:2]=0x88b5 or vlan"));
        let dump =
            command.stdin(Stdio::null()).stdout(out).stderr(std::fs::File::create(&err).unwrap()).spawn().unwrap();
        wait_for("tcpdump to listen", || std::fs::read_to_string(&err).unwrap().contains("listening on"));
        Host { port: port.to_owned(), wire, _dump: Running(dump), heard, _space: space, _link: link }
    }

    /// The tag of each frame of `flow` that was heard: `None` for untagged.
    fn tags_of(&self, from: [u8; 6]) -> Vec<Option<u16>> {
        let address = from.map(|byte| format!("{byte:02x}")).join(":");
        let text = std::fs::read_to_string(&self.heard)
            .unwrap_or_else(|_| String::from_utf8_lossy(&std::fs::read(&self.heard).unwrap()).into_owned());
        let line_of = |line: &&str| line.starts_with(&address);
        let tag = |line: &str| {
            let (_, rest) = line.split_once("802.1Q")?;
            let (_, rest) = rest.split_once("vlan ")?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        text.lines().filter(line_of).map(tag).collect()
    }
}

/// Sends one broadcast from `from` and gives what every other host heard of it.
fn broadcast(
    daemon: &Daemon,
    hosts: &[Host],
    from: usize,
    vid: Option<u16>,
    turn: u8,
) -> Vec<(String, Vec<Option<u16>>)> {
    let source = mac(turn, u8::try_from(from).unwrap());
    let before = [daemon.json("switch show one"), daemon.json("switch show two")];
    hosts[from].wire.send(&numbered(source, [0xff; 6], vid, turn, 0));
    let taken = |switch: &str, before: &serde_json::Value| {
        daemon.json(&format!("switch show {switch}"))["law"]["rx"] != before["law"]["rx"]
    };
    wait_for("the frame to be taken in", || taken("one", &before[0]) || taken("two", &before[1]));
    // The cable between the switches, and tcpdump's own buffers.
    std::thread::sleep(Duration::from_millis(300));
    let heard = |host: &Host| (host.port.clone(), host.tags_of(source));
    hosts.iter().enumerate().filter(|(nth, _)| *nth != from).map(|(_, host)| heard(host)).collect()
}

#[test]
fn tags_come_and_go_as_ports_want_them() {
    let Some(_turn) = as_root("tags_come_and_go_as_ports_want_them") else { return };
    let daemon = Daemon::start();
    for switch in ["one", "two"] {
        daemon.ok(&format!("switch create {switch} --workers 2"));
        daemon.ok(&format!(
            "port add {switch} cable --backend memory --device loop:c --vlan-mode trunk --allowed 1-4094"
        ));
    }
    let trunk = "--vlan-mode trunk --allowed 10,20";
    let (ten, twenty) = ("--vlan-mode access --vlan 10", "--vlan-mode access --vlan 20");
    let hosts = [
        Host::plug(&daemon, "one", "tap-trunk", "tap", trunk),
        Host::plug(&daemon, "one", "packet-trunk", "packet", trunk),
        Host::plug(&daemon, "one", "tap-ten", "tap", ten),
        Host::plug(&daemon, "one", "packet-twenty", "packet", twenty),
        Host::plug(&daemon, "two", "far-tap-trunk", "tap", trunk),
        Host::plug(&daemon, "two", "far-packet-trunk", "packet", trunk),
        Host::plug(&daemon, "two", "far-packet-ten", "packet", ten),
        Host::plug(&daemon, "two", "far-plain", "tap", ""),
    ];
    let members = |vid: Option<u16>, from: usize| -> Vec<(String, Vec<Option<u16>>)> {
        let expected = |port: &str| match (vid, port) {
            (Some(10), "tap-ten" | "far-packet-ten") | (Some(20), "packet-twenty") | (None, "far-plain") => vec![None],
            // A trunk without a native VLAN carries VLAN 0 untagged.
            (vid, port) if port.ends_with("trunk") => vec![vid],
            _ => Vec::new(),
        };
        let others = hosts.iter().enumerate().filter(|(nth, _)| *nth != from);
        others.map(|(_, host)| (host.port.clone(), expected(&host.port))).collect()
    };
    // Who sends, the tag it writes, the VLAN the frame is in then.
    let cases = [
        (0, Some(10), Some(10)),
        (1, Some(10), Some(10)),
        (0, Some(20), Some(20)),
        (1, Some(20), Some(20)),
        (2, None, Some(10)),
        (3, None, Some(20)),
        (4, Some(10), Some(10)),
        (5, Some(20), Some(20)),
        (6, None, Some(10)),
        (7, None, None),
        (1, None, None),
    ];
    // What the hosts' own stacks said while devices came up is not the test's.
    let before = ["one", "two"].map(|switch| daemon.drops(switch));
    let since = |nth: usize, switch: &str| -> Vec<(String, u64)> {
        let known = |reason: &str| before[nth].iter().find(|(name, _)| name == reason).map_or(0, |(_, count)| *count);
        let new = daemon.drops(switch).into_iter().map(|(reason, count)| (reason.clone(), count - known(&reason)));
        new.filter(|(_, count)| *count > 0).collect()
    };
    for (turn, (from, tag, vid)) in cases.into_iter().enumerate() {
        let turn = u8::try_from(turn + 1).unwrap();
        let heard = broadcast(&daemon, &hosts, from, tag, turn);
        assert_eq!(heard, members(vid, from), "{} sent tag {tag:?}", hosts[from].port);
    }
    assert_eq!((since(0, "one"), since(1, "two")), (vec![], vec![]));

    // What a port does not take reaches nobody and has a name.
    for (turn, from, tag) in [(50, 7, Some(10)), (51, 0, Some(30))] {
        let heard = broadcast(&daemon, &hosts, from, tag, turn);
        assert!(heard.iter().all(|(_, tags)| tags.is_empty()), "{heard:?}");
    }
    assert_eq!(since(0, "one"), [("vlan-not-allowed-ingress".to_owned(), 1)]);
    assert_eq!(since(1, "two"), [("vlan-tag-not-allowed".to_owned(), 1)]);
    assert_eq!((daemon.balance("one"), daemon.balance("two")), (0, 0));
}
