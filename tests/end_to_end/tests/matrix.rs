//! Every kind of port to every other: other people's kernels and iperf3 judge what passes, both ways.
//!
//! Three switches in a row, joined by cables between memory ports, with hosts at both ends:
//!
//! ```text
//!  tap-1, tap-2, packet-1, packet-2 = first == cable == middle == cable == last = tap-3, packet-3
//! ```
//!
//! tap-1 to tap-3 goes TAP to memory, memory to memory and memory to TAP. Each configuration of workers, queues, offloads,
//! VLAN and MTU is one daemon; where only one end of a pair has offloads the switch does the work for the other. Afterwards
//! no kernel has seen a wrong checksum and the law of all three switches holds.

use heddle_end_to_end::daemon::Daemon;
use heddle_end_to_end::namespace::{Link, Namespace, device, ip};
use heddle_end_to_end::{as_root, streams};

const SWITCHES: [&str; 3] = ["first", "middle", "last"];
/// Hosts, by the last byte of their addresses.
const HOSTS: [(&str, &str, u8); 6] = [
    ("first", "tap", 1),
    ("first", "tap", 2),
    ("first", "packet", 3),
    ("first", "packet", 4),
    ("last", "tap", 5),
    ("last", "packet", 6),
];
/// Who talks to whom: all pairs of backends, both ends of the cables.
const PAIRS: [(usize, usize, &str); 5] = [
    (0, 1, "TAP to TAP"),
    (0, 2, "TAP to packet"),
    (2, 3, "packet to packet"),
    (0, 4, "TAP to memory to memory to TAP"),
    (2, 5, "packet to memory to memory to packet"),
];

/// Which ports leave checksums and segments to their device.
#[derive(Clone, Copy, PartialEq)]
enum Offload {
    All,
    None,
    /// One end of every pair, so that the switch does the work for the other.
    OneEnd,
}

impl Offload {
    /// The option of a port; hosts are numbered from 1.
    fn of(self, host: u8) -> &'static str {
        let is_on = self == Offload::All || (self == Offload::OneEnd && [1, 4, 6].contains(&host));
        if is_on { "--offload on" } else { "--offload off" }
    }
}

struct Setup {
    workers: u32,
    tap_queues: u32,
    offload: Offload,
    mtu: u32,
    /// Options of ports with a host, and of cables.
    vlan: (&'static str, &'static str),
}

struct Network {
    // Dropped in this order: servers, the daemon with its devices, links, namespaces.
    _servers: Vec<heddle_end_to_end::namespace::Running>,
    daemon: Daemon,
    _links: Vec<Link>,
    hosts: Vec<Namespace>,
    /// Frames to TAP devices on their way into their namespaces: hosts that are up already speak at once.
    before: Vec<(&'static str, String, u64)>,
}

impl Network {
    fn build(setup: &Setup) -> Network {
        let daemon = Daemon::start();
        for switch in SWITCHES {
            daemon.ok(&format!("switch create {switch} --workers {}", setup.workers));
        }
        let mtu = format!("--mtu {}", setup.mtu);
        for (switch, port, cable) in
            [("first", "right", "one"), ("middle", "left", "one"), ("middle", "right", "two"), ("last", "left", "two")]
        {
            daemon.ok(&format!(
                "port add {switch} {port} --backend memory --device loop:{cable} {mtu} {} {}",
                setup.offload.of(1),
                setup.vlan.1
            ));
        }
        let (mut hosts, mut links) = (Vec::new(), Vec::new());
        for (switch, backend, number) in HOSTS {
            let space = Namespace::new(&format!("{backend}{number}"));
            let offload = setup.offload.of(number);
            let port = format!("{backend}-{number} --backend {backend} {mtu} {offload} {}", setup.vlan.0);
            let inside = if backend == "tap" {
                let tap = device("t");
                daemon.ok(&format!("port add {switch} {port} --device {tap} --queues {}", setup.tap_queues));
                tap
            } else {
                let (near, far) = Link::pair();
                ip(&format!("link set {} mtu {}", near.0, setup.mtu));
                ip(&format!("link set {far} mtu {}", setup.mtu));
                daemon.ok(&format!("port add {switch} {port} --device {}", near.0));
                links.push(near);
                far
            };
            space.adopt(&inside, &[&format!("10.78.0.{number}/24"), &format!("fd78::{number}/64")]);
            if offload == "--offload off" {
                space.output("ethtool", &format!("-K {inside} tx off tso off gso off gro off rx off sg off"));
            }
            hosts.push(space);
        }
        let of = |switch| daemon.drops(switch).into_iter().map(move |(reason, count)| (switch, reason, count));
        let before = SWITCHES.into_iter().flat_map(of).collect();
        let servers = [1, 2, 3, 4, 5].map(|nth: usize| streams::serve(&hosts[nth])).into();
        Network { _servers: servers, daemon, _links: links, hosts, before }
    }

