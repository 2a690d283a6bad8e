//! A filter may not send a delivery elsewhere.

use heddle_extension_api::{FilterEgress, PortId};

fn egress(batch: &mut FilterEgress<'_>, port: PortId) {
    for frame in batch.packets() {
        frame.to_port(port);
    }
}

fn main() {
    let _ = egress;
}
