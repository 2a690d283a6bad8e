//! The host table: the functions an extension may call.
//!
//! Handed over at `create`; lives until `destroy` returns. Growable: check `struct_size` before using a slot that came
//! with a later minor. First argument `host` is [`Host::context`] for `control` and `any` functions, `call` is
//! [`crate::abi::packet::Batch::call`] for `worker` functions and valid within that call only. All pointers are borrowed until the function
//! returns. All functions return a status of [`crate::abi::status`] and none blocks. Each label reads: *Thread* · *State* · *Owns* · *Unit* · *Errors* ·
//! *child process*.
//!
//! Frames an extension makes or holds are named by 64-bit handles with a generation: a stale handle is `E_GONE`,
//! never another frame.

use core::ffi::c_void;

use super::control::PortInfo;
use super::packet::Packet;
use super::status::Bytes;
use crate::{abi_fn, abi_struct};

/// Log level: something is broken.
pub const LOG_ERROR: u32 = 1;
/// Log level: something is off.
pub const LOG_WARN: u32 = 2;
/// Log level: a milestone.
pub const LOG_INFO: u32 = 3;
/// Log level: for developers.
pub const LOG_DEBUG: u32 = 4;

abi_fn! {
/// Writes one line to the host's log.
pub type LogFn = fn(host: *mut c_void, level: u32, text: Bytes);
row LOG_FN }
abi_fn! {
/// Registers a counter shown to the operator by name and unit.
pub type CounterRegisterFn = fn(host: *mut c_void, name: Bytes, unit: Bytes, out_counter: *mut u32) -> i32;
row COUNTER_REGISTER_FN }
abi_fn! {
/// Adds to a registered counter.
pub type CounterAddFn = fn(host: *mut c_void, counter: u32, delta: u64) -> i32;
row COUNTER_ADD_FN }
abi_fn! {
/// Registers a drop reason (kebab-case id and a sentence) and gives its code.
pub type DropReasonRegisterFn = fn(host: *mut c_void, id: Bytes, text: Bytes, out_code: *mut u16) -> i32;
row DROP_REASON_REGISTER_FN }
abi_fn! {
/// Makes a group of ports.
pub type GroupCreateFn = fn(host: *mut c_void, ports: *const u32, count: u32, out_group: *mut u32) -> i32;
row GROUP_CREATE_FN }
abi_fn! {
/// Replaces the ports of a group.
pub type GroupUpdateFn = fn(host: *mut c_void, group: u32, ports: *const u32, count: u32) -> i32;
row GROUP_UPDATE_FN }
abi_fn! {
/// Lists the ids of all ports; `out_count` gets their number even when the room is too small.
pub type PortListFn = fn(host: *mut c_void, ports: *mut u32, room: u32, out_count: *mut u32) -> i32;
row PORT_LIST_FN }
abi_fn! {
/// Describes a port. The caller sets `struct_size`; the host fills no more than that.
pub type PortQueryFn = fn(host: *mut c_void, port: u32, out_info: *mut PortInfo) -> i32;
row PORT_QUERY_FN }
abi_fn! {
/// Sends a UDP datagram; `address` is `ADDR:PORT` text. Bounded, never blocks.
pub type SendDatagramFn = fn(host: *mut c_void, address: Bytes, payload: Bytes) -> i32;
row SEND_DATAGRAM_FN }
abi_fn! {
/// What became of this extension's datagrams to `address`. The caller sets `struct_size`; the host fills no more.
pub type DatagramCountsFn = fn(host: *mut c_void, address: Bytes, out_counts: *mut DatagramCounts) -> i32;
row DATAGRAM_COUNTS_FN }
abi_fn! {
/// What a VLAN has counted. The caller sets `struct_size`; the host fills no more. Called in `create` with VLAN 0 and
/// null it makes the switch count by VLAN, at a few cycles a frame, while the instance is enabled.
pub type VlanQueryFn = fn(host: *mut c_void, vlan: u32, out_counters: *mut VlanCounters) -> i32;
row VLAN_QUERY_FN }
abi_fn! {
/// Gives packet `index` of the batch a private buffer.
pub type MakeWritableFn = fn(call: *mut c_void, index: u32) -> i32;
row MAKE_WRITABLE_FN }
abi_fn! {
/// Parses packet `index` of the batch anew after its headers changed.
pub type ReparseFn = fn(call: *mut c_void, index: u32) -> i32;
row REPARSE_FN }
abi_fn! {
/// Holds packet `index` of the batch.
pub type HoldFn = fn(call: *mut c_void, index: u32, out_handle: *mut u64) -> i32;
row HOLD_FN }
abi_fn! {
/// Lets a held frame go on at the next stage of its leg.
pub type ReleaseFn = fn(call: *mut c_void, handle: u64) -> i32;
row RELEASE_FN }
abi_fn! {
/// Ends a held frame or a draft, for a registered reason or `DROP_REASON_UNSPECIFIED`.
pub type DiscardFn = fn(call: *mut c_void, handle: u64, drop_reason: u16) -> i32;
row DISCARD_FN }
abi_fn! {
/// Makes a new frame of `length` bytes as a draft; `out_packet` tells where its bytes are, from `Batch.draft_base`.
pub type OriginateFn = fn(call: *mut c_void, length: u32, out_handle: *mut u64, out_packet: *mut Packet) -> i32;
row ORIGINATE_FN }
abi_fn! {
/// Copies packet `index` of the batch into a draft, bytes at `Batch.draft_base`; destinations are not kept.
pub type CloneFn = fn(call: *mut c_void, index: u32, out_handle: *mut u64, out_packet: *mut Packet) -> i32;
row CLONE_FN }
abi_fn! {
/// Sends a draft down the ingress leg, below the injector. `source_port` 0 = trusted, no port policy. Not for forwarding
/// extensions, which name destinations with `inject_to`.
pub type InjectFn = fn(call: *mut c_void, handle: u64, source_port: u32) -> i32;
row INJECT_FN }

