//! Port backends against the real thing: kernel sockets in network namespaces judge what ports send and are the traffic
//! that ports receive. Without root the device tests say what they skip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test reports by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "payloads are numbers cut to size")]

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
#[path = "ports/pcap.rs"]
mod pcap;
#[path = "ports/rig.rs"]
mod rig;
#[path = "ports/tap.rs"]
mod tap;
