//! Port backends against the real thing: kernel sockets in network namespaces judge what ports send and are the traffic
//! that ports receive. Without root the device tests say what they skip.

#[path = "ports/bulk.rs"]
mod bulk;
#[path = "ports/device.rs"]
mod device;
#[path = "ports/errors.rs"]
mod errors;
#[path = "ports/memory.rs"]
mod memory;
#[path = "ports/packet.rs"]
mod packet;
#[path = "ports/packets.rs"]
mod packets;
#[path = "ports/rig.rs"]
mod rig;
#[path = "ports/tap.rs"]
mod tap;
