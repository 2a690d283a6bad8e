//! A filter may not choose a NIC of the external team.

use heddle_extension_api::{FilterIngress, NicIndex, PortId};

fn ingress(batch: &mut FilterIngress<'_>, port: PortId, nic: NicIndex) {
    for frame in batch.packets() {
        frame.to_nic(port, nic);
    }
}

fn main() {
    let _ = ingress;
}
