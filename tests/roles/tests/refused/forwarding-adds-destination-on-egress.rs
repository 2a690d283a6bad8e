//! Destinations are added on ingress only.

use heddle_extension_api::{ForwardEgress, PortId};

fn egress(batch: &mut ForwardEgress<'_>, port: PortId) {
    for frame in batch.packets() {
        frame.to_port(port);
    }
}

fn main() {
    let _ = egress;
}
