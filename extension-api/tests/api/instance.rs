//! Drives an exported extension the way a host does: through its function table and nothing else.

use std::ffi::c_void;
use std::ptr;

use heddle_extension_api::abi::control::{Event, PortInfo};
use heddle_extension_api::abi::packet::Batch;
use heddle_extension_api::abi::status::{Bytes, ErrorText, OK};
use heddle_extension_api::Exported;

use crate::fake_host::FakeHost;

/// An instance with one worker.
pub struct Instance {
    pub exported: Exported,
    pub instance: *mut c_void,
    pub context: *mut c_void,
}

pub fn bytes(text: &[u8]) -> Bytes {
    Bytes { data: text.as_ptr(), length: text.len() as u64 }
}

pub fn error_text(error: &ErrorText) -> &str {
    std::str::from_utf8(&error.text[..error.length as usize]).unwrap()
}

/// Calls `create`; the error is the status and the text.
pub fn create(exported: Exported, host: &FakeHost, config: &[u8]) -> Result<*mut c_void, (i32, String)> {
    let mut instance = ptr::null_mut();
    let mut error = ErrorText::default();
    // SAFETY: all arguments live until the call returns, the host table longer.
    let status = unsafe { exported.entry.create.unwrap()(&*host.table, bytes(config), &mut instance, &mut error) };
    match status {
        OK => Ok(instance),
        status => Err((status, error_text(&error).to_owned())),
    }
}

impl Instance {
    pub fn new(exported: Exported, host: &FakeHost, config: &str) -> Self {
        let instance = create(exported, host, config.as_bytes()).unwrap();
        let mut context = ptr::null_mut();
        // SAFETY: the instance was just made.
        assert_eq!(unsafe { exported.entry.worker_init.unwrap()(instance, 3, &mut context) }, OK);
        Instance { exported, instance, context }
    }

    pub fn ingress(&self, batch: &mut Batch) -> i32 {
        // SAFETY: a live context and batch.
        unsafe { self.exported.entry.ingress.unwrap()(self.context, batch) }
    }

    pub fn egress(&self, batch: &mut Batch) -> i32 {
        // SAFETY: a live context and batch.
        unsafe { self.exported.entry.egress.unwrap()(self.context, batch) }
    }

    pub fn worker_tick(&self, batch: &mut Batch) -> i32 {
        // SAFETY: a live context and batch.
        unsafe { self.exported.entry.worker_tick.unwrap()(self.context, batch) }
    }

    pub fn tick(&self) -> i32 {
        // SAFETY: a live instance.
        unsafe { self.exported.entry.tick.unwrap()(self.instance, 99) }
    }

    /// Calls `event`; gives the status and the text.
    pub fn event(&self, kind: u32, port: u32, info: *const PortInfo) -> (i32, String) {
        let event = Event {
            struct_size: std::mem::size_of::<Event>() as u32,
            kind,
            port,
            nic: 0,
            info,
            switch_name: bytes(b"lab"),
        };
        let mut error = ErrorText::default();
        // SAFETY: a live instance; the event lives until the call returns.
        let status = unsafe { self.exported.entry.event.unwrap()(self.instance, &event, &mut error) };
        (status, error_text(&error).to_owned())
    }

    /// Ends worker and instance.
    pub fn end(self) {
        // SAFETY: last calls with either pointer.
        unsafe {
            self.exported.entry.worker_fini.unwrap()(self.instance, self.context);
            self.exported.entry.destroy.unwrap()(self.instance);
        }
    }
}
