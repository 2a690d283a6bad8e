//! What goes wrong: panics, null pointers, bad configuration, hosts that are older or gone.

use std::ptr;
use std::sync::Mutex;

use heddle_extension_api::abi::host::Host;
use heddle_extension_api::abi::packet::LEG_INGRESS;
use heddle_extension_api::abi::status::{Bytes, ERROR_TEXT_LEN, E_CONFIG, E_FAILED, E_FULL, E_INVALID, E_PANIC, OK};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::{create, Instance};

/// Panics where the configuration says.
struct Panics {
    place: String,
    handle: HostHandle,
}

struct Worker {
    place: String,
    handle: HostHandle,
}

/// Handles that outlive their instance, which an extension should not but can do.
static LEAKED: Mutex<Vec<HostHandle>> = Mutex::new(Vec::new());

fn at(place: &str, here: &str) {
    if place == here {
        panic!("told to panic in {here}");
    }
}

impl FilterExtension for Panics {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["place", "text"])?;
        if let Some(text) = config.get("text") {
            return Err(CreateError::Failed(text.to_owned()));
        }
        let place: String = config.require("place")?;
        at(&place, "create");
        if place == "drop-reason" {
            host.register_drop_reason("x", "x")?;
        }
        Ok(Panics { place, handle: host.handle() })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        at(&self.place, "worker_init");
        if self.place == "worker-refused" {
            return Err(CreateError::Failed("no room for a worker".to_owned()));
        }
        Ok(Worker { place: self.place.clone(), handle: self.handle.clone() })
    }

    fn event(&mut self, _: &Control<'_, rights::Filter>, _: &Event<'_>) -> Result<(), Veto> {
        at(&self.place, "event");
        Ok(())
    }

    fn tick(&mut self, _: &Control<'_, rights::Filter>, _: u64) {
        at(&self.place, "tick");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        if self.place == "leak" {
            LEAKED.lock().unwrap().push(self.handle.clone());
        }
        at(&self.place, "destroy");
    }
}

impl FilterWorker for Worker {
    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        at(&self.place, "ingress");
        if self.place == "older-host" {
            let error = batch.originate(60).map(|_| ()).unwrap_err();
            self.handle.log(Level::Warn, &error.to_string());
        }
    }

    fn egress(&mut self, _: &mut FilterEgress<'_>) {
        at(&self.place, "egress");
    }

    fn worker_tick(&mut self, _: &Call<'_, rights::FilterIn>) {
        at(&self.place, "worker_tick");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        at(&self.place, "worker_fini");
    }
}

export_extension!(built_in filter Panics { id: "org.heddle.test.panics", name: "Panics", vendor: "Tests", version: "1" });

fn check_panic(place: &str, call: impl FnOnce(&FakeHost, &Instance) -> Option<i32>) {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, &format!("place={place}"));
    if let Some(status) = call(&host, &instance) {
        assert_eq!(status, E_PANIC, "{place}");
    }
    instance.end();
    let expected = format!("panicked in `{place}`: told to panic in {place}");
    assert_eq!(host.state().log, [(1, expected)], "{place}");
}

#[test]
fn panics_end_at_the_border() {
    let batch = |host: &FakeHost| host.lend(&[], LEG_INGRESS, false);
    check_panic("ingress", |host, instance| Some(instance.ingress(&mut batch(host).batch)));
    check_panic("egress", |host, instance| Some(instance.egress(&mut batch(host).batch)));
    check_panic("worker_tick", |host, instance| Some(instance.worker_tick(&mut batch(host).batch)));
    check_panic("tick", |_, instance| Some(instance.tick()));
    check_panic("event", |_, instance| Some(instance.event(1, 0, ptr::null()).0));
    check_panic("worker_fini", |_, _| None);
    check_panic("destroy", |_, _| None);
}

#[test]
fn panics_in_creation_are_refusals() {
    let host = FakeHost::new();
    let (status, text) = create(EXPORTED, &host, b"place=create").unwrap_err();
    assert_eq!((status, text.as_str()), (E_PANIC, "the extension panicked; the log has its message"));
    assert_eq!(host.state().log[0].1, "panicked in `create`: told to panic in create");

    for (place, expected) in [("worker_init", E_PANIC), ("worker-refused", E_FAILED)] {
        let instance = create(EXPORTED, &host, format!("place={place}").as_bytes()).unwrap();
        let mut context = ptr::null_mut();
        // SAFETY: the instance was just made and is ended here.
        unsafe {
            assert_eq!(EXPORTED.entry.worker_init.unwrap()(instance, 0, &mut context), expected);
            EXPORTED.entry.destroy.unwrap()(instance);
        }
        assert!(context.is_null());
    }
    assert!(host.state().log.iter().any(|(_, line)| line == "worker 0: no room for a worker"));
}

