//! What the host is and does, from `/proc`, `/sys` and `/etc`: for the host's samples.
//!
//! Read once per polling interval on the control thread, about ten small files that the kernel makes up in memory;
//! nothing there waits for a device. What cannot be read or understood is unknown: 0, or empty.

use std::fs;

use crate::datagram::{Cpu, Description, Memory, Node};

/// Milliseconds of a tick of `/proc/stat`: `USER_HZ` is 100 on every architecture of Linux that Heddle runs on.
const TICK_MS: u64 = 10;

/// What the host is and does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostFacts {
    /// Its name.
    pub hostname: String,
    /// Its UUID; zeros when unknown.
    pub uuid: [u8; 16],
    /// Release of its kernel.
    pub release: String,
    /// What its processors did.
    pub cpu: Cpu,
    /// Its memory.
    pub memory: Memory,
}

impl HostFacts {
    /// Reads it all.
    #[must_use]
    pub fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let line = |path: &str| text(path).trim().to_owned();
        Self {
            hostname: line("/proc/sys/kernel/hostname"),
            // The machine id is what containers and hosts without firmware tables have.
            uuid: uuid(&line("/sys/class/dmi/id/product_uuid"))
                .or_else(|| uuid(&line("/etc/machine-id")))
                .unwrap_or_default(),
            release: line("/proc/sys/kernel/osrelease"),
            cpu: cpu(&text("/proc/loadavg"), &text("/proc/uptime"), &text("/proc/stat"), &text("/proc/cpuinfo")),
            memory: memory(&text("/proc/meminfo")),
        }
    }

    /// The description of the host.
    #[must_use]
    pub fn description(&self) -> Description<'_> {
        let machine = match std::env::consts::ARCH {
            "x86_64" => 3,
            "aarch64" => 10,
            _ => 0,
        };
        Description { hostname: &self.hostname, uuid: self.uuid, machine, linux: true, release: &self.release }
    }

    /// The host as a home of so many virtual machines.
    #[must_use]
    pub fn node(&self, machines: u32) -> Node {
        let [total, free, ..] = self.memory.bytes;
        Node { mhz: self.cpu.mhz, processors: self.cpu.processors, memory: total, memory_free: free, machines }
    }
}

/// 32 hexadecimal digits, with or without hyphens.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> =
        text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).map(low_byte).collect::<Option<_>>()?;
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(bytes)
}

fn low_byte(digit: Option<u32>) -> Option<u8> {
    digit.and_then(|digit| u8::try_from(digit).ok())
}

fn cpu(loadavg: &str, uptime: &str, stat: &str, cpuinfo: &str) -> Cpu {
    let mut cpu = Cpu::default();
    let mut words = loadavg.split_whitespace();
    for load in &mut cpu.load {
        *load = words.next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    }
    let (running, all) = words.next().and_then(|word| word.split_once('/')).unwrap_or(("", ""));
    cpu.processes = [running, all].map(|count| count.parse().unwrap_or(0));
    let whole_seconds = uptime.split(|c: char| !c.is_ascii_digit()).next();
    cpu.uptime_s = whole_seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("cpu") => {
                for (time, ticks) in cpu.times_ms.iter_mut().zip(words) {
                    *time = ticks.parse::<u64>().unwrap_or(0).saturating_mul(TICK_MS);
                }
            }
            Some("intr") => cpu.counts[0] = first(words),
            Some("ctxt") => cpu.counts[1] = first(words),
            Some(word) if word.starts_with("cpu") => cpu.processors += 1,
            _ => {}
        }
    }
    let mhz = cpuinfo.lines().find_map(|line| line.strip_prefix("cpu MHz")?.split(&[':', '.'][..]).nth(1));
    cpu.mhz = mhz.and_then(|mhz| mhz.trim().parse().ok()).unwrap_or(0);
    cpu
}

fn first<'a>(mut words: impl Iterator<Item = &'a str>) -> u64 {
    words.next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn memory(meminfo: &str) -> Memory {
    let bytes = |name: &str| {
        let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        kilobytes.map_or(0, |rest| first(rest.split_whitespace())).saturating_mul(1024)
    };
    Memory { bytes: ["MemTotal", "MemFree", "Shmem", "Buffers", "Cached", "SwapTotal", "SwapFree"].map(bytes) }
}

#[cfg(test)]
mod tests {
    use super::{cpu, memory, uuid, HostFacts};

    #[test]
    fn the_kernels_texts_are_understood() {
        let stat = "cpu  10 2 3 400 5 6 7 8 9 0\ncpu0 5 1 1 200 2 3 3 4 4 0\ncpu1 5 1 2 200 3 3 4 4 5 0\nintr 77 0 1\n\
                    ctxt 88\nbtime 1\n";
        let cpu = cpu("0.50 1.25 2.00 3/456 789\n", "1234.56 99.0\n", stat, "processor : 0\ncpu MHz\t\t: 2445.404\n");
        assert!(cpu.load.iter().zip([0.5, 1.25, 2.0]).all(|(read, load)| (read - load).abs() < 0.001));
        assert_eq!((cpu.processes, cpu.processors, cpu.mhz, cpu.uptime_s), ([3, 456], 2, 2445, 1234));
        assert_eq!(cpu.times_ms, [100, 20, 30, 4_000, 50, 60, 70]);
        assert_eq!(cpu.counts, [77, 88]);
        let meminfo = "MemTotal:  100 kB\nMemFree: 50 kB\nBuffers: 3 kB\nCached: 4 kB\nSwapCached: 9 kB\nShmem: 2 kB\n";
        assert_eq!(memory(meminfo).bytes, [102_400, 51_200, 2_048, 3_072, 4_096, 0, 0]);
    }

    #[test]
    fn a_uuid_has_32_digits() {
        let bytes = [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0];
        assert_eq!(uuid("123e4567-e89b-12d3-a456-426614174000"), Some(bytes));
        assert_eq!(uuid("123E4567E89B12D3A456426614174000"), Some(bytes));
        assert_eq!((uuid(""), uuid("12"), uuid("x23e4567e89b12d3a456426614174000")), (None, None, None));
    }

    #[test]
    fn what_cannot_be_understood_is_unknown() {
        assert_eq!(cpu("", "", "", ""), super::Cpu::default());
        assert_eq!(cpu("a b c d", "x", "cpu x\nintr\nctxt y", "cpu MHz"), super::Cpu::default());
        assert_eq!(memory("MemTotal\nMemFree:\n"), super::Memory::default());
    }

    #[test]
    fn this_host_has_a_name_a_processor_and_memory() {
        let facts = HostFacts::read();
        assert!(!facts.hostname.is_empty() && !facts.release.is_empty());
        assert!(facts.cpu.processors > 0 && facts.cpu.uptime_s > 0);
        let [total, free, ..] = facts.memory.bytes;
        assert!(total > free && free > 0);
    }
}
