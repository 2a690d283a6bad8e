//! What the port tests stand on: a pool, polling with a deadline, network namespaces that clean up after themselves.
//!
//! Namespaces and interfaces carry the process id in their names, so that several runs do not meet. Sockets of another
//! namespace are made by a thread that enters it.

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use heddle_host::ports::{RxQueue, RxStatus, TxQueue};
use heddle_switch_core::arena::{Arena, ArenaSize, HEADROOM, HeapRegion};
use heddle_switch_core::frame::{RxFrame, TxFrame, TxReport};
use heddle_switch_core::offload::Offload;
use heddle_switch_core::pool::{Homes, Pool};

/// How long a frame may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn pool() -> Pool {
    sized_pool([1_024, 64, 128])
}

pub(crate) fn sized_pool(buffers: [u32; 3]) -> Pool {
    let size = ArenaSize { buffers };
    let (arena, handles) = Arena::carve(Box::new(HeapRegion::new(size.bytes())), size).unwrap();
    let (homes, mut shares) = Homes::cut(handles, 1);
    Pool::new(Arc::new(arena), homes, 0, shares.remove(0))
}

/// Free buffers of all classes.
pub(crate) fn free(pool: &Pool) -> usize {
    heddle_switch_core::arena::Class::ALL.into_iter().map(|class| pool.available(class)).sum()
}

pub(crate) fn bytes<'a>(pool: &'a Pool, frame: &'a RxFrame) -> &'a [u8] {
    pool.arena().frame(&frame.buf, frame.start, frame.length)
}

/// Polls a queue until a frame satisfies `wanted`; other frames (neighbour discovery and the like) are dropped.
pub(crate) fn await_frame(
    rx: &mut dyn RxQueue,
    pool: &mut Pool,
    wanted: impl FnMut(&RxFrame, &[u8]) -> bool,
) -> RxFrame {
    await_frames(rx, pool, 1, wanted).remove(0)
}

/// Polls a queue until `count` frames satisfied `wanted`.
pub(crate) fn await_frames(
    rx: &mut dyn RxQueue,
    pool: &mut Pool,
    count: usize,
    mut wanted: impl FnMut(&RxFrame, &[u8]) -> bool,
) -> Vec<RxFrame> {
    let (start, mut out, mut found) = (Instant::now(), Vec::new(), Vec::new());
    while start.elapsed() < PATIENCE {
        rx.receive(pool, &mut out, 64);
        for frame in out.drain(..) {
            if found.len() < count && wanted(&frame, bytes(pool, &frame)) {
                found.push(frame);
            } else {
                pool.free(frame.buf);
            }
        }
        if found.len() == count {
            return found;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{} of {count} such frames within {PATIENCE:?}", found.len());
}

pub(crate) fn await_status(rx: &mut dyn RxQueue, pool: &mut Pool, wanted: impl Fn(RxStatus) -> bool) -> RxStatus {
    let (start, mut out) = (Instant::now(), Vec::new());
    while start.elapsed() < PATIENCE {
        let status = rx.receive(pool, &mut out, 64);
        out.drain(..).for_each(|frame| pool.free(frame.buf));
        if wanted(status) {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no such status within {PATIENCE:?}");
}

/// A frame to send, in a buffer of its own.
pub(crate) fn tx_frame(pool: &mut Pool, bytes: &[u8]) -> TxFrame {
    let mut buf = pool.alloc_for(bytes.len()).unwrap();
    let start = usize::from(HEADROOM);
    pool.arena().bytes_mut(&mut buf).unwrap()[start..start + bytes.len()].copy_from_slice(bytes);
    TxFrame {
        buf,
        length: u32::try_from(bytes.len()).unwrap(),
        start: HEADROOM,
        vlan_tci: None,
        offload: Offload::default(),
        l4: 0,
        header_len: 0,
    }
}

pub(crate) fn transmit(tx: &mut dyn TxQueue, pool: &mut Pool, frame: TxFrame) -> TxReport {
    let (mut frames, mut report) = (vec![frame], TxReport::default());
    tx.transmit(pool, &mut frames, &mut report);
    assert!(frames.is_empty());
    report
}

/// Moves a received frame on as a transmitted one.
pub(crate) fn forwarded(frame: RxFrame, pool: &Pool) -> TxFrame {
    let l4 = frame.offload.csum.map_or(0, |partial| partial.start);
    let header_len = if frame.offload.is_gso() {
        let bytes = bytes(pool, &frame);
        let tcp = frame.offload.csum.is_some_and(|partial| partial.offset == 16);
        l4 + if tcp { u16::from(bytes[usize::from(l4) + 12] >> 4) * 4 } else { 8 }
    } else {
        0
    };
    TxFrame {
        buf: frame.buf,
        length: frame.length,
        start: frame.start,
        vlan_tci: frame.vlan_tci,
        offload: frame.offload,
        l4,
        header_len,
    }
}

/// Lets the kernel send one buffer as datagrams of `size` bytes.
pub(crate) fn set_segment_size(socket: &UdpSocket, size: libc::c_int) {
    // SAFETY: the option's value is an int that lives across the call.
    #[expect(unsafe_code, reason = "std has no call for this option")]
    let result = unsafe {
        let value = (&raw const size).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, value, size_of_val(&size) as u32)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Whether the test may make interfaces; says what is skipped when not.
pub(crate) fn privileged(test: &str) -> bool {
    let root = Command::new("ip").args(["tuntap", "show"]).output().is_ok()
        && std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
            let effective =
                status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or("0").trim().to_owned();
            // CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_SYS_ADMIN 21.
            u64::from_str_radix(&effective, 16).is_ok_and(|caps| caps >> 12 & 3 == 3 && caps >> 21 & 1 == 1)
        });
    if !root {
        println!("skipped {test}: needs root and iproute2");
    }
    root
}

/// Runs `ip` with words split at blanks.
pub(crate) fn ip(words: &str) {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A name for an interface or namespace that no other test or run has; at most 15 bytes.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("h{what}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A network namespace, deleted with everything in it when dropped.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    pub(crate) fn new() -> Namespace {
        let name = unique("n");
        ip(&format!("netns add {name}"));
        let space = Namespace { name };
        space.ip("link set lo up");
        space
    }

    /// Runs `ip` in the namespace.
    pub(crate) fn ip(&self, words: &str) {
        ip(&format!("-n {} {words}", self.name));
    }

    /// Whether the interface is up, has a carrier, and sends.
    pub(crate) fn shows_up(&self, interface: &str) -> bool {
        let words = ["-n", &self.name, "link", "show", interface];
        let output = Command::new("ip").args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("state UP")
    }

    /// Takes the interface in, brings it up with `address` and no IPv6 chatter.
    pub(crate) fn adopt(&self, interface: &str, address: &str) {
        ip(&format!("link set {interface} netns {}", self.name));
        self.ip(&format!("link set {interface} addrgenmode none"));
        self.ip(&format!("addr add {address} dev {interface}"));
        self.ip(&format!("link set {interface} up"));
    }

    /// Runs `work` in a thread inside the namespace; sockets it returns stay there.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let thread = std::thread::spawn(move || {
            // SAFETY: a plain call on an open descriptor; it changes the network namespace of this thread only.
            #[expect(unsafe_code, reason = "entering a namespace is a system call")]
            let entered = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(entered, 0, "{}", std::io::Error::last_os_error());
            work()
        });
        thread.join().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

/// An interface in the test's own namespace, deleted when dropped.
pub(crate) struct Link(pub(crate) String);

impl Drop for Link {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &self.0]).output();
    }
}