#[test]
fn creation_says_why_it_refuses() {
    let host = FakeHost::new();
    let refusal = |config: &[u8]| create(EXPORTED, &host, config).unwrap_err();
    assert_eq!(refusal(b""), (E_CONFIG, "`place` is missing; add a line place=VALUE".to_owned()));
    assert_eq!(refusal(b"plaec=x"), (E_CONFIG, "unknown key `plaec`; the keys are place, text".to_owned()));
    assert_eq!(refusal(b"place"), (E_CONFIG, "line 1: `place` is not of the form key=value".to_owned()));
    assert_eq!(refusal(b"place=\xff").0, E_CONFIG);
    assert_eq!(refusal(b"text=no licence"), (E_FAILED, "no licence".to_owned()));
    host.refuse("drop_reason_register", E_FULL);
    let (status, text) = refusal(b"place=drop-reason");
    assert_eq!((status, text.as_str()), (E_FAILED, "the host refused `drop_reason_register`: a limit is reached"));
}

#[test]
fn long_error_texts_are_cut_at_a_character() {
    let host = FakeHost::new();
    let (_, text) = create(EXPORTED, &host, format!("text=a{}", "é".repeat(400)).as_bytes()).unwrap_err();
    assert_eq!(text, format!("a{}", "é".repeat((ERROR_TEXT_LEN - 1) / 2)));
}

#[test]
fn null_pointers_are_refused() {
    let host = FakeHost::new();
    let table = EXPORTED.entry;
    let instance = Instance::new(EXPORTED, &host, "place=nowhere");
    let mut lent = host.lend(&[], LEG_INGRESS, false);
    let none = Bytes { data: ptr::null(), length: 0 };
    let mut out = ptr::null_mut();
    // SAFETY: every pointer is null or valid for its call.
    unsafe {
        assert_eq!(table.create.unwrap()(ptr::null(), none, &mut out, ptr::null_mut()), E_INVALID);
        assert_eq!(table.create.unwrap()(&*host.table, none, ptr::null_mut(), ptr::null_mut()), E_INVALID);
        assert_eq!(table.create.unwrap()(&*host.table, none, &mut out, ptr::null_mut()), E_CONFIG);
        assert_eq!(table.worker_init.unwrap()(ptr::null_mut(), 0, &mut out), E_INVALID);
        assert_eq!(table.worker_init.unwrap()(instance.instance, 0, ptr::null_mut()), E_INVALID);
        for call in [table.ingress, table.egress] {
            assert_eq!(call.unwrap()(ptr::null_mut(), &mut lent.batch), E_INVALID);
            assert_eq!(call.unwrap()(instance.context, ptr::null_mut()), E_INVALID);
        }
        assert_eq!(table.worker_tick.unwrap()(ptr::null_mut(), &mut lent.batch), E_INVALID);
        assert_eq!(table.tick.unwrap()(ptr::null_mut(), 0), E_INVALID);
        assert_eq!(table.event.unwrap()(instance.instance, ptr::null(), ptr::null_mut()), E_INVALID);
        table.worker_fini.unwrap()(instance.instance, ptr::null_mut());
        table.destroy.unwrap()(ptr::null_mut());
    }
    assert!(out.is_null());
    instance.end();
}

#[test]
fn functions_an_older_host_lacks_are_not_offered() {
    let mut host = FakeHost::new();
    // Everything from `send_datagram` on is behind the end.
    host.table.struct_size = offset_in_host("send_datagram");
    let instance = Instance::new(EXPORTED, &host, "place=older-host");
    let mut lent = host.lend(&[], LEG_INGRESS, false);
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    let expected = "the host refused `originate`: this host is older and does not offer it";
    assert_eq!(host.state().log, [(2, expected.to_owned())]);
    instance.end();
}

fn offset_in_host(field: &str) -> u32 {
    let named = |row: &&heddle_extension_api::abi::layout::LayoutRow| row.field.starts_with(field.as_bytes());
    Host::LAYOUT.iter().find(named).unwrap().offset
}

#[test]
fn a_handle_that_outlives_its_instance_reaches_nothing() {
    let host = FakeHost::new();
    Instance::new(EXPORTED, &host, "place=leak").end();
    let handle = LEAKED.lock().unwrap().pop().unwrap();
    let address: DatagramAddress = "192.0.2.1:1".parse().unwrap();
    let elsewhere = std::thread::spawn(move || {
        handle.log(Level::Info, "too late");
        handle.send_datagram(&address, b"too late").unwrap_err()
    });
    assert_eq!(elsewhere.join().unwrap().refusal, Refusal::Gone);
    assert!(host.state().log.is_empty());
    assert!(host.state().datagrams.is_empty());
}
