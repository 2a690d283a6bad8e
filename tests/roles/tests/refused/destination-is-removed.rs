//! A committed destination cannot be taken back: a verdict takes the frame.

use heddle_extension_api::{DropReason, ForwardIngress, PortId};

fn ingress(batch: &mut ForwardIngress<'_>, port: PortId, reason: DropReason) {
    for frame in batch.packets() {
        frame.to_port(port);
        frame.drop(reason);
    }
}

fn main() {
    let _ = ingress;
}
