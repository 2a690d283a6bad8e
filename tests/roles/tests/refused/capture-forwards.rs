//! A capture extension may not decide where a frame goes.

use heddle_extension_api::{Observed, PortId};

fn ingress(batch: &mut Observed<'_>, port: PortId) {
    for frame in batch.packets() {
        frame.to_port(port);
    }
}

fn main() {
    let _ = ingress;
}
