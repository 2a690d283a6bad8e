//! A filter may not decide where frames go.

use heddle_extension_api::{FilterIngress, PortId};

fn ingress(batch: &mut FilterIngress<'_>, port: PortId) {
    for frame in batch.packets() {
        frame.to_port(port);
    }
}

fn main() {
    let _ = ingress;
}
