//! An instance: one extension on one switch. An unsafe island: it calls the function table.
//!
//! Control functions are called under the switch's lock, so never concurrently. Worker contexts are made here and handed
//! to workers as [`WorkerStage`]; each keeps its instance alive, so `destroy` runs after the last `worker_fini`.

#![expect(unsafe_code, reason = "island: calls into vendor code through its function table")]

mod policy;

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heddle_extension_api::abi::config::{
    CONFIG_BOOLEAN, CONFIG_CHOICE, CONFIG_FIXED, CONFIG_ID, CONFIG_INTEGER, CONFIG_KEYS_MAX, CONFIG_PREFIX,
    CONFIG_TEXT, ConfigKey, ConfigV1,
};
use heddle_extension_api::abi::control::{Event, PortInfo};
use heddle_extension_api::abi::drops::{DROPS_ID, DropsV1};
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::host::Host;
use heddle_extension_api::abi::sampling::{SAMPLE_HEADER_MAX, SAMPLING_ID, SamplingV1};
use heddle_extension_api::abi::state::{STATE_ID, StateV1};
use heddle_extension_api::abi::status::{Bytes, E_AGAIN, E_FULL, E_PANIC, ErrorText, OK};

pub(super) use policy::features;
pub use policy::{Act, Feature, Features, Offer, is_standard};

use super::guarded::{Cage, Findings};
use super::host_table::{self, InstanceShared};
use super::printable::printable;
use super::state::{self, StateFacts};
use super::{Library, Setting, Settings, WorkerStage};
use crate::contain::{Function, Site, enter};
use crate::control::model::{Isolation, SettingKind};

