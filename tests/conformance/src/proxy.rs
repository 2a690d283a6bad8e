//! Between the extension and the host: every call in both directions passes here, is checked, and may be disturbed.
//!
//! The extension's function table is replaced by one that calls it; the host table it gets is a copy whose functions call
//! the real ones. Frames, packets and structs it is shown lie in guarded memory ([`shadow`]). What breaks a rule becomes a
//! [`Finding`] under the name of the case that demands the rule; the switch's own protection still does its part behind.
//! One extension a process; several instances of it.

#![expect(unsafe_code, reason = "stands on both sides of the C ABI")]

mod host;
mod interfaces;
mod shadow;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use heddle_extension_api::abi::control::{
    EVENT_NIC_CONNECT, EVENT_NIC_CREATE, EVENT_NIC_DISCONNECT, EVENT_PORT_CREATE, EVENT_PORT_DELETE,
    EVENT_PORT_TEARDOWN, EVENT_SWITCH_ACTIVATE, Event,
};
use heddle_extension_api::abi::entry::ExtensionV1;
use heddle_extension_api::abi::host::Host;
use heddle_extension_api::abi::meta::ROLE_CAPTURE;
use heddle_extension_api::abi::status::{
    Bytes, E_FAILED, E_FORBIDDEN, E_FULL, E_GONE, E_INVALID, E_PANIC, ErrorText, OK,
};
use heddle_host::loader::Library;

use crate::board::{Finding, board};
use crate::guard::{Guarded, Holds};
pub(crate) use host::RIGHTS;
pub(crate) use interfaces::{ask, config_table, drops_table, sampling_table};
pub(crate) use shadow::Context;

static REAL: OnceLock<ExtensionV1> = OnceLock::new();
static ROLE: AtomicU8 = AtomicU8::new(0);
static INSTANCES: Mutex<Vec<Arc<Instance>>> = Mutex::new(Vec::new());
/// The extension's newest context.
static CONTEXT: AtomicUsize = AtomicUsize::new(0);

/// What the host does that it need not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Bits of [`host`]: functions that are refused.
    pub(crate) refuse: u32,
    /// Fills the user word with rubbish.
    pub(crate) rubbish: bool,
    /// Marks every fourth frame for native forwarding.
    pub(crate) native: bool,
    /// Minor of the ABI whose host table is offered.
    pub(crate) minor: Option<u32>,
    /// States that structs are longer than the extension knows.
    pub(crate) longer: bool,
}

const RUBBISH: u32 = 1;
const NATIVE: u32 = 2;
const LONGER: u32 = 4;

impl Manners {
    pub(crate) const POLITE: Manners = Manners { refuse: 0, rubbish: false, native: false, minor: None, longer: false };
}

pub(crate) fn set_manners(manners: Manners) {
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    let bits = bit(manners.rubbish, RUBBISH) | bit(manners.native, NATIVE) | bit(manners.longer, LONGER);
    let words = [manners.refuse, bits, manners.minor.map_or(0, |minor| minor + 1)];
    board().manners.iter().zip(words).for_each(|(place, word)| place.store(word, Ordering::Release));
}

pub(crate) fn manners() -> Manners {
    let [refuse, bits, minor] = board().manners.each_ref().map(|word| word.load(Ordering::Acquire));
    Manners {
        refuse,
        rubbish: bits & RUBBISH != 0,
        native: bits & NATIVE != 0,
        longer: bits & LONGER != 0,
        minor: minor.checked_sub(1),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a broken rule.
pub(crate) fn find(rule: &'static str, text: String) {
    board().find(rule, &text);
}

/// The first finding of a rule.
pub(crate) fn finding(rule: &str) -> Option<Finding> {
    board().findings().find(|finding| finding.rule == rule)
}

/// The rules that were broken so far.
pub(crate) fn rules_broken() -> Vec<&'static str> {
    board().findings().map(|finding| finding.rule).collect()
}

pub(crate) fn role() -> u8 {
    ROLE.load(Ordering::Relaxed)
}

/// What the extension is doing, for whoever ends the process.
const PHASES: [&str; 16] = [
    "nothing of its own",
    "create",
    "destroy",
    "worker_init",
    "worker_fini",
    "ingress",
    "egress",
    "worker_tick",
    "tick",
    "event",
    "interface",
    "sampled",
    "dropped",
    "configure",
    "a function of heddle.state/1",
    "a function of heddle.policy/1",
];

pub(crate) fn phase() -> &'static str {
    let at = board().phase.load(Ordering::Relaxed) as usize;
    PHASES.get(at).copied().unwrap_or("opening the file")
}

