//! Registering and references belong to control calls; a worker call has none of them.

use heddle_extension_api::{FilterIngress, PortId};

fn ingress(batch: &mut FilterIngress<'_>, port: PortId) {
    let _ = batch.reference_port(port);
}

fn main() {
    let _ = ingress;
}
