//! A forwarding extension decides destinations on ingress; there are none to see before.

use heddle_extension_api::ForwardIngress;

fn ingress(batch: &mut ForwardIngress<'_>) {
    for frame in batch.packets() {
        let _ = frame.destination();
    }
}

fn main() {
    let _ = ingress;
}