abi_fn! {
/// Sends a draft of a forwarding extension on, with destinations of its own. `source_port` 0 = trusted, no port policy.
pub type InjectToFn = fn(call: *mut c_void, handle: u64, source_port: u32, destination: *const Destination) -> i32;
row INJECT_TO_FN }
abi_fn! {
/// Takes or gives back a reference to a port.
pub type PortReferenceFn = fn(host: *mut c_void, port: u32) -> i32;
row PORT_REFERENCE_FN }
abi_fn! {
/// Takes or gives back a reference to a NIC of a port.
pub type NicReferenceFn = fn(host: *mut c_void, port: u32, nic: u32) -> i32;
row NIC_REFERENCE_FN }

abi_struct! { frozen,
/// Where a draft goes. 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// Port or group.
    pub target: u32,
    /// `PACKET_PRESERVE_VLAN`, `PACKET_PRESERVE_PRIORITY`, or 0.
    pub flags: u32,
    /// `VERDICT_TO_PORT` or `VERDICT_TO_GROUP`.
    pub verdict: u8,
    /// NIC index; 0 but for the external port, where 1..32 is a member of its team (a single uplink is 1).
    pub nic: u8,
    /// Zero.
    pub reserved: u16,
}
}

abi_struct! { growable,
/// What became of the datagrams one extension on one switch sent to one address.
#[derive(Clone, Copy, Debug)]
pub struct DatagramCounts {
    /// Size of this struct, in bytes.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Handed to the network.
    pub sent: u64,
    /// Refused by the network, or of those sent, answered by a host on which nobody listens.
    pub failed: u64,
    /// Not taken: the host's queue or the socket's was full.
    pub dropped: u64,
}
}

abi_struct! { growable,
/// What a VLAN has counted: each frame once, on its way in.
#[derive(Clone, Copy, Debug)]
pub struct VlanCounters {
    /// Size of this struct, in bytes.
    pub struct_size: u32,
    /// The VLAN.
    pub vlan: u32,
    /// Wire segments.
    pub packets: u64,
    /// Bytes of these, without tag and FCS.
    pub bytes: u64,
    /// Multicast frames of these (without broadcast).
    pub multicast: u64,
    /// Broadcast frames of these.
    pub broadcast: u64,
    /// Frames and deliveries dropped.
    pub discards: u64,
}
}

