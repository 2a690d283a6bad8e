//! A capture extension may not name destinations for what it originates.

use heddle_extension_api::{Observed, PortId};

fn ingress(batch: &mut Observed<'_>, port: PortId) {
    if let Ok(draft) = batch.originate(60) {
        let _ = draft.inject_to_port(None, port);
    }
}

fn main() {
    let _ = ingress;
}
