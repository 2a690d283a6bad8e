//! Records of hosts and virtual machines: "sFlow Host Structures" (sflow.org, 2010), enterprise 0, formats 2000-2104.
//!
//! The description's UUID is 16 bytes without a length, as every agent and decoder has it (erratum to the text, which
//! says `opaque uuid<16>`). Unknown values follow the standard: 0 for an integer, all ones for a counter, empty strings.

use super::counters::{low, InterfaceCounters, UNKNOWN_COUNTER};
use super::{DataSource, IfIndex, XdrWriter};

const HOST_DESCRIPTION: u32 = 2000;
const HOST_ADAPTERS: u32 = 2001;
const HOST_PARENT: u32 = 2002;
const HOST_CPU: u32 = 2003;
const HOST_MEMORY: u32 = 2004;
const VIRTUAL_NODE: u32 = 2100;
const VIRTUAL_NIC: u32 = 2104;
/// Longest `hostname`, in bytes.
const HOSTNAME_MAX: usize = 64;
/// Longest `os_release`, in bytes.
const RELEASE_MAX: usize = 32;
/// `os_name` linux.
const OS_LINUX: u32 = 2;

/// Who a host or a machine is (0:2000).
#[derive(Clone, Copy, Debug)]
pub struct Description<'a> {
    /// Its name, at most 64 bytes; longer is cut.
    pub hostname: &'a str,
    /// Its UUID; zeros when unknown.
    pub uuid: [u8; 16],
    /// `machine_type`: 0 unknown, 3 x86-64, 10 Arm.
    pub machine: u32,
    /// Whether it runs Linux, as far as known.
    pub linux: bool,
    /// Release of its operating system, at most 32 bytes; longer is cut.
    pub release: &'a str,
}

/// An adapter of a host (0:2001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Its interface index.
    pub index: IfIndex,
    /// Its address.
    pub mac: [u8; 6],
}

/// What the processors did (0:2003). Times are in milliseconds, summed over processors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Load averages of 1, 5 and 15 minutes.
    pub load: [f32; 3],
    /// Running and all processes.
    pub processes: [u32; 2],
    /// Processors.
    pub processors: u32,
    /// Their speed in MHz.
    pub mhz: u32,
    /// Seconds since the host booted.
    pub uptime_s: u32,
    /// User, nice, system, idle, waiting for I/O, interrupts, soft interrupts.
    pub times_ms: [u64; 7],
    /// Interrupts and context switches.
    pub counts: [u64; 2],
}

/// Memory of the host (0:2004), in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Total, free, shared, buffers, cached, swap total, swap free.
    pub bytes: [u64; 7],
}

/// The host as a home of virtual machines (0:2100).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Speed of a processor in MHz.
    pub mhz: u32,
    /// Processors.
    pub processors: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Of that, free.
    pub memory_free: u64,
    /// Virtual machines: ports of this switch with one.
    pub machines: u32,
}

/// The first bytes of a text, whole characters only.
fn cut(text: &str, most: usize) -> &[u8] {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.as_bytes().get(..end).unwrap_or(&[])
}

impl Description<'_> {
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(HOST_DESCRIPTION, |out| {
            out.opaque(cut(self.hostname, HOSTNAME_MAX));
            out.fixed(&self.uuid);
            out.u32(self.machine);
            out.u32(if self.linux { OS_LINUX } else { 0 });
            out.opaque(cut(self.release, RELEASE_MAX));
        });
    }
}

pub(super) fn encode_adapters(adapters: &[Adapter], out: &mut XdrWriter<'_>) {
    out.tagged(HOST_ADAPTERS, |out| {
        out.u32(u32::try_from(adapters.len()).unwrap_or(0));
        for adapter in adapters {
            out.u32(adapter.index.get());
            out.u32(1);
            let [a, b, c, d, e, f] = adapter.mac;
            // XDR fills 6 bytes up to 8.
            out.fixed(&[a, b, c, d, e, f, 0, 0]);
        }
    });
}

pub(super) fn encode_parent(parent: DataSource, out: &mut XdrWriter<'_>) {
    let (class, index) = parent.parts();
    out.tagged(HOST_PARENT, |out| {
        out.u32(class);
        out.u32(index);
    });
}

impl Cpu {
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(HOST_CPU, |out| {
            self.load.iter().for_each(|load| out.u32(load.to_bits()));
            self.processes.iter().for_each(|count| out.u32(*count));
            out.u32(self.processors);
            out.u32(self.mhz);
            out.u32(self.uptime_s);
            self.times_ms.iter().chain(&self.counts).for_each(|counter| out.u32(low(*counter)));
        });
    }
}

impl Memory {
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(HOST_MEMORY, |out| {
            self.bytes.iter().for_each(|bytes| out.u64(*bytes));
            // Pages and swap in and out.
            (0..4).for_each(|_| out.u32(UNKNOWN_COUNTER));
        });
    }
}

impl Node {
    pub(super) fn encode(&self, out: &mut XdrWriter<'_>) {
        out.tagged(VIRTUAL_NODE, |out| {
            out.u32(self.mhz);
            out.u32(self.processors);
            out.u64(self.memory);
            out.u64(self.memory_free);
            out.u32(self.machines);
        });
    }
}

/// What the switch sent to the port is what the machine received.
pub(super) fn encode_virtual_nic(port: &InterfaceCounters, out: &mut XdrWriter<'_>) {
    out.tagged(VIRTUAL_NIC, |out| {
        out.u64(port.out_octets);
        out.u32(low(port.out_packets));
        out.u32(UNKNOWN_COUNTER);
        out.u32(low(port.out_discards));
        out.u64(port.in_octets);
        out.u32(low(port.in_packets));
        out.u32(UNKNOWN_COUNTER);
        out.u32(low(port.in_discards));
    });
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 64), b"abc");
        assert_eq!(cut("abc", 2), b"ab");
        assert_eq!(cut("a\u{e4}b", 2), b"a");
        assert_eq!(cut("a\u{e4}b", 3), "a\u{e4}".as_bytes());
    }
}
