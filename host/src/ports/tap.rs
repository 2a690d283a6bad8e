//! The TAP backend: an interface the kernel makes for us, whose other side is a host, a guest or a network namespace.
//!
//! Every frame carries a virtio-net header, so checksums may stay partial and TCP and UDP segments together: one read or
//! write then moves up to 64 KiB. With several queues the kernel spreads flows by where their answers were written,
//! so writing spreads by flow too. Queues are files without a batch call: a frame is one system call each way.
//!
//! The interface is made when there is none of that name; an existing persistent TAP interface is taken over. Moving it
//! into a network namespace afterwards is the operator's step and leaves the port working. When the interface is deleted
//! the port is down; it takes up a TAP interface made later under the last name this network namespace knew, but never makes
//! one itself.
//!
//! The kernel keeps frames for us in a ring per queue, as long as the interface's `txqueuelen`; those it has no place for are
//! missed frames of the port, read from the interface's `tx_dropped`.
//!
//! The queues are [kept](super::keep) for the process after this one, which then goes on with the same interface: it never
//! loses its carrier, its addresses or its namespace, and frames wait in the kernel's ring meanwhile. An interface that was
//! made here is persistent while somebody keeps it, so that it outlives the keeper as well ([`place`] finds it again).
//!
//! Limits: 64 queues; an MTU set here is the interface's, writes are not held to it (the kernel is not either).

mod losses;
pub mod place;
mod transfer;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use heddle_switch_core::frame::Capabilities;
use heddle_switch_core::offload::VIRTIO_LEN;

use super::error::OpenPortError;
use super::keep::{self, Maker};
use super::sys::interface;
use super::sys::tun::{self, TunOffload};
use super::{Attachment, BackendEntry, LossMeter, Notices, OpenPort, OpenSpec, RxQueue};
use losses::TapLosses;
use transfer::{TapRx, TapTx};

/// Name when none is given; the kernel puts a number in.
const ANY_NAME: &str = "tap%d";

/// Largest MTU of a TAP interface: the kernel's 65,535 less the Ethernet header (`tun_net_initialize`).
const MTU_MAX: u32 = 65_521;

/// The largest MTU of a device, when it is a TAP interface.
pub(super) fn largest_mtu(device: &str) -> Option<u32> {
    std::path::Path::new("/sys/class/net").join(device).join("tun_flags").exists().then_some(MTU_MAX)
}

inventory::submit! {
    BackendEntry {
        name: "tap",
        summary: "a TAP interface, made or taken over; empty name: the kernel numbers one",
        open,
    }
}

/// What the queues of one port have in common.
struct Tap {
    /// `switch/port`, under which the queues are kept for the process after this one.
    port: String,
    attachment: Arc<Attachment>,
    multi_queue: bool,
    offload: bool,
    queues: Vec<File>,
}

fn open(spec: &OpenSpec) -> Result<OpenPort, OpenPortError> {
    let wanted = if spec.device.is_empty() { ANY_NAME } else { &spec.device };
    check_name(wanted)?;
    if let Some(open) = resume(spec) {
        return Ok(open);
    }
    let found = interface::index(wanted).is_ok();
    let several = spec.queues > 1;
    let (first, name, multi_queue) =
        tun::attach_to_fit(wanted, several).map_err(|source| attach_error(wanted, several, source))?;
    let step = |step| {
        let name = name.clone();
        move |source| OpenPortError::from_step(&name, step, source)
    };
    let offload = configure(&first, spec.offload).map_err(step("setting up TAP offloads"))?;
    let mut queues = vec![first];
    for _ in 1..spec.queues {
        let (queue, _) = tun::attach(&name, multi_queue).map_err(step("opening a further TAP queue"))?;
        configure(&queue, spec.offload).map_err(step("setting up TAP offloads"))?;
        queues.push(queue);
    }
    if let Some(mac) = spec.mac {
        interface::set_mac(&name, mac).map_err(step("setting the MAC address"))?;
    }
    if let Some(mtu) = spec.mtu {
        interface::set_mtu(&name, mtu).map_err(|source| OpenPortError::mtu(&name, mtu, source, largest_mtu(&name)))?;
    }
    interface::set_up(&name).map_err(step("bringing the interface up"))?;
    let attachment = Attachment::new(&name, interface::index(&name).ok());
    let tap = Tap { port: spec.port.clone(), attachment, multi_queue, offload: spec.offload, queues };
    tap.keep(if found { Maker::Other } else { Maker::Heddle });
    describe(name, tap, offload)
}

/// The interface that the process before this one had for the same port, wherever it is by now; `None` when there is none
/// or it does not fit, and the port is opened like any other.
fn resume(spec: &OpenSpec) -> Option<OpenPort> {
    let queues: Vec<File> = keep::take(&spec.port)?.into_iter().map(File::from).collect();
    let attempt = || -> io::Result<OpenPort> {
        let first = queues.first().filter(|_| queues.len() == usize::from(spec.queues));
        let first = first.ok_or(io::ErrorKind::InvalidInput)?;
        let name = tun::name(first)?;
        let mut offload = TunOffload::None;
        for queue in &queues {
            offload = configure(queue, spec.offload)?;
        }
        // Away in another network namespace it is its host's business; the name here may be another device's.
        let index = if tun::is_here(first)? { Some(interface::index(&name)?) } else { None };
        if index.is_some() {
            if let Some(mac) = spec.mac {
                interface::set_mac(&name, mac)?;
            }
            if let Some(mtu) = spec.mtu {
                interface::set_mtu(&name, mtu)?;
            }
            interface::set_up(&name)?;
        }
        let attachment = Attachment::new(&name, index);
        let multi_queue = spec.queues > 1;
        let queues = queues.iter().map(File::try_clone).collect::<io::Result<Vec<File>>>()?;
        let tap = Tap { port: spec.port.clone(), attachment, multi_queue, offload: spec.offload, queues };
        describe(name, tap, offload).map_err(io::Error::other)
    };
    let resumed = attempt();
    if let Err(error) = &resumed {
        keep::forget(&spec.port);
        tracing::warn!(port = spec.port, %error, "the TAP interface that was kept cannot be used; it is made anew");
    }
    resumed.ok()
}

