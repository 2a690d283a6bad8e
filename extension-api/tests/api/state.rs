//! State leaves one instance and is taken up by another, through the table of `heddle.state/1`.

use std::ffi::{c_void, CStr};

use heddle_extension_api::abi::state::*;
use heddle_extension_api::abi::status::{ErrorText, E_FAILED, E_FULL, E_INVALID, E_PANIC, OK};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::{error_text, Instance};

struct Notes {
    limit: u8,
    ended: u8,
}

#[derive(Default)]
struct Context {
    numbers: Vec<u8>,
    saved: usize,
}

impl FilterExtension for Notes {
    type Worker = Context;

    fn create(_: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Notes { limit: config.parse("limit")?.unwrap_or(9), ended: 0 })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Context, CreateError> {
        Ok(Context::default())
    }
}

impl FilterWorker for Context {}

impl Stateful<rights::Filter> for Notes {
    const SCHEMA: &'static str = "org.example.notes";
    const VERSION: u32 = 3;
    const OLDEST: u32 = 2;
    const KEEPS_HELD: bool = true;

    fn save_end(&mut self, _: &Control<'_, rights::Filter>, goes_on: bool) {
        self.ended = 1 + u8::from(goes_on);
    }

    fn save(
        &mut self,
        _: &Control<'_, rights::Filter>,
        scope: StateScope,
        room: &mut StateRoom<'_>,
    ) -> Result<(), StateError> {
        if scope == StateScope::Instance && room.index() == 0 {
            room.put(&[self.limit, self.ended]);
        }
        Ok(())
    }

    fn restore(
        &mut self,
        _: &Control<'_, rights::Filter>,
        scope: StateScope,
        state: &SavedState<'_>,
    ) -> Result<(), StateError> {
        match (scope, state.bytes()) {
            (StateScope::Instance, [limit, _]) if *limit > 100 => {
                Err(StateError::TooLarge(format!("{} is too many", limit)))
            }
            (StateScope::Instance, [limit, _]) => {
                self.limit = *limit;
                Ok(())
            }
            (StateScope::Nic(port, _), _) => {
                Err(StateError::Refused(format!("nothing is kept of port {}", port.get())))
            }
            _ => Err(StateError::Corrupt("two bytes are needed".to_owned())),
        }
    }
}

impl WorkerState for Context {
    fn save(&mut self, room: &mut StateRoom<'_>) {
        while let Some(number) = self.numbers.get(self.saved) {
            if !room.put(&[*number]) {
                break;
            }
            self.saved += 1;
        }
        room.set_remaining((self.numbers.len() - self.saved) as u64);
    }

    fn restore(&mut self, state: &SavedState<'_>) -> Result<(), StateError> {
        assert_ne!(state.bytes(), [13], "a test panics");
        self.numbers.extend_from_slice(state.bytes());
        Ok(())
    }

    fn save_end(&mut self) {
        self.saved = 0;
    }
}

export_extension!(built_in filter Notes {
    id: "org.example.notes", name: "Notes", vendor: "Example", version: "1", interfaces: [state],
});

fn table() -> &'static StateV1 {
    let find = |id: &str| {
        let id = std::ffi::CString::new(id).unwrap();
        // SAFETY: a zero-terminated string.
        unsafe { EXPORTED.entry.interface.unwrap()(CStr::as_ptr(&id)) }
    };
    assert!(find("heddle.config/1").is_null());
    // SAFETY: the id names this struct, which is static.
    unsafe { find(STATE_ID).cast::<StateV1>().as_ref() }.unwrap()
}

fn piece(scope: u32, bytes: &mut [u8], length: u64) -> StatePiece {
    let struct_size = std::mem::size_of::<StatePiece>() as u32;
    let (data, room) = (bytes.as_mut_ptr(), bytes.len() as u64);
    StatePiece {
        struct_size,
        scope,
        index: 0,
        version: 3,
        worker: 0,
        port: 5,
        nic: 0,
        reserved: 0,
        data,
        room,
        length,
        remaining: 0,
    }
}

fn restore(instance: *mut c_void, scope: u32, bytes: &mut [u8]) -> (i32, String) {
    let piece = piece(scope, bytes, bytes.len() as u64);
    let mut error = ErrorText::default();
    // SAFETY: a live instance; the piece lives until the call returns.
    let status = unsafe { table().restore.unwrap()(instance, &piece, &mut error) };
    (status, error_text(&error).to_owned())
}

