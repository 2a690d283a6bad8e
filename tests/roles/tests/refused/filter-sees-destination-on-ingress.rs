//! A filter does not see destinations on ingress: there are none yet.

use heddle_extension_api::FilterIngress;

fn ingress(batch: &mut FilterIngress<'_>) {
    for frame in batch.packets() {
        let _ = frame.destination();
    }
}

fn main() {
    let _ = ingress;
}
