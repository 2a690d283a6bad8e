//! An extension that was built when the sampling interface was shorter: it samples, and the host reads nothing beyond
//! its table's end.

#![allow(unsafe_code, reason = "the table of an older build is written by hand")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;

use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::sampling::{NextSkipFn, Sample, SampledFn};
use heddle_extension_api::export::{AsCapture, entry};
use heddle_extension_api::*;
use heddle_host::loader::{BuiltIn, Instance, InstanceShared, Services, built_in};
use heddle_switch_core::port_id::PortId as CorePort;
use heddle_switch_core::stage::Stage;

struct Older;

impl CaptureExtension for Older {
    type Worker = Older;

    fn create(_: &Control<'_, rights::Capture>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Older)
    }

    fn worker(&mut self, _: WorkerId) -> Result<Older, CreateError> {
        Ok(Older)
    }
}

impl CaptureWorker for Older {}

export_extension!(built_in capture Older {
    id: "org.heddle.test.older", name: "Older", vendor: "Tests", version: "1.0.0",
});

/// The table of ABI 1.0, and what happens to lie behind it.
#[repr(C)]
struct SamplingV10 {
    struct_size: u32,
    header_bytes: u32,
    sampled: Option<SampledFn>,
    next_skip: Option<NextSkipFn>,
    behind: u64,
}

static TABLE: SamplingV10 = SamplingV10 {
    struct_size: 24,
    header_bytes: 99,
    sampled: Some(sampled),
    next_skip: Some(next_skip),
    behind: 0x0bad_0bad_0bad_0bad,
};

unsafe extern "C" fn sampled(_: *mut c_void, _: *mut c_void, _: *const Sample) -> i32 {
    0
}

unsafe extern "C" fn next_skip(_: *mut c_void) -> u32 {
    41
}

unsafe extern "C" fn interface(id: *const c_char) -> *const c_void {
    // SAFETY: the host passes a zero-terminated string.
    if unsafe { CStr::from_ptr(id) }.to_bytes() == b"heddle.sampling/1" {
        (&raw const TABLE).cast()
    } else {
        std::ptr::null()
    }
}

static ENTRY: ExtensionV1 = ExtensionV1 { interface: Some(interface), ..entry::<AsCapture<Older>>() };
static OLDER: Exported = Exported { entry: &ENTRY, ..EXPORTED };

inventory::submit! { BuiltIn { exported: &OLDER } }

#[test]
fn a_shorter_sampling_table_is_used_as_far_as_it_goes() {
    let library = built_in().into_iter().next().unwrap().unwrap();
    let shared = InstanceShared::new(
        ("org.heddle.test.older".to_owned(), library.facts().role),
        1,
        Services::start().unwrap(),
        Arc::default(),
        Arc::default(),
        Arc::default(),
    );
    let instance = Instance::create(Arc::new(library), shared, "").unwrap();
    assert_eq!((instance.sampling_header(), TABLE.behind), (Some(99), 0x0bad_0bad_0bad_0bad));
    let mut stage = instance.worker(0).unwrap();
    assert!(!stage.skips_by_port(), "what lies behind the table is no function");
    assert_eq!((stage.next_skip(), stage.next_skip_of(CorePort::new(1, 0)), stage.drops_wanted()), (41, u32::MAX, 0));
}