/// Why an instance or a worker context could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateFailure {
    /// The extension said no.
    #[error("it refused its configuration or could not start: {0}")]
    Refused(String),
    /// It panicked.
    #[error("it panicked in {0}; report it to its vendor")]
    Panicked(&'static str),
    /// Its process could not be started, ended or did not answer.
    #[error("its process is of no use: {0}")]
    Process(String),
    /// The debug mode has no memory for it.
    #[error("debug mode cannot set up its memory: {0}; enable it without --debug, or use fewer workers")]
    Debug(String),
    /// It returned success without a result.
    #[error("{0} returned success but no object; report it to its vendor")]
    NoObject(&'static str),
}

/// An instance.
pub struct Instance {
    library: Arc<Library>,
    shared: Arc<InstanceShared>,
    /// Lives as long as the instance; the extension has its address.
    _host: Box<Host>,
    instance: NonNull<c_void>,
    sampling: Option<SamplingV1>,
    drops: Option<DropsV1>,
    pub(super) state: Option<(StateV1, StateFacts)>,
    panicked: AtomicBool,
    site: Site,
    /// What the debug mode found, when it is in that.
    findings: Option<Arc<Findings>>,
}

// SAFETY: the ABI demands that an instance may be used from any thread, one control call at a time; the host makes
// control calls under the switch's lock. The table behind `_host` is immutable and `shared` is `Sync`.
unsafe impl Send for Instance {}
// SAFETY: as above; worker calls use the contexts, never the instance pointer.
unsafe impl Sync for Instance {}

impl Instance {
    /// Creates an instance with configuration text (`key=value` lines).
    pub fn create(
        library: Arc<Library>,
        shared: Arc<InstanceShared>,
        config: &str,
    ) -> Result<Arc<Instance>, CreateFailure> {
        let host = host_table::table(&shared);
        Instance::create_with(library, shared, host, config)
    }

    /// As [`Instance::create`], in debug mode when that is asked for.
    pub fn create_for(
        isolation: Isolation,
        library: Arc<Library>,
        shared: Arc<InstanceShared>,
        config: &str,
    ) -> Result<Arc<Instance>, CreateFailure> {
        if isolation != Isolation::Debug {
            return Instance::create(library, shared, config);
        }
        let host = host_table::guarded(&shared);
        Instance::create_as(library, shared, (host, Some(Arc::default())), config)
    }

    /// As [`Instance::create`], with another table of host functions, whose context lives as long as the process.
    pub(super) fn create_with(
        library: Arc<Library>,
        shared: Arc<InstanceShared>,
        host: Box<Host>,
        config: &str,
    ) -> Result<Arc<Instance>, CreateFailure> {
        Instance::create_as(library, shared, (host, None), config)
    }

    fn create_as(
        library: Arc<Library>,
        shared: Arc<InstanceShared>,
        (host, findings): (Box<Host>, Option<Arc<Findings>>),
        config: &str,
    ) -> Result<Arc<Instance>, CreateFailure> {
        let create = library.entry().create.ok_or(CreateFailure::NoObject("create"))?;
        let mut instance = std::ptr::null_mut();
        let mut error = ErrorText::default();
        let site = Site::new(&library.facts().id, library.sha256());
        let entered = enter(&site, Function::Create, None);
        // SAFETY: `host` is boxed and kept for the life of the instance; `config` outlives the call; both out pointers
        // are to locals.
        let status = unsafe { create(&raw const *host, bytes(config), &raw mut instance, &raw mut error) };
        match status {
            OK => {}
            E_PANIC => return Err(CreateFailure::Panicked("create")),
            code => return Err(CreateFailure::Refused(words(&error, code))),
        }
        let instance = NonNull::new(instance).ok_or(CreateFailure::NoObject("create"))?;
        let (sampling, drops, state) = (sampling(&library), drops(&library), state::table(&library));
        drop(entered);
        let panicked = AtomicBool::new(false);
        Ok(Arc::new(Instance {
            library,
            shared,
            _host: host,
            instance,
            sampling,
            drops,
            state,
            panicked,
            site,
            findings,
        }))
    }

    /// Makes the context for one worker.
    pub fn worker(self: &Arc<Instance>, worker: u16) -> Result<WorkerStage, CreateFailure> {
        let Some(init) = self.library.entry().worker_init else {
            return self.stage(std::ptr::null_mut(), worker);
        };
        let mut context = std::ptr::null_mut();
        let _entered = enter(&self.site, Function::WorkerInit, None);
        // SAFETY: the instance is live; the out pointer is to a local; control calls are under the switch's lock.
        match unsafe { init(self.instance.as_ptr(), u32::from(worker), &raw mut context) } {
            OK => self.stage(context, worker),
            E_PANIC => Err(CreateFailure::Panicked("worker_init")),
            code => Err(CreateFailure::Refused(format!("status {code} from worker_init"))),
        }
    }

    fn stage(self: &Arc<Instance>, context: *mut c_void, worker: u16) -> Result<WorkerStage, CreateFailure> {
        let stage = WorkerStage::new(Arc::clone(self), context, worker);
        let Some(findings) = &self.findings else { return Ok(stage) };
        let cage = Cage::new(Arc::clone(&self.shared), Arc::clone(findings));
        cage.map(|cage| stage.within(cage)).map_err(|error| CreateFailure::Debug(error.to_string()))
    }

    /// What the debug mode found of it; `None` when it is not in that mode.
    pub fn findings(&self) -> Option<&Arc<Findings>> {
        self.findings.as_ref()
    }

    /// Ends a worker context.
    pub(super) fn end_worker(&self, context: *mut c_void) {
        if let (Some(fini), false) = (self.library.entry().worker_fini, context.is_null()) {
            let _entered = enter(&self.site, Function::WorkerFini, None);
            // SAFETY: the context came from `worker_init` of this instance and is ended once, by its owner's drop.
            unsafe { fini(self.instance.as_ptr(), context) };
        }
    }

    /// Periodic control call; false when it panicked.
    pub fn tick(&self, now_ns: u64) -> bool {
        let Some(tick) = self.library.entry().tick else { return true };
        let _entered = enter(&self.site, Function::Tick, None);
        // SAFETY: the instance is live; control calls are under the switch's lock.
        self.note(unsafe { tick(self.instance.as_ptr(), now_ns) }) != E_PANIC
    }

    /// A control event; its refusal in the extension's words.
    pub(super) fn event(
        &self,
        (kind, port): (u32, u32),
        info: Option<&PortInfo>,
        switch: &str,
    ) -> Result<(), Objection> {
        let Some(function) = self.library.entry().event else { return Ok(()) };
        let event = event(kind, port, info, switch);
        let mut error = ErrorText::default();
        let _entered = enter(&self.site, Function::Event, None);
        // SAFETY: the instance is live, `event` and what it points to outlive the call.
        match self.note(unsafe { function(self.instance.as_ptr(), &raw const event, &raw mut error) }) {
            OK => Ok(()),
            code => Err(Objection::of(&error, code)),
        }
    }

    /// How an event ended that it had accepted.
    pub(super) fn completed(&self, (kind, port): (u32, u32), info: Option<&PortInfo>, switch: &str, status: i32) {
        let Some(function) = self.library.entry().completed else { return };
        let event = event(kind, port, info, switch);
        // SAFETY: as in `event`.
        unsafe { function(self.instance.as_ptr(), &raw const event, status) };
    }

    /// Hands over a new configuration; its refusal in the extension's words.
    pub fn configure(&self, config: &str) -> Result<(), String> {
        let Some(configure) = config_table(self.library.entry()).and_then(|table| table.configure) else {
            return Err("it takes no new configuration while it runs".to_owned());
        };
        let mut error = ErrorText::default();
        let _entered = enter(&self.site, Function::Configure, None);
        // SAFETY: the instance is live, `config` outlives the call, and control calls are under the switch's lock.
        match self.note(unsafe { configure(self.instance.as_ptr(), bytes(config), &raw mut error) }) {
            OK => Ok(()),
            code => Err(words(&error, code)),
        }
    }

    pub(super) fn raw(&self) -> *mut c_void {
        self.instance.as_ptr()
    }

    pub(super) fn note(&self, status: i32) -> i32 {
        if status == E_PANIC {
            self.panicked.store(true, Ordering::Release);
        }
        status
    }

    /// Marks it as having panicked: no more data-path calls are made.
    pub(super) fn set_panicked(&self) {
        self.panicked.store(true, Ordering::Release);
    }

    /// Whether it panicked.
    pub fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Acquire)
    }

    /// What it shares with the host.
    pub fn shared(&self) -> &Arc<InstanceShared> {
        &self.shared
    }

    /// Where what it does wrong is counted.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Its library.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Header bytes it wants of samples; `None` when it does not sample.
    pub fn sampling_header(&self) -> Option<u16> {
        let wanted = self.sampling.as_ref()?.header_bytes.min(SAMPLE_HEADER_MAX);
        u16::try_from(wanted).ok()
    }

    pub(super) fn sampling(&self) -> Option<&SamplingV1> {
        self.sampling.as_ref()
    }

    pub(super) fn drops(&self) -> Option<&DropsV1> {
        self.drops.as_ref()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.library.entry().destroy {
            let _entered = enter(&self.site, Function::Destroy, None);
            // SAFETY: the last reference is gone, so every worker context has ended; called once.
            unsafe { destroy(self.instance.as_ptr()) };
        }
    }
}

