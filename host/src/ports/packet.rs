//! The packet backend: AF_PACKET sockets on any Ethernet interface of this network namespace, physical, virtual or VF.
//!
//! A socket per receive queue and one for sending, so that different workers can own them. Every frame carries a virtio-net
//! header: what other local stacks left unfinished (partial checksums, segments together) arrives as facts, and goes
//! out as facts when offload is on. Frames this machine sends through the interface itself are not received. The kernel
//! takes the outermost tag out of received frames and gives it beside them; 0x8100 stays beside (the descriptor holds it),
//! any other is put back into the data. With several queues the kernel spreads flows over the sockets.
//!
//! The interface is brought up and made promiscuous; its MTU is raised when the port asks for more, never lowered. When it
//! goes down or away the port is down, and it takes up an interface that appears later under the name the interface had last
//! (see [`Attachment`]). A rename changes nothing while the interface lives.
//!
//! Limits: the kernel keeps 8 MiB of receive ring per port, 1 MiB from the 33rd port on. This machine's own stack sees what
//! arrives too (an interface given to a switch should have no address). Frames longer than the interface's MTU are refused here,
//! segmentation-offload frames by what they will be cut into.

mod receive;
mod transmit;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, PoisonError};

use heddle_switch_core::frame::Capabilities;

use super::error::{OpenPortError, STEP_SOCKET};
use super::sys::interface;
use super::sys::packet::{self, Purpose};
use super::sys::ring::ReceiveRing;
use super::{Attachment, BackendEntry, Notices, OpenPort, OpenSpec, RxQueue};
use receive::PacketRx;
use transmit::PacketTx;

/// Slots of a port's receive rings, shared by its queues: 8 MiB, 80 ms of 50,000 frames a second. A worker that shares its
/// CPU may be away for milliseconds.
const RING_SLOTS: usize = 4_096;
/// Fewest slots of a ring, 1 MiB: what every queue has once all rings together take [`RINGS_BYTES`].
const RING_SLOTS_MIN: usize = 512;
/// Kernel memory that rings may take before new ones are small.
const RINGS_BYTES: usize = 256 << 20;
/// Receive buffer of a port for frames longer than a slot, shared by its queues: 200 of 64 KiB (the kernel doubles it).
const RECEIVE_BUFFER: i32 = 8 << 20;
const RECEIVE_BUFFER_MIN: i32 = 1 << 20;
/// Send buffer of a port.
const SEND_BUFFER: i32 = 4 << 20;

inventory::submit! {
    BackendEntry { name: "packet", summary: "AF_PACKET sockets on an existing Ethernet interface", open }
}

/// What the sockets of one port have in common.
struct Device {
    attachment: Arc<Attachment>,
    queues: u16,
    /// Group of the sockets of several queues, with the interface it belongs to.
    group: Mutex<Option<(u32, u16)>>,
}

/// A socket and the interface it is bound to.
struct Bound {
    socket: File,
    index: u32,
}

