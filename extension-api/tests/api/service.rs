//! The service role, and what an export contains.

use heddle_extension_api::abi::control::EVENT_SWITCH_ACTIVATE;
use heddle_extension_api::abi::meta::{ABI_MAJOR, CAPABILITY_OFFLOAD_FACTS, LITTLE_ENDIAN, MAGIC, ROLE_SERVICE};
use heddle_extension_api::abi::status::OK;
use heddle_extension_api::abi::{LAYOUT, LAYOUT_ROWS};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::create;

struct Offload;

impl ServiceExtension for Offload {
    const HAS_TICK: bool = false;

    fn create(_: &Control<'_, rights::Service>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&[])?;
        Ok(Offload)
    }

    fn event(&mut self, host: &Control<'_, rights::Service>, event: &Event<'_>) {
        host.log(Level::Info, &format!("{:?} {}", event.kind(), event.nic().get()));
    }
}

export_extension!(built_in service Offload {
    id: "org.heddle.test.offload", name: "Offload", vendor: "Tests", version: "1.0.0",
    capabilities: Capabilities::OFFLOAD_FACTS,
});

#[test]
fn a_service_has_no_data_path() {
    let table = EXPORTED.entry;
    assert!(table.create.is_some() && table.destroy.is_some() && table.event.is_some());
    assert!(table.worker_init.is_none() && table.worker_fini.is_none() && table.worker_tick.is_none());
    assert!(table.ingress.is_none() && table.egress.is_none() && table.tick.is_none() && table.interface.is_none());
}

#[test]
fn a_service_hears_events() {
    let host = FakeHost::new();
    let instance = create(EXPORTED, &host, b"").unwrap();
    let driven = crate::instance::Instance { exported: EXPORTED, instance, context: std::ptr::null_mut() };
    assert_eq!(driven.event(EVENT_SWITCH_ACTIVATE, 0, std::ptr::null()).0, OK);
    assert_eq!(host.state().log, [(3, "SwitchActivate 0".to_owned())]);
    // SAFETY: the last call with this pointer.
    unsafe { EXPORTED.entry.destroy.unwrap()(instance) };
}

#[test]
fn the_record_says_who_it_is() {
    let meta = EXPORTED.meta;
    let text = |field: &[u8]| String::from_utf8(field.iter().copied().take_while(|byte| *byte != 0).collect()).unwrap();
    assert_eq!((meta.magic, meta.record_size, meta.abi_major, meta.endianness), (MAGIC, 384, ABI_MAJOR, LITTLE_ENDIAN));
    assert_eq!((meta.role, meta.capabilities, meta.min_host_minor), (ROLE_SERVICE, CAPABILITY_OFFLOAD_FACTS, 0));
    assert_eq!((text(&meta.id), text(&meta.name)), ("org.heddle.test.offload".to_owned(), "Offload".to_owned()));
    assert_eq!((text(&meta.vendor), text(&meta.version)), ("Tests".to_owned(), "1.0.0".to_owned()));
    assert!(text(&meta.toolchain).starts_with("rustc 1."), "{}", text(&meta.toolchain));
    assert_eq!((meta.layout_rows as usize, EXPORTED.layout), (LAYOUT_ROWS, &LAYOUT[..]));
    assert!(format!("{:?}", EXPORTED).contains("layout_rows"));
}
