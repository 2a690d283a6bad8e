//! Optional interfaces as the host sees them: tables whose functions find the extension's own context and call it.
//!
//! `heddle.state/1` and interfaces not known here are not offered to the host: cases drive them themselves.

use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;

use heddle_extension_api::abi::config::{CONFIG_ID, ConfigV1};
use heddle_extension_api::abi::drops::{DROPS_ID, Dropped, DropsV1};
use heddle_extension_api::abi::sampling::{SAMPLING_ID, Sample, SamplingV1};
use heddle_extension_api::abi::status::{Bytes, E_INVALID, ErrorText, OK};

use super::{Context, InControl, Phase, proxied, real, status, words};

static SAMPLING: OnceLock<(SamplingV1, SamplingV1)> = OnceLock::new();
static DROPS: OnceLock<(DropsV1, DropsV1)> = OnceLock::new();
static CONFIG: OnceLock<Config> = OnceLock::new();

struct Config(ConfigV1, ConfigV1);

// SAFETY: the pointer in the tables is to static rows.
unsafe impl Send for Config {}
// SAFETY: as for `Send`.
unsafe impl Sync for Config {}

/// A table of the extension, as far as both sides know it.
fn copied<T>(table: *const c_void, mut empty: T) -> T {
    // SAFETY: the id names a struct that starts with its size, and `T` is that struct: plain data, all zero valid.
    unsafe {
        let stated = table.cast::<u32>().read() as usize;
        std::ptr::copy_nonoverlapping(table.cast::<u8>(), (&raw mut empty).cast::<u8>(), stated.min(size_of::<T>()));
    }
    empty
}

/// What the extension itself answers.
pub(crate) fn ask(id: &CStr) -> *const c_void {
    let _control = InControl::enter("interface");
    match real().interface {
        // SAFETY: a zero-terminated string.
        Some(function) => unsafe { function(id.as_ptr()) },
        None => std::ptr::null(),
    }
}

/// Its table for sampling.
pub(crate) fn sampling_table(table: *const c_void) -> SamplingV1 {
    let empty = SamplingV1 { struct_size: 0, header_bytes: 0, sampled: None, next_skip: None, next_skip_of: None };
    copied(table, empty)
}

/// Its table for drops.
pub(crate) fn drops_table(table: *const c_void) -> DropsV1 {
    copied(table, DropsV1 { struct_size: 0, reserved: 0, dropped: None, wanted: None })
}

/// Its table for configuration.
pub(crate) fn config_table(table: *const c_void) -> ConfigV1 {
    copied(table, ConfigV1 { struct_size: 0, key_count: 0, keys: std::ptr::null(), configure: None })
}

pub(super) unsafe extern "C" fn interface(id: *const c_char) -> *const c_void {
    // SAFETY: the host passes a zero-terminated string.
    let id = unsafe { CStr::from_ptr(id) };
    let table = ask(id);
    if table.is_null() {
        return table;
    }
    match id.to_str() {
        Ok(SAMPLING_ID) => {
            let pair = SAMPLING.get_or_init(|| {
                let own = sampling_table(table);
                let mut shown = own;
                shown.sampled = own.sampled.map(|_| sampled as _);
                shown.next_skip = own.next_skip.map(|_| next_skip as _);
                shown.next_skip_of = own.next_skip_of.map(|_| next_skip_of as _);
                (own, shown)
            });
            (&raw const pair.1).cast()
        }
        Ok(DROPS_ID) => {
            let pair = DROPS.get_or_init(|| {
                let own = drops_table(table);
                let mut shown = own;
                shown.dropped = own.dropped.map(|_| dropped as _);
                shown.wanted = own.wanted.map(|_| wanted as _);
                (own, shown)
            });
            (&raw const pair.1).cast()
        }
        Ok(CONFIG_ID) => {
            let pair = CONFIG.get_or_init(|| {
                let own = config_table(table);
                let mut shown = own;
                shown.configure = own.configure.map(|_| configure as _);
                Config(own, shown)
            });
            (&raw const pair.1).cast()
        }
        // What takes an instance or a context and is not known here would be given the proxy's.
        _ => std::ptr::null(),
    }
}

/// The extension's context behind the proxy's.
fn own(context: *mut c_void) -> *mut c_void {
    // SAFETY: the host passes what `worker_init` gave it.
    unsafe { (*context.cast::<Context>()).real }
}

unsafe extern "C" fn sampled(context: *mut c_void, call: *mut c_void, sample: *const Sample) -> i32 {
    let _phase = Phase::enter("sampled");
    let Some(function) = SAMPLING.get().and_then(|(own, _)| own.sampled) else { return E_INVALID };
    // SAFETY: the extension's own context; the sample outlives the call.
    let code = unsafe { function(own(context), call, sample) };
    status("sampled", code);
    code
}

unsafe extern "C" fn next_skip(context: *mut c_void) -> u32 {
    // SAFETY: the extension's own context.
    SAMPLING.get().and_then(|(own, _)| own.next_skip).map_or(u32::MAX, |function| unsafe { function(own(context)) })
}

unsafe extern "C" fn next_skip_of(context: *mut c_void, port: u32) -> u32 {
    let function = SAMPLING.get().and_then(|(own, _)| own.next_skip_of);
    // SAFETY: the extension's own context.
    function.map_or(u32::MAX, |function| unsafe { function(own(context), port) })
}

unsafe extern "C" fn dropped(context: *mut c_void, dropped: *const Dropped) -> i32 {
    let _phase = Phase::enter("dropped");
    let Some(function) = DROPS.get().and_then(|(own, _)| own.dropped) else { return E_INVALID };
    // SAFETY: the extension's own context; the drop outlives the call.
    let code = unsafe { function(own(context), dropped) };
    status("dropped", code);
    code
}

unsafe extern "C" fn wanted(context: *mut c_void) -> u32 {
    // SAFETY: the extension's own context.
    DROPS.get().and_then(|(own, _)| own.wanted).map_or(0, |function| unsafe { function(own(context)) })
}

unsafe extern "C" fn configure(instance: *mut c_void, config: Bytes, error: *mut ErrorText) -> i32 {
    let _control = InControl::enter("configure");
    let Some(function) = CONFIG.get().and_then(|Config(own, _)| own.configure) else { return E_INVALID };
    let mut text = ErrorText::default();
    // SAFETY: the extension's own instance; the configuration and the text outlive the call.
    let code = unsafe { function(proxied(instance).real(), config, &raw mut text) };
    if code != OK {
        words("configure", &text);
    }
    // SAFETY: the host's error text.
    unsafe { *error = text };
    code
}
