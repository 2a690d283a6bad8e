//! A filter, linked into this test, that panics where its configuration says: on the data path at a frame for an address
//! that begins with 0xee, elsewhere when it is called. Frames of flow [`WRITTEN`] it makes writable first.

use heddle_extension_api::rights::Filter;
use heddle_extension_api::{
    Call, Capabilities, Config, ConfigKey, Control, CreateError, Event, Feature, FilterEgress, FilterExtension,
    FilterIngress, FilterWorker, Policy, PortId, Property, Status, StatusText, Veto, WorkerId, export_extension,
};

pub(crate) const VOLATILE: &str = "org.heddle.test.volatile";
/// Its only feature, on a switch.
pub(crate) const MOOD: &str = "org.heddle.test.mood";
/// Flow of the frames it makes writable.
pub(crate) const WRITTEN: u32 = 200;
/// What each of its panics says.
pub(crate) const WORDS: &str = "volatile: a panic was injected";

/// Where the flow of a numbered frame is.
const FLOW_AT: std::ops::Range<usize> = 46..50;

struct Volatile {
    at: String,
}

struct Context {
    at: String,
}

fn panic_if(injected: bool) {
    assert!(!injected, "{WORDS}");
}

impl FilterExtension for Volatile {
    type Worker = Context;

    fn create(_: &Control<'_, Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        let at = config.get("at").unwrap_or_default().to_owned();
        panic_if(at == "create");
        Ok(Volatile { at })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Context, CreateError> {
        panic_if(self.at == "worker_init");
        Ok(Context { at: self.at.clone() })
    }

    fn event(&mut self, _: &Control<'_, Filter>, event: &Event<'_>) -> Result<(), Veto> {
        let name = event.info().map(|info| info.name().into_owned());
        panic_if(self.at == "event" && name.is_some_and(|name| name.starts_with("trigger")));
        Ok(())
    }

    fn tick(&mut self, _: &Control<'_, Filter>, _: u64) {
        panic_if(self.at == "tick");
    }
}

impl Drop for Volatile {
    fn drop(&mut self) {
        panic_if(self.at == "destroy" && !std::thread::panicking());
    }
}

impl Status<Filter> for Volatile {
    const FEATURES: &'static [Feature] =
        &[Feature::new(MOOD, "says how it feels", &[ConfigKey::integer("level", "", "1", (0, 9), "how much")])
            .on_switch()];

    fn status(&mut self, _: &Control<'_, Filter>, _: &str, _: Option<PortId>, _: &mut StatusText) -> bool {
        panic_if(self.at == "status");
        false
    }
}

impl Policy<Filter> for Volatile {
    fn property(&mut self, _: &Control<'_, Filter>, _: &Property<'_>) -> Result<(), Veto> {
        panic_if(self.at == "property");
        Ok(())
    }
}

impl FilterWorker for Context {
    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        let mut injected = false;
        for frame in batch.packets() {
            let bytes = frame.bytes();
            injected |= bytes.first() == Some(&0xee);
            if bytes.get(FLOW_AT) != Some(&WRITTEN.to_be_bytes()) {
                continue;
            }
            if let Ok(mut writable) = frame.make_writable() {
                // With what is there already: it may arrive.
                writable.bytes_mut().iter_mut().skip(58).for_each(|byte| *byte = 0);
            }
        }
        panic_if(self.at == "ingress" && injected);
    }

    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        let injected = batch.packets().any(|frame| frame.bytes().first() == Some(&0xee));
        panic_if(self.at == "egress" && injected);
    }

    fn worker_tick(&mut self, _: &Call<'_, heddle_extension_api::rights::FilterIn>) {
        panic_if(self.at == "worker_tick");
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        panic_if(self.at == "worker_fini" && !std::thread::panicking());
    }
}

export_extension!(built_in filter Volatile {
    id: "org.heddle.test.volatile", name: "Test: volatile", vendor: "The Heddle developers", version: "1",
    capabilities: Capabilities::NONE, interfaces: [policy],
});

inventory::submit! { heddle_host::loader::BuiltIn { exported: &EXPORTED } }