fn describe(device: String, tap: Tap, offload: TunOffload) -> Result<OpenPort, OpenPortError> {
    let asking = |source| OpenPortError::from_step(&device, "asking for the interface's settings", source);
    let here = tap.attachment.index().is_some();
    let mtu = if here { interface::mtu(&device).map_err(asking)? } else { 0 };
    let mac = if here { interface::mac(&device).map_err(asking)? } else { None };
    let attachment = Arc::clone(&tap.attachment);
    let tap = Arc::new(tap);
    let meter = TapLosses::new(Arc::clone(&tap)).inspect_err(|error| {
        tracing::info!(device, %error, "frames the kernel loses on this TAP interface cannot be counted as missed");
    });
    let queue = |nth| Box::new(TapRx::new(Arc::clone(&tap), nth)) as Box<dyn RxQueue>;
    Ok(OpenPort {
        drops: None,
        device,
        attachment: Some(attachment),
        notices: Notices::default(),
        meter: meter.ok().map(|meter| Box::new(meter) as Box<dyn LossMeter>),
        rx: (0..tap.queues.len()).map(queue).collect(),
        capabilities: Capabilities {
            checksum: offload != TunOffload::None,
            tcp_segmentation: offload != TunOffload::None,
            udp_segmentation: offload == TunOffload::TcpUdp,
        },
        mtu,
        mac,
        speed_mbps: 0,
        carrier: true,
        tx: Box::new(TapTx::new(tap)),
    })
}

fn check_name(name: &str) -> Result<(), OpenPortError> {
    let allowed = |c: char| !c.is_whitespace() && c != '/' && c != ':' && !c.is_control();
    if name.len() < libc::IF_NAMESIZE && name.chars().all(allowed) && name != "." && name != ".." {
        return Ok(());
    }
    let reason = "an interface name has 1 to 15 bytes without blanks, `/` and `:`".to_owned();
    Err(OpenPortError::BadDevice { device: name.to_owned(), backend: "tap", reason })
}

fn attach_error(name: &str, multi_queue: bool, source: io::Error) -> OpenPortError {
    let device = name.to_owned();
    match source.raw_os_error() {
        Some(libc::EBUSY) => {
            let fix = "close the other user, or make the interface anew with `ip tuntap add mode tap multi_queue`";
            OpenPortError::Busy { device, fix }
        }
        Some(libc::EINVAL) if interface::index(name).is_ok() => {
            let reason = if multi_queue {
                "it exists and is not a TAP interface for several queues; choose another name or one queue"
            } else {
                "it exists and is not a TAP interface; choose another name, or the packet backend"
            };
            OpenPortError::BadDevice { device, backend: "tap", reason: reason.to_owned() }
        }
        Some(libc::ENOENT | libc::ENODEV) => OpenPortError::System {
            device,
            step: "opening /dev/net/tun",
            source,
            fix: "load the kernel's TUN/TAP driver: `modprobe tun`",
        },
        _ => OpenPortError::from_step(name, "attaching to a TAP interface", source),
    }
}

/// Sets the header format and as much offload as this kernel knows.
fn configure(queue: &File, offload: bool) -> io::Result<TunOffload> {
    tun::set_header(queue, VIRTIO_LEN)?;
    if !offload {
        tun::set_offload(queue, TunOffload::None)?;
        return Ok(TunOffload::None);
    }
    match tun::set_offload(queue, TunOffload::TcpUdp) {
        Ok(()) => Ok(TunOffload::TcpUdp),
        Err(_) => tun::set_offload(queue, TunOffload::Tcp).map(|()| TunOffload::Tcp),
    }
}

impl Tap {
    /// Has the queues kept for the process after this one.
    fn keep(&self, maker: Maker) {
        let queues: Vec<BorrowedFd<'_>> = self.queues.iter().map(AsFd::as_fd).collect();
        keep::keep(&self.port, &queues, maker);
    }

    /// Takes up the interface that came back for queue `nth`, behind the descriptor it always had.
    fn reattach(&self, nth: usize) -> io::Result<()> {
        // By its present name: attaching to a name that nothing has would make an interface the operator has deleted.
        let name = interface::name(self.attachment.successor().ok_or(io::ErrorKind::NotFound)?)?;
        let (queue, _) = tun::attach(&name, self.multi_queue)?;
        configure(&queue, self.offload)?;
        interface::set_up(&name)?;
        let old = self.queues.get(nth).ok_or(io::ErrorKind::NotFound)?;
        tun::replace(old, queue.into())?;
        self.keep(Maker::Other);
        Ok(())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        keep::forget(&self.port);
    }
}
