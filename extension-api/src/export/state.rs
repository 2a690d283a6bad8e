//! The optional interface for state: pieces are lent as slices, failures become statuses with words.
//!
//! Part of the unsafe island of [`super::door`], whose head says what carries the SAFETY comments. A piece names memory of
//! the host that is valid for the call and used by nobody else meanwhile.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::slice;

use super::bridge::StateBridge;
use super::door::{explain, report, write_error, Context, Instance};
use super::guard::guard;
use super::meta::size_u32;
use super::observe::Interface;
use crate::abi::state::{StatePiece, StateV1, STATE_DONE, STATE_ID, STATE_KEEPS_HELD, STATE_SCHEMA_MAX};
use crate::abi::status::{Bytes, ErrorText, E_FAILED, E_FULL, E_INVALID, E_PANIC, OK};
use crate::host::Control;
use crate::state::{scope_of, SavedState, StateError, StateRoom};

/// State. Its table is a constant, so that its address is static.
#[derive(Debug)]
pub struct StateOf<B>(PhantomData<B>);

impl<B: StateBridge> StateOf<B> {
    const TABLE: &'static StateV1 = {
        let (version, oldest) = B::VERSIONS;
        assert!(oldest >= 1 && oldest <= version, "OLDEST is from 1 to VERSION");
        assert!(B::SCHEMA.len() <= STATE_SCHEMA_MAX as usize && !B::SCHEMA.is_empty(), "SCHEMA has 1 to 64 bytes");
        &StateV1 {
            struct_size: size_u32(core::mem::size_of::<StateV1>()),
            flags: if B::KEEPS_HELD { STATE_KEEPS_HELD } else { 0 },
            version,
            oldest,
            schema: Bytes { data: B::SCHEMA.as_ptr(), length: B::SCHEMA.len() as u64 },
            begin: Some(begin::<B>),
            end: Some(end::<B>),
            save: Some(save::<B>),
            restore: Some(restore::<B>),
            save_worker: if B::HAS_WORKERS { Some(save_worker::<B>) } else { None },
            restore_worker: if B::HAS_WORKERS { Some(restore_worker::<B>) } else { None },
            end_worker: if B::HAS_WORKERS { Some(end_worker::<B>) } else { None },
        }
    };
}

impl<B: StateBridge> Interface for StateOf<B> {
    const ID: &'static str = STATE_ID;

    fn table() -> *const c_void {
        let table: *const StateV1 = Self::TABLE;
        table.cast()
    }
}

/// # Safety
/// The instance is null or made by `create`, and no other control call is under way.
unsafe fn instance_of<'a, B: StateBridge>(instance: *mut c_void) -> Option<&'a mut Instance<B>> {
    // SAFETY: the caller's promise.
    unsafe { instance.cast::<Instance<B>>().as_mut() }
}

/// The room of a piece.
///
/// # Safety
/// The piece is valid for the borrow, and its room is writable and used by nobody else.
unsafe fn room_of(piece: &mut StatePiece) -> Option<&mut [u8]> {
    let room = usize::try_from(piece.room).ok()?;
    if piece.data.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { slice::from_raw_parts_mut(piece.data, room) })
}

/// The bytes of a piece.
///
/// # Safety
/// The piece is valid for the borrow, and nobody writes to its bytes.
unsafe fn bytes_of(piece: &StatePiece) -> Option<SavedState<'_>> {
    let length = usize::try_from(piece.length).ok()?;
    let bytes = match (piece.data.is_null(), length) {
        (_, 0) => &[],
        (true, _) => return None,
        // SAFETY: the caller's promise.
        (false, _) => unsafe { slice::from_raw_parts(piece.data as *const u8, length) },
    };
    Some(SavedState::new(bytes, piece.version, piece.index))
}

/// # Safety
/// `error` is null or valid for writes.
unsafe fn refuse(error: *mut ErrorText, failure: Option<StateError>) -> i32 {
    let (status, text): (i32, &dyn core::fmt::Display) = match &failure {
        Some(StateError::Corrupt(text)) => (E_INVALID, text),
        Some(StateError::TooLarge(text)) => (E_FULL, text),
        Some(StateError::Refused(text)) => (E_FAILED, text),
        None => (E_PANIC, &"the extension panicked; the log has its message"),
    };
    // SAFETY: the caller's promise.
    unsafe { write_error(error, text) };
    status
}

unsafe extern "C" fn begin<B: StateBridge>(instance: *mut c_void, error: *mut ErrorText) -> i32 {
    // SAFETY: the host's promise, see the head of the module.
    let Instance { extension, host, .. } = match unsafe { instance_of::<B>(instance) } {
        Some(instance) => instance,
        None => return E_INVALID,
    };
    let outcome = guard(
        Err(None),
        |text| report(host, "save_begin", text),
        || B::save_begin(extension, &Control::new(host)).map_err(Some),
    );
    match outcome {
        Ok(()) => OK,
        // SAFETY: null, or valid for writes.
        Err(failure) => unsafe { explain(error, failure) },
    }
}

