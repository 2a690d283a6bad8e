//! Nothing may be changed on egress by a filter: clone and inject on ingress.

use heddle_extension_api::FilterEgress;

fn egress(batch: &mut FilterEgress<'_>) {
    for frame in batch.packets() {
        let _ = frame.make_writable();
    }
}

fn main() {
    let _ = egress;
}