pub(crate) fn opening() {
    board().phase.store(u32::try_from(PHASES.len()).unwrap_or(0), Ordering::Relaxed);
}

struct Phase(u32);

impl Phase {
    fn enter(name: &str) -> Phase {
        let index = PHASES.iter().position(|phase| *phase == name).unwrap_or(0);
        Phase(board().phase.swap(u32::try_from(index).unwrap_or(0), Ordering::Relaxed))
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        board().phase.store(self.0, Ordering::Relaxed);
    }
}

thread_local! {
    /// Control functions of the extension under way on this thread.
    static CONTROL: Cell<u32> = const { Cell::new(0) };
}

/// Runs what calls a function of `heddle.state/1` itself, as a control call.
pub(crate) fn about_state<T>(call: impl FnOnce() -> T) -> T {
    let _control = InControl::enter("a function of heddle.state/1");
    call()
}

/// The same with a function of `heddle.policy/1`.
pub(crate) fn about_policies<T>(call: impl FnOnce() -> T) -> T {
    let _control = InControl::enter("a function of heddle.policy/1");
    call()
}

struct InControl {
    _phase: Phase,
}

impl InControl {
    fn enter(name: &str) -> InControl {
        CONTROL.with(|depth| depth.set(depth.get() + 1));
        InControl { _phase: Phase::enter(name) }
    }
}

impl Drop for InControl {
    fn drop(&mut self) {
        CONTROL.with(|depth| depth.set(depth.get() - 1));
    }
}

/// An instance of the extension.
pub(crate) struct Instance {
    real: Mutex<usize>,
    pub(crate) host: *const Host,
    memory: Guarded,
    pub(crate) known: Mutex<Known>,
}

// SAFETY: the pointers are the host's table, which outlives the instance, and the extension's instance, which the ABI
// lets any thread use.
unsafe impl Send for Instance {}
// SAFETY: as for `Send`; what changes is behind locks.
unsafe impl Sync for Instance {}

/// What the extension was told and has asked for.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) active: bool,
    pub(crate) connected: BTreeSet<u32>,
    /// Ports from their creation to their teardown.
    pub(crate) referable: BTreeSet<u32>,
    /// References taken and not given back, by port.
    pub(crate) references: BTreeMap<u32, u32>,
    pub(crate) gone: BTreeSet<u32>,
    pub(crate) groups: BTreeMap<u32, Vec<u32>>,
    pub(crate) reasons: BTreeSet<u16>,
    pub(crate) counters: BTreeSet<u32>,
    /// Drafts by handle: where their bytes end, 0 = not watched.
    pub(crate) drafts: BTreeMap<u64, usize>,
    /// Port of the frame that a draft is a clone of.
    pub(crate) cloned_from: BTreeMap<u64, u32>,
}

impl Instance {
    pub(crate) fn real(&self) -> *mut c_void {
        *lock(&self.real) as *mut c_void
    }
}

/// Drafts that were neither injected nor discarded.
pub(crate) fn live_drafts() -> u32 {
    if crate::board::is_shared() { board().drafts.load(Ordering::Acquire) } else { own_drafts() }
}

fn own_drafts() -> u32 {
    let of = |instance: &Arc<Instance>| lock(&instance.known).drafts.len();
    u32::try_from(lock(&INSTANCES).iter().map(of).sum::<usize>()).unwrap_or(u32::MAX)
}