    fn talk(&self, mtu: u32) {
        for (from, to, what) in PAIRS {
            let (host, number) = (&self.hosts[from], HOSTS[to].2);
            let (v4, v6) = (format!("10.78.0.{number}"), format!("fd78::{number}"));
            streams::ping(host, &v4, 2, 100);
            streams::ping(host, &v6, 2, 100);
            streams::ping(host, &v4, 2, mtu);
            streams::ping(host, &v6, 2, mtu);
            let rates = [
                streams::tcp(host, &v4, "12M", false),
                streams::tcp(host, &v4, "12M", true),
                streams::tcp(host, &v6, "12M", false),
                streams::tcp(host, &v6, "12M", true),
            ];
            let lost = [
                streams::udp(host, &v4, 1_200, false),
                streams::udp(host, &v4, mtu - 60, true),
                streams::udp(host, &v6, mtu - 60, false),
                streams::udp(host, &v6, 1_200, true),
            ];
            println!("{what}: TCP {rates:.0?} Mbit/s, UDP lost {lost:.1?} %");
            assert!(lost.into_iter().all(|percent| percent < 5.0), "{what}: UDP lost {lost:?} %");
        }
    }

    /// The daemon's own account, after the traffic.
    fn judge(&self) {
        for (host, (_, backend, number)) in self.hosts.iter().zip(HOSTS) {
            assert_eq!(host.bad_checksums(), 0, "wrong checksums reached host {number} behind a {backend} port");
        }
        for switch in SWITCHES {
            assert_eq!(self.daemon.balance(switch), 0, "{}", self.daemon.ok(&format!("switch show {switch}")));
            let drops = self.daemon.drops(switch);
            println!("{switch}: {drops:?}");
            // TCP fills queues; that is what they are for. Everything else would be a defect.
            let unexpected: Vec<_> = drops
                .iter()
                .filter(|(reason, count)| {
                    let usual = ["tx-queue-full", "handover-full", "pool-empty", "no-destination"];
                    !usual.contains(&reason.as_str()) && !self.before.contains(&(switch, reason.clone(), *count))
                })
                .collect();
            assert!(unexpected.is_empty(), "{switch}: {unexpected:?}");
        }
    }
}

fn run(name: &str, setup: &Setup) {
    let Some(_turn) = as_root(name) else { return };
    let network = Network::build(setup);
    network.talk(setup.mtu);
    network.judge();
}

#[test]
fn offloads_on_one_worker() {
    let vlan = ("", "");
    run("offloads_on_one_worker", &Setup { workers: 1, tap_queues: 1, offload: Offload::All, mtu: 1_500, vlan });
}

#[test]
fn offloads_off_one_worker() {
    let vlan = ("", "");
    run("offloads_off_one_worker", &Setup { workers: 1, tap_queues: 1, offload: Offload::None, mtu: 1_500, vlan });
}

#[test]
fn offloads_at_one_end_two_workers() {
    let setup = Setup { workers: 2, tap_queues: 1, offload: Offload::OneEnd, mtu: 1_500, vlan: ("", "") };
    run("offloads_at_one_end_two_workers", &setup);
}

#[test]
fn offloads_on_two_workers_two_queues_jumbo_frames_access_vlan() {
    let vlan = ("--vlan-mode access --vlan 100", "--vlan-mode trunk --allowed 100,200");
    let setup = Setup { workers: 2, tap_queues: 2, offload: Offload::All, mtu: 9_000, vlan };
    run("offloads_on_two_workers_two_queues_jumbo_frames_access_vlan", &setup);
}

#[test]
fn offloads_off_two_workers_jumbo_frames_access_vlan() {
    let vlan = ("--vlan-mode access --vlan 100", "--vlan-mode trunk --allowed 200 --native 100");
    let setup = Setup { workers: 2, tap_queues: 1, offload: Offload::None, mtu: 9_000, vlan };
    run("offloads_off_two_workers_jumbo_frames_access_vlan", &setup);
}