abi_struct! { growable,
/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// The host's ABI minor.
    pub abi_minor: u32,
    /// First argument of the `control` and `any` functions.
    pub context: *mut c_void,
    /// any · always · borrows the text · at most 1,024 bytes, longer is cut · infallible · local.
    pub log: Option<LogFn>,
    /// control · created · the host copies · name at most 32 bytes, unit at most 16 · `E_FULL` after 64, `E_INVALID` · local.
    pub counter_register: Option<CounterRegisterFn>,
    /// any · created · - · the counter's unit · `E_INVALID` · local.
    pub counter_add: Option<CounterAddFn>,
    /// control · created · the host copies · id at most 48 bytes, text at most 160 · `E_FULL` after 64, `E_INVALID` · local.
    pub drop_reason_register: Option<DropReasonRegisterFn>,
    /// control · created, forwarding role · the host copies · at most 4,096 ports · `E_FORBIDDEN`, `E_FULL` after 1,024, `E_GONE` · may try again.
    pub group_create: Option<GroupCreateFn>,
    /// control · created, forwarding role · the host copies · at most 4,096 ports · `E_FORBIDDEN`, `E_GONE` · may try again.
    pub group_update: Option<GroupUpdateFn>,
    /// control · after `SWITCH_ACTIVATE` · the caller's array · ids · `E_FULL` when the room is too small · local.
    pub port_list: Option<PortListFn>,
    /// control · after `SWITCH_ACTIVATE` · the caller's struct · see `PortInfo` · `E_GONE` · local.
    pub port_query: Option<PortQueryFn>,
    /// any · created · the host copies · at most 1,472 bytes · `E_FULL` when the queue is full, `E_INVALID` · may try again.
    pub send_datagram: Option<SendDatagramFn>,
    /// worker · ingress call, filter or forwarding role · the buffer stays the host's · - · `E_FORBIDDEN`, `E_FULL` · local.
    pub make_writable: Option<MakeWritableFn>,
    /// worker · ingress call, after `make_writable` · - · - · `E_FORBIDDEN`, `E_INVALID` · local.
    pub reparse: Option<ReparseFn>,
    /// worker · batch call, filter or forwarding role · the host keeps the frame · - · `E_FORBIDDEN`, `E_FULL` · local.
    pub hold: Option<HoldFn>,
    /// worker · any worker call of the same context · the frame goes back to the host · - · `E_GONE` · local.
    pub release: Option<ReleaseFn>,
    /// worker · any worker call of the same context · the frame goes back to the host · code of a registered reason · `E_GONE` · local.
    pub discard: Option<DiscardFn>,
    /// worker · any worker call; any data-path role · the draft is the extension's until inject or discard · bytes · `E_FULL`, `E_INVALID` · local.
    pub originate: Option<OriginateFn>,
    /// worker · batch call, filter or forwarding role · as `originate` · - · `E_FORBIDDEN`, `E_FULL` · local.
    pub clone_packet: Option<CloneFn>,
    /// worker · any worker call of the same context · the draft goes to the host · port id · `E_FORBIDDEN`, `E_GONE`, `E_INVALID` · local.
    pub inject: Option<InjectFn>,
    /// Since 1.1 · control · created · the caller's struct · datagrams · `E_INVALID`, `E_GONE` before the first to the address · local.
    pub datagram_counts: Option<DatagramCountsFn>,
    /// Since 1.2 · control · created; counters after `SWITCH_ACTIVATE` · the caller's struct · - · `E_INVALID`, `E_GONE` for a VLAN without frames · local.
    pub vlan_query: Option<VlanQueryFn>,
    /// Since 1.4 · worker · any worker call of the same context, forwarding role · the draft goes to the host · port or group · `E_FORBIDDEN`, `E_GONE`, `E_INVALID` · local.
    pub inject_to: Option<InjectToFn>,
    /// Since 1.4 · any · from `PORT_CREATE` until `PORT_TEARDOWN` · the host counts · at most 65,536 an instance · `E_FORBIDDEN`, `E_FULL`, `E_GONE` · may try again.
    pub port_reference: Option<PortReferenceFn>,
    /// Since 1.4 · any · created · gives one back · - · `E_INVALID` for one never taken · may try again.
    pub port_dereference: Option<PortReferenceFn>,
    /// Since 1.4 · any · between `NIC_CONNECT` and `NIC_DISCONNECT` · the host counts · as `port_reference` · likewise.
    pub nic_reference: Option<NicReferenceFn>,
    /// Since 1.4 · any · created · gives one back · - · `E_INVALID` for one never taken · may try again.
    pub nic_dereference: Option<NicReferenceFn>,
}
}