/// Tells the process that runs the case how many there are.
fn tell_drafts() {
    if crate::board::is_shared() {
        board().drafts.store(own_drafts(), Ordering::Release);
    }
}

/// The instance whose host table has this context.
pub(crate) fn instance_of(context: *mut c_void) -> Option<Arc<Instance>> {
    let found = |instance: &&Arc<Instance>| {
        // SAFETY: the host's table lives as long as the instance.
        unsafe { (*instance.host).context == context }
    };
    lock(&INSTANCES).iter().find(found).cloned()
}

/// The extension's own newest context.
pub(crate) fn context() -> *mut c_void {
    CONTEXT.load(Ordering::Relaxed) as *mut c_void
}

/// The newest instance.
pub(crate) fn newest() -> Option<Arc<Instance>> {
    lock(&INSTANCES).last().cloned()
}

/// The extension called through this module.
pub(crate) fn library(library: &Library) -> Library {
    let real = *REAL.get_or_init(|| *library.entry());
    ROLE.store(library.facts().role, Ordering::Relaxed);
    library.through(ExtensionV1 {
        struct_size: u32::try_from(size_of::<ExtensionV1>()).unwrap_or(0),
        create: Some(create),
        destroy: Some(destroy),
        worker_init: real.worker_init.map(|_| worker_init as _),
        worker_fini: real.worker_fini.map(|_| worker_fini as _),
        ingress: real.ingress.map(|_| shadow::ingress as _),
        egress: real.egress.map(|_| shadow::egress as _),
        worker_tick: real.worker_tick.map(|_| shadow::worker_tick as _),
        tick: real.tick.map(|_| tick as _),
        // Whether it listens or not: what it was told is known from here.
        event: Some(event),
        interface: real.interface.map(|_| interfaces::interface as _),
        completed: real.completed.map(|_| completed as _),
        ..real
    })
}

pub(crate) fn real() -> &'static ExtensionV1 {
    REAL.get().unwrap_or_else(|| unreachable!("the table is there before the first call"))
}

/// Judges a status.
pub(crate) fn status(function: &str, code: i32) {
    match code {
        OK => {}
        E_PANIC => find("does-not-panic", format!("{function} panicked (status {E_PANIC})")),
        E_FAILED..=E_INVALID => find("calls-succeed", format!("{function} failed with status {code}")),
        other => find("status-known", format!("{function} returned {other}, which is no status code")),
    }
}

/// The words of a refusal, and whether they are any.
fn words(function: &str, error: &ErrorText) -> bool {
    let text = error.text.get(..error.length as usize);
    let good = text.is_some_and(|text| !text.is_empty() && std::str::from_utf8(text).is_ok());
    if !good {
        let text = format!("{function} refused without a text of 1 to 512 bytes of UTF-8 (length {})", error.length);
        find("refusals-have-words", text);
    }
    good
}

/// Length of the host table of a minor.
fn table_length(minor: u32) -> usize {
    match minor {
        0 => std::mem::offset_of!(Host, datagram_counts),
        1 => std::mem::offset_of!(Host, vlan_query),
        2 | 3 => std::mem::offset_of!(Host, inject_to),
        _ => size_of::<Host>(),
    }
}

