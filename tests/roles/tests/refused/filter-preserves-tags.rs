//! A filter may not have deliveries keep their tag.

use heddle_extension_api::{FilterIngress, Preserve};

fn ingress(batch: &mut FilterIngress<'_>) {
    for mut frame in batch.packets() {
        frame.preserve(Preserve { vlan: true, priority: false });
    }
}

fn main() {
    let _ = ingress;
}