unsafe extern "C" fn end<B: StateBridge>(instance: *mut c_void, outcome: u32) {
    // SAFETY: the host's promise, see the head of the module.
    if let Some(Instance { extension, host, .. }) = unsafe { instance_of::<B>(instance) } {
        let end = || B::save_end(extension, &Control::new(host), outcome != STATE_DONE);
        guard((), |text| report(host, "save_end", text), end);
    }
}

unsafe extern "C" fn save<B: StateBridge>(instance: *mut c_void, piece: *mut StatePiece, error: *mut ErrorText) -> i32 {
    // SAFETY: the host's promise, see the head of the module; the piece is null or valid for the call.
    let (instance, piece) = match unsafe { (instance_of::<B>(instance), piece.as_mut()) } {
        (Some(instance), Some(piece)) => (instance, piece),
        _ => return E_INVALID,
    };
    let Instance { extension, host, .. } = instance;
    let (scope, index) = (scope_of(piece), piece.index);
    // SAFETY: the host lends the room for the call.
    let (scope, room) = match (scope, unsafe { room_of(piece) }) {
        (Some(scope), Some(room)) => (scope, room),
        _ => return E_INVALID,
    };
    let outcome = guard(
        Err(None),
        |text| report(host, "save", text),
        || {
            let mut room = StateRoom::new(room, index);
            B::save(extension, &Control::new(host), scope, &mut room).map_err(Some)?;
            Ok(room.outcome())
        },
    );
    match outcome {
        Ok((length, remaining)) => {
            piece.length = length;
            piece.remaining = remaining;
            OK
        }
        // SAFETY: null, or valid for writes.
        Err(failure) => unsafe { refuse(error, failure) },
    }
}

unsafe extern "C" fn restore<B: StateBridge>(
    instance: *mut c_void,
    piece: *const StatePiece,
    error: *mut ErrorText,
) -> i32 {
    // SAFETY: the host's promise, see the head of the module; the piece is null or valid for the call.
    let (instance, piece) = match unsafe { (instance_of::<B>(instance), piece.as_ref()) } {
        (Some(instance), Some(piece)) => (instance, piece),
        _ => return E_INVALID,
    };
    let Instance { extension, host, .. } = instance;
    // SAFETY: the host lends the bytes for the call.
    let (scope, state) = match (scope_of(piece), unsafe { bytes_of(piece) }) {
        (Some(scope), Some(state)) => (scope, state),
        _ => return E_INVALID,
    };
    let outcome = guard(
        Err(None),
        |text| report(host, "restore", text),
        || B::restore(extension, &Control::new(host), scope, &state).map_err(Some),
    );
    match outcome {
        Ok(()) => OK,
        // SAFETY: null, or valid for writes.
        Err(failure) => unsafe { refuse(error, failure) },
    }
}

unsafe extern "C" fn save_worker<B: StateBridge>(context: *mut c_void, piece: *mut StatePiece) -> i32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use; the piece is null or valid for the call.
    let (context, piece) = match unsafe { (context.cast::<Context<B>>().as_mut(), piece.as_mut()) } {
        (Some(context), Some(piece)) => (context, piece),
        _ => return E_INVALID,
    };
    let Context { worker, host, .. } = context;
    let index = piece.index;
    // SAFETY: the host lends the room for the call.
    let room = match unsafe { room_of(piece) } {
        Some(room) => room,
        None => return E_INVALID,
    };
    let outcome = guard(
        None,
        |text| report(host, "save of a worker", text),
        || {
            let mut room = StateRoom::new(room, index);
            B::save_worker(worker, &mut room);
            Some(room.outcome())
        },
    );
    match outcome {
        Some((length, remaining)) => {
            piece.length = length;
            piece.remaining = remaining;
            OK
        }
        None => E_PANIC,
    }
}

unsafe extern "C" fn restore_worker<B: StateBridge>(
    context: *mut c_void,
    piece: *const StatePiece,
    error: *mut ErrorText,
) -> i32 {
    // SAFETY: the context is null or made by `worker_init`, and not in use; the piece is null or valid for the call.
    let (context, piece) = match unsafe { (context.cast::<Context<B>>().as_mut(), piece.as_ref()) } {
        (Some(context), Some(piece)) => (context, piece),
        _ => return E_INVALID,
    };
    let Context { worker, host, .. } = context;
    // SAFETY: the host lends the bytes for the call.
    let state = match unsafe { bytes_of(piece) } {
        Some(state) => state,
        None => return E_INVALID,
    };
    let outcome = guard(
        Err(None),
        |text| report(host, "restore of a worker", text),
        || B::restore_worker(worker, &state).map_err(Some),
    );
    match outcome {
        Ok(()) => OK,
        // SAFETY: null, or valid for writes.
        Err(failure) => unsafe { refuse(error, failure) },
    }
}

unsafe extern "C" fn end_worker<B: StateBridge>(context: *mut c_void) {
    // SAFETY: the context is null or made by `worker_init`, and not in use.
    if let Some(Context { worker, host, .. }) = unsafe { context.cast::<Context<B>>().as_mut() } {
        guard((), |text| report(host, "save_end of a worker", text), || B::end_worker(worker));
    }
}