/// Header bytes an extension wants of samples, and whether it wants to know of drops.
pub(super) fn interfaces(library: &Library) -> (Option<u16>, bool) {
    let header = sampling(library).map(|sampling| sampling.header_bytes.min(SAMPLE_HEADER_MAX));
    (header.and_then(|bytes| u16::try_from(bytes).ok()), drops(library).is_some())
}

/// Whether it counts the frames of each port by themselves.
pub(super) fn skips_by_port(library: &Library) -> bool {
    sampling(library).is_some_and(|sampling| sampling.next_skip_of.is_some())
}

/// Why an extension refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// In its own words.
    pub reason: String,
    /// Whether it may be asked again.
    pub for_now: bool,
}

impl Objection {
    pub(super) fn of(error: &ErrorText, code: i32) -> Objection {
        Objection { reason: words(error, code), for_now: matches!(code, E_AGAIN | E_FULL) }
    }
}

fn event(kind: u32, port: u32, info: Option<&PortInfo>, switch: &str) -> Event {
    Event {
        struct_size: u32::try_from(size_of::<Event>()).unwrap_or(0),
        kind,
        port,
        nic: 0,
        info: info.map_or(std::ptr::null(), std::ptr::from_ref),
        switch_name: bytes(switch),
    }
}

/// Bytes of each table in the minor that brought it: what follows is absent in extensions of that minor, for ever.
const SAMPLING_FIRST: usize = 24;
const DROPS_FIRST: usize = 24;
const CONFIG_FIRST: usize = 24;
const STATE_FIRST: usize = 88;
const POLICY_FIRST: usize = 48;

/// The sampling interface of a library, copied.
fn sampling(library: &Library) -> Option<SamplingV1> {
    let empty = SamplingV1 { struct_size: 0, header_bytes: 0, sampled: None, next_skip: None, next_skip_of: None };
    // SAFETY: the id names this struct, which is plain data that starts with its size; all zero after it is valid.
    let table = unsafe { interface(library.entry(), SAMPLING_ID, empty, SAMPLING_FIRST) }?;
    (table.sampled.is_some() && table.next_skip.is_some()).then_some(table)
}

/// The interface for dropped frames, likewise.
fn drops(library: &Library) -> Option<DropsV1> {
    let empty = DropsV1 { struct_size: 0, reserved: 0, dropped: None, wanted: None };
    // SAFETY: as in `sampling`.
    let table = unsafe { interface(library.entry(), DROPS_ID, empty, DROPS_FIRST) }?;
    (table.dropped.is_some() && table.wanted.is_some()).then_some(table)
}