#[test]
fn the_table_says_what_is_written_and_read() {
    let table = table();
    assert_eq!((table.version, table.oldest, table.flags), (3, 2, STATE_KEEPS_HELD));
    assert_eq!(table.schema.length, "org.example.notes".len() as u64);
}

#[test]
fn an_instance_hands_over_and_refuses_with_words() {
    let host = FakeHost::new();
    let old = Instance::new(EXPORTED, &host, "limit=42");
    let new = Instance::new(EXPORTED, &host, "");
    let mut bytes = [0; 8];
    let mut saved = piece(STATE_INSTANCE, &mut bytes, 0);
    // SAFETY: live instances; pieces and texts live until the calls return.
    unsafe {
        assert_eq!(table().begin.unwrap()(old.instance, std::ptr::null_mut()), OK);
        table().end.unwrap()(old.instance, STATE_ABANDONED);
        assert_eq!(table().save.unwrap()(old.instance, &mut saved, std::ptr::null_mut()), OK);
    }
    assert_eq!((saved.length, bytes[0], bytes[1]), (2, 42, 2));
    assert_eq!(restore(new.instance, STATE_INSTANCE, &mut bytes[..2]), (OK, String::new()));
    assert_eq!(restore(new.instance, STATE_INSTANCE, &mut [101, 0]), (E_FULL, "101 is too many".to_owned()));
    assert_eq!(restore(new.instance, STATE_INSTANCE, &mut [1]), (E_INVALID, "two bytes are needed".to_owned()));
    assert_eq!(restore(new.instance, STATE_NIC, &mut [1]), (E_FAILED, "nothing is kept of port 5".to_owned()));
    assert_eq!(restore(new.instance, 77, &mut [1]).0, E_INVALID, "there is no such scope");
    old.end();
    new.end();
}

#[test]
fn a_context_hands_over_piece_by_piece() {
    let host = FakeHost::new();
    let old = Instance::new(EXPORTED, &host, "");
    let new = Instance::new(EXPORTED, &host, "");
    let mut error = ErrorText::default();
    let save = |instance: &Instance, bytes: &mut [u8]| {
        let mut saved = piece(STATE_WORKER, bytes, 0);
        // SAFETY: a live context; the piece lives until the call returns.
        assert_eq!(unsafe { table().save_worker.unwrap()(instance.context, &mut saved) }, OK);
        (saved.length, saved.remaining)
    };
    let mut bytes = [0; 2];
    let seven = [1, 2, 3, 4, 5, 6, 7].as_mut_slice().to_vec();
    let mut all = seven.clone();
    let whole = piece(STATE_WORKER, &mut all, 7);
    // SAFETY: live contexts; pieces and texts live until the calls return.
    unsafe {
        assert_eq!(table().restore_worker.unwrap()(old.context, &whole, &mut error), OK);
    }
    let mut moved = Vec::new();
    while moved.len() < 7 {
        let (length, remaining) = save(&old, &mut bytes);
        let mut piece = piece(STATE_WORKER, &mut bytes, length);
        piece.remaining = remaining;
        // SAFETY: as above.
        assert_eq!(unsafe { table().restore_worker.unwrap()(new.context, &piece, &mut error) }, OK);
        moved.extend_from_slice(&bytes[..length as usize]);
        assert_eq!(remaining, 7 - moved.len() as u64);
    }
    assert_eq!((moved, save(&old, &mut bytes)), (seven, (0, 0)));
    // SAFETY: as above.
    unsafe { table().end_worker.unwrap()(old.context) };
    assert_eq!(save(&old, &mut bytes), (2, 5), "all of it again");
    let mut unlucky = [13];
    let unlucky = piece(STATE_WORKER, &mut unlucky, 1);
    // SAFETY: as above.
    assert_eq!(unsafe { table().restore_worker.unwrap()(new.context, &unlucky, &mut error) }, E_PANIC);
    assert_eq!(error_text(&error), "the extension panicked; the log has its message");
    old.end();
    new.end();
}

#[test]
fn a_held_frame_is_named_by_its_handle() {
    let frame = HeldFrame::from_state(7u64.to_le_bytes());
    assert_eq!(frame.to_state(), 7u64.to_le_bytes());
}
