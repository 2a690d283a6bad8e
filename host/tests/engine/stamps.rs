//! Two filters linked into this test that each write their letter at the end of a frame: the first takes the last byte but
//! one, the second the last. Key `lines`: how many lines to log when made.

use heddle_extension_api::rights;
use heddle_extension_api::{
    Capabilities, Config, Control, CreateError, FilterExtension, FilterIngress, FilterWorker, Level, WorkerId,
    export_extension,
};

pub(crate) const STAMP_A: &str = "org.heddle.test.stamp-a";
pub(crate) const STAMP_B: &str = "org.heddle.test.stamp-b";

struct Stamp<const LETTER: u8>;

impl<const LETTER: u8> FilterExtension for Stamp<LETTER> {
    type Worker = Stamp<LETTER>;
    const HAS_EVENT: bool = false;
    const HAS_TICK: bool = false;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        for line in 0..config.parse::<u32>("lines")?.unwrap_or(0) {
            host.log(Level::Warn, &format!("line {line}"));
        }
        Ok(Stamp)
    }

    fn worker(&mut self, _: WorkerId) -> Result<Self, CreateError> {
        Ok(Stamp)
    }
}

impl<const LETTER: u8> FilterWorker for Stamp<LETTER> {
    const HAS_EGRESS: bool = false;
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        for frame in batch.packets() {
            let Ok(mut frame) = frame.make_writable() else { continue };
            if let [.., first, last] = frame.bytes_mut() {
                let place = if first.is_ascii_uppercase() { last } else { first };
                *place = LETTER;
            }
        }
    }
}

mod a {
    use super::*;
    export_extension!(built_in filter Stamp<b'A'> {
        id: "org.heddle.test.stamp-a", name: "Test: stamp A", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::MODIFY,
    });
}

mod b {
    use super::*;
    export_extension!(built_in filter Stamp<b'B'> {
        id: "org.heddle.test.stamp-b", name: "Test: stamp B", vendor: "The Heddle developers", version: "1",
        capabilities: Capabilities::MODIFY,
    });
}

inventory::submit! { heddle_host::loader::BuiltIn { exported: &a::EXPORTED } }
inventory::submit! { heddle_host::loader::BuiltIn { exported: &b::EXPORTED } }
