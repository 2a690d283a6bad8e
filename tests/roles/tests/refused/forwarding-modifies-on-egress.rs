//! Nothing may be changed on egress by a forwarding extension: clone and inject on ingress.

use heddle_extension_api::ForwardEgress;

fn egress(batch: &mut ForwardEgress<'_>) {
    for frame in batch.packets() {
        let _ = frame.make_writable();
    }
}

fn main() {
    let _ = egress;
}
