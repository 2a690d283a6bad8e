//! A filter may not name destinations for what it injects.

use heddle_extension_api::{FilterIngress, PortId};

fn ingress(batch: &mut FilterIngress<'_>, port: PortId) {
    if let Ok(draft) = batch.originate(60) {
        let _ = draft.inject_to_port(None, port);
    }
}

fn main() {
    let _ = ingress;
}