unsafe extern "C" fn create(host: *const Host, config: Bytes, out: *mut *mut c_void, error: *mut ErrorText) -> i32 {
    let _control = InControl::enter("create");
    let manners = manners();
    // SAFETY: the host passes its table.
    let real_table = unsafe { *host };
    let memory = Guarded::new(Holds::Struct, 1, size_of::<Host>() + 256);
    let minor = manners.minor.unwrap_or(real_table.abi_minor);
    let length = if manners.longer { size_of::<Host>() + 64 } else { table_length(minor) };
    let mut table = host::watched(real_table);
    table.struct_size = u32::try_from(length).unwrap_or(0);
    table.abi_minor = if manners.longer { minor + 5 } else { minor };
    let place = memory.tail(0, length).cast::<Host>();
    let copied = length.min(size_of::<Host>());
    // SAFETY: the tail is `length` writable bytes, and `copied` is no more than either side has.
    unsafe { std::ptr::copy_nonoverlapping((&raw const table).cast::<u8>(), place.cast::<u8>(), copied) };
    let instance = Arc::new(Instance { real: Mutex::new(0), host, memory, known: Mutex::default() });
    lock(&INSTANCES).push(Arc::clone(&instance));
    let Some(function) = real().create else { return E_INVALID };
    let mut made = std::ptr::null_mut();
    let mut text = ErrorText::default();
    // SAFETY: the table, the configuration and the out pointers outlive the call; the table lives in `instance`.
    let code = unsafe { function(place, config, &raw mut made, &raw mut text) };
    if code == OK && !made.is_null() {
        *lock(&instance.real) = made as usize;
        // SAFETY: the host's out pointer. The reference is taken back in `destroy`.
        unsafe { *out = Arc::into_raw(instance).cast_mut().cast() };
        return OK;
    }
    forget(&instance);
    if code == OK {
        return OK;
    }
    words("create", &text);
    // SAFETY: the host's error text.
    unsafe { *error = text };
    code
}

fn forget(instance: &Arc<Instance>) {
    lock(&INSTANCES).retain(|one| !Arc::ptr_eq(one, instance));
}

/// The instance behind a pointer that the host got from `create`.
fn proxied<'a>(instance: *mut c_void) -> &'a Instance {
    // SAFETY: the host passes what `create` gave it, until `destroy`.
    unsafe { &*instance.cast::<Instance>() }
}

unsafe extern "C" fn destroy(instance: *mut c_void) {
    let _control = InControl::enter("destroy");
    // SAFETY: made by `into_raw` in `create`; `destroy` is called once.
    let instance = unsafe { Arc::from_raw(instance.cast::<Instance>().cast_const()) };
    if let Some(function) = real().destroy {
        // SAFETY: the extension's own instance, once.
        unsafe { function(instance.real()) };
    }
    forget(&instance);
    tell_drafts();
    let _keeps_the_table = &instance.memory;
}

unsafe extern "C" fn worker_init(instance: *mut c_void, worker: u32, out: *mut *mut c_void) -> i32 {
    let _control = InControl::enter("worker_init");
    let Some(function) = real().worker_init else { return E_INVALID };
    let mut made = std::ptr::null_mut();
    // SAFETY: the extension's own instance; the out pointer is to a local.
    let code = unsafe { function(proxied(instance).real(), worker, &raw mut made) };
    if code != OK {
        return code;
    }
    if made.is_null() {
        find("context-made", "worker_init returned success but no context".to_owned());
    }
    // SAFETY: `instance` came from `into_raw`, so the count may be raised for the context.
    let instance = unsafe {
        Arc::increment_strong_count(instance.cast::<Instance>().cast_const());
        Arc::from_raw(instance.cast::<Instance>().cast_const())
    };
    CONTEXT.store(made as usize, Ordering::Relaxed);
    // SAFETY: the host's out pointer. The box is taken back in `worker_fini`.
    unsafe { *out = Box::into_raw(Box::new(Context::new(made, instance))).cast() };
    OK
}

unsafe extern "C" fn worker_fini(instance: *mut c_void, context: *mut c_void) {
    let _control = InControl::enter("worker_fini");
    // SAFETY: made by `into_raw` in `worker_init`; ended once.
    let context = unsafe { Box::from_raw(context.cast::<Context>()) };
    if let Some(function) = real().worker_fini {
        // SAFETY: the extension's own context, once.
        unsafe { function(proxied(instance).real(), context.real) };
    }
}

unsafe extern "C" fn tick(instance: *mut c_void, now_ns: u64) -> i32 {
    let _control = InControl::enter("tick");
    let Some(function) = real().tick else { return OK };
    // SAFETY: the extension's own instance.
    let code = unsafe { function(proxied(instance).real(), now_ns) };
    status("tick", code);
    code
}

