//! Extensions linked into this test: one that counts its own lives, one that panics when told to, one that forwards
//! nothing and refuses ports called `forbidden` and the adapters of ports called `forbidden-nic`.
//!
//! They are built in, so that the test sees their statics; they pass the same door as a `.so`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use heddle_extension_api::rights;
use heddle_extension_api::{
    Capabilities, Config, Control, CreateError, FilterEgress, FilterExtension, FilterIngress, FilterWorker, WorkerId,
    export_extension,
};

/// Instances and worker contexts of [`counted`] that exist, and how many there were.
pub(crate) static INSTANCES: AtomicI64 = AtomicI64::new(0);
pub(crate) static CONTEXTS: AtomicI64 = AtomicI64::new(0);
pub(crate) static CREATED: AtomicU64 = AtomicU64::new(0);

pub(crate) const COUNTED: &str = "org.heddle.test.counted";
pub(crate) const PANICS: &str = "org.heddle.test.panics";
pub(crate) const RELUCTANT: &str = "org.heddle.test.reluctant";

/// A filter that counts how many of it there are.
mod counted {
    use super::*;

    struct Counted;

    impl FilterExtension for Counted {
        type Worker = Context;
        const HAS_EVENT: bool = false;
        const HAS_TICK: bool = false;

        fn create(_host: &Control<'_, rights::Filter>, _config: &Config<'_>) -> Result<Self, CreateError> {
            INSTANCES.fetch_add(1, Ordering::SeqCst);
            CREATED.fetch_add(1, Ordering::SeqCst);
            Ok(Counted)
        }

        fn worker(&mut self, _worker: WorkerId) -> Result<Context, CreateError> {
            CONTEXTS.fetch_add(1, Ordering::SeqCst);
            Ok(Context)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            INSTANCES.fetch_sub(1, Ordering::SeqCst);
        }
    }

    struct Context;

    impl FilterWorker for Context {
        const HAS_WORKER_TICK: bool = false;
        fn ingress(&mut self, _batch: &mut FilterIngress<'_>) {}
        fn egress(&mut self, _batch: &mut FilterEgress<'_>) {}
    }

    impl Drop for Context {
        fn drop(&mut self) {
            CONTEXTS.fetch_sub(1, Ordering::SeqCst);
        }
    }

    export_extension!(built_in filter Counted {
        id: "org.heddle.test.counted", name: "Test: counted", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::NONE,
    });
}

/// A filter that panics in the function its configuration names, at the first frame whose first byte is 0xee.
mod panics {
    use super::*;

    struct Panics {
        at: String,
    }

    struct Context {
        at: String,
    }

    impl FilterExtension for Panics {
        type Worker = Context;
        const HAS_EVENT: bool = false;

        fn create(_host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
            let at = config.get("at").unwrap_or("ingress").to_owned();
            assert_ne!(at, "create", "a test extension panics in create");
            Ok(Panics { at })
        }

        fn worker(&mut self, _worker: WorkerId) -> Result<Context, CreateError> {
            assert_ne!(self.at, "worker", "a test extension panics in worker_init");
            Ok(Context { at: self.at.clone() })
        }

        fn tick(&mut self, _host: &Control<'_, rights::Filter>, _now_ns: u64) {
            assert_ne!(self.at, "tick", "a test extension panics in tick");
        }
    }

    impl FilterWorker for Context {
        const HAS_WORKER_TICK: bool = false;

        fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
            for frame in batch.packets() {
                assert!(self.at != "ingress" || frame.bytes().first() != Some(&0xee), "a test extension panics");
            }
        }

        fn egress(&mut self, batch: &mut FilterEgress<'_>) {
            for frame in batch.packets() {
                assert!(self.at != "egress" || frame.bytes().first() != Some(&0xee), "a test extension panics");
            }
        }
    }

    export_extension!(built_in filter Panics {
        id: "org.heddle.test.panics", name: "Test: panics", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::NONE,
    });
}

/// A forwarding extension without decisions that refuses ports called `forbidden`.
mod reluctant {
    use super::*;
    use heddle_extension_api::{Event, EventKind, ForwardIngress, ForwardingExtension, ForwardingWorker, Veto};

    struct Reluctant;
    struct Context;

    impl ForwardingExtension for Reluctant {
        type Worker = Context;
        const HAS_TICK: bool = false;

        fn create(_host: &Control<'_, rights::Forwarding>, _config: &Config<'_>) -> Result<Self, CreateError> {
            Ok(Reluctant)
        }

        fn worker(&mut self, _worker: WorkerId) -> Result<Context, CreateError> {
            Ok(Context)
        }

        fn event(&mut self, _host: &Control<'_, rights::Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
            let name = match event.kind() {
                EventKind::PortCreate => "forbidden",
                EventKind::NicCreate => "forbidden-nic",
                _ => return Ok(()),
            };
            let forbidden = event.info().is_some_and(|info| info.name() == name);
            if forbidden { Err(Veto::new("no port of that name here")) } else { Ok(()) }
        }
    }

    impl ForwardingWorker for Context {
        const HAS_WORKER_TICK: bool = false;
        fn ingress(&mut self, _batch: &mut ForwardIngress<'_>) {}
    }

    export_extension!(built_in forwarding Reluctant {
        id: "org.heddle.test.reluctant", name: "Test: reluctant", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::NONE,
    });
}

inventory::submit! { heddle_host::loader::BuiltIn { exported: &reluctant::EXPORTED } }
inventory::submit! { heddle_host::loader::BuiltIn { exported: &counted::EXPORTED } }
inventory::submit! { heddle_host::loader::BuiltIn { exported: &panics::EXPORTED } }