/// The interface for state, likewise.
pub(super) fn state_table(entry: &ExtensionV1, empty: StateV1) -> Option<StateV1> {
    // SAFETY: as in `sampling`.
    unsafe { interface(entry, STATE_ID, empty, STATE_FIRST) }
}

/// The interface for configuration, likewise.
fn config_table(entry: &ExtensionV1) -> Option<ConfigV1> {
    let empty = ConfigV1 { struct_size: 0, key_count: 0, keys: std::ptr::null(), configure: None };
    // SAFETY: as in `sampling`.
    unsafe { interface(entry, CONFIG_ID, empty, CONFIG_FIRST) }
}

/// The configuration keys an extension publishes, copied; `None` when it publishes none, or rows that break a limit.
pub(super) fn settings(entry: &ExtensionV1, id: &str) -> Option<Settings> {
    let table = config_table(entry)?;
    let count = table.key_count.min(CONFIG_KEYS_MAX) as usize;
    let rows = if table.keys.is_null() || count < table.key_count as usize {
        &[]
    } else {
        // SAFETY: not null, and the table promises that many rows, which are static and frozen.
        unsafe { std::slice::from_raw_parts(table.keys, count) }
    };
    let keys: Option<Vec<Setting>> = rows.iter().map(setting).collect();
    let Some(keys) = keys.filter(|keys| keys.len() == table.key_count as usize) else {
        tracing::warn!(
            extension = id,
            "its configuration keys break a limit and are not shown; report it to its vendor"
        );
        return None;
    };
    Some(Settings { keys, changeable: table.configure.is_some() })
}

fn setting(row: &ConfigKey) -> Option<Setting> {
    let text = |bytes: Bytes, most: usize| {
        // SAFETY: texts of a row are static, of the length they state.
        let bytes = unsafe { host_table::borrowed(bytes, most) }?;
        let text = std::str::from_utf8(bytes).ok()?;
        (!text.chars().any(char::is_control)).then(|| text.to_owned())
    };
    let kind = match row.kind {
        CONFIG_BOOLEAN => SettingKind::Boolean,
        CONFIG_INTEGER => SettingKind::Integer,
        CONFIG_TEXT => SettingKind::Text,
        CONFIG_CHOICE => SettingKind::Choice,
        _ => return None,
    };
    let choices = text(row.choices, 256)?;
    Some(Setting {
        name: text(row.name, 64).filter(|name| !name.is_empty())?,
        unit: text(row.unit, 16)?,
        default: Some(text(row.default_value, 128)?).filter(|value| !value.is_empty()),
        text: text(row.text, 160)?,
        kind,
        range: (row.minimum, row.maximum),
        choices: choices.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        fixed: row.flags & CONFIG_FIXED != 0,
        prefix: row.flags & CONFIG_PREFIX != 0,
    })
}

/// The table of an optional interface, as far as both sides know it; what an older extension lacks stays as in `empty`.
///
/// # Safety
/// `id` names an interface whose table is a `T`: plain data that starts with its size in 32 bits.
unsafe fn interface<T>(entry: &ExtensionV1, id: &str, mut empty: T, at_least: usize) -> Option<T> {
    let find = entry.interface?;
    let id = std::ffi::CString::new(id).ok()?;
    // SAFETY: `id` is a zero-terminated string that outlives the call.
    let table = unsafe { find(id.as_ptr()) }.cast::<u8>();
    if table.is_null() {
        return None;
    }
    // SAFETY: not null, and the id names a struct that starts with its size.
    let stated = unsafe { table.cast::<u32>().read() } as usize;
    if stated < at_least {
        return None;
    }
    // SAFETY: both sides are valid for the length; the table is static by contract and `T` plain data.
    unsafe { std::ptr::copy_nonoverlapping(table, (&raw mut empty).cast::<u8>(), stated.min(size_of::<T>())) };
    Some(empty)
}

fn bytes(text: &str) -> Bytes {
    Bytes { data: text.as_ptr(), length: text.len() as u64 }
}

/// The extension's own words for a failure, on one line.
pub(super) fn words(error: &ErrorText, code: i32) -> String {
    let length = (error.length as usize).min(error.text.len());
    let text = String::from_utf8_lossy(&error.text[..length]);
    let text = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "), error.text.len());
    if text.is_empty() { format!("status {code}") } else { text }
}