unsafe extern "C" fn event(instance: *mut c_void, event: *const Event, error: *mut ErrorText) -> i32 {
    let _control = InControl::enter("event");
    let instance = proxied(instance);
    // SAFETY: the host passes an event that lives for the call.
    let told = unsafe { *event };
    {
        let mut known = lock(&instance.known);
        match told.kind {
            EVENT_SWITCH_ACTIVATE => known.active = true,
            EVENT_PORT_CREATE => drop(known.referable.insert(told.port)),
            EVENT_PORT_TEARDOWN | EVENT_PORT_DELETE => drop(known.referable.remove(&told.port)),
            EVENT_NIC_CONNECT => drop(known.connected.insert(told.port)),
            EVENT_NIC_DISCONNECT => drop(known.connected.remove(&told.port)),
            _ => {}
        }
    }
    let mut text = ErrorText::default();
    let code = match real().event {
        // SAFETY: the extension's own instance; the event and the text outlive the call.
        Some(function) => unsafe { function(instance.real(), event, &raw mut text) },
        None => OK,
    };
    judge_event(instance, &told, code, &text);
    // SAFETY: the host's error text.
    unsafe { *error = text };
    code
}

unsafe extern "C" fn completed(instance: *mut c_void, event: *const Event, status: i32) {
    let _control = InControl::enter("event");
    if let Some(function) = real().completed {
        // SAFETY: the extension's own instance; the event outlives the call.
        unsafe { function(proxied(instance).real(), event, status) };
    }
}

fn judge_event(instance: &Instance, told: &Event, code: i32, text: &ErrorText) {
    let may_veto = matches!(told.kind, EVENT_PORT_CREATE | EVENT_NIC_CREATE);
    if code == E_PANIC {
        status("event", code);
    } else if code != OK && !may_veto {
        let rule = if told.kind > 1_000 { "unknown-events-pass" } else { "infallible-events-pass" };
        find(rule, format!("event {} was answered with status {code}; it cannot be refused", told.kind));
    } else if code != OK && role() == ROLE_CAPTURE {
        find("capture-does-not-veto", format!("event {} of port {} was refused", told.kind, told.port));
    } else if code != OK {
        words("event", text);
    }
    let mut known = lock(&instance.known);
    if told.kind == EVENT_PORT_DELETE {
        known.gone.insert(told.port);
    }
    if told.kind == EVENT_PORT_TEARDOWN && known.references.get(&told.port).is_some_and(|count| *count > 0) {
        find("references-given-back", format!("port {} is still referenced after its PORT_TEARDOWN", told.port));
    }
    if told.kind == EVENT_NIC_DISCONNECT
        && let Some((group, _)) = known.groups.iter().find(|(_, ports)| ports.contains(&told.port))
    {
        let text = format!("group {group} still has port {} after its NIC_DISCONNECT", told.port);
        find("group-forgets-disconnected", text);
    }
}

/// Gives an event of the caller's own making to the newest instance.
pub(crate) fn tell_raw(event_of: &Event) -> Option<i32> {
    let instance = newest()?;
    real().event?;
    let mut text = ErrorText::default();
    let raw = Arc::as_ptr(&instance).cast_mut().cast::<c_void>();
    // SAFETY: the instance is alive, the event and the text outlive the call.
    Some(unsafe { event(raw, event_of, &raw mut text) })
}

/// Whether it asks to be told how requests end.
pub(crate) fn hears_completions() -> bool {
    real().completed.is_some()
}

/// Tells the newest instance how an event of the caller's own making ended.
pub(crate) fn complete_raw(event_of: &Event, status: i32) {
    if let Some(instance) = newest() {
        let raw = Arc::as_ptr(&instance).cast_mut().cast::<c_void>();
        // SAFETY: the instance is alive, the event outlives the call.
        unsafe { completed(raw, event_of, status) };
    }
}

pub(crate) fn is_refusal(code: i32) -> bool {
    matches!(code, E_FORBIDDEN | E_FULL | E_GONE | E_INVALID)
}

/// Address space for the guarded memory of a child with seventeen workers.
pub(crate) const RESERVED: usize = 20 * shadow::ADDRESSES;