/// Which step failed, and how.
type StepError = (&'static str, io::Error);

impl Device {
    fn receiver(&self, index: u32) -> Result<(Bound, ReceiveRing), StepError> {
        let step = |name: &'static str| move |error| (name, error);
        let owned = packet::socket().map_err(step(STEP_SOCKET))?;
        let socket = owned.as_fd();
        packet::use_headers(socket).map_err(step("asking for offload headers"))?;
        packet::ignore_outgoing(socket).map_err(step("leaving out outgoing frames"))?;
        let queues = self.queues.max(1);
        let bytes = (RECEIVE_BUFFER / i32::from(queues)).max(RECEIVE_BUFFER_MIN);
        packet::set_receive_buffer(socket, bytes).map_err(step("sizing the receive buffer"))?;
        let ring = largest_ring(socket, usize::from(queues)).map_err(step("making the receive ring"))?;
        packet::join_promiscuous(socket, index).map_err(step("making the interface promiscuous"))?;
        packet::bind(socket, index, Purpose::Receive).map_err(step("binding to the interface"))?;
        if self.queues > 1 {
            self.join_group(socket, index).map_err(step("sharing flows between queues"))?;
        }
        Ok((Bound { socket: owned.into(), index }, ring))
    }

    fn join_group(&self, socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
        // A panic elsewhere cannot leave the number half-written.
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        let known = group.filter(|(of, _)| *of == index).map(|(_, number)| number);
        *group = Some((index, packet::join_group(socket, known)?));
        Ok(())
    }

    fn sender(&self, index: u32) -> Result<Bound, StepError> {
        let step = |name: &'static str| move |error| (name, error);
        let socket = packet::socket().map_err(step(STEP_SOCKET))?;
        packet::use_headers(socket.as_fd()).map_err(step("asking for offload headers"))?;
        packet::set_send_buffer(socket.as_fd(), SEND_BUFFER).map_err(step("sizing the send buffer"))?;
        packet::bind(socket.as_fd(), index, Purpose::Send).map_err(step("binding to the interface"))?;
        Ok(Bound { socket: socket.into(), index })
    }
}

fn open(spec: &OpenSpec) -> Result<OpenPort, OpenPortError> {
    let name = spec.device.as_str();
    let bad = |reason: &str| OpenPortError::BadDevice {
        device: name.to_owned(),
        backend: "packet",
        reason: reason.to_owned(),
    };
    if name.is_empty() {
        return Err(bad("it needs a network device; name one of `ip link show`"));
    }
    let failed = |(step, error)| OpenPortError::from_step(name, step, error);
    let asking = |error| OpenPortError::from_step(name, "asking for the interface's settings", error);
    let mac = interface::mac(name).map_err(asking)?;
    if mac.is_none() {
        return Err(bad("it is not an Ethernet interface; use one that is, such as a physical or veth device"));
    }
    let looking = |error| OpenPortError::from_step(name, "looking the interface up", error);
    let index = interface::index(name).map_err(looking)?;
    let attachment = Attachment::new(name, Some(index));
    let device = Device { attachment: Arc::clone(&attachment), queues: spec.queues, group: Mutex::new(None) };
    let device = Arc::new(device);
    let sender = device.sender(index).map_err(failed)?;
    let mut mtu = interface::mtu(name).map_err(asking)?;
    if let Some(wanted) = spec.mtu.filter(|wanted| *wanted > mtu) {
        interface::set_mtu(name, wanted).map_err(|source| mtu_error(name, wanted, source))?;
        mtu = wanted;
    }
    interface::set_up(name).map_err(|error| OpenPortError::from_step(name, "bringing the interface up", error))?;
    let mut rx: Vec<Box<dyn RxQueue>> = Vec::new();
    for _ in 0..spec.queues {
        let (bound, ring) = device.receiver(index).map_err(failed)?;
        rx.push(Box::new(PacketRx::new(Arc::clone(&device), bound, ring)));
    }
    let offload = spec.offload;
    Ok(OpenPort {
        drops: None,
        device: name.to_owned(),
        attachment: Some(attachment),
        notices: Notices::default(),
        meter: None,
        rx,
        tx: Box::new(PacketTx::new(device, sender, mtu)),
        capabilities: Capabilities {
            checksum: offload,
            tcp_segmentation: offload,
            udp_segmentation: offload && knows_udp_segmentation(),
        },
        mtu,
        mac,
        speed_mbps: interface::speed(name),
        carrier: interface::flags(name).is_ok_and(|flags| flags.running),
    })
}

/// The ring of one of `queues` queues: as large as the port's share and the kernel's memory allow.
fn largest_ring(socket: BorrowedFd<'_>, queues: usize) -> io::Result<ReceiveRing> {
    let wanted = if ReceiveRing::bytes_in_use() < RINGS_BYTES { RING_SLOTS / queues } else { 0 };
    let mut slots = wanted.max(RING_SLOTS_MIN);
    loop {
        match ReceiveRing::new(socket, slots) {
            Err(error) if error.kind() == io::ErrorKind::OutOfMemory && slots > RING_SLOTS_MIN => slots /= 2,
            result => return result,
        }
    }
}

fn mtu_error(name: &str, mtu: u32, source: io::Error) -> OpenPortError {
    if source.raw_os_error() == Some(libc::EPERM) {
        return OpenPortError::from_step(name, "raising the MTU", source);
    }
    OpenPortError::Mtu { device: name.to_owned(), mtu, source }
}

/// Whether the kernel takes VIRTIO_NET_HDR_GSO_UDP_L4 on a packet socket: since Linux 6.2.
fn knows_udp_segmentation() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 2)
}
