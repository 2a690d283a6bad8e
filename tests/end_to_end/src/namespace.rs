//! Network namespaces as hosts, and devices between them.

use std::fs::File;
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

const PREFIX: &str = "heddle-e2e";

/// A name for a device that no other test or run has; at most 15 bytes.
pub fn device(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("h{what}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Runs `ip` with words split at blanks; it must succeed.
pub fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Removes namespaces of test runs that are gone.
pub fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1)).unwrap_or("").to_owned();
        if !pid.is_empty() && !std::path::Path::new("/proc").join(&pid).exists() {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

/// A network namespace, deleted with everything in it when dropped.
pub struct Namespace {
    pub name: String,
}

impl Namespace {
    pub fn new(what: &str) -> Namespace {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let space = Namespace { name: format!("{PREFIX}-{}-{number}-{what}", std::process::id()) };
        ip(&format!("netns add {}", space.name));
        space.ip("link set lo up");
        space
    }

    /// Runs `ip` in the namespace.
    pub fn ip(&self, words: &str) -> String {
        ip(&format!("-n {} {words}", self.name))
    }

    /// A command in the namespace.
    pub fn command(&self, program: &str, words: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).args(words.split_whitespace());
        command
    }

    pub fn output(&self, program: &str, words: &str) -> Output {
        self.command(program, words).output().unwrap()
    }

    /// Takes a device in and brings it up; `address` is like `10.77.0.1/24`, or empty for none at all.
    pub fn adopt(&self, device: &str, addresses: &[&str]) {
        ip(&format!("link set {device} netns {}", self.name));
        if addresses.is_empty() {
            self.ip(&format!("link set {device} addrgenmode none"));
        }
        for address in addresses {
            self.ip(&format!("addr add {address} dev {device} {}", if address.contains(':') { "nodad" } else { "" }));
        }
        self.ip(&format!("link set {device} up"));
    }

    /// Runs `work` in a thread inside the namespace; sockets it returns stay there.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let thread = std::thread::spawn(move || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        thread.join().unwrap()
    }

    /// A counter of the namespace's network stack: a row of `/proc/net/snmp` and a name in it.
    pub fn counter(&self, row: &str, name: &str) -> u64 {
        let output = self.output("cat", "/proc/net/snmp /proc/net/netstat /proc/net/snmp6");
        let text = String::from_utf8(output.stdout).unwrap();
        let prefix = format!("{row}:");
        let mut rows = text.lines().filter(|line| line.starts_with(&prefix));
        if let (Some(names), Some(values)) = (rows.next(), rows.next()) {
            let at = names.split_whitespace().position(|word| word == name);
            return values
                .split_whitespace()
                .nth(at.unwrap_or_else(|| panic!("{row} has no {name}")))
                .unwrap()
                .parse()
                .unwrap();
        }
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.and_then(|line| line.split_whitespace().nth(1)).map_or(0, |value| value.parse().unwrap())
    }

    /// Everything the stack refused for its checksum.
    pub fn bad_checksums(&self) -> u64 {
        [("Tcp", "InCsumErrors"), ("Udp", "InCsumErrors"), ("Icmp", "InCsumErrors"), ("IpExt", "InCsumErrors")]
            .map(|(row, name)| self.counter(row, name))
            .into_iter()
            .chain(["Udp6InCsumErrors", "Icmp6InCsumErrors", "UdpLite6InCsumErrors"].map(|name| self.counter("", name)))
            .sum()
    }

    /// A counter of a device: `rx_dropped`, `tx_dropped`, `tx_errors` …
    pub fn device_counter(&self, device: &str, name: &str) -> u64 {
        let output = self.output("cat", &format!("/sys/class/net/{device}/statistics/{name}"));
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// A device in the test's own namespace, deleted when dropped.
pub struct Link(pub String);

impl Link {
    /// A veth pair: one end here, its peer a free device to be adopted.
    pub fn pair() -> (Link, String) {
        let (near, far) = (device("v"), device("w"));
        ip(&format!("link add {near} type veth peer name {far}"));
        ip(&format!("link set {near} addrgenmode none"));
        (Link(near), far)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &self.0]).output();
    }
}

/// A process that ends with its owner.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
