//! Optional interface `heddle.state/1`, since 1.4: an extension writes what it knows into bytes and takes it up again, so
//! that another version of it, or the same one on another host, goes on where it was.
//!
//! Three scopes: the instance, each worker context, each NIC. Bytes mean something to extensions of one `schema` only;
//! `version` says in which form they are, `oldest` which form is still read. The host refuses what does not fit before it
//! calls, keeps a check sum beside the bytes, and never looks into them.
//!
//! A hot upgrade: `begin` of the old instance; `save` of its instance scope, `restore` into the new one; `save_worker` of each
//! old context again and again between bursts, each time as much as takes about 50 us, `restore_worker` into the new
//! context; then, with no burst between, the rest of both, and the new context takes the place. Whatever goes wrong before
//! that leaves the old one as it is, after `end` and `end_worker`.

use core::ffi::c_void;

use super::status::{Bytes, ErrorText};
use crate::{abi_fn, abi_struct};

/// Id of the interface.
pub const STATE_ID: &str = "heddle.state/1";
/// Longest name of a schema, in bytes.
pub const STATE_SCHEMA_MAX: u32 = 64;
/// Room that is lent for a piece of a worker context, at least; a record is no longer.
pub const STATE_PIECE_MIN: u32 = 4_096;
/// Room that is lent for the state of an instance or of a NIC, in bytes.
pub const STATE_BLOB_MAX: u32 = 1_048_576;
/// Pieces of an instance or of a NIC, at most.
pub const STATE_BLOBS_MAX: u32 = 16;
/// State of one worker context, at most, in bytes: all pieces of a transfer together.
pub const STATE_WORKER_MAX: u32 = 268_435_456;
/// Scope: what all workers share.
pub const STATE_INSTANCE: u32 = 1;
/// Scope: a worker context.
pub const STATE_WORKER: u32 = 2;
/// Scope: a NIC.
pub const STATE_NIC: u32 = 3;
/// Flag of the table: frames held by the old version stay held, since the state names them by their handles. Without it in
/// both versions they go on behind the extension, or are dropped where it fails closed.
pub const STATE_KEEPS_HELD: u32 = 1 << 0;
/// Outcome: the new version runs; this one is kept for a way back, and gets no more data-path calls.
pub const STATE_DONE: u32 = 0;
/// Outcome: this one goes on as before.
pub const STATE_ABANDONED: u32 = 1;

abi_struct! { growable,
/// A piece of state: room to write into, or what was written.
#[derive(Clone, Copy, Debug)]
pub struct StatePiece {
    /// Size of this struct at the host, in bytes.
    pub struct_size: u32,
    /// `STATE_INSTANCE` and so on.
    pub scope: u32,
    /// Number of this piece within its scope, from 0.
    pub index: u32,
    /// Restoring: version of the schema the bytes are in.
    pub version: u32,
    /// The worker, of a worker context.
    pub worker: u32,
    /// The port, of a NIC. It may be another one than when it was saved.
    pub port: u32,
    /// The NIC's index.
    pub nic: u32,
    /// Zero.
    pub reserved: u32,
    /// The bytes. Restoring: not to be written.
    pub data: *mut u8,
    /// Room at `data`, in bytes.
    pub room: u64,
    /// Bytes that are used. Saving: set by the extension; 0 = nothing (more) to save.
    pub length: u64,
    /// Saving: set by the extension: bytes that are still to be saved after this piece, about.
    pub remaining: u64,
}
}

abi_fn! {
/// State is about to be saved: whatever changes in a context after its first piece is part of a later one.
pub type StateBeginFn = fn(instance: *mut c_void, error: *mut ErrorText) -> i32;
row STATE_BEGIN_FN }
abi_fn! {
/// No more is saved for now; `outcome` is `STATE_DONE` or `STATE_ABANDONED`.
pub type StateEndFn = fn(instance: *mut c_void, outcome: u32);
row STATE_END_FN }
abi_fn! {
/// Writes a piece of the instance or of a NIC. Called again with the next index until it writes nothing.
pub type StateSaveFn = fn(instance: *mut c_void, piece: *mut StatePiece, error: *mut ErrorText) -> i32;
row STATE_SAVE_FN }
abi_fn! {
/// Takes up a piece of an instance or of a NIC.
pub type StateRestoreFn = fn(instance: *mut c_void, piece: *const StatePiece, error: *mut ErrorText) -> i32;
row STATE_RESTORE_FN }
abi_fn! {
/// Writes the next piece of a context: first all there is, then what has changed since. What a later piece says of the same
/// thing wins. Time is bounded by the room: a smaller one is lent when a piece took too long.
pub type StateSaveWorkerFn = fn(context: *mut c_void, piece: *mut StatePiece) -> i32;
row STATE_SAVE_WORKER_FN }
abi_fn! {
/// Takes up a piece of a context, before its first data-path call; by one thread after the other.
pub type StateRestoreWorkerFn = fn(context: *mut c_void, piece: *const StatePiece, error: *mut ErrorText) -> i32;
row STATE_RESTORE_WORKER_FN }
abi_fn! {
/// Ends the recording of changes in a context.
pub type StateEndWorkerFn = fn(context: *mut c_void);
row STATE_END_WORKER_FN }

abi_struct! { growable,
/// The interface's table.
#[derive(Clone, Copy, Debug)]
pub struct StateV1 {
    /// Size of this struct at the extension, in bytes.
    pub struct_size: u32,
    /// `STATE_KEEPS_HELD`.
    pub flags: u32,
    /// Version of the schema that is written, from 1; the newest that is read.
    pub version: u32,
    /// Oldest version that is read.
    pub oldest: u32,
    /// Name of the schema, a reverse URI; static; at most `STATE_SCHEMA_MAX` bytes.
    pub schema: Bytes,
    /// Optional · control · enabled · borrows nothing · any failure refuses the upgrade.
    pub begin: Option<StateBeginFn>,
    /// Optional · control · after `begin` · owns nothing · infallible.
    pub end: Option<StateEndFn>,
    /// Optional · control · enabled · borrows the room · any failure refuses the upgrade or the saving · null = no such state.
    pub save: Option<StateSaveFn>,
    /// Optional · control · created, before the first data-path call; of a NIC: enabled · borrows the piece · any failure
    /// refuses the whole · null = such state is refused.
    pub restore: Option<StateRestoreFn>,
    /// Optional · worker · enabled · borrows the room · any failure refuses the upgrade · null = no such state.
    pub save_worker: Option<StateSaveWorkerFn>,
    /// Optional · control or worker · before its first data-path call · borrows the piece · any failure refuses the
    /// upgrade · null = such state is refused.
    pub restore_worker: Option<StateRestoreWorkerFn>,
    /// Optional · control or worker · after `save_worker` · owns nothing · infallible.
    pub end_worker: Option<StateEndWorkerFn>,
}
}
