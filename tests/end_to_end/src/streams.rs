//! Other people's traffic as the judge: ping and iperf3 between namespaces.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::namespace::{Namespace, Running};
use super::wait_for;

/// An iperf3 server in a namespace, on its standard port, for both families.
pub fn serve(space: &Namespace) -> Running {
    let mut command = space.command("iperf3", "-s");
    let server = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_for("iperf3 to listen", || {
        String::from_utf8_lossy(&space.output("cat", "/proc/net/tcp6 /proc/net/tcp").stdout).contains(":1451 ")
    });
    server
}

/// `ping` must get all of `count` answers; `size` is the length of the IP packet.
pub fn ping(from: &Namespace, to: &str, count: u32, size: u32) {
    let headers = if to.contains(':') { 48 } else { 28 };
    // The first may wait for address resolution, or be lost while the switch learns of a device.
    let words = format!("-c {count} -i 0.05 -W 2 -M do -s {} {to}", size - headers);
    let mut last = String::new();
    wait_for(&format!("{to} to answer"), || {
        let output = from.output("ping", &words);
        last = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        last.contains(" 0% packet loss")
    });
}

/// An iperf3 client; its report. `words` chooses the test.
fn iperf(from: &Namespace, to: &str, words: &str) -> Value {
    let words = format!("30 ip netns exec {} iperf3 -J --connect-timeout 3000 -c {to} {words}", from.name);
    let mut last = String::new();
    for _ in 0..5 {
        let output = Command::new("timeout").args(words.split_whitespace()).output().unwrap();
        last = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value = serde_json::from_str(&last).unwrap_or(Value::Null);
        // The server is busy for a moment after each test.
        if output.status.success() && report["error"].is_null() {
            return report;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("iperf3 -c {to} {words}: {last}");
}

/// TCP for `bytes` (iperf3's notation), the other way round when `back`; megabits a second that arrived.
pub fn tcp(from: &Namespace, to: &str, bytes: &str, back: bool) -> f64 {
    let report = iperf(from, to, &format!("-n {bytes} {}", if back { "-R" } else { "" }));
    let rate = report["end"]["sum_received"]["bits_per_second"].as_f64().unwrap() / 1e6;
    assert!(rate > 1.0, "{rate} Mbit/s to {to}");
    rate
}

/// UDP datagrams of `length` bytes at a rate the receiver can follow; the share that was lost in percent.
pub fn udp(from: &Namespace, to: &str, length: u32, back: bool) -> f64 {
    let report = iperf(from, to, &format!("-u -b 8M -l {length} -t 1 {}", if back { "-R" } else { "" }));
    let sum = &report["end"]["sum"];
    assert!(sum["packets"].as_u64().unwrap() > 10, "{report}");
    sum["lost_percent"].as_f64().unwrap()
}
